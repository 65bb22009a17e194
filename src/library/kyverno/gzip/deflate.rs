//! Bytes to deflated data, as Go's `compress/flate` writes them at its default level: the same matches, blocks and codes.

use super::bits::{BitWriter, Code};
use super::huffman::codes;
use super::inflate::ORDER;
use super::output::Output;
use crate::budget::{Budget, Fault};

const WINDOW: usize = 1 << 15;
const LEAST_MATCH: usize = 4;
const LONGEST_MATCH: usize = 258;
/// How many tokens a block has at most.
const BLOCK: usize = 1 << 14;
/// How long a block of plain bytes is at most.
const LONGEST_STORED: usize = 65_535;
const HASH_BITS: u32 = 17;

// What level 6 means: how hard to look for a match.
const LAZY: usize = 16;
const NICE: usize = 128;
const CHAIN: usize = 128;

const END_OF_BLOCK: usize = 256;
const FIRST_LENGTH: usize = 257;
const LITERALS: usize = 286;
const DISTANCES: usize = 30;

/// The lengths, less three, with which the codes for lengths begin.
const LENGTH_BASES: [usize; 29] = [
    0, 1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 14, 16, 20, 24, 28, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192,
    224, 255,
];

/// The distances, less one, with which the codes for distances begin.
const DISTANCE_BASES: [usize; 30] = [
    0, 1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1_024, 1_536, 2_048,
    3_072, 4_096, 6_144, 8_192, 12_288, 16_384, 24_576,
];

fn length_bits(code: usize) -> u32 {
    if (8..28).contains(&code) { u32::try_from((code >> 2).saturating_sub(1)).unwrap_or_default() } else { 0 }
}

fn distance_bits(code: usize) -> u32 {
    if code < 4 { 0 } else { u32::try_from((code >> 1).saturating_sub(1)).unwrap_or_default() }
}

/// The code whose range holds `value`, and how far into it.
fn code_of(bases: &[usize], value: usize) -> (usize, u32) {
    let code = bases.partition_point(|base| *base <= value).saturating_sub(1);
    let base = bases.get(code).copied().unwrap_or_default();
    (code, u32::try_from(value.saturating_sub(base)).unwrap_or_default())
}

/// A byte, or a copy of earlier ones: its length less three and its distance less one.
#[derive(Clone, Copy, Debug)]
enum Token {
    Literal(u8),
    Match(usize, usize),
}

/// Writes `bytes` deflated.
///
/// # Errors
/// The budget is spent.
pub(super) fn deflate(budget: &mut Budget, bytes: &[u8], out: &mut Output<'_>) -> Result<(), Fault> {
    // Nothing is written to most of the tables of a short text.
    let tables = (1_usize << HASH_BITS).saturating_add(WINDOW).saturating_mul(size_of::<usize>());
    budget.charge_bytes(tables.saturating_add(BLOCK.saturating_mul(size_of::<Token>())))?;
    budget.charge(400)?;
    let mut packer = Packer {
        bytes,
        base: 0,
        end: bytes.len().min(WINDOW.saturating_mul(2)),
        at: 0,
        block_start: Some(0),
        tokens: Vec::new(),
        heads: vec![0; 1 << HASH_BITS],
        previous: vec![0; WINDOW],
        work: 0,
        writer: Writer { out: BitWriter::new(out) },
    };
    packer.run(budget)?;
    packer.writer.stored(budget, &[], true)?;
    packer.writer.out.flush(budget)
}

struct Packer<'b, 'o, 'a> {
    bytes: &'b [u8],
    /// Where the window begins.
    base: usize,
    /// Where it ends.
    end: usize,
    /// The place that is looked at.
    at: usize,
    /// Where the block begins; none if that has left the window, so that it cannot be stored as it is.
    block_start: Option<usize>,
    tokens: Vec<Token>,
    /// For each hash, one more than the last place that has it.
    heads: Vec<usize>,
    /// For each place of the window, one more than the place before it with the same hash.
    previous: Vec<usize>,
    /// What is not yet charged, in sixteenths of a step.
    work: u64,
    writer: Writer<'o, 'a>,
}

impl Packer<'_, '_, '_> {
    fn run(&mut self, budget: &mut Budget) -> Result<(), Fault> {
        let (mut length, mut distance) = (LEAST_MATCH - 1, 0);
        let mut pending = false;
        loop {
            let mut ahead = self.end.saturating_sub(self.at);
            if ahead < LEAST_MATCH + LONGEST_MATCH && self.end < self.bytes.len() {
                self.slide();
                ahead = self.end.saturating_sub(self.at);
            }
            self.pay(budget, 8)?;
            if ahead == 0 {
                if pending {
                    self.literal(self.at.saturating_sub(1));
                }
                if !self.tokens.is_empty() {
                    self.block(budget, self.at)?;
                }
                return Ok(());
            }
            let candidate = self.insert(self.at);
            let (length_before, distance_before) = (length, distance);
            (length, distance) = (LEAST_MATCH - 1, 0);
            let oldest = self.at.saturating_sub(WINDOW).max(self.base);
            if let Some(candidate) = candidate.filter(|candidate| *candidate >= oldest)
                && ahead > length_before
                && length_before < LAZY
                && let Some(found) = self.find(budget, candidate, ahead)?
            {
                (length, distance) = found;
            }
            if length_before >= LEAST_MATCH && length <= length_before {
                self.tokens
                    .push(Token::Match(length_before.saturating_sub(3), distance_before.saturating_sub(1)));
                let next = self.at.saturating_add(length_before).saturating_sub(1);
                self.pay(budget, 4_u64.saturating_mul(u64::try_from(length_before).unwrap_or_default()))?;
                for place in self.at.saturating_add(1)..next {
                    self.insert(place);
                }
                self.at = next.max(self.at.saturating_add(1));
                pending = false;
                length = LEAST_MATCH - 1;
                if self.tokens.len() == BLOCK {
                    self.block(budget, self.at)?;
                }
            } else {
                if pending {
                    self.literal(self.at.saturating_sub(1));
                    if self.tokens.len() == BLOCK {
                        self.block(budget, self.at)?;
                    }
                }
                self.at = self.at.saturating_add(1);
                pending = true;
            }
        }
    }

    fn pay(&mut self, budget: &mut Budget, work: u64) -> Result<(), Fault> {
        self.work = self.work.saturating_add(work);
        if self.work >= 1_024 {
            budget.charge(self.work >> 4)?;
            self.work = 0;
        }
        Ok(())
    }

    fn literal(&mut self, at: usize) {
        self.tokens.push(Token::Literal(self.bytes.get(at).copied().unwrap_or_default()));
    }

    /// Moves the window on by half of it.
    fn slide(&mut self) {
        let base = self.base.saturating_add(WINDOW);
        self.block_start = self.block_start.filter(|start| *start >= base);
        self.base = base;
        self.end = self.bytes.len().min(base.saturating_add(WINDOW.saturating_mul(2)));
    }

    /// Enters a place under the hash of the four bytes there; gives the place before it with the same hash. The last
    /// three places of the window have none.
    fn insert(&mut self, at: usize) -> Option<usize> {
        let end = at.saturating_add(LEAST_MATCH);
        let four: [u8; LEAST_MATCH] = self.bytes.get(..self.end)?.get(at..end)?.try_into().ok()?;
        let hash = u32::from_be_bytes(four).wrapping_mul(0x1e35_a7bd) >> (32 - HASH_BITS);
        let head = self.heads.get_mut(hash as usize)?;
        let before = *head;
        *head = at.saturating_add(1);
        *self.previous.get_mut(at & (WINDOW - 1))? = before;
        before.checked_sub(1)
    }

    /// The longest match for what is `ahead`, among the latest places with the same hash; a match of the least length
    /// counts only if it is near.
    fn find(
        &mut self,
        budget: &mut Budget,
        candidate: usize,
        ahead: usize,
    ) -> Result<Option<(usize, usize)>, Fault> {
        let longest = ahead.min(LONGEST_MATCH);
        let nice = longest.min(NICE);
        let oldest = self.at.saturating_sub(WINDOW).max(self.base);
        let wanted = self.bytes.get(self.at..self.at.saturating_add(longest)).unwrap_or_default();
        let mut best = (LEAST_MATCH - 1, 0);
        let (mut place, mut work) = (candidate, 0_usize);
        for _ in 0..CHAIN {
            work = work.saturating_add(2);
            let there = self.bytes.get(place..).unwrap_or_default();
            if there.get(best.0) == wanted.get(best.0) {
                let length = wanted.iter().zip(there).take_while(|(a, b)| a == b).count();
                work = work.saturating_add(length >> 2);
                let distance = self.at.saturating_sub(place);
                if length > best.0 && (length > LEAST_MATCH || distance <= 4_096) {
                    best = (length, distance);
                    if length >= nice {
                        break;
                    }
                }
            }
            if place.saturating_add(WINDOW) == self.at {
                // What was before it is overwritten.
                break;
            }
            let before = self.previous.get(place & (WINDOW - 1)).copied().unwrap_or_default();
            match before.checked_sub(1).filter(|before| *before >= oldest) {
                Some(before) => place = before,
                None => break,
            }
        }
        self.pay(budget, u64::try_from(work).unwrap_or(u64::MAX))?;
        Ok((best.1 > 0).then_some(best))
    }

    /// Writes the tokens as a block, which ends before `end`.
    fn block(&mut self, budget: &mut Budget, end: usize) -> Result<(), Fault> {
        // The codes and their writing.
        budget.charge(200)?;
        budget.charge(u64::try_from(self.tokens.len() >> 2).unwrap_or(u64::MAX))?;
        let plain = self.block_start.and_then(|start| self.bytes.get(start..end));
        self.block_start = Some(end);
        self.writer.block(budget, &self.tokens, plain)?;
        self.tokens.clear();
        Ok(())
    }
}

/// Writes blocks.
struct Writer<'o, 'a> {
    out: BitWriter<'o, 'a>,
}

/// The codes of a block.
struct Codes {
    literals: Vec<Code>,
    distances: Vec<Code>,
}

/// How often symbols come.
struct Counts {
    literals: [i64; LITERALS],
    distances: [i64; DISTANCES],
}

fn count(counts: &mut [i64], symbol: usize) {
    if let Some(count) = counts.get_mut(symbol) {
        *count = count.saturating_add(1);
    }
}

/// How many bits symbols take that come so often.
fn size(counts: &[i64], codes: &[Code]) -> i64 {
    let sizes = counts.iter().zip(codes).map(|(count, code)| count.saturating_mul(i64::from(code.length)));
    sizes.fold(0, i64::saturating_add)
}

/// How many symbols there are up to the last one that comes.
fn used(counts: &[i64]) -> usize {
    counts.iter().rposition(|count| *count != 0).map_or(0, |last| last.saturating_add(1))
}

fn fixed_codes() -> Codes {
    let code = |bits: usize, length: u32| Code {
        bits: (bits as u16).reverse_bits().wrapping_shr(16_u32.saturating_sub(length)),
        length,
    };
    let literals = (0..LITERALS).map(|symbol| match symbol {
        0..144 => code(symbol.saturating_add(48), 8),
        144..256 => code(symbol.saturating_add(256), 9),
        256..280 => code(symbol.saturating_sub(256), 7),
        _ => code(symbol.saturating_sub(88), 8),
    });
    Codes { literals: literals.collect(), distances: (0..DISTANCES).map(|symbol| code(symbol, 5)).collect() }
}

impl Writer<'_, '_> {
    /// A block of plain bytes.
    fn stored(&mut self, budget: &mut Budget, bytes: &[u8], last: bool) -> Result<(), Fault> {
        self.out.bits(budget, u32::from(last), 3)?;
        self.out.flush(budget)?;
        let length = u32::try_from(bytes.len()).unwrap_or_default();
        self.out.bits(budget, length, 16)?;
        self.out.bits(budget, length ^ 0xffff, 16)?;
        self.out.bytes(budget, bytes)
    }

    /// The tokens in whatever way takes the fewest bits; the bytes as they are only where they are known.
    fn block(&mut self, budget: &mut Budget, tokens: &[Token], plain: Option<&[u8]>) -> Result<(), Fault> {
        let mut counts = Counts { literals: [0; LITERALS], distances: [0; DISTANCES] };
        for token in tokens {
            match *token {
                Token::Literal(byte) => count(&mut counts.literals, usize::from(byte)),
                Token::Match(length, distance) => {
                    let (length, _) = code_of(&LENGTH_BASES, length);
                    count(&mut counts.literals, length.saturating_add(FIRST_LENGTH));
                    count(&mut counts.distances, code_of(&DISTANCE_BASES, distance).0);
                }
            }
        }
        count(&mut counts.literals, END_OF_BLOCK);
        let literals = used(&counts.literals);
        if used(&counts.distances) == 0 {
            // One distance, so that there is a code to write.
            count(&mut counts.distances, 0);
        }
        let distances = used(&counts.distances);
        let own = Codes { literals: codes(&counts.literals, 15), distances: codes(&counts.distances, 15) };
        let header = Header::new(own.literals.get(..literals), own.distances.get(..distances));
        let fixed = fixed_codes();
        // The bits behind the codes are the same in both; they count against plain bytes only.
        let extra = if plain.is_some() { extra_bits(&counts) } else { 0 };
        let total = |codes: &Codes| {
            size(&counts.literals, &codes.literals)
                .saturating_add(size(&counts.distances, &codes.distances))
                .saturating_add(extra)
        };
        let fixed_size = total(&fixed).saturating_add(3);
        let own_size = total(&own).saturating_add(header.size());
        if let Some(plain) = plain.filter(|plain| plain.len() <= LONGEST_STORED) {
            let stored = i64::try_from(plain.len().saturating_add(5).saturating_mul(8)).unwrap_or(i64::MAX);
            if stored < fixed_size.min(own_size) {
                return self.stored(budget, plain, false);
            }
        }
        if own_size < fixed_size {
            self.header(budget, &header, literals, distances)?;
            self.tokens(budget, tokens, &own)
        } else {
            self.out.bits(budget, 2, 3)?;
            self.tokens(budget, tokens, &fixed)
        }
    }

    fn header(
        &mut self,
        budget: &mut Budget,
        header: &Header,
        literals: usize,
        distances: usize,
    ) -> Result<(), Fault> {
        let number = |number: usize| u32::try_from(number).unwrap_or_default();
        self.out.bits(budget, 4, 3)?;
        self.out.bits(budget, number(literals.saturating_sub(FIRST_LENGTH)), 5)?;
        self.out.bits(budget, number(distances.saturating_sub(1)), 5)?;
        self.out.bits(budget, number(header.used.saturating_sub(4)), 4)?;
        for place in ORDER.iter().take(header.used) {
            let length = header.codes.get(*place).map_or(0, |code| code.length);
            self.out.bits(budget, length, 3)?;
        }
        for (symbol, extra) in &header.lengths {
            self.out.code(budget, header.codes.get(*symbol).copied().unwrap_or_default())?;
            self.out.bits(budget, *extra, Header::extra_bits(*symbol))?;
        }
        Ok(())
    }

    fn tokens(&mut self, budget: &mut Budget, tokens: &[Token], codes: &Codes) -> Result<(), Fault> {
        let literal = |symbol: usize| codes.literals.get(symbol).copied().unwrap_or_default();
        for token in tokens {
            match *token {
                Token::Literal(byte) => self.out.code(budget, literal(usize::from(byte)))?,
                Token::Match(length, distance) => {
                    let (length, into) = code_of(&LENGTH_BASES, length);
                    self.out.code(budget, literal(length.saturating_add(FIRST_LENGTH)))?;
                    self.out.bits(budget, into, length_bits(length))?;
                    let (distance, into) = code_of(&DISTANCE_BASES, distance);
                    self.out.code(budget, codes.distances.get(distance).copied().unwrap_or_default())?;
                    self.out.bits(budget, into, distance_bits(distance))?;
                }
            }
        }
        self.out.code(budget, literal(END_OF_BLOCK))
    }
}

/// The bits that follow the codes of lengths and distances.
fn extra_bits(counts: &Counts) -> i64 {
    let lengths = counts.literals.iter().skip(FIRST_LENGTH).zip(0..).map(|(n, code)| (n, length_bits(code)));
    let distances = counts.distances.iter().zip(0..).map(|(n, code)| (n, distance_bits(code)));
    let bits = lengths.chain(distances).map(|(count, bits)| count.saturating_mul(i64::from(bits)));
    bits.fold(0, i64::saturating_add)
}

/// The lengths of a block's codes as they are written before it: in runs, which have a code of their own.
struct Header {
    /// Lengths and runs, with what follows a run's code.
    lengths: Vec<(usize, u32)>,
    counts: [i64; 19],
    codes: Vec<Code>,
    /// How many of the lengths of those codes are written.
    used: usize,
}

impl Header {
    fn new(literals: Option<&[Code]>, distances: Option<&[Code]>) -> Header {
        let all = literals.unwrap_or_default().iter().chain(distances.unwrap_or_default());
        let all: Vec<u8> = all.map(|code| code.length as u8).collect();
        let mut lengths = Vec::new();
        for run in all.chunk_by(|a, b| a == b) {
            let length = usize::from(run.first().copied().unwrap_or_default());
            let mut left = run.len();
            if length != 0 {
                lengths.push((length, 0));
                left = left.saturating_sub(1);
            }
            // The code of a run, the least it stands for, and the most.
            let runs: &[(usize, usize, usize)] =
                if length != 0 { &[(16, 3, 6)] } else { &[(18, 11, 138), (17, 3, 10)] };
            for (code, least, most) in runs {
                while left >= *least {
                    let repeated = left.min(*most);
                    lengths.push((*code, u32::try_from(repeated.saturating_sub(*least)).unwrap_or_default()));
                    left = left.saturating_sub(repeated);
                }
            }
            lengths.extend((0..left).map(|_| (length, 0)));
        }
        let mut counts = [0; 19];
        for (symbol, _) in &lengths {
            count(&mut counts, *symbol);
        }
        let written = ORDER.iter().rposition(|place| counts.get(*place).is_some_and(|count| *count != 0));
        let used = written.map_or(4, |last| last.saturating_add(1).max(4));
        Header { codes: codes(&counts, 7), lengths, counts, used }
    }

    fn extra_bits(symbol: usize) -> u32 {
        match symbol {
            16 => 2,
            17 => 3,
            18 => 7,
            _ => 0,
        }
    }

    /// How many bits it takes, with the kind of block.
    fn size(&self) -> i64 {
        let runs = self.lengths.iter().map(|(symbol, _)| i64::from(Header::extra_bits(*symbol)));
        let lengths = i64::try_from(self.used.saturating_mul(3)).unwrap_or_default();
        runs.fold(size(&self.counts, &self.codes), i64::saturating_add)
            .saturating_add(lengths)
            .saturating_add(17)
    }
}

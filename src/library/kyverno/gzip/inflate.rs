//! Deflated data to bytes, as Go's `compress/flate` reads them: the same tables, so that damaged data are noticed at the
//! same byte.

use super::output::Output;
use crate::budget::{Budget, Fault};

/// Why unpacking ends before its end.
#[derive(Debug)]
pub(super) enum Stop {
    /// The data end too early.
    End,
    /// Go's text.
    Text(&'static str),
    /// What was read before this offset cannot be.
    Corrupt(usize),
    /// The budget is spent.
    Fault(Fault),
}

impl From<Fault> for Stop {
    fn from(fault: Fault) -> Stop {
        Stop::Fault(fault)
    }
}

/// The bytes to unpack, and the bits that were taken out of them.
#[derive(Debug)]
pub(super) struct Input<'i> {
    bytes: &'i [u8],
    at: usize,
    /// Where the deflated data begin: offsets are counted from there.
    start: usize,
    bits: u32,
    count: u32,
}

impl<'i> Input<'i> {
    pub(super) fn new(bytes: &'i [u8]) -> Input<'i> {
        Input { bytes, at: 0, start: 0, bits: 0, count: 0 }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.at >= self.bytes.len()
    }

    pub(super) fn at(&self) -> usize {
        self.at
    }

    pub(super) fn rest(&self) -> &'i [u8] {
        self.bytes.get(self.at..).unwrap_or_default()
    }

    pub(super) fn since(&self, start: usize) -> &'i [u8] {
        self.bytes.get(start..self.at).unwrap_or_default()
    }

    /// The next `length` bytes, if there are so many; if not, they are read all the same.
    pub(super) fn take(&mut self, length: usize) -> Option<&'i [u8]> {
        let taken = self.rest().get(..length);
        self.at = self.at.saturating_add(length).min(self.bytes.len());
        taken
    }

    /// The next bytes as a number, the lowest first.
    pub(super) fn number<const N: usize>(&mut self) -> Result<u64, Stop> {
        let bytes = self.take(N).ok_or(Stop::End)?;
        Ok(bytes.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte)))
    }

    fn corrupt(&self) -> Stop {
        Stop::Corrupt(self.at.saturating_sub(self.start))
    }

    fn more_bits(&mut self) -> Result<(), Stop> {
        let byte = *self.bytes.get(self.at).ok_or(Stop::End)?;
        self.at = self.at.saturating_add(1);
        self.bits |= u32::from(byte).wrapping_shl(self.count);
        self.count = self.count.saturating_add(8);
        Ok(())
    }

    /// The next `count` bits.
    fn bits(&mut self, count: u32) -> Result<usize, Stop> {
        while self.count < count {
            self.more_bits()?;
        }
        let mask = 1_u32.wrapping_shl(count).wrapping_sub(1);
        let taken = self.bits & mask;
        self.drop_bits(count);
        Ok(taken as usize)
    }

    fn drop_bits(&mut self, count: u32) {
        self.bits = self.bits.wrapping_shr(count);
        self.count = self.count.saturating_sub(count);
    }
}

/// How many bits the first table looks at.
const FIRST_BITS: u32 = 9;
const FIRST: usize = 1 << FIRST_BITS;
const LONGEST_CODE: usize = 15;
const END_OF_BLOCK: usize = 256;
const LITERALS: usize = 286;
const DISTANCES: usize = 30;
/// The order in which the lengths of the codes for lengths are written.
pub(super) const ORDER: [usize; 19] = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];

/// What a few bits stand for: a symbol and how many bits its code has, or another table to look into (more than
/// [`FIRST_BITS`] bits), or nothing (none).
#[derive(Clone, Copy, Debug, Default)]
struct Entry {
    bits: u32,
    symbol: usize,
}

/// A Huffman code to read with.
#[derive(Debug)]
struct Decoder {
    /// The length of the shortest code: so many bits are there for sure.
    shortest: u32,
    first: Vec<Entry>,
    links: Vec<Vec<Entry>>,
    link_mask: usize,
}

fn reversed(code: usize, bits: u32) -> usize {
    (code as u16).reverse_bits().wrapping_shr(16_u32.saturating_sub(bits)) as usize
}

impl Decoder {
    /// The code with codes of these lengths; `None` if there is none, or bits that stand for nothing.
    fn new(lengths: &[usize]) -> Option<Decoder> {
        let mut counts = [0_usize; LONGEST_CODE + 1];
        for length in lengths.iter().filter(|length| **length != 0) {
            let count = counts.get_mut(*length)?;
            *count = count.saturating_add(1);
        }
        let mut decoder =
            Decoder { shortest: 0, first: vec![Entry::default(); FIRST], links: Vec::new(), link_mask: 0 };
        let used = lengths.iter().copied().filter(|length| *length != 0);
        let (Some(min), Some(max)) = (used.clone().min(), used.max()) else { return Some(decoder) };
        let mut code = 0_usize;
        let mut next_codes = [0_usize; LONGEST_CODE + 1];
        for ((next, count), _) in next_codes.iter_mut().zip(counts).zip(0..=max).skip(min) {
            code <<= 1;
            *next = code;
            code = code.saturating_add(count);
        }
        let max = u32::try_from(max).ok()?;
        // One code alone may have one bit, as in zlib.
        if code != 1_usize.wrapping_shl(max) && !(code == 1 && max == 1) {
            return None;
        }
        decoder.shortest = u32::try_from(min).ok()?;
        if max > FIRST_BITS {
            let size = 1_usize.wrapping_shl(max.saturating_sub(FIRST_BITS));
            decoder.link_mask = size.saturating_sub(1);
            let link = next_codes.get(FIRST_BITS.saturating_add(1) as usize).copied()? >> 1;
            for prefix in link..FIRST {
                let entry = Entry { bits: FIRST_BITS.saturating_add(1), symbol: prefix.saturating_sub(link) };
                *decoder.first.get_mut(reversed(prefix, FIRST_BITS))? = entry;
                decoder.links.push(vec![Entry::default(); size]);
            }
        }
        for (symbol, length) in lengths.iter().enumerate().filter(|(_, length)| **length != 0) {
            let next = next_codes.get_mut(*length)?;
            let code = *next;
            *next = next.saturating_add(1);
            let bits = u32::try_from(*length).ok()?;
            decoder.enter(reversed(code, bits), Entry { bits, symbol })?;
        }
        Some(decoder)
    }

    /// Puts a symbol wherever its bits, with any bits after them, are looked up.
    fn enter(&mut self, bits: usize, entry: Entry) -> Option<()> {
        let (table, from, step) = if entry.bits <= FIRST_BITS {
            (&mut self.first, bits, 1_usize.wrapping_shl(entry.bits))
        } else {
            let link = self.first.get(bits & (FIRST - 1))?.symbol;
            let step = 1_usize.wrapping_shl(entry.bits.saturating_sub(FIRST_BITS));
            (self.links.get_mut(link)?, bits >> FIRST_BITS, step)
        };
        for slot in table.iter_mut().skip(from).step_by(step) {
            *slot = entry;
        }
        Some(())
    }

    /// The next symbol.
    fn symbol(&self, input: &mut Input<'_>) -> Result<usize, Stop> {
        let mut needed = self.shortest;
        loop {
            while input.count < needed {
                input.more_bits()?;
            }
            let bits = input.bits as usize;
            let mut entry = self.first.get(bits & (FIRST - 1)).copied().unwrap_or_default();
            if entry.bits > FIRST_BITS {
                let link = self.links.get(entry.symbol);
                let at = bits >> FIRST_BITS & self.link_mask;
                entry = link.and_then(|link| link.get(at)).copied().unwrap_or_default();
            }
            needed = entry.bits;
            if needed <= input.count {
                if needed == 0 {
                    return Err(input.corrupt());
                }
                input.drop_bits(needed);
                return Ok(entry.symbol);
            }
        }
    }
}

/// The codes for symbols of a block, and for distances; without the latter, five plain bits.
struct Codes {
    literals: Decoder,
    distances: Option<Decoder>,
}

/// The codes that need not be written.
fn fixed_codes() -> Option<Codes> {
    let lengths: Vec<usize> =
        [(144, 8), (112, 9), (24, 7), (8, 8)].iter().flat_map(|(n, length)| vec![*length; *n]).collect();
    Some(Codes { literals: Decoder::new(&lengths)?, distances: None })
}

/// Reads the codes of a block.
fn read_codes(input: &mut Input<'_>) -> Result<Codes, Stop> {
    while input.count < 14 {
        input.more_bits()?;
    }
    let literals = input.bits(5)?.saturating_add(257);
    let distances = input.bits(5)?.saturating_add(1);
    if literals > LITERALS || distances > DISTANCES {
        return Err(input.corrupt());
    }
    let count = input.bits(4)?.saturating_add(4);
    let mut lengths = [0_usize; 19];
    for place in ORDER.iter().take(count) {
        let length = input.bits(3)?;
        if let Some(slot) = lengths.get_mut(*place) {
            *slot = length;
        }
    }
    let Some(code) = Decoder::new(&lengths) else { return Err(input.corrupt()) };
    let all = literals.saturating_add(distances);
    let mut lengths: Vec<usize> = Vec::with_capacity(all);
    while lengths.len() < all {
        let (length, least, bits) = match code.symbol(input)? {
            16 => match lengths.last() {
                Some(last) => (*last, 3, 2),
                None => return Err(input.corrupt()),
            },
            17 => (0, 3, 3),
            18 => (0, 11, 7),
            length => {
                lengths.push(length);
                continue;
            }
        };
        let end = lengths.len().saturating_add(least).saturating_add(input.bits(bits)?);
        if end > all {
            return Err(input.corrupt());
        }
        lengths.resize(end, length);
    }
    let end_length = lengths.get(END_OF_BLOCK).copied().unwrap_or_default();
    let (of_literals, of_distances) = lengths.split_at_checked(literals).unwrap_or_default();
    let (Some(mut literals), Some(distances)) = (Decoder::new(of_literals), Decoder::new(of_distances))
    else {
        return Err(input.corrupt());
    };
    // Every block ends with that symbol, so its bits are there in any case.
    literals.shortest = literals.shortest.max(u32::try_from(end_length).unwrap_or_default());
    Ok(Codes { literals, distances: Some(distances) })
}

/// Unpacks the blocks of one deflated stream.
///
/// # Errors
/// See [`Stop`].
pub(super) fn inflate(input: &mut Input<'_>, out: &mut Output<'_>, budget: &mut Budget) -> Result<(), Stop> {
    (input.start, input.bits, input.count) = (input.at, 0, 0);
    let begin = out.bytes().len();
    let mut last = false;
    while !last {
        budget.charge(1)?;
        while input.count < 3 {
            input.more_bits()?;
        }
        last = input.bits(1)? == 1;
        match input.bits(2)? {
            0 => stored(input, out, budget)?,
            1 => {
                budget.charge(100)?;
                let Some(codes) = fixed_codes() else { return Err(input.corrupt()) };
                block(input, out, budget, &codes, begin)?;
            }
            2 => {
                // Reading the codes and making their tables takes about as long as so many steps.
                budget.charge(200)?;
                let codes = read_codes(input)?;
                block(input, out, budget, &codes, begin)?;
            }
            _ => return Err(input.corrupt()),
        }
    }
    Ok(())
}

/// A block of plain bytes.
fn stored(input: &mut Input<'_>, out: &mut Output<'_>, budget: &mut Budget) -> Result<(), Stop> {
    (input.bits, input.count) = (0, 0);
    let (length, check) = (input.number::<2>()?, input.number::<2>()?);
    if check != length ^ 0xffff {
        return Err(input.corrupt());
    }
    let bytes = input.take(usize::try_from(length).unwrap_or_default()).ok_or(Stop::End)?;
    budget.charge_scan(bytes.len())?;
    Ok(out.extend(budget, bytes)?)
}

/// A block of symbols.
fn block(
    input: &mut Input<'_>,
    out: &mut Output<'_>,
    budget: &mut Budget,
    codes: &Codes,
    begin: usize,
) -> Result<(), Stop> {
    let mut symbols = 0_u32;
    loop {
        symbols = symbols.wrapping_add(1);
        if symbols.is_multiple_of(4) {
            budget.charge(1)?;
        }
        let symbol = codes.literals.symbol(input)?;
        if let Ok(byte) = u8::try_from(symbol) {
            out.push(budget, byte)?;
            continue;
        }
        if symbol == END_OF_BLOCK {
            return Ok(());
        }
        let length = length_of(input, symbol)?;
        let distance = distance_of(input, codes)?;
        let history = out.bytes().len().saturating_sub(begin);
        if distance > history.min(1 << 15) {
            return Err(input.corrupt());
        }
        budget.charge(u64::try_from(length >> 5).unwrap_or_default())?;
        out.repeat(budget, distance, length)?;
    }
}

/// The length of a copy: its symbol and the bits that follow.
fn length_of(input: &mut Input<'_>, symbol: usize) -> Result<usize, Stop> {
    let code = symbol.saturating_sub(END_OF_BLOCK + 1);
    if symbol >= LITERALS {
        return Err(input.corrupt());
    }
    match code {
        0..8 => Ok(code.saturating_add(3)),
        28 => Ok(258),
        _ => {
            let bits = u32::try_from((code >> 2).saturating_sub(1)).unwrap_or_default();
            let base = (code & 3 | 4).wrapping_shl(bits).saturating_add(3);
            Ok(base.saturating_add(input.bits(bits)?))
        }
    }
}

/// How far back a copy begins.
fn distance_of(input: &mut Input<'_>, codes: &Codes) -> Result<usize, Stop> {
    let code = match &codes.distances {
        Some(code) => code.symbol(input)?,
        None => reversed(input.bits(5)?, 5),
    };
    match code {
        0..4 => Ok(code.saturating_add(1)),
        4..DISTANCES => {
            let bits = u32::try_from((code >> 1).saturating_sub(1)).unwrap_or_default();
            let base = (code & 1 | 2).wrapping_shl(bits).saturating_add(1);
            Ok(base.saturating_add(input.bits(bits)?))
        }
        _ => Err(input.corrupt()),
    }
}

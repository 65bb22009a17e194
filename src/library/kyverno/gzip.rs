//! gzip (kyverno/sdk `extensions/cel/libs/gzip`): bytes to text and back, as Go's `compress/gzip` does it.
//!
//! Both directions are Go's own algorithms, because both show: a policy can see the compressed bytes, and an error names
//! the place where the data are damaged.

use crate::budget::Fault;
use crate::error::{ErrorKind, Raise};
use crate::library::row::row;
use crate::library::runtime::{Answer, Runtime};
use crate::library::table::{Implementation::Own, Library};
use crate::value::Value;

use crate::library::to_go;

mod bits;
mod deflate;
mod huffman;
mod inflate;
mod output;

use inflate::{Input, Stop, inflate};
use output::Output;

/// `kyverno.gzip`
pub static LIBRARY: Library = Library {
    name: "kyverno.gzip",
    version: 0,
    types: &[],
    rows: &[
        row(
            "compress_any_bytes",
            "gzip.compress(dyn) -> bytes",
            Own(compress),
            "A text as gzip, at the default level and without a time; anything but a text is an error.",
            &["gzip.decompress(gzip.compress('abc')) == 'abc'"],
        ),
        row(
            "decompress_bytes_string",
            "gzip.decompress(bytes) -> string",
            Own(decompress),
            "The text that was compressed; of several members, all of them.",
            &[
                "gzip.decompress(base64.decode('H4sIAAAAAAAA/0pMSgYAAAD//w==') + base64.decode('AwDCQSQ1AwAAAA==')) == 'abc'",
            ],
        ),
    ],
};

/// What gzip begins with: two bytes of its own and the method, deflate.
const MAGIC: [u8; 3] = [0x1f, 0x8b, 8];
const HEADER_CRC: u8 = 2;
const EXTRA: u8 = 4;
const NAME: u8 = 8;
const COMMENT: u8 = 16;
/// The room that Go has for a name, with the zero at its end.
const LONGEST_NAME: usize = 512;

/// The remainders of CRC-32, one for each byte.
#[expect(clippy::indexing_slicing, reason = "done at compile time, below the array's length")]
static REMAINDERS: [u32; 256] = {
    let mut table = [0; 256];
    let mut byte: u32 = 0;
    while byte < 256 {
        let mut remainder = byte;
        let mut bit = 0;
        while bit < 8 {
            remainder = if remainder & 1 == 1 { remainder >> 1 ^ 0xedb8_8320 } else { remainder >> 1 };
            bit += 1;
        }
        table[byte as usize] = remainder;
        byte += 1;
    }
    table
};

/// CRC-32 as Ethernet has it.
fn crc32(bytes: &[u8]) -> u32 {
    let step = |crc: u32, byte: &u8| {
        let index = (crc as u8 ^ byte) as usize;
        REMAINDERS.get(index).copied().unwrap_or_default() ^ crc >> 8
    };
    !bytes.iter().fold(!0, step)
}

fn compress<'a>(rt: &mut Runtime<'a>, args: &[Value<'a>]) -> Answer<'a> {
    let [value] = args else { return Err(ErrorKind::NoSuchOverload.into()) };
    let text = to_go::string(rt, value)?.as_bytes();
    rt.charge_scan(text.len().saturating_mul(4))?;
    let mut out = Output::new(rt.arena);
    out.extend(&mut rt.budget, &MAGIC)?;
    // No flags, no time, no remark about the level, an unknown system.
    out.extend(&mut rt.budget, &[0, 0, 0, 0, 0, 0, 255])?;
    deflate::deflate(&mut rt.budget, text, &mut out)?;
    out.extend(&mut rt.budget, &crc32(text).to_le_bytes())?;
    // Go's number of bytes wraps around too.
    out.extend(&mut rt.budget, &(text.len() as u32).to_le_bytes())?;
    Ok(Value::Bytes(out.finish()))
}

fn decompress<'a>(rt: &mut Runtime<'a>, args: &[Value<'a>]) -> Answer<'a> {
    let [Value::Bytes(bytes)] = *args else { return Err(ErrorKind::NoSuchOverload.into()) };
    rt.charge_scan(bytes.len().saturating_mul(4))?;
    let mut out = Output::new(rt.arena);
    match members(rt, bytes, &mut out) {
        Ok(()) => {}
        Err(Stop::End) => return Err(ErrorKind::Message("unexpected EOF").into()),
        Err(Stop::Text(text)) => return Err(ErrorKind::Message(text).into()),
        Err(Stop::Corrupt(offset)) => {
            return Err(rt.error(format_args!("flate: corrupt input before offset {offset}")));
        }
        Err(Stop::Fault(fault)) => return Err(fault.into()),
    }
    let bytes = out.finish();
    rt.charge_scan(bytes.len())?;
    let text = std::str::from_utf8(bytes).map_err(|_| Raise::from(Fault::NotUtf8))?;
    Ok(Value::String(text))
}

/// Unpacks one member after another until nothing is left.
fn members<'a>(rt: &mut Runtime<'a>, bytes: &[u8], out: &mut Output<'a>) -> Result<(), Stop> {
    let mut input = Input::new(bytes);
    if bytes.is_empty() {
        return Err(Stop::Text("EOF"));
    }
    while !input.is_empty() {
        header(&mut input)?;
        let start = out.bytes().len();
        inflate(&mut input, out, &mut rt.budget)?;
        let unpacked = out.bytes().get(start..).unwrap_or_default();
        rt.budget.charge_scan(unpacked.len().saturating_mul(2)).map_err(Stop::Fault)?;
        let (digest, size) = (input.number::<4>()?, input.number::<4>()?);
        if digest != u64::from(crc32(unpacked)) || size != u64::from(unpacked.len() as u32) {
            return Err(Stop::Text("gzip: invalid checksum"));
        }
    }
    Ok(())
}

/// Reads what stands before the compressed data.
fn header(input: &mut Input<'_>) -> Result<(), Stop> {
    const INVALID: Stop = Stop::Text("gzip: invalid header");
    let start = input.at();
    let Some([a, b, c, flags, ..]) = input.take(10) else { return Err(Stop::End) };
    if [*a, *b, *c] != MAGIC {
        return Err(INVALID);
    }
    let flags = *flags;
    if flags & EXTRA != 0 {
        let length = input.number::<2>()?;
        input.take(usize::try_from(length).unwrap_or(usize::MAX)).ok_or(Stop::End)?;
    }
    for _ in [NAME, COMMENT].into_iter().filter(|flag| flags & flag != 0) {
        let rest = input.rest();
        let room = rest.get(..LONGEST_NAME).unwrap_or(rest);
        match room.iter().position(|byte| *byte == 0) {
            Some(end) => input.take(end.saturating_add(1)),
            None if rest.len() > room.len() || room.len() == LONGEST_NAME => return Err(INVALID),
            None => return Err(Stop::End),
        };
    }
    if flags & HEADER_CRC != 0 {
        let digest = crc32(input.since(start)) & 0xffff;
        if input.number::<2>()? != u64::from(digest) {
            return Err(INVALID);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::budget::Budget;
    use crate::library::probe::{assert_table, call_with};

    #[test]
    fn every_row_is_complete() {
        assert_table(&LIBRARY);
    }

    #[test]
    fn what_unpacks_to_too_much_is_a_fault_long_before_memory_is_gone() {
        let arena = bumpalo::Bump::new();
        let mut rt = Runtime::new(&arena, Budget { steps: 100_000_000, bytes: 200_000_000 });
        let text = "a".repeat(20_000_000);
        let Ok(packed @ Value::Bytes(bytes)) = compress(&mut rt, &[Value::String(&text)]) else { panic!() };
        assert!(bytes.len() < 25_000, "{}", bytes.len());
        let answer = call_with(Budget { steps: u64::MAX, ..Budget::default() }, decompress, &[packed]);
        assert_eq!(answer, format!("fault {}", Fault::Memory));
        let few = Budget { steps: 10_000, bytes: u64::MAX };
        assert_eq!(call_with(few, decompress, &[packed]), format!("fault {}", Fault::Steps));
    }

    #[test]
    fn packing_what_is_slow_to_pack_is_paid_for() {
        // Every place has many others like it, none of them alike for long.
        let bit = |i: u32| i.wrapping_mul(2_654_435_761).rotate_left(i % 31) & 1;
        let slow: String = (0..60_000).map(|i| if bit(i) == 0 { 'b' } else { 'a' }).collect();
        let answer = call_with(Budget { steps: 100_000, bytes: u64::MAX }, compress, &[Value::String(&slow)]);
        assert_eq!(answer, format!("fault {}", Fault::Steps));
    }
}

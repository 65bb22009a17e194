//! Base64, as Go's `encoding/base64` reads and writes it: line breaks are skipped, bits that are left over are not looked
//! at, and an error names the byte.

use base64::Engine as _;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

/// The digits of 62 and 63.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Alphabet {
    /// `+` and `/`
    Standard,
    /// `-` and `_`
    Url,
}

/// Engines that write and read no padding, in the order of [`Alphabet`].
static PLAIN: [GeneralPurpose; 2] = engines(false);
/// Engines that fill the last quantum with `=`, and want it filled.
static PADDED: [GeneralPurpose; 2] = engines(true);

const fn engines(padded: bool) -> [GeneralPurpose; 2] {
    let mode = if padded { DecodePaddingMode::RequireCanonical } else { DecodePaddingMode::RequireNone };
    let config = GeneralPurposeConfig::new()
        .with_encode_padding(padded)
        .with_decode_padding_mode(mode)
        .with_decode_allow_trailing_bits(true);
    [
        GeneralPurpose::new(&base64::alphabet::STANDARD, config),
        GeneralPurpose::new(&base64::alphabet::URL_SAFE, config),
    ]
}

impl Alphabet {
    fn engine(self, padded: bool) -> &'static GeneralPurpose {
        let [standard, url] = if padded { &PADDED } else { &PLAIN };
        match self {
            Alphabet::Standard => standard,
            Alphabet::Url => url,
        }
    }

    /// True for a digit; padding is none.
    pub fn has(self, c: u8) -> bool {
        c.is_ascii_alphanumeric()
            || match self {
                Alphabet::Standard => matches!(c, b'+' | b'/'),
                Alphabet::Url => matches!(c, b'-' | b'_'),
            }
    }
}

/// The digits of `bytes`; `padded` fills the last quantum with `=`.
pub fn encode(bytes: &[u8], alphabet: Alphabet, padded: bool) -> impl Iterator<Item = u8> {
    let engine = alphabet.engine(padded);
    bytes.chunks(3).flat_map(move |group| {
        let mut quantum = [0; 4];
        let digits = engine.encode_slice(group, &mut quantum).unwrap_or_default();
        quantum.into_iter().take(digits)
    })
}

/// How many digits are read at once.
const BLOCK: usize = 256;

/// Appends the bytes that `text` stands for; with `padded` the last quantum must be filled with `=`, without it must not.
///
/// # Errors
/// The offset at which Go says that the data is illegal. What was read before may have been appended.
pub fn decode(text: &[u8], alphabet: Alphabet, padded: bool, out: &mut impl Extend<u8>) -> Result<(), usize> {
    let mut block = [0_u8; BLOCK];
    let mut used = 0_usize;
    let mut read = |digits: &[u8], padded: bool| {
        let mut bytes = [0_u8; BLOCK];
        let length = alphabet.engine(padded).decode_slice(digits, &mut bytes).ok()?;
        out.extend(bytes.into_iter().take(length));
        Some(())
    };
    let illegal = || illegal_at(text, alphabet, padded);
    for c in text.iter().copied().filter(|c| !is_break(*c)) {
        if used == BLOCK {
            // More follows, so this is not where padding may be.
            read(&block, false).ok_or_else(illegal)?;
            used = 0;
        }
        if let Some(slot) = block.get_mut(used) {
            *slot = c;
        }
        used = used.saturating_add(1);
    }
    read(block.get(..used).unwrap_or_default(), padded).ok_or_else(illegal)
}

/// Go reads over these.
fn is_break(c: u8) -> bool {
    matches!(c, b'\r' | b'\n')
}

/// Where Go says that a text which does not decode is illegal.
fn illegal_at(text: &[u8], alphabet: Alphabet, padded: bool) -> usize {
    let mut digits = text.iter().copied().enumerate().filter(|(_, c)| !is_break(*c));
    loop {
        for count in 0..4_usize {
            match digits.next() {
                // Go points at where the quantum began.
                None => return text.len().saturating_sub(count),
                Some((at, b'=')) if padded => return misplaced(text.len(), at, count, &mut digits),
                Some((at, c)) if !alphabet.has(c) => return at,
                Some(_) => {}
            }
        }
    }
}

/// Where Go says that padding is illegal whose first `=` is at `at`, after `count` digits of a quantum.
fn misplaced(length: usize, at: usize, count: usize, rest: &mut impl Iterator<Item = (usize, u8)>) -> usize {
    match count {
        0 | 1 => return at,
        2 => match rest.next() {
            Some((_, b'=')) => {}
            // Go points at the byte before the one that should have been the second `=`.
            Some((at, _)) => return at.saturating_sub(1),
            None => return length,
        },
        _ => {}
    }
    rest.next().map_or(length, |(at, _)| at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_decodes_as_in_go() {
        // Recorded from Go 1.26.8.
        let cases: &[(&str, Result<&[u8], usize>)] = &[
            ("", Ok(b"")),
            ("QQ==", Ok(b"A")),
            ("QUI=", Ok(b"AB")),
            ("QUJD", Ok(b"ABC")),
            ("QU\r\nJD\n", Ok(b"ABC")),
            ("QR==", Ok(b"A")),
            ("Q", Err(0)),
            ("QQ", Err(0)),
            ("QUJDQ", Err(4)),
            ("QQ=", Err(3)),
            ("QQ\nx", Err(1)),
            ("QQ=\n=", Ok(b"A")),
            ("QUJDQUJDQUJDQUJDQ\nU", Err(17)),
            ("QQ=x", Err(2)),
            ("QQ==x", Err(4)),
            ("QUI=x", Err(4)),
            ("=", Err(0)),
            ("Q===", Err(1)),
            ("Q-==", Err(1)),
            ("QQ==\n", Ok(b"A")),
            ("é", Err(0)),
        ];
        for (text, expected) in cases {
            let mut out = Vec::new();
            let decoded = decode(text.as_bytes(), Alphabet::Standard, true, &mut out);
            assert_eq!(decoded.map(|()| out.as_slice()), *expected, "{text:?}");
        }
    }

    #[test]
    fn texts_of_several_blocks_decode_and_padding_ends_them() {
        let (whole, less) = ("QUJD".repeat(BLOCK / 4), "QUJD".repeat(BLOCK / 4 - 1));
        for (text, expected) in [
            (format!("{whole}{whole}"), Ok(BLOCK / 2 * 3)),
            (format!("{whole}\nQQ=="), Ok(BLOCK / 4 * 3 + 1)),
            (format!("{less}QQ=={whole}"), Err(BLOCK)),
            (format!("{less}QQ=="), Ok(BLOCK / 4 * 3 - 2)),
            (format!("{whole}Q"), Err(BLOCK)),
            (format!("{whole}*QUJ"), Err(BLOCK)),
        ] {
            let mut out = Vec::new();
            let decoded = decode(text.as_bytes(), Alphabet::Standard, true, &mut out);
            assert_eq!(decoded.map(|()| out.len()), expected, "{text}");
        }
    }

    #[test]
    fn what_is_encoded_decodes() {
        for (alphabet, padded) in [Alphabet::Standard, Alphabet::Url].into_iter().zip([true, false]) {
            for length in 0..9 {
                let bytes: Vec<u8> = (0..length).map(|i| 0xf8 | i).collect();
                let text: Vec<u8> = encode(&bytes, alphabet, padded).collect();
                let mut out = Vec::new();
                assert_eq!(decode(&text, alphabet, padded, &mut out), Ok(()), "{length}");
                assert_eq!(out, bytes);
            }
        }
    }

    #[test]
    fn what_is_encoded_is_padded_on_demand() {
        for (bytes, expected) in
            [(&b""[..], ""), (b"A", "QQ=="), (b"AB", "QUI="), (b"ABC", "QUJD"), (b"\xfb\xff\xfe", "+//+")]
        {
            let text: Vec<u8> = encode(bytes, Alphabet::Standard, true).collect();
            assert_eq!(text, expected.as_bytes());
            let plain: Vec<u8> = encode(bytes, Alphabet::Standard, false).collect();
            assert_eq!(plain, expected.trim_end_matches('=').as_bytes());
        }
    }
}

//! Base64 as jwx decodes the parts of a token and of a key: the alphabet and the padding are guessed from the text.

use crate::value::base64::{self, Alphabet};

/// The bytes, or the offset at which Go says that the data is illegal.
pub(super) fn decode(text: &[u8]) -> Result<Vec<u8>, usize> {
    let padded = text.last() == Some(&b'=');
    let standard = text.iter().any(|c| matches!(c, b'+' | b'/'));
    let alphabet = if standard { Alphabet::Standard } else { Alphabet::Url };
    let mut out = Vec::with_capacity(text.len());
    base64::decode(text, alphabet, padded, &mut out).map(|()| out)
}

/// Appends `bytes` in base64url without padding.
pub(super) fn encode(out: &mut Vec<u8>, bytes: &[u8]) {
    out.extend(base64::encode(bytes, Alphabet::Url, false));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_alphabets_with_and_without_padding_decode() {
        let cases: &[(&str, Result<&[u8], usize>)] = &[
            ("", Ok(b"")),
            ("QQ", Ok(b"A")),
            ("QQ==", Ok(b"A")),
            ("QR", Ok(b"A")),
            ("QUI", Ok(b"AB")),
            ("QUI=", Ok(b"AB")),
            ("-_8", Ok(&[0xfb, 0xff])),
            ("+/8=", Ok(&[0xfb, 0xff])),
            ("+/8", Ok(&[0xfb, 0xff])),
            ("+_8", Err(1)),
            ("Q", Err(0)),
            ("QUJDQ", Err(4)),
            ("QQ=", Err(3)),
            ("Q Q", Err(1)),
        ];
        for (text, expected) in cases {
            assert_eq!(decode(text.as_bytes()).as_deref(), expected.as_ref().map(|bytes| *bytes), "{text}");
        }
    }
}

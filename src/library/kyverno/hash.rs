//! Digests of texts (kyverno/sdk `extensions/cel/libs/hash`): lower-case hexadecimal digits of the UTF-8 bytes' hash.

use md5::Md5;
use sha1::Sha1;
use sha2::{Digest, Sha256};

use crate::error::ErrorKind;
use crate::library::row::row;
use crate::library::runtime::{Answer, Runtime};
use crate::library::table::{Implementation::Own, Library};
use crate::value::Value;

const MD5_DOC: &str = "The MD5 digest of a text, in hexadecimal digits.";
const SHA1_DOC: &str = "The SHA-1 digest of a text, in hexadecimal digits.";
const SHA256_DOC: &str = "The SHA-256 digest of a text, in hexadecimal digits.";

/// `kyverno.hash`
pub static LIBRARY: Library = Library {
    name: "kyverno.hash",
    version: 0,
    types: &[],
    rows: &[
        row(
            "md5_string_non_prefixed",
            "md5(string) -> string",
            Own(digest::<Md5>),
            MD5_DOC,
            &["md5('') == 'd41d8cd98f00b204e9800998ecf8427e'"],
        )
        .total(),
        row(
            "md5_string_prefixed",
            "hash.md5(string) -> string",
            Own(digest::<Md5>),
            MD5_DOC,
            &["hash.md5('abc') == '900150983cd24fb0d6963f7d28e17f72'"],
        )
        .total(),
        row(
            "sha1_string_non_prefixed",
            "sha1(string) -> string",
            Own(digest::<Sha1>),
            SHA1_DOC,
            &["sha1('abc') == 'a9993e364706816aba3e25717850c26c9cd0d89d'"],
        )
        .total(),
        row(
            "sha1_string_prefixed",
            "hash.sha1(string) -> string",
            Own(digest::<Sha1>),
            SHA1_DOC,
            &["hash.sha1('') == 'da39a3ee5e6b4b0d3255bfef95601890afd80709'"],
        )
        .total(),
        row(
            "sha256_string_non_prefixed",
            "sha256(string) -> string",
            Own(digest::<Sha256>),
            SHA256_DOC,
            &["sha256('') == 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'"],
        )
        .total(),
        row(
            "sha256_string_prefixed",
            "hash.sha256(string) -> string",
            Own(digest::<Sha256>),
            SHA256_DOC,
            &["hash.sha256('abc') == 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad'"],
        )
        .total(),
    ],
};

fn digest<'a, D: Digest>(rt: &mut Runtime<'a>, args: &[Value<'a>]) -> Answer<'a> {
    let [Value::String(text)] = *args else { return Err(ErrorKind::NoSuchOverload.into()) };
    // Without the instructions of newer machines a digest takes many times what looking at the bytes does.
    rt.charge_scan(text.len().saturating_mul(4).saturating_add(256))?;
    let sum = D::digest(text.as_bytes());
    let mut out = rt.string_builder(sum.len().saturating_mul(2))?;
    for byte in sum.iter() {
        for half in [byte >> 4, byte & 15] {
            out.push(char::from_digit(u32::from(half), 16).unwrap_or_default());
        }
    }
    Ok(Value::String(out.into_bump_str()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::library::probe::assert_table;

    #[test]
    fn every_row_is_complete() {
        assert_table(&LIBRARY);
    }
}

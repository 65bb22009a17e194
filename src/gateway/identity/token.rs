//! The parts of a token: its scheme, its three pieces, its payload's bytes. Not what they say.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as URL_SAFE_NO_PAD;
use bumpalo::Bump;

use crate::budget::{Budget, Fault};
use crate::value::base64::Alphabet;

/// Blanks between the scheme and the token, and at the ends of the header.
const BLANKS: [char; 2] = [' ', '\t'];

/// The token of an `Authorization` header with the scheme `Bearer`, in any case.
pub(super) fn bearer(value: &str) -> Option<&str> {
    let (scheme, token) = value.trim_matches(BLANKS).split_once(BLANKS)?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim_start_matches(BLANKS))
}

/// The payload of a signed token: the second of three parts, none empty. A token without a signature is none: no
/// gateway can have verified it.
pub(super) fn payload<'a>(
    token: &str,
    arena: &'a Bump,
    budget: &mut Budget,
) -> Result<Option<&'a [u8]>, Fault> {
    budget.charge(u64::try_from(token.len() >> 3).unwrap_or(u64::MAX))?;
    budget.charge_bytes(token.len())?;
    let mut parts = token.split('.');
    let (Some(header), Some(payload), Some(signature), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Ok(None);
    };
    let signed = [header, signature].iter().all(|part| !part.is_empty() && part.bytes().all(is_digit));
    Ok(if signed { decode(payload, arena) } else { None })
}

/// A digit of base64url, or padding.
fn is_digit(c: u8) -> bool {
    c == b'=' || Alphabet::Url.has(c)
}

/// The bytes of a text in base64url, with all of its padding or none. Bits that are left over must be zero: there is
/// one spelling of every text.
fn decode<'a>(text: &str, arena: &'a Bump) -> Option<&'a [u8]> {
    let digits = text.trim_end_matches('=');
    let padding = text.len().checked_sub(digits.len())?;
    let padded = padding == 0 || padding <= 2 && text.len().is_multiple_of(4);
    if digits.is_empty() || !padded || digits.len() % 4 == 1 {
        return None;
    }
    let out = arena.alloc_slice_fill_copy(base64::decoded_len_estimate(digits.len()), 0);
    let length = URL_SAFE_NO_PAD.decode_slice(digits, out).ok()?;
    out.get(..length)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scheme_is_bearer_in_any_case_with_any_blanks() {
        for (value, expected) in [
            ("Bearer a.b.c", Some("a.b.c")),
            ("bearer a.b.c", Some("a.b.c")),
            ("BEARER \t a.b.c ", Some("a.b.c")),
            (" Bearer a b", Some("a b")),
            ("Bearer", None),
            ("Bearer ", None),
            ("Bearera.b.c", None),
            ("Basic a.b.c", None),
            ("a.b.c", None),
            ("", None),
        ] {
            assert_eq!(bearer(value), expected, "{value}");
        }
    }

    #[test]
    fn the_payload_is_the_second_of_three_parts() {
        let read = |token: &str| {
            let arena = Bump::new();
            let payload = payload(token, &arena, &mut Budget::default()).unwrap();
            payload.map(|bytes| String::from_utf8_lossy(bytes).into_owned())
        };
        for (token, expected) in [
            ("aa.e30.aa", Some("{}")),
            ("aa.e30=.aa", Some("{}")),
            ("aa.e30==.aa", None),
            ("aa.e30===.aa", None),
            ("aa.e3=0.aa", None),
            ("aa.e31.aa", None),
            ("aa.YQ.aa", Some("a")),
            ("aa.YQ==.aa", Some("a")),
            ("aa.YQ=.aa", None),
            ("aa.YR.aa", None),
            ("aa.YWI.aa", Some("ab")),
            ("aa.YWJj.aa", Some("abc")),
            ("aa.YWJjZ.aa", None),
            ("aa.Pz8_.aa", Some("???")),
            ("aa.Pz8/.aa", None),
            ("aa.e3 0.aa", None),
            ("aa..aa", None),
            ("aa.====.aa", None),
            ("aa.e30.", None),
            (".e30.aa", None),
            ("aa.e30.a a", None),
            ("aa.e30", None),
            ("aa.e30.aa.aa", None),
            ("aa.e30.aa, Bearer aa.e30.aa", None),
            ("", None),
            ("é.e30.aa", None),
        ] {
            assert_eq!(read(token).as_deref(), expected, "{token}");
        }
    }
}

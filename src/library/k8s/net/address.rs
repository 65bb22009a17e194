//! Addresses as Go's `net/netip` reads them: no leading zeros, `::` for at least one field, zones told apart.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::value::extension::GoQuotedBytes;

/// An address with what follows `%`; Go keeps a zone, Kubernetes refuses it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Address {
    /// The address.
    pub ip: IpAddr,
    /// True if a zone was given.
    pub zone: bool,
}

/// Why a text is no address; displays as Go's error.
#[derive(Clone, Copy, Debug)]
pub struct Mistake<'s> {
    text: &'s [u8],
    what: &'static str,
    at: &'s [u8],
}

impl fmt::Display for Mistake<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ParseAddr({}): {}", GoQuotedBytes(self.text), self.what)?;
        if self.at.is_empty() { Ok(()) } else { write!(f, " (at {})", GoQuotedBytes(self.at)) }
    }
}

/// Reads an address.
///
/// # Errors
/// Go's words for what is wrong with it.
pub fn parse(text: &[u8]) -> Result<Address, Mistake<'_>> {
    let fail = |what| Err(Mistake { text, what, at: &[] });
    match text.iter().find(|byte| matches!(byte, b'.' | b':' | b'%')) {
        Some(b'.') => Ok(Address { ip: IpAddr::V4(Ipv4Addr::from(fields_of_v4(text, text)?)), zone: false }),
        Some(b':') => parse_v6(text),
        Some(_) => fail("missing IPv6 address"),
        None => fail("unable to parse IP"),
    }
}

/// The four numbers of `part`, which is the end of `text`.
fn fields_of_v4<'s>(text: &'s [u8], part: &'s [u8]) -> Result<[u8; 4], Mistake<'s>> {
    let fail = |what, at| Err(Mistake { text, what, at });
    let mut fields = [0_u8; 4];
    let (mut value, mut position, mut digits) = (0_u16, 0_usize, 0_usize);
    let mut before = b'.';
    for (index, byte) in part.iter().enumerate() {
        let here = part.get(index..).unwrap_or_default();
        match byte {
            b'0'..=b'9' => {
                if digits == 1 && value == 0 {
                    return fail("IPv4 field has octet with leading zero", &[]);
                }
                value = value.saturating_mul(10).saturating_add(u16::from(byte.saturating_sub(b'0')));
                digits = digits.saturating_add(1);
                if value > 255 {
                    return fail("IPv4 field has value >255", &[]);
                }
            }
            b'.' => {
                if before == b'.' || here.len() == 1 {
                    return fail("IPv4 field must have at least one digit", here);
                }
                if position == 3 {
                    return fail("IPv4 address too long", &[]);
                }
                if let Some(field) = fields.get_mut(position) {
                    *field = u8::try_from(value).unwrap_or(u8::MAX);
                }
                position = position.saturating_add(1);
                (value, digits) = (0, 0);
            }
            _ => return fail("unexpected character", here),
        }
        before = *byte;
    }
    match fields.get_mut(position) {
        Some(last) if position == 3 => *last = u8::try_from(value).unwrap_or(u8::MAX),
        _ => return fail("IPv4 address too short", &[]),
    }
    Ok(fields)
}

/// The number that up to four hexadecimal digits at the front of `rest` make, and how many there are.
fn hex_field<'s>(text: &'s [u8], rest: &'s [u8]) -> Result<(u16, usize), Mistake<'s>> {
    let fail = |what| Err(Mistake { text, what, at: rest });
    let (mut value, mut length) = (0_u16, 0_usize);
    for byte in rest {
        let Some(digit) = char::from(*byte).to_digit(16) else { break };
        if length > 3 {
            return fail("each group must have 4 or less digits");
        }
        value = value << 4 | u16::try_from(digit).unwrap_or(0);
        length = length.saturating_add(1);
    }
    if length == 0 {
        fail("each colon-separated field must have at least one digit")
    } else {
        Ok((value, length))
    }
}

fn parse_v6(text: &[u8]) -> Result<Address, Mistake<'_>> {
    let fail = |what, at| Err(Mistake { text, what, at });
    let mut rest = text;
    let mut zone = false;
    if let Some(at) = text.iter().position(|byte| *byte == b'%') {
        zone = true;
        rest = text.get(..at).unwrap_or_default();
        if text.len() == at.saturating_add(1) {
            return fail("zone must be a non-empty string", &[]);
        }
    }
    let mut words = [0_u16; 8];
    let mut count = 0_usize;
    let mut ellipsis = None;
    if let Some(after) = rest.strip_prefix(b"::") {
        ellipsis = Some(0);
        rest = after;
        if rest.is_empty() {
            return Ok(Address { ip: IpAddr::V6(Ipv6Addr::UNSPECIFIED), zone });
        }
    }
    while count < 8 {
        let (value, length) = hex_field(text, rest)?;
        if rest.get(length) == Some(&b'.') {
            if ellipsis.is_none() && count != 6 {
                return fail("embedded IPv4 address must replace the final 2 fields of the address", rest);
            }
            if count > 6 {
                return fail("too many hex fields to fit an embedded IPv4 at the end of the address", rest);
            }
            let [a, b, c, d] = fields_of_v4(text, rest)?;
            let pair = [u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d])];
            for (slot, word) in words.iter_mut().skip(count).zip(pair) {
                *slot = word;
            }
            rest = &[];
            count = count.saturating_add(2);
            break;
        }
        if let Some(slot) = words.get_mut(count) {
            *slot = value;
        }
        count = count.saturating_add(1);
        rest = rest.get(length..).unwrap_or_default();
        match rest {
            [] => break,
            [b':'] => return fail("colon must be followed by more characters", rest),
            [b':', after @ ..] => rest = after,
            _ => return fail("unexpected character, want colon", rest),
        }
        if let [b':', after @ ..] = rest {
            if ellipsis.is_some() {
                return fail("multiple :: in address", rest);
            }
            ellipsis = Some(count);
            rest = after;
            if rest.is_empty() {
                break;
            }
        }
    }
    if !rest.is_empty() {
        return fail("trailing garbage after address", rest);
    }
    match ellipsis {
        None if count < 8 => return fail("address string too short", &[]),
        Some(_) if count >= 8 => return fail("the :: must expand to at least one field of zeros", &[]),
        Some(at) => {
            let missing = 8_usize.saturating_sub(count);
            if let Some(tail) = words.get_mut(at..) {
                // What was read behind the `::` moves to the end; the zeros of the end come before it.
                tail.rotate_right(missing);
            }
        }
        None => {}
    }
    Ok(Address { ip: IpAddr::V6(Ipv6Addr::from(words)), zone })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_read_as_in_go() {
        for (text, expected) in [
            ("1.2.3.4", "1.2.3.4"),
            ("::", "::"),
            ("1::8", "1::8"),
            ("::1:2", "::1:2"),
            ("1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"),
            ("::2:3:4:5:6:7:8", "0:2:3:4:5:6:7:8"),
            ("64:ff9b::1.2.3.4", "64:ff9b::102:304"),
            ("1:2:3:4:5:6:1.2.3.4", "1:2:3:4:5:6:102:304"),
        ] {
            assert_eq!(parse(text.as_bytes()).unwrap().ip.to_string(), expected, "{text}");
        }
    }

    #[test]
    fn what_is_no_address_has_the_words_of_go() {
        for (text, expected) in [
            ("", r#"ParseAddr(""): unable to parse IP"#),
            ("01.2.3.4", r#"ParseAddr("01.2.3.4"): IPv4 field has octet with leading zero"#),
            ("1.2.3.", r#"ParseAddr("1.2.3."): IPv4 field must have at least one digit (at ".")"#),
            ("1:2", r#"ParseAddr("1:2"): address string too short"#),
            (":1", r#"ParseAddr(":1"): each colon-separated field must have at least one digit (at ":1")"#),
            (
                "1:2:3:4:5:6:7::8",
                r#"ParseAddr("1:2:3:4:5:6:7::8"): the :: must expand to at least one field of zeros"#,
            ),
        ] {
            assert_eq!(parse(text.as_bytes()).unwrap_err().to_string(), expected);
        }
    }
}

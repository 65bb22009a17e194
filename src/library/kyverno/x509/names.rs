//! What stands in certificates as text: names, times, domains and mailboxes, as Go's `crypto/x509` reads them.

use super::der::{self, Der, Oid};
use super::{Mistake, refuse};
use crate::time::days_from_civil;
use crate::value::Timestamp;

/// A part of a name: what it is, and its text.
pub(super) type Attribute = (Oid, String);

fn is_printable(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"'()+,-./ :=?*&".contains(&byte)
}

/// A text of one of ASN.1's kinds.
pub(super) fn string(tag: u8, bytes: &[u8]) -> Result<String, Mistake> {
    let ascii = || String::from_utf8_lossy(bytes).into_owned();
    match tag {
        // T.61, which everybody reads as Latin-1.
        20 => Ok(bytes.iter().map(|byte| char::from(*byte)).collect()),
        19 if bytes.iter().all(|byte| is_printable(*byte)) => Ok(ascii()),
        19 => refuse("invalid PrintableString"),
        12 => String::from_utf8(bytes.to_vec()).or_else(|_| refuse("invalid UTF-8 string")),
        30 => two_byte_string(bytes),
        22 if bytes.is_ascii() => Ok(ascii()),
        22 => refuse("invalid IA5String"),
        18 if bytes.iter().all(|byte| byte.is_ascii_digit() || *byte == b' ') => Ok(ascii()),
        18 => refuse("invalid NumericString"),
        _ => Err(format!("unsupported string type: {tag}").into()),
    }
}

/// Two bytes for each character, none of those that are no characters.
fn two_byte_string(bytes: &[u8]) -> Result<String, Mistake> {
    const INVALID: &str = "invalid BMPString";
    if !bytes.len().is_multiple_of(2) {
        return refuse(INVALID);
    }
    let bytes = bytes.strip_suffix(&[0, 0]).unwrap_or(bytes);
    let units = bytes.chunks_exact(2).map(|pair| match pair {
        [high, low] => u32::from(*high) << 8 | u32::from(*low),
        _ => 0,
    });
    let character = |unit: u32| {
        let never = unit >= 0xfffe || (0xfdd0..=0xfdef).contains(&unit);
        char::from_u32(unit).filter(|_| !never)
    };
    units.map(character).collect::<Option<String>>().map_or_else(|| refuse(INVALID), Ok)
}

/// The parts of a name, in their order.
pub(super) fn name(element: &[u8]) -> Result<Vec<Attribute>, Mistake> {
    const INVALID: &str = "x509: invalid RDNSequence";
    let Some(mut sets) = Der::new(element).enter(der::SEQUENCE) else { return refuse(INVALID) };
    let mut name = Vec::new();
    while !sets.is_empty() {
        let Some(mut set) = sets.enter(der::SET) else { return refuse(INVALID) };
        while !set.is_empty() {
            let Some(mut attribute) = set.enter(der::SEQUENCE) else {
                return Err(format!("{INVALID}: invalid attribute").into());
            };
            let Some(oid) = attribute.oid() else {
                return Err(format!("{INVALID}: invalid attribute type").into());
            };
            let Some(value) = attribute.any() else {
                return Err(format!("{INVALID}: invalid attribute value").into());
            };
            let text = string(value.tag, value.inside)
                .map_err(|mistake| format!("{INVALID}: invalid attribute value: {mistake}"))?;
            name.push((oid, text));
        }
    }
    Ok(name)
}

/// The next time.
pub(super) fn time(der: &mut Der<'_>) -> Result<Timestamp, Mistake> {
    if der.peek(der::UTC_TIME) {
        let time = der.read(der::UTC_TIME).and_then(|text| digits(text, 2));
        time.map_or_else(|| refuse("x509: malformed UTCTime"), Ok)
    } else if der.peek(der::GENERALIZED_TIME) {
        let time = der.read(der::GENERALIZED_TIME).and_then(|text| digits(text, 4));
        time.map_or_else(|| refuse("x509: malformed GeneralizedTime"), Ok)
    } else {
        refuse("x509: unsupported time format")
    }
}

/// A time in digits, of which so many are the year's; with two, the seconds may be missing.
fn digits(text: &[u8], of_year: usize) -> Option<Timestamp> {
    let count = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (mut time, zone) = text.split_at_checked(count)?;
    let full = of_year.saturating_add(10);
    if count != full && (of_year != 2 || count != 10) {
        return None;
    }
    let mut next = |count: usize| {
        let (now, rest) = time.split_at_checked(count)?;
        time = rest;
        Some(now.iter().fold(0_i64, |number, digit| {
            number.saturating_mul(10).saturating_add(i64::from(digit.saturating_sub(b'0')))
        }))
    };
    let year = next(of_year)?;
    let (month, day, hour, minute) = (next(2)?, next(2)?, next(2)?, next(2)?);
    let second = if count == full { next(2)? } else { 0 };
    let year = match of_year {
        // What 50 to 99 mean in certificates.
        2 if year >= 50 => year.saturating_add(1_900),
        2 => year.saturating_add(2_000),
        _ => year,
    };
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let last = match month {
        2 if leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return None,
    };
    if !(1..=last).contains(&day) || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let offset = offset(zone)?;
    let of_day = hour.saturating_mul(3_600).saturating_add(minute.saturating_mul(60)).saturating_add(second);
    let seconds = days_from_civil(year, month, day).saturating_mul(86_400).saturating_add(of_day);
    Some(Timestamp { seconds: seconds.saturating_sub(i64::from(offset)), nanos: 0, offset })
}

/// `Z`, or hours and minutes; no other way to write UTC.
fn offset(zone: &[u8]) -> Option<i32> {
    let (sign, zone) = match zone {
        [b'Z'] => return Some(0),
        [b'+', rest @ ..] => (1, rest),
        [b'-', rest @ ..] => (-1, rest),
        _ => return None,
    };
    let [a, b, c, d] = *zone else { return None };
    if !zone.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let number = |ten: u8, one: u8| {
        i32::from(ten.saturating_sub(b'0'))
            .saturating_mul(10)
            .saturating_add(i32::from(one.saturating_sub(b'0')))
    };
    let (hours, minutes) = (number(a, b), number(c, d));
    let seconds = hours.saturating_mul(60).saturating_add(minutes).saturating_mul(60);
    (hours <= 24 && minutes < 60 && seconds > 0).then(|| seconds.saturating_mul(sign))
}

/// Whether a text is a domain; in a constraint it may begin with a dot.
pub(super) fn is_domain(text: &str, constraint: bool) -> bool {
    if text.is_empty() {
        return true;
    }
    let labels = if constraint { text.strip_prefix('.').unwrap_or(text) } else { text };
    !text.ends_with('.')
        && text.bytes().all(|byte| (33..=126).contains(&byte))
        && labels.split('.').all(|label| !label.is_empty())
}

/// Whether a text is a mailbox, as RFC 2821 has it.
pub(super) fn is_mailbox(text: &str) -> bool {
    let bytes = text.as_bytes();
    let rest = match bytes {
        [] => return false,
        [b'"', inside @ ..] => match quoted(inside) {
            Some(rest) => rest,
            None => return false,
        },
        _ => match atoms(bytes) {
            Some(rest) => rest,
            None => return false,
        },
    };
    let Some(domain) = rest.strip_prefix(b"@") else { return false };
    std::str::from_utf8(domain).is_ok_and(|domain| is_domain(domain, false))
}

/// What follows a quoted text whose first quote is read.
fn quoted(mut text: &[u8]) -> Option<&[u8]> {
    loop {
        let (byte, rest) = text.split_first()?;
        text = rest;
        match byte {
            b'"' => return Some(text),
            b'\\' => {
                let (escaped, rest) = text.split_first()?;
                text = rest;
                if !matches!(escaped, 1..=9 | 11 | 12 | 14..=127) {
                    return None;
                }
            }
            1..=8 | 11 | 12 | 14..=33 | 35..=91 | 93..=127 => {}
            _ => return None,
        }
    }
}

/// What follows the characters of a name, between which dots may stand.
fn atoms(text: &[u8]) -> Option<&[u8]> {
    let mut rest = text;
    let mut local = Vec::new();
    loop {
        match rest {
            [b'\\', escaped, after @ ..] => {
                local.push(*escaped);
                rest = after;
            }
            [b'\\'] => return None,
            [byte, after @ ..] if byte.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~.".contains(byte) => {
                local.push(*byte);
                rest = after;
            }
            _ => break,
        }
    }
    let dots = local.starts_with(b".") || local.ends_with(b".") || local.windows(2).any(|pair| pair == b"..");
    (!local.is_empty() && !dots).then_some(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_one_form_each() {
        let read = |tag: u8, text: &str| {
            let mut bytes = vec![tag, text.len() as u8];
            bytes.extend_from_slice(text.as_bytes());
            time(&mut Der::new(&bytes)).map(|time| time.to_string()).map_err(|mistake| mistake.to_string())
        };
        for (tag, text, expected) in [
            (23, "240229235958Z", Some("2024-02-29T23:59:58Z")),
            (23, "500101000000Z", Some("1950-01-01T00:00:00Z")),
            (23, "4901010000Z", Some("2049-01-01T00:00:00Z")),
            (23, "240101000000+0530", Some("2024-01-01T00:00:00+05:30")),
            (24, "20240101000000Z", Some("2024-01-01T00:00:00Z")),
            (23, "240101000000+0000", None),
            (23, "230229000000Z", None),
            (23, "240101000000", None),
            (24, "202401010000Z", None),
            (24, "20240101000000.5Z", None),
            (24, "20241301000000Z", None),
        ] {
            assert_eq!(read(tag, text).ok().as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn domains_and_mailboxes_are_told_from_other_texts() {
        for (text, constraint, yes) in [
            ("", false, true),
            ("a.b", false, true),
            (".a", true, true),
            (".a", false, false),
            ("a..b", false, false),
            ("a.", false, false),
            ("a b", false, false),
            (".", true, false),
        ] {
            assert_eq!(is_domain(text, constraint), yes, "{text}");
        }
        for (text, yes) in [
            ("a@b.c", true),
            ("\"a b\"@c", true),
            ("a.b@c", true),
            ("a..b@c", false),
            (".a@c", false),
            ("a@", true),
            ("a", false),
            ("\"a", false),
            ("a\\@b@c", true),
        ] {
            assert_eq!(is_mailbox(text), yes, "{text}");
        }
    }
}

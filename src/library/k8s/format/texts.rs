//! Formats of kube-openapi's `strfmt`: UUIDs, base64, dates and times.

/// Eight, four, four, four and twelve hexadecimal digits, with dashes between them or not.
pub(super) fn is_uuid(text: &[u8]) -> bool {
    let mut rest = text;
    for (index, length) in [8, 4, 4, 4, 12].into_iter().enumerate() {
        if index > 0 {
            rest = rest.strip_prefix(b"-").unwrap_or(rest);
        }
        match rest.split_at_checked(length) {
            Some((group, after)) if group.iter().all(u8::is_ascii_hexdigit) => rest = after,
            _ => return false,
        }
    }
    rest.is_empty()
}

/// Groups of four digits of which the last may be padded, and no nothing.
pub(super) fn is_base64(text: &[u8]) -> bool {
    let is_digit = |byte: &u8| byte.is_ascii_alphanumeric() || b"+/".contains(byte);
    let padding = text.iter().rev().take_while(|byte| **byte == b'=').count();
    let digits = text.get(..text.len().saturating_sub(padding)).unwrap_or_default();
    !text.is_empty() && text.len().is_multiple_of(4) && padding <= 2 && digits.iter().all(is_digit)
}

/// The number that exactly two digits are.
fn two(text: &[u8]) -> Option<u8> {
    match text {
        [a @ b'0'..=b'9', b @ b'0'..=b'9'] => {
            a.checked_sub(b'0')?.checked_mul(10)?.checked_add(b.checked_sub(b'0')?)
        }
        _ => None,
    }
}

/// `2006-01-02`, a day that exists.
pub(super) fn is_date(text: &[u8]) -> bool {
    let [a, b, c, d, b'-', e, f, b'-', g, h] = *text else { return false };
    let (Some(century), Some(year), Some(month), Some(day)) =
        (two(&[a, b]), two(&[c, d]), two(&[e, f]), two(&[g, h]))
    else {
        return false;
    };
    let leap = if year == 0 { century % 4 == 0 } else { year % 4 == 0 };
    let days = match month {
        2 if leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return false,
    };
    (1..=days).contains(&day)
}

/// A date, a `t` and a time with its zone; what follows another `t` is not looked at.
pub(super) fn is_date_time(text: &str) -> bool {
    let lower = text.to_lowercase();
    let mut parts = lower.split('t');
    let (Some(date), Some(time)) = (parts.next(), parts.next()) else { return false };
    text.len() >= 4 && is_date(date.as_bytes()) && is_time(time)
}

fn is_time(text: &str) -> bool {
    let Some((clock, rest)) = text.split_at_checked(8) else { return false };
    let &[a, b, b':', c, d, b':', e, f] = clock.as_bytes() else { return false };
    let within = |digits: &[u8], most| two(digits).is_some_and(|number| number <= most);
    within(&[a, b], 23) && within(&[c, d], 59) && within(&[e, f], 59) && (is_zone(rest) || is_fraction(rest))
}

/// Any character, digits, and a zone.
fn is_fraction(text: &str) -> bool {
    let mut chars = text.chars();
    let separated = chars.next().is_some_and(|c| c != '\n');
    let after = chars.as_str();
    let zone = after.trim_start_matches(|c: char| c.is_ascii_digit());
    separated && zone.len() < after.len() && is_zone(zone)
}

fn is_zone(text: &str) -> bool {
    match text.as_bytes() {
        [b'z'] => true,
        [b'+' | b'-', a, b, b':', c, d] => [a, b, c, d].into_iter().all(u8::is_ascii_digit),
        _ => false,
    }
}

//! ASN.1's distinguished encoding, as strict as `golang.org/x/crypto/cryptobyte` reads it.

pub(super) const BOOLEAN: u8 = 1;
pub(super) const INTEGER: u8 = 2;
pub(super) const BIT_STRING: u8 = 3;
pub(super) const OCTET_STRING: u8 = 4;
pub(super) const OBJECT_IDENTIFIER: u8 = 6;
pub(super) const UTC_TIME: u8 = 23;
pub(super) const GENERALIZED_TIME: u8 = 24;
pub(super) const SEQUENCE: u8 = 0x30;
pub(super) const SET: u8 = 0x31;

/// A tag that means something in its context only.
pub(super) const fn runtime(number: u8) -> u8 {
    0x80 | number
}

/// The same of something with parts.
pub(in crate::library::kyverno) const fn context_parts(number: u8) -> u8 {
    0xa0 | number
}

/// An object identifier.
pub(super) type Oid = Vec<u32>;

/// What is left to read.
#[derive(Clone, Copy, Debug)]
pub(in crate::library::kyverno) struct Der<'d> {
    rest: &'d [u8],
}

/// An element: its tag, what is in it, and all of it.
#[derive(Clone, Copy, Debug)]
pub(in crate::library::kyverno) struct Element<'d> {
    pub(in crate::library::kyverno) tag: u8,
    pub(in crate::library::kyverno) inside: &'d [u8],
    pub(in crate::library::kyverno) whole: &'d [u8],
}

impl<'d> Der<'d> {
    pub(in crate::library::kyverno) fn new(rest: &'d [u8]) -> Der<'d> {
        Der { rest }
    }

    pub(in crate::library::kyverno) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// Whether an element with this tag begins here.
    pub(in crate::library::kyverno) fn peek(&self, tag: u8) -> bool {
        self.rest.first() == Some(&tag)
    }

    /// The next element.
    pub(in crate::library::kyverno) fn any(&mut self) -> Option<Element<'d>> {
        let [tag, length, after @ ..] = self.rest else { return None };
        if tag & 0x1f == 0x1f {
            return None;
        }
        let (header, length) = if length & 0x80 == 0 {
            (2, usize::from(*length))
        } else {
            let digits = usize::from(length & 0x7f);
            let digits = after.get(..digits).filter(|digits| (1..=4).contains(&digits.len()))?;
            let length = digits.iter().fold(0_usize, |length, digit| length << 8 | usize::from(*digit));
            // Neither a zero in front nor a length that fits into one byte.
            if length < 128 || digits.first() == Some(&0) {
                return None;
            }
            (digits.len().saturating_add(2), length)
        };
        let (whole, rest) = self.rest.split_at_checked(header.checked_add(length)?)?;
        self.rest = rest;
        Some(Element { tag: *tag, inside: whole.get(header..)?, whole })
    }

    /// What is in the next element, which has this tag.
    pub(super) fn read(&mut self, tag: u8) -> Option<&'d [u8]> {
        self.any().filter(|element| element.tag == tag).map(|element| element.inside)
    }

    /// What is left to read of the next element, which has this tag.
    pub(super) fn enter(&mut self, tag: u8) -> Option<Der<'d>> {
        self.read(tag).map(Der::new)
    }

    /// All of the next element, which has this tag.
    pub(super) fn element(&mut self, tag: u8) -> Option<&'d [u8]> {
        self.any().filter(|element| element.tag == tag).map(|element| element.whole)
    }

    /// What is in the next element if it has this tag.
    pub(super) fn optional(&mut self, tag: u8) -> Option<Option<&'d [u8]>> {
        if self.peek(tag) { self.read(tag).map(Some) } else { Some(None) }
    }

    pub(super) fn boolean(&mut self) -> Option<bool> {
        match self.read(BOOLEAN)? {
            [0] => Some(false),
            [0xff] => Some(true),
            _ => None,
        }
    }

    /// The bytes of a number, in as few as there can be.
    pub(super) fn integer(&mut self, tag: u8) -> Option<&'d [u8]> {
        let bytes = self.read(tag)?;
        match bytes {
            [] => None,
            [0, next, ..] if next & 0x80 == 0 => None,
            [0xff, next, ..] if next & 0x80 != 0 => None,
            _ => Some(bytes),
        }
    }

    pub(super) fn int(&mut self, tag: u8) -> Option<i64> {
        let bytes = self.integer(tag).filter(|bytes| bytes.len() <= 8)?;
        let sign = if bytes.first()? & 0x80 == 0 { 0 } else { -1 };
        Some(bytes.iter().fold(sign, |number, byte| number << 8 | i64::from(*byte)))
    }

    /// A number that is not negative and below 2^63.
    pub(super) fn uint(&mut self) -> Option<i64> {
        self.int(INTEGER).filter(|number| *number >= 0)
    }

    pub(super) fn oid(&mut self) -> Option<Oid> {
        let bytes = self.read(OBJECT_IDENTIFIER).filter(|bytes| !bytes.is_empty())?;
        components(bytes)
    }

    /// The bytes of a bit string, and how many bits of the last one are none.
    pub(super) fn bit_string(&mut self) -> Option<(&'d [u8], u32)> {
        let (padding, bytes) = self.read(BIT_STRING)?.split_first()?;
        let mask = 1_u8.wrapping_shl(u32::from(*padding)).wrapping_sub(1);
        let fits = match bytes.last() {
            Some(last) => last & mask == 0,
            None => *padding == 0,
        };
        (*padding <= 7 && fits).then_some((bytes, u32::from(*padding)))
    }
}

/// The components of an object identifier, each below 2^31.
fn components(bytes: &[u8]) -> Option<Oid> {
    let mut oid = Vec::new();
    let mut component = 0_u32;
    let mut begin = true;
    for byte in bytes {
        if begin && *byte == 0x80 || component >= 1 << 24 {
            return None;
        }
        component = component << 7 | u32::from(byte & 0x7f);
        begin = byte & 0x80 == 0;
        if !begin {
            continue;
        }
        if oid.is_empty() {
            let first = (component / 40).min(2);
            oid.push(first);
            component = component.saturating_sub(first.saturating_mul(40));
        }
        oid.push(component);
        component = 0;
    }
    begin.then_some(oid)
}

/// The components of an identifier that only has to be well formed; an empty list if one is too large.
pub(super) fn loose_components(bytes: &[u8]) -> Option<Oid> {
    let starts = bytes.iter().enumerate().filter(|(at, _)| {
        at.checked_sub(1).is_none_or(|before| bytes.get(before).is_some_and(|byte| byte & 0x80 == 0))
    });
    let ends = bytes.last().is_some_and(|last| last & 0x80 == 0);
    (ends && starts.into_iter().all(|(_, byte)| *byte != 0x80)).then(|| components(bytes).unwrap_or_default())
}

/// The bits of a bit string moved so that the last one is the lowest of the last byte.
pub(super) fn right_aligned(bytes: &[u8], padding: u32) -> Vec<u8> {
    let before = std::iter::once(0).chain(bytes.iter().copied());
    before
        .zip(bytes)
        .map(|(high, low)| {
            let pair = u16::from(high) << 8 | u16::from(*low);
            pair.wrapping_shr(padding) as u8
        })
        .collect()
}

/// A number that is not negative, in decimal digits.
pub(super) fn decimal(bytes: &[u8]) -> String {
    const BASE: u64 = 1_000_000_000;
    // The lowest digits, nine at a time, come first.
    let mut limbs: Vec<u64> = vec![0];
    for byte in bytes {
        let mut carry = u64::from(*byte);
        for limb in &mut limbs {
            let sum = limb.saturating_mul(256).saturating_add(carry);
            (*limb, carry) = (sum % BASE, sum / BASE);
        }
        if carry > 0 {
            limbs.push(carry);
        }
    }
    let mut limbs = limbs.iter().rev();
    let first = limbs.next().copied().unwrap_or_default().to_string();
    limbs.fold(first, |text, limb| format!("{text}{limb:09}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_one_encoding_of_each_value_is_read() {
        for (bytes, expected) in [
            (&[2, 1, 5][..], Some(5)),
            (&[2, 1, 0xff], Some(-1)),
            (&[2, 2, 0, 0x80], Some(128)),
            (&[2, 2, 0, 5], None),
            (&[2, 2, 0xff, 0x80], None),
            (&[2, 0], None),
            (&[2, 0x81, 1, 5], None),
            (&[2, 2, 5], None),
            (&[2, 9, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], None),
        ] {
            assert_eq!(Der::new(bytes).int(INTEGER), expected, "{bytes:?}");
        }
        assert_eq!(Der::new(&[6, 3, 0x2a, 0x86, 0x48]).oid(), Some(vec![1, 2, 840]));
        assert_eq!(Der::new(&[6, 2, 0x88, 0x37]).oid(), Some(vec![2, 999]));
        assert_eq!(Der::new(&[6, 2, 0x2a, 0x86]).oid(), None);
        assert_eq!(Der::new(&[6, 2, 0x2a, 0x80]).oid(), None);
        assert_eq!(Der::new(&[3, 2, 7, 0x80]).bit_string(), Some((&[0x80][..], 7)));
        assert_eq!(Der::new(&[3, 2, 7, 0x81]).bit_string(), None);
    }

    #[test]
    fn large_numbers_have_all_their_digits() {
        assert_eq!(decimal(&[]), "0");
        assert_eq!(decimal(&[1, 0, 0, 0, 0, 0, 0, 0, 0]), "18446744073709551616");
        assert_eq!(decimal(&[0x3b, 0x9a, 0xca, 0x00]), "1000000000");
    }

    #[test]
    fn bits_are_moved_to_the_right() {
        assert_eq!(right_aligned(&[0x80, 0x10], 4), [0x08, 0x01]);
        assert_eq!(right_aligned(&[0x80], 0), [0x80]);
    }
}

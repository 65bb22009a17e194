//! What a decision is found by: random, so that it says nothing of the call. Where ids come from is a capability.

use std::collections::hash_map::RandomState;
use std::fmt;
use std::hash::BuildHasher as _;

use bumpalo::Bump;
use sha2::{Digest as _, Sha256};

/// The id of a decision, printed as thirty-two hexadecimal digits. An answer that denies carries it, and so does the
/// record.
///
/// ```
/// use toolgate::{DecisionId, Scratch};
///
/// assert_eq!(DecisionId::from(0xfeed).to_string(), "0000000000000000000000000000feed");
/// // The decisions of a test have ids that it knows.
/// let mut last = 0;
/// let scratch = Scratch::with_ids(move || {
///     last += 1;
///     DecisionId::from(last)
/// });
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DecisionId(u128);

impl DecisionId {
    /// The id as a number, of which a decision's random texts are made.
    pub(crate) fn number(self) -> u128 {
        self.0
    }

    /// The id as it is printed, without the detour of formatting: every decision has one.
    pub(crate) fn text(self, arena: &Bump) -> &str {
        let digit = |nibble: u8| if nibble < 10 { b'0' | nibble } else { b'W'.wrapping_add(nibble) };
        let digits = self.0.to_be_bytes().map(|byte| [digit(byte >> 4), digit(byte & 0xf)]);
        let digits: &[[u8; 2]] = arena.alloc_slice_copy(&digits);
        std::str::from_utf8(digits.as_flattened()).unwrap_or_default()
    }
}

impl From<u128> for DecisionId {
    fn from(id: u128) -> Self {
        DecisionId(id)
    }
}

impl fmt::Display for DecisionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

/// A source of ids: one for each decision. Tests and whoever runs records again bring their own.
pub(crate) type DecisionIds = Box<dyn FnMut() -> DecisionId + Send>;

/// Ids that nobody can foresee or compute from a call: SHA-256 of a counter behind a secret of this process, of which each
/// half is one.
pub(crate) fn random_ids() -> DecisionIds {
    let secret = secret();
    let mut count = 0_u128;
    let mut digest = [0_u8; 32];
    Box::new(move || {
        let second = count & 1 == 1;
        if !second {
            digest = Sha256::new().chain_update(secret).chain_update(count.to_be_bytes()).finalize().into();
        }
        count = count.wrapping_add(1);
        let half = digest.iter().skip(if second { 16 } else { 0 }).take(16);
        DecisionId(half.fold(0, |id, byte| id << 8 | u128::from(*byte)))
    })
}

/// Thirty-two bytes that the standard library's random keys, which come from the operating system, decide.
fn secret() -> [u8; 32] {
    let mut secret = Sha256::new();
    for part in 0..4_u8 {
        secret.update(RandomState::new().hash_one(part).to_be_bytes());
    }
    secret.finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn no_id_comes_twice_from_any_source() {
        let (mut first, mut second) = (random_ids(), random_ids());
        let ids: HashSet<String> =
            (0..1_000).flat_map(|_| [first().to_string(), second().to_string()]).collect();
        assert_eq!(ids.len(), 2_000);
        assert!(ids.iter().all(|id| id.len() == 32 && id.bytes().all(|c| c.is_ascii_hexdigit())));
        let (id, arena) = (first(), Bump::new());
        assert_eq!(id.text(&arena), id.to_string());
        assert_eq!(DecisionId(0xfeed).text(&arena), DecisionId(0xfeed).to_string());
    }
}

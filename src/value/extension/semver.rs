//! Semantic versions with the order of github.com/blang/semver: build metadata counts for nothing.

use std::cmp::Ordering;

/// A version.
#[derive(Clone, Copy, Debug)]
pub struct Semver<'a> {
    /// The first number.
    pub major: u64,
    /// The second number.
    pub minor: u64,
    /// The third number.
    pub patch: u64,
    /// What follows `-`, split at dots.
    pub pre: &'a [PreRelease<'a>],
    /// The whole version, build metadata too.
    pub text: &'a str,
}

/// One identifier of a pre-release; numbers are smaller than texts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum PreRelease<'a> {
    /// A number.
    Number(u64),
    /// Letters, digits and dashes.
    Text(&'a str),
}

impl Semver<'_> {
    /// The order of two versions.
    pub fn compare(&self, other: &Semver<'_>) -> Ordering {
        let numbers = |version: &Semver<'_>| (version.major, version.minor, version.patch);
        let release = |version: &Semver<'_>| version.pre.is_empty();
        numbers(self).cmp(&numbers(other)).then_with(|| {
            // A version without a pre-release follows all its pre-releases.
            release(self).cmp(&release(other)).then_with(|| self.pre.iter().cmp(other.pre.iter()))
        })
    }

    /// About how many bytes are looked at to compare with `other`.
    pub fn cost_with(&self, other: &Semver<'_>) -> usize {
        // Known without a look at the identifiers, which would be work of its own.
        let most =
            |version: &Semver<'_>| version.pre.len().saturating_mul(8).saturating_add(version.text.len());
        if self.pre.is_empty() || other.pre.is_empty() { 0 } else { most(self).min(most(other)) }
    }
}

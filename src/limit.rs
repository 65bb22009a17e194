//! How a limit is told that something is over, and that no setting changes it. Which limits there are is known where they are
//! kept.

use std::fmt::Display;

/// `more than 10000 policies, the limit (fixed)`: a limit that nothing changes.
pub fn over(most: impl Display, of_what: &str) -> String {
    let blank = if of_what.is_empty() { "" } else { " " };
    format!("more than {most}{blank}{of_what}, the limit (fixed)")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_told_with_its_value() {
        assert_eq!(over(10_000, "policies"), "more than 10000 policies, the limit (fixed)");
        assert_eq!(over(8, ""), "more than 8, the limit (fixed)");
    }
}

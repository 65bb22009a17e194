//! How a limit is told that something is over: its value, and the setting that changes it. Which limits there are is known
//! where they are kept.

use std::fmt::Display;

/// `more than 10000 policies, the limit (fixed)`: a limit that nothing changes.
pub fn over(most: impl Display, of_what: &str) -> String {
    told(most, of_what, "fixed")
}

/// ``more than 2048 bytes, the limit (`capabilities.http.maxBytes`)``: a limit that a setting has.
pub fn over_setting(most: impl Display, of_what: &str, setting: &str) -> String {
    told(most, of_what, &format!("`{setting}`"))
}

fn told(most: impl Display, of_what: &str, set_by: &str) -> String {
    let blank = if of_what.is_empty() { "" } else { " " };
    format!("more than {most}{blank}{of_what}, the limit ({set_by})")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_told_with_its_value_and_with_what_changes_it() {
        assert_eq!(over(10_000, "policies"), "more than 10000 policies, the limit (fixed)");
        assert_eq!(over(8, ""), "more than 8, the limit (fixed)");
        assert_eq!(over_setting(9, "bytes", "a.b"), "more than 9 bytes, the limit (`a.b`)");
    }
}

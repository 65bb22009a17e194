//! What Kyverno's environments have and Toolgate does not have yet, by name, so that a policy that uses it is
//! told so instead of being told that there is no such thing.

/// Names of functions, types and variables, with the library that brings them. A member function has no receiver
/// here; a name that is also declared by a supported library is not in the list.
///
/// Empty while everything that Kyverno declares is here; `tests/library.rs` compares.
const NAMES: &[(&str, &[&str])] = &[];

/// The library that brings `name` in Kyverno and is not supported yet.
pub fn unsupported(name: &str) -> Option<&'static str> {
    NAMES.iter().find(|(_, names)| names.contains(&name)).map(|(library, _)| *library)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn later_libraries_are_named_and_present_ones_are_not() {
        for present in [
            "jwks.Fetch",
            "http.Denied",
            "http.Allowed",
            "mcp.Parse",
            "json.Unmarshal",
            "size",
            "format",
            "nope",
        ] {
            assert_eq!(unsupported(present), None, "{present}");
        }
    }
}

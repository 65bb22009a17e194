//! When two names are one for Go: Unicode simple folding, as `bytes.EqualFold` and `encoding/json` use it.

/// True if `name` differs from the ASCII name `known` at most by case, where case is Unicode's simple folding:
/// besides the ASCII letters, `ſ` is an `s` and the Kelvin sign a `k`.
pub fn folds_to(known: &str, name: &str) -> bool {
    // Nearly all names begin with another letter.
    if let (Some(due), Some(first)) = (known.as_bytes().first(), name.as_bytes().first())
        && first.is_ascii()
        && !first.eq_ignore_ascii_case(due)
    {
        return false;
    }
    // What folds to ASCII is ASCII or has more bytes than letters; most names differ in length already.
    if name.len() < known.len() || name.len() > known.len() && name.is_ascii() {
        return false;
    }
    if name == known {
        return true;
    }
    let mut letters = known.bytes();
    let same =
        name.chars().all(|c| letters.next().is_some_and(|letter| fold(c) == letter.to_ascii_lowercase()));
    same && letters.next().is_none()
}

/// The lower-case ASCII letter that a character folds to; 0xff, which no name has, for what folds to none.
fn fold(c: char) -> u8 {
    match c {
        'ſ' => b's',
        '\u{212a}' => b'k',
        _ => u8::try_from(c).map_or(0xff, |byte| if byte < 0x80 { byte.to_ascii_lowercase() } else { 0xff }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_fold_as_in_go() {
        for (known, name, same) in [
            ("params", "params", true),
            ("params", "PARAMS", true),
            ("params", "paramſ", true),
            ("task", "tas\u{212a}", true),
            ("_meta", "_META", true),
            ("params", "param", false),
            ("params", "paramss", false),
            ("params", "pärams", false),
            ("i", "ı", false),
            ("i", "İ", false),
            ("id", "ÿd", false),
            ("", "", true),
        ] {
            assert_eq!(folds_to(known, name), same, "{known} {name}");
        }
    }
}

//! Header names in the form in which Go keeps them.

use bumpalo::Bump;

/// The canonical form of a header name (Go's `CanonicalMIMEHeaderKey`): the first letter and each letter behind a
/// `-` in upper case, the others in lower case. A name with any byte that no header name has stays as it is.
pub fn canonical_key<'a>(name: &'a str, arena: &'a Bump) -> &'a str {
    let mut upper = true;
    let mut canonical = true;
    for c in name.bytes() {
        if !is_token(c) {
            return name;
        }
        canonical &= c == cased(c, upper);
        upper = c == b'-';
    }
    if canonical {
        return name;
    }
    let mut upper = true;
    let bytes = arena.alloc_slice_fill_iter(name.bytes().map(|c| {
        let c = cased(c, std::mem::take(&mut upper));
        upper = c == b'-';
        c
    }));
    std::str::from_utf8(bytes).unwrap_or(name)
}

fn cased(c: u8, upper: bool) -> u8 {
    if upper { c.to_ascii_uppercase() } else { c.to_ascii_lowercase() }
}

/// True for the bytes of an RFC 7230 token.
pub fn is_token(c: u8) -> bool {
    c.is_ascii_alphanumeric()
        || matches!(
            c,
            b'!' | b'#'
                | b'$'
                | b'%'
                | b'&'
                | b'\''
                | b'*'
                | b'+'
                | b'-'
                | b'.'
                | b'^'
                | b'_'
                | b'`'
                | b'|'
                | b'~'
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_canonical_as_in_go() {
        let arena = Bump::new();
        for (name, expected) in [
            ("x-foo", "X-Foo"),
            ("x-FOO-bar", "X-Foo-Bar"),
            ("X_under", "X_under"),
            ("WWW-AUTHENTICATE", "Www-Authenticate"),
            ("X-Tool-Name", "X-Tool-Name"),
            ("-a--b", "-A--B"),
            ("1a", "1a"),
            ("x foo", "x foo"),
            ("x:foo", "x:foo"),
            ("x-é", "x-é"),
            ("", ""),
        ] {
            assert_eq!(canonical_key(name, &arena), expected);
        }
    }
}

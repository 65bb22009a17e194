//! Header names in the form in which Go keeps them.

use bumpalo::Bump;

/// The canonical form of a header name (Go's `CanonicalMIMEHeaderKey`): the first letter and each letter behind a
/// `-` in upper case, the others in lower case. A name with any byte that no header name has stays as it is.
pub fn canonical_key<'a>(name: &'a str, arena: &'a Bump) -> &'a str {
    // Without branches: names are short, and nearly all of them are canonical already.
    let (mut upper, mut all, mut wrong) = (true, TOKEN, 0);
    for c in name.bytes() {
        let class = CLASSES.get(usize::from(c)).copied().unwrap_or_default();
        all &= class;
        wrong |= class & if upper { LOWER } else { UPPER };
        upper = c == b'-';
    }
    if all == 0 || wrong == 0 {
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

/// The bits of [`CLASSES`].
const TOKEN: u8 = 1;
const UPPER: u8 = 2;
const LOWER: u8 = 4;

/// What each byte is. Policies ask for headers by name again and again, so this is a table.
static CLASSES: [u8; 256] = classes();

#[expect(clippy::indexing_slicing, reason = "a constant: an index out of bounds does not compile")]
#[expect(clippy::arithmetic_side_effects, reason = "a constant: overflow does not compile")]
const fn classes() -> [u8; 256] {
    let mut classes = [0; 256];
    let mut c = 0_u8;
    while c < 0x80 {
        let token = c.is_ascii_alphanumeric()
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
            );
        if token {
            classes[c as usize] |= TOKEN;
        }
        if c.is_ascii_uppercase() {
            classes[c as usize] |= UPPER;
        }
        if c.is_ascii_lowercase() {
            classes[c as usize] |= LOWER;
        }
        c += 1;
    }
    classes
}

/// True for the bytes of an RFC 7230 token.
pub fn is_token(c: u8) -> bool {
    CLASSES.get(usize::from(c)).is_some_and(|class| class & TOKEN != 0)
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

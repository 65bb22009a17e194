//! Sets of characters as Go's regular expressions know them: the Perl and POSIX groups (ASCII), Unicode's categories
//! and scripts under the names that Go takes, case folding; all at Go's version of Unicode.
//!
//! The tables are those of `regex-syntax`, which knows a later Unicode: what is newer than Go's is taken out.

use regex_syntax::hir::{Class, ClassUnicode, ClassUnicodeRange, Hir, HirKind, Literal};

/// What `regex-syntax` calls the characters that Go's Unicode (15.0) has assigned.
const GO_UNICODE: &str = r"\p{Age=15.0}";

/// Characters whose case pairs are newer than Go's Unicode: they fold to nothing there.
const NEWER_FOLDS: &[(char, char)] = &[
    ('\u{1C89}', '\u{1C8A}'),
    ('\u{A7CB}', '\u{A7CD}'),
    ('\u{A7DA}', '\u{A7DC}'),
    ('\u{10D50}', '\u{10D65}'),
    ('\u{10D70}', '\u{10D85}'),
];

/// A set from inclusive ranges.
pub(super) fn set(ranges: &[(char, char)]) -> ClassUnicode {
    ClassUnicode::new(ranges.iter().map(|(lo, hi)| ClassUnicodeRange::new(*lo, *hi)))
}

/// Every character.
pub(super) fn any() -> ClassUnicode {
    set(&[('\0', char::MAX)])
}

/// Code points from `lo` to `hi`; surrogates, which no text has, are left out.
pub(super) fn code_points(lo: u32, hi: u32) -> ClassUnicode {
    let lo = char::from_u32(lo).or((lo <= u32::from(char::MAX)).then_some('\u{E000}'));
    let hi = char::from_u32(hi).or((hi <= u32::from(char::MAX)).then_some('\u{D7FF}'));
    match (lo, hi) {
        (Some(lo), Some(hi)) if lo <= hi => set(&[(lo, hi)]),
        _ => ClassUnicode::empty(),
    }
}

/// The set with all characters that differ from one of it only in case.
pub(super) fn folded(mut class: ClassUnicode) -> ClassUnicode {
    let newer = set(NEWER_FOLDS);
    let mut folded = class.clone();
    folded.difference(&newer);
    folded.case_fold_simple();
    folded.difference(&newer);
    class.union(&folded);
    class
}

/// The set of `\d`, `\s`, `\w` without the backslash; upper case negates.
pub(super) fn perl_group(letter: char) -> Option<(ClassUnicode, bool)> {
    let class = match letter.to_ascii_lowercase() {
        'd' => set(&[('0', '9')]),
        's' => set(&[('\t', '\n'), ('\u{c}', '\r'), (' ', ' ')]),
        'w' => set(&[('0', '9'), ('A', 'Z'), ('_', '_'), ('a', 'z')]),
        _ => return None,
    };
    Some((class, letter.is_ascii_uppercase()))
}

/// The set of `[:name:]`, by the name between the colons; `^` negates.
pub(super) fn posix_group(name: &str) -> Option<(ClassUnicode, bool)> {
    let (name, negated) = match name.strip_prefix('^') {
        Some(name) => (name, true),
        None => (name, false),
    };
    let class = match name {
        "alnum" => set(&[('0', '9'), ('A', 'Z'), ('a', 'z')]),
        "alpha" => set(&[('A', 'Z'), ('a', 'z')]),
        "ascii" => set(&[('\0', '\x7f')]),
        "blank" => set(&[('\t', '\t'), (' ', ' ')]),
        "cntrl" => set(&[('\0', '\x1f'), ('\x7f', '\x7f')]),
        "digit" => set(&[('0', '9')]),
        "graph" => set(&[('!', '~')]),
        "lower" => set(&[('a', 'z')]),
        "print" => set(&[(' ', '~')]),
        "punct" => set(&[('!', '/'), (':', '@'), ('[', '`'), ('{', '~')]),
        "space" => set(&[('\t', '\r'), (' ', ' ')]),
        "upper" => set(&[('A', 'Z')]),
        "word" => set(&[('0', '9'), ('A', 'Z'), ('_', '_'), ('a', 'z')]),
        "xdigit" => set(&[('0', '9'), ('A', 'F'), ('a', 'f')]),
        _ => return None,
    };
    Some((class, negated))
}

/// The set that `\p{name}` means, if Go knows the name. Case, `_`, `-` and blanks in it do not matter.
///
/// `fold` adds the other cases of its characters, but not to `LC`: Go has no table for those.
pub(super) fn unicode_group(name: &str, fold: bool) -> Option<ClassUnicode> {
    let canonical = canonical_name(name);
    let class = unfolded_group(&canonical)?;
    let folds = fold && !matches!(canonical.as_str(), "Lc" | "Casedletter");
    Some(if folds { folded(class) } else { class })
}

fn unfolded_group(canonical: &str) -> Option<ClassUnicode> {
    let mut class = match canonical {
        "Any" => return Some(any()),
        "Ascii" => return Some(set(&[('\0', '\x7f')])),
        "Assigned" => {
            let mut assigned = unassigned();
            assigned.negate();
            return Some(assigned);
        }
        "Cn" | "Unassigned" => return Some(unassigned()),
        // Surrogates are no characters of a text.
        "Cs" | "Surrogate" => return Some(ClassUnicode::empty()),
        "C" | "Other" => {
            let mut other = table(r"\p{C}");
            other.union(&unassigned());
            return Some(other);
        }
        "Lc" | "Casedletter" => table(r"\p{LC}"),
        other if is_listed(CATEGORIES, other) => table(&format!(r"\p{{gc={other}}}")),
        other if is_listed(SCRIPTS, other) => table(&format!(r"\p{{sc={other}}}")),
        _ => return None,
    };
    class.intersect(&table(GO_UNICODE));
    // The only one of Go's characters that a later Unicode put in another category.
    let ahom_vowel = set(&[('\u{1171E}', '\u{1171E}')]);
    match canonical {
        "Mn" | "Nonspacingmark" => class.union(&ahom_vowel),
        "Mc" | "Spacingmark" => class.difference(&ahom_vowel),
        _ => {}
    }
    Some(class)
}

/// What Go's Unicode has not assigned.
fn unassigned() -> ClassUnicode {
    let mut class = table(GO_UNICODE);
    class.negate();
    class.union(&table(r"\p{gc=Cn}"));
    class
}

/// A table of `regex-syntax`; empty for a name that it does not know.
fn table(query: &str) -> ClassUnicode {
    let class = match regex_syntax::parse(query).map(Hir::into_kind) {
        Ok(HirKind::Class(Class::Unicode(class))) => Some(class),
        // A class of one character comes as that character.
        Ok(HirKind::Literal(Literal(bytes))) => {
            let only = std::str::from_utf8(&bytes).ok().and_then(|text| text.chars().next());
            only.map(|c| set(&[(c, c)]))
        }
        _ => None,
    };
    debug_assert!(class.is_some(), "no table for {query}");
    class.unwrap_or_else(ClassUnicode::empty)
}

/// True if `name` is a word of `list`.
fn is_listed(list: &str, name: &str) -> bool {
    list.split(' ').any(|word| word == name)
}

/// Go's canonical form: a capital first letter, then small ones, without `_`, `-` and blanks.
fn canonical_name(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    for c in name.chars().filter(|c| !matches!(c, '_' | '-' | ' ')) {
        out.push(if out.is_empty() { c.to_ascii_uppercase() } else { c.to_ascii_lowercase() });
    }
    out
}

/// Categories and their long names, canonical, that need no treatment of their own.
const CATEGORIES: &str = "\
    Cc Cf Co L Ll Lm Lo Lt Lu M Mc Me Mn N Nd Nl No P Pc Pd Pe Pf Pi Po Ps S Sc Sk Sm So Z Zl Zp Zs \
    Closepunctuation Combiningmark Connectorpunctuation Control Currencysymbol Dashpunctuation \
    Decimalnumber Enclosingmark Finalpunctuation Format Initialpunctuation Letter Letternumber \
    Lineseparator Lowercaseletter Mark Mathsymbol Modifierletter Modifiersymbol Nonspacingmark Number \
    Openpunctuation Otherletter Othernumber Otherpunctuation Othersymbol Paragraphseparator Privateuse \
    Punctuation Separator Spaceseparator Spacingmark Symbol Titlecaseletter Uppercaseletter Cntrl Digit \
    Punct";

/// The scripts that Go finds: those whose name is one word, because Go 1.26 looks the canonical name up in a table
/// of names as Unicode writes them (`Old_Italic` is not found, whatever its spelling).
const SCRIPTS: &str = "\
    Adlam Ahom Arabic Armenian Avestan Balinese Bamum Batak Bengali Bhaiksuki Bopomofo Brahmi Braille \
    Buginese Buhid Carian Chakma Cham Cherokee Chorasmian Common Coptic Cuneiform Cypriot Cyrillic \
    Deseret Devanagari Dogra Duployan Elbasan Elymaic Ethiopic Georgian Glagolitic Gothic Grantha Greek \
    Gujarati Gurmukhi Han Hangul Hanunoo Hatran Hebrew Hiragana Inherited Javanese Kaithi Kannada \
    Katakana Kawi Kharoshthi Khmer Khojki Khudawadi Lao Latin Lepcha Limbu Lisu Lycian Lydian Mahajani \
    Makasar Malayalam Mandaic Manichaean Marchen Medefaidrin Miao Modi Mongolian Mro Multani Myanmar \
    Nabataean Nandinagari Newa Nko Nushu Ogham Oriya Osage Osmanya Palmyrene Phoenician Rejang Runic \
    Samaritan Saurashtra Sharada Shavian Siddham Sinhala Sogdian Soyombo Sundanese Syriac Tagalog \
    Tagbanwa Takri Tamil Tangsa Tangut Telugu Thaana Thai Tibetan Tifinagh Tirhuta Toto Ugaritic Vai \
    Vithkuqi Wancho Yezidi Yi";

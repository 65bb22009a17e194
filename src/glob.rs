//! Glob patterns of names, compiled in one place, so that what is refused anywhere is refused everywhere.
//!
//! Knows patterns and texts only; whose names they are is the user's business. Every limit here is far above what a
//! deployment writes, and low enough that neither compiling nor matching can use up stack, memory or time.

use std::fmt;

use globset::{ErrorKind, Glob, GlobBuilder, GlobSet, GlobSetBuilder};

use crate::limit::over;

/// The most bytes of one pattern.
pub const MAX_PATTERN_BYTES: usize = 512;
/// The deepest that `{…}` nest in one pattern; braces in a class, as in `[{]`, count too.
pub const MAX_BRACES: usize = 8;
/// The most patterns of one list.
pub const MAX_PATTERNS: usize = 1_000;
/// The most bytes of all patterns of one list together, which bounds what they compile to.
pub const MAX_LIST_BYTES: usize = 32 * 1024;

/// Whether upper and lower case differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Case {
    /// They do.
    Differs,
    /// They do not.
    Ignored,
}

/// What is wrong with patterns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wrong {
    /// One of them, by its place in the list, with words that follow the pattern.
    Pattern(usize, String),
    /// All of them together, in words that follow the name of the list.
    List(String),
}

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Wrong::Pattern(at, wrong) => write!(f, "pattern {} {wrong}", at.saturating_add(1)),
            Wrong::List(wrong) => write!(f, "the list {wrong}"),
        }
    }
}

/// A list of patterns for whole names without a path's structure: `*` and `?` match `/` too.
#[derive(Clone, Debug, Default)]
pub struct Globs(GlobSet);

impl Globs {
    /// Compiles a list.
    ///
    /// # Errors
    /// Everything that is wrong with it: a pattern that is none, or a limit that is passed.
    pub fn new<'a>(
        patterns: impl ExactSizeIterator<Item = &'a str>,
        case: Case,
    ) -> Result<Globs, Vec<Wrong>> {
        Globs::of(parsed(patterns, case)?)
    }

    /// Compiles each pattern of a list by itself, for those who want to know which of them matches first: a list that is
    /// asked for that takes memory for its answer.
    ///
    /// # Errors
    /// As [`Globs::new`].
    pub fn each<'a>(
        patterns: impl ExactSizeIterator<Item = &'a str>,
        case: Case,
    ) -> Result<Vec<Globs>, Vec<Wrong>> {
        parsed(patterns, case)?.into_iter().map(|glob| Globs::of([glob])).collect()
    }

    fn of(globs: impl IntoIterator<Item = Glob>) -> Result<Globs, Vec<Wrong>> {
        let mut set = GlobSetBuilder::new();
        for glob in globs {
            set.add(glob);
        }
        let built = set.build().map(Globs);
        built.map_err(|error| vec![Wrong::List(format!("does not compile: {}", error.kind()))])
    }

    /// Whether one of them matches `name` from end to end.
    pub fn is_match(&self, name: &str) -> bool {
        self.0.is_match(name)
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether they match whatever a tool's name can be, with or without a target: asked of made names, one with every
    /// character that a name may begin with, because a pattern can say "everything" in too many ways to know it by its
    /// text.
    pub fn match_every_tool(&self) -> bool {
        let mut beginnings = ('a'..='z').chain('A'..='Z').chain('0'..='9');
        beginnings.all(|c| {
            [format!("{c}q7-x.w___{c}zk_9v"), format!("{c}___{c}")].iter().all(|name| self.is_match(name))
        })
    }

    /// Whether they match whatever a target can be, and that a tool has none.
    pub fn match_every_target(&self) -> bool {
        let beginnings = ('a'..='z').chain('A'..='Z').chain('0'..='9').chain("_./-".chars());
        let mut made = beginnings.flat_map(|c| [c.to_string(), format!("{c}q7-x.w/zk_9v{c}")]);
        self.is_match("") && made.all(|target| self.is_match(&target))
    }
}

/// The patterns of a list, if nothing is wrong with any of them or with the list.
fn parsed<'a>(patterns: impl ExactSizeIterator<Item = &'a str>, case: Case) -> Result<Vec<Glob>, Vec<Wrong>> {
    let count = patterns.len();
    if count > MAX_PATTERNS {
        let wrong = format!("has {count} patterns, {}", over(MAX_PATTERNS, ""));
        return Err(vec![Wrong::List(wrong)]);
    }
    let (mut globs, mut wrong, mut bytes) = (Vec::with_capacity(count), Vec::new(), 0_usize);
    for (at, pattern) in patterns.enumerate() {
        bytes = bytes.saturating_add(pattern.len());
        match glob(pattern, case) {
            Ok(glob) => globs.push(glob),
            Err(error) => wrong.push(Wrong::Pattern(at, error)),
        }
    }
    if wrong.is_empty() && bytes > MAX_LIST_BYTES {
        let over = over(MAX_LIST_BYTES, "");
        wrong.push(Wrong::List(format!("has patterns of {bytes} bytes together, {over}")));
    }
    if wrong.is_empty() { Ok(globs) } else { Err(wrong) }
}

/// What is wrong with one pattern, in words that follow it; none if nothing is.
pub fn wrong(pattern: &str) -> Option<String> {
    match Globs::new([pattern].into_iter(), Case::Ignored).err()?.into_iter().next()? {
        Wrong::Pattern(_, wrong) | Wrong::List(wrong) => Some(wrong),
    }
}

fn glob(pattern: &str, case: Case) -> Result<Glob, String> {
    let length = pattern.len();
    if length > MAX_PATTERN_BYTES {
        let over = over(MAX_PATTERN_BYTES, "");
        return Err(format!("is no glob pattern that is taken: it has {length} bytes, {over}"));
    }
    let depth = depth(pattern);
    if depth > MAX_BRACES {
        let over = over(MAX_BRACES, "");
        return Err(format!("is no glob pattern that is taken: its braces nest {depth} deep, {over}"));
    }
    let mut builder = GlobBuilder::new(pattern);
    let built = builder.literal_separator(false).case_insensitive(case == Case::Ignored).build();
    built.map_err(|error| match error.kind() {
        // The pattern is in the regular expression's own message, on lines of its own.
        ErrorKind::Regex(_) => "is not a glob pattern".to_owned(),
        kind => format!("is not a glob pattern: {kind}"),
    })
}

/// How deep braces nest, those after a `\` left out.
fn depth(pattern: &str) -> usize {
    let (mut depth, mut deepest, mut escaped) = (0_usize, 0_usize, false);
    for character in pattern.chars() {
        match character {
            _ if escaped => {}
            '{' => depth = depth.saturating_add(1),
            '}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        escaped = character == '\\' && !escaped;
        deepest = deepest.max(depth);
    }
    deepest
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(pattern: &str) -> Globs {
        Globs::new([pattern].into_iter(), Case::Differs).unwrap()
    }

    #[test]
    fn every_limit_is_told_with_its_value() {
        for (pattern, due) in [
            ("a".repeat(513), "513 bytes, more than 512"),
            (format!("{}a{}", "{".repeat(9), "}".repeat(9)), "nest 9 deep, more than 8"),
            (format!("{}a{}", "{".repeat(251), "}".repeat(251)), "nest 251 deep"),
            ("{".repeat(50_000), "50000 bytes"),
            ("*a".repeat(200_000), "400000 bytes"),
            ("a[".to_owned(), "is not a glob pattern: unclosed"),
            ("{a".to_owned(), "is not a glob pattern: "),
            ("[z-a]".to_owned(), "is not a glob pattern: "),
        ] {
            let found = wrong(&pattern).unwrap_or_default();
            assert!(found.contains(due), "{found}");
        }
        let eight = format!("{}a{}", "{".repeat(8), "}".repeat(8));
        for pattern in ["a".repeat(512), eight, r"\{\{\{\{\{\{\{\{\{".to_owned()] {
            assert_eq!(wrong(&pattern), None, "{pattern}");
        }
        let many: Vec<String> = (0..1_001).map(|n| format!("*a{n}*b*c")).collect();
        let list = |count: usize| Globs::new(many.iter().take(count).map(String::as_str), Case::Ignored);
        assert!(list(1_000).is_ok());
        let told = |wrong: Vec<Wrong>| wrong.first().map(Wrong::to_string).unwrap_or_default();
        assert!(told(list(1_001).unwrap_err()).contains("1001 patterns, more than 1000"));
        let long = vec!["*a".repeat(256); 65];
        let long = Globs::new(long.iter().map(String::as_str), Case::Ignored);
        assert!(told(long.unwrap_err()).contains("33280 bytes together, more than 32768"));
    }

    /// The widest lists that the limits let pass: they compile, and quickly match a name that is made for them.
    #[test]
    fn what_the_limits_let_pass_compiles() {
        for piece in ["*a", "?", "[!a]", "{a,b*}", "ß", "[a-zA-Z]*"] {
            let pattern = piece.repeat(MAX_PATTERN_BYTES / piece.len());
            let patterns: Vec<String> = vec![pattern; MAX_LIST_BYTES / MAX_PATTERN_BYTES];
            for case in [Case::Differs, Case::Ignored] {
                let set = Globs::new(patterns.iter().map(String::as_str), case);
                assert!(!set.unwrap().is_match(&"ab".repeat(100)) || piece.contains('*'), "{piece}");
            }
        }
    }

    #[test]
    fn a_pattern_for_everything_is_known_however_it_is_written() {
        for pattern in ["*", "***", "?*", "*___*", "{a,*}", "[!~]*", "*_*", "[a-zA-Z0-9]*", "??*"] {
            assert!(one(pattern).match_every_tool(), "{pattern}");
        }
        for pattern in ["a*", "*a", "docs___*", "*___get_*", "{a,b}*", "[a-z]*", "", "???????????*"] {
            assert!(!one(pattern).match_every_tool(), "{pattern}");
        }
        let halves = Globs::new(["[a-z]*", "[A-Z0-9]*"].into_iter(), Case::Differs).unwrap();
        assert!(halves.match_every_tool());
        for (pattern, every) in [("*", true), ("{x,*}", true), ("?*", false), ("a*", false)] {
            assert_eq!(one(pattern).match_every_target(), every, "{pattern}");
        }
    }

    #[test]
    fn the_first_that_matches_counts() {
        let rows = |patterns: &[&str]| Globs::each(patterns.iter().copied(), Case::Ignored).unwrap();
        let first = |rows: &[Globs], name: &str| rows.iter().position(|row| row.is_match(name));
        let set = rows(&["b*", "*a", "*"]);
        assert_eq!([first(&set, "BA"), first(&set, "aA"), first(&set, "c")], [Some(0), Some(1), Some(2)]);
        assert_eq!(first(&rows(&["a"]), "b"), None);
    }
}

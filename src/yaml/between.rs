//! What stands between the scalars of a document and means something else to libyaml than to the parser: names of
//! anchors, tags, tabs, and the `:` of flow mappings.
//!
//! The parser reads YAML 1.2, in which a tag ends before a `,`, an anchor's name may have any character, and a `:` before `,` or `}`
//! ends a key. To libyaml the comma is the tag's, names have letters, digits, `_` and `-`, and the `:` is text. Each of these is
//! refused where it could be one of the two.

use std::ops::Range;

/// A scalar's bytes in the text, and whether it has no quotes.
pub(super) struct Scalar {
    pub(super) bytes: Range<usize>,
    pub(super) plain: bool,
}

/// What the last sign was, as far as it decides what a `:` is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Last {
    /// The end of a quoted text or of a collection: a `:` behind it is the one of a mapping, whatever follows.
    Closed,
    Other,
}

/// A `[` or `{` that is open.
#[derive(Default)]
struct Flow {
    /// Where the entry at hand begins, with its tag and anchor.
    entry: Option<usize>,
    /// Whether its key is complete, or may have several lines because it is behind a `?`.
    keyed: bool,
}

struct Reader<'a> {
    text: &'a str,
    open: Vec<Flow>,
    last: Last,
}

/// The first place between `scalars`, which are in the order of the text, that libyaml reads otherwise, and what is to be
/// said of it.
pub(super) fn unlike(text: &str, scalars: &[Scalar]) -> Option<(Range<usize>, &'static str)> {
    let mut reader = Reader { text, open: Vec::new(), last: Last::Other };
    let mut at = 0;
    for scalar in scalars {
        if let Some(found) = reader.gap(at, scalar.bytes.start) {
            return Some(found);
        }
        reader.begin(scalar.bytes.start);
        reader.last = if scalar.plain { Last::Other } else { Last::Closed };
        at = scalar.bytes.end;
    }
    reader.gap(at, text.len())
}

impl Reader<'_> {
    /// Reads what stands in a gap.
    fn gap(&mut self, mut at: usize, end: usize) -> Option<(Range<usize>, &'static str)> {
        while at < end {
            let rest = self.text.get(at..).unwrap_or_default();
            let Some(sign) = rest.chars().next() else {
                // No place that the parser names lies within a character.
                return Some((at..end, "this is not YAML"));
            };
            let next = at.saturating_add(sign.len_utf8());
            match sign {
                ' ' | '\t' | '\r' | '\n' => {
                    at = next;
                    continue;
                }
                // The parser takes none for a comment that has no blank before it.
                '#' => {
                    at = at.saturating_add(rest.find(['\r', '\n']).unwrap_or(rest.len()));
                    continue;
                }
                '!' => {
                    let token = rest.split([' ', '\t', '\r', '\n']).next().unwrap_or_default();
                    self.begin(at);
                    at = at.saturating_add(token.len());
                    if !is_tag(token) {
                        let message =
                            "a tag has letters, digits, `-`, `_`, `.`, `:` and `/`, and a blank after it";
                        return Some((at.saturating_sub(token.len())..at, message));
                    }
                }
                '&' | '*' => {
                    let name = rest.get(1..).unwrap_or_default();
                    let length = name.find(|sign| !is_of_name(sign)).unwrap_or(name.len());
                    let after = name.get(length..).and_then(|rest| rest.chars().next());
                    self.begin(at);
                    let ends = match after {
                        None | Some(' ' | '\t' | '\r' | '\n') => true,
                        Some(',' | ']' | '}') => !self.open.is_empty(),
                        Some(_) => false,
                    };
                    let behind = next.saturating_add(length);
                    if length == 0 || !ends {
                        let message =
                            "the name of an anchor has letters, digits, `-` and `_`, and a blank after it";
                        return Some((at..behind, message));
                    }
                    at = behind;
                    self.last = Last::Other;
                    continue;
                }
                '[' | '{' => {
                    self.begin(at);
                    self.open.push(Flow::default());
                }
                ']' | '}' => {
                    self.open.pop();
                    self.last = Last::Closed;
                    at = next;
                    continue;
                }
                ',' => {
                    if let Some(flow) = self.open.last_mut() {
                        *flow = Flow::default();
                    }
                }
                '?' => {
                    self.begin(at);
                    if let Some(flow) = self.open.last_mut() {
                        flow.keyed = true;
                    }
                }
                ':' => {
                    if let Some(message) = self.colon(at, rest.get(1..).unwrap_or_default()) {
                        return Some((at..next, message));
                    }
                }
                _ => {}
            }
            self.last = Last::Other;
            at = at.max(next);
        }
        None
    }

    /// Notes where the entry of a flow collection begins.
    fn begin(&mut self, at: usize) {
        if let Some(flow) = self.open.last_mut() {
            flow.entry.get_or_insert(at);
        }
    }

    /// A `:` with this text behind it: what is wrong with it.
    fn colon(&mut self, at: usize, rest: &str) -> Option<&'static str> {
        let flow = self.open.last_mut()?;
        if self.last == Last::Other && !rest.starts_with([' ', '\t', '\r', '\n']) {
            return Some("a `:` inside `[` or `{` needs a blank after it");
        }
        let keyed = std::mem::replace(&mut flow.keyed, true);
        let key = self.text.get(flow.entry.unwrap_or(at)..at).unwrap_or_default();
        let lines = !keyed && key.contains(['\r', '\n']);
        lines.then_some("a key inside `[` or `{` is on one line, with the `:` behind it")
    }
}

/// Whether a tag is one to both: `!<…>`, or a word of signs that no collection ends with.
fn is_tag(token: &str) -> bool {
    let is_of_tag = |sign: char| sign.is_ascii_alphanumeric() || "-_.:/!".contains(sign);
    match token.strip_prefix("!<") {
        Some(rest) => {
            rest.strip_suffix('>').is_some_and(|uri| uri.chars().all(|sign| is_of_tag(sign) || sign == ','))
        }
        None => token.chars().all(is_of_tag),
    }
}

fn is_of_name(sign: char) -> bool {
    sign.is_ascii_alphanumeric() || matches!(sign, '_' | '-')
}

/// How many bytes of a line stand before a tab that libyaml does not take: one in the indentation, or after the
/// `-`, `?` and `:` that start an entry or its value.
pub(super) fn before_tab(line: &str) -> Option<usize> {
    let mut rest = line;
    loop {
        rest = rest.trim_start_matches(' ');
        if rest.starts_with('\t') {
            // Blanks and then a tab on an empty line are no indentation.
            let counts = rest.len() == line.len() || !line.trim().is_empty();
            return counts.then(|| line.len().saturating_sub(rest.len()));
        }
        rest = rest.strip_prefix(['-', '?', ':']).filter(|rest| rest.starts_with([' ', '\t']))?;
    }
}

//! The parser's errors in plain words.

use granit_parser::ErrorKind;

use super::MAX_DEPTH;
use crate::diag::{Code, Diagnostic};
use crate::limit::over;

/// What is told of a document that is nested too deeply, whoever finds it.
pub(super) fn too_deep() -> String {
    format!("the document is nested {}", over(MAX_DEPTH, "levels deep"))
}

/// A diagnostic, still without a place, for an error of the parser.
pub(super) fn diagnostic(kind: &ErrorKind) -> Diagnostic {
    let (code, message, help) = words(kind);
    let diagnostic = Diagnostic::error(code, message);
    if help.is_empty() { diagnostic } else { diagnostic.help(help) }
}

/// Whether the parser complains of a tab.
pub(super) fn is_about_tabs(kind: &ErrorKind) -> bool {
    words(kind).2 == TABS
}

const QUOTES: &str = "put the value in quotes, or into a block that starts with `|` on the line of the key";
const INDENT: &str = "fields of one mapping start in the same column";
const KEYS: &str =
    "fields of one mapping start in the same column, and text that starts with `[` or `{` needs quotes";
const TABS: &str = "indent with spaces; YAML does not allow tabs there";
const ESCAPES: &str = "in double quotes a backslash starts an escape; write `\\\\`, or use single quotes";

/// The code, message and help of an error. Flat on purpose: one row for each thing that the parser can say.
fn words(kind: &ErrorKind) -> (Code, String, &'static str) {
    use ErrorKind as Kind;
    let syntax = |message: &str, help| (Code::YamlSyntax, message.to_owned(), help);
    match kind {
        Kind::RecursionLimitExceeded => (Code::TooDeep, too_deep(), ""),
        Kind::DirectiveDisallowed => (
            Code::YamlDirective,
            "a line that starts with `%` is a directive, which cannot be used here".to_owned(),
            "remove the line; Kyverno cannot read it either",
        ),
        Kind::UnexpectedEofFlowSequence | Kind::ExpectedFlowSequenceSeparator => {
            syntax("expected `,` or `]` in this list", "")
        }
        Kind::UnexpectedEofFlowMapping
        | Kind::UnexpectedEofImplicitFlowMapping
        | Kind::ExpectedFlowMappingSeparator => syntax("expected `,` or `}` in this mapping", ""),
        Kind::UnclosedFlowCollection { open } => syntax(&format!("this `{open}` is never closed"), ""),
        Kind::MismatchedFlowCollectionEnd { open, close } => {
            syntax(&format!("`{close}` does not close the `{open}` before it"), "")
        }
        Kind::MisplacedFlowCollectionEnd => syntax("there is nothing to close here", ""),
        Kind::UnclosedQuotedScalar => syntax("this quoted text is never closed", "add the closing quote"),
        Kind::ExpectedBlockMappingKey
        | Kind::UnexpectedEofBlockMapping
        | Kind::SimpleKeyExpected
        | Kind::InvalidSimpleKey => syntax("expected a key and `:` here", KEYS),
        Kind::ExpectedBlockSequenceEntry | Kind::UnexpectedEofBlockSequence => {
            syntax("expected an entry of the list, which starts with `- `", INDENT)
        }
        Kind::InvalidIndentation | Kind::InvalidFlowScalarIndent | Kind::InvalidQuotedScalarIndent => {
            syntax("this line is not indented as the lines around it need", INDENT)
        }
        Kind::MappingValueNotAllowed | Kind::InvalidColonPlacement => {
            syntax("a `:` is not allowed here", QUOTES)
        }
        Kind::MappingKeyNotAllowed => syntax("a key is not allowed here", INDENT),
        Kind::FlowMappingValueAdjacentCollection | Kind::InvalidMappingValueWhitespace => {
            syntax("a `:` needs a blank after it", "")
        }
        Kind::BlockEntryInFlowCollection => {
            syntax("a list inside `[` or `{` separates its entries with commas, not with `-`", "")
        }
        Kind::BlockSequenceEntryNotAllowed => syntax("an entry of a list is not allowed here", INDENT),
        Kind::InvalidBlockEntryWhitespace | Kind::PlainScalarStartsWithDashFlowIndicator => {
            syntax("a `-` needs a blank after it", QUOTES)
        }
        Kind::TabNotAllowed
        | Kind::TabInBlockIndentation
        | Kind::TabInIndentation
        | Kind::TabAtBlockScalarStart
        | Kind::TabInPlainScalar => syntax("a tab is not allowed here", TABS),
        Kind::UnexpectedCharacter { character: '\t' } => syntax("a tab is not allowed here", TABS),
        Kind::UnexpectedCharacter { character: '`' } => {
            syntax("a value cannot start with a backtick", QUOTES)
        }
        Kind::UnexpectedCharacter { character } => {
            syntax(&format!("a value cannot start with `{character}`"), QUOTES)
        }
        Kind::CommentInterceptedScalar => {
            syntax("a comment cannot stand inside text of several lines", QUOTES)
        }
        Kind::CommentNotSeparated => syntax("a comment needs a blank before its `#`", ""),
        Kind::ZeroBlockScalarIndent | Kind::InvalidBlockScalarHeader => syntax(
            "after `|` or `>` only `+`, `-`, a digit from 1 to 9 and a comment can follow",
            "start the text on the next line",
        ),
        Kind::InvalidBlockScalarIndent => {
            syntax("a blank line before the text of this block has more blanks than the text", INDENT)
        }
        Kind::DocumentIndicatorInQuotedScalar => {
            syntax("quoted text cannot go on over `---` or `...` at the start of a line", "")
        }
        Kind::InvalidTrailingSingleQuotedScalar | Kind::InvalidTrailingDoubleQuotedScalar => syntax(
            "nothing can follow quoted text on its line",
            "write all of the value inside the quotes, or put it into a block that starts with `|`",
        ),
        Kind::UnknownQuotedScalarEscape => syntax("this escape sequence does not exist", ESCAPES),
        Kind::InvalidQuotedScalarHexEscape
        | Kind::InvalidLowSurrogateHexEscape
        | Kind::InvalidLowSurrogate
        | Kind::MissingLowSurrogate
        | Kind::UnpairedLowSurrogate
        | Kind::InvalidUnicodeEscape => syntax("this escape sequence is not a character", ESCAPES),
        Kind::MissingAnchorOrAliasName => {
            syntax("a name must follow `&` or `*`", "text that starts with `&` or `*` needs quotes")
        }
        Kind::UndeclaredTagHandle => {
            syntax("the prefix of this tag is not declared", "text that starts with `!` needs quotes")
        }
        Kind::ExpectedTagBang
        | Kind::InvalidTagTerminator
        | Kind::MissingTagUri
        | Kind::UnclosedVerbatimTag
        | Kind::InvalidTagEscape
        | Kind::InvalidTagUtf8LeadingByte
        | Kind::InvalidTagUtf8TrailingByte
        | Kind::InvalidTagUtf8 => syntax("this is not a tag", "text that starts with `!` needs quotes"),
        Kind::InvalidDocumentEnd => syntax("nothing can follow `...` on its line", ""),
        Kind::ExpectedNodeContent | Kind::ExpectedWhitespace | Kind::UnexpectedEndOfPlainScalar => {
            syntax("a value is not complete here", QUOTES)
        }
        Kind::UnexpectedEof => syntax("the document ends in the middle of a value", ""),
        Kind::ExpectedDocumentStart => syntax("this does not belong to the value before it", INDENT),
        _ => syntax("this is not YAML", ""),
    }
}

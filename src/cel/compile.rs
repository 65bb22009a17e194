//! The door of CEL: text and an environment in, a program or everything that is wrong with the text out.
//!
//! Who compiles expressions uses this and [`Env`], and nothing of the stages behind it.

use std::fmt;

use crate::cel::ast::{Ast, Macro, Macros, NodeId};
use crate::cel::check::flat::{FlatError, Reader, Writer};
use crate::cel::check::{self, Checked, Env, TypeErrorKind};
use crate::cel::front::{self, SyntaxError};
use crate::cel::plan::{self, asks, reads::Reads};
use crate::cel::program::{Arena, Program};
use crate::diag::{Code, did_you_mean};
use crate::library::VARIABLES;
use crate::library::capability::Ask;
use crate::types::Type;

/// An expression that was read, with its mistakes if it has no tree.
#[derive(Debug)]
pub struct Parsed {
    tree: Result<Ast, Vec<SyntaxError>>,
}

/// A compiled expression.
#[derive(Debug)]
pub struct Compiled<'p> {
    /// The program.
    pub program: Program<'p>,
    /// What it reads of the environment's first input.
    pub reads: Reads,
    /// What it asks that must be granted, and where: from which byte to which.
    pub asks: Vec<(Ask, usize, usize)>,
    /// What fails in every evaluation: the error, and where it is raised, from which byte to which.
    pub fails: Vec<(String, usize, usize)>,
}

/// The stage that an expression did not pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// It does not parse.
    Syntax,
    /// Its types do not agree.
    Types,
    /// It makes no program.
    Program,
}

/// What is wrong with an expression.
#[derive(Clone, Debug)]
pub struct Issues {
    /// The stage that it did not pass.
    pub stage: Stage,
    /// Every mistake, by place; there is at least one.
    pub issues: Vec<Issue>,
    /// The type of its result, if it has one all the same.
    pub output: Option<Type>,
    /// All of it as cel-go prints it; for syntax, the messages alone.
    pub text: String,
}

/// One mistake in an expression.
#[derive(Clone, Debug, PartialEq)]
pub struct Issue {
    /// Its kind.
    pub code: Code,
    /// What is wrong, in cel-go's words.
    pub message: String,
    /// Where it begins, in bytes of the text.
    pub start: usize,
    /// Where it ends.
    pub end: usize,
    /// The macro inside which it is, if it is in none of the author's own words.
    pub origin: Option<Macro>,
    /// For a mistake of types: what it is.
    pub kind: Option<TypeErrorKind>,
}

impl Issue {
    /// How to repair it, in the expression `text` over `environment`. Not made with the mistake: to find the name that was meant,
    /// all names are looked at, and of a text with thousands of mistakes few are told.
    pub fn help(&self, text: &str, environment: &Env<'_>) -> Option<String> {
        match &self.kind {
            Some(kind) => help(kind, environment),
            None if self.code == Code::CelSyntax => front::slip(text, self.start).map(str::to_owned),
            None => None,
        }
    }
}

impl fmt::Display for Issues {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::error::Error for Issues {}

/// Reads expressions, each with the macros of its environment, all on one thread whose stack suffices for the limits; a
/// thread for each would cost more than the reading.
pub fn parse(texts: &[(&str, Macros)]) -> Vec<Parsed> {
    front::parse_all(texts).into_iter().map(|tree| Parsed { tree }).collect()
}

/// Compiles `text`.
///
/// # Errors
/// Everything that is wrong with it.
pub fn compile<'p>(text: &str, environment: &Env<'_>, arena: &'p Arena) -> Result<Compiled<'p>, Issues> {
    compile_seen(text, environment, arena, &mut |_| {})
}

/// As [`compile`]; `look` is shown the checked tree, for warnings.
///
/// # Errors
/// Everything that is wrong with it.
pub fn compile_seen<'p>(
    text: &str,
    environment: &Env<'_>,
    arena: &'p Arena,
    look: &mut dyn FnMut(&Checked<'_>),
) -> Result<Compiled<'p>, Issues> {
    let parsed = Parsed { tree: front::parse(text, environment.macros()) };
    parsed.compile_among(environment, arena, &[], look)
}

impl Parsed {
    /// Compiles what was read.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn compile<'p>(self, environment: &Env<'_>, arena: &'p Arena) -> Result<Compiled<'p>, Issues> {
        self.compile_among(environment, arena, &[], &mut |_| {})
    }

    /// The same for an expression that may use policy variables, whose programs are `variables`: what they nest counts.
    /// `look` is shown the checked tree, for warnings.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn compile_among<'p>(
        self,
        environment: &Env<'_>,
        arena: &'p Arena,
        variables: &[Program<'p>],
        look: &mut dyn FnMut(&Checked<'_>),
    ) -> Result<Compiled<'p>, Issues> {
        let ast = self.tree.map_err(|errors| Issues {
            stage: Stage::Syntax,
            issues: told(errors.iter().map(syntax).collect()),
            output: None,
            text: errors.iter().map(|error| error.message.as_str()).collect::<Vec<_>>().join("\n"),
        })?;
        let checked = check::check(ast, environment).map_err(|mistakes| {
            let issue = |error: &check::TypeError| {
                let info = mistakes.ast.info(error.node);
                Issue {
                    code: code(&error.kind),
                    message: error.kind.to_string(),
                    start: index(info.span.start),
                    end: index(info.span.end),
                    origin: info.origin,
                    kind: Some(error.kind.clone()),
                }
            };
            let text = check::render(&mistakes);
            let issues = told(mistakes.errors.iter().map(issue).collect());
            Issues { stage: Stage::Types, issues, output: None, text }
        })?;
        look(&checked);
        program(&checked, environment, arena, variables)
    }
}

/// Writes what was checked, with the places that a program's asks are told at.
///
/// # Errors
/// It cannot be written so that [`compile_written`] reads the same.
pub fn write(checked: &Checked<'_>, writer: &mut Writer) -> Result<(), FlatError> {
    let mut asking: Vec<NodeId> = asks::asks(checked).into_iter().map(|(node, _)| node).collect();
    asking.dedup();
    writer.write(checked, &asking)
}

/// What the expression `text` checks to, written alone; none if something is wrong with it.
pub fn write_alone(text: &str, environment: &Env<'_>) -> Option<Vec<u8>> {
    let mut writer = Writer::default();
    let mut written = Ok(());
    let parsed = Parsed { tree: front::parse(text, environment.macros()) };
    let mut look = |checked: &Checked<'_>| written = write(checked, &mut writer);
    parsed.compile_among(environment, &Arena::new(), &[], &mut look).ok()?;
    written.and_then(|()| writer.finish()).ok()
}

/// Compiles what [`write_alone`] wrote.
///
/// # Errors
/// As [`compile_written`]; there is more than one expression.
pub fn compile_written_alone<'p>(
    written: &[u8],
    environment: &Env<'static>,
    arena: &'p Arena,
) -> Result<Compiled<'p>, Issues> {
    let mut reader = Reader::new(written, &|name| environment.table_type(name)).map_err(unwritten)?;
    let compiled = compile_written(&mut reader, environment, arena, &[])?;
    match reader.is_at_end() {
        true => Ok(compiled),
        false => Err(unwritten(FlatError::new("there is something after its end"))),
    }
}

/// Compiles the next of what was written. As [`Parsed::compile_among`], for the same environment.
///
/// # Errors
/// It is not what [`write`] writes; or what of it makes no program here.
pub fn compile_written<'p>(
    written: &mut Reader<'_>,
    environment: &Env<'static>,
    arena: &'p Arena,
    variables: &[Program<'p>],
) -> Result<Compiled<'p>, Issues> {
    let checked = written.read(environment).map_err(unwritten)?;
    program(&checked, environment, arena, variables)
}

/// What is told of an expression that is not as it was written.
fn unwritten(error: FlatError) -> Issues {
    let message = format!("an expression of the bundle is not one of this engine's: {error}");
    let issue = issue(Code::BadBundle, message.clone(), 0, 0);
    Issues { stage: Stage::Syntax, issues: vec![issue], output: None, text: message }
}

/// What checked as a program.
fn program<'p>(
    checked: &Checked<'_>,
    environment: &Env<'_>,
    arena: &'p Arena,
    variables: &[Program<'p>],
) -> Result<Compiled<'p>, Issues> {
    let mut reads = Reads::default();
    if let Some(input) = environment.inputs().first() {
        reads.add(checked, input);
    }
    let asks = placed(checked, asks::asks(checked));
    let mut fails = Vec::new();
    let planned = plan::plan(checked, arena, environment, &mut fails)
        .and_then(|program| plan::with_variables(program, variables));
    match planned {
        Ok(program) => Ok(Compiled { program, reads, asks, fails: placed(checked, fails) }),
        Err(error) => Err(unplanned(checked, error.node, error.message)),
    }
}

/// What was found at nodes, from which byte to which.
fn placed<T>(checked: &Checked<'_>, found: Vec<(NodeId, T)>) -> Vec<(T, usize, usize)> {
    let place = |(node, it)| {
        let span = checked.ast.info(node).span;
        (it, index(span.start), index(span.end))
    };
    found.into_iter().map(place).collect()
}

/// Mistakes as they are told: who counts them must not take an expression without a program for one without a mistake.
fn told(mut issues: Vec<Issue>) -> Vec<Issue> {
    if issues.is_empty() {
        issues.push(issue(Code::CelProgram, "the expression does not compile".to_owned(), 0, 0));
    }
    issues
}

/// A mistake of which nothing more is known.
fn issue(code: Code, message: String, start: usize, end: usize) -> Issue {
    Issue { code, message, start, end, origin: None, kind: None }
}

/// What makes no program.
fn unplanned(checked: &Checked<'_>, node: NodeId, message: String) -> Issues {
    let span = checked.ast.info(node).span;
    let issue = issue(Code::CelProgram, message.clone(), index(span.start), index(span.end));
    let output = Some(checked.output().clone());
    Issues { stage: Stage::Program, issues: vec![issue], output, text: message }
}

fn syntax(error: &SyntaxError) -> Issue {
    Issue {
        code: Code::CelSyntax,
        message: error.message.lines().next().unwrap_or(&error.message).to_owned(),
        start: error.offset,
        end: error.end,
        origin: None,
        kind: None,
    }
}

pub(crate) fn index(offset: u32) -> usize {
    usize::try_from(offset).unwrap_or(usize::MAX)
}

/// The code of a mistake that the checker found.
fn code(kind: &TypeErrorKind) -> Code {
    match kind {
        TypeErrorKind::UndeclaredReference { .. } => Code::CelUndeclared,
        TypeErrorKind::UndefinedField { .. } => Code::CelUndefinedField,
        TypeErrorKind::NoMatchingOverload { .. } => Code::CelNoOverload,
        TypeErrorKind::Mismatch { .. } | TypeErrorKind::FieldMismatch { .. } => Code::CelTypeMismatch,
        TypeErrorKind::NoFieldSelection(_) => Code::CelNoFields,
        TypeErrorKind::NotARange(_) => Code::CelNotARange,
        TypeErrorKind::NotAType(_)
        | TypeErrorKind::NotAMessageType(_)
        | TypeErrorKind::FailedResolution(_) => Code::CelNotAType,
        TypeErrorKind::OptionalSelection(_) => Code::CelOptionalSelection,
        TypeErrorKind::Literal(_) => Code::CelBadLiteral,
        TypeErrorKind::TooLarge => Code::CelProgram,
    }
}

/// The functions that can be called on a value of type `receiver`, in alphabetical order.
fn members<'e>(receiver: &Type, environment: &Env<'e>) -> Vec<&'e str> {
    let fits = |param: &Type| {
        receiver.is_dyn_or_error()
            || matches!(param, Type::Param(_) | Type::Dyn)
            || (param.kind() == receiver.kind() && param.runtime_name() == receiver.runtime_name())
    };
    let is_member = |function: &&check::Function| {
        !function.name.starts_with('@')
            && function.overloads.iter().any(|overload| {
                overload.signature.member && overload.signature.params.first().is_some_and(fits)
            })
    };
    // `http.Denied` is a function of that whole name, though `http` is a value too.
    let namespace = match receiver {
        Type::Opaque(name, _) => name.split_once('.').map(|(namespace, _)| namespace),
        _ => None,
    };
    let spaced = |function: &'e check::Function| {
        let (space, name) = function.name.split_once('.')?;
        namespace.is_some_and(|namespace| namespace.eq_ignore_ascii_case(space)).then_some(name)
    };
    let members = environment.functions().iter().filter(is_member).map(|function| function.name.as_str());
    let mut names: Vec<&str> = members.chain(environment.functions().iter().filter_map(spaced)).collect();
    names.sort_unstable();
    names
}

/// What other languages call functions and macros of CEL.
const ELSEWHERE: [(&str, &str); 16] = [
    ("any", "exists"),
    ("count", "size"),
    ("every", "all"),
    ("forEach", "all"),
    ("includes", "contains"),
    ("len", "size"),
    ("length", "size"),
    ("lower", "lowerAscii"),
    ("search", "find"),
    ("some", "exists"),
    ("substr", "substring"),
    ("toLowerCase", "lowerAscii"),
    ("toString", "string"),
    ("toUpperCase", "upperAscii"),
    ("upper", "upperAscii"),
    ("where", "filter"),
];

/// The function or macro that has another name elsewhere.
fn elsewhere<'e>(name: &str, environment: &Env<'_>) -> Option<&'e str> {
    let (_, here) = ELSEWHERE.iter().find(|(there, _)| *there == name)?;
    let is_macro = matches!(*here, "all" | "exists" | "filter");
    (is_macro || environment.functions().get(here).is_some()).then_some(*here)
}

/// What the author probably meant.
fn help(kind: &TypeErrorKind, environment: &Env<'_>) -> Option<String> {
    let suggestion = match kind {
        TypeErrorKind::UndeclaredReference { name, receiver: None, .. } => {
            let functions = environment.functions().iter();
            let global = functions.filter(|function| function.overloads.iter().any(|o| !o.signature.member));
            let known = environment.names().chain(global.map(|function| function.name.as_str()));
            // One who wrote `http.Get` did not mean `http.Denied`.
            let is_inside = |known: &&str| known.strip_prefix(name).is_some_and(|rest| rest.starts_with('.'));
            did_you_mean(name, known.filter(|known| !is_inside(known)))
                .or_else(|| elsewhere(name, environment))
        }
        TypeErrorKind::UndeclaredReference { name, receiver: Some(receiver), .. } => {
            let members = members(receiver, environment);
            let near = did_you_mean(name, members.iter().copied()).or_else(|| elsewhere(name, environment));
            if near.is_none() && members.is_empty() && matches!(receiver, Type::Struct(_)) {
                return Some(format!("nothing can be called on `{receiver}`"));
            }
            if near.is_none() && matches!(receiver, Type::Struct(_) | Type::Opaque(..)) && !members.is_empty()
            {
                let members: Vec<String> = members.iter().map(|member| format!("`.{member}(…)`")).collect();
                return Some(format!("what can be called on `{receiver}` is {}", members.join(", ")));
            }
            near
        }
        TypeErrorKind::UndefinedField { field, object } if object == VARIABLES => {
            did_you_mean(field, environment.policy_variable_names())
        }
        TypeErrorKind::UndefinedField { field, object } => {
            if let Some(ty) = environment.object(object)
                && ty.go_field(field).is_some_and(|(_, field)| field.ty.is_none())
            {
                return Some(format!("`{field}` has no static type; reach it through `dyn(…)`"));
            }
            environment.object(object).and_then(|ty| did_you_mean(field, check::field_names(ty)))
        }
        TypeErrorKind::NoMatchingOverload { function, .. } => {
            let function = environment.functions().get(function)?;
            let shapes: Vec<String> =
                function.overloads.iter().take(4).map(|o| format!("`{}`", o.signature)).collect();
            return Some(format!("it is declared as {}", shapes.join(", ")));
        }
        _ => None,
    };
    suggestion.map(|name| format!("did you mean `{name}`?"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cel::check::Functions;
    use crate::library::table::{Library, Row};

    #[test]
    fn every_mistake_is_told_and_stands_between_characters() {
        let functions = Functions::new(crate::library::HTTP);
        let environment = Env::new(&functions);
        let odd = [
            "é",
            "𝔘",
            "\u{202e}",
            "“",
            "ü.x",
            "'é",
            "é'",
            "\"𝔘",
            "1 é",
            "[é",
            "é)",
            "'é' 'é'",
            "f('é', é)",
            "`é`",
        ];
        let texts =
            odd.iter().flat_map(|odd| [(*odd).to_owned(), format!("{odd} +"), format!("'ß' == {odd}\n")]);
        let mut wrong = 0;
        for text in texts.chain([String::new(), " ".to_owned(), "é".repeat(100_001)]) {
            let Err(issues) = compile(&text, &environment, &Arena::new()) else { continue };
            wrong += 1;
            assert!(!issues.issues.is_empty(), "{text}");
            for issue in issues.issues {
                let is_between = |at| text.is_char_boundary(at);
                assert!(is_between(issue.start) && is_between(issue.end), "{text}: {issue:?}");
                assert!(issue.start <= issue.end, "{text}: {issue:?}");
            }
        }
        assert!(wrong > 40, "{wrong}");
    }

    #[test]
    fn names_from_other_languages_are_told_what_they_are_here() {
        let functions = Functions::new(crate::library::HTTP);
        let environment = Env::new(&functions);
        for (text, due) in [
            ("[1].length() > 0", "size"),
            ("len('a') > 0", "size"),
            ("'a'.toLowerCase()", "lowerAscii"),
            ("'a'.includes('b')", "contains"),
            ("[1].any(x, x == 1)", "exists"),
        ] {
            let issues = compile(text, &environment, &Arena::new()).unwrap_err();
            let told: Vec<_> =
                issues.issues.iter().filter_map(|issue| issue.help(text, &environment)).collect();
            assert!(told.contains(&format!("did you mean `{due}`?")), "{text}: {told:?} of {issues}");
        }
    }

    /// A library with a row that does not read: without the row an expression would mean something else, or nothing.
    #[test]
    fn functions_of_which_one_does_not_read_compile_nothing() {
        static ROWS: [Row; 1] = [crate::library::row::row(
            "broken",
            "broken(nothing) -> ?",
            crate::library::table::Implementation::Planned,
            "Broken.",
            &[],
        )];
        static BROKEN: Library = Library { name: "broken", version: 0, types: &[], rows: &ROWS };
        let functions = Functions::new(&[&BROKEN]);
        let environment = Env::new(&functions);
        for text in ["1", "null", "true"] {
            let issues = compile(text, &environment, &Arena::new()).unwrap_err();
            assert!(issues.issues[0].message.contains("`broken(nothing) -> ?`"), "{issues:?}");
        }
        let well = Functions::default();
        assert!(compile("1", &Env::new(&well), &Arena::new()).is_ok());
    }
}

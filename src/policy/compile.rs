//! From a policy document to programs: which environment a policy's expressions have, and Kyverno's rules for
//! what they must result in (kyverno-semantics §2.7).

use std::sync::LazyLock;

use crate::cel::ast::Ast;
use crate::cel::check::{self, Checked, Environment, Functions, TypeError, TypeErrorKind};
use crate::cel::front;
use crate::cel::plan::{self, Arena, Program, reads::Reads};
use crate::diag::{Code, Diagnostic, did_you_mean};
use crate::library;
use crate::types::{Type, VARIABLES, object_type};
use crate::value::Value;

use super::model::{Expression, FailurePolicy, Policy};

/// The variables of an HTTP policy that have a value, in the order of a frame's inputs.
pub const INPUTS: &[&str] = &["object", "http", "json", "mcp", "resource"];

/// The values of [`INPUTS`] for a request: the helpers are names without inside.
pub fn inputs<'a>(object: Value<'a>) -> [Value<'a>; 5] {
    let helper = |name| Value::Opaque(name);
    [object, helper("http.Context"), helper("json.Json"), helper("mcp.MCP"), helper("resource.Context")]
}

/// A policy that can be evaluated.
#[derive(Debug)]
pub struct CompiledPolicy<'p> {
    /// The policy's name.
    pub name: String,
    /// What an error means.
    pub failure_policy: FailurePolicy,
    /// All must be true.
    pub conditions: Vec<Program<'p>>,
    /// The variables, in order of declaration.
    pub variables: Vec<Program<'p>>,
    /// The first that is not null is the policy's answer.
    pub validations: Vec<Program<'p>>,
    /// Where the validations stand: `spec.validations[0]`.
    pub paths: Vec<String>,
}

/// Policies that can be evaluated, in the order in which they are asked.
#[derive(Debug)]
pub struct CompiledSet<'p> {
    /// The policies.
    pub policies: Vec<CompiledPolicy<'p>>,
    /// What they read of the request.
    pub reads: Reads,
}

/// The functions of Kyverno's HTTP environment.
static FUNCTIONS: LazyLock<Functions> =
    // A table row that does not read is found by the tests of the library; without functions nothing compiles.
    LazyLock::new(|| Functions::new(library::HTTP).unwrap_or_default());

/// The functions that expressions may call.
pub fn functions() -> &'static Functions {
    &FUNCTIONS
}

/// The environment of an HTTP policy's expressions.
pub fn http_environment() -> Environment<'static> {
    Environment::new(&FUNCTIONS)
        .with_variable("object", Type::Struct("http.CheckRequest"))
        .with_variable("variables", Type::Struct(VARIABLES))
        .with_variable("http", Type::Opaque("http.Context", [].into()))
        .with_variable("json", Type::Opaque("json.Json", [].into()))
        .with_variable("mcp", Type::Opaque("mcp.MCP", [].into()))
        .with_variable("resource", Type::Opaque("resource.Context", [].into()))
        // Declared, but bound to nothing: any use is an error (kyverno-semantics §2.1).
        .with_variable("image", Type::Opaque("imagedata.Context", [].into()))
        .with_constants(library::CONSTANTS)
}

/// Compiles `policies`. The diagnostics of all of them come together.
///
/// # Errors
/// Every mistake in every expression.
pub fn compile<'p>(policies: &[Policy], arena: &'p Arena) -> Result<CompiledSet<'p>, Vec<Diagnostic>> {
    let texts: Vec<&str> = policies.iter().flat_map(expressions).map(|e| e.text.as_str()).collect();
    let mut parsed = front::parse_all(&texts).into_iter();
    let mut compiler = Compiler { arena, reads: Reads::default(), diagnostics: Vec::new() };
    let mut compiled = Vec::with_capacity(policies.len());
    for policy in policies {
        compiled.extend(compiler.policy(policy, &mut parsed));
    }
    let Compiler { reads, diagnostics, .. } = compiler;
    if diagnostics.is_empty() { Ok(CompiledSet { policies: compiled, reads }) } else { Err(diagnostics) }
}

/// All expressions of a policy, in the order in which Kyverno compiles them.
fn expressions(policy: &Policy) -> impl Iterator<Item = &Expression> {
    let conditions = policy.match_conditions.iter().map(|condition| &condition.expression);
    let variables = policy.variables.iter().map(|variable| &variable.expression);
    conditions.chain(variables).chain(&policy.validations)
}

type Parsed = Result<Ast, Vec<front::SyntaxError>>;

/// What an expression must result in.
#[derive(Clone, Copy)]
enum Due {
    /// A match condition: exactly bool.
    Condition,
    /// A variable.
    Anything,
    /// A validation: a response or null.
    Validation,
}

struct Compiler<'p> {
    arena: &'p Arena,
    reads: Reads,
    diagnostics: Vec<Diagnostic>,
}

impl<'p> Compiler<'p> {
    fn policy(
        &mut self,
        policy: &Policy,
        parsed: &mut impl Iterator<Item = Parsed>,
    ) -> Option<CompiledPolicy<'p>> {
        let errors = self.diagnostics.len();
        let mut environment = http_environment();
        let (mut conditions, mut variables, mut validations) = (Vec::new(), Vec::new(), Vec::new());
        for condition in &policy.match_conditions {
            let due = Due::Condition;
            let program = self.expression(policy, &condition.expression, due, parsed.next()?, &environment);
            conditions.extend(program);
        }
        for variable in &policy.variables {
            let program =
                self.expression(policy, &variable.expression, Due::Anything, parsed.next()?, &environment);
            // A variable that does not compile is declared all the same, so that its uses are no mistakes too.
            let ty = program.as_ref().map_or(Type::Error, |program| program.output().clone());
            environment.declare_policy_variable(&variable.name.value, ty);
            variables.extend(program);
        }
        for validation in &policy.validations {
            let due = Due::Validation;
            let program = self.expression(policy, validation, due, parsed.next()?, &environment);
            validations.extend(program);
        }
        let rule = |path: &str| path.trim_end_matches(".expression").to_owned();
        let paths = policy.validations.iter().map(|validation| rule(&validation.path)).collect();
        (self.diagnostics.len() == errors).then(|| CompiledPolicy {
            name: policy.name.value.clone(),
            failure_policy: policy.failure_policy,
            conditions,
            variables,
            validations,
            paths,
        })
    }

    fn expression(
        &mut self,
        policy: &Policy,
        expression: &Expression,
        due: Due,
        parsed: Parsed,
        environment: &Environment<'static>,
    ) -> Option<Program<'p>> {
        let checked = match parsed {
            Err(errors) => {
                // What is missing at the end is missing after the last character, not after a block's last line break.
                let last = expression.text.trim_end().len().saturating_sub(1);
                for mut error in errors {
                    error.offset = error.offset.min(last);
                    let end = error.offset.saturating_add(1);
                    let diagnostic = Diagnostic::error(Code::CelSyntax, first_line(&error.message));
                    self.report(policy, expression, diagnostic, error.offset, end);
                }
                return None;
            }
            Ok(ast) => check::check(ast, environment),
        };
        let checked = match checked {
            Ok(checked) => checked,
            Err(mistakes) => {
                for error in &mistakes.errors {
                    self.type_error(policy, expression, environment, &mistakes.ast, error);
                }
                return None;
            }
        };
        // Kyverno asks for the type before it builds the program.
        let found = checked.output();
        match due {
            Due::Condition if !found.is_exact(&Type::Bool) => {
                self.wrong_output(policy, expression, Code::ConditionType, "bool", found);
            }
            Due::Validation if !matches!(found, Type::Null | Type::Struct("http.CheckResponse")) => {
                self.wrong_output(policy, expression, Code::ValidationType, "http.CheckResponse", found);
            }
            _ => {}
        }
        self.reads.add(&checked, "object");
        match plan(&checked, self.arena, environment) {
            Ok(program) => Some(program),
            Err(error) => {
                let span = checked.ast.info(error.node).span;
                let diagnostic = Diagnostic::error(Code::CelProgram, error.message);
                self.report(policy, expression, diagnostic, index(span.start), index(span.end));
                None
            }
        }
    }

    fn type_error(
        &mut self,
        policy: &Policy,
        expression: &Expression,
        environment: &Environment<'static>,
        ast: &Ast,
        error: &TypeError,
    ) {
        let info = ast.info(error.node);
        let mut diagnostic = Diagnostic::error(code(&error.kind), error.kind.to_string());
        if let Some(help) = help(&error.kind, environment) {
            diagnostic = diagnostic.help(help);
        }
        if let Some(origin) = info.origin {
            diagnostic = diagnostic.path(format!("{} (inside {origin:?})", expression.path));
        }
        self.report(policy, expression, diagnostic, index(info.span.start), index(info.span.end));
    }

    fn wrong_output(
        &mut self,
        policy: &Policy,
        expression: &Expression,
        code: Code,
        due: &str,
        found: &Type,
    ) {
        let message = match code {
            Code::ConditionType => format!("matchCondition output is expected to be of type {due}"),
            _ => format!("rule response output is expected to be of type {due}"),
        };
        let help = match (code, found) {
            (Code::ValidationType, Type::Struct("http.CheckResponseDenied" | "http.CheckResponseOk")) => {
                "append `.Response()`".to_owned()
            }
            (Code::ValidationType, _) => format!(
                "the expression results in `{found}`; answer with `http.Denied(\"reason\").Response()`, \
                 `http.Allowed().Response()` or `null` for no opinion"
            ),
            (_, Type::Dyn) => "the type is known only at run time; compare it, as in `x == true`".to_owned(),
            _ => format!("the expression results in `{found}`"),
        };
        let diagnostic = Diagnostic::error(code, message).help(help);
        self.report(policy, expression, diagnostic, 0, expression.text.len());
    }

    fn report(
        &mut self,
        policy: &Policy,
        expression: &Expression,
        mut diagnostic: Diagnostic,
        start: usize,
        end: usize,
    ) {
        if diagnostic.path.is_none() {
            diagnostic = diagnostic.path(expression.path.clone());
        }
        let span = expression.locate(start, end);
        self.diagnostics.push(diagnostic.policy(policy.name.value.clone()).at(&policy.source, span));
    }
}

/// Plans a checked expression of a policy.
///
/// # Errors
/// See [`plan::PlanError`].
pub fn plan<'p>(
    checked: &Checked<'_>,
    arena: &'p Arena,
    environment: &Environment<'_>,
) -> Result<Program<'p>, plan::PlanError> {
    plan::plan(checked, arena, INPUTS, &|name| environment.policy_variable(name).map(|(index, _)| index))
}

pub(crate) fn index(offset: u32) -> usize {
    usize::try_from(offset).unwrap_or(usize::MAX)
}

pub(crate) fn first_line(message: &str) -> &str {
    message.lines().next().unwrap_or(message)
}

/// The code of a mistake that the checker found.
pub(crate) fn code(kind: &TypeErrorKind) -> Code {
    match kind {
        TypeErrorKind::UndeclaredReference { .. } => Code::CelUndeclared,
        TypeErrorKind::NotSupportedYet { .. } => Code::CelNotSupported,
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
    }
}

/// What the author probably meant.
pub(crate) fn help(kind: &TypeErrorKind, environment: &Environment<'static>) -> Option<String> {
    let functions = || environment.functions().iter().map(|function| function.name.as_str());
    let suggestion = match kind {
        TypeErrorKind::UndeclaredReference { name, .. } => {
            did_you_mean(name, environment.names().chain(functions()))
        }
        TypeErrorKind::UndefinedField { field, object } if object == VARIABLES => {
            did_you_mean(field, environment.policy_variable_names())
        }
        TypeErrorKind::UndefinedField { field, object } => {
            if let Some(ty) = object_type(object)
                && ty.go_field(field).is_some_and(|(_, field)| field.ty.is_none())
            {
                return Some(format!("`{field}` has no static type; reach it through `dyn(…)`"));
            }
            object_type(object).and_then(|ty| did_you_mean(field, check::field_names(ty)))
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

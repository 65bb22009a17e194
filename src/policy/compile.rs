//! From a policy document to programs: which environment a policy's expressions have, and Kyverno's rules for
//! what they must result in (docs/kyverno.md §4).

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use bumpalo::Bump;

use crate::cel::program::{Arena, Program};
use crate::cel::{self, Compiled, Env, Issue, Macros, Parsed, Reader, Reads, Writer};
use crate::diag::{Cap, Code, Diagnostic, Severity};
use crate::library::capability::{Ask, Capability};
use crate::library::kyverno::http::canonical_key;
use crate::source::Located;
use crate::types::Type;

use super::attach::{Attached, attach};
use super::bundle::Written;
use super::compiled::{CompiledException, CompiledMessage, CompiledPolicy};
use super::environment::{EXCEPTIONS_NAME, VARIABLES_NAME};
use super::index::Index;
use super::lint::{Deployed, Lint};
use super::model::{Exception, Expression, Mode, NamedExpression, Policy};
use super::place::{Due, Place, located};

mod hints;

/// Policies that can be evaluated, in the order in which they are asked.
#[derive(Debug, Default)]
pub struct CompiledSet<'p> {
    /// The policies.
    pub policies: Vec<CompiledPolicy<'p>>,
    /// What those of mode HTTP read of the request.
    pub reads: Reads,
    /// What those of mode Envoy read of the request.
    pub envoy_reads: Reads,
    /// What those of mode JSON read of the object.
    pub json_reads: Reads,
    /// What they ask that must be granted; each with its place, as the diagnostic that it is where it is not.
    pub asks: Vec<(Ask, Diagnostic)>,
    /// Which of them a request may make speak.
    pub index: Index<'p>,
}

impl CompiledSet<'_> {
    /// Whether any policy is of this mode.
    pub fn has(&self, mode: Mode) -> bool {
        self.policies.iter().any(|policy| policy.mode == mode)
    }
}

/// Where checked expressions come from.
#[derive(Debug)]
pub enum Origin<'o, 'b> {
    /// From their texts.
    Texts,
    /// From their texts, and each is written as well.
    Recorded(&'o mut Writer),
    /// From where they were written, in the order in which they were.
    Written(&'o mut Reader<'b>),
}

/// Compiles `policies`: those in which nothing is wrong, and every mistake in every expression of the others. Warnings are
/// for the deployment.
pub fn compile<'p>(
    policies: &[Policy],
    exceptions: &[Exception],
    arena: &'p Arena,
    origin: Origin<'_, '_>,
    deployed: &Deployed,
) -> (CompiledSet<'p>, Vec<Diagnostic>) {
    let attached = match attach(policies, exceptions) {
        Ok(attached) => attached,
        Err(diagnostic) => return (CompiledSet::default(), vec![*diagnostic]),
    };
    let policies: Vec<(&Policy, Vec<Attached<'_>>)> = policies.iter().zip(attached).collect();
    let parse = || {
        let texts = policies.iter().flat_map(|(policy, exceptions)| {
            let macros = policy.mode.macros();
            expressions(policy, exceptions).map(move |e| (e.text.as_str(), macros))
        });
        cel::parse(&texts.collect::<Vec<(&str, Macros)>>()).into_iter()
    };
    let checked = match origin {
        Origin::Texts => Expressions::Parsed(parse(), None),
        Origin::Recorded(writer) => Expressions::Parsed(parse(), Some(writer)),
        Origin::Written(reader) => Expressions::Written(reader),
    };
    let mut compiler = Compiler {
        arena,
        deployed,
        expressions: checked,
        reads: Reads::default(),
        envoy_reads: Reads::default(),
        json_reads: Reads::default(),
        headers: BTreeSet::new(),
        asks: Vec::new(),
        diagnostics: Vec::new(),
        warnings: Vec::new(),
        cap: Cap::default(),
        answering: HashMap::new(),
        failed: false,
        forms: Vec::new(),
        told: HashSet::new(),
    };
    let mut compiled = Vec::with_capacity(policies.len());
    for (policy, exceptions) in &policies {
        compiled.extend(compiler.policy(policy, exceptions));
    }
    let Compiler { reads, envoy_reads, json_reads, asks, mut diagnostics, warnings, answering, cap, .. } =
        compiler;
    diagnostics.extend(warnings);
    diagnostics.extend(cap.finish());
    diagnostics.extend(answering.into_values().filter_map(|(warning, behind)| unasked(warning, &behind)));
    let index = Index::new(&compiled);
    (CompiledSet { policies: compiled, reads, envoy_reads, json_reads, asks, index }, diagnostics)
}

/// Compiles the documents of a bundle. What its expressions checked to is to the byte what a build writes, or a mistake.
pub fn compile_written<'p>(
    policies: &[Policy],
    exceptions: &[Exception],
    arena: &'p Arena,
    written: &Written,
) -> (CompiledSet<'p>, Vec<Diagnostic>) {
    let wrong = |why: &str| Diagnostic::error(Code::BadBundle, format!("the bundle cannot be read: {why}"));
    let mut reader = match written.reader() {
        Ok(reader) => reader,
        Err(error) => return (CompiledSet::default(), vec![wrong(&error.to_string())]),
    };
    let (set, mut diagnostics) =
        compile(policies, exceptions, arena, Origin::Written(&mut reader), &Deployed::default());
    if diagnostics.is_empty() && !reader.is_at_end() {
        diagnostics.push(wrong("it has more expressions than its documents"));
    }
    (set, diagnostics)
}

/// The warning of policies that nobody asks, because one before them answers every call.
fn unasked(warning: Diagnostic, behind: &[String]) -> Option<Diagnostic> {
    /// How many names are told.
    const TOLD: usize = 4;
    let names: Vec<String> = behind.iter().take(TOLD).map(|name| format!("`{name}`")).collect();
    if names.is_empty() {
        return None;
    }
    let more = if behind.len() > TOLD { ", …" } else { "" };
    let message = format!("this answers every call: no call is ever judged by {}{more}", names.join(", "));
    let help = "policies are asked in the order of their names, up to the first that answers: give it a condition, or a name \
                behind the others";
    Some(Diagnostic { message, ..warning }.help(help))
}

/// All expressions of a policy and its exceptions, in the order in which Kyverno compiles them.
fn expressions<'e>(
    policy: &'e Policy,
    exceptions: &'e [Attached<'e>],
) -> impl Iterator<Item = &'e Expression> {
    let firsts = exceptions.iter().filter(|attached| attached.is_first);
    let exempt = firsts.flat_map(|attached| &attached.exception.match_conditions);
    let conditions = policy.match_conditions.iter().map(|condition| &condition.expression);
    let variables = policy.variables.iter().map(|variable| &variable.expression);
    let validations = policy.validations.iter().zip(&policy.messages).flat_map(|(validation, message)| {
        // The other modes do not look at it.
        let message = message.expression.as_ref().filter(|_| policy.mode == Mode::Json);
        std::iter::once(validation).chain(message)
    });
    conditions.chain(variables).chain(validations).chain(exempt.map(|it| &it.expression))
}

/// The expressions that are left, in the order of [`expressions`].
enum Expressions<'o, 'b> {
    /// Parsed, and where to write them once they are checked.
    Parsed(std::vec::IntoIter<Parsed>, Option<&'o mut Writer>),
    /// Checked.
    Written(&'o mut Reader<'b>),
}

struct Compiler<'p, 'o, 'b> {
    arena: &'p Arena,
    deployed: &'o Deployed,
    expressions: Expressions<'o, 'b>,
    reads: Reads,
    envoy_reads: Reads,
    json_reads: Reads,
    /// The headers that the policy at hand reads by their names.
    headers: BTreeSet<String>,
    asks: Vec<(Ask, Diagnostic)>,
    diagnostics: Vec<Diagnostic>,
    warnings: Vec<Diagnostic>,
    cap: Cap,
    /// The first policy of each mode that answers every call, as a warning without words, and those behind it.
    answering: HashMap<Mode, (Diagnostic, Vec<String>)>,
    /// Whether anything is wrong with the policy at hand, also what was reported before: an exception's mistake is told
    /// once, and spoils every policy that it is for.
    failed: bool,
    /// The exceptions that are compiled, by the numbers of their forms; none for one with a mistake.
    forms: Vec<Option<Arc<CompiledException<'p>>>>,
    /// What was said of exceptions: file, beginning, end, message.
    told: HashSet<(usize, u32, u32, String)>,
}

/// What surrounds an expression: the names it may use, the programs of the variables before it, and the warnings of
/// its policy.
struct Scope<'s, 'l, 'p> {
    environment: &'s Env<'static>,
    variables: &'s [Program<'p>],
    lint: Option<&'s mut Lint<'l>>,
}

impl<'p> Compiler<'p, '_, '_> {
    fn policy(&mut self, policy: &Policy, attached: &[Attached<'_>]) -> Option<CompiledPolicy<'p>> {
        self.failed = false;
        self.headers.clear();
        let mut environment = policy.mode.environment();
        // No variable has a value yet, not even `variables` itself.
        let before = environment.clone().unbound(&[VARIABLES_NAME]);
        let place = Place {
            mode: policy.mode,
            name: &policy.name.value,
            source: &policy.source,
            is_shared: false,
            in_namespace: policy.mode == Mode::Json && policy.namespace.is_some(),
        };
        // Who wrote checked expressions was warned.
        let mut lint =
            matches!(self.expressions, Expressions::Parsed(..)).then(|| Lint::new(policy, self.deployed));
        let (mut conditions, mut variables) = (Vec::new(), Vec::new());
        let (mut validations, mut messages) = (Vec::new(), Vec::new());
        for condition in &policy.match_conditions {
            let scope = Scope { environment: &before, variables: &[], lint: lint.as_mut() };
            let program = self.expression(place, &condition.expression, Due::Condition, scope);
            conditions.extend(program);
        }
        for variable in &policy.variables {
            self.name_of_variable(place, &variable.name);
            let scope = Scope { environment: &environment, variables: &variables, lint: lint.as_mut() };
            let program = self.expression(place, &variable.expression, Due::Anything, scope);
            // A variable that does not compile is declared all the same, so that its uses are no mistakes too.
            let ty = program.as_ref().map_or(Type::Error, |program| program.output().clone());
            environment.declare_policy_variable(&variable.name.value, ty);
            variables.extend(program.map(|program| program.named(&variable.name.value, self.arena)));
        }
        for (validation, message) in policy.validations.iter().zip(&policy.messages) {
            let scope = Scope { environment: &environment, variables: &variables, lint: lint.as_mut() };
            let program = self.expression(place, validation, Due::Validation, scope);
            validations.extend(program);
            let expression = message.expression.as_ref().filter(|_| policy.mode == Mode::Json);
            let program = expression.and_then(|expression| {
                let scope = Scope { environment: &environment, variables: &variables, lint: None };
                self.expression(place, expression, Due::Message, scope)
            });
            messages.push(CompiledMessage { text: message.text.clone(), program });
        }
        let environment = match policy.mode {
            Mode::Http | Mode::Envoy => environment,
            // Kyverno's engine tries the exceptions before it knows of variables and of what other exceptions allow.
            Mode::Json => environment.unbound(&[VARIABLES_NAME, EXCEPTIONS_NAME]),
        };
        let mut exceptions = Vec::with_capacity(attached.len());
        for Attached { exception, form, is_first } in attached {
            if *is_first {
                let place = Place {
                    name: &exception.name.value,
                    source: &exception.source,
                    is_shared: true,
                    ..place
                };
                let before = std::mem::replace(&mut self.failed, false);
                let mut conditions = Vec::with_capacity(exception.match_conditions.len());
                for NamedExpression { expression, .. } in &exception.match_conditions {
                    let scope =
                        Scope { environment: &environment, variables: &variables, lint: lint.as_mut() };
                    conditions.extend(self.expression(place, expression, Due::Exemption, scope));
                }
                let compiled = CompiledException::new(exception, conditions);
                self.forms.push((!self.failed).then(|| Arc::new(compiled)));
                self.failed |= before;
            }
            match self.forms.get(*form) {
                Some(Some(compiled)) => exceptions.push(Arc::clone(compiled)),
                _ => self.failed = true,
            }
        }
        let said = lint.map(Lint::finish).unwrap_or_default();
        if let Some((_, behind)) = self.answering.get_mut(&policy.mode) {
            behind.push(policy.name.value.clone());
        } else if let Some(warning) = said.answering.filter(|_| attached.is_empty()) {
            self.answering.insert(policy.mode, (warning, Vec::new()));
        }
        for warning in said.warnings {
            let file = warning.source.as_ref().map_or(0, |source| Arc::as_ptr(source).addr());
            let span = warning.span.unwrap_or_default();
            // An exception from several policies is looked at for each.
            if self.told.insert((file, span.start, span.end, warning.message.clone())) {
                self.warnings.extend(Some(warning).filter(|warning| self.cap.keeps(warning)));
            }
        }
        let rule = |path: &str| path.trim_end_matches(".expression").to_owned();
        let paths = policy.validations.iter().map(|validation| rule(&validation.path)).collect();
        (!self.failed).then(|| CompiledPolicy {
            name: policy.name.value.clone(),
            mode: policy.mode,
            failure_policy: policy.failure_policy,
            exceptions,
            conditions,
            variables,
            validations,
            messages,
            denies: policy.denies,
            paths,
            headers: std::mem::take(&mut self.headers),
        })
    }

    fn expression<'l>(
        &mut self,
        place: Place<'_>,
        expression: &'l Expression,
        due: Due,
        scope: Scope<'_, 'l, 'p>,
    ) -> Option<Program<'p>> {
        let Scope { environment, variables, mut lint } = scope;
        let mut unwritten = None;
        let compiled = match &mut self.expressions {
            Expressions::Parsed(parsed, writer) => parsed.next().map(|parsed| {
                parsed.compile_among(environment, self.arena, variables, &mut |checked| {
                    if let Some(lint) = &mut lint {
                        lint.expression(place, expression, due, checked);
                    }
                    if let Some(writer) = writer {
                        unwritten = cel::write(checked, writer).err();
                    }
                })
            }),
            Expressions::Written(reader) => {
                Some(cel::compile_written(reader, environment, self.arena, variables))
            }
        };
        let Some(compiled) = compiled else {
            let diagnostic = Diagnostic::error(Code::CelSyntax, "this expression was not parsed");
            self.report(place, expression, diagnostic, 0, expression.text.len());
            return None;
        };
        if let Some(error) = unwritten {
            let diagnostic = Diagnostic::error(Code::BadBundle, format!("this cannot be bundled: {error}"));
            self.report(place, expression, diagnostic, 0, expression.text.len());
        }
        let (compiled, issues, output) = match compiled {
            Ok(compiled) => {
                let output = compiled.program.output().clone();
                (Some(compiled), Vec::new(), Some(output))
            }
            Err(wrong) => (None, wrong.issues, wrong.output),
        };
        // Kyverno asks for the type before it builds the program.
        if let Some(found) = &output
            && !due.is_met(place.mode, found)
        {
            self.wrong_output(place, expression, due, found);
        }
        // What is missing at the end is missing after the last character, not after a block's last line break.
        let written = expression.text.trim_end();
        let last = written.char_indices().next_back().map_or(0, |(at, _)| at);
        for mut issue in issues {
            if issue.code == Code::CelSyntax && issue.start > last {
                (issue.start, issue.end) = (last, written.len());
            }
            self.issue(place, expression, issue, environment);
        }
        compiled.map(|Compiled { program, reads, asks, fails }| {
            if let Some(lint) = lint {
                lint.failing(place, expression, fails);
            }
            for (ask, start, end) in asks {
                self.ask_in_namespace(place, expression, &ask, start, end);
                if self.is_new(place, expression, "", start, end) {
                    let diagnostic = Diagnostic::error(Code::NotGranted, String::new());
                    self.asks.push((ask, located(place, expression, diagnostic, start, end)));
                }
            }
            let names = reads.keys.iter().filter(|(map, _)| map == place.mode.headers());
            self.headers.extend(names.map(|(_, name)| canonical_key(name, &Bump::new()).to_owned()));
            match place.mode {
                Mode::Http => self.reads.extend(reads),
                Mode::Envoy => self.envoy_reads.extend(reads),
                Mode::Json => self.json_reads.extend(reads),
            }
            program
        })
    }

    /// Kyverno looks variables up by what their names are escapes of: `a__dot__b` reads `a.b`, and what is no escape, such
    /// as `is__env__prod`, is no variable at all, whatever the policy declares.
    fn name_of_variable(&mut self, place: Place<'_>, name: &Located<String>) {
        if !is_escaped(&name.value) {
            return;
        }
        self.failed = true;
        let message =
            format!("Kyverno does not find the variable `{}`: it takes `__…__` for an escape", name.value);
        let diagnostic = Diagnostic::error(Code::EscapedVariable, message)
            .help("take another name, with single underscores")
            .policy(place.name)
            .at(place.source, name.span);
        self.diagnostics.push(diagnostic);
    }

    /// In a namespace Kyverno answers no request and no entry of the global context, and resources are those of the
    /// namespace, by functions of other arguments.
    fn ask_in_namespace(
        &mut self,
        place: Place<'_>,
        expression: &Expression,
        ask: &Ask,
        start: usize,
        end: usize,
    ) {
        let is_other =
            matches!(ask.capability, Capability::Http | Capability::Resources | Capability::GlobalContext);
        if place.in_namespace && is_other {
            let message = format!("`{}` is another function for a policy in a namespace", ask.function);
            let diagnostic = Diagnostic::error(Code::NamespacedPolicy, message)
                .help("remove `metadata.namespace`, which says nothing else");
            self.report(place, expression, diagnostic, start, end);
        }
    }

    fn issue(&mut self, place: Place<'_>, expression: &Expression, issue: Issue, environment: &Env<'_>) {
        let text = expression.text.get(issue.start..issue.end).unwrap_or_default();
        let mut diagnostic = Diagnostic::error(issue.code, issue.message.as_str());
        if self.cap.has_room(place.source, Severity::Error) {
            let kind = issue.kind.as_ref();
            let better = kind.and_then(|kind| hints::help(kind, text, place.mode, environment));
            diagnostic.help = better.or_else(|| issue.help(&expression.text, environment));
        }
        if let Some(origin) = issue.origin {
            diagnostic = diagnostic.path(format!("{} (inside {origin:?})", expression.path));
        }
        self.report(place, expression, diagnostic, issue.start, issue.end);
    }

    fn wrong_output(&mut self, place: Place<'_>, expression: &Expression, due: Due, found: &Type) {
        let bool = "output is expected to be of type bool";
        let (code, message) = match (due, place.mode) {
            (Due::Validation, Mode::Json) => (Code::ValidationType, bool.to_owned()),
            (Due::Validation, mode) => (
                Code::ValidationType,
                format!("rule response output is expected to be of type {}", mode.response()),
            ),
            (Due::Message, _) => (Code::ValidationType, "output is expected to be of type string".to_owned()),
            (Due::Exemption, _) | (_, Mode::Json) => (Code::ConditionType, bool.to_owned()),
            (Due::Condition | Due::Anything, _) => (Code::ConditionType, format!("matchCondition {bool}")),
        };
        let help = match (code, found) {
            (Code::ValidationType, Type::Struct(name))
                if name.ends_with("Denied") || name.ends_with("Ok") =>
            {
                "append `.Response()`".to_owned()
            }
            (Code::ValidationType, Type::Struct(name)) if name.ends_with("HttpResponse") => {
                "append `.Response()`".to_owned()
            }
            (_, Type::Dyn) if matches!(due, Due::Message) => {
                "the type is known only at run time; convert it, as in `string(x)`".to_owned()
            }
            (Code::ValidationType, Type::Dyn) if place.mode == Mode::Json => {
                "the type is known only at run time; compare it, as in `x == true`".to_owned()
            }
            (Code::ValidationType, _) if place.mode == Mode::Json => {
                format!("the expression results in `{found}`")
            }
            (Code::ValidationType, _) => format!(
                "the expression results in `{found}`; answer with {} or `null` for no opinion",
                place.mode.answers()
            ),
            (_, Type::Dyn) => "the type is known only at run time; compare it, as in `x == true`".to_owned(),
            (_, Type::List(of)) if **of == Type::String => hints::list_of_texts(&expression.text),
            _ => format!("the expression results in `{found}`"),
        };
        let diagnostic = Diagnostic::error(code, message).help(help);
        self.report(place, expression, diagnostic, 0, expression.text.len());
    }

    fn report(
        &mut self,
        place: Place<'_>,
        expression: &Expression,
        diagnostic: Diagnostic,
        start: usize,
        end: usize,
    ) {
        self.failed = true;
        if self.is_new(place, expression, &diagnostic.message, start, end) {
            let diagnostic = located(place, expression, diagnostic, start, end);
            self.diagnostics.extend(Some(diagnostic).filter(|diagnostic| self.cap.keeps(diagnostic)));
        }
    }

    /// Whether this is said of the place for the first time: an exception from several policies is compiled for each.
    fn is_new(
        &mut self,
        place: Place<'_>,
        expression: &Expression,
        message: &str,
        start: usize,
        end: usize,
    ) -> bool {
        let span = expression.locate(start, end);
        let file = Arc::as_ptr(place.source).addr();
        !place.is_shared || self.told.insert((file, span.start, span.end, message.to_owned()))
    }
}

/// Whether Kubernetes' `cel.Unescape` finds an escape in a name: two underscores on each side of something else.
fn is_escaped(name: &str) -> bool {
    let is_escape = |(at, _): (usize, char)| {
        let rest = name.get(at..).and_then(|rest| rest.strip_prefix("__")).unwrap_or_default();
        let after = rest.trim_start_matches(|c| c != '_');
        after.len() < rest.len() && after.starts_with("__")
    };
    name.char_indices().any(is_escape)
}

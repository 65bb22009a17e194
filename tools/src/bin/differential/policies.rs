//! Generated policies of every mode, and exceptions from them: how they are written, and what is smaller.

use toolgate::internal::policy::model::Mode;
use toolgate::internal::types::Type;

use super::cases::{Question, replace, variables};
use super::constants as c;
use super::dialect;
use super::expressions::{Generator, hole};
use super::node::Node;

/// A policy with generated expressions.
#[derive(Clone, Debug)]
pub(crate) struct Policy {
    name: String,
    failure_policy: Option<&'static str>,
    conditions: Vec<Node>,
    variables: Vec<(String, Node)>,
    validations: Vec<Node>,
    /// In mode JSON, what each validation says.
    messages: Vec<Message>,
    actions: Option<&'static str>,
}

/// What a validation of mode JSON says when it is false.
#[derive(Clone, Debug)]
struct Message {
    text: Option<&'static str>,
    expression: Option<Node>,
}

/// An exception with generated conditions.
#[derive(Clone, Debug)]
pub(crate) struct Exception {
    name: String,
    mode: Option<&'static str>,
    policy: String,
    kind: &'static str,
    conditions: Vec<Node>,
    images: Vec<&'static str>,
    values: Vec<&'static str>,
    passes: bool,
    priority: Option<&'static str>,
}

/// One to three policies, or so many that they have an index, most of them alike; and now and then exceptions from them.
pub(crate) fn policies(g: &mut Generator<'_>) -> Question {
    let count = if g.rng.chance(600) { 1 } else { g.rng.below(3).saturating_add(1) };
    let mut policies: Vec<Policy> = (0..count).map(|at| policy(g, at)).collect();
    if g.rng.chance(250) {
        for at in count..count.saturating_add(g.rng.below(8)) {
            policies.extend(alike(g, &policies, at));
        }
    }
    let several = if g.rng.chance(300) { g.rng.below(3).saturating_add(1) } else { 0 };
    let exceptions = (0..several).map(|at| exception(g, at, &policies)).collect();
    Question::Policies(policies, exceptions)
}

/// One of the policies again, which often is about something else in one place: what is evaluated once for several policies, and what
/// is passed over, must tell them apart.
fn alike(g: &mut Generator<'_>, policies: &[Policy], at: usize) -> Option<Policy> {
    let mut policy = g.rng.pick(policies)?.clone();
    policy.name = format!("p{at}");
    if g.rng.chance(400) {
        let variables = policy.variables.iter_mut().map(|(_, node)| node);
        let mut nodes: Vec<&mut Node> =
            policy.conditions.iter_mut().chain(variables).chain(&mut policy.validations).collect();
        let which = g.rng.below(nodes.len().max(1));
        if let Some(node) = nodes.get_mut(which) {
            node.vary(&mut g.rng);
        }
    }
    Some(policy)
}

fn exception(g: &mut Generator<'_>, at: usize, policies: &[Policy]) -> Exception {
    g.mistakes = 1;
    g.scope.clear();
    let policy = g.rng.pick(policies);
    // Only mode JSON tries exceptions before it knows of variables.
    if g.tables.mode != Mode::Json
        && let Some(policy) = policy
    {
        let known =
            policy.variables.iter().map(|(name, node)| (format!("variables.{name}"), node.ty.clone()));
        g.scope.extend(known);
    }
    let conditions = (0..g.rng.below(3)).map(|_| condition(g)).collect();
    let texts = |g: &mut Generator<'_>, often: usize| match g.rng.chance(often) {
        true => (0..g.rng.below(3)).map(|_| g.rng.text(&["a", "b", "abc", "nginx:1"])).collect(),
        false => Vec::new(),
    };
    let often = if g.tables.mode == Mode::Json { 250 } else { 50 };
    let (images, values) = (texts(g, often), texts(g, often));
    let other = if g.tables.mode == Mode::Json { None } else { Some("Kubernetes") };
    let mode = if g.rng.chance(900) { Some(g.tables.mode.as_str()) } else { other };
    Exception {
        name: format!("e{at}"),
        mode,
        policy: if g.rng.chance(950) {
            policy.map_or("p0", |policy| &policy.name).to_owned()
        } else {
            "q".to_owned()
        },
        kind: if g.rng.chance(950) { "ValidatingPolicy" } else { "GeneratingPolicy" },
        conditions,
        images,
        values,
        passes: g.rng.chance(300),
        priority: g.rng.chance(200).then(|| g.rng.text(&["1", "2", "10", "x"])),
    }
}

fn policy(g: &mut Generator<'_>, at: usize) -> Policy {
    g.mistakes = 1;
    let mut conditions = Vec::new();
    g.scope.clear();
    for _ in 0..g.rng.below(3) {
        conditions.push(condition(g));
    }
    let variables = variables(g, 4);
    let mut validations = Vec::new();
    for _ in 0..g.rng.below(3).saturating_add(1) {
        g.fuel = g.rng.below(8).saturating_add(2);
        validations.push(validation(g));
    }
    let failure_policy = match g.rng.below(4) {
        0 => Some("Ignore"),
        1 => Some("Fail"),
        _ => None,
    };
    let mut messages = Vec::new();
    if g.tables.mode == Mode::Json {
        for _ in &validations {
            messages.push(Message {
                text: g.rng.chance(400).then(|| g.rng.text(c::STRINGS)),
                expression: g.rng.chance(400).then(|| message(g)),
            });
        }
    }
    let actions = match g.tables.mode {
        Mode::Json if g.rng.chance(300) => {
            Some(g.rng.text(&["[Deny]", "[Audit]", "[Warn]", "[Audit, Deny]"]))
        }
        _ => None,
    };
    Policy { name: format!("p{at}"), failure_policy, conditions, variables, validations, messages, actions }
}

/// A text that says why; its type must be known.
fn message(g: &mut Generator<'_>) -> Node {
    g.fuel = g.rng.below(6).saturating_add(1);
    let text = g.expression(&Type::String);
    if g.rng.chance(900) { hole("(% + \"\")", Type::String, vec![text]) } else { text }
}

fn condition(g: &mut Generator<'_>) -> Node {
    if g.rng.chance(500) {
        let text = g.rng.text(dialect::conditions(g.tables.mode));
        return Node::leaf(Type::Bool, text);
    }
    g.fuel = g.rng.below(6).saturating_add(1);
    let condition = g.expression(&Type::Bool);
    // A condition whose type is known only at run time is refused.
    if g.rng.chance(900) { hole("(% && true)", Type::Bool, vec![condition]) } else { condition }
}

/// A response, null, or a choice between them; in mode JSON a bool.
fn validation(g: &mut Generator<'_>) -> Node {
    if g.tables.mode == Mode::Json {
        return condition(g);
    }
    let ty = Type::Struct(g.tables.mode.response());
    match g.rng.below(20) {
        0 => return Node::leaf(Type::Null, "null"),
        1 => return g.expression(&ty),
        2 => return g.expression(&Type::Null),
        _ => {}
    }
    let condition = g.expression(&Type::Bool);
    let first = answer(g, &ty);
    let second = if g.rng.chance(600) { Node::leaf(Type::Null, "null") } else { answer(g, &ty) };
    if g.rng.chance(150) {
        return hole("(% ? % : %)", ty, vec![condition, second, first]);
    }
    hole("(% ? % : %)", ty, vec![condition, first, second])
}

fn answer(g: &mut Generator<'_>, ty: &Type) -> Node {
    let envoy = g.tables.mode == Mode::Envoy;
    let (allowed, denied) = match envoy {
        true => ("envoy.Allowed().Response()", "envoy.Denied(403).WithBody(%).Response()"),
        false => ("http.Allowed().Response()", "http.Denied(%).Response()"),
    };
    let denied = match g.rng.below(8) {
        0 if envoy => "envoy.Denied(401).WithHeader(\"x-a\", \"b\").WithBody(%).Response()",
        1 if envoy => "envoy.Denied(403).Response().WithMessage(%)",
        2 if envoy => "envoy.Allowed().Response().WithMessage(%)",
        _ => denied,
    };
    match g.rng.below(10) {
        0..2 => Node::leaf(ty.clone(), allowed),
        2 => g.expression(ty),
        3 => {
            let inner = validation(g);
            hole("%", ty.clone(), vec![inner])
        }
        4..6 => {
            let reason = g.formatted();
            hole(denied, ty.clone(), vec![reason])
        }
        6 => {
            let of = g.some_type(1);
            let value = g.expression(&of);
            let text = hole("\"r: \" + string(dyn(%))", Type::String, vec![value]);
            hole(denied, ty.clone(), vec![text])
        }
        _ => {
            let reason = g.expression(&Type::String);
            hole(denied, ty.clone(), vec![reason])
        }
    }
}

impl Policy {
    /// The policy as YAML, expressions in double quotes.
    pub(crate) fn yaml(&self, mode: Mode) -> String {
        let mut out = format!(
            "apiVersion: policies.kyverno.io/v1\nkind: ValidatingPolicy\nmetadata:\n  name: {}\nspec:\n  evaluation:\n    mode: {}\n",
            self.name,
            mode.as_str()
        );
        if let Some(actions) = self.actions {
            out.push_str(&format!("  validationActions: {actions}\n"));
        }
        if let Some(policy) = self.failure_policy {
            out.push_str(&format!("  failurePolicy: {policy}\n"));
        }
        if !self.conditions.is_empty() {
            out.push_str("  matchConditions:\n");
        }
        for (at, condition) in self.conditions.iter().enumerate() {
            out.push_str(&format!("  - name: m{at}\n    expression: {}\n", yaml_quote(&condition.render())));
        }
        if !self.variables.is_empty() {
            out.push_str("  variables:\n");
        }
        for (name, variable) in &self.variables {
            out.push_str(&format!("  - name: {name}\n    expression: {}\n", yaml_quote(&variable.render())));
        }
        if !self.validations.is_empty() {
            out.push_str("  validations:\n");
        }
        for (at, validation) in self.validations.iter().enumerate() {
            out.push_str(&format!("  - expression: {}\n", yaml_quote(&validation.render())));
            let message = self.messages.get(at);
            if let Some(text) = message.and_then(|message| message.text) {
                out.push_str(&format!("    message: {}\n", yaml_quote(text)));
            }
            if let Some(node) = message.and_then(|message| message.expression.as_ref()) {
                out.push_str(&format!("    messageExpression: {}\n", yaml_quote(&node.render())));
            }
        }
        out
    }

    /// Smaller policies, each one step away.
    pub(crate) fn smaller(&self) -> Vec<Policy> {
        let mut out = Vec::new();
        let mut with = |change: &dyn Fn(&mut Policy)| {
            let mut policy = self.clone();
            change(&mut policy);
            out.push(policy);
        };
        if self.failure_policy.is_some() {
            with(&|policy| policy.failure_policy = None);
        }
        if self.actions.is_some() {
            with(&|policy| policy.actions = None);
        }
        for (at, message) in self.messages.iter().enumerate() {
            if message.text.is_some() {
                with(&|policy| replace(&mut policy.messages, at, Message { text: None, ..message.clone() }));
            }
            let Some(node) = &message.expression else { continue };
            let fewer = std::iter::once(None).chain(node.smaller().into_iter().map(Some));
            for expression in fewer {
                with(&|policy| {
                    let text = message.text;
                    replace(&mut policy.messages, at, Message { text, expression: expression.clone() });
                });
            }
        }
        for at in 0..self.conditions.len() {
            with(&|policy| drop(policy.conditions.remove(at)));
        }
        for at in 0..self.variables.len() {
            with(&|policy| drop(policy.variables.remove(at)));
        }
        for at in 0..self.validations.len() {
            with(&|policy| {
                policy.validations.remove(at);
                if at < policy.messages.len() {
                    policy.messages.remove(at);
                }
            });
        }
        for (at, node) in self.conditions.iter().enumerate() {
            for smaller in node.smaller() {
                with(&|policy| replace(&mut policy.conditions, at, smaller.clone()));
            }
        }
        for (at, (name, node)) in self.variables.iter().enumerate() {
            for smaller in node.smaller() {
                with(&|policy| replace(&mut policy.variables, at, (name.clone(), smaller.clone())));
            }
        }
        for (at, node) in self.validations.iter().enumerate() {
            for smaller in node.smaller() {
                with(&|policy| replace(&mut policy.validations, at, smaller.clone()));
            }
        }
        out
    }
}

impl Exception {
    /// The exception as YAML.
    pub(crate) fn yaml(&self) -> String {
        let mut out = format!(
            "apiVersion: policies.kyverno.io/v1\nkind: PolicyException\nmetadata:\n  name: {}\n",
            self.name
        );
        if let Some(priority) = self.priority {
            let priority = yaml_quote(priority);
            out.push_str(&format!("  labels:\n    polex.kyverno.io/priority: {priority}\n"));
        }
        out.push_str("spec:\n");
        if let Some(mode) = self.mode {
            out.push_str(&format!("  evaluationMode: {mode}\n"));
        }
        out.push_str(&format!("  policyRefs:\n  - name: {}\n    kind: {}\n", self.policy, self.kind));
        if self.passes {
            out.push_str("  reportResult: pass\n");
        }
        for (name, texts) in [("images", &self.images), ("allowedValues", &self.values)] {
            if !texts.is_empty() {
                let texts: Vec<String> = texts.iter().map(|text| yaml_quote(text)).collect();
                out.push_str(&format!("  {name}: [{}]\n", texts.join(", ")));
            }
        }
        if !self.conditions.is_empty() {
            out.push_str("  matchConditions:\n");
        }
        for (at, condition) in self.conditions.iter().enumerate() {
            out.push_str(&format!("  - name: c{at}\n    expression: {}\n", yaml_quote(&condition.render())));
        }
        out
    }

    /// Smaller exceptions, each one step away.
    pub(crate) fn smaller(&self) -> Vec<Exception> {
        let mut out = Vec::new();
        let mut with = |change: &dyn Fn(&mut Exception)| {
            let mut exception = self.clone();
            change(&mut exception);
            out.push(exception);
        };
        for at in 0..self.conditions.len() {
            with(&|exception| drop(exception.conditions.remove(at)));
        }
        if !self.images.is_empty() {
            with(&|exception| exception.images.clear());
        }
        if !self.values.is_empty() {
            with(&|exception| exception.values.clear());
        }
        if self.passes {
            with(&|exception| exception.passes = false);
        }
        if self.priority.is_some() {
            with(&|exception| exception.priority = None);
        }
        for (at, node) in self.conditions.iter().enumerate() {
            for smaller in node.smaller() {
                with(&|exception| replace(&mut exception.conditions, at, smaller.clone()));
            }
        }
        out
    }
}

/// A double-quoted YAML scalar in ASCII.
fn yaml_quote(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            ' '..='~' => out.push(c),
            c => out.push_str(&format!("\\U{:08x}", u32::from(c))),
        }
    }
    out.push('"');
    out
}

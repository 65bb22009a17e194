//! A generated case: a single expression or a list of policies, with the requests it meets; how it is written for the
//! oracle, and what is smaller.

use serde_json::{Value as Json, json};
use toolgate::types::Type;

use super::bodies;
use super::expressions::{Generator, hole};
use super::node::{Node, shorter};
use super::tables::Tables;

/// A policy with generated expressions.
#[derive(Clone, Debug)]
pub(crate) struct Policy {
    name: String,
    failure_policy: Option<&'static str>,
    conditions: Vec<Node>,
    variables: Vec<(String, Node)>,
    validations: Vec<Node>,
}

/// What is asked.
#[derive(Clone, Debug)]
pub(crate) enum Question {
    /// Typed variables and an expression that may use them.
    Expression(Vec<(String, Node)>, Node),
    /// Policies in their order.
    Policies(Vec<Policy>),
}

/// A question and the inputs that it is asked about: `{"request": …}` or `{"payload": …}`.
#[derive(Clone, Debug)]
pub(crate) struct Case {
    /// The question.
    pub(crate) question: Question,
    /// The inputs.
    pub(crate) inputs: Vec<Json>,
}

/// Which questions a run asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Half and half.
    Both,
    /// Single expressions only.
    Expressions,
    /// Policies only.
    Policies,
}

/// Case number `index` of the run with `seed`.
pub(crate) fn generate(seed: u64, index: u64, mode: Mode, requests: usize, tables: &Tables) -> Case {
    let mut g = Generator::new(seed, index, tables);
    let expressions = match mode {
        Mode::Both => g.rng.chance(500),
        Mode::Expressions => true,
        Mode::Policies => false,
    };
    if g.rng.chance(200) {
        g.dynamic = 400;
    }
    let question = match expressions {
        true => match expression(&mut g) {
            Question::Expression(variables, node) if g.rng.chance(80) => {
                Question::Expression(variables, g.damaged(&node))
            }
            question => question,
        },
        false => policies(&mut g),
    };
    let most = if expressions { requests.min(2) } else { requests };
    let inputs = (0..most.max(1)).map(|_| bodies::input(&mut g.rng)).collect();
    Case { question, inputs }
}

fn variables(g: &mut Generator<'_>, most: usize) -> Vec<(String, Node)> {
    let mut variables: Vec<(String, Node)> = Vec::new();
    for (at, name) in ["v0", "v1", "v2"].iter().enumerate().take(g.rng.below(most)) {
        g.fuel = 8;
        let ty = g.some_type(2);
        let node = g.expression(&ty);
        variables.push(((*name).to_owned(), node));
        g.scope.truncate(at);
        g.scope.push((format!("variables.{name}"), ty));
    }
    variables
}

fn expression(g: &mut Generator<'_>) -> Question {
    let variables = if g.rng.chance(200) { variables(g, 4) } else { Vec::new() };
    g.mistakes = *g.rng.pick(&[15, 15, 0, 60]).unwrap_or(&15);
    let most = if g.rng.chance(100) { 40 } else { 9 };
    g.fuel = g.rng.below(most).saturating_add(1);
    // Every row of the tables is asked for as often as every other.
    if g.rng.chance(500) {
        let at = g.rng.below(g.tables.signatures.len());
        let tables = g.tables;
        if let Some(signature) = tables.signatures.get(at) {
            let mut bindings = super::tables::Bindings::new();
            let result = super::tables::substitute(&signature.result, &mut bindings, &mut || g.some_type(1));
            if let Some(call) = g.call_of(signature, &result) {
                return Question::Expression(variables, call);
            }
        }
    }
    let ty = g.some_type(2);
    let node = g.expression(&ty);
    Question::Expression(variables, node)
}

fn policies(g: &mut Generator<'_>) -> Question {
    let count = if g.rng.chance(600) { 1 } else { g.rng.below(3).saturating_add(1) };
    Question::Policies((0..count).map(|at| policy(g, at)).collect())
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
    Policy { name: format!("p{at}"), failure_policy, conditions, variables, validations }
}

fn condition(g: &mut Generator<'_>) -> Node {
    if g.rng.chance(500) {
        let text = g.rng.text(&[
            "object.mcp.request.Method == mcp.ToolsCallMethod",
            "has(object.mcp.request.ToolCall)",
            "object.attributes.method == \"POST\"",
            "object.attributes.Header(\"x-foo\").size() > 0",
            "\"X-Multi\" in object.attributes.header",
            "object.mcp.request.ToolCall.Name.contains(\"_\")",
            "object.attributes.header[\"X-Foo\"][0] == \"a\"",
            "object.attributes.contentLength > 0",
            "json.Unmarshal(string(object.attributes.body)).method == \"tools/call\"",
        ]);
        return Node::leaf(Type::Bool, text);
    }
    g.fuel = g.rng.below(6).saturating_add(1);
    let condition = g.expression(&Type::Bool);
    // A condition whose type is known only at run time is refused.
    if g.rng.chance(900) { hole("(% && true)", Type::Bool, vec![condition]) } else { condition }
}

/// A response, null, or a choice between them.
fn validation(g: &mut Generator<'_>) -> Node {
    let ty = Type::Struct("http.CheckResponse");
    match g.rng.below(20) {
        0 => return Node::leaf(Type::Null, "null"),
        1 => return g.expression(&ty),
        2 => return g.expression(&Type::Null),
        _ => {}
    }
    let condition = g.expression(&Type::Bool);
    let first = answer(g);
    let second = if g.rng.chance(600) { Node::leaf(Type::Null, "null") } else { answer(g) };
    if g.rng.chance(150) {
        return hole("(% ? % : %)", ty, vec![condition, second, first]);
    }
    hole("(% ? % : %)", ty, vec![condition, first, second])
}

fn answer(g: &mut Generator<'_>) -> Node {
    let ty = Type::Struct("http.CheckResponse");
    match g.rng.below(10) {
        0..2 => Node::leaf(ty, "http.Allowed().Response()"),
        2 => g.expression(&ty),
        3 => {
            let inner = validation(g);
            hole("%", ty, vec![inner])
        }
        4..6 => {
            let reason = g.formatted();
            hole("http.Denied(%).Response()", ty, vec![reason])
        }
        6 => {
            let of = g.some_type(1);
            let value = g.expression(&of);
            hole("http.Denied(\"r: \" + string(dyn(%))).Response()", ty, vec![value])
        }
        _ => {
            let reason = g.expression(&Type::String);
            hole("http.Denied(%).Response()", ty, vec![reason])
        }
    }
}

impl Policy {
    /// The policy as YAML, expressions in double quotes.
    fn yaml(&self) -> String {
        let mut out = format!(
            "apiVersion: policies.kyverno.io/v1\nkind: ValidatingPolicy\nmetadata:\n  name: {}\nspec:\n  evaluation:\n    mode: HTTP\n",
            self.name
        );
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
        for validation in &self.validations {
            out.push_str(&format!("  - expression: {}\n", yaml_quote(&validation.render())));
        }
        out
    }

    fn smaller(&self) -> Vec<Policy> {
        let mut out = Vec::new();
        let mut with = |change: &dyn Fn(&mut Policy)| {
            let mut policy = self.clone();
            change(&mut policy);
            out.push(policy);
        };
        if self.failure_policy.is_some() {
            with(&|policy| policy.failure_policy = None);
        }
        for at in 0..self.conditions.len() {
            with(&|policy| drop(policy.conditions.remove(at)));
        }
        for at in 0..self.variables.len() {
            with(&|policy| drop(policy.variables.remove(at)));
        }
        for at in 0..self.validations.len() {
            with(&|policy| drop(policy.validations.remove(at)));
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

/// Sets a member of an object.
pub(crate) fn set(object: &mut Json, key: &str, value: Json) {
    if let Some(members) = object.as_object_mut() {
        members.insert(key.to_owned(), value);
    }
}

fn replace<T>(items: &mut [T], at: usize, item: T) {
    if let Some(place) = items.get_mut(at) {
        *place = item;
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

impl Case {
    /// The case as the oracle's question: without `requests`, for the corpus, if `input` is given.
    pub(crate) fn line(&self, id: &str, input: Option<&Json>) -> Json {
        let mut line = match &self.question {
            Question::Expression(variables, expression) => {
                let mut line = json!({"id": id, "kind": "expression", "expr": expression.render()});
                if !variables.is_empty() {
                    let variables: Vec<Json> = variables
                        .iter()
                        .map(|(name, node)| json!({"name": name, "expression": node.render()}))
                        .collect();
                    set(&mut line, "vars", Json::from(variables));
                }
                line
            }
            Question::Policies(policies) => {
                let texts: Vec<String> = policies.iter().map(Policy::yaml).collect();
                json!({"id": id, "kind": "policy", "policies": texts})
            }
        };
        match input.and_then(Json::as_object) {
            Some(input) => {
                for (key, value) in input {
                    set(&mut line, key, value.clone());
                }
            }
            None if input.is_none() => set(&mut line, "requests", Json::from(self.inputs.clone())),
            None => {}
        }
        line
    }

    /// The case with one of its inputs only.
    pub(crate) fn only(&self, input: usize) -> Case {
        Case {
            question: self.question.clone(),
            inputs: self.inputs.get(input).cloned().into_iter().collect(),
        }
    }

    /// Smaller cases, each one step away, the smallest first.
    pub(crate) fn smaller(&self) -> Vec<Case> {
        let questions: Vec<Question> = match &self.question {
            Question::Expression(variables, expression) => {
                let mut out = Vec::new();
                for at in 0..variables.len() {
                    let mut fewer = variables.clone();
                    fewer.remove(at);
                    out.push(Question::Expression(fewer, expression.clone()));
                }
                out.extend(
                    expression
                        .smaller()
                        .into_iter()
                        .map(|node| Question::Expression(variables.clone(), node)),
                );
                for (at, (name, node)) in variables.iter().enumerate() {
                    for smaller in node.smaller() {
                        let mut changed = variables.clone();
                        replace(&mut changed, at, (name.clone(), smaller));
                        out.push(Question::Expression(changed, expression.clone()));
                    }
                }
                out
            }
            Question::Policies(policies) => {
                let mut out = Vec::new();
                for at in 0..policies.len() {
                    let mut fewer = policies.clone();
                    fewer.remove(at);
                    out.push(Question::Policies(fewer));
                }
                for (at, policy) in policies.iter().enumerate() {
                    for smaller in policy.smaller() {
                        let mut changed = policies.clone();
                        replace(&mut changed, at, smaller);
                        out.push(Question::Policies(changed));
                    }
                }
                out
            }
        };
        let mut cases: Vec<(usize, Case)> = questions
            .into_iter()
            .map(|question| Case { question, inputs: self.inputs.clone() })
            .chain(self.smaller_inputs())
            .map(|case| (case.size(), case))
            .collect();
        cases.sort_by_key(|(size, _)| *size);
        cases.into_iter().map(|(_, case)| case).collect()
    }

    fn size(&self) -> usize {
        self.line("", self.inputs.first()).to_string().len()
    }

    fn smaller_inputs(&self) -> Vec<Case> {
        let with = |input: Json| Case { question: self.question.clone(), inputs: vec![input] };
        let Some(input) = self.inputs.first() else { return Vec::new() };
        let Some(request) = input["request"].as_str() else {
            return if input == &json!({}) { Vec::new() } else { vec![with(json!({}))] };
        };
        let mut out = vec![with(json!({})), with(json!({"request": "POST / HTTP/1.1\r\nHost: h\r\n\r\n"}))];
        let Some((head, body)) = request.split_once("\r\n\r\n") else { return out };
        let lines: Vec<&str> =
            head.split("\r\n").filter(|line| !line.starts_with("Content-Length")).collect();
        let write = |lines: &[&str], body: &str| {
            let length =
                if body.is_empty() { String::new() } else { format!("\r\nContent-Length: {}", body.len()) };
            with(json!({"request": format!("{}{length}\r\n\r\n{body}", lines.join("\r\n"))}))
        };
        for at in 1..lines.len() {
            let mut fewer = lines.clone();
            fewer.remove(at);
            out.push(write(&fewer, body));
        }
        out.extend(shorter(body).iter().map(|body| write(&lines, body)));
        if let Ok(json) = serde_json::from_str::<Json>(body) {
            out.extend(smaller_json(&json).iter().map(|json| write(&lines, &json.to_string())));
        }
        out
    }
}

/// A JSON value without one of its members.
fn smaller_json(value: &Json) -> Vec<Json> {
    let mut out = Vec::new();
    match value {
        Json::Object(members) => {
            for key in members.keys() {
                let mut fewer = members.clone();
                fewer.remove(key);
                out.push(Json::Object(fewer));
            }
            for (key, member) in members {
                for smaller in smaller_json(member) {
                    let mut changed = members.clone();
                    changed.insert(key.clone(), smaller);
                    out.push(Json::Object(changed));
                }
            }
        }
        Json::Array(items) => {
            for at in 0..items.len() {
                let mut fewer = items.clone();
                fewer.remove(at);
                out.push(Json::Array(fewer));
            }
        }
        _ => {}
    }
    out
}

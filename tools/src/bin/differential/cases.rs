//! A generated case: a single expression or a list of policies, with the requests it meets; how it is written for the
//! oracle, and what is smaller.

use serde_json::{Value as Json, json};
use toolgate::internal::policy::model::Mode;

use super::dialect;
use super::expressions::Generator;
use super::node::{Node, shorter};
use super::policies::{Exception, Policy, policies};
use super::tables::Tables;

/// What is asked.
#[derive(Clone, Debug)]
pub(crate) enum Question {
    /// Typed variables and an expression that may use them.
    Expression(Vec<(String, Node)>, Node),
    /// Policies in their order, and exceptions from them.
    Policies(Vec<Policy>, Vec<Exception>),
}

/// A question and the inputs that it is asked about: `{"request": …}` or `{"payload": …}`.
#[derive(Clone, Debug)]
pub(crate) struct Case {
    /// The question.
    pub(crate) question: Question,
    /// The inputs.
    pub(crate) inputs: Vec<Json>,
    /// The mode of its policies, or in whose environment the expression is.
    pub(crate) mode: Mode,
}

/// Which questions a run asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Half and half.
    Both,
    /// Single expressions only.
    Expressions,
    /// Policies only.
    Policies,
}

/// Case number `index` of the run with `seed`.
pub(crate) fn generate(seed: u64, index: u64, kind: Kind, requests: usize, tables: &Tables) -> Case {
    let mut g = Generator::new(seed, index, tables);
    let expressions = match kind {
        Kind::Both => g.rng.chance(500),
        Kind::Expressions => true,
        Kind::Policies => false,
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
    let inputs = (0..most.max(1)).map(|_| dialect::input(tables.mode, &mut g.rng)).collect();
    Case { question, inputs, mode: tables.mode }
}

/// Up to `most` typed variables, each with those before it in sight.
pub(crate) fn variables(g: &mut Generator<'_>, most: usize) -> Vec<(String, Node)> {
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

/// Sets a member of an object.
pub(crate) fn set(object: &mut Json, key: &str, value: Json) {
    if let Some(members) = object.as_object_mut() {
        members.insert(key.to_owned(), value);
    }
}

/// Puts another item in the place `at`.
pub(crate) fn replace<T>(items: &mut [T], at: usize, item: T) {
    if let Some(place) = items.get_mut(at) {
        *place = item;
    }
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
            Question::Policies(policies, exceptions) => {
                let texts: Vec<String> = policies.iter().map(|policy| policy.yaml(self.mode)).collect();
                let mut line = json!({"id": id, "kind": "policy", "policies": texts});
                if !exceptions.is_empty() {
                    let texts: Vec<String> = exceptions.iter().map(Exception::yaml).collect();
                    set(&mut line, "exceptions", json!(texts));
                }
                line
            }
        };
        if self.mode != Mode::Http {
            set(&mut line, "mode", json!(self.mode.as_str()));
        }
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
            mode: self.mode,
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
            Question::Policies(policies, exceptions) => {
                let mut out = Vec::new();
                for at in 0..policies.len() {
                    let mut fewer = policies.clone();
                    fewer.remove(at);
                    out.push(Question::Policies(fewer, exceptions.clone()));
                }
                for at in 0..exceptions.len() {
                    let mut fewer = exceptions.clone();
                    fewer.remove(at);
                    out.push(Question::Policies(policies.clone(), fewer));
                }
                for (at, policy) in policies.iter().enumerate() {
                    for smaller in policy.smaller() {
                        let mut changed = policies.clone();
                        replace(&mut changed, at, smaller);
                        out.push(Question::Policies(changed, exceptions.clone()));
                    }
                }
                for (at, exception) in exceptions.iter().enumerate() {
                    for smaller in exception.smaller() {
                        let mut changed = exceptions.clone();
                        replace(&mut changed, at, smaller);
                        out.push(Question::Policies(policies.clone(), changed));
                    }
                }
                out
            }
        };
        let mut cases: Vec<(usize, Case)> = questions
            .into_iter()
            .map(|question| Case { question, inputs: self.inputs.clone(), mode: self.mode })
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
        let with =
            |input: Json| Case { question: self.question.clone(), inputs: vec![input], mode: self.mode };
        let Some(input) = self.inputs.first() else { return Vec::new() };
        if self.mode != Mode::Http {
            let smaller = smaller_json(&input["payload"]);
            return smaller.into_iter().map(|payload| with(json!({"payload": payload}))).collect();
        }
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

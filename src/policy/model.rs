//! The `ValidatingPolicy` document: which fields it may have, and what the HTTP mode uses of them.
//!
//! Knows the schema of Kyverno's custom resource (three versions of the API with one schema) and nothing of CEL: an
//! expression is text with a way back to its file.

use std::sync::Arc;

use crate::source::{Located, ScalarMap, Source, Span};

/// One policy in HTTP mode, as far as a decision needs it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// `metadata.name`
    pub name: Located<String>,
    /// `policies.kyverno.io/v1` or an older version
    pub api_version: String,
    /// The file.
    pub source: Arc<Source>,
    /// The whole document in the file.
    pub span: Span,
    /// `spec.failurePolicy`, `Fail` when absent
    pub failure_policy: FailurePolicy,
    /// `spec.matchConditions`
    pub match_conditions: Vec<NamedExpression>,
    /// `spec.variables`
    pub variables: Vec<NamedExpression>,
    /// `spec.validations[].expression`
    pub validations: Vec<Expression>,
}

/// What an error of evaluation means.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FailurePolicy {
    /// The request fails.
    #[default]
    Fail,
    /// The policy has nothing to say.
    Ignore,
}

/// An expression with a name: a match condition or a variable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedExpression {
    /// Its name.
    pub name: Located<String>,
    /// The expression.
    pub expression: Expression,
}

/// The text of one CEL expression and where it is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expression {
    /// The text, as the YAML reader gives it.
    pub text: String,
    /// The field: `spec.validations[0].expression`.
    pub path: String,
    /// The scalar in the file.
    pub span: Span,
    /// The way from the text to the file.
    pub map: ScalarMap,
}

impl Expression {
    /// The place in the file of the bytes `start..end` of [`Expression::text`].
    pub fn locate(&self, start: usize, end: usize) -> Span {
        self.map.locate(start, end)
    }
}

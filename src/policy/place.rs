//! Where an expression stands in its document, and what it must result in there (docs/kyverno.md §4).

use std::sync::Arc;

use super::model::{Expression, Mode};
use crate::diag::Diagnostic;
use crate::source::Source;
use crate::types::Type;

/// What an expression must result in.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Due {
    /// A match condition: exactly bool.
    Condition,
    /// A variable.
    Anything,
    /// A validation: a response or null; in mode JSON exactly bool.
    Validation,
    /// What a validation of mode JSON says when it fails: exactly string.
    Message,
    /// A condition of an exception: exactly bool.
    Exemption,
}

impl Due {
    /// Whether an expression of type `found` can stand here.
    pub(super) fn is_met(self, mode: Mode, found: &Type) -> bool {
        match (self, mode) {
            (Due::Condition | Due::Exemption, _) | (Due::Validation, Mode::Json) => {
                found.is_exact(&Type::Bool)
            }
            (Due::Message, _) => found.is_exact(&Type::String),
            (Due::Validation, Mode::Http | Mode::Envoy) => match found {
                Type::Null => true,
                Type::Struct(name) => *name == mode.response(),
                _ => false,
            },
            (Due::Anything, _) => true,
        }
    }
}

/// Where an expression stands.
#[derive(Clone, Copy)]
pub(super) struct Place<'s> {
    pub(super) mode: Mode,
    /// The document's name.
    pub(super) name: &'s str,
    pub(super) source: &'s Arc<Source>,
    /// Whether it is compiled for several policies.
    pub(super) is_shared: bool,
    /// Whether it is compiled for a policy of mode JSON in a namespace.
    pub(super) in_namespace: bool,
}

/// A diagnostic about a part of an expression, at its place.
pub(super) fn located(
    place: Place<'_>,
    expression: &Expression,
    mut diagnostic: Diagnostic,
    start: usize,
    end: usize,
) -> Diagnostic {
    if diagnostic.path.is_none() {
        diagnostic = diagnostic.path(expression.path.clone());
    }
    diagnostic.policy(place.name).at(place.source, expression.locate(start, end))
}

//! What a policy's document is compiled to: its programs, and what its answers mean.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::model::{Allowed, Exception, FailurePolicy, Mode};
use crate::cel::program::{Program, Shared};

/// A policy that can be evaluated.
#[derive(Debug)]
pub struct CompiledPolicy<'p> {
    /// The policy's name.
    pub name: String,
    /// Which requests it is asked about.
    pub mode: Mode,
    /// What an error means.
    pub failure_policy: FailurePolicy,
    /// A request that one of them matches is not judged.
    pub exceptions: Vec<Arc<CompiledException<'p>>>,
    /// All must be true.
    pub conditions: Vec<Program<'p>>,
    /// The variables, in order of declaration.
    pub variables: Vec<Program<'p>>,
    /// The first that is not null is the policy's answer; in mode JSON the first that is false.
    pub validations: Vec<Program<'p>>,
    /// What each validation of mode JSON says when it is false.
    pub messages: Vec<CompiledMessage<'p>>,
    /// Whether a failure of mode JSON is a denial.
    pub denies: bool,
    /// Where the validations stand: `spec.validations[0]`.
    pub paths: Vec<String>,
    /// The headers that it reads by their names, in canonical form.
    pub headers: BTreeSet<String>,
}

/// What a validation of mode JSON says when it is false.
#[derive(Debug)]
pub struct CompiledMessage<'p> {
    /// What it says without a program.
    pub text: String,
    /// Its result is said.
    pub program: Option<Program<'p>>,
}

/// An exception from policies.
#[derive(Debug)]
pub struct CompiledException<'p> {
    /// Its name.
    pub name: String,
    /// Its name behind that of its namespace.
    pub qualified: String,
    /// All must be true.
    pub conditions: Vec<Program<'p>>,
    /// What it allows in mode JSON, if it does not exempt from the whole policy.
    pub allowed: Allowed,
    /// Whether mode JSON reports an exemption as passed.
    pub passes: bool,
    /// Of several exceptions, the one whose word mode JSON takes has the highest.
    pub priority: i64,
}

impl<'p> CompiledException<'p> {
    pub(super) fn new(exception: &Exception, conditions: Vec<Program<'p>>) -> CompiledException<'p> {
        let name = exception.name.value.clone();
        CompiledException {
            qualified: exception.namespace.as_ref().map_or(name.clone(), |of| format!("{of}/{name}")),
            name,
            conditions,
            allowed: exception.allowed.clone(),
            passes: exception.passes,
            priority: exception.priority,
        }
    }
}

impl<'p> CompiledPolicy<'p> {
    /// All its programs, those of its exceptions too.
    pub fn programs(&self) -> impl Iterator<Item = &Program<'p>> {
        let exempt = self.exceptions.iter().flat_map(|exception| &exception.conditions);
        let messages = self.messages.iter().filter_map(|message| message.program.as_ref());
        self.conditions.iter().chain(&self.variables).chain(&self.validations).chain(messages).chain(exempt)
    }

    /// Their expressions that may stand elsewhere too.
    pub fn shared(&self) -> impl Iterator<Item = &'p Shared<'p>> {
        self.programs().flat_map(Program::shared).copied()
    }
}

//! Which exceptions are for which policies, and which of them are compiled once for several.

use std::collections::HashMap;
use std::ptr;

use crate::diag::{Code, Diagnostic};
use crate::limit::over;

use super::environment::VARIABLES_NAME;
use super::model::{Exception, FailurePolicy, KIND, Mode, Policy};

/// The most conditions of exceptions that are compiled anew for each policy that they are for, because they read its
/// variables: some 4 kB each.
const MAX_COPIES: usize = 20_000;

/// An exception that is for a policy.
#[derive(Clone, Copy, Debug)]
pub(super) struct Attached<'e> {
    pub(super) exception: &'e Exception,
    /// The number of its compiled form, from 0 in the order in which they are needed first.
    pub(super) form: usize,
    /// Whether it is compiled here: no policy before this one has this form.
    pub(super) is_first: bool,
}

/// The exceptions of each policy, in the order in which Kyverno tries them. Its server gives a policy an exception once, in
/// the order of their names; its engine, in mode JSON, once for each reference, in the order in which they are written:
/// one whose conditions fail is passed over only behind one that exempts. Of several policies of one name, which is an error of the set, the first has
/// them.
pub(super) fn concerned<'e>(policies: &[Policy], exceptions: &'e [Exception]) -> Vec<Vec<&'e Exception>> {
    let mut numbers = HashMap::with_capacity(policies.len());
    for (number, policy) in policies.iter().enumerate() {
        numbers.entry(policy.name.value.as_str()).or_insert(number);
    }
    let mut concerned: Vec<Vec<&'e Exception>> = vec![Vec::new(); policies.len()];
    for exception in exceptions {
        for of in &exception.policies {
            let Some(number) = numbers.get(of.name.as_str()) else { continue };
            let (Some(policy), Some(own)) = (policies.get(*number), concerned.get_mut(*number)) else {
                continue;
            };
            let concerns = match policy.mode {
                Mode::Http | Mode::Envoy => {
                    let has_it = own.last().is_some_and(|last| ptr::eq(*last, exception));
                    !has_it && exception.mode.as_deref() == Some(policy.mode.as_str())
                }
                Mode::Json => of.kind == KIND,
            };
            if concerns {
                own.push(exception);
            }
        }
    }
    for (policy, own) in policies.iter().zip(&mut concerned) {
        match policy.mode {
            Mode::Http | Mode::Envoy => own.sort_by(|left, right| left.name.value.cmp(&right.name.value)),
            Mode::Json => {}
        }
    }
    concerned
}

/// As [`concerned`], with the forms. What reads no variables is the same for all policies of a mode.
///
/// # Errors
/// Too many copies would have to be compiled.
pub(super) fn attach<'e>(
    policies: &[Policy],
    exceptions: &'e [Exception],
) -> Result<Vec<Vec<Attached<'e>>>, Box<Diagnostic>> {
    let mut forms = HashMap::new();
    let mut copies = 0_usize;
    let mut attach = |number: usize, policy: &Policy, exception: &'e Exception| {
        let conditions = &exception.match_conditions;
        let reads = conditions.iter().any(|condition| condition.expression.text.contains(VARIABLES_NAME));
        // The rest decides what is said of it.
        let is_ignored = policy.failure_policy == FailurePolicy::Ignore;
        let key = (
            ptr::from_ref(exception).addr(),
            reads.then_some(number),
            (policy.mode, policy.namespace.is_some(), is_ignored),
        );
        let next = forms.len();
        let form = *forms.entry(key).or_insert(next);
        let is_first = form == next;
        if is_first && reads {
            copies = copies.saturating_add(conditions.len());
        }
        if copies > MAX_COPIES {
            let message = format!(
                "conditions of exceptions that read `{VARIABLES_NAME}` are compiled for each policy that they are \
                 for, here {}",
                over(MAX_COPIES, "")
            );
            let diagnostic = Diagnostic::error(Code::TooManyFiles, message).policy(&exception.name.value);
            return Err(Box::new(diagnostic.at(&exception.source, exception.name.span)));
        }
        Ok(Attached { exception, form, is_first })
    };
    let each = policies.iter().zip(concerned(policies, exceptions)).enumerate();
    let attached = each.map(|(number, (policy, exceptions))| {
        exceptions.into_iter().map(|exception| attach(number, policy, exception)).collect()
    });
    attached.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diag::MAX_FAULTS;
    use crate::policy::load::load_text;
    use crate::policy::set::{PolicySet, compiled};

    fn policy(number: usize, validation: &str) -> String {
        format!(
            "---\napiVersion: policies.kyverno.io/v1\nkind: ValidatingPolicy\nmetadata: {{name: p{number}}}\nspec:\n  \
             evaluation: {{mode: HTTP}}\n  variables: [{{name: v, expression: '1'}}]\n  validations: [{{expression: \
             '{validation}'}}]\n"
        )
    }

    /// An exception from so many policies.
    fn exception(name: &str, policies: usize, condition: &str) -> String {
        let references: String =
            (0..policies).map(|number| format!("{{name: p{number}, kind: ValidatingPolicy}},")).collect();
        format!(
            "---\napiVersion: policies.kyverno.io/v1\nkind: PolicyException\nmetadata: {{name: {name}}}\nspec:\n  \
             evaluationMode: HTTP\n  policyRefs: [{references}]\n  matchConditions: [{{name: m, expression: \
             '{condition}'}}]\n"
        )
    }

    #[test]
    fn what_reads_no_variables_is_compiled_once() {
        let policies: String = (0..3).map(|number| policy(number, "null")).collect();
        let text = policies + &exception("a", 3, "true") + &exception("b", 3, "variables.v == 1");
        let (set, _) = PolicySet::from_text("p.yaml", &text).unwrap();
        let exempt = |policy: usize| &compiled(&set).policies[policy].exceptions;
        let is_shared = |at: usize| ptr::eq(&*exempt(0)[at], &*exempt(2)[at]);
        assert_eq!((is_shared(0), is_shared(1)), (true, false));
        assert_eq!(set.exceptions().collect::<Vec<_>>(), ["a", "b", "a", "b", "a", "b"]);
    }

    #[test]
    fn copies_have_a_limit_and_one_that_names_it() {
        let policies: String = (0..201).map(|number| policy(number, "null")).collect();
        let text = |condition: &str| {
            (0..100)
                .fold(policies.clone(), |text, name| text + &exception(&format!("e{name}"), 201, condition))
        };
        assert!(PolicySet::from_text("p.yaml", &text("1 == 1")).is_ok());
        let wrong = PolicySet::from_text("p.yaml", &text("variables.v == 1")).unwrap_err();
        assert_eq!((wrong.len(), wrong[0].code), (1, Code::TooManyFiles));
        assert!(wrong[0].message.contains("20000"), "{}", wrong[0].message);
    }

    /// Nobody reads a million mistakes, and to write them takes a minute.
    #[test]
    fn mistakes_of_expressions_are_counted_where_there_are_many() {
        let text: String = (0..300).map(|number| policy(number, "nothing")).collect();
        let (set, diagnostics) = PolicySet::lenient_text("p.yaml", &text);
        assert_eq!((set.len(), diagnostics.len()), (0, MAX_FAULTS + 1));
        let last = diagnostics.iter().find(|diagnostic| diagnostic.code == Code::TooManyFaults).unwrap();
        assert_eq!(last.message, "there are 100 more errors of this file");
        assert!(load_text("p.yaml", &text).diagnostics.is_empty());
    }
}

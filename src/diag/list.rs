//! Lists of diagnostics, as results carry them.

use std::fmt;
use std::ops::Deref;

use super::report::{Palette, render};
use super::{Diagnostic, Severity, sort};

/// Everything that is wrong, with every warning beside it, by file and place. Displayed as a report for people.
///
/// ```
/// let wrong = toolgate::PolicySet::from_text("policies.yaml", "kind: ValidatingPolicy").unwrap_err();
/// assert_eq!(wrong[0].code.to_string(), "TG1204");
/// assert!(wrong.to_string().contains("the field `apiVersion` is missing"), "{wrong}");
/// let error: Box<dyn std::error::Error> = wrong.into();
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Diagnostics(Vec<Diagnostic>);

impl Diagnostics {
    /// True if something is wrong, and not only worth a warning.
    pub fn has_errors(&self) -> bool {
        self.0.iter().any(|diagnostic| diagnostic.severity == Severity::Error)
    }

    /// The same as warnings.
    ///
    /// # Errors
    /// Something is wrong.
    pub(crate) fn into_warnings(self) -> Result<Warnings, Diagnostics> {
        if self.has_errors() { Err(self) } else { Ok(Warnings(self.0)) }
    }
}

impl std::error::Error for Diagnostics {}

/// What may be wrong, or was left out, of something that is well enough. Displayed as a report for people.
///
/// ```
/// # let text = "
/// # apiVersion: policies.kyverno.io/v1
/// # kind: ValidatingPolicy
/// # metadata: {name: nothing}
/// # spec: {evaluation: {mode: HTTP}, validations: [{expression: 'null'}]}
/// # ---
/// # apiVersion: cli.kyverno.io/v1alpha1
/// # kind: Test
/// # ";
/// // A policy, and a test of Kyverno's beside it.
/// let (set, warnings) = toolgate::PolicySet::from_text("policies.yaml", text)?;
/// assert_eq!(warnings[0].code.to_string(), "TG1403");
/// # Ok::<(), toolgate::Diagnostics>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Warnings(Vec<Diagnostic>);

impl From<Vec<Diagnostic>> for Diagnostics {
    fn from(mut list: Vec<Diagnostic>) -> Diagnostics {
        sort(&mut list);
        Diagnostics(list)
    }
}

impl Deref for Diagnostics {
    type Target = [Diagnostic];

    fn deref(&self) -> &[Diagnostic] {
        &self.0
    }
}

impl Deref for Warnings {
    type Target = [Diagnostic];

    fn deref(&self) -> &[Diagnostic] {
        &self.0
    }
}

impl fmt::Display for Diagnostics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(render(self, &Palette::PLAIN).trim_end())
    }
}

impl fmt::Display for Warnings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(render(self, &Palette::PLAIN).trim_end())
    }
}

impl IntoIterator for Diagnostics {
    type Item = Diagnostic;
    type IntoIter = std::vec::IntoIter<Diagnostic>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl IntoIterator for Warnings {
    type Item = Diagnostic;
    type IntoIter = std::vec::IntoIter<Diagnostic>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl<'d> IntoIterator for &'d Diagnostics {
    type Item = &'d Diagnostic;
    type IntoIter = std::slice::Iter<'d, Diagnostic>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.iter()
    }
}

impl<'d> IntoIterator for &'d Warnings {
    type Item = &'d Diagnostic;
    type IntoIter = std::slice::Iter<'d, Diagnostic>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.iter()
    }
}

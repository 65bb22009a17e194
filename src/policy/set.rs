//! A set of policies that is whole, or an error; and the one door to what is left of a set that is not.
//!
//! Owns the programs together with the arena they live in, so that nothing borrowed leaves this module but for the
//! length of a call.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use self_cell::{MutBorrow, self_cell};
use sha2::{Digest, Sha256};

use crate::cel::program::Arena;
use crate::diag::{Code, Diagnostic, Diagnostics, Warnings};
use crate::policy::bundle::{CheckedHeaders, Written};
use crate::policy::compile::{self, CompiledSet, Origin};
use crate::policy::lint::Deployed;
use crate::policy::load::{Loaded, load, load_bundle, load_text};
use crate::policy::model::{Exception, Policy};
use crate::source::Source;

self_cell!(
    /// Programs and the arena they live in.
    struct Programs {
        owner: MutBorrow<Arena>,

        #[covariant]
        dependent: CompiledSet,
    }
);

/// Policies, compiled: all of what was asked for, or it does not exist.
///
/// Owns what it needs and is cheap to clone.
///
/// ```
/// use toolgate::PolicySet;
///
/// let text = r#"
/// apiVersion: policies.kyverno.io/v1
/// kind: ValidatingPolicy
/// metadata:
///   name: no-deletes
/// spec:
///   evaluation:
///     mode: HTTP
///   validations:
///   - expression: |
///       object.attributes.Header("X-Operation").exists(verb, verb == "delete")
///       ? http.Denied("Nothing is deleted here.").Response() : null
/// "#;
/// let (set, warnings) = PolicySet::from_text("policies.yaml", text)?;
/// assert_eq!(set.names().collect::<Vec<_>>(), ["no-deletes"]);
/// assert!(warnings.is_empty(), "{warnings}");
///
/// // Half of a policy is no policy, and no policies are no set: both would leave doors open.
/// assert!(PolicySet::from_text("policies.yaml", &text.replace("object.", "objekt.")).is_err());
/// assert!(PolicySet::from_text("policies.yaml", "").is_err());
/// # Ok::<(), toolgate::Diagnostics>(())
/// ```
#[derive(Clone)]
pub struct PolicySet(Arc<Inner>);

struct Inner {
    programs: Programs,
    digest: String,
    headers: CheckedHeaders,
}

impl PolicySet {
    /// The policies of a directory and of all below it, in files that end in `.yaml`, `.yml` or `.json`. What is left
    /// out is named in the [`Warnings`].
    ///
    /// # Errors
    /// Everything that is wrong with any of them; two policies of one name; no policy at all; settings in a file that nobody
    /// would read, which is any but a `toolgate.yaml` of this directory itself. That one is for
    /// [`Settings::load_beside`](crate::Settings::load_beside).
    pub fn from_dir(path: impl AsRef<Path>) -> Result<(PolicySet, Warnings), Diagnostics> {
        let path = path.as_ref();
        if path.is_file() {
            let file = Source::without_text(path.display().to_string());
            let diagnostic = Diagnostic::error(Code::UnreadablePath, "this is not a directory").file(&file);
            return Err(Diagnostics::from(vec![diagnostic]));
        }
        PolicySet::from_files([path])
    }

    /// The policies of files and directories. A path without a policy is an error. A file may be a bundle, see
    /// [`PolicySet::from_bundle`]; beside other paths its texts are compiled with theirs.
    ///
    /// # Errors
    /// As [`PolicySet::from_dir`].
    pub fn from_files<P: AsRef<Path>>(
        paths: impl IntoIterator<Item = P>,
    ) -> Result<(PolicySet, Warnings), Diagnostics> {
        PolicySet::whole(load(&owned(paths), None))
    }

    /// As [`PolicySet::from_files`] where the settings are those of the file `config`: it may lie among the policies under any
    /// name.
    ///
    /// # Errors
    /// As [`PolicySet::from_dir`].
    #[doc(hidden)]
    pub fn from_files_beside<P: AsRef<Path>>(
        paths: impl IntoIterator<Item = P>,
        config: Option<&Path>,
    ) -> Result<(PolicySet, Warnings), Diagnostics> {
        PolicySet::whole(load(&owned(paths), config))
    }

    /// The policies of one text, as if it were the file `name`.
    ///
    /// # Errors
    /// As [`PolicySet::from_dir`].
    pub fn from_text(name: &str, text: &str) -> Result<(PolicySet, Warnings), Diagnostics> {
        PolicySet::whole(load_text(name, text))
    }

    /// The policies of a bundle that `toolgate build` made, as if it were the file `name`. Much faster than their texts, and the
    /// same in everything that they decide. If another build of Toolgate made it, its texts are compiled, and a warning
    /// says so.
    ///
    /// ```
    /// let damaged = toolgate::PolicySet::from_bundle("policies.bundle", b"these are no policies").unwrap_err();
    /// assert_eq!(damaged[0].code.to_string(), "TG1005");
    /// ```
    ///
    /// # Errors
    /// It is damaged, or no bundle; as [`PolicySet::from_dir`].
    pub fn from_bundle(name: &str, bytes: &[u8]) -> Result<(PolicySet, Warnings), Diagnostics> {
        PolicySet::whole(load_bundle(name, bytes))
    }

    /// **What is left of policies that are not well**, none perhaps, with everything that is wrong: for editors and
    /// reports. What decides calls must not be made of it, because the policy that is lost may be the one that kept
    /// a door shut.
    pub fn lenient<P: AsRef<Path>>(paths: impl IntoIterator<Item = P>) -> (PolicySet, Diagnostics) {
        load(&owned(paths), None).lenient()
    }

    /// As [`PolicySet::lenient`], for one text.
    pub fn lenient_text(name: &str, text: &str) -> (PolicySet, Diagnostics) {
        load_text(name, text).lenient()
    }

    /// The names of the policies, in the order in which they are asked.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        compiled(self).policies.iter().map(|policy| policy.name.as_str())
    }

    /// How many policies there are.
    pub fn len(&self) -> usize {
        compiled(self).policies.len()
    }

    /// True for what is left of policies none of which is well, see [`PolicySet::lenient`].
    pub fn is_empty(&self) -> bool {
        compiled(self).policies.is_empty()
    }

    /// The names of the exceptions, each once for every policy that it exempts from.
    pub fn exceptions(&self) -> impl Iterator<Item = &str> {
        compiled(self)
            .policies
            .iter()
            .flat_map(|policy| policy.exceptions.iter().map(|exception| exception.name.as_str()))
    }

    /// What records call this set: `sha256:` and 64 hexadecimal digits, made of the policies' texts.
    pub fn digest(&self) -> &str {
        &self.0.digest
    }

    fn whole(loaded: Loaded) -> Result<(PolicySet, Warnings), Diagnostics> {
        let (set, diagnostics) = loaded.lenient();
        Ok((set, diagnostics.into_warnings()?))
    }

    /// The programs of `policies`, of those that have no mistake, and all mistakes. What their expressions checked to may
    /// have been `written`.
    fn compile(
        policies: &[Policy],
        exceptions: &[Exception],
        written: Option<&Written>,
        deployed: &Deployed,
    ) -> (PolicySet, Vec<Diagnostic>) {
        let mut mistakes = Vec::new();
        let programs = Programs::new(MutBorrow::new(Arena::new()), |arena| {
            let arena = arena.borrow_mut();
            let (set, found) = match written {
                None => compile::compile(policies, exceptions, arena, Origin::Texts, deployed),
                Some(written) => compile::compile_written(policies, exceptions, arena, written),
            };
            mistakes = found;
            set
        });
        let digest = written.map_or_else(|| digest(policies, exceptions), |it| it.digest().to_owned());
        let headers = written.map(|it| it.headers().clone()).unwrap_or_default();
        (PolicySet(Arc::new(Inner { programs, digest, headers })), mistakes)
    }
}

impl Loaded {
    /// Compiles what was loaded, also if a document is not well, so that all mistakes are reported together. The
    /// diagnostics are all that is wrong, every warning and what was left out, by file and place.
    pub fn lenient(self) -> (PolicySet, Diagnostics) {
        self.lenient_for(&Deployed::default())
    }

    /// As [`Loaded::lenient`], with the warnings that this deployment's settings allow.
    pub fn lenient_for(self, deployed: &Deployed) -> (PolicySet, Diagnostics) {
        let mut diagnostics = self.diagnostics;
        let (set, mistakes) =
            PolicySet::compile(&self.policies, &self.exceptions, self.written.as_ref(), deployed);
        diagnostics.extend(mistakes);
        (set, Diagnostics::from(diagnostics))
    }
}

/// Compiles policies that were read one by one.
///
/// # Errors
/// Every mistake in every expression.
pub fn compile(policies: &[Policy], exceptions: &[Exception]) -> Result<PolicySet, Diagnostics> {
    let (set, mistakes) = PolicySet::compile(policies, exceptions, None, &Deployed::default());
    Diagnostics::from(mistakes).into_warnings().map(|_| set)
}

/// Expressions of headers that were checked when the set's bundle was made.
pub fn checked_headers(set: &PolicySet) -> &[(String, Vec<u8>)] {
    &set.0.headers
}

/// The programs, for those who have a request and no event.
pub fn compiled(set: &PolicySet) -> &CompiledSet<'_> {
    set.0.programs.borrow_dependent()
}

impl fmt::Debug for PolicySet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PolicySet")
            .field("policies", &self.names().collect::<Vec<_>>())
            .field("digest", &self.0.digest)
            .finish()
    }
}

fn owned<P: AsRef<Path>>(paths: impl IntoIterator<Item = P>) -> Vec<PathBuf> {
    paths.into_iter().map(|path| path.as_ref().to_path_buf()).collect()
}

/// A name for a set of policies, made of the text of each.
pub(super) fn digest(policies: &[Policy], exceptions: &[Exception]) -> String {
    let texts = policies.iter().map(|policy| policy.source.slice(policy.span));
    let exempt = exceptions.iter().map(|exception| exception.source.slice(exception.span));
    digest_of(texts.chain(exempt))
}

/// `sha256:` and 64 hexadecimal digits. The same texts in any order have the same digest.
fn digest_of<'t>(texts: impl IntoIterator<Item = &'t str>) -> String {
    let mut digests: Vec<_> = texts.into_iter().map(|text| Sha256::digest(text.as_bytes())).collect();
    digests.sort_unstable();
    let mut set = Sha256::new();
    for digest in &digests {
        set.update(digest);
    }
    named(&set.finalize())
}

/// `sha256:` and the digits of a digest.
pub fn named(digest: &[u8]) -> String {
    let digits = digest.iter().map(|byte| format!("{byte:02x}"));
    std::iter::once("sha256:".to_owned()).chain(digits).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A mistake in an exception is told once, and spoils each policy that it is for: without the condition that does not
    /// compile the exception would match everything.
    #[test]
    fn a_broken_exception_spoils_every_policy_that_it_is_for() {
        let policy = |name: &str| {
            format!(
                "apiVersion: policies.kyverno.io/v1\nkind: ValidatingPolicy\nmetadata: {{name: {name}}}\nspec:\n  evaluation: \
                 {{mode: HTTP}}\n  validations: [{{expression: 'object.attributes.host == \"a\" ? http.Allowed().Response() : null'}}]\n---\n"
            )
        };
        let exception = "apiVersion: policies.kyverno.io/v1\nkind: PolicyException\nmetadata: {name: e}\nspec:\n  evaluationMode: HTTP\n  \
            policyRefs: [{name: a, kind: ValidatingPolicy}, {name: b, kind: ValidatingPolicy}]\n  matchConditions: \
            [{name: m, expression: nothing}]\n";
        let text = policy("a") + &policy("b") + &policy("c") + exception;
        let (set, diagnostics) = PolicySet::lenient_text("p.yaml", &text);
        assert_eq!(diagnostics.len(), 1, "{diagnostics}");
        assert_eq!(set.names().collect::<Vec<_>>(), ["c"]);
        let repaired = text.replace("expression: nothing", "expression: 'true'");
        let (set, _) = PolicySet::from_text("p.yaml", &repaired).unwrap();
        assert_eq!(set.exceptions().count(), 2);
    }

    /// What is missing at the end of an expression is missing after its last character, whatever its width.
    #[test]
    fn mistakes_at_the_end_have_a_place() {
        for expression in ["\"é\" + é", "(é", "\"é\" é", "[1, é"] {
            let text = format!(
                "apiVersion: policies.kyverno.io/v1\nkind: ValidatingPolicy\nmetadata: {{name: a}}\nspec:\n  evaluation: \
                 {{mode: HTTP}}\n  validations:\n  - expression: |\n      {expression}\n"
            );
            let wrong = PolicySet::from_text("p.yaml", &text).unwrap_err();
            for diagnostic in &wrong {
                let span = diagnostic.span.unwrap();
                let (start, end) = (span.start as usize, span.end as usize);
                assert!(text.is_char_boundary(start) && text.is_char_boundary(end), "{expression}: {span:?}");
                assert!(
                    start < end && text.get(start..end).is_some_and(|text| !text.contains('\n')),
                    "{expression}: {span:?}"
                );
            }
        }
    }

    /// Loaded, it would be a fault of every decision.
    #[test]
    fn a_constant_pattern_that_is_not_compiled_is_a_mistake() {
        let deep = format!("{}a{}", "(".repeat(300), ")".repeat(300));
        for condition in [
            format!("\"a\".matches(\"{deep}\")"),
            format!("\"a\".matches(\"{deep}\" + \"b\")"),
            format!("\"a\".findAll(\"{deep}\").size() > 0"),
            format!("\"a\".matches(\"{}\")", "a".repeat(70_000)),
        ] {
            let text = format!(
                "apiVersion: policies.kyverno.io/v1\nkind: ValidatingPolicy\nmetadata: {{name: a}}\nspec:\n  evaluation: \
                 {{mode: HTTP}}\n  validations:\n  - expression: '{condition} ? http.Allowed().Response() : null'\n"
            );
            let wrong = PolicySet::from_text("p.yaml", &text).unwrap_err();
            assert!(wrong[0].message.contains("larger than Toolgate compiles"), "{wrong}");
        }
    }

    #[test]
    fn the_digest_of_a_set_is_of_its_texts_alone() {
        let name = digest_of(["a", "b"]);
        assert_eq!(name.len(), "sha256:".len() + 64);
        assert_eq!(name, digest_of(["b", "a"]));
        for other in [&["a"][..], &["ab"], &["a", "b", "b"], &["a", "b", ""], &[]] {
            assert_ne!(name, digest_of(other.iter().copied()), "{other:?}");
        }
    }
}

//! Bundles: a set of policies in one file that starts fast. It holds what was checked, so that loading it neither reads YAML
//! nor parses nor checks, the texts that it was made of, the settings, if there are any, and the names of what was left out.
//!
//! ```text
//! 8 bytes   MAGIC
//! 4 bytes   the version of what follows, little-endian
//! 32 bytes  SHA-256 of the version and of all that follows
//! the rest  `Contents` in postcard's encoding, and in it the programs: `Model`, then what `cel::Writer` writes
//! ```
//!
//! The contents read in every build of one version of the format; the programs only in the build that made them, because
//! what they mean depends on the engine. Another build compiles the texts, and so does a build with another version of the format: `Texts`,
//! with which the contents begin, are the same in all versions. The digest is there for damage, not for malice: who can write the file can
//! write policies.

mod left_out;

use std::path::{Component, Path};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::cel::{FlatError, Reader};
use crate::diag::{Code, Diagnostic};
use crate::library::table_type;
use crate::limit::over;
use crate::policy::model::{Exception, Policy};
use crate::source::{Source, SourceTooLargeError};

pub use self::left_out::{LeftOut, Omission};

/// How every bundle begins. A transfer that changes line breaks or cuts the eighth bit changes it.
const MAGIC: [u8; 8] = *b"\x8bTGB\r\n\x1a\n";
/// The version of the format that this build writes, and the only one of which it reads more than the texts.
const VERSION: u32 = 3;
/// The first version that begins with [`Texts`].
const WITH_TEXTS: u32 = 3;
/// The bytes before the contents.
const HEAD: usize = 44;
/// The largest bundle.
pub const MAX_BUNDLE_BYTES: usize = 256 * 1024 * 1024;
/// How the names of bundles end.
const ENDING: &str = "bundle";

/// What makes programs of one build those of another: its version, and a number for its sources.
const BUILD: (&str, &str) = (env!("CARGO_PKG_VERSION"), env!("SOURCES_OF_THE_LIBRARY"));

/// What is in a bundle.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
pub struct Contents<'b> {
    /// The version of Toolgate that made it.
    pub engine: &'b str,
    /// The files in which there are policies or exceptions: name and text.
    #[serde(borrow)]
    pub sources: Vec<(&'b str, &'b str)>,
    /// The file of the settings: name and text.
    pub settings: Option<(&'b str, &'b str)>,
    /// A number for the sources of that build.
    pub build: &'b str,
    /// The name of the set, see [`PolicySet::digest`](super::set::PolicySet::digest).
    pub digest: &'b str,
    /// The documents, and what their expressions checked to.
    pub programs: &'b [u8],
    /// The expressions of headers, and what each checked to.
    #[serde(borrow)]
    pub headers: Vec<(&'b str, &'b [u8])>,
    /// What is not in it of what was built.
    #[serde(borrow)]
    pub left_out: LeftOut<'b>,
}

/// What the contents begin with in every version of the format.
#[derive(Deserialize)]
struct Texts<'b> {
    engine: &'b str,
    #[serde(borrow)]
    sources: Vec<(&'b str, &'b str)>,
    settings: Option<(&'b str, &'b str)>,
}

/// Expressions of headers: the text, and what a [`Writer`](crate::cel::Writer) makes of it alone.
pub type CheckedHeaders = Vec<(String, Vec<u8>)>;

/// Why bytes are no bundle of this engine's, or documents make none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct BundleError(String);

impl From<String> for BundleError {
    fn from(why: String) -> BundleError {
        BundleError(why)
    }
}

impl From<SourceTooLargeError> for BundleError {
    fn from(error: SourceTooLargeError) -> BundleError {
        BundleError(error.to_string())
    }
}

impl BundleError {
    /// What is told of the bundle `name`.
    pub fn told(&self, name: &str) -> Diagnostic {
        let message = format!("this bundle cannot be read: {self}");
        let help = "make it again with `toolgate build`";
        Diagnostic::error(Code::BadBundle, message).file(&Source::without_text(name)).help(help)
    }
}

/// The documents of a bundle, and for each the number of its file.
#[derive(Debug, Default, Deserialize, Serialize)]
pub(super) struct Model {
    pub(super) policies: Vec<(u32, Policy)>,
    pub(super) exceptions: Vec<(u32, Exception)>,
}

/// What was checked when a bundle was made, for the documents that came with it.
#[derive(Debug)]
pub struct Written {
    /// What a [`Reader`] reads.
    expressions: Vec<u8>,
    digest: String,
    headers: CheckedHeaders,
}

impl Written {
    /// The expressions.
    ///
    /// # Errors
    /// They are not what a build writes.
    pub(super) fn reader(&self) -> Result<Reader<'_>, FlatError> {
        Reader::new(&self.expressions, &table_type)
    }

    /// The name of the set.
    pub(super) fn digest(&self) -> &str {
        &self.digest
    }

    /// The expressions of headers.
    pub(super) fn headers(&self) -> &CheckedHeaders {
        &self.headers
    }
}

/// What finds damage.
fn digest_of(version: [u8; 4], contents: &[u8]) -> [u8; 32] {
    Sha256::new().chain_update(version).chain_update(contents).finalize().into()
}

/// Whether the path is that of a bundle, by the end of its name.
pub fn is_bundle(path: &Path) -> bool {
    path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case(ENDING))
}

/// The way from `root` to a file, the same on every machine; of a file that is not below it, its name alone.
pub(super) fn way(root: &Path, file: &str) -> String {
    let path = Path::new(file);
    let below = path.strip_prefix(root).ok().filter(|below| below.components().next().is_some());
    let below = below.or_else(|| path.file_name().map(Path::new)).unwrap_or(path);
    let parts = below.components().filter_map(|part| match part {
        Component::Normal(part) => Some(part.to_string_lossy()),
        _ => None,
    });
    parts.collect::<Vec<_>>().join("/")
}

impl<'b> Contents<'b> {
    /// What is in the bundle `bytes`.
    ///
    /// # Errors
    /// Why these are no bundle, or one that is damaged.
    pub fn read(bytes: &'b [u8]) -> Result<Contents<'b>, BundleError> {
        Contents::decode(bytes).map_err(BundleError::from)
    }

    fn decode(bytes: &'b [u8]) -> Result<Contents<'b>, String> {
        let (head, rest) = bytes.split_at_checked(HEAD).ok_or("it is cut off")?;
        let rest_of_head = head.strip_prefix(&MAGIC).ok_or("it is no bundle")?;
        let (version_bytes, digest) = rest_of_head.split_first_chunk().ok_or("it is cut off")?;
        let version = u32::from_le_bytes(*version_bytes);
        if version < WITH_TEXTS {
            return Err(format!(
                "its format is {version}, and this version of Toolgate reads formats from {WITH_TEXTS} on"
            ));
        }
        if bytes.len() > MAX_BUNDLE_BYTES {
            return Err(format!("it has {}", over(MAX_BUNDLE_BYTES, "bytes")));
        }
        if digest_of(*version_bytes, rest) != digest {
            return Err("it is damaged: its digest is not that of what is in it".to_owned());
        }
        let unread = |error: postcard::Error| format!("its contents do not read: {error}");
        if version != VERSION {
            let (texts, _) = postcard::take_from_bytes::<Texts<'_>>(rest).map_err(unread)?;
            let Texts { engine, sources, settings } = texts;
            return Ok(Contents { engine, sources, settings, ..Contents::default() });
        }
        let (contents, rest) = postcard::take_from_bytes::<Contents<'_>>(rest).map_err(unread)?;
        if !rest.is_empty() {
            return Err("there is something after its end".to_owned());
        }
        Ok(contents)
    }

    /// The file of these contents.
    ///
    /// # Errors
    /// It would be larger than a bundle may be.
    pub fn encode(&self) -> Result<Vec<u8>, BundleError> {
        let contents = postcard::to_allocvec(self).map_err(|error| BundleError::from(error.to_string()))?;
        if contents.len().saturating_add(HEAD) > MAX_BUNDLE_BYTES {
            let why = format!("it would have {}", over(MAX_BUNDLE_BYTES, "bytes"));
            return Err(BundleError::from(why));
        }
        let version = VERSION.to_le_bytes();
        Ok([&MAGIC[..], &version, &digest_of(version, &contents), &contents].concat())
    }

    /// Whether this build made its programs, so that they mean here what they meant there.
    pub fn is_of_this_build(&self) -> bool {
        (self.engine, self.build) == BUILD
    }

    /// The expressions of headers, as far as this build checked them.
    pub fn checked_headers(&self) -> CheckedHeaders {
        let known = if self.is_of_this_build() { self.headers.as_slice() } else { &[] };
        known.iter().map(|(text, checked)| ((*text).to_owned(), checked.to_vec())).collect()
    }

    /// The same as what this build makes.
    pub fn by_this_build(self) -> Contents<'b> {
        let (engine, build) = BUILD;
        Contents { engine, build, ..self }
    }

    /// The documents and what their expressions checked to. Each document gets its file of `sources`, which are those of
    /// the contents in the same order.
    ///
    /// # Errors
    /// They are not what this build writes.
    pub(super) fn documents(
        &self,
        sources: &[Arc<Source>],
    ) -> Result<(Vec<Policy>, Vec<Exception>, Written), BundleError> {
        self.read_documents(sources).map_err(BundleError::from)
    }

    fn read_documents(
        &self,
        sources: &[Arc<Source>],
    ) -> Result<(Vec<Policy>, Vec<Exception>, Written), String> {
        let (model, expressions) = postcard::take_from_bytes::<Model>(self.programs)
            .map_err(|error| format!("its documents do not read: {error}"))?;
        let source = |at: u32| {
            let source = usize::try_from(at).ok().and_then(|at| sources.get(at));
            source.cloned().ok_or_else(|| "a document is of no file".to_owned())
        };
        let policy = |(at, policy): (u32, Policy)| {
            if policy.messages.len() != policy.validations.len() {
                return Err("a validation has no message".to_owned());
            }
            Ok(Policy { source: source(at)?, ..policy })
        };
        let exception =
            |(at, exception): (u32, Exception)| Ok(Exception { source: source(at)?, ..exception });
        let policies = model.policies.into_iter().map(policy).collect::<Result<_, String>>()?;
        let exceptions = model.exceptions.into_iter().map(exception).collect::<Result<_, String>>()?;
        let written = Written {
            expressions: expressions.to_vec(),
            digest: self.digest.to_owned(),
            headers: self.checked_headers(),
        };
        Ok((policies, exceptions, written))
    }

    /// What is told of a bundle whose programs another build made.
    pub(super) fn other_build(&self, name: &str) -> Diagnostic {
        let (engine, _) = BUILD;
        let made = match self.engine == engine {
            true => format!("another build of Toolgate {engine} made this bundle"),
            false => format!("Toolgate {} made this bundle, and this is {engine}", self.engine),
        };
        let message = format!("{made}: the policies in it are compiled, which takes longer");
        let file = Source::without_text(name);
        let help = "make it again with the `toolgate` of this version";
        Diagnostic::warning(Code::OtherPrograms, message).file(&file).help(help)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_told_by_their_way_from_the_root() {
        for (root, file, way) in [
            ("policies", "policies/a.yaml", "a.yaml"),
            ("/home/me/policies/", "/home/me/policies/team/a.yaml", "team/a.yaml"),
            ("./policies", "./policies/./team/a.yaml", "team/a.yaml"),
            ("policies/a.yaml", "policies/a.yaml", "a.yaml"),
            ("policies", "/etc/toolgate.yaml", "toolgate.yaml"),
            (".", "a.yaml", "a.yaml"),
        ] {
            assert_eq!(super::way(Path::new(root), file), way, "{root} {file}");
        }
    }
}

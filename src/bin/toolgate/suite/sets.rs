//! The policies that fixtures name: fixtures of one run mostly name the same, and loading them takes far longer than a
//! case.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use toolgate::{Diagnostics, PolicySet, Warnings};

/// How many sets are kept: the ones that were loaded last.
const MAX_SETS: usize = 16;

/// What loading made of paths: a set with its warnings, or what is wrong.
type Loaded = Result<(PolicySet, Warnings), Diagnostics>;

/// The sets of a run.
#[derive(Default)]
pub(crate) struct Sets(Mutex<VecDeque<(Vec<PathBuf>, Loaded)>>);

impl Sets {
    /// The policies of `paths`, which are loaded unless they are at hand. Two threads may load the same at once, which
    /// costs time and nothing else.
    ///
    /// # Errors
    /// What is wrong with them.
    pub(super) fn load(&self, paths: Vec<PathBuf>) -> Loaded {
        let known = {
            let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            kept.iter().find(|(others, _)| *others == paths).map(|(_, loaded)| loaded.clone())
        };
        if let Some(loaded) = known {
            return loaded;
        }
        let loaded = PolicySet::from_files(&paths);
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= MAX_SETS {
            kept.pop_front();
        }
        kept.push_back((paths, loaded.clone()));
        loaded
    }
}

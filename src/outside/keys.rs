//! Sets of keys, fetched at the start and in the background: a decision takes what is there and never waits.
//!
//! Ages are measured with the system's clock, because a function is frozen between calls and other clocks may stand still
//! meanwhile. A clock that is set back makes a set younger, never older than it is.

use std::collections::BTreeMap;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, SystemTime};

use super::KeySetConfig;
use super::net::{Client, NOT_GRANTED};
use crate::library::capability::{Keys, Request, Unanswered};
use crate::library::kyverno::jwt::keys::parse;

/// How long after a try that failed the next one is, and how often a set is fetched for keys that it does not have.
const PAUSE: Duration = Duration::from_secs(10);
/// The most sets that are kept. URLs that policies compute may be the caller's word.
const MAX_SETS: usize = 64;
/// Said of one more.
const TOO_MANY: Unanswered =
    Unanswered::Withheld("policies ask for more than 64 sets of keys, the limit (fixed)");
/// Said where Kyverno would fetch.
const NOT_YET: Unanswered = Unanswered::Withheld(
    "a policy asks for keys that are not fetched yet, or that are too old (`capabilities.keySets.maxStale`)",
);
/// How long what a server said when it was asked last is taken for what it would say now: a process may have slept since.
const RECENT: Duration = Duration::from_secs(20);

/// The cache; the thread that fetches ends with it.
#[derive(Debug)]
pub(super) struct KeyCache(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    /// Something is to be fetched, was fetched, or the end has come.
    changed: Condvar,
    client: Client,
    config: KeySetConfig,
}

#[derive(Debug, Default)]
struct State {
    sets: BTreeMap<String, Set>,
    ended: bool,
}

#[derive(Debug, Default)]
struct Set {
    /// The last set that could be fetched, and when.
    keys: Option<(Keys, SystemTime)>,
    /// Why the last try failed.
    error: Option<Unanswered>,
    tried: Option<SystemTime>,
    /// When it was last fetched for a key that it did not have.
    renewed: Option<SystemTime>,
    /// To be fetched whatever its age.
    wanted: bool,
}

impl Set {
    /// How long until it is to be fetched.
    fn due(&self, now: SystemTime, max_age: Duration) -> Duration {
        let since = |time: SystemTime| now.duration_since(time).unwrap_or_default();
        let rested = self.tried.map_or(Duration::ZERO, |tried| PAUSE.saturating_sub(since(tried)));
        match &self.keys {
            _ if self.wanted => Duration::ZERO,
            Some((_, fetched)) if self.error.is_none() => max_age.saturating_sub(since(*fetched)),
            _ => rested,
        }
    }
}

impl KeyCache {
    /// A cache that fetches the sets of `urls` at once. Waits until each was tried, but no longer than one may take.
    ///
    /// # Errors
    /// There is no thread to fetch with.
    pub(super) fn start(client: Client, config: KeySetConfig, urls: Vec<String>) -> Result<KeyCache, String> {
        let wanted = |url| (url, Set { wanted: true, ..Set::default() });
        let state = State { sets: urls.into_iter().take(MAX_SETS).map(wanted).collect(), ended: false };
        let limit = Duration::from_millis(config.time_limit);
        let shared = Arc::new(Shared { state: Mutex::new(state), changed: Condvar::new(), client, config });
        let worker = Arc::clone(&shared);
        thread::Builder::new()
            .name("key sets".to_owned())
            .spawn(move || worker.run())
            .map_err(|error| format!("there is no thread to fetch keys with: {error}"))?;
        let untried = |state: &mut State| state.sets.values().any(|set| set.tried.is_none());
        let waited = shared.changed.wait_timeout_while(shared.lock(), limit, untried);
        drop(waited);
        Ok(KeyCache(shared))
    }

    /// The keys of `url`, if there are usable ones; if none were ever asked for, they are fetched for the next call.
    ///
    /// # Errors
    /// Why there are none.
    pub(super) fn get(&self, url: &str) -> Result<Keys, Unanswered> {
        let shared = &self.0;
        let mut state = shared.lock();
        let count = state.sets.len();
        let Some(set) = state.sets.get(url) else {
            if !shared.client.grants(url) {
                return Err(NOT_GRANTED);
            }
            if count >= MAX_SETS {
                return Err(TOO_MANY);
            }
            state.sets.insert(url.to_owned(), Set { wanted: true, ..Set::default() });
            shared.changed.notify_all();
            return Err(NOT_YET);
        };
        let limit = Duration::from_secs(shared.config.max_stale);
        let now = SystemTime::now();
        match &set.keys {
            Some((keys, fetched)) if now.duration_since(*fetched).unwrap_or_default() <= limit => {
                Ok(keys.clone())
            }
            _ => {
                // The thread may have slept through it.
                shared.changed.notify_all();
                let since = |tried| now.duration_since(tried).unwrap_or_default();
                let recent = set.tried.is_some_and(|tried| since(tried) <= RECENT);
                Err(set.error.clone().filter(|_| recent).unwrap_or(NOT_YET))
            }
        }
    }

    /// A token names a key that the set of `url` does not have: it is fetched again, if it was not just now.
    pub(super) fn missing_key(&self, url: &str) {
        let mut state = self.0.lock();
        let now = SystemTime::now();
        let rested = |set: &Set| {
            set.renewed.is_none_or(|renewed| now.duration_since(renewed).is_ok_and(|since| since >= PAUSE))
        };
        if let Some(set) = state.sets.get_mut(url).filter(|set| rested(set)) {
            (set.wanted, set.renewed) = (true, Some(now));
            self.0.changed.notify_all();
        }
    }
}

impl Drop for KeyCache {
    fn drop(&mut self) {
        self.0.lock().ended = true;
        self.0.changed.notify_all();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing is half done where a thread could panic: each change is one assignment.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Fetches what is due, until the end.
    fn run(&self) {
        let max_age = Duration::from_secs(self.config.max_age);
        loop {
            let mut state = self.lock();
            let url = loop {
                if state.ended {
                    return;
                }
                let now = SystemTime::now();
                let next = state.sets.iter().min_by_key(|(_, set)| set.due(now, max_age));
                // Looked at again at least once in a pause: the clock may be set, or the process frozen.
                let wait = match next {
                    Some((url, set)) => match set.due(now, max_age) {
                        Duration::ZERO => break url.clone(),
                        due => due.min(PAUSE),
                    },
                    None => PAUSE,
                };
                let waited = self.changed.wait_timeout(state, wait);
                state = waited.unwrap_or_else(PoisonError::into_inner).0;
            };
            drop(state);
            let fetched = self.fetch(&url);
            let now = SystemTime::now();
            if let Some(set) = self.lock().sets.get_mut(&url) {
                set.tried = Some(now);
                set.wanted = false;
                match fetched {
                    Ok(keys) => (set.keys, set.error) = (Some((keys, now)), None),
                    Err(error) => set.error = Some(error),
                }
            }
            self.changed.notify_all();
        }
    }

    /// A panic in a library must not end the thread: then no key would ever be fetched again.
    fn fetch(&self, url: &str) -> Result<Keys, Unanswered> {
        let fetch = std::panic::AssertUnwindSafe(|| self.try_fetch(url));
        std::panic::catch_unwind(fetch)
            .unwrap_or(Err(Unanswered::Withheld("internal error: a panic while fetching keys")))
    }

    fn try_fetch(&self, url: &str) -> Result<Keys, Unanswered> {
        let request = Request { method: "GET", url, headers: &[], body: None };
        let limit = Duration::from_millis(self.config.time_limit);
        let fetched = self
            .client
            .send(&request, limit)
            .map_err(|why| why.said(|error| format!("jwk.Fetch: request failed: Get {url:?}: {error}")))?;
        if fetched.status != 200 {
            let text = format!("jwk.Fetch: request returned status {}, expected 200", fetched.status);
            return Err(Unanswered::Failed(text));
        }
        let set = parse(&fetched.body).map_err(Unanswered::Failed)?;
        Ok(Keys::new(set, &fetched.body))
    }
}

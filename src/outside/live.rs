//! Answers from what is there: files, key sets, HTTP.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use super::keys::KeyCache;
use super::net::{Client, NOT_GRANTED};
use super::{CapabilityConfig, HttpConfig};
use crate::library::capability::{Answers, Ask, Capability, Keys, NOBODY, Request, Response, Unanswered};

/// The most bytes of answers that are kept to be used again.
const MAX_KEPT: usize = 16 * 1024 * 1024;

/// Who answers by asking.
#[derive(Debug)]
pub(super) struct Live {
    keys: Option<KeyCache>,
    http: Option<Http>,
}

#[derive(Debug)]
struct Http {
    client: Client,
    config: HttpConfig,
    kept: Mutex<Kept>,
}

/// Answers by question, with their ages.
#[derive(Debug, Default)]
struct Kept {
    answers: HashMap<String, (Response, SystemTime)>,
    bytes: usize,
}

impl Live {
    /// Opens what `asked` needs and the settings grant; nothing if it needs nothing that is asked so.
    ///
    /// # Errors
    /// What cannot be opened.
    pub(super) fn open<'k>(
        asked: impl Iterator<Item = &'k Ask> + Clone,
        config: &CapabilityConfig,
        authorities: Option<&str>,
    ) -> Result<Live, String> {
        let needs = |capability| asked.clone().any(|ask| ask.capability == capability);
        let keys = if needs(Capability::KeySets) {
            let settings = config.key_sets.clone();
            let client = Client::new(&settings.urls, settings.max_bytes, authorities)?;
            let urls: BTreeSet<String> = asked
                .clone()
                .filter(|ask| ask.capability == Capability::KeySets)
                .filter_map(|ask| ask.subject.clone())
                .collect();
            Some(KeyCache::start(client, settings, urls.into_iter().collect())?)
        } else {
            None
        };
        let http = if needs(Capability::Http) {
            let settings = config.http.clone();
            let client = Client::new(&settings.urls, settings.max_bytes, authorities)?;
            Some(Http { client, config: settings, kept: Mutex::default() })
        } else {
            None
        };
        Ok(Live { keys, http })
    }
}

impl Answers for Live {
    fn key_set(&self, url: &str) -> Result<Keys, Unanswered> {
        self.keys.as_ref().map_or(Err(NOBODY), |keys| keys.get(url))
    }

    fn missing_key(&self, url: &str) {
        if let Some(keys) = &self.keys {
            keys.missing_key(url);
        }
    }

    fn http(&self, request: &Request<'_>, left: Duration) -> (Result<Response, Unanswered>, Duration) {
        match &self.http {
            Some(http) => http.answer(request, left),
            None => (Err(NOBODY), Duration::ZERO),
        }
    }
}

impl Http {
    fn answer(&self, request: &Request<'_>, left: Duration) -> (Result<Response, Unanswered>, Duration) {
        if !self.client.grants(request.url) {
            return (Err(NOT_GRANTED), Duration::ZERO);
        }
        let max_age = Duration::from_secs(self.config.max_age);
        let question = format!("{}\n{:?}", request.url, request.headers);
        let keeps = request.method == "GET" && !max_age.is_zero();
        if keeps && let Some(kept) = self.kept(&question, max_age) {
            return (Ok(kept), Duration::ZERO);
        }
        let verb = if request.method == "GET" { "Get" } else { "Post" };
        let failed = |why: &str| format!("request failed: {verb} {:?}: {why}", request.url);
        let limit = left.min(Duration::from_millis(self.config.time_limit));
        let start = Instant::now();
        let sent = self.client.send(request, limit);
        let taken = start.elapsed();
        let response = match sent {
            Ok(fetched) => Ok(Response { status: fetched.status, body: fetched.body.into() }),
            Err(why) => Err(why.said(failed)),
        };
        // A server's trouble of a moment must not be its answer for a while.
        if keeps
            && let Ok(response) = &response
            && (200..300).contains(&response.status)
        {
            self.keep(question, response);
        }
        (response, taken)
    }

    fn kept(&self, question: &str, max_age: Duration) -> Option<Response> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let (response, since) = kept.answers.get(question)?;
        let young = SystemTime::now().duration_since(*since).is_ok_and(|age| age <= max_age);
        young.then(|| response.clone())
    }

    /// When there is too much, everything is forgotten: what is asked often is soon there again.
    fn keep(&self, question: String, response: &Response) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let size = response.body.len().saturating_add(question.len()).saturating_add(64);
        if kept.bytes.saturating_add(size) > MAX_KEPT {
            *kept = Kept::default();
        }
        kept.bytes = kept.bytes.saturating_add(size);
        kept.answers.insert(question, (response.clone(), SystemTime::now()));
    }
}

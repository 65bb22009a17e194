//! What functions ask outside of their arguments.
//!
//! Nothing here reaches a network, a file or a clock: whoever decides brings the answers, so that the same answers give the
//! same decision and a record of them can be decided again.

use std::cell::{Cell, OnceCell};
use std::fmt::{self, Write as _};
use std::sync::Arc;
use std::time::Duration;

use sha2::{Digest as _, Sha256};

use crate::value::keys::KeySet;

/// What a function asks outside of its arguments.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Capability {
    /// The time of the call, to compare a token's with: every decision has it.
    CallTime,
    /// The time of the call as a value.
    Clock,
    /// Random texts.
    Random,
    /// Sets of keys, by URL.
    KeySets,
    /// HTTP requests.
    Http,
    /// Objects of a cluster.
    Resources,
    /// Entries of the global context.
    GlobalContext,
    /// Data of container images.
    Images,
}

impl Capability {
    /// The setting that grants it, and a value of it; none for what needs no grant.
    pub fn setting(self) -> Option<(&'static str, &'static str)> {
        Some(match self {
            Capability::CallTime => return None,
            Capability::Clock => ("capabilities.clock", "true"),
            Capability::Random => ("capabilities.random", "true"),
            Capability::KeySets => ("capabilities.keySets.urls", "[\"https://…\"]"),
            Capability::Http => ("capabilities.http.urls", "[\"https://…\"]"),
            Capability::Resources => ("capabilities.resources", "[FOLDER]"),
            Capability::GlobalContext => ("capabilities.globalContext", "[FOLDER]"),
            Capability::Images => ("capabilities.images", "[FOLDER]"),
        })
    }

    /// What the settings call it.
    pub fn name(self) -> &'static str {
        match self {
            Capability::CallTime => "callTime",
            Capability::Clock => "clock",
            Capability::Random => "random",
            Capability::KeySets => "keySets",
            Capability::Http => "http",
            Capability::Resources => "resources",
            Capability::GlobalContext => "globalContext",
            Capability::Images => "images",
        }
    }
}

/// One place where an expression asks for something that must be granted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ask {
    /// What it asks for.
    pub capability: Capability,
    /// The function that asks.
    pub function: String,
    /// The first argument, if it is a constant text: for key sets and HTTP, the URL.
    pub subject: Option<String>,
}

/// A set of keys, and the digest of the text that it was read from.
#[derive(Clone, Debug)]
pub struct Keys {
    /// The set.
    pub set: Arc<KeySet>,
    /// SHA-256 of its text.
    pub digest: [u8; 32],
}

impl Keys {
    /// A set that was read from `text`.
    pub fn new(set: KeySet, text: &[u8]) -> Keys {
        Keys { set: Arc::new(set), digest: Sha256::digest(text).into() }
    }
}

/// An HTTP request of a policy.
#[derive(Clone, Copy, Debug)]
pub struct Request<'r> {
    /// `GET` or `POST`.
    pub method: &'static str,
    /// As the policy wrote it.
    pub url: &'r str,
    /// Canonical names and values, sorted.
    pub headers: &'r [(&'r str, &'r str)],
    /// What is posted.
    pub body: Option<&'r [u8]>,
}

/// What an HTTP request was answered.
#[derive(Clone, Debug)]
pub struct Response {
    /// The status.
    pub status: u16,
    /// The body.
    pub body: Arc<[u8]>,
}

/// A question about data that lies in files.
#[derive(Clone, Copy, Debug)]
pub enum Lookup<'q> {
    /// An object of a cluster.
    Object {
        /// `apps/v1`
        api_version: &'q str,
        /// `deployments`
        resource: &'q str,
        /// Empty for an object without one.
        namespace: &'q str,
        /// Its name.
        name: &'q str,
    },
    /// All objects of a resource with these labels; of all namespaces if none is named.
    Objects {
        /// `apps/v1`
        api_version: &'q str,
        /// `deployments`
        resource: &'q str,
        /// Empty for all.
        namespace: &'q str,
        /// Names and values.
        labels: &'q [(&'q str, &'q str)],
    },
    /// An entry of the global context.
    Entry(&'q str),
    /// The data of an image.
    Image(&'q str),
}

/// Why a question has no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unanswered {
    /// Kyverno would have none either: the text of its error.
    Failed(String),
    /// Kyverno would have asked, or waited longer, or taken more. That is a fault: operators absorb errors, and
    /// `failurePolicy: Ignore` drops them, and with them a denial that Kyverno gives. The text quotes nothing of the call.
    Withheld(&'static str),
}

impl Unanswered {
    /// The same with Kyverno's text in other words.
    #[must_use]
    pub fn said(self, words: impl FnOnce(&str) -> String) -> Unanswered {
        match self {
            Unanswered::Failed(text) => Unanswered::Failed(words(&text)),
            withheld @ Unanswered::Withheld(_) => withheld,
        }
    }
}

impl fmt::Display for Unanswered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Unanswered::Failed(text) => f.write_str(text),
            Unanswered::Withheld(text) => f.write_str(text),
        }
    }
}

/// Said where nobody answers.
pub const NOBODY: Unanswered =
    Unanswered::Withheld("a policy asks outside of the call, and nobody is there to answer");

/// What a question found, as JSON; nothing for an object that does not exist.
pub type Found = Result<Option<Arc<[u8]>>, Unanswered>;

/// Who answers. Nobody, where it is not said.
pub trait Answers: fmt::Debug + Send + Sync {
    /// The keys that `url` serves, as they were last fetched; nothing is fetched while a decision is made.
    ///
    /// # Errors
    /// There is no usable set.
    fn key_set(&self, _url: &str) -> Result<Keys, Unanswered> {
        Err(NOBODY)
    }

    /// A token named a key that the set of `url` does not have.
    fn missing_key(&self, _url: &str) {}

    /// What a request is answered, within the time that is left, and how long that took.
    ///
    /// # Errors
    /// There is no answer; the text is kyverno/sdk's.
    fn http(&self, _request: &Request<'_>, _left: Duration) -> (Result<Response, Unanswered>, Duration) {
        (Err(NOBODY), Duration::ZERO)
    }

    /// What the files say.
    ///
    /// # Errors
    /// There is no answer; the text is that of Kyverno's provider.
    fn look_up(&self, _question: &Lookup<'_>) -> Found {
        Err(NOBODY)
    }
}

impl fmt::Display for Lookup<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Lookup::Object { api_version, resource, namespace, name } => {
                write!(f, "{api_version} {resource} {namespace}/{name}")
            }
            Lookup::Objects { api_version, resource, namespace, labels } => {
                write!(f, "{api_version} {resource} {namespace}/*")?;
                labels.iter().try_for_each(|(name, value)| write!(f, " {name}={value}"))
            }
            Lookup::Entry(name) | Lookup::Image(name) => f.write_str(name),
        }
    }
}

/// What one question was answered.
#[derive(Debug)]
pub enum Answer {
    /// Keys.
    Keys(Keys),
    /// An HTTP response.
    Response(Response),
    /// JSON, or nothing.
    Data(Option<Arc<[u8]>>),
}

/// The most questions of one decision.
const MAX_QUESTIONS: usize = 256;
/// Said of one more.
const TOO_MANY: &str = "a decision asks more than 256 questions outside of the call, the limit (fixed)";
/// Said of an answer to another question, which is a bug.
const MIXED_UP: Unanswered = Unanswered::Withheld("internal error: an answer of another kind");

/// What one decision asks: the same question has one answer, and what was answered is remembered for the record.
#[derive(Debug)]
pub struct Session {
    answers: Option<Arc<dyn Answers>>,
    seed: u128,
    /// How many numbers were drawn.
    draws: Cell<u64>,
    /// What is left of the time for requests.
    left: Cell<Duration>,
    first: OnceCell<Box<Asked>>,
}

/// A question and its answer.
#[derive(Debug)]
struct Asked {
    capability: Capability,
    question: String,
    answer: Result<Answer, Unanswered>,
    next: OnceCell<Box<Asked>>,
}

impl Session {
    /// A decision that is answered by `answers`, has random numbers made of `seed`, and may wait for `limit` in all.
    pub fn new(answers: Option<Arc<dyn Answers>>, seed: u128, limit: Duration) -> Session {
        Session { answers, seed, draws: Cell::new(0), left: Cell::new(limit), first: OnceCell::new() }
    }

    /// The answer to `question`: the one that was given before, or what `get` brings.
    fn ask(
        &self,
        capability: Capability,
        question: &str,
        get: impl FnOnce(&dyn Answers) -> Result<Answer, Unanswered>,
    ) -> &Result<Answer, Unanswered> {
        let mut place = &self.first;
        let mut count = 0_usize;
        while let Some(asked) = place.get() {
            if asked.capability == capability && asked.question == question {
                return &asked.answer;
            }
            place = &asked.next;
            count = count.saturating_add(1);
        }
        let answer = match &self.answers {
            Some(_) if count >= MAX_QUESTIONS => Err(Unanswered::Withheld(TOO_MANY)),
            Some(answers) => get(answers.as_ref()),
            None => Err(NOBODY),
        };
        let asked = Asked { capability, question: question.to_owned(), answer, next: OnceCell::new() };
        &place.get_or_init(|| Box::new(asked)).answer
    }

    /// The keys that `url` serves.
    ///
    /// # Errors
    /// There is no usable set.
    pub fn key_set(&self, url: &str) -> Result<&KeySet, &Unanswered> {
        let get = |answers: &dyn Answers| answers.key_set(url).map(Answer::Keys);
        match self.ask(Capability::KeySets, url, get) {
            Ok(Answer::Keys(keys)) => Ok(&keys.set),
            Ok(Answer::Response(_) | Answer::Data(_)) => Err(&MIXED_UP),
            Err(error) => Err(error),
        }
    }

    /// A token named a key that `set`, which an answer of this decision may be, does not have.
    pub fn missing_key(&self, set: &KeySet) {
        let is_set = |asked: &&Asked| match &asked.answer {
            Ok(Answer::Keys(keys)) => std::ptr::eq(keys.set.as_ref(), set),
            _ => false,
        };
        if let (Some(asked), Some(answers)) = (self.asked().find(is_set), &self.answers) {
            answers.missing_key(&asked.question);
        }
    }

    /// What an HTTP request is answered.
    ///
    /// # Errors
    /// There is no answer; the text is kyverno/sdk's.
    pub fn http(&self, request: &Request<'_>) -> Result<&Response, &Unanswered> {
        let mut question = format!("{} {}", request.method, request.url);
        for (name, value) in request.headers {
            // Writing to a text does not fail.
            let _ = write!(question, "\n{name}: {value}");
        }
        if let Some(body) = request.body {
            let _ = write!(question, "\n\n{}", String::from_utf8_lossy(body));
        }
        let get = |answers: &dyn Answers| {
            let (response, taken) = answers.http(request, self.left.get());
            self.left.set(self.left.get().saturating_sub(taken));
            response.map(Answer::Response)
        };
        match self.ask(Capability::Http, &question, get) {
            Ok(Answer::Response(response)) => Ok(response),
            Ok(Answer::Keys(_) | Answer::Data(_)) => Err(&MIXED_UP),
            Err(error) => Err(error),
        }
    }

    /// What the files say: JSON, or nothing.
    ///
    /// # Errors
    /// There is no answer; the text is that of Kyverno's provider.
    pub fn look_up(&self, question: &Lookup<'_>) -> Result<Option<&[u8]>, &Unanswered> {
        let capability = match question {
            Lookup::Object { .. } | Lookup::Objects { .. } => Capability::Resources,
            Lookup::Entry(_) => Capability::GlobalContext,
            Lookup::Image(_) => Capability::Images,
        };
        let get = |answers: &dyn Answers| answers.look_up(question).map(Answer::Data);
        match self.ask(capability, &question.to_string(), get) {
            Ok(Answer::Data(data)) => Ok(data.as_deref()),
            Ok(Answer::Keys(_) | Answer::Response(_)) => Err(&MIXED_UP),
            Err(error) => Err(error),
        }
    }

    /// The next random number of this decision.
    pub fn draw(&self) -> u64 {
        let count = self.draws.get();
        self.draws.set(count.wrapping_add(1));
        let digest = Sha256::new()
            .chain_update(b"random")
            .chain_update(self.seed.to_be_bytes())
            .chain_update(count.to_be_bytes())
            .finalize();
        digest.iter().take(8).fold(0, |number, byte| number << 8 | u64::from(*byte))
    }

    /// How many random numbers were drawn.
    pub fn drawn(&self) -> u64 {
        self.draws.get()
    }

    /// Begins again behind so many random numbers: the same decision gets the same ones.
    pub fn draw_again(&self, drawn: u64) {
        self.draws.set(drawn);
    }

    fn asked(&self) -> impl Iterator<Item = &Asked> {
        std::iter::successors(self.first.get(), |asked| asked.next.get()).map(Box::as_ref)
    }

    /// What was asked, in order: the capability, the question, and a digest of the answer.
    pub fn answered(&self) -> impl Iterator<Item = (Capability, &str, [u8; 32])> {
        self.asked().map(|asked| {
            let digest = match &asked.answer {
                Ok(Answer::Keys(keys)) => keys.digest,
                Ok(Answer::Response(response)) => Sha256::new()
                    .chain_update(response.status.to_be_bytes())
                    .chain_update(&response.body)
                    .finalize()
                    .into(),
                Ok(Answer::Data(data)) => Sha256::digest(data.as_deref().unwrap_or_default()).into(),
                Err(why) => Sha256::digest(why.to_string().as_bytes()).into(),
            };
            (asked.capability, asked.question.as_str(), digest)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Counts how often it is asked, and takes ten milliseconds each time.
    #[derive(Debug, Default)]
    struct Counting(std::sync::atomic::AtomicU16);

    impl Answers for Counting {
        fn http(&self, _: &Request<'_>, left: Duration) -> (Result<Response, Unanswered>, Duration) {
            let status = self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            let taken = Duration::from_millis(10);
            match left.is_zero() {
                true => (Err(Unanswered::Withheld("late")), Duration::ZERO),
                false => (Ok(Response { status, body: Arc::new([]) }), taken),
            }
        }
    }

    fn get(url: &str) -> Request<'_> {
        Request { method: "GET", url, headers: &[], body: None }
    }

    #[test]
    fn one_question_has_one_answer_and_all_share_the_time() {
        let session = Session::new(Some(Arc::new(Counting::default())), 0, Duration::from_millis(15));
        let status = |url| session.http(&get(url)).map(|response| response.status);
        let late = &Unanswered::Withheld("late");
        assert_eq!([status("a"), status("b"), status("a"), status("c")], [Ok(0), Ok(1), Ok(0), Err(late)]);
        let asked: Vec<&str> = session.answered().map(|(_, question, _)| question).collect();
        assert_eq!(asked, ["GET a", "GET b", "GET c"]);
        let digests: std::collections::HashSet<[u8; 32]> =
            session.answered().map(|(_, _, digest)| digest).collect();
        assert_eq!(digests.len(), 3);
    }

    #[test]
    fn questions_have_a_limit() {
        let session = Session::new(Some(Arc::new(Counting::default())), 0, Duration::MAX);
        for number in 0..MAX_QUESTIONS {
            assert!(session.http(&get(&number.to_string())).is_ok());
        }
        assert!(session.http(&get("0")).is_ok());
        assert_eq!(session.http(&get("one more")).unwrap_err(), &Unanswered::Withheld(TOO_MANY));
        assert!(TOO_MANY.contains(&MAX_QUESTIONS.to_string()));
    }

    #[test]
    fn without_anybody_to_answer_everything_is_withheld() {
        let session = Session::new(None, 0, Duration::MAX);
        assert_eq!(session.key_set("a").err(), Some(&NOBODY));
        assert_eq!(session.http(&get("a")).err(), Some(&NOBODY));
        assert_eq!(session.look_up(&Lookup::Entry("a")).err(), Some(&NOBODY));
    }

    #[test]
    fn the_same_seed_draws_the_same_numbers() {
        let draw = |seed| {
            let session = Session::new(None, seed, Duration::ZERO);
            [session.draw(), session.draw()]
        };
        assert_eq!(draw(1), draw(1));
        assert_ne!(draw(1), draw(2));
        assert_ne!(draw(1)[0], draw(1)[1]);
    }
}

//! One file of `testdata/gateway/`: an event, the deployment around it, and the exact answer that is due.
//!
//! Knows the files' form and nothing of the interceptor's insides; whoever drives the interceptor in another way
//! compares with the same files.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use serde::Deserialize;
use serde_json::value::RawValue;

/// A case.
pub(crate) struct Case {
    /// The file's name without its ending.
    pub(crate) name: String,
    file: File,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    /// The number of the shape (docs/agentcore.md §6) and a name.
    shape: String,
    /// What the answer follows from.
    why: String,
    /// A file beside the cases.
    policies: String,
    /// Settings as in `toolgate.yaml`.
    #[serde(default)]
    config: Option<Box<RawValue>>,
    /// Seconds since the Unix epoch.
    #[serde(default)]
    now: i64,
    /// The Lambda client context, which no answer depends on.
    #[serde(default)]
    #[serde(rename = "clientContext")]
    _client_context: Option<Box<RawValue>>,
    /// What stands for a text that is too long to be written out: pieces and how often each is repeated.
    #[serde(default)]
    fill: BTreeMap<String, Vec<(String, usize)>>,
    /// What stands for a token with these claims.
    #[serde(default)]
    tokens: BTreeMap<String, Box<RawValue>>,
    /// The event.
    event: Option<Box<RawValue>>,
    /// The event if it is not JSON.
    #[serde(rename = "eventText")]
    event_text: Option<String>,
    expected: Expected,
}

/// What is due.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Expected {
    /// `allow` or `deny`.
    pub(crate) effect: String,
    /// How the decision came about, as [`toolgate::Record::outcome`].
    pub(crate) outcome: String,
    /// The refusal's name.
    #[serde(default)]
    pub(crate) refusal: Option<String>,
    /// The HTTP status that the answer asks for.
    #[serde(default)]
    pub(crate) status: Option<u16>,
    /// The id that the answer echoes, in its own spelling; absent if there is none.
    #[serde(default, deserialize_with = "even_null")]
    pub(crate) id: Option<Box<RawValue>>,
    /// `mcp` or `http`.
    pub(crate) envelope: String,
    /// The trusted user in the record.
    #[serde(default)]
    pub(crate) user: Option<String>,
    /// The trusted client in the record.
    #[serde(default)]
    pub(crate) client: Option<String>,
    /// The answer. `@BODY@` in it stands for `httpBody` in base64, `@DECISION@` for the decision's id.
    answer: Box<RawValue>,
    /// The body of an answer in the envelope `http`.
    #[serde(default)]
    #[serde(rename = "httpBody")]
    http_body: Option<Box<RawValue>>,
}

/// An id that is there and null is an id.
fn even_null<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Box<RawValue>>, D::Error> {
    Box::<RawValue>::deserialize(deserializer).map(Some)
}

/// The folder with the cases.
pub(crate) fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/gateway")
}

/// Every case, by name.
pub(crate) fn cases() -> Vec<Case> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
        .collect();
    files.sort();
    files.iter().map(|path| Case::read(path)).collect()
}

impl Case {
    fn read(path: &Path) -> Case {
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let text = std::fs::read_to_string(path).unwrap();
        let file: File = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert!(file.event.is_some() != file.event_text.is_some(), "{name}: one event");
        assert!(file.why.len() >= 8, "{name}: says why");
        assert_eq!(name, file.shape.replace(' ', "-"), "{name}: is named after its shape");
        Case { name, file }
    }

    /// The row that it is a case of.
    pub(crate) fn row(&self) -> usize {
        self.file.shape.split(' ').next().unwrap().parse().unwrap()
    }

    /// The policies' YAML.
    pub(crate) fn policies(&self) -> String {
        std::fs::read_to_string(folder().join(&self.file.policies)).unwrap()
    }

    /// The text of a `toolgate.yaml` with the settings that differ from the defaults; JSON is YAML.
    pub(crate) fn settings(&self) -> String {
        let settings = self.file.config.as_deref().map_or("{}", RawValue::get);
        let comma = if settings == "{}" { "" } else { "," };
        let rest = settings.strip_prefix('{').unwrap();
        format!(r#"{{"apiVersion":"toolgate.dev/v1","kind":"Configuration"{comma}{rest}"#)
    }

    /// When the event arrives.
    pub(crate) fn now(&self) -> i64 {
        self.file.now
    }

    /// What is due.
    pub(crate) fn expected(&self) -> &Expected {
        &self.file.expected
    }

    /// The event's bytes.
    pub(crate) fn event(&self) -> Vec<u8> {
        let event = self.file.event.as_deref().map(RawValue::get);
        self.written_out(event.or(self.file.event_text.as_deref()).unwrap()).into_bytes()
    }

    /// The exact answer to [`Case::event`] in the decision of this id, without blanks between its parts.
    pub(crate) fn answer(&self, decision: &str) -> String {
        let mut answer = minified(&self.written_out(self.file.expected.answer.get()));
        if let Some(body) = &self.file.expected.http_body {
            let body = minified(body.get()).replace("@DECISION@", decision);
            answer = answer.replace("@BODY@", &BASE64_STANDARD.encode(body));
        }
        answer.replace("@DECISION@", decision)
    }

    /// The tokens of the event: nothing of them may be seen but what they claim.
    pub(crate) fn tokens(&self) -> Vec<String> {
        self.file.tokens.values().map(|claims| token(claims.get())).collect()
    }

    fn written_out(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for (name, claims) in &self.file.tokens {
            text = text.replace(name, &token(claims.get()));
        }
        for (name, pieces) in &self.file.fill {
            let filled: String = pieces.iter().map(|(piece, times)| piece.repeat(*times)).collect();
            text = text.replace(name, &filled);
        }
        text
    }
}

/// A token with these claims and a signature that nobody checks.
pub(crate) fn token(claims: &str) -> String {
    let part = |text: &str| BASE64_URL_SAFE_NO_PAD.encode(text);
    format!("{}.{}.{}", part(r#"{"alg":"RS256"}"#), part(claims), part("signature"))
}

/// A JSON text without the blanks between its parts.
pub(crate) fn minified(text: &str) -> String {
    let (mut out, mut quoted, mut escaped) = (String::new(), false, false);
    for c in text.chars() {
        if !quoted && c.is_ascii_whitespace() {
            continue;
        }
        quoted = if quoted { c != '"' || escaped } else { c == '"' };
        escaped = quoted && c == '\\' && !escaped;
        out.push(c);
    }
    out
}

//! Answers that a fixture or a file gives: nothing is asked anywhere.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value as Json, json};

use super::context::{self, Context};
use super::prefix::Place;
use super::{CapabilityConfig, Data};
use crate::library::capability::{Answers, Found, Keys, Lookup, Request, Response, Unanswered};
use crate::library::kyverno::jwt::keys::parse;

/// What may be given.
const MEMBERS: [&str; 5] = ["keySets", "http", "resources", "globalContext", "images"];
/// Said where Kyverno would ask the network.
const NO_KEYS: &str = "a policy asks a URL for keys, and none are given for it";
/// The same of a request.
const NO_ANSWER: &str = "a policy sends a request, and no answer is given for its method and URL";
/// What an HTTP answer may have.
const REPLY: [&str; 4] = ["url", "method", "status", "body"];

/// Answers that are given.
#[derive(Debug, Default)]
pub struct Fixed {
    keys: BTreeMap<String, Keys>,
    /// By method and URL.
    http: BTreeMap<(String, String), Response>,
    data: Data,
    given: Vec<String>,
    /// Whether what it finds is what Kyverno's command line finds in its own files.
    mocks: bool,
}

impl Fixed {
    /// Reads a `Context` of Kyverno's command line, or answers: `keySets` and `globalContext` by name, `http` and `resources` as lists, `images` by reference.
    ///
    /// # Errors
    /// What is wrong with them.
    pub fn read(answers: &Json) -> Result<Fixed, String> {
        if context::is_one(answers) || answers.is_null() {
            return Fixed::mocks(Some(answers), Vec::new(), Vec::new());
        }
        let mut fixed = Fixed::default();
        for (name, value) in mapping(answers, "the answers")? {
            match name.as_str() {
                "keySets" => {
                    for (url, set) in mapping(value, "`keySets`")? {
                        let text = set.to_string().into_bytes();
                        let keys = parse(&text).map_err(|error| format!("the keys of `{url}`: {error}"))?;
                        fixed.keys.insert(url.clone(), Keys::new(keys, &text));
                    }
                }
                "http" => {
                    let replies = value.as_array().ok_or("`http` must be a list")?;
                    replies.iter().try_for_each(|reply| fixed.reply(reply))?;
                }
                "resources" => {
                    let objects = value.as_array().ok_or("`resources` must be a list")?;
                    objects.iter().try_for_each(|object| fixed.data.add_object(object.clone()))?;
                }
                "globalContext" => {
                    for (entry, value) in mapping(value, "`globalContext`")? {
                        fixed.data.add_entry(entry, value.clone());
                    }
                }
                "images" => fixed.data.add_images(value.clone())?,
                name => {
                    return Err(format!("there is no `{name}`; what can be given is {}", MEMBERS.join(", ")));
                }
            }
            fixed.given.push(name.clone());
        }
        Ok(fixed)
    }

    /// What Kyverno's command line answers from a `Context`, from the `apiCallResponses` and from the values of the
    /// `globalContextEntries` of a test.
    ///
    /// # Errors
    /// What is wrong with the `Context`.
    pub fn mocks(
        context: Option<&Json>,
        responses: Vec<Mock>,
        entries: Vec<(String, Json)>,
    ) -> Result<Fixed, String> {
        let mut fixed = Fixed { mocks: true, ..Fixed::default() };
        fixed.given = ["resources", "images", "globalContext"].map(str::to_owned).to_vec();
        if let Some(context) = context {
            let Context { objects, images } = context::read(context)?;
            objects.into_iter().try_for_each(|object| fixed.data.add_object(object))?;
            fixed.data.add_images(of_doubles(&Json::Object(images)))?;
        }
        for (name, value) in entries {
            fixed.data.add_entry(&name, of_doubles(&value));
        }
        // One for a method comes before one for all.
        let (of_all, of_one): (Vec<Mock>, Vec<Mock>) =
            responses.into_iter().partition(|mock| mock.method.is_none());
        for Mock { method, url, status, body } in of_one.into_iter().chain(of_all) {
            let body: Arc<[u8]> = json!({"body": body}).to_string().into_bytes().into();
            for method in method.as_deref().map_or(vec!["GET", "POST"], |method| vec![method]) {
                let response = Response { status, body: body.clone() };
                fixed.http.entry((method.to_owned(), url.clone())).or_insert(response);
            }
        }
        Ok(fixed)
    }

    fn reply(&mut self, reply: &Json) -> Result<(), String> {
        let reply = mapping(reply, "an answer of `http`")?;
        if let Some(name) = reply.keys().find(|name| !REPLY.contains(&name.as_str())) {
            return Err(format!("an answer of `http` has no `{name}`; what it has is {}", REPLY.join(", ")));
        }
        let url = reply.get("url").and_then(Json::as_str).ok_or("an answer of `http` must have a `url`")?;
        let method = reply.get("method").map_or(Some("GET"), Json::as_str).unwrap_or_default();
        if !["GET", "POST"].contains(&method) {
            return Err("the `method` of an answer of `http` must be GET or POST".to_owned());
        }
        let status = reply.get("status").map_or(Some(200), Json::as_u64);
        let status =
            status.and_then(|status| u16::try_from(status).ok()).ok_or("`status` must be a number")?;
        let body = reply.get("body").map(Json::to_string).unwrap_or_default();
        self.http
            .insert((method.to_owned(), url.to_owned()), Response { status, body: body.into_bytes().into() });
        Ok(())
    }

    /// Who gives answers means that they may be asked for.
    pub fn grant(&self, config: &mut CapabilityConfig) {
        let whole = |url: &String| Place::of_text(url).map(|place| place.to_string());
        config.key_sets.urls.extend(self.keys.keys().filter_map(whole));
        config.http.urls.extend(self.http.keys().filter_map(|(_, url)| whole(url)));
        for (name, files) in [
            ("resources", &mut config.resources),
            ("globalContext", &mut config.global_context),
            ("images", &mut config.images),
        ] {
            if self.given.iter().any(|given| given == name) {
                // Nothing is read there.
                files.push(name.to_owned());
            }
        }
    }
}

impl Answers for Fixed {
    fn key_set(&self, url: &str) -> Result<Keys, Unanswered> {
        self.keys.get(url).cloned().ok_or(Unanswered::Withheld(NO_KEYS))
    }

    fn http(&self, request: &Request<'_>, _left: Duration) -> (Result<Response, Unanswered>, Duration) {
        let key = (request.method.to_owned(), request.url.to_owned());
        (self.http.get(&key).cloned().ok_or(Unanswered::Withheld(NO_ANSWER)), Duration::ZERO)
    }

    fn look_up(&self, question: &Lookup<'_>) -> Found {
        if self.mocks { self.data.look_up_mock(question) } else { self.data.look_up(question) }
    }
}

/// An answer in Kyverno's form.
#[derive(Debug)]
pub struct Mock {
    /// `GET` or `POST`; either if there is none.
    pub method: Option<String>,
    /// The URL.
    pub url: String,
    /// The status.
    pub status: u16,
    /// A JSON object.
    pub body: Json,
}

/// JSON as Go reads it: every number is a double.
fn of_doubles(value: &Json) -> Json {
    match value {
        Json::Number(number) => json!(number.as_f64()),
        Json::Array(items) => items.iter().map(of_doubles).collect(),
        Json::Object(members) => {
            members.iter().map(|(name, member)| (name.clone(), of_doubles(member))).collect()
        }
        other => other.clone(),
    }
}

fn mapping<'j>(value: &'j Json, what: &str) -> Result<&'j Map<String, Json>, String> {
    value.as_object().ok_or_else(|| format!("{what} must be a mapping"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_given_is_granted_and_mistakes_say_what_can_be_given() {
        let answers = serde_json::json!({
            "http": [{"url": "https://a.example:8443/x?y", "body": {"a": 1}}],
            "globalContext": {"g": [1]},
        });
        let mut config = CapabilityConfig::default();
        let fixed = Fixed::read(&answers).unwrap();
        fixed.grant(&mut config);
        assert_eq!(
            (config.http.urls, config.global_context.len()),
            (vec!["https://a.example:8443/".to_owned()], 1)
        );
        assert!(config.resources.is_empty() && config.key_sets.urls.is_empty());
        for wrong in [
            serde_json::json!([]),
            serde_json::json!({"nope": {}}),
            serde_json::json!({"http": [{"body": 1}]}),
            serde_json::json!({"http": [{"url": "https://a/", "nope": 1}]}),
            serde_json::json!({"resources": [{}]}),
            serde_json::json!({"keySets": {"https://a/": {"keys": [{}]}}}),
        ] {
            assert!(Fixed::read(&wrong).is_err(), "{wrong}");
        }
    }
}

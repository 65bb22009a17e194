//! What the URLs of a case answered when Kyverno asked them.

use std::collections::HashMap;
use std::time::Duration;

use serde_json::{Value as Json, json};
use toolgate::internal::library::capability::{
    Answers as Answering, Found, Keys, Lookup, Request, Response, Session, Unanswered,
};
use toolgate::internal::library::kyverno::jwt::keys;
use toolgate::internal::outside::Data;

/// The answers of a case by URL, and the objects of its cluster.
#[derive(Debug)]
pub(crate) struct Answers(HashMap<String, Json>, Data);

impl Answers {
    /// Reads the member `answers` of a case.
    pub(crate) fn of(case: &Json) -> Answers {
        let answers = case["answers"].as_object().into_iter().flatten();
        let mut data = Data::default();
        for object in case["objects"].as_array().into_iter().flatten() {
            data.add_object(object.clone()).unwrap();
        }
        Answers(answers.map(|(url, reply)| (url.clone(), reply.clone())).collect(), data)
    }

    /// A decision that they answer.
    pub(crate) fn session(self) -> Session {
        Session::new(Some(std::sync::Arc::new(self)), 0, Duration::MAX)
    }

    /// The reply, and the URLs that were redirected are followed.
    fn reply(&self, url: &str) -> Option<&Json> {
        let reply = self.0.get(url)?;
        match reply["headers"]["Location"].as_str() {
            Some(location) => self.reply(location).or(Some(reply)),
            None => Some(reply),
        }
    }
}

/// Where a case has no answer, nothing listened.
fn refused(verb: &str, url: &str) -> String {
    format!("request failed: {verb} {url:?}: dial tcp 127.0.0.1:1: connect: connection refused")
}

/// As the oracle's server echoes a request.
fn echoed(request: &Request<'_>) -> String {
    let mut headers = serde_json::Map::new();
    for (name, value) in request.headers {
        headers.insert((*name).to_owned(), json!([value.trim()]));
    }
    let body = String::from_utf8_lossy(request.body.unwrap_or_default());
    json!({"method": request.method, "headers": headers, "body": body}).to_string()
}

impl Answering for Answers {
    fn key_set(&self, url: &str) -> Result<Keys, Unanswered> {
        let Some(reply) = self.reply(url) else {
            return Err(Unanswered::Failed(format!("jwk.Fetch: {}", refused("Get", url))));
        };
        match reply["status"].as_u64() {
            Some(200) => {
                let body = reply["body"].as_str().unwrap().as_bytes();
                keys::parse(body).map(|set| Keys::new(set, body)).map_err(Unanswered::Failed)
            }
            status => {
                let text = format!("jwk.Fetch: request returned status {}, expected 200", status.unwrap());
                Err(Unanswered::Failed(text))
            }
        }
    }

    fn http(&self, request: &Request<'_>, _left: Duration) -> (Result<Response, Unanswered>, Duration) {
        let response = match self.reply(request.url) {
            Some(reply) => {
                let body = match reply["echo"].as_bool() {
                    Some(true) => echoed(request),
                    _ => reply["body"].as_str().unwrap().to_owned(),
                };
                let status = u16::try_from(reply["status"].as_u64().unwrap()).unwrap();
                Ok(Response { status, body: body.into_bytes().into() })
            }
            None => {
                let verb = if request.method == "GET" { "Get" } else { "Post" };
                Err(Unanswered::Failed(refused(verb, request.url)))
            }
        };
        (response, Duration::ZERO)
    }

    fn look_up(&self, question: &Lookup<'_>) -> Found {
        self.1.look_up(question)
    }
}

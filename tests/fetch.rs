//! What policies ask outside of a call, asked of a real HTTPS server on this machine.

#![cfg(feature = "fetch")]
#![expect(
    clippy::unwrap_used,
    reason = "the lints against panics are for code that runs on requests; a test that cannot go on should panic"
)]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant, SystemTime};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ed25519_dalek::{Signer as _, SigningKey};
use serde_json::json;
use toolgate::{Capabilities, Context, Effect, Engine, Outcome, PolicySet, Record, Scratch, Settings};

mod fetch {
    pub(crate) mod server;
}

use fetch::server::{Reply, Server};

fn policy(expression: &str) -> String {
    format!(
        "apiVersion: policies.kyverno.io/v1\nkind: ValidatingPolicy\nmetadata: {{name: a}}\nspec:\n  \
         evaluation: {{mode: HTTP}}\n  validations:\n  - expression: >-\n      {expression}\n"
    )
}

/// An engine with one policy and these capabilities, and who answers it.
fn engine(expression: &str, capabilities: &str) -> (Engine, Capabilities) {
    engine_of(&policy(expression), capabilities)
}

fn engine_of(policy: &str, capabilities: &str) -> (Engine, Capabilities) {
    let root = env!("CARGO_MANIFEST_DIR");
    let settings = format!(
        "apiVersion: toolgate.dev/v1\nkind: Configuration\ncapabilities:\n  \
         certificates: {root}/tests/tls/ca.pem\n{capabilities}"
    );
    let (settings, _) = Settings::load_text("toolgate.yaml", &settings, std::iter::empty()).unwrap();
    let (set, _) = PolicySet::from_text("policy.yaml", policy).unwrap();
    let engine = Engine::new(set, settings).unwrap();
    let capabilities = engine.capabilities().unwrap();
    (engine, capabilities)
}

/// What becomes of a call with this argument `token`.
fn decide(engine: &Engine, capabilities: &Capabilities, token: &str) -> Record<'static> {
    let body = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call",
        "params": {"name": "a___b", "arguments": {"token": token}}});
    let event = json!({"interceptorInputVersion": "1.0", "mcp": {"gatewayRequest":
        {"path": "/mcp", "httpMethod": "POST", "headers": {}, "body": body}}});
    let context = Context::from(SystemTime::now()).with(capabilities);
    engine.decide(&mut Scratch::default(), event.to_string().as_bytes(), &context).record.into_owned()
}

/// A key, its name, and what a server says of it.
fn key(name: &str) -> (SigningKey, serde_json::Value) {
    let key = SigningKey::from_bytes(&[u8::try_from(name.len()).unwrap(); 32]);
    let x = URL_SAFE_NO_PAD.encode(key.verifying_key().as_bytes());
    (key, json!({"kty": "OKP", "crv": "Ed25519", "kid": name, "use": "sig", "x": x}))
}

fn token(name: &str) -> String {
    token_with(name, &json!({"exp": 4_102_444_800_u64}))
}

fn token_with(name: &str, claims: &serde_json::Value) -> String {
    let part = |json: &serde_json::Value| URL_SAFE_NO_PAD.encode(json.to_string());
    let signed = format!("{}.{}", part(&json!({"alg": "EdDSA", "kid": name})), part(claims));
    let signature = key(name).0.sign(signed.as_bytes()).to_bytes();
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
}

fn keys(names: &[&str]) -> Reply {
    let keys: Vec<_> = names.iter().map(|name| key(name).1).collect();
    Reply::ok(&json!({ "keys": keys }).to_string())
}

const TOKEN: &str = "dyn(object.mcp.request.ToolCall).Arguments.token";

fn verifies(url: &str) -> String {
    format!("jwt.Decode({TOKEN}, jwks.Fetch('{url}')).Valid ? null : http.Denied('not valid').Response()")
}

/// Waits for what the background does, at most some seconds.
fn eventually(mut holds: impl FnMut() -> bool) -> bool {
    let start = Instant::now();
    while start.elapsed() < Duration::from_secs(8) {
        if holds() {
            return true;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    false
}

#[test]
fn keys_are_there_before_the_first_call_and_change_in_the_middle_of_a_load() {
    let server = Server::start();
    server.set("/keys", keys(&["old"]));
    let url = server.url("/keys");
    let (engine, capabilities) =
        engine(&verifies(&url), &format!("  keySets: {{urls: ['{}'], maxAge: 1}}\n", server.url("/")));
    assert_eq!(server.count(), 1, "fetched at the start");
    let (old, new) = (token("old"), token("newer"));
    let first = decide(&engine, &capabilities, &old);
    assert_eq!((first.effect, first.answers.len()), (Effect::Allow, 1), "{first:?}");
    // Two threads decide all the time; none of their calls may wait for a server, or be allowed by a key that is not there.
    let stop = Arc::new(AtomicBool::new(false));
    let (decided, slowest) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    let start = Instant::now();
                    let record = decide(&engine, &capabilities, &old);
                    let micros = usize::try_from(start.elapsed().as_micros()).unwrap();
                    slowest.fetch_max(micros, Ordering::Relaxed);
                    decided.fetch_add(1, Ordering::Relaxed);
                    assert!(
                        record.effect == Effect::Allow || record.error.unwrap().contains("key ID \"old\""),
                        "a call of the load"
                    );
                }
            });
        }
        assert_eq!(decide(&engine, &capabilities, &new).effect, Effect::Deny);
        server.slow(Duration::from_millis(300));
        server.set("/keys", keys(&["newer"]));
        let rotated = eventually(|| decide(&engine, &capabilities, &new).effect == Effect::Allow);
        let gone = eventually(|| decide(&engine, &capabilities, &old).effect == Effect::Deny);
        stop.store(true, Ordering::Relaxed);
        assert!(rotated && gone);
    });
    assert!(decided.load(Ordering::Relaxed) > 100);
    assert!(slowest.load(Ordering::Relaxed) < 250_000, "a call waited {slowest:?} microseconds");
    let record = decide(&engine, &capabilities, &new);
    assert_ne!(record.answers, first.answers, "another set has another digest");
}

#[test]
fn a_key_that_is_not_there_is_looked_for_once_and_then_not_for_a_while() {
    let server = Server::start();
    server.set("/keys", keys(&["old"]));
    let url = server.url("/keys");
    let (engine, capabilities) =
        engine(&verifies(&url), &format!("  keySets: {{urls: ['{}'], maxAge: 3600}}\n", server.url("/")));
    for _ in 0..50 {
        assert_eq!(decide(&engine, &capabilities, &token("newer")).effect, Effect::Deny);
    }
    assert!(eventually(|| server.count() == 2));
    server.set("/keys", keys(&["newer"]));
    std::thread::sleep(Duration::from_millis(300));
    for _ in 0..50 {
        assert_eq!(decide(&engine, &capabilities, &token("newer")).effect, Effect::Deny);
    }
    assert_eq!(server.count(), 2, "within ten seconds there is one refresh for a missing key");
}

#[test]
fn the_last_good_set_counts_until_it_is_too_old_and_nothing_usable_is_a_denial() {
    let server = Server::start();
    server.set("/keys", keys(&["old"]));
    let url = server.url("/keys");
    let grant = format!("  keySets: {{urls: ['{}'], maxAge: 1, maxStale: 3}}\n", server.url("/"));
    let (engine, capabilities) = engine(&verifies(&url), &grant);
    server.set("/keys", Reply { status: 503, ..Reply::ok("") });
    let old = token("old");
    assert!(eventually(|| server.count() >= 2), "it is fetched again");
    assert_eq!(decide(&engine, &capabilities, &old).effect, Effect::Allow, "the last good set");
    assert!(eventually(|| decide(&engine, &capabilities, &old).effect == Effect::Deny));
    let record = decide(&engine, &capabilities, &old);
    assert_eq!(record.error.unwrap(), "jwk.Fetch: request returned status 503, expected 200");
}

#[test]
fn a_url_that_a_policy_computes_is_fetched_for_the_next_call_if_it_is_granted() {
    let server = Server::start();
    server.set("/granted/keys", keys(&["old"]));
    let expression = verifies("URL").replace(
        "'URL'",
        &format!("{TOKEN}.startsWith('x') ? {TOKEN}.substring(1) : '{}'", server.url("/granted/keys")),
    );
    let expression = expression.replace("jwt.Decode(", "jwt.Decode(''+");
    let (engine, capabilities) =
        engine(&expression, &format!("  keySets: {{urls: ['{}']}}\n", server.url("/granted")));
    let old = token("old");
    let first = decide(&engine, &capabilities, &old);
    assert!(first.outcome == Outcome::Fault && first.error.unwrap().contains("are not fetched yet"));
    assert!(eventually(|| decide(&engine, &capabilities, &old).effect == Effect::Allow));
    let other = decide(&engine, &capabilities, &format!("x{}", server.url("/other")));
    assert!(other.outcome == Outcome::Fault && other.error.unwrap().contains("is not granted"));
    assert_eq!(server.count(), 1);
}

/// A claim that is null makes the whole token an error, as with a secret.
#[test]
fn a_null_claim_is_an_error_with_a_set_of_keys_too() {
    let server = Server::start();
    server.set("/keys", keys(&["old"]));
    let grant = format!("  keySets: {{urls: ['{}']}}\n", server.url("/"));
    let (engine, capabilities) = engine(&verifies(&server.url("/keys")), &grant);
    let error = |claims| decide(&engine, &capabilities, &token_with("old", &claims)).error;
    let null = "failed to assign value to dst: source value is invalid (<nil>): invalid value (probably an untyped nil)";
    assert_eq!(error(json!({"a": null})).unwrap(), null);
    assert_eq!(error(json!({"aud": ["b"], "z": null})).unwrap(), null);
    assert_eq!(error(json!({"aud": ["b"], "z": [null], "sub": null})), None);
}

/// `failurePolicy: Ignore` and `||` drop what Kyverno's client would have met too, and nothing that is a limit of ours:
/// Kyverno would have had an answer, and denied.
#[test]
fn no_policy_drops_a_limit_of_ours() {
    let server = Server::start();
    for path in ["/v1/a", "/v1/b", "/admin"] {
        server.set(path, Reply::ok(r#"{"ok":true}"#));
    }
    server.set("/v1/away", Reply::moved(302, "https://other.example/"));
    server.set("/v1/outside", Reply::moved(302, "/admin"));
    server.set("/v1/large", Reply::ok(&format!("{{\"ok\":true,\"x\":\"{}\"}}", "x".repeat(5_000))));
    let outcome = |expression: &str, grant: &str| {
        let grant = format!(
            "  http: {{urls: ['{}', 'http://localhost:1/'], maxBytes: 2048{grant}}}\n  keySets: {{urls: ['{}']}}\n",
            server.url("/v1"),
            server.url("/v1")
        );
        let either = format!("({expression}) || 1 / 0 == 1 ? http.Denied('no').Response() : null");
        let ignores = policy(&either).replace("spec:\n", "spec:\n  failurePolicy: Ignore\n");
        let (engine, capabilities) = engine_of(&ignores, &grant);
        decide(&engine, &capabilities, "").outcome
    };
    let get = |path: &str| format!("http.Get('{}').ok == true", server.url(path));
    // A URL that is not a constant.
    let computed =
        |path: &str| format!("http.Get('{}' + object.attributes.fragment).ok == true", server.url(path));
    assert_eq!(outcome(&get("/v1/a"), ""), Outcome::Deny);
    let refused = "http.Get('http://localhost:1/').ok == true";
    assert_eq!(outcome(refused, ""), Outcome::NoOpinion, "Kyverno's client is refused too");
    for path in ["/v1/away", "/v1/outside", "/v1/large"] {
        assert_eq!(outcome(&get(path), ""), Outcome::Fault, "{path}");
    }
    assert_eq!(outcome(&computed("/admin"), ""), Outcome::Fault, "a URL that is not granted");
    let keys = format!(
        "jwt.Decode('a', jwks.Fetch('{}' + object.attributes.fragment)).Valid",
        server.url("/v1/keys")
    );
    assert_eq!(outcome(&keys, ""), Outcome::Fault, "keys that are not there yet");
    let many: Vec<String> =
        (0..257).map(|number| format!("http.Get('http://localhost:1/{number}').ok == true")).collect();
    assert_eq!(outcome(&many.join(" || "), ""), Outcome::Fault, "more questions than a decision may ask");
    server.slow(Duration::from_millis(300));
    assert_eq!(outcome(&get("/v1/a"), ", timeLimit: 100"), Outcome::Fault, "the time limit");
}

fn get(url: &str) -> String {
    format!("http.Get('{url}').ok == true ? null : http.Denied('no').Response()")
}

#[test]
fn http_asks_each_time_or_uses_an_answer_again() {
    let server = Server::start();
    server.set("/a", Reply::ok(r#"{"ok":true}"#));
    let grant = |more: &str| format!("  http: {{urls: ['{}']{more}}}\n", server.url("/"));
    let (every, asked) = engine(&get(&server.url("/a")), &grant(""));
    for due in 1..=3 {
        let record = decide(&every, &asked, "");
        assert_eq!((record.effect, server.count()), (Effect::Allow, due), "{record:?}");
    }
    let (again, kept) = engine(&get(&server.url("/a")), &grant(", maxAge: 60"));
    for _ in 0..3 {
        assert_eq!(decide(&again, &kept, "").effect, Effect::Allow);
    }
    assert_eq!(server.count(), 4);
    // What is no success is asked again: a server's trouble of a moment must not be its answer for a minute.
    server.set("/b", Reply { status: 500, ..Reply::ok(r#"{"ok":false}"#) });
    let (again, kept) = engine(&get(&server.url("/b")), &grant(", maxAge: 60"));
    assert_eq!(decide(&again, &kept, "").effect, Effect::Deny);
    server.set("/b", Reply::ok(r#"{"ok":true}"#));
    assert_eq!(decide(&again, &kept, "").effect, Effect::Allow);
}

#[test]
fn what_a_server_does_wrong_is_an_error_and_so_a_denial() {
    let server = Server::start();
    let other = Server::start();
    other.set("/a", Reply::ok(r#"{"ok":true}"#));
    server.set("/a", Reply::ok(r#"{"ok":true}"#));
    server.set("/here", Reply::moved(302, "/a"));
    server.set("/loop", Reply::moved(302, "/loop"));
    server.set("/away", Reply::moved(302, &other.url("/a")));
    server.set("/plain", Reply::moved(302, &server.url("/a").replace("https", "http")));
    server.set("/large", Reply::ok(&format!("{{\"ok\":true,\"x\":\"{}\"}}", "x".repeat(5_000))));
    let deny = |path: &str, more: &str| {
        let grant = format!("  http: {{urls: ['{}'], maxBytes: 2048{more}}}\n", server.url("/"));
        let (engine, capabilities) = engine(&get(&server.url(path)), &grant);
        let record = decide(&engine, &capabilities, "");
        record.error.map(std::borrow::Cow::into_owned)
    };
    assert_eq!(deny("/a", ""), None);
    assert_eq!(deny("/here", ""), None, "a redirect within the host");
    let error = deny("/loop", "").unwrap();
    assert!(
        error.starts_with("request failed: request failed: Get \"https://")
            && error.ends_with("stopped after 10 redirects"),
        "{error}"
    );
    for (path, due) in [
        ("/away", "a redirect to another host is not followed"),
        ("/plain", "a redirect to another host is not followed"),
        ("/large", "larger than the limit"),
    ] {
        let error = deny(path, "").unwrap();
        assert!(error.contains(due), "{path}: {error}");
    }
    assert_eq!(other.count(), 0);
    server.slow(Duration::from_millis(400));
    let start = Instant::now();
    let error = deny("/a", ", timeLimit: 100").unwrap();
    assert!(error.contains("the time limit") && start.elapsed() < Duration::from_millis(390), "{error}");
}

#[test]
fn all_requests_of_a_decision_share_one_time_limit() {
    let server = Server::start();
    for path in ["/a", "/b", "/c", "/d"] {
        server.set(path, Reply::ok(r#"{"ok":true}"#));
    }
    server.slow(Duration::from_millis(80));
    let all: Vec<String> =
        ["/a", "/b", "/c", "/d"].map(|path| format!("http.Get('{}').ok == true", server.url(path))).into();
    let expression = format!("{} ? null : http.Denied('no').Response()", all.join(" && "));
    let grant = format!("  timeLimit: 200\n  http: {{urls: ['{}']}}\n", server.url("/"));
    let (engine, capabilities) = engine(&expression, &grant);
    let record = decide(&engine, &capabilities, "");
    assert_eq!(record.outcome, Outcome::Fault);
    assert!(record.error.unwrap().contains("the time limit"));
    assert!(server.count() <= 3);
}

#[test]
fn a_server_with_an_unknown_authority_and_an_address_that_is_guarded_are_refused() {
    let server = Server::start();
    server.set("/a", Reply::ok(r#"{"ok":true}"#));
    let settings = format!(
        "apiVersion: toolgate.dev/v1\nkind: Configuration\ncapabilities: {{http: {{urls: ['{}', 'http://0.0.0.0:1/', 'http://localhost:1/']}}}}\n",
        server.url("/")
    );
    let (settings, _) = Settings::load_text("toolgate.yaml", &settings, std::iter::empty()).unwrap();
    let error = |url: &str| {
        let (set, _) = PolicySet::from_text("policy.yaml", &policy(&get(url))).unwrap();
        let engine = Engine::new(set, settings.clone()).unwrap();
        let capabilities = engine.capabilities().unwrap();
        decide(&engine, &capabilities, "").error.unwrap().into_owned()
    };
    assert!(error(&server.url("/a")).contains("invalid peer certificate"), "{}", error(&server.url("/a")));
    assert_eq!(server.count(), 0);
    assert!(error("http://localhost:1/").contains("refused"));
    assert!(!error("http://0.0.0.0:1/").contains("link-local"), "granted by its own name");
}

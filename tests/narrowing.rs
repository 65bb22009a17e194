//! Whatever is removed, corrupted or made too large in an event, in claims or in settings: the answer is a denial or the
//! same decision as before, and never opens what was closed.
//!
//! What of an event is the call itself, its method, tool and arguments, is another call once it is changed. Of those it
//! is asked that they are decided as the same message in a faultless event is. All the rest may only narrow.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should panic")]

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde_json::{Value as Json, json};
use toolgate::{Context, Engine, PolicySet, Scratch, Settings};

#[path = "../fuzz/src/mutate.rs"]
mod mutate;
#[path = "../tools/src/bin/differential/rng.rs"]
mod rng;

use rng::Rng;

const SETTINGS: &str = "apiVersion: toolgate.dev/v1\nkind: Configuration\nidentity: {trustJwt: true, required: true, \
     checkExpiry: true, claims: {user: sub, roles: roles, groups: groups}}\n";

fn engine(settings: &str) -> Engine {
    let (set, _) = PolicySet::from_dir("policies").unwrap();
    let (settings, _) = Settings::load_text("toolgate.yaml", settings, std::iter::empty()).unwrap();
    Engine::new(set, settings).unwrap()
}

/// The body of the request that goes on to its target, in the event's own bytes; none if none does.
fn forwarded(engine: &Engine, event: &[u8]) -> Option<String> {
    let mut scratch = Scratch::default();
    let decision = engine.decide(&mut scratch, event, &Context::at(1_790_000_000));
    let answer = std::str::from_utf8(decision.answer).unwrap();
    let body = answer
        .strip_prefix(r#"{"interceptorOutputVersion":"1.0","mcp":{"transformedGatewayRequest":{"body":"#)?
        .strip_suffix("}}}")?;
    assert!(decision.is_allowed(), "{answer}");
    Some(body.to_owned())
}

fn token(claims: &[u8]) -> String {
    format!("Bearer eyJhbGciOiJSUzI1NiJ9.{}.c2lnbmF0dXJl", BASE64_URL_SAFE_NO_PAD.encode(claims))
}

/// A faultless event with this `Authorization` and body.
fn event(authorization: &str, body: &str) -> String {
    let authorization = Json::from(authorization);
    format!(
        r#"{{"interceptorInputVersion":"1.0","mcp":{{"gatewayRequest":{{"path":"/mcp","httpMethod":"POST","headers":{{"Authorization":{authorization}}},"body":{body}}},"gatewayResponse":null}}}}"#
    )
}

fn body(tool: &str, arguments: &Json) -> String {
    let params = json!({"name": tool, "arguments": arguments});
    json!({"jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": params}).to_string()
}

fn claims() -> [Json; 4] {
    [
        json!({"sub": "ann", "roles": ["accounting-lead"], "groups": ["staff", "tenant:acme"], "exp": 1_800_000_000}),
        json!({"sub": "bob", "roles": ["support"], "groups": ["tenant:other"], "exp": 1_800_000_000}),
        json!({"sub": "cid", "roles": ["accounting", "guest"], "exp": 1_800_000_000}),
        json!({"sub": "dan", "roles": ["accounting-lead"], "exp": 1_700_000_000}),
    ]
}

/// Calls that the shipped policies let through and calls that they deny.
fn bodies() -> Vec<String> {
    [
        ("kubernetes___deletePod", json!({"environment": "production", "namespace": "shop"})),
        ("kubernetes___deletePod", json!({"environment": "staging"})),
        ("kubernetes___listPods", json!({"environment": "production"})),
        ("payments___refund", json!({"amount": 50})),
        ("payments___refund", json!({"amount": 5000})),
        ("payments___getInvoice", json!({"id": "7"})),
        ("storage___getObject", json!({"path": "acme/a"})),
        ("storage___getObject", json!({"path": "other/a"})),
        ("crm___exportCustomers", json!({"limit": 1})),
        ("crm___listCustomers", json!({"limit": 10})),
        ("weather___getForecast", json!({"city": "Bern"})),
    ]
    .iter()
    .map(|(tool, arguments)| body(tool, arguments))
    .collect()
}

/// Every value of a JSON text, as a pointer.
fn places(json: &Json, at: &str, found: &mut Vec<String>) {
    found.push(at.to_owned());
    let escaped = |key: &str| key.replace('~', "~0").replace('/', "~1");
    match json {
        Json::Array(items) => {
            items.iter().enumerate().for_each(|(index, item)| places(item, &format!("{at}/{index}"), found));
        }
        Json::Object(members) => {
            members.iter().for_each(|(key, item)| places(item, &format!("{at}/{}", escaped(key)), found));
        }
        _ => {}
    }
}

/// The value without what is at `place`, and with something that should not be there in its stead: another kind, a
/// text that looks like the one it was, more than is read.
fn damaged(json: &Json, place: &str) -> Vec<String> {
    let mut found = Vec::new();
    let (parent, key) = place.rsplit_once('/').unwrap_or(("", ""));
    let mut without = json.clone();
    let removed = match without.pointer_mut(parent) {
        Some(Json::Object(members)) => members.remove(&key.replace("~1", "/").replace("~0", "~")).is_some(),
        Some(Json::Array(items)) if !place.is_empty() => {
            items.remove(key.parse().unwrap());
            true
        }
        _ => false,
    };
    if removed {
        found.push(without.to_string());
    }
    let old = json.pointer(place).unwrap();
    let mut values = vec![
        Json::Null,
        json!(true),
        json!(-1),
        json!(1e300),
        json!(""),
        json!([]),
        json!({}),
        json!([[old]]),
        json!({"value": old}),
        json!(old.to_string()),
        json!("x".repeat(20_000)),
        json!(vec![0; 3_000]),
    ];
    if let Some(text) = old.as_str() {
        for text in
            [format!("{text} "), format!("\u{200b}{text}"), format!("{text}\0"), format!("{text}\u{202e}")]
        {
            values.push(json!(text));
        }
    }
    for value in values {
        let mut other = json.clone();
        *other.pointer_mut(place).unwrap() = value;
        found.push(other.to_string());
    }
    found
}

#[test]
fn a_token_with_something_missing_corrupt_or_too_large_opens_nothing() {
    let engine = engine(SETTINGS);
    let (mut open, mut closed) = (0_usize, 0_usize);
    for claims in claims() {
        let mut all = Vec::new();
        places(&claims, "", &mut all);
        // A token that never expires, or later, is another token and not a damaged one; what has no expiry is expired.
        let others: Vec<String> = all.iter().flat_map(|place| damaged(&claims, place)).collect();
        let longer = |text: &String| {
            serde_json::from_str::<Json>(text).is_ok_and(|json| {
                json.get("exp").and_then(Json::as_f64).is_some_and(|exp| exp > 1_790_000_000.0)
            })
        };
        let expired = claims.get("exp").and_then(Json::as_i64).unwrap() < 1_790_000_000;
        let others = others.iter().filter(|other| !(expired && longer(other)));
        let others: Vec<(&String, String)> = others.map(|other| (other, token(other.as_bytes()))).collect();
        for body in bodies() {
            let before = forwarded(&engine, event(&token(claims.to_string().as_bytes()), &body).as_bytes());
            match before {
                Some(_) => open += 1,
                None => closed += 1,
            }
            for (other, token) in &others {
                let after = forwarded(&engine, event(token, &body).as_bytes());
                assert!(
                    after.is_none() || after == before,
                    "{claims} is denied and {other:.300} is allowed: {body}"
                );
            }
        }
    }
    assert!(open > 5 && closed > 5, "{open} {closed}");
}

#[test]
fn a_header_that_is_no_token_opens_nothing_for_a_caller_who_must_be_known() {
    let engine = engine(SETTINGS);
    let [claims, ..] = claims();
    let whole = token(claims.to_string().as_bytes());
    let body = body("payments___refund", &json!({"amount": 50}));
    assert!(forwarded(&engine, event(&whole, &body).as_bytes()).is_some());
    let signature = whole.rfind('.').unwrap();
    for end in 0..=signature {
        let cut = whole.get(..end).unwrap();
        assert_eq!(forwarded(&engine, event(cut, &body).as_bytes()), None, "{cut}");
    }
    for at in 0..signature {
        let mut corrupt = whole.clone();
        corrupt.insert(at, '\u{7f}');
        assert_eq!(forwarded(&engine, event(&corrupt, &body).as_bytes()), None, "{corrupt}");
    }
}

#[test]
fn an_event_with_something_missing_corrupt_or_too_large_around_the_call_opens_nothing() {
    let engine = engine(SETTINGS);
    let mut compared = 0_usize;
    for claims in claims().iter().take(2) {
        for body in bodies() {
            let event = event(&token(claims.to_string().as_bytes()), &body);
            let before = forwarded(&engine, event.as_bytes());
            let json: Json = serde_json::from_str(&event).unwrap();
            let mut all = Vec::new();
            places(&json, "", &mut all);
            let call = ["/method", "/params"].map(|name| format!("/mcp/gatewayRequest/body{name}"));
            for place in all.iter().filter(|place| !call.iter().any(|call| place.starts_with(call.as_str())))
            {
                for other in damaged(&json, place) {
                    let after = forwarded(&engine, other.as_bytes());
                    assert!(
                        before.is_some() || after.is_none(),
                        "{place}: {event} is denied and {other:.600} is allowed"
                    );
                    compared += 1;
                }
            }
            for end in (0..event.len()).step_by(7) {
                assert_eq!(forwarded(&engine, event.get(..end).unwrap().as_bytes()), None, "cut at {end}");
            }
        }
    }
    assert!(compared > 3_000, "{compared}");
}

#[test]
fn a_damaged_event_is_allowed_only_if_its_message_is_allowed_in_a_faultless_one() {
    let engine = engine(SETTINGS);
    let again = self::engine(SETTINGS);
    let [claims, ..] = claims();
    let token = token(claims.to_string().as_bytes());
    let bodies = bodies();
    let words = [
        "payments___refund",
        "tools/call",
        "amount",
        "production",
        "\"",
        ",",
        "{}",
        "\\u0065",
        "null",
        "2.0",
    ];
    let mut allowed = 0_usize;
    for index in 0..2_000 {
        let mut rng = Rng::new(11, index);
        let body = rng.pick(&bodies).unwrap().clone();
        let other = rng.pick(&bodies).unwrap().clone();
        let damaged = mutate::mutate(&mut rng, event(&token, &body).as_bytes(), other.as_bytes(), &words);
        // Nobody but the caller with this token, if anybody, sent it: what is allowed to go on is allowed to that one.
        if let Some(message) = forwarded(&engine, &damaged) {
            let due = forwarded(&again, event(&token, &message).as_bytes());
            assert_eq!(due.as_ref(), Some(&message), "{}", String::from_utf8_lossy(&damaged));
            allowed += 1;
        }
    }
    assert!(allowed > 50, "{allowed}");
}

#[test]
fn settings_with_something_corrupt_or_twice_are_an_error_and_never_settings_with_less() {
    let text = std::fs::read_to_string("testdata/config/027-every-setting.yaml").unwrap();
    let fails = |text: &str| Settings::load_text("toolgate.yaml", text, std::iter::empty()).is_err();
    assert!(!fails(&text));
    let lines: Vec<&str> = text.lines().take_while(|line| !line.starts_with("headers:")).collect();
    let rest = text.lines().skip(lines.len()).collect::<Vec<_>>().join("\n");
    let with = |at: usize, line: &str| {
        let mut lines = lines.clone();
        lines.splice(at..=at, [line]);
        format!("{}\n{rest}\n", lines.join("\n"))
    };
    let mut tried = 0_usize;
    for (at, line) in lines.iter().enumerate() {
        let Some((key, value)) = line.split_once(':').filter(|_| !line.trim().starts_with('-')) else {
            continue;
        };
        let indent = key.len() - key.trim_start().len();
        let mut damaged = vec![
            // The key, misspelt in ways that an eye passes over.
            format!("{key}x:{value}"),
            format!("{}{}:{value}", " ".repeat(indent), key.trim().to_uppercase()),
            format!("{key}\u{200b}:{value}"),
            // Bytes that no text has.
            format!("{line}\0"),
            format!("{line}\u{7}"),
            // A value that was never closed.
            format!("{key}: \"{}", value.trim()),
            format!("{key}: [{{"),
        ];
        if !value.trim().is_empty() {
            damaged.push(format!("{key}: {{a: {{b: {}}}}}", "c".repeat(100_000)));
            damaged.push(format!("{key}:{value}\n{line}"));
        }
        for other in damaged {
            assert!(fails(&with(at, &other)), "these settings load: {other:.200}");
            tried += 1;
        }
    }
    assert!(tried > 150, "{tried}");
}

/// Settings that close as much as they can, with one value that was corrupted on its way: an error, or nothing opens. A value
/// that is gone has its default, as if nobody had ever set it.
#[test]
fn settings_with_a_corrupt_value_are_an_error_or_open_nothing() {
    let settings = json!({
        "apiVersion": "toolgate.dev/v1",
        "kind": "Configuration",
        "environment": {"targets": [{"target": "kubernetes", "environment": "production"}, {"target": "*", "environment": "test"}]},
        "judging": {"passMethods": ["ping"], "judgeMethods": ["tools/*"], "passTools": ["weather___*"]},
        "methods": {"unknown": "deny"},
        "identity": {
            "trustJwt": true,
            "required": true,
            "checkExpiry": true,
            "issuers": ["https://login.example.com"],
            "audiences": ["api://tools"],
            "clients": ["agent"],
            "claims": {"user": "/who/name", "roles": "roles", "groups": "groups", "client": "azp"},
        },
        "budget": {"steps": 500_000, "bytes": 8_000_000},
    });
    let callers: Vec<String> = claims()
        .into_iter()
        .map(|mut claims| {
            let more = json!({
                "iss": "https://login.example.com", "aud": "api://tools", "azp": "agent", "who": {"name": "eve"},
            });
            claims.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            token(claims.to_string().as_bytes())
        })
        .collect();
    let decisions = |engine: &Engine| -> Vec<Option<String>> {
        let of = |caller: &String| -> Vec<Option<String>> {
            bodies().iter().map(|body| forwarded(engine, event(caller, body).as_bytes())).collect()
        };
        callers.iter().chain([&token(b"{}"), &String::new()]).flat_map(of).collect()
    };
    let before = decisions(&engine(&settings.to_string()));
    assert!(before.iter().any(Option::is_some) && before.iter().any(Option::is_none));
    let mut all = Vec::new();
    places(&settings, "", &mut all);
    let (set, _) = PolicySet::from_dir("policies").unwrap();
    let (mut loaded, mut refused) = (0_usize, 0_usize);
    for place in all.iter().filter(|place| !place.is_empty()) {
        let old = settings.pointer(place).unwrap();
        let mut values = vec![
            json!([[old]]),
            json!({"value": old}),
            json!(-1),
            json!(1e300),
            json!(18_446_744_073_709_551_615_u64),
            json!(vec![old; 3_000]),
            json!(["\u{0}"]),
        ];
        if !old.is_string() {
            values.push(json!(old.to_string()));
        }
        if !old.is_boolean() {
            values.extend([json!(true), json!(false)]);
        }
        if let Some(text) = old.as_str() {
            for odd in [" ", "\u{200b}", "\0", "\u{202e}", "\u{ad}", "\n"] {
                let texts = [format!("{text}{odd}"), format!("{odd}{text}")];
                values.extend(texts.iter().flat_map(|text| [json!(text), json!([text])]));
            }
        }
        for value in values {
            let mut other = settings.clone();
            *other.pointer_mut(place).unwrap() = value;
            let Ok((damaged, _)) =
                Settings::load_text("toolgate.yaml", &other.to_string(), std::iter::empty())
            else {
                refused += 1;
                continue;
            };
            loaded += 1;
            let after = decisions(&Engine::new(set.clone(), damaged).unwrap());
            for (before, after) in before.iter().zip(&after) {
                assert!(after.is_none() || after == before, "{place}: {other:.900} opens {after:?}");
            }
        }
    }
    assert!(loaded > 5 && refused > 600, "{loaded} {refused}");
}

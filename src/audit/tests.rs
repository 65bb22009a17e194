use std::borrow::Cow;

use super::*;
use serde_json::Value as Json;

const NOW: Invocation<'_> = Invocation {
    seconds: 1_709_164_799,
    nanos: 7_999_999,
    request_id: "8476a536-e9f4-11e8-9739-2dfe598c3fcd",
    micros: 42,
    event: b"{}",
};

const SET: &str = "sha256:0123";

fn entry() -> Record<'static> {
    let mut record = Record::new(Effect::Deny, Outcome::Deny, 403);
    record.decision_id = Some("00ff".into());
    record.method = Some("tools/call".into());
    record.target = Some("kubernetes".into());
    record.tool = Some("delete_pod".into());
    record.arguments = Some(r#"{"password":"hunter2"}"#.into());
    record.user = Some("alice".into());
    record.client = Some("agent-7".into());
    record.policy = Some("no-deletes".into());
    record.rule = Some("spec.validations[0]".into());
    record.reason = Some("no deletes".into());
    record
}

fn config() -> AuditConfig {
    AuditConfig { metric_targets: vec!["kubernetes".to_owned()], ..AuditConfig::default() }
}

fn line(config: &AuditConfig, entry: &Record<'_>) -> Vec<u8> {
    let mut out = b"the last line".to_vec();
    Audit::new(config, SET).write(&mut out, entry, &NOW);
    assert_eq!(out.pop(), Some(b'\n'));
    assert!(out.len() <= MAX_LINE, "{} bytes", out.len());
    assert!(!out.contains(&b'\n'));
    out
}

fn json(config: &AuditConfig, entry: &Record<'_>) -> Json {
    serde_json::from_slice(&line(config, entry)).unwrap()
}

#[test]
fn a_record_says_who_asked_for_what_and_which_rule_decided() {
    let json = json(&config(), &entry());
    let expected = serde_json::json!({
        "time": "2024-02-28T23:59:59.007Z",
        "decisionId": "00ff",
        "requestId": "8476a536-e9f4-11e8-9739-2dfe598c3fcd",
        "effect": "deny",
        "decision": "deny",
        "method": "tools/call",
        "target": "kubernetes",
        "tool": "delete_pod",
        "user": "alice",
        "client": "agent-7",
        "policy": "no-deletes",
        "rule": "spec.validations[0]",
        "reason": "no deletes",
        "policySet": SET,
        "version": env!("CARGO_PKG_VERSION"),
        "_aws": {"Timestamp": 1_709_164_799_007_u64, "CloudWatchMetrics": [{
            "Namespace": "Toolgate",
            "Dimensions": [[], ["Target"]],
            "Metrics": [
                {"Name": "Allow", "Unit": "Count"}, {"Name": "Deny", "Unit": "Count"},
                {"Name": "Error", "Unit": "Count"}, {"Name": "Fault", "Unit": "Count"},
                {"Name": "DecisionMicros", "Unit": "Microseconds"},
            ],
        }]},
        "Target": "kubernetes",
        "Allow": 0, "Deny": 1, "Error": 0, "Fault": 0, "DecisionMicros": 42,
    });
    assert_eq!(json, expected);
}

#[test]
fn what_there_is_not_is_left_out() {
    let entry = Record {
        effect: Effect::Allow,
        outcome: Outcome::Pass,
        method: Some("initialize".into()),
        target: None,
        tool: None,
        arguments: None,
        user: None,
        client: None,
        policy: None,
        rule: None,
        reason: None,
        ..entry()
    };
    let json = json(&AuditConfig { digest_key: Some(b"key".to_vec()), ..config() }, &entry);
    for name in
        ["target", "tool", "user", "client", "policy", "rule", "reason", "refusal", "error", "arguments"]
    {
        assert!(json.get(name).is_none(), "{name}");
    }
    assert_eq!(
        (&json["Allow"], &json["Deny"], &json["Target"]),
        (&1.into(), &0.into(), &OTHER_TARGET.into())
    );
}

#[test]
fn the_arguments_are_in_the_record_only_as_a_keyed_digest() {
    let unkeyed = String::from_utf8(line(&config(), &entry())).unwrap();
    assert!(!unkeyed.contains("hunter2") && !unkeyed.contains("arguments"));
    assert!(!unkeyed.contains("\"event\"") && !unkeyed.contains("hmac"), "{unkeyed}");
    let empty = AuditConfig { digest_key: Some(Vec::new()), ..config() };
    assert!(json(&empty, &entry()).get("arguments").is_none());
    // Test case 2 of RFC 4231.
    let keyed = AuditConfig { digest_key: Some(b"Jefe".to_vec()), ..config() };
    let whole = Invocation { event: b"what do ya want for nothing?", ..NOW };
    let mut line_of = Vec::new();
    Audit::new(&keyed, SET).write(&mut line_of, &entry(), &whole);
    assert_eq!(
        serde_json::from_slice::<Json>(&line_of).unwrap()["event"],
        "hmac-sha256:5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
    );
    let entry = Record { arguments: Some("what do ya want for nothing?".into()), ..entry() };
    let line = line(&keyed, &entry);
    assert_eq!(
        serde_json::from_slice::<Json>(&line).unwrap()["arguments"],
        "hmac-sha256:5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
    );
    assert!(!format!("{:?}", Audit::new(&keyed, SET)).contains("Jefe"));
}

#[test]
fn reasons_and_the_texts_of_errors_are_switched() {
    let quiet = AuditConfig { reasons: false, ..config() };
    assert!(json(&quiet, &entry()).get("reason").is_none());
    let failed = Record {
        outcome: Outcome::Error,
        reason: None,
        error: Some("no such key: hunter2".into()),
        ..entry()
    };
    let record = json(&config(), &failed);
    assert_eq!((record.get("error"), &record["Error"], &record["Deny"]), (None, &1.into(), &1.into()));
    let talkative = AuditConfig { error_texts: true, ..config() };
    assert_eq!(json(&talkative, &failed)["error"], "no such key: hunter2");
    // A fault's text is fixed; it is always there and is not taken for a policy's error.
    let fault = Record { outcome: Outcome::Fault, error: Some("out of steps".into()), ..failed };
    for config in [&config(), &talkative] {
        let record = json(config, &fault);
        assert_eq!((record.get("error"), &record["fault"]), (None, &"out of steps".into()));
        assert_eq!((&record["Error"], &record["Fault"]), (&0.into(), &1.into()));
    }
}

#[test]
fn only_configured_targets_become_metric_dimensions() {
    for (target, dimension) in [
        (Some("kubernetes"), "kubernetes"),
        (Some("Kubernetes"), "other"),
        (Some("made-up-91"), "other"),
        (None, "other"),
    ] {
        let record = json(&config(), &Record { target: target.map(Cow::Borrowed), ..entry() });
        assert_eq!(record["Target"], dimension);
        assert_eq!(record.get("target").and_then(Json::as_str), target);
    }
}

#[test]
fn every_text_makes_valid_json_and_reads_back() {
    let odd = "quote \" backslash \\ line\nbreak \r \t nul \0 delete \u{7f} c1 \u{9b} é 😀 \u{2028} \u{202e} \u{e0041} \u{fffd}";
    let entry =
        Record { reason: Some(odd.into()), user: Some(odd.into()), tool: Some(odd.into()), ..entry() };
    let bytes = line(&config(), &entry);
    let text = String::from_utf8(bytes).unwrap();
    assert!(!text.chars().any(|c| c.is_control() || is_unseen(c)));
    assert!(text.contains("\\udb40\\udc41"));
    let json: Json = serde_json::from_str(&text).unwrap();
    for name in ["reason", "user", "tool"] {
        assert_eq!(json[name], odd);
    }
}

#[test]
fn long_texts_are_cut_at_a_character_and_marked() {
    for unit in ["x", "é", "😀", "\0", "\"", "\u{e0041}", "a😀"] {
        let long = unit.repeat(100_000);
        let invocation = Invocation {
            request_id: &long,
            seconds: i64::MAX,
            nanos: u32::MAX,
            micros: u64::MAX,
            event: b"{}",
        };
        let entry = Record {
            decision_id: Some(Cow::Borrowed(&long)),
            method: Some(Cow::Borrowed(&long)),
            target: Some(Cow::Borrowed(&long)),
            tool: Some(Cow::Borrowed(&long)),
            user: Some(Cow::Borrowed(&long)),
            client: Some(Cow::Borrowed(&long)),
            policy: Some(Cow::Borrowed(&long)),
            rule: Some(Cow::Borrowed(&long)),
            reason: Some(Cow::Borrowed(&long)),
            refusal: Some(Cow::Borrowed(&long)),
            error: Some(Cow::Borrowed(&long)),
            ..entry()
        };
        let config = AuditConfig {
            digest_key: Some(vec![7; 1000]),
            digest_key_arn: None,
            reasons: true,
            error_texts: true,
            metric_targets: vec![long.clone()],
            metric_namespace: long.clone(),
        };
        let mut out = Vec::new();
        Audit::new(&config, &long).write(&mut out, &entry, &invocation);
        assert!(out.len() <= MAX_LINE, "{unit:?}: {}", out.len());
        let json: Json = serde_json::from_slice(&out).unwrap();
        for (name, bound) in [("tool", bound::TOOL), ("reason", bound::REASON), ("error", bound::ERROR)] {
            let text = json[name].as_str().unwrap();
            let kept = text.strip_suffix(CUT).unwrap();
            assert!(long.starts_with(kept) && kept.len() <= bound, "{name} {unit:?}");
            assert!(kept.len() >= bound / 8, "{name} {unit:?} kept {}", kept.len());
        }
    }
    // What just fits is not cut.
    let fits = "y".repeat(bound::TOOL);
    assert_eq!(json(&config(), &Record { tool: Some(Cow::Borrowed(&fits)), ..entry() })["tool"], fits);
}

#[test]
fn a_second_line_needs_no_more_memory() {
    let audit = Audit::new(&AuditConfig { digest_key: Some(b"key".to_vec()), ..config() }, SET);
    let mut out = Vec::with_capacity(MAX_LINE + 1);
    let before = (out.as_ptr(), out.capacity());
    for _ in 0..3 {
        audit.write(&mut out, &entry(), &NOW);
    }
    assert_eq!((out.as_ptr(), out.capacity()), before);
}

#[test]
fn times_before_the_epoch_and_leap_days_are_dates() {
    for (seconds, nanos, text) in [
        (0, 0, "1970-01-01T00:00:00.000Z"),
        (-1, 999_000_000, "1969-12-31T23:59:59.999Z"),
        (1_709_164_800, 1_000_000, "2024-02-29T00:00:00.001Z"),
    ] {
        let mut out = Vec::new();
        time(&mut out, seconds, nanos);
        assert_eq!(String::from_utf8(out).unwrap(), text);
    }
}

#[test]
fn a_record_names_the_exceptions_for_which_policies_did_not_judge_but_not_without_end() {
    let long = "x".repeat(1_000);
    let exemptions: Vec<(Cow<'_, str>, Cow<'_, str>)> =
        (0..20).map(|_| (Cow::Borrowed("policy"), Cow::Borrowed(long.as_str()))).collect();
    let record = Record { exemptions, ..entry() };
    let names = json(&config(), &record)["exceptions"].clone();
    assert_eq!(names.as_array().unwrap().len(), MAX_EXEMPTIONS);
    let record = Record { exemptions: vec![("p".into(), "e".into()), ("q".into(), "f".into())], ..entry() };
    assert_eq!(json(&config(), &record)["exceptions"], serde_json::json!(["e", "f"]));
    assert!(json(&config(), &entry()).get("exceptions").is_none());
}

#[test]
fn what_was_answered_outside_of_the_call_is_a_keyed_digest() {
    let answers =
        |digest: &str| vec![("http".into(), "GET https://a.example/?secret".into(), digest.to_owned()); 9];
    let keyed = AuditConfig { digest_key: Some(b"0123456789abcdef".to_vec()), ..config() };
    let digests = |digest| json(&keyed, &Record { answers: answers(digest), ..entry() })["answers"].clone();
    let one = digests("sha256:1");
    assert_eq!(one.as_array().unwrap().len(), MAX_ANSWERS);
    assert!(one[0].as_str().unwrap().starts_with("http hmac-sha256:") && !one.to_string().contains("secret"));
    assert_ne!(one, digests("sha256:2"));
    // Whoever guesses an answer must not see from a digest that it is the one.
    let mut plain = Record { answers: answers("sha256:1"), ..entry() };
    plain.answers.insert(1, ("keySets".into(), "https://a.example/".into(), "sha256:2".to_owned()));
    let plain = json(&config(), &plain);
    assert!(plain.get("answers").is_none());
    // That there were answers is told without any.
    assert_eq!(plain["asked"], serde_json::json!({"http": 9, "keySets": 1}));
    assert!(json(&config(), &entry()).get("asked").is_none());
}

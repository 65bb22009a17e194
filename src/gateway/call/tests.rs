use super::*;
use crate::budget::Budget;
use crate::gateway::attributes::Deployment;
use crate::gateway::environment::EnvironmentOf;
use crate::gateway::headers::{Attribute, CallReads, attribute_value, call_value};
use crate::gateway::judging::Judging;
use crate::gateway::wire::{Event, event};
use crate::value::Value;

fn rules() -> Rules {
    Rules::new(&Judging::default()).unwrap()
}

/// What becomes of an event with this message as body.
fn judged<T>(body: &str, then: impl FnOnce(Sorted<'_>) -> T) -> T {
    let text = format!(
        r#"{{"interceptorInputVersion":"1.0","mcp":{{"gatewayRequest":{{"path":"/mcp","httpMethod":"POST","headers":{{}},"body":{body},"context":null}},"gatewayResponse":null}}}}"#
    );
    of_event(&text, then)
}

fn of_event<T>(text: &str, then: impl FnOnce(Sorted<'_>) -> T) -> T {
    let arena = Bump::new();
    let text: &str = arena.alloc_str(text);
    match event(text.as_bytes(), &arena, &mut Budget::default()) {
        Event::Request(request) => then(sort(request, &rules(), &arena)),
        Event::Response(_) | Event::HttpResponse(_) | Event::Fault(_) => panic!("{text}"),
        Event::Other(_, refusal) => then(Sorted::Refuse(refusal, Id::Null)),
    }
}

/// The sorted in short: `pass`, `ask`, or the refusal's name with the id that the answer has.
fn short(sorted: Sorted<'_>) -> String {
    match sorted {
        Sorted::Pass(_) => "pass".to_owned(),
        Sorted::Ask(_) => "ask".to_owned(),
        Sorted::Refuse(refusal, Id::Raw(id)) => format!("{} {id}", refusal.name()),
        Sorted::Refuse(refusal, Id::Null) => format!("{} null", refusal.name()),
        Sorted::Refuse(refusal, Id::Absent) => format!("{} -", refusal.name()),
    }
}

#[test]
fn messages_are_passed_asked_about_or_refused() {
    let deep = |depth: usize| {
        let inside = depth - 3;
        format!(
            r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":"a","arguments":{{"x":{}{}}}}}}}"#,
            "[".repeat(inside),
            "]".repeat(inside)
        )
    };
    for (body, expected) in [
        // Lifecycle, listings, notifications, answers.
        (
            r#"{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-06-18"}}"#,
            "pass",
        ),
        (r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#, "pass"),
        (r#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}}"#, "pass"),
        (r#"{"jsonrpc":"2.0","id":"a","method":"ping"}"#, "pass"),
        (r#"{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{"cursor":"c"}}"#, "pass"),
        (r#"{"jsonrpc":"2.0","id":1,"method":"server/discover","params":{"_meta":{}}}"#, "pass"),
        (r#"{"jsonrpc":"2.0","id":1,"result":{}}"#, "pass"),
        (r#"{"jsonrpc":"2.0","id":1,"error":{"code":1,"message":"m"}}"#, "pass"),
        // Judged.
        (r#"{"jsonrpc":"2.0","id":1,"method":"foo/bar"}"#, "ask"),
        (r#"{"jsonrpc":"2.0","method":"foo/bar"}"#, "ask"),
        (r#"{"jsonrpc":"2.0","id":1,"method":"notifications/initialized"}"#, "ask"),
        (r#"{"jsonrpc":"2.0","id":1,"method":"tools/list/x"}"#, "ask"),
        (r#"{"jsonrpc":"2.0","id":1,"method":"resources/read","params":{"uri":"u"}}"#, "ask"),
        (r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"t___x"}}"#, "ask"),
        (r#"{"jsonrpc":"2.0","id":null,"method":"tools/call","params":{"name":"t___x"}}"#, "ask"),
        (
            r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"x_amz_bedrock_agentcore_search"}}"#,
            "ask",
        ),
        // Refused.
        ("[]", "batch null"),
        (r#"[{"jsonrpc":"2.0","id":1,"method":"ping"}]"#, "batch null"),
        ("null", "no-message null"),
        ("\"x\"", "no-message null"),
        ("5", "no-message null"),
        (r#"{"jsonrpc":"2.0","id":3,"method":"ping","method":"tools/call"}"#, "duplicate-member 3"),
        (r#"{"jsonrpc":"2.0","id":3,"id":4,"method":"ping"}"#, "duplicate-member null"),
        (
            r#"{"jsonrpc":"2.0","id":3,"method":"ping","params":{"_meta":{"a":[{"b":1,"b":1}]}}}"#,
            "duplicate-member 3",
        ),
        (r#"{"jsonrpc":"2.0","id":3,"method":"x","params":{"a":"\ud800"}}"#, "lone-surrogate 3"),
        (r#"{"jsonrpc":"2.0","id":3,"method":"x","params":{"a":1e999}}"#, "number-range 3"),
        (r#"{"jsonrpc":"2.0","id":"\ud800","method":"x"}"#, "lone-surrogate null"),
        (
            r#"{"jsonrpc":"2.0","id":"\ud83d\ude00","method":"x","params":{"a":1e999}}"#,
            r#"number-range "\ud83d\ude00""#,
        ),
        (r#"{"jsonrpc":"2.0","id":-1e400,"method":"x"}"#, "number-range null"),
        (r#"{"jsonrpc":"2.0","id":3,"method":"ping","paramſ":{}}"#, "folded-name 3"),
        (r#"{"jsonrpc":"2.0","id":3,"method\u0000":"tools/call","method":"ping"}"#, "folded-name 3"),
        (
            r#"{"jsonrpc":"2.0","id":3,"method":"tools/call","params":{"Name\u0000x":"a","name":"a"}}"#,
            "folded-name 3",
        ),
        (r#"{"jsonrpc":"2.0","id":3,"method":"ping","\u0000method":1}"#, "pass"),
        (r#"{"jsonrpc":"2.0","ID":3,"method":"ping"}"#, "folded-name -"),
        (r#"{"jsonrpc":"2.0","id":3,"Method":"ping","method":"ping"}"#, "folded-name 3"),
        (
            r#"{"jsonrpc":"2.0","id":3,"method":"tools/call","params":{"name":"a","NAME":"b"}}"#,
            "folded-name 3",
        ),
        (
            r#"{"jsonrpc":"2.0","id":3,"method":"tools/call","params":{"name":"a","tas\u212a":{}}}"#,
            "folded-name 3",
        ),
        (
            r#"{"jsonrpc":"2.0","id":3,"method":"tools/call","params":{"name":"a","arguments":{"NAME":1}}}"#,
            "ask",
        ),
        (r#"{"jsonrpc":"1.0","id":3,"method":"ping"}"#, "jsonrpc-version 3"),
        (r#"{"jsonrpc":2.0,"id":3,"method":"ping"}"#, "jsonrpc-version 3"),
        (r#"{"id":3,"method":"ping"}"#, "jsonrpc-version 3"),
        (r#"{"jsonrpc":"2.0","id":3,"method":"ping","result":{}}"#, "shape 3"),
        (r#"{"jsonrpc":"2.0","id":3,"method":"ping","error":null}"#, "shape 3"),
        (r#"{"jsonrpc":"2.0","id":3,"result":1,"error":1}"#, "shape -"),
        (r#"{"jsonrpc":"2.0","id":3}"#, "shape 3"),
        ("{}", "jsonrpc-version -"),
        (r#"{"jsonrpc":"2.0","id":3,"method":5}"#, "method 3"),
        (r#"{"jsonrpc":"2.0","id":3,"method":"Tools/Call","params":{"name":5}}"#, "method-spelling 3"),
        (r#"{"jsonrpc":"2.0","id":3,"method":"tools/call ","params":{}}"#, "method-spelling 3"),
        (r#"{"jsonrpc":"2.0","method":"notifications//initialized"}"#, "method-spelling -"),
        (r#"{"jsonrpc":"2.0","id":3,"method":null}"#, "method 3"),
        (r#"{"jsonrpc":"2.0","id":true,"method":"ping"}"#, "id null"),
        (r#"{"jsonrpc":"2.0","id":[1],"method":"tools/call","params":{"name":"a"}}"#, "id null"),
        (r#"{"jsonrpc":"2.0","id":3,"method":"ping","params":null}"#, "params 3"),
        (r#"{"jsonrpc":"2.0","id":3,"method":"tools/call","params":[1]}"#, "params 3"),
        (
            r#"{"jsonrpc":"2.0","id":3,"method":"tools/call","params":{"name":"a","arguments":null}}"#,
            "arguments 3",
        ),
        (
            r#"{"jsonrpc":"2.0","id":3,"method":"prompts/get","params":{"name":"a","arguments":[]}}"#,
            "arguments 3",
        ),
        (r#"{"jsonrpc":"2.0","method":"tools/call","params":{"name":"a"}}"#, "call-without-id -"),
        (r#"{"jsonrpc":"2.0","id":"é\n","method":"tools/call"}"#, r#"tool-name "é\n""#),
        (r#"{"jsonrpc":"2.0","id":-1.50e2,"method":"tools/call","params":{"name":5}}"#, "tool-name -1.50e2"),
        (&deep(128), "ask"),
        (&deep(129), "nesting 1"),
        (&deep(5_000), "nesting 1"),
    ] {
        assert_eq!(judged(body, short), expected, "{body}");
    }
}

#[test]
fn the_event_around_the_message_must_be_sound() {
    let body = r#""body":{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"a"}}"#;
    let version = r#""interceptorInputVersion":"1.0""#;
    for (text, expected) in [
        (format!(r#"{{{version},"mcp":{{"gatewayRequest":{{{body}}}}}}}"#), "ask"),
        (
            format!(
                r#"{{{version},"zz":1,"mcp":{{"rawGatewayRequest":{{}},"gatewayRequest":{{{body},"context":{{}}}}}}}}"#
            ),
            "ask",
        ),
        (format!(r#"{{"interceptorInputVersion":"1.12","mcp":{{"gatewayRequest":{{{body}}}}}}}"#), "ask"),
        (
            format!(r#"{{"interceptorInputVersion":"2.0","mcp":{{"gatewayRequest":{{{body}}}}}}}"#),
            "version 1",
        ),
        (format!(r#"{{"interceptorInputVersion":1.0,"mcp":{{"gatewayRequest":{{{body}}}}}}}"#), "version 1"),
        (format!(r#"{{"mcp":{{"gatewayRequest":{{{body}}}}}}}"#), "version 1"),
        (format!(r#"{{{version},"mcp":{{"gatewayRequest":{{{body},{body}}}}}}}"#), "duplicate-member 1"),
        (
            format!(r#"{{{version},"mcp":{{"gatewayRequest":{{{body},"headers":{{"a":"1","a":"1"}}}}}}}}"#),
            "duplicate-member 1",
        ),
        (format!(r#"{{{version},"mcp":{{"gatewayRequest":{{{body},"path":"mcp"}}}}}}"#), "target 1"),
        (format!(r#"{{{version},"mcp":{{"gatewayRequest":{{{body},"path":5}}}}}}"#), "target 1"),
        (format!(r#"{{{version},"mcp":{{"gatewayRequest":{{{body},"httpMethod":"A B"}}}}}}"#), "target 1"),
        (
            format!(r#"{{{version},"mcp":{{"gatewayRequest":{{"path":"/mcp","httpMethod":"GET"}}}}}}"#),
            "no-message null",
        ),
    ] {
        assert_eq!(of_event(&text, short), expected, "{text}");
    }
}

#[test]
fn an_id_that_is_too_long_is_not_echoed() {
    let id = "1".repeat(MAX_ID + 1);
    let body = format!(r#"{{"jsonrpc":"2.0","id":"{id}","method":"ping"}}"#);
    assert_eq!(judged(&body, short), "id null");
}

#[test]
fn tool_names_split_at_the_first_separator() {
    for (name, expected) in [
        ("a___b", Ok((Some("a"), "b"))),
        ("a___b___c", Ok((Some("a"), "b___c"))),
        ("a____b", Ok((Some("a"), "_b"))),
        ("a__b", Ok((None, "a__b"))),
        ("lookup", Ok((None, "lookup"))),
        ("a.b/c-d", Ok((None, "a.b/c-d"))),
        ("___b", Err(Refusal::ToolName)),
        ("a___", Err(Refusal::ToolName)),
        ("___", Err(Refusal::ToolName)),
        ("", Err(Refusal::ToolName)),
        ("a b", Err(Refusal::ToolName)),
        ("delete\u{200b}", Err(Refusal::ToolName)),
        ("d\u{435}lete", Err(Refusal::ToolName)),
        ("a:b", Err(Refusal::ToolName)),
    ] {
        assert_eq!(split(name).map(|call| (call.target, call.tool)), expected, "{name}");
    }
    assert!(split(&"a".repeat(MAX_TOOL_NAME)).is_ok());
    assert!(split(&"a".repeat(MAX_TOOL_NAME + 1)).is_err());
}

fn attribute(body: &str, attribute: Attribute, settings: Deployment<'static>) -> Option<String> {
    judged(body, |sorted| {
        let Sorted::Ask(call) = sorted else { panic!("{body}") };
        let arena = Bump::new();
        // The call lives in its own arena; a second one would need the same lifetime.
        let found =
            attribute_value(call, attribute, &settings, Box::leak(Box::new(arena)), &mut Budget::default());
        found
            .unwrap()
            .map(|value| if let Value::String(text) = value { text.to_owned() } else { format!("{value:?}") })
    })
}

#[test]
fn attributes_are_those_of_the_design() {
    let call = |name: &str, arguments: &str| {
        format!(
            r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":"{name}","arguments":{arguments}}}}}"#
        )
    };
    let open = Deployment::default();
    let fixed = Deployment { environment: EnvironmentOf::Deployment(Some("prod")), ..open };
    let unknown = Deployment { environment: EnvironmentOf::Deployment(None), ..open };
    for (body, which, settings, expected) in [
        (call("k8s___deletePod", "{}"), Attribute::Target, open, Some("k8s")),
        (call("k8s___deletePod", "{}"), Attribute::Tool, open, Some("deletePod")),
        (call("k8s___deletePod", "{}"), Attribute::Operation, open, Some("delete")),
        (call("lookup", "{}"), Attribute::Target, open, None),
        (call("a", r#"{"environment":"dev"}"#), Attribute::Environment, fixed, Some(r#"List([String("prod")])"#)),
        (call("a", r#"{"environment":"dev"}"#), Attribute::Environment, unknown, None),
        (call("a", r#"{"query":"select 1"}"#), Attribute::Query, open, Some("select 1")),
        (call("a", r#"{"query":"a\r\nb\n\nc\td"}"#), Attribute::Query, open, Some("a b  c d")),
        (call("a", r#"{"query":["x"]}"#), Attribute::Query, open, None),
        (
            r#"{"jsonrpc":"2.0","id":1,"method":"resources/read","params":{"uri":"file:///a","arguments":{"env":"x"}}}"#.into(),
            Attribute::Uri,
            open,
            Some("file:///a"),
        ),
        (
            r#"{"jsonrpc":"2.0","id":1,"method":"resources/read","params":{"uri":"u","arguments":{"env":"x"}}}"#.into(),
            Attribute::Environment,
            fixed,
            None,
        ),
        (r#"{"jsonrpc":"2.0","id":1,"method":"prompts/get","params":{"name":"p"}}"#.into(), Attribute::Prompt, open, Some("p")),
        (call("a", "{}"), Attribute::Method, open, Some("tools/call")),
        (call("a", "{}"), Attribute::Path, open, Some("/mcp")),
        (call("a", "{}"), Attribute::User, open, None),
    ] {
        assert_eq!(attribute(&body, which, settings).as_deref(), expected, "{which:?} {body}");
    }
}

#[test]
fn the_caller_s_environment_is_every_one_that_an_argument_names() {
    let many: Vec<String> = (0..2_000).map(|n| format!("\"E{}\"", n % 1_000)).collect();
    let many = format!(r#"{{"env":[{}]}}"#, many.join(","));
    let thousand: Vec<String> = (0..1_000).map(|n| format!("e{n}")).collect();
    let thousand: Vec<&str> = thousand.iter().map(String::as_str).collect();
    for (arguments, expected) in [
        ("{}", &[][..]),
        (r#"{"environment":" Production "}"#, &["production"]),
        (r#"{"environment":"\u00a0PRODUCTION\u3000\n"}"#, &["production"]),
        (r#"{"environment":["production"],"env":"staging"}"#, &["production", "staging"]),
        (r#"{"environment":"staging","env":"production"}"#, &["staging", "production"]),
        (r#"{"env":"production","environment":"staging"}"#, &["production", "staging"]),
        (r#"{"Environment":"production"}"#, &["production"]),
        (r#"{"ENV":"a","eNv":"B","env":"c","EnViRoNmEnT":"d"}"#, &["a", "b", "c", "d"]),
        (r#"{"environment":null,"env":"staging"}"#, &["staging"]),
        (r#"{"environment":"","env":"staging"}"#, &["", "staging"]),
        (r#"{"environment":" \t"}"#, &[""]),
        (r#"{"environment":["A","b ",["c"],{"d":"e"},null,5,true,"B","a"]}"#, &["a", "b"]),
        (r#"{"environment":[["production"]]}"#, &[]),
        (r#"{"environment":{"name":"production"}}"#, &[]),
        (r#"{"environment":1E3,"env":true,"ENV":false,"Env":-0.50}"#, &["1e3", "true", "false", "-0.50"]),
        (r#"{"env":"Dev","environment":"dev","ENVIRONMENT":["DEV"]}"#, &["dev"]),
        (r#"{"environments":"a","envi":"b","en":"c","env ":"d","x":{"env":"e"}}"#, &[]),
        (r#"{"environment":"ÄRZTE İ Σ"}"#, &["ärzte i\u{307} σ"]),
        (&many, &thousand),
    ] {
        let body = format!(
            r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":"a","arguments":{arguments}}}}}"#
        );
        let texts = expected.iter().map(|text| Value::String(text)).collect::<Vec<_>>();
        let expected = (!texts.is_empty()).then(|| format!("{:?}", Value::List(texts.leak())));
        assert_eq!(attribute(&body, Attribute::Environment, Deployment::default()), expected, "{arguments}");
    }
}

#[test]
fn a_mapping_s_call_has_what_is_read_and_nothing_else() {
    let text = r#"{"interceptorInputVersion":"1.0","mcp":{"gatewayRequest":{
        "headers":{"X-Dept":"a","Accept":"b","n":5},
        "body":{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"t___x","arguments":{"k":[1]}}}}}}"#;
    let arena = Bump::new();
    let mut budget = Budget::default();
    let Event::Request(request) = event(text.as_bytes(), &arena, &mut budget) else { panic!() };
    let Sorted::Ask(call) = sort(request, &rules(), &arena) else { panic!() };
    let reads = CallReads::default().with(Attribute::Headers).with(Attribute::Arguments);
    let Ok(Value::Object(object)) = call_value(call, reads, &Deployment::default(), &arena, &mut budget)
    else {
        panic!()
    };
    let set: Vec<_> =
        (0..object.fields.len()).filter(|index| object.is_set(*index)).filter_map(Attribute::at).collect();
    assert_eq!(set, [Attribute::Arguments, Attribute::Headers]);
    let Some(Value::Map(headers)) = object.fields[Attribute::Headers as usize] else { panic!() };
    assert_eq!(headers.len(), 2);
    assert!(matches!(headers.get_str("x-dept"), Some(Value::String("a"))));
}

#[test]
fn damaged_events_never_pass_unread() {
    // A bit of everything that is wrong, at every place of an event: some sorted, and never a panic.
    let text = br#"{"interceptorInputVersion":"1.0","mcp":{"gatewayRequest":{"path":"/mcp","body":{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"a___b"}}}}}"#;
    for at in 0..text.len() {
        for byte in [b'"', b'{', b'}', b'\\', b',', 0, 0xff, b'A'] {
            let mut damaged = text.to_vec();
            damaged[at] = byte;
            let arena = Bump::new();
            let damaged: &[u8] = arena.alloc_slice_copy(&damaged);
            if let Event::Request(request) = event(damaged, &arena, &mut Budget::default()) {
                let sorted = sort(request, &rules(), &arena);
                assert!(!matches!(sorted, Sorted::Pass(_)), "{}", String::from_utf8_lossy(damaged));
            }
        }
    }
}

use super::*;
use crate::error::Raise;
use crate::types::Signature;

/// A value as text: objects with their set fields, in the order of the type.
fn show(value: &Value<'_>) -> String {
    let entry = |(k, v): &(Value<'_>, Value<'_>)| format!("{}:{}", show(k), show(v));
    match value {
        Value::List(list) => format!("[{}]", list.iter().map(show).collect::<Vec<_>>().join(",")),
        Value::Map(map) => format!("{{{}}}", map.entries().iter().map(entry).collect::<Vec<_>>().join(",")),
        Value::String(s) => (*s).to_owned(),
        Value::Double(d) => format!("{d:?}"),
        Value::Int(i) => i.to_string(),
        Value::Bool(b) => b.to_string(),
        Value::Null => "null".to_owned(),
        Value::Object(object) => {
            let fields = object.fields.iter().zip(&object.ty.fields).filter_map(|(value, field)| {
                value
                    .as_ref()
                    .filter(|v| !matches!(v, Value::String("")))
                    .map(|v| format!("{}={}", field.go_name, show(v)))
            });
            format!("({})", fields.collect::<Vec<_>>().join(" "))
        }
        other => panic!("{other:?}"),
    }
}

fn read(text: &str) -> String {
    let arena = Bump::new();
    let mut runtime = Runtime::new(&arena, Budget::default());
    let text: &str = arena.alloc_str(text);
    match parse_text(&mut runtime, &[Value::Opaque("mcp.MCP"), Value::String(text)]) {
        Ok(value) => show(&value),
        Err(Raise::Error(error)) => error.to_string(),
        Err(Raise::Fault(fault)) => fault.to_string(),
    }
}

fn body(bytes: &[u8]) -> String {
    let arena = Bump::new();
    let bytes: &[u8] = arena.alloc_slice_copy(bytes);
    let mut budget = Budget::default();
    let checked = go::syntax(bytes, &arena, &mut budget);
    parse_body(checked, &arena, &mut budget).map_or_else(|fault| fault.to_string(), |value| show(&value))
}

#[test]
fn signatures_read() {
    for row in LIBRARY.rows {
        Signature::parse(row.signature, &crate::library::table_type).unwrap();
    }
}

#[test]
fn requests_parse_as_in_kyverno() {
    for (text, expected) in [
        ("null", "()"),
        ("{}", "()"),
        (r#"{"method":"ping","params":[1]}"#, "(Method=ping)"),
        (r#"{"method":"tools/call"}"#, "(Method=tools/call ToolCall=())"),
        (r#"{"method":"tools/call","params":null}"#, "(Method=tools/call ToolCall=())"),
        (
            r#"{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"t","arguments":{"a":[1,"x"]}}}"#,
            "(Method=tools/call ID=(=7) ToolCall=(Name=t Arguments={a:[1.0,x]}))",
        ),
        (
            r#"{"method":"tools/call","params":{"name":"safe","NAME":"rm"},"Params":{"task":{"tTl":5}}}"#,
            "(Method=tools/call ToolCall=(Name=rm Task=(TTL=5)))",
        ),
        (r#"{"method":"tools/call","paramſ":{"tas\u212a":{}}}"#, "(Method=tools/call ToolCall=(Task=()))"),
        (
            r#"{"method":"tools/call","params":{"name":"a","arguments":{"x":1}},"params":{"arguments":null}}"#,
            "(Method=tools/call ToolCall=(Name=a))",
        ),
        (
            r#"{"method":"tools/call","params":{"_meta":{"progressToken":1,"b":2}}}"#,
            "(Method=tools/call ToolCall=(Meta=(ProgressToken=1.0 AdditionalFields={b:2.0})))",
        ),
        (
            r#"{"method":"prompts/get","params":{"name":"u","arguments":{"a":"5","b":null}}}"#,
            "(Method=prompts/get PromptGet=(Name=u Arguments={a:5,b:}))",
        ),
        (
            r#"{"method":"resources/list","params":{"cursor":"c"}}"#,
            "(Method=resources/list Paginated=(Cursor=c))",
        ),
        (
            r#"{"method":"initialize","params":{"capabilities":{"roots":{},"sampling":null,"tasks":{"list":{}}},"clientInfo":{"name":"n","icons":[{"src":"s","sizes":["1"]}]}}}"#,
            "(Method=initialize Initialize=(Capabilities=(Roots=() Tasks=(List=())) ClientInfo=(Name=n Icons=[(Src=s Sizes=[1])])))",
        ),
        // A list is decoded into what the one before it left.
        (
            r#"{"method":"initialize","params":{"clientInfo":{"icons":[{"src":"a"},{"src":"b"}],"icons":[{"mimeType":"m"}]}}}"#,
            "(Method=initialize Initialize=(ClientInfo=(Icons=[(Src=a MIMEType=m)])))",
        ),
        (r#"{"method":"resources/subscribe","params":{"uri":5}}"#, "(Method=resources/subscribe)"),
        (r#"{"id":"a","method":"x"}"#, "(Method=x ID=(=a))"),
        (r#"{"id":1.5,"method":"x"}"#, "(Method=x ID=(=1.5))"),
        (r#"{"id":1e3,"id":null,"method":"x"}"#, "(Method=x)"),
    ] {
        assert_eq!(read(text), expected, "{text}");
    }
}

#[test]
fn errors_are_those_of_kyverno() {
    // Recorded from Kyverno's own parser; see also the goldens.
    for (text, expected) in include!("recorded.rs") {
        assert_eq!(read(text), expected, "{text}");
    }
}

#[test]
fn a_body_that_does_not_parse_keeps_at_most_its_method() {
    let kept = "(Method=tools/call)";
    for (text, expected) in [
        (&br#"{"method":"tools/call","params":{"name":"rm"}}"#[..], "(Method=tools/call ToolCall=(Name=rm))"),
        (br#"{"method":"tools/call","params":[1]}"#, kept),
        (br#"{"method":"tools/call","params":{"_meta":5}}"#, kept),
        (br#"{"method":"tools/call","params":{"zz":1e999}}"#, kept),
        (br#"{"method":"tools/call","zz":1e999,"id":4}"#, "(Method=tools/call ID=(=4) ToolCall=())"),
        (br#"{"method":"tools/call","id":true,"params":{"name":"rm"}}"#, kept),
        (br#"{"method":"tools/call","jsonrpc":2}"#, kept),
        (br#"{"method":5,"method":"tools/call"}"#, "()"),
        (br#"{"method":null,"id":1}"#, "(ID=(=1))"),
        (br#"[{"method":"tools/call"}]"#, "()"),
        (br#"{"method":"tools/call"}{}"#, "()"),
        (b"\xef\xbb\xbf{\"method\":\"ping\"}", "()"),
        (b"", "()"),
        (b"{\"method\":\"a\xff\"}", "(Method=a\u{fffd})"),
        (b"5", "()"),
    ] {
        assert_eq!(body(text), expected, "{}", String::from_utf8_lossy(text));
    }
    let deep = format!("{{\"method\":\"m\",\"params\":{}", "[".repeat(10_001));
    assert_eq!(body(deep.as_bytes()), "()");
}

#[test]
fn getters_coerce_as_in_kyverno() {
    let arena = Bump::new();
    let mut runtime = Runtime::new(&arena, Budget::default());
    let text = r#"{"method":"tools/call","params":{"arguments":{
        "l":[1,"2",2.7,true,null,"x"],"s":"str","n":1.9,"ns":"1.9","i":"+7","sp":" 7","hex":"0x10","u":"1_000",
        "e":"1e3","big":1e300,"max":9223372036854775807,"t":"T","yes":"yes","z":0,"b":true,"nul":null,"o":{},"empty":[]}}}"#;
    let request = parse_text(&mut runtime, &[Value::Opaque("mcp.MCP"), Value::String(text)]).unwrap();
    let mut get =
        |function: crate::library::table::Body, key: &'static str, default: Value<'static>| match function(
            &mut runtime,
            &[request, Value::String(key), default],
        ) {
            Ok(value) => show(&value),
            Err(Raise::Error(error)) => error.to_string(),
            Err(Raise::Fault(fault)) => fault.to_string(),
        };
    for (key, expected) in [("s", "str"), ("n", "d"), ("nul", "d"), ("none", "d"), ("o", "d")] {
        assert_eq!(get(getters::string, key, Value::String("d")), expected, "{key}");
    }
    for (key, expected) in [
        ("n", "1"),
        ("ns", "-1"),
        ("i", "7"),
        ("sp", "-1"),
        ("hex", "-1"),
        ("u", "-1"),
        ("e", "-1"),
        ("big", "-9223372036854775808"),
        ("max", "-9223372036854775808"),
        ("b", "-1"),
        ("l", "-1"),
    ] {
        assert_eq!(get(getters::int, key, Value::Int(-1)), expected, "{key}");
    }
    for (key, expected) in
        [("n", "1.9"), ("ns", "1.9"), ("u", "1000.0"), ("e", "1000.0"), ("sp", "0.5"), ("b", "0.5")]
    {
        assert_eq!(get(getters::double, key, Value::Double(0.5)), expected, "{key}");
    }
    for (key, expected) in [("b", "true"), ("t", "true"), ("yes", "true"), ("z", "false"), ("n", "true")] {
        assert_eq!(get(getters::bool, key, Value::Bool(true)), expected, "{key}");
    }
    assert_eq!(get(getters::strings, "l", Value::List(&[])), "[2,x]");
    assert_eq!(get(getters::ints, "l", Value::List(&[])), "[1,2,2]");
    assert_eq!(get(getters::doubles, "l", Value::List(&[])), "[1.0,2.0,2.7]");
    assert_eq!(get(getters::bools, "l", Value::List(&[])), "[true,true,true]");
    assert_eq!(get(getters::ints, "empty", Value::List(&[Value::Int(1)])), "[]");
    assert_eq!(get(getters::ints, "s", Value::List(&[Value::Int(1)])), "[1]");
    // cel-go narrows an `int` default to 32 bits, and converts the default before anything else.
    assert_eq!(get(getters::int, "n", Value::Int(3_000_000_000)), "integer overflow");
    assert_eq!(
        get(getters::ints, "l", Value::List(&[Value::String("x")])),
        "unsupported native conversion from string to 'int'"
    );
}

#[test]
fn getters_look_into_resources_and_prompts() {
    let arena = Bump::new();
    let mut runtime = Runtime::new(&arena, Budget::default());
    for (text, expected) in [
        (r#"{"method":"resources/read","params":{"arguments":{"a":"q"}}}"#, "q"),
        (r#"{"method":"prompts/get","params":{"arguments":{"a":"5"}}}"#, "5"),
        (r#"{"method":"tools/call","params":{"arguments":["a"]}}"#, "d"),
        (r#"{"method":"ping","params":{"arguments":{"a":"q"}}}"#, "d"),
    ] {
        let request = parse_text(&mut runtime, &[Value::Opaque("mcp.MCP"), Value::String(text)]).unwrap();
        let value =
            getters::string(&mut runtime, &[request, Value::String("a"), Value::String("d")]).unwrap();
        assert_eq!(show(&value), expected, "{text}");
    }
}

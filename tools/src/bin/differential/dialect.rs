//! What is particular to an environment: where policies of its mode look, constants for its functions, and inputs.

use serde_json::{Map, Value as Json, json};
use toolgate::internal::policy::model::Mode;
use toolgate::internal::types::Type;

use super::bodies;
use super::cases::set;
use super::constants as c;
use super::node::Node;
use super::rng::Rng;

/// Values of mode HTTP whose type is known only at run time.
const HTTP_DYNAMIC: &[&str] = &[
    "json.Unmarshal(string(object.attributes.body))",
    "json.Unmarshal(string(object.attributes.body)).params",
    "json.Unmarshal(string(object.attributes.body)).params.arguments",
    "json.Unmarshal(string(object.attributes.body)).params.arguments.a",
    "json.Unmarshal(string(object.attributes.body)).id",
    "dyn(object.mcp.request.ToolCall).Arguments",
    "dyn(object.mcp.request.ToolCall).Arguments.count",
    "dyn(object.mcp.request.ToolCall).Arguments.tags",
    "dyn(object.mcp.request.ToolCall).Meta",
    "dyn(object.mcp.request.ResourceRead).Arguments",
    "dyn(object).Attributes.Header",
    "dyn(object).Mcp.Request",
    "dyn(object.attributes)",
    "dyn(object.mcp.request).ID",
    "dyn(object.mcp.request.Initialize).Capabilities",
    "dyn(object.mcp.request.Initialize).Capabilities.Experimental",
    "dyn(object.mcp.request.Elicitation).RequestedSchema",
];

const ENVOY_DYNAMIC: &[&str] = &[
    "json.Unmarshal(object.attributes.request.http.body)",
    "json.Unmarshal(object.attributes.request.http.body).params",
    "json.Unmarshal(object.attributes.request.http.body).params.arguments.a",
    "json.Unmarshal(object.attributes.request.http.body).id",
    "dyn(mcp.Parse(object.attributes.request.http.body).ToolCall).Arguments",
    "dyn(object)",
    "dyn(object.attributes)",
    "dyn(object.attributes.request.http)",
    "dyn(object.attributes.request.http.headers)",
    "dyn(object.attributes.metadata_context)",
    "object.attributes.metadata_context.filter_metadata",
    "dyn(object.attributes.source)",
];

const HTTP_TEXTS: &[&str] = &[
    "object.attributes.method",
    "object.attributes.path",
    "object.attributes.host",
    "object.mcp.request.Method",
    "object.mcp.request.ToolCall.Name",
    "string(object.attributes.body)",
    "mcp.ToolsCallMethod",
    "object.mcp.request.ResourceRead.URI",
];

const ENVOY_TEXTS: &[&str] = &[
    "object.attributes.request.http.method",
    "object.attributes.request.http.path",
    "object.attributes.request.http.host",
    "object.attributes.request.http.body",
    "object.attributes.request.http.headers[\"x-foo\"]",
    "object.attributes.source.principal",
    "mcp.ToolsCallMethod",
    "object.attributes.request.http.headers[?\"x-tool-name\"].orValue(\"\")",
];

const HTTP_CONDITIONS: &[&str] = &[
    "object.mcp.request.Method == mcp.ToolsCallMethod",
    "has(object.mcp.request.ToolCall)",
    "object.attributes.method == \"POST\"",
    "object.attributes.Header(\"x-foo\").size() > 0",
    "\"X-Multi\" in object.attributes.header",
    "object.mcp.request.ToolCall.Name.contains(\"_\")",
    "object.attributes.header[\"X-Foo\"][0] == \"a\"",
    "object.attributes.contentLength > 0",
    "json.Unmarshal(string(object.attributes.body)).method == \"tools/call\"",
];

const ENVOY_CONDITIONS: &[&str] = &[
    "object.attributes.request.http.method == \"POST\"",
    "has(object.attributes.request.http.headers)",
    "\"x-foo\" in object.attributes.request.http.headers",
    "object.attributes.request.http.headers[\"x-foo\"] == \"a\"",
    "has(object.attributes.source.principal)",
    "object.attributes.request.http.size > 0",
    "mcp.Parse(object.attributes.request.http.body).Method == mcp.ToolsCallMethod",
    "object.attributes.request.time > timestamp(0)",
];

const JSON_CONDITIONS: &[&str] = &[
    "object.name == \"a\"",
    "has(object.items)",
    "object.items.exists(i, x, x.k == \"b\" && i == 1)",
    "object.count > 1",
    "has(object.nested.a)",
    "object.items.size() > 1",
    "object.?text.orValue(\"\").contains(\"a\")",
    "exceptions.allowedValues.exists(x, x == object.name)",
];

/// The values of the mode whose type is known only at run time.
pub(crate) fn dynamic(mode: Mode) -> &'static [&'static str] {
    match mode {
        Mode::Http => HTTP_DYNAMIC,
        Mode::Envoy => ENVOY_DYNAMIC,
        Mode::Json => PLACES,
    }
}

/// Texts of a request.
pub(crate) fn texts(mode: Mode) -> &'static [&'static str] {
    match mode {
        Mode::Http => HTTP_TEXTS,
        Mode::Envoy => ENVOY_TEXTS,
        Mode::Json => PLACES,
    }
}

/// What policies ask before anything else.
pub(crate) fn conditions(mode: Mode) -> &'static [&'static str] {
    match mode {
        Mode::Http => HTTP_CONDITIONS,
        Mode::Envoy => ENVOY_CONDITIONS,
        Mode::Json => JSON_CONDITIONS,
    }
}

/// Bytes of a request.
pub(crate) fn bytes(mode: Mode) -> Option<&'static str> {
    match mode {
        Mode::Http => Some("object.attributes.body"),
        Mode::Envoy => Some("object.attributes.request.http.raw_body"),
        Mode::Json => None,
    }
}

/// The function that reads JSON.
pub(crate) fn unmarshal(mode: Mode) -> &'static str {
    match mode {
        Mode::Http | Mode::Envoy => "json.Unmarshal",
        Mode::Json => "json.unmarshal",
    }
}

/// What a policy of the mode is asked about: a raw request or a payload.
pub(crate) fn input(mode: Mode, rng: &mut Rng) -> Json {
    match mode {
        Mode::Http => bodies::input(rng),
        Mode::Envoy => check_request(rng),
        Mode::Json => payload(rng),
    }
}

/// A CheckRequest in protobuf's JSON.
fn check_request(rng: &mut Rng) -> Json {
    if rng.chance(40) {
        return json!({"payload": {}});
    }
    let mut http = json!({
        "method": rng.text(&["POST", "POST", "GET", ""]),
        "path": rng.text(&["/", "/mcp?x=1", "", "/é"]),
        "host": rng.text(&["h", "gateway", ""]),
        "protocol": "HTTP/1.1",
    });
    let mut headers = Map::new();
    for _ in 0..rng.below(4) {
        let name = rng.text(&["x-foo", "x-tool-name", "x-operation", "authorization", ":method", "x-é"]);
        headers.insert(name.to_owned(), json!(rng.text(&["a", "b", "", "rm", "Bearer x", "é", " x "])));
    }
    if !headers.is_empty() {
        set(&mut http, "headers", Json::Object(headers));
    }
    let body = bodies::body(rng);
    match rng.below(5) {
        0 => set(&mut http, "rawBody", json!(rng.text(&["", "AQID", "e30="]))),
        1 => {}
        _ => set(&mut http, "body", json!(body)),
    }
    if rng.chance(300) {
        set(&mut http, "size", json!(rng.text(&["0", "7", "-1", "9007199254740993"])));
    }
    let mut attributes = json!({"request": {"http": http}});
    if rng.chance(300) {
        set(
            &mut attributes,
            "source",
            json!({
                "principal": rng.text(&["spiffe://a/b", "", "alice"]),
                "labels": {"a": rng.text(&["b", ""])},
                "address": {"socketAddress": {"address": "10.0.0.1", "portValue": rng.below(65_536)}},
            }),
        );
    }
    if rng.chance(200) {
        let value: Json = serde_json::from_str(bodies::value(rng)).unwrap_or(Json::Null);
        set(&mut attributes, "metadataContext", json!({"filterMetadata": {"f": {"a": value}}}));
    }
    if rng.chance(200) {
        set(&mut attributes, "contextExtensions", json!({"k": rng.text(c::STRINGS)}));
    }
    json!({"payload": {"attributes": attributes}})
}

/// Places in a payload.
const PLACES: &[&str] = &[
    "object.name",
    "object.text",
    "object.count",
    "object.items",
    "object.items[0]",
    "object.nested.a",
    "object.missing",
    "object",
    "oldObject",
    "object.items[0].k",
];

const YAML: &[&str] = &[
    "a: 1",
    "a: [1, yes, ~, 2024-01-01, 0x1F, 010, 1_000, .5, 'x']",
    "- a\n- b: {c: d}\n",
    "a: 1\na: 2\n",
    "x: &x {a: 1, b: 2}\ny:\n  <<: *x\n  b: 3\n",
    "a: |\n  b\n  c\nd: >-\n  e\n  f\n",
    "--- 1\n--- 2",
    "",
    "k: \"\\u00e9\\n\"",
    "{\"a\": [1, 2.5, null, true, \"x\"]}",
    "on: off\n1: 2\n",
    "a: -0.0",
    "a: 18446744073709551616",
];

const REPLACEMENTS: &[&str] =
    &["", "x", r"\0", r"\1", r"[\1]", r"\2", r"\\", r"\", r"\a", "$1", r"é\1é", r"\1\1\9"];

const GROUPS: &[&str] = &[
    "(a)",
    "(a*)",
    "a(b)?c",
    "(?P<n>\\w+)",
    "(a)(b)",
    "((a))",
    "(x)?",
    "^(.)",
    "(.)$",
    "(é|a)+",
    "(?:a)|(b)",
    "(\\d+)-",
];

const ACCOUNTS: &[&str] = &[
    "system:serviceaccount:default:bot",
    "system:serviceaccount:a:",
    "system:serviceaccount::b",
    "system:serviceaccount:a:b:c",
    "system:serviceaccount:a",
    "alice",
    "",
];

/// gzip in base64: whole, damaged, of several members, and none.
const PACKED: &[&str] = &[
    "H4sIAAAAAAAA/0pMSgYEAAD//8JBJDUDAAAA",
    "H4sIAAAAAAAA/8pIzcnJVyjPL8pJAQQAAP//hRFKDQsAAAA=",
    "H4sIAAAAAAAA/8pIzcnJVyjPL8pJAQQAAP//hRFKDQ==",
    "H4sIAAAAAAAA/0pMSgYEAAD//8JBJDUDAAAAH4sIAAAAAAAA/0pMSgYEAAD//8JBJDUDAAAA",
    "H4sIAAAAAAAA/wEDAPz/YWJjwkEkNQMAAAA=",
    "H4sIAAAAAAAA/wcAAAA=",
    "H4sIAAAAAAAA",
    "AAAA",
    "",
];

/// A constant that this argument of this function is likely to care about.
pub(crate) fn hinted(rng: &mut Rng, name: &str, at: usize) -> Option<Node> {
    let patterns = [c::PATTERNS, GROUPS, c::BAD_PATTERNS];
    let text = match (name, at) {
        ("regex.extract" | "regex.extractAll" | "regex.replace", 1) => {
            let which = [0, 0, 1, 1, 1, 2].get(rng.below(6)).copied().unwrap_or(0);
            rng.text(patterns.get(which).copied().unwrap_or(GROUPS))
        }
        ("regex.replace", 2) => rng.text(REPLACEMENTS),
        ("parse", 1) => rng.text(YAML),
        ("parse", 0) => return Some(Node::leaf(Type::Dyn, "yaml")),
        ("unmarshal", 1) => {
            let texts = if rng.chance(700) { c::JSON } else { c::BAD_JSON };
            rng.text(texts)
        }
        ("unmarshal" | "marshal", 0) => return Some(Node::leaf(Type::Dyn, "json")),
        ("parseServiceAccount" | "user.parseServiceAccount", 0) => rng.text(ACCOUNTS),
        ("gzip.decompress", 0) => {
            let text = format!("base64.decode(\"{}\")", rng.text(PACKED));
            return Some(Node::leaf(Type::Bytes, text));
        }
        ("math.round", 1) => {
            return Some(Node::leaf(
                Type::Int,
                rng.text(&["0", "1", "2", "3", "-1", "-2", "15", "17", "22", "308"]),
            ));
        }
        ("listObjToMap" | "transform.listObjToMap", 0 | 1) => {
            let text = rng.text(&[
                "[{'k': 'a', 'v': 1}]",
                "[{'k': 'a'}, {'k': 'b'}]",
                "[dyn({'k': 'a'}), dyn({1: 2})]",
                "object.items",
                "[{'v': optional.of(1)}]",
                "[]",
            ]);
            return Some(Node::leaf(Type::list(Type::Dyn), text));
        }
        ("listObjToMap" | "transform.listObjToMap", 2 | 3) => rng.text(&["k", "v", "x"]),
        _ => return None,
    };
    Some(Node::string(text))
}

/// A place in the payload.
pub(crate) fn place(rng: &mut Rng) -> Node {
    Node::leaf(Type::Dyn, rng.text(PLACES))
}

/// A payload.
fn payload(rng: &mut Rng) -> Json {
    let value = |rng: &mut Rng| serde_json::from_str(bodies::value(rng)).unwrap_or(Json::Null);
    let items: Vec<Json> = ["a", "b", "c"]
        .iter()
        .take(rng.below(4))
        .map(|key| {
            let value = value(rng);
            json!({"k": key, "v": value})
        })
        .collect();
    let values = [value(rng), value(rng), value(rng)];
    let [count, a, b] = values;
    let mut payload = json!({
        "name": rng.text(c::STRINGS),
        "text": rng.text(c::STRINGS),
        "count": count,
        "items": items,
        "nested": {"a": a, "b": [b]},
    });
    if rng.chance(200) {
        let values = [value(rng), value(rng)];
        payload = json!({"items": values, "name": "n"});
    }
    json!({"payload": payload})
}

//! Request bodies and requests: JSON-RPC calls as agents send them, and such as nobody should.

use serde_json::{Value as Json, json};

use super::constants as c;
use super::rng::Rng;

/// The values of tool arguments: numbers that do not fit, texts that look like numbers, nulls, wrong types.
const VALUES: &[&str] = &[
    "1",
    "0",
    "-1",
    "3",
    "1.5",
    "2.0",
    "-0.0",
    "1e3",
    "9007199254740993",
    "9223372036854775807",
    "9223372036854775808",
    "-9223372036854775809",
    "18446744073709551616",
    "1e19",
    "-1e19",
    "1e308",
    "1e-320",
    "true",
    "false",
    "null",
    "\"\"",
    "\"a\"",
    "\"prod\"",
    "\"5\"",
    "\"-5\"",
    "\"1.5\"",
    "\"nan\"",
    "\"NaN\"",
    "\"inf\"",
    "\"-Infinity\"",
    "\"true\"",
    "\"1\"",
    "\"T\"",
    "\"0x10\"",
    "\"1_000\"",
    "\" 1\"",
    "\"9223372036854775808\"",
    "\"1e3\"",
    "\"é😀\"",
    "\"\\ud83d\"",
    "[]",
    "[1,2,3]",
    "[\"a\",\"b\"]",
    "[1,\"2\",true,null]",
    "[1.5,\"x\"]",
    "[true,\"false\",0,1,2.5]",
    "[[1],[2]]",
    "{}",
    "{\"x\":null}",
    "{\"x\":{\"y\":[1]}}",
    "[\"1\",\"nan\",\"1e400\"]",
    "\"9007199254740993\"",
    "[9007199254740993,\"9007199254740993\"]",
    "0.1",
    "100",
    "1000000",
];

const ODD_BODIES: &[&str] = &[
    "",
    "null",
    "[]",
    "{}",
    "true",
    "1",
    "\"x\"",
    "{",
    "not json",
    "{\"method\":1}",
    "{\"method\":null}",
    "[{\"method\":\"tools/call\"}]",
    "{\"method\":\"tools/call\"}",
    "{\"method\":\"tools/call\",\"params\":null}",
    "{\"method\":\"tools/call\",\"params\":[]}",
    "{\"method\":\"tools/call\",\"params\":{\"name\":1}}",
    "{\"METHOD\":\"tools/call\",\"Params\":{\"Name\":\"rm\"}}",
    "{\"method\":\"ping\",\"method\":\"tools/call\",\"params\":{\"name\":\"rm\"}}",
    "{\"method\":\"tools/call\",\"id\":true}",
    "{\"method\":\"tools/call\",\"id\":{},\"params\":{\"name\":\"rm\"}}",
    "{\"jsonrpc\":2,\"method\":\"tools/call\",\"params\":{\"name\":\"rm\"}}",
    "{\"method\":\"tools/call\",\"params\":{\"name\":\"rm\",\"arguments\":[1,2]}}",
    "{\"method\":\"tools/call\",\"params\":{\"name\":\"rm\",\"arguments\":\"x\"}}",
    "{\"method\":\"tools/call\",\"params\":{\"name\":\"rm\",\"_meta\":{\"progressToken\":1,\"x\":[1]}}}",
    "{\"method\":\"tools/call\",\"params\":{\"name\":\"rm\",\"_meta\":5}}",
    "{\"method\":\"tools/call\",\"params\":{\"task\":{\"ttl\":5}}}",
    "{\"method\":\"tools/call\",\"params\":{\"name\":\"rm\"}} x",
    "{\"method\":\"tools/call\",\"params\":{\"name\":\"rm\",\"arguments\":{\"a\":1e400}}}",
    "{\"method\":\"tools/call\",\"params\":{\"name\":\"a\",\"arguments\":{\"a\":1},\"arguments\":{\"b\":2}}}",
    "{\"method\":\"tools/call\",\"param\u{17f}\":{\"name\":\"rm\"}}",
    "{\"result\":{}}",
    "{\"error\":{\"code\":1}}",
    "\u{feff}{}",
];

/// A value of an argument, as JSON.
pub(crate) fn value(rng: &mut Rng) -> &'static str {
    rng.text(VALUES)
}

fn object(rng: &mut Rng, most: usize) -> String {
    let mut members = Vec::new();
    for _ in 0..rng.below(most) {
        let name = Json::from(rng.text(c::ARGUMENTS));
        members.push(format!("{name}:{}", value(rng)));
    }
    format!("{{{}}}", members.join(","))
}

/// The `params` that the method wants, mostly.
fn params(rng: &mut Rng, method: &str) -> String {
    if rng.chance(50) {
        return value(rng).to_owned();
    }
    let name = Json::from(rng.text(c::TOOLS));
    match method {
        "tools/call" => {
            let arguments = if rng.chance(900) { object(rng, 5) } else { value(rng).to_owned() };
            match rng.below(10) {
                0 => format!("{{\"name\":{name}}}"),
                1 => format!("{{\"name\":{name},\"arguments\":{arguments},\"_meta\":{}}}", object(rng, 3)),
                2 => format!(
                    "{{\"arguments\":{arguments},\"name\":{name},\"task\":{{\"ttl\":{}}}}}",
                    value(rng)
                ),
                _ => format!("{{\"name\":{name},\"arguments\":{arguments}}}"),
            }
        }
        "initialize" => format!(
            "{{\"protocolVersion\":\"2025-06-18\",\"capabilities\":{{\"roots\":{{\"listChanged\":{}}},\"sampling\":{{}},\"experimental\":{}}},\"clientInfo\":{{\"name\":{name},\"version\":\"1\"}}}}",
            value(rng),
            object(rng, 3)
        ),
        "resources/read" => {
            format!("{{\"uri\":\"file:///{}\",\"arguments\":{}}}", rng.text(c::TOOLS), object(rng, 3))
        }
        "prompts/get" => format!("{{\"name\":{name},\"arguments\":{{\"a\":\"b\",\"x\":{}}}}}", value(rng)),
        "logging/setLevel" => format!("{{\"level\":{}}}", rng.text(&["\"debug\"", "\"x\"", "1", "null"])),
        "elicitation/create" => {
            format!("{{\"message\":{name},\"requestedSchema\":{},\"mode\":\"form\"}}", object(rng, 3))
        }
        "tools/list" | "resources/list" | "prompts/list" => {
            format!("{{\"cursor\":{}}}", rng.text(&["\"c\"", "1", "null", "\"\""]))
        }
        _ => object(rng, 3),
    }
}

/// A JSON-RPC message, or something like it.
pub(crate) fn body(rng: &mut Rng) -> String {
    match rng.below(20) {
        0..2 => return rng.text(ODD_BODIES).to_owned(),
        2 => return rng.text(c::JSON).to_owned(),
        3 if rng.chance(300) => return rng.text(c::BAD_JSON).to_owned(),
        _ => {}
    }
    let method = rng.text(c::METHODS);
    let id = rng.text(&["1", "\"a\"", "0", "null", "1.5", "-7", "\"\"", "9007199254740993", "1"]);
    let params = params(rng, method);
    match rng.below(12) {
        0 => format!("{{\"method\":\"{method}\",\"params\":{params}}}"),
        1 => format!("{{\"jsonrpc\":\"2.0\",\"method\":\"{method}\"}}"),
        2 => format!(" {{\"params\":{params}, \"method\" : \"{method}\",\n\"id\":{id}}} "),
        _ => format!("{{\"jsonrpc\":\"2.0\",\"id\":{id},\"method\":\"{method}\",\"params\":{params}}}"),
    }
}

/// What a policy is asked about: a raw request, or a payload file of Kyverno's command line.
pub(crate) fn input(rng: &mut Rng) -> Json {
    if rng.chance(40) {
        return json!({"payload": {"attributes": {
            "method": rng.text(&["GET", "", "POST"]),
            "header": {rng.text(c::HEADERS): [rng.text(c::STRINGS)]},
            "query": {rng.text(c::QUERIES): [rng.text(c::STRINGS), "x"]},
            "contentLength": rng.below(3),
            "path": rng.text(&["/", "", "/a b", "é"]),
        }}});
    }
    json!({"request": request(rng)})
}

fn request(rng: &mut Rng) -> String {
    let method = rng.text(&["POST", "POST", "POST", "GET", "DELETE", "x"]);
    let target = rng.text(&[
        "/",
        "/mcp",
        "/p?a=1&a=2&b=%20x",
        "/a%20b?x=1",
        "/?é=ü",
        "//x",
        "*",
        "http://a/p?x=%zz&y=1",
        "/p?",
        "/p?a=b;c&=h&x",
        "/#f",
        "/%C3%A9",
    ]);
    let protocol = rng.text(&["HTTP/1.1", "HTTP/1.1", "HTTP/1.1", "HTTP/1.0", "HTTP/2.0"]);
    let mut out =
        format!("{method} {target} {protocol}\r\nHost: {}\r\n", rng.text(&["h", "gateway", "h:80", ""]));
    for _ in 0..rng.below(4) {
        let name = rng.text(&[
            "X-Foo",
            "x-multi",
            "X-Multi",
            "X-Tool-Name",
            "Authorization",
            "X_under",
            "Pragma",
            "accept",
        ]);
        let value = rng.text(&[
            "v",
            "a",
            "b",
            "",
            "rm",
            "Bearer x",
            "no-cache",
            "é",
            " x ",
            "a,b",
            "k8s___delete_pod",
            "1",
            "true",
        ]);
        out.push_str(&format!("{name}: {value}\r\n"));
    }
    let body = body(rng);
    if !body.is_empty() || rng.chance(500) {
        out.push_str(&format!("Content-Length: {}\r\n", body.len()));
    }
    out.push_str("\r\n");
    out.push_str(&body);
    out
}

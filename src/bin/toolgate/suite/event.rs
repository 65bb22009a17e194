//! A call of a fixture as the bytes that the gateway would send.
//!
//! The envelope is that of an MCP request (docs/agentcore.md §1). Text where an object is due is JSON and
//! stands in the event as it is: so a fixture can have numbers, duplicates and spellings that YAML cannot write.

use toolgate::internal::value::base64::{Alphabet, encode};
use toolgate::internal::yaml::{Node, NodeKind, Scalar, Value};

use super::fixture::Call;

/// The event of a call.
pub(super) fn event(call: &Call) -> Vec<u8> {
    let body = match &call.body {
        Some(body) => raw_or_json(body),
        None => message(call),
    };
    let mut headers = vec![("content-type".to_owned(), quoted("application/json"))];
    if let Some(claims) = &call.claims {
        headers.push(("authorization".to_owned(), quoted(&format!("Bearer {}", token(&json(claims))))));
    }
    for entry in call.headers.iter().filter_map(|node| node.as_mapping()).flat_map(|headers| &headers.entries)
    {
        headers.retain(|(name, _)| *name != entry.key);
        headers.push((entry.key.clone(), json(&entry.value)));
    }
    let headers: Vec<String> =
        headers.iter().map(|(name, value)| format!("{}:{value}", quoted(name))).collect();
    let path = quoted(call.path.as_deref().unwrap_or("/mcp"));
    format!(
        concat!(
            r#"{{"interceptorInputVersion":"1.0","mcp":{{"rawGatewayRequest":{{"body":{}}},"#,
            r#""gatewayRequest":{{"path":{},"httpMethod":"POST","headers":{{{}}},"body":{}}},"gatewayResponse":null}}}}"#
        ),
        quoted(&body),
        path,
        headers.join(","),
        body
    )
    .into_bytes()
}

/// The JSON-RPC message.
fn message(call: &Call) -> String {
    let method = call.method.as_deref().map_or_else(|| quoted("tools/call"), json);
    let params = match &call.params {
        Some(params) => Some(raw_or_json(params)),
        None => {
            let name = call.tool.as_ref().map(|tool| format!("\"name\":{}", json(tool)));
            let arguments = call.arguments.as_ref();
            let arguments = arguments.map(|node| format!("\"arguments\":{}", raw_or_json(node)));
            let members: Vec<String> = [name, arguments].into_iter().flatten().collect();
            (!members.is_empty()).then(|| format!("{{{}}}", members.join(",")))
        }
    };
    let params = params.map(|params| format!(",\"params\":{params}")).unwrap_or_default();
    format!("{{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":{method}{params}}}")
}

/// How much of a call is told, in characters: a report keeps what is told of every call.
const MAX_SUMMARY: usize = 1_000;

/// One line that tells a call from others, for people.
pub(super) fn summary(call: &Call) -> String {
    let mut text = parts(call);
    if let Some((end, _)) = text.char_indices().nth(MAX_SUMMARY) {
        text.truncate(end);
        text.push('…');
        text.shrink_to_fit();
    }
    text
}

fn parts(call: &Call) -> String {
    if let Some(body) = &call.body {
        return raw_or_json(body);
    }
    let text = |node: &Node| node.as_text().map_or_else(|| json(node), str::to_owned);
    let mut parts = Vec::new();
    parts.extend(call.method.as_deref().map(text));
    parts.extend(call.tool.as_deref().map(text));
    parts.extend(call.params.iter().chain(&call.arguments).map(|node| raw_or_json(node)));
    if let Some(claims) = &call.claims {
        parts.push(format!("claims {}", json(claims)));
    }
    parts.join(" ")
}

/// Text is JSON already, and goes in as it is.
fn raw_or_json(node: &Node) -> String {
    node.as_text().map_or_else(|| json(node), str::to_owned)
}

/// A YAML value as JSON. A plain number keeps its digits.
pub(super) fn json(node: &Node) -> String {
    match &node.kind {
        NodeKind::Broken => "null".to_owned(),
        NodeKind::List(items) => {
            let items: Vec<String> = items.iter().map(json).collect();
            format!("[{}]", items.join(","))
        }
        NodeKind::Mapping(mapping) => {
            let entries = mapping.entries.iter();
            let members: Vec<String> =
                entries.map(|entry| format!("{}:{}", quoted(&entry.key), json(&entry.value))).collect();
            format!("{{{}}}", members.join(","))
        }
        NodeKind::Scalar(scalar) => scalar_json(scalar),
    }
}

fn scalar_json(scalar: &Scalar) -> String {
    let is_json = || serde_json::from_str::<serde_json::Number>(&scalar.text).is_ok();
    match scalar.value {
        Value::Null => "null".to_owned(),
        Value::Bool(value) => value.to_string(),
        Value::Integer(_) | Value::Unsigned(_) | Value::Float(_) if is_json() => scalar.text.clone(),
        Value::Integer(value) => value.to_string(),
        Value::Unsigned(value) => value.to_string(),
        Value::Float(value) => value.to_string(),
        Value::Text | Value::Time(_) => quoted(&scalar.text),
    }
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// A JWT of these claims. Nobody signs it: the gateway that verifies tokens is not part of a fixture.
fn token(claims: &str) -> String {
    let part =
        |text: &str| -> String { encode(text.as_bytes(), Alphabet::Url, false).map(char::from).collect() };
    format!("{}.{}.{}", part(r#"{"alg":"RS256","typ":"JWT"}"#), part(claims), part("unsigned"))
}

#[cfg(test)]
mod tests {
    use toolgate::internal::source::Source;
    use toolgate::internal::yaml::documents;

    use super::*;

    fn node(text: &str) -> Node {
        let source = Source::new("x.yaml", text).unwrap();
        documents(&source, &mut Vec::new()).remove(0).root.unwrap()
    }

    #[test]
    fn yaml_values_become_json_with_their_digits() {
        let text = "{a: 1.0, b: 1e3, c: 0x10, d: yes, e: 'yes', f: [null, -0], g: 1e300, h: \"\\u00e9\\n\"}";
        assert_eq!(
            json(&node(text)),
            r#"{"a":1.0,"b":1e3,"c":16,"d":true,"e":"yes","f":[null,-0],"g":1e300,"h":"é\n"}"#
        );
    }

    #[test]
    fn a_call_becomes_an_event_with_a_token() {
        let call = Call {
            tool: Some(node("k___get").into()),
            arguments: Some(node("'{\"n\": 1, \"n\": 2}'").into()),
            claims: Some(node("{sub: ann}").into()),
            headers: Some(node("{content-type: text/plain}").into()),
            ..Call::default()
        };
        let event: serde_json::Value = serde_json::from_slice(&event(&call)).unwrap();
        let request = &event["mcp"]["gatewayRequest"];
        assert_eq!(request["body"]["params"]["name"], "k___get");
        assert_eq!(request["headers"]["content-type"], "text/plain");
        assert_eq!(
            request["headers"]["authorization"],
            "Bearer eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJhbm4ifQ.dW5zaWduZWQ"
        );
        assert_eq!(
            event["mcp"]["rawGatewayRequest"]["body"],
            r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"k___get","arguments":{"n": 1, "n": 2}}}"#
        );
    }
}

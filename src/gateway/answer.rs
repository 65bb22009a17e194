//! The answers, as bytes. Only what no report of a live gateway disputes is written: a forwarded body, or a status
//! with a body (agentcore-interceptor §1.7).

use std::io::Write;

use super::refusal::{Id, Refusal};
use super::wire::Envelope;

/// The HTTP status of every denial.
pub const STATUS: u16 = 403;

/// The JSON-RPC code of a denial by policy, an error or a fault. MCP asks for application codes outside the range
/// that JSON-RPC reserves; inside it clients have meanings of their own (one takes -32600 for the end of the
/// session), and a number that repeats the status needs no explanation.
pub const DENIED: i32 = 403;

/// The JSON-RPC code of a message that is refused because it is malformed: `Invalid Request`.
pub const INVALID_REQUEST: i32 = -32600;

/// The JSON-RPC code of an event that cannot be read: `Parse error`.
pub const PARSE_ERROR: i32 = -32700;

/// A denial.
#[derive(Clone, Copy, Debug)]
pub struct Denial<'d> {
    /// The envelope that the event came in.
    pub envelope: Envelope,
    /// What the answer echoes.
    pub id: Id<'d>,
    /// The JSON-RPC code.
    pub code: i32,
    /// What the agent is told.
    pub message: &'d str,
    /// The record that says more, for people.
    pub decision: Option<&'d str>,
}

impl<'d> Denial<'d> {
    /// A policy's denial, or a decision that failed, with the text that the agent may see.
    pub fn denied(id: Id<'d>, message: &'d str, decision: Option<&'d str>) -> Denial<'d> {
        Denial { envelope: Envelope::Mcp, id, code: DENIED, message, decision }
    }

    /// A refusal before any policy was asked.
    pub fn refused(
        envelope: Envelope,
        id: Id<'d>,
        refusal: Refusal,
        decision: Option<&'d str>,
    ) -> Denial<'d> {
        let code = match refusal {
            Refusal::NotJson | Refusal::NotUtf8 => PARSE_ERROR,
            // These are well-formed; Toolgate does not take them.
            Refusal::Response | Refusal::HttpTarget | Refusal::HeaderValue | Refusal::TooLarge => DENIED,
            _ => INVALID_REQUEST,
        };
        Denial { envelope, id, code, message: refusal.text(), decision }
    }
}

/// Replaces `out` by the answer that forwards `body`, the exact bytes of the message.
pub fn allow(out: &mut Vec<u8>, body: &str) {
    out.clear();
    out.extend_from_slice(
        br#"{"interceptorOutputVersion":"1.0","mcp":{"transformedGatewayRequest":{"body":"#,
    );
    out.extend_from_slice(body.as_bytes());
    out.extend_from_slice(b"}}}");
}

/// Replaces `out` by the answer that denies.
pub fn deny(out: &mut Vec<u8>, denial: &Denial<'_>) {
    out.clear();
    match denial.envelope {
        Envelope::Mcp => {
            out.extend_from_slice(
                br#"{"interceptorOutputVersion":"1.0","mcp":{"transformedGatewayResponse":{"statusCode":"#,
            );
            number(out, i64::from(STATUS));
            out.extend_from_slice(br#","body":{"jsonrpc":"2.0","#);
            match denial.id {
                Id::Raw(id) => {
                    out.extend_from_slice(br#""id":"#);
                    out.extend_from_slice(id.as_bytes());
                    out.push(b',');
                }
                Id::Null => out.extend_from_slice(br#""id":null,"#),
                Id::Absent => {}
            }
            error(out, denial);
            out.extend_from_slice(b"}}}}");
        }
        Envelope::Http => {
            let mut body = Vec::new();
            body.push(b'{');
            error(&mut body, denial);
            body.push(b'}');
            out.extend_from_slice(
                br#"{"interceptorOutputVersion":"1.0","http":{"transformedGatewayResponse":{"contentType":"application/json","statusCode":"#,
            );
            number(out, i64::from(STATUS));
            out.extend_from_slice(br#","body":""#);
            base64(out, &body);
            out.extend_from_slice(br#""}}}"#);
        }
    }
}

/// `"error":{…}`
fn error(out: &mut Vec<u8>, denial: &Denial<'_>) {
    out.extend_from_slice(br#""error":{"code":"#);
    number(out, i64::from(denial.code));
    out.extend_from_slice(br#","message":"#);
    string(out, denial.message);
    if let Some(decision) = denial.decision {
        out.extend_from_slice(br#","data":{"decisionId":"#);
        string(out, decision);
        out.push(b'}');
    }
    out.push(b'}');
}

fn number(out: &mut Vec<u8>, number: i64) {
    // Writing to a vector does not fail.
    let _ = write!(out, "{number}");
}

/// `text` as a JSON string.
fn string(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    for c in text.bytes() {
        match c {
            b'"' => out.extend_from_slice(br#"\""#),
            b'\\' => out.extend_from_slice(br"\\"),
            b'\n' => out.extend_from_slice(br"\n"),
            b'\r' => out.extend_from_slice(br"\r"),
            b'\t' => out.extend_from_slice(br"\t"),
            0..=0x1f => {
                let _ = write!(out, "\\u{c:04x}");
            }
            c => out.push(c),
        }
    }
    out.push(b'"');
}

/// Base64 with the standard alphabet and padding.
fn base64(out: &mut Vec<u8>, bytes: &[u8]) {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let digit =
        |bits: u32| ALPHABET.get(usize::try_from(bits & 63).unwrap_or_default()).copied().unwrap_or(b'=');
    for chunk in bytes.chunks(3) {
        let at = |index: usize| u32::from(chunk.get(index).copied().unwrap_or_default());
        let bits = at(0) << 16 | at(1) << 8 | at(2);
        out.push(digit(bits >> 18));
        out.push(digit(bits >> 12));
        out.push(if chunk.len() > 1 { digit(bits >> 6) } else { b'=' });
        out.push(if chunk.len() > 2 { digit(bits) } else { b'=' });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value as Json, json};

    fn written(denial: &Denial<'_>) -> Json {
        let mut out = b"rest of the last answer".to_vec();
        deny(&mut out, denial);
        serde_json::from_slice(&out).unwrap()
    }

    #[test]
    fn an_allow_forwards_the_same_bytes_and_nothing_else() {
        let body = "{\"jsonrpc\" : \"2.0\", \"id\": 1.50, \"x\":\"\\u00e9\"}";
        let mut out = Vec::new();
        allow(&mut out, body);
        let text = String::from_utf8(out).unwrap();
        assert!(text.contains(body));
        let json: Json = serde_json::from_str(&text).unwrap();
        assert_eq!(
            json["mcp"].as_object().unwrap().keys().collect::<Vec<_>>(),
            ["transformedGatewayRequest"]
        );
        let forwarded = json["mcp"]["transformedGatewayRequest"].as_object().unwrap();
        assert_eq!(forwarded.keys().collect::<Vec<_>>(), ["body"]);
    }

    #[test]
    fn a_denial_echoes_the_id_in_its_own_spelling() {
        for (id, expected) in [
            (Id::Raw("1.50"), "\"id\":1.50,"),
            (Id::Raw("\"\\u0061\""), "\"id\":\"\\u0061\","),
            (Id::Null, "\"id\":null,"),
        ] {
            let mut out = Vec::new();
            deny(&mut out, &Denial::denied(id, "no", None));
            assert!(String::from_utf8(out).unwrap().contains(expected));
        }
        let json = written(&Denial::denied(Id::Absent, "no", None));
        assert!(json["mcp"]["transformedGatewayResponse"]["body"].get("id").is_none());
    }

    #[test]
    fn a_denial_has_the_status_the_reason_and_the_decision() {
        let reason = "no \"delete\" in\n\u{1}production\\ é\u{2028}😀";
        let json = written(&Denial::denied(Id::Raw("7"), reason, Some("d-1")));
        assert_eq!(
            json,
            json!({"interceptorOutputVersion": "1.0", "mcp": {"transformedGatewayResponse": {"statusCode": 403,
                "body": {"jsonrpc": "2.0", "id": 7,
                    "error": {"code": 403, "message": reason, "data": {"decisionId": "d-1"}}}}}})
        );
    }

    #[test]
    fn refusals_have_the_codes_of_json_rpc() {
        for (refusal, code) in
            [(Refusal::NotJson, -32700), (Refusal::Batch, -32600), (Refusal::Response, 403)]
        {
            let json = written(&Denial::refused(Envelope::Mcp, Id::Null, refusal, None));
            let error = &json["mcp"]["transformedGatewayResponse"]["body"]["error"];
            assert_eq!(
                (error["code"].as_i64(), error["message"].as_str()),
                (Some(code), Some(refusal.text()))
            );
            assert!(error.get("data").is_none());
        }
    }

    #[test]
    fn an_http_event_is_denied_in_its_own_envelope() {
        let json = written(&Denial::refused(Envelope::Http, Id::Null, Refusal::HttpTarget, Some("d")));
        assert!(json.get("mcp").is_none());
        let response = &json["http"]["transformedGatewayResponse"];
        assert_eq!(
            (response["statusCode"].as_i64(), response["contentType"].as_str()),
            (Some(403), Some("application/json"))
        );
        let expected = format!(
            "{{\"error\":{{\"code\":403,\"message\":\"{}\",\"data\":{{\"decisionId\":\"d\"}}}}}}",
            Refusal::HttpTarget
        );
        let mut encoded = Vec::new();
        base64(&mut encoded, expected.as_bytes());
        assert_eq!(response["body"].as_str().unwrap().as_bytes(), encoded);
    }

    #[test]
    fn base64_is_the_standard_one() {
        for (bytes, expected) in
            [(&b""[..], ""), (b"A", "QQ=="), (b"AB", "QUI="), (b"ABC", "QUJD"), (b"\xfb\xff\xfe", "+//+")]
        {
            let mut out = Vec::new();
            base64(&mut out, bytes);
            assert_eq!(out, expected.as_bytes());
        }
    }
}

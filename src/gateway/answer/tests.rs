//! The answers, byte by byte.

use super::*;
use serde_json::{Value as Json, json};

fn written(denial: &Denial<'_>) -> Json {
    let mut out = b"rest of the last answer".to_vec();
    deny(&mut out, denial, &DenialConfig::default());
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
    assert_eq!(json["mcp"].as_object().unwrap().keys().collect::<Vec<_>>(), ["transformedGatewayRequest"]);
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
        deny(&mut out, &Denial::denied(id, "no"), &DenialConfig::default());
        assert!(String::from_utf8(out).unwrap().contains(expected));
    }
    let json = written(&Denial::denied(Id::Absent, "no"));
    assert!(json["mcp"]["transformedGatewayResponse"]["body"].get("id").is_none());
}

#[test]
fn a_denial_has_the_status_the_reason_and_the_decision() {
    let reason = "no \"delete\" in\n\u{1}production\\ é\u{2028}😀";
    let json = written(&Denial { decision: Some("d-1"), ..Denial::denied(Id::Raw("7"), reason) });
    assert_eq!(
        json,
        json!({"interceptorOutputVersion": "1.0", "mcp": {"transformedGatewayResponse": {"statusCode": 403,
            "body": {"jsonrpc": "2.0", "id": 7,
                "error": {"code": 403, "message": reason, "data": {"decisionId": "d-1"}}}}}})
    );
}

#[test]
fn refusals_have_the_codes_of_json_rpc() {
    for (refusal, code) in [(Refusal::NotJson, -32700), (Refusal::Batch, -32600), (Refusal::Response, 403)] {
        let json = written(&Denial::refused(Envelope::Mcp, Id::Null, refusal));
        let error = &json["mcp"]["transformedGatewayResponse"]["body"]["error"];
        assert_eq!((error["code"].as_i64(), error["message"].as_str()), (Some(code), Some(refusal.text())));
        assert!(error.get("data").is_none());
    }
}

#[test]
fn an_http_event_is_denied_in_its_own_envelope() {
    let json = written(&Denial {
        decision: Some("d"),
        ..Denial::refused(Envelope::Http, Id::Null, Refusal::HttpTarget)
    });
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
    let encoded: Vec<u8> = base64::encode(expected.as_bytes(), Alphabet::Standard, true).collect();
    assert_eq!(response["body"].as_str().unwrap().as_bytes(), encoded);
}

#[test]
fn the_forms_differ_in_status_and_body() {
    let call = Denial { decision: Some("d"), tool_call: true, ..Denial::denied(Id::Raw("7"), "no") };
    let other = Denial { tool_call: false, ..call };
    let malformed = Denial::refused(Envelope::Mcp, Id::Raw("7"), Refusal::ToolName);
    let (status, ok_error, ok_result) = (DenialForm::Status, DenialForm::OkError, DenialForm::OkResult);
    let error = r#""id":7,"error":{"code":9,"message":"no","data":{"decisionId":"d"}}"#;
    let result = r#""id":7,"result":{"content":[{"type":"text","text":"no"}],"isError":true,"resultType":"complete","_meta":{"toolgate.dev/decisionId":"d"}}"#;
    for (denial, form, http, expected) in [
        (call, status, 418, error),
        (call, ok_error, 200, error),
        (call, ok_result, 200, result),
        (other, ok_result, 200, error),
        (malformed, ok_result, 200, r#""id":7,"error":{"code":-32600,"#),
        // Nobody waits for these: the status is all that is seen.
        (Denial { id: Id::Absent, ..call }, ok_error, 418, r#""jsonrpc":"2.0","error":{"code":9,"#),
        (Denial { id: Id::Null, ..call }, ok_result, 418, r#""id":null,"error":{"code":9,"#),
        (Denial { id: Id::Raw("null"), ..call }, ok_result, 418, r#""id":null,"error":{"code":9,"#),
    ] {
        let mut out = Vec::new();
        deny(&mut out, &denial, &DenialConfig { form, status: 418, code: 9 });
        let text = String::from_utf8(out).unwrap();
        let json: Json = serde_json::from_str(&text).unwrap();
        assert_eq!(json["mcp"]["transformedGatewayResponse"]["statusCode"], http, "{form:?} {text}");
        assert!(text.contains(expected), "{form:?} {text}");
    }
}

#[test]
fn an_http_denial_has_an_error_status_in_every_form() {
    for form in [DenialForm::Status, DenialForm::OkError, DenialForm::OkResult] {
        let mut out = Vec::new();
        let denial = Denial::refused(Envelope::Http, Id::Null, Refusal::HttpTarget);
        deny(&mut out, &denial, &DenialConfig { form, ..DenialConfig::default() });
        let json: Json = serde_json::from_slice(&out).unwrap();
        assert_eq!(json["http"]["transformedGatewayResponse"]["statusCode"], 403);
    }
}

#[test]
fn what_a_target_answered_is_sent_on_or_kept() {
    let mut out = b"before".to_vec();
    send(&mut out, &Sent { status: Some("200"), body: "{ }" });
    assert_eq!(
        out,
        br#"{"interceptorOutputVersion":"1.0","mcp":{"transformedGatewayResponse":{"statusCode":200,"body":{ }}}}"#
    );
    send(&mut out, &Sent { status: None, body: "{}" });
    assert_eq!(
        out,
        br#"{"interceptorOutputVersion":"1.0","mcp":{"transformedGatewayResponse":{"body":{}}}}"#
    );
    keep_http(&mut out);
    assert_eq!(out, br#"{"interceptorOutputVersion":"1.0","http":{}}"#);
}

//! The request of a case as the value that policies see.

use bumpalo::Bump;
use serde_json::Value as Json;
use toolgate::internal::budget::Budget;
use toolgate::internal::gateway::{envoy, json, payload::payload};
use toolgate::internal::value::Value;

use super::check_request;

/// `object` for a case: Kyverno's recorded CheckRequest, the payload, or an empty request.
pub(crate) fn object<'a>(case: &Json, bump: &'a Bump) -> Value<'a> {
    let mode = case["mode"].as_str().unwrap_or_default();
    if matches!(mode, "Envoy" | "JSON") {
        let text = bump.alloc_str(&if case["payload"].is_null() {
            "{}".to_owned()
        } else {
            case["payload"].to_string()
        });
        let mut budget = Budget::default();
        return match mode {
            "JSON" => json::payload(text.as_bytes(), json::Form::Json, bump, &mut budget).unwrap(),
            _ => envoy::payload(text.as_bytes(), bump, &mut budget).unwrap(),
        };
    }
    if case["payload"].is_object() {
        let text = bump.alloc_str(&case["payload"].to_string());
        return payload(text.as_bytes(), bump, &mut Budget::default()).unwrap().request;
    }
    // The server reads `object.mcp` out of the body, so Toolgate does too instead of taking what was recorded.
    check_request::object(&case["object"], case["request"].is_string(), bump)
}

//! The request of a case as the value that policies see.

use bumpalo::Bump;
use serde_json::Value as Json;
use toolgate::cel::budget::Budget;
use toolgate::gateway::payload::payload;
use toolgate::value::Value;

use super::check_request;

/// `object` for a case: Kyverno's recorded CheckRequest, the payload, or an empty request.
pub(crate) fn object<'a>(case: &Json, bump: &'a Bump) -> Value<'a> {
    if case["payload"].is_object() {
        let text = bump.alloc_str(&case["payload"].to_string());
        return payload(text.as_bytes(), bump, &mut Budget::default()).unwrap().request;
    }
    // The server reads `object.mcp` out of the body, so Toolgate does too instead of taking what was recorded.
    check_request::object(&case["object"], case["request"].is_string(), bump)
}

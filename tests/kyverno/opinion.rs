//! What came of a decision, in the form of the oracle's answers.

use serde_json::{Value as Json, json};
use toolgate::internal::budget::Fault;
use toolgate::internal::policy::ask::{ErrorText, Opinion};

pub(crate) fn told(opinion: Result<Opinion<'_>, Fault>) -> Json {
    match opinion {
        Ok(Opinion::Allow) => json!({"decision": "allow", "status": 200}),
        Ok(Opinion::Deny(reason)) => json!({"decision": "deny", "status": 403, "reason": reason}),
        Ok(Opinion::Error(errors)) => {
            json!({"decision": "error", "status": 500, "error": ErrorText(errors).to_string()})
        }
        Ok(Opinion::Nothing) => json!({"decision": "none", "status": 200}),
        Err(fault) => json!({"decision": "fault", "error": fault.to_string()}),
    }
}

//! What passes at the gateway's RESPONSE point: the answer as it is.
//!
//! Toolgate judges requests. Wired to the RESPONSE point by mistake, or for both, it leaves every answer alone, a
//! denial of its own among them (docs/agentcore.md §5).

use super::call;
use super::refusal::{Id, Refusal};
use super::wire::{self, Response};
use crate::value::json::strict::{Kind, Node};

/// An answer that is sent on, in the event's own bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sent<'a> {
    /// The HTTP status; later events of a stream have none.
    pub status: Option<&'a str>,
    /// The message.
    pub body: &'a str,
}

/// Reads what is sent on.
///
/// # Errors
/// There is no message, as one region's gateways do after a denial: the answer must be a denial then, for the
/// request that the event names. So must it be for an event that reads in two ways.
pub fn response<'a>(response: &Response<'a>) -> Result<Sent<'a>, (Refusal, Id<'a>)> {
    sent(response).map_err(|refusal| (refusal, call::id(response.message)))
}

fn sent<'a>(response: &Response<'a>) -> Result<Sent<'a>, Refusal> {
    wire::sound(&response.document)?;
    let body = response.body.filter(|body| matches!(body.kind, Kind::Object(_))).ok_or(Refusal::Response)?;
    if response.status.is_some_and(|status| !is_status(status)) {
        return Err(Refusal::Response);
    }
    Ok(Sent { status: response.status.map(|status| status.raw), body: body.raw })
}

/// An HTTP status in three digits: anything else the gateway would refuse.
fn is_status(node: &Node<'_>) -> bool {
    matches!(node.kind, Kind::Number)
        && node.raw.parse().is_ok_and(|status: u16| (100..=599).contains(&status))
}

#[cfg(test)]
#[expect(clippy::panic_in_result_fn, reason = "a test that cannot go on should panic")]
mod tests {
    use super::*;
    use crate::budget::Budget;
    use crate::gateway::wire::{Event, event};
    use bumpalo::Bump;

    fn sent(version: &str, answer: &str) -> Result<(Option<String>, String), String> {
        let text = format!(
            r#"{{"interceptorInputVersion":"{version}","mcp":{{"gatewayRequest":{{"body":{{"id":"q"}}}},"gatewayResponse":{answer}}}}}"#
        );
        let arena = Bump::new();
        let text: &str = arena.alloc_str(&text);
        let Event::Response(event) = event(text.as_bytes(), &arena, &mut Budget::default()) else { panic!() };
        response(&event)
            .map(|sent| (sent.status.map(str::to_owned), sent.body.to_owned()))
            .map_err(|(refusal, id)| format!("{} {id:?}", refusal.name()))
    }

    #[test]
    fn an_answer_is_sent_on_as_it_is_or_denied() {
        let whole = |status: Option<&str>, body: &str| Ok((status.map(str::to_owned), body.to_owned()));
        for (answer, expected) in [
            (r#"{"statusCode":200,"body":{"id" : 1.0}}"#, whole(Some("200"), r#"{"id" : 1.0}"#)),
            (r#"{"statusCode":403,"headers":{},"body":{}}"#, whole(Some("403"), "{}")),
            (r#"{"isStreamingResponse":true,"body":{}}"#, whole(None, "{}")),
            (r#"{"statusCode":null,"body":{}}"#, whole(None, "{}")),
            (r#"{"statusCode":200,"body":null}"#, Err(r#"response Raw("\"q\"")"#.to_owned())),
            (r#"{"statusCode":200}"#, Err(r#"response Raw("\"q\"")"#.to_owned())),
            (r#"{"statusCode":200,"body":"x"}"#, Err(r#"response Raw("\"q\"")"#.to_owned())),
            (r#"{"statusCode":"200","body":{}}"#, Err(r#"response Raw("\"q\"")"#.to_owned())),
            (r#"{"statusCode":2e2,"body":{}}"#, Err(r#"response Raw("\"q\"")"#.to_owned())),
            (
                r#"{"statusCode":200,"body":{"a":1,"a":2}}"#,
                Err(r#"duplicate-member Raw("\"q\"")"#.to_owned()),
            ),
        ] {
            assert_eq!(sent("1.0", answer), expected, "{answer}");
        }
        assert_eq!(sent("2.0", r#"{"body":{}}"#), Err(r#"version Raw("\"q\"")"#.to_owned()));
    }
}

//! A service that asks the engine before a call goes on: `cargo run --example embed -- my-policies/`, then send MCP
//! messages to port 8080. Policies see the request as Kyverno's server shows it, with the caller's own headers: those of
//! `policies/` ask for headers that a gateway's event has, and would say nothing.

#![expect(clippy::print_stderr, reason = "a program for people")]

use std::time::SystemTime;

use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::{Body, Bytes};
use hyper::{Request, Response, StatusCode, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use toolgate::{Context, Engine, HttpRequest, PolicySet, Scratch, Settings};

type Answer = Response<Full<Bytes>>;
type Failure = Box<dyn std::error::Error + Send + Sync>;

/// The largest body that is judged; a larger one goes nowhere.
const MAX_BODY: usize = 6 * 1024 * 1024;

/// The request with the bytes that were judged, or the answer to one that must not go on.
async fn judged<B>(engine: &Engine, request: Request<B>) -> Result<Request<Full<Bytes>>, Box<Answer>>
where
    B: Body<Error: Into<Failure>>,
{
    let (head, body) = request.into_parts();
    let body =
        Limited::new(body, MAX_BODY).collect().await.map_err(|_| denied(b"the body cannot be read"))?;
    let body = body.to_bytes();
    let target = head.uri.path_and_query().map_or("/", |target| target.as_str());
    let mut asked = HttpRequest::new(head.method.as_str(), target, &body);
    for (name, value) in &head.headers {
        let value = value.to_str().map_err(|_| denied(b"a header is not text"))?;
        asked = asked.header(name.as_str(), value);
    }
    let mut scratch = Scratch::default();
    let decision = engine.decide_http(&mut scratch, &asked, &Context::from(SystemTime::now()));
    let denial = (!decision.is_allowed()).then(|| denied(decision.answer));
    denial.map_or_else(|| Ok(Request::from_parts(head, Full::new(body))), Err)
}

fn denied(why: &[u8]) -> Box<Answer> {
    let mut answer = Response::new(Full::new(Bytes::copy_from_slice(why)));
    *answer.status_mut() = StatusCode::FORBIDDEN;
    Box::new(answer)
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Failure> {
    let (set, warnings) = PolicySet::from_files(std::env::args_os().skip(1))?;
    eprintln!("{warnings}");
    let engine = &*Box::leak(Box::new(Engine::new(set, Settings::default())?));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:8080").await?;
    loop {
        let (stream, _) = listener.accept().await?;
        let service = service_fn(async |request| match judged(engine, request).await {
            Ok(_goes_to_the_tool) => Ok::<_, Failure>(Response::new(Full::from("the tool ran"))),
            Err(denial) => Ok(*denial),
        });
        tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const POLICIES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/embed/no-deletes.yaml");

    /// What comes of a tool call.
    async fn call(tool: &str) -> (StatusCode, Bytes) {
        let (set, warnings) = PolicySet::from_files([POLICIES]).unwrap();
        assert!(warnings.is_empty(), "{warnings}");
        let engine = Engine::new(set, Settings::default()).unwrap();
        let body =
            format!(r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":"{tool}"}}}}"#);
        let request =
            Request::post("/mcp?a=b").header("Host", "localhost").body(Full::<Bytes>::from(body.clone()));
        let (status, got) = match judged(&engine, request.unwrap()).await {
            Ok(on) => (StatusCode::OK, on.into_body()),
            Err(denial) => (denial.status(), denial.into_body()),
        };
        let got = got.collect().await.unwrap().to_bytes();
        assert!(status == StatusCode::FORBIDDEN || got == body, "the bytes that were judged go on");
        (status, got)
    }

    #[tokio::test]
    async fn a_call_that_a_policy_denies_does_not_go_on() {
        let denied = (StatusCode::FORBIDDEN, Bytes::from("Nothing is deleted here."));
        assert_eq!(call("delete_order").await, denied);
        assert_eq!(call("get_order").await.0, StatusCode::OK);
    }

    #[tokio::test]
    async fn what_cannot_be_judged_does_not_go_on() {
        let (set, _) = PolicySet::from_files([POLICIES]).unwrap();
        let engine = Engine::new(set, Settings::default()).unwrap();
        let wild = Request::post("/").header("X-A", [0xff_u8].as_slice()).body(Full::<Bytes>::default());
        let large = Request::post("/").body(Full::from(vec![b' '; MAX_BODY + 1]));
        for request in [wild.unwrap(), large.unwrap()] {
            assert_eq!(judged(&engine, request).await.unwrap_err().status(), StatusCode::FORBIDDEN);
        }
    }
}

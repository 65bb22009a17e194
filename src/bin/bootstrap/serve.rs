//! From the Lambda runtime to the interceptor and back, one event at a time.
//!
//! The runtime would answer an event that is not JSON with an error of its own, which the gateway shows as an
//! outage. So a layer takes the bytes of the event away before the runtime reads them, and the interceptor gets all
//! of them, whatever they are.

use std::cell::{Cell, RefCell};
use std::fmt::Write as _;
use std::future::{Future, poll_fn, ready};
use std::io::{self, Write as _};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use lambda_runtime::tower::Layer;
use lambda_runtime::{Error, LambdaEvent, LambdaInvocation, Runtime, Service, service_fn};
use serde_json::value::RawValue;
use tokio::signal::unix::{SignalKind, signal};
use toolgate::audit::{Audit, Invocation, MAX_LINE};
use toolgate::config::DenialConfig;
use toolgate::gateway::Id;
use toolgate::gateway::answer::{self, Denial};
use toolgate::interceptor::{Interceptor, Scratch, decision_id};
use toolgate::policy::decide::Effect;

/// What an agent is told when even the answer failed.
const UNANSWERED: &str = "denied: the call could not be judged";

/// Answers events until Lambda ends the process.
///
/// # Errors
/// Why no more events can be answered, without anything that an event says.
pub(crate) fn serve(
    interceptor: &Interceptor<'_>,
    audit: &Audit,
    denial: DenialConfig,
) -> Result<(), String> {
    let executor = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| format!("the executor does not start: {error}"))?;
    executor.block_on(async {
        let mut terminate =
            signal(SignalKind::terminate()).map_err(|error| format!("SIGTERM cannot be caught: {error}"))?;
        let desk = Rc::new(Desk::default());
        let gate = Gate { interceptor, audit, denial, state: RefCell::new(State::default()) };
        let handler = service_fn(|event: LambdaEvent<()>| {
            let bytes = desk.event.take();
            ready(Ok::<_, Error>(gate.answer(&bytes, &event.context.request_id)))
        });
        let mut events = pin!(Runtime::new(handler).layer(Take(Rc::clone(&desk))).run());
        let mut stopping = false;
        poll_fn(|context| {
            stopping = stopping || terminate.poll_recv(context).is_ready();
            if let Poll::Ready(ended) = events.as_mut().poll(context) {
                return Poll::Ready(ended.map_err(|error| why(&error)));
            }
            // An answer that is under way is posted before the process ends.
            if stopping && !desk.busy.get() { Poll::Ready(Ok(())) } else { Poll::Pending }
        })
        .await
    })
}

/// Why the runtime gave up. What it could not read is not quoted: a client context may hold anything.
fn why(error: &Error) -> String {
    if error.is::<serde_json::Error>() {
        "the invocation's client context or identity is malformed; the process ends, as the runtime has no other way"
            .to_owned()
    } else {
        format!("the Lambda runtime ended: {error}")
    }
}

/// Between the layer and the handler.
#[derive(Default)]
struct Desk {
    /// The event that is to be answered.
    event: RefCell<Vec<u8>>,
    /// An event has come and its answer is not posted yet.
    busy: Cell<bool>,
}

/// Takes the event's bytes out of the invocation, so that the runtime finds `null`, which is always JSON.
struct Take(Rc<Desk>);

impl<S> Layer<S> for Take {
    type Service = Taking<S>;

    fn layer(&self, inner: S) -> Taking<S> {
        Taking { inner, desk: Rc::clone(&self.0) }
    }
}

struct Taking<S> {
    inner: S,
    desk: Rc<Desk>,
}

impl<S> Service<LambdaInvocation> for Taking<S>
where
    S: Service<LambdaInvocation, Response = (), Error = Error>,
    S::Future: 'static,
{
    type Response = ();
    type Error = Error;
    type Future = Pin<Box<dyn Future<Output = Result<(), Error>>>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut invocation: LambdaInvocation) -> Self::Future {
        self.desk.busy.set(true);
        self.desk.event.replace(std::mem::replace(&mut invocation.body, "null".into()).into());
        let answered = self.inner.call(invocation);
        let desk = Rc::clone(&self.desk);
        Box::pin(async move {
            let result = answered.await;
            desk.busy.set(false);
            result
        })
    }
}

/// Answers events and records what was decided.
struct Gate<'g, 'p> {
    interceptor: &'g Interceptor<'p>,
    audit: &'g Audit,
    denial: DenialConfig,
    state: RefCell<State>,
}

/// Memory that events use one after the other.
struct State {
    scratch: Scratch,
    line: Vec<u8>,
    id: String,
}

impl Default for State {
    fn default() -> Self {
        State { scratch: Scratch::default(), line: Vec::with_capacity(MAX_LINE), id: String::new() }
    }
}

impl Gate<'_, '_> {
    /// The answer to an event. The interceptor turns its own panics into denials; this is for all others.
    fn answer(&self, event: &[u8], request_id: &str) -> Box<RawValue> {
        let answered = catch_unwind(AssertUnwindSafe(|| self.judge(event, request_id)));
        answered.ok().flatten().unwrap_or_else(|| {
            let mut out = Vec::new();
            answer::deny(&mut out, &Denial::denied(Id::Null, UNANSWERED), &self.denial);
            // `null` is no answer that a gateway takes, so the call does not go through either.
            raw(&out).unwrap_or_else(|| RawValue::NULL.to_owned())
        })
    }

    /// `None` if the answer must not be given: it is an allow that could not be recorded, or it is not JSON.
    fn judge(&self, event: &[u8], request_id: &str) -> Option<Box<RawValue>> {
        let mut state = self.state.borrow_mut();
        let State { scratch, line, id } = &mut *state;
        let arrived = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let seconds = i64::try_from(arrived.as_secs()).unwrap_or(i64::MAX);
        let start = Instant::now();
        let answer = self.interceptor.intercept(scratch, event, seconds);
        let micros = u64::try_from(start.elapsed().as_micros()).unwrap_or(u64::MAX);
        id.clear();
        // Writing to a string does not fail.
        let _ = write!(id, "{}", decision_id(event));
        let invocation = Invocation { seconds, nanos: arrived.subsec_nanos(), request_id, micros };
        self.audit.write(line, &answer.record.entry(id), &invocation);
        let recorded = record(line);
        if recorded.is_err() && answer.record.effect == Effect::Allow {
            crate::log("an allow could not be recorded, so it is not given");
            return None;
        }
        raw(answer.bytes)
    }
}

/// Writes a record to the function's log before the answer goes out: afterwards the process may be frozen.
fn record(line: &[u8]) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(line)?;
    out.flush()
}

/// The answer as JSON text for the runtime, which writes it as it is.
fn raw(answer: &[u8]) -> Option<Box<RawValue>> {
    let text = String::from_utf8(answer.to_vec()).ok()?;
    RawValue::from_string(text).ok()
}

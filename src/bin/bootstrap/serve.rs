//! From the Lambda runtime to the engine and back, one event at a time.
//!
//! The runtime would answer an event that is not JSON with an error of its own, which the gateway shows as an
//! outage. So a layer takes the bytes of the event away before the runtime reads them, and the engine gets all
//! of them, whatever they are.

use std::cell::{Cell, RefCell};
use std::future::{Future, poll_fn, ready};
use std::io::{self, Write as _};
use std::num::ParseIntError;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::{Instant, SystemTime};

use lambda_runtime::tower::Layer;
use lambda_runtime::{Error, LambdaEvent, LambdaInvocation, Runtime, Service, service_fn};
use serde_json::value::RawValue;
use tokio::signal::unix::{SignalKind, signal};
use toolgate::internal::audit::MAX_LINE;
use toolgate::{Audit, Capabilities, Context as Circumstances, Engine, Invocation, Scratch};

/// What the runtime's panics mean: it expects the variables that Lambda sets,
const NO_FUNCTION: &str = "the variables that AWS Lambda sets for a function are missing or malformed: \
     AWS_LAMBDA_FUNCTION_NAME, AWS_LAMBDA_FUNCTION_MEMORY_SIZE, AWS_LAMBDA_FUNCTION_VERSION, AWS_LAMBDA_RUNTIME_API";
/// and that every answer is an invocation. It panics before the layer sees the answer, whose status is lost with it.
const NO_INVOCATION: &str = "the Lambda Runtime API answered the request for the next event with an error, or with \
     something else that is no invocation (no request id or no deadline; the runtime does not tell the status); the \
     process ends, and Lambda starts another";

/// Answers events until Lambda ends the process.
///
/// # Errors
/// Why no more events can be answered, without anything that an event says.
pub(crate) fn serve(engine: &Engine, capabilities: &Capabilities) -> Result<(), String> {
    let executor = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| format!("the executor does not start: {error}"))?;
    executor.block_on(async {
        let mut terminate =
            signal(SignalKind::terminate()).map_err(|error| format!("SIGTERM cannot be caught: {error}"))?;
        let desk = Rc::new(Desk::default());
        let gate =
            Gate { engine, capabilities, audit: engine.audit(), state: RefCell::new(State::default()) };
        let handler = service_fn(|event: LambdaEvent<()>| {
            let bytes = desk.event.take();
            ready(Ok::<_, Error>(gate.answer(&bytes, &event.context.request_id)))
        });
        let runtime = guarded(|| Runtime::new(handler)).ok_or(NO_FUNCTION)?;
        let mut events = pin!(runtime.layer(Take(Rc::clone(&desk))).run());
        let mut stopping = false;
        poll_fn(|context| {
            stopping = stopping || terminate.poll_recv(context).is_ready();
            match guarded(|| events.as_mut().poll(context)) {
                // It was left in the middle, so it must not be polled again.
                None => return Poll::Ready(Err(NO_INVOCATION.to_owned())),
                Some(Poll::Ready(ended)) => return Poll::Ready(ended.map_err(|error| why(&error))),
                Some(Poll::Pending) => {}
            }
            // An answer that is under way is posted before the process ends.
            if stopping && !desk.busy.get() { Poll::Ready(Ok(())) } else { Poll::Pending }
        })
        .await
    })
}

/// Calls into the runtime, which panics where it has no error: `None` then, and the panic is not logged, because the
/// caller says in its own words what happened.
fn guarded<T>(call: impl FnOnce() -> T) -> Option<T> {
    let before = IN_RUNTIME.replace(true);
    let result = catch_unwind(AssertUnwindSafe(call));
    IN_RUNTIME.set(before);
    result.ok()
}

thread_local! {
    /// What runs on this thread is the runtime, not the interceptor.
    static IN_RUNTIME: Cell<bool> = const { Cell::new(false) };
}

/// Whether a panic on this thread is the runtime's.
pub(crate) fn in_runtime() -> bool {
    IN_RUNTIME.try_with(Cell::get).unwrap_or_default()
}

/// Why the runtime gave up. What it could not read is not quoted: a client context may hold anything.
fn why(error: &Error) -> String {
    if let Some(refused) = error.downcast_ref::<NotAnInvocation>() {
        refused.to_string()
    } else if error.is::<serde_json::Error>() {
        "the invocation's client context or identity is malformed; the process ends, as the runtime has no other way"
            .to_owned()
    } else if error.is::<ParseIntError>() {
        // The one number that the runtime reads.
        "the invocation's deadline (`Lambda-Runtime-Deadline-Ms`), a header of the Runtime API's answer, is no number; the process \
         ends, and Lambda starts another"
            .to_owned()
    } else {
        format!("the Lambda runtime ended over a request to the Runtime API, or over its answer: {error}")
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

/// The Runtime API refused to give an event, and its answer looks like one to the runtime, which does not read the
/// status.
#[derive(Debug, thiserror::Error)]
#[error(
    "the Lambda Runtime API answered the request for the next event with status {0}; the process ends, and Lambda starts another"
)]
struct NotAnInvocation(u16);

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
        let status = invocation.parts.status;
        if !status.is_success() {
            return Box::pin(ready(Err(NotAnInvocation(status.as_u16()).into())));
        }
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
struct Gate<'g> {
    engine: &'g Engine,
    capabilities: &'g Capabilities,
    audit: Audit,
    state: RefCell<State>,
}

/// Memory that events use one after the other.
struct State {
    scratch: Scratch,
    line: Vec<u8>,
}

impl Default for State {
    fn default() -> Self {
        State { scratch: Scratch::default(), line: Vec::with_capacity(MAX_LINE) }
    }
}

impl Gate<'_> {
    /// The answer to an event. The engine turns its own panics into denials; this is for all others.
    fn answer(&self, event: &[u8], request_id: &str) -> Box<RawValue> {
        let runtime = IN_RUNTIME.replace(false);
        let answered = catch_unwind(AssertUnwindSafe(|| self.decide(event, request_id)));
        IN_RUNTIME.set(runtime);
        answered.ok().flatten().unwrap_or_else(|| {
            // `null` is no answer that a gateway takes, so the call does not go through either.
            raw(&self.engine.undecided()).unwrap_or_else(|| RawValue::NULL.to_owned())
        })
    }

    /// `None` if the answer must not be given: it is an allow that could not be recorded, or it is not JSON.
    fn decide(&self, event: &[u8], request_id: &str) -> Option<Box<RawValue>> {
        let mut state = self.state.borrow_mut();
        let State { scratch, line } = &mut *state;
        let now = SystemTime::now();
        let start = Instant::now();
        let decision = self.engine.decide(scratch, event, &Circumstances::from(now).with(self.capabilities));
        let mut invocation = Invocation::new(event, now);
        invocation.request_id = request_id;
        invocation.micros = u64::try_from(start.elapsed().as_micros()).unwrap_or(u64::MAX);
        self.audit.write(line, &decision.record, &invocation);
        let recorded = record(line);
        if recorded.is_err() && decision.is_allowed() {
            crate::log("an allow could not be recorded, so it is not given");
            return None;
        }
        raw(decision.answer)
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

//! The Lambda Runtime API on loopback, as far as a function process uses it, and such a process to talk to it.
//!
//! Nothing waits longer than [`PATIENCE`].

use std::collections::{HashMap, VecDeque};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// The longest wait for anything.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// An event that a function is to answer.
#[derive(Clone, Debug, Default)]
pub(crate) struct Event {
    /// The payload, which need not be JSON.
    pub(crate) body: Vec<u8>,
    /// Headers beside those that Lambda always sends.
    pub(crate) headers: Vec<(String, String)>,
    /// The bytes that answer the request for the event, in place of an invocation.
    pub(crate) raw: Option<Vec<u8>>,
    /// The status line that answers what is posted for it, in place of `202 Accepted`.
    pub(crate) accepted: Option<&'static str>,
}

impl Event {
    pub(crate) fn new(body: impl Into<Vec<u8>>) -> Event {
        Event { body: body.into(), ..Event::default() }
    }

    /// An answer that is no invocation.
    pub(crate) fn raw(bytes: impl Into<Vec<u8>>) -> Event {
        Event { raw: Some(bytes.into()), ..Event::default() }
    }

    pub(crate) fn header(mut self, name: &str, value: &str) -> Event {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }
}

/// What a function posts for an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// An answer.
    Response(Vec<u8>),
    /// A function error; a gateway shows it as an outage.
    Error(Vec<u8>),
}

impl Outcome {
    /// The answer as text.
    pub(crate) fn response(self) -> String {
        match self {
            Outcome::Response(bytes) => String::from_utf8(bytes).expect("answers are UTF-8"),
            Outcome::Error(bytes) => panic!("a function error: {}", String::from_utf8_lossy(&bytes)),
        }
    }
}

#[derive(Default)]
struct State {
    queue: VecDeque<(String, Event)>,
    /// How to answer what is posted for an event.
    refusals: HashMap<String, &'static str>,
    outcomes: HashMap<String, Outcome>,
    init_errors: Vec<String>,
    count: usize,
    /// How often an event was asked for.
    polls: usize,
    /// How many events were handed out.
    delivered: usize,
    closed: bool,
}

/// The API. Several function processes may use it one after the other.
pub(crate) struct Stub {
    address: SocketAddr,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no thread of the stub panics with the lock")
    }

    /// Keeps what was posted for `id`.
    fn post(&self, id: &str, outcome: Outcome) {
        let before = self.lock().outcomes.insert(id.to_owned(), outcome);
        assert!(before.is_none(), "posted twice for {id}");
    }

    /// Waits until `ready` gives something.
    fn wait<T>(&self, what: &str, mut ready: impl FnMut(&mut State) -> Option<T>) -> T {
        let end = Instant::now() + PATIENCE;
        let mut state = self.lock();
        loop {
            if let Some(found) = ready(&mut state) {
                return found;
            }
            let left = end.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "waited {PATIENCE:?} for {what}");
            state = self.changed.wait_timeout(state, left).expect("as above").0;
        }
    }
}

impl Stub {
    pub(crate) fn start() -> Stub {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("loopback has a free port");
        let address = listener.local_addr().expect("a bound listener has an address");
        let shared = Arc::new(Shared::default());
        let accepting = Arc::clone(&shared);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if accepting.lock().closed {
                    break;
                }
                let shared = Arc::clone(&accepting);
                thread::spawn(move || {
                    // A connection ends when its process does.
                    let _ = converse(stream, &shared);
                });
            }
        });
        Stub { address, shared }
    }

    /// Queues an event and gives its id.
    pub(crate) fn send(&self, event: Event) -> String {
        let mut state = self.shared.lock();
        state.count += 1;
        let id = format!("00000000-0000-4000-8000-{:012}", state.count);
        state.queue.push_back((id.clone(), event));
        self.shared.changed.notify_all();
        id
    }

    /// What the function posted for the event `id`.
    pub(crate) fn outcome(&self, id: &str) -> Outcome {
        self.shared.wait(&format!("the answer to {id}"), |state| state.outcomes.remove(id))
    }

    /// Sends an event and waits for what the function posts.
    pub(crate) fn ask(&self, body: impl Into<Vec<u8>>) -> Outcome {
        self.outcome(&self.send(Event::new(body)))
    }

    /// What was posted for `id` so far.
    pub(crate) fn posted(&self, id: &str) -> Option<Outcome> {
        self.shared.lock().outcomes.get(id).cloned()
    }

    /// The errors of starts that failed.
    pub(crate) fn init_errors(&self) -> Vec<String> {
        self.shared.lock().init_errors.clone()
    }

    /// Waits until the function has asked for an event `count` times.
    pub(crate) fn wait_for_polls(&self, count: usize) {
        self.shared.wait("a poll", |state| (state.polls >= count).then_some(()));
    }

    /// How often the function has asked for an event.
    pub(crate) fn polls(&self) -> usize {
        self.shared.lock().polls
    }

    /// Waits until `count` events were handed out.
    pub(crate) fn wait_for_delivery(&self, count: usize) {
        self.shared.wait("a delivery", |state| (state.delivered >= count).then_some(()));
    }

    /// A process of `program` with the variables that Lambda sets and those of `settings`.
    pub(crate) fn function(&self, program: &Path, settings: &[(&str, &str)]) -> Function {
        let mut child = Command::new(program)
            .env_clear()
            .env("AWS_LAMBDA_RUNTIME_API", self.address.to_string())
            .env("AWS_LAMBDA_FUNCTION_NAME", "toolgate")
            .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128")
            .env("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST")
            .envs(settings.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{} does not start: {error}", program.display()));
        let out = collect(child.stdout.take().expect("it is piped"));
        let log = collect(child.stderr.take().expect("it is piped"));
        Function { child, out: Some(out), log: Some(log) }
    }
}

impl Drop for Stub {
    fn drop(&mut self) {
        self.shared.lock().closed = true;
        self.shared.changed.notify_all();
        // Wakes the thread that accepts.
        let _ = TcpStream::connect_timeout(&self.address, PATIENCE);
    }
}

fn collect(mut pipe: impl Read + Send + 'static) -> JoinHandle<String> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        let _ = pipe.read_to_end(&mut bytes);
        String::from_utf8(bytes).expect("a function writes UTF-8")
    })
}

/// A function process. It is killed if it is still there in the end.
pub(crate) struct Function {
    child: Child,
    out: Option<JoinHandle<String>>,
    log: Option<JoinHandle<String>>,
}

/// What a process left.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) status: ExitStatus,
    /// Its standard output: the records.
    pub(crate) out: String,
    /// Its standard error: the log.
    pub(crate) log: String,
}

impl Function {
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends SIGTERM, as Lambda does, and waits for the end.
    pub(crate) fn terminate(self) -> Ended {
        let sent = Command::new("kill").args(["-TERM", &self.id().to_string()]).status();
        assert!(sent.expect("there is a kill").success());
        self.end()
    }

    /// Waits for the process to end by itself.
    pub(crate) fn end(mut self) -> Ended {
        let end = Instant::now() + PATIENCE;
        let status = loop {
            if let Some(status) = self.child.try_wait().expect("a child can be waited for") {
                break status;
            }
            assert!(Instant::now() < end, "the process does not end");
            thread::sleep(Duration::from_millis(2));
        };
        let text = |pipe: &mut Option<JoinHandle<String>>| {
            pipe.take().and_then(|reader| reader.join().ok()).expect("the output is read once")
        };
        Ended { status, out: text(&mut self.out), log: text(&mut self.log) }
    }
}

impl Drop for Function {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Serves one connection until the peer closes it.
fn converse(stream: TcpStream, shared: &Shared) -> io::Result<()> {
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut writer = stream;
    loop {
        let mut request = String::new();
        if reader.read_line(&mut request)? == 0 {
            return Ok(());
        }
        let mut length = 0;
        loop {
            let mut header = String::new();
            reader.read_line(&mut header)?;
            let header = header.trim_end().to_ascii_lowercase();
            if header.is_empty() {
                break;
            }
            if let Some(value) = header.strip_prefix("content-length:") {
                length = value.trim().parse().map_err(io::Error::other)?;
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body)?;
        let mut words = request.split(' ');
        let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        let path = path.strip_prefix("/2018-06-01/runtime").unwrap_or_default();
        let reply = match (method, path) {
            ("GET", "/invocation/next") => match next(&writer, shared) {
                Some((_, Event { raw: Some(bytes), .. })) => {
                    // The answer is all that there is: the connection ends with it.
                    return writer.write_all(&bytes);
                }
                Some((id, event)) => {
                    if let Some(status) = event.accepted {
                        shared.lock().refusals.insert(id.clone(), status);
                    }
                    invocation(&id, &event)
                }
                None => return Ok(()),
            },
            ("POST", "/init/error") => {
                shared.lock().init_errors.push(String::from_utf8_lossy(&body).into_owned());
                accepted()
            }
            ("POST", path) => {
                let posted = path.strip_prefix("/invocation/").and_then(|path| path.split_once('/'));
                let outcome = match posted {
                    Some((id, "response")) => Some((id, Outcome::Response(body))),
                    Some((id, "error")) => Some((id, Outcome::Error(body))),
                    _ => None,
                };
                match outcome {
                    Some((id, outcome)) => {
                        shared.post(id, outcome);
                        let refusal = shared.lock().refusals.remove(id);
                        refusal.map_or_else(accepted, |status| {
                            format!("HTTP/1.1 {status}\r\nContent-Length: 2\r\n\r\n{{}}").into_bytes()
                        })
                    }
                    None => b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n".to_vec(),
                }
            }
            _ => b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n".to_vec(),
        };
        shared.changed.notify_all();
        writer.write_all(&reply)?;
    }
}

/// The next event, or nothing if the process that asks has ended.
fn next(peer: &TcpStream, shared: &Shared) -> Option<(String, Event)> {
    let mut state = shared.lock();
    state.polls += 1;
    shared.changed.notify_all();
    loop {
        if state.closed || !is_open(peer) {
            return None;
        }
        if let Some(event) = state.queue.pop_front() {
            state.delivered += 1;
            shared.changed.notify_all();
            return Some(event);
        }
        state = shared.changed.wait_timeout(state, Duration::from_millis(20)).ok()?.0;
    }
}

/// A process that waits for an event sends nothing; if there is something to read, it is the end.
fn is_open(peer: &TcpStream) -> bool {
    let asked = peer.set_nonblocking(true).and_then(|()| peer.peek(&mut [0]));
    let _ = peer.set_nonblocking(false);
    matches!(asked, Err(error) if error.kind() == io::ErrorKind::WouldBlock)
}

fn invocation(id: &str, event: &Event) -> Vec<u8> {
    let mut reply = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\
         Lambda-Runtime-Aws-Request-Id: {id}\r\nLambda-Runtime-Deadline-Ms: 4102444800000\r\n\
         Lambda-Runtime-Invoked-Function-Arn: arn:aws:lambda:eu-central-1:123456789012:function:toolgate\r\n",
        event.body.len()
    )
    .into_bytes();
    for (name, value) in &event.headers {
        reply.extend_from_slice(format!("{name}: {value}\r\n").as_bytes());
    }
    reply.extend_from_slice(b"\r\n");
    reply.extend_from_slice(&event.body);
    reply
}

fn accepted() -> Vec<u8> {
    b"HTTP/1.1 202 Accepted\r\nContent-Type: application/json\r\nContent-Length: 16\r\n\r\n{\"status\":\"OK\"}\n".to_vec()
}

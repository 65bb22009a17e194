//! An HTTPS server for tests: what each path answers can be changed while it runs.

use std::collections::HashMap;
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

/// What a path answers.
#[derive(Clone, Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) location: Option<String>,
    pub(crate) body: String,
}

impl Reply {
    pub(crate) fn ok(body: &str) -> Reply {
        Reply { status: 200, location: None, body: body.to_owned() }
    }

    pub(crate) fn moved(status: u16, location: &str) -> Reply {
        Reply { status, location: Some(location.to_owned()), body: String::new() }
    }
}

/// A server on a port of its own; it ends with the test.
pub(crate) struct Server {
    port: u16,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    replies: Mutex<HashMap<String, Reply>>,
    /// Requests that were answered.
    count: AtomicUsize,
    /// Milliseconds before an answer.
    delay: AtomicUsize,
    ended: AtomicBool,
}

impl Server {
    pub(crate) fn start() -> Server {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/tls");
        let certificate =
            CertificateDer::from_pem_slice(&fs::read(folder.join("server.pem")).unwrap()).unwrap();
        let key = PrivateKeyDer::from_pem_slice(&fs::read(folder.join("server.key")).unwrap()).unwrap();
        let config = ServerConfig::builder_with_provider(Arc::new(rustls_graviola::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate], key)
            .unwrap();
        let config = Arc::new(config);
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let server = Server { port: listener.local_addr().unwrap().port(), state: Arc::default() };
        let state = Arc::clone(&server.state);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if state.ended.load(Ordering::Relaxed) {
                    return;
                }
                let (state, config) = (Arc::clone(&state), Arc::clone(&config));
                thread::spawn(move || serve(stream, config, &state));
            }
        });
        server
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("https://localhost:{}{path}", self.port)
    }

    pub(crate) fn set(&self, path: &str, reply: Reply) {
        self.state.replies.lock().unwrap().insert(path.to_owned(), reply);
    }

    /// Answers take so long from now on.
    pub(crate) fn slow(&self, delay: Duration) {
        self.state.delay.store(usize::try_from(delay.as_millis()).unwrap(), Ordering::Relaxed);
    }

    /// How many requests came.
    pub(crate) fn count(&self) -> usize {
        self.state.count.load(Ordering::Relaxed)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.state.ended.store(true, Ordering::Relaxed);
        // Wakes the thread that accepts.
        let _ = TcpStream::connect(("127.0.0.1", self.port));
    }
}

/// Answers the requests of one connection, which have no body.
fn serve(stream: TcpStream, config: Arc<ServerConfig>, state: &State) {
    let mut stream = StreamOwned::new(ServerConnection::new(config).unwrap(), stream);
    let mut text = Vec::new();
    let mut part = [0; 4096];
    loop {
        while !text.windows(4).any(|end| end == b"\r\n\r\n") {
            match stream.read(&mut part) {
                Ok(0) | Err(_) => return,
                Ok(count) => text.extend(part.iter().take(count)),
            }
        }
        let request = String::from_utf8_lossy(&text).into_owned();
        text.clear();
        let path = request.split(' ').nth(1).unwrap_or_default();
        state.count.fetch_add(1, Ordering::Relaxed);
        let delay = state.delay.load(Ordering::Relaxed);
        thread::sleep(Duration::from_millis(u64::try_from(delay).unwrap()));
        let reply = state.replies.lock().unwrap().get(path).cloned();
        let reply = reply.unwrap_or(Reply { status: 404, location: None, body: String::new() });
        let location = reply.location.map(|to| format!("Location: {to}\r\n")).unwrap_or_default();
        let answer = format!(
            "HTTP/1.1 {} x\r\nContent-Type: application/json\r\n{location}Content-Length: {}\r\n\r\n{}",
            reply.status,
            reply.body.len(),
            reply.body
        );
        if stream.write_all(answer.as_bytes()).and_then(|()| stream.flush()).is_err() {
            return;
        }
    }
}

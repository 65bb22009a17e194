//! Kyverno by way of `oracle/`: its engine in the oracle's process, and its HTTP server on loopback.

use std::io::{self, BufRead, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::measure::{Measured, Said, Times, times};
use crate::Failure;

/// The connections that share the server when calls per second are counted.
const CONNECTIONS: usize = 4;

/// The program of `oracle/`.
#[derive(Clone, Debug)]
pub(crate) struct Oracle {
    pub(crate) path: PathBuf,
}

/// What the oracle says of Kyverno's engine.
#[derive(Clone, Debug)]
pub(crate) struct Engine {
    pub(crate) said: Said,
    pub(crate) times: Times,
    pub(crate) decoded: f64,
}

impl Oracle {
    /// Builds it with Go, as `oracle/README.md` says.
    pub(crate) fn build(root: &Path) -> Result<Oracle, Failure> {
        let built = Command::new("go")
            .args(["build", "-o", "../target/oracle", "."])
            .current_dir(root.join("oracle"))
            .status()
            .map_err(|error| format!("go does not run: {error}"))?;
        if !built.success() {
            return Err("the oracle does not build".into());
        }
        Ok(Oracle { path: root.join("target/oracle") })
    }

    /// Times Kyverno's engine in process.
    pub(crate) fn time(&self, policies: &Path, request: &Path, length: Duration) -> Result<Engine, Failure> {
        #[derive(serde::Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Timing {
            decision: String,
            reason: String,
            p50: f64,
            p99: f64,
            p50_with_decoding: f64,
        }
        let output = Command::new(&self.path)
            .arg("time")
            .arg("-policies")
            .arg(policies)
            .arg("-request")
            .arg(request)
            .arg("-seconds")
            // Half of it is for the times with decoding.
            .arg((length.as_secs_f64() * 2.0).to_string())
            .stderr(Stdio::inherit())
            .output()?;
        if !output.status.success() {
            return Err("the oracle has no times".into());
        }
        let timing: Timing = serde_json::from_slice(&output.stdout)?;
        let status = match timing.decision.as_str() {
            "allow" | "none" => 200,
            "deny" => 403,
            _ => 500,
        };
        Ok(Engine {
            said: Said { status, reason: timing.reason },
            times: Times { p50: timing.p50, p99: timing.p99, rate: 1e9 / timing.p50 },
            decoded: timing.p50_with_decoding,
        })
    }
}

/// Kyverno's HTTP server, killed when this is dropped.
#[derive(Debug)]
pub(crate) struct Server {
    process: Child,
    address: SocketAddr,
}

impl Server {
    /// Starts it on a free port of 127.0.0.1 and waits until it listens.
    pub(crate) fn start(oracle: &Oracle, policies: &Path) -> Result<Server, Failure> {
        // The port is free again when the listener is gone.
        let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        let process = Command::new(&oracle.path)
            .args(["http-server", "-address", &address.to_string(), "-policies"])
            .arg(policies)
            .stdin(Stdio::null())
            // Kyverno prints each decision there.
            .stdout(Stdio::null())
            .spawn()?;
        let mut server = Server { process, address };
        let start = Instant::now();
        while TcpStream::connect(address).is_err() {
            if server.process.try_wait()?.is_some() || start.elapsed() > Duration::from_secs(60) {
                return Err("Kyverno's server does not start".into());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(server)
    }

    /// Asks about `request`, which is the body of a `POST /` as Kyverno wants it.
    pub(crate) fn drive(&self, request: &str, length: Duration) -> Result<Measured, Failure> {
        let outer =
            format!("POST / HTTP/1.1\r\nHost: kyverno\r\nContent-Length: {}\r\n\r\n{request}", request.len());
        let mut connection = Connection::open(self.address, &outer)?;
        let said = connection.ask()?.clone();
        let mut times = times(length, || connection.ask_again(&said))?;
        drop(connection);
        let rates: Vec<io::Result<Times>> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..CONNECTIONS)
                .map(|_| {
                    scope.spawn(|| {
                        let mut connection = Connection::open(self.address, &outer)?;
                        super::measure::times(length, || connection.ask_again(&said))
                    })
                })
                .collect();
            threads.into_iter().filter_map(|thread| thread.join().ok()).collect()
        });
        times.rate = 0.0;
        for rate in rates {
            times.rate += rate?.rate;
        }
        Ok(Measured { said, times })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A connection that stays open from call to call.
struct Connection {
    stream: BufReader<TcpStream>,
    request: Vec<u8>,
    line: String,
    body: Vec<u8>,
    said: Said,
}

impl Connection {
    fn open(address: SocketAddr, request: &str) -> io::Result<Connection> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(Duration::from_secs(30)))?;
        Ok(Connection {
            stream: BufReader::new(stream),
            request: request.as_bytes().to_vec(),
            line: String::new(),
            body: Vec::new(),
            said: Said { status: 0, reason: String::new() },
        })
    }

    /// One call and its answer. The server always gives a `Content-Length`.
    fn ask(&mut self) -> io::Result<&Said> {
        self.stream.get_mut().write_all(&self.request)?;
        let status = self.header_line()?.split(' ').nth(1).and_then(|status| status.parse().ok());
        self.said.status = status.ok_or_else(|| io::Error::other("no status"))?;
        let mut length = None;
        loop {
            let line = self.header_line()?;
            if line.is_empty() {
                break;
            }
            if let Some(value) = line.strip_prefix("Content-Length: ") {
                length = value.parse::<usize>().ok();
            }
        }
        self.body.resize(length.ok_or_else(|| io::Error::other("no Content-Length"))?, 0);
        self.stream.read_exact(&mut self.body)?;
        self.said.reason.clear();
        self.said.reason.push_str(std::str::from_utf8(&self.body).map_err(io::Error::other)?);
        Ok(&self.said)
    }

    /// The same call again; it must get the same answer.
    fn ask_again(&mut self, before: &Said) -> io::Result<()> {
        if self.ask()? == before { Ok(()) } else { Err(io::Error::other("another answer than before")) }
    }

    fn header_line(&mut self) -> io::Result<&str> {
        self.line.clear();
        if self.stream.read_line(&mut self.line)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(self.line.trim_end())
    }
}

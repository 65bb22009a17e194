//! The key of the records' digests, from AWS Secrets Manager or SSM Parameter Store.
//!
//! Asked once, at start, by way of the AWS Parameters and Secrets Lambda Extension: it listens on the loopback
//! interface, signs and encrypts the calls to AWS, and needs no TLS here. A secret never reaches a message.

use std::env;
use std::io::{self, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::Value;
use toolgate::internal::audit::KeySource;
use toolgate::internal::limit::over;

/// Where the extension listens, unless a variable of its own says otherwise.
const PORT: u16 = 2773;
/// How long the extension may take to be there and to answer. Lambda gives a start ten seconds.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long to wait before the extension is asked again.
const PAUSE: Duration = Duration::from_millis(50);
/// The most of an answer that is read. A secret has at most 64 KiB.
const MAX_ANSWER: u64 = 256 * 1024;

/// The text of the secret or parameter.
///
/// # Errors
/// Why there is none, in words that name the source and nothing of what it holds.
pub(crate) fn fetch(source: &KeySource) -> Result<String, String> {
    let port = match env::var("PARAMETERS_SECRETS_EXTENSION_HTTP_PORT") {
        Ok(port) => port.parse().map_err(|_| "the port of the secrets extension is no port".to_owned())?,
        Err(_) => PORT,
    };
    let token = env::var("AWS_SESSION_TOKEN").map_err(|_| "there is no AWS_SESSION_TOKEN".to_owned())?;
    if token.is_empty() || token.chars().any(|c| !c.is_ascii_graphic()) {
        return Err("AWS_SESSION_TOKEN cannot be sent in a header".to_owned());
    }
    let path = match source {
        KeySource::Secret(arn) => format!("/secretsmanager/get?secretId={}", encoded(arn)),
        KeySource::Parameter(arn) => {
            format!("/systemsmanager/parameters/get?name={}&withDecryption=true", encoded(arn))
        }
    };
    // HTTP/1.0, so that the answer is not sent in chunks.
    let request =
        format!("GET {path} HTTP/1.0\r\nHost: localhost\r\nX-Aws-Parameters-Secrets-Token: {token}\r\n\r\n");
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let deadline = Instant::now().checked_add(PATIENCE).ok_or("the clock is at its end")?;
    loop {
        let wrong = match ask(address, &request, deadline) {
            Ok(answer) => match status(&answer) {
                Some((200, body)) => return text(source, body),
                // The extension says so while it starts.
                Some((400, body)) if contains(body, b"not ready") => "it is not ready".to_owned(),
                Some((status, _)) => {
                    return Err(format!("the secrets extension answers with status {status} for `{source}`"));
                }
                None => {
                    return Err("the secrets extension answers with something that is not HTTP".to_owned());
                }
            },
            Err(error) => error.to_string(),
        };
        if Instant::now() >= deadline {
            return Err(format!("the secrets extension gives no answer on port {port}: {wrong}"));
        }
        sleep(PAUSE);
    }
}

/// The whole answer, as far as it is read.
fn ask(address: SocketAddr, request: &str, deadline: Instant) -> io::Result<Vec<u8>> {
    let left = || {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() { Err(io::Error::from(io::ErrorKind::TimedOut)) } else { Ok(left) }
    };
    let mut stream = TcpStream::connect_timeout(&address, left()?)?;
    stream.set_write_timeout(Some(left()?))?;
    stream.write_all(request.as_bytes())?;
    let mut answer = Vec::new();
    let mut part = [0; 4096];
    // Part by part, so that one that trickles does not outlast the deadline.
    loop {
        stream.set_read_timeout(Some(left()?))?;
        let read = stream.read(&mut part)?;
        answer.extend_from_slice(part.get(..read).unwrap_or_default());
        if read == 0 {
            return Ok(answer);
        }
        if u64::try_from(answer.len()).unwrap_or(u64::MAX) > MAX_ANSWER {
            return Err(io::Error::other(format!("the answer has {}", over(MAX_ANSWER, "bytes"))));
        }
    }
}

/// The status and the body of an answer that is whole.
fn status(answer: &[u8]) -> Option<(u16, &[u8])> {
    let end = answer.windows(4).position(|window| window == b"\r\n\r\n")?;
    let head = std::str::from_utf8(answer.get(..end)?).ok()?;
    let body = answer.get(end.checked_add(4)?..)?;
    let mut lines = head.split("\r\n");
    let status = lines.next()?.strip_prefix("HTTP/1.")?.split(' ').nth(1)?.parse().ok()?;
    let length = lines
        .filter_map(|line| line.split_once(':'))
        .find(|(name, _)| name.eq_ignore_ascii_case("content-length"));
    let whole = length.is_none_or(|(_, length)| length.trim().parse() == Ok(body.len()));
    whole.then_some((status, body))
}

fn contains(text: &[u8], part: &[u8]) -> bool {
    text.windows(part.len()).any(|window| window == part)
}

/// What the answer of the API holds.
fn text(source: &KeySource, body: &[u8]) -> Result<String, String> {
    let answer: Value = serde_json::from_slice(body)
        .map_err(|_| format!("what the secrets extension answers for `{source}` is not JSON"))?;
    let value = match source {
        KeySource::Secret(_) => answer.get("SecretString"),
        KeySource::Parameter(_) => answer.get("Parameter").and_then(|parameter| parameter.get("Value")),
    };
    let text = value.and_then(Value::as_str).ok_or_else(|| format!("`{source}` holds no text"))?;
    Ok(text.to_owned())
}

/// A text as the value of a query.
fn encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_counts_only_whole() {
        assert_eq!(status(b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\n{}"), Some((200, &b"{}"[..])));
        assert_eq!(status(b"HTTP/1.1 403 Forbidden\r\n\r\nno"), Some((403, &b"no"[..])));
        assert_eq!(status(b"HTTP/1.0 200 OK\r\ncontent-length: 3\r\n\r\n{}"), None);
        assert_eq!(status(b"HTTP/1.0 200 OK\r\n"), None);
        assert_eq!(status(b"hello\r\n\r\n"), None);
    }

    #[test]
    fn an_arn_is_encoded() {
        assert_eq!(encoded("arn:aws:ssm:eu:1:parameter/a b"), "arn%3Aaws%3Assm%3Aeu%3A1%3Aparameter%2Fa%20b");
    }
}

//! HTTP as policies may use it: to the hosts that are granted, within a time and a size. The only file that opens a
//! connection.
//!
//! Names are resolved here, and a name that leads to an address that is link-local or of a cloud's metadata is refused, so
//! that what was looked at is what is connected to. A redirect is followed only within a host.

use std::fmt;
use std::io::Read as _;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use ureq::http::Uri;
use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig, parse_pem};
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{DefaultConnector, NextTimeout};
use ureq::{Agent, config::Config};

use super::prefix::{Place, Prefix};
use crate::library::capability::{Request, Unanswered};

/// How many redirects are followed, as by Go's client.
const MAX_REDIRECTS: usize = 10;
/// The most of an answer's headers, in bytes.
const MAX_HEADERS: usize = 64 * 1024;

/// What Kyverno's client, which knows no limits, would go on with.
pub(super) const NOT_GRANTED: Unanswered =
    Unanswered::Withheld("a policy asks a URL that is not granted (`urls` in `capabilities`)");
const LATE: Unanswered =
    Unanswered::Withheld("the time limit of what policies ask is reached (`timeLimit` in `capabilities`)");
const TOO_LARGE: Unanswered =
    Unanswered::Withheld("an answer is larger than the limit (`maxBytes` in `capabilities`)");
const AWAY: Unanswered =
    Unanswered::Withheld("a redirect to another host is not followed, nor one that is not granted");
const AMBIGUOUS: Unanswered = Unanswered::Withheld("a URL that policies ask reads in two ways");
const GUARDED: Unanswered = Unanswered::Withheld(
    "a URL leads to an address that is link-local or of a cloud's metadata, which is not granted",
);
const UNREADABLE: Unanswered =
    Unanswered::Withheld("a request that policies send cannot be sent, or its answer not be read as HTTP");

/// A client for the URLs that are granted.
pub(super) struct Client {
    agent: Agent,
    granted: Vec<Prefix>,
    max_bytes: u64,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("granted", &self.granted).finish_non_exhaustive()
    }
}

/// An answer.
#[derive(Debug)]
pub(super) struct Fetched {
    pub(super) status: u16,
    pub(super) body: Vec<u8>,
}

impl Client {
    /// A client that trusts `authorities`, PEM certificates, in place of the web's if there are any.
    ///
    /// # Errors
    /// Why the certificates cannot be read.
    pub(super) fn new(urls: &[String], max_bytes: u64, authorities: Option<&str>) -> Result<Client, String> {
        let granted: Vec<Prefix> = urls.iter().filter_map(|url| Prefix::of(url).ok()).collect();
        let roots = match authorities {
            None => RootCerts::WebPki,
            Some(pem) => RootCerts::Specific(Arc::new(certificates(pem)?)),
        };
        let tls = TlsConfig::builder()
            .root_certs(roots)
            .unversioned_rustls_crypto_provider(Arc::new(rustls_graviola::default_provider()))
            .build();
        let config = Config::builder()
            .tls_config(tls)
            .proxy(None)
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .max_response_header_size(MAX_HEADERS)
            .user_agent(concat!("toolgate/", env!("CARGO_PKG_VERSION")))
            .build();
        // An address can be granted only by its own name, which then leads nowhere else.
        let literal = |prefix: &Prefix| prefix.place().host.parse::<IpAddr>().ok();
        let listed = granted.iter().filter_map(literal).collect();
        let resolver = Guarded { inner: DefaultResolver::default(), listed };
        let agent = Agent::with_parts(config, DefaultConnector::new(), resolver);
        Ok(Client { agent, granted, max_bytes })
    }

    /// True if the URL may be asked.
    pub(super) fn grants(&self, url: &str) -> bool {
        self.granted.iter().any(|prefix| prefix.allows(url))
    }

    /// Sends a request and reads the answer, all within `limit`.
    ///
    /// # Errors
    /// What went wrong, in words that follow "Get "https://…": "; or one of the limits here.
    pub(super) fn send(&self, request: &Request<'_>, limit: Duration) -> Result<Fetched, Unanswered> {
        let start = Instant::now();
        let mut url = request.url.to_owned();
        let (mut method, mut body) = (request.method, request.body);
        for _ in 0..=MAX_REDIRECTS {
            let left = limit.saturating_sub(start.elapsed());
            if left.is_zero() {
                return Err(LATE);
            }
            let uri = self.uri(&url)?;
            let mut response = self.once(method, &uri, request.headers, body, left)?;
            let status = response.status().as_u16();
            let location = response.headers().get("location").and_then(|value| value.to_str().ok());
            let next = match status {
                301 | 302 | 303 | 307 | 308 => location.map(|location| resolved(&uri, location)),
                _ => None,
            };
            let Some(next) = next else {
                let mut body = Vec::new();
                let mut reader = response.body_mut().as_reader().take(self.max_bytes.saturating_add(1));
                reader.read_to_end(&mut body).map_err(|error| words(&error.into()))?;
                if u64::try_from(body.len()).unwrap_or(u64::MAX) > self.max_bytes {
                    return Err(TOO_LARGE);
                }
                return Ok(Fetched { status, body });
            };
            if !leads_within(&url, &next) || !self.grants(&next) {
                return Err(AWAY);
            }
            if status < 304 {
                (method, body) = ("GET", None);
            }
            url = next;
        }
        Err(Unanswered::Failed(format!("stopped after {MAX_REDIRECTS} redirects")))
    }

    fn once(
        &self,
        method: &str,
        uri: &Uri,
        headers: &[(&str, &str)],
        body: Option<&[u8]>,
        limit: Duration,
    ) -> Result<ureq::http::Response<ureq::Body>, Unanswered> {
        let mut request = ureq::http::Request::builder().method(method).uri(uri);
        for (name, value) in headers {
            request = request.header(*name, value.as_bytes());
        }
        let wrong = |_: ureq::http::Error| UNREADABLE;
        let answered = match body {
            Some(body) => {
                let request = request.body(body).map_err(wrong)?;
                let request = self.agent.configure_request(request).timeout_global(Some(limit)).build();
                self.agent.run(request)
            }
            None => {
                let request = request.body(()).map_err(wrong)?;
                let request = self.agent.configure_request(request).timeout_global(Some(limit)).build();
                self.agent.run(request)
            }
        };
        answered.map_err(|error| words(&error))
    }

    /// The URL as it is sent. Two readers of URLs must agree whose it is: the one that grants, and the one that connects.
    fn uri(&self, url: &str) -> Result<Uri, Unanswered> {
        if !self.grants(url) {
            return Err(NOT_GRANTED);
        }
        let without_fragment = url.split('#').next().unwrap_or_default();
        let uri: Uri = without_fragment.parse().map_err(|_| UNREADABLE)?;
        let granted = Place::of_text(url);
        let host = uri.host().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
        let standard = if uri.scheme_str() == Some("http") { 80 } else { 443 };
        let connected = Place {
            scheme: uri.scheme_str().unwrap_or_default().to_owned(),
            host: host.trim_end_matches('.').to_ascii_lowercase(),
            port: uri.port_u16().unwrap_or(standard),
        };
        match granted == Some(connected) {
            true => Ok(uri),
            false => Err(AMBIGUOUS),
        }
    }
}

/// True if a redirect stays within a host: the same place, or from HTTP to HTTPS at their usual ports, never back.
fn leads_within(from: &str, to: &str) -> bool {
    let (Some(from), Some(to)) = (Place::of_text(from), Place::of_text(to)) else { return false };
    let upward = || {
        from.host == to.host
            && (from.scheme.as_str(), from.port, to.scheme.as_str(), to.port) == ("http", 80, "https", 443)
    };
    from == to || upward()
}

/// Where a redirect leads.
fn resolved(from: &Uri, location: &str) -> String {
    let scheme = from.scheme_str().unwrap_or_default();
    let authority = from.authority().map(|authority| authority.as_str()).unwrap_or_default();
    if location.contains("://") {
        return location.to_owned();
    }
    if let Some(rest) = location.strip_prefix("//") {
        return format!("{scheme}://{rest}");
    }
    if location.starts_with('/') {
        return format!("{scheme}://{authority}{location}");
    }
    let folder = from.path().rsplit_once('/').map_or("", |(folder, _)| folder);
    format!("{scheme}://{authority}{folder}/{location}")
}

/// The certificates in a text of PEM.
///
/// # Errors
/// It is none, or there are none in it.
pub(super) fn certificates(pem: &str) -> Result<Vec<Certificate<'static>>, String> {
    let mut found = Vec::new();
    for item in parse_pem(pem.as_bytes()) {
        match item {
            Ok(PemItem::Certificate(certificate)) => found.push(certificate),
            Ok(_) => {}
            Err(error) => return Err(error.to_string()),
        }
    }
    if found.is_empty() { Err("there is no certificate in it".to_owned()) } else { Ok(found) }
}

/// Only what any client would be told is an error; what is left may be a limit of this one.
fn words(error: &ureq::Error) -> Unanswered {
    match error {
        ureq::Error::Timeout(_) => LATE,
        ureq::Error::Io(error) if error.kind() == std::io::ErrorKind::TimedOut => LATE,
        ureq::Error::Io(error) if error.get_ref().is_some_and(|inner| inner.is::<Guard>()) => GUARDED,
        ureq::Error::Io(error) => Unanswered::Failed(error.to_string()),
        ureq::Error::Rustls(error) => Unanswered::Failed(error.to_string()),
        ureq::Error::HostNotFound | ureq::Error::ConnectionFailed | ureq::Error::Tls(_) => {
            Unanswered::Failed(error.to_string())
        }
        _ => UNREADABLE,
    }
}

/// An address that is not granted.
#[derive(Debug)]
struct Guard(IpAddr);

impl fmt::Display for Guard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is link-local or of a cloud's metadata, which is not granted", self.0)
    }
}

impl std::error::Error for Guard {}

/// Resolves names, and refuses what they must not lead to.
#[derive(Debug)]
struct Guarded {
    inner: DefaultResolver,
    /// Addresses that are granted by themselves.
    listed: Vec<IpAddr>,
}

impl Resolver for Guarded {
    fn resolve(
        &self,
        uri: &Uri,
        config: &Config,
        timeout: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, ureq::Error> {
        let found = self.inner.resolve(uri, config, timeout)?;
        let host = uri.host().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
        let own: Option<IpAddr> = host.parse().ok();
        let refused = found.iter().map(|address| address.ip()).find(|address| {
            is_guarded(*address) && !(own == Some(*address) && self.listed.contains(address))
        });
        match refused {
            None => Ok(found),
            Some(address) => Err(std::io::Error::other(Guard(address)).into()),
        }
    }
}

/// Addresses that answer whoever is on the machine: link-local ones, and those of the clouds' metadata.
fn is_guarded(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => {
            v4.is_link_local()
                || v4.is_unspecified()
                || [
                    Ipv4Addr::new(100, 100, 100, 200),
                    Ipv4Addr::new(168, 63, 129, 16),
                    Ipv4Addr::new(192, 0, 0, 192),
                ]
                .contains(&v4)
        }
        IpAddr::V6(v6) => {
            v6.is_unicast_link_local()
                || v6 == Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254)
                || embedded(v6).is_some_and(|v4| is_guarded(IpAddr::V4(v4)))
        }
    }
}

/// The IPv4 address that an IPv6 address is another spelling of: mapped, compatible, NAT64 and 6to4.
fn embedded(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let [a, b, c, d, e, f, g, h] = address.segments();
    let of = |high: u16, low: u16| {
        let ([w, x], [y, z]) = (high.to_be_bytes(), low.to_be_bytes());
        Some(Ipv4Addr::new(w, x, y, z))
    };
    match [a, b, c, d, e, f] {
        [0, 0, 0, 0, 0, 0 | 0xffff] | [0x64, 0xff9b, 0, 0, 0, 0] => of(g, h),
        [0x2002, high, low, ..] => of(high, low),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_the_machine_and_the_cloud_are_guarded_in_every_spelling() {
        for text in [
            "169.254.169.254",
            "169.254.0.1",
            "169.254.170.2",
            "0.0.0.0",
            "100.100.100.200",
            "fe80::1",
            "febf::1",
            "fd00:ec2::254",
            "::ffff:169.254.169.254",
            "::169.254.169.254",
            "64:ff9b::a9fe:a9fe",
            "2002:a9fe:a9fe::1",
            "::",
        ] {
            assert!(is_guarded(text.parse().unwrap()), "{text}");
        }
        for text in ["127.0.0.1", "10.0.0.1", "8.8.8.8", "::1", "2001:db8::1", "fd00:ec2::253", "fec0::1"] {
            assert!(!is_guarded(text.parse().unwrap()), "{text}");
        }
    }

    #[test]
    fn what_two_readers_read_differently_is_not_sent() {
        let client = Client::new(&["https://a.example/v1".to_owned()], 1, None).unwrap();
        assert!(client.uri("https://A.example:443/v1/x?y#z").is_ok());
        for url in [
            "https://b.example/v1",
            "https://a.example/v2",
            "https://a.example/v1/../x",
            "https://a.example/v1/a b",
        ] {
            assert!(client.uri(url).is_err(), "{url}");
        }
    }

    #[test]
    fn redirects_lead_to_the_same_host_and_never_away_from_tls() {
        for (to, due) in [
            ("http://A.example/x", true),
            ("https://a.example/x", true),
            ("https://a.example:443", true),
            ("https://a.example:8443/", false),
            ("https://b.example/", false),
            ("ftp://a.example/", false),
        ] {
            assert_eq!(leads_within("http://a.example/y", to), due, "{to}");
        }
        assert!(!leads_within("https://a.example/", "http://a.example/"));
        assert!(!leads_within("http://a.example:8080/", "https://a.example/"));
    }

    #[test]
    fn redirects_lead_where_their_location_says() {
        let from: Uri = "https://a.example/x/y?z".parse().unwrap();
        for (location, due) in [
            ("https://b.example/", "https://b.example/"),
            ("//b.example/", "https://b.example/"),
            ("/c", "https://a.example/c"),
            ("c?d", "https://a.example/x/c?d"),
        ] {
            assert_eq!(resolved(&from, location), due);
        }
    }
}

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
use crate::library::capability::Request;
use crate::limit::over_setting;

/// How many redirects are followed, as by Go's client.
const MAX_REDIRECTS: usize = 10;
/// The most of an answer's headers, in bytes.
const MAX_HEADERS: usize = 64 * 1024;

/// A client for the URLs that are granted.
pub(super) struct Client {
    agent: Agent,
    granted: Vec<Prefix>,
    max_bytes: u64,
    /// The setting that has it.
    setting: &'static str,
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
    pub(super) fn new(
        urls: &[String],
        (max_bytes, setting): (u64, &'static str),
        authorities: Option<&str>,
    ) -> Result<Client, String> {
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
        Ok(Client { agent, granted, max_bytes, setting })
    }

    /// True if the URL may be asked.
    pub(super) fn grants(&self, url: &str) -> bool {
        self.granted.iter().any(|prefix| prefix.allows(url))
    }

    /// Sends a request and reads the answer, all within `limit`.
    ///
    /// # Errors
    /// What went wrong, in words that follow "Get "https://…": ".
    pub(super) fn send(&self, request: &Request<'_>, limit: Duration) -> Result<Fetched, String> {
        let start = Instant::now();
        let mut url = request.url.to_owned();
        let (mut method, mut body) = (request.method, request.body);
        for _ in 0..=MAX_REDIRECTS {
            let left = limit.saturating_sub(start.elapsed());
            if left.is_zero() {
                return Err("the time limit is reached".to_owned());
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
                    let over = over_setting(self.max_bytes, "bytes", self.setting);
                    return Err(format!("the answer has {over}"));
                }
                return Ok(Fetched { status, body });
            };
            if Place::of_text(&next) != Place::of_text(&url) {
                return Err(format!("a redirect to another host is not followed: {next:?}"));
            }
            if status < 304 {
                (method, body) = ("GET", None);
            }
            url = next;
        }
        Err(format!("stopped after {MAX_REDIRECTS} redirects"))
    }

    fn once(
        &self,
        method: &str,
        uri: &Uri,
        headers: &[(&str, &str)],
        body: Option<&[u8]>,
        limit: Duration,
    ) -> Result<ureq::http::Response<ureq::Body>, String> {
        let mut request = ureq::http::Request::builder().method(method).uri(uri);
        for (name, value) in headers {
            request = request.header(*name, value.as_bytes());
        }
        let wrong = |error: ureq::http::Error| error.to_string();
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
    fn uri(&self, url: &str) -> Result<Uri, String> {
        if !self.grants(url) {
            return Err("the URL is not granted".to_owned());
        }
        let without_fragment = url.split('#').next().unwrap_or_default();
        let uri: Uri = without_fragment.parse().map_err(|_| "the URL cannot be sent".to_owned())?;
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
            false => Err("the URL reads in two ways".to_owned()),
        }
    }
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

fn words(error: &ureq::Error) -> String {
    match error {
        ureq::Error::Timeout(_) => "the time limit is reached".to_owned(),
        ureq::Error::Io(error) => error.to_string(),
        ureq::Error::Rustls(error) => error.to_string(),
        other => other.to_string(),
    }
}

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
            Some(address) => {
                let text = format!("{address} is link-local or of a cloud's metadata, which is not granted");
                Err(std::io::Error::other(text).into())
            }
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
        let client = Client::new(&["https://a.example/v1".to_owned()], (1, ""), None).unwrap();
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

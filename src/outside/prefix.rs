//! Which URLs a deployment grants: by their beginning, as kyverno/sdk's allow list compares them.

use bumpalo::Bump;

use crate::library::k8s::url::parse::{Form, Parsed, parse};

/// The beginning of URLs: scheme, host and port, and a path of whole segments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prefix {
    place: Place,
    /// Without a slash at its end; empty for every path.
    path: String,
}

/// Whom a URL is of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// `http` or `https`.
    pub scheme: String,
    /// In lower case, without a dot at its end and without brackets.
    pub host: String,
    /// The one that is named, or the scheme's.
    pub port: u16,
}

impl Prefix {
    /// Reads a prefix.
    ///
    /// # Errors
    /// What is wrong with it, in words that follow "the text".
    pub fn of(text: &str) -> Result<Prefix, String> {
        let arena = Bump::new();
        let url = parse(&arena, text.as_bytes(), Form::Any)
            .map_err(|mistake| format!("is no URL: {}", mistake.what))?;
        if !url.query.is_empty() || text.contains(['#', '?']) {
            return Err("has a query or a fragment, and granted is what URLs begin with".to_owned());
        }
        let place = Place::of(&url)?;
        let path = clean(url.path.1).ok_or_else(|| "has a path that is no text".to_owned())?;
        Ok(Prefix { place, path: if path == "/" { String::new() } else { path } })
    }

    /// True if `url` begins so: paths are compared by segments, after `.` and `..` are resolved.
    pub fn allows(&self, url: &str) -> bool {
        let arena = Bump::new();
        let Ok(url) = parse(&arena, url.as_bytes(), Form::Any) else { return false };
        if Place::of(&url).as_ref() != Ok(&self.place) {
            return false;
        }
        let Some(path) = clean(url.path.1) else { return false };
        let below = |rest: &str| rest.is_empty() || rest.starts_with('/');
        path.strip_prefix(self.path.as_str()).is_some_and(below)
    }

    /// Whom it grants.
    pub fn place(&self) -> &Place {
        &self.place
    }
}

impl Place {
    /// Whom a URL is of.
    fn of(url: &Parsed<'_>) -> Result<Place, String> {
        let standard = match url.scheme {
            "https" => 443,
            "http" => 80,
            _ => return Err("must begin with `https://` or `http://`".to_owned()),
        };
        if url.user.is_some() {
            return Err("has a user in it".to_owned());
        }
        let host = std::str::from_utf8(url.host).unwrap_or_default();
        let (name, port) = match host.rsplit_once(':') {
            Some((name, port)) if !port.contains(']') => (name, port),
            _ => (host, ""),
        };
        let port = match port {
            "" => standard,
            port => port.parse().map_err(|_| "has a port that is none".to_owned())?,
        };
        let name = name.trim_start_matches('[').trim_end_matches(']').trim_end_matches('.');
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._:".contains(&byte);
        if name.is_empty() || !name.bytes().all(plain) {
            return Err("names no host that can be asked".to_owned());
        }
        Ok(Place { scheme: url.scheme.to_owned(), host: name.to_ascii_lowercase(), port })
    }

    /// Whom the text is of, if it is a URL that can be asked.
    pub fn of_text(text: &str) -> Option<Place> {
        let arena = Bump::new();
        Place::of(&parse(&arena, text.as_bytes(), Form::Any).ok()?).ok()
    }
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Place { scheme, host, port } = self;
        match host.contains(':') {
            true => write!(f, "{scheme}://[{host}]:{port}/"),
            false => write!(f, "{scheme}://{host}:{port}/"),
        }
    }
}

/// Go's `path.Clean` of a path that is made absolute.
fn clean(path: &[u8]) -> Option<String> {
    let path = std::str::from_utf8(path).ok()?;
    let mut segments: Vec<&str> = Vec::new();
    for segment in path.split('/') {
        match segment {
            "" | "." => {}
            ".." => drop(segments.pop()),
            segment => segments.push(segment),
        }
    }
    Some(format!("/{}", segments.join("/")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_granted_by_scheme_host_port_and_whole_segments() {
        let prefix = Prefix::of("https://Api.Example.com/v1/").unwrap();
        for url in [
            "https://api.example.com/v1",
            "https://api.example.com:443/v1/x?y=1#z",
            "https://API.example.com./v1/a/../b",
            "https://api.example.com//v1/",
        ] {
            assert!(prefix.allows(url), "{url}");
        }
        for url in [
            "http://api.example.com/v1",
            "https://api.example.com:8443/v1",
            "https://api.example.com/v10",
            "https://api.example.com/v1/../admin",
            "https://api.example.com/v1/%2e%2e/admin",
            "https://api.example.com.evil.example/v1",
            "https://api.example.com@evil.example/v1",
            "https://evil.example/v1?https://api.example.com/v1",
            "https://api.example.com\\@evil.example/v1",
            "//api.example.com/v1",
            "v1",
            "",
        ] {
            assert!(!prefix.allows(url), "{url}");
        }
        assert!(Prefix::of("https://a").unwrap().allows("https://a/anything"));
        assert!(Prefix::of("http://[::1]:8080/").unwrap().allows("http://[::1]:8080/x"));
    }

    #[test]
    fn what_is_no_beginning_of_a_url_says_why() {
        for text in
            ["", "a", "ftp://a", "https://", "https://u@a/", "https://a/?b", "https://a/#b", "https://a b/"]
        {
            assert!(Prefix::of(text).is_err(), "{text}");
        }
    }
}

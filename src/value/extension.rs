//! Values of the types that function libraries bring: addresses, URLs, quantities, versions, formats, image references.
//!
//! A value lives in the arena and never changes. What it is equal to is said here; how a text becomes one is its library's.

use std::fmt;
use std::net::IpAddr;

mod decimal;
mod quantity;
mod semver;

pub use decimal::Decimal;
pub use quantity::{Amount, Digits, Quantity};
pub use semver::{PreRelease, Semver};

use super::GoQuoted;
use super::compare::charge_bytes;
use crate::budget::Fault;

/// A value of a library's own type.
#[derive(Clone, Copy, Debug)]
pub enum Extension<'a> {
    /// `net.IP`
    Ip(&'a IpAddr),
    /// `net.CIDR`
    Cidr(&'a Cidr),
    /// `kubernetes.URL`
    Url(&'a Url<'a>),
    /// `kubernetes.Quantity`
    Quantity(&'a Quantity<'a>),
    /// `kubernetes.Semver`
    Semver(&'a Semver<'a>),
    /// `kubernetes.NamedFormat`, by its name in Kubernetes.
    Format(&'static str),
    /// `kyverno.image`
    Image(&'a Image<'a>),
}

/// An address and the number of bits that make the network; the host's bits are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cidr {
    /// The address as it was written.
    pub address: IpAddr,
    /// The length of the prefix.
    pub bits: u8,
}

/// A URL as Go's `net/url` reads it. What was percent-encoded may be no UTF-8 once it is decoded.
#[derive(Clone, Copy, Debug)]
pub struct Url<'a> {
    /// The scheme, in lower case.
    pub scheme: &'a str,
    /// The host with its port.
    pub host: &'a [u8],
    /// The path as it is written in the URL.
    pub escaped_path: &'a str,
    /// What stands between `?` and `#`.
    pub query: &'a str,
    /// The whole URL, written anew: what makes two of them equal.
    pub text: &'a str,
}

/// A reference to a container image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Image<'a> {
    /// `index.docker.io` if the reference names none.
    pub registry: &'a str,
    /// The repository as it was written.
    pub repository: &'a str,
    /// The tag, `latest` if there is neither tag nor digest; of a reference with a digest none.
    pub tag: Option<&'a str>,
    /// The digest with its algorithm.
    pub digest: Option<&'a str>,
    /// The reference itself.
    pub original: &'a str,
}

impl Extension<'_> {
    /// The name of the type.
    pub fn type_name(&self) -> &'static str {
        match self {
            Extension::Ip(_) => "net.IP",
            Extension::Cidr(_) => "net.CIDR",
            Extension::Url(_) => "kubernetes.URL",
            Extension::Quantity(_) => "kubernetes.Quantity",
            Extension::Semver(_) => "kubernetes.Semver",
            Extension::Format(_) => "kubernetes.NamedFormat",
            Extension::Image(_) => "kyverno.image",
        }
    }

    /// The Go type of the value, as `%T` prints it.
    pub fn go_type(&self) -> &'static str {
        match self {
            Extension::Ip(_) => "cel.IP",
            Extension::Cidr(_) => "cel.CIDR",
            Extension::Url(_) => "cel.URL",
            Extension::Quantity(quantity) if quantity.computed => "*cel.Quantity",
            Extension::Quantity(_) => "cel.Quantity",
            Extension::Semver(_) => "cel.Semver",
            Extension::Format(_) => "cel.Format",
            Extension::Image(_) => "image.Image",
        }
    }

    /// What Kubernetes calls the type where a value does not convert.
    pub fn short_name(&self) -> &'static str {
        match self {
            Extension::Ip(_) => "IP",
            Extension::Cidr(_) => "CIDR",
            Extension::Url(_) => "URL",
            Extension::Quantity(_) => "Quantity",
            Extension::Semver(_) => "Semver",
            Extension::Format(_) => "Format",
            Extension::Image(_) => "Image",
        }
    }

    /// The value as its Go type's `String` prints it; none for a format, which has no text, and for a quantity, whose
    /// canonical form nothing else shows.
    pub fn text(&self) -> Option<ExtensionText<'_>> {
        Some(match self {
            Extension::Ip(ip) => ExtensionText::Ip(ip),
            Extension::Cidr(cidr) => ExtensionText::Cidr(cidr),
            Extension::Url(url) => ExtensionText::Text(url.text),
            Extension::Semver(version) => ExtensionText::Text(version.text),
            Extension::Image(image) => ExtensionText::Text(image.original),
            Extension::Quantity(_) | Extension::Format(_) => return None,
        })
    }

    /// True if a Go map cannot have the value as a key.
    pub fn is_unhashable(&self) -> bool {
        matches!(self, Extension::Semver(_) | Extension::Format(_))
    }

    /// True if the two are one key of a Go map: values for addresses and images, pointers for the rest.
    pub(super) fn is_same_key(&self, other: &Extension<'_>) -> bool {
        match (self, other) {
            (Extension::Ip(a), Extension::Ip(b)) => a == b,
            (Extension::Cidr(a), Extension::Cidr(b)) => a == b,
            (Extension::Image(a), Extension::Image(b)) => a == b,
            (Extension::Url(a), Extension::Url(b)) => std::ptr::eq(*a, *b),
            (Extension::Quantity(a), Extension::Quantity(b)) => std::ptr::eq(*a, *b),
            _ => false,
        }
    }

    /// `==` with a value of the same type; `None`: the values are not comparable, which Kyverno calls an error. A
    /// quantity that was computed is a pointer in Go, and only on the left of `==` is it looked through.
    ///
    /// `steps` is what may be used; what is needed is taken from it.
    ///
    /// # Errors
    /// It was not enough.
    pub(super) fn equal(&self, other: &Extension<'_>, steps: &mut u64) -> Result<Option<bool>, Fault> {
        let equal = match (self, other) {
            (Extension::Ip(a), Extension::Ip(b)) => a == b,
            (Extension::Cidr(a), Extension::Cidr(b)) => a == b,
            (Extension::Url(a), Extension::Url(b)) => {
                charge_bytes(steps, a.text.len().min(b.text.len()))?;
                a.text == b.text
            }
            (Extension::Quantity(a), Extension::Quantity(b)) if !b.computed => {
                charge_bytes(steps, a.cost_with(b))?;
                a.compare(b).is_eq()
            }
            (Extension::Semver(a), Extension::Semver(b)) => {
                charge_bytes(steps, a.cost_with(b))?;
                a.compare(b).is_eq()
            }
            (Extension::Format(a), Extension::Format(b)) => a == b,
            (Extension::Image(a), Extension::Image(b)) => {
                charge_bytes(steps, a.original.len().min(b.original.len()))?;
                a == b
            }
            _ => return Ok(None),
        };
        Ok(Some(equal))
    }
}

/// Displays a value's text.
#[derive(Clone, Copy, Debug)]
pub enum ExtensionText<'v> {
    /// An address.
    Ip(&'v IpAddr),
    /// A network.
    Cidr(&'v Cidr),
    /// A text that is there already.
    Text(&'v str),
}

impl fmt::Display for ExtensionText<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ExtensionText::Ip(ip) => ip.fmt(f),
            ExtensionText::Cidr(cidr) => cidr.fmt(f),
            ExtensionText::Text(text) => f.write_str(text),
        }
    }
}

impl fmt::Display for Cidr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.bits)
    }
}

/// Bytes that displays as Go's `strconv.Quote` writes them: what is no UTF-8 becomes `\x..`.
#[derive(Clone, Copy, Debug)]
pub struct GoQuotedBytes<'s>(pub &'s [u8]);

impl fmt::Display for GoQuotedBytes<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("\"")?;
        for chunk in self.0.utf8_chunks() {
            GoQuoted(chunk.valid()).fmt_inside(f)?;
            for byte in chunk.invalid() {
                write!(f, "\\x{byte:02x}")?;
            }
        }
        f.write_str("\"")
    }
}

//! What the extensions of a certificate say, as Go's `crypto/x509` takes it.

use std::collections::BTreeSet;

use super::der::{self, Der, Oid, context_parts, loose_components, runtime};
use super::names::{is_domain, is_mailbox};
use super::output::{self, Extension, lossy};
use super::{Mistake, Stop, refuse};
use crate::library::k8s::net::address;
use crate::library::k8s::url::parse::{Form, Parsed};
use crate::library::k8s::url::read as read_url;
use crate::library::runtime::Runtime;
use crate::value::GoQuoted;
use crate::value::extension::GoQuotedBytes;

/// What extensions say of a certificate.
#[derive(Debug, Default)]
pub(super) struct Facts {
    pub(super) key_usage: i64,
    pub(super) extended_usages: Vec<i64>,
    pub(super) constraints_valid: bool,
    pub(super) is_ca: bool,
    pub(super) longest_path: i64,
    pub(super) authority_key: Option<Vec<u8>>,
    pub(super) ocsp_servers: Vec<String>,
    pub(super) issuers: Vec<String>,
    pub(super) names: OtherNames,
    pub(super) constraints_critical: bool,
    pub(super) permitted: Subtrees,
    pub(super) excluded: Subtrees,
    pub(super) revocation_lists: Vec<String>,
    pub(super) policies: Option<Vec<Oid>>,
}

/// The other names of the subject.
#[derive(Debug, Default)]
pub(super) struct OtherNames {
    pub(super) domains: Vec<String>,
    pub(super) mailboxes: Vec<String>,
    pub(super) addresses: Vec<String>,
    /// The texts of the URIs; they are URLs.
    pub(super) uris: Vec<String>,
}

/// Names that an authority may, or may not, certify.
#[derive(Debug, Default)]
pub(super) struct Subtrees {
    pub(super) domains: Vec<String>,
    /// An address and a mask of the same length.
    pub(super) networks: Vec<Vec<u8>>,
    pub(super) mailboxes: Vec<String>,
    pub(super) uri_domains: Vec<String>,
}

/// Reads the extensions that Go knows.
pub(super) fn process<'a>(rt: &mut Runtime<'a>, extensions: &[Extension<'_>]) -> Result<Facts, Stop<'a>> {
    let mut facts = Facts::default();
    for extension in extensions {
        let value = Der::new(extension.value);
        match *extension.oid {
            [2, 5, 29, 15] => facts.key_usage = key_usage(value)?,
            [2, 5, 29, 19] => {
                (facts.is_ca, facts.longest_path) = basic_constraints(value)?;
                facts.constraints_valid = true;
            }
            [2, 5, 29, 17] => facts.names = other_names(rt, value)?,
            [2, 5, 29, 30] => name_constraints(&mut facts, value, extension.critical)?,
            [2, 5, 29, 31] => facts.revocation_lists = revocation_lists(value)?,
            [2, 5, 29, 35] => facts.authority_key = authority_key(value, extension.critical)?,
            [2, 5, 29, 36] => policy_constraints(value)?,
            [2, 5, 29, 37] => facts.extended_usages = extended_usages(value)?,
            [2, 5, 29, 14] => subject_key(value, extension.critical)?,
            [2, 5, 29, 32] => facts.policies = Some(policies(value)?),
            [2, 5, 29, 33] => policy_mappings(value)?,
            [2, 5, 29, 54] => {
                let mut value = value;
                if value.int(der::INTEGER).is_none() {
                    return Err("x509: invalid inhibit any policy extension".into());
                }
            }
            [1, 3, 6, 1, 5, 5, 7, 1, 1] => authority_access(&mut facts, value, extension.critical)?,
            _ => {}
        }
    }
    Ok(facts)
}

fn key_usage(mut value: Der<'_>) -> Result<i64, Mistake> {
    let Some((bytes, _)) = value.bit_string() else { return refuse("x509: invalid key usage") };
    let bit = |index: usize| {
        let byte = bytes.get(index >> 3).copied().unwrap_or_default();
        i64::from(byte.wrapping_shr(7_u32.saturating_sub(index as u32 & 7)) & 1)
    };
    Ok((0..9).fold(0, |usage, index| usage | bit(index).wrapping_shl(index as u32)))
}

fn basic_constraints(mut value: Der<'_>) -> Result<(bool, i64), Mistake> {
    const INVALID: &str = "x509: invalid basic constraints";
    let Some(mut inside) = value.enter(der::SEQUENCE) else { return refuse(INVALID) };
    let is_ca = if inside.peek(der::BOOLEAN) { inside.boolean() } else { Some(false) };
    let Some(is_ca) = is_ca else { return refuse(INVALID) };
    let longest = if inside.peek(der::INTEGER) { inside.uint() } else { Some(-1) };
    longest.map_or_else(|| refuse(INVALID), |longest| Ok((is_ca, longest)))
}

fn ascii(bytes: &[u8]) -> Option<String> {
    bytes.is_ascii().then(|| lossy(bytes))
}

/// The names in a list of general names.
pub(super) fn other_names<'a>(rt: &mut Runtime<'a>, mut value: Der<'_>) -> Result<OtherNames, Stop<'a>> {
    let Some(mut list) = value.enter(der::SEQUENCE) else {
        return Err("x509: invalid subject alternative names".into());
    };
    let mut names = OtherNames::default();
    while !list.is_empty() {
        let Some(name) = list.any() else { return Err("x509: invalid subject alternative name".into()) };
        match name.tag ^ 0x80 {
            1 => match ascii(name.inside) {
                Some(mailbox) => names.mailboxes.push(mailbox),
                None => return Err("x509: SAN rfc822Name is malformed".into()),
            },
            2 => match ascii(name.inside) {
                Some(domain) => names.domains.push(domain),
                None => return Err("x509: SAN dNSName is malformed".into()),
            },
            6 => {
                let Some(text) = ascii(name.inside) else {
                    return Err("x509: SAN uniformResourceIdentifier is malformed".into());
                };
                url(rt, &text)?;
                names.uris.push(text);
            }
            7 if matches!(name.inside.len(), 4 | 16) => names.addresses.push(output::address(name.inside)),
            7 => {
                let length = name.inside.len();
                return Err(Stop::Mistake(
                    format!("x509: cannot parse IP address of length {length}").into(),
                ));
            }
            _ => {}
        }
    }
    Ok(names)
}

/// The URL that a name is.
pub(super) fn url<'a>(rt: &mut Runtime<'a>, text: &str) -> Result<Parsed<'a>, Stop<'a>> {
    let text = rt.str(text)?;
    let quoted = GoQuoted(text);
    match read_url(rt, text, Form::Any)? {
        Err(mistake) => Err(Stop::Mistake(format!("x509: cannot parse URI {quoted}: {mistake}").into())),
        Ok(url) if url.host.is_empty() => Ok(url),
        Ok(url) => match std::str::from_utf8(url.host) {
            Ok(host) if is_domain(host, false) => Ok(url),
            _ => Err(Stop::Mistake(format!("x509: cannot parse URI {quoted}: invalid domain").into())),
        },
    }
}

fn is_mask(mask: &[u8]) -> bool {
    let first = mask.iter().position(|byte| *byte != 0xff).unwrap_or(mask.len());
    let rest = mask.get(first..).unwrap_or_default();
    rest.iter().enumerate().all(|(at, byte)| match at {
        0 => byte.leading_ones().saturating_add(byte.trailing_zeros()) == 8,
        _ => *byte == 0,
    })
}

fn name_constraints(facts: &mut Facts, mut value: Der<'_>, critical: bool) -> Result<(), Mistake> {
    const INVALID: &str = "x509: invalid NameConstraints extension";
    let Some(mut inside) = value.enter(der::SEQUENCE).filter(|_| value.is_empty()) else {
        return refuse(INVALID);
    };
    let (permitted, excluded) = (inside.optional(context_parts(0)), inside.optional(context_parts(1)));
    let (Some(permitted), Some(excluded), true) = (permitted, excluded, inside.is_empty()) else {
        return refuse(INVALID);
    };
    let (permitted, excluded) = (permitted.unwrap_or_default(), excluded.unwrap_or_default());
    if permitted.is_empty() && excluded.is_empty() {
        return refuse("x509: empty name constraints extension");
    }
    facts.permitted = subtrees(permitted)?;
    facts.excluded = subtrees(excluded)?;
    facts.constraints_critical = critical;
    Ok(())
}

fn subtrees(bytes: &[u8]) -> Result<Subtrees, Mistake> {
    let mut trees = Subtrees::default();
    let mut list = Der::new(bytes);
    while !list.is_empty() {
        let Some(base) = list.enter(der::SEQUENCE).and_then(|mut tree| tree.any()) else {
            return refuse("x509: invalid NameConstraints extension");
        };
        let text = || {
            let not_ascii = GoQuotedBytes(base.inside);
            ascii(base.inside).ok_or_else(|| {
                Mistake::from(format!(
                    "x509: invalid constraint value: x509: {not_ascii} cannot be encoded as an IA5String"
                ))
            })
        };
        match base.tag ^ 0x80 {
            2 => {
                let domain = text()?;
                if !is_domain(&domain, true) {
                    let quoted = GoQuoted(&domain);
                    return Err(format!("x509: failed to parse dnsName constraint {quoted}").into());
                }
                trees.domains.push(domain);
            }
            7 => {
                let length = base.inside.len();
                if !matches!(length, 8 | 32) {
                    return Err(format!("x509: IP constraint contained value of length {length}").into());
                }
                let mask = base.inside.get(length / 2..).unwrap_or_default();
                if !is_mask(mask) {
                    let digits: String = mask.iter().map(|byte| format!("{byte:02x}")).collect();
                    return Err(format!("x509: IP constraint contained invalid mask {digits}").into());
                }
                trees.networks.push(base.inside.to_vec());
            }
            1 => {
                let mailbox = text()?;
                let fits =
                    if mailbox.contains('@') { is_mailbox(&mailbox) } else { is_domain(&mailbox, true) };
                if !fits {
                    let quoted = GoQuoted(&mailbox);
                    return Err(format!("x509: failed to parse rfc822Name constraint {quoted}").into());
                }
                trees.mailboxes.push(mailbox);
            }
            6 => {
                let domain = text()?;
                let quoted = GoQuoted(&domain);
                if address::parse(domain.as_bytes()).is_ok_and(|address| !address.zone) {
                    let text = format!("x509: failed to parse URI constraint {quoted}: cannot be IP address");
                    return Err(text.into());
                }
                if !is_domain(&domain, true) {
                    return Err(format!("x509: failed to parse URI constraint {quoted}").into());
                }
                trees.uri_domains.push(domain);
            }
            _ => {}
        }
    }
    Ok(trees)
}

fn revocation_lists(mut value: Der<'_>) -> Result<Vec<String>, Mistake> {
    const INVALID: &str = "x509: invalid CRL distribution point";
    let Some(mut points) = value.enter(der::SEQUENCE) else {
        return refuse("x509: invalid CRL distribution points");
    };
    let mut lists = Vec::new();
    while !points.is_empty() {
        let Some(mut point) = points.enter(der::SEQUENCE) else { return refuse(INVALID) };
        let Some(name) = point.optional(context_parts(0)) else { return refuse(INVALID) };
        let Some(name) = name else { continue };
        let Some(mut names) = Der::new(name).enter(context_parts(0)) else { return refuse(INVALID) };
        while names.peek(runtime(6)) {
            let Some(uri) = names.read(runtime(6)) else { return refuse(INVALID) };
            lists.push(lossy(uri));
        }
    }
    Ok(lists)
}

fn authority_key(mut value: Der<'_>, critical: bool) -> Result<Option<Vec<u8>>, Mistake> {
    const INVALID: &str = "x509: invalid authority key identifier";
    if critical {
        return refuse("x509: authority key identifier incorrectly marked critical");
    }
    let Some(mut inside) = value.enter(der::SEQUENCE) else { return refuse(INVALID) };
    match inside.optional(runtime(0)) {
        Some(identifier) => Ok(identifier.map(<[u8]>::to_vec)),
        None => refuse(INVALID),
    }
}

fn subject_key(mut value: Der<'_>, critical: bool) -> Result<(), Mistake> {
    if critical {
        return refuse("x509: subject key identifier incorrectly marked critical");
    }
    match value.read(der::OCTET_STRING) {
        Some(_) => Ok(()),
        None => refuse("x509: invalid subject key identifier"),
    }
}

fn policy_constraints(mut value: Der<'_>) -> Result<(), Mistake> {
    const INVALID: &str = "x509: invalid policy constraints extension";
    let Some(mut inside) = value.enter(der::SEQUENCE) else { return refuse(INVALID) };
    for tag in [runtime(0), runtime(1)] {
        if inside.peek(tag) && inside.int(tag).is_none() {
            return refuse(INVALID);
        }
    }
    Ok(())
}

fn extended_usages(mut value: Der<'_>) -> Result<Vec<i64>, Mistake> {
    const INVALID: &str = "x509: invalid extended key usages";
    let Some(mut list) = value.enter(der::SEQUENCE) else { return refuse(INVALID) };
    let mut usages = Vec::new();
    while !list.is_empty() {
        let Some(oid) = list.oid() else { return refuse(INVALID) };
        usages.extend(match *oid {
            [2, 5, 29, 37, 0] => Some(0),
            [1, 3, 6, 1, 5, 5, 7, 3, usage @ 1..=9] => Some(i64::from(usage)),
            [1, 3, 6, 1, 4, 1, 311, 10, 3, 3] => Some(10),
            [2, 16, 840, 1, 113_730, 4, 1] => Some(11),
            [1, 3, 6, 1, 4, 1, 311, 2, 1, 22] => Some(12),
            [1, 3, 6, 1, 4, 1, 311, 61, 1, 1] => Some(13),
            _ => None,
        });
    }
    Ok(usages)
}

fn policies(mut value: Der<'_>) -> Result<Vec<Oid>, Mistake> {
    const INVALID: &str = "x509: invalid certificate policies";
    let Some(mut list) = value.enter(der::SEQUENCE) else { return refuse(INVALID) };
    let (mut policies, mut seen) = (Vec::new(), BTreeSet::new());
    while !list.is_empty() {
        let identifier = list.enter(der::SEQUENCE).and_then(|mut policy| policy.read(der::OBJECT_IDENTIFIER));
        let Some(identifier) = identifier.filter(|identifier| seen.insert(*identifier)) else {
            return refuse(INVALID);
        };
        let Some(oid) = loose_components(identifier) else { return refuse(INVALID) };
        // One with a component that Go's type has no room for is passed over.
        if !oid.is_empty() {
            policies.push(oid);
        }
    }
    Ok(policies)
}

fn policy_mappings(mut value: Der<'_>) -> Result<(), Mistake> {
    const INVALID: &str = "x509: invalid policy mappings extension";
    let Some(mut list) = value.enter(der::SEQUENCE) else { return refuse(INVALID) };
    while !list.is_empty() {
        let Some(mut pair) = list.enter(der::SEQUENCE) else { return refuse(INVALID) };
        if pair.read(der::OBJECT_IDENTIFIER).is_none() || pair.read(der::OBJECT_IDENTIFIER).is_none() {
            return refuse(INVALID);
        }
    }
    Ok(())
}

fn authority_access(facts: &mut Facts, mut value: Der<'_>, critical: bool) -> Result<(), Mistake> {
    const INVALID: &str = "x509: invalid authority info access";
    if critical {
        return refuse("x509: authority info access incorrectly marked critical");
    }
    let Some(mut list) = value.enter(der::SEQUENCE) else { return refuse(INVALID) };
    while !list.is_empty() {
        let Some(mut access) = list.enter(der::SEQUENCE) else { return refuse(INVALID) };
        let Some(method) = access.oid() else { return refuse(INVALID) };
        if !access.peek(runtime(6)) {
            continue;
        }
        let Some(uri) = access.read(runtime(6)) else { return refuse(INVALID) };
        match *method {
            [1, 3, 6, 1, 5, 5, 7, 48, 1] => facts.ocsp_servers.push(lossy(uri)),
            [1, 3, 6, 1, 5, 5, 7, 48, 2] => facts.issuers.push(lossy(uri)),
            _ => {}
        }
    }
    Ok(())
}

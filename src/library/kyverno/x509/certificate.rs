//! Certificates.

use std::collections::BTreeSet;

use super::der::{self, Der, right_aligned};
use super::extensions::{Facts, process};
use super::names::{name, time};
use super::output::{self, Extension, algorithm, number, object, read_extension, read_key};
use super::{Mistake, Stop, refuse};
use crate::library::runtime::Runtime;
use crate::value::Value;

/// What the certificate in `bytes` says.
pub(super) fn certificate<'a>(rt: &mut Runtime<'a>, bytes: &'a [u8]) -> Result<Value<'a>, Stop<'a>> {
    let mut input = Der::new(bytes);
    let Some(raw) = input.element(der::SEQUENCE) else { return Err("x509: malformed certificate".into()) };
    let Some(mut outer) = Der::new(raw).enter(der::SEQUENCE) else {
        return Err("x509: malformed certificate".into());
    };
    let Some(raw_tbs) = outer.element(der::SEQUENCE) else {
        return Err("x509: malformed tbs certificate".into());
    };
    let Some(mut tbs) = Der::new(raw_tbs).enter(der::SEQUENCE) else {
        return Err("x509: malformed tbs certificate".into());
    };
    let version = version(&mut tbs)?;
    let Some(serial) = tbs.integer(der::INTEGER) else { return Err("x509: malformed serial number".into()) };
    if serial.first().is_some_and(|first| first & 0x80 != 0) {
        return Err("x509: negative serial number".into());
    }
    let Some(inner_algorithm) = tbs.read(der::SEQUENCE) else {
        return Err("x509: malformed signature algorithm identifier".into());
    };
    let Some(outer_algorithm) = outer.read(der::SEQUENCE) else {
        return Err("x509: malformed algorithm identifier".into());
    };
    if inner_algorithm != outer_algorithm {
        return Err("x509: inner and outer signature algorithm identifiers don't match".into());
    }
    algorithm(&mut Der::new(inner_algorithm))?;
    let Some(raw_issuer) = tbs.element(der::SEQUENCE) else { return Err("x509: malformed issuer".into()) };
    let issuer = name(raw_issuer)?;
    let Some(mut validity) = tbs.enter(der::SEQUENCE) else { return Err("x509: malformed validity".into()) };
    let (not_before, not_after) = (time(&mut validity)?, time(&mut validity)?);
    let Some(raw_subject) = tbs.element(der::SEQUENCE) else { return Err("x509: malformed issuer".into()) };
    name(raw_subject)?;
    let key = read_key(&mut tbs)?;
    let extensions = extensions(&mut tbs, version)?;
    let facts = process(rt, &extensions)?;
    let Some((signature, padding)) = outer.bit_string() else {
        return Err("x509: malformed signature".into());
    };
    if !input.is_empty() {
        return Err("x509: trailing data".into());
    }
    let key_value = key.value(rt)?;
    let facts_of = facts.members(rt)?;
    let members = [
        ("Raw", output::bytes(rt, raw)?),
        ("RawTBSCertificate", output::bytes(rt, raw_tbs)?),
        ("RawSubjectPublicKeyInfo", output::bytes(rt, key.whole)?),
        ("RawSubject", output::bytes(rt, raw_subject)?),
        ("RawIssuer", output::bytes(rt, raw_issuer)?),
        ("Signature", output::bytes(rt, &right_aligned(signature, padding))?),
        ("PublicKeyAlgorithm", number(key.algorithm)),
        ("PublicKey", key_value),
        ("SerialNumber", number(low_bits(serial))),
        ("Issuer", output::name(rt, &issuer)?),
        ("NotBefore", Value::String(rt.format(format_args!("{not_before}"))?)),
        ("NotAfter", Value::String(rt.format(format_args!("{not_after}"))?)),
        ("Extensions", output::extensions(rt, &extensions)?),
        ("ExtraExtensions", Value::Null),
    ];
    let members: Vec<_> = members.into_iter().chain(facts_of).collect();
    Ok(object(rt, &members)?)
}

/// The version, from 1 on.
fn version(tbs: &mut Der<'_>) -> Result<i64, Mistake> {
    const MALFORMED: &str = "x509: malformed version";
    let Some(explicit) = tbs.optional(der::context_parts(0)) else { return refuse(MALFORMED) };
    let version = match explicit {
        None => 0,
        Some(inside) => {
            let mut inside = Der::new(inside);
            match inside.int(der::INTEGER).filter(|version| inside.is_empty() && *version >= 0) {
                Some(version) => version,
                None => return refuse(MALFORMED),
            }
        }
    };
    match version {
        0..=2 => Ok(version.saturating_add(1)),
        i64::MAX => refuse(MALFORMED),
        _ => refuse("x509: invalid version"),
    }
}

/// What Go's `Int64` gives of a number of any size: its lowest bits.
fn low_bits(bytes: &[u8]) -> i64 {
    bytes.iter().fold(0_i64, |number, byte| number.wrapping_shl(8) | i64::from(*byte))
}

/// The extensions, none twice.
fn extensions<'d>(tbs: &mut Der<'d>, version: i64) -> Result<Vec<Extension<'d>>, Mistake> {
    let mut extensions = Vec::new();
    if version < 2 {
        return Ok(extensions);
    }
    if tbs.optional(der::runtime(1)).is_none() {
        return refuse("x509: malformed issuerUniqueID");
    }
    if tbs.optional(der::runtime(2)).is_none() {
        return refuse("x509: malformed subjectUniqueID");
    }
    if version < 3 {
        return Ok(extensions);
    }
    let Some(present) = tbs.optional(der::context_parts(3)) else {
        return refuse("x509: malformed extensions");
    };
    let Some(present) = present else { return Ok(extensions) };
    let Some(mut list) = Der::new(present).enter(der::SEQUENCE) else {
        return refuse("x509: malformed extensions");
    };
    let mut seen = BTreeSet::new();
    while !list.is_empty() {
        let Some(mut extension) = list.enter(der::SEQUENCE) else {
            return refuse("x509: malformed extension");
        };
        let extension = read_extension(&mut extension)?;
        if !seen.insert(extension.oid.clone()) {
            let oid: Vec<String> = extension.oid.iter().map(u32::to_string).collect();
            let oid = oid.join(".");
            return Err(format!("x509: certificate contains duplicate extension with OID \"{oid}\"").into());
        }
        extensions.push(extension);
    }
    Ok(extensions)
}

impl Facts {
    /// The members of a certificate that its extensions fill.
    fn members<'a>(&self, rt: &mut Runtime<'a>) -> Result<Vec<(&'static str, Value<'a>)>, Stop<'a>> {
        let identifier = match &self.authority_key {
            Some(identifier) => output::bytes(rt, identifier)?,
            None => Value::Null,
        };
        let policies = match &self.policies {
            Some(policies) => output::list_or_empty(rt, policies, &mut |rt, oid| output::oid(rt, oid))?,
            None => Value::Null,
        };
        let networks = |rt: &mut Runtime<'a>, networks: &[Vec<u8>]| {
            output::list(rt, networks, |rt, network| {
                let (address, mask) = network.split_at_checked(network.len() / 2).unwrap_or_default();
                let members =
                    [("IP", rt.string(&output::address(address))?), ("Mask", output::bytes(rt, mask)?)];
                object(rt, &members)
            })
        };
        let (permitted, excluded) = (&self.permitted, &self.excluded);
        Ok(vec![
            ("KeyUsage", number(self.key_usage)),
            ("ExtKeyUsage", output::list(rt, &self.extended_usages, |_, usage| Ok(number(*usage)))?),
            ("BasicConstraintsValid", Value::Bool(self.constraints_valid)),
            ("IsCA", Value::Bool(self.is_ca)),
            ("MaxPathLen", number(self.longest_path)),
            ("MaxPathLenZero", Value::Bool(self.constraints_valid && self.longest_path == 0)),
            ("AuthorityKeyId", identifier),
            ("OCSPServer", output::texts(rt, &self.ocsp_servers)?),
            ("IssuingCertificateURL", output::texts(rt, &self.issuers)?),
            ("DNSNames", output::texts(rt, &self.names.domains)?),
            ("EmailAddresses", output::texts(rt, &self.names.mailboxes)?),
            ("IPAddresses", output::texts(rt, &self.names.addresses)?),
            ("PermittedDNSDomainsCritical", Value::Bool(self.constraints_critical)),
            ("PermittedDNSDomains", output::texts(rt, &permitted.domains)?),
            ("ExcludedDNSDomains", output::texts(rt, &excluded.domains)?),
            ("PermittedIPRanges", networks(rt, &permitted.networks)?),
            ("ExcludedIPRanges", networks(rt, &excluded.networks)?),
            ("PermittedEmailAddresses", output::texts(rt, &permitted.mailboxes)?),
            ("ExcludedEmailAddresses", output::texts(rt, &excluded.mailboxes)?),
            ("PermittedURIDomains", output::texts(rt, &permitted.uri_domains)?),
            ("ExcludedURIDomains", output::texts(rt, &excluded.uri_domains)?),
            ("CRLDistributionPoints", output::texts(rt, &self.revocation_lists)?),
            ("PolicyIdentifiers", policies),
        ])
    }
}

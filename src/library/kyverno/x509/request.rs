//! Requests for certificates. Go reads them with another decoder than certificates; what it says of one that is damaged is
//! not repeated here word by word.

use std::collections::BTreeSet;

use super::der::{self, Der, Oid, context_parts, right_aligned};
use super::extensions::{OtherNames, other_names, url};
use super::names::{name, string, time};
use super::output::{self, Extension, algorithm, number, object, read_extension, read_key};
use super::{Mistake, Stop, refuse};
use crate::library::k8s::url::parse::{Encoding, is_default};
use crate::library::runtime::Runtime;
use crate::value::Value;

const MALFORMED: &str = "x509: malformed certificate request";

/// What the request in `bytes` says.
pub(super) fn request<'a>(rt: &mut Runtime<'a>, bytes: &'a [u8]) -> Result<Value<'a>, Stop<'a>> {
    let mut input = Der::new(bytes);
    let Some(raw) = input.element(der::SEQUENCE) else { return Err(MALFORMED.into()) };
    if !input.is_empty() {
        return Err("asn1: syntax error: trailing data".into());
    }
    let Some(mut outer) = Der::new(raw).enter(der::SEQUENCE) else { return Err(MALFORMED.into()) };
    let Some(raw_tbs) = outer.element(der::SEQUENCE) else { return Err(MALFORMED.into()) };
    let Some(mut tbs) = Der::new(raw_tbs).enter(der::SEQUENCE) else { return Err(MALFORMED.into()) };
    let Some(version) = tbs.int(der::INTEGER) else { return Err(MALFORMED.into()) };
    let Some(raw_subject) = tbs.element(der::SEQUENCE) else { return Err(MALFORMED.into()) };
    let key = read_key(&mut tbs)?;
    let Some(list) = tbs.read(context_parts(0)) else { return Err(MALFORMED.into()) };
    let Some(mut identifier) = outer.enter(der::SEQUENCE) else { return Err(MALFORMED.into()) };
    let (signed_with, parameters) = algorithm(&mut identifier)?;
    let Some((signature, padding)) = outer.bit_string() else { return Err(MALFORMED.into()) };
    let subject = name(raw_subject)?;
    let list = elements(list)?;
    let extensions = requested(&list)?;
    let mut names = OtherNames::default();
    for extension in extensions.iter().filter(|extension| *extension.oid == [2, 5, 29, 17]) {
        names = other_names(rt, Der::new(extension.value))?;
    }
    let attributes: Vec<Attribute<'_>> = list.iter().filter_map(|element| attribute(element)).collect();
    let members = [
        ("Raw", output::bytes(rt, raw)?),
        ("RawTBSCertificateRequest", output::bytes(rt, raw_tbs)?),
        ("RawSubjectPublicKeyInfo", output::bytes(rt, key.whole)?),
        ("RawSubject", output::bytes(rt, raw_subject)?),
        ("Version", number(version)),
        ("Signature", output::bytes(rt, &right_aligned(signature, padding))?),
        ("SignatureAlgorithm", number(signature_algorithm(&signed_with, parameters))),
        ("PublicKeyAlgorithm", number(key.algorithm)),
        ("PublicKey", key.value(rt)?),
        ("Subject", output::name(rt, &subject)?),
        ("Attributes", output::list(rt, &attributes, attribute_value)?),
        ("Extensions", output::extensions(rt, &extensions)?),
        ("ExtraExtensions", Value::Null),
        ("DNSNames", output::texts(rt, &names.domains)?),
        ("EmailAddresses", output::texts(rt, &names.mailboxes)?),
        ("IPAddresses", output::texts(rt, &names.addresses)?),
        ("URIs", uris(rt, &names.uris)?),
    ];
    Ok(object(rt, &members)?)
}

/// The elements of a list.
fn elements(list: &[u8]) -> Result<Vec<&[u8]>, Mistake> {
    let mut list = Der::new(list);
    let mut elements = Vec::new();
    while !list.is_empty() {
        match list.any() {
            Some(element) => elements.push(element.whole),
            None => return refuse(MALFORMED),
        }
    }
    Ok(elements)
}

/// The extensions that the attributes ask for, none twice. An attribute that does not read is passed over.
fn requested<'d>(attributes: &[&'d [u8]]) -> Result<Vec<Extension<'d>>, Mistake> {
    let (mut extensions, mut seen) = (Vec::new(), BTreeSet::new());
    for attribute in attributes {
        let mut attribute = Der::new(attribute);
        let Some(mut inside) = attribute.enter(der::SEQUENCE) else { continue };
        let asks = inside.oid().is_some_and(|oid| *oid == [1, 2, 840, 113_549, 1, 9, 14]);
        let Some(mut values) = inside.enter(der::SET).filter(|values| asks && !values.is_empty()) else {
            continue;
        };
        let Some(mut list) = values.enter(der::SEQUENCE) else { return refuse(MALFORMED) };
        while !list.is_empty() {
            let Some(mut extension) = list.enter(der::SEQUENCE) else { return refuse(MALFORMED) };
            let extension = read_extension(&mut extension).or_else(|_| refuse(MALFORMED))?;
            if !seen.insert(extension.oid.clone()) {
                return refuse("x509: certificate request contains duplicate requested extensions");
            }
            extensions.push(extension);
        }
    }
    Ok(extensions)
}

/// An attribute whose values are lists of types with values.
struct Attribute<'d> {
    oid: Oid,
    values: Vec<Vec<(Oid, der::Element<'d>)>>,
}

fn attribute(element: &[u8]) -> Option<Attribute<'_>> {
    let mut inside = Der::new(element).enter(der::SEQUENCE)?;
    let oid = inside.oid()?;
    let mut set = inside.enter(der::SET)?;
    let mut values = Vec::new();
    while !set.is_empty() {
        let mut list = set.enter(der::SEQUENCE)?;
        let mut pairs = Vec::new();
        while !list.is_empty() {
            let mut pair = list.enter(der::SEQUENCE)?;
            pairs.push((pair.oid()?, pair.any()?));
        }
        values.push(pairs);
    }
    Some(Attribute { oid, values })
}

fn attribute_value<'a>(
    rt: &mut Runtime<'a>,
    attribute: &Attribute<'_>,
) -> Result<Value<'a>, crate::error::Raise<'a>> {
    let values = output::list_or_empty(rt, &attribute.values, &mut |rt, pairs| {
        output::list_or_empty(rt, pairs, &mut |rt, (oid, element)| {
            let value = any_value(rt, element)?;
            let members = [("Type", output::oid(rt, oid)?), ("Value", value)];
            object(rt, &members)
        })
    })?;
    let members = [("Type", output::oid(rt, &attribute.oid)?), ("Value", values)];
    object(rt, &members)
}

/// A value of any type; null for a type that Go has nothing for, or that does not read.
fn any_value<'a>(
    rt: &mut Runtime<'a>,
    element: &der::Element<'_>,
) -> Result<Value<'a>, crate::error::Raise<'a>> {
    let mut whole = Der::new(element.whole);
    match element.tag {
        der::BOOLEAN => Ok(whole.boolean().map_or(Value::Null, Value::Bool)),
        der::INTEGER => Ok(whole.int(der::INTEGER).map_or(Value::Null, number)),
        der::OCTET_STRING => output::bytes(rt, element.inside),
        der::OBJECT_IDENTIFIER => match whole.oid() {
            Some(oid) => output::oid(rt, &oid),
            None => Ok(Value::Null),
        },
        der::BIT_STRING => match whole.bit_string() {
            Some((bytes, padding)) => {
                let bits = bytes.len().saturating_mul(8).saturating_sub(padding as usize);
                let bits = number(i64::try_from(bits).unwrap_or(i64::MAX));
                let members = [("Bytes", output::bytes(rt, bytes)?), ("BitLength", bits)];
                object(rt, &members)
            }
            None => Ok(Value::Null),
        },
        der::UTC_TIME | der::GENERALIZED_TIME => match time(&mut whole) {
            Ok(time) => Ok(Value::String(rt.format(format_args!("{time}"))?)),
            Err(_) => Ok(Value::Null),
        },
        tag => match string(tag, element.inside) {
            Ok(text) => rt.string(&text),
            Err(_) => Ok(Value::Null),
        },
    }
}

/// The URLs, by the fields of Go's struct.
fn uris<'a>(rt: &mut Runtime<'a>, uris: &[String]) -> Result<Value<'a>, Stop<'a>> {
    let mut list = rt.list_builder(uris.len())?;
    for text in uris {
        let url = url(rt, text)?;
        let user = match url.user {
            Some(_) => object(rt, &[])?,
            None => Value::Null,
        };
        // What is written in another way than Go would write it is kept.
        let raw = |part: (&'a str, &'a [u8]), encoding| if is_default(part, encoding) { "" } else { part.0 };
        let members = [
            ("Scheme", Value::String(url.scheme)),
            ("Opaque", Value::String(url.opaque)),
            ("User", user),
            ("Host", rt.string(&output::lossy(url.host))?),
            ("Path", rt.string(&output::lossy(url.path.1))?),
            ("Fragment", rt.string(&output::lossy(url.fragment.1))?),
            ("RawQuery", Value::String(url.query)),
            ("RawPath", Value::String(raw(url.path, Encoding::Path))),
            ("RawFragment", Value::String(raw(url.fragment, Encoding::Fragment))),
            ("ForceQuery", Value::Bool(url.force_query)),
            ("OmitHost", Value::Bool(url.omit_host)),
        ];
        list.push(object(rt, &members)?);
    }
    Ok(if uris.is_empty() { Value::Null } else { rt.finish_list(list) })
}

/// The signature's algorithm as Go numbers it; 0 if Go does not know it.
fn signature_algorithm(oid: &Oid, parameters: &[u8]) -> i64 {
    match **oid {
        [1, 2, 840, 113_549, 1, 1, 4] => 2,
        [1, 2, 840, 113_549, 1, 1, 5] | [1, 3, 14, 3, 2, 29] => 3,
        [1, 2, 840, 113_549, 1, 1, which @ 11..=13] => i64::from(which).saturating_sub(7),
        [1, 2, 840, 113_549, 1, 1, 10] => pss(parameters).unwrap_or_default(),
        [1, 2, 840, 10_040, 4, 3] => 7,
        [2, 16, 840, 1, 101, 3, 4, 3, 2] => 8,
        [1, 2, 840, 10_045, 4, 1] => 9,
        [1, 2, 840, 10_045, 4, 3, which @ 2..=4] => i64::from(which).saturating_add(8),
        [1, 3, 101, 112] if parameters.is_empty() => 16,
        _ => 0,
    }
}

/// RSA-PSS with one digest throughout, and a salt as long as the digest.
fn pss(parameters: &[u8]) -> Option<i64> {
    let null = |parameters: &[u8]| parameters.is_empty() || parameters == [5, 0];
    let mut inside = Der::new(parameters).enter(der::SEQUENCE)?;
    let digest = algorithm(&mut inside.enter(context_parts(0))?.enter(der::SEQUENCE)?).ok()?;
    let mask = algorithm(&mut inside.enter(context_parts(1))?.enter(der::SEQUENCE)?).ok()?;
    let of_mask = algorithm(&mut Der::new(mask.1).enter(der::SEQUENCE)?).ok()?;
    let salt = inside.enter(context_parts(2))?.int(der::INTEGER)?;
    let trailer = match inside.optional(context_parts(3))? {
        Some(trailer) => Der::new(trailer).int(der::INTEGER)?,
        None => 1,
    };
    let one = null(digest.1) && null(of_mask.1) && digest.0 == of_mask.0;
    if !one || trailer != 1 || *mask.0 != [1, 2, 840, 113_549, 1, 1, 8] {
        return None;
    }
    match (&*digest.0, salt) {
        ([2, 16, 840, 1, 101, 3, 4, 2, 1], 32) => Some(13),
        ([2, 16, 840, 1, 101, 3, 4, 2, 2], 48) => Some(14),
        ([2, 16, 840, 1, 101, 3, 4, 2, 3], 64) => Some(15),
        _ => None,
    }
}

//! The values that come out: what Go's JSON shows of its structs.

use std::net::{IpAddr, Ipv6Addr};

use super::der::{self, Der, Oid};
use super::names::Attribute;
use super::{Mistake, Stop, refuse};
use crate::error::Raise;
use crate::library::encode::push_base64;
use crate::library::runtime::{Runtime, TextBuilder};
use crate::value::{MapBuilder, Value, i64_as_f64};

/// The members of an object.
pub(super) type Members<'a, 'n> = [(&'n str, Value<'a>)];

pub(super) fn object<'a>(
    rt: &mut Runtime<'a>,
    members: &Members<'a, 'static>,
) -> Result<Value<'a>, Raise<'a>> {
    rt.charge(members.len())?;
    let mut out = MapBuilder::with_capacity(rt.arena, members.len());
    for (name, value) in members {
        out.insert(Value::String(name), *value);
    }
    Ok(Value::Map(out.finish_within(&mut rt.budget)?))
}

pub(super) fn number<'a>(number: i64) -> Value<'a> {
    Value::Double(i64_as_f64(number))
}

/// Bytes in base64.
pub(super) fn bytes<'a>(rt: &mut Runtime<'a>, bytes: &[u8]) -> Result<Value<'a>, Raise<'a>> {
    let mut out = TextBuilder::new(rt);
    push_base64(rt, &mut out, bytes)?;
    Ok(Value::String(out.finish()))
}

/// A list, or nothing where Go's list was never made.
pub(super) fn list<'a, T>(
    rt: &mut Runtime<'a>,
    items: &[T],
    mut each: impl FnMut(&mut Runtime<'a>, &T) -> Result<Value<'a>, Raise<'a>>,
) -> Result<Value<'a>, Raise<'a>> {
    if items.is_empty() { Ok(Value::Null) } else { list_or_empty(rt, items, &mut each) }
}

/// A list, also of nothing.
pub(super) fn list_or_empty<'a, T>(
    rt: &mut Runtime<'a>,
    items: &[T],
    each: &mut impl FnMut(&mut Runtime<'a>, &T) -> Result<Value<'a>, Raise<'a>>,
) -> Result<Value<'a>, Raise<'a>> {
    let mut out = rt.list_builder(items.len())?;
    for item in items {
        out.push(each(rt, item)?);
    }
    Ok(rt.finish_list(out))
}

pub(super) fn texts<'a>(rt: &mut Runtime<'a>, texts: &[String]) -> Result<Value<'a>, Raise<'a>> {
    list(rt, texts, |rt, text| rt.string(text))
}

pub(super) fn oid<'a>(rt: &mut Runtime<'a>, oid: &Oid) -> Result<Value<'a>, Raise<'a>> {
    list(rt, oid, |_, component| Ok(number(i64::from(*component))))
}

/// Bytes as a text, as Go's JSON writes a string of any bytes.
pub(super) fn lossy(bytes: &[u8]) -> String {
    let mut out = String::new();
    for chunk in bytes.utf8_chunks() {
        out.push_str(chunk.valid());
        out.extend(chunk.invalid().iter().map(|_| char::REPLACEMENT_CHARACTER));
    }
    out
}

/// An address of four or sixteen bytes. One of sixteen that holds one of four is written as that.
pub(super) fn address(bytes: &[u8]) -> String {
    match <[u8; 4]>::try_from(bytes) {
        Ok(four) => IpAddr::from(four).to_string(),
        Err(_) => match <[u8; 16]>::try_from(bytes).map(Ipv6Addr::from) {
            Ok(six) => six.to_ipv4_mapped().map_or_else(|| six.to_string(), |four| four.to_string()),
            Err(_) => String::new(),
        },
    }
}

/// A name with its parts by what they are, and all of them in their order.
pub(super) fn name<'a>(rt: &mut Runtime<'a>, name: &[Attribute]) -> Result<Value<'a>, Raise<'a>> {
    let of = |kind: u32| {
        let fits = move |oid: &Oid| matches!(**oid, [2, 5, 4, of] if of == kind);
        name.iter().filter(move |(oid, _)| fits(oid)).map(|(_, text)| text.clone()).collect::<Vec<_>>()
    };
    let last = |kind: u32| of(kind).pop().unwrap_or_default();
    let names = list(rt, name, |rt, (oid, text)| {
        let members = [("Type", self::oid(rt, oid)?), ("Value", rt.string(text)?)];
        object(rt, &members)
    })?;
    let members = [
        ("Country", texts(rt, &of(6))?),
        ("Organization", texts(rt, &of(10))?),
        ("OrganizationalUnit", texts(rt, &of(11))?),
        ("Locality", texts(rt, &of(7))?),
        ("Province", texts(rt, &of(8))?),
        ("StreetAddress", texts(rt, &of(9))?),
        ("PostalCode", texts(rt, &of(17))?),
        ("SerialNumber", rt.string(&last(5))?),
        ("CommonName", rt.string(&last(3))?),
        ("Names", names),
        ("ExtraNames", Value::Null),
    ];
    object(rt, &members)
}

/// An extension as it stands in a document.
#[derive(Debug)]
pub(super) struct Extension<'d> {
    pub(super) oid: Oid,
    pub(super) critical: bool,
    pub(super) value: &'d [u8],
}

/// Reads an extension.
pub(super) fn read_extension<'d>(extension: &mut Der<'d>) -> Result<Extension<'d>, Mistake> {
    let Some(oid) = extension.oid() else { return refuse("x509: malformed extension OID field") };
    let critical = if extension.peek(der::BOOLEAN) { extension.boolean() } else { Some(false) };
    let Some(critical) = critical else { return refuse("x509: malformed extension critical field") };
    let Some(value) = extension.read(der::OCTET_STRING) else {
        return refuse("x509: malformed extension value field");
    };
    Ok(Extension { oid, critical, value })
}

pub(super) fn extensions<'a>(
    rt: &mut Runtime<'a>,
    extensions: &[Extension<'_>],
) -> Result<Value<'a>, Raise<'a>> {
    list(rt, extensions, |rt, extension| {
        let members = [
            ("Id", oid(rt, &extension.oid)?),
            ("Critical", Value::Bool(extension.critical)),
            ("Value", bytes(rt, extension.value)?),
        ];
        object(rt, &members)
    })
}

/// The public key's algorithm as Go numbers it; 0 if Go does not know it.
pub(super) fn key_algorithm(oid: &Oid) -> i64 {
    match **oid {
        [1, 2, 840, 113_549, 1, 1, 1] => RSA,
        [1, 2, 840, 10_040, 4, 1] => 2,
        [1, 2, 840, 10_045, 2, 1] => 3,
        [1, 3, 101, 112] => 4,
        _ => 0,
    }
}

pub(super) const RSA: i64 = 1;

/// A public key: what is told of it, and all of its element.
pub(super) struct Key<'d> {
    pub(super) algorithm: i64,
    modulus: &'d [u8],
    exponent: i64,
    pub(super) whole: &'d [u8],
    /// Whether the RSA key is one by the stricter rules of PKCS #1, too.
    sound: bool,
}

impl Key<'_> {
    /// Modulus and exponent; only those of RSA are told.
    pub(super) fn value<'a>(&self, rt: &mut Runtime<'a>) -> Result<Value<'a>, Stop<'a>> {
        if self.algorithm != RSA {
            return Err("certificate should use rsa algorithm".into());
        }
        if !self.sound {
            return Err("failed to parse subject public key info".into());
        }
        let modulus = rt.string(&der::decimal(self.modulus))?;
        Ok(object(rt, &[("N", modulus), ("E", number(self.exponent))])?)
    }
}

/// Reads a public key.
pub(super) fn read_key<'d>(tbs: &mut Der<'d>) -> Result<Key<'d>, Mistake> {
    let Some(whole) = tbs.element(der::SEQUENCE) else { return refuse("x509: malformed spki") };
    let Some(mut spki) = Der::new(whole).enter(der::SEQUENCE) else { return refuse("x509: malformed spki") };
    let Some(mut identifier) = spki.enter(der::SEQUENCE) else {
        return refuse("x509: malformed public key algorithm identifier");
    };
    let (oid, parameters) = algorithm(&mut identifier)?;
    let Some((bits, padding)) = spki.bit_string() else { return refuse("x509: malformed subjectPublicKey") };
    let mut key = Key { algorithm: key_algorithm(&oid), modulus: &[], exponent: 0, whole, sound: false };
    if key.algorithm != RSA {
        return Ok(key);
    }
    if parameters != [5, 0] {
        return refuse("x509: RSA key missing NULL parameters");
    }
    let mut read = Der::new(bits);
    let Some(mut parts) = read.enter(der::SEQUENCE).filter(|_| padding == 0) else {
        return refuse("x509: invalid RSA public key");
    };
    let Some(modulus) = parts.integer(der::INTEGER) else { return refuse("x509: invalid RSA modulus") };
    let Some(exponent) = parts.int(der::INTEGER) else { return refuse("x509: invalid RSA public exponent") };
    if modulus.first().is_none_or(|first| first & 0x80 != 0) || modulus == [0] {
        return refuse("x509: RSA modulus is not a positive number");
    }
    if exponent <= 0 {
        return refuse("x509: RSA public exponent is not a positive number");
    }
    (key.modulus, key.exponent) = (modulus, exponent);
    key.sound = read.is_empty() && i32::try_from(exponent).is_ok();
    Ok(key)
}

/// An algorithm and the element of its parameters, empty if it has none.
pub(super) fn algorithm<'d>(identifier: &mut Der<'d>) -> Result<(Oid, &'d [u8]), Mistake> {
    let Some(oid) = identifier.oid() else { return refuse("x509: malformed OID") };
    if identifier.is_empty() {
        return Ok((oid, &[]));
    }
    match identifier.any() {
        Some(parameters) => Ok((oid, parameters.whole)),
        None => refuse("x509: malformed parameters"),
    }
}

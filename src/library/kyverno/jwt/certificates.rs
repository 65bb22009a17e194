//! `x5c`: the certificates that come with a key or with a token. jwx reads them and uses none of them, so that all there is to
//! say of them is whether they can be read (`cert.Chain`).

use crate::error::Raise;
use crate::library::kyverno::x509::{self, der, der::Der};
use crate::library::runtime::Runtime;
use crate::library::table::{Body, Implementation};
use crate::value::base64::{self, Alphabet};
use crate::value::json::{JsonError, go};
use crate::value::keys::{Curve, Material};

use super::{unmarshal, verify};

/// The most certificates of a chain, as in jwx.
const MAX_CHAIN: usize = 10;
/// The most bytes of a certificate, as in jwx.
const MAX_BYTES: usize = 256 * 1024;

/// What `x509.decode` says of a certificate that it has read and whose key is not one of RSA.
const OTHER_KEY: &str = "certificate should use rsa algorithm";

/// Checks the value of `x5c`, whose syntax has been checked.
///
/// # Errors
/// jwx's text, from behind `failed to decode value for key x5c: ` on; a fault if the budget is spent.
pub(super) fn check<'a>(runtime: &mut Runtime<'a>, raw: &'a [u8]) -> Result<(), JsonError<'a>> {
    let arena = runtime.arena;
    let text = |text: String| JsonError::Text(arena.alloc_str(&text));
    let Some(elements) = go::elements(raw, arena, &mut runtime.budget)? else {
        return Err(text("failed to unmarshal certificate chain: expected JSON array".to_owned()));
    };
    for (index, element) in elements.iter().enumerate() {
        if index >= MAX_CHAIN {
            let length = index.saturating_add(1);
            return Err(text(format!(
                "failed to unmarshal certificate chain: certificate chain length {length} exceeds maximum allowed length \
                 of {MAX_CHAIN}"
            )));
        }
        let encoded = unmarshal::text(element, arena, &mut runtime.budget);
        let checked = match encoded {
            Ok(encoded) => certificate(runtime, &encoded)?,
            Err(error) => Err(error),
        };
        checked.map_err(|error| text(format!("failed to decode certificate at index {index}: {error}")))?;
    }
    Ok(())
}

/// Checks one certificate in base64.
fn certificate<'a>(runtime: &mut Runtime<'a>, encoded: &str) -> Result<Result<(), String>, JsonError<'a>> {
    // jwx drops white space wherever it stands.
    let encoded: Vec<u8> =
        encoded.bytes().filter(|byte| !matches!(byte, b' ' | b'\t' | b'\r' | b'\n' | 0x0b | 0x0c)).collect();
    let size = decoded_size(&encoded);
    if size > MAX_BYTES {
        return Ok(Err(format!("certificate size {size} exceeds maximum allowed size of {MAX_BYTES} bytes")));
    }
    let mut bytes = Vec::with_capacity(size);
    if let Err(at) = base64::decode(&encoded, Alphabet::Standard, true, &mut bytes) {
        return Ok(Err(format!(
            "failed to base64 decode the certificate: illegal base64 data at input byte {at}"
        )));
    }
    let read = read(runtime, &encoded, &bytes)?;
    Ok(read.map_err(|error| format!("failed to parse x509 certificate: {error}")))
}

/// Whether Go's `x509.ParseCertificate` reads `bytes`, which `encoded` is in base64. It reads some with a key of DSA or
/// of the curve P-224; here they are refused.
fn read<'a>(
    runtime: &mut Runtime<'a>,
    encoded: &[u8],
    bytes: &[u8],
) -> Result<Result<(), String>, JsonError<'a>> {
    let Some(body) = decoder() else { return Ok(Err("x509: there is nothing to read it with".to_owned())) };
    runtime.budget.charge_bytes(encoded.len().saturating_add(64))?;
    let pem = [b"-----BEGIN CERTIFICATE-----\n", encoded, b"\n-----END CERTIFICATE-----\n"].concat();
    let pem = runtime.arena.alloc_str(&String::from_utf8_lossy(&pem));
    match body(runtime, &[crate::value::Value::String(pem)]) {
        Ok(_) => Ok(Ok(())),
        Err(Raise::Fault(fault)) => Err(fault.into()),
        Err(Raise::Error(error)) => {
            let error = error.to_string();
            Ok(if error == OTHER_KEY { other_key(bytes) } else { Err(error) })
        }
    }
}

/// The body of `x509.decode`.
fn decoder() -> Option<Body> {
    match x509::LIBRARY.rows.first()?.implementation {
        Implementation::Own(body) => Some(body),
        _ => None,
    }
}

/// How many bytes come out of a text in base64, as jwx reckons it before it decodes.
fn decoded_size(encoded: &[u8]) -> usize {
    let (rest, padding) = match (encoded.len() % 4, encoded) {
        (0, [.., b'=', b'=']) => (0, 2),
        (0, [.., b'=']) => (0, 1),
        (2, _) => (1, 0),
        (3, _) => (2, 0),
        _ => (0, 0),
    };
    (encoded.len() / 4).saturating_mul(3).saturating_add(rest).saturating_sub(padding)
}

/// Algorithms of public keys, as object identifiers are encoded.
const EC: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01];
const DSA: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x38, 0x04, 0x01];
const ED25519: &[u8] = &[0x2b, 0x65, 0x70];
const X25519: &[u8] = &[0x2b, 0x65, 0x6e];
/// The curves, as the parameters of a key name them: elements, not only what is in them.
const CURVES: [(&[u8], Curve); 3] = [
    (&[6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07], Curve::P256),
    (&[6, 5, 0x2b, 0x81, 0x04, 0x00, 0x22], Curve::P384),
    (&[6, 5, 0x2b, 0x81, 0x04, 0x00, 0x23], Curve::P521),
];

/// Whether the key of a certificate is one, which `x509.decode` does not ask of keys that are not of RSA.
fn other_key(certificate: &[u8]) -> Result<(), String> {
    let Some((algorithm, parameters, bits)) = public_key(certificate) else {
        return Err("x509: malformed spki".to_owned());
    };
    // Go moves the bits of a key that does not end with a byte; nobody writes one.
    let key = match bits {
        [0, key @ ..] => key,
        _ => &[],
    };
    match algorithm {
        ED25519 | X25519 => {
            let name = if algorithm == ED25519 { "Ed25519" } else { "X25519" };
            match (parameters, key.len()) {
                ([], 32) => Ok(()),
                ([], _) => Err(format!("x509: wrong {name} public key size")),
                _ => Err(format!("x509: {name} key encoded with illegal parameters")),
            }
        }
        DSA => Err("x509: invalid DSA public key".to_owned()),
        EC => match CURVES.into_iter().find(|(name, _)| parameters == *name) {
            Some((_, curve)) => point(curve, key),
            None => Err("x509: unsupported elliptic curve".to_owned()),
        },
        // Go does not look at a key of an algorithm that it does not know.
        _ => Ok(()),
    }
}

/// Whether `key` is a point of the curve, in the form that is not compressed.
fn point(curve: Curve, key: &[u8]) -> Result<(), String> {
    let Some(coordinates) = key.strip_prefix(&[4]) else {
        return Err("ecdsa: invalid uncompressed public key".to_owned());
    };
    let name = curve.name().replace('-', "");
    match coordinates.split_at_checked(curve.bytes()) {
        Some((x, y)) if y.len() == curve.bytes() => {
            let material = Material::Ec { curve, x: x.to_vec(), y: y.to_vec() };
            if verify::is_on_curve(&material) { Ok(()) } else { Err(format!("{name} point not on curve")) }
        }
        _ => Err(format!("invalid {name} point encoding")),
    }
}

/// Algorithm, parameters (all of their element) and bit string of the public key of a certificate that `x509.decode` has
/// read.
fn public_key(certificate: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let mut outer = Der::new(Der::new(certificate).any()?.inside);
    let mut rest = Der::new(outer.any()?.inside);
    // A version may stand in front of number, algorithm, issuer, validity and subject.
    let before = if rest.peek(der::context_parts(0)) { 6 } else { 5 };
    for _ in 0..before {
        rest.any()?;
    }
    let mut key = Der::new(rest.any()?.inside);
    let mut identifier = Der::new(key.any()?.inside);
    let algorithm = identifier.any()?.inside;
    // Behind the parameters Go looks at nothing.
    let parameters = if identifier.is_empty() { &[] } else { identifier.any()?.whole };
    Some((algorithm, parameters, key.any()?.inside))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::budget::Budget;
    use bumpalo::Bump;

    fn said(raw: &str) -> Result<(), String> {
        let arena = Bump::new();
        let raw = arena.alloc_str(raw).as_bytes();
        check(&mut Runtime::new(&arena, Budget::default()), raw).map_err(|error| error.to_string())
    }

    #[test]
    fn a_certificate_may_not_be_larger_than_jwx_reads() {
        let of = |letters: usize| said(&format!("[\"{}\"]", "A".repeat(letters)));
        let place = "failed to decode certificate at index 0";
        let limit = "exceeds maximum allowed size of 262144 bytes";
        // What is a little shorter is not too large for jwx, reading it costs more than a budget has.
        assert!(of(349_524).is_err_and(|error| error.contains("budget.steps")));
        assert_eq!(of(349_528), Err(format!("{place}: certificate size 262146 {limit}")));
        assert_eq!(said("[]"), Ok(()));
    }

    #[test]
    fn sizes_are_those_of_what_is_decoded() {
        for (encoded, size) in
            [("", 0), ("QQ==", 1), ("QUI=", 2), ("QUJD", 3), ("QQ", 1), ("QUI", 2), ("Q", 0)]
        {
            assert_eq!(decoded_size(encoded.as_bytes()), size, "{encoded}");
        }
    }
}

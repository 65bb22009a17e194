//! JWK sets as jwx 3.1.1 reads them (`jwk.Parse`): a set with one bad key is no set.

use bumpalo::Bump;

use super::base64;
use crate::budget::Budget;
use crate::value::json::go;
use crate::value::keys::{Curve, Key, KeySet, Material};

/// The most keys that a set may have, as in jwx.
const MAX_KEYS: usize = 1_000;
/// The longest RSA modulus in bits. Go has no limit of its own for verifying; the work grows with the square.
const MAX_RSA_BITS: usize = 8_192;
/// The shortest one, jwx's.
const MIN_RSA_BITS: usize = 2_048;
/// Names of algorithms that jwx knows, those for encryption included: a key may name one, but then verifies nothing.
const ALGORITHMS: &[&str] = &[
    "ES256",
    "ES256K",
    "ES384",
    "ES512",
    "EdDSA",
    "Ed25519",
    "HS256",
    "HS384",
    "HS512",
    "none",
    "PS256",
    "PS384",
    "PS512",
    "RS256",
    "RS384",
    "RS512",
    "A128GCM",
    "A128CBC-HS256",
    "A192GCM",
    "A192CBC-HS384",
    "A256GCM",
    "A256CBC-HS512",
    "A128GCMKW",
    "A128KW",
    "A192GCMKW",
    "A192KW",
    "A256GCMKW",
    "A256KW",
    "dir",
    "ECDH-ES",
    "ECDH-ES+A128KW",
    "ECDH-ES+A192KW",
    "ECDH-ES+A256KW",
    "PBES2-HS256+A128KW",
    "PBES2-HS384+A192KW",
    "PBES2-HS512+A256KW",
    "RSA1_5",
    "RSA-OAEP",
    "RSA-OAEP-256",
    "RSA-OAEP-384",
    "RSA-OAEP-512",
];

/// Reads the answer of a JWKS endpoint: a set, or one key by itself.
///
/// # Errors
/// The text of jwx's error, from `jwk.Parse: ` on; a text of ours when the set is larger than we read.
pub fn parse(bytes: &[u8]) -> Result<KeySet, String> {
    let arena = Bump::new();
    let mut budget = Budget::default();
    let members = go::first(bytes, &arena, &mut budget).ok().and_then(|first| first.members);
    let members = members.unwrap_or_default();
    if members.iter().any(|member| member.name == "keys") {
        let keys = set(members, &arena, &mut budget);
        return keys
            .map(|keys| KeySet { keys })
            .map_err(|error| format!("jwk.Parse: failed to unmarshal JWK set: {error}"));
    }
    match key(bytes, &arena, &mut budget) {
        Ok(key) => Ok(KeySet { keys: vec![key] }),
        Err(error) => Err(format!("jwk.Parse: failed to parse sole key: jwk.ParseKey: {error}")),
    }
}

fn set(members: &[go::Member<'_>], arena: &Bump, budget: &mut Budget) -> Result<Vec<Key>, String> {
    let mut keys = Vec::new();
    for member in members {
        if member.name != "keys" {
            go::untyped(member.raw, arena, budget)
                .map_err(|error| format!("failed to decode value for key {:?}: {error}", member.name))?;
            continue;
        }
        let elements = go::elements(member.raw, arena, budget).map_err(|error| error.to_string())?;
        let Some(elements) = elements else {
            return Err(format!("failed to decode \"keys\": expected '[' but got {}", token(member.raw)));
        };
        for (index, raw) in elements.iter().enumerate() {
            if index >= MAX_KEYS {
                return Err(format!("too many keys in \"keys\" array: max {MAX_KEYS}"));
            }
            let parsed = key(raw, arena, budget);
            keys.push(
                parsed
                    .map_err(|e| format!("failed to decode key #{index} in \"keys\": jwk.ParseKey: {e}"))?,
            );
        }
    }
    Ok(keys)
}

/// How Go prints the token that a JSON text begins with.
fn token(raw: &[u8]) -> String {
    match raw.first() {
        Some(b'{') => "{".to_owned(),
        Some(b'n') => "<nil>".to_owned(),
        _ => String::from_utf8_lossy(raw).trim_matches('"').to_owned(),
    }
}

/// The members of a key that decide what it is.
#[derive(Default)]
struct Fields {
    id: Option<String>,
    usage: Option<String>,
    algorithm: Option<String>,
    curve: Option<String>,
    n: Option<Vec<u8>>,
    e: Option<Vec<u8>>,
    x: Option<Vec<u8>>,
    y: Option<Vec<u8>>,
    k: Option<Vec<u8>>,
}

/// Reads one key (`jwk.ParseKey`).
pub(super) fn key(bytes: &[u8], arena: &Bump, budget: &mut Budget) -> Result<Key, String> {
    let probe = |error: &dyn std::fmt::Display| {
        format!("jwk.Parse: failed to probe data: probe: failed to unmarshal data: {error}")
    };
    let first = go::first(bytes, arena, budget).map_err(|error| probe(&error))?;
    let members = match first.members {
        Some(members) => members,
        None if first.raw == b"null" => &[],
        None => return Err(probe(&mismatch(first.raw, PROBED))),
    };
    let last = |name: &str| members.iter().rev().find(|member| member.name.eq_ignore_ascii_case(name));
    let kind = match last("kty") {
        Some(member) => text(member.raw, arena, budget)
            .map_err(|error| probe(&error.replace("Go value", "Go struct field .kty")))?,
        None => String::new(),
    };
    let private = last("d").is_some() && kind != "oct";
    let (ty, names): (&str, &[&str]) = match (kind.as_str(), private) {
        ("RSA", false) => ("*jwk.rsaPublicKey", &["e", "n"]),
        ("RSA", true) => ("*jwk.rsaPrivateKey", &["d", "e", "n"]),
        ("EC", false) => ("*jwk.ecdsaPublicKey", &["crv", "x", "y"]),
        ("EC", true) => ("*jwk.ecdsaPrivateKey", &["crv", "d", "x", "y"]),
        ("OKP", false) => ("*jwk.okpPublicKey", &["crv", "x"]),
        ("OKP", true) => ("*jwk.okpPrivateKey", &["crv", "d", "x"]),
        ("oct", _) => ("*jwk.symmetricKey", &["k"]),
        _ => return Err(format!("invalid key type from JSON ({kind})")),
    };
    let fields = fields(members, &kind, names, arena, budget).map_err(|error| {
        format!("failed to unmarshal JSON into key ({ty}): failed to unmarshal JSON into key ({ty}): {error}")
    })?;
    let invalid = |error: String| {
        let half = if private { "Private" } else { "Public" };
        let name = match kind.as_str() {
            "oct" => "SymmetricKey".to_owned(),
            "EC" => format!("ECDSA{half}Key"),
            kind => format!("{kind}{half}Key"),
        };
        format!("jwk.Parse: key validation failed: key validation failed: jwk.{name}: {error}")
    };
    let Fields { id, usage, algorithm, .. } = &fields;
    let (id, usage, algorithm) = (id.clone(), usage.clone(), algorithm.clone());
    let material = material(&kind, fields).map_err(invalid)?;
    Ok(Key { id, usage, algorithm, material, private })
}

fn fields(
    members: &[go::Member<'_>],
    kind: &str,
    required: &[&str],
    arena: &Bump,
    budget: &mut Budget,
) -> Result<Fields, String> {
    let mut fields = Fields::default();
    let mut seen: Vec<&str> = Vec::new();
    for member in members {
        let name = member.name;
        let failed = |error: String| format!("failed to decode value for key {name}: {error}");
        let next = |error: String| failed(format!("error reading next value: {error}"));
        match name {
            "kty" => {
                let found = text(member.raw, arena, budget)
                    .map_err(|e| format!("error reading token: error reading next value: {e}"))?;
                if found != kind {
                    return Err(format!("invalid kty value for RSAPublicKey ({found})"));
                }
            }
            "alg" => {
                let name = text(member.raw, arena, budget).map_err(failed)?;
                if !ALGORITHMS.contains(&name.as_str()) {
                    return Err(failed(format!("invalid key value: {name:?}: invalid key algorithm")));
                }
                fields.algorithm = Some(name);
            }
            "kid" => fields.id = Some(text(member.raw, arena, budget).map_err(next)?),
            "use" => fields.usage = Some(text(member.raw, arena, budget).map_err(next)?),
            "key_ops" => {
                match go::elements(member.raw, arena, budget).map_err(|error| failed(error.to_string()))? {
                    Some(operations) => {
                        for operation in operations {
                            text(operation, arena, budget).map_err(failed)?;
                        }
                    }
                    None if member.raw == b"null" => {}
                    None => return Err(failed(mismatch(member.raw, "jwk.KeyOperationList"))),
                }
            }
            "x5t" | "x5t#S256" | "x5u" => drop(text(member.raw, arena, budget).map_err(next)?),
            "crv" if matches!(kind, "EC" | "OKP") => {
                let curve = text(member.raw, arena, budget)
                    .map_err(|e| failed(format!("failed to unmarshal EllipticCurveAlgorithm: {e}")))?;
                if !matches!(
                    curve.as_str(),
                    "P-256" | "P-384" | "P-521" | "Ed25519" | "Ed448" | "X25519" | "X448"
                ) {
                    return Err(failed(format!("unknown EllipticCurveAlgorithm: {curve:?}")));
                }
                fields.curve = Some(curve);
            }
            "n" | "e" if kind == "RSA" => {
                let bytes = binary(member.raw, arena, budget).map_err(failed)?;
                *(if name == "n" { &mut fields.n } else { &mut fields.e }) = Some(bytes);
            }
            "x" | "y" if kind == "EC" || kind == "OKP" && name == "x" => {
                let bytes = binary(member.raw, arena, budget).map_err(failed)?;
                *(if name == "x" { &mut fields.x } else { &mut fields.y }) = Some(bytes);
            }
            "k" if kind == "oct" => fields.k = Some(binary(member.raw, arena, budget).map_err(failed)?),
            "d" if kind != "oct" => drop(binary(member.raw, arena, budget).map_err(failed)?),
            _ => {
                go::untyped(member.raw, arena, budget).map_err(|e| {
                    format!("could not decode field {name}: failed to decode field {name}: {e}")
                })?;
            }
        }
        seen.push(name);
    }
    match required.iter().find(|name| !seen.contains(name)) {
        Some(name) => Err(format!("required field {name} is missing")),
        None => Ok(fields),
    }
}

fn material(kind: &str, fields: Fields) -> Result<Material, String> {
    let Fields { curve, n, e, x, y, k, .. } = fields;
    match kind {
        "oct" => match k.filter(|k| !k.is_empty()) {
            Some(k) => Ok(Material::Secret(k)),
            None => Err("missing \"k\" field".to_owned()),
        },
        "RSA" => rsa(n.unwrap_or_default(), e.unwrap_or_default()),
        "EC" => ec(&curve.unwrap_or_default(), &x.unwrap_or_default(), &y.unwrap_or_default()),
        _ => okp(curve.unwrap_or_default(), x.unwrap_or_default()),
    }
}

/// The bits of a big-endian number without leading zeros.
fn bits(bytes: &[u8]) -> usize {
    let first = bytes.first().map_or(0, |byte| byte.leading_zeros());
    bytes.len().saturating_mul(8).saturating_sub(usize::try_from(first).unwrap_or(0))
}

fn trimmed(bytes: &[u8]) -> Vec<u8> {
    bytes.iter().copied().skip_while(|byte| *byte == 0).collect()
}

fn rsa(n: Vec<u8>, e: Vec<u8>) -> Result<Material, String> {
    let (n, e) = (trimmed(&n), trimmed(&e));
    if n.is_empty() {
        return Err("missing \"n\" value".to_owned());
    }
    if bits(&n) < MIN_RSA_BITS {
        return Err(format!("rsa modulus too small: got {} bits, need at least {MIN_RSA_BITS}", bits(&n)));
    }
    if bits(&n) > MAX_RSA_BITS {
        return Err(format!("rsa modulus too large: got {} bits, at most {MAX_RSA_BITS} are read", bits(&n)));
    }
    if e.is_empty() {
        return Err("missing \"e\" value".to_owned());
    }
    if e.last().is_some_and(|last| last & 1 == 0) {
        return Err("invalid rsa public exponent: must be a positive odd integer".to_owned());
    }
    if e == [1] {
        return Err("invalid rsa public exponent: got 1, need at least 3".to_owned());
    }
    if bits(&e) >= 64 {
        return Err(format!("rsa public exponent too large for this platform: {} bits (max 63)", bits(&e)));
    }
    Ok(Material::Rsa { n, e })
}

fn ec(curve: &str, x: &[u8], y: &[u8]) -> Result<Material, String> {
    let known = [Curve::P256, Curve::P384, Curve::P521].into_iter().find(|known| known.name() == curve);
    let Some(curve) = known else {
        return Err(format!(
            "invalid curve algorithm {curve:?}: unknown elliptic curve algorithm: {curve:?}"
        ));
    };
    for (name, coordinate) in [("x", x), ("y", y)] {
        if coordinate.len() != curve.bytes() {
            return Err(format!(
                "invalid {name:?} length ({}) for curve {:?}",
                coordinate.len(),
                curve.name()
            ));
        }
    }
    if x.iter().chain(y).all(|byte| *byte == 0) {
        return Err("invalid ECDSA public key: identity point is not a valid public key".to_owned());
    }
    let material = Material::Ec { curve, x: x.to_vec(), y: y.to_vec() };
    if !super::verify::is_on_curve(&material) {
        let name = curve.name().replace('-', "");
        return Err(format!("invalid ECDSA public key: {name} point not on curve"));
    }
    Ok(material)
}

fn okp(curve: String, x: Vec<u8>) -> Result<Material, String> {
    match curve.as_str() {
        "Ed25519" if x.len() != 32 => Err("ed25519: wrong public key size".to_owned()),
        "X25519" if x.len() != 32 => Err("x25519: wrong public key size".to_owned()),
        _ => Ok(Material::Okp { curve, x }),
    }
}

/// Go's type of what `jwk.ParseKey` looks at first.
const PROBED: &str = r#"struct { Kty string "json:\"kty\""; D json.RawMessage "json:\"d,omitempty\"" }"#;

/// Go's text for a JSON value that does not fit a Go type.
pub(super) fn mismatch(raw: &[u8], ty: &str) -> String {
    let kind = match raw.first() {
        Some(b'{') => "object",
        Some(b'[') => "array",
        Some(b'"') => "string",
        Some(b't' | b'f') => "bool",
        _ => "number",
    };
    format!("json: cannot unmarshal {kind} into Go value of type {ty}")
}

/// A JSON string; null is the empty one, as Go has it.
pub(super) fn text(raw: &[u8], arena: &Bump, budget: &mut Budget) -> Result<String, String> {
    match raw.first() {
        Some(b'"') => match go::untyped(raw, arena, budget) {
            Ok(crate::value::Value::String(text)) => Ok(text.to_owned()),
            Ok(_) => Err(mismatch(raw, "string")),
            Err(error) => Err(error.to_string()),
        },
        Some(b'n') => Ok(String::new()),
        _ => Err(mismatch(raw, "string")),
    }
}

fn binary(raw: &[u8], arena: &Bump, budget: &mut Budget) -> Result<Vec<u8>, String> {
    let text = text(raw, arena, budget).map_err(|error| format!("error reading next value: {error}"))?;
    base64::decode(text.as_bytes()).map_err(|_| "expected base64 encoded []byte (string)".to_owned())
}

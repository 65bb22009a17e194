//! JWK sets as jwx 3.1.1 reads them (`jwk.Parse`): a set with one bad key is no set.

use bumpalo::Bump;

use super::unmarshal::{mismatch, text};
use super::{base64, certificates};
use crate::budget::Budget;
use crate::library::runtime::Runtime;
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
    let mut runtime = Runtime::new(&arena, Budget::default());
    let members = match go::first(bytes, &arena, &mut runtime.budget) {
        Ok(first) if is_alone(bytes, first.raw) => first.members.unwrap_or_default(),
        _ => &[],
    };
    if members.iter().any(|member| member.name == "keys") {
        let keys = set(&mut runtime, members);
        return keys
            .map(|keys| KeySet { keys })
            .map_err(|error| format!("jwk.Parse: failed to unmarshal JWK set: {error}"));
    }
    match key(&mut runtime, bytes) {
        Ok(key) => Ok(KeySet { keys: vec![key] }),
        Err(error) => Err(format!("jwk.Parse: failed to parse sole key: jwk.ParseKey: {error}")),
    }
}

/// How deep values may be nested where jwx looks for `keys`: it does so with fastjson, whose limit this is.
const MAX_DEPTH: usize = 300;

/// True if `bytes` hold the value `raw` and nothing else. What decides whether there is a set looks at all of them, unlike
/// what then reads the set or the key.
fn is_alone(bytes: &[u8], raw: &[u8]) -> bool {
    let rest = bytes.trim_ascii_start().get(raw.len()..).unwrap_or(bytes);
    rest.iter().all(|byte| matches!(byte, b' ' | b'\t' | b'\r' | b'\n')) && depth(raw) <= MAX_DEPTH
}

/// How deep a text is nested whose syntax has been checked; what is in no list and in no object counts one.
fn depth(raw: &[u8]) -> usize {
    let (mut open, mut deepest) = (0_usize, 0_usize);
    let mut rest = raw.iter();
    while let Some(byte) = rest.next() {
        match byte {
            b'{' | b'[' => {
                open = open.saturating_add(1);
                deepest = deepest.max(open);
            }
            b'}' | b']' => open = open.saturating_sub(1),
            b',' | b':' | b' ' | b'\t' | b'\r' | b'\n' => {}
            _ => {
                deepest = deepest.max(open.saturating_add(1));
                if *byte == b'"' {
                    while let Some(inside) = rest.next().filter(|inside| **inside != b'"') {
                        if *inside == b'\\' {
                            rest.next();
                        }
                    }
                }
            }
        }
    }
    deepest
}

fn set<'a>(runtime: &mut Runtime<'a>, members: &[go::Member<'a>]) -> Result<Vec<Key>, String> {
    let arena = runtime.arena;
    let mut keys = Vec::new();
    for member in members {
        let budget = &mut runtime.budget;
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
            // Each has a budget of its own: what its certificates cost adds up, and no call waits for it.
            let arena = Bump::new();
            let parsed = key(&mut Runtime::new(&arena, Budget::default()), raw);
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
    d: Option<Vec<u8>>,
}

/// Reads one key (`jwk.ParseKey`).
pub(super) fn key<'a>(runtime: &mut Runtime<'a>, bytes: &'a [u8]) -> Result<Key, String> {
    let (arena, budget) = (runtime.arena, &mut runtime.budget);
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
    let mut fields = fields(runtime, members, &kind, private, names).map_err(|error| {
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
    let half = if private { Some(fields.d.take().unwrap_or_default()) } else { None };
    let material = material(&kind, fields).map_err(invalid)?;
    if let Some(half) = half {
        private_half(&material, &half).map_err(invalid)?;
    }
    Ok(Key { id, usage, algorithm, material, private })
}

fn fields<'a>(
    runtime: &mut Runtime<'a>,
    members: &[go::Member<'a>],
    kind: &str,
    private: bool,
    required: &[&str],
) -> Result<Fields, String> {
    let arena = runtime.arena;
    let mut fields = Fields::default();
    let mut seen: Vec<&str> = Vec::new();
    for member in members {
        let budget = &mut runtime.budget;
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
            "d" if kind != "oct" => fields.d = Some(binary(member.raw, arena, budget).map_err(failed)?),
            // Only what a private key has a field for; in a public key they are members like any others.
            "p" | "q" | "dp" | "dq" | "qi" if kind == "RSA" && private => {
                binary(member.raw, arena, budget).map_err(failed)?;
            }
            "x5c" => certificates::check(runtime, member.raw).map_err(|error| failed(error.to_string()))?,
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

/// What jwx asks of the private half, which it then has no use for. Whether it belongs to the public one it does not ask.
fn private_half(material: &Material, half: &[u8]) -> Result<(), String> {
    match material {
        Material::Rsa { .. } if half.is_empty() => Err("missing \"d\" value".to_owned()),
        Material::Ec { curve, .. } if half.len() != curve.bytes() => {
            Err(format!("invalid \"d\" length ({}) for curve {:?}", half.len(), curve.name()))
        }
        Material::Okp { .. } if half.is_empty() => Err("missing \"d\" field".to_owned()),
        Material::Okp { curve, .. } if matches!(curve.as_str(), "Ed25519" | "X25519") && half.len() != 32 => {
            Err(format!("{}: wrong private key size", curve.to_ascii_lowercase()))
        }
        _ => Ok(()),
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

fn binary(raw: &[u8], arena: &Bump, budget: &mut Budget) -> Result<Vec<u8>, String> {
    let text = text(raw, arena, budget).map_err(|error| format!("error reading next value: {error}"))?;
    base64::decode(text.as_bytes()).map_err(|_| "expected base64 encoded []byte (string)".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_in_containers_is_one_deeper_than_they_are() {
        for (text, expected) in
            [("1", 1), ("[]", 1), ("[1]", 2), ("[[]]", 2), (r#"{"a":{}}"#, 2), (r#"["[[\"[[", "\\"]"#, 2)]
        {
            assert_eq!(depth(text.as_bytes()), expected, "{text}");
        }
    }
}

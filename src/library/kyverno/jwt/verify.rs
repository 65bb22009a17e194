//! Signatures: which algorithms a key can verify, and whether one does. Verifying only; no secret leaves here.

use ed25519_dalek::Verifier as _;
use hmac::{Hmac, KeyInit, Mac};
use rsa::BoxedUint;
use sha2::{Digest, Sha256, Sha384, Sha512};

use crate::value::keys::{Curve, Key, Material};

/// The algorithms that jwx infers from a key's type.
pub(super) fn inferred(material: &Material) -> &'static [&'static str] {
    match material {
        Material::Secret(_) => &["HS256", "HS384", "HS512"],
        Material::Rsa { .. } => &["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"],
        Material::Ec { .. } => &["ES256", "ES384", "ES512"],
        Material::Okp { curve, .. } if curve == "Ed25519" => &["EdDSA", "Ed25519"],
        Material::Okp { .. } => &["EdDSA"],
    }
}

/// A name of a signature algorithm that jwx knows.
pub(super) fn is_signature_algorithm(name: &str) -> bool {
    matches!(
        name,
        "ES256"
            | "ES256K"
            | "ES384"
            | "ES512"
            | "EdDSA"
            | "Ed25519"
            | "HS256"
            | "HS384"
            | "HS512"
            | "none"
            | "PS256"
            | "PS384"
            | "PS512"
            | "RS256"
            | "RS384"
            | "RS512"
    )
}

/// The Go type of a key, as it stands in jwx's messages.
pub(super) fn go_type(key: &Key) -> &'static str {
    match (&key.material, key.private) {
        (Material::Secret(_), _) => "*jwk.symmetricKey",
        (Material::Rsa { .. }, false) => "*jwk.rsaPublicKey",
        (Material::Rsa { .. }, true) => "*jwk.rsaPrivateKey",
        (Material::Ec { .. }, false) => "*jwk.ecdsaPublicKey",
        (Material::Ec { .. }, true) => "*jwk.ecdsaPrivateKey",
        (Material::Okp { .. }, false) => "*jwk.okpPublicKey",
        (Material::Okp { .. }, true) => "*jwk.okpPrivateKey",
    }
}

/// What one verification costs, in steps of the budget: public key operations cost some hundred microseconds, a MAC
/// what its message costs.
pub(super) fn cost(key: &Key, message: usize) -> usize {
    let fixed = match &key.material {
        Material::Secret(_) => 64,
        // The work of a modular power with a small exponent grows with the square of the length.
        Material::Rsa { n, .. } => n.len().saturating_mul(n.len()) >> 4,
        Material::Ec { .. } | Material::Okp { .. } => 16_384,
    };
    fixed.saturating_add(message >> 3)
}

/// Checks `signature` over `message` with `key` by `algorithm`.
///
/// # Errors
/// jwx's text: the signature is another one, or the key is of another type.
pub(super) fn verify(key: &Key, algorithm: &str, message: &[u8], signature: &[u8]) -> Result<(), String> {
    match (algorithm, &key.material) {
        ("HS256", Material::Secret(secret)) => mac::<Hmac<Sha256>>(secret, message, signature),
        ("HS384", Material::Secret(secret)) => mac::<Hmac<Sha384>>(secret, message, signature),
        ("HS512", Material::Secret(secret)) => mac::<Hmac<Sha512>>(secret, message, signature),
        ("RS256" | "RS384" | "RS512" | "PS256" | "PS384" | "PS512", Material::Rsa { n, e }) => {
            // Go's limit: an exponent of more than 31 bits.
            if e.len() > 4 || e.len() == 4 && e.first().is_some_and(|first| *first > 0x7f) {
                return Err("crypto/rsa: public exponent too large".to_owned());
            }
            rsa(n, e, algorithm, message, signature)
                .ok_or_else(|| "crypto/rsa: verification error".to_owned())
        }
        ("ES256", Material::Ec { curve, x, y }) => ecdsa(*curve, x, y, &Sha256::digest(message), signature),
        ("ES384", Material::Ec { curve, x, y }) => ecdsa(*curve, x, y, &Sha384::digest(message), signature),
        ("ES512", Material::Ec { curve, x, y }) => ecdsa(*curve, x, y, &Sha512::digest(message), signature),
        ("EdDSA" | "Ed25519", Material::Okp { curve, x }) if curve == "Ed25519" => {
            eddsa(x, message, signature).ok_or_else(|| "invalid EdDSA signature".to_owned())
        }
        ("none" | "ES256K", _) => Err(format!("jwsbb.Verify: dsig algorithm {algorithm:?} not registered")),
        // jwx takes the bytes of a public Ed25519 key for an HMAC secret, which everybody has who has the key: refused.
        _ => Err(wrong_key(key, algorithm)),
    }
}

/// jwx's text for a key of another type than the algorithm needs.
fn wrong_key(key: &Key, algorithm: &str) -> String {
    let ty = go_type(key);
    let (raw, curve) = match &key.material {
        Material::Secret(_) => ("[]uint8", ""),
        Material::Rsa { .. } => ("*rsa.PublicKey", ""),
        Material::Ec { .. } => ("*ecdsa.PublicKey", ""),
        Material::Okp { curve, .. } if curve == "Ed25519" => ("ed25519.PublicKey", ""),
        Material::Okp { curve, .. } if curve == "X25519" => ("*ecdh.PublicKey", ""),
        Material::Okp { curve, .. } => ("", curve.as_str()),
    };
    let expected = |package: &str| {
        let due = format!("*{package}.PublicKey");
        let both = format!("{package}.PublicKey/{package}.PrivateKey or {due}/*{package}.PrivateKey");
        (due, format!("keyconv: expected {both}, got {raw}"))
    };
    let (due, why) = match algorithm.get(..2) {
        Some("HS") => (
            "[]byte".to_owned(),
            format!(
                "keyconv: failed to produce []byte from {ty}: jwk.Export: no suitable exporter found for key type '{ty}'"
            ),
        ),
        Some("RS" | "PS") => expected("rsa"),
        Some("ES") => expected("ecdsa"),
        _ if !curve.is_empty() => (
            "ed25519.PublicKey".to_owned(),
            format!(
                "keyconv: failed to produce public key from {ty}: jwk.PublicRawKeyOf: failed to obtain raw key from \
                 {ty}: jwk.Export: failed to export jwk.Key to raw format: jwk.OKPPublicKey: failed to build public \
                 key: invalid curve algorithm {curve}"
            ),
        ),
        _ => (
            "ed25519.PublicKey".to_owned(),
            "failed to retrieve ed25519.PublicKey out of crypto.PublicKey".to_owned(),
        ),
    };
    format!("jwsbb.Verify: invalid key type {ty}. {due} is required: {why}")
}

fn mac<M: Mac + KeyInit>(secret: &[u8], message: &[u8], signature: &[u8]) -> Result<(), String> {
    let verified = <M as KeyInit>::new_from_slice(secret)
        .is_ok_and(|mac| mac.chain_update(message).verify_slice(signature).is_ok());
    if verified { Ok(()) } else { Err("invalid HMAC signature".to_owned()) }
}

fn rsa(n: &[u8], e: &[u8], algorithm: &str, message: &[u8], signature: &[u8]) -> Option<()> {
    let number = |bytes: &[u8]| BoxedUint::from_be_slice_vartime(bytes);
    let key = rsa::PublicKey::new(number(n), number(e)).ok()?;
    match algorithm {
        "RS256" => key.pkcs1v15_verify::<Sha256>(message, signature),
        "RS384" => key.pkcs1v15_verify::<Sha384>(message, signature),
        "RS512" => key.pkcs1v15_verify::<Sha512>(message, signature),
        "PS256" => key.pss_verify::<Sha256>(message, signature),
        "PS384" => key.pss_verify::<Sha384>(message, signature),
        _ => key.pss_verify::<Sha512>(message, signature),
    }
    .ok()
}

/// A point in the uncompressed form of SEC 1.
fn point(x: &[u8], y: &[u8]) -> Vec<u8> {
    [&[4], x, y].concat()
}

/// True for a point of the curve that its key names.
pub(super) fn is_on_curve(material: &Material) -> bool {
    let Material::Ec { curve, x, y } = material else { return false };
    let point = point(x, y);
    match curve {
        Curve::P256 => p256::ecdsa::VerifyingKey::from_sec1_bytes(&point).is_ok(),
        Curve::P384 => p384::ecdsa::VerifyingKey::from_sec1_bytes(&point).is_ok(),
        Curve::P521 => p521::ecdsa::VerifyingKey::from_sec1_bytes(&point).is_ok(),
    }
}

/// jwx takes the curve from the key and the hash from the algorithm, so that any hash goes with any curve. A hash
/// shorter than half of the curve's field is refused here (SHA-256 with P-521).
fn ecdsa(curve: Curve, x: &[u8], y: &[u8], hash: &[u8], signature: &[u8]) -> Result<(), String> {
    if signature.len() != curve.bytes().saturating_mul(2) {
        return Err(format!(
            "dsig.VerifyECDSA: failed to unpack ECDSA signature: invalid signature length for curve {:?}",
            curve.name()
        ));
    }
    let point = point(x, y);
    macro_rules! verified {
        ($curve:ident) => {{
            use $curve::ecdsa::signature::hazmat::PrehashVerifier as _;
            let key = $curve::ecdsa::VerifyingKey::from_sec1_bytes(&point).ok();
            let signature = $curve::ecdsa::Signature::from_slice(signature).ok();
            key.zip(signature).is_some_and(|(key, signature)| key.verify_prehash(hash, &signature).is_ok())
        }};
    }
    let verified = match curve {
        Curve::P256 => verified!(p256),
        Curve::P384 => verified!(p384),
        Curve::P521 => verified!(p521),
    };
    if verified { Ok(()) } else { Err("invalid ECDSA signature".to_owned()) }
}

fn eddsa(x: &[u8], message: &[u8], signature: &[u8]) -> Option<()> {
    let key = ed25519_dalek::VerifyingKey::from_bytes(x.try_into().ok()?).ok()?;
    let signature = ed25519_dalek::Signature::from_slice(signature).ok()?;
    key.verify(message, &signature).ok()
}

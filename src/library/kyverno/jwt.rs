//! Kyverno's `jwt` and `jwks`: tokens, verified with a secret or with a set of keys.
//!
//! As jwx 3.1.1 does it, with its error texts: a signature that does not verify is an error, never a token that is not
//! `Valid`. `none` verifies nothing, and a secret is never taken for a public key.

use crate::error::Raise;
use crate::library::capability::Capability;
use crate::library::row::row;
use crate::library::runtime::{Answer, Runtime};
use crate::library::table::{Implementation, Library, TypeRow};
use crate::library::to_go;
use crate::value::json::structs::folds_to;
use crate::value::json::{JsonError, go};
use crate::value::keys::{Key, KeySet, Material};
use crate::value::object_type::field;
use crate::value::{Object, ObjectRow, Value};

mod base64;
mod certificates;
mod claims;
mod compact;
pub mod keys;
mod unmarshal;
mod verify;

use claims::Audience;

/// A token that was verified.
pub static TOKEN: ObjectRow = ObjectRow::structure(
    "jwt.Token",
    &[field("Claims", "Claims", "*map(string, dyn)").of("*structpb.Struct"), field("Valid", "Valid", "bool")],
);

/// Kyverno's `kyverno.jwk`.
pub static KEYS: Library = Library {
    name: "kyverno.jwk",
    version: 0,
    types: &[TypeRow::Named("jwk.Set")],
    rows: &[row(
        "fetch_string",
        "jwks.Fetch(string) -> jwk.Set",
        Implementation::Asking(fetch, Capability::KeySets),
        "The keys that a URL serves as a JWK set. They are fetched before and between calls, never during one.",
        &[],
    )],
};

/// Kyverno's `kyverno.jwt`.
pub static LIBRARY: Library = Library {
    name: "kyverno.jwt",
    version: 0,
    types: &[TypeRow::Object(&TOKEN)],
    rows: &[
        row(
            "decode_string_string",
            "jwt.Decode(string, string) -> jwt.Token",
            Implementation::Asking(with_secret, Capability::CallTime),
            "The token, verified with a secret (HS256, HS384, HS512). Its claims, and whether its times say that it is \
             in force now.",
            &[
                "jwt.Decode('eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhIn0.UUtsUaeO3koQylSZ3wxP4lqVvgFw6mGsVzGNBNF_1sQ', \
                 'secret').Claims.sub == 'a'",
                "jwt.Decode('eyJhbGciOiJIUzI1NiJ9.eyJleHAiOjB9.Us97MOp3IXnEfdXIzDRXBKHdllzeioZL_2F5oD4neJg', \
                 'secret').Valid == false",
            ],
        ),
        row(
            "decode_string_set",
            "jwt.Decode(string, jwk.Set) -> jwt.Token",
            Implementation::Asking(with_set, Capability::CallTime),
            "The token, verified with the key of a set that the token's `kid` names, or with the only one.",
            &[],
        ),
    ],
};

/// How deep jwx looks into a token that holds a token.
const LAYERS: usize = 2;

fn fetch<'a>(runtime: &mut Runtime<'a>, arguments: &[Value<'a>]) -> Answer<'a> {
    let [url] = arguments else { return Err(runtime.no_overload("jwks.Fetch", arguments)) };
    let url = to_go::string(runtime, url)?;
    // What is said of a URL without keys quotes it.
    runtime.charge_scan(url.len())?;
    runtime.budget.charge_bytes(url.len().saturating_mul(4))?;
    match runtime.session()?.key_set(url) {
        Ok(set) => Ok(Value::Keys(set)),
        Err(why) => Err(runtime.unanswered("", why)),
    }
}

fn with_secret<'a>(runtime: &mut Runtime<'a>, arguments: &[Value<'a>]) -> Answer<'a> {
    let [token, secret] = arguments else { return Err(runtime.no_overload("jwt.Decode", arguments)) };
    let (token, secret) = (to_go::string(runtime, token)?, to_go::string(runtime, secret)?);
    if secret.is_empty() {
        return Err(runtime.error(format_args!(
            "failed to initialize *jwk.symmetricKey from []uint8: non-empty []byte key required"
        )));
    }
    // It is copied, and hashed once for each key that HMAC makes of it; hashing is slower than looking.
    runtime.charge(secret.len() >> 2)?;
    runtime.budget.charge_bytes(secret.len())?;
    let material = Material::Secret(secret.as_bytes().to_vec());
    let key = Key { id: None, usage: None, algorithm: None, material, private: false };
    decode(runtime, token, &KeySet { keys: vec![key] }, Audience::Refused)
}

fn with_set<'a>(runtime: &mut Runtime<'a>, arguments: &[Value<'a>]) -> Answer<'a> {
    let [token, Value::Keys(set)] = arguments else {
        return Err(runtime.no_overload("jwt.Decode", arguments));
    };
    let token = to_go::string(runtime, token)?;
    decode(runtime, token, set, Audience::List)
}

fn decode<'a>(runtime: &mut Runtime<'a>, token: &'a str, set: &KeySet, audience: Audience) -> Answer<'a> {
    let payload = opened(runtime, token, set)?;
    let now = runtime.now;
    let claims = claims::read(runtime, payload, audience, now)?;
    runtime
        .budget
        .charge_bytes(size_of::<Object<'_>>().saturating_add(size_of::<[Option<Value<'_>>; 2]>()))?;
    let fields = [Some(Value::Map(claims.map)), Some(Value::Bool(claims.valid))];
    let fields = runtime.arena.alloc_slice_copy(&fields);
    Ok(Value::Object(runtime.arena.alloc(Object { ty: &TOKEN, fields, tagged: false })))
}

/// What a part of a token looks like (`jwx.GuessFormat`).
enum Format {
    /// JSON that may be claims.
    Claims,
    /// A signed message.
    Signed,
    /// A message or a key that is no token.
    Other,
    /// Nothing that jwx knows.
    Invalid,
}

/// The claims' text of a token, or of the token that it holds.
fn opened<'a>(runtime: &mut Runtime<'a>, token: &'a str, set: &KeySet) -> Result<&'a [u8], Raise<'a>> {
    runtime.charge_scan(token.len())?;
    let mut payload = trim(token.as_bytes());
    for layer in 0..LAYERS {
        match format(runtime, payload)? {
            Format::Claims if layer == 0 => {
                compact::verified(runtime, payload, set).map_err(|raise| parse_error(runtime, raise))?;
                break;
            }
            Format::Claims => break,
            Format::Signed => {
                payload =
                    compact::verified(runtime, payload, set).map_err(|raise| parse_error(runtime, raise))?;
            }
            Format::Invalid => {
                return Err(runtime.error(format_args!(
                    "jwt.Parse: failed to parse token: unknown payload type (payload is not JWT?)"
                )));
            }
            Format::Other => {
                let layer = layer.saturating_add(1);
                return Err(runtime.error(format_args!(
                    "jwt.Parse: failed to parse token: unsupported format (layer: #{layer})"
                )));
            }
        }
    }
    Ok(payload)
}

fn parse_error<'a>(runtime: &mut Runtime<'a>, raise: Raise<'a>) -> Raise<'a> {
    match raise {
        Raise::Error(error) => runtime.error(format_args!("jwt.Parse: failed to parse token: {error}")),
        fault @ Raise::Fault(_) => fault,
    }
}

/// What Go's `bytes.TrimSpace` leaves.
fn trim(bytes: &[u8]) -> &[u8] {
    // Go's white space is Unicode's.
    std::str::from_utf8(bytes).map_or(bytes, |text| text.trim().as_bytes())
}

fn format<'a>(runtime: &mut Runtime<'a>, payload: &'a [u8]) -> Result<Format, Raise<'a>> {
    runtime.charge_scan(payload.len())?;
    let payload = trim(payload);
    match payload.first() {
        None => return Ok(Format::Claims),
        Some(b'{') => {}
        Some(_) => {
            return Ok(match payload.iter().filter(|c| **c == b'.').count() {
                2 => Format::Signed,
                4 => Format::Other,
                _ => Format::Invalid,
            });
        }
    }
    let members = match go::syntax(payload, runtime.arena, &mut runtime.budget) {
        Ok(_) => go::first(payload, runtime.arena, &mut runtime.budget),
        Err(error) => Err(error),
    };
    let members = match members {
        Ok(first) => first.members.unwrap_or_default(),
        Err(JsonError::Text(_)) => return Ok(Format::Claims),
        Err(JsonError::Fault(fault)) => return Err(fault.into()),
    };
    let has = |known: &str| members.iter().any(|member| folds_to(known, member.name));
    Ok(if has("aud") {
        Format::Claims
    } else if has("kty") || has("keys") || has("ciphertext") {
        Format::Other
    } else if has("signatures") && has("payload") {
        Format::Signed
    } else {
        Format::Claims
    })
}

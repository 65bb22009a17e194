//! Kyverno's `jwt` and `jwks`: tokens, verified with a secret or with a set of keys.
//!
//! As jwx 3.1.1 does it, with its error texts: a signature that does not verify is an error, never a token that is not
//! `Valid`. `none` verifies nothing, and a secret is never taken for a public key.

use super::convert;
use crate::cel::error::Raise;
use crate::library::capability::Capability;
use crate::library::row::row;
use crate::library::table::{Answer, Context, Implementation, Library};
use crate::library::types::TypeRow;
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

fn fetch<'a>(context: &mut Context<'a>, arguments: &[Value<'a>]) -> Answer<'a> {
    let [url] = arguments else { return Err(context.no_overload("jwks.Fetch", arguments)) };
    let url = convert::string(context, url)?;
    // What is said of a URL without keys quotes it.
    context.charge_scan(url.len())?;
    context.budget.charge_bytes(url.len().saturating_mul(4))?;
    match context.session()?.key_set(url) {
        Ok(set) => Ok(Value::Keys(set)),
        Err(why) => Err(context.unanswered("", why)),
    }
}

fn with_secret<'a>(context: &mut Context<'a>, arguments: &[Value<'a>]) -> Answer<'a> {
    let [token, secret] = arguments else { return Err(context.no_overload("jwt.Decode", arguments)) };
    let (token, secret) = (convert::string(context, token)?, convert::string(context, secret)?);
    if secret.is_empty() {
        return Err(context.error(format_args!(
            "failed to initialize *jwk.symmetricKey from []uint8: non-empty []byte key required"
        )));
    }
    // It is copied, and hashed once for each key that HMAC makes of it; hashing is slower than looking.
    context.charge(secret.len() >> 2)?;
    context.budget.charge_bytes(secret.len())?;
    let material = Material::Secret(secret.as_bytes().to_vec());
    let key = Key { id: None, usage: None, algorithm: None, material, private: false };
    decode(context, token, &KeySet { keys: vec![key] }, Audience::Refused)
}

fn with_set<'a>(context: &mut Context<'a>, arguments: &[Value<'a>]) -> Answer<'a> {
    let [token, Value::Keys(set)] = arguments else {
        return Err(context.no_overload("jwt.Decode", arguments));
    };
    let token = convert::string(context, token)?;
    decode(context, token, set, Audience::List)
}

fn decode<'a>(context: &mut Context<'a>, token: &'a str, set: &KeySet, audience: Audience) -> Answer<'a> {
    let payload = opened(context, token, set)?;
    let now = context.now;
    let claims = claims::read(context, payload, audience, now)?;
    context
        .budget
        .charge_bytes(size_of::<Object<'_>>().saturating_add(size_of::<[Option<Value<'_>>; 2]>()))?;
    let fields = [Some(Value::Map(claims.map)), Some(Value::Bool(claims.valid))];
    let fields = context.arena.alloc_slice_copy(&fields);
    Ok(Value::Object(context.arena.alloc(Object { ty: &TOKEN, fields, tagged: false })))
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
fn opened<'a>(context: &mut Context<'a>, token: &'a str, set: &KeySet) -> Result<&'a [u8], Raise<'a>> {
    context.charge_scan(token.len())?;
    let mut payload = trim(token.as_bytes());
    for layer in 0..LAYERS {
        match format(context, payload)? {
            Format::Claims if layer == 0 => {
                compact::verified(context, payload, set).map_err(|raise| parse_error(context, raise))?;
                break;
            }
            Format::Claims => break,
            Format::Signed => {
                payload =
                    compact::verified(context, payload, set).map_err(|raise| parse_error(context, raise))?;
            }
            Format::Invalid => {
                return Err(context.error(format_args!(
                    "jwt.Parse: failed to parse token: unknown payload type (payload is not JWT?)"
                )));
            }
            Format::Other => {
                let layer = layer.saturating_add(1);
                return Err(context.error(format_args!(
                    "jwt.Parse: failed to parse token: unsupported format (layer: #{layer})"
                )));
            }
        }
    }
    Ok(payload)
}

fn parse_error<'a>(context: &mut Context<'a>, raise: Raise<'a>) -> Raise<'a> {
    match raise {
        Raise::Error(error) => context.error(format_args!("jwt.Parse: failed to parse token: {error}")),
        fault @ Raise::Fault(_) => fault,
    }
}

/// What Go's `bytes.TrimSpace` leaves.
fn trim(bytes: &[u8]) -> &[u8] {
    // Go's white space is Unicode's.
    std::str::from_utf8(bytes).map_or(bytes, |text| text.trim().as_bytes())
}

fn format<'a>(context: &mut Context<'a>, payload: &'a [u8]) -> Result<Format, Raise<'a>> {
    context.charge_scan(payload.len())?;
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
    let members = match go::syntax(payload, context.arena, &mut context.budget) {
        Ok(_) => go::first(payload, context.arena, &mut context.budget),
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

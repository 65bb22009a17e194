//! Signed tokens in the compact form, as jwx 3.1.1 verifies them with a key set (`jws.Verify`).
//!
//! jwx verifies what it decoded, encoded again: the header's JSON value without what stands around it, and the payload,
//! both in base64url without padding. So padding in a part is forgiven, and text behind the header's value as well.

use super::unmarshal::{self, mismatch};
use super::verify::{cost, go_type, inferred, is_signature_algorithm, verify};
use super::{base64, certificates, keys};
use crate::error::Raise;
use crate::library::runtime::Runtime;
use crate::value::json::{JsonError, go};
use crate::value::keys::{Key, KeySet};
use crate::value::{GoQuoted, Value};

/// A token whose parts are decoded and whose signature is not yet verified.
struct Message<'a> {
    algorithm: Option<&'a str>,
    key_id: Option<&'a str>,
    /// The bytes that are signed.
    signed: Vec<u8>,
    payload: &'a [u8],
    signature: Vec<u8>,
}

/// The payload of `token`, if a key of `set` verifies it.
///
/// # Errors
/// jwx's text, from `jws.Verify: ` on.
pub(super) fn verified<'a>(
    runtime: &mut Runtime<'a>,
    token: &'a [u8],
    set: &KeySet,
) -> Result<&'a [u8], Raise<'a>> {
    let message = parse(runtime, token)?;
    if message.key_id.is_some_and(|id| !set.has(id)) {
        runtime.missing_key(set);
    }
    let keys = match select(&message, set) {
        Ok(keys) => keys,
        Err(error) => {
            return Err(unverified(
                runtime,
                &[
                    format!("jws.Verify: signature #1: key provider 0 failed: {error}"),
                    "jws.Verify: signature #1: no matching keys were provided by any key provider".to_owned(),
                ],
            ));
        }
    };
    let mut errors = Vec::new();
    for (algorithm, key) in &keys {
        runtime.charge(cost(key, message.signed.len()))?;
        match verify(key, algorithm, &message.signed, &message.signature) {
            Ok(()) => return Ok(message.payload),
            Err(error) => errors.push(format!(
                "jws.Verify: failed to verify signature #1 with key {}: {error}",
                go_type(key)
            )),
        }
    }
    errors.push(match keys.len() {
        0 => "jws.Verify: signature #1: no matching keys were provided by any key provider".to_owned(),
        1 => "jws.Verify: signature #1: tried 1 key(s) but none verified successfully".to_owned(),
        tried => format!(
            "jws.Verify: signature #1: tried {tried} (alg,key) pair(s) but none verified successfully; \
             jws.WithInferAlgorithmFromKey(true) widened the candidate set"
        ),
    });
    Err(unverified(runtime, &errors))
}

fn unverified<'a>(runtime: &mut Runtime<'a>, errors: &[String]) -> Raise<'a> {
    let errors = errors.join("\n");
    runtime.error(format_args!(
        "jws.Verify: could not verify message using any of the signatures or keys: {errors}"
    ))
}

/// The algorithms and the keys to try, in order.
fn select<'k>(message: &Message<'_>, set: &'k KeySet) -> Result<Vec<(&'k str, &'k Key)>, String> {
    let key = match message.key_id {
        Some(id) => set
            .keys
            .iter()
            .find(|key| key.id.as_deref() == Some(id))
            .ok_or_else(|| format!("failed to find key with key ID {} in key set", GoQuoted(id)))?,
        None => match set.keys.as_slice() {
            [] => return Err("failed to get key at index 0 (empty JWKS?)".to_owned()),
            [key] => key,
            _ => {
                return Err(
                    "failed to find matching key: no key ID (\"kid\") specified in token but multiple \
                            keys available in key set"
                        .to_owned(),
                );
            }
        },
    };
    if let Some(usage) = key.usage.as_deref().filter(|usage| !matches!(*usage, "" | "sig")) {
        let id = key.id.as_deref().unwrap_or_default();
        return Err(format!(
            "key with kid {} is marked use={}, not usable for signature verification (expected \"sig\")",
            GoQuoted(id),
            GoQuoted(usage)
        ));
    }
    if let Some(algorithm) = key.algorithm.as_deref() {
        if !is_signature_algorithm(algorithm) {
            return Err(format!("invalid signature algorithm {}", GoQuoted(algorithm)));
        }
        return Ok(vec![(algorithm, key)]);
    }
    let possible = inferred(&key.material);
    match message.algorithm {
        None => Ok(possible.iter().map(|algorithm| (*algorithm, key)).collect()),
        Some(asked) => match possible.iter().find(|algorithm| **algorithm == asked) {
            Some(algorithm) => Ok(vec![(*algorithm, key)]),
            None => Err("algorithm in the message does not match any of the inferred algorithms".to_owned()),
        },
    }
}

/// How the errors of `parse` begin.
const PLACE: &str = "jws.Verify: failed to parse jws: jws.Parse: failed to parse compact format";

/// `jws.Parse` of the compact form.
fn parse<'a>(runtime: &mut Runtime<'a>, token: &'a [u8]) -> Result<Message<'a>, Raise<'a>> {
    runtime.charge_scan(token.len())?;
    // What is decoded and what is encoded again, each no longer than the token.
    runtime.budget.charge_bytes(token.len().saturating_mul(4))?;
    let mut parts = token.split(|c| *c == b'.');
    let (Some(header), Some(payload), Some(signature), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(runtime.error(format_args!(
            "{PLACE}: jws.Parse: invalid compact serialization format: jwsbb: invalid number of segments"
        )));
    };
    let header = decode(runtime, "protected headers", header)?;
    let header: &'a [u8] = runtime.arena.alloc_slice_copy(&header);
    let fields = match fields(runtime, header) {
        Ok(fields) => fields,
        Err(JsonError::Text(text)) => {
            return Err(runtime.error(format_args!("{PLACE}: failed to parse JOSE headers: {text}")));
        }
        Err(JsonError::Fault(fault)) => return Err(fault.into()),
    };
    let decoded = if fields.encoded { Some(decode(runtime, "payload", payload)?) } else { None };
    let signature = decode(runtime, "signature", signature)?;
    if signature.is_empty() && fields.algorithm != Some("none") {
        return Err(runtime.error(format_args!(
            "{PLACE}: empty compact signature requires protected header \"alg\" to be \"none\""
        )));
    }
    let mut signed = Vec::with_capacity(token.len());
    base64::encode(&mut signed, fields.raw);
    signed.push(b'.');
    let payload: &'a [u8] = match decoded {
        Some(decoded) => {
            base64::encode(&mut signed, &decoded);
            runtime.arena.alloc_slice_copy(&decoded)
        }
        None => {
            signed.extend_from_slice(payload);
            payload
        }
    };
    let Fields { algorithm, key_id, .. } = fields;
    Ok(Message { algorithm, key_id, signed, payload, signature })
}

/// The bytes of a part of the token.
fn decode<'a>(runtime: &mut Runtime<'a>, what: &str, part: &[u8]) -> Result<Vec<u8>, Raise<'a>> {
    base64::decode(part).map_err(|at| {
        runtime.error(format_args!(
            "{PLACE}: failed to decode {what}: failed to decode source: illegal base64 data at input byte {at}"
        ))
    })
}

/// What of the header decides.
struct Fields<'a> {
    raw: &'a [u8],
    algorithm: Option<&'a str>,
    key_id: Option<&'a str>,
    /// `b64`: false when the payload stands in the token as it is.
    encoded: bool,
}

fn fields<'a>(runtime: &mut Runtime<'a>, bytes: &'a [u8]) -> Result<Fields<'a>, JsonError<'a>> {
    let arena = runtime.arena;
    let first = go::first(bytes, arena, &mut runtime.budget)?;
    let text = |text: String| JsonError::Text(arena.alloc_str(&text));
    let Some(members) = first.members else { return Err(text(not_an_object(first.raw))) };
    let mut fields = Fields { raw: first.raw, algorithm: None, key_id: None, encoded: true };
    for member in members {
        let budget = &mut runtime.budget;
        let failed = |error: String| text(format!("failed to decode value for key {}: {error}", member.name));
        match member.name {
            "alg" => {
                let name = unmarshal::text(member.raw, arena, budget)
                    .map_err(|error| failed(format!("failed to unmarshal SignatureAlgorithm: {error}")))?;
                if !is_signature_algorithm(&name) {
                    return Err(failed(format!("unknown SignatureAlgorithm: {}", GoQuoted(&name))));
                }
                fields.algorithm = Some(arena.alloc_str(&name));
            }
            "b64" => {
                fields.encoded = match go::untyped(member.raw, arena, budget)? {
                    Value::Bool(encoded) => encoded,
                    Value::Null => false,
                    _ => return Err(failed(mismatch(member.raw, "bool"))),
                };
            }
            "crit" => {
                let elements = go::elements(member.raw, arena, budget)?;
                match elements {
                    Some(elements) => {
                        for element in elements {
                            unmarshal::text(element, arena, budget).map_err(failed)?;
                        }
                    }
                    None if member.raw == b"null" => {}
                    None => return Err(failed(mismatch(member.raw, "[]string"))),
                }
            }
            "cty" | "jku" | "kid" | "typ" | "x5t" | "x5t#S256" | "x5u" => {
                let value = unmarshal::text(member.raw, arena, budget)
                    .map_err(|error| failed(format!("error reading next value: {error}")))?;
                if member.name == "kid" {
                    fields.key_id = Some(arena.alloc_str(&value));
                }
            }
            "jwk" => {
                keys::key(runtime, member.raw).map_err(|error| {
                    text(format!("failed to parse JWK for key jwk: jwk.ParseKey: {error}"))
                })?;
            }
            "x5c" => match certificates::check(runtime, member.raw) {
                Ok(()) => {}
                Err(JsonError::Text(error)) => return Err(failed(error.to_owned())),
                Err(fault) => return Err(fault),
            },
            name => {
                go::untyped(member.raw, arena, budget)
                    .map_err(|error| text(format!("failed to decode field {name}: {error}")))?;
            }
        }
    }
    Ok(fields)
}

/// jwx's text for a header or a payload that is no object.
pub(super) fn not_an_object(raw: &[u8]) -> String {
    match raw.first() {
        Some(b'[') => "expected '{' but got '['".to_owned(),
        Some(b'"') => {
            let name = String::from_utf8_lossy(raw);
            format!("failed to decode field {}: EOF", name.trim_matches('"'))
        }
        Some(b't' | b'f') => "invalid token bool".to_owned(),
        Some(b'n') => "invalid token <nil>".to_owned(),
        _ => "invalid token float64".to_owned(),
    }
}

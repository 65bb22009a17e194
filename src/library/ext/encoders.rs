//! cel-go's `ext.Encoders`, version 1: base64 and `json.encode`.
//!
//! How JSON is written is known to `library::encode`.

use bumpalo::collections::Vec as BumpVec;

use crate::error::ErrorKind;
use crate::library::encode::{encode, push_base64};
use crate::library::runtime::{Answer, Runtime, TextBuilder};
use crate::library::table::{Implementation::Own, Library, Row};
use crate::value::Value;
use crate::value::base64::{self, Alphabet};

/// `cel.lib.ext.encoders`
pub static LIBRARY: Library = Library {
    name: "cel.lib.ext.encoders",
    version: 1,
    types: &[],
    rows: &[
        Row {
            id: "base64_decode_string",
            signature: "base64.decode(string) -> bytes",
            implementation: Own(base64_decode),
            doc: "The bytes of a text in base64 (standard alphabet, padding optional).",
            examples: &["base64.decode('aGVsbG8=') == b'hello'", "base64.decode('aGVsbG8') == b'hello'"],
            since: 0,
            total: false,
            json: false,
        },
        Row {
            id: "base64_encode_bytes",
            signature: "base64.encode(bytes) -> string",
            implementation: Own(base64_encode),
            doc: "Bytes as base64 (standard alphabet, padded).",
            examples: &["base64.encode(b'hello') == 'aGVsbG8='"],
            since: 0,
            total: true,
            json: false,
        },
        Row {
            id: "json_encode_dyn",
            signature: "json.encode(dyn) -> string",
            implementation: Own(json_encode),
            doc: "A value as JSON; integers beyond 2^53 become strings.",
            examples: &[
                "json.encode({'b': '<', 'a': 'x'}) == '{\"a\":\"x\",\"b\":\"\\\\u003c\"}'",
                "json.encode([1, 9007199254740992]) == '[1,\"9007199254740992\"]'",
            ],
            since: 1,
            total: false,
            json: false,
        },
    ],
};

fn base64_encode<'a>(rt: &mut Runtime<'a>, args: &[Value<'a>]) -> Answer<'a> {
    let [Value::Bytes(bytes)] = *args else { return Err(ErrorKind::NoSuchOverload.into()) };
    let mut out = TextBuilder::new(rt);
    push_base64(rt, &mut out, bytes)?;
    Ok(Value::String(out.finish()))
}

fn base64_decode<'a>(rt: &mut Runtime<'a>, args: &[Value<'a>]) -> Answer<'a> {
    let [Value::String(text)] = *args else { return Err(ErrorKind::NoSuchOverload.into()) };
    let capacity = text.len().div_ceil(4).saturating_mul(3);
    rt.charge_scan(text.len().saturating_mul(4))?;
    rt.budget.charge_bytes(capacity)?;
    let mut out = BumpVec::with_capacity_in(capacity, rt.arena);
    if base64::decode(text.as_bytes(), Alphabet::Standard, true, &mut out).is_err() {
        // cel-go tries again without padding, and its error is that of the second try.
        out.clear();
        if let Err(at) = base64::decode(text.as_bytes(), Alphabet::Standard, false, &mut out) {
            return Err(rt.error(format_args!("illegal base64 data at input byte {at}")));
        }
    }
    Ok(Value::Bytes(out.into_bump_slice()))
}

fn json_encode<'a>(rt: &mut Runtime<'a>, args: &[Value<'a>]) -> Answer<'a> {
    let [value] = args else { return Err(ErrorKind::NoSuchOverload.into()) };
    // The whole value is converted before any of it is written, so every other mistake comes first.
    match encode(rt, value)? {
        (_, Some(text)) => Err(ErrorKind::Message(text).into()),
        (text, None) => Ok(Value::String(text)),
    }
}

#[cfg(test)]
mod tests;

//! The functions on bits.

use crate::error::{ErrorKind, Raise};
use crate::library::runtime::{Answer, Runtime};
use crate::value::Value;

pub(super) fn bit_and<'a>(_: &mut Runtime<'a>, arguments: &[Value<'a>]) -> Answer<'a> {
    match arguments {
        [Value::Int(a), Value::Int(b)] => Ok(Value::Int(a & b)),
        [Value::Uint(a), Value::Uint(b)] => Ok(Value::Uint(a & b)),
        _ => Err(ErrorKind::NoSuchOverload.into()),
    }
}

pub(super) fn bit_or<'a>(_: &mut Runtime<'a>, arguments: &[Value<'a>]) -> Answer<'a> {
    match arguments {
        [Value::Int(a), Value::Int(b)] => Ok(Value::Int(a | b)),
        [Value::Uint(a), Value::Uint(b)] => Ok(Value::Uint(a | b)),
        _ => Err(ErrorKind::NoSuchOverload.into()),
    }
}

pub(super) fn bit_xor<'a>(_: &mut Runtime<'a>, arguments: &[Value<'a>]) -> Answer<'a> {
    match arguments {
        [Value::Int(a), Value::Int(b)] => Ok(Value::Int(a ^ b)),
        [Value::Uint(a), Value::Uint(b)] => Ok(Value::Uint(a ^ b)),
        _ => Err(ErrorKind::NoSuchOverload.into()),
    }
}

pub(super) fn bit_not<'a>(_: &mut Runtime<'a>, arguments: &[Value<'a>]) -> Answer<'a> {
    match arguments {
        [Value::Int(i)] => Ok(Value::Int(!i)),
        [Value::Uint(u)] => Ok(Value::Uint(!u)),
        _ => Err(ErrorKind::NoSuchOverload.into()),
    }
}

/// The number of bits to shift by; beyond 32 bits it shifts everything out all the same.
fn shift_width<'a>(runtime: &mut Runtime<'a>, bits: i64, function: &str) -> Result<u32, Raise<'a>> {
    if bits < 0 {
        return Err(runtime.error(format_args!("{function}() negative offset: {bits}")));
    }
    Ok(u32::try_from(bits).unwrap_or(u32::MAX))
}

pub(super) fn shift_left<'a>(runtime: &mut Runtime<'a>, arguments: &[Value<'a>]) -> Answer<'a> {
    let [number, Value::Int(bits)] = arguments else { return Err(ErrorKind::NoSuchOverload.into()) };
    let width = shift_width(runtime, *bits, "math.bitShiftLeft")?;
    match number {
        Value::Int(i) => Ok(Value::Int(i.checked_shl(width).unwrap_or(0))),
        Value::Uint(u) => Ok(Value::Uint(u.checked_shl(width).unwrap_or(0))),
        _ => Err(ErrorKind::NoSuchOverload.into()),
    }
}

pub(super) fn shift_right<'a>(runtime: &mut Runtime<'a>, arguments: &[Value<'a>]) -> Answer<'a> {
    let [number, Value::Int(bits)] = arguments else { return Err(ErrorKind::NoSuchOverload.into()) };
    let width = shift_width(runtime, *bits, "math.bitShiftRight")?;
    match number {
        // Through the unsigned number, so the sign does not spread.
        Value::Int(i) => Ok(Value::Int(i.cast_unsigned().checked_shr(width).unwrap_or(0).cast_signed())),
        Value::Uint(u) => Ok(Value::Uint(u.checked_shr(width).unwrap_or(0))),
        _ => Err(ErrorKind::NoSuchOverload.into()),
    }
}

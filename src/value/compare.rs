//! Equality and ordering of values, for all pairs of types, as cel-go 0.30 has them.

use std::cmp::Ordering;

use super::whole::{i64_as_f64, u64_as_f64};
use super::{Map, Object, Value};
use crate::budget::Fault;

/// How deep nested values are compared; deeper ones cannot be built by CEL and are refused when JSON is read.
pub(crate) const MAX_DEPTH: u32 = 400;

/// What `==` finds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sameness {
    /// The values are equal.
    Equal,
    /// The values are not.
    Unequal,
    /// The left value's type knows only its own: `==` is an error, `!=` is true, and inside of a list or map the two
    /// count as equal, as in cel-go.
    Incomparable,
}

impl From<bool> for Sameness {
    fn from(equal: bool) -> Self {
        if equal { Sameness::Equal } else { Sameness::Unequal }
    }
}

/// CEL's `==`: numbers compare across types, values of other different types are unequal, NaN equals nothing.
///
/// Takes one of `steps` for each pair of elements.
///
/// # Errors
/// The steps are spent; the values are nested deeper than is compared; or Kyverno's answer hangs on where a key is.
pub fn equal(a: &Value<'_>, b: &Value<'_>, steps: &mut u64) -> Result<Sameness, Fault> {
    equal_at(a, b, steps, 0)
}

fn equal_at(a: &Value<'_>, b: &Value<'_>, steps: &mut u64, depth: u32) -> Result<Sameness, Fault> {
    take(steps, 1)?;
    let equal = match (a, b) {
        (Value::Null, Value::Null) => true,
        (Value::Bool(a), Value::Bool(b)) => a == b,
        (Value::String(a), Value::String(b)) => {
            charge_bytes(steps, a.len().min(b.len()))?;
            a == b
        }
        (Value::Bytes(a), Value::Bytes(b)) => {
            charge_bytes(steps, a.len().min(b.len()))?;
            a == b
        }
        (Value::Duration(a), Value::Duration(b)) => a == b,
        (Value::Timestamp(a), Value::Timestamp(b)) => a.instant() == b.instant(),
        (Value::Type(a), Value::Type(b)) => a == b,
        (Value::Keys(a), Value::Keys(b)) => a == b,
        (Value::Opaque(a), Value::Opaque(b)) => a == b,
        (Value::Optional(a), Value::Optional(b)) => match (a, b) {
            (Some(a), Some(b)) => return equal_at(a, b, steps, deeper(depth)?),
            (None, None) => true,
            _ => false,
        },
        (Value::List(a), Value::List(b)) => a.len() == b.len() && equal_lists(a, b, steps, deeper(depth)?)?,
        (Value::Map(a), Value::Map(b)) => a.len() == b.len() && equal_maps(a, b, steps, deeper(depth)?)?,
        (Value::Object(a), Value::Object(b)) => equal_objects(a, b, steps, deeper(depth)?)?,
        (Value::Extension(_), Value::Null) => false,
        (Value::Extension(a), Value::Extension(b)) => match a.equal(b, steps)? {
            Some(equal) => equal,
            None => return Ok(Sameness::Incomparable),
        },
        (Value::Extension(_), _) => return Ok(Sameness::Incomparable),
        _ => compare_numbers(a, b) == Some(Ordering::Equal),
    };
    Ok(equal.into())
}

/// [`equal_at`] of two elements.
fn inside(a: &Value<'_>, b: &Value<'_>, steps: &mut u64, depth: u32) -> Result<bool, Fault> {
    equal_at(a, b, steps, depth).map(|sameness| sameness != Sameness::Unequal)
}

fn deeper(depth: u32) -> Result<u32, Fault> {
    depth.checked_add(1).filter(|depth| *depth <= MAX_DEPTH).ok_or(Fault::Depth)
}

/// Sixteen bytes are compared in about the time of one step.
pub(super) fn charge_bytes(steps: &mut u64, bytes: usize) -> Result<(), Fault> {
    take(steps, u64::try_from(bytes >> 4).unwrap_or(u64::MAX))
}

/// Takes `count` steps; where they do not suffice, none are left.
fn take(steps: &mut u64, count: u64) -> Result<(), Fault> {
    let left = steps.checked_sub(count);
    *steps = left.unwrap_or_default();
    left.map(|_| ()).ok_or(Fault::Steps)
}

fn equal_lists(a: &[Value<'_>], b: &[Value<'_>], steps: &mut u64, depth: u32) -> Result<bool, Fault> {
    for (a, b) in a.iter().zip(b) {
        if !inside(a, b, steps, depth)? {
            return Ok(false);
        }
    }
    Ok(true)
}

fn equal_maps(a: &Map<'_>, b: &Map<'_>, steps: &mut u64, depth: u32) -> Result<bool, Fault> {
    for (key, value) in a.entries() {
        take(steps, b.steps_of_lookup(key))?;
        b.sure_of(key)?;
        match b.get(key) {
            Some(other) if inside(value, &other, steps, depth)? => {}
            _ => return Ok(false),
        }
    }
    Ok(true)
}

/// Kyverno compares its structs with Go's `reflect.DeepEqual`: an unset map or pointer differs from an empty one. Of
/// messages, only fields with presence do.
fn equal_objects(a: &Object<'_>, b: &Object<'_>, steps: &mut u64, depth: u32) -> Result<bool, Fault> {
    if !std::ptr::eq(a.ty, b.ty) {
        return Ok(false);
    }
    for index in 0..a.ty.fields.len() {
        let set = |object: &Object<'_>| object.fields.get(index).is_some_and(Option::is_some);
        let has_presence = a.ty.fields.get(index).is_some_and(|field| field.pointer);
        if a.ty.message {
            if has_presence && a.is_set(index) != b.is_set(index)
                || !inside(&a.get(index), &b.get(index), steps, depth)?
            {
                return Ok(false);
            }
            continue;
        }
        let nillable = matches!(a.get(index), Value::Map(_) | Value::List(_) | Value::Bytes(_) | Value::Null)
            || has_presence;
        if nillable && set(a) != set(b) || !inside(&a.get(index), &b.get(index), steps, depth)? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// CEL's ordering. `None` when the two have no order: different types that are not both numbers, or a type
/// without order; `Some(None)` when a NaN is among them, which makes every comparison false.
pub fn compare(a: &Value<'_>, b: &Value<'_>) -> Option<Option<Ordering>> {
    match (a, b) {
        (Value::Bool(a), Value::Bool(b)) => Some(Some(a.cmp(b))),
        (Value::String(a), Value::String(b)) => Some(Some(a.cmp(b))),
        (Value::Bytes(a), Value::Bytes(b)) => Some(Some(a.cmp(b))),
        (Value::Duration(a), Value::Duration(b)) => Some(Some(a.cmp(b))),
        (Value::Timestamp(a), Value::Timestamp(b)) => Some(Some(a.instant().cmp(&b.instant()))),
        (Value::Double(d), _) | (_, Value::Double(d)) if d.is_nan() => Some(None),
        _ => compare_numbers(a, b).map(Some),
    }
}

/// The order of two numbers by value; `None` for NaN and for what is no number.
fn compare_numbers(a: &Value<'_>, b: &Value<'_>) -> Option<Ordering> {
    match (a, b) {
        (Value::Int(a), Value::Int(b)) => Some(a.cmp(b)),
        (Value::Uint(a), Value::Uint(b)) => Some(a.cmp(b)),
        (Value::Double(a), Value::Double(b)) => a.partial_cmp(b),
        (Value::Int(a), Value::Uint(b)) => Some(compare_int_uint(*a, *b)),
        (Value::Uint(a), Value::Int(b)) => Some(compare_int_uint(*b, *a).reverse()),
        (Value::Double(a), Value::Int(b)) => compare_double_int(*a, *b),
        (Value::Int(a), Value::Double(b)) => compare_double_int(*b, *a).map(Ordering::reverse),
        (Value::Double(a), Value::Uint(b)) => compare_double_uint(*a, *b),
        (Value::Uint(a), Value::Double(b)) => compare_double_uint(*b, *a).map(Ordering::reverse),
        _ => None,
    }
}

fn compare_int_uint(a: i64, b: u64) -> Ordering {
    match u64::try_from(a) {
        Ok(a) => a.cmp(&b),
        Err(_) => Ordering::Less,
    }
}

/// cel-go compares within range after rounding the int to a double, so 2^53 and 2^53 + 1 are equal to 2.0^53.
fn compare_double_int(a: f64, b: i64) -> Option<Ordering> {
    if a < i64_as_f64(i64::MIN) {
        Some(Ordering::Less)
    } else if a > i64_as_f64(i64::MAX) {
        Some(Ordering::Greater)
    } else {
        a.partial_cmp(&i64_as_f64(b))
    }
}

fn compare_double_uint(a: f64, b: u64) -> Option<Ordering> {
    if a < 0.0 {
        Some(Ordering::Less)
    } else if a > u64_as_f64(u64::MAX) {
        Some(Ordering::Greater)
    } else {
        a.partial_cmp(&u64_as_f64(b))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STEPS: u64 = 1_000;

    fn numbers() -> Vec<Value<'static>> {
        let mut all: Vec<Value<'static>> = Vec::new();
        all.extend([0, 1, -1, 1 << 53, (1 << 53) + 1, i64::MAX, i64::MIN].map(Value::Int));
        all.extend([0, 1, 1 << 53, (1 << 53) + 1, 1 << 63, u64::MAX].map(Value::Uint));
        all.extend(
            [0.0, -0.0, 1.0, -1.0, 0.5, 9_007_199_254_740_992.0, 9.3e18, 1.9e19, f64::INFINITY, f64::NAN]
                .map(Value::Double),
        );
        all
    }

    /// A map is compared by looking for each key of one in the other: what a caller makes long or many takes steps.
    #[test]
    fn looking_for_keys_takes_steps() {
        let arena = bumpalo::Bump::new();
        let map = |keys: &[&'static str]| {
            let mut builder = crate::value::MapBuilder::with_capacity(&arena, keys.len());
            keys.iter().for_each(|key| builder.insert(Value::String(key), Value::Null));
            builder.finish()
        };
        let long: &'static str = Box::leak("a".repeat(160_000).into_boxed_str());
        let (few, two) = (map(&["a", "b"]), map(&["a", long]));
        assert_eq!(
            (few.steps_of_lookup(&Value::String("a")), two.steps_of_lookup(&Value::String("b"))),
            (0, 0)
        );
        assert!(two.steps_of_lookup(&Value::String(long)) >= 10_000);
        let mut steps = 1_000_000;
        assert_eq!(equal(&Value::Map(two), &Value::Map(two), &mut steps), Ok(Sameness::Equal));
        assert!(steps < 990_000, "{steps}");
        // What does not suffice is used up, so that it is told from values that are nested too deep.
        let mut steps = 100;
        assert_eq!(equal(&Value::String(long), &Value::String(long), &mut steps), Err(Fault::Steps));
        assert_eq!(steps, 0);
    }

    #[test]
    fn ordering_is_antisymmetric_and_agrees_with_equality_over_all_pairs_of_numbers() {
        for a in numbers() {
            for b in numbers() {
                let forward = compare(&a, &b).unwrap();
                assert_eq!(forward, compare(&b, &a).unwrap().map(Ordering::reverse), "{a:?} {b:?}");
                assert_eq!(
                    forward == Some(Ordering::Equal),
                    equal(&a, &b, &mut { STEPS }).unwrap() == Sameness::Equal,
                    "{a:?} {b:?}"
                );
            }
        }
    }

    #[test]
    fn different_types_are_unequal_and_have_no_order() {
        let values = [Value::Null, Value::Bool(true), Value::String("a"), Value::Bytes(b"a"), Value::Int(1)];
        for (i, a) in values.iter().enumerate() {
            for (j, b) in values.iter().enumerate() {
                assert_eq!(equal(a, b, &mut { STEPS }), Ok((i == j).into()));
                assert_eq!(compare(a, b).is_some(), i == j && i != 0);
            }
        }
    }

    #[test]
    fn comparing_takes_steps_and_stops_when_they_are_spent() {
        let list = [Value::Int(1); 10];
        let (a, b) = (Value::List(&list), Value::List(&list));
        assert_eq!(equal(&a, &b, &mut 11), Ok(Sameness::Equal));
        assert_eq!(equal(&a, &b, &mut 10), Err(Fault::Steps));
    }
}

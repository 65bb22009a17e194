//! `isGreaterThan`, `isLessThan` and `compareTo`, as quantities and versions have them.

use std::cmp::Ordering;

use crate::error::{ErrorKind, Raise};
use crate::library::runtime::{Answer, Runtime};
use crate::value::Value;
use crate::value::extension::Extension::{Quantity, Semver};

fn order<'a>(rt: &mut Runtime<'a>, args: &[Value<'a>]) -> Result<Ordering, Raise<'a>> {
    match *args {
        [Value::Extension(Quantity(a)), Value::Extension(Quantity(b))] => {
            rt.charge_scan(a.cost_with(b))?;
            Ok(a.compare(b))
        }
        [Value::Extension(Semver(a)), Value::Extension(Semver(b))] => {
            rt.charge_scan(a.cost_with(b))?;
            Ok(a.compare(b))
        }
        _ => Err(ErrorKind::NoSuchOverload.into()),
    }
}

pub(super) fn is_greater_than<'a>(rt: &mut Runtime<'a>, args: &[Value<'a>]) -> Answer<'a> {
    Ok(Value::Bool(order(rt, args)?.is_gt()))
}

pub(super) fn is_less_than<'a>(rt: &mut Runtime<'a>, args: &[Value<'a>]) -> Answer<'a> {
    Ok(Value::Bool(order(rt, args)?.is_lt()))
}

pub(super) fn compare_to<'a>(rt: &mut Runtime<'a>, args: &[Value<'a>]) -> Answer<'a> {
    Ok(Value::Int(i64::from(order(rt, args)? as i8)))
}

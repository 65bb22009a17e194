//! `isGreaterThan`, `isLessThan` and `compareTo`, as quantities and versions have them.

use std::cmp::Ordering;

use crate::cel::error::{ErrorKind, Raise};
use crate::library::table::{Answer, Context};
use crate::value::Value;
use crate::value::extension::Extension::{Quantity, Semver};

fn order<'a>(ctx: &mut Context<'a>, args: &[Value<'a>]) -> Result<Ordering, Raise<'a>> {
    match *args {
        [Value::Extension(Quantity(a)), Value::Extension(Quantity(b))] => {
            ctx.charge_scan(a.cost_with(b))?;
            Ok(a.compare(b))
        }
        [Value::Extension(Semver(a)), Value::Extension(Semver(b))] => {
            ctx.charge_scan(a.cost_with(b))?;
            Ok(a.compare(b))
        }
        _ => Err(ErrorKind::NoSuchOverload.into()),
    }
}

pub(super) fn is_greater_than<'a>(ctx: &mut Context<'a>, args: &[Value<'a>]) -> Answer<'a> {
    Ok(Value::Bool(order(ctx, args)?.is_gt()))
}

pub(super) fn is_less_than<'a>(ctx: &mut Context<'a>, args: &[Value<'a>]) -> Answer<'a> {
    Ok(Value::Bool(order(ctx, args)?.is_lt()))
}

pub(super) fn compare_to<'a>(ctx: &mut Context<'a>, args: &[Value<'a>]) -> Answer<'a> {
    Ok(Value::Int(i64::from(order(ctx, args)? as i8)))
}

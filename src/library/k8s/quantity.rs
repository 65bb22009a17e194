//! Kubernetes' quantities (k8s.io/apiserver `pkg/cel/library/quantity.go` over apimachinery's `pkg/api/resource`).
//!
//! A quantity never changes here. In Kyverno comparing one changes how it is held, and adding to one that is longer than 18
//! digits changes it in place; see known-differences.json.

use crate::error::{ErrorKind, Raise};
use crate::library::row::row;
use crate::library::runtime::{Answer, Runtime};
use crate::library::table::{Implementation::Own, Library, TypeRow};
use crate::value::Value;
use crate::value::extension::{Amount, Digits, Extension, Quantity};

use super::order::{compare_to, is_greater_than, is_less_than};

mod arithmetic;
mod parse;

/// `kubernetes.quantity`
pub static LIBRARY: Library = Library {
    name: "kubernetes.quantity",
    version: 0,
    types: &[TypeRow::Bare("kubernetes.Quantity")],
    rows: &[
        row(
            "string_to_quantity",
            "quantity(string) -> kubernetes.Quantity",
            Own(string_to_quantity),
            "The amount that a text is: a decimal with an exponent or one of n u m k M G T P E Ki Mi Gi Ti Pi Ei.",
            &["quantity('1.5Gi') == quantity('1536Mi')", "quantity('1k') == quantity('1e3')"],
        ),
        row(
            "is_quantity_string",
            "isQuantity(string) -> bool",
            Own(is_quantity),
            "True if `quantity` would read the text.",
            &["isQuantity('200Ki')", "!isQuantity('200K')", "!isQuantity('')"],
        ),
        row(
            "quantity_sign",
            "sign(kubernetes.Quantity) -> int",
            Own(sign),
            "-1, 0 or 1.",
            &["sign(quantity('-5Mi')) == -1", "sign(quantity('0')) == 0"],
        ),
        row(
            "quantity_is_greater_than",
            "kubernetes.Quantity.isGreaterThan(kubernetes.Quantity) -> bool",
            Own(is_greater_than),
            "True if the amount is greater.",
            &["quantity('150Mi').isGreaterThan(quantity('100Mi'))"],
        ),
        row(
            "quantity_is_less_than",
            "kubernetes.Quantity.isLessThan(kubernetes.Quantity) -> bool",
            Own(is_less_than),
            "True if the amount is smaller.",
            &["quantity('50M').isLessThan(quantity('50Mi'))"],
        ),
        row(
            "quantity_compare_to",
            "kubernetes.Quantity.compareTo(kubernetes.Quantity) -> int",
            Own(compare_to),
            "-1, 0 or 1: smaller, equal, greater.",
            &["quantity('200M').compareTo(quantity('0.2G')) == 0"],
        ),
        row(
            "quantity_get_float",
            "kubernetes.Quantity.asApproximateFloat() -> double",
            Own(as_approximate_float),
            "The amount as a double, rounded twice.",
            &["quantity('50.703k').asApproximateFloat() == 50703.0"],
        ),
        row(
            "quantity_get_int",
            "kubernetes.Quantity.asInteger() -> int",
            Own(as_integer),
            "The amount as an int; an error where `isInteger` is false.",
            &["quantity('50k').asInteger() == 50000"],
        ),
        row(
            "quantity_is_integer",
            "kubernetes.Quantity.isInteger() -> bool",
            Own(is_integer),
            "True if the amount is held as an integer that an int has room for, which large ones never are.",
            &["quantity('50k').isInteger()", "!quantity('0.5').isInteger()", "!quantity('1Ei').isInteger()"],
        ),
        row(
            "quantity_add",
            "kubernetes.Quantity.add(kubernetes.Quantity) -> kubernetes.Quantity",
            Own(add),
            "The sum. What is computed may stand on the left of `==` only.",
            &["quantity('50k').add(quantity('20')) == quantity('50020')"],
        ),
        row(
            "quantity_add_int",
            "kubernetes.Quantity.add(int) -> kubernetes.Quantity",
            Own(add),
            "The sum. What is computed may stand on the left of `==` only.",
            &["quantity('50k').add(20) == quantity('50020')"],
        ),
        row(
            "quantity_sub",
            "kubernetes.Quantity.sub(kubernetes.Quantity) -> kubernetes.Quantity",
            Own(sub),
            "The difference. What is computed may stand on the left of `==` only.",
            &["quantity('50k').sub(quantity('20')) == quantity('49980')"],
        ),
        row(
            "quantity_sub_int",
            "kubernetes.Quantity.sub(int) -> kubernetes.Quantity",
            Own(sub),
            "The difference. What is computed may stand on the left of `==` only.",
            &["quantity('50k').sub(20) == quantity('49980')"],
        ),
    ],
};

fn value<'a>(rt: &mut Runtime<'a>, amount: Amount<'a>, computed: bool) -> Answer<'a> {
    rt.budget.charge_bytes(size_of::<Quantity<'_>>())?;
    Ok(Value::Extension(Extension::Quantity(rt.arena.alloc(Quantity { amount, computed }))))
}

fn string_to_quantity<'a>(rt: &mut Runtime<'a>, args: &[Value<'a>]) -> Answer<'a> {
    let [Value::String(text)] = *args else { return Err(ErrorKind::NoSuchOverload.into()) };
    match parse::parse(rt, text)? {
        Ok(amount) => value(rt, amount, false),
        Err(wrong) => Err(ErrorKind::Message(wrong).into()),
    }
}

fn is_quantity<'a>(rt: &mut Runtime<'a>, args: &[Value<'a>]) -> Answer<'a> {
    let [Value::String(text)] = *args else { return Err(ErrorKind::NoSuchOverload.into()) };
    Ok(Value::Bool(parse::parse(rt, text)?.is_ok()))
}

fn receiver<'a>(args: &[Value<'a>]) -> Result<&'a Quantity<'a>, Raise<'a>> {
    match *args {
        [Value::Extension(Extension::Quantity(quantity))] => Ok(quantity),
        _ => Err(ErrorKind::NoSuchOverload.into()),
    }
}

fn sign<'a>(_: &mut Runtime<'a>, args: &[Value<'a>]) -> Answer<'a> {
    Ok(Value::Int(receiver(args)?.amount.decimal(&mut Digits::default()).sign()))
}

fn integer(quantity: &Quantity<'_>) -> Option<i64> {
    match quantity.amount {
        Amount::Small { value, scale } => arithmetic::scaled(value, u32::try_from(scale).ok()?),
        Amount::Big(_) => None,
    }
}

fn is_integer<'a>(_: &mut Runtime<'a>, args: &[Value<'a>]) -> Answer<'a> {
    Ok(Value::Bool(integer(receiver(args)?).is_some()))
}

fn as_integer<'a>(_: &mut Runtime<'a>, args: &[Value<'a>]) -> Answer<'a> {
    match integer(receiver(args)?) {
        Some(int) => Ok(Value::Int(int)),
        None => Err(ErrorKind::Message("cannot convert value to integer").into()),
    }
}

fn as_approximate_float<'a>(rt: &mut Runtime<'a>, args: &[Value<'a>]) -> Answer<'a> {
    let quantity = receiver(args)?;
    rt.charge_scan(quantity.cost_with(quantity).saturating_mul(4))?;
    Ok(Value::Double(arithmetic::approximate(&quantity.amount)))
}

/// The operands of a sum; an int is a quantity too.
fn operands<'a>(args: &[Value<'a>]) -> Result<(Amount<'a>, Amount<'a>), Raise<'a>> {
    match *args {
        [Value::Extension(Extension::Quantity(a)), Value::Extension(Extension::Quantity(b))] => {
            Ok((a.amount, b.amount))
        }
        [Value::Extension(Extension::Quantity(a)), Value::Int(value)] => {
            Ok((a.amount, Amount::Small { value, scale: 0 }))
        }
        _ => Err(ErrorKind::NoSuchOverload.into()),
    }
}

fn add<'a>(rt: &mut Runtime<'a>, args: &[Value<'a>]) -> Answer<'a> {
    let (a, b) = operands(args)?;
    let sum = arithmetic::add(rt, &a, &b)?;
    value(rt, sum, true)
}

fn sub<'a>(rt: &mut Runtime<'a>, args: &[Value<'a>]) -> Answer<'a> {
    let (a, b) = operands(args)?;
    let difference = arithmetic::sub(rt, &a, &b)?;
    value(rt, difference, true)
}

#[cfg(test)]
mod tests;

//! What `x.orValue(y)` becomes in Kyverno's JSON environment (kyverno `pkg/cel/compiler/env.go`): a plain value stands for
//! itself, as it did before cel-go 0.28.

use crate::error::ErrorKind;
use crate::library::row::row;
use crate::library::runtime::{Answer, Runtime};
use crate::library::table::{Implementation::Own, Library};
use crate::value::Value;

/// What the macro `orValue` calls.
pub const FUNCTION: &str = "__orValueCompat__";

/// The function that the macro `orValue` calls.
pub static LIBRARY: Library = Library {
    name: "kyverno.orValue",
    version: 0,
    types: &[],
    rows: &[row(
        "__orValueCompat___dyn_dyn",
        "__orValueCompat__(dyn, dyn) -> dyn",
        Own(or_value),
        "What `x.orValue(y)` becomes: the value in an optional, the other one if there is none; a plain value stands for itself.",
        &["__orValueCompat__(optional.none(), 1) == 1", "__orValueCompat__(2, 1) == 2"],
    )
    .total()],
};

fn or_value<'a>(_: &mut Runtime<'a>, args: &[Value<'a>]) -> Answer<'a> {
    match *args {
        [Value::Optional(Some(held)), _] => Ok(*held),
        [Value::Optional(None), other] => Ok(other),
        [plain, _] => Ok(plain),
        _ => Err(ErrorKind::NoSuchOverload.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::library::probe::assert_table;

    #[test]
    fn every_row_is_complete() {
        assert_table(&LIBRARY);
    }
}

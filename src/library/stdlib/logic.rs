//! Logic, equality, indexing and the two functions that look at types: mostly declarations, because the
//! evaluator has nodes of its own for what must not evaluate all its operands.

use crate::error::ErrorKind;
use crate::library::row::row;
use crate::library::runtime::{Answer, Runtime};
use crate::library::table::Implementation::{Planned, Shared};
use crate::library::table::{self, Library};
use crate::value::{Extension, Value};

static NOT: table::Shared = table::Shared { body: not, receivers: &[], pattern: None };
static TYPE: table::Shared = table::Shared { body: type_of, receivers: &[], pattern: None };
static DYN: table::Shared = table::Shared { body: identity, receivers: &[], pattern: None };

/// The logical operators, `==`, `!=`, `[]`, `type` and `dyn`.
pub static LIBRARY: Library = Library {
    name: "cel.lib.std",
    version: 0,
    types: &[],
    rows: &[
        row(
            "conditional",
            "_?_:_(bool, A, A) -> A",
            Planned,
            "Evaluates the second operand if the first is true, otherwise the third.",
            &["(2 > 1 ? 'more' : 'less') == 'more'", "(false ? 1 / 0 : 7) == 7"],
        )
        .total(),
        row(
            "logical_and",
            "_&&_(bool, bool) -> bool",
            Planned,
            "True if both operands are; false absorbs an error on the other side.",
            &["true && 1 < 2", "!(1 / 0 > 1 && false)"],
        )
        .total(),
        row(
            "logical_or",
            "_||_(bool, bool) -> bool",
            Planned,
            "True if one operand is; true absorbs an error on the other side.",
            &["false || 1 < 2", "1 / 0 > 1 || true"],
        )
        .total(),
        row(
            "logical_not",
            "!_(bool) -> bool",
            Shared(&NOT),
            "The other truth value.",
            &["!false", "!(!true)"],
        )
        .total(),
        row(
            "not_strictly_false",
            "@not_strictly_false(bool) -> bool",
            Planned,
            "False for false only, also when its operand fails; part of how macros expand.",
            &["[0, 1].exists(x, 1 / x == 1)"],
        )
        .total(),
        row(
            "equals",
            "_==_(A, A) -> bool",
            Planned,
            "True for equal values; numbers compare by value when one is dyn, NaN equals nothing.",
            &[
                "[1, 2] == [1, 2]",
                "dyn(1) == 1.0",
                "!(dyn(1) == 'a')",
                "{'a': 1, 'b': 2} == {'b': 2, 'a': 1}",
            ],
        )
        .total(),
        row(
            "not_equals",
            "_!=_(A, A) -> bool",
            Planned,
            "The negation of `==`.",
            &["'a' != 'b'", "double('NaN') != double('NaN')"],
        )
        .total(),
        row(
            "index_list",
            "_[_](list(A), int) -> A",
            Planned,
            "The element at an index that counts from 0; an index outside the list is an error.",
            &["['a', 'b'][1] == 'b'"],
        ),
        row(
            "index_map",
            "_[_](map(A, B), A) -> B",
            Planned,
            "The value under a key; a key that is not there is an error.",
            &["{'a': 7}['a'] == 7"],
        ),
        row(
            "type",
            "type(A) -> type(A)",
            Shared(&TYPE),
            "The type of a value.",
            &["type(1) == int", "type([1]) == list", "type(type('a')) == type"],
        )
        .total(),
        row(
            "to_dyn",
            "dyn(A) -> dyn",
            Shared(&DYN),
            "The same value, whose type is from here on known only at run time.",
            &["dyn(1) == 1u"],
        )
        .total(),
    ],
};

fn not<'a>(_: &mut Runtime<'a>, arguments: &[Value<'a>]) -> Answer<'a> {
    match arguments {
        [Value::Bool(b)] => Ok(Value::Bool(!b)),
        _ => Err(ErrorKind::NoSuchOverload.into()),
    }
}

fn type_of<'a>(_: &mut Runtime<'a>, arguments: &[Value<'a>]) -> Answer<'a> {
    match arguments {
        // Kyverno's image references do not know their own type.
        [Value::Extension(value @ Extension::Image(_))] => {
            Err(ErrorKind::TypeConversion(value.type_name(), "type").into())
        }
        [value] => Ok(Value::Type(value.type_name())),
        _ => Err(ErrorKind::NoSuchOverload.into()),
    }
}

/// The argument itself.
pub(crate) fn identity<'a>(_: &mut Runtime<'a>, arguments: &[Value<'a>]) -> Answer<'a> {
    match arguments {
        [value] => Ok(*value),
        _ => Err(ErrorKind::NoSuchOverload.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::library::probe::{show, unary};

    #[test]
    fn only_booleans_are_negated() {
        assert_eq!(unary(not, Value::Bool(true)), "bool false");
        assert_eq!(unary(not, Value::Int(1)), "error no such overload");
    }

    #[test]
    fn a_type_is_named_as_in_cel_go_and_has_the_type_type() {
        for (value, name) in [
            (Value::Null, "null_type"),
            (Value::Duration(1), "google.protobuf.Duration"),
            (Value::Optional(None), "optional_type"),
            (Value::Type("int"), "type"),
        ] {
            assert_eq!(unary(type_of, value), format!("type {name}"), "{}", show(&value));
        }
    }
}

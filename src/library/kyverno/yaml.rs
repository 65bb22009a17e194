//! `yaml.parse` (kyverno/sdk `extensions/cel/libs/yaml`): the first document of a text, as sigs.k8s.io/yaml reads it on the
//! way over JSON.

use crate::budget::{Budget, Fault};
use crate::error::{ErrorKind, Raise};
use crate::library::row::row;
use crate::library::runtime::{Answer, Runtime};
use crate::library::table::{Implementation::Own, Library, TypeRow};
use crate::time::Time;
use crate::value::{MapBuilder, ObjectRow, Timestamp, Value, i64_as_f64};
use crate::yaml::{self, Node, NodeKind};

/// The helper `yaml`.
static HELPER: ObjectRow = ObjectRow::structure("yaml.Yaml", &[]);

/// `kyverno.yaml`
pub static LIBRARY: Library = Library {
    name: "kyverno.yaml",
    version: 0,
    types: &[TypeRow::Object(&HELPER), TypeRow::Opaque("yaml.Yaml")],
    rows: &[row(
        "parse_string_dyn",
        "yaml.Yaml.parse(string) -> dyn",
        Own(parse),
        "The value of the first YAML document of a text: YAML 1.1, where `yes` is true; numbers are doubles, dates text; of keys \
         with one name the last one counts. A text that does not read is a fault: the call is denied.",
        &[
            "yaml.parse('a: [1, yes, 2024-01-01]').a == [dyn(1.0), dyn(true), dyn('2024-01-01')]",
            "yaml.parse('') == null",
        ],
    )
    .json()],
};

fn parse<'a>(rt: &mut Runtime<'a>, args: &[Value<'a>]) -> Answer<'a> {
    let [_, Value::String(text)] = *args else { return Err(ErrorKind::NoSuchOverload.into()) };
    rt.charge(text.len().saturating_mul(8).saturating_add(400))?;
    charge_tree(text.len(), &mut rt.budget)?;
    match yaml::first_value(text) {
        Ok(Some(root)) => value(rt, &root, Numbers::Doubles),
        Ok(None) => Ok(Value::Null),
        Err(_) => Err(Fault::Yaml.into()),
    }
}

/// Charges the tree of a text: it knows where each of its values stands, and is many times as large as the text.
pub(crate) fn charge_tree(bytes: usize, budget: &mut Budget) -> Result<(), Fault> {
    budget.charge_bytes(bytes.saturating_mul(96).saturating_add(4_096))
}

/// What becomes of whole numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Numbers {
    /// Doubles, as on the way over JSON.
    Doubles,
    /// What they are.
    Whole,
}

/// The value of a node; no node is nested deeper than the reader allows.
pub(crate) fn value<'a>(rt: &mut Runtime<'a>, node: &Node, numbers: Numbers) -> Answer<'a> {
    rt.charge(1)?;
    match &node.kind {
        NodeKind::Scalar(scalar) => match scalar.value {
            yaml::Value::Null => Ok(Value::Null),
            yaml::Value::Bool(bool) => Ok(Value::Bool(bool)),
            yaml::Value::Integer(int) if numbers == Numbers::Whole => Ok(Value::Int(int)),
            // A fraction whose sign is all that is left of it.
            yaml::Value::Integer(0)
                if scalar.text.starts_with('-') && scalar.text.contains(['.', 'e', 'E']) =>
            {
                Ok(Value::Double(-0.0))
            }
            yaml::Value::Integer(int) => Ok(Value::Double(i64_as_f64(int))),
            yaml::Value::Unsigned(int) => Ok(Value::Uint(int)),
            yaml::Value::Float(double) => Ok(Value::Double(double)),
            yaml::Value::Time(Time { seconds, nanos, offset }) => {
                Ok(Value::Timestamp(Timestamp { seconds, nanos, offset }))
            }
            yaml::Value::Text => rt.string(&scalar.text),
        },
        NodeKind::List(items) => {
            let mut list = rt.list_builder(items.len())?;
            for item in items {
                list.push(value(rt, item, numbers)?);
            }
            Ok(rt.finish_list(list))
        }
        NodeKind::Mapping(mapping) => {
            let count = mapping.entries.len();
            rt.budget.charge_bytes(count.saturating_mul(size_of::<(Value<'_>, Value<'_>)>()))?;
            let mut map = MapBuilder::with_capacity(rt.arena, count);
            for entry in &mapping.entries {
                let key = rt.string(&entry.key)?;
                map.insert(key, value(rt, &entry.value, numbers)?);
            }
            Ok(Value::Map(map.finish_within(&mut rt.budget)?))
        }
        NodeKind::Broken => Err(Raise::from(Fault::Yaml)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::library::probe::{assert_table, call};

    #[test]
    fn every_row_is_complete() {
        assert_table(&LIBRARY);
    }

    #[test]
    fn aliases_that_repeat_themselves_are_a_fault() {
        let mut bomb = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x]\n");
        for level in 1..9 {
            let before = format!("*a{}", level - 1);
            bomb.push_str(&format!("a{level}: &a{level} [{}]\n", vec![before; 9].join(", ")));
        }
        let answer = call(parse, &[Value::Opaque("yaml.Yaml"), Value::String(&bomb)]);
        assert_eq!(answer, format!("fault {}", Fault::Yaml));
    }
}

//! Names of service accounts (kyverno/sdk `extensions/cel/libs/user`).

use crate::error::ErrorKind;
use crate::library::row::row;
use crate::library::runtime::{Answer, Runtime};
use crate::library::table::{Implementation::Own, Library, TypeRow};
use crate::value::object_type::field;
use crate::value::{Object, ObjectRow, Value};

const DOC: &str =
    "The namespace and the name in the user name of a service account; of any other name, nothing.";

/// The two names of a service account.
static SERVICE_ACCOUNT: ObjectRow = ObjectRow::structure(
    "user.ServiceAccount",
    &[field("Name", "Name", "string"), field("Namespace", "Namespace", "string")],
);

/// `kyverno.user`
pub static LIBRARY: Library = Library {
    name: "kyverno.user",
    version: 0,
    types: &[TypeRow::Object(&SERVICE_ACCOUNT)],
    rows: &[
        row(
            "parse_service_account_string_non_prefixed",
            "parseServiceAccount(string) -> user.ServiceAccount",
            Own(parse_service_account),
            DOC,
            &["parseServiceAccount('system:serviceaccount:default:bot').Name == 'bot'"],
        )
        .total(),
        row(
            "parse_service_account_string_prefixed",
            "user.parseServiceAccount(string) -> user.ServiceAccount",
            Own(parse_service_account),
            DOC,
            &[
                "user.parseServiceAccount('system:serviceaccount:default:bot').Namespace == 'default'",
                "user.parseServiceAccount('alice').Name == ''",
            ],
        )
        .total(),
    ],
};

fn parse_service_account<'a>(rt: &mut Runtime<'a>, args: &[Value<'a>]) -> Answer<'a> {
    let [Value::String(user)] = *args else { return Err(ErrorKind::NoSuchOverload.into()) };
    rt.charge_scan(user.len())?;
    rt.budget.charge_bytes(size_of::<[Option<Value<'_>>; 2]>().saturating_add(size_of::<Object<'_>>()))?;
    let account = user.strip_prefix("system:serviceaccount:").and_then(|rest| rest.split_once(':'));
    let (namespace, name) = account.unwrap_or_default();
    // In the order of the type: Name, Namespace.
    let fields = rt.arena.alloc([Some(Value::String(name)), Some(Value::String(namespace))]);
    Ok(Value::Object(rt.arena.alloc(Object { ty: &SERVICE_ACCOUNT, fields, tagged: false })))
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

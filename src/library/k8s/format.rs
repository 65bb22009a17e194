//! Kubernetes' named formats (k8s.io/apiserver `pkg/cel/library/format.go`): a format says what is wrong with a text.

use crate::error::{ErrorKind, Raise};
use crate::library::row::row;
use crate::library::runtime::{Answer, Runtime};
use crate::library::table::{Implementation::Own, Library, TypeRow};
use crate::value::Value;
use crate::value::extension::Extension;

mod names;
mod texts;

const DOC: &str = "The format of that name.";

/// `kubernetes.format`
pub static LIBRARY: Library = Library {
    name: "kubernetes.format",
    version: 0,
    types: &[TypeRow::Bare("kubernetes.NamedFormat")],
    rows: &[
        row(
            "format-validate",
            "kubernetes.NamedFormat.validate(string) -> optional(list(string))",
            Own(validate),
            "What is wrong with the text, each mistake in a text of its own; nothing if all is well.",
            &[
                "!format.dns1123Label().validate('my-label').hasValue()",
                "format.uuid().validate('x').value() == ['does not match the UUID format']",
            ],
        ),
        row(
            "format-named",
            "format.named(string) -> optional(kubernetes.NamedFormat)",
            Own(named),
            "The format of that name, or nothing.",
            &["format.named('uri').value() == format.uri()", "!format.named('email').hasValue()"],
        ),
        row(
            "format.dns1123Label",
            "format.dns1123Label() -> kubernetes.NamedFormat",
            Own(dns1123_label),
            DOC,
            &["!format.dns1123Label().validate('a-1').hasValue()"],
        ),
        row(
            "format.dns1123Subdomain",
            "format.dns1123Subdomain() -> kubernetes.NamedFormat",
            Own(dns1123_subdomain),
            DOC,
            &["!format.dns1123Subdomain().validate('apiextensions.k8s.io').hasValue()"],
        ),
        row(
            "format.dns1035Label",
            "format.dns1035Label() -> kubernetes.NamedFormat",
            Own(dns1035_label),
            DOC,
            &["format.dns1035Label().validate('1a').hasValue()"],
        ),
        row(
            "format.qualifiedName",
            "format.qualifiedName() -> kubernetes.NamedFormat",
            Own(qualified_name),
            DOC,
            &["!format.qualifiedName().validate('example.com/MyName').hasValue()"],
        ),
        row(
            "format.dns1123LabelPrefix",
            "format.dns1123LabelPrefix() -> kubernetes.NamedFormat",
            Own(dns1123_label_prefix),
            DOC,
            &["!format.dns1123LabelPrefix().validate('my-label-').hasValue()"],
        ),
        row(
            "format.dns1123SubdomainPrefix",
            "format.dns1123SubdomainPrefix() -> kubernetes.NamedFormat",
            Own(dns1123_subdomain_prefix),
            DOC,
            &["!format.dns1123SubdomainPrefix().validate('my.prefix.a-').hasValue()"],
        ),
        row(
            "format.dns1035LabelPrefix",
            "format.dns1035LabelPrefix() -> kubernetes.NamedFormat",
            Own(dns1035_label_prefix),
            DOC,
            &["!format.dns1035LabelPrefix().validate('my-label-').hasValue()"],
        ),
        row(
            "format.labelValue",
            "format.labelValue() -> kubernetes.NamedFormat",
            Own(label_value),
            DOC,
            &["!format.labelValue().validate('').hasValue()", "format.labelValue().validate('-').hasValue()"],
        ),
        row(
            "format.uri",
            "format.uri() -> kubernetes.NamedFormat",
            Own(uri),
            DOC,
            &["!format.uri().validate('http://example.com').hasValue()"],
        ),
        row(
            "format.uuid",
            "format.uuid() -> kubernetes.NamedFormat",
            Own(uuid),
            DOC,
            &["!format.uuid().validate('123e4567-e89b-12d3-a456-426614174000').hasValue()"],
        ),
        row(
            "format.byte",
            "format.byte() -> kubernetes.NamedFormat",
            Own(byte),
            DOC,
            &["!format.byte().validate('aGVsbG8=').hasValue()"],
        ),
        row(
            "format.date",
            "format.date() -> kubernetes.NamedFormat",
            Own(date),
            DOC,
            &["format.date().validate('2021-02-29').value() == ['invalid date']"],
        ),
        row(
            "format.datetime",
            "format.datetime() -> kubernetes.NamedFormat",
            Own(datetime),
            DOC,
            &["!format.datetime().validate('2021-01-01T00:00:00Z').hasValue()"],
        ),
    ],
};

/// A format by the name of its function, and the name that it has in Kubernetes.
const NAMES: &[(&str, &str)] = &[
    ("dns1123Label", "DNS1123Label"),
    ("dns1123Subdomain", "DNS1123Subdomain"),
    ("dns1035Label", "DNS1035Label"),
    ("qualifiedName", "QualifiedName"),
    ("dns1123LabelPrefix", "DNS1123LabelPrefix"),
    ("dns1123SubdomainPrefix", "DNS1123SubdomainPrefix"),
    ("dns1035LabelPrefix", "DNS1035LabelPrefix"),
    ("labelValue", "LabelValue"),
    ("uri", "URI"),
    ("uuid", "uuid"),
    ("byte", "byte"),
    ("date", "date"),
    ("datetime", "datetime"),
];

macro_rules! formats {
    ($($function:ident => $name:literal),* $(,)?) => {
        $(fn $function<'a>(_: &mut Runtime<'a>, args: &[Value<'a>]) -> Answer<'a> {
            if args.is_empty() {
                Ok(Value::Extension(Extension::Format($name)))
            } else {
                Err(ErrorKind::NoSuchOverload.into())
            }
        })*
    };
}

formats! {
    dns1123_label => "DNS1123Label",
    dns1123_subdomain => "DNS1123Subdomain",
    dns1035_label => "DNS1035Label",
    qualified_name => "QualifiedName",
    dns1123_label_prefix => "DNS1123LabelPrefix",
    dns1123_subdomain_prefix => "DNS1123SubdomainPrefix",
    dns1035_label_prefix => "DNS1035LabelPrefix",
    label_value => "LabelValue",
    uri => "URI",
    uuid => "uuid",
    byte => "byte",
    date => "date",
    datetime => "datetime",
}

fn named<'a>(rt: &mut Runtime<'a>, args: &[Value<'a>]) -> Answer<'a> {
    let [Value::String(name)] = *args else { return Err(ErrorKind::NoSuchOverload.into()) };
    rt.charge(NAMES.len())?;
    match NAMES.iter().find(|(function, _)| *function == name) {
        Some((_, name)) => rt.some(Value::Extension(Extension::Format(name))),
        None => Ok(Value::Optional(None)),
    }
}

fn validate<'a>(rt: &mut Runtime<'a>, args: &[Value<'a>]) -> Answer<'a> {
    let [Value::Extension(Extension::Format(format)), Value::String(text)] = *args else {
        return Err(ErrorKind::NoSuchOverload.into());
    };
    rt.charge_scan(text.len().saturating_mul(4))?;
    let mistakes = mistakes(rt, format, text)?;
    if mistakes.is_empty() {
        return Ok(Value::Optional(None));
    }
    let mut list = rt.list_builder(mistakes.len())?;
    for mistake in &mistakes {
        let mistake = rt.string(mistake)?;
        list.push(mistake);
    }
    let list = rt.finish_list(list);
    rt.some(list)
}

fn one(valid: bool, mistake: &str) -> Vec<String> {
    if valid { Vec::new() } else { vec![mistake.to_owned()] }
}

fn mistakes<'a>(rt: &mut Runtime<'a>, format: &str, text: &'a str) -> Result<Vec<String>, Raise<'a>> {
    let plain = text.as_bytes();
    Ok(match format {
        "DNS1123Label" => names::dns1123_label(plain),
        "DNS1123Subdomain" => names::dns1123_subdomain(plain, names::Unit::Characters),
        "DNS1035Label" => names::dns1035_label(plain),
        "DNS1123LabelPrefix" => names::dns1123_label(&names::without_dash(plain)),
        "DNS1123SubdomainPrefix" => {
            names::dns1123_subdomain(&names::without_dash(plain), names::Unit::Characters)
        }
        "DNS1035LabelPrefix" => names::dns1035_label(&names::without_dash(plain)),
        "QualifiedName" => names::qualified_name(plain),
        "LabelValue" => names::label_value(plain),
        "URI" => super::url::request_mistake(rt, text)?.map(str::to_owned).into_iter().collect(),
        "uuid" => one(texts::is_uuid(plain), "does not match the UUID format"),
        "byte" => one(texts::is_base64(plain), "invalid base64"),
        "date" => one(texts::is_date(plain), "invalid date"),
        _ => one(texts::is_date_time(text), "invalid datetime"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::library::probe::{assert_table, call_row};

    #[test]
    fn every_row_is_complete() {
        assert_table(&LIBRARY);
    }

    #[test]
    fn every_format_has_a_function_and_a_name() {
        for (function, name) in NAMES {
            let id = format!("format.{function}");
            let answer = call_row(&LIBRARY, &id, &[]).unwrap();
            assert!(answer.contains(&format!("Format(\"{name}\")")), "{answer}");
        }
    }
}

//! What a document may hold, as data, and the check of a document against it.
//!
//! A schema is a static table of [`Shape`]s. `policy::model` has the one of policies, `config` the one of settings.
//! Knows YAML and diagnostics, and neither policies nor settings.

mod check;
mod rules;

pub(crate) use check::{check, is_near};

/// What a value must be.
pub(crate) enum Shape {
    /// Text that keeps a rule.
    Text(Rule),
    /// True or false.
    Flag,
    /// A whole number in this range.
    Whole(i64, i64),
    /// A list of values of one shape.
    List(&'static Shape, Unique),
    /// A mapping with free keys.
    Map(KeyRule, &'static Shape),
    /// A mapping with these fields.
    Fields(&'static [Field]),
    /// Anything.
    Anything,
}

/// A field of a mapping.
pub(crate) struct Field {
    /// Its name.
    pub(crate) name: &'static str,
    /// What its value must be; a null value counts as absent.
    pub(crate) shape: &'static Shape,
    /// Whether it must be there.
    pub(crate) required: bool,
    /// What to do when it is missing; empty if there is nothing to say.
    pub(crate) absent: &'static str,
}

/// What must not stand twice in a list.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unique {
    /// Nothing.
    No,
    /// A value (`x-kubernetes-list-type: set`).
    Values,
    /// A `name` (`x-kubernetes-list-type: map`).
    Names,
}

/// A rule for keys.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum KeyRule {
    /// None.
    Free,
    /// A name with an optional prefix: `example.com/name`.
    Qualified,
    /// The same, in which capitals do not matter.
    QualifiedAnyCase,
}

/// A rule for text.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rule {
    /// None.
    Free,
    /// One of these.
    OneOf(&'static [&'static str]),
    /// Not empty.
    Filled,
    /// More than white space.
    NotBlank,
    /// At most this many characters.
    AtMost(usize),
    /// At most this many bytes.
    AtMostBytes(usize),
    /// The same, and only characters that can be seen, and blanks.
    Printable(usize),
    /// The `apiVersion` of a reference: `v1` or `group/v1`.
    ApiVersion,
    /// A DNS subdomain (RFC 1123).
    Subdomain,
    /// The start of one.
    SubdomainPrefix,
    /// A value of a label.
    LabelValue,
    /// A name with an optional prefix.
    Qualified,
    /// A point in time, as Go's `time.Parse` reads RFC 3339.
    Time,
    /// The same in a field of `format: date-time`, which wants two digits for the hour.
    DateTime,
    /// The reason of a condition.
    ConditionReason,
    /// The type of a condition.
    ConditionType,
}

/// A field that may be absent.
pub(crate) const fn optional(name: &'static str, shape: &'static Shape) -> Field {
    Field { name, shape, required: false, absent: "" }
}

/// A field that must be there.
pub(crate) const fn required(name: &'static str, shape: &'static Shape) -> Field {
    Field { name, shape, required: true, absent: "" }
}

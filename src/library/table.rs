//! What the tables of libraries are made of: the rows of functions and of types.
//!
//! A body is a pure function of its arguments and a [`Runtime`] (arena, budget, the compiled pattern of a constant
//! regular expression). It may assume the argument types of its signature: the evaluator checks values that were
//! dynamic at compile time before it calls, as cel-go's guards do.

use crate::library::capability::Capability;
use crate::library::runtime::{Answer, Runtime};
use crate::value::{ObjectRow, Value, ValueKind};

/// A function's body.
pub type Body = for<'a> fn(&mut Runtime<'a>, &[Value<'a>]) -> Answer<'a>;

/// Functions and types that come together, at the version that Kyverno's environment has.
#[derive(Debug)]
pub struct Library {
    /// `cel.lib.ext.strings`, `kubernetes.regex`, `kyverno.authz.http` …: the name in Kyverno, if it is a library there.
    pub name: &'static str,
    /// The version in Kyverno's HTTP environment; rows with a later `since` are not declared.
    pub version: u8,
    /// The types that it declares; which of them an environment has goes by its libraries.
    pub types: &'static [TypeRow],
    /// One row per overload, in the order in which cel-go declares them.
    pub rows: &'static [Row],
}

/// A type that a library declares. The signatures of functions call each by its name.
#[derive(Clone, Copy, Debug)]
pub enum TypeRow {
    /// An object type, which expressions can name and make.
    Object(&'static ObjectRow),
    /// An object type that expressions have no name for.
    Hidden(&'static ObjectRow),
    /// A type without fields, cel-go's opaque type, that expressions have no name for.
    Opaque(&'static str),
    /// A type without fields that expressions can name: `type(x) == net.IP`.
    Named(&'static str),
    /// What cel-go takes for an object type and has neither fields nor a name in expressions: Kubernetes declares the types
    /// of its libraries so.
    Bare(&'static str),
}

/// One overload.
#[derive(Debug)]
pub struct Row {
    /// cel-go's overload id.
    pub id: &'static str,
    /// The signature, in the language of [`Signature`](crate::types::Signature).
    pub signature: &'static str,
    /// How it is evaluated.
    pub implementation: Implementation,
    /// One line for the reference documentation.
    pub doc: &'static str,
    /// CEL expressions that are true; the test suite runs them.
    pub examples: &'static [&'static str],
    /// The library version that introduced it.
    pub since: u8,
    /// True if the function has a value for all arguments of its signature's types; a regular expression among them must
    /// be constant. A test calls every such row with the extremes of its types.
    pub total: bool,
    /// True if the result, whose type is dynamic, is data as JSON has it: there is no message in it, which functions change.
    pub json: bool,
}

impl Row {
    /// A row that has a value for all arguments of its types.
    #[must_use]
    pub const fn total(self) -> Row {
        Row { total: true, ..self }
    }

    /// A row whose result is data as JSON has it.
    #[must_use]
    pub const fn json(self) -> Row {
        Row { json: true, ..self }
    }
}

/// How an overload is evaluated.
#[derive(Clone, Copy, Debug)]
pub enum Implementation {
    /// A body of its own. When the argument types were dynamic at compile time, the overloads of the function are
    /// tried in order; if none fits: `no such overload: f(int, string)`.
    Own(Body),
    /// As `Own`, for a function whose argument number `.1` (0 is the receiver) is a regular expression: when
    /// it is constant, the planner compiles it once and the body finds it in [`Runtime::pattern`]. A literal that is no
    /// regular expression does not compile.
    Pattern(Body, usize),
    /// As `Pattern`, for a function that asks what the groups match; a literal that is no regular expression fails only when
    /// it is used.
    Groups(Body, usize),
    /// As `Own`, for a function that looks its argument up in a map: all that it reads of its receiver is that key of the
    /// field `.1`.
    Lookup(Body, &'static str),
    /// As `Own`, for a function that asks something outside of its arguments: it is never evaluated before a call.
    Asking(Body, Capability),
    /// One body for all overloads of the function, which looks at its arguments itself, as cel-go's singletons.
    Shared(&'static Shared),
    /// The planner makes a node of its own: `&&`, `||`, `?:`, `==`, `!=`, `_[_]`, `_?._`, `_[?_]`, `or`, `orValue`.
    Planned,
}

/// The one body of a function with several overloads.
#[derive(Debug)]
pub struct Shared {
    /// The body. It answers [`ErrorKind::NoSuchOverload`](crate::error::ErrorKind::NoSuchOverload) for arguments that it cannot take.
    pub body: Body,
    /// The kinds of first arguments whose type has the trait that cel-go asks for; others are answered
    /// `no such overload: f`. Empty: any.
    pub receivers: &'static [ValueKind],
    /// The index of the argument that is a regular expression, as in [`Implementation::Pattern`]; but one that is none
    /// fails only when it is used.
    pub pattern: Option<usize>,
}

//! Checked expressions as data: what a bundle holds of them, so that loading one neither parses nor checks.
//!
//! Knows trees, types and the rows of functions; not what the expressions are for, nor files. Strings, types and calls
//! stand in tables, each once; a tree is its nodes from the root down, every node before its children, so that the
//! numbers of the nodes ([`NodeId`]) are their places. Functions and object types go by name, overloads by cel-go's
//! ids: what this engine does not have is refused, as is everything that no checker writes, such as a tree deeper than
//! the parser lets it be.

mod read;
mod write;

pub use read::Reader;
pub use write::Writer;

use serde::{Deserialize, Serialize};

use crate::cel::ast::{Macro, NodeId};

/// Why something is no checked expression of this engine's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct FlatError(String);

impl FlatError {
    pub(in crate::cel) fn new(what: impl Into<String>) -> FlatError {
        FlatError(what.into())
    }
}

impl From<postcard::Error> for FlatError {
    fn from(error: postcard::Error) -> FlatError {
        FlatError(format!("the data does not read: {error}"))
    }
}

/// A place in the table of strings.
type Text = u32;
/// A place in the table of types.
type TypeAt = u32;
/// A place in the table of calls.
type CallAt = u32;

/// What stands before the expressions.
#[derive(Debug, Default, Deserialize, Serialize)]
struct Tables<'b> {
    #[serde(borrow)]
    strings: Vec<&'b str>,
    types: Vec<FlatType>,
    calls: Vec<FlatCall>,
}

/// A [`Type`](crate::types::Type); the types in it stand before it in the table.
#[derive(Clone, Debug, Deserialize, Eq, Hash, PartialEq, Serialize)]
enum FlatType {
    Error,
    Dyn,
    Any,
    Null,
    Bool,
    Int,
    Uint,
    Double,
    String,
    Bytes,
    Duration,
    Timestamp,
    Wrapper(TypeAt),
    List(TypeAt),
    Map(TypeAt, TypeAt),
    Struct(Text),
    Opaque(Text, Vec<TypeAt>),
    Type(Option<TypeAt>),
    Param(Text),
}

/// What a call means: a function, and which of its overloads may apply.
#[derive(Clone, Debug, Deserialize, Eq, Hash, PartialEq, Serialize)]
struct FlatCall {
    function: Text,
    /// cel-go's ids.
    overloads: Vec<Text>,
    receiver: bool,
}

/// A node, and where it begins and ends in the text.
type FlatPlace = (NodeId, u32, u32);

/// A node without its children, which follow it.
#[derive(Debug, Deserialize, Serialize)]
struct FlatNode {
    kind: FlatKind,
    ty: TypeAt,
    reference: Option<FlatReference>,
}

/// The kinds of nodes, with the number of children where it varies.
#[derive(Debug, Deserialize, Serialize)]
enum FlatKind {
    Null,
    Bool(bool),
    Int(i64),
    Uint(u64),
    Double(f64),
    String(Text),
    Bytes(Vec<u8>),
    Ident(Text),
    Select {
        field: Text,
        test_only: bool,
    },
    Call {
        function: Text,
        target: bool,
        args: u32,
    },
    List {
        elements: u32,
        optional: Vec<u32>,
    },
    /// Of each entry, whether it stands behind `?`.
    Map(Vec<bool>),
    /// Of each field its name, and whether it stands behind `?`.
    Struct {
        type_name: Text,
        fields: Vec<(Text, bool)>,
    },
    Comprehension {
        origin: Macro,
        iter_var: Text,
        iter_var2: Option<Text>,
        accu_var: Text,
    },
}

/// What a name or a call means.
#[derive(Debug, Deserialize, Serialize)]
enum FlatReference {
    Local(Text),
    Variable(Text),
    Shadowed(Text),
    Text(Text),
    Int(i64),
    Type(Text),
    Call(CallAt),
}

/// How many types a type holds, as a checker counts them; `None` if it holds what does not stand before it.
fn parts(ty: &FlatType, all: &[usize]) -> Option<usize> {
    let with = |at: &TypeAt| {
        let held = usize::try_from(*at).ok().and_then(|at| all.get(at));
        held.map(|held| held.saturating_add(1))
    };
    Some(match ty {
        FlatType::Wrapper(at) => with(at).map(|_| 0)?,
        FlatType::List(at) | FlatType::Type(Some(at)) => with(at)?,
        FlatType::Map(key, value) => with(key)?.saturating_add(with(value)?),
        FlatType::Opaque(_, parameters) => {
            parameters.iter().try_fold(0_usize, |held, at| Some(held.saturating_add(with(at)?)))?
        }
        _ => 0,
    })
}

#[cfg(test)]
mod tests;

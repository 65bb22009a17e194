//! The types of variables that Kyverno's engine declares beside its libraries.

use crate::library::table::{
    Library,
    TypeRow::{Hidden, Object},
};
use crate::value::object_type::{ObjectRow, field};

/// The name of the object that holds a policy's variables; its fields differ from policy to policy.
pub const VARIABLES: &str = "kyverno.variables";

static OF_A_POLICY: ObjectRow = ObjectRow::structure(VARIABLES, &[]);

/// What partial exceptions allow: Kyverno's `pkg/cel/libs/variables.go`.
pub static EXCEPTION: ObjectRow = ObjectRow::structure(
    "libs.Exception",
    &[
        field("allowedImages", "AllowedImages", "list(string)"),
        field("allowedValues", "AllowedValues", "list(string)"),
    ],
);

/// The type of `variables`.
pub static LIBRARY: Library =
    Library { name: "kyverno.variables", version: 0, types: &[Hidden(&OF_A_POLICY)], rows: &[] };

/// The type of `exceptions`.
pub static EXCEPTIONS: Library =
    Library { name: "kyverno.exceptions", version: 0, types: &[Object(&EXCEPTION)], rows: &[] };

//! Protobuf's well-known messages: the files `any`, `duration`, `empty`, `struct`, `timestamp` and `wrappers` of
//! `google/protobuf`, which cel-go's type registry starts with, and the types that its checker has for them.
//!
//! How a literal becomes a value is in `library::message`.

use crate::library::table::{Library, TypeRow::Object};
use crate::value::object_type::{ObjectRow, stored};

/// What cel-go knows without being told.
pub static LIBRARY: Library = Library {
    name: "cel.lib.std",
    version: 0,
    types: &[
        Object(&ANY),
        Object(&BOOL_VALUE),
        Object(&BYTES_VALUE),
        Object(&DOUBLE_VALUE),
        Object(&DURATION),
        Object(&EMPTY),
        Object(&FLOAT_VALUE),
        Object(&INT32_VALUE),
        Object(&INT64_VALUE),
        Object(&LIST_VALUE),
        Object(&STRING_VALUE),
        Object(&STRUCT),
        Object(&FIELDS_ENTRY),
        Object(&TIMESTAMP),
        Object(&UINT32_VALUE),
        Object(&UINT64_VALUE),
        Object(&VALUE),
    ],
    rows: &[],
};

/// `google.protobuf.Any`
pub static ANY: ObjectRow = ObjectRow::well_known(
    "google.protobuf.Any",
    "any",
    &[stored("type_url", "string", "string"), stored("value", "bytes", "[]uint8")],
);

/// `google.protobuf.BoolValue`
pub static BOOL_VALUE: ObjectRow =
    ObjectRow::well_known("google.protobuf.BoolValue", "wrapper(bool)", &[stored("value", "bool", "bool")]);

/// `google.protobuf.BytesValue`
pub static BYTES_VALUE: ObjectRow = ObjectRow::well_known(
    "google.protobuf.BytesValue",
    "wrapper(bytes)",
    &[stored("value", "bytes", "[]uint8")],
);

/// `google.protobuf.DoubleValue`
pub static DOUBLE_VALUE: ObjectRow = ObjectRow::well_known(
    "google.protobuf.DoubleValue",
    "wrapper(double)",
    &[stored("value", "double", "float64")],
);

/// `google.protobuf.Duration`
pub static DURATION: ObjectRow = ObjectRow::well_known(
    "google.protobuf.Duration",
    "duration",
    &[stored("seconds", "int", "int64"), stored("nanos", "int", "int32")],
);

/// `google.protobuf.Empty`
pub static EMPTY: ObjectRow = ObjectRow::message("google.protobuf.Empty", &[]);

/// `google.protobuf.FloatValue`
pub static FLOAT_VALUE: ObjectRow = ObjectRow::well_known(
    "google.protobuf.FloatValue",
    "wrapper(double)",
    &[stored("value", "double", "float32")],
);

/// `google.protobuf.Int32Value`
pub static INT32_VALUE: ObjectRow =
    ObjectRow::well_known("google.protobuf.Int32Value", "wrapper(int)", &[stored("value", "int", "int32")]);

/// `google.protobuf.Int64Value`
pub static INT64_VALUE: ObjectRow =
    ObjectRow::well_known("google.protobuf.Int64Value", "wrapper(int)", &[stored("value", "int", "int64")]);

/// `google.protobuf.ListValue`
pub static LIST_VALUE: ObjectRow = ObjectRow::well_known(
    "google.protobuf.ListValue",
    "list(dyn)",
    &[stored("values", "list(dyn)", "[]*structpb.Value")],
);

/// `google.protobuf.StringValue`
pub static STRING_VALUE: ObjectRow = ObjectRow::well_known(
    "google.protobuf.StringValue",
    "wrapper(string)",
    &[stored("value", "string", "string")],
);

/// `google.protobuf.Struct`
pub static STRUCT: ObjectRow = ObjectRow::well_known(
    "google.protobuf.Struct",
    "map(string, dyn)",
    &[stored("fields", "map(string, dyn)", "map[string]*structpb.Value")],
);

/// What a map field is made of on the wire; cel-go registers it like any other message.
pub static FIELDS_ENTRY: ObjectRow = ObjectRow::message(
    "google.protobuf.Struct.FieldsEntry",
    &[stored("key", "string", "string"), stored("value", "*dyn", "*structpb.Value")],
);

/// `google.protobuf.Timestamp`
pub static TIMESTAMP: ObjectRow = ObjectRow::well_known(
    "google.protobuf.Timestamp",
    "timestamp",
    &[stored("seconds", "int", "int64"), stored("nanos", "int", "int32")],
);

/// `google.protobuf.UInt32Value`
pub static UINT32_VALUE: ObjectRow = ObjectRow::well_known(
    "google.protobuf.UInt32Value",
    "wrapper(uint)",
    &[stored("value", "uint", "uint32")],
);

/// `google.protobuf.UInt64Value`
pub static UINT64_VALUE: ObjectRow = ObjectRow::well_known(
    "google.protobuf.UInt64Value",
    "wrapper(uint)",
    &[stored("value", "uint", "uint64")],
);

/// `google.protobuf.Value`
pub static VALUE: ObjectRow = ObjectRow::well_known(
    "google.protobuf.Value",
    "dyn",
    &[
        stored("null_value", "int", "protoreflect.EnumNumber"),
        stored("number_value", "double", "float64"),
        stored("string_value", "string", "string"),
        stored("bool_value", "bool", "bool"),
        stored("struct_value", "map(string, dyn)", "*structpb.Struct"),
        stored("list_value", "list(dyn)", "*structpb.ListValue"),
    ],
);

//! The object types that policies see, with their fields: Kyverno's Go structs, and protobuf's well-known messages
//! that cel-go knows without being told.
//!
//! A field of a struct has two names. Typed access uses the CEL name; access through `dyn` uses the Go name on values that
//! came through the outermost adapter, because that one ignores the `cel` tags (docs/kyverno.md §3).

use std::sync::LazyLock;

use super::{Type, VARIABLES, signature::parse_type};
use super::{envoy, kubernetes};

/// An object type.
#[derive(Debug)]
pub struct ObjectType {
    /// The name in CEL, `http.CheckRequest`.
    pub name: &'static str,
    /// The static type of a literal: the object itself, but for most messages a type of CEL's own.
    pub ty: Type,
    /// True for a protobuf message, false for a Go struct.
    pub message: bool,
    /// True for a type that the checker alone knows: its values are found by what they are, and a literal is an error.
    pub declared: bool,
    /// The fields in the order of the Go struct; a value's fields have the same order.
    pub fields: Vec<FieldType>,
}

/// A field of an object type.
#[derive(Debug)]
pub struct FieldType {
    /// The name in typed CEL.
    pub name: &'static str,
    /// The Go field's name.
    pub go_name: &'static str,
    /// Its static type; `None` for fields that Go declares as `any` or as something that CEL has no type for:
    /// they are undefined at compile time and reachable through `dyn`.
    pub ty: Option<Type>,
    /// True if the Go field is a pointer or an interface, so that a set but empty one is told from an unset one.
    pub pointer: bool,
    /// For a message's field, the Go type that a value converts to, as cel-go's messages spell it; for a field without
    /// static type, `map` or `bool` if its zero value is not null; else empty.
    pub go_type: &'static str,
}

impl ObjectType {
    /// The index of the field that typed CEL calls `name`.
    pub fn field(&self, name: &str) -> Option<(usize, &FieldType)> {
        self.fields.iter().enumerate().find(|(_, field)| field.name == name && name != PRIVATE)
    }

    /// The index of the field with this Go name.
    pub fn go_field(&self, name: &str) -> Option<(usize, &FieldType)> {
        self.fields.iter().enumerate().find(|(_, field)| field.go_name == name && name != PRIVATE)
    }
}

/// The name of a field that Go does not export.
const PRIVATE: &str = "";

/// One object type as written in the table: name, then `cel-name[/GoName]: type`; `?` marks a field without a
/// static type (`?map` and `?bool`: one whose zero value is not null) and `*` a pointer.
pub(super) type Row = (&'static str, &'static [(&'static str, &'static str, &'static str)]);

/// kyverno-authz `pkg/cel/libs/authz/http/types.go` and `pkg/cel/libs/mcp/types.go` with mcp-go 0.49.0.
const ROWS: &[Row] = &[
    (
        "http.CheckRequest",
        &[("attributes", "Attributes", "http.CheckRequestAttributes"), ("mcp", "Mcp", "http.MCPCheckData")],
    ),
    (
        "http.CheckRequestAttributes",
        &[
            ("method", "Method", "string"),
            ("header", "Header", "map(string, list(string))"),
            ("host", "Host", "string"),
            ("protocol", "Protocol", "string"),
            ("contentLength", "ContentLength", "int"),
            ("body", "Body", "bytes"),
            ("scheme", "Scheme", "string"),
            ("path", "Path", "string"),
            ("query", "Query", "map(string, list(string))"),
            ("fragment", "Fragment", "string"),
        ],
    ),
    ("http.MCPCheckData", &[("request", "Request", "*mcp.MCPRequest")]),
    (
        "http.CheckResponse",
        &[("ok", "Ok", "*http.CheckResponseOk"), ("denied", "Denied", "*http.CheckResponseDenied")],
    ),
    ("http.CheckResponseOk", &[]),
    ("http.CheckResponseDenied", &[("reason", "Reason", "string")]),
    ("jwt.Token", &[("Claims", "Claims", "*map(string, dyn)"), ("Valid", "Valid", "bool")]),
    ("http.Context", &[]),
    ("json.Json", &[]),
    ("mcp.MCP", &[]),
    (
        "mcp.MCPRequest",
        &[
            ("Method", "Method", "string"),
            ("ID", "ID", "mcp.RequestId"),
            ("Paginated", "Paginated", "*mcp.PaginatedParams"),
            ("ToolCall", "ToolCall", "*mcp.CallToolParams"),
            ("ResourceRead", "ResourceRead", "*mcp.ReadResourceParams"),
            ("ResourceSubscribe", "ResourceSubscribe", "*mcp.SubscribeParams"),
            ("ResourceUnsubscribe", "ResourceUnsubscribe", "*mcp.UnsubscribeParams"),
            ("PromptGet", "PromptGet", "*mcp.GetPromptParams"),
            ("Initialize", "Initialize", "*mcp.InitializeParams"),
            ("CreateMessage", "CreateMessage", "*mcp.CreateMessageParams"),
            ("Elicitation", "Elicitation", "*mcp.ElicitationParams"),
            ("Complete", "Complete", "*mcp.CompleteParams"),
            ("SetLogLevel", "SetLogLevel", "*mcp.SetLevelParams"),
        ],
    ),
    // Go's private field `value`: no access finds it, equality compares it.
    ("mcp.RequestId", &[(PRIVATE, PRIVATE, "*?")]),
    ("mcp.PaginatedParams", &[("Cursor", "Cursor", "string")]),
    (
        "mcp.CallToolParams",
        &[
            ("Name", "Name", "string"),
            ("Arguments", "Arguments", "*?"),
            ("Meta", "Meta", "*mcp.Meta"),
            ("Task", "Task", "*mcp.TaskParams"),
        ],
    ),
    ("mcp.TaskParams", &[("TTL", "TTL", "*int")]),
    (
        "mcp.Meta",
        &[("ProgressToken", "ProgressToken", "*?"), ("AdditionalFields", "AdditionalFields", "?map")],
    ),
    ("mcp.ReadResourceParams", &[("URI", "URI", "string"), ("Arguments", "Arguments", "?map")]),
    ("mcp.SubscribeParams", &[("URI", "URI", "string")]),
    ("mcp.UnsubscribeParams", &[("URI", "URI", "string")]),
    ("mcp.GetPromptParams", &[("Name", "Name", "string"), ("Arguments", "Arguments", "map(string, string)")]),
    (
        "mcp.InitializeParams",
        &[
            ("ProtocolVersion", "ProtocolVersion", "string"),
            ("Capabilities", "Capabilities", "mcp.ClientCapabilities"),
            ("ClientInfo", "ClientInfo", "mcp.Implementation"),
        ],
    ),
    (
        "mcp.ClientCapabilities",
        &[
            ("Extensions", "Extensions", "?map"),
            ("Experimental", "Experimental", "?map"),
            ("Roots", "Roots", "*."),
            ("Sampling", "Sampling", "*."),
            ("Elicitation", "Elicitation", "*mcp.ElicitationCapability"),
            ("Tasks", "Tasks", "*mcp.TasksCapability"),
        ],
    ),
    // An anonymous Go struct: it has a type without a name and no field that typed CEL can reach. Only that of
    // `Roots` has one that decoding sets.
    (".", &[("ListChanged", "ListChanged", "?bool")]),
    ("mcp.ElicitationCapability", &[("Form", "Form", "*."), ("URL", "URL", "*.")]),
    (
        "mcp.TasksCapability",
        &[
            ("List", "List", "*."),
            ("Cancel", "Cancel", "*."),
            ("Requests", "Requests", "*mcp.TaskRequestsCapability"),
        ],
    ),
    (
        "mcp.TaskRequestsCapability",
        &[("Tools", "Tools", "*."), ("Sampling", "Sampling", "*."), ("Elicitation", "Elicitation", "*.")],
    ),
    (
        "mcp.Implementation",
        &[
            ("Name", "Name", "string"),
            ("Version", "Version", "string"),
            ("Title", "Title", "string"),
            ("Description", "Description", "string"),
            ("WebsiteURL", "WebsiteURL", "string"),
            ("Icons", "Icons", "list(mcp.Icon)"),
        ],
    ),
    (
        "mcp.Icon",
        &[("Src", "Src", "string"), ("MIMEType", "MIMEType", "string"), ("Sizes", "Sizes", "list(string)")],
    ),
    ("mcp.SetLevelParams", &[("Level", "Level", "string")]),
    (
        "mcp.ElicitationParams",
        &[
            ("Meta", "Meta", "*mcp.Meta"),
            ("Mode", "Mode", "string"),
            ("Message", "Message", "string"),
            ("ElicitationID", "ElicitationID", "string"),
            ("URL", "URL", "string"),
            ("RequestedSchema", "RequestedSchema", "*?"),
        ],
    ),
    (
        "mcp.CreateMessageParams",
        &[
            ("Messages", "Messages", "list(mcp.SamplingMessage)"),
            ("ModelPreferences", "ModelPreferences", "*mcp.ModelPreferences"),
            ("SystemPrompt", "SystemPrompt", "string"),
            ("IncludeContext", "IncludeContext", "string"),
            ("Temperature", "Temperature", "double"),
            ("MaxTokens", "MaxTokens", "int"),
            ("StopSequences", "StopSequences", "list(string)"),
            ("Metadata", "Metadata", "*?"),
        ],
    ),
    ("mcp.SamplingMessage", &[("Role", "Role", "string"), ("Content", "Content", "*?")]),
    (
        "mcp.ModelPreferences",
        &[
            ("Hints", "Hints", "list(mcp.ModelHint)"),
            ("CostPriority", "CostPriority", "double"),
            ("SpeedPriority", "SpeedPriority", "double"),
            ("IntelligencePriority", "IntelligencePriority", "double"),
        ],
    ),
    ("mcp.ModelHint", &[("Name", "Name", "string")]),
    (
        "mcp.CompleteParams",
        &[
            ("Ref", "Ref", "*?"),
            ("Argument", "Argument", "mcp.CompleteArgument"),
            ("Context", "Context", "mcp.CompleteContext"),
        ],
    ),
    ("mcp.CompleteArgument", &[("Name", "Name", "string"), ("Value", "Value", "string")]),
    ("mcp.CompleteContext", &[("Arguments", "Arguments", "map(string, string)")]),
    (VARIABLES, &[]),
    // What the header mapping of the gateway sees of a call (docs/configuration.md). Pointers, so that `has()` tells an absent
    // attribute from an empty one; `gateway::headers` builds the values in this order.
    (
        "toolgate.Call",
        &[
            ("method", "method", "*string"),
            ("path", "path", "*string"),
            ("target", "target", "*string"),
            ("tool", "tool", "*string"),
            ("arguments", "arguments", "map(string, dyn)"),
            ("headers", "headers", "map(string, string)"),
            ("claims", "claims", "map(string, dyn)"),
            ("operation", "operation", "*string"),
            ("environment", "environment", "*list(string)"),
            ("query", "query", "*string"),
            ("user", "user", "*string"),
            ("roles", "roles", "*list(string)"),
            ("groups", "groups", "*list(string)"),
            ("client", "client", "*string"),
            ("uri", "uri", "*string"),
            ("prompt", "prompt", "*string"),
            ("scopes", "scopes", "*list(string)"),
        ],
    ),
];

/// One message: its name, the type of a literal (empty: the message itself), then `name: type` and the Go type that a
/// value of the field converts to.
type MessageRow = (&'static str, &'static str, &'static [(&'static str, &'static str, &'static str)]);

/// The files `any`, `duration`, `empty`, `struct`, `timestamp` and `wrappers` of `google/protobuf`, which cel-go's
/// type registry starts with, and the types that its checker has for them.
const MESSAGES: &[MessageRow] = &[
    ("google.protobuf.Any", "any", &[("type_url", "string", "string"), ("value", "bytes", "[]uint8")]),
    ("google.protobuf.BoolValue", "wrapper(bool)", &[("value", "bool", "bool")]),
    ("google.protobuf.BytesValue", "wrapper(bytes)", &[("value", "bytes", "[]uint8")]),
    ("google.protobuf.DoubleValue", "wrapper(double)", &[("value", "double", "float64")]),
    ("google.protobuf.Duration", "duration", &[("seconds", "int", "int64"), ("nanos", "int", "int32")]),
    ("google.protobuf.Empty", "", &[]),
    ("google.protobuf.FloatValue", "wrapper(double)", &[("value", "double", "float32")]),
    ("google.protobuf.Int32Value", "wrapper(int)", &[("value", "int", "int32")]),
    ("google.protobuf.Int64Value", "wrapper(int)", &[("value", "int", "int64")]),
    ("google.protobuf.ListValue", "list(dyn)", &[("values", "list(dyn)", "[]*structpb.Value")]),
    ("google.protobuf.StringValue", "wrapper(string)", &[("value", "string", "string")]),
    (
        "google.protobuf.Struct",
        "map(string, dyn)",
        &[("fields", "map(string, dyn)", "map[string]*structpb.Value")],
    ),
    // What a map field is made of on the wire; cel-go registers it like any other message.
    (
        "google.protobuf.Struct.FieldsEntry",
        "",
        &[("key", "string", "string"), ("value", "*dyn", "*structpb.Value")],
    ),
    ("google.protobuf.Timestamp", "timestamp", &[("seconds", "int", "int64"), ("nanos", "int", "int32")]),
    ("google.protobuf.UInt32Value", "wrapper(uint)", &[("value", "uint", "uint32")]),
    ("google.protobuf.UInt64Value", "wrapper(uint)", &[("value", "uint", "uint64")]),
    (
        "google.protobuf.Value",
        "dyn",
        &[
            ("null_value", "int", "protoreflect.EnumNumber"),
            ("number_value", "double", "float64"),
            ("string_value", "string", "string"),
            ("bool_value", "bool", "bool"),
            ("struct_value", "map(string, dyn)", "*structpb.Struct"),
            ("list_value", "list(dyn)", "*structpb.ListValue"),
        ],
    ),
];

/// The rows of Go's structs.
fn structs() -> impl Iterator<Item = &'static Row> {
    ROWS.iter().chain(kubernetes::ROWS)
}

static OBJECTS: LazyLock<Vec<ObjectType>> = LazyLock::new(|| {
    let structs = structs().map(|(name, fields)| ObjectType {
        name,
        ty: Type::Struct(name),
        message: false,
        declared: name.starts_with("kubernetes."),
        fields: fields.iter().map(field_type).collect(),
    });
    let messages = MESSAGES.iter().map(|(name, ty, fields)| ObjectType {
        name,
        // The lookup of a name would need the table that is being made.
        ty: if ty.is_empty() { None } else { parse_type(ty) }.unwrap_or(Type::Struct(name)),
        message: true,
        declared: false,
        fields: fields
            .iter()
            .map(|(name, ty, go_type)| FieldType { go_type, ..field_type(&(name, name, ty)) })
            .collect(),
    });
    let envoy = envoy::MESSAGES.iter().map(|(name, fields)| ObjectType {
        name,
        ty: Type::Struct(name),
        message: true,
        declared: false,
        fields: fields
            .iter()
            .map(|(name, ty, go_type)| FieldType {
                name,
                go_name: name,
                ty: message_type(ty.trim_start_matches('*')),
                pointer: ty.starts_with('*'),
                go_type,
            })
            .collect(),
    });
    structs.chain(messages).chain(envoy).collect()
});

/// The type of a field of Envoy's messages; a message's name is not looked up, for that would need the table.
fn message_type(text: &str) -> Option<Type> {
    if let Some((name, _)) = envoy::MESSAGES.iter().find(|(name, _)| *name == text) {
        return Some(Type::Struct(name));
    }
    match text.strip_prefix("list(").and_then(|text| text.strip_suffix(')')) {
        Some(element) => Some(Type::list(message_type(element)?)),
        None => parse_type(text),
    }
}

fn field_type(&(name, go_name, ty): &(&'static str, &'static str, &'static str)) -> FieldType {
    let pointer = ty.starts_with('*');
    let text = ty.trim_start_matches('*');
    // A name of the table itself is resolved by name alone: looking it up here would need the table.
    let named =
        |text: &str| structs().find(|(object, _)| *object == text).map(|(object, _)| Type::Struct(object));
    let ty = match named(text) {
        Some(object) => Some(object),
        None => match text.strip_prefix("list(").and_then(|text| text.strip_suffix(')')).and_then(named) {
            Some(element) => Some(Type::list(element)),
            None if text.starts_with('?') => None,
            None => parse_type(text),
        },
    };
    let go_type = text.strip_prefix('?').unwrap_or_default();
    FieldType { name, go_name, ty, pointer, go_type }
}

/// The object type called `name`, if it exists.
pub fn object_type(name: &str) -> Option<&'static ObjectType> {
    OBJECTS.iter().find(|object| object.name == name)
}

/// All object types.
pub fn object_types() -> &'static [ObjectType] {
    &OBJECTS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_of_a_message_reads() {
        for (name, text, fields) in MESSAGES {
            let message = object_type(name).unwrap();
            assert_eq!(matches!(message.ty, Type::Struct(_)), text.is_empty(), "{name}");
            assert_eq!(message.fields.len(), fields.len(), "{name}");
            assert!(message.fields.iter().all(|f| f.ty.is_some() && !f.go_type.is_empty()), "{name}");
        }
    }

    #[test]
    fn every_field_of_envoy_s_messages_has_a_type_and_every_oneof_its_members() {
        for (name, fields) in envoy::MESSAGES {
            let message = object_type(name).unwrap();
            assert!(message.message && message.fields.len() == fields.len());
            assert!(message.fields.iter().all(|f| f.ty.is_some() && !f.go_type.is_empty()), "{name}");
            for member in envoy::oneof(name) {
                assert!(message.field(member).unwrap().1.pointer, "{name}.{member}");
            }
        }
    }

    #[test]
    fn every_field_with_a_type_has_one_that_reads() {
        for (name, fields) in structs() {
            for (field, _, text) in *fields {
                let ty = object_type(name).unwrap();
                match ty.field(field) {
                    Some((_, found)) => {
                        assert_eq!(found.ty.is_none(), text.contains('?'), "{name}.{field}: {text}");
                    }
                    None => assert_eq!(*field, PRIVATE, "{name}"),
                }
            }
        }
    }
}

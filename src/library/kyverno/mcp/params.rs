//! The Go structs that an MCP request is decoded into: mcp-go 0.49.0's, and Kyverno's `mcp.MCPRequest`.
//!
//! `at` is the field's index in the object type of the same name.

use super::objects;
use crate::value::json::JsonError;
use crate::value::json::structs::{At, Custom, Decoder, Field, Shape, Struct};
use crate::value::{MapBuilder, Object, ObjectRow, Value};

const fn own(name: &'static str, at: usize, shape: Shape) -> Field {
    Field { name, embedded: "", at, shape }
}

const STRING: Shape = Shape::String("string");
const ANY_MAP: Shape = Shape::Map("map[string]interface {}", &Shape::Any);
const STRING_MAP: Shape = Shape::Map("map[string]string", &STRING);
const STRINGS: Shape = Shape::List("[]string", &STRING);
const REQUEST_ID: Shape = Shape::Custom(request_id as Custom);
const META: Shape = Shape::Pointer(&Shape::Custom(meta as Custom));

/// A pointer to an anonymous struct without fields. A function, since a constant cannot hold what is made when it is first
/// asked for, as object types are.
const fn empty() -> Shape {
    static NOTHING: Shape =
        Shape::Struct(&Struct { name: "", go: "struct {}", object: Some(&objects::ANONYMOUS), fields: &[] });
    Shape::Pointer(&NOTHING)
}

/// The JSON-RPC message. The fields of the embedded `Request` give way to those of the struct itself.
pub(super) static ENVELOPE: Struct = Struct {
    name: "JSONRPCRequest",
    go: "mcp.JSONRPCRequest",
    object: None,
    fields: &[
        own("jsonrpc", 0, STRING),
        own("id", 1, REQUEST_ID),
        own("params", 2, Shape::Ignored),
        Field { name: "method", embedded: "Request", at: 3, shape: STRING },
    ],
};

/// What the authz server reads of a body whose other parts do not decode.
pub(super) static METHOD: Struct =
    Struct { name: "", go: "struct { Method string }", object: None, fields: &[own("method", 0, STRING)] };

/// The anonymous struct around the parameters of a method.
macro_rules! around {
    ($($name:ident: $params:ident,)*) => {$(
        pub(super) static $name: Struct =
            Struct { name: "", go: "struct", object: None, fields: &[own("params", 0, Shape::Struct(&$params))] };
    )*};
}

around! {
    INITIALIZE: INITIALIZE_PARAMS,
    PAGINATED: PAGINATED_PARAMS,
    RESOURCE_READ: READ_RESOURCE_PARAMS,
    TOOL_CALL: CALL_TOOL_PARAMS,
    SET_LOG_LEVEL: SET_LEVEL_PARAMS,
    PROMPT_GET: GET_PROMPT_PARAMS,
    ELICITATION: ELICITATION_PARAMS,
}

static PAGINATED_PARAMS: Struct = Struct {
    name: "PaginatedParams",
    go: "mcp.PaginatedParams",
    object: Some(&objects::PAGINATED_PARAMS),
    fields: &[own("cursor", 0, Shape::String("mcp.Cursor"))],
};

static CALL_TOOL_PARAMS: Struct = Struct {
    name: "CallToolParams",
    go: "mcp.CallToolParams",
    object: Some(&objects::CALL_TOOL_PARAMS),
    fields: &[
        own("name", 0, STRING),
        own("arguments", 1, Shape::Any),
        own("_meta", 2, META),
        own("task", 3, Shape::Pointer(&Shape::Struct(&TASK_PARAMS))),
    ],
};

static TASK_PARAMS: Struct = Struct {
    name: "TaskParams",
    go: "mcp.TaskParams",
    object: Some(&objects::TASK_PARAMS),
    fields: &[own("ttl", 0, Shape::Pointer(&Shape::Int("int64")))],
};

static READ_RESOURCE_PARAMS: Struct = Struct {
    name: "ReadResourceParams",
    go: "mcp.ReadResourceParams",
    object: Some(&objects::READ_RESOURCE_PARAMS),
    fields: &[own("uri", 0, STRING), own("arguments", 1, ANY_MAP)],
};

static SUBSCRIBE_PARAMS: Struct = Struct {
    name: "SubscribeParams",
    go: "mcp.SubscribeParams",
    object: Some(&objects::SUBSCRIBE_PARAMS),
    fields: &[own("uri", 0, STRING)],
};

static UNSUBSCRIBE_PARAMS: Struct = Struct {
    name: "UnsubscribeParams",
    go: "mcp.UnsubscribeParams",
    object: Some(&objects::UNSUBSCRIBE_PARAMS),
    fields: &[own("uri", 0, STRING)],
};

static GET_PROMPT_PARAMS: Struct = Struct {
    name: "GetPromptParams",
    go: "mcp.GetPromptParams",
    object: Some(&objects::GET_PROMPT_PARAMS),
    fields: &[own("name", 0, STRING), own("arguments", 1, STRING_MAP)],
};

static INITIALIZE_PARAMS: Struct = Struct {
    name: "InitializeParams",
    go: "mcp.InitializeParams",
    object: Some(&objects::INITIALIZE_PARAMS),
    fields: &[
        own("protocolVersion", 0, STRING),
        own("capabilities", 1, Shape::Struct(&CLIENT_CAPABILITIES)),
        own("clientInfo", 2, Shape::Struct(&IMPLEMENTATION)),
    ],
};

static CLIENT_CAPABILITIES: Struct = Struct {
    name: "ClientCapabilities",
    go: "mcp.ClientCapabilities",
    object: Some(&objects::CLIENT_CAPABILITIES),
    fields: &[
        own("extensions", 0, ANY_MAP),
        own("experimental", 1, ANY_MAP),
        own("roots", 2, Shape::Pointer(&Shape::Struct(&ROOTS))),
        own("sampling", 3, empty()),
        own("elicitation", 4, Shape::Pointer(&Shape::Struct(&ELICITATION_CAPABILITY))),
        own("tasks", 5, Shape::Pointer(&Shape::Struct(&TASKS_CAPABILITY))),
    ],
};

static ROOTS: Struct = Struct {
    name: "",
    go: "struct { ListChanged bool \"json:\\\"listChanged,omitempty\\\"\" }",
    object: Some(&objects::ANONYMOUS),
    fields: &[own("listChanged", 0, Shape::Bool)],
};

static ELICITATION_CAPABILITY: Struct = Struct {
    name: "ElicitationCapability",
    go: "mcp.ElicitationCapability",
    object: Some(&objects::ELICITATION_CAPABILITY),
    fields: &[own("form", 0, empty()), own("url", 1, empty())],
};

static TASKS_CAPABILITY: Struct = Struct {
    name: "TasksCapability",
    go: "mcp.TasksCapability",
    object: Some(&objects::TASKS_CAPABILITY),
    fields: &[
        own("list", 0, empty()),
        own("cancel", 1, empty()),
        own("requests", 2, Shape::Pointer(&Shape::Struct(&TASK_REQUESTS))),
    ],
};

static TASK_REQUESTS: Struct = Struct {
    name: "TaskRequestsCapability",
    go: "mcp.TaskRequestsCapability",
    object: Some(&objects::TASK_REQUESTS_CAPABILITY),
    fields: &[
        own("tools", 0, Shape::Pointer(&Shape::Struct(&TASK_TOOLS))),
        own("sampling", 1, Shape::Pointer(&Shape::Struct(&TASK_SAMPLING))),
        own("elicitation", 2, Shape::Pointer(&Shape::Struct(&TASK_ELICITATION))),
    ],
};

static TASK_TOOLS: Struct = Struct {
    name: "",
    go: "struct { Call *struct {} \"json:\\\"call,omitempty\\\"\" }",
    object: Some(&objects::ANONYMOUS),
    fields: &[own("call", usize::MAX, empty())],
};

static TASK_SAMPLING: Struct = Struct {
    name: "",
    go: "struct { CreateMessage *struct {} \"json:\\\"createMessage,omitempty\\\"\" }",
    object: Some(&objects::ANONYMOUS),
    fields: &[own("createMessage", usize::MAX, empty())],
};

static TASK_ELICITATION: Struct = Struct {
    name: "",
    go: "struct { Create *struct {} \"json:\\\"create,omitempty\\\"\" }",
    object: Some(&objects::ANONYMOUS),
    fields: &[own("create", usize::MAX, empty())],
};

static IMPLEMENTATION: Struct = Struct {
    name: "Implementation",
    go: "mcp.Implementation",
    object: Some(&objects::IMPLEMENTATION),
    fields: &[
        own("name", 0, STRING),
        own("version", 1, STRING),
        own("title", 2, STRING),
        own("description", 3, STRING),
        own("websiteUrl", 4, STRING),
        own("icons", 5, Shape::List("[]mcp.Icon", &Shape::Struct(&ICON))),
    ],
};

static ICON: Struct = Struct {
    name: "Icon",
    go: "mcp.Icon",
    object: Some(&objects::ICON),
    fields: &[own("src", 0, STRING), own("mimeType", 1, STRING), own("sizes", 2, STRINGS)],
};

static SET_LEVEL_PARAMS: Struct = Struct {
    name: "SetLevelParams",
    go: "mcp.SetLevelParams",
    object: Some(&objects::SET_LEVEL_PARAMS),
    fields: &[own("level", 0, Shape::String("mcp.LoggingLevel"))],
};

static ELICITATION_PARAMS: Struct = Struct {
    name: "ElicitationParams",
    go: "mcp.ElicitationParams",
    object: Some(&objects::ELICITATION_PARAMS),
    fields: &[
        own("_meta", 0, META),
        own("mode", 1, STRING),
        own("message", 2, STRING),
        own("requestedSchema", 5, Shape::Any),
        own("elicitationId", 3, STRING),
        own("url", 4, STRING),
    ],
};

static CREATE_MESSAGE_PARAMS: Struct = Struct {
    name: "CreateMessageParams",
    go: "mcp.CreateMessageParams",
    object: Some(&objects::CREATE_MESSAGE_PARAMS),
    fields: &[
        own("messages", 0, Shape::List("[]mcp.SamplingMessage", &Shape::Struct(&SAMPLING_MESSAGE))),
        own("modelPreferences", 1, Shape::Pointer(&Shape::Struct(&MODEL_PREFERENCES))),
        own("systemPrompt", 2, STRING),
        own("includeContext", 3, STRING),
        own("temperature", 4, Shape::Double),
        own("maxTokens", 5, Shape::Int("int")),
        own("stopSequences", 6, STRINGS),
        own("metadata", 7, Shape::Any),
    ],
};

static SAMPLING_MESSAGE: Struct = Struct {
    name: "SamplingMessage",
    go: "mcp.SamplingMessage",
    object: Some(&objects::SAMPLING_MESSAGE),
    fields: &[own("role", 0, Shape::String("mcp.Role")), own("content", 1, Shape::Any)],
};

static MODEL_PREFERENCES: Struct = Struct {
    name: "ModelPreferences",
    go: "mcp.ModelPreferences",
    object: Some(&objects::MODEL_PREFERENCES),
    fields: &[
        own("hints", 0, Shape::List("[]mcp.ModelHint", &Shape::Struct(&MODEL_HINT))),
        own("costPriority", 1, Shape::Double),
        own("speedPriority", 2, Shape::Double),
        own("intelligencePriority", 3, Shape::Double),
    ],
};

static MODEL_HINT: Struct = Struct {
    name: "ModelHint",
    go: "mcp.ModelHint",
    object: Some(&objects::MODEL_HINT),
    fields: &[own("name", 0, STRING)],
};

/// Kyverno's parsed request, as a payload file spells it: Go's field names, none of them tagged. `Complete` is
/// left out: Kyverno never sets it, and its decoder makes values of types that no policy can name.
pub static MCP_REQUEST: Struct = Struct {
    name: "MCPRequest",
    go: "mcp.MCPRequest",
    object: Some(&objects::MCP_REQUEST),
    fields: &[
        own("Method", 0, STRING),
        own("ID", 1, REQUEST_ID),
        own("Paginated", 2, Shape::Pointer(&Shape::Struct(&PAGINATED_PARAMS))),
        own("ToolCall", 3, Shape::Pointer(&Shape::Struct(&CALL_TOOL_PARAMS))),
        own("ResourceRead", 4, Shape::Pointer(&Shape::Struct(&READ_RESOURCE_PARAMS))),
        own("ResourceSubscribe", 5, Shape::Pointer(&Shape::Struct(&SUBSCRIBE_PARAMS))),
        own("ResourceUnsubscribe", 6, Shape::Pointer(&Shape::Struct(&UNSUBSCRIBE_PARAMS))),
        own("PromptGet", 7, Shape::Pointer(&Shape::Struct(&GET_PROMPT_PARAMS))),
        own("Initialize", 8, Shape::Pointer(&Shape::Struct(&INITIALIZE_PARAMS))),
        own("CreateMessage", 9, Shape::Pointer(&Shape::Struct(&CREATE_MESSAGE_PARAMS))),
        own("Elicitation", 10, Shape::Pointer(&Shape::Struct(&ELICITATION_PARAMS))),
        own("SetLogLevel", 12, Shape::Pointer(&Shape::Struct(&SET_LEVEL_PARAMS))),
    ],
};

/// mcp-go's request id: a string, a number (an int if it is integral) or null.
fn request_id<'a>(decoder: &mut Decoder<'_, 'a>, at: At<'_>) -> Result<Option<Value<'a>>, JsonError<'a>> {
    let (raw, value) = decoder.scalar(at)?;
    let value = match value {
        Some(Value::Null) => return Ok(None),
        Some(Value::Double(double)) => Value::Double(double),
        Some(Value::String(text)) => Value::String(text),
        _ => return Err(decoder.fail(format_args!("invalid request id: {}", String::from_utf8_lossy(raw)))),
    };
    let value = match value {
        Value::Double(double) => crate::value::double_to_int(double).map_or(value, Value::Int),
        other => other,
    };
    object(decoder, &objects::REQUEST_ID, &[Some(value)]).map(Some)
}

/// mcp-go's `_meta`: the progress token, and everything else.
fn meta<'a>(decoder: &mut Decoder<'_, 'a>, at: At<'_>) -> Result<Option<Value<'a>>, JsonError<'a>> {
    let Value::Map(map) = decoder.any_map(at)? else { return Ok(None) };
    let token = map.get_str("progressToken").filter(|token| !matches!(token, Value::Null));
    decoder.budget().charge_bytes(map.len().saturating_mul(size_of::<(Value<'_>, Value<'_>)>()))?;
    let mut rest = MapBuilder::with_capacity(decoder.arena(), map.len());
    for (name, value) in map.entries() {
        if !matches!(name, Value::String("progressToken")) {
            rest.insert(*name, *value);
        }
    }
    object(decoder, &objects::META, &[token, Some(Value::Map(rest.finish()))]).map(Some)
}

fn object<'a>(
    decoder: &mut Decoder<'_, 'a>,
    ty: &'static ObjectRow,
    fields: &[Option<Value<'a>>],
) -> Result<Value<'a>, JsonError<'a>> {
    decoder.budget().charge_bytes(size_of_val(fields).saturating_add(size_of::<Object<'_>>()))?;
    let fields = decoder.arena().alloc_slice_copy(fields);
    Ok(Value::Object(decoder.arena().alloc(Object { ty, fields, tagged: false })))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Checks a struct and all that its fields hold.
    fn check(of: &Struct) {
        for field in of.fields {
            if let (Some(ty), true) = (of.object, field.at != usize::MAX) {
                let target = ty.fields.get(field.at).unwrap_or_else(|| panic!("{}.{}", of.go, field.name));
                let bare = field.name.trim_start_matches('_');
                assert!(target.go_name.eq_ignore_ascii_case(bare), "{}.{}", of.go, field.name);
                assert_eq!(target.pointer, pointer(&field.shape), "{}.{}", of.go, field.name);
            }
            inner(&field.shape);
        }
    }

    fn pointer(shape: &Shape) -> bool {
        matches!(shape, Shape::Pointer(_) | Shape::Any)
    }

    fn inner(shape: &Shape) {
        match shape {
            Shape::Struct(of) => check(of),
            Shape::Pointer(of) | Shape::List(_, of) | Shape::Map(_, of) => inner(of),
            _ => {}
        }
    }

    #[test]
    fn every_field_has_its_place_in_its_object_type() {
        for of in [&ENVELOPE, &METHOD, &MCP_REQUEST, &TOOL_CALL, &ELICITATION, &INITIALIZE, &PAGINATED] {
            check(of);
        }
    }
}

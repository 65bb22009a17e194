//! MCP's messages as policies see them: kyverno-authz `pkg/cel/libs/mcp/types.go` with mcp-go 0.49.0.

use crate::library::table::TypeRow::{self, Hidden, Object, Opaque};
use crate::value::object_type::{ObjectRow, field, object, objects, pointer, private};

/// The types.
pub(super) static TYPES: &[TypeRow] = &[
    Opaque("mcp.MCP"),
    Object(&MCP),
    Object(&MCP_REQUEST),
    Object(&REQUEST_ID),
    Object(&PAGINATED_PARAMS),
    Object(&CALL_TOOL_PARAMS),
    Object(&TASK_PARAMS),
    Object(&META),
    Object(&READ_RESOURCE_PARAMS),
    Object(&SUBSCRIBE_PARAMS),
    Object(&UNSUBSCRIBE_PARAMS),
    Object(&GET_PROMPT_PARAMS),
    Object(&INITIALIZE_PARAMS),
    Object(&CLIENT_CAPABILITIES),
    Hidden(&ANONYMOUS),
    Object(&ELICITATION_CAPABILITY),
    Object(&TASKS_CAPABILITY),
    Object(&TASK_REQUESTS_CAPABILITY),
    Object(&IMPLEMENTATION),
    Object(&ICON),
    Object(&SET_LEVEL_PARAMS),
    Object(&ELICITATION_PARAMS),
    Object(&CREATE_MESSAGE_PARAMS),
    Object(&SAMPLING_MESSAGE),
    Object(&MODEL_PREFERENCES),
    Object(&MODEL_HINT),
    Object(&COMPLETE_PARAMS),
    Object(&COMPLETE_ARGUMENT),
    Object(&COMPLETE_CONTEXT),
];

/// `mcp.MCP`
pub static MCP: ObjectRow = ObjectRow::structure("mcp.MCP", &[]);

/// `mcp.MCPRequest`
pub static MCP_REQUEST: ObjectRow = ObjectRow::structure(
    "mcp.MCPRequest",
    &[
        field("Method", "Method", "string"),
        object("ID", "ID", &REQUEST_ID),
        pointer("Paginated", "Paginated", &PAGINATED_PARAMS),
        pointer("ToolCall", "ToolCall", &CALL_TOOL_PARAMS),
        pointer("ResourceRead", "ResourceRead", &READ_RESOURCE_PARAMS),
        pointer("ResourceSubscribe", "ResourceSubscribe", &SUBSCRIBE_PARAMS),
        pointer("ResourceUnsubscribe", "ResourceUnsubscribe", &UNSUBSCRIBE_PARAMS),
        pointer("PromptGet", "PromptGet", &GET_PROMPT_PARAMS),
        pointer("Initialize", "Initialize", &INITIALIZE_PARAMS),
        pointer("CreateMessage", "CreateMessage", &CREATE_MESSAGE_PARAMS),
        pointer("Elicitation", "Elicitation", &ELICITATION_PARAMS),
        pointer("Complete", "Complete", &COMPLETE_PARAMS),
        pointer("SetLogLevel", "SetLogLevel", &SET_LEVEL_PARAMS),
    ],
);

/// `mcp.RequestId`: no access finds its field `value`, equality compares it.
pub static REQUEST_ID: ObjectRow = ObjectRow::structure("mcp.RequestId", &[private()]);

/// `mcp.PaginatedParams`
pub static PAGINATED_PARAMS: ObjectRow =
    ObjectRow::structure("mcp.PaginatedParams", &[field("Cursor", "Cursor", "string").of("mcp.Cursor")]);

/// `mcp.CallToolParams`
pub static CALL_TOOL_PARAMS: ObjectRow = ObjectRow::structure(
    "mcp.CallToolParams",
    &[
        field("Name", "Name", "string"),
        field("Arguments", "Arguments", "*?"),
        pointer("Meta", "Meta", &META),
        pointer("Task", "Task", &TASK_PARAMS),
    ],
);

/// `mcp.TaskParams`
pub static TASK_PARAMS: ObjectRow =
    ObjectRow::structure("mcp.TaskParams", &[field("TTL", "TTL", "*int").of("*int64")]);

/// `mcp.Meta`
pub static META: ObjectRow = ObjectRow::structure(
    "mcp.Meta",
    &[field("ProgressToken", "ProgressToken", "*?"), field("AdditionalFields", "AdditionalFields", "?map")],
);

/// `mcp.ReadResourceParams`
pub static READ_RESOURCE_PARAMS: ObjectRow = ObjectRow::structure(
    "mcp.ReadResourceParams",
    &[field("URI", "URI", "string"), field("Arguments", "Arguments", "?map")],
);

/// `mcp.SubscribeParams`
pub static SUBSCRIBE_PARAMS: ObjectRow =
    ObjectRow::structure("mcp.SubscribeParams", &[field("URI", "URI", "string")]);

/// `mcp.UnsubscribeParams`
pub static UNSUBSCRIBE_PARAMS: ObjectRow =
    ObjectRow::structure("mcp.UnsubscribeParams", &[field("URI", "URI", "string")]);

/// `mcp.GetPromptParams`
pub static GET_PROMPT_PARAMS: ObjectRow = ObjectRow::structure(
    "mcp.GetPromptParams",
    &[field("Name", "Name", "string"), field("Arguments", "Arguments", "map(string, string)")],
);

/// `mcp.InitializeParams`
pub static INITIALIZE_PARAMS: ObjectRow = ObjectRow::structure(
    "mcp.InitializeParams",
    &[
        field("ProtocolVersion", "ProtocolVersion", "string"),
        object("Capabilities", "Capabilities", &CLIENT_CAPABILITIES),
        object("ClientInfo", "ClientInfo", &IMPLEMENTATION),
    ],
);

/// `mcp.ClientCapabilities`
pub static CLIENT_CAPABILITIES: ObjectRow = ObjectRow::structure(
    "mcp.ClientCapabilities",
    &[
        field("Extensions", "Extensions", "?map"),
        field("Experimental", "Experimental", "?map"),
        pointer("Roots", "Roots", &ANONYMOUS),
        pointer("Sampling", "Sampling", &ANONYMOUS),
        pointer("Elicitation", "Elicitation", &ELICITATION_CAPABILITY),
        pointer("Tasks", "Tasks", &TASKS_CAPABILITY),
    ],
);

/// Go's anonymous structs: they have a type without a name and no field that typed CEL can reach. Only that of `Roots`
/// has one that decoding sets.
pub static ANONYMOUS: ObjectRow = ObjectRow::structure(".", &[field("ListChanged", "ListChanged", "?bool")]);

/// `mcp.ElicitationCapability`
pub static ELICITATION_CAPABILITY: ObjectRow = ObjectRow::structure(
    "mcp.ElicitationCapability",
    &[pointer("Form", "Form", &ANONYMOUS), pointer("URL", "URL", &ANONYMOUS)],
);

/// `mcp.TasksCapability`
pub static TASKS_CAPABILITY: ObjectRow = ObjectRow::structure(
    "mcp.TasksCapability",
    &[
        pointer("List", "List", &ANONYMOUS),
        pointer("Cancel", "Cancel", &ANONYMOUS),
        pointer("Requests", "Requests", &TASK_REQUESTS_CAPABILITY),
    ],
);

/// `mcp.TaskRequestsCapability`
pub static TASK_REQUESTS_CAPABILITY: ObjectRow = ObjectRow::structure(
    "mcp.TaskRequestsCapability",
    &[
        pointer("Tools", "Tools", &ANONYMOUS),
        pointer("Sampling", "Sampling", &ANONYMOUS),
        pointer("Elicitation", "Elicitation", &ANONYMOUS),
    ],
);

/// `mcp.Implementation`
pub static IMPLEMENTATION: ObjectRow = ObjectRow::structure(
    "mcp.Implementation",
    &[
        field("Name", "Name", "string"),
        field("Version", "Version", "string"),
        field("Title", "Title", "string"),
        field("Description", "Description", "string"),
        field("WebsiteURL", "WebsiteURL", "string"),
        objects("Icons", "Icons", &ICON),
    ],
);

/// `mcp.Icon`
pub static ICON: ObjectRow = ObjectRow::structure(
    "mcp.Icon",
    &[
        field("Src", "Src", "string"),
        field("MIMEType", "MIMEType", "string"),
        field("Sizes", "Sizes", "list(string)"),
    ],
);

/// `mcp.SetLevelParams`
pub static SET_LEVEL_PARAMS: ObjectRow =
    ObjectRow::structure("mcp.SetLevelParams", &[field("Level", "Level", "string").of("mcp.LoggingLevel")]);

/// `mcp.ElicitationParams`
pub static ELICITATION_PARAMS: ObjectRow = ObjectRow::structure(
    "mcp.ElicitationParams",
    &[
        pointer("Meta", "Meta", &META),
        field("Mode", "Mode", "string"),
        field("Message", "Message", "string"),
        field("ElicitationID", "ElicitationID", "string"),
        field("URL", "URL", "string"),
        field("RequestedSchema", "RequestedSchema", "*?"),
    ],
);

/// `mcp.CreateMessageParams`
pub static CREATE_MESSAGE_PARAMS: ObjectRow = ObjectRow::structure(
    "mcp.CreateMessageParams",
    &[
        objects("Messages", "Messages", &SAMPLING_MESSAGE),
        pointer("ModelPreferences", "ModelPreferences", &MODEL_PREFERENCES),
        field("SystemPrompt", "SystemPrompt", "string"),
        field("IncludeContext", "IncludeContext", "string"),
        field("Temperature", "Temperature", "double"),
        field("MaxTokens", "MaxTokens", "int"),
        field("StopSequences", "StopSequences", "list(string)"),
        field("Metadata", "Metadata", "*?"),
    ],
);

/// `mcp.SamplingMessage`
pub static SAMPLING_MESSAGE: ObjectRow = ObjectRow::structure(
    "mcp.SamplingMessage",
    &[field("Role", "Role", "string").of("mcp.Role"), field("Content", "Content", "*?")],
);

/// `mcp.ModelPreferences`
pub static MODEL_PREFERENCES: ObjectRow = ObjectRow::structure(
    "mcp.ModelPreferences",
    &[
        objects("Hints", "Hints", &MODEL_HINT),
        field("CostPriority", "CostPriority", "double"),
        field("SpeedPriority", "SpeedPriority", "double"),
        field("IntelligencePriority", "IntelligencePriority", "double"),
    ],
);

/// `mcp.ModelHint`
pub static MODEL_HINT: ObjectRow = ObjectRow::structure("mcp.ModelHint", &[field("Name", "Name", "string")]);

/// `mcp.CompleteParams`
pub static COMPLETE_PARAMS: ObjectRow = ObjectRow::structure(
    "mcp.CompleteParams",
    &[
        field("Ref", "Ref", "*?"),
        object("Argument", "Argument", &COMPLETE_ARGUMENT),
        object("Context", "Context", &COMPLETE_CONTEXT),
    ],
);

/// `mcp.CompleteArgument`
pub static COMPLETE_ARGUMENT: ObjectRow = ObjectRow::structure(
    "mcp.CompleteArgument",
    &[field("Name", "Name", "string"), field("Value", "Value", "string")],
);

/// `mcp.CompleteContext`
pub static COMPLETE_CONTEXT: ObjectRow =
    ObjectRow::structure("mcp.CompleteContext", &[field("Arguments", "Arguments", "map(string, string)")]);

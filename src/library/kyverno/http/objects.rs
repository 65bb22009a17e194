//! The requests and answers of mode HTTP: kyverno-authz `pkg/cel/libs/authz/http/types.go`.

use crate::library::kyverno::mcp::objects as mcp;
use crate::library::table::TypeRow::{self, Object};
use crate::value::object_type::{ObjectRow, field, object, pointer};

/// The types.
pub(super) static TYPES: &[TypeRow] = &[
    Object(&CHECK_REQUEST),
    Object(&CHECK_REQUEST_ATTRIBUTES),
    Object(&MCP_CHECK_DATA),
    Object(&CHECK_RESPONSE),
    Object(&CHECK_RESPONSE_OK),
    Object(&CHECK_RESPONSE_DENIED),
];

/// `http.CheckRequest`
pub static CHECK_REQUEST: ObjectRow = ObjectRow::structure(
    "http.CheckRequest",
    &[object("attributes", "Attributes", &CHECK_REQUEST_ATTRIBUTES), object("mcp", "Mcp", &MCP_CHECK_DATA)],
);

/// `http.CheckRequestAttributes`
pub static CHECK_REQUEST_ATTRIBUTES: ObjectRow = ObjectRow::structure(
    "http.CheckRequestAttributes",
    &[
        field("method", "Method", "string"),
        field("header", "Header", "map(string, list(string))"),
        field("host", "Host", "string"),
        field("protocol", "Protocol", "string"),
        field("contentLength", "ContentLength", "int").of("int64"),
        field("body", "Body", "bytes"),
        field("scheme", "Scheme", "string"),
        field("path", "Path", "string"),
        field("query", "Query", "map(string, list(string))"),
        field("fragment", "Fragment", "string"),
    ],
);

/// `http.MCPCheckData`
pub static MCP_CHECK_DATA: ObjectRow =
    ObjectRow::structure("http.MCPCheckData", &[pointer("request", "Request", &mcp::MCP_REQUEST)]);

/// `http.CheckResponse`
pub static CHECK_RESPONSE: ObjectRow = ObjectRow::structure(
    "http.CheckResponse",
    &[pointer("ok", "Ok", &CHECK_RESPONSE_OK), pointer("denied", "Denied", &CHECK_RESPONSE_DENIED)],
);

/// `http.CheckResponseOk`
pub static CHECK_RESPONSE_OK: ObjectRow = ObjectRow::structure("http.CheckResponseOk", &[]);

/// `http.CheckResponseDenied`
pub static CHECK_RESPONSE_DENIED: ObjectRow =
    ObjectRow::structure("http.CheckResponseDenied", &[field("reason", "Reason", "string")]);

//! Envoy's messages that policies of mode Envoy see and make (Envoy API 1.37, the files around
//! `envoy/service/auth/v3/external_auth.proto`), and the enum values that expressions can name.
//!
//! Of the messages that those files merely import, none of which a request or an answer can hold, there is none here: a
//! policy that makes one does not load, though Kyverno would take it.

use crate::library::table::TypeRow::{self, Object};
use crate::value::object_type::{ObjectRow, message, messages, stored};

/// True for the name of a message or enum of Envoy's or of the RPC status in its answers.
pub fn is_envoy(name: &str) -> bool {
    name.starts_with("envoy.") || name.starts_with("google.rpc.")
}

/// The messages.
pub(in crate::library) static TYPES: &[TypeRow] = &[
    Object(&CHECK_REQUEST),
    Object(&ATTRIBUTE_CONTEXT),
    Object(&PEER),
    Object(&REQUEST),
    Object(&HTTP_REQUEST),
    Object(&TLS_SESSION),
    Object(&ADDRESS),
    Object(&SOCKET_ADDRESS),
    Object(&PIPE),
    Object(&ENVOY_INTERNAL_ADDRESS),
    Object(&METADATA),
    Object(&HEADER_MAP),
    Object(&HEADER_VALUE),
    Object(&HEADER_VALUE_OPTION),
    Object(&QUERY_PARAMETER),
    Object(&CHECK_RESPONSE),
    Object(&DENIED_HTTP_RESPONSE),
    Object(&OK_HTTP_RESPONSE),
    Object(&HTTP_STATUS),
    Object(&STATUS),
];

/// `envoy.service.auth.v3.CheckRequest`
pub static CHECK_REQUEST: ObjectRow =
    ObjectRow::message("envoy.service.auth.v3.CheckRequest", &[message("attributes", &ATTRIBUTE_CONTEXT)]);

/// `envoy.service.auth.v3.AttributeContext`
pub static ATTRIBUTE_CONTEXT: ObjectRow = ObjectRow::message(
    "envoy.service.auth.v3.AttributeContext",
    &[
        message("source", &PEER),
        message("destination", &PEER),
        message("request", &REQUEST),
        stored("context_extensions", "map(string, string)", "map[string]string"),
        message("metadata_context", &METADATA),
        message("route_metadata_context", &METADATA),
        message("tls_session", &TLS_SESSION),
    ],
);

/// `envoy.service.auth.v3.AttributeContext.Peer`
pub static PEER: ObjectRow = ObjectRow::message(
    "envoy.service.auth.v3.AttributeContext.Peer",
    &[
        message("address", &ADDRESS),
        stored("service", "string", "string"),
        stored("labels", "map(string, string)", "map[string]string"),
        stored("principal", "string", "string"),
        stored("certificate", "string", "string"),
    ],
);

/// `envoy.service.auth.v3.AttributeContext.Request`
pub static REQUEST: ObjectRow = ObjectRow::message(
    "envoy.service.auth.v3.AttributeContext.Request",
    &[stored("time", "*timestamp", "*timestamppb.Timestamp"), message("http", &HTTP_REQUEST)],
);

/// `envoy.service.auth.v3.AttributeContext.HttpRequest`
pub static HTTP_REQUEST: ObjectRow = ObjectRow::message(
    "envoy.service.auth.v3.AttributeContext.HttpRequest",
    &[
        stored("id", "string", "string"),
        stored("method", "string", "string"),
        stored("headers", "map(string, string)", "map[string]string"),
        message("header_map", &HEADER_MAP),
        stored("path", "string", "string"),
        stored("host", "string", "string"),
        stored("scheme", "string", "string"),
        stored("query", "string", "string"),
        stored("fragment", "string", "string"),
        stored("size", "int", "int64"),
        stored("protocol", "string", "string"),
        stored("body", "string", "string"),
        stored("raw_body", "bytes", "[]uint8"),
    ],
);

/// `envoy.service.auth.v3.AttributeContext.TLSSession`
pub static TLS_SESSION: ObjectRow = ObjectRow::message(
    "envoy.service.auth.v3.AttributeContext.TLSSession",
    &[stored("sni", "string", "string")],
);

/// `envoy.config.core.v3.Address`
pub static ADDRESS: ObjectRow = ObjectRow::message(
    "envoy.config.core.v3.Address",
    &[
        message("socket_address", &SOCKET_ADDRESS),
        message("pipe", &PIPE),
        message("envoy_internal_address", &ENVOY_INTERNAL_ADDRESS),
    ],
);

/// `envoy.config.core.v3.SocketAddress`
pub static SOCKET_ADDRESS: ObjectRow = ObjectRow::message(
    "envoy.config.core.v3.SocketAddress",
    &[
        stored("protocol", "int", ENUM),
        stored("address", "string", "string"),
        stored("port_value", "*uint", "uint32"),
        stored("named_port", "*string", "string"),
        stored("resolver_name", "string", "string"),
        stored("ipv4_compat", "bool", "bool"),
        stored("network_namespace_filepath", "string", "string"),
    ],
);

/// `envoy.config.core.v3.Pipe`
pub static PIPE: ObjectRow = ObjectRow::message(
    "envoy.config.core.v3.Pipe",
    &[stored("path", "string", "string"), stored("mode", "uint", "uint32")],
);

/// `envoy.config.core.v3.EnvoyInternalAddress`
pub static ENVOY_INTERNAL_ADDRESS: ObjectRow = ObjectRow::message(
    "envoy.config.core.v3.EnvoyInternalAddress",
    &[stored("server_listener_name", "*string", "string"), stored("endpoint_id", "string", "string")],
);

/// `envoy.config.core.v3.Metadata`
pub static METADATA: ObjectRow = ObjectRow::message(
    "envoy.config.core.v3.Metadata",
    &[
        stored("filter_metadata", "map(string, map(string, dyn))", "map[string]*structpb.Struct"),
        stored("typed_filter_metadata", "map(string, any)", "map[string]*anypb.Any"),
    ],
);

/// `envoy.config.core.v3.HeaderMap`
pub static HEADER_MAP: ObjectRow =
    ObjectRow::message("envoy.config.core.v3.HeaderMap", &[messages("headers", &HEADER_VALUE)]);

/// `envoy.config.core.v3.HeaderValue`
pub static HEADER_VALUE: ObjectRow = ObjectRow::message(
    "envoy.config.core.v3.HeaderValue",
    &[
        stored("key", "string", "string"),
        stored("value", "string", "string"),
        stored("raw_value", "bytes", "[]uint8"),
    ],
);

/// `envoy.config.core.v3.HeaderValueOption`
pub static HEADER_VALUE_OPTION: ObjectRow = ObjectRow::message(
    "envoy.config.core.v3.HeaderValueOption",
    &[
        message("header", &HEADER_VALUE),
        stored("append", "*wrapper(bool)", "*wrapperspb.BoolValue"),
        stored("append_action", "int", ENUM),
        stored("keep_empty_value", "bool", "bool"),
    ],
);

/// `envoy.config.core.v3.QueryParameter`
pub static QUERY_PARAMETER: ObjectRow = ObjectRow::message(
    "envoy.config.core.v3.QueryParameter",
    &[stored("key", "string", "string"), stored("value", "string", "string")],
);

/// `envoy.service.auth.v3.CheckResponse`
pub static CHECK_RESPONSE: ObjectRow = ObjectRow::message(
    "envoy.service.auth.v3.CheckResponse",
    &[
        message("status", &STATUS),
        message("denied_response", &DENIED_HTTP_RESPONSE),
        message("ok_response", &OK_HTTP_RESPONSE),
        message("error_response", &DENIED_HTTP_RESPONSE),
        stored("dynamic_metadata", "*map(string, dyn)", "*structpb.Struct"),
    ],
);

/// `envoy.service.auth.v3.DeniedHttpResponse`
pub static DENIED_HTTP_RESPONSE: ObjectRow = ObjectRow::message(
    "envoy.service.auth.v3.DeniedHttpResponse",
    &[
        message("status", &HTTP_STATUS),
        messages("headers", &HEADER_VALUE_OPTION),
        stored("body", "string", "string"),
    ],
);

/// `envoy.service.auth.v3.OkHttpResponse`
pub static OK_HTTP_RESPONSE: ObjectRow = ObjectRow::message(
    "envoy.service.auth.v3.OkHttpResponse",
    &[
        messages("headers", &HEADER_VALUE_OPTION),
        stored("headers_to_remove", "list(string)", "[]string"),
        stored("dynamic_metadata", "*map(string, dyn)", "*structpb.Struct"),
        messages("response_headers_to_add", &HEADER_VALUE_OPTION),
        messages("query_parameters_to_set", &QUERY_PARAMETER),
        stored("query_parameters_to_remove", "list(string)", "[]string"),
    ],
);

/// `envoy.type.v3.HttpStatus`
pub static HTTP_STATUS: ObjectRow =
    ObjectRow::message("envoy.type.v3.HttpStatus", &[stored("code", "int", ENUM)]);

/// `google.rpc.Status`
pub static STATUS: ObjectRow = ObjectRow::message(
    "google.rpc.Status",
    &[
        stored("code", "int", "int32"),
        stored("message", "string", "string"),
        stored("details", "list(any)", "[]*anypb.Any"),
    ],
);

/// The Go type of an enum; its values are ints in CEL.
const ENUM: &str = "protoreflect.EnumNumber";

/// The fields of a message of which at most one is set.
pub fn oneof(message: &str) -> &'static [&'static str] {
    match message {
        "envoy.config.core.v3.Address" => &["socket_address", "pipe", "envoy_internal_address"],
        "envoy.config.core.v3.SocketAddress" => &["port_value", "named_port"],
        "envoy.service.auth.v3.CheckResponse" => &["denied_response", "ok_response", "error_response"],
        _ => &[],
    }
}

/// The name of a field in protobuf's JSON: `rawBody` for `raw_body`.
pub fn camel_case(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    let mut upper = false;
    for c in name.chars() {
        match c {
            '_' => upper = true,
            c if upper => {
                out.push(c.to_ascii_uppercase());
                upper = false;
            }
            c => out.push(c),
        }
    }
    out
}

/// The values of the enums in those files, by their qualified names.
pub const ENUMS: &[(&str, i64)] = &[
    ("envoy.config.core.v3.RoutingPriority.DEFAULT", 0),
    ("envoy.config.core.v3.RoutingPriority.HIGH", 1),
    ("envoy.config.core.v3.RequestMethod.METHOD_UNSPECIFIED", 0),
    ("envoy.config.core.v3.RequestMethod.GET", 1),
    ("envoy.config.core.v3.RequestMethod.HEAD", 2),
    ("envoy.config.core.v3.RequestMethod.POST", 3),
    ("envoy.config.core.v3.RequestMethod.PUT", 4),
    ("envoy.config.core.v3.RequestMethod.DELETE", 5),
    ("envoy.config.core.v3.RequestMethod.CONNECT", 6),
    ("envoy.config.core.v3.RequestMethod.OPTIONS", 7),
    ("envoy.config.core.v3.RequestMethod.TRACE", 8),
    ("envoy.config.core.v3.RequestMethod.PATCH", 9),
    ("envoy.config.core.v3.TrafficDirection.UNSPECIFIED", 0),
    ("envoy.config.core.v3.TrafficDirection.INBOUND", 1),
    ("envoy.config.core.v3.TrafficDirection.OUTBOUND", 2),
    ("envoy.config.core.v3.KeyValueAppend.KeyValueAppendAction.APPEND_IF_EXISTS_OR_ADD", 0),
    ("envoy.config.core.v3.KeyValueAppend.KeyValueAppendAction.ADD_IF_ABSENT", 1),
    ("envoy.config.core.v3.KeyValueAppend.KeyValueAppendAction.OVERWRITE_IF_EXISTS_OR_ADD", 2),
    ("envoy.config.core.v3.KeyValueAppend.KeyValueAppendAction.OVERWRITE_IF_EXISTS", 3),
    ("envoy.config.core.v3.HeaderValueOption.HeaderAppendAction.APPEND_IF_EXISTS_OR_ADD", 0),
    ("envoy.config.core.v3.HeaderValueOption.HeaderAppendAction.ADD_IF_ABSENT", 1),
    ("envoy.config.core.v3.HeaderValueOption.HeaderAppendAction.OVERWRITE_IF_EXISTS_OR_ADD", 2),
    ("envoy.config.core.v3.HeaderValueOption.HeaderAppendAction.OVERWRITE_IF_EXISTS", 3),
    ("envoy.config.core.v3.SocketAddress.Protocol.TCP", 0),
    ("envoy.config.core.v3.SocketAddress.Protocol.UDP", 1),
    ("envoy.config.core.v3.SocketOption.SocketState.STATE_PREBIND", 0),
    ("envoy.config.core.v3.SocketOption.SocketState.STATE_BOUND", 1),
    ("envoy.config.core.v3.SocketOption.SocketState.STATE_LISTENING", 2),
    ("envoy.type.v3.FractionalPercent.DenominatorType.HUNDRED", 0),
    ("envoy.type.v3.FractionalPercent.DenominatorType.TEN_THOUSAND", 1),
    ("envoy.type.v3.FractionalPercent.DenominatorType.MILLION", 2),
    ("envoy.type.v3.StatusCode.Empty", 0),
    ("envoy.type.v3.StatusCode.Continue", 100),
    ("envoy.type.v3.StatusCode.OK", 200),
    ("envoy.type.v3.StatusCode.Created", 201),
    ("envoy.type.v3.StatusCode.Accepted", 202),
    ("envoy.type.v3.StatusCode.NonAuthoritativeInformation", 203),
    ("envoy.type.v3.StatusCode.NoContent", 204),
    ("envoy.type.v3.StatusCode.ResetContent", 205),
    ("envoy.type.v3.StatusCode.PartialContent", 206),
    ("envoy.type.v3.StatusCode.MultiStatus", 207),
    ("envoy.type.v3.StatusCode.AlreadyReported", 208),
    ("envoy.type.v3.StatusCode.IMUsed", 226),
    ("envoy.type.v3.StatusCode.MultipleChoices", 300),
    ("envoy.type.v3.StatusCode.MovedPermanently", 301),
    ("envoy.type.v3.StatusCode.Found", 302),
    ("envoy.type.v3.StatusCode.SeeOther", 303),
    ("envoy.type.v3.StatusCode.NotModified", 304),
    ("envoy.type.v3.StatusCode.UseProxy", 305),
    ("envoy.type.v3.StatusCode.TemporaryRedirect", 307),
    ("envoy.type.v3.StatusCode.PermanentRedirect", 308),
    ("envoy.type.v3.StatusCode.BadRequest", 400),
    ("envoy.type.v3.StatusCode.Unauthorized", 401),
    ("envoy.type.v3.StatusCode.PaymentRequired", 402),
    ("envoy.type.v3.StatusCode.Forbidden", 403),
    ("envoy.type.v3.StatusCode.NotFound", 404),
    ("envoy.type.v3.StatusCode.MethodNotAllowed", 405),
    ("envoy.type.v3.StatusCode.NotAcceptable", 406),
    ("envoy.type.v3.StatusCode.ProxyAuthenticationRequired", 407),
    ("envoy.type.v3.StatusCode.RequestTimeout", 408),
    ("envoy.type.v3.StatusCode.Conflict", 409),
    ("envoy.type.v3.StatusCode.Gone", 410),
    ("envoy.type.v3.StatusCode.LengthRequired", 411),
    ("envoy.type.v3.StatusCode.PreconditionFailed", 412),
    ("envoy.type.v3.StatusCode.PayloadTooLarge", 413),
    ("envoy.type.v3.StatusCode.URITooLong", 414),
    ("envoy.type.v3.StatusCode.UnsupportedMediaType", 415),
    ("envoy.type.v3.StatusCode.RangeNotSatisfiable", 416),
    ("envoy.type.v3.StatusCode.ExpectationFailed", 417),
    ("envoy.type.v3.StatusCode.MisdirectedRequest", 421),
    ("envoy.type.v3.StatusCode.UnprocessableEntity", 422),
    ("envoy.type.v3.StatusCode.Locked", 423),
    ("envoy.type.v3.StatusCode.FailedDependency", 424),
    ("envoy.type.v3.StatusCode.UpgradeRequired", 426),
    ("envoy.type.v3.StatusCode.PreconditionRequired", 428),
    ("envoy.type.v3.StatusCode.TooManyRequests", 429),
    ("envoy.type.v3.StatusCode.RequestHeaderFieldsTooLarge", 431),
    ("envoy.type.v3.StatusCode.InternalServerError", 500),
    ("envoy.type.v3.StatusCode.NotImplemented", 501),
    ("envoy.type.v3.StatusCode.BadGateway", 502),
    ("envoy.type.v3.StatusCode.ServiceUnavailable", 503),
    ("envoy.type.v3.StatusCode.GatewayTimeout", 504),
    ("envoy.type.v3.StatusCode.HTTPVersionNotSupported", 505),
    ("envoy.type.v3.StatusCode.VariantAlsoNegotiates", 506),
    ("envoy.type.v3.StatusCode.InsufficientStorage", 507),
    ("envoy.type.v3.StatusCode.LoopDetected", 508),
    ("envoy.type.v3.StatusCode.NotExtended", 510),
    ("envoy.type.v3.StatusCode.NetworkAuthenticationRequired", 511),
];

/// The name of an enum's value, as protobuf's JSON has it.
pub fn enum_name(message: &str, field: &str, number: i64) -> Option<&'static str> {
    let of = match (message, field) {
        ("envoy.type.v3.HttpStatus", "code") => "envoy.type.v3.StatusCode",
        ("envoy.config.core.v3.HeaderValueOption", "append_action") => {
            "envoy.config.core.v3.HeaderValueOption.HeaderAppendAction"
        }
        ("envoy.config.core.v3.SocketAddress", "protocol") => "envoy.config.core.v3.SocketAddress.Protocol",
        _ => return None,
    };
    values(of).find(|(_, value)| *value == number).map(|(name, _)| name)
}

/// The number of an enum's value that protobuf's JSON names.
pub fn enum_number(message: &str, field: &str, name: &str) -> Option<i64> {
    let of = match (message, field) {
        ("envoy.config.core.v3.SocketAddress", "protocol") => "envoy.config.core.v3.SocketAddress.Protocol",
        _ => return None,
    };
    values(of).find(|(value, _)| *value == name).map(|(_, number)| number)
}

fn values(of: &'static str) -> impl Iterator<Item = (&'static str, i64)> {
    ENUMS.iter().filter_map(move |(name, number)| {
        let value = name.strip_prefix(of)?.strip_prefix('.')?;
        Some((value, *number))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_member_of_a_oneof_is_a_field_with_presence() {
        let mut members = 0;
        for row in TYPES {
            let Object(row) = row else { panic!("{row:?}") };
            assert!(row.message, "{row:?}");
            for member in oneof(row.name) {
                assert!(row.field(member).unwrap().1.pointer, "{row:?}.{member}");
                members += 1;
            }
        }
        assert_eq!(members, 8);
    }
}

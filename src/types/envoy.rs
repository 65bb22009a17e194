//! Envoy's messages that policies of mode Envoy see and make (Envoy API 1.37, the files around
//! `envoy/service/auth/v3/external_auth.proto`), and the enum values that expressions can name.
//!
//! Of the messages that those files merely import, none of which a request or an answer can hold, there is none here: a
//! policy that makes one does not load, though Kyverno would take it.

/// One message: its name, then `name: type` and the Go type that cel-go's messages convert a value of the field to. `*`
/// marks a field with presence: a message, a wrapper, a member of a oneof.
pub(super) type Row = (&'static str, &'static [(&'static str, &'static str, &'static str)]);

/// The Go type of a field that holds another message: cel-go makes all messages of literals in this type.
pub const MESSAGE: &str = "*dynamicpb.Message";

/// True for the name of a message or enum of Envoy's or of the RPC status in its answers.
pub fn is_envoy(name: &str) -> bool {
    name.starts_with("envoy.") || name.starts_with("google.rpc.")
}

/// The messages.
pub(super) const MESSAGES: &[Row] = &[
    (
        "envoy.service.auth.v3.CheckRequest",
        &[("attributes", "*envoy.service.auth.v3.AttributeContext", MESSAGE)],
    ),
    (
        "envoy.service.auth.v3.AttributeContext",
        &[
            ("source", "*envoy.service.auth.v3.AttributeContext.Peer", MESSAGE),
            ("destination", "*envoy.service.auth.v3.AttributeContext.Peer", MESSAGE),
            ("request", "*envoy.service.auth.v3.AttributeContext.Request", MESSAGE),
            ("context_extensions", "map(string, string)", "map[string]string"),
            ("metadata_context", "*envoy.config.core.v3.Metadata", MESSAGE),
            ("route_metadata_context", "*envoy.config.core.v3.Metadata", MESSAGE),
            ("tls_session", "*envoy.service.auth.v3.AttributeContext.TLSSession", MESSAGE),
        ],
    ),
    (
        "envoy.service.auth.v3.AttributeContext.Peer",
        &[
            ("address", "*envoy.config.core.v3.Address", MESSAGE),
            ("service", "string", "string"),
            ("labels", "map(string, string)", "map[string]string"),
            ("principal", "string", "string"),
            ("certificate", "string", "string"),
        ],
    ),
    (
        "envoy.service.auth.v3.AttributeContext.Request",
        &[
            ("time", "*timestamp", "*timestamppb.Timestamp"),
            ("http", "*envoy.service.auth.v3.AttributeContext.HttpRequest", MESSAGE),
        ],
    ),
    (
        "envoy.service.auth.v3.AttributeContext.HttpRequest",
        &[
            ("id", "string", "string"),
            ("method", "string", "string"),
            ("headers", "map(string, string)", "map[string]string"),
            ("header_map", "*envoy.config.core.v3.HeaderMap", MESSAGE),
            ("path", "string", "string"),
            ("host", "string", "string"),
            ("scheme", "string", "string"),
            ("query", "string", "string"),
            ("fragment", "string", "string"),
            ("size", "int", "int64"),
            ("protocol", "string", "string"),
            ("body", "string", "string"),
            ("raw_body", "bytes", "[]uint8"),
        ],
    ),
    ("envoy.service.auth.v3.AttributeContext.TLSSession", &[("sni", "string", "string")]),
    (
        "envoy.config.core.v3.Address",
        &[
            ("socket_address", "*envoy.config.core.v3.SocketAddress", MESSAGE),
            ("pipe", "*envoy.config.core.v3.Pipe", MESSAGE),
            ("envoy_internal_address", "*envoy.config.core.v3.EnvoyInternalAddress", MESSAGE),
        ],
    ),
    (
        "envoy.config.core.v3.SocketAddress",
        &[
            ("protocol", "int", ENUM),
            ("address", "string", "string"),
            ("port_value", "*uint", "uint32"),
            ("named_port", "*string", "string"),
            ("resolver_name", "string", "string"),
            ("ipv4_compat", "bool", "bool"),
            ("network_namespace_filepath", "string", "string"),
        ],
    ),
    ("envoy.config.core.v3.Pipe", &[("path", "string", "string"), ("mode", "uint", "uint32")]),
    (
        "envoy.config.core.v3.EnvoyInternalAddress",
        &[("server_listener_name", "*string", "string"), ("endpoint_id", "string", "string")],
    ),
    (
        "envoy.config.core.v3.Metadata",
        &[
            ("filter_metadata", "map(string, map(string, dyn))", "map[string]*structpb.Struct"),
            ("typed_filter_metadata", "map(string, any)", "map[string]*anypb.Any"),
        ],
    ),
    (
        "envoy.config.core.v3.HeaderMap",
        &[("headers", "list(envoy.config.core.v3.HeaderValue)", "[]*dynamicpb.Message")],
    ),
    (
        "envoy.config.core.v3.HeaderValue",
        &[("key", "string", "string"), ("value", "string", "string"), ("raw_value", "bytes", "[]uint8")],
    ),
    (
        "envoy.config.core.v3.HeaderValueOption",
        &[
            ("header", "*envoy.config.core.v3.HeaderValue", MESSAGE),
            ("append", "*wrapper(bool)", "*wrapperspb.BoolValue"),
            ("append_action", "int", ENUM),
            ("keep_empty_value", "bool", "bool"),
        ],
    ),
    ("envoy.config.core.v3.QueryParameter", &[("key", "string", "string"), ("value", "string", "string")]),
    (
        "envoy.service.auth.v3.CheckResponse",
        &[
            ("status", "*google.rpc.Status", MESSAGE),
            ("denied_response", "*envoy.service.auth.v3.DeniedHttpResponse", MESSAGE),
            ("ok_response", "*envoy.service.auth.v3.OkHttpResponse", MESSAGE),
            ("error_response", "*envoy.service.auth.v3.DeniedHttpResponse", MESSAGE),
            ("dynamic_metadata", "*map(string, dyn)", "*structpb.Struct"),
        ],
    ),
    (
        "envoy.service.auth.v3.DeniedHttpResponse",
        &[
            ("status", "*envoy.type.v3.HttpStatus", MESSAGE),
            ("headers", "list(envoy.config.core.v3.HeaderValueOption)", "[]*dynamicpb.Message"),
            ("body", "string", "string"),
        ],
    ),
    (
        "envoy.service.auth.v3.OkHttpResponse",
        &[
            ("headers", "list(envoy.config.core.v3.HeaderValueOption)", "[]*dynamicpb.Message"),
            ("headers_to_remove", "list(string)", "[]string"),
            ("dynamic_metadata", "*map(string, dyn)", "*structpb.Struct"),
            (
                "response_headers_to_add",
                "list(envoy.config.core.v3.HeaderValueOption)",
                "[]*dynamicpb.Message",
            ),
            ("query_parameters_to_set", "list(envoy.config.core.v3.QueryParameter)", "[]*dynamicpb.Message"),
            ("query_parameters_to_remove", "list(string)", "[]string"),
        ],
    ),
    ("envoy.type.v3.HttpStatus", &[("code", "int", ENUM)]),
    (
        "google.rpc.Status",
        &[
            ("code", "int", "int32"),
            ("message", "string", "string"),
            ("details", "list(any)", "[]*anypb.Any"),
        ],
    ),
];

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

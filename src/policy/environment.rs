//! The environments of the evaluation modes: what the expressions of their policies may use, and what stands for it when
//! they run (docs/kyverno.md §1, §13, §15).

use std::sync::LazyLock;

use bumpalo::Bump;

use crate::cel::{Env, Functions, Macros};
use crate::library;
use crate::library::VARIABLES;
use crate::library::envoy_messages::{self, ENUMS};
use crate::library::kyverno::http::objects;
use crate::library::kyverno::variables::EXCEPTION;
use crate::types::Type;
use crate::value::{Object, Value};

use super::model::Mode;

/// The variable that holds a policy's variables.
pub(super) const VARIABLES_NAME: &str = "variables";

/// The variable that holds what partial exceptions allow.
pub(super) const EXCEPTIONS_NAME: &str = "exceptions";

/// The functions of Kyverno's HTTP environment.
static FUNCTIONS: LazyLock<Functions> = LazyLock::new(|| Functions::new(library::HTTP));

/// The functions of Kyverno's Envoy environment.
static ENVOY_FUNCTIONS: LazyLock<Functions> = LazyLock::new(|| Functions::new(library::ENVOY));

/// The functions of Kyverno's JSON environment.
static JSON_FUNCTIONS: LazyLock<Functions> = LazyLock::new(|| Functions::new(library::JSON));

/// The functions that expressions may call.
pub fn functions() -> &'static Functions {
    &FUNCTIONS
}

/// The environment of an HTTP policy's expressions.
pub fn http_environment() -> Env<'static> {
    authz_environment(&FUNCTIONS, Mode::Http)
}

/// The environment of an Envoy policy's expressions.
pub fn envoy_environment() -> Env<'static> {
    authz_environment(&ENVOY_FUNCTIONS, Mode::Envoy).with_enums(ENUMS)
}

/// What the environments of the authz server's modes declare.
fn authz_environment(functions: &'static Functions, mode: Mode) -> Env<'static> {
    Env::new(functions)
        .with_input("object", Type::Struct(mode.request()))
        .with_variable(VARIABLES_NAME, Type::Struct(VARIABLES))
        .with_input("http", opaque("http.Context"))
        .with_input("json", opaque("json.Json"))
        .with_input("mcp", opaque("mcp.MCP"))
        .with_input("resource", opaque("resource.Context"))
        // Declared, but bound to nothing: any use is an error (docs/kyverno.md §1).
        .with_variable("image", opaque("imagedata.Context"))
        .with_constants(library::CONSTANTS)
}

/// The environment of a JSON policy's expressions.
pub fn json_environment() -> Env<'static> {
    Env::new(&JSON_FUNCTIONS)
        .with_input("object", Type::Dyn)
        .with_variable(VARIABLES_NAME, Type::Struct(VARIABLES))
        .with_input("oldObject", Type::Dyn)
        .with_input("request", Type::Struct("kubernetes.AdmissionRequest"))
        .with_input("namespaceObject", Type::Struct("kubernetes.Namespace"))
        .with_input(EXCEPTIONS_NAME, Type::Struct(EXCEPTION.name))
        .with_input("globalContext", opaque("globalcontext.Context"))
        .with_input("http", opaque("http.Context"))
        .with_input("image", opaque("imagedata.Context"))
        .with_input("json", opaque("json.Json"))
        .with_input("resource", opaque("resource.Context"))
        .with_input("yaml", opaque("yaml.Yaml"))
        // A constant without use that kyverno/sdk's hash library leaves behind.
        .with_constants(&[("mylib_version", "")])
        .optimizing()
        .with_macros(Mode::Json.macros())
}

/// The values of the inputs of [`json_environment`]; what does not come from the payload is null.
pub(super) fn json_inputs<'a>(object: Value<'a>, allowed: Value<'a>, arena: &'a Bump) -> &'a [Value<'a>] {
    let helper = Value::Opaque;
    arena.alloc([
        object,
        Value::Null,
        Value::Null,
        Value::Null,
        allowed,
        helper("globalcontext.Context"),
        helper("http.Context"),
        helper("imagedata.Context"),
        helper("json.Json"),
        helper("resource.Context"),
        helper("yaml.Yaml"),
    ])
}

/// The value of `exceptions`: what partial exceptions allow. A list without elements is there all the same.
pub(super) fn exceptions<'a>(images: &'a [Value<'a>], values: &'a [Value<'a>], arena: &'a Bump) -> Value<'a> {
    let fields = arena.alloc([Some(Value::List(images)), Some(Value::List(values))]);
    Value::Object(arena.alloc(Object { ty: &EXCEPTION, fields, tagged: false }))
}

fn opaque(name: &'static str) -> Type {
    Type::Opaque(name, [].into())
}

impl Mode {
    /// The environment of its policies' expressions.
    pub fn environment(self) -> Env<'static> {
        match self {
            Mode::Http => http_environment(),
            Mode::Envoy => envoy_environment(),
            Mode::Json => json_environment(),
        }
    }

    /// The macros of its policies' expressions.
    pub fn macros(self) -> Macros {
        match self {
            Mode::Http | Mode::Envoy => Macros::OneVariable,
            Mode::Json => Macros::TwoVariables,
        }
    }

    /// The values of the inputs of [`Mode::environment`] for a request: the helpers are names without inside.
    pub fn inputs<'a>(self, object: Value<'a>, arena: &'a Bump) -> &'a [Value<'a>] {
        let helper = Value::Opaque;
        match self {
            Mode::Http | Mode::Envoy => arena.alloc([
                object,
                helper("http.Context"),
                helper("json.Json"),
                helper("mcp.MCP"),
                helper("resource.Context"),
            ]),
            Mode::Json => json_inputs(object, exceptions(&[], &[], arena), arena),
        }
    }

    /// The type of what its policies see.
    pub fn request(self) -> &'static str {
        match self {
            Mode::Http => objects::CHECK_REQUEST.name,
            Mode::Envoy => envoy_messages::CHECK_REQUEST.name,
            Mode::Json => "map",
        }
    }

    /// The type that a validation answers with.
    pub fn response(self) -> &'static str {
        match self {
            Mode::Http => objects::CHECK_RESPONSE.name,
            Mode::Envoy => envoy_messages::CHECK_RESPONSE.name,
            Mode::Json => "bool",
        }
    }

    /// How a validation answers, for people.
    pub(super) fn answers(self) -> &'static str {
        match self {
            Mode::Http => "`http.Denied(\"reason\").Response()`, `http.Allowed().Response()`",
            Mode::Envoy => {
                "`envoy.Denied(403).WithBody(\"reason\").Response()`, `envoy.Allowed().Response()`"
            }
            Mode::Json => "`true`, `false`",
        }
    }
}

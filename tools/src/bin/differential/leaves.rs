//! Constants and literals of a type, and the constants that a function's argument is likely to care about.

use toolgate::internal::library::object_type;
use toolgate::internal::policy::model::Mode;
use toolgate::internal::types::Type;

use super::bodies;
use super::constants as c;
use super::dialect;
use super::expressions::{Generator, hole};
use super::node::Node;
use super::tables::{Bindings, unify};

/// A constant of type `ty`, or the shortest expression that has it.
pub(crate) fn constant(g: &mut Generator<'_>, ty: &Type) -> Node {
    if g.tables.mode == Mode::Json && g.rng.chance(60) {
        return dialect::place(&mut g.rng);
    }
    let text = match ty {
        Type::Null => "null".to_owned(),
        Type::Bool => g.rng.text(&["true", "false"]).to_owned(),
        Type::Int if g.rng.chance(600) => g.rng.text(c::SMALL_INTS).to_owned(),
        Type::Int => g.rng.text(c::INTS).to_owned(),
        Type::Uint => g.rng.text(c::UINTS).to_owned(),
        Type::Double => g.rng.text(c::DOUBLES).to_owned(),
        Type::String => return string(g),
        Type::Bytes => match g.rng.below(5) {
            0 => match dialect::bytes(g.tables.mode) {
                Some(text) => text.to_owned(),
                None => g.rng.text(c::BYTES).to_owned(),
            },
            _ => g.rng.text(c::BYTES).to_owned(),
        },
        Type::Timestamp => format!("timestamp(\"{}\")", g.rng.text(c::TIMESTAMPS)),
        Type::Duration => format!("duration(\"{}\")", g.rng.text(c::DURATIONS)),
        Type::Dyn => return dynamic(g),
        Type::Type(_) => return type_value(g, ty),
        Type::List(_) | Type::Map(_) => return literal(g, ty, false),
        Type::Struct(name) if *name == g.tables.mode.request() => "object".to_owned(),
        Type::Struct("envoy.service.auth.v3.AttributeContext") if g.rng.chance(700) => {
            "object.attributes".to_owned()
        }
        Type::Struct("envoy.service.auth.v3.AttributeContext.HttpRequest") if g.rng.chance(700) => {
            "object.attributes.request.http".to_owned()
        }
        Type::Struct("envoy.service.auth.v3.CheckResponse") if g.rng.chance(600) => {
            let body = string(g);
            return hole("envoy.Denied(403).WithBody(%).Response()", ty.clone(), vec![body]);
        }
        Type::Struct("http.CheckRequestAttributes") if g.rng.chance(700) => "object.attributes".to_owned(),
        Type::Struct("mcp.MCPRequest") if g.rng.chance(700) => "object.mcp.request".to_owned(),
        Type::Struct("http.CheckResponse") if g.rng.chance(600) => {
            let reason = string(g);
            return hole("http.Denied(%).Response()", ty.clone(), vec![reason]);
        }
        Type::Struct("json.Json") => "json".to_owned(),
        Type::Struct("kubernetes.AdmissionRequest") => "request".to_owned(),
        Type::Struct("kubernetes.Namespace") => "namespaceObject".to_owned(),
        Type::Struct("libs.Exception") if g.rng.chance(700) => "exceptions".to_owned(),
        Type::Opaque("yaml.Yaml", _) => "yaml".to_owned(),
        Type::Struct(name) if object_type(name).is_some() => return literal(g, ty, false),
        Type::Opaque("http.Context", _) => "http".to_owned(),
        Type::Opaque("json.Json", _) => "json".to_owned(),
        Type::Opaque("mcp.MCP", _) => "mcp".to_owned(),
        _ => match ty.unwrap_optional().cloned() {
            Some(value) => return optional(g, ty, &value),
            None => return constructed(g, ty),
        },
    };
    Node::leaf(ty.clone(), text)
}

fn string(g: &mut Generator<'_>) -> Node {
    match g.rng.below(12) {
        0 if g.tables.mode == Mode::Json => dialect::place(&mut g.rng),
        0 => {
            let text = g.rng.text(dialect::texts(g.tables.mode));
            Node::leaf(Type::String, text)
        }
        1 => Node::string(g.rng.text(c::NUMBERS)),
        2 => Node::string(g.rng.text(c::ARGUMENTS)),
        3 => Node::leaf(
            Type::String,
            g.rng.text(&[
                "'a'",
                "r\"\\d\"",
                "'''x'y'''",
                "\"\\u00e9\"",
                "\"\\U0001F600\"",
                "'\\x41'",
                "\"\\101\"",
            ]),
        ),
        _ => Node::string(g.rng.text(c::STRINGS)),
    }
}

fn dynamic(g: &mut Generator<'_>) -> Node {
    let ty =
        g.rng.pick(&[Type::Int, Type::Uint, Type::Double, Type::String, Type::Bool, Type::Null, Type::Bytes]);
    let ty = ty.cloned().unwrap_or(Type::Int);
    let inner = constant(g, &ty);
    hole("dyn(%)", Type::Dyn, vec![inner])
}

fn type_value(g: &mut Generator<'_>, ty: &Type) -> Node {
    if let Type::Type(Some(of)) = ty
        && g.rng.chance(if g.is_strict() { 990 } else { 600 })
    {
        if **of == Type::Int && g.rng.chance(500) {
            return Node::leaf(ty.clone(), "int");
        }
        let value = constant(g, of);
        return hole("type(%)", ty.clone(), vec![value]);
    }
    let name = g.rng.text(&[
        "string",
        "bool",
        "list",
        "map",
        "type",
        "null_type",
        "double",
        "uint",
        "bytes",
        "type(1)",
        "google.protobuf.Timestamp",
        "google.protobuf.Duration",
        "optional_type",
        "http.CheckRequest",
        "mcp.MCPRequest",
        "type(object)",
        "type(type(1))",
        "type([1])",
        "type(dyn(1))",
    ]);
    Node::leaf(ty.clone(), name)
}

fn optional(g: &mut Generator<'_>, ty: &Type, value: &Type) -> Node {
    if g.rng.chance(300) {
        return Node::leaf(ty.clone(), "optional.none()");
    }
    let inner = g.leaf(value);
    let text = if g.rng.chance(700) { "optional.of(%)" } else { "optional.ofNonZeroValue(%)" };
    hole(text, ty.clone(), vec![inner])
}

/// A type that only functions make: the first that does, with plain arguments.
fn constructed(g: &mut Generator<'_>, ty: &Type) -> Node {
    let tables = g.tables;
    let makers: Vec<usize> = tables
        .signatures
        .iter()
        .enumerate()
        .filter(|(_, s)| {
            unify(&s.result, ty, &mut Bindings::new())
                && !matches!(s.result, Type::Param(_))
                && s.params
                    .iter()
                    .all(|param| param != ty && matches!(param, Type::String | Type::Dyn | Type::Int))
        })
        .map(|(at, _)| at)
        .collect();
    let fuel = std::mem::take(&mut g.fuel);
    let maker = g.rng.pick(&makers).and_then(|at| tables.signatures.get(*at));
    let made = maker.and_then(|signature| g.call_of(signature, ty));
    g.fuel = fuel;
    made.unwrap_or_else(|| Node::leaf(Type::Dyn, "dyn(null)"))
}

/// A list, map or object literal.
pub(crate) fn literal(g: &mut Generator<'_>, ty: &Type, deep: bool) -> Node {
    let most = if deep { 4 } else { 3 };
    let item = |g: &mut Generator<'_>, ty: &Type| if deep { g.expression(ty) } else { g.leaf(ty) };
    match ty {
        Type::List(element) => {
            let mut items = Vec::new();
            // Functions of empty lists have no overload of their own.
            let least = usize::from(g.is_strict() && g.rng.chance(800));
            for _ in 0..g.rng.below(most).max(least) {
                let node = item(g, element);
                items.push(if g.rng.chance(25) {
                    let optional = g.expression(&Type::optional(element.as_ref().clone()));
                    hole("?%", element.as_ref().clone(), vec![optional])
                } else if g.rng.chance(g.mistakes) {
                    g.argument(element)
                } else {
                    node
                });
            }
            hole("[#]", ty.clone(), items)
        }
        Type::Map(entry) => {
            let mut entries = Vec::new();
            for _ in 0..g.rng.below(most) {
                let key = if entry.0 == Type::String && g.rng.chance(600) {
                    Node::string(g.rng.text(&["a", "b", "name", "x y"]))
                } else {
                    item(g, &entry.0)
                };
                if g.rng.chance(25) {
                    let value = g.expression(&Type::optional(entry.1.clone()));
                    entries.push(hole("?%: %", entry.1.clone(), vec![key, value]));
                } else {
                    let value = item(g, &entry.1);
                    entries.push(hole("%: %", entry.1.clone(), vec![key, value]));
                }
            }
            hole("{#}", ty.clone(), entries)
        }
        Type::Struct(name) => {
            let mut fields = Vec::new();
            for _ in 0..g.rng.below(most) {
                let Some((field, ty)) = g.field_of(name) else { continue };
                if g.rng.chance(80) {
                    let value = g.expression(&Type::optional(ty.clone()));
                    fields.push(hole(&format!("?{field}: %"), ty, vec![value]));
                } else {
                    let value = if deep { g.argument(&ty) } else { g.leaf(&ty) };
                    fields.push(hole(&format!("{field}: %"), ty, vec![value]));
                }
            }
            hole(&format!("{name}{{#}}"), ty.clone(), fields)
        }
        _ => constant(g, ty),
    }
}

/// A constant that this argument of this function is likely to care about; `None` three times in ten, and where nothing
/// is known.
pub(crate) fn hinted(g: &mut Generator<'_>, name: &str, member: bool, at: usize) -> Option<Node> {
    if g.rng.chance(300) {
        return None;
    }
    if g.tables.mode == Mode::Json
        && let Some(node) = dialect::hinted(&mut g.rng, name, at)
    {
        return Some(node);
    }
    let good = !g.rng.chance(250);
    let text = match (name, member, at) {
        ("matches" | "find" | "findAll", _, 1) => {
            g.rng.text(if good { c::PATTERNS } else { c::BAD_PATTERNS })
        }
        ("timestamp", _, 0) => g.rng.text(if good { c::TIMESTAMPS } else { c::BAD_TIMESTAMPS }),
        ("duration", _, 0) => g.rng.text(if good { c::DURATIONS } else { c::BAD_DURATIONS }),
        ("int" | "uint" | "double" | "bool", _, 0) if g.rng.chance(400) => g.rng.text(c::NUMBERS),
        ("json.Unmarshal" | "json.unmarshal", _, 0) | ("Unmarshal", _, 1) => {
            g.rng.text(if good { c::JSON } else { c::BAD_JSON })
        }
        ("Parse", _, 1) => {
            let body = bodies::body(&mut g.rng);
            return Some(Node::string(&body));
        }
        ("Unmarshal" | "Parse", _, 0) => {
            return Some(Node::leaf(Type::Dyn, if name == "Parse" { "mcp" } else { "json" }));
        }
        ("jwt.Decode", _, 0) => g.rng.text(c::TOKENS),
        ("jwt.Decode", _, 1) => g.rng.text(&["secret", "secret", "secret", "wrong", ""]),
        ("Denied", _, 0) | ("envoy.Denied", _, 0) => {
            return Some(Node::leaf(Type::Int, g.rng.text(&["403", "401", "200", "0", "-1", "1000", "503"])));
        }
        ("base64.decode", _, 0) => g.rng.text(c::BASE64),
        ("Header", true, 1) => g.rng.text(c::HEADERS),
        ("QueryParam", true, 1) => g.rng.text(c::QUERIES),
        ("lists.range", _, 0) => return Some(Node::leaf(Type::Int, g.rng.text(c::SMALL_INTS))),
        ("ip" | "isIP" | "ip.isCanonical" | "containsIP", _, _) => g.rng.text(c::ADDRESSES),
        ("cidr" | "isCIDR" | "containsCIDR", _, _) => g.rng.text(c::BLOCKS),
        ("url" | "isURL", _, 0) => g.rng.text(c::URLS),
        ("quantity" | "isQuantity", _, 0) => g.rng.text(c::QUANTITIES),
        ("semver" | "isSemver", _, 0) => g.rng.text(c::VERSIONS),
        ("image" | "isImage" | "parseImageReference", _, 0) => g.rng.text(c::IMAGES),
        ("format.named", _, 0) => g.rng.text(c::FORMATS),
        ("charAt" | "substring", true, 1 | 2) => {
            return Some(Node::leaf(Type::Int, g.rng.text(c::SMALL_INTS)));
        }
        _ if member && name.starts_with("get") && at == 1 => g.rng.text(c::ZONES),
        _ if member && name.ends_with("Argument") && at == 1 => g.rng.text(c::ARGUMENTS),
        _ => return None,
    };
    // The argument of a function that takes an address or a block may also be the receiver's.
    if member && at == 0 {
        return None;
    }
    Some(Node::string(text))
}

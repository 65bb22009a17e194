//! What the generator can build from: the signatures of the function tables and the fields of the object types, so
//! that a new row or field is asked about without a change here.

use std::collections::HashMap;

use toolgate::internal::library;
use toolgate::internal::library::{object_types, table_type};
use toolgate::internal::policy::model::Mode;
use toolgate::internal::types::{OPTIONAL, Signature, Type};

/// Functions whose answer depends on the network, the clock or chance.
const IMPURE: &[&str] = &["http.Context", "resource.Context", "imagedata.Context", "globalcontext.Context"];
const IMPURE_NAMES: &[&str] = &["jwks.Fetch", "time.now", "random", "random.random", "now"];

/// A way from a value of an object type to something inside it.
#[derive(Debug)]
pub(crate) struct Path {
    /// The object type's name.
    pub(crate) of: &'static str,
    /// `.attributes.method`
    pub(crate) text: String,
    /// What is there.
    pub(crate) ty: Type,
}

/// All signatures and fields.
#[derive(Debug)]
pub(crate) struct Tables {
    /// The overloads.
    pub(crate) signatures: Vec<Signature>,
    /// The fields of all object types, and the fields of their fields.
    pub(crate) paths: Vec<Path>,
    /// Every concrete type that a function takes or gives.
    pub(crate) types: Vec<Type>,
    /// The mode whose environment they are of.
    pub(crate) mode: Mode,
}

impl Tables {
    /// Reads the tables of the mode's environment.
    pub(crate) fn new(mode: Mode) -> Tables {
        let libraries = match mode {
            Mode::Http => library::HTTP,
            Mode::Envoy => library::ENVOY,
            Mode::Json => library::JSON,
        };
        let rows = libraries.iter().flat_map(|library| {
            library.rows.iter().filter(|row| row.since <= library.version).map(|row| row.signature)
        });
        let signatures: Vec<Signature> = rows
            .filter_map(|text| Signature::parse(text, &table_type).ok())
            .filter(|signature| !impure(signature))
            .collect();
        let mut types: Vec<Type> = Vec::new();
        for ty in signatures.iter().flat_map(|signature| signature.params.iter().chain([&signature.result])) {
            // Nothing makes a value of these.
            let is_made = !ty.runtime_name().starts_with("kubernetes.authorization.");
            if is_made && !generic(ty) && !types.contains(ty) {
                types.push(ty.clone());
            }
        }
        Tables { signatures, paths: paths(mode), types, mode }
    }
}

fn impure(signature: &Signature) -> bool {
    let receiver = signature.params.first().map(Type::runtime_name).unwrap_or_default();
    IMPURE_NAMES.contains(&signature.name.as_str()) || (signature.member && IMPURE.contains(&receiver))
}

/// True if a type has parameters that are open.
pub(crate) fn generic(ty: &Type) -> bool {
    matches!(ty, Type::Param(_)) || ty.parameters().into_iter().any(generic)
}

/// Whether the mode's environment has the object type; those of well-known messages are in all.
fn is_of(mode: Mode, name: &str) -> bool {
    const JSON: &[&str] = &["kubernetes.", "libs.", "user."];
    const ENVOY: &[&str] = &["envoy.", "google.rpc."];
    const HTTP: &[&str] = &["http.Check", "http.MCPCheckData"];
    const AUTHZ: &[&str] = &["mcp.", "jwt.", "jwk."];
    let begins = |prefixes: &[&str]| prefixes.iter().any(|prefix| name.starts_with(prefix));
    match mode {
        Mode::Http => !begins(JSON) && !begins(ENVOY),
        Mode::Envoy => !begins(JSON) && !begins(HTTP),
        Mode::Json => !begins(ENVOY) && !begins(HTTP) && !begins(AUTHZ),
    }
}

fn paths(mode: Mode) -> Vec<Path> {
    let mut paths = Vec::new();
    for object in object_types() {
        // The literal of a message is mostly a value of a type of CEL's own, without fields.
        if object.name.starts_with("toolgate.")
            || object.name == "."
            || !is_of(mode, object.name)
            || object.ty != Type::Struct(object.name)
        {
            continue;
        }
        let mut open: Vec<(String, &'static str)> = vec![(String::new(), object.name)];
        for _ in 0..4 {
            for (prefix, name) in std::mem::take(&mut open) {
                let fields = object_types().iter().find(|ty| ty.name == name).map(|ty| &ty.fields);
                for field in fields.into_iter().flatten().filter(|field| !field.name.is_empty()) {
                    let Some(ty) = field.ty.clone().filter(|ty| *ty != Type::Struct(".")) else { continue };
                    let text = format!("{prefix}.{}", field.name);
                    if let Type::Struct(inner) = ty {
                        open.push((text.clone(), inner));
                    }
                    paths.push(Path { of: object.name, text, ty });
                }
            }
        }
    }
    paths
}

/// What the type parameters of a signature stand for.
pub(crate) type Bindings = HashMap<String, Type>;

/// Makes `pattern` equal to `ty` by binding its parameters; false if that cannot be.
pub(crate) fn unify(pattern: &Type, ty: &Type, bindings: &mut Bindings) -> bool {
    match (pattern, ty) {
        (Type::Param(name), _) => match bindings.get(name.as_ref()) {
            Some(bound) => bound == ty,
            None => {
                bindings.insert(name.to_string(), ty.clone());
                true
            }
        },
        (Type::List(a), Type::List(b)) => unify(a, b, bindings),
        (Type::Map(a), Type::Map(b)) => unify(&a.0, &b.0, bindings) && unify(&a.1, &b.1, bindings),
        (Type::Opaque(OPTIONAL, a), Type::Opaque(OPTIONAL, b)) => {
            a.iter().zip(b.iter()).all(|(a, b)| unify(a, b, bindings))
        }
        (Type::Type(Some(a)), Type::Type(Some(b))) => unify(a, b, bindings),
        _ => pattern == ty,
    }
}

/// `pattern` with its parameters replaced; what is not bound becomes what `open` gives.
pub(crate) fn substitute(pattern: &Type, bindings: &mut Bindings, open: &mut dyn FnMut() -> Type) -> Type {
    match pattern {
        Type::Param(name) => bindings.entry(name.to_string()).or_insert_with(open).clone(),
        Type::List(element) => Type::list(substitute(element, bindings, open)),
        Type::Map(entry) => {
            let key = substitute(&entry.0, bindings, open);
            Type::map(key, substitute(&entry.1, bindings, open))
        }
        Type::Type(Some(of)) => Type::type_of(substitute(of, bindings, open)),
        Type::Opaque(OPTIONAL, _) => match pattern.unwrap_optional() {
            Some(value) => Type::optional(substitute(value, bindings, open)),
            None => pattern.clone(),
        },
        _ => pattern.clone(),
    }
}

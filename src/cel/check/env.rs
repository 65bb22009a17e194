//! What an expression may use: variables, constants, types and functions, and how names are resolved.

use std::collections::HashMap;

use crate::cel::ast::Macros;
use crate::library::VARIABLES;
use crate::library::table::{Library, Row, TypeRow};
use crate::library::types::Types;
use crate::types::{Signature, SignatureError, Type};
use crate::value::{ObjectType, Value};

/// A set of declarations. Cheap to extend; the functions are shared by all environments of a process.
#[derive(Clone, Debug)]
pub struct Env<'e> {
    functions: &'e Functions,
    container: &'e str,
    variables: Vec<(String, Type)>,
    constants: Vec<(&'static str, Value<'static>)>,
    /// The types that come with no library.
    types: Types,
    /// The fields of `variables`, in the order of their declaration.
    policy_variables: Vec<(String, Type)>,
    inputs: Vec<&'static str>,
    /// The variables that have no value where the expression stands.
    unbound: &'static [&'static str],
    /// Whether literals are checked and constants converted before anything is evaluated.
    optimizing: bool,
    macros: Macros,
    /// The last of each name, by its place in the list.
    policy_variables_by_name: HashMap<String, usize>,
}

/// All functions of an environment by name, and the types of their libraries.
#[derive(Debug, Default)]
pub struct Functions {
    by_name: HashMap<String, Function>,
    types: Types,
    /// A row's signature that does not read.
    broken: Option<SignatureError>,
}

/// A function with its overloads in the order of declaration.
#[derive(Debug)]
pub struct Function {
    /// The qualified name.
    pub name: String,
    /// The overloads.
    pub overloads: Vec<Overload>,
}

/// An overload: its table row with the signature read.
#[derive(Debug)]
pub struct Overload {
    /// The table row.
    pub row: &'static Row,
    /// The row's signature.
    pub signature: Signature,
    /// True if the signature has type parameters.
    pub generic: bool,
}

impl Functions {
    /// The functions of `libraries`, at their versions.
    pub fn new(libraries: &[&'static Library]) -> Functions {
        let mut functions = Functions { types: Types::new(libraries), ..Functions::default() };
        for library in libraries {
            for row in library.rows.iter().filter(|row| row.since <= library.version) {
                match Signature::parse(row.signature, &|name| functions.types.in_tables(name)) {
                    Ok(signature) => functions.declare(row, signature),
                    Err(error) => functions.broken = Some(error),
                }
            }
        }
        functions
    }

    /// A row's signature that does not read, if there is one: a mistake in a table, which the test suite finds. No
    /// expression checks with such functions, because what one means could depend on the overload that is missing.
    pub fn broken(&self) -> Option<&SignatureError> {
        self.broken.as_ref()
    }

    /// Adds an overload with this signature, whatever the row's own text says: for signatures with types that
    /// no table has a name for. Overloads of one function are tried in the order in which they are added.
    pub fn declare(&mut self, row: &'static Row, signature: Signature) {
        let generic = signature.params.iter().any(has_parameter) || has_parameter(&signature.result);
        self.by_name
            .entry(signature.name.clone())
            .or_insert_with(|| Function { name: signature.name.clone(), overloads: Vec::new() })
            .overloads
            .push(Overload { row, signature, generic });
    }

    /// The function called exactly `name`.
    pub fn get(&self, name: &str) -> Option<&Function> {
        self.by_name.get(name)
    }

    /// All functions, in no particular order.
    pub fn iter(&self) -> impl Iterator<Item = &Function> {
        self.by_name.values()
    }
}

fn has_parameter(ty: &Type) -> bool {
    matches!(ty, Type::Param(_)) || ty.parameters().into_iter().any(has_parameter)
}

/// What a name means.
#[derive(Clone, Debug)]
pub(super) enum Global<'e> {
    Variable { name: String, ty: Type },
    Constant { value: Value<'e>, ty: Type },
    Type { name: String, of: Type },
}

impl<'e> Env<'e> {
    /// An environment with `functions` and nothing else.
    pub fn new(functions: &'e Functions) -> Env<'e> {
        Env {
            functions,
            container: "",
            variables: Vec::new(),
            constants: Vec::new(),
            types: Types::default(),
            policy_variables: Vec::new(),
            inputs: Vec::new(),
            unbound: &[],
            optimizing: false,
            macros: Macros::default(),
            policy_variables_by_name: HashMap::new(),
        }
    }

    /// Declares a variable that has a value: the next of a frame's inputs.
    #[must_use]
    pub fn with_input(mut self, name: &'static str, ty: Type) -> Self {
        self.inputs.push(name);
        self.with_variable(name, ty)
    }

    /// The variables that have a value, in the order of a frame's inputs.
    pub fn inputs(&self) -> &[&'static str] {
        &self.inputs
    }

    /// The same for an expression that is evaluated before these variables have values: any use is an error then.
    #[must_use]
    pub fn unbound(mut self, names: &'static [&'static str]) -> Self {
        self.unbound = names;
        self
    }

    /// The variables that have no value.
    pub(crate) fn unbound_names(&self) -> &'static [&'static str] {
        self.unbound
    }

    /// Checks the literals that `duration`, `timestamp` and `matches` take, and converts constants when a program is made, so
    /// that what is wrong with them is known before anything is evaluated: what Kubernetes' environments do.
    #[must_use]
    pub fn optimizing(mut self) -> Self {
        self.optimizing = true;
        self
    }

    /// Whether it does.
    pub(super) fn is_optimizing(&self) -> bool {
        self.optimizing
    }

    /// The same with these macros; those of one variable if nothing is said.
    #[must_use]
    pub fn with_macros(mut self, macros: Macros) -> Self {
        self.macros = macros;
        self
    }

    /// The macros of its expressions.
    pub fn macros(&self) -> Macros {
        self.macros
    }

    /// The namespace in which names are looked up first; policies have none.
    #[must_use]
    pub fn with_container(mut self, container: &'e str) -> Self {
        self.container = container;
        self
    }

    /// Declares a variable without a value: any use is an error when it is evaluated.
    #[must_use]
    pub fn with_variable(mut self, name: &str, ty: Type) -> Self {
        self.variables.push((name.to_owned(), ty));
        self
    }

    /// Declares string constants by qualified name.
    #[must_use]
    pub fn with_constants(mut self, constants: &[(&'static str, &'static str)]) -> Self {
        self.constants.extend(constants.iter().map(|(name, value)| (*name, Value::String(value))));
        self
    }

    /// Declares the values of enums by qualified name.
    #[must_use]
    pub fn with_enums(mut self, enums: &'static [(&'static str, i64)]) -> Self {
        self.constants.extend(enums.iter().map(|(name, value)| (*name, Value::Int(*value))));
        self
    }

    /// Declares types beside those of the libraries.
    #[must_use]
    pub fn with_types(mut self, types: &[TypeRow]) -> Self {
        self.types.add(types);
        self
    }

    /// The object type called `name`.
    pub(crate) fn object(&self, name: &str) -> Option<&'static ObjectType> {
        self.functions.types.object(name).or_else(|| self.types.object(name))
    }

    /// The type that the signatures of functions call `name`.
    pub(crate) fn table_type(&self, name: &str) -> Option<Type> {
        self.functions.types.in_tables(name).or_else(|| self.types.in_tables(name))
    }

    /// The type that expressions call `name`.
    pub(crate) fn type_named(&self, name: &str) -> Option<Type> {
        let declared = || self.functions.types.in_expressions(name);
        own_type(name).or_else(declared).or_else(|| self.types.in_expressions(name))
    }

    /// Declares the next field of `variables`; a name declared twice keeps its last type.
    pub fn declare_policy_variable(&mut self, name: &str, ty: Type) {
        self.policy_variables_by_name.insert(name.to_owned(), self.policy_variables.len());
        self.policy_variables.push((name.to_owned(), ty));
    }

    /// The index of a policy's variable.
    pub(crate) fn policy_variable(&self, name: &str) -> Option<(usize, &Type)> {
        let index = *self.policy_variables_by_name.get(name)?;
        self.policy_variables.get(index).map(|(_, ty)| (index, ty))
    }

    /// The container's name.
    pub(super) fn container(&self) -> &'e str {
        self.container
    }

    /// The names that could be meant by the variables, for suggestions.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.variables
            .iter()
            .map(|(name, _)| name.as_str())
            .chain(self.constants.iter().map(|(name, _)| *name))
    }

    /// The names of a policy's variables declared so far, for suggestions.
    pub fn policy_variable_names(&self) -> impl Iterator<Item = &str> {
        self.policy_variables.iter().map(|(name, _)| name.as_str())
    }

    /// The functions.
    pub fn functions(&self) -> &'e Functions {
        self.functions
    }

    /// The qualified names that `name` may stand for, innermost namespace first; a leading dot means the root.
    fn candidates(&self, name: &str) -> Vec<String> {
        if let Some(absolute) = name.strip_prefix('.') {
            return vec![absolute.to_owned()];
        }
        let mut candidates = Vec::new();
        let mut container = self.container;
        while !container.is_empty() {
            candidates.push(format!("{container}.{name}"));
            container = container.rsplit_once('.').map_or("", |(outer, _)| outer);
        }
        candidates.push(name.to_owned());
        candidates
    }

    /// What the qualified name means outside comprehensions.
    pub(super) fn resolve(&self, name: &str) -> Option<Global<'e>> {
        self.candidates(name).iter().find_map(|candidate| self.resolve_exact(candidate))
    }

    fn resolve_exact(&self, name: &str) -> Option<Global<'e>> {
        if let Some((name, ty)) = self.variables.iter().find(|(n, _)| n == name) {
            return Some(Global::Variable { name: name.clone(), ty: ty.clone() });
        }
        if let Some((_, value)) = self.constants.iter().find(|(n, _)| *n == name) {
            let ty = if let Value::Int(_) = value { Type::Int } else { Type::String };
            return Some(Global::Constant { value: *value, ty });
        }
        if name == NULL_VALUE {
            return Some(Global::Constant { value: Value::Int(0), ty: Type::Int });
        }
        self.type_named(name).map(|of| Global::Type { name: name.to_owned(), of })
    }

    /// The type that a struct literal's name means, with its qualified name.
    pub(super) fn resolve_type(&self, name: &str) -> Option<(String, Type)> {
        self.candidates(name)
            .into_iter()
            .find_map(|candidate| self.type_named(&candidate).map(|ty| (candidate, ty)))
    }

    /// The function that a name means.
    pub(super) fn resolve_function(&self, name: &str) -> Option<&'e Function> {
        if self.container.is_empty() {
            return self.functions.get(name.strip_prefix('.').unwrap_or(name));
        }
        self.candidates(name).iter().find_map(|candidate| self.functions.get(candidate))
    }

    /// The type of a field of an object type; `None` if there is no such field.
    pub(super) fn field(&self, object: &str, field: &str) -> Option<Type> {
        if object == VARIABLES {
            return self.policy_variable(field).map(|(_, ty)| ty.clone());
        }
        self.object(object).and_then(|ty| ty.field(field)).and_then(|(_, field)| field.ty.clone())
    }
}

/// The names of the object type's fields that an expression can read, for suggestions.
pub fn field_names(object: &'static ObjectType) -> impl Iterator<Item = &'static str> {
    object.fields.iter().filter(|field| field.ty.is_some()).map(|field| field.name)
}

/// The one enum value of protobuf's well-known files.
const NULL_VALUE: &str = "google.protobuf.NullValue.NULL_VALUE";

/// The type of CEL's own that is called `name`.
fn own_type(name: &str) -> Option<Type> {
    Some(match name {
        "bool" => Type::Bool,
        "bytes" => Type::Bytes,
        "double" => Type::Double,
        "int" => Type::Int,
        // The parameters of the types of types are free: `type([1]) == list` must check.
        "list" => Type::list(Type::param("A")),
        "map" => Type::map(Type::param("A"), Type::param("B")),
        "null_type" => Type::Null,
        "optional_type" => Type::optional(Type::param("V")),
        "string" => Type::String,
        "type" => Type::Type(None),
        "uint" => Type::Uint,
        _ => return None,
    })
}

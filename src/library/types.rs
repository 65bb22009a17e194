//! The types that libraries declare, found by name: in the tables of an environment's libraries, or of all.
//!
//! Code that makes a value of an object type names the type's [`ObjectRow`] and looks for nothing here.

use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

use super::table::{Library, TypeRow};
use super::{ENVOY, HTTP, JSON};
use crate::types::Type;
use crate::value::{ObjectRow, ObjectType};

/// Types by their names.
#[derive(Clone, Debug, Default)]
pub struct Types {
    objects: HashMap<&'static str, &'static ObjectRow>,
    /// The rows of other kinds. A helper like `http.Context` has a row of each: it is an object type for who names it, and
    /// an opaque one for functions.
    others: HashMap<&'static str, TypeRow>,
}

impl Types {
    /// The types of `libraries`.
    pub fn new<'l>(libraries: impl IntoIterator<Item = &'l &'static Library>) -> Types {
        let mut types = Types::default();
        libraries.into_iter().for_each(|library| types.add(library.types));
        types
    }

    /// Adds types.
    pub fn add(&mut self, rows: &[TypeRow]) {
        for row in rows {
            match *row {
                TypeRow::Object(object) => {
                    self.objects.insert(object.name, object);
                }
                TypeRow::Hidden(object) => {
                    self.objects.insert(object.name, object);
                    self.others.insert(object.name, *row);
                }
                TypeRow::Opaque(name) | TypeRow::Named(name) | TypeRow::Bare(name) => {
                    self.others.insert(name, *row);
                }
            }
        }
    }

    /// The object type called `name`.
    pub fn object(&self, name: &str) -> Option<&'static ObjectType> {
        let row: &'static ObjectRow = self.objects.get(name)?;
        Some(row)
    }

    /// The type that the signatures of functions call `name`.
    pub fn in_tables(&self, name: &str) -> Option<Type> {
        match self.others.get(name) {
            Some(TypeRow::Opaque(name) | TypeRow::Named(name)) => Some(Type::Opaque(name, [].into())),
            Some(TypeRow::Bare(name)) => Some(Type::Struct(name)),
            Some(TypeRow::Object(_) | TypeRow::Hidden(_)) | None => {
                self.objects.get(name).map(|row| row.ty())
            }
        }
    }

    /// The type that expressions call `name`.
    pub fn in_expressions(&self, name: &str) -> Option<Type> {
        match self.others.get(name) {
            Some(TypeRow::Named(name)) => Some(Type::Opaque(name, [].into())),
            Some(TypeRow::Hidden(_)) => None,
            _ => self.objects.get(name).map(|row| row.ty()),
        }
    }
}

/// The libraries of all environments; most of them more than once.
fn libraries() -> impl Iterator<Item = &'static &'static Library> {
    HTTP.iter().chain(ENVOY).chain(JSON)
}

static ALL: LazyLock<Types> = LazyLock::new(|| Types::new(libraries()));

/// The object type called `name` in any library.
pub fn object_type(name: &str) -> Option<&'static ObjectType> {
    ALL.object(name)
}

/// The type that the signatures of functions call `name`, in the tables of any library.
pub fn table_type(name: &str) -> Option<Type> {
    ALL.in_tables(name)
}

static OBJECTS: LazyLock<Vec<&'static ObjectType>> = LazyLock::new(|| {
    let mut seen = HashSet::new();
    let rows = libraries().flat_map(|library| library.types).filter_map(|row| match row {
        TypeRow::Object(row) | TypeRow::Hidden(row) => Some(*row),
        TypeRow::Opaque(_) | TypeRow::Named(_) | TypeRow::Bare(_) => None,
    });
    rows.filter(|row| seen.insert(row.name)).map(|row| -> &'static ObjectType { row }).collect()
});

/// The object types of all libraries, each once, in the order of the libraries.
pub fn object_types() -> &'static [&'static ObjectType] {
    &OBJECTS
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(libraries: &[&Library]) -> Vec<&'static ObjectRow> {
        let types = libraries.iter().flat_map(|library| library.types);
        let rows = types.filter_map(|row| match row {
            TypeRow::Object(row) | TypeRow::Hidden(row) => Some(*row),
            _ => None,
        });
        rows.collect()
    }

    #[test]
    fn a_name_is_that_of_one_row() {
        for libraries in [HTTP, ENVOY, JSON] {
            for row in rows(libraries) {
                assert!(std::ptr::eq(object_type(row.name).unwrap(), &**row), "{row:?}");
            }
        }
        assert!(object_types().len() > 80, "{}", object_types().len());
    }

    #[test]
    fn every_type_in_a_row_reads() {
        for row in [HTTP, ENVOY, JSON].into_iter().flat_map(rows) {
            assert!(row.unread().is_empty(), "{row:?}: {:?}", row.unread());
        }
    }

    #[test]
    fn an_environment_has_the_types_of_what_its_objects_hold() {
        for libraries in [HTTP, ENVOY, JSON] {
            let types = Types::new(libraries);
            for row in rows(libraries) {
                for field in &row.fields {
                    let held = field.object.map(|held| held.name);
                    assert!(held.is_none_or(|held| types.object(held).is_some()), "{row:?}: {held:?}");
                }
            }
        }
    }

    #[test]
    fn expressions_name_the_types_of_their_mode() {
        let [http, envoy, json] = [HTTP, ENVOY, JSON].map(Types::new);
        for (name, modes) in [
            ("http.CheckRequest", [true, false, false]),
            ("http.MCPCheckData", [true, false, false]),
            ("http.Context", [true; 3]),
            ("json.Json", [true; 3]),
            ("jwt.Token", [true, true, false]),
            ("jwk.Set", [true, true, false]),
            ("mcp.MCPRequest", [true, true, false]),
            ("mcp.MCP", [true, true, false]),
            ("envoy.service.auth.v3.CheckRequest", [false, true, false]),
            ("google.rpc.Status", [false, true, false]),
            ("google.protobuf.Struct", [true; 3]),
            ("net.IP", [true; 3]),
            ("kubernetes.Namespace", [false, false, true]),
            ("libs.Exception", [false, false, true]),
            ("user.ServiceAccount", [false, false, true]),
            ("kubernetes.URL", [false; 3]),
            ("resource.Context", [true; 3]),
            ("imagedata.Context", [false, false, true]),
            ("globalcontext.Context", [false, false, true]),
            ("yaml.Yaml", [false, false, true]),
            ("kyverno.variables", [false; 3]),
            (".", [false; 3]),
        ] {
            let named = [&http, &envoy, &json].map(|types| types.in_expressions(name).is_some());
            assert_eq!(named, modes, "{name}");
        }
    }

    #[test]
    fn a_helper_is_opaque_for_functions_and_an_object_for_who_names_it() {
        for name in ["http.Context", "json.Json", "mcp.MCP", "resource.Context", "yaml.Yaml"] {
            assert_eq!(ALL.in_tables(name), Some(Type::Opaque(name, [].into())));
            assert_eq!(ALL.in_expressions(name), Some(Type::Struct(name)));
        }
    }
}

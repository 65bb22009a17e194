//! From checked expressions to tables and nodes.

use std::collections::HashMap;
use std::hash::Hash;

use super::{
    FlatCall, FlatError, FlatKind, FlatNode, FlatPlace, FlatReference, FlatType, Tables, Text, TypeAt,
};
use crate::cel::ast::{Expr, ExprKind, Literal, NodeId, StructField};
use crate::cel::check::{Checked, Reference};
use crate::types::Type;
use crate::value::Value;

/// Writes expressions one after the other, for a [`Reader`](super::Reader) that reads them in the same order.
#[derive(Debug, Default)]
pub struct Writer {
    strings: Interned<String>,
    types: Interned<FlatType>,
    calls: Interned<FlatCall>,
    nodes: Vec<u8>,
}

/// Things that stand in a table once, in the order in which they were first met.
#[derive(Debug)]
struct Interned<T> {
    places: HashMap<T, u32>,
    table: Vec<T>,
}

impl<T> Default for Interned<T> {
    fn default() -> Self {
        Interned { places: HashMap::new(), table: Vec::new() }
    }
}

impl<T: Clone + Eq + Hash> Interned<T> {
    /// The place of `thing`.
    fn put(&mut self, thing: T) -> Result<u32, FlatError> {
        if let Some(place) = self.places.get(&thing) {
            return Ok(*place);
        }
        let place = narrow(self.table.len())?;
        self.table.push(thing.clone());
        self.places.insert(thing, place);
        Ok(place)
    }
}

impl Writer {
    /// Adds an expression, with the places in the text of the nodes `located`.
    ///
    /// # Errors
    /// It holds something that a reader would refuse. No expression that fits the limits does.
    pub fn write(&mut self, checked: &Checked<'_>, located: &[NodeId]) -> Result<(), FlatError> {
        let place = |node: &NodeId| {
            let span = checked.ast.info(*node).span;
            (*node, span.start, span.end)
        };
        let places: Vec<FlatPlace> = located.iter().map(place).collect();
        self.nodes = postcard::to_extend(&places, std::mem::take(&mut self.nodes))?;
        self.tree(&checked.ast.root, checked)
    }

    /// All that was written.
    ///
    /// # Errors
    /// It cannot be encoded.
    pub fn finish(self) -> Result<Vec<u8>, FlatError> {
        let tables = Tables {
            strings: self.strings.table.iter().map(String::as_str).collect(),
            types: self.types.table,
            calls: self.calls.table,
        };
        let mut bytes = postcard::to_allocvec(&tables)?;
        bytes.extend(self.nodes);
        Ok(bytes)
    }

    fn text(&mut self, text: &str) -> Result<Text, FlatError> {
        self.strings.put(text.to_owned())
    }

    fn ty(&mut self, ty: &Type) -> Result<TypeAt, FlatError> {
        let flat = match ty {
            Type::Error => FlatType::Error,
            Type::Dyn => FlatType::Dyn,
            Type::Any => FlatType::Any,
            Type::Null => FlatType::Null,
            Type::Bool => FlatType::Bool,
            Type::Int => FlatType::Int,
            Type::Uint => FlatType::Uint,
            Type::Double => FlatType::Double,
            Type::String => FlatType::String,
            Type::Bytes => FlatType::Bytes,
            Type::Duration => FlatType::Duration,
            Type::Timestamp => FlatType::Timestamp,
            Type::Wrapper(of) => FlatType::Wrapper(self.ty(of)?),
            Type::List(element) => FlatType::List(self.ty(element)?),
            Type::Map(entry) => FlatType::Map(self.ty(&entry.0)?, self.ty(&entry.1)?),
            Type::Struct(name) => FlatType::Struct(self.text(name)?),
            Type::Opaque(name, parameters) => {
                let parameters = parameters.iter().map(|ty| self.ty(ty)).collect::<Result<_, _>>()?;
                FlatType::Opaque(self.text(name)?, parameters)
            }
            Type::Type(of) => FlatType::Type(of.as_deref().map(|of| self.ty(of)).transpose()?),
            Type::Param(name) => FlatType::Param(self.text(name)?),
        };
        self.types.put(flat)
    }

    /// The nodes of a tree, each before its children. Trees are as deep as the parser lets them be, so nothing calls itself.
    fn tree(&mut self, root: &Expr, checked: &Checked<'_>) -> Result<(), FlatError> {
        let mut left = vec![root];
        while let Some(e) = left.pop() {
            let kind = self.kind(&e.kind)?;
            let ty = self.ty(checked.type_of(e.id))?;
            let reference = checked.reference(e.id).map(|reference| self.reference(reference)).transpose()?;
            let node = FlatNode { kind, ty, reference };
            self.nodes = postcard::to_extend(&node, std::mem::take(&mut self.nodes))?;
            let first = left.len();
            match &e.kind {
                ExprKind::Literal(_) | ExprKind::Ident(_) => {}
                ExprKind::Select { operand, .. } => left.push(operand),
                ExprKind::Call { target, args, .. } => left.extend(target.as_deref().into_iter().chain(args)),
                ExprKind::List { elements, .. } => left.extend(elements),
                ExprKind::Map(entries) => {
                    left.extend(entries.iter().flat_map(|entry| [&entry.key, &entry.value]))
                }
                ExprKind::Struct { fields, .. } => left.extend(fields.iter().map(|field| &field.value)),
                ExprKind::Comprehension(c) => {
                    left.extend([&c.iter_range, &c.accu_init, &c.condition, &c.step, &c.result]);
                }
            }
            if let Some(children) = left.get_mut(first..) {
                children.reverse();
            }
        }
        Ok(())
    }

    fn kind(&mut self, kind: &ExprKind) -> Result<FlatKind, FlatError> {
        Ok(match kind {
            ExprKind::Literal(literal) => match literal {
                Literal::Null => FlatKind::Null,
                Literal::Bool(b) => FlatKind::Bool(*b),
                Literal::Int(i) => FlatKind::Int(*i),
                Literal::Uint(u) => FlatKind::Uint(*u),
                Literal::Double(d) => FlatKind::Double(*d),
                Literal::String(s) => FlatKind::String(self.text(s)?),
                Literal::Bytes(b) => FlatKind::Bytes(b.clone()),
            },
            ExprKind::Ident(name) => FlatKind::Ident(self.text(name)?),
            ExprKind::Select { field, test_only, .. } => {
                FlatKind::Select { field: self.text(field)?, test_only: *test_only }
            }
            ExprKind::Call { function, target, args } => FlatKind::Call {
                function: self.text(function)?,
                target: target.is_some(),
                args: narrow(args.len())?,
            },
            ExprKind::List { elements, optional } => FlatKind::List {
                elements: narrow(elements.len())?,
                optional: optional.iter().map(|index| narrow(*index)).collect::<Result<_, _>>()?,
            },
            ExprKind::Map(entries) => FlatKind::Map(entries.iter().map(|entry| entry.optional).collect()),
            ExprKind::Struct { type_name, fields } => {
                let type_name = self.text(type_name)?;
                let field = |field: &StructField| Ok((self.text(&field.field)?, field.optional));
                FlatKind::Struct {
                    type_name,
                    fields: fields.iter().map(field).collect::<Result<_, FlatError>>()?,
                }
            }
            ExprKind::Comprehension(c) => {
                let iter_var2 = c.iter_var2.as_deref().map(|name| self.text(name)).transpose()?;
                let (iter_var, accu_var) = (self.text(&c.iter_var)?, self.text(&c.accu_var)?);
                FlatKind::Comprehension { origin: c.origin, iter_var, iter_var2, accu_var }
            }
        })
    }

    fn reference(&mut self, reference: &Reference<'_>) -> Result<FlatReference, FlatError> {
        Ok(match reference {
            Reference::Local(name) => FlatReference::Local(self.text(name)?),
            Reference::Variable(name) => FlatReference::Variable(self.text(name)?),
            Reference::Shadowed(name) => FlatReference::Shadowed(self.text(name)?),
            Reference::Constant(Value::String(text)) => FlatReference::Text(self.text(text)?),
            Reference::Constant(Value::Int(int)) => FlatReference::Int(*int),
            Reference::Constant(_) => return Err(FlatError::new("a constant is neither text nor a number")),
            Reference::Type(name) => FlatReference::Type(self.text(name)?),
            Reference::Call { function, overloads, receiver } => {
                let call = FlatCall {
                    function: self.text(&function.name)?,
                    overloads: overloads.iter().map(|row| self.text(row.id)).collect::<Result<_, _>>()?,
                    receiver: *receiver,
                };
                // INVARIANT: what is written reads back to the same rows.
                let read = super::read::rows(function, overloads.iter().map(|row| row.id));
                let same = read.is_ok_and(|read| {
                    read.len() == overloads.len()
                        && read.iter().zip(overloads).all(|(a, b)| std::ptr::eq(*a, *b))
                });
                if !same {
                    let message = format!("two overloads of `{}` have one id", function.name);
                    return Err(FlatError::new(message));
                }
                FlatReference::Call(self.calls.put(call)?)
            }
        })
    }
}

fn narrow(count: usize) -> Result<u32, FlatError> {
    u32::try_from(count).map_err(|_| FlatError::new("there is too much of it"))
}

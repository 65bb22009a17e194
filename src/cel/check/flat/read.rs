//! From tables and nodes to checked expressions. Trusts nothing: the data may be anything.

use serde::Deserialize as _;

use super::{
    CallAt, FlatCall, FlatError, FlatKind, FlatNode, FlatPlace, FlatReference, FlatType, Tables, Text, TypeAt,
};
use crate::cel::ast::{
    Ast, Comprehension, Expr, ExprKind, Literal, MapEntry, NodeId, NodeInfo, Span, StructField,
};
use crate::cel::check::{Checked, Env, Function, Functions, Reference};
use crate::cel::front::{NODE_LIMIT, SET_NODE_LIMIT, TREE_LIMIT};
use crate::library::object_type;
use crate::library::table::Row;
use crate::types::{MAX_PARTS, OPTIONAL, Type};
use crate::value::Value;

/// Reads what a [`Writer`](super::Writer) wrote, in its order.
#[derive(Debug)]
pub struct Reader<'b> {
    strings: Vec<&'b str>,
    types: Vec<Type>,
    calls: Vec<FlatCall>,
    /// What the calls mean, for the functions of the last expression.
    known: Option<(&'static Functions, Vec<Option<Meant>>)>,
    rest: &'b [u8],
    /// How many nodes the next expressions may have.
    pub(super) left: usize,
}

/// Most expressions have fewer nodes.
const USUAL_NODES: usize = 64;

/// A call's function and the rows of its overloads.
type Meant = (&'static Function, Vec<&'static Row>);

impl<'b> Reader<'b> {
    /// Reads the tables. `names` are those of [`Type::parse`], for the types that libraries declare.
    ///
    /// # Errors
    /// They are not as a writer makes them.
    pub fn new(bytes: &'b [u8], names: &dyn Fn(&str) -> Option<Type>) -> Result<Reader<'b>, FlatError> {
        let (Tables { strings, types: flat, calls }, rest) = postcard::take_from_bytes(bytes)?;
        let (mut types, mut parts) = (Vec::with_capacity(flat.len()), Vec::with_capacity(flat.len()));
        for ty in flat {
            let held = super::parts(&ty, &parts).filter(|held| *held <= MAX_PARTS);
            parts
                .push(held.ok_or_else(|| FlatError::new("a type holds too much, or what stands behind it"))?);
            let read = read_type(ty, &types, &strings, names)?;
            types.push(read);
        }
        Ok(Reader { strings, types, calls, known: None, rest, left: SET_NODE_LIMIT })
    }

    /// The next expression, which was checked in `environment`.
    ///
    /// # Errors
    /// There is none, or it is not one of this environment's.
    pub fn read(&mut self, environment: &Env<'static>) -> Result<Checked<'b>, FlatError> {
        let functions = environment.functions();
        if !self.known.as_ref().is_some_and(|(known, _)| std::ptr::eq(*known, functions)) {
            self.known = Some((functions, vec![None; self.calls.len()]));
        }
        let mut deserializer = postcard::Deserializer::from_bytes(self.rest);
        let places = Vec::<FlatPlace>::deserialize(&mut deserializer)?;
        let mut tree = Tree {
            reader: self,
            types: Vec::with_capacity(USUAL_NODES),
            references: Vec::with_capacity(USUAL_NODES),
        };
        tree.types.push(Type::Error);
        tree.references.push(None);
        let root = tree.read(&mut deserializer)?;
        let Tree { types, references, .. } = tree;
        let left = self.left.checked_sub(types.len());
        self.left = left.ok_or_else(|| FlatError::new("the expressions have too many nodes together"))?;
        self.rest = deserializer.finalize()?;
        let mut info = Vec::new();
        if !places.is_empty() {
            info.resize(types.len(), NodeInfo::default());
        }
        for (node, start, end) in places {
            let node = usize::try_from(node).ok().and_then(|node| info.get_mut(node));
            let node = node.ok_or_else(|| FlatError::new("a place is of no node"))?;
            node.span = Span { start, end };
        }
        let ast = Ast { text: String::new(), root, info };
        Ok(Checked { ast, types, references, optimizing: environment.is_optimizing() })
    }

    /// Whether everything was read.
    pub fn is_at_end(&self) -> bool {
        self.rest.is_empty()
    }

    fn text(&self, at: Text) -> Result<&'b str, FlatError> {
        let text = usize::try_from(at).ok().and_then(|at| self.strings.get(at));
        text.copied().ok_or_else(|| FlatError::new("a text is not in the table"))
    }

    fn call(&mut self, at: CallAt) -> Result<Reference<'b>, FlatError> {
        let place = usize::try_from(at).unwrap_or(usize::MAX);
        let unknown = || FlatError::new("a call is not in the table");
        let call = self.calls.get(place).ok_or_else(unknown)?;
        let (functions, meant) = self.known.as_ref().ok_or_else(unknown)?;
        if let Some(Some((function, overloads))) = meant.get(place) {
            return Ok(Reference::Call { function, overloads: overloads.clone(), receiver: call.receiver });
        }
        let name = self.text(call.function)?;
        let function = functions
            .get(name)
            .ok_or_else(|| FlatError::new(format!("there is no function `{name}` here")))?;
        let ids = call.overloads.iter().map(|id| self.text(*id)).collect::<Result<Vec<_>, _>>()?;
        let overloads = rows(function, ids.into_iter())?;
        let reference = Reference::Call { function, overloads: overloads.clone(), receiver: call.receiver };
        if let Some((_, meant)) = &mut self.known
            && let Some(slot) = meant.get_mut(place)
        {
            *slot = Some((function, overloads));
        }
        Ok(reference)
    }
}

/// The rows of the overloads of `function` with these ids, as many as there are ids.
pub(super) fn rows<'i>(
    function: &Function,
    ids: impl Iterator<Item = &'i str>,
) -> Result<Vec<&'static Row>, FlatError> {
    let row = |id: &str| {
        let overload = function.overloads.iter().find(|overload| overload.row.id == id);
        let unknown = || FlatError::new(format!("`{}` has no overload `{id}` here", function.name));
        overload.map(|overload| overload.row).ok_or_else(unknown)
    };
    let rows = ids.map(row).collect::<Result<Vec<_>, _>>()?;
    if rows.is_empty() { Err(FlatError::new("a call has no overload")) } else { Ok(rows) }
}

/// A type with a name that lives as long as the program: of an object, or of a function library.
fn read_type(
    flat: FlatType,
    types: &[Type],
    strings: &[&str],
    names: &dyn Fn(&str) -> Option<Type>,
) -> Result<Type, FlatError> {
    let of = |at: TypeAt| {
        let ty = usize::try_from(at).ok().and_then(|at| types.get(at));
        ty.cloned().ok_or_else(|| FlatError::new("a type is not in the table"))
    };
    let text = |at: Text| {
        let text = usize::try_from(at).ok().and_then(|at| strings.get(at));
        text.copied().ok_or_else(|| FlatError::new("a text is not in the table"))
    };
    Ok(match flat {
        FlatType::Error => Type::Error,
        FlatType::Dyn => Type::Dyn,
        FlatType::Any => Type::Any,
        FlatType::Null => Type::Null,
        FlatType::Bool => Type::Bool,
        FlatType::Int => Type::Int,
        FlatType::Uint => Type::Uint,
        FlatType::Double => Type::Double,
        FlatType::String => Type::String,
        FlatType::Bytes => Type::Bytes,
        FlatType::Duration => Type::Duration,
        FlatType::Timestamp => Type::Timestamp,
        FlatType::Wrapper(at) => Type::Wrapper(of(at)?.into()),
        FlatType::List(at) => Type::list(of(at)?),
        FlatType::Map(key, value) => Type::map(of(key)?, of(value)?),
        FlatType::Struct(name) => {
            let name = text(name)?;
            match names(name) {
                Some(ty @ Type::Struct(_)) => ty,
                // A helper: functions take its opaque type, and a literal has the object type of the same name.
                Some(Type::Opaque(name, _)) if object_type(name).is_some() => Type::Struct(name),
                _ => return Err(FlatError::new(format!("there is no object type `{name}` here"))),
            }
        }
        FlatType::Opaque(name, parameters) => {
            let name = text(name)?;
            let parameters = parameters.into_iter().map(of).collect::<Result<Vec<_>, _>>()?;
            match names(name) {
                _ if name == OPTIONAL && parameters.len() == 1 => Type::Opaque(OPTIONAL, parameters.into()),
                Some(ty @ Type::Opaque(..)) if parameters.is_empty() => ty,
                _ => return Err(FlatError::new(format!("there is no type `{name}` here"))),
            }
        }
        FlatType::Type(at) => Type::Type(at.map(of).transpose()?.map(Into::into)),
        FlatType::Param(name) => Type::param(text(name)?),
    })
}

/// One tree being read.
struct Tree<'r, 'b> {
    reader: &'r mut Reader<'b>,
    /// By the numbers of the nodes, as [`Checked`] has them.
    types: Vec<Type>,
    references: Vec<Option<Reference<'b>>>,
}

/// A node whose children are being read.
struct Open {
    id: NodeId,
    kind: FlatKind,
    /// How many children it has.
    due: usize,
    children: Vec<Expr>,
    /// The numbers of a map's entries or of a literal's fields.
    entries: Vec<NodeId>,
}

type Bytes<'b> = postcard::Deserializer<'b, postcard::de_flavors::Slice<'b>>;

impl<'b> Tree<'_, 'b> {
    /// A tree. Nothing here calls itself: the data says how deep it is.
    fn read(&mut self, bytes: &mut Bytes<'b>) -> Result<Expr, FlatError> {
        let mut open: Vec<Open> = Vec::new();
        loop {
            if open.len() >= TREE_LIMIT {
                return Err(FlatError::new("an expression nests too deep"));
            }
            // An entry has its number before those of its key and value.
            if let Some(Open { kind, children, entries, .. }) = open.last_mut() {
                let begins = match kind {
                    FlatKind::Map(_) => children.len() % 2 == 0,
                    FlatKind::Struct { .. } => true,
                    _ => false,
                };
                if begins {
                    entries.push(self.id(Type::Error, None)?);
                }
            }
            let mut node = self.node(bytes)?;
            while node.due == node.children.len() {
                let done = self.assemble(node)?;
                match open.pop() {
                    None => return Ok(done),
                    Some(parent) => node = parent,
                }
                node.children.push(done);
            }
            open.push(node);
        }
    }

    /// The next number.
    fn id(&mut self, ty: Type, reference: Option<Reference<'b>>) -> Result<NodeId, FlatError> {
        let id = NodeId::try_from(self.types.len()).ok().filter(|_| self.types.len() <= NODE_LIMIT);
        let id = id.ok_or_else(|| FlatError::new("an expression has too many nodes"))?;
        self.types.push(ty);
        self.references.push(reference);
        Ok(id)
    }

    fn node(&mut self, bytes: &mut Bytes<'b>) -> Result<Open, FlatError> {
        let FlatNode { kind, ty, reference } = FlatNode::deserialize(bytes)?;
        let ty = usize::try_from(ty).ok().and_then(|ty| self.reader.types.get(ty)).cloned();
        let ty = ty.ok_or_else(|| FlatError::new("a type is not in the table"))?;
        let reference = reference.map(|reference| self.reference(&reference)).transpose()?;
        let id = self.id(ty, reference)?;
        let due = match &kind {
            FlatKind::Select { .. } => 1,
            FlatKind::Call { target, args, .. } => wide(*args).saturating_add(usize::from(*target)),
            FlatKind::List { elements, optional } => {
                let ascends = optional.is_sorted_by(|left, right| left < right);
                if !ascends || optional.last().is_some_and(|last| last >= elements) {
                    return Err(FlatError::new("optional elements are not those of their list"));
                }
                wide(*elements)
            }
            FlatKind::Map(entries) => entries.len().saturating_mul(2),
            FlatKind::Struct { fields, .. } => fields.len(),
            FlatKind::Comprehension { .. } => 5,
            _ => 0,
        };
        // A number that is not true ends where the bytes do.
        Ok(Open { id, kind, due, children: Vec::with_capacity(due.min(16)), entries: Vec::new() })
    }

    fn text(&self, at: Text) -> Result<String, FlatError> {
        self.reader.text(at).map(str::to_owned)
    }

    /// A node with its children.
    fn assemble(&self, node: Open) -> Result<Expr, FlatError> {
        let Open { id, kind, children, entries, .. } = node;
        let mut children = children.into_iter();
        let mut next = || children.next().ok_or_else(|| FlatError::new("a node lacks a child"));
        let kind = match kind {
            FlatKind::Null => ExprKind::Literal(Literal::Null),
            FlatKind::Bool(b) => ExprKind::Literal(Literal::Bool(b)),
            FlatKind::Int(i) => ExprKind::Literal(Literal::Int(i)),
            FlatKind::Uint(u) => ExprKind::Literal(Literal::Uint(u)),
            FlatKind::Double(d) => ExprKind::Literal(Literal::Double(d)),
            FlatKind::String(text) => ExprKind::Literal(Literal::String(self.text(text)?)),
            FlatKind::Bytes(bytes) => ExprKind::Literal(Literal::Bytes(bytes)),
            FlatKind::Ident(name) => ExprKind::Ident(self.text(name)?),
            FlatKind::Select { field, test_only } => {
                ExprKind::Select { operand: Box::new(next()?), field: self.text(field)?, test_only }
            }
            FlatKind::Call { function, target, .. } => ExprKind::Call {
                function: self.text(function)?,
                target: if target { Some(Box::new(next()?)) } else { None },
                args: children.collect(),
            },
            FlatKind::List { optional, .. } => ExprKind::List {
                elements: children.collect(),
                optional: optional.into_iter().map(wide).collect(),
            },
            FlatKind::Map(optional) => {
                let entry = |(id, optional)| Ok(MapEntry { id, key: next()?, value: next()?, optional });
                let entries = entries.into_iter().zip(optional).map(entry);
                ExprKind::Map(entries.collect::<Result<_, FlatError>>()?)
            }
            FlatKind::Struct { type_name, fields } => {
                let field = |(id, (field, optional))| {
                    Ok(StructField { id, field: self.text(field)?, value: next()?, optional })
                };
                let fields = entries.into_iter().zip(fields).map(field).collect::<Result<_, FlatError>>()?;
                ExprKind::Struct { type_name: self.text(type_name)?, fields }
            }
            FlatKind::Comprehension { origin, iter_var, iter_var2, accu_var } => {
                ExprKind::Comprehension(Box::new(Comprehension {
                    origin,
                    iter_var: self.text(iter_var)?,
                    iter_var2: iter_var2.map(|name| self.text(name)).transpose()?,
                    accu_var: self.text(accu_var)?,
                    iter_range: next()?,
                    accu_init: next()?,
                    condition: next()?,
                    step: next()?,
                    result: next()?,
                }))
            }
        };
        Ok(Expr { id, kind })
    }

    fn reference(&mut self, reference: &FlatReference) -> Result<Reference<'b>, FlatError> {
        Ok(match reference {
            FlatReference::Local(name) => Reference::Local(self.text(*name)?),
            FlatReference::Variable(name) => Reference::Variable(self.text(*name)?),
            FlatReference::Shadowed(name) => Reference::Shadowed(self.text(*name)?),
            FlatReference::Text(text) => Reference::Constant(Value::String(self.reader.text(*text)?)),
            FlatReference::Int(int) => Reference::Constant(Value::Int(*int)),
            FlatReference::Type(name) => Reference::Type(self.text(*name)?),
            FlatReference::Call(at) => self.reader.call(*at)?,
        })
    }
}

fn wide(count: u32) -> usize {
    usize::try_from(count).unwrap_or(usize::MAX)
}

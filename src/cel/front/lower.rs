//! From the `cel` crate's tree to ours: positions completed, macros expanded bottom-up as they are met.
//!
//! Ids are handed out as cel-go's parser does, because its limit on expressions counts them; at the end the
//! nodes that remain are numbered anew. Knows tokens and macros, nothing of types or functions.

use std::collections::BTreeSet;

use cel::common::ast::{self as parsed, EntryExpr, IdedEntryExpr, IdedExpr, LiteralValue, SourceInfo};

use super::SyntaxError;
use super::macros::{self, Call, Site};
use super::scan::{Kind, Token, Tokens, u32_of};
use crate::cel::ast::{
    Ast, Comprehension, Expr, ExprKind, Literal, Macros, MapEntry, NodeId, NodeInfo, Span, StructField,
};

/// cel-go's limit on the nodes of one expression, those that macros make included.
pub(in crate::cel) const NODE_LIMIT: usize = 100_000;

/// The deepest tree that is handed to the checker, which calls itself for each level: not cel-go's, whose limits leave
/// room for trees several times deeper when brackets, signs and long chains of `||` come together.
pub(in crate::cel) const TREE_LIMIT: usize = 800;

/// Turns the crate's tree of `text` into ours.
///
/// `refused` holds the starts of tokens that were already reported (reserved words, literals out of range):
/// the nodes they stand for count as erroneous, so that macros around them are judged as cel-go judges them.
/// An `Ast` comes back only if nothing was refused.
pub(super) fn lower(
    text: &str,
    tokens: &Tokens,
    tree: IdedExpr,
    source: &SourceInfo,
    reading: Reading<'_>,
) -> Result<Ast, Vec<SyntaxError>> {
    let mut lowering = Lowering { nodes: Nodes::new(), tokens, source, reading };
    let mut root = lowering.expr(tree);
    let nodes = lowering.nodes;
    if !nodes.errors.is_empty() {
        return Err(nodes.errors);
    }
    let mut renumbering =
        Renumbering { old: &nodes.info, new: vec![NodeInfo::default()], depth: 0, deepest: 0 };
    renumbering.expr(&mut root);
    let deepest = renumbering.deepest;
    if deepest > TREE_LIMIT {
        let message = format!(
            "the expression nests {deepest} levels deep, macros expanded; the limit is {TREE_LIMIT} (fixed)"
        );
        return Err(vec![SyntaxError::without_position(message)]);
    }
    let count = renumbering.new.len().saturating_sub(1);
    if count > NODE_LIMIT {
        let message = format!("expression node count exceeds limit: count {count}, limit {NODE_LIMIT}");
        return Err(vec![SyntaxError::without_position(message)]);
    }
    Ok(Ast { text: text.to_owned(), root, info: renumbering.new })
}

/// The nodes made so far, and what was wrong with them.
pub(super) struct Nodes {
    info: Vec<NodeInfo>,
    errors: Vec<SyntaxError>,
}

impl Nodes {
    fn new() -> Nodes {
        Nodes { info: vec![NodeInfo::default()], errors: Vec::new() }
    }

    /// A new id with its facts.
    pub(super) fn add(&mut self, info: NodeInfo) -> NodeId {
        self.info.push(info);
        u32_of(self.info.len().saturating_sub(1))
    }

    /// A new node.
    pub(super) fn node(&mut self, info: NodeInfo, kind: ExprKind) -> Expr {
        Expr { id: self.add(info), kind }
    }

    /// What is known of a node.
    pub(super) fn info(&self, id: NodeId) -> NodeInfo {
        usize::try_from(id).ok().and_then(|i| self.info.get(i)).copied().unwrap_or_default()
    }

    fn set_span(&mut self, id: NodeId, span: Span) {
        if let Some(info) = usize::try_from(id).ok().and_then(|i| self.info.get_mut(i)) {
            info.span = span;
        }
    }

    /// Whether cel-go would stop expanding macros.
    pub(super) fn too_many(&self) -> bool {
        self.info.len().saturating_sub(1) > NODE_LIMIT
    }

    /// Gives an id back, if it was the last one.
    pub(super) fn delete(&mut self, id: NodeId) {
        if usize::try_from(id).is_ok_and(|i| i.saturating_add(1) == self.info.len()) {
            self.info.pop();
        }
    }

    /// Reports an error at a byte offset; the node that takes the place of the faulty one.
    pub(super) fn refuse(&mut self, anchor: u32, message: String) -> Expr {
        self.errors.push(SyntaxError::at(usize::try_from(anchor).unwrap_or_default(), message));
        self.erroneous(anchor)
    }

    /// The place holder for a node that was refused: a call without a name, which no source can write. It
    /// never leaves this module, as an error was reported.
    fn erroneous(&mut self, anchor: u32) -> Expr {
        let info = NodeInfo { anchor, span: Span { start: anchor, end: anchor }, origin: None };
        self.node(info, ExprKind::Call { function: String::new(), target: None, args: Vec::new() })
    }
}

/// Whether the node stands for one that was refused.
pub(super) fn is_erroneous(expr: &Expr) -> bool {
    matches!(&expr.kind, ExprKind::Call { function, .. } if function.is_empty())
}

struct Lowering<'a> {
    nodes: Nodes,
    tokens: &'a Tokens,
    source: &'a SourceInfo,
    reading: Reading<'a>,
}

/// What is known of a text before it is read.
#[derive(Clone, Copy)]
pub(super) struct Reading<'a> {
    /// The macros of its environment.
    pub(super) macros: Macros,
    /// Where tokens begin that are refused, and masked.
    pub(super) refused: &'a BTreeSet<u32>,
}

impl Lowering<'_> {
    fn expr(&mut self, expr: IdedExpr) -> Expr {
        let anchor = self.source.offset_for(expr.id).map_or(0, |(start, _)| start);
        let index = self.tokens.index_at(anchor);
        let token = index.and_then(|i| self.tokens.get(i)).unwrap_or(Token {
            kind: Kind::Ident,
            start: anchor,
            end: anchor,
            closed_at: None,
        });
        let place = Place { index: index.unwrap_or_default(), token };
        match expr.expr {
            parsed::Expr::Literal(literal) => self.literal(place, literal),
            parsed::Expr::Ident(name) => self.ident(place, name),
            parsed::Expr::Select(select) => self.select(place, *select.operand, select.field),
            parsed::Expr::Call(call) => self.call(place, call),
            parsed::Expr::List(list) => {
                let id = self.open(place);
                let elements = self.all(list.elements);
                Expr { id, kind: ExprKind::List { elements, optional: list.optional_indices } }
            }
            parsed::Expr::Map(map) => {
                let id = self.open(place);
                Expr { id, kind: ExprKind::Map(self.map_entries(map.entries)) }
            }
            parsed::Expr::Struct(message) => {
                let start = self.name_start(place.index);
                let id = self.nodes.add(place.spanning(start));
                let fields = self.struct_fields(message.entries);
                Expr { id, kind: ExprKind::Struct { type_name: message.type_name, fields } }
            }
            // The parser has no macros, so it makes no comprehensions; a missing node comes with an error.
            parsed::Expr::Comprehension(_) | parsed::Expr::Unspecified => {
                self.nodes.refuse(anchor, "unknown parse element encountered".to_owned())
            }
        }
    }

    fn all(&mut self, exprs: Vec<IdedExpr>) -> Vec<Expr> {
        exprs.into_iter().map(|expr| self.expr(expr)).collect()
    }

    /// The id of a literal that starts and ends with brackets.
    fn open(&mut self, place: Place) -> NodeId {
        self.nodes.add(place.spanning(place.token.start))
    }

    fn literal(&mut self, place: Place, literal: LiteralValue) -> Expr {
        let token = place.token;
        let sign = match literal {
            LiteralValue::Int(_) | LiteralValue::Double(_) => self.tokens.sign_of(place.index),
            _ => None,
        };
        let start = sign.map_or(token.start, |sign| sign.start);
        let literal = match literal {
            LiteralValue::Null => Literal::Null,
            LiteralValue::Boolean(value) => Literal::Bool(value.into_inner()),
            LiteralValue::Int(value) => Literal::Int(value.into_inner()),
            LiteralValue::UInt(value) => Literal::Uint(value.into_inner()),
            LiteralValue::Double(value) => Literal::Double(value.into_inner()),
            LiteralValue::String(value) => Literal::String(value.into_inner()),
            LiteralValue::Bytes(value) => Literal::Bytes(value.into_inner()),
        };
        let info = NodeInfo { anchor: start, span: Span { start, end: token.end }, origin: None };
        self.nodes.node(info, ExprKind::Literal(literal))
    }

    fn ident(&mut self, place: Place, name: String) -> Expr {
        let token = place.token;
        if self.reading.refused.contains(&token.start) {
            return self.nodes.erroneous(self.node_start(place.index));
        }
        let start = self.name_start(place.index.saturating_add(1));
        let info = NodeInfo { anchor: token.start, span: Span { start, end: token.end }, origin: None };
        self.nodes.node(info, ExprKind::Ident(name))
    }

    fn select(&mut self, place: Place, operand: IdedExpr, field: String) -> Expr {
        let operand = self.expr(operand);
        let start = self.nodes.info(operand.id).span.start;
        let end = self.tokens.get(place.index.saturating_add(1)).map_or(place.token.end, |name| name.end);
        let info = NodeInfo { anchor: place.token.start, span: Span { start, end }, origin: None };
        self.nodes.node(info, ExprKind::Select { operand: Box::new(operand), field, test_only: false })
    }

    /// `operand.?field`; cel-go has the field's name where it stands, the crate at the dot.
    fn optional_select(&mut self, place: Place, function: String, args: Vec<IdedExpr>) -> Expr {
        let mut args = args.into_iter();
        let operand = args.next().map(|operand| self.expr(operand));
        let name = self.tokens.get(place.index.saturating_add(2)).unwrap_or(place.token);
        let span = Span { start: name.start, end: name.end };
        let field = match args.next().map(|field| field.expr) {
            Some(parsed::Expr::Literal(LiteralValue::String(field))) => field.into_inner(),
            _ => String::new(),
        };
        let field = self.nodes.node(
            NodeInfo { anchor: span.start, span, origin: None },
            ExprKind::Literal(Literal::String(field)),
        );
        let start = operand.as_ref().map_or(place.token.start, |o| self.nodes.info(o.id).span.start);
        let info = NodeInfo { anchor: place.token.start, span: Span { start, end: span.end }, origin: None };
        let args = operand.into_iter().chain([field]).collect();
        self.nodes.node(info, ExprKind::Call { function, target: None, args })
    }

    fn call(&mut self, place: Place, call: parsed::CallExpr) -> Expr {
        let parsed::CallExpr { func_name: function, target, args } = call;
        if function == "_?._" {
            return self.optional_select(place, function, args);
        }
        if !is_name(&function) {
            return self.operator(place, function, args);
        }
        let name = self.tokens.before(place.index).unwrap_or(place.token);
        if target.is_none() && self.reading.refused.contains(&name.start) {
            return self.nodes.erroneous(self.name_start(place.index));
        }
        let target = target.map(|target| self.expr(*target));
        let start = match &target {
            Some(target) => self.nodes.info(target.id).span.start,
            None => self.name_start(place.index),
        };
        let info = place.spanning(start);
        let id = self.nodes.add(info);
        let args = self.all(args);
        let site = Site { id, info };
        macros::expand(&mut self.nodes, self.reading.macros, site, Call { function, target, args })
    }

    /// An operator: its anchor is its token, its span that of its operands, and of the brackets of an indexing.
    fn operator(&mut self, place: Place, function: String, args: Vec<IdedExpr>) -> Expr {
        let id = self.nodes.add(place.spanning(place.token.start));
        let args = self.all(args);
        let own = self.nodes.info(id).span;
        let span = args.iter().fold(own, |span, arg| union(span, self.nodes.info(arg.id).span));
        self.nodes.set_span(id, span);
        Expr { id, kind: ExprKind::Call { function, target: None, args } }
    }

    fn map_entries(&mut self, entries: Vec<IdedEntryExpr>) -> Vec<MapEntry> {
        let mut lowered = Vec::with_capacity(entries.len());
        for entry in entries {
            let id = self.entry_id(entry.id);
            if let EntryExpr::MapEntry(entry) = entry.expr {
                let key = self.expr(entry.key);
                let value = self.expr(entry.value);
                self.widen(id, self.nodes.info(key.id).span);
                self.widen(id, self.nodes.info(value.id).span);
                lowered.push(MapEntry { id, key, value, optional: entry.optional });
            }
        }
        lowered
    }

    fn struct_fields(&mut self, entries: Vec<IdedEntryExpr>) -> Vec<StructField> {
        let mut lowered = Vec::with_capacity(entries.len());
        for entry in entries {
            let id = self.entry_id(entry.id);
            if let EntryExpr::StructField(entry) = entry.expr {
                let value = self.expr(entry.value);
                self.widen(id, self.nodes.info(value.id).span);
                lowered.push(StructField { id, field: entry.field, value, optional: entry.optional });
            }
        }
        lowered
    }

    /// The id of an entry, which stands at its colon; the span of a field starts with its name.
    fn entry_id(&mut self, id: u64) -> NodeId {
        let anchor = self.source.offset_for(id).map_or(0, |(start, _)| start);
        let name = self.tokens.index_at(anchor).and_then(|i| self.tokens.before(i));
        let start = name.map_or(anchor, |token| token.start);
        let span = Span { start, end: anchor.saturating_add(1) };
        self.nodes.add(NodeInfo { anchor, span, origin: None })
    }

    fn widen(&mut self, id: NodeId, span: Span) {
        let own = self.nodes.info(id).span;
        self.nodes.set_span(id, union(own, span));
    }

    /// Where the (dotted) name starts that ends just before the token `end`.
    fn name_start(&self, end: usize) -> u32 {
        let mut start = self.tokens.before(end).map_or(0, |token| token.start);
        let mut at = end.saturating_sub(1);
        while let Some(previous) = self.tokens.before(at) {
            match previous.kind {
                Kind::Dot => {}
                Kind::Ident if self.tokens.get(at).is_some_and(|token| token.kind == Kind::Dot) => {}
                _ => break,
            }
            start = previous.start;
            at = at.saturating_sub(1);
        }
        start
    }

    /// Where cel-go has a refused name or literal: at its leading dot or sign, if it has one.
    fn node_start(&self, index: usize) -> u32 {
        super::refused_at(self.tokens, index)
    }
}

/// Whether a source can write the function's name; operators have names that it cannot.
fn is_name(function: &str) -> bool {
    function.trim_start_matches('.').bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

/// A token with its number.
#[derive(Clone, Copy)]
struct Place {
    index: usize,
    token: Token,
}

impl Place {
    /// A node that is anchored here and ends with this token, or with the bracket that closes it.
    fn spanning(self, start: u32) -> NodeInfo {
        let end = self.token.closed_at.unwrap_or(self.token.end);
        NodeInfo { anchor: self.token.start, span: Span { start, end }, origin: None }
    }
}

fn union(a: Span, b: Span) -> Span {
    Span { start: a.start.min(b.start), end: a.end.max(b.end) }
}

/// Numbers the nodes that are left, parents before children.
struct Renumbering<'a> {
    old: &'a [NodeInfo],
    new: Vec<NodeInfo>,
    /// The nodes around the one being numbered.
    depth: usize,
    deepest: usize,
}

impl Renumbering<'_> {
    fn id(&mut self, id: &mut NodeId) {
        let info = usize::try_from(*id).ok().and_then(|i| self.old.get(i)).copied().unwrap_or_default();
        *id = u32_of(self.new.len());
        self.new.push(info);
    }

    fn all(&mut self, exprs: &mut [Expr]) {
        for expr in exprs {
            self.expr(expr);
        }
    }

    fn expr(&mut self, expr: &mut Expr) {
        self.depth = self.depth.saturating_add(1);
        self.deepest = self.deepest.max(self.depth);
        self.children(expr);
        self.depth = self.depth.saturating_sub(1);
    }

    fn children(&mut self, expr: &mut Expr) {
        self.id(&mut expr.id);
        match &mut expr.kind {
            ExprKind::Literal(_) | ExprKind::Ident(_) => {}
            ExprKind::Select { operand, .. } => self.expr(operand),
            ExprKind::Call { target, args, .. } => {
                if let Some(target) = target {
                    self.expr(target);
                }
                self.all(args);
            }
            ExprKind::List { elements, .. } => self.all(elements),
            ExprKind::Map(entries) => {
                for entry in entries {
                    self.id(&mut entry.id);
                    self.expr(&mut entry.key);
                    self.expr(&mut entry.value);
                }
            }
            ExprKind::Struct { fields, .. } => {
                for field in fields {
                    self.id(&mut field.id);
                    self.expr(&mut field.value);
                }
            }
            ExprKind::Comprehension(fold) => self.comprehension(fold),
        }
    }

    fn comprehension(&mut self, fold: &mut Comprehension) {
        let Comprehension { iter_range, accu_init, condition, step, result, .. } = fold;
        for part in [iter_range, accu_init, condition, step, result] {
            self.expr(part);
        }
    }
}

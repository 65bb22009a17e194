//! The macros of Kyverno's environments, expanded as cel-go 0.30 expands them.
//!
//! The rules come from cel-go's `parser/macro.go`, `ext/{bindings,comprehensions,lists,math,protos}.go` and the optional
//! types of `cel/library.go`: which calls are macros, what they become, what they refuse and in which words.
//! A macro sees its arguments already expanded. Each node that a macro makes stands at the macro's `(`.
//! Knows our nodes only; not the crate that parses.

use super::lower::{NODE_LIMIT, Nodes, is_erroneous};
use crate::cel::ast::{
    Comprehension, Expr, ExprKind, Literal, Macro, Macros, MapEntry, NodeId, NodeInfo, StructField,
};

/// The accumulator of all folds; no source can name it.
const ACCUMULATOR: &str = "@result";
/// What it was called once; still refused as the name of an element.
const OLD_ACCUMULATOR: &str = "__result__";
/// The element of folds that only bind a value.
const UNUSED: &str = "#unused";
/// The list that `sortBy` sorts.
const SORT_BY_INPUT: &str = "@__sortBy_input__";
/// The function that adds to the map of `transformMap` and `transformMapEntry`.
const MAP_INSERT: &str = "cel.@mapInsert";

/// A call as written, with its arguments expanded.
pub(super) struct Call {
    pub(super) function: String,
    pub(super) target: Option<Expr>,
    pub(super) args: Vec<Expr>,
}

/// Where a call stands.
#[derive(Clone, Copy)]
pub(super) struct Site {
    /// The id that the call has if it is no macro.
    pub(super) id: NodeId,
    /// The place of the call.
    pub(super) info: NodeInfo,
}

/// What is wrong with a macro's arguments, and at which node.
struct Refusal {
    at: NodeId,
    message: String,
}

fn refuse<T>(at: &Expr, message: impl Into<String>) -> Result<T, Refusal> {
    Err(Refusal { at: at.id, message: message.into() })
}

/// The call itself, or what it expands to if it is a macro.
pub(super) fn expand(nodes: &mut Nodes, macros: Macros, site: Site, call: Call) -> Expr {
    let Some(name) = find(macros, &call) else {
        let Call { function, target, args } = call;
        return Expr { id: site.id, kind: ExprKind::Call { function, target: target.map(Box::new), args } };
    };
    let too_many = || {
        format!("expression count exceeds limit of {NODE_LIMIT} while expanding macro '{}'", call.function)
    };
    let (anchor, too_many) = (site.info.anchor, too_many());
    if nodes.too_many() {
        nodes.delete(site.id);
        return nodes.refuse(anchor, too_many);
    }
    let info = NodeInfo { origin: Some(name), ..site.info };
    let Call { target, args, .. } = call;
    let made = Expander { nodes, info, name }.expand(target, args);
    match made {
        _ if nodes.too_many() => {
            nodes.delete(site.id);
            nodes.refuse(anchor, too_many)
        }
        Ok(expr) => expr,
        Err(Refusal { at, message }) => {
            let anchor = nodes.info(at).anchor;
            nodes.delete(site.id);
            nodes.refuse(anchor, message)
        }
    }
}

/// The macro that the call names, by its form, its name and the number of its arguments.
fn find(macros: Macros, call: &Call) -> Option<Macro> {
    let count = call.args.len();
    let Some(target) = &call.target else {
        return (call.function == "has" && count == 1).then_some(Macro::Has);
    };
    let namespace = match &target.kind {
        ExprKind::Ident(name) => name.as_str(),
        _ => "",
    };
    match (call.function.as_str(), count) {
        ("all", 2) => Some(Macro::All),
        ("exists", 2) => Some(Macro::Exists),
        ("exists_one", 2) => Some(Macro::ExistsOne),
        ("map", 2 | 3) => Some(Macro::Map),
        ("filter", 2) => Some(Macro::Filter),
        ("optMap", 2) => Some(Macro::OptMap),
        ("optFlatMap", 2) => Some(Macro::OptFlatMap),
        ("sortBy", 2) => Some(Macro::SortBy),
        ("bind", 3) if namespace == "cel" => Some(Macro::Bind),
        ("greatest", _) if namespace == "math" => Some(Macro::Greatest),
        ("least", _) if namespace == "math" => Some(Macro::Least),
        ("getExt", 2) if namespace == "proto" => Some(Macro::GetExt),
        ("hasExt", 2) if namespace == "proto" => Some(Macro::HasExt),
        (function, _) if macros == Macros::TwoVariables => find_of_two(function, count),
        _ => None,
    }
}

/// The same among the macros with two variables.
fn find_of_two(function: &str, count: usize) -> Option<Macro> {
    match (function, count) {
        ("all", 3) => Some(Macro::All),
        ("exists", 3) => Some(Macro::Exists),
        ("existsOne" | "exists_one", 3) => Some(Macro::ExistsOne),
        ("transformList", 3 | 4) => Some(Macro::TransformList),
        ("transformMap", 3 | 4) => Some(Macro::TransformMap),
        ("transformMapEntry", 3 | 4) => Some(Macro::TransformMapEntry),
        _ => None,
    }
}

/// Makes the nodes of one macro.
struct Expander<'a> {
    nodes: &'a mut Nodes,
    info: NodeInfo,
    name: Macro,
}

impl Expander<'_> {
    fn expand(&mut self, target: Option<Expr>, args: Vec<Expr>) -> Result<Expr, Refusal> {
        let Some(target) = target else {
            return self.has(args);
        };
        match self.name {
            Macro::All | Macro::Exists | Macro::ExistsOne => self.quantifier(target, args),
            Macro::Map => self.map(target, args),
            Macro::TransformList | Macro::TransformMap | Macro::TransformMapEntry => {
                self.transform(target, args)
            }
            Macro::Filter => self.filter(target, args),
            Macro::Bind => self.bind(args),
            Macro::OptMap => self.optional(target, args, "optMap"),
            Macro::OptFlatMap => self.optional(target, args, "optFlatMap"),
            Macro::SortBy => self.sort_by(target, args),
            Macro::Greatest => self.extreme(&target, args, "math.greatest()", "math.@max"),
            Macro::Least => self.extreme(&target, args, "math.least()", "math.@min"),
            Macro::Has | Macro::GetExt | Macro::HasExt => self.extension(args),
        }
    }

    fn node(&mut self, kind: ExprKind) -> Expr {
        self.nodes.node(self.info, kind)
    }

    fn literal(&mut self, literal: Literal) -> Expr {
        self.node(ExprKind::Literal(literal))
    }

    fn ident(&mut self, name: &str) -> Expr {
        self.node(ExprKind::Ident(name.to_owned()))
    }

    fn accumulator(&mut self) -> Expr {
        self.ident(ACCUMULATOR)
    }

    fn list(&mut self, elements: Vec<Expr>) -> Expr {
        self.node(ExprKind::List { elements, optional: Vec::new() })
    }

    fn call(&mut self, function: &str, args: Vec<Expr>) -> Expr {
        self.node(ExprKind::Call { function: function.to_owned(), target: None, args })
    }

    fn member_call(&mut self, target: Expr, function: &str, args: Vec<Expr>) -> Expr {
        self.node(ExprKind::Call { function: function.to_owned(), target: Some(Box::new(target)), args })
    }

    fn fold(&mut self, fold: Fold, condition: Expr, step: Expr, result: Expr) -> Expr {
        let Fold { iter_range, variables: Variables { first, second }, accu_var, accu_init } = fold;
        let origin = self.name;
        self.node(ExprKind::Comprehension(Box::new(Comprehension {
            origin,
            iter_range,
            iter_var: first,
            iter_var2: second,
            accu_var,
            accu_init,
            condition,
            step,
            result,
        })))
    }

    /// A fold over nothing, whose result sees `init` under the name `variable`.
    fn bound(&mut self, range: Expr, variable: String, init: Expr, result: Expr) -> Expr {
        let condition = self.literal(Literal::Bool(false));
        let step = self.ident(&variable);
        let variables = Variables { first: UNUSED.to_owned(), second: None };
        let fold = Fold { iter_range: range, variables, accu_var: variable, accu_init: init };
        self.fold(fold, condition, step, result)
    }

    fn has(&mut self, args: Vec<Expr>) -> Result<Expr, Refusal> {
        let [arg] = exactly(args)?;
        match arg.kind {
            ExprKind::Select { operand, field, .. } => {
                Ok(self.node(ExprKind::Select { operand, field, test_only: true }))
            }
            _ => refuse(&arg, "invalid argument to has() macro"),
        }
    }

    fn quantifier(&mut self, target: Expr, args: Vec<Expr>) -> Result<Expr, Refusal> {
        let (variables, predicate) = match <[Expr; 3]>::try_from(args) {
            Ok([first, second, predicate]) => (two_names(&first, &second)?, predicate),
            Err(args) => {
                let [variable, predicate] = exactly(args)?;
                (element_name(&variable, "argument must be a simple name")?, predicate)
            }
        };
        let (init, condition, step, result);
        match self.name {
            Macro::All => {
                init = self.literal(Literal::Bool(true));
                let accumulator = self.accumulator();
                condition = self.call("@not_strictly_false", vec![accumulator]);
                let accumulator = self.accumulator();
                step = self.call("_&&_", vec![accumulator, predicate]);
                result = self.accumulator();
            }
            Macro::Exists => {
                init = self.literal(Literal::Bool(false));
                let accumulator = self.accumulator();
                let negated = self.call("!_", vec![accumulator]);
                condition = self.call("@not_strictly_false", vec![negated]);
                let accumulator = self.accumulator();
                step = self.call("_||_", vec![accumulator, predicate]);
                result = self.accumulator();
            }
            _ => {
                init = self.literal(Literal::Int(0));
                condition = self.literal(Literal::Bool(true));
                let (accumulator, one) = (self.accumulator(), self.literal(Literal::Int(1)));
                let counted = self.call("_+_", vec![accumulator, one]);
                let unchanged = self.accumulator();
                step = self.call("_?_:_", vec![predicate, counted, unchanged]);
                let (accumulator, one) = (self.accumulator(), self.literal(Literal::Int(1)));
                result = self.call("_==_", vec![accumulator, one]);
            }
        }
        let fold = Fold { iter_range: target, variables, accu_var: ACCUMULATOR.to_owned(), accu_init: init };
        Ok(self.fold(fold, condition, step, result))
    }

    /// `transformList`, `transformMap` and `transformMapEntry`: what the transformation gives is appended, put under the
    /// first variable, or is itself the entries that are added.
    fn transform(&mut self, target: Expr, args: Vec<Expr>) -> Result<Expr, Refusal> {
        let mut args = args.into_iter();
        let (Some(first), Some(second), Some(third)) = (args.next(), args.next(), args.next()) else {
            return refuse(&target, WRONG_NUMBER);
        };
        let (predicate, transform) = match args.next() {
            Some(fourth) => (Some(third), fourth),
            None => (None, third),
        };
        let variables = two_names(&first, &second)?;
        let (step, init);
        match self.name {
            Macro::TransformList => {
                let accumulator = self.accumulator();
                let one = self.list(vec![transform]);
                step = self.call("_+_", vec![accumulator, one]);
                init = ExprKind::List { elements: Vec::new(), optional: Vec::new() };
            }
            Macro::TransformMap => {
                let (accumulator, key) = (self.accumulator(), self.ident(&variables.first));
                step = self.call(MAP_INSERT, vec![accumulator, key, transform]);
                init = ExprKind::Map(Vec::new());
            }
            _ => {
                let accumulator = self.accumulator();
                step = self.call(MAP_INSERT, vec![accumulator, transform]);
                init = ExprKind::Map(Vec::new());
            }
        }
        let init = self.node(init);
        Ok(self.gather(target, variables, predicate, init, step))
    }

    fn map(&mut self, target: Expr, args: Vec<Expr>) -> Result<Expr, Refusal> {
        let mut args = args.into_iter();
        let (Some(variable), Some(second)) = (args.next(), args.next()) else {
            return refuse(&target, "argument is not an identifier");
        };
        let (predicate, transform) = match args.next() {
            Some(third) => (Some(second), third),
            None => (None, second),
        };
        let variables = element_name(&variable, "argument is not an identifier")?;
        Ok(self.collect(target, variables, predicate, transform))
    }

    fn filter(&mut self, target: Expr, args: Vec<Expr>) -> Result<Expr, Refusal> {
        let [variable, predicate] = exactly(args)?;
        let variables = element_name(&variable, "argument is not an identifier")?;
        Ok(self.collect(target, variables, Some(predicate), variable))
    }

    /// A fold that appends `transform` for each element, or for those that satisfy the predicate.
    fn collect(
        &mut self,
        range: Expr,
        variables: Variables,
        predicate: Option<Expr>,
        transform: Expr,
    ) -> Expr {
        let init = self.list(Vec::new());
        let accumulator = self.accumulator();
        let one = self.list(vec![transform]);
        let step = self.call("_+_", vec![accumulator, one]);
        self.gather(range, variables, predicate, init, step)
    }

    /// A fold that takes `step` for each element, or for those that satisfy the predicate.
    fn gather(
        &mut self,
        range: Expr,
        variables: Variables,
        predicate: Option<Expr>,
        init: Expr,
        mut step: Expr,
    ) -> Expr {
        let condition = self.literal(Literal::Bool(true));
        if let Some(predicate) = predicate {
            let unchanged = self.accumulator();
            step = self.call("_?_:_", vec![predicate, step, unchanged]);
        }
        let result = self.accumulator();
        let fold = Fold { iter_range: range, variables, accu_var: ACCUMULATOR.to_owned(), accu_init: init };
        self.fold(fold, condition, step, result)
    }

    fn bind(&mut self, args: Vec<Expr>) -> Result<Expr, Refusal> {
        let [variable, init, result] = exactly(args)?;
        let ExprKind::Ident(name) = variable.kind else {
            return refuse(&variable, "cel.bind() variable names must be simple identifiers");
        };
        let range = self.list(Vec::new());
        Ok(self.bound(range, name, init, result))
    }

    /// `optMap` and `optFlatMap`: the receiver is tested, and a copy of it is bound.
    fn optional(&mut self, target: Expr, args: Vec<Expr>, function: &str) -> Result<Expr, Refusal> {
        let [variable, transform] = exactly(args)?;
        let ExprKind::Ident(name) = variable.kind else {
            return refuse(&variable, format!("{function}() variable name must be a simple identifier"));
        };
        let copy = self.copy(&target);
        let present = self.member_call(target, "hasValue", Vec::new());
        let range = self.list(Vec::new());
        let value = self.member_call(copy, "value", Vec::new());
        let mut mapped = self.bound(range, name, value, transform);
        if self.name == Macro::OptMap {
            mapped = self.call("optional.of", vec![mapped]);
        }
        let none = self.call("optional.none", Vec::new());
        Ok(self.call("_?_:_", vec![present, mapped, none]))
    }

    /// `l.sortBy(x, key)`: binds the list, maps it to keys and sorts by them.
    fn sort_by(&mut self, target: Expr, args: Vec<Expr>) -> Result<Expr, Refusal> {
        let step = self.ident(SORT_BY_INPUT);
        let sortable = match &target.kind {
            ExprKind::Literal(_) | ExprKind::Map(_) | ExprKind::Struct { .. } => false,
            _ => !is_erroneous(&target),
        };
        if !sortable {
            return refuse(
                &target,
                "sortBy can only be applied to a list, identifier, comprehension, call or select expression",
            );
        }
        let range = self.copy(&step);
        let keys = self.map(range, args)?;
        let list = self.copy(&step);
        let sorted = self.member_call(list, "@sortByAssociatedKeys", vec![keys]);
        let nothing = self.list(Vec::new());
        let condition = self.literal(Literal::Bool(false));
        let fold = Fold {
            iter_range: nothing,
            variables: Variables { first: UNUSED.to_owned(), second: None },
            accu_var: SORT_BY_INPUT.to_owned(),
            accu_init: target,
        };
        Ok(self.fold(fold, condition, step, sorted))
    }

    fn extreme(&mut self, math: &Expr, args: Vec<Expr>, name: &str, function: &str) -> Result<Expr, Refusal> {
        match args.as_slice() {
            [] => refuse(math, format!("{name} requires at least one argument")),
            [single] if is_numeric(single) || is_numeric_list(single) => Ok(self.call(function, args)),
            [single] => refuse(single, format!("{name} invalid single argument value")),
            several => {
                if let Some(arg) = several.iter().find(|arg| !is_numeric(arg)) {
                    return refuse(arg, format!("{name} simple literal arguments must be numeric"));
                }
                let args = if several.len() == 2 { args } else { vec![self.list(args)] };
                Ok(self.call(function, args))
            }
        }
    }

    /// `proto.getExt` and `proto.hasExt`: the extension's name is written as a selection.
    fn extension(&mut self, args: Vec<Expr>) -> Result<Expr, Refusal> {
        let [message, extension] = exactly(args)?;
        let name = match &extension.kind {
            ExprKind::Select { .. } => qualified_name(&extension),
            _ => None,
        };
        let Some(field) = name else {
            return refuse(&extension, "invalid extension field");
        };
        let test_only = self.name == Macro::HasExt;
        Ok(self.node(ExprKind::Select { operand: Box::new(message), field, test_only }))
    }

    /// The same tree with ids of its own; the nodes stay where they were.
    fn copy(&mut self, expr: &Expr) -> Expr {
        let info = self.nodes.info(expr.id);
        let kind = match &expr.kind {
            ExprKind::Literal(literal) => ExprKind::Literal(literal.clone()),
            ExprKind::Ident(name) => ExprKind::Ident(name.clone()),
            ExprKind::Select { operand, field, test_only } => ExprKind::Select {
                operand: Box::new(self.copy(operand)),
                field: field.clone(),
                test_only: *test_only,
            },
            ExprKind::Call { function, target, args } => ExprKind::Call {
                function: function.clone(),
                target: target.as_ref().map(|target| Box::new(self.copy(target))),
                args: self.copy_all(args),
            },
            ExprKind::List { elements, optional } => {
                ExprKind::List { elements: self.copy_all(elements), optional: optional.clone() }
            }
            ExprKind::Map(entries) => ExprKind::Map(entries.iter().map(|e| self.copy_entry(e)).collect()),
            ExprKind::Struct { type_name, fields } => ExprKind::Struct {
                type_name: type_name.clone(),
                fields: fields.iter().map(|f| self.copy_field(f)).collect(),
            },
            ExprKind::Comprehension(fold) => ExprKind::Comprehension(Box::new(Comprehension {
                origin: fold.origin,
                iter_range: self.copy(&fold.iter_range),
                iter_var: fold.iter_var.clone(),
                iter_var2: fold.iter_var2.clone(),
                accu_var: fold.accu_var.clone(),
                accu_init: self.copy(&fold.accu_init),
                condition: self.copy(&fold.condition),
                step: self.copy(&fold.step),
                result: self.copy(&fold.result),
            })),
        };
        self.nodes.node(info, kind)
    }

    fn copy_all(&mut self, exprs: &[Expr]) -> Vec<Expr> {
        exprs.iter().map(|expr| self.copy(expr)).collect()
    }

    // Entries of copies stand at the macro, as in cel-go.
    fn copy_entry(&mut self, entry: &MapEntry) -> MapEntry {
        MapEntry {
            id: self.nodes.add(self.info),
            key: self.copy(&entry.key),
            value: self.copy(&entry.value),
            optional: entry.optional,
        }
    }

    fn copy_field(&mut self, field: &StructField) -> StructField {
        StructField {
            id: self.nodes.add(self.info),
            field: field.field.clone(),
            value: self.copy(&field.value),
            optional: field.optional,
        }
    }
}

/// The first half of a comprehension.
struct Fold {
    iter_range: Expr,
    variables: Variables,
    accu_var: String,
    accu_init: Expr,
}

/// The names of a fold's variables.
struct Variables {
    first: String,
    second: Option<String>,
}

const WRONG_NUMBER: &str = "wrong number of arguments to macro";

/// The arguments by number; [`find`] has already counted them.
fn exactly<const N: usize>(args: Vec<Expr>) -> Result<[Expr; N], Refusal> {
    args.try_into().map_err(|args: Vec<Expr>| Refusal {
        at: args.first().map_or(0, |arg| arg.id),
        message: WRONG_NUMBER.to_owned(),
    })
}

/// The name of a fold's element.
fn element_name(variable: &Expr, message: &str) -> Result<Variables, Refusal> {
    match &variable.kind {
        ExprKind::Ident(name) if is_accumulator(name) => refuse(variable, OVERWRITES),
        ExprKind::Ident(name) => Ok(Variables { first: name.clone(), second: None }),
        _ => refuse(variable, message),
    }
}

/// The names of a fold's two variables.
fn two_names(first: &Expr, second: &Expr) -> Result<Variables, Refusal> {
    let simple = "argument must be a simple name";
    let ExprKind::Ident(one) = &first.kind else { return refuse(first, simple) };
    let ExprKind::Ident(other) = &second.kind else { return refuse(second, simple) };
    if one == other {
        return refuse(second, format!("duplicate variable name: {one}"));
    }
    for (variable, name) in [(first, one), (second, other)] {
        if is_accumulator(name) {
            return refuse(variable, OVERWRITES);
        }
    }
    Ok(Variables { first: one.clone(), second: Some(other.clone()) })
}

const OVERWRITES: &str = "iteration variable overwrites accumulator variable";

fn is_accumulator(name: &str) -> bool {
    name == ACCUMULATOR || name == OLD_ACCUMULATOR
}

/// Whether the argument may be a number: not a literal of another type, nor an aggregate.
fn is_numeric(arg: &Expr) -> bool {
    match &arg.kind {
        ExprKind::Literal(literal) => {
            matches!(literal, Literal::Int(_) | Literal::Uint(_) | Literal::Double(_))
        }
        ExprKind::List { .. } | ExprKind::Map(_) | ExprKind::Struct { .. } => false,
        _ => true,
    }
}

fn is_numeric_list(arg: &Expr) -> bool {
    match &arg.kind {
        ExprKind::List { elements, .. } => !elements.is_empty() && elements.iter().all(is_numeric),
        _ => false,
    }
}

/// `a.b.c` as one name, if the expression is nothing else.
fn qualified_name(expr: &Expr) -> Option<String> {
    let mut parts = Vec::new();
    let mut expr = expr;
    loop {
        match &expr.kind {
            ExprKind::Ident(name) => {
                parts.push(name.as_str());
                parts.reverse();
                return Some(parts.join("."));
            }
            ExprKind::Select { operand, field, test_only: false } => {
                parts.push(field.as_str());
                expr = operand;
            }
            _ => return None,
        }
    }
}

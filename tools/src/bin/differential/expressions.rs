//! Expressions of a wanted type: the types drive which functions, operators, macros and fields are taken.
//!
//! Mostly well typed: now and then an argument goes through `dyn`, with its own type or another one, and rarely an
//! argument of another type stands there plainly.

use toolgate::internal::library::{object_type, object_types};
use toolgate::internal::types::{Signature, Type};

use super::constants as c;
use super::leaves;
use super::node::{HOLE, ITEMS, Node};
use super::rng::Rng;
use super::tables::{Bindings, Tables, generic, substitute, unify};

/// Builds expressions.
#[derive(Debug)]
pub(crate) struct Generator<'t> {
    /// Where the choices come from.
    pub(crate) rng: Rng,
    /// What there is.
    pub(crate) tables: &'t Tables,
    /// Variables that can be used, with their types.
    pub(crate) scope: Vec<(String, Type)>,
    /// How many more inner nodes may be made.
    pub(crate) fuel: usize,
    /// How many arguments in a thousand have a wrong type.
    pub(crate) mistakes: usize,
    /// How many arguments in a thousand are dynamic.
    pub(crate) dynamic: usize,
}

impl<'t> Generator<'t> {
    /// A generator of case `index`.
    pub(crate) fn new(seed: u64, index: u64, tables: &'t Tables) -> Generator<'t> {
        Generator {
            rng: Rng::new(seed, index),
            tables,
            scope: Vec::new(),
            fuel: 0,
            mistakes: 15,
            dynamic: 85,
        }
    }

    /// True where an expression that does not compile would waste a whole policy.
    pub(crate) fn is_strict(&self) -> bool {
        self.mistakes < 5
    }

    /// A type for a new expression, a variable or an open type parameter.
    pub(crate) fn some_type(&mut self, depth: usize) -> Type {
        let below = depth.saturating_sub(1);
        match self.rng.below(if depth == 0 { 60 } else { 100 }) {
            0..10 => Type::Int,
            10..20 => Type::String,
            20..28 => Type::Double,
            28..35 => Type::Bool,
            35..41 => Type::Uint,
            41..45 => Type::Bytes,
            45..49 => Type::Timestamp,
            49..53 => Type::Duration,
            53..57 => Type::Dyn,
            57..59 => Type::Null,
            59..60 => Type::type_of(Type::Int),
            60..75 => Type::list(self.some_type(below)),
            75..85 => Type::map(self.key_type(), self.some_type(below)),
            85..91 => Type::optional(self.some_type(below)),
            _ => self.rng.pick(&self.tables.types).cloned().unwrap_or(Type::Int),
        }
    }

    pub(crate) fn key_type(&mut self) -> Type {
        match self.rng.below(10) {
            0..6 => Type::String,
            6..8 => Type::Int,
            8 => Type::Uint,
            _ => Type::Bool,
        }
    }

    /// An expression of type `ty`.
    pub(crate) fn expression(&mut self, ty: &Type) -> Node {
        if self.fuel == 0 {
            return self.leaf(ty);
        }
        self.fuel = self.fuel.saturating_sub(1);
        let made = match self.rng.below(100) {
            0..18 => Some(self.leaf(ty)),
            18..60 => self.call(ty),
            60..72 => self.special(ty),
            72..80 => self.path(ty),
            80..85 => self.conditional(ty),
            85..88 => self.binding(ty),
            88..92 => self.element(ty),
            92..95 => self.unwrapped(ty),
            _ => self.macro_of(ty),
        };
        match made {
            Some(node) => node,
            None => match self.call(ty) {
                Some(node) => node,
                None => self.leaf(ty),
            },
        }
    }

    /// An expression for an argument: sometimes dynamic, rarely wrong.
    pub(crate) fn argument(&mut self, ty: &Type) -> Node {
        if self.rng.chance(self.mistakes) {
            let other = self.some_type(1);
            return self.expression(&other);
        }
        if !self.rng.chance(self.dynamic) {
            return self.expression(ty);
        }
        let dynamic = self.rng.below(85);
        if dynamic < 40 {
            let inner = self.expression(ty);
            return hole("dyn(%)", Type::Dyn, vec![inner]);
        }
        if dynamic < 65 {
            let other = if self.rng.chance(500) { self.number_type() } else { self.some_type(1) };
            let inner = self.expression(&other);
            return hole("dyn(%)", Type::Dyn, vec![inner]);
        }
        self.expression(&Type::Dyn)
    }

    /// An expression with a few tokens taken away, doubled or replaced.
    pub(crate) fn damaged(&mut self, node: &Node) -> Node {
        const OTHERS: &[&str] = &[
            "(",
            ")",
            "[",
            "]",
            "{",
            "}",
            ".",
            ",",
            "?",
            ":",
            "!",
            "-",
            "+",
            "&&",
            "||",
            "==",
            "!=",
            "<",
            "in",
            "%",
            "/",
            "*",
            "true",
            "null",
            "1",
            "1u",
            "1.0",
            "\"a\"",
            "b\"a\"",
            "x",
            "object",
            "variables",
            "dyn",
            "has",
            "int",
            " ",
            "`a`",
            "_",
            "'",
            "r",
            "e5",
            "0x",
            ".5",
            "map",
            "size",
            "é",
            "//",
            "\n",
            "?.",
            "=",
            "in ",
            "optional",
            "type",
            "package",
            "as",
        ];
        let rng = &mut self.rng;
        node.damaged(|tokens| {
            for _ in 0..rng.below(3).saturating_add(1) {
                let at = rng.below(tokens.len());
                match (rng.below(4), tokens.get(at).cloned()) {
                    (0, Some(_)) => drop(tokens.remove(at)),
                    (1, Some(token)) => tokens.insert(at, token),
                    (2, Some(_)) => {
                        if let Some(place) = tokens.get_mut(at) {
                            *place = rng.text(OTHERS).to_owned();
                        }
                    }
                    _ => tokens.insert(at, rng.text(OTHERS).to_owned()),
                }
            }
        })
    }

    /// A type that `%s` prints.
    fn printable_type(&mut self, depth: usize) -> Type {
        match self.rng.below(if depth == 0 { 8 } else { 10 }) {
            0..3 => Type::String,
            3 => Type::Double,
            4 => Type::Bool,
            5 => Type::Timestamp,
            6 => Type::Duration,
            7 => Type::Int,
            8 => Type::list(self.printable_type(0)),
            _ => Type::map(self.key_type(), self.printable_type(0)),
        }
    }

    pub(crate) fn number_type(&mut self) -> Type {
        self.rng.pick(&[Type::Int, Type::Uint, Type::Double]).cloned().unwrap_or(Type::Int)
    }

    /// The plainest kind of expression: a constant, a variable or a field.
    pub(crate) fn leaf(&mut self, ty: &Type) -> Node {
        let known: Vec<usize> =
            self.scope.iter().enumerate().filter(|(_, (_, t))| t == ty).map(|(i, _)| i).collect();
        if self.rng.chance(500)
            && let Some(at) = self.rng.pick(&known)
            && let Some((name, _)) = self.scope.get(*at)
        {
            return Node::leaf(ty.clone(), name.clone());
        }
        leaves::constant(self, ty)
    }

    /// A call of a function or operator that results in `ty`.
    fn call(&mut self, ty: &Type) -> Option<Node> {
        let mut fitting = Vec::new();
        for (at, signature) in self.tables.signatures.iter().enumerate() {
            let mut bindings = Bindings::new();
            let general = matches!(signature.result, Type::Param(_));
            if unify(&signature.result, ty, &mut bindings) && (!general || self.rng.chance(250)) {
                fitting.push(at);
            }
        }
        let signature = self.rng.pick(&fitting).and_then(|at| self.tables.signatures.get(*at))?;
        self.call_of(signature, ty)
    }

    /// A call of `signature` with the result `ty`.
    pub(crate) fn call_of(&mut self, signature: &'t Signature, ty: &Type) -> Option<Node> {
        let mut bindings = Bindings::new();
        unify(&signature.result, ty, &mut bindings);
        for param in &signature.params {
            // Keys are mostly of types that maps can have.
            if let Type::Map(entry) = param
                && let Type::Param(name) = &entry.0
                && self.rng.chance(if self.is_strict() { 990 } else { 800 })
            {
                let key = self.key_type();
                bindings.entry(name.to_string()).or_insert(key);
            }
        }
        let params: Vec<Type> = signature
            .params
            .iter()
            .map(|param| substitute(param, &mut bindings, &mut || self.some_type(1)))
            .collect();
        let name = signature.name.as_str();
        let mut arguments = Vec::new();
        for (at, param) in params.iter().enumerate() {
            if param.runtime_name() == "." {
                return None;
            }
            let hinted = leaves::hinted(self, name, signature.member, at);
            arguments.push(match hinted {
                Some(node) => node,
                None => self.argument(param),
            });
        }
        let text = match name {
            "_?._" | "@not_strictly_false" | "@sortByAssociatedKeys" => return None,
            "_[_]" => "%[%]".to_owned(),
            "_[?_]" => "%[?%]".to_owned(),
            "_?_:_" => "(% ? % : %)".to_owned(),
            "@in" => "(% in %)".to_owned(),
            "-_" => "(-(%))".to_owned(),
            "!_" => "!(%)".to_owned(),
            "math.@max" => "math.greatest(#)".to_owned(),
            "math.@min" => "math.least(#)".to_owned(),
            _ if name.starts_with('@') || name.contains(".@") => return None,
            _ => match name.strip_prefix('_').and_then(|name| name.strip_suffix('_')) {
                Some(operator) => format!("(% {} %)", operator.replace('%', "\u{3}")),
                None if signature.member => format!("%.{name}(#)"),
                None => format!("{name}(#)"),
            },
        };
        if signature.member || name.starts_with("_[") {
            parenthesize(arguments.first_mut());
        }
        Some(hole(&text, ty.clone(), arguments))
    }

    fn conditional(&mut self, ty: &Type) -> Option<Node> {
        let condition = self.argument(&Type::Bool);
        let first = self.expression(ty);
        let second = self.argument(ty);
        Some(hole("(% ? % : %)", ty.clone(), vec![condition, first, second]))
    }

    /// A fresh name, now and then one that hides another.
    pub(crate) fn name(&mut self) -> &'static str {
        self.rng.text(&["x", "y", "z", "v", "k", "e"])
    }

    /// The result of `body` with `name` declared.
    pub(crate) fn with<R>(&mut self, name: &str, ty: &Type, body: impl FnOnce(&mut Self) -> R) -> R {
        let hidden: Vec<(String, Type)> = self.scope.clone();
        self.scope.retain(|(known, _)| known != name);
        self.scope.push((name.to_owned(), ty.clone()));
        let result = body(self);
        self.scope = hidden;
        result
    }

    fn binding(&mut self, ty: &Type) -> Option<Node> {
        let bound = self.some_type(2);
        let init = self.expression(&bound);
        let name = self.name();
        let body = self.with(name, &bound, |g| g.expression(ty));
        Some(hole(&format!("cel.bind({name}, %, %)"), ty.clone(), vec![init, body]))
    }

    /// Something inside a list, a map or an object that has a `ty`.
    fn element(&mut self, ty: &Type) -> Option<Node> {
        let (container, index) = match self.rng.below(2) {
            0 => (Type::list(ty.clone()), Type::Int),
            _ => {
                let key = self.key_type();
                (Type::map(key.clone(), ty.clone()), key)
            }
        };
        let mut container = self.expression(&container);
        parenthesize(Some(&mut container));
        let index = if index == Type::Int && self.rng.chance(700) {
            Node::leaf(Type::Int, self.rng.text(&["0", "1", "2", "-1"]))
        } else {
            self.argument(&index)
        };
        Some(hole("%[%]", ty.clone(), vec![container, index]))
    }

    fn unwrapped(&mut self, ty: &Type) -> Option<Node> {
        let optional = self.expression(&Type::optional(ty.clone()));
        let fallback = self.expression(ty);
        Some(hole("%.orValue(%)", ty.clone(), vec![optional, fallback]))
    }

    /// A field of an object that has a `ty`.
    fn path(&mut self, ty: &Type) -> Option<Node> {
        let fitting: Vec<usize> = (0..self.tables.paths.len())
            .filter(|at| self.tables.paths.get(*at).is_some_and(|path| path.ty == *ty))
            .collect();
        let tables = self.tables;
        // `object` is what policies look at; other objects come from literals and functions.
        let on_object: Vec<usize> = fitting
            .iter()
            .copied()
            .filter(|at| tables.paths.get(*at).is_some_and(|path| path.of == tables.mode.request()))
            .collect();
        let from = if self.rng.chance(700) { &on_object } else { &fitting };
        let path = self.rng.pick(from).and_then(|at| tables.paths.get(*at))?;
        let mut object = if path.of == tables.mode.request() && self.rng.chance(900) {
            Node::leaf(Type::Struct(path.of), "object")
        } else {
            self.expression(&Type::Struct(path.of))
        };
        parenthesize(Some(&mut object));
        Some(hole(&format!("%{}", path.text), ty.clone(), vec![object]))
    }

    /// What only this kind of type has.
    fn special(&mut self, ty: &Type) -> Option<Node> {
        if self.rng.chance(60) {
            let messages: Vec<&str> =
                object_types().iter().filter(|of| of.message && of.ty == *ty).map(|of| of.name).collect();
            if let Some(name) = self.rng.pick(&messages) {
                let literal = Type::Struct(name);
                return Some(leaves::literal(self, &literal, true));
            }
        }
        match ty {
            Type::Bool => self.special_bool(),
            Type::String => Some(self.formatted()),
            Type::List(element) => Some(self.special_list(element)),
            Type::Map(_) if self.has_two_variables() && self.rng.chance(400) => self.two_variables(ty),
            Type::Map(_) | Type::Struct(_) => Some(leaves::literal(self, ty, true)),
            Type::Dyn => Some(self.run_time_value()),
            Type::Opaque(..) => ty.unwrap_optional().cloned().and_then(|value| self.special_optional(&value)),
            _ => None,
        }
    }

    fn special_bool(&mut self) -> Option<Node> {
        match self.rng.below(10) {
            0..3 => {
                let at = self.rng.below(self.tables.paths.len());
                let tables = self.tables;
                let path = tables.paths.get(at)?;
                let mut object = self.expression(&Type::Struct(path.of));
                parenthesize(Some(&mut object));
                Some(hole(&format!("has(%{})", path.text), Type::Bool, vec![object]))
            }
            3..5 => {
                let map = Type::map(Type::String, self.some_type(1));
                let of = if self.rng.chance(500) { map } else { Type::Dyn };
                let mut map = self.expression(&of);
                parenthesize(Some(&mut map));
                let key = self.rng.text(&["a", "b", "name", "params", "Attributes"]);
                Some(hole(&format!("has(%.{key})"), Type::Bool, vec![map]))
            }
            5..7 => {
                // Numbers of different types compare when one is dynamic.
                let (a, b) = (self.number_type(), self.number_type());
                let (a, b) = (self.expression(&a), self.expression(&b));
                let op = self.rng.text(&["==", "!=", "<", "<=", ">", ">=", "in"]);
                let text = match op {
                    "in" => "(dyn(%) in [%])".to_owned(),
                    op => format!("(dyn(%) {op} %)"),
                };
                Some(hole(&text, Type::Bool, vec![a, b]))
            }
            _ => self.macro_of(&Type::Bool),
        }
    }

    /// `"…".format([…])`, mostly with as many arguments as verbs.
    pub(crate) fn formatted(&mut self) -> Node {
        let mut format = String::new();
        let mut arguments = Vec::new();
        for _ in 0..self.rng.below(4) {
            let verb = if self.rng.chance(self.mistakes.saturating_mul(3)) {
                self.rng.text(c::BAD_VERBS)
            } else {
                self.rng.text(c::VERBS)
            };
            format.push_str(self.rng.text(&["", " ", "é", "x: ", ", "]));
            format.push_str(verb);
            if verb == "%%" {
                continue;
            }
            let ty = match verb.chars().last() {
                Some('d') => self.number_type(),
                Some('f' | 'e') if self.rng.chance(800) => Type::Double,
                Some('f' | 'e') => self.number_type(),
                Some('b') => {
                    self.rng.pick(&[Type::Int, Type::Uint, Type::Bool]).cloned().unwrap_or(Type::Int)
                }
                Some('o') => self.rng.pick(&[Type::Int, Type::Uint]).cloned().unwrap_or(Type::Int),
                Some('x' | 'X') => self
                    .rng
                    .pick(&[Type::Int, Type::Uint, Type::String, Type::Bytes])
                    .cloned()
                    .unwrap_or(Type::Int),
                _ if self.is_strict() => self.printable_type(1),
                _ => self.some_type(2),
            };
            arguments.push(self.argument(&ty));
        }
        if self.rng.chance(self.mistakes) {
            arguments.pop();
        }
        if self.rng.chance(self.mistakes) {
            arguments.push(self.leaf(&Type::Int));
        }
        let mut children = vec![Node::string(&format)];
        if self.rng.chance(100) {
            // Not a literal for the checker, so the checks come at run time.
            children = vec![hole("dyn(%)", Type::Dyn, children)];
        }
        children.append(&mut arguments);
        let wrapped = if self.rng.chance(150) { "%.format(dyn([#]))" } else { "%.format([#])" };
        hole(wrapped, Type::String, children)
    }

    /// A function whose arguments are all dynamic, mostly of the types it wants.
    pub(crate) fn anything_dynamic(&mut self) -> Node {
        let tables = self.tables;
        let at = self.rng.below(tables.signatures.len());
        let Some(signature) = tables.signatures.get(at) else { return self.leaf(&Type::Dyn) };
        let mut bindings = Bindings::new();
        let result = substitute(&signature.result, &mut bindings, &mut || Type::Int);
        if generic(&result) {
            return self.leaf(&Type::Dyn);
        }
        match self.call_of(signature, &result) {
            Some(call) => hole("dyn(%)", Type::Dyn, vec![call]),
            None => self.leaf(&Type::Dyn),
        }
    }

    /// A type with fields, for literals.
    pub(crate) fn field_of(&mut self, name: &str) -> Option<(String, Type)> {
        let fields = object_type(name).map(|ty| &ty.fields)?;
        let field = self.rng.pick(fields)?;
        let ty = field.ty.clone().filter(|ty| *ty != Type::Struct("."))?;
        (!field.name.is_empty()).then(|| (field.name.to_owned(), ty))
    }
}

/// A node whose holes are written `%`, its remaining children `#` and a percent sign U+0003.
pub(crate) fn hole(text: &str, ty: Type, children: Vec<Node>) -> Node {
    let text: String = text
        .chars()
        .map(|c| match c {
            '%' => HOLE,
            '#' => ITEMS,
            '\u{3}' => '%',
            c => c,
        })
        .collect();
    Node::new(ty, text, children)
}

/// A negative literal before a dot needs parentheses.
pub(crate) fn parenthesize(node: Option<&mut Node>) {
    if let Some(node) = node
        && node.is_signed()
    {
        *node = hole("(%)", node.ty.clone(), vec![node.clone()]);
    }
}

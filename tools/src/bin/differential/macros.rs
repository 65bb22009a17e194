//! Macros: comprehensions over ranges, with one variable and with two, and the macros of optionals.

use toolgate::internal::cel::Macros;
use toolgate::internal::types::Type;

use super::expressions::{Generator, hole, parenthesize};
use super::leaves;
use super::node::Node;

impl Generator<'_> {
    pub(crate) fn special_list(&mut self, element: &Type) -> Node {
        let ty = Type::list(element.clone());
        if self.has_two_variables()
            && self.rng.chance(250)
            && let Some(node) = self.two_variables(&ty)
        {
            return node;
        }
        match self.rng.below(10) {
            0..5 => leaves::literal(self, &ty, true),
            5..8 => {
                let from = self.some_type(1);
                let range = self.range(&from, true);
                let name = self.name();
                let body = self.with(name, &from, |g| g.expression(element));
                if self.rng.chance(300) {
                    let condition = self.with(name, &from, |g| g.expression(&Type::Bool));
                    return hole(&format!("%.map({name}, %, %)"), ty, vec![range, condition, body]);
                }
                hole(&format!("%.map({name}, %)"), ty, vec![range, body])
            }
            8 => {
                let range = self.expression(&ty);
                let name = self.name();
                let keep = self.with(name, element, |g| g.argument(&Type::Bool));
                hole(&format!("%.filter({name}, %)"), ty, vec![range, keep])
            }
            _ => {
                let range = self.expression(&ty);
                let name = self.name();
                let key = self
                    .rng
                    .pick(&[Type::Int, Type::String, Type::Double, Type::Bool, Type::Uint, Type::Timestamp])
                    .cloned()
                    .unwrap_or(Type::Int);
                let key = self.with(name, element, |g| g.argument(&key));
                hole(&format!("%.sortBy({name}, %)"), ty, vec![range, key])
            }
        }
    }

    /// A range for a comprehension whose variable has type `element`: mostly a list; or a map with one entry,
    /// because Kyverno visits the entries of a map in a random order.
    fn range(&mut self, element: &Type, ordered: bool) -> Node {
        let is_key = matches!(element, Type::String | Type::Int | Type::Uint | Type::Bool);
        let mut range = if is_key && self.rng.chance(150) {
            let key = self.argument(element);
            let ty = self.some_type(1);
            let value = self.expression(&ty);
            if !ordered && self.rng.chance(300) {
                let (key2, value2) = (self.expression(element), self.expression(&ty));
                hole("{%: %, %: %}", Type::map(element.clone(), ty), vec![key, value, key2, value2])
            } else {
                hole("{%: %}", Type::map(element.clone(), ty), vec![key, value])
            }
        } else {
            self.argument(&Type::list(element.clone()))
        };
        parenthesize(Some(&mut range));
        range
    }

    /// A macro that results in `ty`.
    pub(crate) fn macro_of(&mut self, ty: &Type) -> Option<Node> {
        match ty {
            Type::Bool if self.has_two_variables() && self.rng.chance(500) => self.two_variables(ty),
            Type::Bool => {
                let element = self.some_type(1);
                let range = self.range(&element, false);
                let name = self.name();
                let macro_name = self.rng.text(&["all", "exists", "exists_one"]);
                let body = self.with(name, &element, |g| g.argument(&Type::Bool));
                Some(hole(&format!("%.{macro_name}({name}, %)"), Type::Bool, vec![range, body]))
            }
            Type::List(element) => Some(self.special_list(element)),
            Type::Map(_) if self.has_two_variables() => self.two_variables(ty),
            Type::Dyn => Some(self.run_time_value()),
            _ => ty.unwrap_optional().cloned().and_then(|value| self.special_optional(&value)),
        }
    }

    pub(crate) fn special_optional(&mut self, value: &Type) -> Option<Node> {
        let ty = Type::optional(value.clone());
        match self.rng.below(6) {
            0..3 => {
                let from = self.some_type(1);
                let target = self.expression(&Type::optional(from.clone()));
                let name = self.name();
                if self.rng.chance(600) {
                    let body = self.with(name, &from, |g| g.expression(value));
                    return Some(hole(&format!("%.optMap({name}, %)"), ty, vec![target, body]));
                }
                let body = self.with(name, &from, |g| g.expression(&ty));
                Some(hole(&format!("%.optFlatMap({name}, %)"), ty, vec![target, body]))
            }
            3 => {
                let key = self.rng.text(&["a", "b", "name", "`x y`", "Attributes", "attributes", "Method"]);
                let of =
                    if self.rng.chance(500) { Type::map(Type::String, value.clone()) } else { Type::Dyn };
                let mut target = self.expression(&of);
                parenthesize(Some(&mut target));
                Some(hole(&format!("%.?{key}"), ty, vec![target]))
            }
            4 => {
                let mut list = self.expression(&Type::list(value.clone()));
                parenthesize(Some(&mut list));
                let index = self.argument(&Type::Int);
                Some(hole("%[?%]", ty, vec![list, index]))
            }
            _ => {
                let mut map = self.expression(&Type::map(Type::String, value.clone()));
                parenthesize(Some(&mut map));
                let key = self.argument(&Type::String);
                Some(hole("%[?%]", ty, vec![map, key]))
            }
        }
    }

    /// Whether the environment has macros with two variables.
    pub(crate) fn has_two_variables(&self) -> bool {
        self.tables.mode.macros() == Macros::TwoVariables
    }

    /// A range for two variables, with their types.
    fn range_of_pairs(&mut self) -> (Node, Type, Type) {
        let (mut range, first, second) = match self.rng.below(10) {
            0..6 => {
                let element = self.some_type(1);
                (self.argument(&Type::list(element.clone())), Type::Int, element)
            }
            6..9 => {
                let (key, value) = (self.key_type(), self.some_type(1));
                let of = Type::map(key.clone(), value.clone());
                // Of several entries Kyverno takes any first.
                let range = if self.rng.chance(700) {
                    let entry = vec![self.expression(&key), self.expression(&value)];
                    hole("{%: %}", of, entry)
                } else {
                    self.argument(&of)
                };
                (range, key, value)
            }
            _ => (self.expression(&Type::Dyn), Type::Dyn, Type::Dyn),
        };
        parenthesize(Some(&mut range));
        (range, first, second)
    }

    /// A macro with two variables that results in `ty`.
    pub(crate) fn two_variables(&mut self, ty: &Type) -> Option<Node> {
        let (range, first, second) = self.range_of_pairs();
        let (one, other) =
            *self.rng.pick(&[("i", "x"), ("k", "v"), ("x", "y"), ("_", "e"), ("v", "k"), ("z", "z")])?;
        let (one, other) = if one == other && self.is_strict() { ("i", "z") } else { (one, other) };
        let inside = |g: &mut Self, ty: &Type, dynamic: bool| {
            g.with(one, &first, |g| {
                g.with(other, &second, |g| if dynamic { g.argument(ty) } else { g.expression(ty) })
            })
        };
        let mut children = vec![range];
        let (name, body) = match ty {
            Type::Bool => {
                let name = self.rng.text(&["all", "exists", "existsOne", "exists_one"]);
                children.push(inside(self, &Type::Bool, true));
                return Some(hole(&format!("%.{name}({one}, {other}, %)"), Type::Bool, children));
            }
            Type::List(element) => ("transformList", inside(self, element, false)),
            Type::Map(entry) if entry.0 == first && self.rng.chance(600) => {
                ("transformMap", inside(self, &entry.1, true))
            }
            Type::Map(_) => {
                let body =
                    self.with(one, &first, |g| g.with(other, &second, |g| leaves::literal(g, ty, true)));
                ("transformMapEntry", body)
            }
            _ => return None,
        };
        if self.rng.chance(350) {
            children.push(inside(self, &Type::Bool, true));
            children.push(body);
            return Some(hole(&format!("%.{name}({one}, {other}, %, %)"), ty.clone(), children));
        }
        children.push(body);
        Some(hole(&format!("%.{name}({one}, {other}, %)"), ty.clone(), children))
    }
}

//! Expressions whose type is known only at run time.

use toolgate::internal::types::Type;

use super::dialect;
use super::expressions::{Generator, hole, parenthesize};
use super::leaves;
use super::node::Node;

impl Generator<'_> {
    /// Something whose type is known only at run time.
    pub(crate) fn run_time_value(&mut self) -> Node {
        match self.rng.below(12) {
            0..3 => {
                let ty = self.some_type(2);
                let inner = self.expression(&ty);
                hole("dyn(%)", Type::Dyn, vec![inner])
            }
            3..6 => {
                let text = self.rng.text(dialect::dynamic(self.tables.mode));
                Node::leaf(Type::Dyn, text)
            }
            6 => {
                let mut inner = self.expression(&Type::Dyn);
                parenthesize(Some(&mut inner));
                let field = self.rng.text(&[
                    "a",
                    "b",
                    "c",
                    "name",
                    "params",
                    "Name",
                    "Attributes",
                    "Method",
                    "attributes",
                    "value",
                    "Arguments",
                    "Meta",
                    "`x y`",
                ]);
                hole(&format!("%.{field}"), Type::Dyn, vec![inner])
            }
            7 => {
                let mut inner = self.expression(&Type::Dyn);
                parenthesize(Some(&mut inner));
                let ty =
                    self.rng.pick(&[Type::Int, Type::String, Type::Double, Type::Uint, Type::Dyn]).cloned();
                let index = self.expression(&ty.unwrap_or(Type::Int));
                hole("%[%]", Type::Dyn, vec![inner, index])
            }
            8 => {
                let (a, b) = (self.expression(&Type::Dyn), self.argument(&Type::Dyn));
                let op = self.rng.text(&["+", "-", "*", "/", "%"]);
                let op = op.replace('%', "\u{3}");
                hole(&format!("(% {op} %)"), Type::Dyn, vec![a, b])
            }
            9 => {
                let function = dialect::unmarshal(self.tables.mode);
                let mut json = match leaves::hinted(self, function, false, 0) {
                    Some(json) => json,
                    None => self.leaf(&Type::String),
                };
                parenthesize(Some(&mut json));
                hole(&format!("{function}(%)"), Type::Dyn, vec![json])
            }
            10 => self.anything_dynamic(),
            _ => {
                let (a, b) = (self.some_type(1), self.some_type(1));
                let (a, b) = (self.expression(&a), self.expression(&b));
                let condition = self.expression(&Type::Bool);
                hole("(% ? dyn(%) : dyn(%))", Type::Dyn, vec![condition, a, b])
            }
        }
    }
}

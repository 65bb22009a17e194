//! How deep an expression nests, counted as cel-go counts, without recursion.
//!
//! cel-go has two limits. While it parses, it counts for each grammar rule how many of its kind are open
//! at once ([`Depth::Rules`]); brackets, the last branch of `?:` and right operands open rules. When it
//! walks the parse tree, it counts the nodes on the way down that are selections, indexings, method calls,
//! `?:`, relations and arithmetic ([`Depth::Tree`]); `&&` and `||`, signs, function calls and literals do not
//! count. Both are found from the tokens alone, before any recursive code sees the text. On text with syntax errors
//! the counts are upper bounds as far as the parser gets.

use super::scan::{Kind, Tokens};

/// cel-go's default for both counts.
pub(super) const LIMIT: u32 = 250;

/// Which count is over [`LIMIT`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Depth {
    /// Open rules of one kind, while parsing.
    Rules,
    /// Counted nodes from the root to a leaf, while walking the parse tree.
    Tree,
}

/// Which count, if any, the expression exceeds; cel-go meets [`Depth::Rules`] first.
pub(super) fn exceeded(tokens: &Tokens) -> Option<Depth> {
    let mut scanner =
        Scanner { outer: Vec::new(), frame: Frame::default(), previous: None, rules: 0, tree: 0 };
    for token in tokens.iter() {
        scanner.token(token.kind);
        if scanner.rules > LIMIT {
            return Some(Depth::Rules);
        }
    }
    while scanner.close() {}
    scanner.frame.end_item();
    scanner.note(scanner.frame.tallest);
    (scanner.tree > LIMIT).then_some(Depth::Tree)
}

/// How many rules of a kind are open around a bracket.
#[derive(Clone, Copy, Default)]
struct Open {
    expressions: u32,
    relations: u32,
    sums: u32,
}

/// An open bracket, or the whole text, and the state of the expression being read in it.
#[derive(Default)]
struct Frame {
    open: Open,
    /// The height of the operand that the bracket belongs to, without what is in the bracket.
    before: u32,
    /// What the bracket adds to the height of what is in it.
    adds: u32,
    /// The greatest height of the items that are complete.
    tallest: u32,
    /// The height of the condition before a `?` that still waits for its `:`.
    condition: Option<u32>,
    /// How many `:` of conditionals were passed: each opens an expression in the expression.
    branches: u32,
    /// The greatest height in the conditionals so far.
    branch_height: u32,
    /// The greatest height among the operands of `&&` and `||`, which add nothing.
    logic: u32,
    /// The heights of left operands that wait for their right ones.
    relation: Option<u32>,
    sum: Option<u32>,
    product: Option<u32>,
    /// The operand being read; none where one is expected.
    operand: Option<u32>,
    /// Whether the operand ends with a selected name, so that a bracket makes it a method call.
    selected: bool,
}

impl Frame {
    /// The rules that are open where an operand stands.
    fn open_at_operand(&self) -> Open {
        let one = |waiting: &Option<u32>| u32::from(waiting.is_some());
        Open {
            expressions: self.open.expressions.saturating_add(1).saturating_add(self.branches),
            relations: self.open.relations.saturating_add(1).saturating_add(one(&self.relation)),
            sums: self
                .open
                .sums
                .saturating_add(1)
                .saturating_add(one(&self.sum))
                .saturating_add(one(&self.product)),
        }
    }

    fn take_product(&mut self) -> u32 {
        let operand = self.operand.take().unwrap_or_default();
        over(self.product.take(), operand)
    }

    fn take_sum(&mut self) -> u32 {
        let product = self.take_product();
        over(self.sum.take(), product)
    }

    fn take_relation(&mut self) -> u32 {
        let sum = self.take_sum();
        over(self.relation.take(), sum)
    }

    fn take_logic(&mut self) -> u32 {
        let relation = self.take_relation();
        std::mem::take(&mut self.logic).max(relation)
    }

    /// `:` of a conditional: the rest is an expression of its own.
    fn branch(&mut self, condition: u32) {
        let height = self.take_logic().max(condition);
        self.branches = self.branches.saturating_add(1);
        self.branch_height = self.branch_height.max(height.saturating_add(self.branches));
    }

    fn end_item(&mut self) {
        if let Some(condition) = self.condition.take() {
            self.branch(condition);
        }
        let last = self.take_logic().saturating_add(std::mem::take(&mut self.branches));
        self.tallest = self.tallest.max(last).max(std::mem::take(&mut self.branch_height));
    }
}

/// The height of a node over `left`, if there is one, and `right`.
fn over(left: Option<u32>, right: u32) -> u32 {
    left.map_or(right, |left| left.max(right).saturating_add(1))
}

struct Scanner {
    outer: Vec<Frame>,
    frame: Frame,
    previous: Option<Kind>,
    rules: u32,
    tree: u32,
}

impl Scanner {
    fn note(&mut self, height: u32) {
        self.tree = self.tree.max(height);
    }

    fn token(&mut self, kind: Kind) {
        let has_operand = self.frame.operand.is_some();
        match kind {
            Kind::Ident | Kind::Escaped if has_operand && self.previous == Some(Kind::Dot) => self.select(),
            Kind::Ident
            | Kind::Escaped
            | Kind::Int
            | Kind::Uint
            | Kind::Float
            | Kind::Text
            | Kind::Constant => {
                self.start_operand();
            }
            Kind::Open(bracket) => self.open(bracket),
            Kind::Close => {
                self.close();
            }
            Kind::Comma => self.frame.end_item(),
            Kind::Colon => match self.frame.condition.take() {
                Some(condition) => self.frame.branch(condition),
                None => self.frame.end_item(),
            },
            // Behind a dot, and where an operand is expected, it marks something optional.
            Kind::Question if self.previous == Some(Kind::Dot) => return,
            Kind::Question if has_operand => {
                let height = self.frame.take_logic();
                self.frame.condition = Some(self.frame.condition.unwrap_or_default().max(height));
            }
            Kind::Minus if !has_operand => {}
            Kind::Dot | Kind::Question | Kind::Not => {}
            Kind::Minus | Kind::Plus => self.plus(),
            Kind::Times => {
                let product = self.frame.take_product();
                self.note(product);
                self.frame.product = Some(product);
            }
            Kind::Relation => {
                let relation = self.frame.take_relation();
                self.note(relation);
                self.frame.relation = Some(relation);
            }
            Kind::Logic => {
                let logic = self.frame.take_logic();
                self.note(logic);
                self.frame.logic = logic;
            }
        }
        self.previous = Some(kind);
    }

    fn plus(&mut self) {
        let sum = self.frame.take_sum();
        self.note(sum);
        self.frame.sum = Some(sum);
    }

    fn start_operand(&mut self) {
        // Two operands in a row are a syntax error; counted as a sum, they cannot hide a deep one.
        if self.frame.operand.is_some() {
            self.plus();
        }
        let open = self.frame.open_at_operand();
        self.rules = self.rules.max(open.expressions).max(open.relations).max(open.sums);
        self.frame.operand = Some(0);
        self.frame.selected = false;
    }

    fn select(&mut self) {
        let height = self.frame.operand.unwrap_or_default().saturating_add(1);
        self.note(height);
        self.frame.operand = Some(height);
        self.frame.selected = true;
    }

    fn open(&mut self, bracket: u8) {
        let named = self.previous == Some(Kind::Ident);
        let (before, adds) = match (self.frame.operand, bracket) {
            // The name of a message is one node, however many parts it has.
            (Some(_), b'{') => (0, 0),
            (Some(_), b'(') if named && !self.frame.selected => (0, 0),
            // Selecting the method's name has already added the call to the height.
            (Some(height), b'(') if named => (height, 1),
            (Some(height), _) => (height.saturating_add(1), 1),
            (None, _) => {
                self.start_operand();
                (0, 0)
            }
        };
        let frame = Frame { open: self.frame.open_at_operand(), before, adds, ..Frame::default() };
        self.outer.push(std::mem::replace(&mut self.frame, frame));
    }

    /// Ends the innermost bracket; false when there is none.
    fn close(&mut self) -> bool {
        let Some(outer) = self.outer.pop() else { return false };
        let mut inner = std::mem::replace(&mut self.frame, outer);
        inner.end_item();
        let height = inner.before.max(inner.tallest.saturating_add(inner.adds));
        self.note(height);
        self.frame.operand = Some(height);
        self.frame.selected = false;
        true
    }
}

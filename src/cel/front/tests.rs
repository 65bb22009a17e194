//! The table `testdata/cel/parse.txt` was made with cel-go 0.30.0; its head says how a tree is written down.

use std::fmt::Write as _;

use super::*;
use crate::cel::ast::{Expr, ExprKind, Literal, NodeId};

fn parse(text: &str) -> Result<Ast, Vec<SyntaxError>> {
    super::parse(text, Macros::OneVariable)
}

/// A tree as the table has it: each node followed by `^` and its position in characters.
struct Dump<'a> {
    ast: &'a Ast,
    out: String,
}

impl Dump<'_> {
    fn of(ast: &Ast) -> String {
        let mut dump = Dump { ast, out: String::new() };
        dump.expr(&ast.root);
        dump.out
    }

    fn at(&mut self, id: NodeId) {
        let anchor = self.ast.info(id).anchor as usize;
        write!(self.out, "^{}", before(&self.ast.text, anchor).chars().count()).unwrap();
    }

    fn text(&mut self, text: &str) {
        self.out.push_str(text);
    }

    fn bytes(&mut self, prefix: char, bytes: &[u8]) {
        self.out.push(prefix);
        for byte in bytes {
            write!(self.out, "{byte:02x}").unwrap();
        }
    }

    fn expr(&mut self, expr: &Expr) {
        match &expr.kind {
            ExprKind::Literal(Literal::Null) => self.text("null"),
            ExprKind::Literal(Literal::Bool(v)) => self.text(&v.to_string()),
            ExprKind::Literal(Literal::Int(v)) => self.text(&v.to_string()),
            ExprKind::Literal(Literal::Uint(v)) => self.text(&format!("{v}u")),
            ExprKind::Literal(Literal::Double(v)) => self.text(&format!("d{:x}", v.to_bits())),
            ExprKind::Literal(Literal::String(v)) => self.bytes('s', v.as_bytes()),
            ExprKind::Literal(Literal::Bytes(v)) => self.bytes('b', v),
            ExprKind::Ident(name) => self.text(name),
            ExprKind::Select { operand, field, test_only } => {
                self.text(if *test_only { "has" } else { "" });
                self.text(&format!("(.{field} "));
                self.expr(operand);
                self.text(")");
            }
            ExprKind::Call { function, target, args } => {
                self.text("(");
                if let Some(target) = target {
                    self.text("@");
                    self.expr(target);
                    self.text(".");
                }
                self.text(function);
                for arg in args {
                    self.text(" ");
                    self.expr(arg);
                }
                self.text(")");
            }
            ExprKind::List { elements, optional } => {
                self.text("[");
                for (i, element) in elements.iter().enumerate() {
                    self.text(if i > 0 { " " } else { "" });
                    self.text(if optional.contains(&i) { "?" } else { "" });
                    self.expr(element);
                }
                self.text("]");
            }
            ExprKind::Map(entries) => {
                self.text("{");
                for entry in entries {
                    self.text(if entry.optional { "?" } else { "" });
                    self.expr(&entry.key);
                    self.text(":");
                    self.at(entry.id);
                    self.expr(&entry.value);
                    self.text(" ");
                }
                self.text("}");
            }
            ExprKind::Struct { type_name, fields } => {
                self.text(&format!("{type_name}{{"));
                for field in fields {
                    self.text(if field.optional { "?" } else { "" });
                    self.text(&format!("{}:", field.field));
                    self.at(field.id);
                    self.expr(&field.value);
                    self.text(" ");
                }
                self.text("}");
            }
            ExprKind::Comprehension(fold) => {
                self.text(&format!("fold<{} {} ", fold.iter_var, fold.accu_var));
                let parts = [&fold.iter_range, &fold.accu_init, &fold.condition, &fold.step, &fold.result];
                for (i, part) in parts.into_iter().enumerate() {
                    self.text(if i > 0 { " | " } else { "" });
                    self.expr(part);
                }
                self.text(">");
            }
        }
        self.at(expr.id);
    }
}

fn before(text: &str, offset: usize) -> &str {
    text.get(..offset).expect("an offset between characters")
}

fn errors_as_in_table(text: &str, errors: &[SyntaxError]) -> String {
    let one = |error: &SyntaxError| {
        if !error.has_position {
            return format!("-1:-1 {}", error.message);
        }
        let before = before(text, error.offset);
        let line = before.split('\n').count();
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count();
        format!("{line}:{column} {}", error.message)
    };
    format!("ERR {}", errors.iter().map(one).collect::<Vec<_>>().join(" ;; "))
}

fn as_in_table(text: &str, parsed: &Result<Ast, Vec<SyntaxError>>) -> String {
    match parsed {
        Ok(ast) => Dump::of(ast),
        Err(errors) => errors_as_in_table(text, errors),
    }
}

#[test]
fn trees_positions_and_errors_are_those_of_cel_go() {
    let table = include_str!("../../../testdata/cel/parse.txt");
    let cases: Vec<(String, String)> = table
        .lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| line.split_once('\t').expect("an expression and its tree"))
        .map(|(text, tree)| (serde_json::from_str(text).unwrap(), serde_json::from_str(tree).unwrap()))
        .collect();
    let texts: Vec<_> = cases.iter().map(|(text, _)| (text.as_str(), Macros::OneVariable)).collect();
    let mut wrong = String::new();
    for ((text, expected), parsed) in cases.iter().zip(parse_all(&texts)) {
        let got = as_in_table(text, &parsed);
        if got != *expected {
            let text: String = text.chars().take(300).collect();
            writeln!(wrong, "{text:?}\n  cel-go {expected}\n  ours   {got}").unwrap();
        }
    }
    assert!(wrong.is_empty(), "\n{wrong}");
    assert!(cases.len() > 300);
}

fn nested(open: &str, close: &str, times: usize) -> String {
    format!("{}1{}", open.repeat(times), close.repeat(times))
}

fn chain(operator: &str, operands: usize) -> String {
    vec!["1"; operands].join(operator)
}

fn only_message(text: &str) -> String {
    let errors = parse(text).expect_err("a limit is exceeded");
    assert_eq!(errors.len(), 1);
    assert!(!errors[0].has_position);
    errors[0].message.clone()
}

/// Each pair: the deepest expression of a form that cel-go accepts, and one level more.
#[test]
fn nesting_ends_where_it_ends_in_cel_go() {
    let pairs: [(String, String); 12] = [
        (nested("(", ")", 249), nested("(", ")", 250)),
        (nested("[", "]", 249), nested("[", "]", 250)),
        (nested("f(", ")", 249), nested("f(", ")", 250)),
        (nested("{1:", "}", 249), nested("{1:", "}", 250)),
        (nested("!(", ")", 249), nested("!(", ")", 250)),
        (nested("[1].all(x,", ")", 249), nested("[1].all(x,", ")", 250)),
        (nested("1+(", ")", 124), nested("1+(", ")", 125)),
        (nested("1<(", ")", 124), nested("1<(", ")", 125)),
        (nested("1+2*(", ")", 83), nested("1+2*(", ")", 84)),
        (nested("a.f(", ")", 124), nested("a.f(", ")", 250)),
        (nested("a[", "]", 124), nested("a[", "]", 250)),
        (format!("{}c", "a?b:".repeat(249)), format!("{}c", "a?b:".repeat(250))),
    ];
    for (last, first_too_deep) in pairs {
        assert!(parse(&last).is_ok(), "{last}");
        assert_eq!(only_message(&first_too_deep), "expression recursion limit exceeded: 250");
    }
}

#[test]
fn chains_end_where_they_end_in_cel_go() {
    for operator in ["+", "-", "*", "/", "%", "==", "<", " in "] {
        assert!(parse(&chain(operator, 251)).is_ok(), "{operator}");
        assert_eq!(only_message(&chain(operator, 252)), "max recursion depth exceeded");
    }
    for link in [".b", ".?b", "[0]", ".f()"] {
        assert!(parse(&format!("a{}", link.repeat(250))).is_ok(), "{link}");
        assert_eq!(only_message(&format!("a{}", link.repeat(251))), "max recursion depth exceeded");
    }
    assert!(parse(&chain("&&", 3_000)).is_ok());
    assert!(parse(&format!("{}a", "!".repeat(1_001))).is_ok());
}

#[test]
fn chains_of_macros_that_copy_end_at_the_node_limit() {
    for (name, last, nodes) in [("optMap", 13, 90_102), ("optFlatMap", 13, 81_911)] {
        let of = |times: usize| format!("a{}", format!(".{name}(x, x)").repeat(times));
        assert_eq!(parse(&of(last)).expect("within the limit").info.len(), nodes + 1);
        let errors = parse(&of(last + 1)).unwrap_err();
        let message = format!("expression count exceeds limit of 100000 while expanding macro '{name}'");
        let place = of(last).len() + name.len() + 1;
        assert_eq!(errors, [SyntaxError { end: place + 1, ..SyntaxError::at(place, message) }]);
    }
}

#[test]
fn texts_far_over_the_limits_are_refused_without_harm() {
    assert_eq!(
        only_message(&"a".repeat(1 << 20)),
        "expression code point size exceeds limit: size: 1048576, limit 100000"
    );
    assert_eq!(only_message(&"(".repeat(100_000)), "expression recursion limit exceeded: 250");
    assert_eq!(only_message(&chain("+", 10_000)), "max recursion depth exceeded");
    assert_eq!(only_message(&format!("a{}", ".b".repeat(40_000))), "max recursion depth exceeded");
    assert!(parse(&"#".repeat(99_000)).is_err_and(|errors| errors.len() == 100));
}

/// The tree that is dropped here was built on a thread with more stack than this one has.
#[test]
fn the_deepest_trees_can_be_dropped_on_a_test_thread() {
    let conjunction = vec!["a"; 100].join("&&");
    let text = nested(&format!("a.optMap(x,{conjunction}||"), ")", 130);
    drop(parse(&text).expect("within the limits"));
}

#[test]
fn a_fault_in_one_text_leaves_the_others_alone() {
    let parsed = parse_all(&["1 +", "1 + 1", "has(1)"].map(|text| (text, Macros::OneVariable)));
    let outcomes: Vec<bool> = parsed.iter().map(Result::is_ok).collect();
    assert_eq!(outcomes, [false, true, false]);
}

#[test]
fn offsets_are_bytes_whatever_the_characters() {
    let errors = parse("'é😀' + has('é') + as").unwrap_err();
    let found: Vec<(usize, &str)> = errors.iter().map(|e| (e.offset, e.message.as_str())).collect();
    assert_eq!(found, [(15, "invalid argument to has() macro"), (23, "reserved identifier: as")]);
    let errors = parse("'é😀' +\n'é' 'b'").unwrap_err();
    assert_eq!(errors[0].offset, 16);
}

/// The text of the node's span.
fn spanned<'a>(ast: &'a Ast, expr: &Expr) -> &'a str {
    let span = ast.info(expr.id).span;
    ast.text.get(span.start as usize..span.end as usize).expect("a span between characters")
}

#[test]
fn spans_cover_the_text_of_a_node_with_its_children() {
    for text in [
        "a . b",
        "- 1",
        "f( a , b )",
        ".f(1)",
        "a.b.f( 1 )",
        "a[ ?b ]",
        "a.?b",
        "[ 1, 2 ]",
        "{ 1 : 2 }",
        ".p.T { a : 1 }",
        "a ? b : c",
        "!a",
        "a && b",
        "l.map(x, x + 1)",
        "math.least(1, 2, 3)",
        "'é' + x.`y`",
    ] {
        let ast = parse(text).unwrap();
        assert_eq!(spanned(&ast, &ast.root), text);
    }
}

#[test]
fn nodes_made_by_a_macro_know_it_and_what_was_written_does_not() {
    use crate::cel::ast::Macro;
    let ast = parse("xs.exists(x, x == 1)").unwrap();
    let ExprKind::Comprehension(fold) = &ast.root.kind else { panic!("not a fold") };
    assert_eq!(fold.origin, Macro::Exists);
    assert_eq!(ast.info(fold.condition.id).origin, Some(Macro::Exists));
    assert_eq!(spanned(&ast, &fold.condition), "xs.exists(x, x == 1)");
    assert_eq!(ast.info(fold.iter_range.id).origin, None);
    let ExprKind::Call { args, .. } = &fold.step.kind else { panic!("not a call") };
    assert_eq!(ast.info(args[1].id).origin, None);
    assert_eq!(spanned(&ast, &args[1]), "x == 1");
}

#[test]
fn ids_are_dense_and_start_at_one() {
    let ast = parse("a.optMap(x, [x].filter(y, has(y.z))).orValue({'k': T{f: 1}})").unwrap();
    let mut ids = Vec::new();
    collect_ids(&ast.root, &mut ids);
    ids.sort_unstable();
    let all: Vec<NodeId> = (1..).take(ast.info.len() - 1).collect();
    assert_eq!(ids, all);
}

fn collect_ids(expr: &Expr, ids: &mut Vec<NodeId>) {
    ids.push(expr.id);
    match &expr.kind {
        ExprKind::Literal(_) | ExprKind::Ident(_) => {}
        ExprKind::Select { operand, .. } => collect_ids(operand, ids),
        ExprKind::Call { target, args, .. } => {
            target.iter().for_each(|target| collect_ids(target, ids));
            args.iter().for_each(|arg| collect_ids(arg, ids));
        }
        ExprKind::List { elements, .. } => elements.iter().for_each(|element| collect_ids(element, ids)),
        ExprKind::Map(entries) => {
            for entry in entries {
                ids.push(entry.id);
                collect_ids(&entry.key, ids);
                collect_ids(&entry.value, ids);
            }
        }
        ExprKind::Struct { fields, .. } => {
            for field in fields {
                ids.push(field.id);
                collect_ids(&field.value, ids);
            }
        }
        ExprKind::Comprehension(fold) => {
            for part in [&fold.iter_range, &fold.accu_init, &fold.condition, &fold.step, &fold.result] {
                collect_ids(part, ids);
            }
        }
    }
}

/// A file of a few megabytes can hold what takes gigabytes when it is parsed.
#[test]
fn a_set_has_a_limit_on_its_nodes() {
    let list = |last: usize| format!("[{}{last}]", "1,".repeat(490));
    let distinct: Vec<String> = (0..60).map(list).collect();
    let same = vec![list(0); 60];
    for texts in [distinct, same] {
        let texts: Vec<(&str, Macros)> =
            texts.iter().map(|text| (text.as_str(), Macros::default())).collect();
        let parsed = parse_within(20_000, &texts);
        let whole = parsed.iter().take_while(|parsed| parsed.is_ok()).count();
        assert_eq!((parsed.len(), whole), (60, 40));
        for refused in parsed.iter().skip(whole) {
            let told = refused.as_ref().unwrap_err();
            assert!(told[0].message.contains("more than 20000 nodes"), "{}", told[0]);
        }
    }
}

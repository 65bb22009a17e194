//! What no writer makes. That what it makes reads back to the same is tested with all recorded expressions.

use serde::Serialize;

use super::*;
use crate::cel::check::{Env, Functions};
use crate::cel::front::{NODE_LIMIT, TREE_LIMIT};

fn encoded(it: &impl Serialize) -> Vec<u8> {
    postcard::to_allocvec(it).unwrap()
}

/// What becomes of one expression with these tables and nodes.
fn read(tables: &Tables<'_>, nodes: &[FlatNode]) -> Result<(), String> {
    let functions: &'static Functions = Box::leak(Box::new(Functions::new(crate::library::HTTP)));
    let mut bytes = encoded(tables);
    bytes.extend(encoded(&Vec::<FlatPlace>::new()));
    nodes.iter().for_each(|node| bytes.extend(encoded(node)));
    let mut reader = Reader::new(&bytes, &crate::library::table_type).map_err(|error| error.to_string())?;
    reader.read(&Env::new(functions)).map(drop).map_err(|error| error.to_string())?;
    if reader.is_at_end() { Ok(()) } else { Err("there is more".to_owned()) }
}

fn tables() -> Tables<'static> {
    Tables {
        strings: vec!["size", "size_string", "nothing"],
        types: vec![FlatType::Dyn],
        calls: vec![
            FlatCall { function: 0, overloads: vec![1], receiver: false },
            FlatCall { function: 2, overloads: vec![1], receiver: false },
            FlatCall { function: 0, overloads: vec![2], receiver: false },
            FlatCall { function: 0, overloads: Vec::new(), receiver: false },
            FlatCall { function: 9, overloads: vec![1], receiver: false },
        ],
    }
}

fn node(kind: FlatKind) -> FlatNode {
    FlatNode { kind, ty: 0, reference: None }
}

fn call(at: CallAt) -> [FlatNode; 2] {
    let size = FlatNode {
        reference: Some(FlatReference::Call(at)),
        ..node(FlatKind::Call { function: 0, target: false, args: 1 })
    };
    [size, node(FlatKind::String(0))]
}

#[test]
fn a_call_is_one_of_this_engine() {
    assert_eq!(read(&tables(), &call(0)), Ok(()));
    for (at, why) in [
        (1, "there is no function `nothing` here"),
        (2, "`size` has no overload `nothing` here"),
        (3, "a call has no overload"),
        (4, "a text is not in the table"),
        (5, "a call is not in the table"),
    ] {
        assert_eq!(read(&tables(), &call(at)), Err(why.to_owned()));
    }
}

#[test]
fn a_tree_is_as_deep_and_as_large_as_a_parser_makes_it() {
    let select = || node(FlatKind::Select { field: 0, test_only: false });
    let chain = |depth: usize| -> Vec<FlatNode> {
        (1..depth).map(|_| select()).chain([node(FlatKind::Null)]).collect()
    };
    assert_eq!(read(&tables(), &chain(TREE_LIMIT)), Ok(()));
    assert_eq!(read(&tables(), &chain(TREE_LIMIT + 1)), Err("an expression nests too deep".to_owned()));
    let list = |elements: u32, there: usize| -> Vec<FlatNode> {
        let rest = (0..there).map(|_| node(FlatKind::Null));
        [node(FlatKind::List { elements, optional: Vec::new() })].into_iter().chain(rest).collect()
    };
    assert_eq!(read(&tables(), &list(3, 3)), Ok(()));
    assert_eq!(read(&tables(), &list(3, 4)), Err("there is more".to_owned()));
    for (elements, there) in [(4, 3), (u32::MAX, 3)] {
        assert!(read(&tables(), &list(elements, there)).unwrap_err().starts_with("the data does not read"));
    }
    let most = u32::try_from(NODE_LIMIT).unwrap();
    assert_eq!(read(&tables(), &list(most, NODE_LIMIT)), Err("an expression has too many nodes".to_owned()));
}

#[test]
fn expressions_are_no_more_together_than_are_parsed() {
    let wide = 98;
    let nulls = (0..wide).map(|_| node(FlatKind::Null));
    let list: Vec<FlatNode> =
        [node(FlatKind::List { elements: wide, optional: Vec::new() })].into_iter().chain(nulls).collect();
    let mut one = encoded(&Vec::<FlatPlace>::new());
    list.iter().for_each(|node| one.extend(encoded(node)));
    let mut bytes = encoded(&tables());
    bytes.extend(one.repeat(20));
    let functions: &'static Functions = Box::leak(Box::new(Functions::new(crate::library::HTTP)));
    let environment = Env::new(functions);
    let mut reader = Reader::new(&bytes, &crate::library::table_type).unwrap();
    reader.left = 1_050;
    let whole = (0..20).take_while(|_| reader.read(&environment).is_ok()).count();
    assert_eq!(whole, 10);
}

#[test]
fn optional_elements_are_elements_in_order() {
    let list = |optional: &[u32]| {
        let list = node(FlatKind::List { elements: 2, optional: optional.to_vec() });
        read(&tables(), &[list, node(FlatKind::Null), node(FlatKind::Null)])
    };
    assert_eq!(list(&[0, 1]), Ok(()));
    for wrong in [&[2][..], &[1, 0], &[1, 1]] {
        assert_eq!(list(wrong), Err("optional elements are not those of their list".to_owned()), "{wrong:?}");
    }
}

#[test]
fn a_type_is_known_and_holds_what_stands_before_it() {
    let ty = |types: Vec<FlatType>| {
        let strings = vec!["http.CheckRequest", "nothing", "optional_type", "net.IP", "list"];
        read(&Tables { strings, types, calls: Vec::new() }, &[node(FlatKind::Null)])
    };
    for well in [
        vec![FlatType::Struct(0)],
        vec![FlatType::Dyn, FlatType::Opaque(2, vec![0])],
        vec![
            FlatType::Opaque(3, Vec::new()),
            FlatType::List(0),
            FlatType::Map(0, 1),
            FlatType::Type(Some(2)),
        ],
    ] {
        assert_eq!(ty(well.clone()), Ok(()), "{well:?}");
    }
    for wrong in [
        vec![FlatType::Struct(1)],
        vec![FlatType::Struct(4)],
        vec![FlatType::Struct(3)],
        vec![FlatType::Opaque(2, Vec::new())],
        vec![FlatType::Dyn, FlatType::Opaque(3, vec![0])],
        vec![FlatType::List(0)],
        vec![FlatType::Map(1, 1), FlatType::Dyn],
        vec![],
    ] {
        assert!(ty(wrong.clone()).is_err(), "{wrong:?}");
    }
    // Small in the table, and too large to compare.
    let doubled =
        |levels: u32| [FlatType::Dyn].into_iter().chain((0..levels).map(|at| FlatType::Map(at, at)));
    assert_eq!(ty(doubled(8).collect()), Ok(()));
    assert!(ty(doubled(9).collect()).unwrap_err().starts_with("a type holds too much"));
}

//! The recipes of docs/cookbook.md: every policy has a fixture there, and each fixture passes.

use std::fs;

use crate::{Scratch, root, run};

/// The text of each YAML block, in order.
fn blocks(text: &str) -> Vec<&str> {
    text.split("```yaml\n")
        .skip(1)
        .map(|rest| rest.split_once("```").expect("a block has an end").0)
        .collect()
}

/// The document's name, the first after `metadata:`.
fn name(document: &str) -> &str {
    let (_, rest) = document.split_once("metadata:\n  name: ").expect("a document has a name");
    rest.lines().next().unwrap()
}

#[test]
fn the_recipes_of_the_cookbook_do_what_their_fixtures_say() {
    let text = fs::read_to_string(root().join("docs/cookbook.md")).unwrap();
    let scratch = Scratch::new("cookbook");
    let (mut policies, mut fixtures) = (Vec::new(), Vec::new());
    for block in blocks(&text) {
        let name = name(block);
        if block.contains("kind: Fixture") {
            scratch.write(&format!("{name}.fixture.yaml"), block);
            fixtures.push(name);
        } else {
            scratch.write(&format!("{name}.yaml"), block);
            policies.push(name);
        }
    }
    assert!(policies.len() >= 6, "{policies:?}");
    assert_eq!(policies, fixtures);
    let ran = run(&scratch.0, &["."]);
    assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{}", ran.out);
    assert_eq!(ran.out.lines().filter(|line| line.starts_with("ok ")).count(), fixtures.len(), "{}", ran.out);
}

//! The shipped policies and their fixtures.

use toolgate::policy::load::load;

use crate::{directories, root, run};

#[test]
fn the_fixtures_of_the_shipped_policies_pass() {
    let ran = run(root(), &["testdata/policies"]);
    assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{}", ran.out);
    assert!(ran.out.contains(" cases passed in "), "{}", ran.out);
}

#[test]
fn every_shipped_policy_has_fixtures() {
    let folders: Vec<String> = directories(&root().join("testdata/policies"))
        .iter()
        .map(|path| path.file_name().unwrap().to_str().unwrap().to_owned())
        .collect();
    for policy in load(&[root().join("policies")]).policies {
        assert!(folders.contains(&policy.name.value), "{}", policy.name.value);
    }
}

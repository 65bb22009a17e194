//! What the log of a start says.

use std::fs;

use toolgate::Settings;
use toolgate::internal::config::check_headers;
use toolgate::internal::policy::build::{Beside, make};
use toolgate::internal::policy::load::load_sources;

use super::stub::Stub;
use super::{bootstrap, bundles, cases, directory};

#[test]
fn the_log_of_the_start_names_what_was_left_out() {
    let place = directory("left-out");
    let foreign = "---\napiVersion: cli.kyverno.io/v1alpha1\nkind: Test\n";
    fs::write(place.join("a.YAML"), cases::policies(cases::Shape::AllMatch, 1) + foreign).unwrap();
    fs::write(place.join("notes.txt"), "").unwrap();
    fs::write(place.join(".b.yaml"), cases::policies(cases::Shape::FirstDenies, 1)).unwrap();
    // A bundle of them tells the same.
    let bundle = directory("left-out-bundle").join("p.bundle");
    let loaded = load_sources(std::slice::from_ref(&place), None);
    let beside = Beside { headers: check_headers(&Settings::default().headers), ..Beside::default() };
    fs::write(&bundle, make(loaded, &place, &beside).unwrap().0).unwrap();
    for path in [place, bundle] {
        let stub = Stub::start();
        let function = bootstrap(&stub, &[("TOOLGATE_POLICIES", path.to_str().unwrap())]);
        stub.wait_for_polls(1);
        let log = function.terminate().log;
        for says in [
            "/notes.txt: note[TG1402]: ",
            "/.b.yaml: note[TG1401]: ",
            "/a.YAML: note[TG1403]: the `Test` of `cli.kyverno.io/v1alpha1` in line ",
            ": 1 policy, sha256:",
        ] {
            assert!(log.contains(says), "{says}: {log}");
        }
    }
}

#[test]
fn the_log_of_the_start_says_that_settings_take_a_header_from_the_policies() {
    let text = cases::policies(cases::Shape::AllMatch, 2);
    let settings = "apiVersion: toolgate.dev/v1\nkind: Configuration\nheaders: {X-Operation: null}\n";
    let place = directory("unfit");
    fs::write(place.join("a.yaml"), &text).unwrap();
    fs::write(place.join("toolgate.yaml"), settings).unwrap();
    let bundled = directory("unfit-bundle");
    fs::write(bundled.join("p.bundle"), bundles(&text, settings).0).unwrap();
    for path in [place, bundled.join("p.bundle")] {
        let stub = Stub::start();
        let function = bootstrap(&stub, &[("TOOLGATE_POLICIES", path.to_str().unwrap())]);
        stub.wait_for_polls(1);
        let log = function.terminate().log;
        assert!(log.contains("warning[TG3015]: no call has the header `X-Operation`"), "{log}");
    }
}

//! `toolgate build` and `toolgate inspect`, and bundles where policies are due.

use std::fs;

use crate::{DENIES, SILENT, Scratch, binary, finish, policy, root, toolgate};

const SETTINGS: &str = "apiVersion: toolgate.dev/v1\nkind: Configuration\ndefaultDecision: deny\n";

/// Two policies with settings, bundled.
fn built(name: &str) -> (Scratch, String) {
    let scratch = Scratch::new(name);
    fs::create_dir(scratch.0.join("p")).unwrap();
    scratch.write("p/a.yaml", &policy("a", DENIES));
    scratch.write("p/b.yaml", &policy("b", SILENT));
    scratch.write("p/toolgate.yaml", SETTINGS);
    scratch.write("p/notes.txt", "not a policy");
    scratch.write("p/.old.yaml", &policy("old", DENIES));
    let bundle = scratch.0.join("policies.bundle").to_str().unwrap().to_owned();
    let run = toolgate(&["build", scratch.0.join("p").to_str().unwrap(), "-o", &bundle]);
    assert_eq!(run.code, 0, "{}", run.out);
    assert!(run.err.contains("/p/.old.yaml: note[TG1401]: "), "{}", run.err);
    assert!(run.err.contains("/p/notes.txt: note[TG1402]: "), "{}", run.err);
    assert!(run.out.starts_with(&format!("{bundle}: 2 policies with settings, ")), "{}", run.out);
    (scratch, bundle)
}

#[test]
fn what_is_built_decides_as_its_files_and_brings_its_settings() {
    let (scratch, bundle) = built("bundle-decides");
    let event = "testdata/events/delete-pod-in-production.json";
    let files = scratch.0.join("p").to_str().unwrap().to_owned();
    let decide = |policies: &str| {
        let run = toolgate(&["decide", "--policies", policies, "--output", "json", "--trace", event]);
        let mut json = run.json();
        // It is random.
        json["decisionId"] = serde_json::Value::Null;
        let shorter = run.err.replace(policies, "");
        (run.code, json, shorter)
    };
    let of_files = decide(&files);
    assert_eq!(of_files, decide(&bundle));
    // The settings are in force, and not left out.
    assert_eq!(of_files.2.matches("note[TG14").count(), 2, "{}", of_files.2);
    let config = toolgate(&["config", "--policies", &bundle]);
    assert!(config.out.contains("defaultDecision: deny"), "{}", config.out);
    let mut overridden = binary(root());
    overridden.args(["config", "--policies", &bundle]).env("TOOLGATE_DEFAULT_DECISION", "allow");
    assert!(finish(&mut overridden, b"").out.contains("defaultDecision: allow"));
    // A second file of settings beside it makes two.
    scratch.write("toolgate.yaml", SETTINGS);
    let two = toolgate(&["config", "--policies", &bundle]);
    assert_eq!(two.code, 3, "{}", two.out);
    assert!(two.err.contains("TG3009"), "{}", two.err);
}

#[test]
fn a_bundle_is_told_and_is_what_its_texts_say() {
    let (_scratch, bundle) = built("bundle-inspect");
    let run = toolgate(&["inspect", &bundle]);
    assert_eq!((run.code, run.err.as_str()), (0, ""), "{}", run.out);
    for line in [
        &format!("  made by    Toolgate {}, this build\n", env!("CARGO_PKG_VERSION")),
        ", those of the texts\n",
        "  settings   toolgate.yaml, sha256:",
        "  a (HTTP), a.yaml\n",
        "\nleft out\n  .old.yaml: its name starts with a point, so it is left out\n  notes.txt: its name does not end in ",
    ] {
        assert!(run.out.contains(line), "{line}: {}", run.out);
    }
    let json = toolgate(&["inspect", &bundle, "--output", "json"]).json();
    assert_eq!(json["programs"], "ofTheTexts");
    assert_eq!(json["settings"]["effective"]["defaultDecision"], "deny");
    assert_eq!(json["policies"][1], serde_json::json!({"name": "b", "mode": "HTTP", "file": "b.yaml"}));
    assert_eq!(json["leftOut"][1]["file"], "notes.txt");
    assert_eq!((&json["leftOut"].as_array().unwrap().len(), &json["moreLeftOut"]), (&2, &0.into()));
    let text = toolgate(&["inspect", &bundle, "--source", "toolgate.yaml"]);
    assert_eq!(text.out, SETTINGS);
    let text = toolgate(&["inspect", &bundle, "--source", "c.yaml"]);
    assert_eq!(text.code, 2);
    assert!(text.err.contains("there is no file `c.yaml` in the bundle"), "{}", text.err);
}

#[test]
fn a_bundle_whose_programs_are_not_its_texts_is_found_out() {
    use toolgate::internal::policy::bundle::Contents;
    let (_scratch, bundle) = built("bundle-other");
    let bytes = fs::read(&bundle).unwrap();
    let contents = Contents::read(&bytes).unwrap();
    let mut sources = contents.sources.clone();
    let tamer = sources[0].1.replace("http.Denied(\"no\").Response()", "null");
    sources[0].1 = &tamer;
    fs::write(&bundle, Contents { sources, ..contents }.encode().unwrap()).unwrap();
    let run = toolgate(&["inspect", &bundle]);
    assert_eq!(run.code, 1, "{}", run.out);
    assert!(
        run.out.contains("not those of the texts: something else than `toolgate build` made this"),
        "{}",
        run.out
    );
}

#[test]
fn check_says_what_a_start_would_of_programs_that_are_not_used_or_do_not_read() {
    use toolgate::internal::policy::bundle::Contents;
    let (_scratch, bundle) = built("bundle-started");
    let bytes = fs::read(&bundle).unwrap();
    let contents = || Contents::read(&bytes).unwrap();
    let check = |contents: Contents<'_>| {
        fs::write(&bundle, contents.encode().unwrap()).unwrap();
        toolgate(&["check", &bundle, "--fail-on-warn"])
    };
    let well = check(contents());
    assert_eq!(well.code, 0, "{}", well.out);
    let other = check(Contents { engine: "9.1.0", ..contents() });
    assert_eq!(other.code, 1, "{}", other.out);
    assert_eq!(
        other.out.matches("warning[TG1405]: Toolgate 9.1.0 made this bundle").count(),
        1,
        "{}",
        other.out
    );
    let unreadable = check(Contents { programs: b"nothing", ..contents() });
    assert_eq!(unreadable.code, 3, "{}", unreadable.out);
    assert_eq!(unreadable.out.matches("error[TG1005]").count(), 1, "{}", unreadable.out);
}

#[test]
fn a_bundle_whose_texts_do_not_load_is_told_nevertheless() {
    use toolgate::internal::policy::bundle::Contents;
    let (_scratch, bundle) = built("bundle-texts");
    let bytes = fs::read(&bundle).unwrap();
    let contents = Contents::read(&bytes).unwrap();
    let mut sources = contents.sources.clone();
    let broken = sources[0].1.replace("kind: ValidatingPolicy", "kind: Nothing");
    sources[0].1 = &broken;
    fs::write(&bundle, Contents { sources, engine: "9.1.0", ..contents }.encode().unwrap()).unwrap();
    let run = toolgate(&["inspect", &bundle]);
    assert_eq!(run.code, 3, "{}", run.out);
    for line in [
        "made by    Toolgate 9.1.0, another build",
        "not compared: the texts do not load",
        "\n  b (HTTP), b.yaml\n",
    ] {
        assert!(run.out.contains(line), "{line}: {}", run.out);
    }
    assert!(run.err.contains("Nothing"), "{}", run.err);
}

#[test]
fn a_bundle_among_its_policies_is_built_again_the_same() {
    let (scratch, bundle) = built("bundle-again");
    let inside = scratch.0.join("p/policies.bundle").to_str().unwrap().to_owned();
    for _ in 0..2 {
        let run = toolgate(&["build", scratch.0.join("p").to_str().unwrap(), "-o", &inside]);
        assert_eq!(run.code, 0, "{}", run.err);
        assert_eq!(fs::read(&inside).unwrap(), fs::read(&bundle).unwrap());
    }
    // Alone in a folder it has to be named.
    fs::create_dir(scratch.0.join("alone")).unwrap();
    fs::rename(&inside, scratch.0.join("alone/policies.bundle")).unwrap();
    let run = toolgate(&["check", scratch.0.join("alone").to_str().unwrap()]);
    assert_eq!(run.code, 3, "{}", run.out);
    assert!(run.out.contains("a bundle is read when it is named itself: `"), "{}", run.out);
    let run = toolgate(&["test", &bundle]);
    assert!(run.err.contains("is a bundle and has no tests"), "{}", run.err);
}

#[test]
fn a_damaged_bundle_is_refused_everywhere() {
    let (_scratch, bundle) = built("bundle-damaged");
    let mut bytes = fs::read(&bundle).unwrap();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    fs::write(&bundle, &bytes).unwrap();
    let event = "testdata/events/delete-pod-in-production.json";
    for arguments in [
        &["inspect", &bundle][..],
        &["check", &bundle],
        &["decide", "--policies", &bundle, event],
        &["config", "--policies", &bundle],
    ] {
        let run = toolgate(arguments);
        assert_eq!(run.code, 3, "{arguments:?}: {}", run.out);
        let told = run.out + &run.err;
        assert_eq!(told.matches("TG1005").count(), 1, "{arguments:?}: {told}");
        assert!(told.contains("it is damaged"), "{arguments:?}: {told}");
    }
    let run = toolgate(&["inspect", "no-such.bundle"]);
    assert_eq!(run.code, 2, "{}", run.err);
}

#[test]
fn what_does_not_load_is_not_built() {
    let scratch = Scratch::new("bundle-broken");
    let bundle = scratch.0.join("p.bundle").to_str().unwrap().to_owned();
    let settings = scratch.write("grants.yaml", SETTINGS);
    let broken = scratch.write("broken.yaml", &policy("a", "nothing"));
    let asks = "http.Get(\"https://example.com\").size() == 0 ? null : null";
    fs::create_dir(scratch.0.join("c")).unwrap();
    let named = scratch.write("named.yaml", &policy("a", "null"));
    let same = scratch.write("c/named.yaml", SETTINGS);
    let asking = scratch.write("asking.yaml", &policy("a", asks));
    for (arguments, code, told) in [
        (&["build", &broken, "-o", &bundle][..], 3, "TG2101"),
        (&["build", "no-such-path", "-o", &bundle], 3, "TG1001"),
        (&["build", &asking, "--config", &settings, "-o", &bundle], 3, "TG2401"),
        (&["build", &asking, "--config", &broken, "-o", &bundle], 3, "TG3002"),
        (&["build", &asking, "-o", "policies"], 2, "the name of a bundle ends in `.bundle`"),
        (&["build", &asking, "-o", "no-such-directory/p.bundle"], 2, "cannot be written"),
        (&["build", &asking], 2, "--output"),
        (&["build", &named, "--config", &same, "-o", &bundle], 3, "would both be called `named.yaml`"),
    ] {
        let run = toolgate(arguments);
        assert_eq!(run.code, code, "{arguments:?}: {}", run.err);
        assert!(run.err.contains(told), "{arguments:?}: {}", run.err);
        assert!(!scratch.0.join("p.bundle").exists(), "{arguments:?}");
    }
    // Without settings nobody knows yet what they will grant.
    assert_eq!(toolgate(&["build", &asking, "-o", &bundle]).code, 0);
}

#[test]
fn a_build_says_that_settings_take_a_header_from_the_policies() {
    let scratch = Scratch::new("bundle-unfit");
    let out = scratch.0.join("p.bundle").to_str().unwrap().to_owned();
    let built = toolgate(&["build", "testdata/check/unfit", "-o", &out]);
    assert_eq!(built.code, 0, "{}", built.err);
    assert_eq!(built.err.matches("warning[TG3015]").count(), 6, "{}", built.err);
}

#[test]
fn check_tells_of_a_bundle_what_it_tells_of_its_texts() {
    let scratch = Scratch::new("bundle-check");
    let text = policy("a", "object.attributes.Header(\"x-tool-name\").size() > 9 ? null : null");
    let text = text.replace("spec:\n", "spec:\n  failurePolicy: Ignore\n").replace(
        "object.attributes.Header(\"x-tool-name\").size() > 9",
        "dyn(object.attributes.header)[\"x-tool-name\"][0] == \"a\"",
    );
    let file = scratch.write("a.yaml", &text);
    let bundle = scratch.0.join("p.bundle").to_str().unwrap().to_owned();
    let built = toolgate(&["build", &file, "-o", &bundle]);
    assert_eq!(built.code, 0);
    assert!(built.err.contains("warning[TG2301]"), "{}", built.err);
    let told = |path: &str| {
        let run = toolgate(&["check", path, "--output", "json"]);
        let json = run.json();
        let told = |it: &serde_json::Value| (it["code"].clone(), it["line"].clone(), it["message"].clone());
        (run.code, json.as_array().unwrap().iter().map(told).collect::<Vec<_>>())
    };
    assert_eq!(told(&file), told(&bundle));
    assert!(!told(&bundle).1.is_empty());
}

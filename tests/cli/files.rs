//! Files that settings name for what policies ask: whether they can be read is known before a start.

use std::fs;

use crate::{Scratch, binary, finish, policy, root, toolgate};

const EVENT: &str = "testdata/events/delete-pod-in-production.json";
const HEAD: &str = "apiVersion: toolgate.dev/v1\nkind: Configuration\n";

/// A folder with a policy that asks the cluster and one that asks a URL, and these settings.
fn folder(name: &str, settings: &str) -> (Scratch, String) {
    let scratch = Scratch::new(name);
    fs::create_dir(scratch.0.join("p")).unwrap();
    let pods =
        "resource.List(\"v1\", \"pods\", \"\").items.size() > 9 ? http.Denied(\"no\").Response() : null";
    scratch.write("p/pods.yaml", &policy("pods", pods));
    let url = "http.Get(\"https://example.com/a\").size() > 9 ? http.Denied(\"no\").Response() : null";
    scratch.write("p/url.yaml", &policy("url", url));
    scratch.write("p/toolgate.yaml", &format!("{HEAD}{settings}"));
    let folder = scratch.0.join("p").to_str().unwrap().to_owned();
    (scratch, folder)
}

#[test]
fn check_and_a_start_tell_a_file_that_is_not_there_where_the_settings_name_it() {
    let settings = "capabilities:\n  http: {urls: ['https://example.com/']}\n  resources: [there.yaml, none/]\n  certificates: none.pem\n";
    let (scratch, folder) = folder("files-missing", settings);
    scratch.write("p/there.yaml", "{apiVersion: v1, kind: Pod, metadata: {name: a}}\n");
    // Objects of a cluster are no policies.
    fs::rename(scratch.0.join("p/there.yaml"), scratch.0.join("there.yaml")).unwrap();
    let text =
        fs::read_to_string(scratch.0.join("p/toolgate.yaml")).unwrap().replace("there.yaml", "../there.yaml");
    scratch.write("p/toolgate.yaml", &text);
    let due = [
        format!(
            "{folder}/toolgate.yaml:5:30: error[TG2402]: `capabilities.resources` names `{folder}/none/`, which cannot be \
             read: there is no such file or directory\n"
        ),
        format!(
            "{folder}/toolgate.yaml:6:17: error[TG2402]: `capabilities.certificates` names `{folder}/none.pem`, which cannot \
             be read: there is no such file or directory\n"
        ),
    ];
    let check = toolgate(&["check", &folder]);
    let decide = toolgate(&["decide", "--policies", &folder, EVENT]);
    for due in &due {
        assert!(check.out.contains(due), "{due}: {}", check.out);
        assert!(decide.err.contains(due), "{due}: {}", decide.err);
    }
    assert!(
        check.out.contains("the policies do not load: 2 policies, 2 errors, 0 warnings"),
        "{}",
        check.out
    );
    assert_eq!((check.code, decide.code), (3, 3));
    let json = toolgate(&["check", &folder, "--output", "json"]).json();
    assert_eq!(
        (&json[0]["code"], &json[0]["line"], &json[0]["column"]),
        (&"TG2402".into(), &5.into(), &30.into())
    );

    // A bundle has no such files, so that they are told where it lies, and may come later.
    let bundle = scratch.0.join("p.bundle").to_str().unwrap().to_owned();
    let built = toolgate(&["build", &folder, "-o", &bundle]);
    assert_eq!(built.code, 0, "{}", built.err);
    let root = scratch.0.to_str().unwrap();
    let missing = format!(
        "{bundle}/toolgate.yaml:5:30: warning[TG2402]: `capabilities.resources` names `{root}/none/`, which"
    );
    assert!(built.err.contains(&missing), "{missing}: {}", built.err);
    assert!(built.err.contains("= help: it is not in the bundle, and must be there when"), "{}", built.err);
}

#[test]
fn a_file_of_a_folder_that_does_not_read_is_told_with_the_place_in_it() {
    let settings = "capabilities:\n  http: {urls: ['https://example.com/']}\n  resources: [../cluster]\n  certificates: ../ca.pem\n";
    let (scratch, folder) = folder("files-broken", settings);
    fs::create_dir(scratch.0.join("cluster")).unwrap();
    scratch.write("ca.pem", "no certificate");
    for (name, text, says, place) in [
        ("a.yaml", "kind: [", "", "1:7"),
        ("b.YAML", "# one\nkind: Pod\n", "an object without `apiVersion` and `kind`", "2:1"),
        ("c.json", "{\"apiVersion\": \"v1\", \"kind\": \"Pod\"}", "a Pod without a name", "1:1"),
    ] {
        let file = scratch.write(&format!("cluster/{name}"), text);
        let run = toolgate(&["check", &folder]);
        fs::remove_file(&file).unwrap();
        let file = format!("{folder}/../cluster/{name}");
        for due in [
            &format!("names `{folder}/../cluster`, in which `{file}` cannot be read: {says}"),
            &format!("note: in that file here: {file}:{place}\n"),
            &format!("names `{folder}/../ca.pem`, which cannot be read: there is no certificate in it\n"),
        ] {
            assert!(run.out.contains(due.as_str()), "{due}: {}", run.out);
        }
    }
}

#[test]
fn a_variable_that_names_a_file_is_told() {
    let (_scratch, folder) = folder(
        "files-variable",
        "capabilities: {resources: [a, b], http: {urls: ['https://example.com/']}}\n",
    );
    let mut command = binary(root());
    let run = finish(command.args(["check", &folder]).env("TOOLGATE_RESOURCES", "no-such-folder"), b"");
    let due = "error[TG2402]: `capabilities.resources` names `no-such-folder`, which cannot be read: there is no such file or \
               directory\n = help: the variable `TOOLGATE_RESOURCES` sets it\n";
    assert!(run.out.contains(due), "{}", run.out);
    assert_eq!(run.code, 3);
}

#[test]
fn what_nobody_asks_for_is_not_opened() {
    let scratch = Scratch::new("files-unasked");
    scratch.write("a.yaml", &policy("a", "null"));
    scratch.write(
        "toolgate.yaml",
        &format!("{HEAD}capabilities: {{resources: [none/], certificates: none.pem}}\n"),
    );
    let run = toolgate(&["check", scratch.0.to_str().unwrap()]);
    assert_eq!(run.code, 0, "{}", run.out);
}

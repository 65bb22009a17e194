//! `toolgate config` and `--config`.

use crate::{Scratch, binary, finish, policy, root, toolgate};

fn event(name: &str) -> String {
    format!("testdata/events/{name}.json")
}

const HEAD: &str = "apiVersion: toolgate.dev/v1\nkind: Configuration\n";

#[test]
fn the_effective_configuration_is_a_configuration_file() {
    let scratch = Scratch::new("config-round-trip");
    scratch
        .write("toolgate.yaml", &format!("{HEAD}denial: {{form: toolResult}}\nheaders: {{X-Query: null}}\n"));
    let directory = scratch.0.to_str().unwrap();
    let first = toolgate(&["config", "--policies", directory]);
    assert_eq!((first.code, first.err.as_str()), (0, ""));
    assert!(
        first.out.contains("\n  form: toolResult\n") && first.out.contains("\n  X-Query: null\n"),
        "{}",
        first.out
    );
    scratch.write("printed.yaml", &first.out);
    let printed = scratch.0.join("printed.yaml");
    let second = toolgate(&["config", "--config", printed.to_str().unwrap()]);
    assert_eq!((second.code, &second.out), (0, &first.out));
    let json = toolgate(&["config", "--policies", directory, "--output", "json"]);
    assert_eq!(json.json()["denial"]["form"], "toolResult");
    assert_eq!(json.json()["headers"]["X-Mcp-Method"], "call.method");
}

#[test]
fn the_command_line_goes_before_the_variable_and_the_variable_before_the_file_beside_the_policies() {
    let scratch = Scratch::new("config-order");
    for (name, host) in [("toolgate.yaml", "beside"), ("variable.yaml", "variable"), ("line.yaml", "line")] {
        scratch.write(name, &format!("{HEAD}host: {host}\n"));
    }
    let directory = scratch.0.to_str().unwrap();
    let file = |name: &str| scratch.0.join(name).to_str().unwrap().to_owned();
    let host = |arguments: &[&str], variables: &[(&str, String)]| {
        let mut command = binary(root());
        command.args(["config", "--output", "json", "--policies", directory]).args(arguments);
        let run = finish(command.envs(variables.iter().map(|(name, value)| (*name, value))), b"");
        run.json()["host"].as_str().unwrap().to_owned()
    };
    let variable = ("TOOLGATE_CONFIG", file("variable.yaml"));
    assert_eq!(host(&[], &[]), "beside");
    assert_eq!(host(&[], std::slice::from_ref(&variable)), "variable");
    assert_eq!(host(&["--config", &file("line.yaml")], std::slice::from_ref(&variable)), "line");
    assert_eq!(host(&[], &[variable, ("TOOLGATE_HOST", "set".to_owned())]), "set");
}

#[test]
fn a_bad_configuration_ends_in_three_and_prints_no_secret() {
    let scratch = Scratch::new("config-bad");
    scratch.write("toolgate.yaml", &format!("{HEAD}audit:\n  digestkey: this-is-the-secret-key\nhots: x\n"));
    scratch.write("p.yaml", &policy("silent", "null"));
    let directory = scratch.0.to_str().unwrap();
    for arguments in
        [vec!["config", "--policies", directory], vec!["decide", "--policies", directory, &event("garbage")]]
    {
        let run = toolgate(&arguments);
        assert_eq!((run.code, run.out.as_str()), (3, ""), "{}", run.err);
        assert!(
            run.err.contains("did you mean `digestKey`?") && run.err.contains("did you mean `host`?"),
            "{}",
            run.err
        );
        assert!(!run.err.contains("secret"), "{}", run.err);
    }
    // The policies' reader meets the same file, and its fault is where the key is.
    scratch.write("toolgate.yaml", &format!("{HEAD}audit:\n  digestKey: 'this-is-the-secret-key\n"));
    let run = toolgate(&["decide", "--policies", directory, &event("garbage")]);
    assert!(
        run.code == 3 && run.err.contains("toolgate.yaml:") && !run.err.contains("secret"),
        "{}",
        run.err
    );
    let mut command = binary(root());
    let run = finish(command.args(["config"]).env("TOOLGATE_AUDIT_KEY", "this-is-the-secret-key"), b"");
    assert!(
        run.code == 0 && run.out.contains("digestKey: '<set>'") && !run.out.contains("secret"),
        "{}",
        run.out
    );
}

#[test]
fn a_configuration_that_is_not_in_force_is_an_error_of_every_command() {
    for name in ["Toolgate.yaml", "toolgate.YAML", "config.yaml"] {
        let scratch = Scratch::new("config-not-in-force");
        scratch.write("p.yaml", &policy("silent", "null"));
        scratch.write(name, &format!("{HEAD}defaultDecision: deny\n"));
        let directory = scratch.0.to_str().unwrap();
        let file = scratch.0.join(name);
        let file = file.to_str().unwrap();
        let call = event("list-pods-in-production");
        let commands =
            [vec!["check", directory], vec!["decide", "--policies", directory, "--output", "json", &call]];
        for arguments in commands {
            let run = toolgate(&arguments);
            assert_eq!(run.code, 3, "{arguments:?}: {} {}", run.out, run.err);
            let told = run.out + &run.err;
            assert_eq!(told.matches("[TG3012]").count(), 1, "{arguments:?}: {told}");
            assert!(told.contains("not in force") && told.contains(name), "{told}");
            let run = toolgate(&[&arguments[..], &["--config", file]].concat());
            assert_eq!(run.code, 0, "{arguments:?}: {} {}", run.out, run.err);
        }
        let mut command = binary(root());
        let run = finish(
            command
                .args(["decide", "--policies", directory, "--output", "json", &call])
                .env("TOOLGATE_CONFIG", file),
            b"",
        );
        assert_eq!((run.code, run.json()["effect"].as_str()), (0, Some("deny")), "{}", run.err);
        // Where policies are named one by one, what lies beside them under nearly that name is no settings either.
        let alone = scratch.0.join("p.yaml");
        let run = toolgate(&["config", "--policies", alone.to_str().unwrap()]);
        assert_eq!(run.code, if name == "config.yaml" { 0 } else { 3 }, "{}", run.err);
    }
}

#[test]
fn decide_takes_its_settings_from_the_configuration() {
    let scratch = Scratch::new("config-decide");
    scratch.write("p.yaml", &policy("by-team", "object.attributes.Header(\"X-Team\").exists(t, t == \"payments\") ? http.Denied(\"no\").Response() : null"));
    scratch.write("toolgate.yaml", &format!("{HEAD}headers:\n  x-team: '\"payments\"'\n"));
    let directory = scratch.0.to_str().unwrap();
    let run =
        toolgate(&["decide", "--policies", directory, "--output", "json", &event("list-pods-in-production")]);
    assert_eq!(run.json()["decision"], "deny", "{}", run.err);
}

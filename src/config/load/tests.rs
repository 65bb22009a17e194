use std::fs;

use super::*;
use crate::config::{EnvironmentSource, HeaderRule, SETTINGS, Value};
use crate::diag::report::{Palette, render};

/// What a case is compared by: the report, or what the effective configuration has that the defaults do not.
fn outcome(result: &Result<(Settings, Warnings), Diagnostics>) -> String {
    let (config, warnings) = match result {
        Ok((config, warnings)) => (config, warnings),
        Err(diagnostics) => return render(diagnostics, &Palette::PLAIN),
    };
    let defaults = Settings::default().effective().to_string();
    let effective = config.effective().to_string();
    let mut section = "";
    let mut text = render(warnings, &Palette::PLAIN);
    text.push_str("loads, and differs from the defaults in:\n");
    for line in effective.lines() {
        if !line.starts_with(' ') {
            section = line;
        }
        if !defaults.lines().any(|other| other == line) {
            let place = if section == line { "" } else { section };
            text.push_str(&format!("{place} {}\n", line.trim_start()));
        }
    }
    text
}

fn variables(text: &str) -> impl Iterator<Item = (String, String)> {
    text.lines()
        .filter_map(|line| line.split_once('='))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/config")
}

#[test]
fn every_file_of_testdata_gives_its_recorded_report() {
    let folder = folder();
    let update = std::env::var_os("TOOLGATE_UPDATE").is_some();
    let mut names: Vec<String> = fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.ends_with(".yaml") || name.ends_with(".json"))
        .collect();
    names.sort();
    let mut wrong = Vec::new();
    for name in &names {
        let stem = name.split_once('.').unwrap().0;
        let text = fs::read_to_string(folder.join(name)).unwrap();
        let environment = fs::read_to_string(folder.join(format!("{stem}.env"))).unwrap_or_default();
        let result = Settings::load_text(name, &text, variables(&environment));
        for diagnostic in result.as_ref().err().into_iter().flatten() {
            // The texts of CEL's faults are cel-go's.
            if diagnostic.code.number() / 100 == 30 {
                assert_style(name, &diagnostic.message);
            }
            diagnostic.help.iter().for_each(|help| assert_style(name, help));
        }
        let actual = outcome(&result);
        assert!(!actual.contains("horse"), "{name} tells a secret:\n{actual}");
        let expected = folder.join(format!("{stem}.txt"));
        if update {
            fs::write(&expected, &actual).unwrap();
        }
        match fs::read_to_string(&expected) {
            Ok(expected) if expected == actual => {}
            Ok(expected) => wrong.push(format!("{name}: expected\n{expected}\nbut got\n{actual}")),
            Err(_) => wrong.push(format!("{name} has no recorded report; record it with TOOLGATE_UPDATE=1")),
        }
    }
    assert!(names.len() > 30, "cases are missing: {}", names.len());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// House style: lower case first, no period at the end, no line break.
fn assert_style(name: &str, text: &str) {
    assert!(!text.starts_with(char::is_uppercase), "{name}: {text}");
    assert!(!text.ends_with('.') && !text.contains('\n'), "{name}: {text}");
}

#[test]
fn what_is_printed_reads_back_to_the_same_configuration() {
    let key = [("TOOLGATE_AUDIT_KEY".to_owned(), "correct-horse-battery-staple".to_owned())];
    let mut loaded = 0;
    for entry in fs::read_dir(folder()).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|ending| ending == "txt" || ending == "env") {
            continue;
        }
        let environment = fs::read_to_string(path.with_extension("env")).unwrap_or_default();
        let text = fs::read_to_string(&path).unwrap();
        let name = path.display().to_string();
        let Ok((config, _)) = Settings::load_text(&name, &text, variables(&environment)) else { continue };
        loaded += 1;
        let printed = config.effective().to_string();
        let keys = || key.clone().into_iter().filter(|_| config.audit.digest_key.is_some());
        let (mut again, _) =
            Settings::load_text("printed.yaml", &printed, keys()).unwrap_or_else(|diagnostics| {
                panic!("{name}:\n{printed}\n{}", render(&diagnostics, &Palette::PLAIN))
            });
        again.audit.digest_key.clone_from(&config.audit.digest_key);
        assert_eq!(format!("{again:?}"), format!("{config:?}"), "{name}:\n{printed}");
        let json = serde_json::to_string(&config.effective()).unwrap();
        let (again, _) = Settings::load_text("printed.json", &json, keys()).unwrap();
        assert_eq!(again.effective(), config.effective(), "{name}:\n{json}");
    }
    assert!(loaded >= 10, "{loaded} files load");
    let printed = Settings::default().effective().to_string();
    let (again, _) = Settings::load_text("printed.yaml", &printed, std::iter::empty()).unwrap();
    assert_eq!(format!("{again:?}"), format!("{:?}", Settings::default()));
}

#[test]
fn texts_of_all_kinds_survive_printing() {
    for text in
        ["no", "1e3", "null", "a: b # c", "it's \"so\"", "\u{85}\u{1}\t\n\r", "é\u{2028}🦀\u{feff}", "\\U0"]
    {
        let mut config = Settings::default();
        config.identity.audiences = vec![text.to_owned()];
        let printed = config.effective().to_string();
        let again = Settings::load_text("printed.yaml", &printed, std::iter::empty());
        // What is not seen is printed as it is, and refused by whoever reads it.
        if text.chars().any(crate::visible::is_unseen) {
            let wrong = again.unwrap_err().to_string();
            assert!(wrong.contains("has a character that is not seen, U+"), "{wrong}");
            continue;
        }
        assert_eq!(
            again.map(|(config, _)| config.identity.audiences),
            Ok(vec![text.to_owned()]),
            "{printed}"
        );
    }
}

#[test]
fn every_setting_is_set_by_its_variable_as_by_its_example() {
    for setting in SETTINGS {
        let mut file = String::from("apiVersion: toolgate.dev/v1\nkind: Configuration\n");
        let parts: Vec<&str> = setting.path.split('.').collect();
        let (last, sections) = parts.split_last().unwrap();
        let mut indent = String::new();
        for section in sections {
            file.push_str(&format!(
                "{indent}{section}:
"
            ));
            indent.push_str("  ");
        }
        file.push_str(&format!(
            "{indent}{last}: {}
",
            setting.example
        ));
        // The setting needs another one beside it.
        let extra = match setting.path {
            "identity.required" => Some(("TOOLGATE_TRUST_JWT".to_owned(), "true".to_owned())),
            "audit.digestKey" => Some(("TOOLGATE_AUDIT_KEY".to_owned(), "0123456789abcdef".to_owned())),
            _ => None,
        };
        let (config, _) = Settings::load_text("example.yaml", &file, extra.clone().into_iter())
            .unwrap_or_else(|diagnostics| panic!("{file}\n{}", render(&diagnostics, &Palette::PLAIN)));
        let value = setting.get(&config).unwrap();
        if setting.path != "denial.status" && setting.path != "judging.passNotifications" {
            assert_ne!(
                setting.get(&Settings::default()),
                Some(value.clone()),
                "the example of {}",
                setting.path
            );
        }
        let text = match &value {
            Value::Flag(flag) => flag.to_string(),
            Value::Whole(number) => number.to_string(),
            Value::Word(word) => (*word).to_owned(),
            Value::Text(_) if setting.path == "audit.digestKey" => "0123456789abcdef".to_owned(),
            Value::Text(text) => text.clone(),
            Value::Environment(environment) => environment.to_string(),
            Value::Texts(texts) => texts.join(","),
            Value::Targets(targets) => targets
                .iter()
                .map(|(target, value)| format!("{target}={value}"))
                .collect::<Vec<_>>()
                .join(","),
        };
        let variable = (setting.variable.to_owned(), text);
        let (by_variable, _) = Settings::load(None, extra.into_iter().chain([variable])).unwrap();
        assert_eq!(setting.get(&by_variable), Some(value), "{}", setting.variable);
    }
}

#[test]
fn no_text_makes_the_reader_panic() {
    let text = fs::read_to_string(folder().join("027-every-setting.yaml")).unwrap();
    for (at, _) in text.char_indices() {
        let (before, after) = text.split_at_checked(at).unwrap();
        drop(Settings::load_text("cut.yaml", before, std::iter::empty()));
        if at % 7 == 0 {
            drop(Settings::load_text("spoiled.yaml", &format!("{before}\"{after}"), std::iter::empty()));
        }
    }
}

#[test]
fn a_file_that_is_named_must_be_there_and_one_beside_the_policies_may_be() {
    let missing = folder().join("missing.yaml");
    let errors = Settings::load(Some(&missing), std::iter::empty()).unwrap_err();
    assert_eq!(errors.iter().map(|error| error.code).collect::<Vec<_>>(), [Code::ConfigUnreadable]);
    let variable = [("TOOLGATE_CONFIG".to_owned(), missing.display().to_string())];
    assert!(Settings::load(None, variable.into_iter()).is_err());
    assert!(Settings::load_beside(&[folder()], None, std::iter::empty()).is_ok());
    assert!(Settings::load(Some(&folder()), std::iter::empty()).is_err());
}

const HEAD: &str = "apiVersion: toolgate.dev/v1\nkind: Configuration\n";

fn load(text: &str, variables: &[(&str, &str)]) -> Result<(Settings, Warnings), Diagnostics> {
    let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    Settings::load_text("toolgate.yaml", &format!("{HEAD}{text}"), variables)
}

/// What grows has a limit, and the mistake names it, its value and the setting, at its place.
#[test]
fn what_grows_has_a_limit_that_is_told_at_its_place() {
    let list = |count: usize, item: &dyn Fn(usize) -> String| -> String { (0..count).map(item).collect() };
    let globs = list(1_001, &|n| format!("    - \"*a{n}*b*c\"\n"));
    let long = list(65, &|n| format!("    - \"{}{n}\"\n", "*a".repeat(254)));
    let rows = list(20_000, &|_| "    - {target: a, environment: x}\n".to_owned());
    let headers = list(40_000, &|n| format!("  X-H{n}: \"'a'\"\n"));
    let some = list(195, &|n| format!("  X-H{n}: \"'a'\"\n"));
    let wide = list(10, &|n| format!("  X-H{n}: \"'{}'\"\n", "a".repeat(20_000)));
    for (text, due) in [
        (
            format!("judging:\n  passTools:\n{globs}"),
            "5:5: error[TG3007]: `judging.passTools` has 1001 patterns, more than 1000",
        ),
        (
            format!("judging:\n  passTools:\n{long}"),
            "5:5: error[TG3007]: `judging.passTools` has patterns of ",
        ),
        (
            format!("environment:\n  targets:\n{rows}"),
            "5:5: error[TG3007]: `environment.targets` has 20000 patterns",
        ),
        (format!("headers:\n{headers}"), "3:1: error[TG3007]: `headers` has 40000 headers, more than 200"),
        (format!("headers:\n{some}"), "3:1: error[TG3007]: `headers` has 207 headers, more than 200"),
        (
            format!("headers:\n{wide}"),
            "3:1: error[TG3007]: `headers` has expressions of 200020 bytes together",
        ),
    ] {
        let told = load(&text, &[]).unwrap_err();
        assert_eq!(told.len(), 1, "{due}");
        let told = told.to_string();
        assert!(told.contains(due) && told.len() < 2_000, "{due}: {told:.2000}");
    }
    let variable = vec!["*"; 1_001].join(",");
    let told = load("", &[("TOOLGATE_PASS_TOOLS", &variable)]).unwrap_err().to_string();
    assert!(told.contains("`TOOLGATE_PASS_TOOLS` has 1001 patterns"), "{told}");
}

/// The same limits hold for settings that a program makes.
#[test]
fn an_engine_refuses_what_a_file_may_not_have() {
    let text = "apiVersion: policies.kyverno.io/v1\nkind: ValidatingPolicy\nmetadata: {name: a}\nspec:\n  evaluation: {mode: HTTP}\n  validations: [{expression: 'null'}]\n";
    let (set, _) = crate::PolicySet::from_text("a.yaml", text).unwrap();
    let refused = |change: &dyn Fn(&mut Settings)| {
        let mut settings = Settings::default();
        change(&mut settings);
        crate::Engine::new(set.clone(), settings).map(drop).unwrap_err().to_string()
    };
    let braces = |depth: usize| format!("{}a{}", "{".repeat(depth), "}".repeat(depth));
    for depth in [9, 251, 50_000] {
        let told = refused(&|settings| settings.judging.pass_tools = vec![braces(depth)]);
        assert!(told.contains("`judging.passTools`") && told.contains("the limit (fixed)"), "{told:.500}");
        let environment = crate::gateway::environment::Environment::new("x").unwrap();
        let told = refused(&|settings| {
            settings.environment = EnvironmentSource::Targets(vec![(braces(depth), environment.clone())]);
        });
        assert!(told.contains("`environment.targets`") && told.len() < 1_000, "{told:.500}");
    }
    let told = refused(&|settings| settings.judging.pass_tools = vec!["*a*b".to_owned(); 40_000]);
    assert!(told.contains("`judging.passTools` has 40000 patterns") && told.len() < 1_000, "{told:.500}");
    let rule = |n: usize| HeaderRule { name: format!("X-H{n}"), expression: "'a'".to_owned() };
    let told = refused(&|settings| settings.headers = (0..40_000).map(rule).collect());
    assert!(told.contains("`headers` has 40000 headers"), "{told:.500}");
}

#[test]
fn of_thousands_of_mistakes_the_first_are_told_and_the_others_counted() {
    let text: String = (0..60_000).map(|n| format!("x{n}: 1\n")).collect();
    let told = load(&text, &[]).unwrap_err();
    assert_eq!(told.len(), 201);
    assert!(told.to_string().contains("there are 59800 more errors of this file"));
}

/// A text that is a key stands in no report, however the file has it.
#[test]
fn no_report_quotes_a_file_that_may_hold_a_key() {
    let secret = "correct-horse-battery-staple";
    for text in [
        "audit: {digestKey:\nSECRET, reasons: maybe}\n",
        "audit:\n  digestKey: 'SECRET\n",
        "audit:\n  \"digest\\u004bey\": SECRET\n  reasons: maybe\n",
        "audit:\n  \"digest\\u004bey\": [SECRET]\n",
        "host: &k SECRET\naudit:\n  digestKey: *k\n  reasons: maybe\nhost: x\n",
        "hots: &k SECRET\naudit: {digestKey: *k}\n",
        "x: &k {digestKey: SECRET}\naudit:\n  <<: *k\n",
        "audit:\n  digestKye: SECRET\n",
        "audit:\n  digest: SECRET\n",
        "audit:\n  digest_key: |\n    SECRET\n",
        "# digestKey: SECRET\nhots: [SECRET]\n",
        "hots: [SECRET\n",
        "audit:\n  digestKeyArn: SECRET\n",
        "audit:\n  digestKeyArn: [SECRET]\n",
        "audit:\n  \"digestKey\\u0041rn\": SECRET\n",
    ] {
        let file = text.replace("SECRET", secret);
        let wrong = load(&file, &[]).unwrap_err();
        let told =
            format!("{} {}", render(&wrong, &Palette::PLAIN), serde_json::to_string(&wrong[..]).unwrap());
        assert!(!told.contains("horse"), "{file}\n{told}");
        for diagnostic in &wrong {
            assert_eq!(diagnostic.file_name(), Some("toolgate.yaml"));
            assert!(diagnostic.position().is_some(), "{diagnostic}");
            let source = diagnostic.source.as_ref().unwrap();
            assert!(!source.text().contains("horse"), "{file}");
        }
        let file = format!("{HEAD}{file}");
        let (_, wrong) = crate::PolicySet::lenient_text("toolgate.yaml", &file);
        assert!(!wrong.to_string().contains("horse"), "{file}\n{wrong}");
    }
    let wrong = load("hots: x\n", &[]).unwrap_err().to_string();
    assert!(wrong.contains("\n3 | hots: x\n"), "a file without a key is quoted: {wrong}");
}

#[test]
fn what_is_no_arn_may_be_the_key_and_is_not_told() {
    let secret = "correct-horse-battery-staple";
    let variable = load("", &[("TOOLGATE_AUDIT_KEY_ARN", secret)]).unwrap_err();
    let file = load(&format!("audit: {{digestKeyArn: {secret}}}\n"), &[]).unwrap_err();
    let mut settings = Settings::default();
    settings.audit.digest_key_arn = Some(secret.to_owned());
    let library = Diagnostics::from(settings.mistakes());
    for wrong in [variable, file, library] {
        assert!(wrong.to_string().contains("is not the ARN of a secret"), "{wrong}");
        assert!(!format!("{wrong} {wrong:?}").contains("horse"), "{wrong}");
    }
    assert!(!format!("{settings:?} {}", settings.effective()).contains("horse"));
}

#[test]
fn a_setting_without_a_value_is_an_error() {
    for setting in SETTINGS {
        let (sections, last) = setting.path.rsplit_once('.').unwrap_or(("", setting.path));
        let open: String =
            sections.split('.').filter(|name| !name.is_empty()).map(|name| format!("{name}: {{")).collect();
        for value in ["", " null", " ~"] {
            let text = format!("{open}{last}:{value}{}\n", "}".repeat(open.matches('{').count()));
            let wrong = load(&text, &[]).unwrap_err();
            assert_eq!(wrong[0].code, Code::ConfigMissingValue, "{text}");
        }
    }
    let wrong = load("environment: {targets: []}\n", &[]).unwrap_err();
    assert_eq!((wrong.len(), wrong[0].code), (1, Code::ConfigBadValue));
    assert!(wrong[0].help.as_deref().unwrap().contains("{target: \"*\""), "{wrong}");
}

/// A group whose settings are commented out: a warning, and an error where their defaults may be more open.
#[test]
fn a_group_without_a_value_does_not_pass_in_silence() {
    let groups = |path: &'static str| path.match_indices('.').filter_map(|(end, _)| path.get(..end));
    let mut all: Vec<&str> = SETTINGS.iter().flat_map(|setting| groups(setting.path)).collect();
    all.push("headers");
    all.dedup();
    assert!(all.len() > 10, "{all:?}");
    let lost = ["denial", "budget", "capabilities", "capabilities.keySets", "capabilities.http", "audit"];
    for group in all {
        let (outer, last) = group.rsplit_once('.').unwrap_or(("", group));
        for value in ["", " null", " ~"] {
            let text = match outer {
                "" => format!("{last}:{value}\n"),
                outer => format!("{outer}:\n  {last}:{value}\n"),
            };
            let told: Vec<Diagnostic> = match load(&text, &[]) {
                Ok((_, warnings)) => warnings.into_iter().collect(),
                Err(wrong) => wrong.into_iter().collect(),
            };
            let due = match lost.contains(&group) {
                true => (Severity::Warning, Code::EmptyGroup),
                false => (Severity::Error, Code::ConfigMissingValue),
            };
            assert_eq!(told.iter().map(|it| (it.severity, it.code)).collect::<Vec<_>>(), [due], "{text}");
            assert!(told[0].message.starts_with(&format!("`{group}` has no ")), "{}", told[0]);
        }
        let (_, warnings) = load(&format!("{}\n", group_of_none(group)), &[]).unwrap();
        assert!(warnings.is_empty(), "{group}: {warnings}");
    }
}

/// `a.b` as `a: {b: {}}`.
fn group_of_none(group: &str) -> String {
    let (first, rest) = group.split_once('.').unwrap_or((group, ""));
    let inner = if rest.is_empty() { String::new() } else { group_of_none(rest) };
    format!("{first}: {{{inner}}}")
}

#[test]
fn a_row_of_targets_that_an_earlier_one_takes_is_warned_of() {
    let rows = |targets: &[&str]| {
        let row = |target: &&str| format!("  - {{target: {target:?}, environment: x}}\n");
        format!("environment:\n  targets:\n{}", targets.iter().map(row).collect::<String>())
    };
    for (targets, due) in [
        (&["Kube", "kube"][..], &[(6, "`kube` is never reached: `Kube` before it")][..]),
        (&["kube*", "KUBE*"], &[(6, "`KUBE*` is never reached: `kube*` before it")]),
        (&["kube*", "orders", "kube-a"], &[(7, "`kube-a` is never reached: `kube*` before it")]),
        (&["*", "a"], &[(6, "`a` is never reached: `*` before it")]),
        (&["kube-a", "kube*", "*"], &[]),
        (&["kube-?", "kube*"], &[]),
    ] {
        let (_, warnings) = load(&rows(targets), &[]).unwrap();
        assert_eq!(warnings.len(), due.len(), "{targets:?}: {warnings}");
        for (warning, (line, says)) in warnings.iter().zip(due) {
            assert_eq!(warning.code, Code::IdleSetting);
            assert_eq!(warning.position().unwrap().line, *line, "{warning}");
            assert!(warning.message.starts_with(says), "{warning}");
        }
    }
}

#[test]
fn a_method_that_looks_like_one_of_mcp_is_an_error() {
    for (text, method) in [
        ("Tools/Call", "tools/call"),
        ("/tools/call", "tools/call"),
        ("tools//call", "tools/call"),
        ("ｔools/call", "tools/call"),
        ("Tools/*", "tools/call"),
        ("*/LIST", "tools/list"),
        ("logging/setlevel", "logging/setLevel"),
    ] {
        for list in ["judgeMethods", "passMethods", "passNotifications"] {
            let wrong = load(&format!("judging: {{{list}: [ping, \"{text}\"]}}\n"), &[]).unwrap_err();
            assert_eq!((wrong.len(), wrong[0].code), (1, Code::ConfigBadValue), "{text}");
            assert!(wrong[0].message.contains(&format!("write `{method}`")), "{wrong}");
        }
        let wrong = load("", &[("TOOLGATE_JUDGE_METHODS", text)]).unwrap_err();
        assert!(wrong[0].message.contains(&format!("write `{method}`")), "{wrong}");
    }
    for text in ["tools/*", "*", "foo/bar", "x/Call", "{tools,prompts}/list", "notifications/*"] {
        assert!(load(&format!("judging: {{judgeMethods: [\"{text}\"]}}\n"), &[]).is_ok(), "{text}");
    }
}

#[test]
fn a_pattern_where_whole_names_stand_is_an_error() {
    for (text, name) in [
        ("forwardHeaders: ['X-*']", "X-*"),
        ("forwardHeaders: ['*']", "*"),
        ("identity: {trustJwt: true, issuers: ['https://a/*']}", "https://a/*"),
        ("identity: {trustJwt: true, issuers: ['[\"https://a\"]']}", "[\"https://a\"]"),
        ("identity: {trustJwt: true, issuers: ['https://a https://b']}", "https://a https://b"),
    ] {
        let wrong = load(&format!("{text}\n"), &[]).unwrap_err();
        assert_eq!((wrong.len(), wrong[0].code), (1, Code::ConfigBadValue), "{text}");
        assert!(wrong[0].message.starts_with(&format!("`{name}` is ")), "{wrong}");
    }
    let wrong = load("", &[("TOOLGATE_X", "")]).unwrap_err();
    assert_eq!(wrong[0].code, Code::UnknownVariable);
}

#[test]
fn what_counts_for_nothing_or_opens_everything_is_warned_of() {
    let targets = |rows: &str| format!("environment: {{targets: [{rows}]}}\n");
    let row = |target: &str| format!("{{target: '{target}', environment: e}}");
    for (text, variables, warned) in [
        ("judging: {passMethods: [ping, '*']}".to_owned(), vec![], vec![(Code::OpenDoor, 4)]),
        ("judging: {passMethods: ['tools/{list,call}']}".to_owned(), vec![], vec![(Code::OpenDoor, 4)]),
        ("judging: {passMethods: ['*/list'], passTools: ['a*']}".to_owned(), vec![], vec![]),
        ("judging: {passTools: ['**']}".to_owned(), vec![], vec![(Code::OpenDoor, 4)]),
        ("judging: {passMethods: ['*'], passTools: ['*'], judgeMethods: [tools/call]}".to_owned(), vec![], vec![]),
        (String::new(), vec![("TOOLGATE_PASS_METHODS", "tools/*")], vec![(Code::OpenDoor, 0)]),
        (
            "identity: {issuers: [a], audiences: [a], checkExpiry: true, claims: {user: u}, iamPrincipal: true, required: true}"
                .to_owned(),
            vec![],
            vec![(Code::IdleSetting, 4); 4],
        ),
        ("identity: {trustJwt: true, issuers: [a], checkExpiry: true}".to_owned(), vec![], vec![]),
        (String::new(), vec![("TOOLGATE_CLIENTS", "a")], vec![(Code::IdleSetting, 0)]),
        (targets(&[row("a"), row("*"), row("b"), row("*")].join(", ")), vec![], vec![(Code::IdleSetting, 4); 2]),
        (targets(&row("prod orders")), vec![], vec![(Code::IdleSetting, 4)]),
        (targets(&row("prod:*")), vec![], vec![(Code::IdleSetting, 4)]),
        (targets(&row("a___b*")), vec![], vec![(Code::IdleSetting, 4)]),
        (targets(&row("payments,orders")), vec![], vec![(Code::IdleSetting, 4)]),
        (targets(&row("{a,b},c")), vec![], vec![(Code::IdleSetting, 4)]),
        (targets(&row("^payments")), vec![], vec![(Code::IdleSetting, 4)]),
        (targets(&row("a!")), vec![], vec![(Code::IdleSetting, 4)]),
        (targets(&row("{a,[^b]c}[!d]")), vec![], vec![]),
        ("judging: {judgeMethods: [tool/list], passMethods: [tasks/gets, ping]}".to_owned(), vec![], vec![(Code::IdleSetting, 4); 2]),
        ("judging: {judgeMethods: [acme/do], passMethods: ['tool/*']}".to_owned(), vec![], vec![]),
        (targets(&row(" {a,b}_[!0-9]./?- ")), vec![], vec![]),
        (String::new(), vec![("toolgate_default_decision", "deny")], vec![(Code::UnknownVariable, 0)]),
        (String::new(), vec![("Toolgate_HOST", "a"), ("TOOLGATE_HOST", "b")], vec![(Code::UnknownVariable, 0)]),
    ] {
        // A line of its own, so that the place is not that of the beginning.
        let (_, warnings) = load(&format!("# below\n{text}\n"), &variables).unwrap_or_else(|wrong| panic!("{wrong}"));
        let found: Vec<_> =
            warnings.iter().map(|one| (one.code, one.position().map_or(0, |place| place.line))).collect();
        assert_eq!(found, warned, "{text} {variables:?}: {warnings}");
        for warning in &warnings {
            assert_style("warnings", &warning.message);
            assert_style("warnings", warning.help.as_deref().unwrap());
        }
    }
    let (_, warnings) = load("", &[("toolgate_default_decision", "deny")]).unwrap();
    assert_eq!(warnings[0].help.as_deref(), Some("write `TOOLGATE_DEFAULT_DECISION`"));
    // A warning does not keep what must hold together from being looked at.
    assert!(load("identity: {required: true}\n", &[("toolgate_host", "a")]).is_err());
}

#[test]
fn the_key_is_in_no_debug_output() {
    let key = [("TOOLGATE_AUDIT_KEY".to_owned(), "correct-horse-battery-staple".to_owned())];
    let (config, _) = Settings::load(None, key.into_iter()).unwrap();
    assert_eq!(config.audit.digest_key.as_deref(), Some(&b"correct-horse-battery-staple"[..]));
    let debug = format!("{config:?} {:?}", config.effective());
    assert!(debug.contains("<set>") && !debug.contains("horse") && !debug.contains("99, 111"), "{debug}");
}

#[test]
fn the_settings_that_decide_differ_where_decisions_may_and_nowhere_else() {
    let deciding = |text: &str| {
        let text = format!("apiVersion: toolgate.dev/v1\nkind: Configuration\n{text}\n");
        Settings::load_text("toolgate.yaml", &text, std::iter::empty()).unwrap().0.deciding()
    };
    let default = deciding("");
    for same in [
        "denial: {form: toolResult, status: 401, code: 1}",
        "audit: {digestKey: 0123456789abcdef, reasons: false, metricTargets: [a]}",
        "defaultDecision: allow",
        "headers: {X-Mcp-Method: ' call.method '}",
    ] {
        assert_eq!(deciding(same), default, "{same}");
    }
    for (one, same) in [
        ("identity: {issuers: [a, b]}", "identity: {issuers: [b, a]}"),
        ("environment: {value: Production}", "environment: {value: ' production '}"),
        ("headers: {X-A: '\"a\"', X-B: '\"b\"'}", "headers: {x-b: '\"b\"', x-a: '\"a\"'}"),
    ] {
        assert_eq!(deciding(one), deciding(same), "{one}");
    }
    let others = [
        "defaultDecision: deny",
        "host: a",
        "forwardHeaders: [X-A]",
        "environment: {value: production}",
        "environment: {value: staging}",
        "environment: {targets: [{target: a, environment: b}, {target: b, environment: a}]}",
        "environment: {targets: [{target: b, environment: a}, {target: a, environment: b}]}",
        "judging: {passMethods: [a]}",
        "judging: {passNotifications: [a]}",
        "judging: {judgeMethods: [a]}",
        "judging: {passTools: [a]}",
        "methods: {unknown: judge}",
        "identity: {trustJwt: true}",
        "identity: {provider: okta}",
        "identity: {issuers: [a]}",
        "identity: {audiences: [a]}",
        "identity: {clients: [a]}",
        "identity: {checkExpiry: true}",
        "identity: {claims: {user: a}}",
        "identity: {iamPrincipal: true}",
        "budget: {steps: 5000}",
        "budget: {bytes: 99999}",
        "headers: {X-User: null}",
        "headers: {X-A: '\"a\"'}",
    ];
    let mut seen: std::collections::BTreeSet<String> = others.iter().map(|text| deciding(text)).collect();
    assert!(seen.insert(default));
    assert_eq!(seen.len(), others.len() + 1);
}

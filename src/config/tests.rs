//! What is said about the settings elsewhere is what the table says: the JSON Schema and the documentation; and the
//! examples of the documentation do what it says.

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value as Json, json};

use super::headers::HEADERS;
use super::table::{API_VERSION, KIND, Kind, may_have_no_value};
use super::*;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Compares a file with what it should be; writes it if asked.
fn compare(path: &Path, expected: &str) {
    if std::env::var_os("TOOLGATE_UPDATE").is_some() {
        fs::write(path, expected).unwrap();
    }
    let found = fs::read_to_string(path).unwrap_or_default();
    assert!(
        found == expected,
        "{} is not in step with the table: run with TOOLGATE_UPDATE=1",
        path.display()
    );
}

/// The texts between backticks and the rest, for a schema that knows no backticks.
fn plain(text: &str) -> String {
    text.replace('`', "")
}

fn type_of(kind: &Kind) -> Json {
    match kind {
        Kind::Flag(_) => json!({"type": "boolean"}),
        Kind::Choice(words, ..) => json!({"enum": words}),
        Kind::Whole(least, most, ..) => json!({"type": "integer", "minimum": least, "maximum": most}),
        Kind::Text(..) | Kind::Optional(..) | Kind::Environment => json!({"type": "string", "minLength": 1}),
        Kind::Texts(..) | Kind::Globs(..) => {
            json!({"type": "array", "uniqueItems": true, "items": {"type": "string", "minLength": 1}})
        }
        Kind::Targets => json!({"type": "array", "minItems": 1, "items": {
            "type": "object",
            "additionalProperties": false,
            "required": ["target", "environment"],
            "properties": {
                "target": {"type": "string", "minLength": 1},
                "environment": {"type": "string", "minLength": 1},
            },
        }}),
        Kind::Key => json!({"type": "string", "minLength": 5}),
    }
}

fn schema() -> Json {
    let mut properties = Map::new();
    properties.insert("apiVersion".to_owned(), json!({"const": API_VERSION}));
    properties.insert("kind".to_owned(), json!({"const": KIND}));
    for setting in SETTINGS {
        let mut value = type_of(&setting.kind);
        value["description"] = json!(format!("{} Variable: {}.", plain(setting.meaning), setting.variable));
        if let Some(default) = setting.get(&Settings::default()) {
            value["default"] = match default {
                Value::Flag(flag) => json!(flag),
                Value::Whole(number) => json!(number),
                Value::Word(word) => json!(word),
                Value::Text(text) => json!(text),
                Value::Environment(environment) => json!(environment.as_str()),
                Value::Texts(texts) => json!(texts),
                Value::Targets(_) => json!([]),
            };
        }
        let mut place = &mut properties;
        let (sections, name) = setting.path.rsplit_once('.').unwrap_or(("", setting.path));
        let mut group = String::new();
        for section in sections.split('.').filter(|section| !section.is_empty()) {
            group = if group.is_empty() { section.to_owned() } else { format!("{group}.{section}") };
            let kind = if may_have_no_value(&group) { json!(["object", "null"]) } else { json!("object") };
            let inner = place
                .entry(section)
                .or_insert_with(|| json!({"type": kind, "additionalProperties": false, "properties": {}}));
            place = inner["properties"].as_object_mut().unwrap();
        }
        place.insert(name.to_owned(), value);
    }
    let names: Map<String, Json> = Settings::default()
        .headers
        .into_iter()
        .map(|rule| (rule.name, json!({"type": ["string", "null"], "default": rule.expression})))
        .collect();
    properties.insert(
        HEADERS.to_owned(),
        json!({
            "type": "object",
            "description": "The headers that policies see: a CEL expression over call for each. A name of the \
                default mapping is replaced, null removes it, another name is added.",
            "properties": names,
            "propertyNames": {"pattern": "^[!#$%&'*+.^_`|~0-9A-Za-z-]+$"},
            "additionalProperties": {"type": ["string", "null"], "minLength": 1},
        }),
    );
    json!({
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "Toolgate's configuration",
        "type": "object",
        "additionalProperties": false,
        "required": ["apiVersion", "kind"],
        "properties": properties,
    })
}

#[test]
fn the_json_schema_is_in_step_with_the_table() {
    let text = format!("{}\n", serde_json::to_string_pretty(&schema()).unwrap());
    compare(&root().join("docs/toolgate.schema.json"), &text);
}

fn kind(kind: &Kind) -> String {
    match kind {
        Kind::Flag(_) => "`true` or `false`".to_owned(),
        Kind::Choice(words, ..) => {
            words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ")
        }
        Kind::Whole(least, most, ..) => format!("a whole number from {least} to {most}"),
        Kind::Text(..) | Kind::Optional(..) | Kind::Environment | Kind::Key => "text".to_owned(),
        Kind::Texts(..) | Kind::Globs(..) => "a list of texts".to_owned(),
        Kind::Targets => "a list of `{target, environment}`".to_owned(),
    }
}

/// A value as the documentation writes it.
fn written(value: Option<Value>) -> String {
    match value {
        None => "none".to_owned(),
        Some(Value::Flag(flag)) => format!("`{flag}`"),
        Some(Value::Whole(number)) => format!("`{number}`"),
        Some(Value::Word(word)) => format!("`{word}`"),
        Some(Value::Text(text)) => format!("`{text}`"),
        Some(Value::Environment(environment)) => format!("`{environment}`"),
        Some(Value::Texts(texts)) => format!("`[{}]`", texts.join(", ")),
        Some(Value::Targets(_)) => "`[]`".to_owned(),
    }
}

/// The example as a file has it.
fn example(setting: &Setting) -> String {
    let parts: Vec<&str> = setting.path.split('.').collect();
    let (last, sections) = parts.split_last().unwrap();
    let (mut text, mut indent) = (String::new(), String::new());
    for section in sections {
        writeln!(text, "{indent}{section}:").unwrap();
        indent.push_str("  ");
    }
    writeln!(text, "{indent}{last}: {}", setting.example).unwrap();
    text
}

fn reference() -> String {
    let mut text = String::new();
    let mut section = "";
    for setting in SETTINGS {
        let own = setting.path.split_once('.').map_or("", |(section, _)| section);
        if own != section && !own.is_empty() {
            writeln!(text, "### `{own}`\n").unwrap();
        }
        section = own;
        let level = if own.is_empty() { "###" } else { "####" };
        writeln!(text, "{level} `{}`\n\n{}\n", setting.path, setting.meaning).unwrap();
        let default = written(setting.get(&Settings::default()));
        writeln!(text, "- Value: {}. Default: {default}.", kind(&setting.kind)).unwrap();
        writeln!(text, "- Variable: `{}`\n\n```yaml\n{}```\n", setting.variable, example(setting)).unwrap();
    }
    text
}

fn variables() -> String {
    let mut text = String::from("| Variable | Setting |\n|---|---|\n");
    for setting in SETTINGS {
        writeln!(text, "| `{}` | `{}` |", setting.variable, setting.path).unwrap();
    }
    for (name, meaning) in PROCESS_VARIABLES {
        writeln!(text, "| `{name}` | none: {meaning} |").unwrap();
    }
    text
}

fn mapping() -> String {
    let printed = Settings::default().effective().to_string();
    let headers = printed.split_once("\nheaders:\n").unwrap().1;
    format!("```yaml\nheaders:\n{headers}```\n")
}

#[test]
fn the_documentation_has_every_setting_as_the_table_has_it() {
    let path = root().join("docs/configuration.md");
    let mut text = fs::read_to_string(&path).unwrap();
    for (part, content) in [("settings", reference()), ("variables", variables()), ("mapping", mapping())] {
        let begin =
            format!("<!-- {part}: from the table of settings, written by TOOLGATE_UPDATE=1 cargo test -->\n");
        let end = format!("<!-- end of {part} -->\n");
        let (before, rest) = text.split_once(&begin).unwrap_or_else(|| panic!("{part} has no beginning"));
        let (_, after) = rest.split_once(&end).unwrap_or_else(|| panic!("{part} has no end"));
        text = format!("{before}{begin}\n{}\n\n{end}{after}", content.trim_end());
    }
    compare(&path, &text);
}

#[test]
fn paths_in_a_file_count_from_its_directory() {
    let text = "apiVersion: toolgate.dev/v1\nkind: Configuration\ncapabilities: {resources: [a, /b], certificates: c.pem}\n";
    let variables = [("TOOLGATE_IMAGES".to_owned(), "i.yaml".to_owned())];
    let (config, _) = Settings::load_text("etc/toolgate.yaml", text, variables.into_iter()).unwrap();
    let capabilities = config.capabilities;
    assert_eq!(capabilities.resources, ["etc/a", "/b"]);
    assert_eq!(capabilities.certificates.as_deref(), Some("etc/c.pem"));
    assert_eq!(capabilities.images, ["i.yaml"]);
}

#[test]
fn a_header_asks_nothing_outside_of_the_call() {
    let text = "apiVersion: toolgate.dev/v1\nkind: Configuration\nheaders: {X-A: 'string(jwks.Fetch(\"https://a/\") == jwks.Fetch(\"https://b/\"))'}\n";
    let mistakes = Settings::load_text("toolgate.yaml", text, std::iter::empty()).unwrap_err();
    assert_eq!(mistakes.len(), 1);
    assert_eq!(
        (mistakes[0].code, mistakes[0].position().unwrap().column),
        (crate::diag::Code::NotGranted, 24)
    );
}

/// Every fenced block of YAML in a page that is a whole configuration loads.
#[test]
fn the_configurations_of_the_documentation_load() {
    let mut count = 0;
    for page in ["docs/configuration.md", "docs/migration.md"] {
        let text = fs::read_to_string(root().join(page)).unwrap();
        for block in text.split("```yaml\n").skip(1).filter_map(|rest| rest.split("```").next()) {
            if block.starts_with("apiVersion: toolgate.dev/") {
                count += 1;
                let loaded = Settings::load_text(page, block, std::iter::empty());
                assert!(loaded.is_ok(), "{page}:\n{block}\n{loaded:?}");
            }
        }
    }
    assert!(count >= 3, "{count}");
}

mod migration {
    use super::*;
    use crate::engine::{Context, Engine, Scratch};
    use crate::policy::set::PolicySet;

    /// The reason of the denial, if a policy that has `expression` denies.
    fn decide(file: &str, expression: &str, event: &Json) -> Option<String> {
        let path = root().join("testdata/config").join(file);
        let config = Settings::load(Some(&path), std::iter::empty()).unwrap().0;
        let policy = format!(
            "apiVersion: policies.kyverno.io/v1\nkind: ValidatingPolicy\nmetadata: {{name: a}}\nspec:\n  \
             evaluation: {{mode: HTTP}}\n  validations:\n  - expression: >-\n      {expression}\n"
        );
        let (set, _) = PolicySet::from_text("policy.yaml", &policy).unwrap();
        let engine = Engine::new(set, config).unwrap();
        let mut scratch = Scratch::default();
        let event = event.to_string();
        let answer = engine.decide(&mut scratch, event.as_bytes(), &Context::at(0));
        assert_eq!(answer.record.error, None);
        assert_eq!(answer.record.refusal, None);
        answer.record.reason.map(String::from)
    }

    fn event(name: &str, arguments: &Json, headers: &Json) -> Json {
        json!({"interceptorInputVersion": "1.0", "mcp": {"gatewayRequest": {
            "path": "/mcp", "httpMethod": "POST", "headers": headers,
            "body": {"jsonrpc": "2.0", "id": 1, "method": "tools/call",
                "params": {"name": name, "arguments": arguments}},
        }}})
    }

    #[test]
    fn the_page_has_the_files_that_are_tested_and_a_policy_that_works() {
        let page = fs::read_to_string(root().join("docs/migration.md")).unwrap();
        for file in ["migration-article.yaml", "migration-aws-samples.yaml"] {
            let text = fs::read_to_string(root().join("testdata/config").join(file)).unwrap();
            let block = text.find("apiVersion").and_then(|start| text.get(start..)).unwrap();
            assert!(page.contains(&format!("```yaml\n{block}```\n")), "{file}");
        }
        let policy = page.split("```yaml\n").find(|block| block.contains("kind: ValidatingPolicy")).unwrap();
        let (set, warnings) =
            PolicySet::from_text("policy.yaml", policy.split("```").next().unwrap()).unwrap();
        assert!(warnings.is_empty(), "{warnings}");
        let config = root().join("testdata/config/migration-aws-samples.yaml");
        let config = Settings::load(Some(&config), std::iter::empty()).unwrap().0;
        let engine = Engine::new(set, config).unwrap();
        let mut scratch = Scratch::default();
        for (token, denied) in
            [(None, true), (Some(SCOPE), false), (Some(SCP_LIST), false), (Some(SCP_TEXT), true)]
        {
            let mut headers = json!({"X-Scopes": "orders"});
            if let Some(token) = token {
                headers["authorization"] = json!(format!("Bearer {token}"));
            }
            let event = event("orders___get", &json!({}), &headers).to_string();
            let answer = engine.decide(&mut scratch, event.as_bytes(), &Context::at(0));
            let reason = denied.then_some("The token has no scope for this tool.");
            assert_eq!(answer.record.reason.as_deref(), reason, "{token:?}");
            let code = String::from_utf8_lossy(answer.answer).contains("\"code\":-32600");
            assert_eq!(code, denied, "{token:?}");
        }
    }

    /// A policy that denies with the values of a header, joined.
    fn tell(header: &str) -> String {
        format!("http.Denied(object.attributes.Header(\"{header}\").join(\"|\")).Response()")
    }

    #[test]
    fn the_articles_policies_see_the_headers_of_their_own_names() {
        let call = event(
            "kubernetes___deletePod",
            &json!({"environment": "Production", "query": "drop\nit", "namespace": "web"}),
            &json!({}),
        );
        for (header, value) in [
            ("X-Mcp-Tool", "kubernetes___deletePod"),
            ("x-mcp-operation", "delete"),
            ("X-Mcp-Environment", "production"),
            ("X-Mcp-Query", "drop it"),
            ("X-Mcp-Namespace", "web"),
            ("X-Mcp-Roles", ""),
            ("X-Tool-Name", "deletePod"),
        ] {
            assert_eq!(
                decide("migration-article.yaml", &tell(header), &call).as_deref(),
                Some(value),
                "{header}"
            );
        }
        let bare = event("search", &json!({}), &json!({"x-mcp-tool": "harmless"}));
        assert_eq!(decide("migration-article.yaml", &tell("X-Mcp-Tool"), &bare).as_deref(), Some("search"));
        assert_eq!(decide("migration-article.yaml", &tell("X-Mcp-Namespace"), &bare).as_deref(), Some(""));
    }

    /// Of Cognito: `"scope": "orders:get profile", "custom:tenant": "acme"`
    const SCOPE: &str = "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJodHRwczovL2NvZ25pdG8taWRwLmV1LWNlbnRyYWwtMS5hbWF6b25hd3MuY29tL3Bvb2wiLCJ0b2tlbl91c2UiOiJhY2Nlc3MiLCJzdWIiOiJ1LTEiLCJjbGllbnRfaWQiOiJjLTEiLCJzY29wZSI6Im9yZGVyczpnZXQgcHJvZmlsZSIsImN1c3RvbTp0ZW5hbnQiOiJhY21lIn0.c2ln";
    /// `"scp": ["orders", "x y"]`
    const SCP_LIST: &str = "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJodHRwczovL2NvZ25pdG8taWRwLmV1LWNlbnRyYWwtMS5hbWF6b25hd3MuY29tL3Bvb2wiLCJ0b2tlbl91c2UiOiJhY2Nlc3MiLCJzdWIiOiJ1LTEiLCJjbGllbnRfaWQiOiJjLTEiLCJzY3AiOlsib3JkZXJzIiwieCB5Il19.c2ln";
    /// `"scp": "orders:list profile"`
    const SCP_TEXT: &str = "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJodHRwczovL2NvZ25pdG8taWRwLmV1LWNlbnRyYWwtMS5hbWF6b25hd3MuY29tL3Bvb2wiLCJ0b2tlbl91c2UiOiJhY2Nlc3MiLCJzdWIiOiJ1LTEiLCJjbGllbnRfaWQiOiJjLTEiLCJzY3AiOiJvcmRlcnM6bGlzdCBwcm9maWxlIn0.c2ln";

    #[test]
    fn the_samples_policies_see_the_scopes_and_the_tenant_of_a_trusted_token() {
        for (token, scopes, tenant) in [
            (SCOPE, "orders:get|profile", "acme"),
            (SCP_LIST, "orders|x y", ""),
            (SCP_TEXT, "orders:list|profile", ""),
        ] {
            let headers = json!({"Authorization": format!("Bearer {token}"), "X-Scopes": "admin"});
            let call = event("orders___get", &json!({}), &headers);
            for (header, value) in [("X-Scopes", scopes), ("X-Tenant-Id", tenant)] {
                let seen = decide("migration-aws-samples.yaml", &tell(header), &call);
                assert_eq!(seen.as_deref(), Some(value), "{header}");
            }
        }
    }

    #[test]
    fn the_samples_policies_see_the_callers_department() {
        let call = event("orders___get", &json!({}), &json!({"X-Dept-Id": "sales"}));
        let dept = decide("migration-aws-samples.yaml", &tell("X-Dept-Id"), &call);
        assert_eq!(dept.as_deref(), Some("sales"));
        // Without a token there is neither a scope nor a tenant, whatever the caller writes.
        let call = event("orders___get", &json!({}), &json!({"X-Tenant-Id": "a", "X-Scopes": "admin"}));
        for header in ["X-Tenant-Id", "X-Scopes"] {
            assert_eq!(
                decide("migration-aws-samples.yaml", &tell(header), &call).as_deref(),
                Some(""),
                "{header}"
            );
        }
    }
}

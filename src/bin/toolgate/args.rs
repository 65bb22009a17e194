//! What the command line accepts, and its help.
//!
//! The exit codes have one meaning for all commands; each `--help` says what they mean there.

use std::path::PathBuf;

use clap::{ArgGroup, Args, Parser, Subcommand, ValueEnum};
use toolgate::internal::policy::decide::DefaultDecision;

use crate::suite::find::KYVERNO_TEST;

const ABOUT: &str = "Decides AI agents' tool calls with Kyverno ValidatingPolicy YAML, as Kyverno would";

const TOP_HELP: &str = "\
Examples:
  toolgate check policies/
  toolgate decide testdata/events/delete-pod-in-production.json
  toolgate apply policies/ --http-payload request.json
  toolgate test testdata/policies
  toolgate config --config policies/toolgate.yaml
  toolgate build policies/ -o policies.bundle

Exit codes:
  0  done; also when a call is denied, unless --fail-on-deny is given
  1  a call is denied and --fail-on-deny is given; there are warnings and --fail-on-warn is given; `test`: a case failed
  2  the command line is wrong, an input file cannot be read, or a test is none
  3  the policies or the configuration do not load";

/// Where policies are if nothing else is said.
pub(crate) const POLICIES: &str = "policies";

const CHECK_HELP: &str = "\
Examples:
  toolgate check policies/
  toolgate check policies/ team-a.yaml --output json | jq '.[].message'
  toolgate check --fail-on-warn policies/

Exit codes:
  0  the policies and the configuration beside them load; there may be warnings, unless --fail-on-warn is given
  1  they load, there are warnings and --fail-on-warn is given
  2  the command line is wrong
  3  the policies do not load, or there are none; or the configuration does not load, which grants what they ask; or a
     file that it names for what they ask cannot be read

Each path must give a policy or an exception, and all together a policy: a file with exceptions alone is well beside one with
policies.";

const DECIDE_HELP: &str = "\
Examples:
  toolgate decide testdata/events/delete-pod-in-production.json
  toolgate decide --policies my-policies/ --trace event.json
  cat event.json | toolgate decide --output json --fail-on-deny -

Exit codes:
  0  every event has its answer; also when it is a denial, unless --fail-on-deny is given
  1  a call is denied and --fail-on-deny is given
  2  the command line is wrong, or an event file cannot be read
  3  the policies or the configuration do not load

An event that is no AgentCore event is no usage error: its answer is a denial.";

const APPLY_HELP: &str = "\
Examples:
  toolgate apply policies/ --http-payload request.json
  toolgate apply policies/ --http-payload payloads/*.json --output json
  toolgate apply policies/ --envoy-payload check-request.json
  toolgate apply a.yaml b.yaml --http-payload request.json --fail-on-deny
  toolgate apply policies/ --json-payload call.json --policy-report --output-format json

Exit codes:
  0  every payload has its decision; also when it is a denial, unless --fail-on-deny is given
  1  a payload is denied, or a policy erred on it, and --fail-on-deny is given
  2  the command line is wrong, or a payload file cannot be read
  3  the policies or the configuration do not load
  N  of --warn-exit-code, where the others would be 0

A payload is Kyverno's: JSON with `attributes` (`method`, `path`, `host`, `header`, `query`, `body` as base64, …)
and, for policies that read `object.mcp`, `mcp`. Each row is what one policy alone says; the decision is what the
server answers with all of them: the first policy by name that allows, denies or errs.";

const CONFIG_HELP: &str = "\
Examples:
  toolgate config
  toolgate config --config staging.yaml --output json
  TOOLGATE_DENIAL_FORM=toolResult toolgate config > policies/toolgate.yaml

Exit codes:
  0  the configuration is printed
  2  the command line is wrong
  3  the configuration does not load

What is printed reads back to the same configuration. A secret is printed as `<set>`: whoever reads that back must give
the secret in its variable. docs/configuration.md describes every setting and its variable.";

const BUILD_HELP: &str = "\
Examples:
  toolgate build policies/ -o policies.bundle
  toolgate build policies/ --config staging.yaml -o staging.bundle
  toolgate decide --policies policies.bundle event.json

Exit codes:
  0  the bundle is written
  2  the command line is wrong, or the bundle cannot be written
  3  the policies or the configuration do not load, or the settings do not grant what the policies ask

A bundle is taken wherever policy files are, and holds the settings too: those of --config, else of the `toolgate.yaml`
beside the policies; no environment variable counts. The same files make the same bytes. docs/bundle.md says what is in
one, and what happens when another version of Toolgate reads it.";

const INSPECT_HELP: &str = "\
Examples:
  toolgate inspect policies.bundle
  toolgate inspect policies.bundle --output json | jq '.policies[].name'
  toolgate inspect policies.bundle --source team/a.yaml

Exit codes:
  0  it is told what is in the bundle
  1  the bundle is whole, but what would run is not what its texts say
  2  the command line is wrong, or the file cannot be read
  3  the file is no bundle, or damaged; or its texts do not load

The texts in the bundle are compiled anew and compared with what is in it. Settings are told without the environment.";

const TEST_HELP: &str = "\
Examples:
  toolgate test testdata/policies
  toolgate test --filter 'other case' testdata/policies
  toolgate test --output junit . > report.xml
  toolgate test --watch my-policies/

Exit codes:
  0  every case is as expected
  1  a case is not, or a Kyverno test fails or cannot be run
  2  the command line is wrong, a fixture has mistakes or tests nothing, or there is no test
  3  the policies of a fixture do not load

Below a directory every document with `apiVersion: toolgate.dev/v1` and `kind: Fixture` is run, in whatever YAML file
it is, and every `kyverno-test.yaml` with `httpPayloads`, with the rows and exit codes of `kyverno test`. Directories
that are hidden or have a `CACHEDIR.TAG` are passed over. docs/testing.md shows how to write fixtures.";

/// The command line.
#[derive(Debug, Parser)]
#[command(name = "toolgate", version, about = ABOUT, after_help = TOP_HELP, disable_help_subcommand = true)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Report everything that is wrong with policies and their configuration
    Check(Check),
    /// Print the interceptor's answer to AgentCore Gateway events
    Decide(Decide),
    /// Show what each policy says of an HTTP payload, as `kyverno apply` does
    Apply(Apply),
    /// Make one file of policies and settings that starts fast
    Build(Build),
    /// Tell what is in a bundle
    Inspect(Inspect),
    /// Print the settings and the mapping of headers that are in force
    Config(Config),
    /// Run fixtures and Kyverno's test files
    Test(Test),
}

/// `toolgate check`
#[derive(Debug, Args)]
#[command(after_help = CHECK_HELP)]
pub(crate) struct Check {
    /// Policy files (`.yaml`, `.yml`, `.json`), directories with all below them, and the texts in bundles (`.bundle`)
    #[arg(value_name = "PATH", required = true)]
    pub(crate) paths: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) config: ConfigFile,
    /// Exit with 1 if there are warnings; notes of what was left out are none
    #[arg(long)]
    pub(crate) fail_on_warn: bool,
    /// Text for people, or one JSON array of {file, line, column, code, severity, policy, message, help}
    #[arg(long, short, value_enum, default_value_t = Format::Text)]
    pub(crate) output: Format,
}

/// `toolgate decide`
#[derive(Debug, Args)]
#[command(after_help = DECIDE_HELP)]
pub(crate) struct Decide {
    /// Policy files, directories and bundles; may be given several times
    #[arg(long, value_name = "PATH", default_value = POLICIES)]
    pub(crate) policies: Vec<PathBuf>,
    /// Answers to what policies ask outside of the event, in place of asking: a `Context` of Kyverno's, or a fixture's `answers`
    #[arg(long, value_name = "FILE")]
    pub(crate) context_file: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) config: ConfigFile,
    /// What happens to a call of which no policy speaks, whatever the configuration says
    #[arg(long, value_enum)]
    pub(crate) default: Option<Default>,
    /// Exit with 1 if a call is denied
    #[arg(long)]
    pub(crate) fail_on_deny: bool,
    /// List on standard error what each policy that was asked said
    #[arg(long)]
    pub(crate) trace: bool,
    /// The interceptor's answer, or the whole decision on one line
    #[arg(long, short, value_enum, default_value_t = DecideFormat::Answer)]
    pub(crate) output: DecideFormat,
    /// Event files; `-` is standard input
    #[arg(value_name = "EVENT.json", required = true)]
    pub(crate) events: Vec<PathBuf>,
}

/// `toolgate apply`
#[derive(Debug, Args)]
#[command(after_help = APPLY_HELP)]
#[command(group = ArgGroup::new("payload").required(true).multiple(true))]
pub(crate) struct Apply {
    /// Policy files and directories
    #[arg(value_name = "PATH", required = true)]
    pub(crate) paths: Vec<PathBuf>,
    /// Payload files, several at once, separated by commas, or the option several times; `-` is standard input
    #[arg(long, value_name = "FILE", group = "payload", num_args = 1.., value_delimiter = ',')]
    pub(crate) http_payload: Vec<PathBuf>,
    /// The same for policies of mode Envoy: CheckRequests in protobuf's JSON
    #[arg(long, value_name = "FILE", group = "payload", num_args = 1.., value_delimiter = ',')]
    pub(crate) envoy_payload: Vec<PathBuf>,
    /// The same for policies of mode JSON: any JSON objects
    #[arg(long, value_name = "FILE", group = "payload", num_args = 1.., value_delimiter = ',')]
    pub(crate) json_payload: Vec<PathBuf>,
    /// The same under Kyverno's name: one file, or several with commas between them
    #[arg(long, value_name = "FILE", group = "payload", value_delimiter = ',')]
    pub(crate) json: Vec<PathBuf>,
    /// Files with exceptions, beside those among the policies
    #[arg(long, short, visible_alias = "exceptions", value_name = "FILE", value_delimiter = ',')]
    pub(crate) exception: Vec<PathBuf>,
    /// Call failures warnings in the rows, as Kyverno does with every policy of these modes; decisions stay
    #[arg(long)]
    pub(crate) audit_warn: bool,
    #[command(flatten)]
    pub(crate) config: ConfigFile,
    /// Answers to what policies ask outside of the payload, in place of asking: a `Context` of Kyverno's, or a fixture's `answers`
    #[arg(long, value_name = "FILE")]
    pub(crate) context_file: Option<PathBuf>,
    /// Rows for people, or one line of JSON for each payload
    #[arg(long, short, value_enum, default_value_t = Format::Text)]
    pub(crate) output: Format,
    /// Print Kyverno's policy report in place of rows
    #[arg(long, short, conflicts_with = "output")]
    pub(crate) policy_report: bool,
    /// The form of the policy report
    #[arg(long, value_enum, default_value_t = ReportFormat::Yaml, requires = "policy_report")]
    pub(crate) output_format: ReportFormat,
    /// Exit with 1 if the server would not let a payload's request pass
    #[arg(long)]
    pub(crate) fail_on_deny: bool,
    /// Exit with N if a row is a warning and none a failure or an error
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) warn_exit_code: u8,
    /// Exit with what --warn-exit-code says if no row passes, and none is a failure or an error
    #[arg(long)]
    pub(crate) warn_no_pass: bool,
    /// Changes nothing: exceptions among the policies always count
    #[arg(long)]
    pub(crate) exceptions_within_policies: bool,
    /// Changes nothing: rows are always a table
    #[arg(long, short)]
    pub(crate) table: bool,
    #[command(flatten)]
    pub(crate) look: Look,
}

/// Kyverno's switches for how results look.
#[derive(Debug, Args)]
pub(crate) struct Look {
    /// Changes nothing: messages are always shown
    #[arg(long)]
    pub(crate) detailed_results: bool,
    /// Changes nothing: what Kyverno calls deprecated is an error
    #[arg(long)]
    pub(crate) warnings_as_errors: bool,
    /// Print no colours, not on a terminal either
    #[arg(long)]
    pub(crate) remove_color: bool,
}

/// `toolgate build`
#[derive(Debug, Args)]
#[command(after_help = BUILD_HELP)]
pub(crate) struct Build {
    /// A directory of policies with all below it, or a policy file
    #[arg(value_name = "PATH")]
    pub(crate) path: PathBuf,
    /// The bundle; its name ends in `.bundle`
    #[arg(long, short, value_name = "FILE")]
    pub(crate) output: PathBuf,
    /// The configuration file that goes into the bundle [default: `toolgate.yaml` beside the policies, if there is one]
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
}

/// `toolgate inspect`
#[derive(Debug, Args)]
#[command(after_help = INSPECT_HELP)]
pub(crate) struct Inspect {
    /// A bundle that `toolgate build` made
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// Print the text of this file in the bundle, and nothing else
    #[arg(long, value_name = "NAME")]
    pub(crate) source: Option<String>,
    /// Text for people, or one line of JSON
    #[arg(long, short, value_enum, default_value_t = Format::Text)]
    pub(crate) output: Format,
}

/// `toolgate config`
#[derive(Debug, Args)]
#[command(after_help = CONFIG_HELP)]
pub(crate) struct Config {
    #[command(flatten)]
    pub(crate) config: ConfigFile,
    /// Policy files and directories, beside which a configuration file is looked for
    #[arg(long, value_name = "PATH", default_value = POLICIES)]
    pub(crate) policies: Vec<PathBuf>,
    /// YAML, or JSON on one line
    #[arg(long, short, value_enum, default_value_t = Format::Text)]
    pub(crate) output: Format,
}

/// The configuration file of a command.
#[derive(Debug, Args)]
pub(crate) struct ConfigFile {
    /// The configuration file [default: $TOOLGATE_CONFIG, else `toolgate.yaml` beside the policies]
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
}

/// `toolgate test`
#[derive(Debug, Args)]
#[command(after_help = TEST_HELP)]
pub(crate) struct Test {
    /// Test files, and directories with all below them
    #[arg(value_name = "PATH", default_value = ".")]
    pub(crate) paths: Vec<PathBuf>,
    /// Only cases whose `FILE: FIXTURE: CASE` contains this, or, with `*`, `?`, `[` or `{`, that it matches as a glob
    #[arg(long, value_name = "TEXT")]
    pub(crate) filter: Option<String>,
    /// Only expectations of Kyverno's test files that fit `policy=NAME,rule=NAME,resource=NAME`, with `*` and `?`, and no fixtures
    #[arg(long, short, value_name = "SELECTOR")]
    pub(crate) test_case_selector: Option<String>,
    /// The name of Kyverno's test files
    #[arg(long, short, value_name = "NAME", default_value = KYVERNO_TEST)]
    pub(crate) file_name: String,
    /// Text for people, one document in JSON or YAML, Markdown, or JUnit's XML
    #[arg(long, short, visible_alias = "output-format", value_enum, default_value_t = TestFormat::Text)]
    pub(crate) output: TestFormat,
    /// Show only what fails
    #[arg(long)]
    pub(crate) fail_only: bool,
    /// End a fixture at its first case that fails
    #[arg(long)]
    pub(crate) fail_fast: bool,
    /// Changes nothing: that there is no test is always an error
    #[arg(long)]
    pub(crate) require_tests: bool,
    #[command(flatten)]
    pub(crate) look: Look,
    /// Run again whenever a test, a policy or an event has changed
    #[arg(long, short)]
    pub(crate) watch: bool,
}

/// The forms of a test report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum TestFormat {
    Text,
    Json,
    Yaml,
    Markdown,
    Junit,
}

/// The forms of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    Text,
    Json,
}

/// The forms of a policy report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ReportFormat {
    Yaml,
    Json,
}

/// The forms of a decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum DecideFormat {
    Answer,
    Json,
}

/// What no policy's answer means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Default {
    Allow,
    Deny,
}

impl From<Default> for DefaultDecision {
    fn from(default: Default) -> DefaultDecision {
        match default {
            Default::Allow => DefaultDecision::Allow,
            Default::Deny => DefaultDecision::Deny,
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_declarations_are_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn every_help_has_examples_and_exit_codes() {
        let mut command = Arguments::command();
        let mut helps = vec![command.render_help().to_string()];
        helps.extend(command.get_subcommands_mut().map(|sub| sub.render_help().to_string()));
        assert_eq!(helps.len(), 8);
        for help in helps {
            assert!(help.contains("\nExamples:\n  toolgate "), "{help}");
            for line in ["\nExit codes:\n  0  ", "\n  2  the command line is wrong", "\n  3  the "] {
                assert!(help.contains(line), "{help}");
            }
        }
    }
}

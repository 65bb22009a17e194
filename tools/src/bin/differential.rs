//! Asks Toolgate and Kyverno's own engine (`oracle/`) the same generated questions and reports where they differ.
//!
//! `cargo run --release -p toolgate-tools --bin differential -- --cases 5000 --seed 1 --shrink`: half of the cases are single
//! expressions, half are policies with several requests each, of the mode that `--mode` says. The same seed asks the same questions. Differences are
//! grouped by kind; with `--shrink` each is made small and printed as a line for `testdata/kyverno/`.
//! Exit code 0: no difference; 1: differences; 2: the arguments are wrong or the oracle does not run.

use std::io::{self, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;

/// As the tests of the corpus read requests and write values.
#[path = "../../../tests/kyverno"]
#[expect(
    clippy::unwrap_used,
    reason = "what the oracle records is well formed; if not, the case counts as a crash and is looked at"
)]
mod kyverno {
    pub(crate) mod canonical;
    pub(crate) mod check_request;
    pub(crate) mod opinion;
}

mod differential {
    pub(crate) mod bodies;
    pub(crate) mod cases;
    pub(crate) mod compare;
    pub(crate) mod constants;
    pub(crate) mod dialect;
    pub(crate) mod dynamic;
    pub(crate) mod engine;
    pub(crate) mod expressions;
    pub(crate) mod known;
    pub(crate) mod leaves;
    pub(crate) mod macros;
    pub(crate) mod node;
    pub(crate) mod oracle;
    pub(crate) mod policies;
    pub(crate) mod rng;
    pub(crate) mod run;
    pub(crate) mod tables;
}

use differential::cases::Kind;
use differential::run::{Options, run};
use toolgate::internal::policy::model::Mode;

const USAGE: &str = "usage: differential [--cases N] [--seed S] [--oracle PATH] [--requests-per-policy K] [--jobs J] \
                     [--mode HTTP|Envoy|JSON] [--kind expressions|policies|both] [--from I] [--shrink]";

fn options() -> Result<Options, String> {
    let mut options = Options {
        cases: 1000,
        from: 0,
        seed: 1,
        oracle: PathBuf::from("target/oracle"),
        requests: 8,
        shrink: false,
        jobs: 1,
        kind: Kind::Both,
        mode: Mode::Http,
    };
    let mut arguments = std::env::args().skip(1);
    while let Some(flag) = arguments.next() {
        if flag == "--shrink" {
            options.shrink = true;
            continue;
        }
        let value = arguments.next().ok_or(format!("{flag} needs a value"))?;
        let number = || value.parse::<u64>().map_err(|_| format!("{flag}: {value} is no number"));
        match flag.as_str() {
            "--cases" => options.cases = number()?,
            "--seed" => options.seed = number()?,
            "--from" => options.from = number()?,
            "--jobs" => options.jobs = number()?.max(1),
            "--requests-per-policy" => options.requests = usize::try_from(number()?).unwrap_or(1),
            "--oracle" => options.oracle = PathBuf::from(value),
            "--mode" => {
                options.mode = match value.as_str() {
                    "HTTP" => Mode::Http,
                    "Envoy" => Mode::Envoy,
                    "JSON" => Mode::Json,
                    _ => return Err(format!("there is no mode {value}")),
                }
            }
            "--kind" => {
                options.kind = match value.as_str() {
                    "expressions" => Kind::Expressions,
                    "policies" => Kind::Policies,
                    "both" => Kind::Both,
                    _ => return Err(format!("there is no kind {value}")),
                }
            }
            _ => return Err(format!("there is no option {flag}")),
        }
    }
    Ok(options)
}

fn main() -> ExitCode {
    // A crash of the engine is a difference like any other; its message is part of the answer.
    std::panic::set_hook(Box::new(|_| {}));
    let complain = |text: &str| {
        let _ = writeln!(io::stderr(), "{text}");
        ExitCode::from(2)
    };
    match options() {
        Err(text) => complain(&format!("{text}\n{USAGE}")),
        Ok(options) => match run(&options) {
            Ok(true) => ExitCode::SUCCESS,
            Ok(false) => ExitCode::from(1),
            Err(error) => complain(&format!("the oracle {}: {error}", options.oracle.display())),
        },
    }
}

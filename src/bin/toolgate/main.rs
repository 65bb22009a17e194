//! The command line: parses the arguments, runs one command, prints its report.
//!
//! Knows which command runs. Does not know what a command does, nor terminals.

mod args;
mod cmd;
mod document;
mod report;
mod suite;
mod table;

use std::process::ExitCode;

use clap::Parser;

use crate::args::{Arguments, Command};

fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(answer) => return report::print_clap(&answer),
    };
    let report = match &arguments.command {
        Command::Check(arguments) => cmd::check::run(arguments),
        Command::Decide(arguments) => cmd::decide::run(arguments),
        Command::Apply(arguments) => cmd::apply::run(arguments),
        Command::Build(arguments) => cmd::build::run(arguments),
        Command::Inspect(arguments) => cmd::inspect::run(arguments),
        Command::Config(arguments) => cmd::config::run(arguments),
        Command::Test(arguments) if arguments.watch => cmd::test::watch(arguments, &mut |report| {
            report::print(report);
        }),
        Command::Test(arguments) => cmd::test::run(arguments),
    };
    report::print(&report)
}

//! What a command reports, and the one place that prints it.
//!
//! Commands build a [`Report`] and print nothing. Here are the terminal, its colours (only when the stream is a
//! terminal, and never against `NO_COLOR`), broken pipes and the exit code.

use std::io::{self, BufWriter, IsTerminal, Write};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anstream::adapter::strip_str;
use anstream::{AutoStream, ColorChoice};
use anstyle::{AnsiColor, Reset, Style};
use toolgate::Diagnostic;
use toolgate::internal::diag::report::{Palette, render};
use toolgate::internal::visible::{self, printable, printable_lines};

/// Red, for what is wrong or denied.
pub(crate) const RED: Style = AnsiColor::Red.on_default().bold();
/// Yellow, for what may be wrong.
pub(crate) const YELLOW: Style = AnsiColor::Yellow.on_default().bold();
/// Green, for what is well or allowed.
pub(crate) const GREEN: Style = AnsiColor::Green.on_default();
/// Bold, for what the eye should find.
pub(crate) const BOLD: Style = Style::new().bold();
/// Blue, for what frames the rest.
pub(crate) const BLUE: Style = AnsiColor::Blue.on_default();

/// The meanings of the exit codes, from the mildest to the gravest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Status {
    /// Done.
    #[default]
    Done = 0,
    /// A call is denied, or there is a warning, and the user asked to be told so; or a test failed.
    Failed = 1,
    /// The command line is wrong, or names something that cannot be read.
    Usage = 2,
    /// The policies or the configuration do not load.
    BadPolicies = 3,
}

/// What a command has to say, in the order in which it is printed.
#[derive(Debug, Default)]
pub(crate) struct Report {
    entries: Vec<Entry>,
    status: Status,
    /// What the user wants for exit code where nothing is wrong.
    wanted: u8,
    /// Whether the user wants no colours.
    plain: bool,
}

#[derive(Debug)]
enum Entry {
    /// Standard output, byte for byte, unless it is a terminal.
    Bytes(Vec<u8>),
    /// A document in JSON, the same.
    Json(Vec<u8>),
    /// Standard output; may carry colours.
    Text(String),
    /// Standard error; may carry colours.
    Note(String),
}

impl Report {
    /// A line of JSON for programs on standard output.
    pub(crate) fn line(&mut self, mut bytes: Vec<u8>) {
        bytes.push(b'\n');
        self.entries.push(Entry::Json(bytes));
    }

    /// Bytes for programs on standard output.
    pub(crate) fn bytes(&mut self, bytes: Vec<u8>) {
        self.entries.push(Entry::Bytes(bytes));
    }

    /// A value as a line of JSON on standard output.
    pub(crate) fn json(&mut self, value: &impl serde::Serialize) {
        match serde_json::to_string(value) {
            Ok(text) => self.line(visible::json(&text).into_bytes()),
            Err(error) => self.error(&format!("this result cannot be written as JSON: {error}")),
        }
    }

    /// Text for people on standard output.
    pub(crate) fn text(&mut self, text: impl Into<String>) {
        self.entries.push(Entry::Text(text.into()));
    }

    /// Diagnostics as the product of the command, on standard output.
    pub(crate) fn diagnostics(&mut self, diagnostics: &[Diagnostic]) {
        self.text(rendered(diagnostics));
    }

    /// Diagnostics that keep the command from its work, on standard error.
    pub(crate) fn refuse(&mut self, diagnostics: &[Diagnostic]) {
        self.note(rendered(diagnostics));
    }

    /// Text for people on standard error.
    pub(crate) fn note(&mut self, text: impl Into<String>) {
        self.entries.push(Entry::Note(text.into()));
    }

    /// A mistake in the use of the command. The text is sanitised.
    pub(crate) fn error(&mut self, text: &str) {
        self.note(format!("{RED}error{RED:#}: {}\n", printable(text)));
        self.raise(Status::Usage);
    }

    /// Something that the user should know. The text is sanitised.
    pub(crate) fn warning(&mut self, text: &str) {
        self.note(format!("{YELLOW}warning{YELLOW:#}: {}\n", printable(text)));
    }

    /// Takes the colours away, if the user wants none.
    pub(crate) fn plain(mut self, plain: bool) -> Report {
        self.plain |= plain;
        self
    }

    /// Makes the status at least `status`.
    pub(crate) fn raise(&mut self, status: Status) {
        self.status = self.status.max(status);
    }

    /// Ends with this exit code if nothing else is wrong.
    pub(crate) fn exit_with(&mut self, wanted: u8) {
        self.wanted = wanted;
    }

    fn code(&self) -> ExitCode {
        match self.status {
            Status::Done => ExitCode::from(self.wanted),
            status => code(status),
        }
    }
}

/// Diagnostics with colours; the stream takes them out again where they are not wanted.
fn rendered(diagnostics: &[Diagnostic]) -> String {
    let (error, warning) = (RED.render().to_string(), YELLOW.render().to_string());
    let (message, gutter) = (BOLD.render().to_string(), BLUE.render().to_string());
    let (help, reset) = (GREEN.render().to_string(), Reset.render().to_string());
    let palette = Palette {
        error: &error,
        warning: &warning,
        note: &gutter,
        message: &message,
        gutter: &gutter,
        help: &help,
        reset: &reset,
    };
    render(diagnostics, &palette)
}

/// Prints a report; gives its exit code.
pub(crate) fn print(report: &Report) -> ExitCode {
    match write(report) {
        Ok(()) => report.code(),
        // Who closes the pipe has read enough: `toolgate … | head -1` is no failure.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => report.code(),
        Err(error) => {
            // Standard error may be what cannot be written; then the exit code alone must tell.
            drop(writeln!(io::stderr().lock(), "error: the output cannot be written: {error}"));
            code(Status::Usage)
        }
    }
}

fn write(report: &Report) -> io::Result<()> {
    let is_terminal = io::stdout().is_terminal();
    let mut bytes = BufWriter::new(io::stdout().lock());
    let coloured = !report.plain && AutoStream::choice(&io::stdout()) != ColorChoice::Never;
    let mut notes = match report.plain {
        true => AutoStream::never(io::stderr().lock()),
        false => AutoStream::auto(io::stderr().lock()),
    };
    for entry in &report.entries {
        match entry {
            Entry::Bytes(text) if is_terminal => {
                bytes.write_all(printable_lines(&String::from_utf8_lossy(text)).as_bytes())?;
            }
            Entry::Json(json) if is_terminal => bytes.write_all(seen(json).as_bytes())?,
            Entry::Bytes(text) | Entry::Json(text) => bytes.write_all(text)?,
            Entry::Text(text) if coloured => bytes.write_all(text.as_bytes())?,
            Entry::Text(text) => write!(bytes, "{}", strip_str(text))?,
            Entry::Note(text) => {
                // The two streams keep their common order when both are the terminal.
                bytes.flush()?;
                notes.write_all(text.as_bytes())?;
            }
        }
    }
    bytes.flush()
}

/// A line of JSON for a person: the same value, with what is not seen, and what would steer the terminal, as `\u202e`. Programs get
/// the bytes as they are, because the gateway does.
fn seen(json: &[u8]) -> String {
    // Outside of strings the blanks of an event come by; in a terminal this one would go back over the line.
    visible::json(&String::from_utf8_lossy(json)).replace('\r', " ")
}

/// Prints what clap has to say: a help, the version, or a mistake on the command line.
pub(crate) fn print_clap(answer: &clap::Error) -> ExitCode {
    let text = answer.render().to_string();
    let plain = printable_lines(&text);
    // A mistake quotes what was typed, or what a script passed on: it is printed as it is only if it is harmless.
    if answer.use_stderr() && plain != text.replace('\t', "    ") {
        drop(writeln!(io::stderr().lock(), "{}", plain.trim_end()));
    } else {
        // A pipe that is closed cannot be told so.
        drop(answer.print());
    }
    code(if answer.use_stderr() { Status::Usage } else { Status::Done })
}

/// A line on the terminal that says how far a long work is. Nothing is shown unless standard error is a terminal, nor
/// in the first second.
pub(crate) struct Progress {
    what: &'static str,
    total: usize,
    started: Instant,
    shown: bool,
}

impl Progress {
    const PATIENCE: Duration = Duration::from_secs(1);

    /// Progress through `total` of `what`.
    pub(crate) fn new(what: &'static str, total: usize) -> Progress {
        Progress { what, total, started: Instant::now(), shown: io::stderr().is_terminal() }
    }

    /// So many are done.
    pub(crate) fn step(&self, done: usize) {
        if self.shown && self.started.elapsed() >= Progress::PATIENCE {
            let _ = write!(io::stderr().lock(), "\r{done} of {} {}", self.total, self.what);
        }
    }

    /// The work is done; the line goes.
    pub(crate) fn end(&self) {
        if self.shown && self.started.elapsed() >= Progress::PATIENCE {
            let _ = write!(io::stderr().lock(), "\r\u{1b}[K");
        }
    }
}

fn code(status: Status) -> ExitCode {
    ExitCode::from(status as u8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_person_sees_what_is_in_an_answer_and_its_value_stays() {
        let reason = "a\u{202e}b\u{200b}c\u{7f}\u{9b}31m é 😀";
        let answer = format!("{{\"code\":403,\r\"message\":\"{reason}\\u001b\\n\"}}\n");
        let seen = seen(answer.as_bytes());
        assert!(seen.ends_with("}\n") && !seen.trim_end().chars().any(visible::is_unseen), "{seen:?}");
        assert!(seen.contains(r"a\u202eb\u200bc\u007f\u009b31m é 😀\u001b\n"), "{seen}");
        let value = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap();
        assert_eq!(value(&seen), value(&answer));
    }
}

//! Input files of a command: all are read before the first is worked on, so that a wrong name is told at once.

use std::io;
use std::path::{Path, PathBuf};

use toolgate::internal::source::{read_bounded, read_file, within};

use crate::report::Report;

/// The most bytes of one input. The gateway's events have at most six million.
const MAX_INPUT_BYTES: usize = 64 * 1024 * 1024;

/// An input and its name as the user wrote it.
pub(crate) struct Input {
    pub(crate) name: String,
    pub(crate) bytes: Vec<u8>,
}

/// Reads every path; `-` is standard input. What cannot be read is an error of usage in `report`, and then nothing
/// is returned.
pub(crate) fn read(paths: &[PathBuf], report: &mut Report) -> Option<Vec<Input>> {
    let standard = Path::new("-");
    if paths.iter().filter(|path| *path == standard).count() > 1 {
        report.error("standard input (`-`) can be read only once");
        return None;
    }
    let mut inputs = Vec::with_capacity(paths.len());
    let mut failed = false;
    for path in paths {
        let name = path.display().to_string();
        let read = if path == standard { standard_input() } else { file(path) };
        match read {
            Ok(bytes) => inputs.push(Input { name, bytes }),
            Err(error) => {
                failed = true;
                report.error(&format!("`{name}` cannot be read: {}", reason(&error)));
            }
        }
    }
    (!failed).then_some(inputs)
}

fn standard_input() -> io::Result<Vec<u8>> {
    within(read_bounded(io::stdin().lock(), MAX_INPUT_BYTES)?, MAX_INPUT_BYTES)
}

/// The bytes of a file that a command or a test names: an event, a payload.
pub(crate) fn file(path: &Path) -> io::Result<Vec<u8>> {
    within(read_file(path, MAX_INPUT_BYTES)?, MAX_INPUT_BYTES)
}

/// The reason in plain words, without the operating system's error number.
fn reason(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "there is no such file".to_owned(),
        io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
        io::ErrorKind::IsADirectory => "it is a directory".to_owned(),
        _ => error.to_string(),
    }
}

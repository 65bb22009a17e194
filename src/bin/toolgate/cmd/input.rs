//! Input files of a command: all are read before the first is worked on, so that a wrong name is told at once.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use crate::report::Report;

/// The most bytes of one input. The gateway's events have at most six million.
const MAX_INPUT_BYTES: u64 = 64 * 1024 * 1024;

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
        let read = if path == standard { bounded(io::stdin().lock()) } else { file(path) };
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

fn file(path: &Path) -> io::Result<Vec<u8>> {
    bounded(File::open(path)?)
}

fn bounded(reader: impl Read) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    reader.take(MAX_INPUT_BYTES.saturating_add(1)).read_to_end(&mut bytes)?;
    if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > MAX_INPUT_BYTES {
        return Err(io::Error::other(format!("it is larger than {MAX_INPUT_BYTES} bytes")));
    }
    Ok(bytes)
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

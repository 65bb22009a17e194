//! The oracle's process: lines in, lines out, in the same order, with questions under way while answers are read.

use std::collections::VecDeque;
use std::io::{self, BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::mpsc::{Sender, channel};

use serde::Deserialize as _;
use serde_json::Value as Json;

/// A running oracle. When it dies of a question, that question has no answer and the next process goes on.
#[derive(Debug)]
pub(crate) struct Oracle {
    path: PathBuf,
    process: Process,
    waiting: VecDeque<String>,
}

#[derive(Debug)]
struct Process {
    child: Child,
    questions: Sender<String>,
    answers: BufReader<ChildStdout>,
}

impl Process {
    fn start(path: &Path) -> io::Result<Process> {
        let mut child = Command::new(path)
            .arg("serve")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        let missing = || io::Error::other("the oracle has no pipe");
        let mut stdin = child.stdin.take().ok_or_else(missing)?;
        let answers = BufReader::new(child.stdout.take().ok_or_else(missing)?);
        // The writer has a thread of its own: the oracle stops reading while nobody reads its answers.
        let (questions, lines) = channel::<String>();
        std::thread::spawn(move || {
            for line in lines {
                if stdin.write_all(line.as_bytes()).and_then(|()| stdin.flush()).is_err() {
                    break;
                }
            }
        });
        Ok(Process { child, questions, answers })
    }
}

impl Oracle {
    /// Starts the program at `path`.
    ///
    /// # Errors
    /// It does not start.
    pub(crate) fn start(path: &Path) -> io::Result<Oracle> {
        Ok(Oracle { path: path.to_owned(), process: Process::start(path)?, waiting: VecDeque::new() })
    }

    /// Sends a question.
    pub(crate) fn ask(&mut self, question: &Json) {
        let line = format!("{question}\n");
        // A dead process is noticed when its answer is read.
        let _ = self.process.questions.send(line.clone());
        self.waiting.push_back(line);
    }

    /// The answer to the oldest question without one; `None` if the oracle died of it.
    ///
    /// # Errors
    /// The oracle does not start again, or does not speak its language.
    pub(crate) fn answer(&mut self) -> io::Result<Option<Json>> {
        let mut line = String::new();
        let read = self.process.answers.read_line(&mut line)?;
        self.waiting.pop_front();
        if read == 0 {
            let _ = self.process.child.wait();
            self.process = Process::start(&self.path)?;
            for line in &self.waiting {
                let _ = self.process.questions.send(line.clone());
            }
            return Ok(None);
        }
        let mut reader = serde_json::Deserializer::from_str(&line);
        reader.disable_recursion_limit();
        Ok(Some(Json::deserialize(&mut reader)?))
    }
}

impl Drop for Oracle {
    fn drop(&mut self) {
        let _ = self.process.child.kill();
        let _ = self.process.child.wait();
    }
}

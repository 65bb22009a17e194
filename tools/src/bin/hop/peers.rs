//! The other engines, which `tools/peers` asks in a process of its own: their crates are none of this project's.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use super::measure::{Peers, Times};
use crate::Failure;

/// The program.
pub(crate) struct Program(PathBuf);

#[derive(serde::Deserialize)]
struct Line {
    peer: String,
    denied: bool,
    p50: f64,
    p99: f64,
    rate: f64,
}

impl Program {
    /// Builds it.
    pub(crate) fn build(root: &Path) -> Result<Program, Failure> {
        let target = root.join("target/peers");
        let manifest = root.join("tools/peers/Cargo.toml");
        let build = Command::new("cargo")
            .args(["build", "--locked", "--release", "--quiet", "--manifest-path"])
            .arg(manifest)
            .arg("--target-dir")
            .arg(&target)
            .status()?;
        if !build.success() {
            return Err("tools/peers does not build".into());
        }
        Ok(Program(target.join("release/toolgate-peers")))
    }

    /// Measures each engine for `length`; all must deny if `denied`, and none otherwise.
    pub(crate) fn drive(
        &self,
        shape: &str,
        count: usize,
        length: Duration,
        denied: bool,
    ) -> Result<Peers, Failure> {
        let arguments = [shape.to_owned(), count.to_string(), length.as_secs_f64().to_string()];
        let output = Command::new(&self.0).args(&arguments).stderr(Stdio::inherit()).output()?;
        if !output.status.success() {
            return Err("tools/peers failed".into());
        }
        let mut found = BTreeMap::new();
        for line in std::str::from_utf8(&output.stdout)?.lines() {
            let line: Line = serde_json::from_str(line)?;
            if line.denied != denied {
                return Err(format!("{shape}/{count}: {} decides otherwise", line.peer).into());
            }
            found.insert(line.peer, Times { p50: line.p50, p99: line.p99, rate: line.rate });
        }
        let of = |peer: &str| found.get(peer).copied().ok_or(format!("tools/peers says nothing of {peer}"));
        Ok(Peers {
            cedar: of("cedar")?,
            cedar_with_request: of("cedar with its request")?,
            regorus: of("regorus")?,
            cel: of("cel")?,
        })
    }
}

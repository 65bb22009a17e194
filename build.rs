//! Gives the library a number for its own sources and the versions of its crates: a bundle holds programs that these
//! sources checked, and only the same ones may take them for their own. A version alone would not do, because sources change
//! between two versions.

use std::path::{Path, PathBuf};
use std::{env, fs, io};

fn main() -> io::Result<()> {
    let package = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default());
    let (number, files) = number(&package)?;
    for file in files {
        println!("cargo:rerun-if-changed={}", file.display());
    }
    // Cargo hands it to what it runs as well, where a name that begins with `TOOLGATE_` would be taken for a setting.
    println!("cargo:rustc-env=SOURCES_OF_THE_LIBRARY={number}");
    Ok(())
}

/// The number of the package, which is the same wherever it lies, and the files that decide it.
pub(crate) fn number(package: &Path) -> io::Result<(u64, Vec<PathBuf>)> {
    let mut files = Vec::new();
    sources(&package.join("src"), &mut files)?;
    // The crates that parse and that encode decide what a program is, too. Where another package's lock counts, it is not
    // known here.
    files.extend(Some(package.join("Cargo.lock")).filter(|lock| lock.exists()));
    let mut named = Vec::new();
    for file in &files {
        let place = file.strip_prefix(package).unwrap_or(file);
        let name: Vec<_> = place.iter().map(|part| part.to_string_lossy().into_owned()).collect();
        named.push((name.join("/"), fs::read(file)?));
    }
    named.sort();
    let mut hash = Hash(0xcbf2_9ce4_8422_2325);
    for (name, bytes) in &named {
        hash.add(name.as_bytes());
        hash.add(&[0]);
        // Git may write line breaks in two ways.
        bytes.split(|byte| *byte == b'\r').for_each(|part| hash.add(part));
        hash.add(&[0]);
    }
    Ok((hash.0, files))
}

/// The files of the library below `folder`: its programs are no part of it.
fn sources(folder: &Path, out: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            if !path.ends_with("src/bin") {
                sources(&path, out)?;
            }
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            out.push(path);
        }
    }
    Ok(())
}

/// FNV-1a: it tells sources apart that differ by accident, and nobody else.
struct Hash(u64);

impl Hash {
    fn add(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
}

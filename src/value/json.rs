//! JSON into values: as Go's `encoding/json` reads it, and strictly.
//!
//! [`go`] and [`structs`] decide what policies see (`json.Unmarshal`, `mcp.Parse`, payload files), so they make
//! the choices of Go's decoder, down to its error texts. [`strict`] reads the gateway's events and reports what
//! two parsers could read in two ways. Everything lives in the arena; strings without escapes are slices of the
//! input. Nothing here knows Kyverno or the gateway.

pub mod go;
pub mod strict;
pub mod structs;
mod syntax;
mod text;

use std::fmt;

use bumpalo::Bump;
use bumpalo::collections::String as BumpString;

use crate::budget::{Budget, Fault};

pub use syntax::{Checked, SyntaxError, check};

/// Why JSON did not become a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JsonError<'a> {
    /// What Go would have said.
    Text(&'a str),
    /// The budget is spent, or the text is nested deeper than the engine follows.
    Fault(Fault),
}

impl From<Fault> for JsonError<'_> {
    fn from(fault: Fault) -> Self {
        JsonError::Fault(fault)
    }
}

impl fmt::Display for JsonError<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            JsonError::Text(text) => f.write_str(text),
            JsonError::Fault(fault) => fault.fmt(f),
        }
    }
}

/// Formats into the arena, charged.
fn format_in<'a>(arena: &'a Bump, budget: &mut Budget, text: fmt::Arguments<'_>) -> Result<&'a str, Fault> {
    const WRONG: Fault = Fault::Internal("a text that does not print");
    // Printed twice: first to know what it costs, because a text that grows leaves its shorter copies in the arena.
    let mut length = Length(0);
    fmt::write(&mut length, text).map_err(|_| WRONG)?;
    charge_scan(budget, length.0.saturating_mul(2))?;
    budget.charge_bytes(length.0)?;
    let mut out = BumpString::with_capacity_in(length.0, arena);
    fmt::write(&mut out, text).map_err(|_| WRONG)?;
    Ok(out.into_bump_str())
}

/// Counts the bytes of a text that is not kept.
struct Length(usize);

impl fmt::Write for Length {
    fn write_str(&mut self, piece: &str) -> fmt::Result {
        self.0 = self.0.saturating_add(piece.len());
        Ok(())
    }
}

/// Charges for looking at `bytes` bytes once: one step for sixteen.
fn charge_scan(budget: &mut Budget, bytes: usize) -> Result<(), Fault> {
    budget.charge(u64::try_from((bytes >> 4).saturating_add(1)).unwrap_or(u64::MAX))
}

/// The slice of `bytes` between two offsets; empty if they are none.
fn slice(bytes: &[u8], start: usize, end: usize) -> &[u8] {
    bytes.get(start..end).unwrap_or_default()
}

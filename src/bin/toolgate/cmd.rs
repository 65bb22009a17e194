//! The commands. Each makes a report of its arguments and prints nothing.

pub(crate) mod apply;
pub(crate) mod check;
pub(crate) mod config;
pub(crate) mod decide;
mod input;
mod policies;
pub(crate) mod test;

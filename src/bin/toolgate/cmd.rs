//! The commands. Each makes a report of its arguments and prints nothing.

pub(crate) mod apply;
pub(crate) mod build;
pub(crate) mod check;
pub(crate) mod config;
pub(crate) mod decide;
pub(crate) mod input;
pub(crate) mod inspect;
pub(crate) mod policies;
pub(crate) mod test;

//! Policies: from the files of a user to documents that can be compiled.
//!
//! | Module | Does |
//! |---|---|
//! | [`yaml`] | YAML as Kyverno's reader takes it, every value with its place in the file |
//! | [`model`] | the `ValidatingPolicy` document: its schema and what of it is used |
//! | [`load`] | files and directories, several documents a file, order, duplicates |
//! | [`compile`] | documents to programs, with Kyverno's rules for what expressions result in |
//! | [`decide`] | one request against the compiled set |

pub mod compile;
pub mod decide;
pub mod load;
pub mod model;
pub mod yaml;

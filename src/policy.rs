//! Policies: from the files of a user to documents that can be compiled.
//!
//! | Module | Does |
//! |---|---|
//! | [`model`] | the `ValidatingPolicy` document: its schema and what of it is used |
//! | [`load`] | files and directories, several documents a file, order, duplicates |
//! | [`compile`] | documents to programs, with Kyverno's rules for what expressions result in |
//! | [`lint`] | warnings: what policies say that is never found, never so or of no difference |
//! | [`environment`] | what the expressions of each mode may use |
//! | [`bundle`] | a set in one file, checked already |
//! | [`set`] | the set that owns its programs: whole, or an error |
//! | [`index`] | which policies a request may make speak |
//! | [`decide`] | one request against the compiled set |

mod attach;
pub mod bundle;
pub mod compile;
pub mod decide;
pub mod environment;
pub mod index;
pub mod lint;
pub mod load;
pub mod model;
pub mod set;

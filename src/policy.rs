//! Policies: from the files of a user to documents that can be compiled.
//!
//! | Module | Does |
//! |---|---|
//! | [`model`] | the `ValidatingPolicy` document: its schema and what of it is used |
//! | [`load`] | files and directories, several documents a file, order, duplicates |
//! | [`compile`] | documents to programs, with Kyverno's rules for what expressions result in |
//! | [`compiled`] | what a document is compiled to |
//! | [`lint`] | warnings: what policies say that is never found, never so or of no difference |
//! | [`environment`] | what the expressions of each mode may use |
//! | [`bundle`] | a set in one file, checked already |
//! | [`build`] | makes one |
//! | [`set`] | the set that owns its programs: whole, or an error |
//! | [`index`] | which policies a request may make speak |
//! | [`ask`] | one policy on one request |
//! | [`decide`] | one request against the compiled set |

pub mod ask;
mod attach;
pub mod build;
pub mod bundle;
pub mod compile;
pub mod compiled;
pub mod decide;
pub mod environment;
pub mod index;
pub mod lint;
pub mod load;
pub mod model;
mod place;
pub mod set;

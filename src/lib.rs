#![doc = include_str!("../README.md")]

pub mod audit;
pub mod cel;
pub mod config;
pub mod diag;
pub mod gateway;
pub mod interceptor;
pub mod library;
pub mod policy;
pub mod source;
pub mod types;
pub mod value;

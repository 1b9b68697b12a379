//! Speaks HTTP. The composition root, and the binary `actas`.
//!
//! Reading order: [`cli`] (the commands), [`config`] (static settings), [`app`] (organizations out
//! of settings and database: the only place where concrete types meet), [`http`] (the route table,
//! then one file per endpoint), [`apply`] (declared state), [`demo`].

pub mod app;
pub mod apply;
mod audit;
pub mod cli;
pub mod clock;
pub mod config;
pub mod custody;
pub mod demo;
pub mod http;
mod idp;
pub mod jobs;
pub mod limits;
pub mod log;
pub mod metrics;
mod oidf_target;
mod person;
mod revoke;
pub mod serve;

//! The admin API: what operators do, and look at.

mod audit;
mod keys;
mod let_in;
mod revocations;

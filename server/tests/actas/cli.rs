//! `actas …` on the command line.

mod apply;
mod apply_connection;
mod apply_exports;
mod apply_ledger;
mod apply_refused;
mod audit;
mod check_config;
mod help;
mod idp;
mod master_key;
mod revoke;
mod verify;

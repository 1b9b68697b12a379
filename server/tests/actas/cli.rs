//! `actas …` on the command line.

mod apply;
mod apply_accounts;
mod apply_clients;
mod apply_connection;
mod apply_documented;
mod apply_exports;
mod apply_ledger;
mod apply_refused;
mod apply_tokens;
mod apply_trusts;
mod audit;
mod check_config;
mod help;
mod idp;
mod master_key;
mod revoke;
mod verify;

//! `actas …` on the command line.

mod apply;
mod apply_connection;
mod apply_refused;
mod check_config;
mod help;
mod idp;
mod master_key;

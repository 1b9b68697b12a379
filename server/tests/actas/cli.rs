//! `actas …` on the command line.

mod apply;
mod apply_refused;
mod check_config;
mod help;
mod master_key;

//! The binary `actas` as its users meet it: real processes, a real socket, a real database.
//!
//! Reading order: [`scene`] (the happy scene of which a test changes one thing), [`overseen`] (the same
//! with somebody who looks), [`process`], [`provider`], [`transmitter`], [`directory`], [`database`],
//! [`http`], [`secured`], [`listener`] (what it is made of), then the tests by area. What an RFC obliges
//! the token endpoint to is asserted in `conformance/`, and not again here.
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking, and says with what"
)]

/// Each test on both databases.
macro_rules! on_both_databases {
    ($($test:ident),+ $(,)?) => {
        mod sqlite {
            $(#[test] fn $test() { super::$test($crate::database::Kind::Sqlite); })+
        }
        mod postgres {
            $(#[test] fn $test() { super::$test($crate::database::Kind::Postgres); })+
        }
    };
}

mod admin;
mod checks;
mod cli;
mod custody;
mod database;
mod directory;
mod exports;
mod http;
mod listener;
mod oauth;
mod oidf_target;
mod overseen;
mod process;
mod provider;
mod scene;
mod secured;
mod serve;
mod signals;
mod transmitter;

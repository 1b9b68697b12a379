//! `actas` is killed, its database falls ill, its clients go away: what was acknowledged stands,
//! what was not leaves nothing half done, and it gets well by itself.
//!
//! Reading order: [`kills`] (at random moments), [`points`] (before and after each write), [`sick`]
//! (the database), [`hangups`] (the clients), [`notices`] (that all this would see a lie); then what they are made of: [`round`] (one life and
//! death of a server), [`load`] (what its clients do meanwhile), [`books`] (what they were told, held
//! against the [`ledger`]), [`wire`] (between `actas` and `PostgreSQL`), [`files`] (between `actas` and
//! the files of `SQLite`), [`cluster`] (a `PostgreSQL` of one's own). The scene is that of the tests
//! beside it.
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking, and says with what"
)]

#[path = "../actas/database.rs"]
#[expect(dead_code, reason = "made for the tests beside this one, too")]
mod database;
#[path = "../actas/http.rs"]
#[expect(dead_code, reason = "made for the tests beside this one, too")]
mod http;
#[path = "../actas/listener.rs"]
mod listener;
#[path = "../actas/process.rs"]
#[expect(dead_code, reason = "made for the tests beside this one, too")]
mod process;
#[path = "../actas/provider.rs"]
#[expect(dead_code, reason = "made for the tests beside this one, too")]
mod provider;
#[path = "../actas/scene.rs"]
#[expect(dead_code, reason = "made for the tests beside this one, too")]
mod scene;

mod books;
mod chance;
mod cluster;
mod files;
mod hangups;
mod kills;
mod ledger;
mod load;
mod notices;
mod points;
mod round;
mod sick;
mod wire;

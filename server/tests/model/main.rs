//! A model of actas, and random histories against which two replicas on one database are held.
//!
//! Reading order: [`step`] (what can happen), [`model`] (what should come of it), [`property`] (what must hold of
//! everything that is issued, whatever the model says), [`play`] (one step in the model and in the world),
//! [`history`] (many of them, made short when one fails); then what they are made of: [`draw`] (by chance), [`wire`]
//! (tokens, forms and events), [`world`] (a database, two [`replica`]s that can die, and a look at what is there),
//! [`site`] and [`provider`]. [`lies`] and [`notices`]: that all this would see a lie.
//!
//! `ACTAS_TEST_STEPS` says how many steps, on each database; `ACTAS_TEST_SEED` which histories.
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

mod cast;
mod chance;
mod draw;
mod fuse;
mod heard;
mod history;
mod lies;
mod model;
mod notices;
mod play;
mod property;
mod provider;
mod replica;
mod run;
mod section;
mod site;
mod step;
mod tally;
mod time;
mod wire;
mod world;

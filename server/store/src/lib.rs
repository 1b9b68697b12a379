//! REMEMBERS. The ports of `delegation` over SQL; the only crate that knows SQL.
//!
//! Reading order: [`store`] (what the server sees), `ledger` (the hot path) with `recall`, `writer`,
//! `queue` and who writes: `postgres` with `postgres/record.sql`, `sqlite` with `sqlite/scribe.rs`;
//! `find` (what became of one), `once` (what may be used once), `adoption` (grants of everybody become
//! each user's own),
//! `ending` with `stops` (revocation), `signals` with `subjects` (who is meant), `epochs` and `states`
//! (what providers say on their own), `streams`, `registry` with `changes` (declared state), `custody`
//! (signing keys), `trail` and `exports` (the audit trail), `status` (status lists), `database` (what
//! the two databases have in common), `sweep`, `migrate`.
//!
//! What must stay true:
//!
//! - Every query names the org, which a handle was given when it was made.
//! - A delegation and its event are written together or not at all, and only while its org has the
//!   revision it was decided under and its grant and all its ancestors stand.
//! - What was recalled before a signal about its user is not recorded after it.
//! - When a delegation ends, everything derived from it ends in the same transaction.
//! - Nothing that may be used once is used by two requests, on whichever replicas.
//! - When a grant of everybody ends, those made of it end in the same transaction; one that has ended
//!   is not made again.
//! - What is stopped, and what rested on it, is stopped and ended in the same transaction.
//! - No cost grows with what died before: not of an exchange, a look or a revocation.
//! - Work on the database runs in tasks of its own: a caller that goes away abandons no transaction
//!   (sqlx#4385).
//! - Nothing waits without bound and no queue grows without bound; what does not fit is a `Fault`.

mod adoption;
mod changes;
mod custody;
mod database;
mod declared;
mod ending;
mod entry;
mod epochs;
mod exports;
mod find;
mod json;
mod ledger;
mod list;
mod migrate;
mod once;
mod postgres;
mod queue;
mod readers;
mod recall;
mod registry;
mod signals;
mod sqlite;
mod states;
mod status;
mod stops;
pub mod store;
mod streams;
mod subjects;
mod sweep;
mod trail;
mod writer;

pub use store::{Installation, Settings, Store};

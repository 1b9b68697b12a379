//! Issue against revoke, as a specification that a machine checks exhaustively.
//!
//! The tests of races try many interleavings of the real thing; here every interleaving of a small world
//! is tried, statement by statement and lock by lock. [`world`] is what the databases keep, [`opening`] and
//! [`change`] are what `postgres/record.sql`, `sqlite/stands.sql`, `ending.rs` and `signals.rs` do with it, one step
//! per thing that others can see, [`model`] puts them together with crashes, [`once`] is what may be used once.
//!
//! A specification that nothing can break proves nothing: [`flaws`](mod@flaws) takes out, one at a time, what the
//! argument in `record.sql` rests on, and each time the checker has to find the token that gets away.
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking; rows and processes are numbered here"
)]

mod change;
mod flaws;
mod model;
mod once;
mod opening;
mod sound;
mod world;

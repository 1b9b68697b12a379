//! The contract of a store: the same tests on both databases, each on a database of its own.
//!
//! `PostgreSQL` is the server of `TEST_POSTGRES_URL` (a superuser's URL); `make test` starts one.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
#![expect(clippy::panic, reason = "a test fails by panicking")]
#![expect(clippy::indexing_slicing, reason = "a test fails by panicking")]

/// Runs each of the named tests on a fresh database of each kind.
macro_rules! on_both_databases {
    ($($name:ident),+ $(,)?) => {
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                crate::fixture::run(crate::fixture::Kind::Sqlite, super::$name).await;
            })+
        }
        on_postgres!($($name),+);
    };
}

/// Runs each of the named tests on a fresh `PostgreSQL` database.
macro_rules! on_postgres {
    ($($name:ident),+ $(,)?) => {
        mod postgres {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                crate::fixture::run(crate::fixture::Kind::Postgres, super::$name).await;
            })+
        }
    };
}

mod adoption;
mod authentication;
mod clients;
mod connect;
mod effects;
mod epochs;
mod exports;
mod find;
mod fixture;
mod gone;
mod happy;
mod keys;
mod lateness;
mod migrate;
mod note;
mod once;
mod open;
mod race;
mod recall;
mod registry;
mod revoke;
mod secrets;
mod services;
mod signal_race;
mod signalling;
mod soak;
mod status;
mod stops;
mod streams;
mod sweep;
mod trail;
mod tree;
mod whom;

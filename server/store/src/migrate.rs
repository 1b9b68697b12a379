//! Brings the schema up to date.

use delegation::refusal::Fault;
use sqlx::{
    SqlSafeStr,
    migrate::{MigrateError, Migration, MigrationType, Migrator},
};

use crate::database::{Database, fault};

struct Pair {
    version: i64,
    name: &'static str,
    postgres: &'static str,
    sqlite: &'static str,
}

macro_rules! pair {
    ($version:literal, $file:literal, $name:literal) => {
        Pair {
            version: $version,
            name: $name,
            postgres: include_str!(concat!("../../../migrations/postgres/", $file, ".sql")),
            sqlite: include_str!(concat!("../../../migrations/sqlite/", $file, ".sql")),
        }
    };
}

/// All migrations, oldest first. Written out rather than found by `sqlx::migrate!`, so that a
/// migration cannot exist for one database only.
const MIGRATIONS: &[Pair] = &[
    pair!(1, "0001_declared", "declared"),
    pair!(2, "0002_delegations", "delegations"),
    pair!(3, "0003_signals", "signals"),
    pair!(4, "0004_trail", "trail"),
    pair!(5, "0005_clients", "clients"),
];

// `run_direct` rather than `run`: the latter's future is not `Send` in the eyes of the compiler.
pub(crate) async fn run(database: &Database) -> Result<(), Fault> {
    match database {
        Database::Postgres { pool, .. } => {
            // A connection of its own, closed at the end: the migrator's advisory lock belongs to
            // the session, and is not given back when a migration fails.
            let mut connection = pool.acquire().await.map_err(fault)?.detach();
            let done =
                migrator(|pair| pair.postgres).run_direct(None, &mut connection, false).await;
            let closed = sqlx::Connection::close(connection).await;
            done.map_err(explain)?;
            closed.map_err(fault)
        }
        Database::Sqlite { pen, .. } => {
            // The migrator locks nothing on SQLite; the write lock serves, and makes it all one.
            let (mut transaction, _turn) = pen.begin().await.map_err(fault)?;
            migrator(|pair| pair.sqlite)
                .run_direct(None, &mut *transaction, false)
                .await
                .map_err(explain)?;
            transaction.commit().await.map_err(fault)
        }
    }
}

fn migrator(text: impl Fn(&Pair) -> &'static str) -> Migrator {
    Migrator::with_migrations(
        MIGRATIONS
            .iter()
            .map(|pair| {
                let sql = text(pair);
                let outside = sql.starts_with("-- no-transaction");
                Migration::new(
                    pair.version,
                    pair.name.into(),
                    MigrationType::Simple,
                    sql.into_sql_str(),
                    outside,
                )
            })
            .collect(),
    )
}

#[expect(clippy::wildcard_enum_match_arm, reason = "a non-exhaustive enum of sqlx")]
fn explain(error: MigrateError) -> Fault {
    Fault::Store(match error {
        MigrateError::VersionMissing(version) => format!(
            "the database was migrated by a newer actas: it has migration {version}, which this \
             one does not know; run the newer actas, or restore a backup from before"
        ),
        MigrateError::VersionMismatch(version) => {
            format!("migration {version} was edited after it was applied to this database")
        }
        other => format!("cannot migrate: {other}"),
    })
}

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    use super::*;

    #[test]
    fn every_file_is_listed_and_every_listed_file_is_there() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../migrations");
        let listed: Vec<String> = MIGRATIONS
            .iter()
            .map(|pair| format!("{:04}_{}.sql", pair.version, pair.name))
            .collect();
        for folder in ["postgres", "sqlite"] {
            let mut found: Vec<String> = fs::read_dir(root.join(folder))
                .unwrap()
                .map(|entry| entry.unwrap().file_name().into_string().unwrap())
                .collect();
            found.sort();
            assert_eq!(found, listed, "{folder}");
        }
    }
}

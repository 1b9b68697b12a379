use std::sync::Arc;

use tokio::task::JoinSet;

use crate::fixture::{Fixture, Kind, run_empty};

async fn migrating_again_changes_nothing(it: Arc<Fixture>) {
    it.store.migrate().await.unwrap();
    assert_eq!(it.registry().orgs().await.unwrap(), [("acme".to_owned(), 1)]);
}

async fn a_database_of_a_newer_actas_is_refused_and_the_fault_says_so(it: Arc<Fixture>) {
    it.tamper(
        "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
         VALUES (9999, 'future', true, '', 0)",
    )
    .await;
    let fault = it.store.migrate().await.unwrap_err().to_string();
    assert!(fault.contains("migrated by a newer actas"), "{fault}");
    assert!(fault.contains("9999"), "{fault}");
}

async fn a_migration_that_was_edited_is_refused(it: Arc<Fixture>) {
    it.tamper("UPDATE _sqlx_migrations SET checksum = '' WHERE version = 1").await;
    let fault = it.store.migrate().await.unwrap_err().to_string();
    assert!(fault.contains("migration 1 was edited"), "{fault}");
}

/// The lock of the migrator is not left behind.
async fn a_refused_migration_keeps_nobody_waiting(it: Arc<Fixture>) {
    it.tamper("UPDATE _sqlx_migrations SET checksum = '' WHERE version = 1").await;
    let replica = it.replica().await;
    assert!(it.store.migrate().await.is_err());
    assert!(replica.migrate().await.is_err());
    replica.close().await;
}

on_both_databases!(
    migrating_again_changes_nothing,
    a_database_of_a_newer_actas_is_refused_and_the_fault_says_so,
    a_migration_that_was_edited_is_refused,
    a_refused_migration_keeps_nobody_waiting,
);

async fn replicas_migrate_at_once(it: Arc<Fixture>) {
    let mut all = JoinSet::new();
    for _ in 0..4 {
        let replica = it.replica().await;
        all.spawn(async move {
            replica.migrate().await.unwrap();
            replica.close().await;
        });
    }
    it.store.migrate().await.unwrap();
    all.join_all().await;
    it.declare("acme").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn replicas_migrate_an_empty_sqlite_at_once() {
    run_empty(Kind::Sqlite, replicas_migrate_at_once).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn replicas_migrate_an_empty_postgres_at_once() {
    run_empty(Kind::Postgres, replicas_migrate_at_once).await;
}

use std::sync::Arc;

use delegation::trail::{Query, Record};
use policy::Timestamp;
use sqlx::{
    SqlSafeStr,
    migrate::{Migration, MigrationType, Migrator},
};
use tokio::task::JoinSet;
use uuid::Uuid;

use crate::fixture::{Fixture, Kind, ORG, Raw, run_empty};

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

macro_rules! before_the_trail {
    ($folder:literal) => {
        [
            include_str!(concat!("../../../../migrations/", $folder, "/0001_declared.sql")),
            include_str!(concat!("../../../../migrations/", $folder, "/0002_delegations.sql")),
            include_str!(concat!("../../../../migrations/", $folder, "/0003_signals.sql")),
        ]
    };
}

/// As an actas left it that kept events in columns.
async fn left_by_an_older_actas(it: &Fixture) {
    let texts = match it.raw {
        Raw::Postgres(_) => before_the_trail!("postgres"),
        Raw::Sqlite(_) => before_the_trail!("sqlite"),
    };
    let names = ["declared", "delegations", "signals"];
    let migrations = (1..).zip(names).zip(texts).map(|((version, name), sql)| {
        Migration::new(version, name.into(), MigrationType::Simple, sql.into_sql_str(), false)
    });
    let migrator = Migrator::with_migrations(migrations.collect());
    match &it.raw {
        Raw::Postgres(pool) => migrator.run(pool).await.unwrap(),
        Raw::Sqlite(pool) => migrator.run(pool).await.unwrap(),
    }
}

/// The root that is issued, a child that is refused, and one that nobody was found for.
const OLD_EVENTS: &str = r#"
  INSERT INTO delegations (
    org, id, root, grant_id, connection, user_sub, agent, target, scope, depth, token_hash,
    issued_at, expires_at)
  VALUES ('acme', '01800000-0000-7000-8000-00000000000a', '01800000-0000-7000-8000-00000000000a',
    'g', 'home', 'alice', 'orchestrator', 't', 'a', 1, HASH, 1700000000, 1700000300);
  INSERT INTO events (
    org, id, at, request_id, client_address, outcome, error, reason, detail, client, subject, chain,
    target, scope_requested, scope_granted, delegation, parent, grant_id, policies, policy_hash, checks)
  VALUES
    ('acme', '01800000-0000-7000-8000-000000000001', 1700000000, 'r-1', '192.0.2.1', 'issued', NULL,
     NULL, NULL, 'orchestrator', 'alice', '[{"iss":"https://a.example","sub":"agent:b"}]', 't', 'a b',
     'a', '01800000-0000-7000-8000-00000000000a', NULL, 'g', 'p q', 'hash',
     '[{"connection":"home","kind":"okta","answer":"good","age_ms":0,"took_us":12,"shared":false,"mode":"strict"}]'),
    ('acme', '01800000-0000-7000-8000-000000000002', 1700000001, 'r-2', NULL, 'refused',
     'invalid_request', 'revoked', 'a "detail"', 'researcher', 'alice', NULL, 't', NULL, NULL, NULL,
     '01800000-0000-7000-8000-00000000000a', 'g', NULL, NULL, NULL),
    ('acme', '01800000-0000-7000-8000-000000000003', 1700000002, 'r-3', NULL, 'refused',
     'invalid_client', 'client', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
     NULL, NULL)"#;

const AS_RECORDS: [&str; 3] = [
    r#"{"id":"01800000-0000-7000-8000-000000000001","org":"acme","at":1700000000,"outcome":"issued",
        "request_id":"r-1","client_address":"192.0.2.1","client":"orchestrator","subject":"alice",
        "chain":[{"iss":"https://a.example","sub":"agent:b"}],"target":"t","scope_requested":"a b",
        "scope_granted":"a","delegation":"01800000-0000-7000-8000-00000000000a",
        "root":"01800000-0000-7000-8000-00000000000a","grant":"g","policies":"p q",
        "policy_hash":"hash","checks":[{"connection":"home","kind":"okta","answer":"good","age_ms":0,
        "took_us":12,"shared":false,"mode":"strict"}]}"#,
    r#"{"id":"01800000-0000-7000-8000-000000000002","org":"acme","at":1700000001,"outcome":"refused",
        "request_id":"r-2","error":"invalid_request","reason":"revoked","detail":"a \"detail\"",
        "client":"researcher","subject":"alice","target":"t",
        "parent":"01800000-0000-7000-8000-00000000000a",
        "root":"01800000-0000-7000-8000-00000000000a","grant":"g"}"#,
    r#"{"id":"01800000-0000-7000-8000-000000000003","org":"acme","at":1700000002,"outcome":"refused",
        "request_id":"r-3","error":"invalid_client","reason":"client"}"#,
];

async fn events_of_before_the_trail_are_records_of_it(it: Arc<Fixture>) {
    left_by_an_older_actas(&it).await;
    let hash = match it.raw {
        Raw::Postgres(_) => "'\\x07'",
        Raw::Sqlite(_) => "x'07'",
    };
    it.run(&OLD_EVENTS.replace("HASH", hash)).await;
    it.store.migrate().await.unwrap();
    it.declare(ORG).await;
    let expected = AS_RECORDS.map(|record| Record::read(record).unwrap());
    assert_eq!(it.records().await, expected);
    let trail = it.trail(ORG);
    assert_eq!(trail.seal(10).await.unwrap(), 3);
    assert_eq!(it.records().await, expected);
    let chain = Some(Uuid::from_u128(0x0180_0000_0000_7000_8000_0000_0000_000a));
    let found = trail.find(&Query { chain, most: 10, ..Query::default() }).await.unwrap();
    assert_eq!(found.links.iter().map(|link| link.seq).collect::<Vec<_>>(), [1, 2]);
    assert!(trail.untold(Timestamp(0), 10).await.unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn replicas_migrate_an_empty_sqlite_at_once() {
    run_empty(Kind::Sqlite, replicas_migrate_at_once).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn replicas_migrate_an_empty_postgres_at_once() {
    run_empty(Kind::Postgres, replicas_migrate_at_once).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_of_before_the_trail_are_records_of_it_on_sqlite() {
    run_empty(Kind::Sqlite, events_of_before_the_trail_are_records_of_it).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_of_before_the_trail_are_records_of_it_on_postgres() {
    run_empty(Kind::Postgres, events_of_before_the_trail_are_records_of_it).await;
}

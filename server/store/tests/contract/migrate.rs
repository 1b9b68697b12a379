use std::sync::Arc;

use delegation::{
    declared::{Authentication, Change, Connection, GrantType, Method},
    trail::{Query, Record},
};
use policy::Timestamp;
use sqlx::{
    SqlSafeStr,
    migrate::{Migration, MigrationType, Migrator},
};
use tokio::task::JoinSet;
use uuid::Uuid;

use crate::fixture::{
    Fixture, Kind, LATER, ORG, Raw, agent, connection, grant, resource, run_empty, settings,
};

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

macro_rules! texts {
    ($folder:literal) => {
        [
            include_str!(concat!("../../../../migrations/", $folder, "/0001_declared.sql")),
            include_str!(concat!("../../../../migrations/", $folder, "/0002_delegations.sql")),
            include_str!(concat!("../../../../migrations/", $folder, "/0003_signals.sql")),
            include_str!(concat!("../../../../migrations/", $folder, "/0004_trail.sql")),
        ]
    };
}

/// As an actas left it that knew the first so many migrations.
async fn left_by_an_older_actas(it: &Fixture, known: usize) {
    let texts = match it.raw {
        Raw::Postgres(_) => texts!("postgres"),
        Raw::Sqlite(_) => texts!("sqlite"),
    };
    let names = ["declared", "delegations", "signals", "trail"];
    let migrations = (1..).zip(names).zip(texts).take(known).map(|((version, name), sql)| {
        Migration::new(version, name.into(), MigrationType::Simple, sql.into_sql_str(), false)
    });
    let migrator = Migrator::with_migrations(migrations.collect());
    match &it.raw {
        Raw::Postgres(pool) => migrator.run(pool).await.unwrap(),
        Raw::Sqlite(pool) => migrator.run(pool).await.unwrap(),
    }
}

/// The same bytes as each database writes them.
fn bytes(it: &Fixture, hex: &str) -> String {
    match it.raw {
        Raw::Postgres(_) => format!("'\\x{hex}'"),
        Raw::Sqlite(_) => format!("x'{hex}'"),
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
    left_by_an_older_actas(&it, 3).await;
    it.run(&OLD_EVENTS.replace("HASH", &bytes(&it, "07"))).await;
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

/// The happy org, and a delegation of it, in the columns there were before clients had other ways to
/// prove themselves than secrets.
const OLD_DECLARED: &str = "
  INSERT INTO orgs (org, revision, name, algorithm, chain_limit, lifetime, key_rotation, audit_retention)
    VALUES ('acme', 1, 'Acme', 'ES256', 5, 300, 86400, 86400);
  INSERT INTO connections (org, id, issuer, client_id, client_secret, audiences, algorithms, kinds,
      subject_prefix, checks, signals)
    VALUES ('acme', 'home', 'https://idp.example', 'actas', BYTES, 'https://actas.example
api',
      'RS256', 'access_token', '', BYTES, BYTES);
  INSERT INTO agents (org, id, name, scope, aliases)
    VALUES ('acme', 'orchestrator', 'orchestrator', 'documents:read documents:write',
      'orchestrator-at-idp');
  INSERT INTO agent_secrets (org, agent, hash, created_at) VALUES ('acme', 'orchestrator', HASH, 1);
  INSERT INTO resources (org, id, name, scope)
    VALUES ('acme', 'https://documents.example', 'Documents', 'documents:read documents:write');
  INSERT INTO grants (org, id, connection, user_sub, agent, scope, targets, created_at)
    VALUES ('acme', 'grant-alice', 'home', 'alice', 'orchestrator', 'documents:read documents:write',
      'researcher
https://documents.example', 1);
  INSERT INTO delegations (org, id, root, grant_id, connection, user_sub, agent, target, scope, depth,
      token_hash, issued_at, expires_at)
    VALUES ('acme', '01a30d52-6000-7000-8000-000000000001', '01a30d52-6000-7000-8000-000000000001',
      'grant-alice', 'home', 'alice', 'orchestrator', 'researcher', 'documents:read', 1, HASH,
      1800000000, 1800000300)";

async fn what_was_declared_before_is_what_it_was(it: Arc<Fixture>) {
    left_by_an_older_actas(&it, 4).await;
    let old = OLD_DECLARED.replace("BYTES", &bytes(&it, "7365616c6564"));
    it.run(&old.replace("HASH", &bytes(&it, &"01".repeat(32)))).await;
    it.store.migrate().await.unwrap();
    let declared = it.registry().find(ORG).await.unwrap().unwrap();
    assert_eq!(declared.settings, settings());
    let sealed = || b"sealed".to_vec();
    assert_eq!(
        declared.connections,
        [Connection { checks: sealed(), signals: sealed(), ..connection() }]
    );
    assert_eq!(declared.agents, [agent("orchestrator")]);
    assert_eq!(declared.resources, [resource()]);
    assert_eq!((declared.trusts, declared.templates), (vec![], vec![]));
    assert_eq!(it.registry().grants(ORG).await.unwrap(), [grant()]);
    let secrets = Authentication::default();
    assert_eq!(secrets.methods, [Method::ClientSecretBasic, Method::ClientSecretPost]);
    assert_eq!(secrets.grants, [GrantType::TokenExchange]);
    // And it goes on from there.
    let id = Uuid::from_u128(0x01a3_0d52_6000_7000_8000_0000_0000_0001);
    assert_eq!(it.ledger().find(id).await.unwrap().unwrap().ended_at, None);
    it.opened(it.root()).await;
    let dropped = [Change::DropGrant(grant().id)];
    it.apply(1, &dropped).await.unwrap();
    assert_eq!(it.ledger().find(id).await.unwrap().unwrap().ended_at, Some(LATER));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_declared_before_is_what_it_was_on_sqlite() {
    run_empty(Kind::Sqlite, what_was_declared_before_is_what_it_was).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_declared_before_is_what_it_was_on_postgres() {
    run_empty(Kind::Postgres, what_was_declared_before_is_what_it_was).await;
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

//! Several at once, and interruptions.

use std::{
    collections::BTreeSet,
    future::poll_fn,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::Poll,
};

use delegation::event::Outcome;
use tokio::task::JoinSet;

use super::{seal, whole, write};
use crate::fixture::{Fixture, ORG, Raw};

const WRITERS: usize = 8;
const EVENTS: usize = 250;

/// Each event is in the trail once, whoever was faster.
async fn replicas_seal_at_once_while_others_write(it: Arc<Fixture>) {
    let replicas = [it.replica().await, it.replica().await];
    let writing = Arc::new(AtomicBool::new(true));
    let mut sealing = JoinSet::new();
    for number in 0..16 {
        let store = &replicas[number % 2];
        let (trail, writing) = (store.trail(ORG, it.notary(ORG)), Arc::clone(&writing));
        sealing.spawn(async move {
            let mut sealed = 0;
            loop {
                let last = !writing.load(Ordering::SeqCst);
                let now = trail.seal(1 + number * 7).await.unwrap();
                sealed += now;
                if now == 0 {
                    if last {
                        return sealed;
                    }
                    tokio::task::yield_now().await;
                }
            }
        });
    }
    let mut all = JoinSet::new();
    for number in 0..WRITERS {
        let store = if number % 2 == 0 { it.store.clone() } else { replicas[0].clone() };
        let (it, ledger) = (Arc::clone(&it), store.ledger(ORG));
        all.spawn(async move {
            let mut ids = Vec::new();
            for _ in 0..EVENTS {
                let event = it.event(Outcome::Refused);
                ids.push(event.id.to_string());
                ledger.note(event).await.unwrap();
            }
            ids
        });
    }
    let written: BTreeSet<String> = all.join_all().await.into_iter().flatten().collect();
    writing.store(false, Ordering::SeqCst);
    let sealed: usize = sealing.join_all().await.into_iter().sum();
    // Whoever gave up may have done so because another was at it.
    seal(&it).await;
    let links = whole(&it, &*it.trail(ORG)).await;
    let found: BTreeSet<String> = links.iter().map(|stored| stored.index.id.clone()).collect();
    assert_eq!((found.len(), links.len()), (WRITERS * EVENTS, WRITERS * EVENTS));
    assert!(found == written);
    assert!(sealed <= links.len(), "none is counted twice");
    for replica in replicas {
        replica.close().await;
    }
}

/// What a crash leaves is what a transaction leaves that was never committed.
async fn a_seal_that_is_interrupted_is_as_if_it_never_was(it: Arc<Fixture>) {
    write(&it, 20).await;
    it.trail(ORG).seal(5).await.unwrap();
    for (event, sql) in [
        ("INSERT", "a place for an event"),
        ("DELETE", "an event that waits no more"),
        ("UPDATE", "the end"),
    ] {
        let table = match event {
            "INSERT" => "trail",
            "DELETE" => "events",
            _ => "trail_ends",
        };
        forbid(&it, event, table).await;
        assert!(it.trail(ORG).seal(10).await.is_err(), "{sql}");
        allow(&it, table).await;
        assert_eq!(it.number("SELECT count(*) FROM events").await, 15, "{sql}");
        assert_eq!(whole(&it, &*it.trail(ORG)).await.len(), 5, "{sql}");
    }
    seal(&it).await;
    assert_eq!(whole(&it, &*it.trail(ORG)).await.len(), 20);
}

async fn forbid(it: &Fixture, event: &str, table: &str) {
    let sql = match it.raw {
        Raw::Postgres(_) => format!(
            "CREATE FUNCTION forbid() RETURNS trigger AS 'BEGIN RAISE ''crash''; END' LANGUAGE plpgsql;
             CREATE TRIGGER crash AFTER {event} ON {table} FOR EACH STATEMENT EXECUTE FUNCTION forbid()"
        ),
        Raw::Sqlite(_) => format!(
            "CREATE TRIGGER crash AFTER {event} ON {table} BEGIN SELECT RAISE(ABORT, 'crash'); END"
        ),
    };
    it.run(&sql).await;
}

async fn allow(it: &Fixture, table: &str) {
    match it.raw {
        Raw::Postgres(_) => {
            it.run(&format!("DROP TRIGGER crash ON {table}; DROP FUNCTION forbid()")).await;
        }
        Raw::Sqlite(_) => it.run("DROP TRIGGER crash").await,
    }
}

/// Work runs to its end also when nobody waits for it any more (sqlx#4385).
async fn a_caller_that_goes_away_changes_nothing(it: Arc<Fixture>) {
    write(&it, 50).await;
    for _ in 0..50 {
        let trail = it.trail(ORG);
        let mut sealing = trail.seal(1);
        let _ = poll_fn(|context| Poll::Ready(sealing.as_mut().poll(context))).await;
        drop(sealing);
    }
    // Those that nobody waits for are at it as well, and one at a time gets to it.
    while 0 < it.number("SELECT count(*) FROM events").await {
        seal(&it).await;
    }
    assert_eq!(whole(&it, &*it.trail(ORG)).await.len(), 50);
    it.store.close().await;
    if let Raw::Postgres(_) = it.raw {
        let open = "SELECT count(*) FROM pg_stat_activity
            WHERE datname = current_database() AND state LIKE 'idle in transaction%'";
        assert_eq!(it.number(open).await, 0);
    }
}

on_both_databases!(
    replicas_seal_at_once_while_others_write,
    a_seal_that_is_interrupted_is_as_if_it_never_was,
    a_caller_that_goes_away_changes_nothing,
);

/// An event that is written, and not committed, is not waited for.
async fn an_event_that_becomes_visible_later_is_not_lost(it: Arc<Fixture>) {
    let Raw::Postgres(pool) = &it.raw else { panic!("of PostgreSQL only") };
    let early = it.event(Outcome::Refused);
    let mut elsewhere = pool.begin().await.unwrap();
    sqlx::query("INSERT INTO events (org, id, record) VALUES ($1, $2, $3)")
        .bind(ORG)
        .bind(early.id.to_string())
        .bind(early.record(ORG))
        .execute(&mut *elsewhere)
        .await
        .unwrap();
    write(&it, 3).await;
    seal(&it).await;
    assert_eq!(whole(&it, &*it.trail(ORG)).await.len(), 3);
    elsewhere.commit().await.unwrap();
    seal(&it).await;
    let links = whole(&it, &*it.trail(ORG)).await;
    assert_eq!((links.len(), &links[3].index.id), (4, &early.id.to_string()));
}

/// Nobody queues up for what another does already.
async fn a_replica_does_not_wait_for_another_that_seals(it: Arc<Fixture>) {
    let Raw::Postgres(pool) = &it.raw else { panic!("of PostgreSQL only") };
    write(&it, 1).await;
    seal(&it).await;
    write(&it, 1).await;
    let mut other = pool.begin().await.unwrap();
    sqlx::query("SELECT seq FROM trail_ends FOR UPDATE").execute(&mut *other).await.unwrap();
    assert_eq!(it.trail(ORG).seal(10).await.unwrap(), 0);
    other.rollback().await.unwrap();
    assert_eq!(it.trail(ORG).seal(10).await.unwrap(), 1);
}

mod visible {
    use super::*;
    on_postgres!(
        an_event_that_becomes_visible_later_is_not_lost,
        a_replica_does_not_wait_for_another_that_seals,
    );
}

use std::{
    future::poll_fn,
    sync::Arc,
    task::{Context, Poll, Waker},
};

use delegation::{
    event::{Check, Event, Outcome},
    ports::Selector,
    trail::Record,
};
use policy::Party;
use tokio::task::JoinSet;

use crate::fixture::{Fixture, LATER, Raw};

async fn writes_an_event_alone(it: Arc<Fixture>) {
    it.ledger().note(it.event(Outcome::Refused)).await.unwrap();
    assert_eq!(it.written().await, (0, 1));
}

async fn writes_an_event_whatever_the_revision_of_the_org(it: Arc<Fixture>) {
    it.apply(1, &[]).await;
    it.store.ledger("nobody").note(it.event(Outcome::Refused)).await.unwrap();
    assert_eq!(it.written().await, (0, 1));
}

async fn keeps_the_event_as_it_was(it: Arc<Fixture>) {
    let text = |text: &str| Some(text.to_owned());
    let event = Event {
        client_address: text("192.0.2.1"),
        error: Some("invalid_request"),
        reason: Some("subject_gone"),
        detail: text("a \"detail\"\nof two lines"),
        connection: text("home"),
        chain: vec![Party { issuer: "https://a.example".to_owned(), id: "agent:b".to_owned() }],
        scope_requested: text("a b"),
        scope_granted: text("a"),
        delegation: Some(it.id()),
        parent: Some(it.id()),
        root: Some(it.id()),
        grant: text("g"),
        policies: text("p q"),
        policy_hash: text("hash"),
        checks: vec![check("introspection"), check("okta")],
        operator: text("cli:root"),
        ended: Some(3),
        ..it.event(Outcome::Refused)
    };
    it.ledger().note(event.clone()).await.unwrap();
    let line = event.record("acme");
    assert!(!line.contains('\n'));
    assert_eq!(it.records().await, [Record::read(&line).unwrap()]);
}

fn check(kind: &'static str) -> Check {
    let connection = "home".to_owned();
    Check { connection, kind, answer: "no", age_ms: 3, took_us: 12, shared: true, mode: "strict" }
}

/// Else a stranger could keep a refusal out of the audit trail.
async fn writes_an_event_with_a_nul_in_it(it: Arc<Fixture>) {
    let event = Event { client: Some("a\0b".to_owned()), ..it.event(Outcome::Refused) };
    it.ledger().note(event).await.unwrap();
    assert_eq!(it.records().await[0].client.as_deref(), Some("a\u{fffd}b"));
    // Nor out of its place.
    assert_eq!(it.trail("acme").seal(10).await.unwrap(), 1);
    assert_eq!(it.number("SELECT count(*) FROM trail WHERE client LIKE 'a_b'").await, 1);
}

/// A client that disconnects drops the future of its request (sqlx#4385).
async fn a_caller_that_goes_away_changes_nothing(it: Arc<Fixture>) {
    for _ in 0..50 {
        let ledger = it.ledger();
        let mut opening = Box::pin(ledger.open(it.root()));
        assert!(opening.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
        let selector = Selector::Delegation(it.id());
        let mut revoking = Box::pin(ledger.revoke(&selector, LATER, None));
        let _ = poll_fn(|context| Poll::Ready(revoking.as_mut().poll(context))).await;
    }
    it.ledger().note(it.event(Outcome::Refused)).await.unwrap();
    it.store.close().await;
    assert_eq!(it.written().await, (50, 51), "what was handed over was written");
    if let Raw::Postgres(_) = it.raw {
        let open = "SELECT count(*) FROM pg_stat_activity
            WHERE datname = current_database() AND state LIKE 'idle in transaction%'";
        assert_eq!(it.number(open).await, 0);
    }
    // Nor does a lock remain.
    let replica = it.replica().await;
    replica.ledger("acme").note(it.event(Outcome::Refused)).await.unwrap();
    replica.close().await;
}

async fn a_queue_that_is_full_is_a_fault(it: Arc<Fixture>) {
    // Somebody else keeps the writer from writing.
    let lock = match &it.raw {
        Raw::Postgres(pool) => {
            let mut lock = pool.begin().await.unwrap();
            sqlx::query("LOCK TABLE events IN EXCLUSIVE MODE").execute(&mut *lock).await.unwrap();
            (Some(lock), None)
        }
        Raw::Sqlite(pool) => (None, Some(pool.begin_with("BEGIN IMMEDIATE").await.unwrap())),
    };
    let mut all = JoinSet::new();
    for _ in 0..6000 {
        let (ledger, event) = (it.ledger(), it.event(Outcome::Refused));
        all.spawn(async move { ledger.note(event).await });
    }
    // The first to be answered can only be those that were refused.
    let first = all.join_next().await.unwrap().unwrap();
    assert_eq!(first.unwrap_err().to_string(), "store: too many writes are waiting");
    if let (Some(lock), _) = lock {
        lock.rollback().await.unwrap();
    } else if let (_, Some(lock)) = lock {
        lock.rollback().await.unwrap();
    }
    let written = all.join_all().await.into_iter().flatten().count();
    assert!(4096 <= written, "those that were queued were written: {written}");
    let (_, events) = it.written().await;
    assert_eq!(events, i64::try_from(written).unwrap());
}

async fn closing_writes_what_is_queued(it: Arc<Fixture>) {
    let ledger = it.ledger();
    let mut waiting: Vec<_> =
        (0..500).map(|_| Box::pin(ledger.note(it.event(Outcome::Refused)))).collect();
    for note in &mut waiting {
        assert!(note.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    }
    it.store.close().await;
    for note in waiting {
        note.await.unwrap();
    }
    assert_eq!(it.written().await, (0, 500));
}

async fn writing_after_closing_is_a_fault(it: Arc<Fixture>) {
    it.store.close().await;
    let fault = it.ledger().note(it.event(Outcome::Refused)).await.unwrap_err();
    assert_eq!(fault.to_string(), "store: the writer has stopped");
}

on_both_databases!(
    writes_an_event_alone,
    writes_an_event_whatever_the_revision_of_the_org,
    keeps_the_event_as_it_was,
    writes_an_event_with_a_nul_in_it,
    a_caller_that_goes_away_changes_nothing,
    a_queue_that_is_full_is_a_fault,
    closing_writes_what_is_queued,
    writing_after_closing_is_a_fault,
);

//! Callers that go away: a client that disconnects drops the future of its request (sqlx#4385).

use std::{
    future::poll_fn,
    sync::Arc,
    task::{Context, Poll, Waker},
};

use delegation::{
    event::Outcome,
    ports::{Delegation, Selector, Signalled},
    signal::Effect,
};
use tokio::task::yield_now;

use crate::{
    fixture::{Fixture, LATER, NOW, ORG, Raw},
    signalling::{alice_in, signal, stands},
};

/// Drops a future after it was polled a few times, each time at another place.
async fn abandoned<T>(work: impl Future<Output = T>, polls: usize) {
    let mut work = Box::pin(work);
    for _ in 0..=polls {
        if work.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_ready() {
            return;
        }
        yield_now().await;
    }
}

/// What was begun comes to its end, or never began; nothing is left open.
async fn nothing_is_left_behind(it: &Fixture) {
    // Waits for whatever is still under way.
    it.ledger().revoke(&Selector::Delegation(it.id()), LATER, None).await.unwrap();
    if let Raw::Postgres(_) = it.raw {
        let open = "SELECT count(*) FROM pg_stat_activity
            WHERE datname = current_database() AND state LIKE 'idle in transaction%'";
        while it.number(open).await != 0 {
            yield_now().await;
        }
    }
    let replica = it.replica().await;
    replica.ledger(ORG).note(it.event(Outcome::Refused)).await.unwrap();
    replica.close().await;
}

async fn until_ended(it: &Fixture, delegation: &Delegation) {
    while stands(it, delegation).await {
        yield_now().await;
    }
}

async fn a_revocation_that_was_begun_comes_to_its_end(it: Arc<Fixture>) {
    for round in 0..50 {
        let root = it.opened(it.root()).await;
        let below = it.opened(it.child(&root)).await;
        let (ledger, selector) = (it.ledger(), Selector::Delegation(root.id));
        let event = Some(it.event(Outcome::Revoked));
        abandoned(ledger.revoke(&selector, LATER, event), round % 5).await;
        until_ended(&it, &below).await;
        assert!(!stands(&it, &root).await, "both in one transaction");
    }
    nothing_is_left_behind(&it).await;
    let told = it.records().await.into_iter().filter(|record| record.outcome == "revoked");
    assert_eq!(told.map(|record| record.ended).collect::<Vec<_>>(), [Some(2); 50]);
}

async fn a_signal_that_was_begun_comes_to_its_end_and_may_come_again(it: Arc<Fixture>) {
    for round in 0..50 {
        let session = format!("s-{round}");
        let mut opening = it.root();
        opening.delegation.session = Some(session.clone());
        // Each signal before outdated what was recalled.
        opening.epoch = i64::try_from(round).unwrap();
        let root = it.opened(opening).await;
        let signal = signal(&it, alice_in(&session), Effect::SignedOut, NOW);
        let ledger = it.ledger();
        abandoned(ledger.signal(signal.clone()), round % 5).await;
        until_ended(&it, &root).await;
        assert_eq!(it.ledger().signal(signal).await.unwrap(), Signalled::Duplicate);
    }
    nothing_is_left_behind(&it).await;
    let told = it.records().await.into_iter().filter(|record| record.outcome == "signalled");
    assert_eq!(told.map(|record| record.ended).collect::<Vec<_>>(), [Some(1); 50]);
}

async fn one_that_goes_away_while_it_waits_for_its_turn_holds_up_nobody(it: Arc<Fixture>) {
    for round in 0..20 {
        let ledger = it.ledger();
        let selectors: Vec<_> = (0..8).map(|_| Selector::Delegation(it.id())).collect();
        let mut waiting: Vec<_> = selectors
            .iter()
            .map(|selector| Box::pin(ledger.revoke(selector, LATER, None)))
            .collect();
        for revoking in &mut waiting {
            poll_fn(|context| {
                let _ = revoking.as_mut().poll(context);
                Poll::Ready(())
            })
            .await;
        }
        waiting.truncate(round % 8);
        drop(waiting);
        it.opened(it.root()).await;
    }
    nothing_is_left_behind(&it).await;
}

on_both_databases!(
    a_revocation_that_was_begun_comes_to_its_end,
    a_signal_that_was_begun_comes_to_its_end_and_may_come_again,
    one_that_goes_away_while_it_waits_for_its_turn_holds_up_nobody,
);

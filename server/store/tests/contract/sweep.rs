use std::{sync::Arc, time::Duration};

use delegation::{
    ports::{Delegation, Lineage, Opened, Selector},
    signal::{Effect, Whom},
};
use policy::{Session, Standing, Timestamp};

use crate::{
    fixture::{Fixture, LATER, NOW},
    signalling::{alice, alice_in, said, tell},
};

const DAY: Duration = Duration::from_hours(24);

async fn forgets_the_subject_token_of_a_chain_that_has_died(it: Arc<Fixture>) {
    let mut opening = it.root();
    opening.delegation.sealed_subject = Some(vec![1, 2, 3]);
    let expires_at = opening.delegation.expires_at;
    it.opened(opening).await;
    for kept in [
        "SELECT count(*) FROM delegations WHERE subject_sealed IS NOT NULL",
        "SELECT count(*) FROM delegations WHERE names IS NOT NULL",
    ] {
        it.tamper("UPDATE delegations SET subject_sealed = token_hash, names = '[]'").await;
        assert_eq!(it.store.sweep(expires_at).await.unwrap(), 0);
        assert_eq!(it.number(kept).await, 1);
        assert_eq!(it.store.sweep(expires_at.plus(Duration::from_secs(61))).await.unwrap(), 1);
        assert_eq!(it.number(kept).await, 0);
    }
}

async fn forgets_a_signal_that_nobody_sends_again(it: Arc<Fixture>) {
    tell(&it, alice(), Effect::SignedOut, NOW).await;
    let kept = "SELECT count(*) FROM signals";
    // At least 14 days.
    assert_eq!(it.store.sweep(LATER.plus(DAY * 30)).await.unwrap(), 0);
    assert_eq!(it.number(kept).await, 1);
    assert_eq!(it.store.sweep(LATER.plus(DAY * 31)).await.unwrap(), 1);
    assert_eq!(it.number(kept).await, 0);
    assert!(said(&it).await.sessions_valid_from.is_some(), "what it said stays");
}

async fn forgets_sessions_and_tokens_that_ended_long_ago(it: Arc<Fixture>) {
    tell(&it, Whom::Token("t-1".to_owned()), Effect::SignedOut, NOW).await;
    tell(&it, Whom::Session("s-1".to_owned()), Effect::SignedOut, NOW).await;
    assert_eq!(it.store.sweep(LATER.plus(DAY * 30)).await.unwrap(), 0);
    assert_eq!(said(&it).await.session, Session::Ended);
    assert_eq!(it.store.sweep(LATER.plus(DAY * 31)).await.unwrap(), 4);
    assert_eq!(said(&it).await, Standing::default());
}

/// A root that expired at this moment, with a child, and whether they are still there.
async fn family(it: &Fixture, expired_at: Timestamp) -> [Delegation; 2] {
    let issued_at = Timestamp(expired_at.0 - 300);
    let mut root = it.root();
    root.delegation.id = it.id_at(issued_at);
    root.delegation.root = root.delegation.id;
    root.delegation.expires_at = expired_at;
    let root = it.opened(root).await;
    let mut child = it.child(&root);
    child.delegation.id = it.id_at(issued_at);
    [root, it.opened(child).await]
}

async fn forgets_a_delegation_a_day_after_it_expired(it: Arc<Fixture>) {
    it.declare("other").await;
    let old = family(&it, NOW).await;
    let fresh = family(&it, NOW.plus(Duration::from_hours(2))).await;
    // Counted from when it was issued: twice as long as any token lives.
    let now = NOW.plus(DAY + Duration::from_mins(5));
    it.store.sweep(now).await.unwrap();
    assert_eq!(it.written().await.0, 4);
    it.store.sweep(now.plus(Duration::from_secs(1))).await.unwrap();
    for gone in old {
        assert_eq!(it.ledger().find(gone.id).await.unwrap(), None);
        let lineage = Lineage::Derived { delegation: gone.id };
        assert_eq!(it.ledger().recall(&lineage).await.unwrap().parent, None);
        assert_eq!(it.ledger().open(it.child(&gone)).await.unwrap(), Opened::Ended);
    }
    for kept in fresh {
        assert!(it.ledger().find(kept.id).await.unwrap().is_some());
        it.opened(it.child(&kept)).await;
    }
}

/// Between two steps something may be there whose ancestor is not: a day after both have died.
async fn what_lost_its_ancestor_is_dead(it: Arc<Fixture>) {
    let [root, child] = family(&it, NOW).await;
    it.tamper("DELETE FROM delegations WHERE parent IS NULL").await;
    assert_eq!(it.ledger().find(child.id).await.unwrap(), None);
    let recalled = it.ledger().recall(&Lineage::Derived { delegation: child.id }).await.unwrap();
    let parent = recalled.parent.unwrap();
    assert_eq!((parent.root, parent.sealed_subject), (root.id, None));
    assert_eq!(it.ledger().open(it.child(&child)).await.unwrap(), Opened::Ended);
    let selector = Selector::Delegation(child.id);
    assert_eq!(it.ledger().revoke(&selector, LATER, None).await.unwrap(), 1);
}

/// Ended or not, of every org, in steps; while others are opened and end.
async fn forgets_all_that_is_dead_and_nothing_else(it: Arc<Fixture>) {
    it.declare("other").await;
    for _ in 0..30 {
        family(&it, NOW).await;
    }
    it.tamper(
        "INSERT INTO delegations (org, id, root, grant_id, connection, user_sub, agent, target,
           scope, depth, token_hash, issued_at, expires_at)
         SELECT 'other', id, root, grant_id, connection, user_sub, agent, target,
           scope, depth, token_hash, issued_at, expires_at FROM delegations WHERE org = 'acme'",
    )
    .await;
    it.tamper("UPDATE delegations SET ended_at = 1800000000 WHERE depth = 2").await;
    let now = NOW.plus(DAY * 3);
    let kept = family(&it, now).await;
    let (store, ledger) = (it.store.clone(), it.ledger());
    let sweeping = tokio::spawn(async move { while store.sweep(now).await.unwrap() != 0 {} });
    for _ in 0..20 {
        let below = it.opened(it.child(&kept[1])).await;
        ledger.revoke(&Selector::Delegation(below.id), now, None).await.unwrap();
    }
    sweeping.await.unwrap();
    assert_eq!(it.written().await.0, 22);
    assert_eq!(it.number("SELECT count(*) FROM delegations WHERE ended_at IS NULL").await, 2);
}

async fn two_replicas_that_sweep_forget_each_once(it: Arc<Fixture>) {
    let replica = it.replica().await;
    for _ in 0..200 {
        family(&it, NOW).await;
    }
    it.tamper("UPDATE delegations SET subject_sealed = NULL").await;
    let mut sweeping = tokio::task::JoinSet::new();
    for store in [it.store.clone(), replica.clone(), it.store.clone(), replica.clone()] {
        sweeping.spawn(async move {
            let mut all = 0;
            // What the others hold on to is left to them.
            for _ in 0..20 {
                all += store.sweep(NOW.plus(DAY * 3)).await.unwrap();
            }
            all
        });
    }
    assert_eq!(sweeping.join_all().await.into_iter().sum::<u64>(), 400);
    assert_eq!(it.written().await.0, 0);
    replica.close().await;
}

async fn forgets_many_in_small_steps(it: Arc<Fixture>) {
    for number in 0..4 {
        tell(&it, alice_in(&format!("s-{number}")), Effect::Recheck, NOW).await;
    }
    it.tamper(
        "INSERT INTO signals (org, connection, issuer, id, source, received_at, event)
         SELECT a.org, a.id, b.id || a.issuer, c.id || d.id || e.id || f.id, 'push', 0, ''
         FROM connections a, signals b, signals c, signals d, signals e, signals f",
    )
    .await;
    let mut steps = 0;
    while it.store.sweep(LATER).await.unwrap() != 0 {
        steps += 1;
    }
    assert_eq!((steps, it.number("SELECT count(*) FROM signals").await), (8, 4));
}

on_both_databases!(
    forgets_the_subject_token_of_a_chain_that_has_died,
    forgets_a_signal_that_nobody_sends_again,
    forgets_sessions_and_tokens_that_ended_long_ago,
    forgets_a_delegation_a_day_after_it_expired,
    what_lost_its_ancestor_is_dead,
    forgets_all_that_is_dead_and_nothing_else,
    two_replicas_that_sweep_forget_each_once,
    forgets_many_in_small_steps,
);

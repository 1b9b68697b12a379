use std::{sync::Arc, time::Duration};

use delegation::signal::{Effect, Whom};
use policy::{Session, Standing};

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
    assert_eq!((steps, it.number("SELECT count(*) FROM signals").await), (3, 4));
}

on_both_databases!(
    forgets_the_subject_token_of_a_chain_that_has_died,
    forgets_a_signal_that_nobody_sends_again,
    forgets_sessions_and_tokens_that_ended_long_ago,
    forgets_many_in_small_steps,
);

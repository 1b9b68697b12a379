use std::sync::Arc;

use delegation::{
    declared::{Change, DeclaredGrant},
    ports::{Delegation, Found, Selector},
};
use policy::Timestamp;

use crate::fixture::{Fixture, GRANT, LATER, grant};

async fn find(it: &Fixture, delegation: &Delegation) -> Option<Found> {
    it.ledger().find(delegation.id).await.unwrap()
}

/// What is found of a delegation of the happy user that stands.
fn standing(delegation: &Delegation) -> Found {
    Found {
        token_hash: delegation.token_hash,
        root: delegation.root,
        connection: "home".to_owned(),
        user: "alice".to_owned(),
        agent: delegation.agent.clone(),
        ended_at: None,
        grant_expires_at: None,
        revision: 1,
    }
}

/// A chain of three.
async fn line(it: &Fixture) -> [Delegation; 3] {
    let top = it.opened(it.root()).await;
    let middle = it.opened(it.child(&top)).await;
    let mut opening = it.child(&middle);
    opening.delegation.token_hash = [8; 32];
    let own = it.opened(opening).await;
    [top, middle, own]
}

async fn finds_what_stands(it: Arc<Fixture>) {
    for delegation in line(&it).await {
        assert_eq!(find(&it, &delegation).await, Some(standing(&delegation)));
    }
}

async fn finds_nothing_that_was_never_ours(it: Arc<Fixture>) {
    line(&it).await;
    assert_eq!(it.ledger().find(it.id()).await.unwrap(), None);
}

async fn finds_nothing_of_another_org(it: Arc<Fixture>) {
    it.declare("other").await;
    let [top, ..] = line(&it).await;
    assert_eq!(it.store.ledger("other").find(top.id).await.unwrap(), None);
    assert_eq!(it.store.ledger("nobody").find(top.id).await.unwrap(), None);
}

async fn shows_when_it_ended(it: Arc<Fixture>) {
    let [top, middle, own] = line(&it).await;
    it.ledger().revoke(&Selector::Delegation(middle.id), LATER, None).await.unwrap();
    assert_eq!(find(&it, &top).await, Some(standing(&top)));
    for delegation in [middle, own] {
        let ended = Found { ended_at: Some(LATER), ..standing(&delegation) };
        assert_eq!(find(&it, &delegation).await, Some(ended));
    }
}

async fn shows_the_earliest_end_of_the_line_and_the_grant(it: Arc<Fixture>) {
    let [.., own] = line(&it).await;
    // Without the cascade, which would have marked all below.
    for (change, earliest) in [
        ("UPDATE grants SET ended_at = 1800000090", 1_800_000_090),
        ("UPDATE delegations SET ended_at = 1800000070 WHERE depth = 1", 1_800_000_070),
        ("UPDATE delegations SET ended_at = 1800000050 WHERE depth = 2", 1_800_000_050),
        ("UPDATE grants SET ended_at = 1800000040", 1_800_000_040),
    ] {
        it.tamper(change).await;
        assert_eq!(find(&it, &own).await.unwrap().ended_at, Some(Timestamp(earliest)));
    }
}

async fn shows_when_the_grant_expires(it: Arc<Fixture>) {
    let [.., own] = line(&it).await;
    let expiring = DeclaredGrant { expires_at: Some(LATER), ..grant() };
    it.apply(1, &[Change::PutGrant(expiring)]).await;
    let expected = Found { grant_expires_at: Some(LATER), revision: 2, ..standing(&own) };
    assert_eq!(find(&it, &own).await, Some(expected));
}

async fn shows_the_end_of_the_very_grant(it: Arc<Fixture>) {
    let [.., own] = line(&it).await;
    let renewed = DeclaredGrant { id: "grant-renewed".to_owned(), ..grant() };
    it.apply(1, &[Change::DropGrant(GRANT.to_owned()), Change::PutGrant(renewed)]).await;
    assert_eq!(find(&it, &own).await.unwrap().ended_at, Some(LATER));
}

/// Nobody can vouch for it: as for one that was never ours.
async fn finds_nothing_whose_line_or_grant_has_gone(it: Arc<Fixture>) {
    let [_, middle, own] = line(&it).await;
    it.tamper("UPDATE delegations SET grant_id = 'gone' WHERE depth = 3").await;
    assert_eq!(find(&it, &own).await, None);
    assert!(find(&it, &middle).await.is_some());
    it.tamper("UPDATE delegations SET grant_id = 'grant-alice'").await;
    it.tamper("DELETE FROM delegations WHERE depth = 1").await;
    for delegation in [middle, own] {
        assert_eq!(find(&it, &delegation).await, None);
    }
}

on_both_databases!(
    finds_what_stands,
    finds_nothing_that_was_never_ours,
    finds_nothing_of_another_org,
    shows_when_it_ended,
    shows_the_earliest_end_of_the_line_and_the_grant,
    shows_when_the_grant_expires,
    shows_the_end_of_the_very_grant,
    finds_nothing_whose_line_or_grant_has_gone,
);

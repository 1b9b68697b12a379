use std::{sync::Arc, time::Instant};

use delegation::{
    declared::Change,
    ports::{Delegation, Opened, Opening, Selector},
    status::StatusIndex,
};
use tokio::task::JoinSet;

use crate::fixture::{Fixture, GRANT, LATER};

/// Whether it was answered so, and nothing was written beside `before`.
async fn answers(it: &Fixture, opening: Opening, expected: Opened) {
    let before = it.written().await;
    assert_eq!(it.ledger().open(opening).await.unwrap(), expected);
    assert_eq!(it.written().await, before, "no delegation, and no event either");
}

async fn records_the_delegation_and_its_event_together(it: Arc<Fixture>) {
    let top = it.opened(it.root()).await;
    let below = it.opened(it.child(&top)).await;
    assert_eq!(it.written().await, (2, 2));
    let told: Vec<_> =
        it.records().await.iter().filter_map(|record| record.delegation.clone()).collect();
    assert_eq!(told, [top.id.to_string(), below.id.to_string()]);
}

async fn keeps_every_field_of_the_delegation(it: Arc<Fixture>) {
    let top = it.opened(it.root()).await;
    it.opened(it.child(&top)).await;
    let same = "SELECT count(*) FROM delegations
        WHERE org = 'acme' AND grant_id = 'grant-alice' AND connection = 'home'
        AND user_sub = 'alice' AND agent = 'researcher' AND target = 'researcher'
        AND scope = 'documents:read' AND depth = 2 AND length(token_hash) = 32
        AND issued_at = 1800000000 AND expires_at = 1800000300 AND ended_at IS NULL
        AND subject_sealed IS NULL AND parent = root AND session = 's-1'
        AND signed_in_at = 1799999000 AND names IS NULL";
    assert_eq!(it.number(same).await, 1);
    let named = r#"SELECT count(*) FROM delegations WHERE parent IS NULL AND names =
        '["device:d-1","email:alice@example.com","jti:t-1","sid:s-1","sub:alice"]'"#;
    assert_eq!(it.number(named).await, 1);
}

async fn keeps_its_place_on_a_status_list(it: Arc<Fixture>) {
    let mut opening = it.root();
    opening.delegation.status = Some(StatusIndex { list: 3, index: 77 });
    it.opened(opening).await;
    it.opened(it.root()).await;
    let placed = "SELECT count(*) FROM delegations WHERE status_list = 3 AND status_index = 77";
    assert_eq!(it.number(placed).await, 1);
    let without =
        "SELECT count(*) FROM delegations WHERE status_list IS NULL AND status_index IS NULL";
    assert_eq!(it.number(without).await, 1);
}

async fn writes_nothing_under_a_stale_revision(it: Arc<Fixture>) {
    let opening = it.root();
    it.apply(1, &[]).await;
    answers(&it, opening, Opened::Changed).await;
}

async fn writes_nothing_under_a_revision_to_come(it: Arc<Fixture>) {
    answers(&it, Opening { revision: 2, ..it.root() }, Opened::Changed).await;
}

async fn writes_nothing_when_it_is_too_late(it: Arc<Fixture>) {
    let before = it.written().await;
    let late = Opening { until: Instant::now(), ..it.root() };
    assert!(it.ledger().open(late).await.is_err());
    assert_eq!(it.written().await, before);
    it.opened(it.root()).await;
}

async fn writes_nothing_when_the_grant_has_ended(it: Arc<Fixture>) {
    it.ledger().revoke(&Selector::Grant(GRANT.to_owned()), LATER, None).await.unwrap();
    answers(&it, it.root(), Opened::Ended).await;
}

async fn writes_nothing_without_a_grant(it: Arc<Fixture>) {
    let mut opening = it.root();
    "grant-nobody".clone_into(&mut opening.delegation.grant);
    answers(&it, opening, Opened::Ended).await;
}

async fn writes_nothing_when_the_parent_has_ended(it: Arc<Fixture>) {
    let top = it.opened(it.root()).await;
    it.ledger().revoke(&Selector::Delegation(top.id), LATER, None).await.unwrap();
    answers(&it, it.child(&top), Opened::Ended).await;
}

async fn writes_nothing_when_only_the_first_ancestor_has_ended(it: Arc<Fixture>) {
    let mut parent = it.opened(it.root()).await;
    for _ in 0..8 {
        parent = it.opened(it.child(&parent)).await;
    }
    // Without the cascade: nobody should, but an operator in a hurry might.
    it.tamper("UPDATE delegations SET ended_at = 1800000050 WHERE parent IS NULL").await;
    answers(&it, it.child(&parent), Opened::Ended).await;
}

async fn writes_nothing_when_an_ancestor_is_missing(it: Arc<Fixture>) {
    let top = it.opened(it.root()).await;
    let middle = it.opened(it.child(&top)).await;
    it.tamper("DELETE FROM delegations WHERE parent IS NULL").await;
    answers(&it, it.child(&middle), Opened::Ended).await;
}

async fn writes_nothing_for_an_org_that_is_not_there(it: Arc<Fixture>) {
    let opened = it.store.ledger("nobody").open(it.root()).await.unwrap();
    assert_eq!((opened, it.written().await), (Opened::Ended, (0, 0)));
}

async fn takes_neither_grant_nor_parent_of_another_org(it: Arc<Fixture>) {
    it.declare("other").await;
    let top = it.opened(it.root()).await;
    let other = it.store.ledger("other");
    assert_eq!(other.open(it.child(&top)).await.unwrap(), Opened::Ended);
    it.tamper("DELETE FROM grants WHERE org = 'other'").await;
    assert_eq!(other.open(it.root()).await.unwrap(), Opened::Ended);
    assert_eq!(it.written().await, (1, 1));
}

async fn records_again_after_the_org_was_read_again(it: Arc<Fixture>) {
    it.apply(1, &[Change::DropResource("https://documents.example".to_owned())]).await;
    it.opened(Opening { revision: 2, ..it.root() }).await;
}

async fn records_many_at_once_from_two_replicas(it: Arc<Fixture>) {
    let replica = it.replica().await;
    let mut parents: Vec<Delegation> = Vec::new();
    for _ in 0..4 {
        parents.push(it.opened(it.root()).await);
    }
    let mut all = JoinSet::new();
    for number in 0..600 {
        let opening = it.child(parents.get(number % 4).unwrap());
        let ledger = if number % 2 == 0 { it.ledger() } else { replica.ledger("acme") };
        all.spawn(async move { ledger.open(opening).await.unwrap() });
    }
    assert!(all.join_all().await.into_iter().all(|opened| opened == Opened::Recorded));
    assert_eq!(it.written().await, (604, 604));
    replica.close().await;
}

async fn one_bad_entry_spoils_none_of_its_batch(it: Arc<Fixture>) {
    let taken = it.opened(it.root()).await;
    let mut all = JoinSet::new();
    for number in 0..200 {
        let mut opening = it.root();
        if number == 77 {
            opening.delegation.id = taken.id;
        }
        let ledger = it.ledger();
        all.spawn(async move { ledger.open(opening).await.is_ok() });
    }
    let recorded = all.join_all().await.into_iter().filter(|recorded| *recorded).count();
    assert_eq!(recorded, 199);
    assert_eq!(it.written().await, (200, 200), "the bad one left no event");
}

async fn each_entry_of_a_batch_has_its_own_verdict(it: Arc<Fixture>) {
    let standing = it.opened(it.root()).await;
    let ended = it.opened(it.root()).await;
    it.ledger().revoke(&Selector::Delegation(ended.id), LATER, None).await.unwrap();
    let mut all = JoinSet::new();
    for number in 0..200 {
        let (opening, expected) = match number % 4 {
            0 => (it.child(&standing), Opened::Recorded),
            1 => (it.child(&ended), Opened::Ended),
            2 => (Opening { epoch: 9, ..it.child(&standing) }, Opened::Signalled),
            _ => (Opening { revision: 9, ..it.child(&standing) }, Opened::Changed),
        };
        let ledger = it.ledger();
        all.spawn(async move { ledger.open(opening).await.unwrap() == expected });
    }
    assert!(all.join_all().await.into_iter().all(|as_expected| as_expected));
    assert_eq!(it.written().await, (52, 52));
}

on_both_databases!(
    records_the_delegation_and_its_event_together,
    keeps_every_field_of_the_delegation,
    keeps_its_place_on_a_status_list,
    writes_nothing_under_a_stale_revision,
    writes_nothing_under_a_revision_to_come,
    writes_nothing_when_it_is_too_late,
    writes_nothing_when_the_grant_has_ended,
    writes_nothing_without_a_grant,
    writes_nothing_when_the_parent_has_ended,
    writes_nothing_when_only_the_first_ancestor_has_ended,
    writes_nothing_when_an_ancestor_is_missing,
    writes_nothing_for_an_org_that_is_not_there,
    takes_neither_grant_nor_parent_of_another_org,
    records_again_after_the_org_was_read_again,
    records_many_at_once_from_two_replicas,
    one_bad_entry_spoils_none_of_its_batch,
    each_entry_of_a_batch_has_its_own_verdict,
);

//! The numbers that outdate what was recalled.

use std::sync::Arc;

use delegation::{
    declared::{Change, DeclaredGrant},
    names::Kind,
    ports::{Lineage, Opened, Opening, StreamId, StreamStatus},
    signal::Effect,
};
use policy::Standing;

use crate::{
    fixture::{Fixture, LATER, NOW, connection, grant, names},
    signalling::{alice, by, derived, epoch, root, said, tell},
};

fn bob() -> DeclaredGrant {
    DeclaredGrant { id: "grant-bob".to_owned(), user: "bob".to_owned(), ..grant() }
}

async fn nothing_is_opened_that_was_recalled_before_a_signal(it: Arc<Fixture>) {
    let before = it.written().await;
    let (known, unknown) = (alice(), by(Kind::Email, "x@example.com"));
    for (number, whom) in [known, unknown].into_iter().enumerate() {
        let opening = Opening { epoch: epoch(&it).await, ..it.root() };
        tell(&it, whom, Effect::Recheck, NOW).await;
        assert_eq!(it.ledger().open(opening).await.unwrap(), Opened::Signalled);
        let events = i64::try_from(number).unwrap() + 1;
        assert_eq!(it.written().await, (before.0, before.1 + events), "the signal's own");
    }
    let ahead = Opening { epoch: 3, ..it.root() };
    assert_eq!(it.ledger().open(ahead).await.unwrap(), Opened::Signalled);
    it.opened(Opening { epoch: 2, ..it.root() }).await;
}

async fn nor_further_down_the_chain(it: Arc<Fixture>) {
    let top = it.opened(it.root()).await;
    let recalled = it.ledger().recall(&derived(&top)).await.unwrap();
    tell(&it, alice(), Effect::Recheck, NOW).await;
    let opening = Opening { epoch: recalled.epoch, ..it.child(&top) };
    assert_eq!(it.ledger().open(opening).await.unwrap(), Opened::Signalled);
    let recalled = it.ledger().recall(&derived(&top)).await.unwrap();
    it.opened(Opening { epoch: recalled.epoch, ..it.child(&top) }).await;
}

async fn a_signal_about_one_user_outdates_no_other(it: Arc<Fixture>) {
    it.apply(1, &[Change::PutGrant(bob())]).await;
    let mut opening = Opening { revision: 2, ..it.root() };
    "grant-bob".clone_into(&mut opening.delegation.grant);
    "bob".clone_into(&mut opening.delegation.user);
    tell(&it, alice(), Effect::Recheck, NOW).await;
    it.opened(opening).await;
}

/// Answers about the user are shared by requests of one epoch, whichever the grant.
async fn all_grants_of_a_user_have_one_epoch(it: Arc<Fixture>) {
    tell(&it, alice(), Effect::Recheck, NOW).await;
    tell(&it, alice(), Effect::Recheck, NOW).await;
    let id = "grant-researcher".to_owned();
    let second = DeclaredGrant { id, agent: "researcher".to_owned(), ..grant() };
    it.apply(1, &[Change::PutGrant(second.clone()), Change::PutGrant(bob())]).await;
    let different = "SELECT count(DISTINCT epoch) FROM grants WHERE user_sub = 'alice'";
    assert_eq!(it.number(different).await, 1);
    assert_eq!(it.number("SELECT epoch FROM grants WHERE user_sub = 'bob'").await, 0);
    tell(&it, alice(), Effect::Recheck, NOW).await;
    assert_eq!((it.number(different).await, epoch(&it).await), (1, 3));
    // One that is granted anew does not begin again.
    let renewed = DeclaredGrant { id: "grant-renewed".to_owned(), ..grant() };
    it.apply(2, &[Change::DropGrant(grant().id), Change::PutGrant(renewed)]).await;
    assert_eq!(epoch(&it).await, 3);
}

async fn a_new_connection_of_the_same_name_knows_nothing(it: Arc<Fixture>) {
    it.declare("other").await;
    it.store.ledger("other").learn("home", "alice", &names()).await.unwrap();
    it.ledger().learn("home", "alice", &names()).await.unwrap();
    tell(&it, alice(), Effect::Disabled, NOW).await;
    let stream = StreamId { connection: "home".to_owned(), stream: "s".to_owned() };
    it.store.streams("acme").set_status(&stream, StreamStatus::Paused).await.unwrap();
    it.store.streams("other").set_status(&stream, StreamStatus::Paused).await.unwrap();
    let renewed = DeclaredGrant { id: "grant-renewed".to_owned(), ..grant() };
    let changes = [
        Change::DropConnection("home".to_owned()),
        Change::PutConnection(connection()),
        Change::PutGrant(renewed),
    ];
    it.apply(1, &changes).await;
    assert_eq!(said(&it).await, Standing::default());
    assert!(!it.ledger().recall(&root()).await.unwrap().names_known);
    assert_eq!(it.store.streams("acme").all().await.unwrap(), []);
    // Another org keeps what it knows.
    assert!(it.store.ledger("other").recall(&root()).await.unwrap().names_known);
    assert_eq!(it.store.streams("other").all().await.unwrap().len(), 1);
}

async fn an_org_that_is_not_there_has_none(it: Arc<Fixture>) {
    for lineage in [root(), Lineage::Derived { delegation: it.id() }] {
        let recalled = it.store.ledger("nobody").recall(&lineage).await.unwrap();
        assert_eq!((recalled.epoch, recalled.signalled), (0, Standing::default()));
        assert_eq!((recalled.heard_at, recalled.names_known), (None, true));
    }
    let recalled = it.ledger().recall(&Lineage::Derived { delegation: it.id() }).await.unwrap();
    assert_eq!((recalled.epoch, recalled.signalled), (0, Standing::default()));
}

async fn what_is_told_after_a_change_is_told_of_the_change_first(it: Arc<Fixture>) {
    let opening = it.root();
    it.apply(1, &[]).await;
    tell(&it, alice(), Effect::Recheck, LATER).await;
    assert_eq!(it.ledger().open(opening).await.unwrap(), Opened::Changed);
}

on_both_databases!(
    nothing_is_opened_that_was_recalled_before_a_signal,
    nor_further_down_the_chain,
    a_signal_about_one_user_outdates_no_other,
    all_grants_of_a_user_have_one_epoch,
    a_new_connection_of_the_same_name_knows_nothing,
    an_org_that_is_not_there_has_none,
    what_is_told_after_a_change_is_told_of_the_change_first,
);

use std::sync::Arc;

use policy::Timestamp;

use super::{seal, write};
use crate::fixture::{Fixture, NOW, ORG};

async fn every_delegation_has_its_event_waiting_or_in_its_place(it: Arc<Fixture>) {
    it.opened(it.root()).await;
    seal(&it).await;
    it.opened(it.root()).await;
    write(&it, 3).await;
    assert!(it.trail(ORG).untold(Timestamp(0), 10).await.unwrap().is_empty());
}

async fn a_delegation_whose_event_was_taken_away_is_found(it: Arc<Fixture>) {
    let placed = it.opened(it.root()).await;
    seal(&it).await;
    it.tamper("DELETE FROM trail").await;
    let waiting = it.opened(it.root()).await;
    let told = it.opened(it.root()).await;
    it.tamper("DELETE FROM events WHERE id = (SELECT MIN(id) FROM events)").await;
    let mut untold = it.trail(ORG).untold(Timestamp(0), 10).await.unwrap();
    untold.sort();
    assert_eq!(untold, [placed.id, waiting.id], "but not {}", told.id);
    assert_eq!(it.trail(ORG).untold(Timestamp(0), 1).await.unwrap().len(), 1);
    assert!(it.trail(ORG).untold(Timestamp(NOW.0 + 1), 10).await.unwrap().is_empty());
}

/// That something was refused about it does not tell who issued it.
async fn an_event_of_another_kind_does_not_tell_of_it(it: Arc<Fixture>) {
    let delegation = it.opened(it.root()).await;
    it.tamper("UPDATE events SET record = replace(record, '\"issued\"', '\"refused\"')").await;
    assert_eq!(it.trail(ORG).untold(Timestamp(0), 10).await.unwrap(), [delegation.id]);
    seal(&it).await;
    assert_eq!(it.trail(ORG).untold(Timestamp(0), 10).await.unwrap(), [delegation.id]);
}

on_both_databases!(
    every_delegation_has_its_event_waiting_or_in_its_place,
    a_delegation_whose_event_was_taken_away_is_found,
    an_event_of_another_kind_does_not_tell_of_it,
);

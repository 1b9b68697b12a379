use std::sync::Arc;

use delegation::event::{Event, Outcome};
use policy::Timestamp;

use super::{begins_with_nothing, placed, seal, seqs, whole, write};
use crate::fixture::{Fixture, LATER, NOW, ORG};

/// One hundred seconds later than the happy event.
fn later(it: &Fixture) -> Event {
    Event { at: LATER, ..it.event(Outcome::Refused) }
}

async fn three_old_and_two_young(it: &Fixture) {
    write(it, 3).await;
    for _ in 0..2 {
        placed(it, later(it)).await;
    }
}

async fn forgets_the_oldest_and_stays_whole(it: Arc<Fixture>) {
    three_old_and_two_young(&it).await;
    assert_eq!(it.trail(ORG).prune(LATER, 5, 100).await.unwrap(), 3);
    assert_eq!(seqs(&whole(&it, &*it.trail(ORG)).await), [4, 5]);
    assert_eq!(it.trail(ORG).prune(LATER, 5, 100).await.unwrap(), 0);
    write(&it, 1).await;
    seal(&it).await;
    assert_eq!(seqs(&whole(&it, &*it.trail(ORG)).await), [4, 5, 6]);
}

async fn forgets_all_of_it_and_goes_on(it: Arc<Fixture>) {
    write(&it, 3).await;
    seal(&it).await;
    assert_eq!(it.trail(ORG).prune(LATER, 3, 100).await.unwrap(), 3);
    let ends = it.trail(ORG).ends().await.unwrap();
    assert_eq!((ends.first.seq, ends.first.hash), (3, ends.last.hash));
    write(&it, 1).await;
    seal(&it).await;
    assert_eq!(seqs(&whole(&it, &*it.trail(ORG)).await), [4]);
}

async fn forgets_in_steps(it: Arc<Fixture>) {
    three_old_and_two_young(&it).await;
    assert_eq!(it.trail(ORG).prune(LATER, 5, 2).await.unwrap(), 2);
    assert_eq!(seqs(&whole(&it, &*it.trail(ORG)).await), [3, 4, 5]);
    assert_eq!(it.trail(ORG).prune(LATER, 5, 2).await.unwrap(), 1);
    assert_eq!(it.trail(ORG).prune(LATER, 5, 2).await.unwrap(), 0);
}

async fn forgets_nothing_that_was_not_exported(it: Arc<Fixture>) {
    three_old_and_two_young(&it).await;
    assert_eq!(it.trail(ORG).prune(LATER, 0, 100).await.unwrap(), 0);
    assert_eq!(it.trail(ORG).prune(LATER, 2, 100).await.unwrap(), 2);
    assert_eq!(seqs(&whole(&it, &*it.trail(ORG)).await), [3, 4, 5]);
}

/// A clock that is wrong makes a trail longer, never shorter.
async fn forgets_nothing_behind_an_event_that_is_young(it: Arc<Fixture>) {
    write(&it, 1).await;
    placed(&it, later(&it)).await;
    placed(&it, it.event(Outcome::Refused)).await;
    assert_eq!(it.trail(ORG).prune(LATER, 3, 100).await.unwrap(), 1);
    assert_eq!(seqs(&whole(&it, &*it.trail(ORG)).await), [2, 3]);
}

async fn forgets_nothing_of_a_trail_that_has_not_begun(it: Arc<Fixture>) {
    assert_eq!(it.trail(ORG).prune(LATER, 100, 100).await.unwrap(), 0);
    assert!(begins_with_nothing(&it.trail(ORG).ends().await.unwrap()));
}

/// Or an edit could hide behind its age.
async fn does_not_forget_what_was_tampered_with(it: Arc<Fixture>) {
    three_old_and_two_young(&it).await;
    it.tamper("UPDATE trail SET record = replace(record, 'alice', 'mallory') WHERE seq = 2").await;
    let fault = it.trail(ORG).prune(LATER, 5, 100).await.unwrap_err().to_string();
    assert!(fault.contains("tampered with: link 2"), "{fault}");
    assert_eq!(it.number("SELECT count(*) FROM trail").await, 5);
    it.tamper("DELETE FROM trail WHERE seq = 2").await;
    let fault = it.trail(ORG).prune(LATER, 5, 100).await.unwrap_err().to_string();
    assert!(fault.contains("tampered with: link 3"), "{fault}");
}

async fn does_not_begin_after_a_link_that_is_not_ours(it: Arc<Fixture>) {
    three_old_and_two_young(&it).await;
    it.tamper(
        "UPDATE trail_ends SET first_seq = 1, first_hash = (SELECT hash FROM trail WHERE seq = 1)",
    )
    .await;
    let fault = it.trail(ORG).prune(LATER, 5, 100).await.unwrap_err().to_string();
    assert!(fault.contains("tampered with: that it begins after 1"), "{fault}");
}

/// Only the record is chained: a column beside it decides nothing.
async fn believes_the_record_and_not_the_column(it: Arc<Fixture>) {
    three_old_and_two_young(&it).await;
    it.tamper("UPDATE trail SET at = 0").await;
    assert_eq!(it.trail(ORG).prune(Timestamp(NOW.0), 5, 100).await.unwrap(), 0);
    assert_eq!(it.trail(ORG).prune(LATER, 5, 100).await.unwrap(), 3);
}

async fn forgets_nothing_of_another_org(it: Arc<Fixture>) {
    it.declare("other").await;
    it.store.ledger("other").note(it.event(Outcome::Refused)).await.unwrap();
    it.trail("other").seal(10).await.unwrap();
    three_old_and_two_young(&it).await;
    it.trail(ORG).prune(LATER, 5, 100).await.unwrap();
    assert_eq!(seqs(&it.trail("other").walk(0, 10).await.unwrap()), [1]);
}

on_both_databases!(
    forgets_the_oldest_and_stays_whole,
    forgets_all_of_it_and_goes_on,
    forgets_in_steps,
    forgets_nothing_that_was_not_exported,
    forgets_nothing_behind_an_event_that_is_young,
    forgets_nothing_of_a_trail_that_has_not_begun,
    does_not_forget_what_was_tampered_with,
    does_not_begin_after_a_link_that_is_not_ours,
    believes_the_record_and_not_the_column,
    forgets_nothing_of_another_org,
);

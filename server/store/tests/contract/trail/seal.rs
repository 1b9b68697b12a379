use std::sync::Arc;

use delegation::{
    declared::{Change, Export},
    event::{Event, Outcome},
    ports::Opened,
    trail::UNREADABLE,
};
use policy::Timestamp;

use super::{begins_with_nothing, broken_by, seal, seqs, whole, write};
use crate::fixture::{Fixture, NOW, ORG};

async fn gives_events_their_place_in_order(it: Arc<Fixture>) {
    write(&it, 5).await;
    assert_eq!(it.trail(ORG).seal(10).await.unwrap(), 5);
    let links = whole(&it, &*it.trail(ORG)).await;
    assert_eq!(seqs(&links), [1, 2, 3, 4, 5]);
    assert!(links.is_sorted_by(|one, other| one.index.id < other.index.id));
    assert_eq!(it.number("SELECT count(*) FROM events").await, 0);
}

async fn goes_on_where_it_ended(it: Arc<Fixture>) {
    write(&it, 5).await;
    let mut sealed = Vec::new();
    for _ in 0..4 {
        sealed.push(it.trail(ORG).seal(2).await.unwrap());
    }
    assert_eq!(sealed, [2, 2, 1, 0]);
    write(&it, 2).await;
    seal(&it).await;
    assert_eq!(seqs(&whole(&it, &*it.trail(ORG)).await), [1, 2, 3, 4, 5, 6, 7]);
}

async fn an_event_that_comes_late_gets_a_later_number(it: Arc<Fixture>) {
    let late = it.event(Outcome::Refused);
    write(&it, 3).await;
    seal(&it).await;
    it.ledger().note(late.clone()).await.unwrap();
    seal(&it).await;
    let links = whole(&it, &*it.trail(ORG)).await;
    assert_eq!(links[3].index.id, late.id.to_string());
    assert!(links[3].index.id < links[0].index.id);
}

async fn a_trail_without_events_begins_and_ends_with_nothing(it: Arc<Fixture>) {
    assert_eq!(it.trail(ORG).seal(10).await.unwrap(), 0);
    let ends = it.trail(ORG).ends().await.unwrap();
    assert!(begins_with_nothing(&ends));
    assert!(it.notary(ORG).attested(&ends).unwrap().last);
    assert_eq!(it.trail(ORG).walk(0, 10).await.unwrap(), []);
}

async fn finds_an_event_by_what_it_tells_of(it: Arc<Fixture>) {
    let root = it.id();
    let event = Event { delegation: Some(it.id()), root: Some(root), ..it.event(Outcome::Issued) };
    it.ledger().note(event.clone()).await.unwrap();
    seal(&it).await;
    let [stored] = &whole(&it, &*it.trail(ORG)).await[..] else { panic!("one link") };
    assert_eq!(stored.link.record, event.record(ORG));
    let index = &stored.index;
    assert_eq!((&*index.id, index.at, &*index.outcome), (&*event.id.to_string(), NOW.0, "issued"));
    assert_eq!((&index.client, &index.subject), (&event.client, &event.subject));
    assert_eq!(index.delegation, event.delegation.map(|id| id.to_string()));
    assert_eq!(index.root, Some(root.to_string()));
}

async fn walks_in_steps(it: Arc<Fixture>) {
    write(&it, 5).await;
    seal(&it).await;
    let trail = it.trail(ORG);
    assert_eq!(seqs(&trail.walk(0, 2).await.unwrap()), [1, 2]);
    assert_eq!(seqs(&trail.walk(2, 2).await.unwrap()), [3, 4]);
    assert_eq!(seqs(&trail.walk(4, 2).await.unwrap()), [5]);
    assert_eq!(seqs(&trail.walk(5, 2).await.unwrap()), [0; 0]);
}

async fn says_which_orgs_have_events_that_wait(it: Arc<Fixture>) {
    assert_eq!(it.store.waiting().await.unwrap(), [""; 0]);
    for org in ["other", "zebra", "another"] {
        it.declare(org).await;
        for _ in 0..3 {
            it.store.ledger(org).note(it.event(Outcome::Refused)).await.unwrap();
        }
    }
    assert_eq!(it.store.waiting().await.unwrap(), ["another", "other", "zebra"]);
    it.trail("other").seal(10).await.unwrap();
    assert_eq!(it.store.waiting().await.unwrap(), ["another", "zebra"]);
}

async fn each_org_has_a_trail_of_its_own(it: Arc<Fixture>) {
    it.declare("other").await;
    write(&it, 2).await;
    it.store.ledger("other").note(it.event(Outcome::Refused)).await.unwrap();
    seal(&it).await;
    it.trail("other").seal(10).await.unwrap();
    assert_eq!(seqs(&whole(&it, &*it.trail(ORG)).await), [1, 2]);
    assert_eq!(seqs(&it.trail("other").walk(0, 10).await.unwrap()), [1]);
    // Nor is one org's end the other's.
    it.tamper(
        "UPDATE trail_ends SET (seq, hash, attestation) = (
           SELECT seq, hash, attestation FROM trail_ends WHERE org = 'other') WHERE org = 'acme'",
    )
    .await;
    write(&it, 1).await;
    let fault = it.trail(ORG).seal(10).await.unwrap_err().to_string();
    assert!(fault.contains("`acme` was tampered with"), "{fault}");
}

/// A token leaves after its event is written; that the event gets a place is nobody's concern.
async fn a_delegation_needs_no_place_for_its_event(it: Arc<Fixture>) {
    it.tamper("DROP TABLE trail_ends").await;
    assert_eq!(it.ledger().open(it.root()).await.unwrap(), Opened::Recorded);
    assert!(it.trail(ORG).seal(10).await.is_err());
}

async fn is_not_chained_to_an_end_that_is_not_ours(it: Arc<Fixture>) {
    write(&it, 2).await;
    seal(&it).await;
    let before = it.trail(ORG).walk(0, 10).await.unwrap();
    for forgery in [
        "UPDATE trail_ends SET seq = 1",
        "UPDATE trail_ends SET seq = 2, hash = attestation",
        "UPDATE trail_ends SET hash = (SELECT hash FROM trail WHERE seq = 1)",
    ] {
        let fault = broken_by(&it, forgery).await;
        assert!(fault.contains("tampered with: its newest link"), "{forgery}: {fault}");
    }
    let fault = broken_by(&it, "DELETE FROM trail_ends").await;
    assert!(fault.contains("it has begun, and where it ends is missing"), "{fault}");
    assert_eq!(it.trail(ORG).walk(0, 10).await.unwrap(), before, "nothing was added");
    assert_eq!(it.number("SELECT count(*) FROM events").await, 4, "nothing is lost");
}

async fn does_not_begin_anew_when_all_of_it_is_gone(it: Arc<Fixture>) {
    let (id, kind) = ("siem".to_owned(), "file".to_owned());
    it.apply(1, &[Change::PutExport(Export { id, kind, settings: vec![] })]).await.unwrap();
    it.tamper("UPDATE exports SET done = 2").await;
    write(&it, 2).await;
    let fault = it.trail(ORG).seal(10).await.unwrap_err().to_string();
    assert!(fault.contains("it has begun, and where it ends is missing"), "{fault}");
    it.tamper("UPDATE exports SET done = 0").await;
    assert_eq!(it.trail(ORG).seal(10).await.unwrap(), 2);
}

/// Whoever can edit the database could else keep all events out of the trail by one.
async fn a_line_that_cannot_be_read_has_its_place(it: Arc<Fixture>) {
    write(&it, 3).await;
    it.tamper("UPDATE events SET record = 'no JSON' WHERE id LIKE '%1'").await;
    it.tamper("UPDATE events SET record = replace(record, 'alice', '\\u0000') WHERE id LIKE '%2'")
        .await;
    seal(&it).await;
    let links = whole(&it, &*it.trail(ORG)).await;
    let outcomes: Vec<&str> = links.iter().map(|stored| &*stored.index.outcome).collect();
    assert_eq!(outcomes, [UNREADABLE, UNREADABLE, "refused"]);
    assert_eq!(links[0].link.record, "no JSON");
    // Its id is not in the line, and says when it was.
    assert!(links[0].index.id.ends_with("-000000000001"));
    assert_eq!(links[0].index.at, NOW.0);
}

async fn an_event_that_was_put_back_does_not_stop_the_trail(it: Arc<Fixture>) {
    write(&it, 2).await;
    seal(&it).await;
    it.tamper("INSERT INTO events (org, id, record) SELECT org, id, record FROM trail").await;
    seal(&it).await;
    assert_eq!(seqs(&whole(&it, &*it.trail(ORG)).await), [1, 2, 3, 4]);
}

async fn quotes_and_long_texts_come_back_as_they_were(it: Arc<Fixture>) {
    let odd = "'\"\\ \u{1f600} \n\t\u{7f} {\"a\":[1]} ' '".repeat(300);
    let event = Event {
        client: Some(odd.clone()),
        subject: Some(odd),
        at: Timestamp(i64::MAX),
        ..it.event(Outcome::Refused)
    };
    it.ledger().note(event.clone()).await.unwrap();
    seal(&it).await;
    let links = whole(&it, &*it.trail(ORG)).await;
    assert_eq!(links[0].index.client, event.client);
    assert_eq!(links[0].index.at, i64::MAX);
}

on_both_databases!(
    gives_events_their_place_in_order,
    goes_on_where_it_ended,
    an_event_that_comes_late_gets_a_later_number,
    a_trail_without_events_begins_and_ends_with_nothing,
    finds_an_event_by_what_it_tells_of,
    walks_in_steps,
    says_which_orgs_have_events_that_wait,
    each_org_has_a_trail_of_its_own,
    a_delegation_needs_no_place_for_its_event,
    is_not_chained_to_an_end_that_is_not_ours,
    does_not_begin_anew_when_all_of_it_is_gone,
    a_line_that_cannot_be_read_has_its_place,
    an_event_that_was_put_back_does_not_stop_the_trail,
    quotes_and_long_texts_come_back_as_they_were,
);

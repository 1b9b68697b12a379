//! The audit trail: every event in its place, once.

mod find;
mod prune;
mod replicas;
mod seal;
mod untold;

use delegation::{
    event::{Event, Outcome},
    trail::{Attested, Index, ORIGIN, Stored, Trail, link},
};

use crate::fixture::{Fixture, ORG};

/// Writes so many events.
async fn write(it: &Fixture, events: usize) {
    for _ in 0..events {
        it.ledger().note(it.event(Outcome::Refused)).await.unwrap();
    }
}

/// Gives all events that wait their place.
async fn seal(it: &Fixture) {
    while 0 < it.trail(ORG).seal(100).await.unwrap() {}
}

/// Writes an event, which gets its place.
async fn placed(it: &Fixture, event: Event) -> i64 {
    it.ledger().note(event).await.unwrap();
    seal(it).await;
    it.trail(ORG).ends().await.unwrap().last.seq
}

/// All links, and that each is chained to the one before, from the first to the last.
async fn whole(it: &Fixture, trail: &dyn Trail) -> Vec<Stored> {
    let ends = trail.ends().await.unwrap();
    let links = trail.walk(ends.first.seq, 100_000).await.unwrap();
    let (mut seq, mut hash) = (ends.first.seq, ends.first.hash);
    for stored in &links {
        assert_eq!(stored.link.seq, seq + 1, "no gap");
        assert_eq!(stored.link.hash, link(&hash, &stored.link.record));
        assert_eq!(stored.index, Index::of(&stored.index.id, &stored.link.record));
        (seq, hash) = (stored.link.seq, stored.link.hash);
    }
    assert_eq!((seq, hash), (ends.last.seq, ends.last.hash));
    let notary = it.notary(ORG);
    assert_eq!(notary.attested(&ends).unwrap(), Attested { first: true, last: true });
    links
}

fn seqs(links: &[Stored]) -> Vec<i64> {
    links.iter().map(|stored| stored.link.seq).collect()
}

/// Changes the database with the store beside it.
async fn broken_by(it: &Fixture, sql: &'static str) -> String {
    it.tamper(sql).await;
    write(it, 1).await;
    it.trail(ORG).seal(10).await.unwrap_err().to_string()
}

fn begins_with_nothing(ends: &delegation::trail::Ends) -> bool {
    ends.first == ends.last && ends.first.seq == 0 && ends.first.hash == ORIGIN
}

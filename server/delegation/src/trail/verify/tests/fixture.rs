//! A trail in memory, which whoever has the database may change.

use std::{
    pin::pin,
    sync::{Arc, Mutex, MutexGuard},
    task::{Context, Poll, Waker},
};

use async_trait::async_trait;
use keys::DataKey;

use super::super::*;
use crate::{
    event::{Event, Outcome},
    trail::{Anchor, Ends, ORIGIN, Page, Query, Record},
};

pub const NOW: Timestamp = Timestamp(1_800_000_000);
/// Fewer than a walk asks for, so that it takes several.
const FEW: usize = 3;

/// A trail in memory, which whoever has the database may change.
#[derive(Debug)]
pub struct Fake {
    pub state: Mutex<State>,
    pub notary: Notary,
}

#[derive(Debug)]
pub struct State {
    pub links: Vec<Stored>,
    pub ends: Ends,
    pub untold: Vec<(Timestamp, Uuid)>,
    /// Done after the next page was read.
    pub meanwhile: Option<fn(&mut State, &Notary)>,
}

pub fn record(number: i64) -> String {
    let id = Uuid::from_u128(u128::try_from(number).unwrap());
    let event = Event {
        outcome: Outcome::Issued,
        client: Some("orchestrator".to_owned()),
        subject: Some("alice".to_owned()),
        delegation: Some(id),
        root: Some(id),
        ..Event::draft(id, NOW, "request".to_owned())
    };
    event.record("acme")
}

/// The link that belongs there, as the database has it.
pub fn chained(seq: i64, before: &Hash, record: String) -> Stored {
    let index = Record::read(&record).unwrap().index();
    Stored { link: Link { seq, hash: link(before, &record), record }, index }
}

impl State {
    pub fn append(&mut self, notary: &Notary) {
        let Anchor { seq, hash, .. } = self.ends.last;
        let next = chained(seq + 1, &hash, record(seq + 1));
        self.ends.last = notary.anchor(seq + 1, next.link.hash).unwrap();
        self.links.push(next);
    }

    /// Forgets the oldest, as `prune` does.
    pub fn forget(&mut self, notary: &Notary, count: usize) {
        let last = self.links.drain(..count).next_back().unwrap().link;
        self.ends.first = notary.beginning(last.seq, last.hash).unwrap();
    }

    /// Makes hashes fit again, from this place on, as whoever has the database could.
    pub fn chain_anew(&mut self, from: usize) {
        let mut before = match from {
            0 => self.ends.first.hash,
            _ => self.links[from - 1].link.hash,
        };
        for stored in &mut self.links[from..] {
            before = link(&before, &stored.link.record);
            stored.link.hash = before;
        }
        self.ends.last.hash = before;
    }

    pub fn edit(&mut self, at: usize) {
        let record = &mut self.links[at].link.record;
        *record = record.replace(r#":"request""#, r#":"another""#);
    }
}

/// Ten links.
pub fn fake() -> Fake {
    let notary = Notary::new("acme", Arc::new(DataKey::generate().unwrap()));
    let origin = notary.anchor(0, ORIGIN).unwrap();
    let mut state = State {
        links: Vec::new(),
        ends: Ends { first: origin.clone(), last: origin },
        untold: Vec::new(),
        meanwhile: None,
    };
    for _ in 0..10 {
        state.append(&notary);
    }
    Fake { state: Mutex::new(state), notary }
}

impl Fake {
    pub fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    pub fn head(&self, at: usize) -> Head {
        let link = &self.state().links[at].link;
        Head { seq: link.seq, hash: link.hash }
    }
}

#[async_trait]
impl Trail for Fake {
    async fn seal(&self, _most: usize) -> Result<usize, Fault> {
        Ok(0)
    }

    async fn ends(&self) -> Result<Ends, Fault> {
        Ok(self.state().ends.clone())
    }

    async fn walk(&self, after: i64, most: usize) -> Result<Vec<Stored>, Fault> {
        let mut state = self.state();
        let links = state.links.iter().filter(|stored| after < stored.link.seq);
        let page = links.take(most.min(FEW)).cloned().collect();
        if let Some(happens) = state.meanwhile.take() {
            happens(&mut state, &self.notary);
        }
        Ok(page)
    }

    async fn find(&self, _query: &Query) -> Result<Page, Fault> {
        Ok(Page::default())
    }

    async fn prune(&self, _: Timestamp, _: i64, _: usize) -> Result<u64, Fault> {
        Ok(0)
    }

    async fn untold(&self, since: Timestamp, most: usize) -> Result<Vec<Uuid>, Fault> {
        let state = self.state();
        let untold = state.untold.iter().filter(|(issued_at, _)| since <= *issued_at);
        Ok(untold.take(most).map(|(_, id)| *id).collect())
    }
}

pub fn verified_with(fake: &Fake, noted: Option<Head>) -> Result<Verified, Vec<Broken>> {
    let question = Question { noted, now: NOW };
    at_once(verify(fake, &fake.notary, question, &|_, _| ())).unwrap()
}

pub fn verified(fake: &Fake) -> Result<Verified, Vec<Broken>> {
    verified_with(fake, None)
}

/// Nothing here waits for anything.
pub fn at_once<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(done) => done,
        Poll::Pending => panic!("it waits"),
    }
}

/// What is found when the happy trail was changed like that.
#[track_caller]
pub fn found(change: impl FnOnce(&mut State, &Notary)) -> Vec<Broken> {
    let fake = fake();
    assert!(verified(&fake).is_ok());
    change(&mut fake.state(), &fake.notary);
    verified(&fake).unwrap_err()
}

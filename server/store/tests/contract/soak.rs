//! Pairs of an end and an exchange that race, each on a replica of its own. Some by default; in
//! `make soak` very many.
//!
//! The exchange does what the server does: it asks the ledger, looks again at what is declared when
//! that is stale, decides, opens, and decides anew when told to. Whatever comes first, in the end
//! nothing stands of what was ended; and once the end is acknowledged, nothing is recorded.

mod side;

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Instant,
};

use delegation::{
    declared::{Change, DeclaredGrant, Stoppable},
    event::Outcome,
    ports::Delegation,
    signal::Effect,
};
use store::Store;
use tokio::task::JoinSet;

use self::side::{Side, Subject, alice, below, root, yields};
use crate::{
    fixture::{Fixture, GRANT, LATER, NOW, SIGNED_IN, grant, races},
    signalling::signal,
};

/// Organizations that race side by side.
const LANES: usize = 8;

/// What is ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Root,
    Middle,
    Grant,
    Agent,
    Connection,
    Org,
    Session,
    User,
}

impl End {
    const ALL: [Self; 8] = [
        Self::Root,
        Self::Middle,
        Self::Grant,
        Self::Agent,
        Self::Connection,
        Self::Org,
        Self::Session,
        Self::User,
    ];

    const fn stops(self) -> bool {
        matches!(self, Self::Agent | Self::Connection | Self::Org)
    }
}

/// How the races went: how often the exchange came first, and how often the end did.
#[derive(Clone, Copy, Debug, Default)]
struct Tally {
    recorded: usize,
    refused: usize,
    /// Delegations, raced or not.
    opened: usize,
}

async fn nothing_slips_past_an_end(it: Arc<Fixture>) {
    let started = Instant::now();
    let replicas = [roomy(&it).await, roomy(&it).await];
    let mut lanes = JoinSet::new();
    for number in 0..LANES {
        let org = format!("lane-{number}");
        it.declare(&org).await;
        let lane = Lane {
            it: Arc::clone(&it),
            sides: replicas.clone().map(|store| Side::new(store, &org)),
            org,
            grant: GRANT.to_owned(),
            tally: Tally::default(),
        };
        lanes.spawn(lane.race(races() / LANES, number));
    }
    let mut all = Tally::default();
    while let Some(lane) = lanes.join_next().await {
        let tally = lane.unwrap();
        all.recorded += tally.recorded;
        all.refused += tally.refused;
        all.opened += tally.opened;
    }
    eprintln!("{} pairs in {:?}: {all:?}", all.recorded + all.refused, started.elapsed());
    assert_eq!(all.recorded + all.refused, races() / LANES * LANES);
    assert!(0 < all.recorded && 0 < all.refused, "sometimes one was first, sometimes the other");
    nothing_stands_below_what_is_dead(&it).await;
    everything_was_told_once(&it, all).await;
    for store in replicas {
        store.close().await;
    }
}

/// A replica with a connection for each lane to read with.
async fn roomy(it: &Fixture) -> Store {
    let settings = store::Settings { url: it.url.as_str().into(), max_connections: 11 };
    Store::connect(&settings).await.unwrap()
}

async fn nothing_stands_below_what_is_dead(it: &Fixture) {
    let below = "
        SELECT count(*) FROM delegations below JOIN delegations above
          ON above.org = below.org AND above.id = below.parent
        WHERE below.ended_at IS NULL AND above.ended_at IS NOT NULL";
    assert_eq!(it.number(below).await, 0);
    let on_grants = "
        SELECT count(*) FROM delegations JOIN grants
          ON grants.org = delegations.org AND grants.id = delegations.grant_id
        WHERE delegations.ended_at IS NULL AND grants.ended_at IS NOT NULL";
    assert_eq!(it.number(on_grants).await, 0);
}

async fn everything_was_told_once(it: &Fixture, all: Tally) {
    let records = it.records().await;
    let told = |outcome| records.iter().filter(|record| record.outcome == outcome).count();
    let delegations = it.number("SELECT count(*) FROM delegations").await;
    assert_eq!(delegations, i64::try_from(all.opened).unwrap());
    assert_eq!(told("issued"), all.opened);
    let ends = records.iter().filter(|record| record.reason.as_deref() == Some("ended"));
    assert_eq!(ends.count(), all.recorded + all.refused);
    let ended: u64 = records.iter().filter_map(|record| record.ended).sum();
    let dead = it.number("SELECT count(*) FROM delegations WHERE ended_at IS NOT NULL").await;
    assert_eq!(i64::try_from(ended).unwrap(), dead, "each end says how many it ended");
}

/// One organization, and where its races are run: what is ended on one side is used on the other.
struct Lane {
    it: Arc<Fixture>,
    org: String,
    sides: [Side; 2],
    grant: String,
    tally: Tally,
}

impl Lane {
    async fn race(mut self, pairs: usize, number: usize) -> Tally {
        // Every way to end, on either side, of roots and of what is derived.
        let ends = End::ALL.into_iter().cycle().skip(number);
        for (pair, end) in (0..pairs).zip(ends) {
            self.pair(end, pair / End::ALL.len()).await;
        }
        self.tally
    }

    async fn pair(&mut self, end: End, round: usize) {
        if round.is_multiple_of(2) {
            self.sides.swap(0, 1);
        }
        let session = format!("s-{}", self.it.id());
        let first =
            Subject { lineage: root(&session), parent: None, grant: self.grant.clone(), session };
        let top = self.opened(&first).await;
        let middle = self.opened(&below(&first, &top)).await;
        let subject = match end {
            End::Root | End::Middle => below(&first, &middle),
            End::Grant | End::Agent | End::Connection | End::Org | End::Session | End::User => {
                if (round / 2).is_multiple_of(2) {
                    first.clone()
                } else {
                    below(&first, &middle)
                }
            }
        };
        let acknowledged = Arc::new(AtomicBool::new(false));
        let exchanging = {
            let (it, mut side) = (Arc::clone(&self.it), self.sides[0].clone());
            let (subject, acknowledged) = (subject.clone(), Arc::clone(&acknowledged));
            tokio::spawn(async move {
                yields(round / 5 % 4).await;
                let opened = side.exchange(&it, &subject, &acknowledged, round % 5).await;
                (side, opened)
            })
        };
        let ending = {
            let (it, side, grant) =
                (Arc::clone(&self.it), self.sides[1].clone(), self.grant.clone());
            tokio::spawn(async move {
                yields(round % 7).await;
                side.end(&it, end, [&top, &middle], (&grant, &subject)).await;
                acknowledged.store(true, Ordering::SeqCst);
            })
        };
        ending.await.unwrap();
        let (side, opened) = exchanging.await.unwrap();
        self.sides[0] = side;
        if let Some(delegation) = opened {
            let found = self.sides[0].ledger.find(delegation.id).await.unwrap().unwrap();
            assert!(found.ended_at.is_some(), "{end:?}: it was recorded, and survived");
            self.tally.recorded += 1;
            self.tally.opened += 1;
        } else {
            self.tally.refused += 1;
        }
        self.undo(end).await;
    }

    /// Opens what must be opened.
    async fn opened(&mut self, subject: &Subject) -> Delegation {
        self.tally.opened += 1;
        let never = AtomicBool::new(false);
        let opened = self.sides[1].exchange(&self.it, subject, &never, 0).await;
        opened.unwrap()
    }

    /// Makes the next race possible.
    async fn undo(&mut self, end: End) {
        let side = &self.sides[1];
        let registry = side.store.registry();
        match end {
            End::Root | End::Middle | End::Session => {}
            End::Grant => {
                self.grant = format!("grant-{}", self.it.id());
                let renewed = DeclaredGrant { id: self.grant.clone(), ..grant() };
                let revision = registry.revision(&self.org).await.unwrap().unwrap();
                let changes = [Change::PutGrant(renewed)];
                let applied = registry.apply(&self.org, revision, &changes, LATER).await.unwrap();
                assert_eq!(applied, Some(revision + 1));
            }
            End::Agent | End::Connection | End::Org => {
                for what in stoppables().into_iter().filter(|what| end.is(what)) {
                    let event = self.it.event(Outcome::Restored);
                    assert!(registry.restore(&self.org, &what, event).await.unwrap());
                }
            }
            End::User => {
                let enabled = signal(&self.it, alice(), Effect::Enabled, LATER);
                side.ledger.signal(enabled).await.unwrap();
            }
        }
    }
}

impl End {
    fn is(self, what: &Stoppable) -> bool {
        match what {
            Stoppable::Agent(_) => self == Self::Agent,
            Stoppable::Connection(_) => self == Self::Connection,
            Stoppable::Org => self == Self::Org,
        }
    }
}

fn stoppables() -> [Stoppable; 3] {
    let (agent, home) = ("orchestrator".to_owned(), "home".to_owned());
    [Stoppable::Agent(agent), Stoppable::Connection(home), Stoppable::Org]
}

#[test]
fn every_way_to_end_is_undone() {
    for end in End::ALL {
        assert_eq!(end.stops(), stoppables().iter().any(|what| end.is(what)), "{end:?}");
    }
    assert!(NOW < LATER && SIGNED_IN < LATER);
}

on_both_databases!(nothing_slips_past_an_end);

//! Signals against exchanges, by two replicas: what was recalled before a signal was acknowledged is
//! not recorded after it, and nothing stands that a signal has ended.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicI64, AtomicUsize, Ordering},
};

use delegation::{
    declared::{Change, DeclaredGrant},
    names::{Kind, Names},
    ports::{Delegation, Ledger, Lineage, Opened, Opening, Recalled},
    signal::{Effect, Whom},
};
use policy::Account;
use tokio::task::{JoinSet, yield_now};

use crate::{
    fixture::{Fixture, LATER, NOW, grant},
    signalling::{by, derived, named, signal},
};

/// Exchanges during which a signal about their user came in.
const CROSSINGS: usize = 10_000;
const ORGS: [&str; 2] = ["acme", "other"];
const USERS: usize = 2;
const AGENTS: usize = 3;

/// What all tasks about one user know of his signals. Signal 1, 3, 5… disables him, 2, 4, 6… enables
/// him: how many the ledger has seen is the epoch.
#[derive(Default)]
struct Sequence {
    begun: AtomicI64,
    acknowledged: AtomicI64,
    over: AtomicBool,
}

async fn no_exchange_slips_past_a_signal(it: Arc<Fixture>) {
    let replica = it.replica().await;
    it.declare("other").await;
    let crossings = Arc::new(AtomicUsize::new(0));
    let mut all = JoinSet::new();
    for org in ORGS {
        let grants: Vec<Change> = (0..USERS).map(|user| Change::PutGrant(grant_of(user))).collect();
        it.registry().apply(org, 1, &grants, LATER).await.unwrap();
        for user in 0..USERS {
            let sequence = Arc::new(Sequence::default());
            for agent in 0..AGENTS {
                let store = if agent % 2 == 0 { &it.store } else { &replica };
                let exchanging = Exchanging {
                    it: Arc::clone(&it),
                    ledger: store.ledger(org),
                    user,
                    sequence: Arc::clone(&sequence),
                    crossings: Arc::clone(&crossings),
                };
                all.spawn(exchanging.until_it_is_over(agent));
            }
            let ledgers = [it.store.ledger(org), replica.ledger(org)];
            all.spawn(disable_and_enable(
                Arc::clone(&it),
                ledgers,
                user,
                sequence,
                Arc::clone(&crossings),
            ));
        }
    }
    while let Some(task) = all.join_next().await {
        task.unwrap();
    }
    assert!(CROSSINGS <= crossings.load(Ordering::SeqCst));
    let standing = "SELECT count(*) FROM delegations WHERE ended_at IS NULL";
    assert_eq!(it.number(standing).await, 0, "the last signals disabled everybody");
    assert!(0 < it.written().await.0, "some were recorded");
    replica.close().await;
}

fn name_of(user: usize) -> String {
    format!("user-{user}")
}

fn grant_of(user: usize) -> DeclaredGrant {
    DeclaredGrant { id: format!("grant-{user}"), user: name_of(user), ..grant() }
}

/// A token that gives all its names.
fn lineage_of(user: usize) -> Lineage {
    Lineage::Root {
        connection: "home".to_owned(),
        user: name_of(user),
        agent: "orchestrator".to_owned(),
        names: names_of(user),
    }
}

fn names_of(user: usize) -> Names {
    named(Kind::Subject, &name_of(user))
        .with(Kind::Email, Some(&format!("{user}@example.com")))
        .with(Kind::Session, Some(&format!("s-{user}")))
        .with(Kind::Token, Some(&format!("t-{user}")))
        .with(Kind::Device, Some(&format!("d-{user}")))
}

async fn disable_and_enable(
    it: Arc<Fixture>,
    ledgers: [Arc<dyn Ledger>; 2],
    user: usize,
    sequence: Arc<Sequence>,
    crossings: Arc<AtomicUsize>,
) {
    for (number, ledger) in (1..).zip(ledgers.iter().cycle()) {
        let effect = if number % 2 == 1 { Effect::Disabled } else { Effect::Enabled };
        let signal = signal(&it, by(Kind::Subject, &name_of(user)), effect, NOW);
        sequence.begun.store(number, Ordering::SeqCst);
        ledger.signal(signal).await.unwrap();
        sequence.acknowledged.store(number, Ordering::SeqCst);
        if number % 2 == 1 && CROSSINGS <= crossings.load(Ordering::SeqCst) {
            break;
        }
        yields(number).await;
    }
    sequence.over.store(true, Ordering::SeqCst);
}

/// Lets the others come between, each time a little differently.
async fn yields(number: i64) {
    for _ in 0..number % 7 {
        yield_now().await;
    }
}

struct Exchanging {
    it: Arc<Fixture>,
    ledger: Arc<dyn Ledger>,
    user: usize,
    sequence: Arc<Sequence>,
    crossings: Arc<AtomicUsize>,
}

impl Exchanging {
    async fn until_it_is_over(self, agent: usize) {
        let mut parent: Option<Delegation> = None;
        let mut round = i64::try_from(agent).unwrap();
        while !self.sequence.over.load(Ordering::SeqCst) {
            round += 1;
            parent = self.exchange(parent, round).await;
        }
    }

    /// Derives from `parent`, or begins a chain; returns what the next one may be derived from.
    async fn exchange(&self, parent: Option<Delegation>, round: i64) -> Option<Delegation> {
        let recalled = self.recall(parent.as_ref()).await;
        let disabled = recalled.epoch % 2 == 1;
        // One moment: the epoch and what was said are of the same signals.
        let expected = if disabled { Account::Suspended } else { Account::Unknown };
        assert_eq!(recalled.signalled.account, expected);
        let ended = recalled.parent.is_some_and(|parent| parent.ended_at.is_some());
        if disabled || ended {
            yield_now().await;
            return None;
        }
        yields(round).await; // Somewhere here a provider says yes.
        let opening = self.opening(parent.as_ref(), recalled.epoch);
        let delegation = opening.delegation.clone();
        let acknowledged = self.sequence.acknowledged.load(Ordering::SeqCst);
        let opened = self.ledger.open(opening).await.unwrap();
        if recalled.epoch < self.sequence.begun.load(Ordering::SeqCst) {
            self.crossings.fetch_add(1, Ordering::SeqCst);
        }
        match opened {
            Opened::Recorded => {
                assert!(acknowledged <= recalled.epoch, "recorded after a signal it knew not of");
                (delegation.depth < 3).then_some(delegation)
            }
            Opened::Signalled => None,
            Opened::Ended | Opened::Changed => panic!("{opened:?}: a signal comes first"),
        }
    }

    async fn recall(&self, parent: Option<&Delegation>) -> Recalled {
        let lineage = match parent {
            Some(parent) => derived(parent),
            None => lineage_of(self.user),
        };
        self.ledger.recall(&lineage).await.unwrap()
    }

    fn opening(&self, parent: Option<&Delegation>, epoch: i64) -> Opening {
        let mut opening = match parent {
            Some(parent) => self.it.child(parent),
            None => self.it.root(),
        };
        opening.delegation.user = name_of(self.user);
        opening.delegation.grant = grant_of(self.user).id;
        Opening { revision: 2, epoch, ..opening }
    }
}

const FIRST: usize = 400;

/// Nobody has heard of the user, the session, the token or the device yet: the exchange that brings
/// them is just under way when they are named.
async fn no_first_exchange_slips_past_a_signal(it: Arc<Fixture>) {
    let replica = it.replica().await;
    let grants: Vec<Change> = (0..FIRST).map(|user| Change::PutGrant(grant_of(user))).collect();
    it.apply(1, &grants).await;
    let mut refused = 0;
    for user in 0..FIRST {
        let before = it.ledger().recall(&lineage_of(user)).await.unwrap().epoch;
        let exchanging = tokio::spawn(first_exchange(Arc::clone(&it), it.ledger(), user));
        let whom = match user % 5 {
            0 => by(Kind::Email, &format!("{user}@example.com")),
            1 => Whom::Session(format!("s-{user}")),
            2 => Whom::Token(format!("t-{user}")),
            3 => Whom::Device(format!("d-{user}")),
            _ => Whom::Everyone,
        };
        let signal = signal(&it, whom, Effect::SignedOut, NOW);
        yields(i64::try_from(user / 5).unwrap()).await;
        replica.ledger("acme").signal(signal).await.unwrap();
        let (recalled, opened, delegation) = exchanging.await.unwrap();
        match opened {
            Opened::Recorded if recalled != before => {} // It knew.
            Opened::Recorded => assert!(it.ended_at(&delegation).await.is_some(), "{user}"),
            Opened::Signalled => refused += 1,
            Opened::Ended | Opened::Changed => panic!("{opened:?}"),
        }
    }
    assert!(0 < refused, "they came between");
    replica.close().await;
}

/// The epoch it was decided under, and what became of it.
async fn first_exchange(
    it: Arc<Fixture>,
    ledger: Arc<dyn Ledger>,
    user: usize,
) -> (i64, Opened, Delegation) {
    let names = names_of(user);
    let epoch = ledger.recall(&lineage_of(user)).await.unwrap().epoch;
    ledger.learn("home", &name_of(user), &names).await.unwrap();
    let mut opening = it.root();
    opening.delegation.user = name_of(user);
    opening.delegation.grant = grant_of(user).id;
    opening.delegation.session = Some(format!("s-{user}"));
    opening.delegation.names = Some(names);
    let delegation = opening.delegation.clone();
    let opened = ledger.open(Opening { revision: 2, epoch, ..opening }).await.unwrap();
    (epoch, opened, delegation)
}

on_both_databases!(no_exchange_slips_past_a_signal, no_first_exchange_slips_past_a_signal);

//! How a test tells the store a signal, and asks what came of it.

use delegation::{
    event::{Event, Outcome},
    names::{Kind, Names},
    ports::{Delegation, Ledger, Lineage, Signalled},
    signal::{Affected, Effect, Signal, Whom},
};
use policy::{Standing, Timestamp};

use crate::fixture::{Fixture, LATER, names};

/// The happy user's own token.
pub fn root() -> Lineage {
    root_named(names())
}

pub fn root_named(names: Names) -> Lineage {
    Lineage::Root {
        connection: "home".to_owned(),
        user: "alice".to_owned(),
        agent: "orchestrator".to_owned(),
        names,
    }
}

pub fn derived(from: &Delegation) -> Lineage {
    Lineage::Derived { delegation: from.id }
}

pub fn named(kind: Kind, name: &str) -> Names {
    Names::default().with(kind, Some(name))
}

/// A user, by one name.
pub fn by(kind: Kind, name: &str) -> Whom {
    Whom::User { names: named(kind, name), session: None, device: None }
}

pub fn alice() -> Whom {
    by(Kind::Subject, "alice")
}

pub fn alice_in(session: &str) -> Whom {
    let session = Some(session.to_owned());
    Whom::User { names: named(Kind::Subject, "alice"), session, device: None }
}

pub fn alice_at(device: &str) -> Whom {
    let device = Some(device.to_owned());
    Whom::User { names: named(Kind::Subject, "alice"), session: None, device }
}

/// A signal that was never sent before.
pub fn signal(it: &Fixture, whom: Whom, effect: Effect, at: Timestamp) -> Signal {
    Signal {
        connection: "home".to_owned(),
        issuer: "https://transmitter.example".to_owned(),
        id: it.id().to_string(),
        source: "push",
        received_at: LATER,
        effects: vec![Affected { whom, effect, at }],
        event: Event { reason: Some("signal"), ..it.event(Outcome::Signalled) },
    }
}

/// Tells it, and returns how many delegations ended.
pub async fn tell(it: &Fixture, whom: Whom, effect: Effect, at: Timestamp) -> u64 {
    match it.ledger().signal(signal(it, whom, effect, at)).await.unwrap() {
        Signalled::Applied { ended } => ended,
        Signalled::Duplicate => panic!("it was never sent before"),
    }
}

pub async fn epoch(it: &Fixture) -> i64 {
    it.ledger().recall(&root()).await.unwrap().epoch
}

/// What signals said of the happy user's own token.
pub async fn said(it: &Fixture) -> Standing {
    said_of(it.ledger().as_ref(), &root()).await
}

pub async fn said_of(ledger: &dyn Ledger, lineage: &Lineage) -> Standing {
    ledger.recall(lineage).await.unwrap().signalled
}

pub async fn stands(it: &Fixture, delegation: &Delegation) -> bool {
    it.ended_at(delegation).await.is_none()
}

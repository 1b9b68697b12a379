//! One replica in a race: what it does for an exchange, and to end things.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use delegation::{
    declared::Stoppable,
    event::{Event, Outcome},
    names::{Kind, Names},
    ports::{Delegation, Ledger, Lineage, Opened, Opening, Recalled, Selector, Signalled},
    signal::{Effect, Signal, Whom},
};
use policy::{Account, Timestamp};
use store::Store;
use tokio::task::yield_now;

use super::End;
use crate::{
    fixture::{Fixture, LATER, SIGNED_IN},
    signalling::{by, derived, named, signal},
};

/// One replica, and what it believes to be declared.
#[derive(Clone)]
pub struct Side {
    pub store: Store,
    pub ledger: Arc<dyn Ledger>,
    pub org: String,
    pub revision: i64,
    pub stopped: Vec<Stoppable>,
}

/// What an exchange starts from.
#[derive(Clone)]
pub struct Subject {
    pub lineage: Lineage,
    pub parent: Option<Delegation>,
    pub grant: String,
    pub session: String,
}

impl Side {
    pub fn new(store: Store, org: &str) -> Self {
        let ledger = store.ledger(org);
        Self { store, ledger, org: org.to_owned(), revision: 1, stopped: Vec::new() }
    }

    /// An exchange, as the server does it; none when it is refused.
    pub async fn exchange(
        &mut self,
        it: &Fixture,
        subject: &Subject,
        ended: &AtomicBool,
        pause: usize,
    ) -> Option<Delegation> {
        for _ in 0..20 {
            let recalled = self.ledger.recall(&subject.lineage).await.unwrap();
            if recalled.revision != self.revision {
                self.look_again().await;
                continue;
            }
            if !self.stopped.is_empty() || is_over(&recalled) {
                return None;
            }
            yields(pause).await; // Somewhere here a provider says yes.
            let opening =
                Opening { revision: self.revision, epoch: recalled.epoch, ..subject.opening(it) };
            let delegation = opening.delegation.clone();
            let acknowledged = ended.load(Ordering::SeqCst);
            match self.ledger.open(opening).await.unwrap() {
                Opened::Recorded => {
                    assert!(!acknowledged, "recorded after the end was acknowledged");
                    return Some(delegation);
                }
                Opened::Ended => return None,
                Opened::Changed | Opened::Signalled => {}
            }
        }
        panic!("an exchange was told again and again to decide anew");
    }

    async fn look_again(&mut self) {
        let declared = self.store.registry().find(&self.org).await.unwrap().unwrap();
        (self.revision, self.stopped) = (declared.revision, declared.stopped);
    }

    pub async fn end(
        &self,
        it: &Fixture,
        end: End,
        [top, middle]: [&Delegation; 2],
        (grant, subject): (&str, &Subject),
    ) {
        let selector = match end {
            End::Root => Selector::Delegation(top.id),
            End::Middle => Selector::Delegation(middle.id),
            End::Grant => Selector::Grant(grant.to_owned()),
            End::Agent => Selector::Agent("orchestrator".to_owned()),
            End::Connection => Selector::Connection("home".to_owned()),
            End::Org => Selector::Org,
            End::Session => {
                let whom = Whom::Session(subject.session.clone());
                return self.tell(signal(it, whom, Effect::SignedOut, LATER)).await;
            }
            End::User => return self.tell(signal(it, alice(), Effect::Disabled, LATER)).await,
        };
        let event = Event { reason: Some("ended"), ..it.event(Outcome::Revoked) };
        let ended = self.ledger.revoke(&selector, LATER, Some(event)).await.unwrap();
        assert!(0 < ended || end.stops(), "{end:?}");
    }

    async fn tell(&self, mut signal: Signal) {
        signal.event.reason = Some("ended");
        let signalled = self.ledger.signal(signal).await.unwrap();
        assert!(matches!(signalled, Signalled::Applied { ended: 2.. }), "{signalled:?}");
    }
}

impl Subject {
    fn opening(&self, it: &Fixture) -> Opening {
        let mut opening = match &self.parent {
            None => it.root(),
            Some(parent) => it.child(parent),
        };
        opening.delegation.grant.clone_from(&self.grant);
        opening.delegation.session = Some(self.session.clone());
        opening.delegation.names = self.parent.is_none().then(|| names(&self.session));
        opening
    }
}

/// Whether what is known refuses it.
fn is_over(recalled: &Recalled) -> bool {
    let signed_out = recalled.signalled.sessions_valid_from.is_some_and(|from| SIGNED_IN < from);
    let disabled = recalled.signalled.account == Account::Suspended;
    let ended = |ended_at: Option<Timestamp>| ended_at.is_some();
    signed_out
        || disabled
        || recalled.parent.as_ref().is_some_and(|parent| ended(parent.ended_at))
        || recalled.grant.as_ref().is_none_or(|grant| ended(grant.ended_at))
}

pub fn alice() -> Whom {
    by(Kind::Subject, "alice")
}

fn names(session: &str) -> Names {
    named(Kind::Subject, "alice").with(Kind::Session, Some(session))
}

pub fn root(session: &str) -> Lineage {
    Lineage::Root {
        connection: "home".to_owned(),
        user: "alice".to_owned(),
        agent: "orchestrator".to_owned(),
        names: names(session),
    }
}

pub fn below(first: &Subject, parent: &Delegation) -> Subject {
    Subject { lineage: derived(parent), parent: Some(parent.clone()), ..first.clone() }
}

/// Lets the others come between.
pub async fn yields(times: usize) {
    for _ in 0..times {
        yield_now().await;
    }
}

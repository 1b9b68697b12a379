//! Ports that lie, one lie each: what the model must see.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use delegation::{
    event::Event,
    names::Names,
    ports::{
        Found, Ledger, Lineage, Once, Opened, Opening, Recalled, Selector, Signalled, SingleUse,
    },
    refusal::Fault,
    signal::Signal,
};
use policy::Timestamp;
use uuid::Uuid;

use crate::{fuse::Fused, heard::Issued};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lie {
    /// What has ended is recalled as if it stood, and what comes of it begins anew.
    ForgetsAnEnd,
    /// What is recalled has the epoch of now, and the words of before.
    HandsAnOldEpoch,
    /// Grants are recalled with more scope than they have.
    WidensGrants,
    /// Grants are recalled as if they never expired.
    ProlongsGrants,
    /// Tokens are told without whoever acted before.
    CutsTheChain,
    /// Tokens are told as those of another organization.
    SwapsTheOrg,
    /// Whatever was used is free.
    ForgetsUse,
    /// A provider's yes is good for ever.
    RemembersAYes,
    /// An opening is acknowledged, and not written.
    DropsAWrite,
    /// An opening is written, and its event is not.
    DropsAnEvent,
    /// Nothing is ever issued to the second agent.
    RefusesTheSecond,
}

/// A ledger that tells one lie, or none, and may be cut off.
#[derive(Debug)]
pub struct Liar {
    pub ledger: Arc<dyn Ledger>,
    pub lie: Option<Lie>,
    pub fuse: Arc<Fused>,
    /// What was recalled first of each lineage; of use to liars.
    pub recalled: Mutex<Vec<(String, Before)>>,
}

type Before = (policy::Standing, Option<delegation::ports::Grant>);

#[async_trait]
impl Ledger for Liar {
    async fn recall(&self, lineage: &Lineage) -> Result<Recalled, Fault> {
        let (ledger, asked) = (Arc::clone(&self.ledger), lineage.clone());
        let work = async move { ledger.recall(&asked).await };
        let mut recalled = self.fuse.through(work).await?;
        match self.lie {
            Some(Lie::ForgetsAnEnd) => {
                if let Some(parent) = &mut recalled.parent {
                    parent.ended_at = None;
                }
                if let Some(grant) = &mut recalled.grant {
                    grant.ended_at = None;
                }
            }
            Some(Lie::HandsAnOldEpoch) => self.recall_as_before(lineage, &mut recalled),
            Some(Lie::WidensGrants) => {
                if let Some(grant) = &mut recalled.grant {
                    grant.scope = crate::cast::scope(crate::cast::ALL_WORDS);
                }
            }
            Some(Lie::ProlongsGrants) => {
                if let Some(grant) = &mut recalled.grant {
                    grant.expires_at = None;
                }
            }
            Some(Lie::RefusesTheSecond) => {
                let second = crate::cast::agent(1);
                if matches!(lineage, Lineage::Root { agent, .. } if *agent == second) {
                    recalled.grant = None;
                }
            }
            Some(_) | None => {}
        }
        Ok(recalled)
    }

    async fn open(&self, mut opening: Opening) -> Result<Opened, Fault> {
        match self.lie {
            Some(Lie::DropsAWrite) => return Ok(Opened::Recorded),
            Some(Lie::ForgetsAnEnd) => return self.open_anyway(opening).await,
            Some(Lie::DropsAnEvent) => {
                opening.event.outcome = delegation::event::Outcome::Refused;
                opening.event.delegation = None;
            }
            Some(_) | None => {}
        }
        let ledger = Arc::clone(&self.ledger);
        self.fuse.through(async move { ledger.open(opening).await }).await
    }

    async fn note(&self, event: Event) -> Result<(), Fault> {
        let ledger = Arc::clone(&self.ledger);
        self.fuse.through(async move { ledger.note(event).await }).await
    }

    async fn learn(&self, connection: &str, user: &str, names: &Names) -> Result<(), Fault> {
        self.ledger.learn(connection, user, names).await
    }

    async fn adopt(&self, template: &str, user: &str) -> Result<(), Fault> {
        self.ledger.adopt(template, user).await
    }

    async fn signal(&self, signal: Signal) -> Result<Signalled, Fault> {
        let ledger = Arc::clone(&self.ledger);
        self.fuse.through(async move { ledger.signal(signal).await }).await
    }

    async fn find(&self, delegation: Uuid) -> Result<Option<Found>, Fault> {
        self.ledger.find(delegation).await
    }

    async fn revoke(
        &self,
        selector: &Selector,
        at: Timestamp,
        event: Option<Event>,
    ) -> Result<u64, Fault> {
        let (ledger, selector) = (Arc::clone(&self.ledger), selector.clone());
        self.fuse.through(async move { ledger.revoke(&selector, at, event).await }).await
    }
}

impl Liar {
    /// What cannot be opened below something begins anew.
    async fn open_anyway(&self, opening: Opening) -> Result<Opened, Fault> {
        let Opening { revision, epoch, mut delegation, event, until } = opening;
        let first = Opening { revision, epoch, delegation: delegation.clone(), event, until };
        let event = first.event.clone();
        match self.ledger.open(first).await? {
            Opened::Ended => {
                (delegation.parent, delegation.root) = (None, delegation.id);
                self.ledger.open(Opening { revision, epoch, delegation, event, until }).await
            }
            other @ (Opened::Recorded | Opened::Changed | Opened::Signalled) => Ok(other),
        }
    }

    /// Only the numbers are of now.
    fn recall_as_before(&self, lineage: &Lineage, recalled: &mut Recalled) {
        let key = format!("{lineage:?}");
        let mut all = self.recalled.lock().unwrap();
        if let Some((_, (said, grant))) = all.iter().find(|(it, _)| *it == key) {
            recalled.signalled = said.clone();
            recalled.grant.clone_from(grant);
        } else {
            all.push((key, (recalled.signalled.clone(), recalled.grant.clone())));
        }
    }
}

/// One that has never seen anything used.
#[derive(Debug)]
pub struct Forgetful;

#[async_trait]
impl SingleUse for Forgetful {
    async fn spend(&self, _: &[Once], _: Uuid) -> Result<Option<Once>, Fault> {
        Ok(None)
    }
}

/// What is told of a token by whoever lies about it.
pub fn told(lie: Option<Lie>, mut issued: Issued) -> Issued {
    match lie {
        Some(Lie::CutsTheChain) => issued.chain.truncate(1),
        Some(Lie::SwapsTheOrg) => "org 7".clone_into(&mut issued.org[0]),
        Some(_) | None => {}
    }
    issued
}

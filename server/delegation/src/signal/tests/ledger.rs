//! A ledger that hears signals.

use async_trait::async_trait;
use policy::Timestamp;

use super::fixture::Fake;
use crate::{
    names::Names,
    ports::{Ledger, Lineage, Opened, Opening, Recalled, Selector, Signalled},
    refusal::Fault,
    signal::Signal,
};

#[async_trait]
impl Ledger for Fake {
    async fn recall(&self, _: &Lineage) -> Result<Recalled, Fault> {
        Err(Fault::Late)
    }

    async fn open(&self, _: Opening) -> Result<Opened, Fault> {
        Err(Fault::Late)
    }

    async fn note(&self, _: crate::event::Event) -> Result<(), Fault> {
        Err(Fault::Late)
    }

    async fn learn(&self, _: &str, _: &str, _: &Names) -> Result<(), Fault> {
        Err(Fault::Late)
    }

    async fn adopt(&self, _: &str, _: &str) -> Result<(), Fault> {
        Err(Fault::Late)
    }

    async fn signal(&self, signal: Signal) -> Result<Signalled, Fault> {
        self.health()?;
        let mut signals = self.heard.signals.lock().unwrap();
        let is_known = |one: &Signal| (&one.issuer, &one.id) == (&signal.issuer, &signal.id);
        if signals.iter().any(is_known) {
            return Ok(Signalled::Duplicate);
        }
        signals.push(signal);
        Ok(Signalled::Applied { ended: 0 })
    }

    async fn find(&self, _: uuid::Uuid) -> Result<Option<crate::ports::Found>, Fault> {
        Err(Fault::Late)
    }

    async fn revoke(
        &self,
        _: &Selector,
        _: Timestamp,
        _: Option<crate::event::Event>,
    ) -> Result<u64, Fault> {
        Err(Fault::Late)
    }
}

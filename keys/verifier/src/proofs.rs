//! Proofs that were taken, each until nobody would take it any more (RFC 9449 §11.1).

use std::{
    collections::{BTreeMap, HashSet},
    sync::{Mutex, PoisonError},
    time::Duration,
};

use keys::Proof;

use crate::{Outage, Rejection};

/// How old a proof may be: clocks of agents, and the way here.
pub(crate) const PAST: Duration = Duration::from_mins(1);
/// How far ahead its clock may be.
pub(crate) const FUTURE: Duration = Duration::from_secs(15);

type Name = [u8; 32];

/// Bounded: when it is full, proofs are refused, for forgetting one would allow its replay. Only who has
/// a good token can fill it.
#[derive(Debug)]
pub(crate) struct Proofs {
    taken: Mutex<Taken>,
    most: usize,
}

#[derive(Debug, Default)]
struct Taken {
    names: HashSet<Name>,
    by_end: BTreeMap<i64, Vec<Name>>,
}

impl Proofs {
    pub(crate) fn new(most: usize) -> Self {
        Self { taken: Mutex::default(), most }
    }

    /// Takes a proof that holds, once.
    pub(crate) fn take(&self, proof: &Proof, now: i64) -> Result<(), Rejection> {
        // Whoever has the key chooses the `jti`: another holder's never gets in its way.
        let name = keys::sha256(format!("{} {}", proof.thumbprint(), proof.id()).as_bytes());
        // Later than anybody's clock lets it be taken.
        let until = proof.issued_at().saturating_add_unsigned((PAST + FUTURE).as_secs());
        // Every state of it is a valid one.
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        taken.forget_before(now);
        if taken.names.contains(&name) {
            return Err(Rejection::Replayed);
        }
        if self.most <= taken.names.len() {
            return Err(Outage::TooManyProofs.into());
        }
        taken.names.insert(name);
        taken.by_end.entry(until).or_default().push(name);
        Ok(())
    }
}

impl Taken {
    fn forget_before(&mut self, now: i64) {
        while let Some(first) = self.by_end.first_entry().filter(|first| *first.key() < now) {
            for name in first.remove() {
                self.names.remove(&name);
            }
        }
    }
}

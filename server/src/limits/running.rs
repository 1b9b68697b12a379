//! How many requests are answered at once.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Of one organization. What is at work uses up the processor, so this is how long others wait for it:
/// an exchange takes about half a millisecond of it, so many of them some 60 ms on two cores. What waits
/// for an identity provider uses nothing but its place: with one that answers within 50 ms, there is
/// room for 5,000 requests a second, and with one that hangs, for 128 that wait its two seconds.
const OF_ONE: usize = 256;
/// Of all. Eight organizations have to flood at once before a ninth is turned away, and what so many
/// requests keep of their bodies and answers (some 200 KiB each) stays below half a gigabyte.
const OF_ALL: usize = 8 * OF_ONE;

/// The places of one organization.
#[derive(Debug)]
pub(super) struct Lane(Arc<Semaphore>);

impl Default for Lane {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(OF_ONE)))
    }
}

/// The places of all.
#[derive(Debug)]
pub(super) struct Lanes(Arc<Semaphore>);

impl Default for Lanes {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(OF_ALL)))
    }
}

/// A place, until it is dropped.
#[derive(Debug)]
#[must_use]
pub struct Running {
    _of_one: OwnedSemaphorePermit,
    _of_all: OwnedSemaphorePermit,
}

impl Lanes {
    /// Nobody waits for a place: whoever floods would wait first.
    pub(super) fn run(&self, lane: &Lane) -> Option<Running> {
        let of_one = Arc::clone(&lane.0).try_acquire_owned().ok()?;
        let of_all = Arc::clone(&self.0).try_acquire_owned().ok()?;
        Some(Running { _of_one: of_one, _of_all: of_all })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_organization_cannot_have_every_place() {
        let (lanes, flood, other) = (Lanes::default(), Lane::default(), Lane::default());
        let mut running: Vec<_> = (0..OF_ONE).map(|_| lanes.run(&flood).unwrap()).collect();
        assert!(lanes.run(&flood).is_none());
        assert!(lanes.run(&other).is_some());
        // A place is free again once its request is answered.
        running.pop();
        assert!(lanes.run(&flood).is_some());
    }

    #[test]
    fn all_together_have_no_more_than_the_process_bears() {
        let lanes = Lanes::default();
        let floods: Vec<_> = (0..OF_ALL / OF_ONE).map(|_| Lane::default()).collect();
        let each = floods.iter().flat_map(|flood| (0..OF_ONE).map(move |_| flood));
        let mut running: Vec<_> = each.map(|flood| lanes.run(flood).unwrap()).collect();
        let other = Lane::default();
        assert!(lanes.run(&other).is_none());
        running.pop();
        assert!(lanes.run(&other).is_some());
    }
}

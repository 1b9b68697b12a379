//! How many requests are answered at once.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::turns::{Turn, Turns};

/// Of one organization. Who waits for an identity provider uses nothing but its place: with one that
/// answers within 50 ms, there is room for 5,000 requests a second, and with one that hangs, for 128
/// that wait its two seconds. Who uses the processor has a turn, too.
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
pub(super) struct Lanes {
    places: Arc<Semaphore>,
    turns: Arc<Turns>,
}

/// A place and a turn, until it is dropped.
#[derive(Debug)]
#[must_use]
pub struct Running {
    turn: Arc<Turn>,
    _place: Place,
}

#[derive(Debug)]
struct Place {
    _of_one: OwnedSemaphorePermit,
    _of_all: OwnedSemaphorePermit,
}

impl Lanes {
    pub(super) fn new(processors: usize) -> Self {
        Self { places: Arc::new(Semaphore::new(OF_ALL)), turns: Turns::new(processors) }
    }

    pub(super) fn has_room(&self, lane: &Lane) -> bool {
        0 < lane.0.available_permits() && 0 < self.places.available_permits()
    }

    /// Nobody waits for a place: whoever floods would wait first. For a turn one waits a little.
    pub(super) async fn run(&self, org: &str, lane: &Lane) -> Option<Running> {
        let place = self.place(lane)?;
        Some(Running { turn: self.turns.next(org).await?, _place: place })
    }

    fn place(&self, lane: &Lane) -> Option<Place> {
        let of_one = Arc::clone(&lane.0).try_acquire_owned().ok()?;
        let of_all = Arc::clone(&self.places).try_acquire_owned().ok()?;
        Some(Place { _of_one: of_one, _of_all: of_all })
    }
}

impl Running {
    /// Answers a request with it.
    pub async fn answer<F: Future>(&self, answer: F) -> F::Output {
        Arc::clone(&self.turn).use_for(answer).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_organization_cannot_have_every_place() {
        let (lanes, flood, other) = (Lanes::new(1), Lane::default(), Lane::default());
        let mut running: Vec<_> = (0..OF_ONE).map(|_| lanes.place(&flood).unwrap()).collect();
        assert!(lanes.place(&flood).is_none());
        assert_eq!((lanes.has_room(&flood), lanes.has_room(&other)), (false, true));
        assert!(lanes.place(&other).is_some());
        // A place is free again once its request is answered.
        running.pop();
        assert!(lanes.has_room(&flood));
        assert!(lanes.place(&flood).is_some());
    }

    #[test]
    fn all_together_have_no_more_than_the_process_bears() {
        let lanes = Lanes::new(1);
        let floods: Vec<_> = (0..OF_ALL / OF_ONE).map(|_| Lane::default()).collect();
        let each = floods.iter().flat_map(|flood| (0..OF_ONE).map(move |_| flood));
        let mut running: Vec<_> = each.map(|flood| lanes.place(flood).unwrap()).collect();
        let other = Lane::default();
        assert!(!lanes.has_room(&other));
        assert!(lanes.place(&other).is_none());
        running.pop();
        assert!(lanes.has_room(&other));
        assert!(lanes.place(&other).is_some());
    }
}

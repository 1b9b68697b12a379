//! The keys of an organization as of now. This is where they are rotated, too: an organization is
//! loaded again whenever the state of a key changes or a successor is due, on every replica, and
//! loading it does what is due, on one.

use std::time::Duration;

use delegation::{
    custody::{self, KeyStore, Rotated, Standing},
    declared::Declared,
    event::Event,
    refusal::Fault,
};
use keys::{Entry, KeyRing, rotation::Asked};
use policy::Timestamp;

use crate::{clock, custody::Keeper};

/// The keys as of now, and when that changes.
pub(super) type Ring = (KeyRing, Option<Timestamp>);

/// When what is due could not be done, it is tried again after this.
const AGAIN: Duration = Duration::from_secs(30);

/// The organization's keys, after what is due: the first key of an organization, the successor of
/// one that has signed for long enough or whose algorithm is not wanted any more, the end of one
/// that nobody needs.
pub(super) async fn ring(
    store: &dyn KeyStore,
    keeper: &Keeper,
    declared: &Declared,
) -> Result<Ring, Fault> {
    let (org, custody) = (&declared.id, keeper.custody(store, declared)?);
    let id = clock::id();
    let event = Event::draft(id, clock::now(), id.to_string());
    let (records, again) = match custody::rotate(&custody, Asked::Nothing, &event).await {
        Ok(Rotated { action, keys, .. }) => {
            if let Some(action) = action {
                tracing::info!(org, %action, "signing keys have changed");
            }
            (keys, None)
        }
        // Those that are there go on.
        Err(fault) => {
            tracing::warn!(org, %fault, "signing keys cannot be looked after");
            (store.keys(org).await?, Some(clock::now().plus(AGAIN)))
        }
    };
    let (standing, next_change) = custody::standing(&records, &custody.times, clock::now())?;
    let published = standing.iter().filter(|it| it.state.is_published());
    let entry = |it: &Standing| Ok(Entry { key: keeper.open(org, &it.key)?, state: it.state });
    let entries = published.map(entry).collect::<Result<Vec<_>, Fault>>()?;
    let ring = KeyRing::new(entries).map_err(|e| Fault::Keys(format!("`{org}`: {e}")))?;
    Ok((ring, again.into_iter().chain(next_change).min()))
}

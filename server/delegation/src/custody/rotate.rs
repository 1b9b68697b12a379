use std::{
    fmt::Debug,
    time::{Duration, Instant},
};

use async_trait::async_trait;
use keys::{
    Algorithm,
    rotation::{self, Asked, Key, MOST_PUBLISHED, Plan, State, Step, Times},
};
use policy::Timestamp;
use uuid::Uuid;

use super::{KeyChange, KeyRecord, KeyStore};
use crate::{
    event::{Event, Outcome},
    refusal::Fault,
};

/// Another replica was faster so many times in a row: not a race any more.
const TRIES: usize = 8;

/// Tokens live so long at most, seconds: keys outlive them.
pub const LONGEST_LIFETIME: i64 = 300;

/// The keys of one organization, and what their life goes by.
#[derive(Clone, Copy, Debug)]
pub struct Custody<'a> {
    pub store: &'a dyn KeyStore,
    pub maker: &'a dyn KeyMaker,
    pub org: &'a str,
    /// The algorithm the organization's tokens are to have.
    pub algorithm: Algorithm,
    pub times: Times,
}

/// The times of an organization whose keys sign for `period` (zero: for ever), and whose key set
/// verifiers cache for `jwks_max_age`.
#[must_use]
pub fn times(jwks_max_age: Duration, period: Duration) -> Times {
    let seconds = |duration: Duration| i64::try_from(duration.as_secs()).unwrap_or(i64::MAX);
    let period = (!period.is_zero()).then(|| seconds(period));
    Times::new(seconds(jwks_max_age), LONGEST_LIFETIME, period)
}

/// Makes signing keys where they are to be kept, and destroys them there.
#[async_trait]
pub trait KeyMaker: Debug + Send + Sync {
    async fn make(&self, org: &str, algorithm: Algorithm) -> Result<MadeKey, Fault>;

    /// Destroys what is kept outside the database of a key that is not needed any more. A failure is
    /// logged: nobody can do anything about it here.
    async fn destroy(&self, org: &str, key: MadeKey);
}

/// A key that was made, ready to be stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MadeKey {
    pub kid: String,
    /// See [`KeyRecord::sealed`].
    pub sealed: Vec<u8>,
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rotated {
    /// The event that tells of it; none when nothing had to change.
    pub action: Option<Uuid>,
    /// What was changed, for people; empty when nothing had to.
    pub changes: Vec<String>,
    /// The keys as they are now.
    pub keys: Vec<KeyRecord>,
}

/// Why keys are not rotated.
#[derive(Debug, thiserror::Error)]
pub enum RotateFault {
    #[error(
        "{MOST_PUBLISHED} keys are still published for the tokens they signed: wait until one of them \
         is gone, or say that they are compromised"
    )]
    Crowded,
    #[error(transparent)]
    Fault(#[from] Fault),
}

/// A key and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    pub key: KeyRecord,
    pub state: State,
}

/// Where each key stands at `now`, and when that changes next.
///
/// # Errors
///
/// A stored key is of an algorithm nobody knows.
pub fn standing(
    records: &[KeyRecord],
    times: &Times,
    now: Timestamp,
) -> Result<(Vec<Standing>, Option<Timestamp>), Fault> {
    let keys = records.iter().map(key_of).collect::<Result<Vec<_>, _>>()?;
    let states = rotation::states(&keys, times, now.0);
    let standing = records.iter().zip(states);
    let standing = standing.map(|(key, state)| Standing { key: key.clone(), state }).collect();
    Ok((standing, rotation::next_change(&keys, times, now.0).map(Timestamp)))
}

/// Does what is due or asked for, once for all replicas.
///
/// `event` is a draft with who asked and, in `detail`, why; it is written with what was changed, in
/// the same transaction, unless nothing was.
///
/// # Errors
///
/// See [`RotateFault`]. Nothing has changed then.
pub async fn rotate(
    custody: &Custody<'_>,
    asked: Asked,
    event: &Event,
) -> Result<Rotated, RotateFault> {
    let began = Instant::now();
    let mut made = None;
    let done = turns(custody, asked, event, (began, &mut made)).await;
    if let Some((_, unused)) = made {
        custody.maker.destroy(custody.org, unused).await;
    }
    done
}

/// A key that was made for one of its algorithm, and not used yet.
type Spare = Option<(Algorithm, MadeKey)>;

async fn turns(
    custody: &Custody<'_>,
    asked: Asked,
    event: &Event,
    (began, made): (Instant, &mut Spare),
) -> Result<Rotated, RotateFault> {
    let Custody { store, org, .. } = *custody;
    for _ in 0..TRIES {
        let seen = store.keys(org).await?;
        let keys = seen.iter().map(key_of).collect::<Result<Vec<_>, _>>()?;
        let now = event.at.plus(began.elapsed());
        let Plan { steps, is_crowded } =
            rotation::plan(&keys, custody.algorithm, &custody.times, now.0, asked);
        if is_crowded && (asked != Asked::Nothing || steps.is_empty()) {
            return Err(RotateFault::Crowded);
        }
        if steps.is_empty() {
            return Ok(Rotated { action: None, changes: Vec::new(), keys: seen });
        }
        if let Some(algorithm) = missing(&steps, made.as_ref()) {
            // It may take a while, and the time for which a key is published begins afterwards.
            *made = Some((algorithm, custody.maker.make(org, algorithm).await?));
            continue;
        }
        let changes: Vec<_> =
            steps.into_iter().filter_map(|step| change_of(step, made.as_ref(), now)).collect();
        let told: Vec<_> = changes.iter().map(|change| told(change, now)).collect();
        // The first key of an organization is part of its making, which tells of itself.
        let event = (!seen.is_empty()).then(|| event_of(event, &told));
        let action = event.as_ref().map(|event| event.id);
        if store.change(org, &seen, &changes, event).await? {
            if changes.iter().any(|change| matches!(change, KeyChange::Add(_))) {
                *made = None;
            }
            custody.bury(&seen, &changes).await;
            return Ok(Rotated { action, changes: told, keys: store.keys(org).await? });
        }
    }
    Err(Fault::Store(format!("the keys of `{org}` change all the time")).into())
}

impl Custody<'_> {
    /// Destroys what was forgotten.
    async fn bury(&self, seen: &[KeyRecord], changes: &[KeyChange]) {
        for record in seen {
            if changes.contains(&KeyChange::Drop(record.kid.clone())) {
                let key = MadeKey { kid: record.kid.clone(), sealed: record.sealed.clone() };
                self.maker.destroy(self.org, key).await;
            }
        }
    }
}

/// The algorithm of the key that `steps` add, unless it was made already.
fn missing(steps: &[Step], made: Option<&(Algorithm, MadeKey)>) -> Option<Algorithm> {
    let added = steps.iter().find_map(|step| match step {
        Step::Add { algorithm, .. } => Some(*algorithm),
        Step::Activate { .. }
        | Step::Retire { .. }
        | Step::Compromise { .. }
        | Step::Drop { .. } => None,
    })?;
    (made.map(|(algorithm, _)| *algorithm) != Some(added)).then_some(added)
}

fn change_of(step: Step, made: Option<&(Algorithm, MadeKey)>, now: Timestamp) -> Option<KeyChange> {
    Some(match step {
        Step::Add { algorithm, activates_at } => {
            let (_, MadeKey { kid, sealed }) = made?;
            KeyChange::Add(KeyRecord {
                kid: kid.clone(),
                algorithm: algorithm.to_string(),
                sealed: sealed.clone(),
                created_at: now,
                activates_at: Timestamp(activates_at),
                retires_at: None,
                compromised_at: None,
            })
        }
        Step::Activate { kid, at } => KeyChange::Activate { kid, at: Timestamp(at) },
        Step::Retire { kid, at } => KeyChange::Retire { kid, at: Timestamp(at) },
        Step::Compromise { kid, at } => KeyChange::Compromise { kid, at: Timestamp(at) },
        Step::Drop { kid } => KeyChange::Drop(kid),
    })
}

fn key_of(record: &KeyRecord) -> Result<Key, Fault> {
    let algorithm = record.algorithm.parse::<Algorithm>();
    Ok(Key {
        kid: record.kid.clone(),
        algorithm: algorithm
            .map_err(|e| Fault::Keys(format!("signing key `{}`: {e}", record.kid)))?,
        activates_at: record.activates_at.0,
        retires_at: record.retires_at.map(|at| at.0),
        compromised_at: record.compromised_at.map(|at| at.0),
    })
}

/// A change for people, as of `now`.
fn told(change: &KeyChange, now: Timestamp) -> String {
    let then = |at: &Timestamp| match now.seconds_until(*at) {
        ..=0 => "now".to_owned(),
        seconds => format!("in {seconds} s"),
    };
    match change {
        KeyChange::Add(KeyRecord { kid, algorithm, activates_at, .. }) => {
            format!("key {kid} ({algorithm}) is published, and signs {}", then(activates_at))
        }
        KeyChange::Activate { kid, at } => format!("key {kid} signs {}", then(at)),
        KeyChange::Retire { kid, at } => format!("key {kid} retires {}", then(at)),
        KeyChange::Compromise { kid, at: _ } => {
            format!("key {kid} is compromised: it is neither published nor used any more")
        }
        KeyChange::Drop(kid) => format!("key {kid} is forgotten"),
    }
}

/// The event that tells of `changes`, and why they were made where that was said.
fn event_of(draft: &Event, changes: &[String]) -> Event {
    let changes = changes.join("; ");
    let detail = match &draft.detail {
        Some(why) => format!("{changes} ({why})"),
        None => changes,
    };
    Event { outcome: Outcome::Rotated, detail: Some(detail), ..draft.clone() }
}

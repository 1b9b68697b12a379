//! A provider's signal takes effect, in one transaction.
//!
//! Why no opening slips past it (the other half is argued in postgres/record.sql): the row of the
//! org is locked first, in a way that conflicts with the lock of every opening. Whatever was opened
//! before has committed, so every statement from here on sees it: whose session it is, and what has
//! to end. Whoever opens later waits, and then finds the epoch raised, of the org or of the grant;
//! the grant is the one on which the ledger was asked. So what was recalled before the signal is
//! decided anew, and what is recalled after it shows what the signal said, for one statement reads
//! both. A name nobody knows raises the epoch of the org: it may be about anybody, also about a user
//! who is just being asked for under that name for the first time.
//!
//! The signal is stored in the same transaction: one that was answered with a fault has done
//! nothing, and may come again.

use delegation::{
    event::Event,
    ports::Signalled,
    refusal::Fault,
    signal::{Affected, Effect, Signal, Whom},
};
use policy::{Risk, Timestamp};

use crate::{
    database::{Database, Transaction},
    ending::{self, FOREVER},
    entry::note,
    epochs, states,
    subjects::{self, Realm, Target},
};

const TAKE: &str = "
  INSERT INTO signals (org, connection, issuer, id, source, received_at, event)
  VALUES ($1, $2, $3, $4, $5, $6, $7)
  ON CONFLICT (org, connection, issuer, id) DO NOTHING";

const KNOWN: &str = "
  SELECT 1 AS known FROM signals
  WHERE org = $1 AND connection = $2 AND issuer = $3 AND id = $4";

const FORGET_NAME: &str = "
  DELETE FROM subject_names WHERE org = $1 AND connection = $2 AND name = $3";

/// Whether it was taken already. What is found here has taken effect; what is not may have since, so
/// that only [`take`] can say no. Without it, whoever repeats a signal would hold up the whole org.
pub(crate) async fn is_known(
    database: &Database,
    org: &str,
    signal: &Signal,
) -> Result<bool, Fault> {
    let Signal { connection, issuer, id, .. } = signal;
    let values = [org.into(), connection.into(), issuer.into(), id.into()];
    database.fetch_one(KNOWN, &values).await.map(|row| row.is_some())
}

pub(crate) async fn take(
    transaction: &mut Transaction,
    org: &str,
    signal: &Signal,
) -> Result<Signalled, Fault> {
    epochs::lock(transaction, org).await?;
    let values = [
        org.into(),
        (&signal.connection).into(),
        (&signal.issuer).into(),
        (&signal.id).into(),
        signal.source.into(),
        signal.received_at.0.into(),
        signal.event.id.to_string().into(),
    ];
    if transaction.execute(TAKE, &values).await? == 0 {
        return Ok(Signalled::Duplicate);
    }
    let realm = Realm { org, connection: &signal.connection };
    let mut ended = 0_u64;
    for affected in &signal.effects {
        let more = affect(transaction, realm, affected, signal.received_at).await?;
        ended = ended.saturating_add(more);
    }
    let event = Event { ended: Some(ended), ..signal.event.clone() };
    note(transaction, org, &event).await?;
    Ok(Signalled::Applied { ended })
}

/// Returns how many delegations ended.
async fn affect(
    transaction: &mut Transaction,
    realm: Realm<'_>,
    affected: &Affected,
    received_at: Timestamp,
) -> Result<u64, Fault> {
    let target = subjects::find(transaction, realm, affected, received_at).await?;
    if target.anybody {
        epochs::raise_of_org(transaction, realm.org).await?;
    }
    for user in &target.users {
        epochs::raise_of_user(transaction, realm, user).await?;
    }
    let late = states::write(transaction, realm, &target, affected, received_at).await?;
    let ended = match ends(affected, late) {
        Some(until) => {
            ending::end_reached(transaction, realm, &target.reach, (until, received_at)).await?
        }
        None => 0,
    };
    if affected.effect == Effect::Forgotten {
        forget(transaction, realm, affected, &target).await?;
    }
    Ok(ended)
}

/// Up to which sign-in it ends what was delegated, if it ends anything.
fn ends(affected: &Affected, late: bool) -> Option<Timestamp> {
    // One that is late says nothing of who signed in since: but an end it remains.
    let all = if late { affected.at } else { FOREVER };
    match affected.effect {
        Effect::SignedOut => match affected.whom {
            // A token is named by itself, whenever that was.
            Whom::Token(_) | Whom::TokenOf { .. } => Some(FOREVER),
            Whom::User { .. } | Whom::Session(_) | Whom::Device(_) | Whom::Everyone => {
                Some(affected.at)
            }
        },
        Effect::Disabled
        | Effect::Device { compliant: false }
        | Effect::Risk(Risk::High)
        | Effect::Forgotten => Some(all),
        Effect::Enabled
        | Effect::StepUp
        | Effect::Device { compliant: true }
        | Effect::Risk(Risk::Low | Risk::Medium)
        | Effect::Recheck => None,
    }
}

/// An address or a number changes hands; a `sub` and an id never do (`OpenID` Connect Core §2).
async fn forget(
    transaction: &mut Transaction,
    realm: Realm<'_>,
    affected: &Affected,
    target: &Target,
) -> Result<(), Fault> {
    let changes_hands = |name: &str| name.starts_with("email:") || name.starts_with("phone:");
    for name in target.places.iter().map(|place| &*place.name).filter(|name| changes_hands(name)) {
        let values = [realm.org.into(), realm.connection.into(), name.into()];
        transaction.execute(FORGET_NAME, &values).await?;
        states::forget(transaction, realm, name, affected.at).await?;
    }
    Ok(())
}

//! Forgets what nobody can need any more. Small steps: nobody waits for a sweep.
//!
//! A delegation is kept for a day after it has expired, so that whoever comes with a token of this
//! morning is told that it was revoked. Then it goes, oldest first. What was derived from it goes in
//! the same step or soon after, for nothing outlives what it was derived from: by then it has been
//! dead for a day, too, and nobody is let in with it, ancestor or not. Nothing that stands ever lacks
//! an ancestor.

use delegation::refusal::Fault;
use policy::Timestamp;

use crate::{
    database::Database,
    ending::{LONGEST_LIFE, first_id},
};

/// Seconds past its expiry after which a token is dead by any clock, and so is what may be used once.
const DEAD_FOR: i64 = 60;

/// A provider that sends a signal again does so within days; SSF receivers are advised to remember
/// them for two weeks.
const SIGNALS_KEPT: i64 = 30 * 24 * 60 * 60;

/// For so long after it has expired a delegation is known, in seconds. Longer than what a revocation
/// looks at (see `ending`).
const DELEGATIONS_KEPT: i64 = 24 * 60 * 60;

/// How long a status list is kept after the last lease on it was over, in seconds: a token that was
/// given its place at the last moment lives for 300 more.
const LISTS_KEPT: i64 = 15 * 60;

/// On `SQLite` exchanges wait for a step: it takes a few milliseconds.
const STEP: i64 = 128;

/// Some come with every request, and their rows are small.
const USED_STEP: i64 = 512;

/// A row of this table is in many indexes: less of it takes as long.
const DELEGATIONS_STEP: i64 = 64;

// A look at the oldest of each, beside those who write: of a thousand organizations few have anything to
// forget, and each deletion would take the turn of an exchange to find that out.
const ORGS: &str = "
  SELECT org FROM orgs
  WHERE EXISTS (
    SELECT 1 FROM delegations
    WHERE delegations.org = orgs.org AND delegations.id < $1 AND delegations.expires_at < $2)
  ORDER BY org";

// The condition on expires_at holds for all that are found. It is here because it must.
const DELEGATIONS_SQLITE: &str = "
  DELETE FROM delegations
  WHERE org = $1 AND id IN (
    SELECT id FROM delegations WHERE org = $1 AND id < $2 AND expires_at < $3
    ORDER BY id LIMIT $4)";

// An array, so that the rest can only be a look-up by primary key.
const DELEGATIONS_POSTGRES: &str = "
  DELETE FROM delegations
  WHERE org = $1 AND id = ANY(ARRAY(
    SELECT id FROM delegations WHERE org = $1 AND id < $2 AND expires_at < $3
    ORDER BY id LIMIT $4 FOR UPDATE SKIP LOCKED))";

// Not the newest of an org: its number must not come again.
const LISTS: &str = "
  DELETE FROM status_lists
  WHERE leased_until < $1 AND list < (
    SELECT MAX(newer.list) FROM status_lists newer WHERE newer.org = status_lists.org)";

// A chain dies with its root: nothing outlives what it was derived from.
const SUBJECTS_SQLITE: &str = "
  UPDATE delegations SET subject_sealed = NULL, names = NULL
  WHERE (org, id) IN (
    SELECT org, id FROM delegations
    WHERE subject_sealed IS NOT NULL AND expires_at < $1
    LIMIT $2)";

// Rows that somebody is ending, or another replica is sweeping, are left to the next round: waiting
// for them could be waited for in turn.
const SUBJECTS_POSTGRES: &str = "
  UPDATE delegations SET subject_sealed = NULL, names = NULL
  WHERE (org, id) IN (
    SELECT org, id FROM delegations
    WHERE subject_sealed IS NOT NULL AND expires_at < $1
    LIMIT $2 FOR UPDATE SKIP LOCKED)";

const SIGNALS_SQLITE: &str = "
  DELETE FROM signals
  WHERE (org, connection, issuer, id) IN (
    SELECT org, connection, issuer, id FROM signals WHERE received_at < $1 LIMIT $2)";

const SIGNALS_POSTGRES: &str = "
  DELETE FROM signals
  WHERE (org, connection, issuer, id) IN (
    SELECT org, connection, issuer, id FROM signals WHERE received_at < $1
    LIMIT $2 FOR UPDATE SKIP LOCKED)";

const STATES_SQLITE: &str = "
  DELETE FROM subject_states
  WHERE (org, connection, name, about) IN (
    SELECT org, connection, name, about FROM subject_states WHERE forget_at < $1 LIMIT $2)";

const STATES_POSTGRES: &str = "
  DELETE FROM subject_states
  WHERE (org, connection, name, about) IN (
    SELECT org, connection, name, about FROM subject_states WHERE forget_at < $1
    LIMIT $2 FOR UPDATE SKIP LOCKED)";

const USED_SQLITE: &str = "
  DELETE FROM used
  WHERE (org, id) IN (SELECT org, id FROM used WHERE until < $1 LIMIT $2)";

const USED_POSTGRES: &str = "
  DELETE FROM used
  WHERE (org, id) IN (
    SELECT org, id FROM used WHERE until < $1 LIMIT $2 FOR UPDATE SKIP LOCKED)";

/// One step of each; returns how many rows were forgotten.
pub(crate) async fn run(database: &Database, Timestamp(now): Timestamp) -> Result<u64, Fault> {
    let (subjects, signals, states, used, delegations) = match database {
        Database::Postgres { .. } => (
            SUBJECTS_POSTGRES,
            SIGNALS_POSTGRES,
            STATES_POSTGRES,
            USED_POSTGRES,
            DELEGATIONS_POSTGRES,
        ),
        Database::Sqlite { .. } => {
            (SUBJECTS_SQLITE, SIGNALS_SQLITE, STATES_SQLITE, USED_SQLITE, DELEGATIONS_SQLITE)
        }
    };
    let mut forgotten = 0_u64;
    for (sql, before, step) in [
        (subjects, now.saturating_sub(DEAD_FOR), STEP),
        (signals, now.saturating_sub(SIGNALS_KEPT), STEP),
        (states, now, STEP),
        (used, now.saturating_sub(DEAD_FOR), USED_STEP),
    ] {
        let rows = database.execute(sql, &[before.into(), step.into()]).await?;
        forgotten = forgotten.saturating_add(rows);
    }
    let before = now.saturating_sub(LISTS_KEPT);
    forgotten = forgotten.saturating_add(database.execute(LISTS, &[before.into()]).await?);
    let before = now.saturating_sub(DELEGATIONS_KEPT);
    // What has a smaller id has expired before, without a look at each.
    let first_kept = first_id(before.saturating_sub(LONGEST_LIFE));
    let old = [(&first_kept).into(), before.into()];
    for org in database.fetch_all(ORGS, &old).await? {
        let org: String = org.get("org")?;
        let step = DELEGATIONS_STEP.into();
        let values = [org.into(), (&first_kept).into(), before.into(), step];
        let rows = database.execute(delegations, &values).await?;
        forgotten = forgotten.saturating_add(rows);
    }
    Ok(forgotten)
}

//! Forgets what nobody can need any more. Small steps: nobody waits for a sweep.

use delegation::refusal::Fault;
use policy::Timestamp;

use crate::database::Database;

/// Seconds past its expiry after which a token is dead by any clock.
const DEAD_FOR: i64 = 60;

/// A provider that sends a signal again does so within days; SSF receivers are advised to remember
/// them for two weeks.
const SIGNALS_KEPT: i64 = 30 * 24 * 60 * 60;

const STEP: i64 = 500;

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

/// One step of each; returns how many rows were forgotten.
pub(crate) async fn run(database: &Database, Timestamp(now): Timestamp) -> Result<u64, Fault> {
    let (subjects, signals, states) = match database {
        Database::Postgres { .. } => (SUBJECTS_POSTGRES, SIGNALS_POSTGRES, STATES_POSTGRES),
        Database::Sqlite { .. } => (SUBJECTS_SQLITE, SIGNALS_SQLITE, STATES_SQLITE),
    };
    let mut forgotten = 0_u64;
    for (sql, before) in [
        (subjects, now.saturating_sub(DEAD_FOR)),
        (signals, now.saturating_sub(SIGNALS_KEPT)),
        (states, now),
    ] {
        let rows = database.execute(sql, &[before.into(), STEP.into()]).await?;
        forgotten = forgotten.saturating_add(rows);
    }
    Ok(forgotten)
}

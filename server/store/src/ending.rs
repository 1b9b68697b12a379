//! Ends delegations, with everything derived from them.
//!
//! Why no child survives (the other half is argued in postgres/record.sql): what is selected is
//! marked first. From then on nobody can open anything below it, because an opening reads all its
//! ancestors with a lock that conflicts with the mark. Whatever was opened before the mark has
//! committed before it, so the next statement, whose snapshot is newer, finds it as a child of what
//! is marked. Each level marks the next, until a level is empty. All of it is one transaction: an
//! ancestor that is seen ended never has a child that is seen standing.
//!
//! What is selected by its user, session or first token is not all below one mark: a new chain could
//! begin beside it. There the epoch of the user's grants, or of the org, is raised before the marks,
//! and does the same (see `epochs` and `signals`).
//!
//! What is stopped (an agent, a connection, the org) is not all below one mark either. There the
//! revision of the org is raised first, with the stop. Whatever was opened under the revision before
//! has committed, for it holds the row of the org until then, and the marks find it. Whatever is to
//! be opened under that revision later is decided anew, and then by a snapshot that shows the stop:
//! the two were committed together. So nothing that rests on what is stopped is opened until it is
//! restored, and one look at what stands is enough: of a connection and an org nothing has to be
//! looked for level by level, since a chain has one connection.
//!
//! What a revocation costs grows with what stands and with what died just now, not with what died
//! before: each mark looks only at what expires later than that, in an index that has the
//! moment of expiry or, in the ids, the moment of issue.

use delegation::{declared::Stoppable, ports::Selector, refusal::Fault};
use policy::Timestamp;
use uuid::Uuid;

use crate::{
    database::{Row, Transaction},
    epochs, json, stops,
    subjects::{Reach, Realm},
};

/// A token this long past its expiry, in seconds, is dead whatever any clock says, and so is what was
/// derived from it. Without such a line, ending an agent would rewrite its whole history; with one
/// further back, stopping a busy org would take as much longer.
const SURELY_EXPIRED: i64 = 10 * 60;

/// No token lives for longer, in seconds; twice what `delegation::declared::Settings` allows.
pub(crate) const LONGEST_LIFE: i64 = 10 * 60;

const MARK_DELEGATION: &str = "
  UPDATE delegations SET ended_at = $2
  WHERE org = $1 AND ended_at IS NULL AND id = $3
  RETURNING id";

const MARK_OF_GRANT: &str = "
  UPDATE delegations SET ended_at = $2
  WHERE org = $1 AND ended_at IS NULL AND grant_id = $3 AND expires_at > $4
  RETURNING id";

const MARK_OF_AGENT: &str = "
  UPDATE delegations SET ended_at = $2
  WHERE org = $1 AND ended_at IS NULL AND agent = $3 AND expires_at > $4
  RETURNING id";

const END_GRANT: &str = "
  UPDATE grants SET ended_at = $2
  WHERE org = $1 AND ended_at IS NULL AND id = $3";

// A grant of everybody takes those with it that were made of it.
const END_MADE_OF: &str = "
  UPDATE grants SET ended_at = $2
  WHERE org = $1 AND ended_at IS NULL AND template = $3";

// One look-up per grant on PostgreSQL, for the reason below (MARK_CHILDREN_POSTGRES).
const MARK_OF_MADE_OF_POSTGRES: &str = "
  UPDATE delegations SET ended_at = $2
  WHERE org = $1 AND COALESCE(ended_at, 0) = 0 AND id = ANY(ARRAY(
    SELECT held.id FROM grants made
    CROSS JOIN LATERAL (
      SELECT id FROM delegations
      WHERE org = $1 AND grant_id = made.id AND expires_at > $4 AND ended_at IS NULL OFFSET 0
    ) held
    WHERE made.org = $1 AND made.template = $3))
  RETURNING id";

const MARK_OF_MADE_OF_SQLITE: &str = "
  UPDATE delegations SET ended_at = $2
  WHERE org = $1 AND ended_at IS NULL AND expires_at > $4
    AND grant_id IN (SELECT id FROM grants WHERE org = $1 AND template = $3)
  RETURNING id";

const END_GRANTS_OF_AGENT: &str = "
  UPDATE grants SET ended_at = $2
  WHERE org = $1 AND ended_at IS NULL AND agent = $3";

const END_GRANTS_OF_CONNECTION: &str = "
  UPDATE grants SET ended_at = $2
  WHERE org = $1 AND ended_at IS NULL AND connection = $3";

// $5 is the id that something issued at the oldest moment in question would have (see `ids_since`).
// COALESCE rather than IS NULL, so that no index of what stands can be taken but only the primary
// key: those others hold, under one org, all that died without being ended.
const MARK_OF_CONNECTION: &str = "
  UPDATE delegations SET ended_at = $2
  WHERE org = $1 AND id > $5 AND connection = $3 AND expires_at > $4 AND COALESCE(ended_at, 0) = 0";

const MARK_OF_ORG: &str = "
  UPDATE delegations SET ended_at = $2
  WHERE org = $1 AND id > $4 AND expires_at > $3 AND COALESCE(ended_at, 0) = 0";

// Who signed in at $4 or before, or nobody knows when.
const MARK_OF_USER: &str = "
  UPDATE delegations SET ended_at = $3
  WHERE org = $1 AND ended_at IS NULL AND connection = $2 AND user_sub = $6 AND expires_at > $5
    AND (signed_in_at IS NULL OR signed_in_at <= $4)
  RETURNING id";

const MARK_OF_SESSION: &str = "
  UPDATE delegations SET ended_at = $3
  WHERE org = $1 AND ended_at IS NULL AND connection = $2 AND session = $6 AND expires_at > $5
    AND (signed_in_at IS NULL OR signed_in_at <= $4)
  RETURNING id";

// $6 as $5 of MARK_OF_CONNECTION.
const MARK_OF_EVERYONE: &str = "
  UPDATE delegations SET ended_at = $3
  WHERE org = $1 AND id > $6 AND connection = $2 AND expires_at > $5 AND COALESCE(ended_at, 0) = 0
    AND (signed_in_at IS NULL OR signed_in_at <= $4)
  RETURNING id";

// $6 is one name as JSON has it: with its quotation marks it is found in the list, or it is not there.
const MARK_NAMED: &str = "
  UPDATE delegations SET ended_at = $3
  WHERE org = $1 AND ended_at IS NULL AND connection = $2 AND expires_at > $5
    AND names IS NOT NULL AND replace(names, $6, '') <> names
    AND (signed_in_at IS NULL OR signed_in_at <= $4)
  RETURNING id";

const MARK_NAMED_OF_USER: &str = "
  UPDATE delegations SET ended_at = $3
  WHERE org = $1 AND ended_at IS NULL AND connection = $2 AND user_sub = $7 AND expires_at > $5
    AND names IS NOT NULL AND replace(names, $6, '') <> names
    AND (signed_in_at IS NULL OR signed_in_at <= $4)
  RETURNING id";

/// How many parents one statement asks for: 400 kB of ids.
const LEVEL: usize = 10_000;

// Two texts, since only one database has arrays and only the other JSON without ceremony. The ids
// are ours: hexadecimal digits and hyphens, so that neither text needs quoting.
//
// For PostgreSQL one look-up per parent, each a query of its own, and the rest by primary key.
// `parent = ANY(…)` would be planned, without statistics, as a scan of all that stands in the org.
const MARK_CHILDREN_POSTGRES: &str = "
  UPDATE delegations SET ended_at = $2
  WHERE org = $1 AND COALESCE(ended_at, 0) = 0 AND id = ANY(ARRAY(
    SELECT child.id FROM unnest(string_to_array($3, ' ')) AS above (id)
    CROSS JOIN LATERAL (
      SELECT id FROM delegations
      WHERE org = $1 AND parent = above.id AND parent IS NOT NULL AND ended_at IS NULL OFFSET 0
    ) child))
  RETURNING id";

const MARK_CHILDREN_SQLITE: &str = "
  UPDATE delegations SET ended_at = $2
  WHERE org = $1 AND ended_at IS NULL AND parent IS NOT NULL
    AND parent IN (SELECT value FROM json_each('[\"' || replace($3, ' ', '\",\"') || '\"]'))
  RETURNING id";

/// What expired before this moment need not be ended.
pub(crate) const fn since(at: Timestamp) -> i64 {
    at.0.saturating_sub(SURELY_EXPIRED)
}

/// What has a smaller id expired before [`since`]: ids are `UUIDv7`, they begin with when it was issued.
fn ids_since(at: Timestamp) -> String {
    first_id(since(at).saturating_sub(LONGEST_LIFE))
}

/// The smallest id of what was issued at this moment or later.
pub(crate) fn first_id(at: i64) -> String {
    let milliseconds = u128::try_from(at).unwrap_or(0).saturating_mul(1000);
    Uuid::from_u128(milliseconds << 80).to_string()
}

/// Ends what is selected and everything derived from it, and stops what can be stopped; returns how
/// many delegations ended.
///
/// A stop is kept under the name, whatever is declared: also of what is dropped and declared anew.
pub(crate) async fn revoke(
    transaction: &mut Transaction,
    org: &str,
    selector: &Selector,
    at: Timestamp,
) -> Result<u64, Fault> {
    if let Some(what) = stopped_by(selector) {
        stops::put(transaction, org, &what, at).await?;
    }
    end(transaction, org, selector, at).await
}

fn stopped_by(selector: &Selector) -> Option<Stoppable> {
    match selector {
        Selector::Agent(id) => Some(Stoppable::Agent(id.clone())),
        Selector::Connection(id) => Some(Stoppable::Connection(id.clone())),
        Selector::Org => Some(Stoppable::Org),
        Selector::Delegation(_) | Selector::Grant(_) | Selector::User { .. } => None,
    }
}

/// Ends what is selected and everything derived from it; returns how many delegations ended.
///
/// A grant that is selected ends too, with those made of it. Of an agent, a connection and the org the caller has raised the
/// revision of the org before.
pub(crate) async fn end(
    transaction: &mut Transaction,
    org: &str,
    selector: &Selector,
    at: Timestamp,
) -> Result<u64, Fault> {
    let since = since(at);
    let marked = match selector {
        Selector::Delegation(id) => {
            let values = [org.into(), at.0.into(), id.to_string().into()];
            transaction.fetch_all(MARK_DELEGATION, &values).await?
        }
        Selector::Grant(id) => {
            let mark_of_made_of = match transaction {
                Transaction::Postgres(_) => MARK_OF_MADE_OF_POSTGRES,
                Transaction::Sqlite(..) => MARK_OF_MADE_OF_SQLITE,
            };
            for sql in [END_GRANT, END_MADE_OF] {
                transaction.execute(sql, &[org.into(), at.0.into(), id.into()]).await?;
            }
            let values = [org.into(), at.0.into(), id.into(), since.into()];
            let mut marked = transaction.fetch_all(MARK_OF_GRANT, &values).await?;
            marked.extend(transaction.fetch_all(mark_of_made_of, &values).await?);
            marked
        }
        Selector::Agent(id) => {
            let values = [org.into(), at.0.into(), id.into(), since.into()];
            transaction.fetch_all(MARK_OF_AGENT, &values).await?
        }
        Selector::Connection(id) => {
            let values = [org.into(), at.0.into(), id.into(), since.into(), ids_since(at).into()];
            return transaction.execute(MARK_OF_CONNECTION, &values).await;
        }
        Selector::Org => {
            let values = [org.into(), at.0.into(), since.into(), ids_since(at).into()];
            return transaction.execute(MARK_OF_ORG, &values).await;
        }
        Selector::User { connection, user } => {
            let realm = Realm { org, connection };
            // First, as with a signal: an opening that was recalled earlier is not recorded.
            epochs::raise_of_user(transaction, realm, user).await?;
            let reach = Reach::Users([user.clone()].into());
            return end_reached(transaction, realm, &reach, (FOREVER, at)).await;
        }
    };
    cascade(transaction, org, marked, at).await
}

/// Later than any sign-in.
pub(crate) const FOREVER: Timestamp = Timestamp(i64::MAX);

/// Ends what is reached and was signed in at `until` or before, and everything derived from it;
/// returns how many delegations ended.
pub(crate) async fn end_reached(
    transaction: &mut Transaction,
    Realm { org, connection }: Realm<'_>,
    reach: &Reach,
    (until, at): (Timestamp, Timestamp),
) -> Result<u64, Fault> {
    let since = since(at);
    let five = [org.into(), connection.into(), at.0.into(), until.0.into(), since.into()];
    let (mark, whose): (_, Vec<String>) = match reach {
        Reach::Users(users) => (MARK_OF_USER, users.iter().cloned().collect()),
        Reach::Session(session) => (MARK_OF_SESSION, vec![session.clone()]),
        Reach::Named(name) => (MARK_NAMED, vec![json::write(name)]),
        Reach::NamedOf { user, name } => {
            let mut values = five.to_vec();
            values.extend([json::write(name).into(), user.into()]);
            let marked = transaction.fetch_all(MARK_NAMED_OF_USER, &values).await?;
            return cascade(transaction, org, marked, at).await;
        }
        Reach::Everyone => {
            let mut values = five.to_vec();
            values.push(ids_since(at).into());
            let marked = transaction.fetch_all(MARK_OF_EVERYONE, &values).await?;
            return cascade(transaction, org, marked, at).await;
        }
    };
    let mut ended = 0_u64;
    for whose in whose {
        let mut values = five.to_vec();
        values.push(whose.into());
        let marked = transaction.fetch_all(mark, &values).await?;
        ended = ended.saturating_add(cascade(transaction, org, marked, at).await?);
    }
    Ok(ended)
}

/// Ends an agent's grants and delegations. An agent that is later given the same name starts with
/// nothing.
pub(crate) async fn end_agent(
    transaction: &mut Transaction,
    org: &str,
    agent: &str,
    at: Timestamp,
) -> Result<(), Fault> {
    let values = [org.into(), at.0.into(), agent.into()];
    transaction.execute(END_GRANTS_OF_AGENT, &values).await?;
    end(transaction, org, &Selector::Agent(agent.to_owned()), at).await.map(drop)
}

/// Ends the grants of a connection's users, and what hangs on them. A provider that is later
/// connected under the same name may use the same `sub` for somebody else.
pub(crate) async fn end_connection(
    transaction: &mut Transaction,
    org: &str,
    connection: &str,
    at: Timestamp,
) -> Result<(), Fault> {
    let values = [org.into(), at.0.into(), connection.into()];
    transaction.execute(END_GRANTS_OF_CONNECTION, &values).await?;
    end(transaction, org, &Selector::Connection(connection.to_owned()), at).await.map(drop)
}

/// Marks level after level below `marked`, which counts.
async fn cascade(
    transaction: &mut Transaction,
    org: &str,
    marked: Vec<Row>,
    at: Timestamp,
) -> Result<u64, Fault> {
    let mark_children = match transaction {
        Transaction::Postgres(_) => MARK_CHILDREN_POSTGRES,
        Transaction::Sqlite(..) => MARK_CHILDREN_SQLITE,
    };
    let mut ended = 0_u64;
    let mut level = ids(marked)?;
    while !level.is_empty() {
        ended = ended.saturating_add(u64::try_from(level.len()).unwrap_or(u64::MAX));
        let mut below = Vec::new();
        for parents in level.chunks(LEVEL) {
            let values = [org.into(), at.0.into(), parents.join(" ").into()];
            below.extend(ids(transaction.fetch_all(mark_children, &values).await?)?);
        }
        level = below;
    }
    Ok(ended)
}

fn ids(rows: Vec<Row>) -> Result<Vec<String>, Fault> {
    rows.into_iter().map(|row| row.get("id")).collect()
}

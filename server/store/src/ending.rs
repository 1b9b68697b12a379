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

use delegation::{ports::Selector, refusal::Fault};
use policy::Timestamp;

use crate::{
    database::{Row, Transaction},
    epochs, json,
    subjects::{Reach, Realm},
};

/// A token this long past its expiry is dead whatever any clock says, and so is what was derived
/// from it. Without such a line, ending an agent would rewrite its whole history.
const SURELY_EXPIRED: i64 = 24 * 60 * 60;

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

const END_GRANTS_OF_AGENT: &str = "
  UPDATE grants SET ended_at = $2
  WHERE org = $1 AND ended_at IS NULL AND agent = $3";

const END_GRANTS_OF_CONNECTION: &str = "
  UPDATE grants SET ended_at = $2
  WHERE org = $1 AND ended_at IS NULL AND connection = $3";

const MARK_OF_CONNECTION: &str = "
  UPDATE delegations SET ended_at = $2
  WHERE org = $1 AND ended_at IS NULL AND expires_at > $4 AND grant_id IN (
    SELECT id FROM grants WHERE org = $1 AND connection = $3)
  RETURNING id";

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

const MARK_OF_EVERYONE: &str = "
  UPDATE delegations SET ended_at = $3
  WHERE org = $1 AND ended_at IS NULL AND expires_at > $5
    AND grant_id IN (SELECT id FROM grants WHERE org = $1 AND connection = $2)
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
const MARK_CHILDREN_POSTGRES: &str = "
  UPDATE delegations SET ended_at = $2
  WHERE org = $1 AND ended_at IS NULL AND parent IS NOT NULL
    AND parent = ANY(string_to_array($3, ' '))
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

/// Ends what is selected and everything derived from it; returns how many delegations ended.
///
/// A grant that is selected ends too. An agent that is selected keeps its grants: it is stopped by
/// declaring it disabled, or dropping it.
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
            transaction.execute(END_GRANT, &[org.into(), at.0.into(), id.into()]).await?;
            let values = [org.into(), at.0.into(), id.into(), since.into()];
            transaction.fetch_all(MARK_OF_GRANT, &values).await?
        }
        Selector::Agent(id) => {
            let values = [org.into(), at.0.into(), id.into(), since.into()];
            transaction.fetch_all(MARK_OF_AGENT, &values).await?
        }
        Selector::Connection(_) | Selector::Org => {
            return Err(Fault::Store("to come".to_owned()));
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
            let marked = transaction.fetch_all(MARK_OF_EVERYONE, &five).await?;
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
    let since = since(at);
    let values = [org.into(), at.0.into(), connection.into(), since.into()];
    let marked = transaction.fetch_all(MARK_OF_CONNECTION, &values).await?;
    cascade(transaction, org, marked, at).await.map(drop)
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
        Transaction::Sqlite(_) => MARK_CHILDREN_SQLITE,
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

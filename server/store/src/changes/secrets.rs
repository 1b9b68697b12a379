//! Secrets of clients: kept as hashes, two at most, while one replaces the other.

use delegation::{declared::SecretOwner, refusal::Fault};
use policy::Timestamp;

use crate::database::{Transaction, Value};

/// Whose secrets.
#[derive(Clone, Copy, Debug)]
pub(super) enum Owner<'a> {
    Agent(&'a str),
    Resource(&'a str),
    Operator(&'a str),
}

impl<'a> Owner<'a> {
    pub fn of(owner: &'a SecretOwner) -> Self {
        match owner {
            SecretOwner::Agent(id) => Self::Agent(id),
            SecretOwner::Resource(id) => Self::Resource(id),
            SecretOwner::Operator(id) => Self::Operator(id),
        }
    }

    /// The kind as stored, and the id.
    const fn named(self) -> (&'static str, &'a str) {
        match self {
            Self::Agent(id) => ("agent", id),
            Self::Resource(id) => ("resource", id),
            Self::Operator(id) => ("operator", id),
        }
    }

    const fn texts(self) -> &'static Texts {
        match self {
            Self::Agent(_) => &OF_AGENTS,
            Self::Resource(_) | Self::Operator(_) => &OF_OTHERS,
        }
    }

    fn values<'v>(self, org: &'v str) -> Vec<Value<'v>>
    where
        'a: 'v,
    {
        let (kind, id) = self.named();
        vec![org.into(), kind.into(), id.into()]
    }
}

/// Agents have had a table of their own before others had secrets. $1 org, $2 kind, $3 owner.
struct Texts {
    /// $4 hash, $5 when.
    add: &'static str,
    drop: &'static str,
    /// $4 the one that stays.
    drop_others: &'static str,
    newest_first: &'static str,
}

const OF_AGENTS: Texts = Texts {
    add:
        "
  INSERT INTO agent_secrets (org, agent, hash, created_at) SELECT $1, $3, $4, $5 WHERE $2 = 'agent'",
    drop: "
  DELETE FROM agent_secrets WHERE org = $1 AND $2 = 'agent' AND agent = $3",
    drop_others: "
  DELETE FROM agent_secrets WHERE org = $1 AND $2 = 'agent' AND agent = $3 AND hash <> $4",
    newest_first: "
  SELECT hash, created_at FROM agent_secrets WHERE org = $1 AND $2 = 'agent' AND agent = $3
  ORDER BY created_at DESC, hash DESC",
};

const OF_OTHERS: Texts = Texts {
    add: "
  INSERT INTO client_secrets (org, kind, owner, hash, created_at) VALUES ($1, $2, $3, $4, $5)",
    drop: "
  DELETE FROM client_secrets WHERE org = $1 AND kind = $2 AND owner = $3",
    drop_others: "
  DELETE FROM client_secrets WHERE org = $1 AND kind = $2 AND owner = $3 AND hash <> $4",
    newest_first: "
  SELECT hash, created_at FROM client_secrets WHERE org = $1 AND kind = $2 AND owner = $3
  ORDER BY created_at DESC, hash DESC",
};

// Secrets of different kinds of owners are in one table, which therefore cannot refer to theirs.
const OWNERS: &str = "
  SELECT id FROM agents WHERE org = $1 AND $2 = 'agent' AND id = $3
  UNION ALL
  SELECT id FROM resources WHERE org = $1 AND $2 = 'resource' AND id = $3 AND client_id IS NOT NULL
  UNION ALL
  SELECT id FROM operators WHERE org = $1 AND $2 = 'operator' AND id = $3";

/// This one instead of all others.
pub(super) async fn replace(
    transaction: &mut Transaction,
    org: &str,
    owner: Owner<'_>,
    hash: &[u8; 32],
    at: Timestamp,
) -> Result<(), Fault> {
    check(transaction, org, owner).await?;
    drop_all(transaction, org, owner).await?;
    write(transaction, org, owner, hash, at.0).await
}

/// This one beside the newest of the others.
pub(super) async fn add(
    transaction: &mut Transaction,
    org: &str,
    owner: Owner<'_>,
    hash: &[u8; 32],
    at: Timestamp,
) -> Result<(), Fault> {
    check(transaction, org, owner).await?;
    let newest = drop_older(transaction, org, owner).await?;
    // The newest, whatever the clocks of two replicas say.
    let at = newest.map_or(at.0, |newest| at.0.max(newest.saturating_add(1)));
    write(transaction, org, owner, hash, at).await
}

/// Those it comes with, unless it has some already.
pub(super) async fn add_first(
    transaction: &mut Transaction,
    org: &str,
    owner: Owner<'_>,
    hashes: &[[u8; 32]],
    at: Timestamp,
) -> Result<(), Fault> {
    let texts = owner.texts();
    if !transaction.fetch_all(texts.newest_first, &owner.values(org)).await?.is_empty() {
        return Ok(());
    }
    for hash in hashes {
        write(transaction, org, owner, hash, at.0).await?;
    }
    Ok(())
}

/// Leaves the newest; returns of when it is, if there is any.
pub(super) async fn drop_older(
    transaction: &mut Transaction,
    org: &str,
    owner: Owner<'_>,
) -> Result<Option<i64>, Fault> {
    let texts = owner.texts();
    let rows = transaction.fetch_all(texts.newest_first, &owner.values(org)).await?;
    let Some(newest) = rows.first() else { return Ok(None) };
    let hash: Vec<u8> = newest.get("hash")?;
    let mut values = owner.values(org);
    values.push(hash.as_slice().into());
    transaction.execute(texts.drop_others, &values).await?;
    newest.get("created_at").map(Some)
}

pub(super) async fn drop_all(
    transaction: &mut Transaction,
    org: &str,
    owner: Owner<'_>,
) -> Result<(), Fault> {
    transaction.execute(owner.texts().drop, &owner.values(org)).await.map(drop)
}

async fn check(transaction: &mut Transaction, org: &str, owner: Owner<'_>) -> Result<(), Fault> {
    if transaction.fetch_all(OWNERS, &owner.values(org)).await?.is_empty() {
        let (kind, id) = owner.named();
        return Err(Fault::Store(format!("there is no {kind} `{id}` to give a secret to")));
    }
    Ok(())
}

async fn write(
    transaction: &mut Transaction,
    org: &str,
    owner: Owner<'_>,
    hash: &[u8; 32],
    at: i64,
) -> Result<(), Fault> {
    let mut values = owner.values(org);
    values.extend([hash.as_slice().into(), at.into()]);
    transaction.execute(owner.texts().add, &values).await.map(drop)
}

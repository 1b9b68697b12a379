//! Resource servers and operators: who proves itself by a secret, beside agents.

use delegation::{
    declared::{Operator, Resource},
    refusal::Fault,
};
use policy::Timestamp;

use crate::{database::Transaction, list};

/// Kinds of owners of secrets.
pub(super) const RESOURCE: &str = "resource";
pub(super) const OPERATOR: &str = "operator";

const PUT_RESOURCE: &str = "
  INSERT INTO resources (org, id, name, scope, client_id, status_since)
  VALUES ($1, $2, $3, $4, $5, $6)
  ON CONFLICT (org, id) DO UPDATE SET
    name = excluded.name, scope = excluded.scope, client_id = excluded.client_id,
    -- Keeps the first moment for as long as it stays switched on.
    status_since = CASE WHEN excluded.status_since IS NOT NULL
      THEN COALESCE(resources.status_since, excluded.status_since) END";

const DROP_RESOURCE: &str = "DELETE FROM resources WHERE org = $1 AND id = $2";

const PUT_OPERATOR: &str = "
  INSERT INTO operators (org, id, name, powers) VALUES ($1, $2, $3, $4)
  ON CONFLICT (org, id) DO UPDATE SET name = excluded.name, powers = excluded.powers";

const DROP_OPERATOR: &str = "DELETE FROM operators WHERE org = $1 AND id = $2";

const DROP_CLIENT_SECRETS: &str = "
  DELETE FROM client_secrets WHERE org = $1 AND kind = $2 AND owner = $3";

const ADD_CLIENT_SECRET: &str = "
  INSERT INTO client_secrets (org, kind, owner, hash, created_at) VALUES ($1, $2, $3, $4, $5)
  ON CONFLICT (org, kind, owner, hash) DO NOTHING";

const COUNT_SECRETS: &str = "
  SELECT COUNT(*) AS secrets FROM client_secrets WHERE org = $1 AND kind = $2 AND owner = $3";

// Secrets of different kinds of owners are in one table, which therefore cannot refer to theirs.
const OWNERS: &str = "
  SELECT id FROM resources WHERE org = $1 AND $2 = 'resource' AND id = $3 AND client_id IS NOT NULL
  UNION ALL
  SELECT id FROM operators WHERE org = $1 AND $2 = 'operator' AND id = $3";

pub(super) async fn put_resource(
    transaction: &mut Transaction,
    org: &str,
    resource: &Resource,
    at: Timestamp,
) -> Result<(), Fault> {
    let values = [
        org.into(),
        (&resource.id).into(),
        (&resource.name).into(),
        resource.scope.to_string().into(),
        resource.client_id.as_deref().into(),
        resource.status.then_some(at.0).into(),
    ];
    transaction.execute(PUT_RESOURCE, &values).await?;
    if resource.client_id.is_none() {
        return drop_secrets(transaction, (org, RESOURCE, &resource.id)).await;
    }
    add_first_secrets(transaction, (org, RESOURCE, &resource.id), &resource.secrets, at).await
}

pub(super) async fn drop_resource(
    transaction: &mut Transaction,
    org: &str,
    id: &str,
) -> Result<(), Fault> {
    drop_secrets(transaction, (org, RESOURCE, id)).await?;
    transaction.execute(DROP_RESOURCE, &[org.into(), id.into()]).await.map(drop)
}

pub(super) async fn put_operator(
    transaction: &mut Transaction,
    org: &str,
    operator: &Operator,
    at: Timestamp,
) -> Result<(), Fault> {
    let powers = list::write(&operator.powers)?;
    let values = [org.into(), (&operator.id).into(), (&operator.name).into(), powers.into()];
    transaction.execute(PUT_OPERATOR, &values).await?;
    add_first_secrets(transaction, (org, OPERATOR, &operator.id), &operator.secrets, at).await
}

pub(super) async fn drop_operator(
    transaction: &mut Transaction,
    org: &str,
    id: &str,
) -> Result<(), Fault> {
    drop_secrets(transaction, (org, OPERATOR, id)).await?;
    transaction.execute(DROP_OPERATOR, &[org.into(), id.into()]).await.map(drop)
}

/// The org, what kind of owner, and which.
pub(super) type Owner<'a> = (&'a str, &'static str, &'a str);

pub(super) async fn replace_secrets(
    transaction: &mut Transaction,
    (org, kind, id): Owner<'_>,
    hashes: &[[u8; 32]],
    at: Timestamp,
) -> Result<(), Fault> {
    let values = [org.into(), kind.into(), id.into()];
    if transaction.fetch_all(OWNERS, &values).await?.is_empty() {
        return Err(Fault::Store(format!("there is no {kind} `{id}` to give a secret to")));
    }
    drop_secrets(transaction, (org, kind, id)).await?;
    add_secrets(transaction, (org, kind, id), hashes, at).await
}

/// Those it comes with, unless it has some already.
async fn add_first_secrets(
    transaction: &mut Transaction,
    (org, kind, id): Owner<'_>,
    hashes: &[[u8; 32]],
    at: Timestamp,
) -> Result<(), Fault> {
    let values = [org.into(), kind.into(), id.into()];
    for row in transaction.fetch_all(COUNT_SECRETS, &values).await? {
        if 0 < row.get::<i64>("secrets")? {
            return Ok(());
        }
    }
    add_secrets(transaction, (org, kind, id), hashes, at).await
}

async fn drop_secrets(
    transaction: &mut Transaction,
    (org, kind, id): Owner<'_>,
) -> Result<(), Fault> {
    let values = [org.into(), kind.into(), id.into()];
    transaction.execute(DROP_CLIENT_SECRETS, &values).await.map(drop)
}

async fn add_secrets(
    transaction: &mut Transaction,
    (org, kind, id): Owner<'_>,
    hashes: &[[u8; 32]],
    at: Timestamp,
) -> Result<(), Fault> {
    for hash in hashes {
        let values = [org.into(), kind.into(), id.into(), hash.as_slice().into(), at.0.into()];
        transaction.execute(ADD_CLIENT_SECRET, &values).await?;
    }
    Ok(())
}

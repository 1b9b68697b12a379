//! Resource servers and operators: who proves itself by a secret, beside agents.

use delegation::{
    declared::{Operator, Resource},
    refusal::Fault,
};
use policy::Timestamp;

use super::secrets::{self, Owner};
use crate::{database::Transaction, json, list};

const PUT_RESOURCE: &str = "
  INSERT INTO resources (org, id, name, scope, client_id, status_since, authentication, abroad)
  VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
  ON CONFLICT (org, id) DO UPDATE SET
    name = excluded.name, scope = excluded.scope, client_id = excluded.client_id,
    authentication = excluded.authentication, abroad = excluded.abroad,
    -- Keeps the first moment for as long as it stays switched on.
    status_since = CASE WHEN excluded.status_since IS NOT NULL
      THEN COALESCE(resources.status_since, excluded.status_since) END";

const DROP_RESOURCE: &str = "DELETE FROM resources WHERE org = $1 AND id = $2";

const PUT_OPERATOR: &str = "
  INSERT INTO operators (org, id, name, powers) VALUES ($1, $2, $3, $4)
  ON CONFLICT (org, id) DO UPDATE SET name = excluded.name, powers = excluded.powers";

const DROP_OPERATOR: &str = "DELETE FROM operators WHERE org = $1 AND id = $2";

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
        json::text(&resource.authentication)?.into(),
        resource.abroad.as_ref().map(json::text).transpose()?.into(),
    ];
    transaction.execute(PUT_RESOURCE, &values).await?;
    let owner = Owner::Resource(&resource.id);
    if resource.client_id.is_none() || !resource.authentication.has_secret() {
        return secrets::drop_all(transaction, org, owner).await;
    }
    secrets::add_first(transaction, org, owner, &resource.secrets, at).await
}

pub(super) async fn drop_resource(
    transaction: &mut Transaction,
    org: &str,
    id: &str,
) -> Result<(), Fault> {
    secrets::drop_all(transaction, org, Owner::Resource(id)).await?;
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
    let owner = Owner::Operator(&operator.id);
    secrets::add_first(transaction, org, owner, &operator.secrets, at).await
}

pub(super) async fn drop_operator(
    transaction: &mut Transaction,
    org: &str,
    id: &str,
) -> Result<(), Fault> {
    secrets::drop_all(transaction, org, Owner::Operator(id)).await?;
    transaction.execute(DROP_OPERATOR, &[org.into(), id.into()]).await.map(drop)
}

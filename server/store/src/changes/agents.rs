//! Agents, and service accounts, which are agents with a purpose.

use delegation::{declared::Agent, ports::Selector, refusal::Fault};
use policy::Timestamp;

use super::secrets::{self, Owner};
use crate::{database::Transaction, ending, json, list};

const CHANGE: &str = "
  UPDATE agents SET name = $3, scope = $4, aliases = $5, authentication = $7, purpose = $8,
    -- Keeps the first moment for as long as it stays disabled. CAST: the type of a lone null.
    disabled_at = CASE WHEN CAST($6 AS BIGINT) IS NOT NULL
      THEN COALESCE(disabled_at, CAST($6 AS BIGINT)) END
  WHERE org = $1 AND id = $2";

const CREATE: &str = "
  INSERT INTO agents (org, id, name, scope, aliases, disabled_at, authentication, purpose)
  VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";

const DROP: &str = "DELETE FROM agents WHERE org = $1 AND id = $2";

const SERVES: &str = "SELECT id FROM agents WHERE org = $1 AND purpose = $2 AND id <> $3";

pub(super) async fn put(
    transaction: &mut Transaction,
    org: &str,
    agent: &Agent,
    at: Timestamp,
) -> Result<(), Fault> {
    check_purpose(transaction, org, agent).await?;
    let values = [
        org.into(),
        (&agent.id).into(),
        (&agent.name).into(),
        agent.scope.to_string().into(),
        list::write(&agent.aliases)?.into(),
        agent.disabled.then_some(at.0).into(),
        json::text(&agent.authentication)?.into(),
        agent.purpose.as_deref().into(),
    ];
    let owner = Owner::Agent(&agent.id);
    if transaction.execute(CHANGE, &values).await? == 0 {
        transaction.execute(CREATE, &values).await?;
        secrets::add_first(transaction, org, owner, &agent.secrets, at).await?;
    }
    if !agent.authentication.has_secret() {
        secrets::drop_all(transaction, org, owner).await?;
    }
    if agent.disabled {
        // What it acts for now, and what it handed on.
        let selector = Selector::Agent(agent.id.clone());
        ending::end(transaction, org, &selector, at).await?;
    }
    Ok(())
}

/// Its secrets go with it.
pub(super) async fn drop(
    transaction: &mut Transaction,
    org: &str,
    id: &str,
    at: Timestamp,
) -> Result<(), Fault> {
    ending::end_agent(transaction, org, id, at).await?;
    transaction.execute(DROP, &[org.into(), id.into()]).await.map(core::mem::drop)
}

/// The index would keep two of one purpose out as well, and tell nobody which they are.
async fn check_purpose(
    transaction: &mut Transaction,
    org: &str,
    Agent { id, purpose, .. }: &Agent,
) -> Result<(), Fault> {
    let Some(purpose) = purpose else { return Ok(()) };
    let values = [org.into(), purpose.into(), id.into()];
    let Some(row) = transaction.fetch_all(SERVES, &values).await?.into_iter().next() else {
        return Ok(());
    };
    let other: String = row.get("id")?;
    Err(Fault::Store(format!("the purpose `{purpose}` of `{id}` is that of `{other}` already")))
}

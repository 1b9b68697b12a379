//! What each declared change does to the database.

mod agents;
mod clients;
mod exports;
mod secrets;
mod trusts;

use delegation::{
    declared::{Change, Connection, DeclaredGrant, Settings},
    ports::Selector,
    refusal::Fault,
};
use policy::{PolicyFile, Timestamp};

use self::secrets::Owner;
use crate::{
    database::{Transaction, Value},
    ending, json, list,
};

const CREATE: &str = "
  INSERT INTO orgs (org, revision, name, algorithm, chain_limit, lifetime, default_target,
    key_rotation, audit_retention, options)
  VALUES ($1, 1, $2, $3, $4, $5, $6, $7, $8, $9)
  ON CONFLICT (org) DO NOTHING";

const ADVANCE: &str = "
  UPDATE orgs SET revision = revision + 1 WHERE org = $1 AND revision = $2";

const PUT_SETTINGS: &str = "
  UPDATE orgs
  SET name = $2, algorithm = $3, chain_limit = $4, lifetime = $5, default_target = $6,
    key_rotation = $7, audit_retention = $8, options = $9
  WHERE org = $1";

const PUT_CONNECTION: &str = "
  INSERT INTO connections (org, id, issuer, client_id, client_secret, audiences, algorithms, kinds,
    subject_prefix, untyped_since, max_age, reconnect_uri, acr_values, checks, signals, token_rules)
  VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)
  ON CONFLICT (org, id) DO UPDATE SET
    issuer = excluded.issuer, client_id = excluded.client_id,
    client_secret = excluded.client_secret, audiences = excluded.audiences,
    algorithms = excluded.algorithms, kinds = excluded.kinds,
    subject_prefix = excluded.subject_prefix,
    -- Keeps the first moment for as long as it stays switched on.
    untyped_since = CASE WHEN excluded.untyped_since IS NOT NULL
      THEN COALESCE(connections.untyped_since, excluded.untyped_since) END,
    max_age = excluded.max_age, reconnect_uri = excluded.reconnect_uri,
    acr_values = excluded.acr_values, checks = excluded.checks, signals = excluded.signals,
    token_rules = excluded.token_rules";

const DROP_CONNECTION: &str = "DELETE FROM connections WHERE org = $1 AND id = $2";

// Under the same id it may be another provider next time: its names mean others, its signals are new.
const DROP_STATES: &str = "DELETE FROM subject_states WHERE org = $1 AND connection = $2";
const DROP_NAMES: &str = "DELETE FROM subject_names WHERE org = $1 AND connection = $2";
// A stream nobody has heard of yet is one that bounded freshness cannot rest on: it needs a row.
const PUT_STREAM: &str = "
  INSERT INTO streams (org, connection, stream) VALUES ($1, $2, $3)
  ON CONFLICT (org, connection, stream) DO NOTHING";

// And one that is no longer declared must not make the others look silent.
const STREAMS: &str = "SELECT stream FROM streams WHERE org = $1 AND connection = $2";

const DROP_STREAM: &str = "DELETE FROM streams WHERE org = $1 AND connection = $2 AND stream = $3";

const DROP_STREAMS: &str = "DELETE FROM streams WHERE org = $1 AND connection = $2";

const PUT_POLICY: &str = "
  INSERT INTO policies (org, name, text) VALUES ($1, $2, $3)
  ON CONFLICT (org, name) DO UPDATE SET text = excluded.text";

const DROP_POLICY: &str = "DELETE FROM policies WHERE org = $1 AND name = $2";

// A grant that stands for this user and agent keeps its id, and so what hangs on it. A new one begins
// with the epoch of the user's others: an answer about the user from before a signal is not for it.
const PUT_GRANT: &str = "
  INSERT INTO grants (org, id, connection, user_sub, agent, scope, targets, expires_at, created_at,
    epoch)
  VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9,
    (SELECT COALESCE(MAX(epoch), 0) FROM grants
      WHERE org = $1 AND connection = $3 AND user_sub = $4))
  ON CONFLICT (org, connection, user_sub, agent) WHERE ended_at IS NULL DO UPDATE SET
    scope = excluded.scope, targets = excluded.targets, expires_at = excluded.expires_at,
    -- What is declared of this user no longer follows what is declared of everybody.
    template = NULL";

// Those made of a grant of everybody stay what it is.
const CHANGE_MADE_OF: &str = "
  UPDATE grants SET scope = $4, targets = $5, expires_at = $6
  WHERE org = $1 AND ended_at IS NULL AND template = (
    SELECT id FROM grants everybody
    WHERE org = $1 AND connection = $2 AND user_sub = '*' AND agent = $3 AND ended_at IS NULL)";

/// The user of a grant of everybody.
const EVERYBODY: &str = "*";

/// Raises the revision from `expected`; false when it is another one by now.
///
/// It comes first: the row of the org is what every opening reads with a lock.
pub(crate) async fn advance(
    transaction: &mut Transaction,
    org: &str,
    expected: i64,
    changes: &[Change],
) -> Result<bool, Fault> {
    let rows = if expected == 0 {
        let settings = changes.iter().find_map(|change| match change {
            Change::PutSettings(settings) => Some(settings),
            Change::PutConnection(_)
            | Change::DropConnection(_)
            | Change::PutAgent(_)
            | Change::DropAgent(_)
            | Change::ReplaceSecret { .. }
            | Change::PutResource(_)
            | Change::DropResource(_)
            | Change::PutPolicy(_)
            | Change::DropPolicy(_)
            | Change::PutGrant(_)
            | Change::DropGrant(_)
            | Change::PutOperator(_)
            | Change::DropOperator(_)
            | Change::PutExport(_)
            | Change::DropExport(_)
            | Change::AddSecret { .. }
            | Change::DropSecrets { .. }
            | Change::PutTrust(_)
            | Change::DropTrust(..) => None,
        });
        let settings = settings.ok_or_else(|| {
            Fault::Store("a new organization cannot be created without settings".to_owned())
        })?;
        transaction.execute(CREATE, &settings_values(org, settings)?).await?
    } else {
        transaction.execute(ADVANCE, &[org.into(), expected.into()]).await?
    };
    Ok(rows == 1)
}

pub(crate) async fn make(
    transaction: &mut Transaction,
    org: &str,
    change: &Change,
    at: Timestamp,
) -> Result<(), Fault> {
    match change {
        Change::PutSettings(settings) => {
            transaction.execute(PUT_SETTINGS, &settings_values(org, settings)?).await.map(drop)
        }
        Change::PutConnection(connection) => put_connection(transaction, org, connection, at).await,
        Change::DropConnection(id) => {
            ending::end_connection(transaction, org, id, at).await?;
            for sql in [DROP_STATES, DROP_NAMES, DROP_STREAMS, DROP_CONNECTION] {
                transaction.execute(sql, &[org.into(), id.into()]).await?;
            }
            Ok(())
        }
        Change::PutAgent(agent) => agents::put(transaction, org, agent, at).await,
        Change::DropAgent(id) => agents::drop(transaction, org, id, at).await,
        Change::ReplaceSecret { owner, hash } => {
            secrets::replace(transaction, org, Owner::of(owner), hash, at).await
        }
        Change::AddSecret { owner, hash } => {
            secrets::add(transaction, org, Owner::of(owner), hash, at).await
        }
        Change::DropSecrets { owner, keep_newest: true } => {
            secrets::drop_older(transaction, org, Owner::of(owner)).await.map(drop)
        }
        Change::DropSecrets { owner, keep_newest: false } => {
            secrets::drop_all(transaction, org, Owner::of(owner)).await
        }
        Change::PutTrust(trust) => trusts::put(transaction, org, trust).await,
        Change::DropTrust(kind, id) => trusts::drop(transaction, org, *kind, id).await,
        Change::PutOperator(operator) => {
            clients::put_operator(transaction, org, operator, at).await
        }
        Change::DropOperator(id) => clients::drop_operator(transaction, org, id).await,
        Change::PutResource(resource) => {
            clients::put_resource(transaction, org, resource, at).await
        }
        Change::DropResource(id) => clients::drop_resource(transaction, org, id).await,
        Change::PutExport(export) => exports::put(transaction, org, export).await,
        Change::DropExport(id) => exports::drop(transaction, org, id).await,
        Change::PutPolicy(PolicyFile { name, text }) => {
            let values = [org.into(), name.into(), text.into()];
            transaction.execute(PUT_POLICY, &values).await.map(drop)
        }
        Change::DropPolicy(name) => {
            transaction.execute(DROP_POLICY, &[org.into(), name.into()]).await.map(drop)
        }
        Change::PutGrant(grant) => put_grant(transaction, org, grant, at).await,
        Change::DropGrant(id) => {
            let selector = Selector::Grant(id.clone());
            ending::end(transaction, org, &selector, at).await.map(drop)
        }
    }
}

fn settings_values<'a>(org: &'a str, settings: &'a Settings) -> Result<[Value<'a>; 9], Fault> {
    Ok([
        org.into(),
        (&settings.name).into(),
        (&settings.algorithm).into(),
        i64::try_from(settings.chain_limit).unwrap_or(i64::MAX).into(),
        i64::try_from(settings.lifetime.as_secs()).unwrap_or(i64::MAX).into(),
        settings.default_target.as_deref().into(),
        i64::try_from(settings.key_rotation.as_secs()).unwrap_or(i64::MAX).into(),
        i64::try_from(settings.audit_retention.as_secs()).unwrap_or(i64::MAX).into(),
        json::text(&settings.options)?.into(),
    ])
}

async fn put_connection(
    transaction: &mut Transaction,
    org: &str,
    connection: &Connection,
    at: Timestamp,
) -> Result<(), Fault> {
    let values = [
        org.into(),
        (&connection.id).into(),
        (&connection.issuer).into(),
        (&connection.client_id).into(),
        connection.client_secret.as_slice().into(),
        list::write(&connection.audiences)?.into(),
        list::write(&connection.algorithms)?.into(),
        list::write(&connection.kinds)?.into(),
        (&connection.subject_prefix).into(),
        connection.untyped_access_tokens.then_some(at.0).into(),
        i64::try_from(connection.max_age).unwrap_or(i64::MAX).into(),
        connection.reconnect_uri.as_deref().into(),
        connection.acr_values.as_deref().into(),
        connection.checks.as_slice().into(),
        connection.signals.as_slice().into(),
        json::text(&connection.tokens)?.into(),
    ];
    transaction.execute(PUT_CONNECTION, &values).await?;
    let this = [org.into(), (&connection.id).into()];
    for row in transaction.fetch_all(STREAMS, &this).await? {
        let stream: String = row.get("stream")?;
        if !connection.streams.contains(&stream) {
            let values = [org.into(), (&connection.id).into(), stream.into()];
            transaction.execute(DROP_STREAM, &values).await?;
        }
    }
    for stream in &connection.streams {
        let values = [org.into(), (&connection.id).into(), stream.into()];
        transaction.execute(PUT_STREAM, &values).await?;
    }
    Ok(())
}

async fn put_grant(
    transaction: &mut Transaction,
    org: &str,
    grant: &DeclaredGrant,
    at: Timestamp,
) -> Result<(), Fault> {
    let values = [
        org.into(),
        (&grant.id).into(),
        (&grant.connection).into(),
        (&grant.user).into(),
        (&grant.agent).into(),
        grant.scope.to_string().into(),
        list::write(&grant.targets)?.into(),
        grant.expires_at.map(|at| at.0).into(),
        at.0.into(),
    ];
    transaction.execute(PUT_GRANT, &values).await?;
    if grant.user != EVERYBODY {
        return Ok(());
    }
    let values = [
        org.into(),
        (&grant.connection).into(),
        (&grant.agent).into(),
        grant.scope.to_string().into(),
        list::write(&grant.targets)?.into(),
        grant.expires_at.map(|at| at.0).into(),
    ];
    transaction.execute(CHANGE_MADE_OF, &values).await.map(drop)
}

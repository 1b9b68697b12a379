//! The declared state of all organizations.

use std::{collections::HashMap, time::Duration};

use async_trait::async_trait;
use delegation::{
    declared::{
        Agent, Change, Connection, Declared, DeclaredGrant, KeyRecord, Registry, Resource, Settings,
    },
    refusal::Fault,
};
use policy::{PolicyFile, Timestamp};

use crate::{
    changes,
    database::{Database, Row, Transaction, to_its_end},
    list,
    recall::scope,
};

const ORG: &str = "
  SELECT revision, name, algorithm, chain_limit, lifetime, default_target
  FROM orgs WHERE org = $1";

const CONNECTIONS: &str = "
  SELECT id, issuer, client_id, client_secret, audiences, algorithms, kinds, subject_prefix,
    untyped_since, max_age, reconnect_uri, acr_values, checks, signals
  FROM connections WHERE org = $1 ORDER BY id";

const STREAMS: &str = "
  SELECT connection, stream FROM streams WHERE org = $1 ORDER BY connection, stream";

const AGENTS: &str = "
  SELECT id, name, scope, aliases, disabled_at FROM agents WHERE org = $1 ORDER BY id";

const SECRETS: &str = "
  SELECT agent, hash FROM agent_secrets WHERE org = $1 ORDER BY agent, created_at, hash";

const RESOURCES: &str = "SELECT id, name, scope FROM resources WHERE org = $1 ORDER BY id";

const POLICIES: &str = "SELECT name, text FROM policies WHERE org = $1 ORDER BY name";

const GRANTS: &str = "
  SELECT id, connection, user_sub, agent, scope, targets, expires_at
  FROM grants WHERE org = $1 AND ended_at IS NULL
  ORDER BY connection, user_sub, agent";

const KEYS: &str = "
  SELECT kid, algorithm, sealed, created_at
  FROM signing_keys WHERE org = $1 ORDER BY created_at, kid";

const FOUND_KEY: &str = "
  INSERT INTO signing_keys (org, kid, algorithm, sealed, created_at)
  SELECT $1, $2, $3, $4, $5
  WHERE NOT EXISTS (SELECT 1 FROM signing_keys WHERE org = $1 AND algorithm = $3)";

#[derive(Debug)]
pub(crate) struct SqlRegistry {
    database: Database,
}

impl SqlRegistry {
    pub fn new(database: Database) -> Self {
        Self { database }
    }
}

#[async_trait]
impl Registry for SqlRegistry {
    async fn revision(&self, org: &str) -> Result<Option<i64>, Fault> {
        let (database, org) = (self.database.clone(), org.to_owned());
        to_its_end(async move {
            let sql = "SELECT revision FROM orgs WHERE org = $1";
            let row = database.fetch_one(sql, &[(&org).into()]).await?;
            row.map(|row| row.get("revision")).transpose()
        })
        .await
    }

    async fn orgs(&self) -> Result<Vec<(String, i64)>, Fault> {
        let database = self.database.clone();
        to_its_end(async move {
            let sql = "SELECT org, revision FROM orgs ORDER BY org";
            let rows = database.fetch_all(sql, &[]).await?;
            rows.into_iter().map(|row| Ok((row.get("org")?, row.get("revision")?))).collect()
        })
        .await
    }

    async fn find(&self, org: &str) -> Result<Option<Declared>, Fault> {
        let (database, org) = (self.database.clone(), org.to_owned());
        to_its_end(async move {
            let mut transaction = database.begin_reading().await?;
            let declared = find(&mut transaction, &org).await?;
            transaction.commit().await?;
            Ok(declared)
        })
        .await
    }

    async fn grants(&self, org: &str) -> Result<Vec<DeclaredGrant>, Fault> {
        let (database, org) = (self.database.clone(), org.to_owned());
        to_its_end(async move {
            let rows = database.fetch_all(GRANTS, &[org.as_str().into()]).await?;
            rows.iter().map(grant).collect()
        })
        .await
    }

    async fn apply(
        &self,
        org: &str,
        expected: i64,
        changes: &[Change],
        at: Timestamp,
    ) -> Result<Option<i64>, Fault> {
        let (database, org, changes) = (self.database.clone(), org.to_owned(), changes.to_vec());
        to_its_end(async move {
            let mut transaction = database.begin_changing(&org).await?;
            if !changes::advance(&mut transaction, &org, expected, &changes).await? {
                return Ok(None);
            }
            for change in &changes {
                changes::make(&mut transaction, &org, change, at).await?;
            }
            transaction.commit().await?;
            Ok(Some(expected.saturating_add(1)))
        })
        .await
    }

    async fn keys(&self, org: &str) -> Result<Vec<KeyRecord>, Fault> {
        let (database, org) = (self.database.clone(), org.to_owned());
        to_its_end(async move {
            let rows = database.fetch_all(KEYS, &[org.as_str().into()]).await?;
            rows.iter().map(key).collect()
        })
        .await
    }

    async fn found_key(&self, org: &str, key: &KeyRecord) -> Result<Vec<KeyRecord>, Fault> {
        let (database, org, key) = (self.database.clone(), org.to_owned(), key.clone());
        to_its_end(async move {
            let mut transaction = database.begin_changing(&org).await?;
            let values = [
                org.as_str().into(),
                (&key.kid).into(),
                (&key.algorithm).into(),
                key.sealed.as_slice().into(),
                key.created_at.0.into(),
            ];
            transaction.execute(FOUND_KEY, &values).await?;
            let rows = transaction.fetch_all(KEYS, &[org.as_str().into()]).await?;
            transaction.commit().await?;
            rows.iter().map(self::key).collect()
        })
        .await
    }
}

async fn find(transaction: &mut Transaction, org: &str) -> Result<Option<Declared>, Fault> {
    let this = [org.into()];
    let Some(row) = transaction.fetch_all(ORG, &this).await?.into_iter().next() else {
        return Ok(None);
    };
    let mut secrets: HashMap<String, Vec<[u8; 32]>> = HashMap::new();
    for row in transaction.fetch_all(SECRETS, &this).await? {
        secrets.entry(row.get("agent")?).or_default().push(hash(&row)?);
    }
    let agents = transaction.fetch_all(AGENTS, &this).await?;
    let connections = transaction.fetch_all(CONNECTIONS, &this).await?;
    let mut streams: HashMap<String, Vec<String>> = HashMap::new();
    for row in transaction.fetch_all(STREAMS, &this).await? {
        streams.entry(row.get("connection")?).or_default().push(row.get("stream")?);
    }
    let resources = transaction.fetch_all(RESOURCES, &this).await?;
    let policies = transaction.fetch_all(POLICIES, &this).await?;
    Ok(Some(Declared {
        id: org.to_owned(),
        revision: row.get("revision")?,
        settings: settings(&row)?,
        connections: connections
            .iter()
            .map(|row| connection(row, &mut streams))
            .collect::<Result<_, _>>()?,
        agents: agents.iter().map(|row| agent(row, &mut secrets)).collect::<Result<_, _>>()?,
        resources: resources.iter().map(resource).collect::<Result<_, _>>()?,
        policies: policies.iter().map(policy_file).collect::<Result<_, _>>()?,
    }))
}

fn settings(row: &Row) -> Result<Settings, Fault> {
    let seconds = u64::try_from(row.get::<i64>("lifetime")?).map_err(corrupt)?;
    Ok(Settings {
        name: row.get("name")?,
        algorithm: row.get("algorithm")?,
        chain_limit: usize::try_from(row.get::<i64>("chain_limit")?).map_err(corrupt)?,
        lifetime: Duration::from_secs(seconds),
        default_target: row.get("default_target")?,
    })
}

fn connection(row: &Row, streams: &mut HashMap<String, Vec<String>>) -> Result<Connection, Fault> {
    let id: String = row.get("id")?;
    Ok(Connection {
        streams: streams.remove(&id).unwrap_or_default(),
        id,
        issuer: row.get("issuer")?,
        client_id: row.get("client_id")?,
        client_secret: row.get("client_secret")?,
        audiences: list::read(&row.get::<String>("audiences")?),
        algorithms: list::read(&row.get::<String>("algorithms")?),
        kinds: list::read(&row.get::<String>("kinds")?),
        subject_prefix: row.get("subject_prefix")?,
        untyped_access_tokens: row.get::<Option<i64>>("untyped_since")?.is_some(),
        max_age: u64::try_from(row.get::<i64>("max_age")?).map_err(corrupt)?,
        reconnect_uri: row.get("reconnect_uri")?,
        acr_values: row.get("acr_values")?,
        // Null when it was declared before there were any.
        checks: row.get::<Option<_>>("checks")?.unwrap_or_default(),
        signals: row.get::<Option<_>>("signals")?.unwrap_or_default(),
    })
}

fn agent(row: &Row, secrets: &mut HashMap<String, Vec<[u8; 32]>>) -> Result<Agent, Fault> {
    let id: String = row.get("id")?;
    Ok(Agent {
        name: row.get("name")?,
        scope: scope(&row.get::<String>("scope")?)?,
        aliases: list::read(&row.get::<String>("aliases")?),
        disabled: row.get::<Option<i64>>("disabled_at")?.is_some(),
        secrets: secrets.remove(&id).unwrap_or_default(),
        id,
    })
}

fn resource(row: &Row) -> Result<Resource, Fault> {
    Ok(Resource {
        id: row.get("id")?,
        name: row.get("name")?,
        scope: scope(&row.get::<String>("scope")?)?,
    })
}

fn policy_file(row: &Row) -> Result<PolicyFile, Fault> {
    Ok(PolicyFile { name: row.get("name")?, text: row.get("text")? })
}

fn grant(row: &Row) -> Result<DeclaredGrant, Fault> {
    Ok(DeclaredGrant {
        id: row.get("id")?,
        connection: row.get("connection")?,
        user: row.get("user_sub")?,
        agent: row.get("agent")?,
        scope: scope(&row.get::<String>("scope")?)?,
        targets: list::read(&row.get::<String>("targets")?),
        expires_at: row.get::<Option<i64>>("expires_at")?.map(Timestamp),
    })
}

fn key(row: &Row) -> Result<KeyRecord, Fault> {
    Ok(KeyRecord {
        kid: row.get("kid")?,
        algorithm: row.get("algorithm")?,
        sealed: row.get("sealed")?,
        created_at: Timestamp(row.get("created_at")?),
    })
}

fn hash(row: &Row) -> Result<[u8; 32], Fault> {
    let bytes: Vec<u8> = row.get("hash")?;
    bytes.try_into().map_err(|_| Fault::Store("a stored hash has not 32 bytes".to_owned()))
}

fn corrupt(error: std::num::TryFromIntError) -> Fault {
    Fault::Store(format!("a stored number: {error}"))
}

//! An organization as it is declared, read whole.

use std::{collections::HashMap, time::Duration};

use delegation::{
    declared::{
        Agent, Connection, Declared, Export, Operator, Resource, Settings, Stoppable, Template,
        Trust, TrustKind,
    },
    refusal::Fault,
};
use policy::PolicyFile;

use crate::{
    database::{Row, Transaction},
    json, list,
    recall::scope,
};

const ORG: &str = "
  SELECT revision, name, algorithm, chain_limit, lifetime, default_target, key_rotation,
    audit_retention, options
  FROM orgs WHERE org = $1";

const CONNECTIONS: &str = "
  SELECT id, issuer, client_id, client_secret, audiences, algorithms, kinds, subject_prefix,
    untyped_since, max_age, reconnect_uri, acr_values, checks, signals, token_rules
  FROM connections WHERE org = $1 ORDER BY id";

const STREAMS: &str = "
  SELECT connection, stream FROM streams WHERE org = $1 ORDER BY connection, stream";

const AGENTS: &str = "
  SELECT id, name, scope, aliases, disabled_at, authentication, purpose
  FROM agents WHERE org = $1 ORDER BY id";

const SECRETS: &str = "
  SELECT agent, hash FROM agent_secrets WHERE org = $1 ORDER BY agent, created_at, hash";

const RESOURCES: &str = "
  SELECT id, name, scope, client_id, status_since, authentication, abroad
  FROM resources WHERE org = $1 ORDER BY id";

const CLIENT_SECRETS: &str = "
  SELECT kind, owner, hash FROM client_secrets WHERE org = $1
  ORDER BY kind, owner, created_at, hash";

const OPERATORS: &str = "SELECT id, name, powers FROM operators WHERE org = $1 ORDER BY id";

const EXPORTS: &str = "SELECT id, kind, settings FROM exports WHERE org = $1 ORDER BY id";

const TEMPLATES: &str = "
  SELECT id, connection, agent FROM grants
  WHERE org = $1 AND user_sub = '*' AND ended_at IS NULL ORDER BY id";

const TRUSTS: &str = "SELECT kind, id, settings FROM trusts WHERE org = $1 ORDER BY kind, id";

const STOPS: &str = "SELECT kind, id FROM stops WHERE org = $1 ORDER BY kind, id";

const POLICIES: &str = "SELECT name, text FROM policies WHERE org = $1 ORDER BY name";

pub(crate) async fn find(
    transaction: &mut Transaction,
    org: &str,
) -> Result<Option<Declared>, Fault> {
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
    let mut client_secrets: HashMap<(String, String), Vec<[u8; 32]>> = HashMap::new();
    for row in transaction.fetch_all(CLIENT_SECRETS, &this).await? {
        let owner = (row.get("kind")?, row.get("owner")?);
        client_secrets.entry(owner).or_default().push(hash(&row)?);
    }
    let mut of = |kind: &str, id: &str| {
        client_secrets.remove(&(kind.to_owned(), id.to_owned())).unwrap_or_default()
    };
    let operators = transaction.fetch_all(OPERATORS, &this).await?;
    let exports = transaction.fetch_all(EXPORTS, &this).await?;
    let trusts = transaction.fetch_all(TRUSTS, &this).await?;
    let templates = transaction.fetch_all(TEMPLATES, &this).await?;
    let stops = transaction.fetch_all(STOPS, &this).await?;
    Ok(Some(Declared {
        id: org.to_owned(),
        revision: row.get("revision")?,
        settings: settings(&row)?,
        connections: connections
            .iter()
            .map(|row| connection(row, &mut streams))
            .collect::<Result<_, _>>()?,
        agents: agents.iter().map(|row| agent(row, &mut secrets)).collect::<Result<_, _>>()?,
        resources: resources.iter().map(|row| resource(row, &mut of)).collect::<Result<_, _>>()?,
        policies: policies.iter().map(policy_file).collect::<Result<_, _>>()?,
        operators: operators.iter().map(|row| operator(row, &mut of)).collect::<Result<_, _>>()?,
        exports: exports.iter().map(export).collect::<Result<_, _>>()?,
        trusts: trusts.iter().map(trust).collect::<Result<_, _>>()?,
        templates: templates.iter().map(template).collect::<Result<_, _>>()?,
        stopped: stops.iter().map(stop).collect::<Result<_, _>>()?,
    }))
}

fn settings(row: &Row) -> Result<Settings, Fault> {
    let duration =
        |column| u64::try_from(row.get::<i64>(column)?).map(Duration::from_secs).map_err(corrupt);
    Ok(Settings {
        name: row.get("name")?,
        algorithm: row.get("algorithm")?,
        chain_limit: usize::try_from(row.get::<i64>("chain_limit")?).map_err(corrupt)?,
        lifetime: duration("lifetime")?,
        default_target: row.get("default_target")?,
        key_rotation: duration("key_rotation")?,
        audit_retention: duration("audit_retention")?,
        options: json::column(row, "options")?.unwrap_or_default(),
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
        tokens: json::column(row, "token_rules")?.unwrap_or_default(),
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
        authentication: json::column(row, "authentication")?.unwrap_or_default(),
        purpose: row.get("purpose")?,
        id,
    })
}

/// The secrets of an owner of this kind and id.
type SecretsOf<'a> = &'a mut dyn FnMut(&str, &str) -> Vec<[u8; 32]>;

fn resource(row: &Row, secrets: SecretsOf<'_>) -> Result<Resource, Fault> {
    let id: String = row.get("id")?;
    Ok(Resource {
        name: row.get("name")?,
        scope: scope(&row.get::<String>("scope")?)?,
        client_id: row.get("client_id")?,
        secrets: secrets("resource", &id),
        status: row.get::<Option<i64>>("status_since")?.is_some(),
        authentication: json::column(row, "authentication")?.unwrap_or_default(),
        abroad: json::column(row, "abroad")?,
        id,
    })
}

fn operator(row: &Row, secrets: SecretsOf<'_>) -> Result<Operator, Fault> {
    let id: String = row.get("id")?;
    Ok(Operator {
        name: row.get("name")?,
        powers: list::read(&row.get::<String>("powers")?),
        secrets: secrets("operator", &id),
        id,
    })
}

fn export(row: &Row) -> Result<Export, Fault> {
    Ok(Export { id: row.get("id")?, kind: row.get("kind")?, settings: row.get("settings")? })
}

fn trust(row: &Row) -> Result<Trust, Fault> {
    let code: String = row.get("kind")?;
    let kind = TrustKind::ALL.into_iter().find(|kind| kind.code() == code);
    let kind = kind.ok_or_else(|| Fault::Store(format!("a stored kind: `{code}`")))?;
    Ok(Trust { kind, id: row.get("id")?, settings: row.get("settings")? })
}

fn template(row: &Row) -> Result<Template, Fault> {
    let (id, connection, agent) = (row.get("id")?, row.get("connection")?, row.get("agent")?);
    Ok(Template { id, connection, agent })
}

fn stop(row: &Row) -> Result<Stoppable, Fault> {
    let (kind, id) = (row.get::<String>("kind")?, row.get("id")?);
    match kind.as_str() {
        "org" => Ok(Stoppable::Org),
        "agent" => Ok(Stoppable::Agent(id)),
        "connection" => Ok(Stoppable::Connection(id)),
        other => Err(Fault::Store(format!("a stored kind: `{other}`"))),
    }
}

fn policy_file(row: &Row) -> Result<PolicyFile, Fault> {
    Ok(PolicyFile { name: row.get("name")?, text: row.get("text")? })
}

fn hash(row: &Row) -> Result<[u8; 32], Fault> {
    let bytes: Vec<u8> = row.get("hash")?;
    bytes.try_into().map_err(|_| Fault::Store("a stored hash has not 32 bytes".to_owned()))
}

fn corrupt(error: std::num::TryFromIntError) -> Fault {
    Fault::Store(format!("a stored number: {error}"))
}

//! A database with a past, and a happy org in it.

use std::{path::PathBuf, sync::Arc, time::Duration};

use delegation::{
    declared::{
        Agent, Authentication, Change, Connection, DeclaredGrant, Options, Settings, TokenRules,
    },
    trail::{Notary, Trail},
};
use keys::DataKey;
use policy::{Scope, Timestamp};
use sqlx::{Connection as _, PgConnection, PgPool, SqlitePool, sqlite::SqliteConnectOptions};
use store::Store;

use crate::{Arguments, Kind, Outcome, past::Past};

pub(crate) const ORG: &str = "acme";
pub(crate) const GRANT: &str = "grant-alice";
pub(crate) const NOW: Timestamp = Timestamp(1_800_000_000);

pub(crate) struct Place {
    pub store: Store,
    pub trail: Arc<dyn Trail>,
    at: At,
}

/// What is thrown away at the end.
enum At {
    File(PathBuf),
    Database { server: String, name: String },
}

impl Place {
    pub async fn make(kind: Kind, arguments: &Arguments, past: &Past) -> Outcome<Self> {
        let (at, url) = match kind {
            Kind::Sqlite => {
                let name = format!("actas-size-{}-{}.db", std::process::id(), past.records);
                let path = arguments.folder.join(name);
                let url = format!("sqlite:{}", path.display());
                (At::File(path), url)
            }
            Kind::Postgres => {
                let server = arguments.postgres.clone();
                let name = format!("actas_size_{}_{}", std::process::id(), past.records);
                admin(&server, &format!("CREATE DATABASE {name} TEMPLATE template0")).await?;
                let (before, _) = server.rsplit_once('/').ok_or("the URL names no database")?;
                let url = format!("{before}/{name}");
                (At::Database { server, name }, url)
            }
        };
        let notary = Notary::new(ORG, Arc::new(DataKey::generate()?));
        let store = open(&url).await?;
        store.migrate().await?;
        store.registry().apply(ORG, 0, &declared()?, NOW).await?;
        // Alone with the file for a moment.
        store.close().await;
        match kind {
            Kind::Sqlite => {
                let path = url.trim_start_matches("sqlite:");
                let options = SqliteConnectOptions::new().filename(path);
                past.fill_sqlite(&SqlitePool::connect_with(options).await?, &notary).await?;
            }
            Kind::Postgres => past.fill_postgres(&PgPool::connect(&url).await?, &notary).await?,
        }
        let store = open(&url).await?;
        let trail = store.trail(ORG, notary);
        Ok(Self { store, trail, at })
    }

    pub async fn end(self) -> Outcome<()> {
        self.store.close().await;
        match self.at {
            At::File(path) => Ok(std::fs::remove_file(path)?),
            At::Database { server, name } => {
                admin(&server, &format!("DROP DATABASE {name} WITH (FORCE)")).await
            }
        }
    }
}

async fn open(url: &str) -> Outcome<Store> {
    Ok(Store::connect(&store::Settings { url: url.into(), max_connections: 8 }).await?)
}

async fn admin(server: &str, sql: &str) -> Outcome<()> {
    let mut connection = PgConnection::connect(server).await?;
    sqlx::query(sqlx::AssertSqlSafe(sql.to_owned())).execute(&mut connection).await?;
    Ok(connection.close().await?)
}

fn declared() -> Outcome<Vec<Change>> {
    let scope = || Scope::parse("documents:read").map_err(|error| error.to_string());
    let agent = Agent {
        id: "orchestrator".to_owned(),
        name: "Orchestrator".to_owned(),
        scope: scope()?,
        aliases: vec![],
        disabled: false,
        secrets: vec![[1; 32]],
        authentication: Authentication::default(),
        purpose: None,
    };
    Ok(vec![
        Change::PutSettings(Settings {
            name: "Acme".to_owned(),
            algorithm: "ES256".to_owned(),
            chain_limit: 5,
            lifetime: Duration::from_mins(5),
            default_target: None,
            key_rotation: Duration::from_hours(24),
            audit_retention: Duration::from_hours(24),
            options: Options::default(),
        }),
        Change::PutConnection(Connection {
            id: "home".to_owned(),
            issuer: "https://idp.example".to_owned(),
            client_id: "actas".to_owned(),
            client_secret: b"sealed".to_vec(),
            audiences: vec!["https://actas.example".to_owned()],
            algorithms: vec!["RS256".to_owned()],
            kinds: vec!["access_token".to_owned()],
            subject_prefix: String::new(),
            untyped_access_tokens: false,
            max_age: 0,
            reconnect_uri: None,
            acr_values: None,
            checks: b"sealed".to_vec(),
            signals: b"sealed".to_vec(),
            streams: vec![],
            tokens: TokenRules::default(),
        }),
        Change::PutAgent(agent),
        Change::PutGrant(DeclaredGrant {
            id: GRANT.to_owned(),
            connection: "home".to_owned(),
            user: "alice".to_owned(),
            agent: "orchestrator".to_owned(),
            scope: scope()?,
            targets: vec!["https://documents.example".to_owned()],
            expires_at: None,
        }),
    ])
}

//! Everything the story needs, started in this process on loopback.

use std::{
    collections::BTreeMap,
    net::TcpListener,
    path::{Path, PathBuf},
    time::Duration,
};

use actix_web::{App as Actix, HttpServer};
use keys::{Algorithm, MasterKey, SigningKey};
use secrecy::SecretString;
use upstream::http::{Outbound, OutboundSettings, Reach};
use url::Url;

use super::{
    api,
    client_keys::{self, KeySets},
    idp,
};
use crate::{
    app,
    apply::{Asked, How, apply_desired, check},
    clock,
    config::{
        Config, database::Database, exports::Exports, keys::Keys, limits::Limits, log,
        proxy::Proxy, upstream::Upstream,
    },
    serve,
};

/// Who can sign in, and with which password.
pub(super) const USERS: [(&str, &str); 2] =
    [("alice", "correct-horse-battery"), ("bob", "staple-of-the-demo")];
/// The app through which users sign in at the identity provider: the orchestrator's front.
pub(super) const IDP_APP: (&str, &str) = ("orchestrator", "the-apps-secret-at-the-idp");
/// How actas authenticates at the identity provider's introspection endpoint.
pub(super) const IDP_INTROSPECTOR: (&str, &str) = ("actas", "the-introspection-secret");
/// Nobody listens there: the story reads the code from the redirect itself.
pub(super) const REDIRECT_URI: &str = "http://127.0.0.1:8499/callback";
pub(super) const DOCUMENTS: &str = "https://documents.demo.example";
/// Resources whose servers authenticate at introspection, and as whom.
const RESOURCE_SERVERS: [(&str, &str); 2] =
    [(DOCUMENTS, "documents-api"), ("https://calendar.demo.example", "calendar-api")];
/// Below an issuer, with everything of the admin API below it.
pub(super) const ADMIN: &str = "/admin";
/// Who may do everything at the admin API.
const OPERATOR: &str = "olivia";

/// As short as that, nobody has to wait for a planned change of keys: it takes seven seconds.
const KEYS_CACHED: Duration = Duration::from_secs(2);

pub(super) type StageError = Box<dyn std::error::Error>;

#[derive(Debug)]
pub(super) struct Stage {
    pub origin: String,
    /// Where delegations are kept: a URL, credentials and all.
    pub database: String,
    pub idp: String,
    pub api: String,
    pub org: Org,
    /// Another organization behind the same identity provider, to show that they do not mix.
    pub other: Org,
    /// Of the clients of `org` that have no secret.
    pub client_keys: KeySets,
    /// Of the platforms that vouch for clients of `org`.
    pub platform_keys: KeySets,
    /// How the players of the story talk to the servers.
    pub visitor: Outbound,
    servers: Servers,
    app: std::sync::Arc<crate::app::App>,
    directory: PathBuf,
}

/// Where an organization is, and the secrets that open its doors.
#[derive(Debug)]
pub(super) struct Org {
    pub issuer: String,
    /// Secrets by `client_id`.
    pub agents: BTreeMap<String, String>,
    pub resource_servers: Vec<ResourceServer>,
    /// Id and bearer token.
    pub operator: Option<(String, String)>,
}

#[derive(Debug)]
pub(super) struct ResourceServer {
    pub resource: &'static str,
    pub client_id: &'static str,
    pub secret: String,
}

impl Org {
    fn new(issuer: String, mut secrets: BTreeMap<String, String>) -> Self {
        let operator = secrets.remove_entry(OPERATOR);
        let server = |(resource, client_id): (&'static str, &'static str)| {
            Some(ResourceServer { resource, client_id, secret: secrets.remove(client_id)? })
        };
        let resource_servers = RESOURCE_SERVERS.into_iter().filter_map(server).collect();
        Self { issuer, agents: secrets, resource_servers, operator }
    }

    /// A path below the issuer.
    pub(super) fn at(&self, path: &str) -> String {
        format!("{}{path}", self.issuer)
    }

    /// The secret of an agent or resource server; empty when there is none of that name.
    pub(super) fn secret(&self, client_id: &str) -> &str {
        let server = self.resource_servers.iter().find(|server| server.client_id == client_id);
        let secret = self.agents.get(client_id).or(server.map(|server| &server.secret));
        secret.map(String::as_str).unwrap_or_default()
    }
}

struct Servers(Vec<actix_web::dev::ServerHandle>);

impl std::fmt::Debug for Servers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} servers", self.0.len())
    }
}

impl Stage {
    pub(super) async fn set(
        port: Option<u16>,
        database: Option<String>,
        log: String,
    ) -> Result<Self, StageError> {
        let (actas, idp, api) = (listener(port, 0)?, listener(port, 1)?, listener(port, 2)?);
        let (origin, idp_url, api_url) = (url_of(&actas)?, url_of(&idp)?, url_of(&api)?);
        let directory = std::env::temp_dir().join(format!("actas-demo-{}", clock::id()));
        std::fs::create_dir_all(&directory)?;
        let file = || format!("sqlite:{}", directory.join("actas.db").display());
        let database = database.unwrap_or_else(file);
        let config = config(&origin, &database, log)?;
        crate::log::start(&config.log);
        let visitor = Outbound::new(OutboundSettings {
            reach: Reach::Anywhere,
            ..OutboundSettings::default()
        })?;
        let mut servers = Servers(vec![serve_idp(idp, &idp_url)?]);
        let client_keys = client_keys::of_clients(&directory)?;
        let platform_keys = client_keys::of_platforms(&directory)?;
        let file = |text: &str| text.replace("{idp}", &idp_url).replace("{origin}", &origin);
        let (demo, other) = (file(include_str!("demo.toml")), file(include_str!("other.toml")));
        let org = declare(&config, "demo", &demo, &directory).await?;
        let other = declare(&config, "other", &other, &directory).await?;
        let serving = serve::start(config, Some(actas)).await?;
        servers.0.push(serving.server.handle());
        actix_web::rt::spawn(serving.server);
        let app = serving.app;
        let mut stage = Self {
            app,
            origin,
            database,
            idp: idp_url,
            api: api_url,
            org,
            other,
            client_keys,
            platform_keys,
            visitor,
            servers,
            directory,
        };
        let served = stage.serve_api(api)?;
        stage.servers.0.push(served);
        Ok(stage)
    }

    /// Until somebody presses Ctrl-C or sends SIGTERM.
    pub(super) async fn wait(self) -> Result<(), StageError> {
        use tokio::signal::unix::{SignalKind, signal};
        let mut terminate = signal(SignalKind::terminate())?;
        tokio::select! {
            interrupted = tokio::signal::ctrl_c() => interrupted?,
            _ = terminate.recv() => {}
        }
        self.clear().await;
        Ok(())
    }

    pub(super) async fn clear(self) {
        // First, while there is somebody to give its connections back.
        self.app.store.close().await;
        for server in self.servers.0 {
            server.stop(false).await;
        }
        // It holds nothing but the demo's database; the system sweeps what stays behind.
        drop(std::fs::remove_dir_all(&self.directory));
    }

    fn serve_api(&self, listener: TcpListener) -> Result<actix_web::dev::ServerHandle, StageError> {
        let verifier = api::verifier(&self.org.issuer, DOCUMENTS, &self.api)?;
        let app = move || Actix::new().configure(api::routes(&verifier));
        let server = HttpServer::new(app).workers(1).disable_signals().listen(listener)?.run();
        let handle = server.handle();
        actix_web::rt::spawn(server);
        Ok(handle)
    }
}

fn listener(port: Option<u16>, offset: u16) -> std::io::Result<TcpListener> {
    let port = port.map_or(0, |port| port.saturating_add(offset));
    TcpListener::bind(("127.0.0.1", port))
}

fn url_of(listener: &TcpListener) -> std::io::Result<String> {
    Ok(format!("http://{}", listener.local_addr()?))
}

fn config(origin: &str, database: &str, filter: String) -> Result<Config, StageError> {
    let (master, _) = MasterKey::generate()?;
    Ok(Config {
        public_url: Url::parse(origin)?,
        listen: ([127, 0, 0, 1], 0).into(),
        default_org: None,
        development: true,
        database: Database { url: SecretString::from(database), max_connections: 16 },
        keys: Keys { jwks_max_age: KEYS_CACHED, ..Keys::new(master) },
        tls: None,
        proxy: Proxy::default(),
        limits: Limits::default(),
        upstream: Upstream { extra_ca: None, deadline: Duration::from_secs(2), replicas: 1 },
        exports: Exports::default(),
        log: log::Log { format: log::Format::Text, filter },
    })
}

/// What `actas apply` does; files it names lie in `base`. Keeps the secrets it shows.
async fn declare(config: &Config, id: &str, file: &str, base: &Path) -> Result<Org, StageError> {
    let app::Connected { store, data_key, .. } = app::connect(config).await?;
    let desired = check::parse(file, base).map_err(|problems| problems.join("\n"))?;
    let how = How { dry_run: false, secrets: Asked::default(), now: clock::now() };
    let report = apply_desired(&*store.registry(), &data_key, desired, how).await?;
    store.close().await;
    let issuer = format!("{}/o/{id}", config.public_url.as_str().trim_end_matches('/'));
    Ok(Org::new(issuer, report.secrets))
}

fn serve_idp(listener: TcpListener, url: &str) -> Result<actix_web::dev::ServerHandle, StageError> {
    let server = idp::server(listener, url, SigningKey::generate(Algorithm::Rs256)?)?;
    let handle = server.handle();
    actix_web::rt::spawn(server);
    Ok(handle)
}

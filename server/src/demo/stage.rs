//! Everything the story needs, started in this process on loopback.

use std::{
    collections::BTreeMap,
    net::TcpListener,
    path::{Path, PathBuf},
    sync::Arc,
};

use actix_web::{App as Actix, HttpServer, web};
use keys::{Algorithm, MasterKey, SigningKey};
use secrecy::SecretString;
use upstream::http::{Outbound, OutboundSettings};
use url::Url;

use super::{api::Api, idp};
use crate::{
    app,
    apply::{How, apply_desired, check},
    clock,
    config::{Config, database::Database, keys::Keys, log, upstream::Upstream},
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

pub(super) type StageError = Box<dyn std::error::Error>;

#[derive(Debug)]
pub(super) struct Stage {
    pub origin: String,
    pub idp: String,
    pub api: String,
    pub secrets: BTreeMap<String, String>,
    pub other_secrets: BTreeMap<String, String>,
    /// How the players of the story talk to the servers.
    pub visitor: Outbound,
    servers: Servers,
    directory: PathBuf,
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
    ) -> Result<Self, StageError> {
        let (actas, idp, api) = (listener(port, 0)?, listener(port, 1)?, listener(port, 2)?);
        let (origin, idp_url, api_url) = (url_of(&actas)?, url_of(&idp)?, url_of(&api)?);
        let directory = std::env::temp_dir().join(format!("actas-demo-{}", clock::id()));
        std::fs::create_dir_all(&directory)?;
        let config = config(&origin, &directory, database)?;
        crate::log::start(&config.log);
        let visitor = Outbound::new(OutboundSettings {
            allow_private_addresses: true,
            ..OutboundSettings::default()
        })?;
        let mut servers = Servers(vec![serve_idp(idp, &idp_url)?]);
        let secrets = declare(&config, &demo_org(&idp_url)).await?;
        let other_secrets = declare(&config, &other_org(&idp_url)).await?;
        let serving = serve::start(config, Some(actas)).await?;
        servers.0.push(serving.server.handle());
        actix_web::rt::spawn(serving.server);
        let mut stage = Self {
            origin,
            idp: idp_url,
            api: api_url,
            secrets,
            other_secrets,
            visitor,
            servers,
            directory,
        };
        let served = stage.serve_api(api)?;
        stage.servers.0.push(served);
        Ok(stage)
    }

    pub(super) fn issuer(&self) -> String {
        format!("{}/o/demo", self.origin)
    }

    pub(super) fn other_issuer(&self) -> String {
        format!("{}/o/other", self.origin)
    }

    pub(super) fn token_endpoint(&self) -> String {
        format!("{}/oauth/token", self.issuer())
    }

    pub(super) fn jwks_uri(&self) -> String {
        format!("{}/oauth/jwks", self.issuer())
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
        for server in self.servers.0 {
            server.stop(false).await;
        }
        // It holds nothing but the demo's database; the system sweeps what stays behind.
        drop(std::fs::remove_dir_all(&self.directory));
    }

    fn serve_api(&self, listener: TcpListener) -> Result<actix_web::dev::ServerHandle, StageError> {
        let api = web::Data::new(Api {
            resource: DOCUMENTS.to_owned(),
            issuer: self.issuer(),
            jwks_uri: self.jwks_uri(),
            outbound: self.visitor.clone(),
        });
        let app = move || {
            Actix::new()
                .app_data(api.clone())
                .route("/documents", web::get().to(super::api::documents))
        };
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

fn config(origin: &str, directory: &Path, database: Option<String>) -> Result<Config, StageError> {
    let (master, _) = MasterKey::generate()?;
    let file = format!("sqlite:{}", directory.join("actas.db").display());
    Ok(Config {
        public_url: Url::parse(origin)?,
        listen: ([127, 0, 0, 1], 0).into(),
        default_org: None,
        development: true,
        database: Database {
            url: SecretString::from(database.unwrap_or(file)),
            max_connections: 16,
        },
        keys: Keys { master: Arc::new(master) },
        tls: None,
        upstream: Upstream {
            extra_ca: None,
            deadline: std::time::Duration::from_secs(2),
            replicas: 1,
        },
        log: log::Log { format: log::Format::Text, filter: "warn".to_owned() },
    })
}

/// What `actas apply` does. Returns the secrets of the agents.
async fn declare(config: &Config, org: &str) -> Result<BTreeMap<String, String>, StageError> {
    let app::Connected { store, data_key } = app::connect(config).await?;
    let desired = check::parse(org, Path::new(".")).map_err(|problems| problems.join("\n"))?;
    let how = How { dry_run: false, new_secrets: &[], now: clock::now() };
    let report = apply_desired(&*store.registry(), &data_key, desired, how).await?;
    store.close().await;
    Ok(report.secrets)
}

fn serve_idp(listener: TcpListener, url: &str) -> Result<actix_web::dev::ServerHandle, StageError> {
    let server = idp::server(listener, url, SigningKey::generate(Algorithm::Rs256)?)?;
    let handle = server.handle();
    actix_web::rt::spawn(server);
    Ok(handle)
}

fn demo_org(idp: &str) -> String {
    include_str!("demo.toml").replace("{idp}", idp)
}

/// A second organization behind the same identity provider, to show that they do not mix.
fn other_org(idp: &str) -> String {
    include_str!("other.toml").replace("{idp}", idp)
}

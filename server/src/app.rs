//! Organizations out of settings and database: the only place where concrete types meet.

mod assemble;
mod client;
mod connect;
pub mod connection;
pub mod exports;
mod ring;
pub mod trust;
mod trusted;

use std::{collections::HashMap, sync::Arc, time::Duration};

use arc_swap::ArcSwap;
use delegation::{
    client::Trusted,
    declared::{self, Declared, Registry},
    org::Org,
    ports::StreamId,
    refusal::Fault,
    trail::{Notary, Trail},
};
use futures_util::future::join_all;
use policy::Timestamp;
use store::Store;
use tokio::sync::Mutex;
use upstream::{
    http::{Outbound, OutboundSettings, Reach},
    sinks::Workshop,
};

pub use self::connect::{Connected, connect, rewrap};
use self::{
    connection::{Maker, Stream},
    exports::{Export, Exported, Exporter},
};
use crate::{
    clock,
    config::{Config, proxy::Proxy},
    custody::Keeper,
    http::{documents::Documents, status_lists::Made},
    jobs::streams::Watched,
    limits::Limits,
    metrics::Metrics,
};

/// Larger answers of an identity provider than this are not read on.
const LARGEST_ANSWER: usize = 256 * 1024;
/// Nor those of a sink, which only has to say yes.
const LARGEST_RECEIPT: usize = 64 * 1024;
/// So many organizations are loaded at once, each over a connection of its own to the database.
const AT_ONCE: usize = 8;
/// For one batch. Shorter than the lease of an export, see [`crate::jobs::export_audit`].
const SINK_DEADLINE: Duration = Duration::from_secs(10);

/// Everything a process serves. Shared by all workers; reading it takes no lock.
#[derive(Debug)]
pub struct App {
    /// The public URL without a trailing slash.
    pub origin: String,
    pub default_org: Option<String>,
    pub store: Store,
    pub keeper: Keeper,
    pub metrics: Metrics,
    pub limits: Limits,
    pub proxy: Proxy,
    /// Whether certificates of clients can arrive.
    pub asks_for_certificates: bool,
    /// Status lists as they are served.
    pub(crate) status_lists: Made,
    signatures: Arc<keys::Signatures>,
    registry: Arc<dyn Registry>,
    maker: Maker,
    exporter: Exporter,
    orgs: ArcSwap<HashMap<String, Arc<Loaded>>>,
    /// One reload at a time: each copies the map.
    reloading: Mutex<()>,
}

/// An organization ready to answer, with what it was made of.
#[derive(Debug)]
pub struct Loaded {
    pub org: Arc<Org>,
    pub declared: Declared,
    /// When the state of a signing key changes next, or a successor is due.
    pub next_key_at: Option<Timestamp>,
    /// The streams of signals that are ours to look after.
    pub streams: Vec<Stream>,
    /// Where its audit trail is sent.
    pub exports: Vec<Export>,
    /// What is served of it to everybody.
    pub documents: Documents,
}

impl Loaded {
    fn trusted(&self) -> (&[declared::Trust], &Trusted) {
        (&self.declared.trusts, &self.org.trusted)
    }

    fn streams_of(&self, connection: &str) -> Vec<Stream> {
        let of = |stream: &&Stream| stream.connection == connection;
        self.streams.iter().filter(of).cloned().collect()
    }
}

/// Why a process cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error(transparent)]
    Fault(#[from] Fault),
    #[error("outbound requests cannot be made: {0}")]
    Outbound(String),
    #[error("{0}")]
    Io(#[from] std::io::Error),
}

impl App {
    /// Connects, migrates, and loads every organization.
    ///
    /// # Errors
    ///
    /// The database or the outbound client cannot be used. An organization that cannot be loaded
    /// is logged and left out: it must not take the others down.
    pub async fn build(config: &Config) -> Result<Arc<Self>, StartError> {
        let Connected { store, data_key, keeper } = connect(config).await?;
        let outbound = outbound(config)?;
        let exporter = Exporter { master: Arc::clone(&data_key), workshop: workshop(config)? };
        let app = Arc::new(Self {
            origin: config.origin().to_owned(),
            default_org: config.default_org.clone(),
            signatures: Arc::default(),
            registry: store.registry(),
            store,
            keeper,
            metrics: Metrics::new(),
            limits: Limits::new(config.limits),
            asks_for_certificates: config.takes_client_certificates(),
            proxy: config.proxy.clone(),
            status_lists: Made::default(),
            exporter,
            maker: Maker { master: data_key, outbound, replicas: config.upstream.replicas },
            orgs: ArcSwap::default(),
            reloading: Mutex::new(()),
        });
        app.refresh().await?;
        Ok(app)
    }

    /// An organization by its id, as it was last loaded.
    #[must_use]
    pub fn org(&self, id: &str) -> Option<Arc<Org>> {
        self.orgs.load().get(id).map(|loaded| Arc::clone(&loaded.org))
    }

    /// The same, with what belongs to it.
    pub(crate) fn loaded_as(&self, id: &str) -> Option<Arc<Loaded>> {
        self.orgs.load().get(id).cloned()
    }

    /// What is declared of all organizations, as of now.
    #[must_use]
    pub fn registry(&self) -> Arc<dyn Registry> {
        Arc::clone(&self.registry)
    }

    /// Every organization, as it was last loaded.
    #[must_use]
    pub fn loaded(&self) -> Vec<Arc<Loaded>> {
        self.orgs.load().values().cloned().collect()
    }

    /// Every stream of signals of every organization, as it was last loaded.
    #[must_use]
    pub fn watched(&self) -> Vec<Watched> {
        let of = |loaded: &Arc<Loaded>| {
            let org = Arc::clone(&loaded.org);
            let watched = move |stream: &Stream| Watched {
                org: Arc::clone(&org),
                stream: StreamId {
                    connection: stream.connection.clone(),
                    stream: stream.settings.id.clone(),
                },
                transmitter: Arc::clone(&stream.transmitter),
            };
            loaded.streams.iter().map(watched).collect::<Vec<_>>()
        };
        self.orgs.load().values().flat_map(of).collect()
    }

    /// The audit trail of an organization, whether or not that can be loaded.
    #[must_use]
    pub fn trail(&self, org: &str) -> Arc<dyn Trail> {
        self.store.trail(org, Notary::new(org, Arc::clone(&self.maker.master)))
    }

    /// Every export of every organization, as it was last loaded.
    #[must_use]
    pub fn exported(&self) -> Vec<Exported> {
        let of = |loaded: &Arc<Loaded>| {
            let org = Arc::clone(&loaded.org);
            let exports = self.store.exports(&org.id);
            let exported = move |export: &Export| Exported {
                org: Arc::clone(&org),
                export: export.clone(),
                exports: Arc::clone(&exports),
            };
            loaded.exports.iter().map(exported).collect::<Vec<_>>()
        };
        self.orgs.load().values().flat_map(of).collect()
    }

    /// How many organizations are served.
    #[must_use]
    pub fn org_count(&self) -> usize {
        self.orgs.load().len()
    }

    /// RFC 8414 §2: what an organization calls itself.
    #[must_use]
    pub fn issuer(&self, org: &str) -> String {
        if self.default_org.as_deref() == Some(org) {
            self.origin.clone()
        } else {
            format!("{}/o/{org}", self.origin)
        }
    }

    /// Loads what has changed since the last time: new and changed organizations, and those whose
    /// keys are due.
    ///
    /// # Errors
    ///
    /// The list of organizations cannot be read.
    pub async fn refresh(&self) -> Result<(), Fault> {
        let standing = self.registry.orgs().await?;
        for some in standing.chunks(AT_ONCE) {
            self.refresh_some(some).await;
        }
        Ok(())
    }

    /// One that cannot be loaded is logged, and the old one goes on being served.
    async fn refresh_some(&self, standing: &[(String, i64)]) {
        let now = clock::now();
        let is_due = |loaded: &HashMap<String, Arc<Loaded>>, (id, revision): &(String, i64)| {
            loaded.get(id).is_none_or(|loaded| {
                loaded.org.revision != *revision || loaded.next_key_at.is_some_and(|at| at <= now)
            })
        };
        if !standing.iter().any(|one| is_due(&self.orgs.load(), one)) {
            return;
        }
        let _one_at_a_time = self.reloading.lock().await;
        let loaded = self.orgs.load_full();
        let load =
            async |id: &String| (id.clone(), self.load(id, loaded.get(id).map(Arc::as_ref)).await);
        let due = standing.iter().filter(|one| is_due(&loaded, one)).map(|(id, _)| load(id));
        let mut fresh = Vec::new();
        for (id, again) in join_all(due).await {
            match again {
                Ok(again) => fresh.extend(again),
                Err(fault) => tracing::error!(org = id, %fault, "an organization cannot be loaded"),
            }
        }
        self.serve_these(fresh);
    }

    /// From now on. To be called by who has the lock.
    fn serve_these(&self, fresh: Vec<Loaded>) {
        let mut orgs = HashMap::clone(&self.orgs.load());
        let names: Vec<_> = fresh.iter().map(|it| (it.org.id.clone(), it.org.revision)).collect();
        orgs.extend(fresh.into_iter().map(|it| (it.org.id.clone(), Arc::new(it))));
        self.orgs.store(Arc::new(orgs));
        for (org, revision) in names {
            tracing::info!(org, revision, "organization loaded");
        }
    }

    /// Whether an organization has changed since `org` was loaded.
    ///
    /// # Errors
    ///
    /// Its revision cannot be read.
    pub async fn is_stale(&self, org: &Org) -> Result<bool, Fault> {
        let revision = self.registry.revision(&org.id).await?;
        Ok(revision.is_some_and(|revision| revision != org.revision))
    }

    /// Loads one organization again, after the revision `stale` turned out to be an old one.
    ///
    /// Of many that find out at once, one loads; the others get what it has loaded.
    ///
    /// # Errors
    ///
    /// It cannot be read, or made to work; the old one goes on being served.
    pub async fn reload(&self, id: &str, stale: i64) -> Result<Option<Arc<Org>>, Fault> {
        let _one_at_a_time = self.reloading.lock().await;
        let previous = self.orgs.load().get(id).cloned();
        if let Some(previous) = previous.as_ref().filter(|p| p.org.revision != stale) {
            return Ok(Some(Arc::clone(&previous.org)));
        }
        let Some(loaded) = self.load(id, previous.as_deref()).await? else { return Ok(None) };
        let org = Arc::clone(&loaded.org);
        self.serve_these(vec![loaded]);
        Ok(Some(org))
    }

    /// As it is declared now; none: there is no such organization.
    async fn load(&self, id: &str, previous: Option<&Loaded>) -> Result<Option<Loaded>, Fault> {
        let Some(declared) = self.registry.find(id).await? else { return Ok(None) };
        let (ring, next_key_at) =
            ring::ring(&*self.store.key_store(), &self.keeper, &declared).await?;
        let (org, streams) = self.assemble(&declared, ring, previous)?;
        let (org, documents) = (Arc::new(org), Documents::default());
        let exports = self.exporter.exports(&declared, previous);
        Ok(Some(Loaded { org, declared, next_key_at, streams, exports, documents }))
    }
}

/// The guarded client for everything that leaves this process.
///
/// # Errors
///
/// When there is nobody to trust.
pub(crate) fn outbound(config: &Config) -> Result<Outbound, StartError> {
    Outbound::new(OutboundSettings {
        reach: if config.development { Reach::Anywhere } else { Reach::Public },
        extra_ca_pem: config.upstream.extra_ca.clone(),
        deadline: config.upstream.deadline,
        max_body: LARGEST_ANSWER,
    })
    .map_err(|e| StartError::Outbound(e.to_string()))
}

/// Sinks may be slower than identity providers, and in our own network when the operator says so.
fn workshop(config: &Config) -> Result<Workshop, StartError> {
    let reach = match (config.development, config.exports.private_addresses) {
        (true, _) => Reach::Anywhere,
        (false, true) => Reach::Inside,
        (false, false) => Reach::Public,
    };
    let outbound = Outbound::new(OutboundSettings {
        reach,
        extra_ca_pem: config.upstream.extra_ca.clone(),
        deadline: SINK_DEADLINE,
        max_body: LARGEST_RECEIPT,
    });
    let outbound = outbound.map_err(|e| StartError::Outbound(e.to_string()))?;
    Ok(Workshop { outbound, directory: config.exports.directory.clone() })
}

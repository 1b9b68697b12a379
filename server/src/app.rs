//! Organizations out of settings and database: the only place where concrete types meet.

pub mod connection;

use std::{collections::HashMap, sync::Arc};

use arc_swap::ArcSwap;
use delegation::{
    declared::{self, Declared, KeyRecord, Registry},
    org::{Agent, Org},
    ports::StreamId,
    refusal::Fault,
};
use keys::{Algorithm, KeyRing, MasterKey, SecretHash, SigningKey};
use policy::{OrgPolicies, Rules, Timestamp};
use store::Store;
use tokio::sync::Mutex;
use upstream::http::{Outbound, OutboundSettings};

use self::connection::{Maker, Stream};
use crate::{clock, config::Config, jobs::streams::Watched, metrics::Metrics};

/// Larger answers of an identity provider than this are not read on.
const LARGEST_ANSWER: usize = 256 * 1024;

/// Everything a process serves. Shared by all workers; reading it takes no lock.
#[derive(Debug)]
pub struct App {
    /// The public URL without a trailing slash.
    pub origin: String,
    pub default_org: Option<String>,
    pub store: Store,
    pub metrics: Metrics,
    registry: Arc<dyn Registry>,
    maker: Maker,
    orgs: ArcSwap<HashMap<String, Arc<Loaded>>>,
    /// One reload at a time: each copies the map.
    reloading: Mutex<()>,
}

/// An organization ready to answer, with what it was made of.
#[derive(Debug)]
pub struct Loaded {
    pub org: Arc<Org>,
    pub declared: Declared,
    /// When a key that is published now begins to sign.
    pub next_key_at: Option<Timestamp>,
    /// The streams of signals that are ours to look after.
    pub streams: Vec<Stream>,
}

impl Loaded {
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
        let store = connect(config).await?;
        let outbound = outbound(config)?;
        let app = Arc::new(Self {
            origin: config.origin().to_owned(),
            default_org: config.default_org.clone(),
            registry: store.registry(),
            store,
            metrics: Metrics::new(),
            maker: Maker {
                master: Arc::clone(&config.keys.master),
                outbound,
                replicas: config.upstream.replicas,
            },
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
    /// next key is due.
    ///
    /// # Errors
    ///
    /// The list of organizations cannot be read.
    pub async fn refresh(&self) -> Result<(), Fault> {
        let standing = self.registry.orgs().await?;
        let now = clock::now();
        let loaded = self.orgs.load_full();
        for (id, revision) in standing {
            let current = loaded.get(&id).is_some_and(|loaded| {
                loaded.org.revision == revision && loaded.next_key_at.is_none_or(|at| now < at)
            });
            if !current {
                let stale = loaded.get(&id).map_or(0, |loaded| loaded.org.revision);
                if let Err(fault) = self.reload(&id, stale).await {
                    tracing::error!(org = id, %fault, "an organization cannot be loaded");
                }
            }
        }
        Ok(())
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
        let Some(declared) = self.registry.find(id).await? else { return Ok(None) };
        let (ring, next_key_at) = self.ring(&declared).await?;
        let (org, streams) = self.assemble(&declared, ring, previous.as_deref())?;
        let org = Arc::new(org);
        let loaded = Loaded { org: Arc::clone(&org), declared, next_key_at, streams };
        let mut orgs = HashMap::clone(&self.orgs.load());
        orgs.insert(id.to_owned(), Arc::new(loaded));
        self.orgs.store(Arc::new(orgs));
        tracing::info!(org = id, revision = org.revision, "organization loaded");
        Ok(Some(org))
    }

    fn assemble(
        &self,
        declared: &Declared,
        ring: KeyRing,
        previous: Option<&Loaded>,
    ) -> Result<(Org, Vec<Stream>), Fault> {
        let id = &declared.id;
        let broken = |what: &str, e: &dyn std::fmt::Display| {
            Fault::Store(format!("organization `{id}`: {what}: {e}"))
        };
        let policies = OrgPolicies::parse(&declared.policies).map_err(|errors| {
            let errors: Vec<_> = errors.iter().map(ToString::to_string).collect();
            broken("its stored policies", &errors.join("; "))
        })?;
        let policy_hash = hash(&declared.policies);
        let settings = &declared.settings;
        let rules = Rules::new(settings.chain_limit, settings.lifetime, policies)
            .map_err(|e| broken("its rules", &e))?;
        let connections = declared.connections.iter();
        let connections = connections.map(|c| self.maker.connection(declared, c, previous));
        let connections = connections.collect::<Result<Vec<_>, _>>()?;
        let (connections, streams): (Vec<_>, Vec<_>) = connections.into_iter().unzip();
        let agents =
            declared.agents.iter().map(|agent| (agent.id.clone(), Arc::new(agent_of(agent))));
        let resources = declared.resources.iter().map(|r| (r.id.clone(), r.scope.clone()));
        let org = Org {
            id: id.clone(),
            issuer: self.issuer(id),
            revision: declared.revision,
            rules,
            policy_hash,
            default_target: settings.default_target.clone(),
            agents: agents.collect(),
            resources: resources.collect(),
            connections,
            ring,
            master: Arc::clone(&self.maker.master),
            ledger: self.store.ledger(id),
            streams: self.store.streams(id),
        };
        Ok((org, streams.into_iter().flatten().collect()))
    }

    /// The organization's keys; the first of its algorithm is made here, once for all replicas.
    async fn ring(&self, declared: &Declared) -> Result<Ring, Fault> {
        let (org, algorithm) = (&declared.id, &declared.settings.algorithm);
        let mut records = self.registry.keys(org).await?;
        if !records.iter().any(|record| record.algorithm == *algorithm) {
            let parsed = algorithm.parse::<Algorithm>().map_err(|e| Fault::Keys(e.to_string()))?;
            let record = new_key(&self.maker.master, org, parsed)?;
            records = self.registry.found_key(org, &record).await?;
        }
        ring_of(&self.maker.master, org, algorithm, &records)
    }
}

/// The guarded client for everything that leaves this process.
///
/// # Errors
///
/// When there is nobody to trust.
pub(crate) fn outbound(config: &Config) -> Result<Outbound, StartError> {
    Outbound::new(OutboundSettings {
        allow_private_addresses: config.development,
        extra_ca_pem: config.upstream.extra_ca.clone(),
        deadline: config.upstream.deadline,
        max_body: LARGEST_ANSWER,
    })
    .map_err(|e| StartError::Outbound(e.to_string()))
}

/// Connects to the database and brings its schema up to date.
///
/// # Errors
///
/// It cannot be reached, or a newer actas has migrated it.
pub async fn connect(config: &Config) -> Result<Store, Fault> {
    let database = &config.database;
    let settings =
        store::Settings { url: database.url.clone(), max_connections: database.max_connections };
    let store = Store::connect(&settings).await?;
    store.migrate().await?;
    admit(&store, &config.keys.master).await?;
    Ok(store)
}

/// Makes sure that the master key is the one this database was first used with: under another one
/// nothing could be opened, and what is sealed could never be.
async fn admit(store: &Store, master: &MasterKey) -> Result<(), Fault> {
    const CONTEXT: &str = "installation";
    let fresh = master.seal(CONTEXT, b"actas").map_err(|e| Fault::Keys(e.to_string()))?;
    let standing = store.found_installation(&fresh).await?;
    master.open(CONTEXT, &standing).map(drop).map_err(|_| {
        Fault::Keys("the master key is not the one this database was first used with".to_owned())
    })
}

fn agent_of(declared: &declared::Agent) -> Agent {
    Agent {
        id: declared.id.clone(),
        ceiling: declared.scope.clone(),
        aliases: declared.aliases.clone(),
        disabled: declared.disabled,
        secrets: declared.secrets.iter().copied().map(SecretHash::from_bytes).collect(),
    }
}

/// Names and texts, so that the audit trail can say under which policies a decision was made.
fn hash(policies: &[policy::PolicyFile]) -> Option<String> {
    let parts = policies.iter().flat_map(|file| [file.name.as_str(), "\0", &file.text, "\0"]);
    let text = parts.collect::<String>();
    (!policies.is_empty()).then(|| keys::sha256_hex(text.as_bytes()))
}

fn key_context(org: &str, kid: &str) -> String {
    format!("signing-key:{org}:{kid}")
}

fn new_key(master: &MasterKey, org: &str, algorithm: Algorithm) -> Result<KeyRecord, Fault> {
    use keys::Signer as _;
    let broken = |e: &dyn std::fmt::Display| Fault::Keys(format!("a signing key: {e}"));
    let key = SigningKey::generate(algorithm).map_err(|e| broken(&e))?;
    let kid = key.kid().to_owned();
    let sealed = key.to_sealed(master, &key_context(org, &kid)).map_err(|e| broken(&e))?;
    Ok(KeyRecord { kid, algorithm: algorithm.to_string(), sealed, created_at: clock::now() })
}

/// Verifiers may cache a key set for 300 s (`http::jwks`), and replicas notice a new key within
/// seconds: a key is published for so long before it signs.
const SIGNS_AFTER: i64 = 360;

/// The keys as of now, and when that changes.
type Ring = (KeyRing, Option<Timestamp>);

/// The newest key of the organization's algorithm signs, once it has been published for
/// longer than a key set is cached; until then, the one before it. An organization's first key signs at once.
/// Keys of earlier algorithms stay published for what they have signed.
fn ring_of(
    master: &MasterKey,
    org: &str,
    algorithm: &str,
    records: &[KeyRecord],
) -> Result<Ring, Fault> {
    let first = records.iter().map(|record| record.created_at).min();
    let due = |record: &KeyRecord| {
        let is_first = Some(record.created_at) == first;
        if is_first { record.created_at.0 } else { record.created_at.0.saturating_add(SIGNS_AFTER) }
    };
    let wanted = records.iter().filter(|record| record.algorithm == algorithm).map(due).max();
    // A first key that another replica made a moment ago, by a clock ahead of ours, signs at once.
    let now = clock::now().0.max(first.map_or(0, |first| first.0));
    let is_due = wanted.is_some_and(|at| at <= now);
    let entry = |record: &KeyRecord| {
        let key = SigningKey::from_sealed(master, &key_context(org, &record.kid), &record.sealed)
            .map_err(|e| {
            Fault::Keys(format!("signing key `{}` of `{org}`: {e}", record.kid))
        })?;
        let superseded = is_due && record.algorithm != algorithm;
        let retires_at = superseded.then_some(now);
        Ok(keys::Entry { key: Arc::new(key), activates_at: due(record), retires_at })
    };
    let entries = records.iter().map(entry).collect::<Result<Vec<_>, Fault>>()?;
    let ring = KeyRing::new(entries, now).map_err(|e| Fault::Keys(format!("`{org}`: {e}")))?;
    Ok((ring, wanted.filter(|_| !is_due).map(Timestamp)))
}

//! What all replicas have in common: the database, keys, time, and the providers they ask.

use std::{
    collections::HashMap,
    path::Path,
    sync::{Arc, Mutex},
    time::Duration,
};

use delegation::{
    client::{Client, Trusted},
    declared::{self, Declared, Stoppable},
    org::{Agent, Connection, Org, Resource},
    ports::{Asker, Limiter},
    signal::{Receivers, StreamReceiver},
    status::StatusIndexes,
    trail::Notary,
};
use keys::{Algorithm, DataKey, KeyRing, SecretHash, SigningKey};
use policy::{OrgPolicies, Rules};
use store::Store;
use tempfile::TempDir;

use crate::{
    cast,
    database::{Kind, Postgres},
    lies::{Forgetful, Liar, Lie},
    provider::{Home, Key, Truth},
    replica::Replica,
    time::Clock,
};

/// What is true of one connection of one organization, shared by all who ask.
type Truths = HashMap<(String, String), Arc<Mutex<Truth>>>;

#[derive(Debug)]
pub struct Site {
    url: String,
    data_key: Arc<DataKey>,
    /// Of all organizations: that a token is of one of them, its signature does not say.
    signing: Arc<SigningKey>,
    pub provider: Arc<Key>,
    pub transmitter: Arc<Key>,
    pub clock: Clock,
    truths: Mutex<Truths>,
    pub lie: Option<Lie>,
}

/// A database of one's own, for as long as it is used.
pub enum Disk {
    Sqlite { path: String, _folder: TempDir },
    Postgres(Postgres),
}

impl Disk {
    pub fn new(kind: Kind) -> Self {
        match kind {
            Kind::Sqlite => {
                // What a process leaves behind when it dies is the same in memory.
                let memory = Path::new("/dev/shm");
                let folder = if memory.is_dir() {
                    tempfile::tempdir_in(memory)
                } else {
                    tempfile::tempdir()
                };
                let folder = folder.unwrap();
                let path = folder.path().join("actas.db").display().to_string();
                Self::Sqlite { path, _folder: folder }
            }
            Kind::Postgres => Self::Postgres(Postgres::create()),
        }
    }

    pub fn url(&self) -> String {
        match self {
            Self::Sqlite { path, .. } => format!("sqlite:{path}"),
            Self::Postgres(postgres) => postgres.url(),
        }
    }
}

impl Site {
    pub fn new(disk: &Disk, lie: Option<Lie>) -> Self {
        Self {
            url: disk.url(),
            data_key: Arc::new(DataKey::generate().unwrap()),
            signing: Arc::new(SigningKey::generate(Algorithm::Es256).unwrap()),
            provider: Arc::new(Key::new()),
            transmitter: Arc::new(Key::new()),
            clock: Clock::default(),
            truths: Mutex::default(),
            lie,
        }
    }

    pub async fn connect(&self) -> Store {
        let url = self.url.as_str().into();
        Store::connect(&store::Settings { url, max_connections: 5 }).await.unwrap()
    }

    pub fn hash(&self, client: &str) -> [u8; 32] {
        *self.data_key.hash_secret(&cast::secret(client)).as_bytes()
    }

    pub fn notary(&self, org: &str) -> Notary {
        Notary::new(org, Arc::clone(&self.data_key))
    }

    /// What the provider of a connection holds to be true.
    pub fn truth(&self, org: &str, connection: &str) -> Arc<Mutex<Truth>> {
        let key = (org.to_owned(), connection.to_owned());
        Arc::clone(self.truths.lock().unwrap().entry(key).or_default())
    }

    pub fn forget(&self) {
        self.truths.lock().unwrap().clear();
    }

    /// A snapshot, as `server::app` makes one.
    pub fn assemble(&self, of: &Replica, declared: &Declared, previous: Option<&Org>) -> Org {
        let id = &declared.id;
        let settings = &declared.settings;
        let agents = declared.agents.iter().map(|it| {
            let stopped = declared.stopped.contains(&Stoppable::Agent(it.id.clone()));
            (it.id.clone(), Arc::new(agent(it, stopped)))
        });
        let resources: Vec<_> =
            declared.resources.iter().map(|it| Arc::new(resource(it))).collect();
        let server = |it: &Arc<Resource>| Some((it.client.as_ref()?.id.clone(), Arc::clone(it)));
        let status_lists = of.store.status_lists(id);
        let indexes = previous.map(|previous| Arc::clone(&previous.status_indexes));
        let rules = Rules::new(settings.chain_limit, settings.lifetime, OrgPolicies::none());
        let key = Arc::clone(&self.signing);
        let entry = keys::Entry { key, state: keys::rotation::State::Active };
        let ledger = Liar {
            ledger: of.store.ledger(id),
            lie: self.lie,
            fuse: Arc::clone(&of.fuse),
            recalled: Mutex::default(),
        };
        Org {
            id: id.clone(),
            issuer: cast::issuer(id),
            revision: declared.revision,
            rules: rules.unwrap(),
            policy_hash: None,
            default_target: None,
            agents: agents.collect(),
            servers: resources.iter().filter_map(server).collect(),
            resources: resources.iter().map(|it| (it.id.clone(), Arc::clone(it))).collect(),
            operators: Vec::new(),
            connections: declared
                .connections
                .iter()
                .map(|it| self.connection(of, declared, it))
                .collect(),
            trusted: Trusted::default(),
            templates: Vec::new(),
            dpop_nonce: false,
            trust_domain: None,
            stopped: declared.stopped.contains(&Stoppable::Org),
            ring: KeyRing::new(vec![entry]).unwrap(),
            master: Arc::clone(&self.data_key),
            ledger: Arc::new(ledger),
            streams: of.store.streams(id),
            trail: of.store.trail(id, self.notary(id)),
            status_indexes: indexes
                .unwrap_or_else(|| Arc::new(StatusIndexes::new(Arc::clone(&status_lists)))),
            status_lists,
            signatures: Arc::clone(&of.signatures),
            once: if self.lie == Some(Lie::ForgetsUse) {
                Arc::new(Forgetful)
            } else {
                of.store.single_use(id)
            },
            limiter: Arc::new(Unlimited),
        }
    }

    fn connection(
        &self,
        of: &Replica,
        declared: &Declared,
        it: &declared::Connection,
    ) -> Connection {
        let home = Home {
            connection: it.id.clone(),
            key: Arc::clone(&self.provider),
            truth: self.truth(&declared.id, &it.id),
            asked: Arc::clone(&of.asked),
            lie: self.lie,
            vouched: Mutex::default(),
        };
        let number = it.id.rsplit('-').next().unwrap().parse().unwrap();
        let stream = StreamReceiver {
            issuer: cast::transmitter(number),
            audience: vec![cast::issuer(&declared.id)],
            pushed: true,
            authorization: None,
            transmitter: Arc::clone(&self.transmitter) as _,
        };
        Connection {
            id: it.id.clone(),
            issuer: it.issuer.clone(),
            audiences: it.audiences.clone(),
            algorithms: vec![Algorithm::Es256],
            takes_access_tokens: true,
            takes_id_tokens: false,
            takes_untyped_access_tokens: it.untyped_access_tokens,
            takes_id_jags: false,
            takes_assertions: true,
            tokens: it.tokens.clone(),
            subject_prefix: it.subject_prefix.clone(),
            max_age: Duration::from_secs(it.max_age),
            max_silence: None,
            reconnect_uri: None,
            acr_values: None,
            stopped: declared.stopped.contains(&Stoppable::Connection(it.id.clone())),
            provider: Arc::new(home),
            signals: Receivers {
                streams: HashMap::from([("events".to_owned(), stream)]),
                logout: None,
                revocation: None,
                scim: None,
            },
        }
    }
}

fn agent(it: &declared::Agent, stopped: bool) -> Agent {
    Agent {
        id: it.id.clone(),
        ceiling: it.scope.clone(),
        aliases: it.aliases.clone(),
        purpose: it.purpose.clone(),
        client: client(&it.id, (&it.authentication, &it.secrets), it.disabled || stopped),
    }
}

fn resource(it: &declared::Resource) -> Resource {
    let client_of = |id: &String| client(id, (&it.authentication, &it.secrets), false);
    Resource {
        id: it.id.clone(),
        scope: it.scope.clone(),
        client: it.client_id.as_ref().map(client_of),
        status: it.status,
        abroad: None,
    }
}

fn client(
    id: &str,
    (authentication, secrets): (&declared::Authentication, &[[u8; 32]]),
    disabled: bool,
) -> Client {
    Client {
        id: id.to_owned(),
        methods: authentication.methods.clone(),
        secrets: secrets.iter().copied().map(SecretHash::from_bytes).collect(),
        keys: None,
        algorithms: Algorithm::ALL.to_vec(),
        legacy_audience: false,
        certificate: None,
        workloads: Vec::new(),
        spiffe_id: None,
        attester: None,
        dpop_bound: false,
        certificate_bound: false,
        grants: authentication.grants.clone(),
        disabled,
    }
}

/// Nobody asks too much here.
#[derive(Debug)]
struct Unlimited;

impl Limiter for Unlimited {
    fn admit(&self, _: Asker<'_>) -> Result<(), Duration> {
        Ok(())
    }
}

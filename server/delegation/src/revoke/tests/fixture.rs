//! An organization with one delegation: Alice lets the orchestrator read documents.

use std::{
    collections::HashMap,
    sync::{Arc, LazyLock, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use keys::{Algorithm, DataKey, KeyRing, Signer, SigningKey, rotation::State};
use policy::Timestamp;
use secrecy::SecretString;
use serde_json::{Value, json};
use uuid::Uuid;

pub(crate) use crate::signal::tests::fixture::{NOW, US, wait};
use crate::{
    client::{AuthenticatedClient, Caller, Client, Credentials, Presented, authenticate},
    declared::{
        Agent as DeclaredAgent, Authentication, Change, Connection, Declared, DeclaredGrant,
        Options, Registry, Settings, Stoppable, TokenRules,
    },
    event::Event,
    names::Names,
    org::{Agent, Org, Resource},
    ports::{Found, Ledger, Lineage, Opened, Opening, Recalled, Selector, Signalled},
    refusal::{Failure, Fault},
    revoke::{Call, Place, Word},
    signal::{Signal, tests::fixture::World},
};

pub(crate) const DELEGATION: Uuid = Uuid::from_u128(1);
pub(crate) const RESOURCE: &str = "https://documents.example";

static KEY: LazyLock<Arc<SigningKey>> =
    LazyLock::new(|| Arc::new(SigningKey::generate(Algorithm::Es256).unwrap()));

/// Signed once: what is found goes by the hash of these very octets.
static TOKEN: LazyLock<String> = LazyLock::new(|| signed("at+jwt", &claims()));

/// The claims of the happy token.
pub(crate) fn claims() -> Value {
    json!({
        "iss": US, "sub": "corp:alice", "aud": RESOURCE, "client_id": "orchestrator",
        "iat": NOW - 10, "exp": NOW + 290, "jti": DELEGATION.to_string(),
        "scope": "documents:read", "org_id": "demo", "auth_time": NOW - 60, "acr": "silver",
        "amr": ["pwd"], "act": { "iss": US, "sub": "agent:orchestrator" },
    })
}

pub(crate) fn signed(typ: &str, claims: &Value) -> String {
    keys::sign(&**KEY, typ, claims).unwrap()
}

pub(crate) fn token() -> String {
    TOKEN.clone()
}

/// Another good token, whose `jti` is `id`.
pub(crate) fn token_of(id: Uuid) -> String {
    let mut claims = claims();
    claims["jti"] = json!(id.to_string());
    signed("at+jwt", &claims)
}

/// What the ledger keeps of the happy token.
pub(crate) fn found(token: &str) -> Found {
    Found {
        token_hash: keys::sha256(token.as_bytes()),
        root: DELEGATION,
        connection: "corp".to_owned(),
        user: "alice".to_owned(),
        agent: "orchestrator".to_owned(),
        ended_at: None,
        grant_expires_at: None,
        revision: 1,
    }
}

pub(crate) fn draft() -> Event {
    Event::draft(call().id, Timestamp(NOW), "r-1".to_owned())
}

pub(crate) fn call() -> Call<'static> {
    Call {
        id: Uuid::from_u128(42),
        now: Timestamp(NOW),
        request_id: "r-1".to_owned(),
        client_address: None,
        word: Word::CommandLine("cli:alice"),
        reason: Some("incident 17".to_owned()),
    }
}

type Revoked = (Selector, Timestamp, Option<Event>);

/// What the ledger and the registry know, and were told.
#[derive(Debug, Default)]
pub(crate) struct Books {
    pub found: Mutex<HashMap<Uuid, Found>>,
    revoked: Mutex<Vec<Revoked>>,
    signals: Mutex<Vec<Signal>>,
    stopped: Mutex<Vec<Stoppable>>,
    restored: Mutex<Vec<(Stoppable, Event)>>,
    pub is_ill: std::sync::atomic::AtomicBool,
}

pub(crate) struct Scene {
    pub org: Org,
    pub books: Arc<Books>,
}

impl Scene {
    pub fn new() -> Self {
        let books = Arc::new(Books::default());
        books.found.lock().unwrap().insert(DELEGATION, found(&TOKEN));
        let mut org = World::new().org;
        org.ledger = Arc::clone(&books) as Arc<dyn Ledger>;
        let key = Arc::clone(&*KEY) as Arc<dyn Signer>;
        org.ring = KeyRing::new(vec![keys::Entry { key, state: State::Active }]).unwrap();
        for id in ["orchestrator", "researcher"] {
            org.agents.insert(id.to_owned(), Arc::new(agent(id, &org.master)));
        }
        let resource = Arc::new(Resource {
            id: RESOURCE.to_owned(),
            scope: policy::Scope::parse("documents:read").unwrap(),
            client: Some(Client::with_secret(
                "documents-api",
                org.master.hash_secret("acs_documents-api"),
            )),
            status: false,
            abroad: None,
        });
        org.servers.insert("documents-api".to_owned(), Arc::clone(&resource));
        org.resources.insert(RESOURCE.to_owned(), resource);
        Self { org, books }
    }

    pub fn place(&self) -> Place<'_> {
        Place { org: "demo", ledger: &*self.books, registry: &*self.books }
    }

    /// For as long as the test runs.
    pub fn leaked(self) -> Place<'static> {
        let books: &'static Books =
            Box::leak(Box::new(Arc::try_unwrap(self.books).unwrap_or_default()));
        Place { org: "demo", ledger: books, registry: books }
    }

    /// Credentials of `id` as it got them.
    pub fn credentials(id: &str) -> Credentials {
        Credentials::Post { id: id.to_owned(), secret: SecretString::from(format!("acs_{id}")) }
    }

    pub fn client(&self, id: &str) -> AuthenticatedClient {
        caller(&self.org, Self::credentials(id)).unwrap().client().unwrap()
    }

    pub fn stop(&self, what: Stoppable) {
        self.books.stopped.lock().unwrap().push(what);
    }

    pub fn revoked(&self) -> Vec<Revoked> {
        self.books.revoked.lock().unwrap().clone()
    }

    pub fn signals(&self) -> Vec<Signal> {
        self.books.signals.lock().unwrap().clone()
    }

    pub fn restored(&self) -> Vec<(Stoppable, Event)> {
        self.books.restored.lock().unwrap().clone()
    }
}

/// Who sends these, in a request of its own.
pub(crate) fn caller(org: &Org, credentials: Credentials) -> Result<Caller, Failure> {
    let presented =
        Presented { credentials, certificate: None, attestation: None, now: Timestamp(NOW) };
    wait(async { authenticate(org, &presented).await?.spend(org, Uuid::from_u128(43)).await })
}

fn agent(id: &str, master: &DataKey) -> Agent {
    Agent {
        id: id.to_owned(),
        ceiling: policy::Scope::parse("documents:read").unwrap(),
        aliases: Vec::new(),
        purpose: None,
        client: Client::with_secret(id, master.hash_secret(&format!("acs_{id}"))),
    }
}

#[async_trait]
impl Ledger for Books {
    async fn recall(&self, _: &Lineage) -> Result<Recalled, Fault> {
        Err(Fault::Late)
    }

    async fn open(&self, _: Opening) -> Result<Opened, Fault> {
        Err(Fault::Late)
    }

    async fn note(&self, _: Event) -> Result<(), Fault> {
        Err(Fault::Late)
    }

    async fn learn(&self, _: &str, _: &str, _: &Names) -> Result<(), Fault> {
        Err(Fault::Late)
    }

    async fn adopt(&self, _: &str, _: &str) -> Result<(), Fault> {
        Err(Fault::Late)
    }

    async fn signal(&self, signal: Signal) -> Result<Signalled, Fault> {
        self.signals.lock().unwrap().push(signal);
        Ok(Signalled::Applied { ended: 3 })
    }

    async fn find(&self, delegation: Uuid) -> Result<Option<Found>, Fault> {
        if self.is_ill.load(std::sync::atomic::Ordering::SeqCst) {
            return Err(Fault::Store("ill".to_owned()));
        }
        Ok(self.found.lock().unwrap().get(&delegation).cloned())
    }

    async fn revoke(
        &self,
        selector: &Selector,
        at: Timestamp,
        event: Option<Event>,
    ) -> Result<u64, Fault> {
        self.revoked.lock().unwrap().push((selector.clone(), at, event));
        Ok(7)
    }
}

#[async_trait]
impl Registry for Books {
    async fn orgs(&self) -> Result<Vec<(String, i64)>, Fault> {
        Err(Fault::Late)
    }

    async fn revision(&self, _: &str) -> Result<Option<i64>, Fault> {
        Err(Fault::Late)
    }

    async fn find(&self, org: &str) -> Result<Option<Declared>, Fault> {
        Ok((org == "demo").then(declared))
    }

    async fn grants(&self, _: &str) -> Result<Vec<DeclaredGrant>, Fault> {
        Err(Fault::Late)
    }

    async fn grant(&self, _: &str, id: &str) -> Result<Option<DeclaredGrant>, Fault> {
        Ok((id == "g-1").then(|| DeclaredGrant {
            id: id.to_owned(),
            connection: "corp".to_owned(),
            user: "alice".to_owned(),
            agent: "orchestrator".to_owned(),
            scope: policy::Scope::parse("documents:read").unwrap(),
            targets: Vec::new(),
            expires_at: None,
        }))
    }

    async fn apply(
        &self,
        _: &str,
        _: i64,
        _: &[Change],
        _: Timestamp,
    ) -> Result<Option<i64>, Fault> {
        Err(Fault::Late)
    }

    async fn restore(&self, _: &str, what: &Stoppable, event: Event) -> Result<bool, Fault> {
        let was_stopped = self.stopped.lock().unwrap().contains(what);
        if was_stopped {
            self.restored.lock().unwrap().push((what.clone(), event));
        }
        Ok(was_stopped)
    }
}

fn declared() -> Declared {
    Declared {
        id: "demo".to_owned(),
        revision: 1,
        settings: Settings {
            name: "Demo".to_owned(),
            algorithm: "ES256".to_owned(),
            chain_limit: 5,
            lifetime: Duration::from_mins(5),
            default_target: None,
            key_rotation: Duration::ZERO,
            audit_retention: Duration::ZERO,
            options: Options::default(),
        },
        connections: vec![Connection {
            id: "corp".to_owned(),
            issuer: "https://idp.example".to_owned(),
            client_id: String::new(),
            client_secret: Vec::new(),
            audiences: Vec::new(),
            algorithms: Vec::new(),
            kinds: Vec::new(),
            subject_prefix: "corp:".to_owned(),
            untyped_access_tokens: false,
            max_age: 0,
            reconnect_uri: None,
            acr_values: None,
            checks: Vec::new(),
            signals: Vec::new(),
            streams: Vec::new(),
            tokens: TokenRules::default(),
        }],
        agents: vec![DeclaredAgent {
            id: "orchestrator".to_owned(),
            name: String::new(),
            scope: policy::Scope::parse("documents:read").unwrap(),
            aliases: Vec::new(),
            disabled: false,
            secrets: Vec::new(),
            authentication: Authentication::default(),
            purpose: None,
        }],
        resources: Vec::new(),
        policies: Vec::new(),
        operators: Vec::new(),
        exports: Vec::new(),
        trusts: Vec::new(),
        templates: Vec::new(),
        stopped: Vec::new(),
    }
}

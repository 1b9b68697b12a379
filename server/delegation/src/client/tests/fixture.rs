//! An organization with one client that could prove itself in every way, and is let by some.

use std::{
    collections::HashMap,
    sync::{
        Arc, LazyLock, Mutex,
        atomic::{AtomicBool, Ordering},
    },
};

use async_trait::async_trait;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use keys::{Algorithm, Authorities, Certificate, PublicKeys, Signer, SigningKey};
use policy::{Scope, Timestamp};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use uuid::Uuid;

pub use crate::signal::tests::fixture::{NOW, US, changed, wait};
use crate::{
    client::{
        AssertionType, Attester, Caller, Client, ClientFault, Credentials, Presented, TrustDomain,
        WorkloadIssuer, authenticate,
    },
    declared::{Method, Workload},
    org::{Agent, Org},
    ports::{Bundle, KeySource, Once, SingleUse, TokenReview},
    refusal::{Failure, Fault, Refusal},
    signal::tests::fixture::World,
};

pub const CLIENT: &str = "orchestrator";
pub const TOKEN_ENDPOINT: &str = "https://as.example/oauth/token";
pub const PLATFORM: &str = "https://ci.example";
pub const SUBJECT: &str = "repo:acme/agents:ref:refs/heads/main";
pub const AUDIENCE: &str = "https://as.example/workloads";
pub const SPIFFE_ID: &str = "spiffe://example.org/agents/orchestrator";
pub const ATTESTER: &str = "https://attester.example";

pub static KEY: LazyLock<SigningKey> = LazyLock::new(|| new_key(Algorithm::Es256));
/// Registered with [`KEY`], of another algorithm.
pub static SECOND_KEY: LazyLock<SigningKey> = LazyLock::new(|| new_key(Algorithm::EdDsa));
pub static STRANGER_KEY: LazyLock<SigningKey> = LazyLock::new(|| new_key(Algorithm::Es256));
pub static PLATFORM_KEY: LazyLock<SigningKey> = LazyLock::new(|| new_key(Algorithm::Es256));
pub static DOMAIN_KEY: LazyLock<SigningKey> = LazyLock::new(|| new_key(Algorithm::Es256));
pub static OTHER_DOMAIN_KEY: LazyLock<SigningKey> = LazyLock::new(|| new_key(Algorithm::Es256));
pub static ATTESTER_KEY: LazyLock<SigningKey> = LazyLock::new(|| new_key(Algorithm::Es256));
pub static INSTANCE_KEY: LazyLock<SigningKey> = LazyLock::new(|| new_key(Algorithm::Es256));

fn new_key(algorithm: Algorithm) -> SigningKey {
    SigningKey::generate(algorithm).unwrap()
}

pub fn jwks(keys: &[&SigningKey]) -> PublicKeys {
    let keys: Vec<_> = keys.iter().map(|key| key.public_jwk()).collect();
    PublicKeys::parse(json!({ "keys": keys }).to_string().as_bytes()).unwrap()
}

/// One request, with what comes along.
pub struct Request<'a> {
    pub credentials: Credentials,
    pub certificate: Option<&'a Certificate>,
    pub attestation: Option<(&'a str, &'a str)>,
    pub by: Uuid,
}

impl Request<'_> {
    /// One of its own, unlike every other.
    pub fn new(credentials: Credentials) -> Self {
        static COUNT: Mutex<u128> = Mutex::new(0);
        let mut count = COUNT.lock().unwrap();
        *count += 1;
        let by = Uuid::from_u128(*count);
        Self { credentials, certificate: None, attestation: None, by }
    }

    pub fn assertion(kind: AssertionType, id: Option<&str>, assertion: &str) -> Self {
        let (id, assertion) = (id.map(str::to_owned), SecretString::from(assertion));
        Self::new(Credentials::Assertion { kind, id, assertion })
    }
}

pub struct Scene {
    pub org: Org,
    pub keys: Arc<Keys>,
    pub platform: Arc<Keys>,
    pub cluster: Arc<Cluster>,
    pub domain: Arc<Keys>,
}

impl Scene {
    /// The client may authenticate by `method` only.
    pub fn of(method: Method) -> Self {
        Self::with(method, |_| {})
    }

    /// The same, with something of the client changed.
    pub fn with(method: Method, change: impl FnOnce(&mut Client)) -> Self {
        let keys = Keys::of(jwks(&[&KEY, &SECOND_KEY]));
        let platform = Keys::of(jwks(&[&PLATFORM_KEY]));
        let domain = Keys::of(jwks(&[&DOMAIN_KEY]));
        let cluster = Arc::new(Cluster::default());
        let mut org = World::new().org;
        org.once = Arc::new(Remembered::default());
        org.trusted.issuers = vec![WorkloadIssuer {
            id: "ci".to_owned(),
            issuer: PLATFORM.to_owned(),
            algorithms: vec![Algorithm::Es256],
            keys: Arc::clone(&platform) as _,
            review: Some(Arc::clone(&cluster) as _),
        }];
        org.trusted.domains = vec![
            TrustDomain { name: "example.org".to_owned(), bundle: Arc::clone(&domain) as _ },
            TrustDomain {
                name: "other.example".to_owned(),
                bundle: Keys::of(jwks(&[&OTHER_DOMAIN_KEY])),
            },
        ];
        org.trusted.attesters = vec![Attester {
            id: "acme".to_owned(),
            issuer: ATTESTER.to_owned(),
            algorithms: vec![Algorithm::Es256],
            keys: Keys::of(jwks(&[&ATTESTER_KEY])),
        }];
        let mut client = Client::with_secret(CLIENT, org.master.hash_secret("acs_secret"));
        client.methods = vec![method];
        client.keys = Some(Arc::clone(&keys) as _);
        client.workloads = vec![workload("ci", SUBJECT, AUDIENCE)];
        client.spiffe_id = Some(SPIFFE_ID.to_owned());
        client.attester = Some("acme".to_owned());
        change(&mut client);
        let mut scene = Self { org, keys, platform, cluster, domain };
        scene.register(client);
        scene
    }

    pub fn register(&mut self, client: Client) {
        let agent = Agent {
            id: client.id.clone(),
            ceiling: Scope::parse("documents:read").unwrap(),
            aliases: Vec::new(),
            purpose: None,
            client,
        };
        self.org.agents.insert(agent.id.clone(), Arc::new(agent));
    }

    /// Another client that may authenticate by `method`, with nothing else registered.
    pub fn register_another(&mut self, method: Method, change: impl FnOnce(&mut Client)) {
        let secret = self.org.master.hash_secret("acs_another");
        let mut client = Client::with_secret("another", secret);
        client.methods = vec![method];
        change(&mut client);
        self.register(client);
    }

    pub fn send(&self, request: Request<'_>) -> Result<Caller, Failure> {
        let Request { credentials, certificate, attestation, by } = request;
        let now = Timestamp(NOW);
        let presented = Presented { credentials, certificate, attestation, now };
        wait(async { authenticate(&self.org, &presented).await?.spend(&self.org, by).await })
    }
}

/// By whom, and how, a request is believed to be sent.
pub fn believed(sent: Result<Caller, Failure>) -> (String, Method) {
    let client = sent.unwrap().client().unwrap();
    (client.agent().id.clone(), client.method())
}

pub fn refusal(sent: Result<Caller, Failure>) -> ClientFault {
    match sent {
        Err(Failure::Refused(Refusal::Client(fault))) => fault,
        other => panic!("{other:?}"),
    }
}

/// Whether nobody knows.
pub fn is_fault(sent: &Result<Caller, Failure>) -> bool {
    matches!(sent, Err(Failure::Broken(_)))
}

pub fn workload(issuer: &str, subject: &str, audience: &str) -> Workload {
    let [issuer, subject, audience] = [issuer, subject, audience].map(str::to_owned);
    Workload { issuer, subject, audience }
}

/// A compact JWS whose header and signature are as told.
pub fn forged(header: &Value, claims: &Value, sign: impl FnOnce(&str) -> Vec<u8>) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let input = format!("{}.{}", part(header), part(claims));
    let signature = URL_SAFE_NO_PAD.encode(sign(&input));
    format!("{input}.{signature}")
}

/// Keys that are published somewhere, and maybe not to be had.
#[derive(Debug)]
pub struct Keys {
    keys: Mutex<Arc<PublicKeys>>,
    pub authorities: Mutex<Option<Arc<Authorities>>>,
    /// What is found by whoever seeks a key that is not there.
    pub next: Mutex<Option<Arc<PublicKeys>>>,
    pub is_ill: AtomicBool,
    pub asked: Mutex<u32>,
}

impl Keys {
    pub fn of(keys: PublicKeys) -> Arc<Self> {
        Arc::new(Self {
            keys: Mutex::new(Arc::new(keys)),
            authorities: Mutex::default(),
            next: Mutex::default(),
            is_ill: AtomicBool::new(false),
            asked: Mutex::default(),
        })
    }

    fn published(&self, kid: Option<&str>) -> Result<Arc<PublicKeys>, Fault> {
        *self.asked.lock().unwrap() += 1;
        if self.is_ill.load(Ordering::Relaxed) {
            return Err(Fault::Late);
        }
        let mut keys = self.keys.lock().unwrap();
        if !keys.holds(kid)
            && let Some(next) = self.next.lock().unwrap().take()
        {
            *keys = next;
        }
        Ok(Arc::clone(&keys))
    }
}

#[async_trait]
impl KeySource for Keys {
    async fn keys(&self, kid: Option<&str>) -> Result<Arc<PublicKeys>, Fault> {
        self.published(kid)
    }
}

#[async_trait]
impl Bundle for Keys {
    async fn keys(&self, kid: Option<&str>) -> Result<Arc<PublicKeys>, Fault> {
        self.published(kid)
    }

    async fn authorities(&self) -> Result<Arc<Authorities>, Fault> {
        self.published(None)?;
        self.authorities.lock().unwrap().clone().ok_or(Fault::Late)
    }
}

/// What was used, by which request.
#[derive(Debug, Default)]
struct Remembered(Mutex<HashMap<[u8; 32], Uuid>>);

#[async_trait]
impl SingleUse for Remembered {
    async fn spend(&self, once: &[Once], by: Uuid) -> Result<Option<Once>, Fault> {
        let mut used = self.0.lock().unwrap();
        let used_by_another = |it: &&Once| *used.entry(it.id).or_insert(by) != by;
        Ok(once.iter().find(used_by_another).cloned())
    }
}

/// A cluster that says yes until it is told otherwise.
#[derive(Debug, Default)]
pub struct Cluster {
    pub says_no: AtomicBool,
    pub is_ill: AtomicBool,
    pub asked: Mutex<Vec<(String, String)>>,
}

#[async_trait]
impl TokenReview for Cluster {
    async fn review(&self, token: &SecretString, audience: &str) -> Result<bool, Fault> {
        let asked = (token.expose_secret().to_owned(), audience.to_owned());
        self.asked.lock().unwrap().push(asked);
        if self.is_ill.load(Ordering::Relaxed) {
            return Err(Fault::Late);
        }
        Ok(!self.says_no.load(Ordering::Relaxed))
    }
}

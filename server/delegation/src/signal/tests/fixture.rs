//! An organization that listens, and a provider and a transmitter to speak.

use std::{
    collections::HashMap,
    future::Future,
    pin::pin,
    sync::{
        Arc, LazyLock, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, Waker},
    time::Duration,
};

use async_trait::async_trait;
use keys::{Algorithm, DataKey, KeyRing, PublicKeys, Signer, SigningKey};
use policy::{OrgPolicies, Rules, Standing, Timestamp};
use secrecy::SecretString;
use serde_json::{Value, json};
use uuid::Uuid;

use super::unused::Unused;
use crate::{
    client::Trusted,
    declared::TokenRules,
    event::Check,
    names::Names,
    org::{Connection, Org},
    ports::{
        Answer, Described, IdentityProvider, Inconclusive, Introspected, Question, Stream,
        StreamId, StreamStatus, Streams, Transmitter,
    },
    refusal::Fault,
    signal::{
        Affected, Arrival, NotTaken, Receivers, RevocationReceiver, Signal, SignalRefusal, Source,
        StreamReceiver, Taken, set,
    },
    status::StatusIndexes,
};

pub const NOW: i64 = 1_800_000_000;
pub const ISSUER: &str = "https://idp.example/oauth2/default";
pub const TRANSMITTER: &str = "https://idp.example";
pub const US: &str = "https://as.example";
pub const AUTHORIZATION: &str = "Bearer push-secret";

static PROVIDER_KEY: LazyLock<SigningKey> = LazyLock::new(new_key);
static TRANSMITTER_KEY: LazyLock<SigningKey> = LazyLock::new(new_key);
static STRANGER_KEY: LazyLock<SigningKey> = LazyLock::new(new_key);

fn new_key() -> SigningKey {
    SigningKey::generate(Algorithm::Es256).unwrap()
}

pub fn provider() -> &'static SigningKey {
    &PROVIDER_KEY
}

pub fn transmitter() -> &'static SigningKey {
    &TRANSMITTER_KEY
}

/// Another organization's transmitter, or nobody we know.
pub fn stranger() -> &'static SigningKey {
    &STRANGER_KEY
}

/// Our fakes answer at once.
pub fn wait<F: Future>(future: F) -> F::Output {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("a fake that waits"),
    }
}

#[derive(Debug, Default)]
pub struct Heard {
    pub signals: Mutex<Vec<Signal>>,
    pub is_ill: AtomicBool,
    pub described: Mutex<Option<Described>>,
    pub challenge: Mutex<Option<String>>,
    pub verified_at: Mutex<Vec<Timestamp>>,
    pub statuses: Mutex<Vec<StreamStatus>>,
    pub critical: Mutex<Vec<String>>,
}

/// Our end.
pub struct World {
    pub org: Org,
    pub heard: Arc<Heard>,
}

impl World {
    pub fn new() -> Self {
        Self::with(|_| {})
    }

    /// The happy organization, with something of its connection changed.
    pub fn with(change: impl FnOnce(&mut Connection)) -> Self {
        let heard = Arc::new(Heard::default());
        let master = Arc::new(DataKey::generate().unwrap());
        let stream = StreamReceiver {
            issuer: TRANSMITTER.to_owned(),
            audience: vec![US.to_owned()],
            pushed: true,
            authorization: Some(master.hash_secret(AUTHORIZATION)),
            transmitter: Arc::new(Fake { key: transmitter(), heard: Arc::clone(&heard) }),
        };
        let mut connection = Connection {
            id: "corp".to_owned(),
            issuer: ISSUER.to_owned(),
            audiences: Vec::new(),
            algorithms: vec![Algorithm::Es256],
            takes_access_tokens: true,
            takes_id_tokens: true,
            takes_untyped_access_tokens: false,
            takes_id_jags: false,
            takes_assertions: false,
            tokens: TokenRules::default(),
            subject_prefix: "corp:".to_owned(),
            max_age: Duration::ZERO,
            max_silence: None,
            reconnect_uri: None,
            acr_values: None,
            stopped: false,
            provider: Arc::new(Fake { key: provider(), heard: Arc::clone(&heard) }),
            signals: Receivers {
                streams: HashMap::from([("okta".to_owned(), stream)]),
                logout: Some(vec!["actas".to_owned()]),
                revocation: Some(RevocationReceiver {
                    authorization: None,
                    issuer: None,
                    audience: Vec::new(),
                }),
                scim: Some(master.hash_secret("scim-secret")),
            },
        };
        change(&mut connection);
        let key: Arc<dyn Signer> = Arc::new(new_key());
        let entry = keys::Entry { key, state: keys::rotation::State::Active };
        let org = Org {
            id: "demo".to_owned(),
            issuer: US.to_owned(),
            revision: 1,
            rules: Rules::new(5, Duration::from_mins(5), OrgPolicies::none()).unwrap(),
            policy_hash: None,
            default_target: None,
            agents: HashMap::new(),
            resources: HashMap::new(),
            connections: vec![connection],
            signatures: Arc::default(),
            ring: KeyRing::new(vec![entry]).unwrap(),
            master,
            ledger: Arc::new(Fake { key: provider(), heard: Arc::clone(&heard) }),
            streams: Arc::new(Fake { key: provider(), heard: Arc::clone(&heard) }),
            servers: HashMap::new(),
            operators: Vec::new(),
            stopped: false,
            trail: Arc::new(Unused),
            status_lists: Arc::new(Unused),
            status_indexes: Arc::new(StatusIndexes::new(Arc::new(Unused))),
            trusted: Trusted::default(),
            templates: Vec::new(),
            dpop_nonce: false,
            trust_domain: None,
            once: Arc::new(Unused),
            limiter: Arc::new(Unused),
        };
        Self { org, heard }
    }

    pub fn connection(&self) -> &Connection {
        self.org.connection("corp").unwrap()
    }

    /// Pushes `set` as the transmitter does.
    pub fn push(&self, set: &str) -> Result<Taken, NotTaken> {
        self.push_as(Some(AUTHORIZATION), set)
    }

    pub fn push_as(&self, authorization: Option<&str>, set: &str) -> Result<Taken, NotTaken> {
        let stream = StreamId { connection: "corp".to_owned(), stream: "okta".to_owned() };
        let pushed = (authorization, set);
        wait(set::pushed(&self.org, self.connection(), &stream, pushed, &arrival(Source::Push)))
    }

    /// What a pushed `set` is refused for.
    pub fn refusal(&self, set: &str) -> SignalRefusal {
        match self.push(set) {
            Err(NotTaken::Refused(refusal)) => refusal,
            other => panic!("{other:?}"),
        }
    }

    /// What took effect so far.
    pub fn effects(&self) -> Vec<Affected> {
        let signals = self.heard.signals.lock().unwrap();
        signals.iter().flat_map(|signal| signal.effects.clone()).collect()
    }

    pub fn last(&self) -> Signal {
        self.heard.signals.lock().unwrap().last().cloned().unwrap()
    }
}

/// A new one at each call.
pub fn arrival(source: Source) -> Arrival {
    static COUNT: Mutex<u128> = Mutex::new(0);
    let mut count = COUNT.lock().unwrap();
    *count += 1;
    Arrival {
        id: Uuid::from_u128(*count),
        now: Timestamp(NOW),
        request_id: "r-1".to_owned(),
        client_address: Some("192.0.2.1".to_owned()),
        source,
    }
}

pub const SESSION_REVOKED: &str =
    "https://schemas.openid.net/secevent/caep/event-type/session-revoked";

/// The happy event: a session of Alice was revoked ten seconds ago.
pub fn claims() -> Value {
    json!({
        "iss": TRANSMITTER, "aud": US, "iat": NOW - 5, "jti": "e-1",
        "sub_id": { "format": "iss_sub", "iss": TRANSMITTER, "sub": "alice" },
        "events": { SESSION_REVOKED: { "event_timestamp": NOW - 10 } },
    })
}

pub fn alice() -> Names {
    let names = ["sub:alice", "id:alice"].map(str::to_owned);
    Names::from_iter(names)
}

/// The happy claims with `value` as `name`; `null` removes.
pub fn with(name: &str, value: Value) -> Value {
    changed(claims(), name, value)
}

/// `claims` with `value` as `name`; `null` removes.
pub fn changed(mut claims: Value, name: &str, value: Value) -> Value {
    let members = claims.as_object_mut().unwrap();
    if value.is_null() {
        members.remove(name);
    } else {
        members.insert(name.to_owned(), value);
    }
    claims
}

pub fn set_of(claims: &Value) -> String {
    keys::sign(transmitter(), "secevent+jwt", claims).unwrap()
}

/// The happy claims about another event.
pub fn event(uri: &str, body: &Value) -> String {
    set_of(&with("events", json!({ uri: body })))
}

#[derive(Debug)]
pub(super) struct Fake {
    key: &'static SigningKey,
    pub(super) heard: Arc<Heard>,
}

impl Fake {
    fn published(&self) -> Result<Arc<PublicKeys>, Fault> {
        self.health()?;
        let jwks = json!({ "keys": [self.key.public_jwk()] }).to_string();
        Ok(Arc::new(PublicKeys::parse(jwks.as_bytes()).unwrap()))
    }

    pub(super) fn health(&self) -> Result<(), Fault> {
        if self.heard.is_ill.load(Ordering::Relaxed) { Err(Fault::Late) } else { Ok(()) }
    }
}

#[async_trait]
impl Transmitter for Fake {
    async fn keys(&self, _: Option<&str>) -> Result<Arc<PublicKeys>, Fault> {
        self.published()
    }

    async fn critical_members(&self) -> Result<Vec<String>, Fault> {
        Ok(self.heard.critical.lock().unwrap().clone())
    }
}

#[async_trait]
impl IdentityProvider for Fake {
    async fn keys(&self, _: Option<&str>) -> Result<Arc<PublicKeys>, Fault> {
        self.published()
    }

    async fn introspect(&self, _: &SecretString) -> Result<Option<Introspected>, Fault> {
        Err(Fault::Late)
    }

    async fn standing(&self, _: Question) -> Result<Answer, Inconclusive> {
        Err(Inconclusive { fault: Fault::Late, checks: Vec::new() })
    }

    async fn inspect(&self, _: Question) -> Vec<(Check, Result<Standing, Fault>)> {
        Vec::new()
    }
}

#[async_trait]
impl Streams for Fake {
    async fn find(&self, _: &StreamId) -> Result<Stream, Fault> {
        let described = self.heard.described.lock().unwrap().clone();
        Ok(Stream { described, ..Stream::default() })
    }

    async fn all(&self) -> Result<Vec<(StreamId, Stream)>, Fault> {
        Err(Fault::Late)
    }

    async fn lease(
        &self,
        _: &StreamId,
        _: Uuid,
        _: Timestamp,
        _: Timestamp,
    ) -> Result<bool, Fault> {
        Err(Fault::Late)
    }

    async fn describe(&self, _: &StreamId, _: &Described) -> Result<(), Fault> {
        Err(Fault::Late)
    }

    async fn challenge(&self, _: &StreamId, _: &str, _: Timestamp) -> Result<(), Fault> {
        Err(Fault::Late)
    }

    async fn verified(
        &self,
        _: &StreamId,
        state: Option<&str>,
        at: Timestamp,
    ) -> Result<bool, Fault> {
        let challenge = self.heard.challenge.lock().unwrap().clone();
        let holds = state.is_none_or(|state| challenge.as_deref() == Some(state));
        if holds {
            self.heard.verified_at.lock().unwrap().push(at);
        }
        Ok(holds)
    }

    async fn set_status(&self, _: &StreamId, status: StreamStatus) -> Result<(), Fault> {
        self.heard.statuses.lock().unwrap().push(status);
        Ok(())
    }

    async fn set_error(&self, _: &StreamId, _: Option<&str>) -> Result<(), Fault> {
        Err(Fault::Late)
    }
}

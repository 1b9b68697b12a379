//! An organization in which Alice lets the orchestrator do all there is.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use async_trait::async_trait;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use policy::{Scope, Timestamp};
use serde_json::{Value, json};
use uuid::Uuid;

use super::idp::Idp;
use crate::{
    client::Client,
    declared::{Abroad, DeclaredDomain},
    event::Event,
    exchange::{Arrival, By, exchange},
    form::Form,
    issue::Issued,
    names::Names,
    org::{Agent, Connection, Org, Resource},
    own::own,
    ports::{
        Found, Grant, Ledger, Lineage, Once, Opened, Opening, Parent, Recalled, Selector,
        Signalled, SingleUse,
    },
    possession::Possession,
    refusal::{Failure, Fault, OAuthError, Refusal, oauth_error_of},
    request::TokenRequest,
    revoke::tests::fixture::{Scene, caller},
    signal::{
        Signal,
        tests::fixture::{ISSUER, NOW, World, changed, provider, wait},
    },
};

pub const DOCUMENTS: &str = "https://documents.example";
pub const PARTNER: &str = "https://as.partner.example";
pub const DOMAIN: &str = "internal.example";
pub const EXCHANGE: &str = "grant_type=urn:ietf:params:oauth:grant-type:token-exchange\
    &subject_token_type=urn:ietf:params:oauth:token-type:";
pub const JWT_BEARER: &str = "grant_type=urn:ietf:params:oauth:grant-type:jwt-bearer";

/// What the ledger remembers.
#[derive(Debug, Default)]
pub struct Books {
    grants: Mutex<HashMap<(String, String, String), Grant>>,
    pub opened: Mutex<Vec<Opening>>,
    pub ended: Mutex<Vec<Uuid>>,
    pub signals: Mutex<Vec<Signal>>,
    used: Mutex<HashMap<[u8; 32], Uuid>>,
    requests: Mutex<u128>,
    /// Of the last request, as far as it got.
    pub event: Mutex<Option<Event>>,
}

pub struct Stage {
    pub org: Org,
    pub books: Arc<Books>,
    pub idp: Arc<Idp>,
    /// The key that was proved to be had.
    pub key: Option<&'static str>,
}

pub fn scope(text: &str) -> Scope {
    Scope::parse(text).unwrap()
}

/// An error code, and our reason.
type Expected = (&'static str, Option<&'static str>);

impl Stage {
    pub fn new() -> Self {
        Self::with(|_| {})
    }

    /// With something of its connection changed.
    pub fn with(change: impl FnOnce(&mut Connection)) -> Self {
        let idp = Arc::new(Idp::default());
        let mut org = World::with(|connection| {
            connection.audiences = vec!["https://api.actas.example".to_owned()];
            connection.takes_id_jags = true;
            connection.takes_assertions = true;
            connection.provider = Arc::clone(&idp) as _;
            change(connection);
        })
        .org;
        let books = Arc::new(Books::default());
        org.ledger = Arc::clone(&books) as _;
        org.once = Arc::clone(&books) as _;
        for id in ["orchestrator", "researcher", "nightly"] {
            let agent = Agent {
                id: id.to_owned(),
                ceiling: scope("documents:read documents:write chat:read"),
                aliases: if id == "orchestrator" { vec!["app".to_owned()] } else { Vec::new() },
                purpose: (id == "nightly").then(|| "the nightly report".to_owned()),
                client: Client::with_secret(id, org.master.hash_secret(&format!("acs_{id}"))),
            };
            org.agents.insert(id.to_owned(), Arc::new(agent));
        }
        let partner = Abroad {
            resources: vec!["https://mcp.partner.example".to_owned()],
            clients: [("orchestrator".to_owned(), "actas-over-there".to_owned())].into(),
        };
        for (id, words, abroad) in [
            (DOCUMENTS, "documents:read documents:write", None),
            (PARTNER, "chat:read", Some(partner)),
        ] {
            let (id, scope) = (id.to_owned(), scope(words));
            let resource = Resource { id: id.clone(), scope, client: None, status: false, abroad };
            org.resources.insert(id, Arc::new(resource));
        }
        let (name, words) = (DOMAIN.to_owned(), "documents:read".to_owned());
        org.trust_domain = Some(DeclaredDomain { name, scope: words });
        let stage = Self { org, books, idp, key: None };
        let all = [DOCUMENTS, PARTNER, DOMAIN, "researcher"];
        let words = "documents:read documents:write chat:read";
        stage.grant(("corp", "alice", "orchestrator"), words, &all);
        stage.grant(("", "", "orchestrator"), "", &[]);
        stage.grant(("", "", "nightly"), "documents:read", &[DOCUMENTS]);
        stage
    }

    pub fn grant(&self, (connection, user, agent): (&str, &str, &str), words: &str, at: &[&str]) {
        let key = (connection.to_owned(), user.to_owned(), agent.to_owned());
        let mut grants = self.books.grants.lock().unwrap();
        let id = format!("g-{}", grants.len() + 1);
        let targets = at.iter().map(|&target| target.to_owned()).collect();
        let grant = Grant { id, scope: scope(words), targets, expires_at: None, ended_at: None };
        grants.insert(key, grant);
    }

    /// What comes of a request of `id` with these parameters.
    pub fn send(&self, id: &str, body: &str) -> Result<Issued, OAuthError> {
        let grant = TokenRequest::grant(&Form::parse(body.as_bytes()).unwrap());
        self.try_send(id, body).map_err(|failure| match failure {
            Failure::Refused(refusal) => oauth_error_of(&refusal, grant),
            Failure::Broken(fault) => panic!("{body}: {fault}"),
        })
    }

    pub fn try_send(&self, id: &str, body: &str) -> Result<Issued, Failure> {
        wait(self.decide(id, &Form::parse(body.as_bytes()).unwrap()))
    }

    async fn decide(&self, id: &str, form: &Form) -> Result<Issued, Failure> {
        let client = caller(&self.org, Scene::credentials(id))?.client()?;
        let possession = self.key.map_or_else(Possession::default, Possession::of_key);
        let by = By { client: &client, possession: &possession };
        let number = {
            let mut requests = self.books.requests.lock().unwrap();
            *requests += 1;
            *requests
        };
        let delegation = Uuid::from_u128(0x1000 + number);
        let until = Instant::now() + Duration::from_mins(1);
        let denial = Uuid::from_u128(0x3000 + number);
        let arrival = Arrival { now: Timestamp(NOW), delegation, denial, until };
        let id = Uuid::from_u128(0x2000 + number);
        let mut event = Event::draft(id, Timestamp(NOW), "r-1".to_owned());
        let result = match TokenRequest::parse(form).map_err(Refusal::Request)? {
            TokenRequest::Exchange(request) => {
                exchange(&self.org, by, &request, arrival, &mut event).await
            }
            TokenRequest::ClientCredentials(request) => {
                own(&self.org, by, &request, arrival, &mut event).await
            }
        };
        *self.books.event.lock().unwrap() = Some(event);
        result
    }

    /// The orchestrator exchanges `token`, which it says is of this type, for `more`.
    pub fn exchange(&self, (kind, token): (&str, &str), more: &str) -> Result<Issued, OAuthError> {
        self.send("orchestrator", &format!("{EXCHANGE}{kind}&subject_token={token}{more}"))
    }

    /// The orchestrator exchanges an access token with these claims for one for the documents.
    pub fn of_claims(&self, claims: &Value) -> Result<Issued, OAuthError> {
        let more = format!("&resource={DOCUMENTS}");
        self.exchange(("access_token", &signed("at+jwt", claims)), &more)
    }
}

/// The claims of Alice's access token.
pub fn claims() -> Value {
    json!({
        "iss": ISSUER, "sub": "alice", "aud": "orchestrator", "client_id": "app", "jti": "t-1",
        "iat": NOW - 10, "exp": NOW + 200, "scope": "documents:read documents:write chat:read",
        "auth_time": NOW - 60,
    })
}

/// The same, with `value` as `name`; `null` removes.
pub fn with(name: &str, value: Value) -> Value {
    changed(claims(), name, value)
}

/// Signed by the provider.
pub fn signed(typ: &str, claims: &Value) -> String {
    keys::sign(provider(), typ, claims).unwrap()
}

/// Signed by us.
pub fn ours(stage: &Stage, typ: &str, claims: &Value) -> String {
    keys::sign(&**stage.org.ring.active(), typ, claims).unwrap()
}

/// The header and the claims.
pub fn read(token: &str) -> (Value, Value) {
    let part = |index| {
        let part = token.split('.').nth(index).unwrap();
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
    };
    (part(0), part(1))
}

/// The claims of what was issued.
pub fn told(issued: &Issued) -> Value {
    read(issued.access_token()).1
}

/// The error code, with our reason.
pub fn refused(result: Result<Issued, OAuthError>) -> Expected {
    match result {
        Ok(issued) => panic!("issued {}", told(&issued)),
        Err(error) => (error.code, error.reason),
    }
}

#[async_trait]
impl Ledger for Books {
    async fn recall(&self, lineage: &Lineage) -> Result<Recalled, Fault> {
        let grants = self.grants.lock().unwrap();
        let (grant, parent) = match lineage {
            Lineage::Root { connection, user, agent, .. } => {
                let key = (connection.clone(), user.clone(), agent.clone());
                (grants.get(&key).cloned(), None)
            }
            Lineage::Derived { delegation } => {
                let opened = self.opened.lock().unwrap();
                let find =
                    |id| opened.iter().map(|opening| &opening.delegation).find(|it| it.id == id);
                let Some(parent) = find(*delegation) else { return Err(Fault::Late) };
                let root = find(parent.root).unwrap();
                let is_ended = self.ended.lock().unwrap().contains(delegation);
                let parent = Parent {
                    id: parent.id,
                    root: root.id,
                    connection: root.connection.clone(),
                    user: root.user.clone(),
                    ended_at: is_ended.then_some(Timestamp(NOW - 1)),
                    sealed_subject: root.sealed_subject.clone(),
                };
                (grants.values().find(|grant| grant.id == root.grant).cloned(), Some(parent))
            }
        };
        Ok(Recalled {
            revision: 1,
            grant,
            parent,
            epoch: 0,
            signalled: policy::Standing::default(),
            heard_at: None,
            names_known: true,
        })
    }

    async fn open(&self, opening: Opening) -> Result<Opened, Fault> {
        self.opened.lock().unwrap().push(opening);
        Ok(Opened::Recorded)
    }

    async fn note(&self, _: Event) -> Result<(), Fault> {
        Ok(())
    }

    async fn learn(&self, _: &str, _: &str, _: &Names) -> Result<(), Fault> {
        Ok(())
    }

    async fn adopt(&self, _: &str, _: &str) -> Result<(), Fault> {
        Err(Fault::Late)
    }

    async fn signal(&self, signal: Signal) -> Result<Signalled, Fault> {
        self.signals.lock().unwrap().push(signal);
        Ok(Signalled::Applied { ended: 0 })
    }

    async fn find(&self, id: Uuid) -> Result<Option<Found>, Fault> {
        let opened = self.opened.lock().unwrap();
        let found = opened.iter().map(|opening| &opening.delegation).find(|it| it.id == id);
        let is_ended = self.ended.lock().unwrap().contains(&id);
        Ok(found.map(|it| Found {
            token_hash: it.token_hash,
            root: it.root,
            connection: it.connection.clone(),
            user: it.user.clone(),
            agent: it.agent.clone(),
            ended_at: is_ended.then_some(Timestamp(NOW - 1)),
            grant_expires_at: None,
            revision: 1,
        }))
    }

    async fn revoke(&self, _: &Selector, _: Timestamp, _: Option<Event>) -> Result<u64, Fault> {
        Ok(0)
    }
}

#[async_trait]
impl SingleUse for Books {
    async fn spend(&self, once: &[Once], by: Uuid) -> Result<Option<Once>, Fault> {
        let mut used = self.used.lock().unwrap();
        let anothers = once.iter().find(|it| *used.entry(it.id).or_insert(by) != by);
        Ok(anothers.cloned())
    }
}

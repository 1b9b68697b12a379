//! Databases with an organization in them, and an identity provider on loopback.

use std::{
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use delegation::{
    declared::{
        Agent, Authentication, Change, Connection as Declared, DeclaredGrant, Options, Resource,
        Settings as OrgSettings, TokenRules,
    },
    event::Event,
    names::{Kind as Name, Names},
    ports::{Delegation, Hints, IdentityProvider, Ledger, Lineage, Opened, Opening, Question},
};
use keys::{Algorithm, SigningKey};
use policy::{Scope, Timestamp};
use secrecy::SecretString;
use server::clock;
use store::{Settings, Store};
use tokio::runtime::Runtime;
use upstream::{
    connection::{CacheTimes, Connection, ConnectionSettings},
    connectors::introspection,
    http::{Outbound, OutboundSettings, Reach},
    settings::CheckSettings,
};

use crate::{
    Outcome,
    neighbours::Idp,
    request::event,
    tokens::{CLIENT, RESOURCE, Tokens, USER},
};

const CONNECTION: &str = "corp";
const GRANT: &str = "grant";
const AFTERWARDS: Duration = Duration::from_mins(10);

#[derive(Debug)]
pub(crate) struct Places {
    /// One thread, as a worker of the server has.
    pub runtime: Runtime,
    pub ledgers: Vec<Place>,
    pub provider: Arc<dyn IdentityProvider>,
    pub question: Question,
}

/// The ledger of one database.
#[derive(Debug)]
pub(crate) struct Place {
    pub name: &'static str,
    pub ledger: Arc<dyn Ledger>,
    /// A delegation that is there.
    pub parent: Delegation,
    /// Connections end with it.
    #[expect(dead_code, reason = "kept for as long as the ledger is used")]
    store: Store,
}

impl Places {
    pub(crate) fn new(directory: &Path, tokens: &Tokens) -> Outcome<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let sqlite = format!("sqlite:{}", directory.join("steps.db").display());
        let mut ledgers = vec![runtime.block_on(Place::new("SQLite", sqlite))?];
        match postgres() {
            Some(url) => ledgers.push(runtime.block_on(Place::new("PostgreSQL", url))?),
            None => eprintln!("TEST_POSTGRES_URL is not set: PostgreSQL is not measured"),
        }
        let idp = Idp::start(SigningKey::generate(Algorithm::Es256)?)?;
        let settings = ConnectionSettings {
            id: CONNECTION.to_owned(),
            issuer: idp.issuer,
            client_id: "actas".to_owned(),
            client_secret: SecretString::from("the-introspection-secret"),
            checks: vec![CheckSettings::Introspection(introspection::Settings::default())],
            replicas: 1,
            times: CacheTimes::default(),
        };
        let outbound = OutboundSettings { reach: Reach::Anywhere, ..OutboundSettings::default() };
        let question = Question {
            token: Some(SecretString::from(tokens.subject(Algorithm::Es256)?)),
            user: USER.to_owned(),
            hints: Hints::default(),
            is_client: false,
            epoch: 0,
            max_age: Duration::ZERO,
            purpose: None,
        };
        let provider = Connection::new(settings, Outbound::new(outbound)?)?;
        Ok(Self { runtime, ledgers, provider, question })
    }
}

impl Place {
    async fn new(name: &'static str, url: String) -> Outcome<Self> {
        let settings = Settings { url: SecretString::from(url), max_connections: 5 };
        let store = Store::connect(&settings).await?;
        store.migrate().await?;
        // Of this run alone, so that a database can be used twice.
        let org = format!("steps-{}", clock::id().simple());
        let applied = store.registry().apply(&org, 0, &declared()?, clock::now()).await?;
        if applied != Some(1) {
            return Err("the organization was there already".into());
        }
        let ledger = store.ledger(&org);
        ledger.learn(CONNECTION, USER, &names().of_user()).await?;
        let opening = opening(None)?;
        let parent = opening.delegation.clone();
        opened(ledger.open(opening).await?)?;
        Ok(Self { name, ledger, parent, store })
    }
}

/// What is recalled for a user's own token, and for one that was handed on.
pub(crate) fn root() -> Lineage {
    let (connection, user) = (CONNECTION.to_owned(), USER.to_owned());
    Lineage::Root { connection, user, agent: CLIENT.to_owned(), names: names() }
}

/// A delegation of its own, and the event of it.
pub(crate) fn opening(parent: Option<&Delegation>) -> Outcome<Opening> {
    let (id, now) = (clock::id(), clock::now());
    let delegation = Delegation {
        id,
        parent: parent.map(|parent| parent.id),
        root: parent.map_or(id, |parent| parent.root),
        grant: GRANT.to_owned(),
        connection: CONNECTION.to_owned(),
        user: USER.to_owned(),
        agent: CLIENT.to_owned(),
        target: RESOURCE.to_owned(),
        scope: Scope::parse("documents:read")?,
        depth: parent.map_or(1, |parent| parent.depth + 1),
        token_hash: [7; 32],
        issued_at: now,
        expires_at: Timestamp(now.0 + 300),
        sealed_subject: parent.is_none().then(|| vec![b's'; 1024]),
        session: None,
        signed_in_at: Some(Timestamp(now.0 - 60)),
        names: parent.is_none().then(names),
        status: None,
    };
    let event = Event { delegation: Some(id), ..event() };
    Ok(Opening { revision: 1, epoch: 0, delegation, event, until: Instant::now() + AFTERWARDS })
}

/// Whether it was recorded: what is refused costs less.
pub(crate) fn opened(what: Opened) -> Outcome<()> {
    match what {
        Opened::Recorded => Ok(()),
        Opened::Changed | Opened::Ended | Opened::Signalled => {
            Err(format!("a delegation was not recorded: {what:?}").into())
        }
    }
}

fn names() -> Names {
    Names::default().with(Name::Subject, Some(USER))
}

fn declared() -> Outcome<[Change; 5]> {
    let scope = Scope::parse("documents:read documents:write")?;
    let settings = OrgSettings {
        name: "Steps".to_owned(),
        algorithm: "ES256".to_owned(),
        chain_limit: 5,
        lifetime: Duration::from_mins(5),
        default_target: None,
        key_rotation: Duration::from_hours(24),
        audit_retention: Duration::from_hours(24),
        options: Options::default(),
    };
    let connection = Declared {
        id: CONNECTION.to_owned(),
        issuer: "https://idp.example".to_owned(),
        client_id: "actas".to_owned(),
        client_secret: b"sealed".to_vec(),
        audiences: vec![RESOURCE.to_owned()],
        algorithms: vec!["ES256".to_owned()],
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
    };
    let agent = Agent {
        id: CLIENT.to_owned(),
        name: CLIENT.to_owned(),
        scope: scope.clone(),
        aliases: vec![],
        disabled: false,
        secrets: vec![[1; 32]],
        authentication: Authentication::default(),
        purpose: None,
    };
    let resource = Resource {
        id: RESOURCE.to_owned(),
        name: "Documents".to_owned(),
        scope: scope.clone(),
        client_id: None,
        secrets: vec![],
        status: false,
        authentication: Authentication::default(),
        abroad: None,
    };
    let grant = DeclaredGrant {
        id: GRANT.to_owned(),
        connection: CONNECTION.to_owned(),
        user: USER.to_owned(),
        agent: CLIENT.to_owned(),
        scope,
        targets: vec![RESOURCE.to_owned()],
        expires_at: None,
    };
    Ok([
        Change::PutSettings(settings),
        Change::PutConnection(connection),
        Change::PutAgent(agent),
        Change::PutResource(resource),
        Change::PutGrant(grant),
    ])
}

#[expect(clippy::disallowed_methods, reason = "what is measured here is told by .ci/with-postgres")]
fn postgres() -> Option<String> {
    std::env::var("TEST_POSTGRES_URL").ok().filter(|url| !url.is_empty())
}

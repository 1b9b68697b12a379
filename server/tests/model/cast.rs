//! Who and what there is, by number; what it is called, and how it is declared at first.

use std::time::Duration;

use delegation::{
    declared::Stoppable,
    declared::{
        Agent, Authentication, Change, Connection, DeclaredGrant, GrantType, Options, Resource,
        Settings, TokenRules,
    },
};
use policy::{Scope, Timestamp};

/// When every history begins.
pub const DAWN: i64 = 1_800_000_000;

pub const ORGS: usize = 2;
pub const AGENTS: usize = 4;
/// Of each organization.
pub const CONNECTIONS: usize = 2;
pub const RESOURCES: usize = 2;
/// Agents, then resources.
pub const TARGETS: usize = AGENTS + RESOURCES;
/// The resource that introspects, and whose tokens are on a status list.
pub const LISTED: usize = AGENTS + 1;

pub const LIFETIME: i64 = 300;
pub const CHAIN_LIMIT: usize = 3;

/// A set of words, one a bit.
pub type Words = u8;
pub const ALL_WORDS: Words = 0b1111;
const WORDS: [&str; 4] = ["documents:read", "documents:write", "mail:read", "mail:send"];
pub const CEILINGS: [Words; AGENTS] = [0b1111, 0b1111, 0b0111, 0b1011];
pub const RESOURCE_WORDS: [Words; RESOURCES] = [0b0011, 0b1111];

pub fn words(text: &str) -> Words {
    let bit = |word: &str| WORDS.iter().position(|it| *it == word).map_or(0x80, |at| 1 << at);
    text.split_ascii_whitespace().map(bit).fold(0, |all, bit| all | bit)
}

pub fn text(words: Words) -> String {
    let of = WORDS.iter().enumerate().filter(|(at, _)| words & (1 << at) != 0);
    of.map(|(_, word)| *word).collect::<Vec<_>>().join(" ")
}

pub fn scope(words: Words) -> Scope {
    Scope::parse(&text(words)).unwrap()
}

pub fn agent(number: usize) -> String {
    format!("agent-{number}")
}

pub fn connection(number: usize) -> String {
    format!("home-{number}")
}

pub fn user(number: usize) -> &'static str {
    ["alice", "bob"][number]
}

/// One more than there are is nobody.
pub fn target(number: usize) -> String {
    if number < AGENTS { agent(number) } else { format!("https://resource-{number}.example") }
}

pub fn issuer(org: &str) -> String {
    format!("https://actas.example/o/{org}")
}

/// The same for all organizations: a token is for one of them by its audience alone.
pub fn provider(connection: usize) -> String {
    format!("https://idp-{connection}.example")
}

pub fn transmitter(connection: usize) -> String {
    format!("https://signals-{connection}.example")
}

/// The `client_id` of a resource that introspects.
pub const READER: &str = "reader";

pub fn secret(client: &str) -> String {
    format!("acs_{client}")
}

pub fn stoppable_agent(number: usize) -> Stoppable {
    Stoppable::Agent(agent(number))
}

pub fn settings(chain_limit: usize, lifetime: i64) -> Settings {
    Settings {
        name: "Acme".to_owned(),
        algorithm: "ES256".to_owned(),
        chain_limit,
        lifetime: Duration::from_secs(u64::try_from(lifetime).unwrap()),
        default_target: None,
        key_rotation: Duration::ZERO,
        audit_retention: Duration::from_hours(24),
        options: Options::default(),
    }
}

pub fn declared_connection(org: &str, number: usize) -> Connection {
    Connection {
        id: connection(number),
        issuer: provider(number),
        client_id: "actas".to_owned(),
        client_secret: Vec::new(),
        audiences: vec![issuer(org)],
        algorithms: vec!["ES256".to_owned()],
        kinds: vec!["access_token".to_owned(), "assertion".to_owned()],
        subject_prefix: if number == 0 { String::new() } else { format!("{number}:") },
        untyped_access_tokens: false,
        max_age: 0,
        reconnect_uri: None,
        acr_values: None,
        checks: Vec::new(),
        signals: Vec::new(),
        streams: vec!["events".to_owned()],
        tokens: TokenRules::default(),
    }
}

pub fn declared_agent(number: usize, ceiling: Words, hash: [u8; 32]) -> Agent {
    let grants = vec![GrantType::TokenExchange, GrantType::JwtBearer];
    Agent {
        id: agent(number),
        name: agent(number),
        scope: scope(ceiling),
        aliases: Vec::new(),
        disabled: false,
        secrets: vec![hash],
        authentication: Authentication { grants, ..Authentication::default() },
        purpose: None,
    }
}

pub fn declared_resource(number: usize, words: Words, hash: [u8; 32]) -> Resource {
    let listed = number == LISTED;
    Resource {
        id: target(number),
        name: "Documents".to_owned(),
        scope: scope(words),
        client_id: listed.then(|| READER.to_owned()),
        secrets: if listed { vec![hash] } else { Vec::new() },
        status: listed,
        authentication: Authentication::default(),
        abroad: None,
    }
}

/// What a user lets an agent do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Granting {
    pub connection: usize,
    pub user: usize,
    pub agent: usize,
    pub words: Words,
    /// A set of targets, one a bit.
    pub targets: u8,
    pub expires_at: Option<i64>,
}

impl Granting {
    pub fn declared(&self, id: &str) -> DeclaredGrant {
        let targets = (0..TARGETS).filter(|target| self.targets & (1 << target) != 0);
        DeclaredGrant {
            id: id.to_owned(),
            connection: connection(self.connection),
            user: user(self.user).to_owned(),
            agent: agent(self.agent),
            scope: scope(self.words),
            targets: targets.map(target).collect(),
            expires_at: self.expires_at.map(Timestamp),
        }
    }
}

/// What is granted at first; everything else comes by `apply`.
pub const FIRST: [Granting; 3] = [
    Granting { connection: 0, user: 0, agent: 0, words: 0b1111, targets: 0x3f, expires_at: None },
    Granting { connection: 0, user: 1, agent: 0, words: 0b0111, targets: 0x36, expires_at: None },
    Granting {
        connection: 1,
        user: 0,
        agent: 1,
        words: 0b1011,
        targets: 0x3d,
        expires_at: Some(DAWN + 4000),
    },
];

/// Everything an organization begins with.
pub fn beginning(org: &str, hash: impl Fn(&str) -> [u8; 32]) -> Vec<Change> {
    let mut changes = vec![Change::PutSettings(settings(CHAIN_LIMIT, LIFETIME))];
    changes.extend((0..CONNECTIONS).map(|it| Change::PutConnection(declared_connection(org, it))));
    let agents = CEILINGS.into_iter().enumerate();
    changes.extend(agents.map(|(number, ceiling)| {
        Change::PutAgent(declared_agent(number, ceiling, hash(&agent(number))))
    }));
    let resources = RESOURCE_WORDS.into_iter().enumerate();
    changes.extend(resources.map(|(number, words)| {
        Change::PutResource(declared_resource(AGENTS + number, words, hash(READER)))
    }));
    let grants = FIRST.iter().enumerate();
    changes.extend(grants.map(|(at, it)| Change::PutGrant(it.declared(&format!("first-{at}")))));
    changes
}

/// The user's name in our tokens.
pub fn sub(connection: usize, number: usize) -> String {
    if connection == 0 { user(number).to_owned() } else { format!("{connection}:{}", user(number)) }
}

/// What stands for an organization in what the model foretells.
pub fn issuer_of_number(org: usize) -> String {
    format!("org {org}")
}

/// What the model calls it: `h3-o1` is `org 1` of history 3.
pub fn name_of(org: &str) -> String {
    let number = org.rsplit_once("-o").map_or(org, |(_, number)| number);
    format!("org {number}")
}

//! Two organizations at one server, each with an identity provider of its own.

use std::{
    net::{IpAddr, Ipv4Addr},
    path::Path,
    sync::Arc,
};

use keys::{Algorithm, SigningKey};
use serde_json::{Value, json};
use server::clock;

use crate::{
    Outcome,
    actas::{Actas, Applied, Database},
    exchanges::{self, ACCESS_TOKEN, POLICIES, RESOURCE, SCOPES, USERS},
    neighbours::{Echo, Idp},
    open::{CONNECTIONS, Class, Spacing},
    wire::{Script, post},
};

/// The agents of the organization that floods. One alone would be held by what an agent may by default.
const AGENTS: [&str; 8] = ["a", "b", "c", "d", "e", "f", "g", "h"];
/// The addresses it comes from; nor is it held by what one address may.
const ADDRESSES: u8 = 16;

/// Which limits the server and the organizations have.
#[derive(Clone, Copy, Debug)]
pub(super) enum Limits {
    /// Those of whoever sets none.
    Default,
    /// None that counts requests: only what the server bears is in the way.
    NoRates,
}

#[derive(Debug)]
pub(super) struct Scene {
    pub actas: Actas,
    /// Of the organization that floods.
    pub idp: Idp,
    _other_idp: Idp,
    flood: Arc<Script>,
    other: Arc<Script>,
}

impl Scene {
    pub(super) fn set_up(directory: &Path, database: &Database, limits: Limits) -> Outcome<Self> {
        let idp = Idp::start(SigningKey::generate(Algorithm::Es256)?)?;
        let other_idp = Idp::start(SigningKey::generate(Algorithm::Es256)?)?;
        let orgs = ["flood", "other"].map(|name| format!("{name}-{}", clock::id().simple()));
        let [flood, other] = orgs;
        let flood = organization(&flood, &idp, &AGENTS, limits);
        let other = organization(&other, &other_idp, &AGENTS[..1], limits);
        let process = match limits {
            Limits::Default => json!({}),
            Limits::NoRates => json!({ "address": exchanges::unlimited() }),
        };
        let actas = Actas::serve(directory, database, (&flood, &[other]), &process)?;
        let flood = Applied { org: actas.org.clone(), secrets: actas.secrets.clone() };
        let flood = Arc::new(script(&flood, &idp, &AGENTS)?);
        let other = actas.others.first().ok_or("there is one more organization")?;
        let other = Arc::new(script(other, &other_idp, &AGENTS[..1])?);
        Ok(Self { actas, idp, _other_idp: other_idp, flood, other })
    }

    /// What the flooding organization sends.
    pub(super) fn flood(&self, rate: f64) -> Class {
        let from = (1..=ADDRESSES).map(|last| IpAddr::V4(Ipv4Addr::new(127, 0, 1, last)));
        let class = self.class("flood", &self.flood, rate);
        Class { spacing: Spacing::Poisson, from: from.collect(), ..class }
    }

    /// The same at a server that does nothing: what the load costs by itself.
    pub(super) fn elsewhere(&self, rate: f64, echo: &Echo) -> Class {
        Class { address: echo.address, ..self.flood(rate) }.at_the_root("subject_token")
    }

    /// What the other sends meanwhile.
    pub(super) fn other(&self, rate: f64) -> Class {
        self.class("other", &self.other, rate)
    }

    pub(super) fn flood_script(&self) -> &Arc<Script> {
        &self.flood
    }

    fn class(&self, name: &'static str, script: &Arc<Script>, rate: f64) -> Class {
        let (address, script) = (self.actas.address, Arc::clone(script));
        let (spacing, connections) = (Spacing::Even, CONNECTIONS);
        Class { name, address, script, rate, spacing, connections, from: Vec::new() }
    }
}

/// org.toml
fn organization(id: &str, idp: &Idp, agents: &[&str], limits: Limits) -> Value {
    let policies = Path::new(env!("CARGO_MANIFEST_DIR")).join("../policy/examples");
    let policy = |name| json!({ "file": policies.join(format!("{name}.cedar")) });
    let grants_to = |agent: &&str| {
        let agent = (*agent).to_owned();
        (0..USERS).map(move |user| {
            json!({
                "connection": "corp", "user": exchanges::name(user), "agent": agent,
                "scope": SCOPES, "targets": [RESOURCE],
            })
        })
    };
    let limits = match limits {
        Limits::Default => json!({}),
        Limits::NoRates => {
            let none = exchanges::unlimited();
            json!({ "organization": none, "agent": none, "user": none, "address": none })
        }
    };
    json!({
        "id": id,
        "limits": limits,
        "connections": [{
            "id": "corp", "issuer": idp.issuer, "client_id": "actas",
            "client_secret": { "value": "the-introspection-secret" },
            "audiences": [RESOURCE], "algorithms": ["ES256"],
        }],
        "agents": agents.iter().map(|id| json!({ "id": id, "scope": SCOPES })).collect::<Vec<_>>(),
        "resources": [{ "id": RESOURCE, "scope": SCOPES }],
        "grants": agents.iter().flat_map(grants_to).collect::<Vec<_>>(),
        "policies": POLICIES.map(policy),
    })
}

/// Exchanges of all agents in turns, each with a token of its own.
fn script(org: &Applied, idp: &Idp, agents: &[&str]) -> Outcome<Script> {
    let path = org.token_path();
    let mut of_agents = Vec::new();
    for agent in agents {
        let headers = [("authorization", format!("Basic {}", org.basic(agent)?))];
        let request = |subject: &String| post(&path, &headers, &exchanges::form(subject).finish());
        of_agents.push(exchanges::users(idp, agent)?.iter().map(request).collect::<Vec<_>>());
    }
    let longest = of_agents.first().map_or(0, Vec::len);
    let turns = (0..longest).flat_map(|turn| of_agents.iter().filter_map(move |of| of.get(turn)));
    let requests = turns.cloned().collect();
    Ok(Script { requests, proof: ACCESS_TOKEN })
}

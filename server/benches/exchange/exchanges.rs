//! What the server is asked: the organization, its users' tokens, and the requests of each hop.

use std::path::Path;

use keys::SigningKey;
use serde::Deserialize;
use serde_json::{Value, json};
use server::clock;
use url::form_urlencoded::Serializer;

use crate::{
    CROWD, Outcome,
    actas::{Actas, Applied},
    neighbours::Idp,
    proofs::{CERTIFIED, KEYED, Wallet},
    wire::{Script, play, post},
};

pub(crate) const RESOURCE: &str = "https://documents.demo.example";
const SCOPE: &str = "documents:read";
/// The most that any agent may be given.
pub(crate) const SCOPES: &str = "documents:read documents:write";
/// The agent to which users hand their authority.
pub(crate) const FIRST: &str = "orchestrator";
/// The name under which the resource looks at its tokens.
pub(crate) const RESOURCE_CLIENT: &str = "documents";
/// The agents, in the order in which they hand the user's authority on.
const AGENTS: [&str; 5] = [FIRST, "researcher", "archivist", "translator", "scribe"];
/// Part of every good answer.
pub(crate) const ACCESS_TOKEN: &str = r#""access_token":"ey"#;
pub(crate) const USERS: usize = 256;
/// Many more than are in flight: no two requests under way share a token, and with it an answer of
/// the identity provider.
const TOKENS: usize = 2048;
/// Tokens that were handed on, for the deeper chains.
const HANDED: usize = 1024;
/// Seconds; longer than the bench.
const TOKEN_LIFETIME: i64 = 3600;
/// Policies that every exchange is judged by; none forbids what is asked here.
pub(crate) const POLICIES: [&str; 4] =
    ["write-by-name", "write-fresh-sign-in", "write-needs-mfa", "write-one-hop"];

/// org.toml. Its id is of this run alone, so that a database can be used twice.
pub(crate) fn organization(issuer: &str, wallet: &Wallet) -> Value {
    let policies = Path::new(env!("CARGO_MANIFEST_DIR")).join("../policy/examples");
    let policy = |name| json!({ "file": policies.join(format!("{name}.cedar")) });
    let agents = AGENTS.map(|id| json!({ "id": id, "scope": SCOPES }));
    let [_, handed_to @ ..] = AGENTS;
    let targets = [&handed_to[..], &[RESOURCE]].concat();
    let grants_to = |agent| {
        let targets = targets.clone();
        (0..USERS).map(move |user| {
            json!({
                "connection": "corp", "user": name(user), "agent": agent, "scope": SCOPES,
                "targets": targets,
            })
        })
    };
    let grants: Vec<_> = [FIRST, KEYED, CERTIFIED].into_iter().flat_map(grants_to).collect();
    json!({
        "id": format!("bench-{}", clock::id().simple()),
        "limits": {
            "organization": unlimited(), "agent": unlimited(), "user": unlimited(),
            "address": unlimited(),
        },
        "connections": [{
            "id": "corp", "issuer": issuer, "client_id": "actas",
            "client_secret": { "value": "the-introspection-secret" },
            "audiences": [RESOURCE], "algorithms": ["ES256", "RS256"],
        }],
        "agents": agents.into_iter().chain(wallet.agents()).collect::<Vec<_>>(),
        "certificate_authorities": wallet.authorities(),
        "resources": [{ "id": RESOURCE, "scope": SCOPES, "client_id": RESOURCE_CLIENT }],
        "grants": grants,
        "policies": POLICIES.map(policy),
    })
}

/// The same with one agent, and grants of the first `users` to it: one organization of many, or one that
/// differs in `what`.
pub(crate) fn plain(id: &str, issuer: &str, users: usize, what: What) -> Value {
    let policies = Path::new(env!("CARGO_MANIFEST_DIR")).join("../policy/examples");
    let policy = |name| json!({ "file": policies.join(format!("{name}.cedar")) });
    let grants = (0..users).map(|user| {
        json!({
            "connection": "corp", "user": name(user), "agent": FIRST, "scope": SCOPES,
            "targets": [RESOURCE],
        })
    });
    let mut org = json!({
        "id": id,
        "limits": {
            "organization": unlimited(), "agent": unlimited(), "user": unlimited(),
            "address": unlimited(),
        },
        "agents": [{ "id": FIRST, "scope": SCOPES }],
        "resources": [{ "id": RESOURCE, "scope": SCOPES }],
        "grants": grants.collect::<Vec<_>>(),
        "policies": POLICIES.map(policy),
    });
    let mut connection = json!({
        "id": "corp", "issuer": issuer, "client_id": "actas",
        "client_secret": { "value": "the-introspection-secret" },
        "audiences": [RESOURCE], "algorithms": ["ES256"],
    });
    let put = |value: &mut Value, name: &str, what: Value| {
        if let Some(members) = value.as_object_mut() {
            members.insert(name.to_owned(), what);
        }
    };
    match what {
        What::Nothing => {}
        What::Algorithm(algorithm) => put(&mut org, "algorithm", json!(algorithm)),
        What::Bounded => {
            put(&mut connection, "freshness", json!("bounded"));
            put(&mut connection, "max_age", json!(30));
        }
    }
    put(&mut org, "connections", json!([connection]));
    org
}

/// In what an organization differs.
#[derive(Clone, Copy, Debug)]
pub(crate) enum What {
    Nothing,
    /// Of issued tokens.
    Algorithm(&'static str),
    /// An answer of the identity provider serves for a while.
    Bounded,
}

/// A limit that is counted for every request, and met by none.
pub(crate) fn unlimited() -> Value {
    json!({ "per_second": 1_000_000, "burst": 1_000_000 })
}

pub(crate) fn name(user: usize) -> String {
    format!("user-{user:04}@corp.example")
}

/// Access tokens of the identity provider (RFC 9068) that `agent` was given, each its own.
pub(crate) fn users(idp: &Idp, agent: &str) -> Outcome<Vec<String>> {
    signed_by(&idp.key, idp, agent)
}

/// The same by another key of its.
pub(crate) fn signed_by(key: &SigningKey, idp: &Idp, agent: &str) -> Outcome<Vec<String>> {
    let now = clock::now().0;
    let token = |number: usize| {
        let claims = json!({
            "iss": idp.issuer, "sub": name(number % USERS), "aud": RESOURCE,
            "client_id": agent, "scope": "openid profile documents:read documents:write",
            "iat": now, "exp": now + TOKEN_LIFETIME, "jti": clock::id().to_string(),
            "auth_time": now - 60, "amr": ["pwd", "otp"],
        });
        Ok(keys::sign(key, "at+jwt", &claims)?)
    };
    (0..TOKENS).map(token).collect()
}

/// The last hop of a chain of one to five agents; the hops before it are made here.
pub(crate) async fn last_hop(actas: &Actas, users: &[String], depth: usize) -> Outcome<Script> {
    let (Some((last, handing)), few) =
        (AGENTS.get(..depth).and_then(<[_]>::split_last), users.get(..HANDED).unwrap_or(users))
    else {
        return Err(format!("there are not {depth} agents").into());
    };
    let mut handed = None;
    for (agent, next) in handing.iter().zip(AGENTS.iter().skip(1)) {
        let subjects = handed.as_deref().unwrap_or(few);
        let script = script(&actas.own(), agent, ("audience", next), subjects)?;
        handed = Some(play(actas.address, script, CROWD, access_token).await?);
    }
    script(&actas.own(), last, ("resource", RESOURCE), handed.as_deref().unwrap_or(users))
}

/// Exchanges at an organization of [`plain`].
pub(crate) fn at(org: &Applied, users: &[String]) -> Outcome<Script> {
    script(org, FIRST, ("resource", RESOURCE), users)
}

/// Exchanges at many organizations in turns, of users who have grants there.
pub(crate) fn around(orgs: &[Applied], users: &[String], with_grants: usize) -> Outcome<Script> {
    let mut requests = Vec::new();
    let known = users.chunks(USERS).flat_map(|all| all.iter().take(with_grants));
    for (org, user) in orgs.iter().cycle().zip(known) {
        requests.extend(at(org, std::slice::from_ref(user))?.requests);
    }
    Ok(Script { requests, proof: ACCESS_TOKEN })
}

/// One request per subject.
fn script(
    org: &Applied,
    agent: &str,
    (parameter, target): (&str, &str),
    subjects: &[String],
) -> Outcome<Script> {
    let headers = [("authorization", format!("Basic {}", org.basic(agent)?))];
    let path = org.token_path();
    let request =
        |subject: &String| post(&path, &headers, &form_for(subject, (parameter, target)).finish());
    Ok(Script { requests: subjects.iter().map(request).collect(), proof: ACCESS_TOKEN })
}

/// What is asked for with a user's token.
pub(crate) fn form(subject: &str) -> Serializer<'static, String> {
    form_for(subject, ("resource", RESOURCE))
}

fn form_for(subject: &str, (parameter, target): (&str, &str)) -> Serializer<'static, String> {
    let mut form = Serializer::new(String::new());
    form.append_pair("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange")
        .append_pair("subject_token", subject)
        .append_pair("subject_token_type", "urn:ietf:params:oauth:token-type:access_token")
        .append_pair(parameter, target)
        .append_pair("scope", SCOPE);
    form
}

/// What was issued.
pub(crate) fn access_token(answer: &str) -> Outcome<String> {
    #[derive(Deserialize)]
    struct Answer {
        access_token: String,
    }
    Ok(serde_json::from_str::<Answer>(answer)?.access_token)
}

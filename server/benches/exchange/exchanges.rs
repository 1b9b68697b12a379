//! What the server is asked: the organization, its users' tokens, and the requests of each hop.

use std::path::Path;

use base64::{Engine, engine::general_purpose::STANDARD};
use serde::Deserialize;
use serde_json::{Value, json};
use server::clock;
use url::form_urlencoded;

use crate::{
    CROWD, Outcome,
    actas::Actas,
    neighbours::Idp,
    wire::{Script, play, post},
};

const RESOURCE: &str = "https://documents.demo.example";
const SCOPE: &str = "documents:read";
/// The agents, in the order in which they hand the user's authority on.
const AGENTS: [&str; 3] = ["orchestrator", "researcher", "archivist"];
const USERS: usize = 256;
/// Many more than are in flight: no two requests under way share a token, and with it an answer of
/// the identity provider.
const TOKENS: usize = 2048;
/// Tokens that were handed on, for the deeper chains.
const HANDED: usize = 1024;
/// Seconds; longer than the bench.
const TOKEN_LIFETIME: i64 = 3600;
/// Policies that every exchange is judged by; none forbids what is asked here.
const POLICIES: [&str; 4] =
    ["write-by-name", "write-fresh-sign-in", "write-needs-mfa", "write-one-hop"];

/// org.toml. Its id is of this run alone, so that a database can be used twice.
pub(crate) fn organization(issuer: &str) -> Value {
    let policies = Path::new(env!("CARGO_MANIFEST_DIR")).join("../policy/examples");
    let policy = |name| json!({ "file": policies.join(format!("{name}.cedar")) });
    let agent = |id| json!({ "id": id, "scope": "documents:read documents:write" });
    let [first, handed_to @ ..] = AGENTS;
    let targets = [&handed_to[..], &[RESOURCE]].concat();
    let grant = |user| {
        json!({
            "connection": "corp", "user": name(user), "agent": first,
            "scope": "documents:read documents:write", "targets": targets,
        })
    };
    json!({
        "id": format!("bench-{}", clock::id().simple()),
        "connections": [{
            "id": "corp", "issuer": issuer, "client_id": "actas",
            "client_secret": { "value": "the-introspection-secret" },
            "audiences": [RESOURCE], "algorithms": ["ES256"],
        }],
        "agents": AGENTS.map(agent),
        "resources": [{ "id": RESOURCE, "scope": "documents:read documents:write" }],
        "grants": (0..USERS).map(grant).collect::<Vec<_>>(),
        "policies": POLICIES.map(policy),
    })
}

fn name(user: usize) -> String {
    format!("user-{user:04}@corp.example")
}

/// Access tokens of the identity provider (RFC 9068), each its own.
pub(crate) fn users(idp: &Idp) -> Outcome<Vec<String>> {
    let now = clock::now().0;
    let token = |number: usize| {
        let claims = json!({
            "iss": idp.issuer, "sub": name(number % USERS), "aud": RESOURCE,
            "client_id": AGENTS.first(), "scope": "openid profile documents:read documents:write",
            "iat": now, "exp": now + TOKEN_LIFETIME, "jti": clock::id().to_string(),
            "auth_time": now - 60, "amr": ["pwd", "otp"],
        });
        Ok(keys::sign(&idp.key, "at+jwt", &claims)?)
    };
    (0..TOKENS).map(token).collect()
}

/// The last hop of a chain of one or three agents; the hops before it are made here.
pub(crate) async fn last_hop(actas: &Actas, users: &[String], depth: usize) -> Outcome<Script> {
    let (Some((last, handing)), few) =
        (AGENTS.get(..depth).and_then(<[_]>::split_last), users.get(..HANDED).unwrap_or(users))
    else {
        return Err(format!("there are not {depth} agents").into());
    };
    let mut handed = None;
    for (agent, next) in handing.iter().zip(AGENTS.iter().skip(1)) {
        let subjects = handed.as_deref().unwrap_or(few);
        let script = script(actas, agent, ("audience", next), subjects)?;
        handed = Some(play(actas.address, script, CROWD, access_token).await?);
    }
    script(actas, last, ("resource", RESOURCE), handed.as_deref().unwrap_or(users))
}

/// One request per subject.
fn script(
    actas: &Actas,
    agent: &str,
    (parameter, target): (&str, &str),
    subjects: &[String],
) -> Outcome<Script> {
    let secret = actas.secrets.get(agent).ok_or_else(|| format!("`{agent}` has no secret"))?;
    let basic = STANDARD.encode(format!("{agent}:{secret}"));
    let path = format!("/o/{}/oauth/token", actas.org);
    let request = |subject: &String| {
        let form = form_urlencoded::Serializer::new(String::new())
            .append_pair("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange")
            .append_pair("subject_token", subject)
            .append_pair("subject_token_type", "urn:ietf:params:oauth:token-type:access_token")
            .append_pair(parameter, target)
            .append_pair("scope", SCOPE)
            .finish();
        post(&path, Some(&basic), &form)
    };
    Ok(Script { requests: subjects.iter().map(request).collect(), proof: r#""access_token":"ey"# })
}

fn access_token(answer: &str) -> Outcome<String> {
    #[derive(Deserialize)]
    struct Answer {
        access_token: String,
    }
    Ok(serde_json::from_str::<Answer>(answer)?.access_token)
}

//! One exchange, with nothing around it.

use std::{collections::HashSet, mem, sync::Mutex, sync::PoisonError, time::Duration};

use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use keys::{
    Algorithm, AssertionKind, Expect, ExpectAssertion, PublicKeys, Signer, SigningKey, Typ,
};
use serde::{Deserialize, Serialize, de::IgnoredAny};
use serde_json::json;
use server::clock;

use super::{
    Kind,
    audit::{Audit, Row},
    idp::Idp,
    trust::Trusted,
};
use crate::Outcome;

const ALGORITHMS: [Algorithm; 3] = [Algorithm::Es256, Algorithm::Rs256, Algorithm::EdDsa];
const LEEWAY: Duration = Duration::from_secs(10);
/// Assertions are remembered so long, and are good for no longer.
const LONGEST: Duration = Duration::from_mins(2);
/// Seconds that an issued token holds.
const LIFETIME: i64 = 300;

/// Why a request has no token.
#[derive(Debug)]
pub(super) enum Failure {
    Refused(&'static str),
    Broken(Box<dyn std::error::Error + Send + Sync>),
}

/// The parameters that are looked at.
#[derive(Debug, Deserialize)]
pub(super) struct Form {
    grant_type: String,
    subject_token: String,
    subject_token_type: String,
    actor_token: Option<String>,
    resource: String,
    scope: String,
    client_assertion: Option<String>,
}

/// RFC 8693 §2.2.1
#[derive(Debug, Serialize)]
pub(super) struct Granted {
    access_token: String,
    issued_token_type: &'static str,
    token_type: &'static str,
    expires_in: i64,
    scope: String,
}

/// The claims of a user's or an actor's token that are looked at.
#[derive(Debug, Deserialize)]
struct Said {
    #[serde(default)]
    scope: String,
}

/// What is signed (RFC 9068 §2.2, RFC 8693 §4.1).
#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    sub: &'a str,
    aud: &'a str,
    client_id: &'a str,
    iat: i64,
    exp: i64,
    jti: &'a str,
    scope: &'a str,
    act: Act<'a>,
}

#[derive(Serialize)]
struct Act<'a> {
    iss: &'a str,
    sub: &'a str,
}

/// What all workers share.
#[derive(Debug)]
pub(super) struct Server {
    kind: Kind,
    trusted: Trusted,
    key: SigningKey,
    /// The header of every token, encoded.
    header: String,
    seen: Mutex<Seen>,
    audit: Audit,
}

impl Server {
    pub(super) fn new(kind: Kind, trusted: Trusted, audit: Audit) -> Outcome<Self> {
        let key = SigningKey::generate(Algorithm::Es256)?;
        let header = json!({ "typ": "at+jwt", "alg": "ES256", "kid": key.kid() }).to_string();
        let header = URL_SAFE_NO_PAD.encode(header);
        Ok(Self { kind, trusted, key, header, seen: Mutex::default(), audit })
    }
}

/// Steps C, D and E of one request, whose `Authorization` header and form these are.
pub(super) async fn exchange(
    server: &Server,
    idp: &Idp,
    (credentials, form): (Option<&str>, &Form),
    now: i64,
) -> Result<Granted, Failure> {
    if !form.grant_type.ends_with(":token-exchange")
        || !form.subject_token_type.ends_with(":access_token")
    {
        return Err(Failure::Refused("invalid_request"));
    }
    let client = match server.kind {
        Kind::Secret => by_secret(server, credentials)?,
        Kind::Assertion | Kind::Actor => by_assertion(server, form, now)?,
    };
    let Trusted { issuer, own, idp_issuer, idp: users, audience, .. } = &server.trusted;
    let audience = [audience.as_str()];
    let subject = verify(&form.subject_token, users, (idp_issuer, &audience), now)?;
    let actor = match (server.kind, form.actor_token.as_deref()) {
        (Kind::Secret | Kind::Assertion, None) => None,
        (Kind::Actor, Some(token)) => Some(verify(token, own, (issuer, &[]), now)?),
        (Kind::Secret | Kind::Assertion, Some(_)) | (Kind::Actor, None) => {
            return Err(Failure::Refused("invalid_request"));
        }
    };
    idp.recheck(&form.subject_token).await?;
    let may = |scope: &str| subject.claims().scope.split(' ').any(|held| held == scope);
    if !form.scope.split(' ').all(may) {
        return Err(Failure::Refused("invalid_scope"));
    }
    let acting = actor.as_ref().map_or(client.as_str(), |it| it.registered().subject.as_str());
    let id = clock::id();
    let claims = Claims {
        iss: issuer,
        sub: &subject.registered().subject,
        aud: &form.resource,
        client_id: &client,
        iat: now,
        exp: now + LIFETIME,
        jti: &id.to_string(),
        scope: &form.scope,
        act: Act { iss: issuer, sub: acting },
    };
    let access_token = sign(server, &claims).map_err(Failure::Broken)?;
    let body = json!({
        "event": "exchange", "jti": claims.jti, "aud": claims.aud, "scope": claims.scope,
        "subject_token": keys::sha256_hex(form.subject_token.as_bytes()),
        "issued_token": keys::sha256_hex(access_token.as_bytes()),
    });
    let row = Row {
        id,
        at: now,
        client: client.clone(),
        subject: claims.sub.to_owned(),
        actor: acting.to_owned(),
        body: body.to_string(),
    };
    server.audit.keep(row).await.map_err(Failure::Broken)?;
    Ok(Granted {
        access_token,
        issued_token_type: "urn:ietf:params:oauth:token-type:access_token",
        token_type: "Bearer",
        expires_in: LIFETIME,
        scope: form.scope.clone(),
    })
}

/// RFC 6749 §2.3.1. Neither identifiers nor secrets of the bench need to be escaped.
fn by_secret(server: &Server, credentials: Option<&str>) -> Result<String, Failure> {
    let refused = || Failure::Refused("invalid_client");
    let encoded = credentials.and_then(|it| it.strip_prefix("Basic ")).ok_or_else(refused)?;
    let decoded = STANDARD.decode(encoded).map_err(|_| refused())?;
    let decoded = String::from_utf8(decoded).map_err(|_| refused())?;
    let (client, secret) = decoded.split_once(':').ok_or_else(refused)?;
    let holds = server.trusted.has_secret(client, secret);
    holds.then(|| client.to_owned()).ok_or_else(refused)
}

/// RFC 7523 §2.2, §3
fn by_assertion(server: &Server, form: &Form, now: i64) -> Result<String, Failure> {
    let refused = || Failure::Refused("invalid_client");
    let assertion = form.client_assertion.as_deref().ok_or_else(refused)?;
    let peeked = keys::peek_assertion(assertion).map_err(|_| refused())?;
    let client = peeked.subject.ok_or_else(refused)?;
    let keys = server.trusted.keys_of(&client).ok_or_else(refused)?;
    let expect = ExpectAssertion {
        kind: AssertionKind::ClientAuthentication,
        issuer: Some(&client),
        audience: &[&server.trusted.issuer],
        sole_audience: true,
        algorithms: &ALGORITHMS,
        leeway: LEEWAY,
        longest: Some(LONGEST),
    };
    let verified = keys::verify_assertion::<IgnoredAny>(assertion, keys, &expect, now);
    let verified = verified.map_err(|_| refused())?;
    let id = verified.registered().id.clone().ok_or_else(refused)?;
    let mut seen = server.seen.lock().unwrap_or_else(PoisonError::into_inner);
    seen.is_first(id, now).then_some(client).ok_or_else(refused)
}

fn verify(
    token: &str,
    keys: &PublicKeys,
    (issuer, audience): (&str, &[&str]),
    now: i64,
) -> Result<keys::Verified<Said>, Failure> {
    let expect = Expect {
        typ: &[Typ::AccessToken],
        issuer,
        audience,
        algorithms: &ALGORITHMS,
        leeway: LEEWAY,
        max_age: None,
    };
    keys::verify(token, keys, &expect, now).map_err(|_| Failure::Refused("invalid_grant"))
}

/// Without reading it back, which `keys::sign` does.
fn sign(server: &Server, claims: &Claims<'_>) -> Outcome<String> {
    let mut token = String::with_capacity(1024);
    token.push_str(&server.header);
    token.push('.');
    URL_SAFE_NO_PAD.encode_string(serde_json::to_vec(claims)?, &mut token);
    let signature = server.key.sign(token.as_bytes())?;
    token.push('.');
    URL_SAFE_NO_PAD.encode_string(signature, &mut token);
    Ok(token)
}

/// The `jti` of assertions, for as long as they could come again: in this process alone, until it ends.
#[derive(Debug, Default)]
struct Seen {
    recent: HashSet<String>,
    /// Forgotten at the next turn.
    older: HashSet<String>,
    turned_at: i64,
}

impl Seen {
    fn is_first(&mut self, id: String, now: i64) -> bool {
        // Each set outlives an assertion and the leeway, or a replay slips through.
        if self.turned_at + 2 * i64::try_from(LONGEST.as_secs()).unwrap_or(i64::MAX / 4) < now {
            self.older = mem::take(&mut self.recent);
            self.turned_at = now;
        }
        !self.older.contains(&id) && self.recent.insert(id)
    }
}

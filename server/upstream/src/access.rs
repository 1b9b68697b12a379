//! How we are let in at a provider's API: a bearer token, which we fetch and keep for as long as it
//! lives.

use std::{
    sync::Arc,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use keys::{Object, SigningKey};
use reqwest::Method;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::Mutex;

use crate::{
    budget::Budget,
    fault::UpstreamFault,
    http::{
        Credentials, Outbound,
        call::{Auth, Body, Call, Reply},
    },
    settings::AccessSettings,
};

/// A token is fetched anew so long before it ends.
const SPARE: Duration = Duration::from_mins(1);
/// When an answer does not say how long its token lives (RFC 6749 §5.1 only recommends it).
const UNSAID: u64 = 300;

/// A provider's API: its address, our way in, and our share of its limit.
#[derive(Debug)]
pub(crate) struct Api {
    base: String,
    outbound: Outbound,
    access: Access,
    budget: Arc<Budget>,
}

impl Api {
    pub(crate) fn new(base: &str, outbound: Outbound, access: Access, budget: Arc<Budget>) -> Self {
        Self { base: base.trim_end_matches('/').to_owned(), outbound, access, budget }
    }

    pub(crate) async fn get(&self, path: &str) -> Result<Reply, UpstreamFault> {
        self.call(Call::get(format!("{}{path}", self.base))).await
    }

    /// Makes `call`, whose URL is whole, as ourselves. When our token is refused, a new one is
    /// fetched, once.
    pub(crate) async fn call(&self, call: Call) -> Result<Reply, UpstreamFault> {
        let reply = self.once(call.clone()).await?;
        if reply.status != 401 {
            return Ok(reply);
        }
        self.access.forget().await;
        match self.once(call).await? {
            Reply { status: 401, .. } => Err(UpstreamFault::OurCredentials),
            reply => Ok(reply),
        }
    }

    async fn once(&self, call: Call) -> Result<Reply, UpstreamFault> {
        let as_ourselves = async {
            let auth = self.access.auth(&self.outbound).await?;
            self.outbound.call(call.auth(auth)).await
        };
        self.budget.spend(as_ourselves).await
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }
}

/// Where our token comes from.
#[derive(Debug)]
pub(crate) struct Access {
    way: Way,
    kept: Mutex<Option<Kept>>,
}

enum Way {
    /// Nothing is asked of us.
    Open,
    /// A token that never changes.
    Fixed(SecretString),
    Granted(Box<Grant>),
}

impl std::fmt::Debug for Way {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(match self {
            Self::Open => "Open",
            Self::Fixed(_) => "Fixed",
            Self::Granted(_) => "Granted",
        })
    }
}

/// A token request (RFC 6749 §4.4, RFC 7523 §2).
pub(crate) struct Grant {
    pub(crate) token_endpoint: String,
    pub(crate) proof: Proof,
    /// `scope`, `audience`, …
    pub(crate) parameters: Vec<(&'static str, String)>,
}

/// How we prove who we are.
pub(crate) enum Proof {
    Basic(Credentials),
    Post(Credentials),
    /// `private_key_jwt` (RFC 7523 §2.2).
    Assertion {
        client_id: String,
        key: SigningKey,
    },
    /// The JWT is the grant itself (RFC 7523 §2.1), for `subject`: Google's service accounts.
    Bearer {
        issuer: String,
        subject: Option<String>,
        scope: String,
        key: SigningKey,
    },
}

/// What a provider takes a client secret by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Style {
    Basic,
    Post,
}

#[derive(Debug)]
struct Kept {
    token: SecretString,
    until: Instant,
}

#[derive(Deserialize)]
struct Granted {
    access_token: String,
    expires_in: Option<u64>,
}

impl Access {
    pub(crate) fn open() -> Self {
        Self::by(Way::Open)
    }

    pub(crate) fn granted(grant: Grant) -> Self {
        Self::by(Way::Granted(Box::new(grant)))
    }

    fn by(way: Way) -> Self {
        Self { way, kept: Mutex::new(None) }
    }

    /// As declared. `token_endpoint` is the connector's, unless the settings name one.
    ///
    /// # Errors
    ///
    /// What is missing, or too much.
    pub(crate) fn declared(
        settings: &AccessSettings,
        token_endpoint: Option<String>,
        style: Style,
    ) -> Result<Self, String> {
        let AccessSettings { bearer, client_id, client_secret, private_key, key_id, .. } = settings;
        if let Some(bearer) = bearer {
            if client_id.is_some() || client_secret.is_some() || private_key.is_some() {
                return Err("give either `bearer` or client credentials".to_owned());
            }
            return Ok(Self::by(Way::Fixed(bearer.secret().clone())));
        }
        let client_id = client_id.clone().ok_or("`client_id` (or `bearer`) is missing")?;
        let token_endpoint = settings.token_endpoint.clone().or(token_endpoint);
        let token_endpoint = token_endpoint.ok_or("`token_endpoint` is missing")?;
        let proof = match (client_secret, private_key) {
            (Some(secret), None) => {
                let credentials = Credentials { client_id, client_secret: secret.secret().clone() };
                match style {
                    Style::Basic => Proof::Basic(credentials),
                    Style::Post => Proof::Post(credentials),
                }
            }
            (None, Some(pem)) => {
                let key = SigningKey::from_pem(pem.secret().expose_secret(), key_id.as_deref())
                    .map_err(|fault| format!("`private_key`: {fault}"))?;
                Proof::Assertion { client_id, key }
            }
            (_, _) => return Err("give one of `client_secret` and `private_key`".to_owned()),
        };
        let optional = |name, value: &Option<String>| value.clone().map(|value| (name, value));
        let scope = optional("scope", &settings.scope);
        let parameters = scope.into_iter().chain(optional("audience", &settings.audience));
        Ok(Self::granted(Grant { token_endpoint, proof, parameters: parameters.collect() }))
    }

    pub(crate) async fn auth(&self, outbound: &Outbound) -> Result<Auth, UpstreamFault> {
        match &self.way {
            Way::Open => Ok(Auth::None),
            Way::Fixed(token) => Ok(Auth::Bearer(token.clone())),
            Way::Granted(grant) => {
                // One fetches, the others wait for it: they could do nothing without.
                let mut kept = self.kept.lock().await;
                if let Some(Kept { token, until }) = kept.as_ref()
                    && Instant::now() < *until
                {
                    return Ok(Auth::Bearer(token.clone()));
                }
                let fresh = grant.fetch(outbound).await?;
                let auth = Auth::Bearer(fresh.token.clone());
                *kept = Some(fresh);
                Ok(auth)
            }
        }
    }

    /// The token was refused.
    pub(crate) async fn forget(&self) {
        *self.kept.lock().await = None;
    }
}

impl Grant {
    async fn fetch(&self, outbound: &Outbound) -> Result<Kept, UpstreamFault> {
        let call = Call::new(Method::POST, self.token_endpoint.clone(), Body::None);
        let (auth, mut form) = self.proof.show(&self.token_endpoint)?;
        form.extend(self.parameters.iter().cloned());
        let asked_at = Instant::now();
        let reply = outbound.call(Call { body: Body::Form(form), ..call }.auth(auth)).await?;
        match reply.status {
            200 => {}
            400 | 401 | 403 => return Err(UpstreamFault::OurCredentials),
            status => return Err(UpstreamFault::Status(status)),
        }
        let bad = || UpstreamFault::Access("the token answer cannot be read".to_owned());
        let Object(granted): Object<Granted> = keys::json(&reply.body).map_err(|_| bad())?;
        let lives = Duration::from_secs(granted.expires_in.unwrap_or(UNSAID));
        let until = asked_at + lives.saturating_sub(SPARE.min(lives / 2));
        Ok(Kept { token: SecretString::from(granted.access_token), until })
    }
}

type Form = Vec<(&'static str, String)>;

impl Proof {
    /// What the request carries to say who we are, and its grant.
    fn show(&self, token_endpoint: &str) -> Result<(Auth, Form), UpstreamFault> {
        let client_credentials = ("grant_type", "client_credentials".to_owned());
        match self {
            Self::Basic(credentials) => {
                Ok((Auth::Basic(credentials.clone()), vec![client_credentials]))
            }
            Self::Post(Credentials { client_id, client_secret }) => {
                let secret = client_secret.expose_secret().to_owned();
                let form = vec![
                    client_credentials,
                    ("client_id", client_id.clone()),
                    ("client_secret", secret),
                ];
                Ok((Auth::None, form))
            }
            Self::Assertion { client_id, key } => {
                let claims = json!({ "iss": client_id, "sub": client_id, "aud": token_endpoint });
                let form = vec![
                    client_credentials,
                    ("client_id", client_id.clone()),
                    (
                        "client_assertion_type",
                        "urn:ietf:params:oauth:client-assertion-type:jwt-bearer".to_owned(),
                    ),
                    ("client_assertion", signed(key, claims)?),
                ];
                Ok((Auth::None, form))
            }
            Self::Bearer { issuer, subject, scope, key } => {
                let mut claims = json!({ "iss": issuer, "scope": scope, "aud": token_endpoint });
                if let (Some(subject), Some(members)) = (subject, claims.as_object_mut()) {
                    members.insert("sub".to_owned(), json!(subject));
                }
                let grant = "urn:ietf:params:oauth:grant-type:jwt-bearer".to_owned();
                let form = vec![("grant_type", grant), ("assertion", signed(key, claims)?)];
                Ok((Auth::None, form))
            }
        }
    }
}

/// Lives five minutes and is used once.
#[expect(
    clippy::disallowed_methods,
    reason = "the provider judges it by its own clock, and nothing of ours depends on either"
)]
fn signed(key: &SigningKey, mut claims: Value) -> Result<String, UpstreamFault> {
    let access = |e: &dyn std::fmt::Display| UpstreamFault::Access(e.to_string());
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_err(|e| access(&e))?.as_secs();
    if let Some(members) = claims.as_object_mut() {
        members.insert("iat".to_owned(), json!(now));
        members.insert("exp".to_owned(), json!(now + 300));
        members.insert("jti".to_owned(), json!(uuid::Uuid::now_v7().to_string()));
    }
    keys::sign(key, "JWT", &claims).map_err(|e| access(&e))
}

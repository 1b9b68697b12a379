//! The development identity provider.

mod authorize;
mod client;
mod control;
mod introspect;
mod mint;
mod page;
mod state;
mod token;

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use keys::{SignFault, Signer};
use serde_json::{Value, json};

use self::state::{JwksFault, State};
use crate::wire::{Answer, Reply, Request};

pub use self::mint::{Kind, Minting};

/// An OAuth client of the provider.
#[derive(Clone)]
pub struct Client {
    pub id: String,
    pub secret: String,
}

#[derive(Clone)]
pub struct User {
    pub sub: String,
    pub password: String,
}

#[derive(Clone, Debug)]
pub struct DevIdpSettings {
    /// Without a trailing slash.
    pub issuer: String,
    /// The application users sign in to.
    pub app: Client,
    /// Where the application receives its codes; an absolute URL.
    pub redirect_uri: String,
    /// Who may introspect: actas.
    pub introspector: Client,
    pub users: Vec<User>,
    /// Of the access tokens made by signing in.
    pub audience: Vec<String>,
    pub token_lifetime: Duration,
}

/// Makes strings nobody can guess: codes and token ids.
pub type Fresh = Box<dyn Fn() -> String + Send + Sync>;

/// A provider with users, one application, and switches to misbehave.
pub struct DevIdp {
    settings: DevIdpSettings,
    signer: Arc<dyn Signer>,
    fresh: Fresh,
    state: Mutex<State>,
}

impl DevIdp {
    #[must_use]
    pub fn new(settings: DevIdpSettings, signer: Arc<dyn Signer>, fresh: Fresh) -> Self {
        let state = Mutex::new(State::new(&settings.users));
        Self { settings, signer, fresh, state }
    }

    /// The route table. Paths are below the issuer; [`DevIdp::metadata`] and
    /// [`CONTROL`] say where what is.
    pub fn handle(&self, request: &Request<'_>, now: i64) -> Answer {
        let Request { query, authorization, body, .. } = *request;
        match (request.method, request.path) {
            ("GET", "/.well-known/openid-configuration") => self.discovery(),
            ("GET", "/jwks") => self.jwks(),
            ("GET", "/authorize") => Answer::Reply(self.authorize(query)),
            ("POST", "/login") => Answer::Reply(self.login(body, now)),
            ("POST", "/token") => Answer::Reply(self.token(authorization, body, now)),
            ("POST", "/introspect") => self.introspect(authorization, body, now),
            ("POST", "/revoke") => Answer::Reply(self.revoke(authorization, body)),
            // Whoever follows the redirect of the fault `redirect` is told that all is well.
            (_, "/elsewhere") => Answer::Reply(Reply::json(200, &json!({ "active": true }))),
            (method, path) => Answer::Reply(match path.strip_prefix(CONTROL) {
                Some(control) => self.control(method, control, body, now),
                None => Reply::oauth_error(404, "not_found"),
            }),
        }
    }

    /// Disables or enables a user; whether there is one.
    pub fn disable(&self, sub: &str, disabled: bool) -> bool {
        self.state().disable(sub, disabled)
    }

    /// Mints whatever it is told to, and remembers it for introspection.
    ///
    /// # Errors
    /// When the key cannot sign.
    pub fn mint(&self, minting: &Minting, now: i64) -> Result<String, SignFault> {
        let minted = mint::mint(self, minting, now)?;
        self.state().remember(&minted, now);
        Ok(minted.token)
    }

    /// The discovery document (`OpenID` Connect Discovery 1.0 §3, RFC 8414 §2).
    #[must_use]
    pub fn metadata(&self) -> Value {
        let issuer = &self.settings.issuer;
        json!({
            "issuer": issuer,
            "authorization_endpoint": format!("{issuer}/authorize"),
            "token_endpoint": format!("{issuer}/token"),
            "introspection_endpoint": format!("{issuer}/introspect"),
            "revocation_endpoint": format!("{issuer}/revoke"),
            "jwks_uri": format!("{issuer}/jwks"),
            "response_types_supported": ["code"],
            "response_modes_supported": ["query"],
            "grant_types_supported": ["authorization_code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": [self.signer.algorithm().name()],
            "token_endpoint_auth_methods_supported": ["client_secret_basic"],
            "introspection_endpoint_auth_methods_supported": ["client_secret_basic"],
            "revocation_endpoint_auth_methods_supported": ["client_secret_basic"],
            "code_challenge_methods_supported": ["S256"],
            "authorization_response_iss_parameter_supported": true,
        })
    }

    fn discovery(&self) -> Answer {
        self.state().requests.discovery += 1;
        Answer::Reply(Reply::json(200, &self.metadata()))
    }

    fn jwks(&self) -> Answer {
        let mut state = self.state();
        state.requests.jwks += 1;
        match state.faults.jwks {
            JwksFault::Down => Answer::Down,
            JwksFault::Empty => Answer::Reply(Reply::json(200, &json!({ "keys": [] }))),
            JwksFault::None => {
                Answer::Reply(Reply::json(200, &json!({ "keys": [self.signer.public_jwk()] })))
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Every state of it is a valid one.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Below the issuer: `/control/users/{sub}`, `/control/tokens`, `/control/faults`,
/// `/control/requests`.
pub const CONTROL: &str = "/control";

impl fmt::Debug for Client {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Client").field("id", &self.id).finish_non_exhaustive()
    }
}

impl fmt::Debug for User {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("User").field("sub", &self.sub).finish_non_exhaustive()
    }
}

impl fmt::Debug for DevIdp {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("DevIdp").field("settings", &self.settings).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;

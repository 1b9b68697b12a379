//! A transmitter of security events (Shared Signals, SSF 1.0): everything but the HTTP server
//! around it.
//!
//! Whoever wires it to a server gives it each request, and before the answer goes out sends what
//! [`Transmitter::pushes`] has for others: a real transmitter (Keycloak) pushes a verification
//! before it answers the request for one.

mod control;
mod management;
mod poll;
mod set;
mod state;

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use keys::{SignFault, Signer};
use serde_json::{Value, json};
use url::Url;

pub use self::{
    set::Emission,
    state::{Faults, JwksFault, ManagementFault, MetadataFault, PollFault, Seen},
};
use self::{
    set::mint,
    state::{Queued, State, Stream},
};
use crate::{
    idp::Fresh,
    wire::{Answer, Reply, Request},
};

#[derive(Clone)]
pub struct TransmitterSettings {
    /// Without a trailing slash; it may have a path.
    pub issuer: String,
    /// The bearer token of whoever manages and polls.
    pub bearer: String,
    /// Whether a receiver may have more than one stream; at Okta and Keycloak it may not.
    pub allows_several: bool,
    /// Seconds.
    pub min_verification_interval: Option<u64>,
    /// Seconds.
    pub inactivity_timeout: Option<u64>,
}

/// What a server around the transmitter sends to somebody (RFC 8935 §2.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Push {
    pub url: String,
    /// The `Authorization` header.
    pub authorization: Option<String>,
    /// Of type `application/secevent+jwt`.
    pub body: String,
}

/// Transmits whatever it is told to.
pub struct Transmitter {
    settings: TransmitterSettings,
    /// The issuer's path, without a trailing slash.
    path: String,
    signer: Arc<dyn Signer>,
    fresh: Fresh,
    state: Mutex<State>,
}

impl Transmitter {
    #[must_use]
    pub fn new(settings: TransmitterSettings, signer: Arc<dyn Signer>, fresh: Fresh) -> Self {
        let path = Url::parse(&settings.issuer);
        let path = path.map(|url| url.path().trim_end_matches('/').to_owned()).unwrap_or_default();
        Self { settings, path, signer, fresh, state: Mutex::default() }
    }

    /// The route table. Paths are whole: the metadata lies beside the issuer, not below it.
    pub fn handle(&self, request: &Request<'_>, now: i64) -> Answer {
        if let Some(issuer_path) = request.path.strip_prefix("/.well-known/") {
            return self.metadata(issuer_path);
        }
        let Some(path) = request.path.strip_prefix(&self.path) else { return not_found() };
        match (request.method, path) {
            ("GET", "/jwks") => self.jwks(),
            (_, "/stream" | "/status" | "/verification") => self.manage(request, path, now),
            ("POST", path) if path.starts_with("/poll/") => self.poll(request, path),
            (method, path) => match path.strip_prefix(CONTROL) {
                Some(control) => Answer::Reply(self.control(method, control, request.body, now)),
                None => not_found(),
            },
        }
    }

    /// Sends an event to every stream that asked for it. Returns the ids it went out under.
    ///
    /// # Errors
    /// When the key cannot sign.
    pub fn emit(&self, emission: &Emission, now: i64) -> Result<Vec<String>, SignFault> {
        let mut state = self.state();
        let mut ids = Vec::new();
        for stream in state.streams.values_mut().filter(|stream| stream.wants(emission)) {
            let queued = mint(self, stream, emission, now)?;
            ids.push(queued.jti.clone());
            stream.queue.push_back(queued);
        }
        Ok(ids)
    }

    /// What is to be pushed now; given away once.
    pub fn pushes(&self) -> Vec<Push> {
        self.state().streams.values_mut().flat_map(Stream::pushes).collect()
    }

    /// One that could not be delivered is pushed again (RFC 8935 §2.4).
    pub fn push_again(&self, push: &Push) {
        let mut state = self.state();
        let to = |stream: &&mut Stream| stream.endpoint.as_ref() == Some(&push.url);
        if let Some(stream) = state.streams.values_mut().find(to) {
            stream.queue.push_front(Queued { jti: String::new(), set: push.body.clone() });
        }
    }

    /// From now on it misbehaves like this.
    pub fn misbehave(&self, faults: Faults) {
        self.state().faults = faults;
    }

    /// The stream's status is changed there, as by an administrator, and the receiver is told.
    ///
    /// # Errors
    /// When the key cannot sign.
    pub fn set_status(&self, stream: &str, status: &str, now: i64) -> Result<bool, SignFault> {
        let mut state = self.state();
        let Some(stream) = state.streams.get_mut(stream) else { return Ok(false) };
        let queued = mint(self, stream, &Emission::stream_updated(stream, status), now)?;
        stream.queue.push_back(queued);
        // The receiver is told before the stream falls silent (SSF 1.0 §8.1.5).
        let last = stream.pushes().collect::<Vec<_>>();
        stream.last_words.extend(last);
        status.clone_into(&mut stream.status);
        Ok(true)
    }

    /// What has happened so far.
    #[must_use]
    pub fn seen(&self) -> Seen {
        self.state().seen.clone()
    }

    /// The streams there are, as their receivers read them.
    #[must_use]
    pub fn streams(&self) -> Vec<Value> {
        self.state().streams.values().map(|stream| self.describe(stream)).collect()
    }

    fn metadata(&self, at: &str) -> Answer {
        let fault = self.state().faults.metadata;
        let name = match fault {
            MetadataFault::Legacy => "risc-configuration",
            MetadataFault::None
            | MetadataFault::Down
            | MetadataFault::OtherIssuer
            | MetadataFault::NoVerification
            | MetadataFault::NoStatus => "ssf-configuration",
        };
        if at.strip_prefix(name) != Some(&self.path) {
            return not_found();
        }
        let issuer = &self.settings.issuer;
        let mut metadata = json!({
            "spec_version": "1_0",
            "issuer": issuer,
            "jwks_uri": format!("{issuer}/jwks"),
            "delivery_methods_supported": ["urn:ietf:rfc:8935", "urn:ietf:rfc:8936"],
            "configuration_endpoint": format!("{issuer}/stream"),
            "status_endpoint": format!("{issuer}/status"),
            "verification_endpoint": format!("{issuer}/verification"),
            "authorization_schemes": [{ "spec_urn": "urn:ietf:rfc:6749" }],
            "critical_subject_members": ["user"],
            "default_subjects": "ALL",
        });
        let mut change = |name: &str, value: Option<&str>| {
            if let Some(members) = metadata.as_object_mut() {
                members.remove(name);
                members.extend(value.map(|value| (name.to_owned(), json!(value))));
            }
        };
        match fault {
            MetadataFault::None | MetadataFault::Legacy => {}
            MetadataFault::Down => return Answer::Down,
            MetadataFault::OtherIssuer => {
                change("issuer", Some("https://transmitter.elsewhere.example"));
            }
            MetadataFault::NoVerification => change("verification_endpoint", None),
            MetadataFault::NoStatus => change("status_endpoint", None),
        }
        Answer::Reply(Reply::json(200, &metadata))
    }

    fn jwks(&self) -> Answer {
        match self.state().faults.jwks {
            JwksFault::Down => Answer::Down,
            JwksFault::Empty => Answer::Reply(Reply::json(200, &json!({ "keys": [] }))),
            JwksFault::None => {
                Answer::Reply(Reply::json(200, &json!({ "keys": [self.signer.public_jwk()] })))
            }
        }
    }

    fn is_authorized(&self, request: &Request<'_>) -> bool {
        let expected = format!("Bearer {}", self.settings.bearer);
        request.authorization == Some(&expected)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Every state of it is a valid one.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Below the issuer: `/control/events`, `/control/status`, `/control/faults`, `/control/seen`,
/// `/control/streams`.
pub const CONTROL: &str = "/control";

fn not_found() -> Answer {
    Answer::Reply(Reply::oauth_error(404, "not_found"))
}

impl fmt::Debug for TransmitterSettings {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("TransmitterSettings")
            .field("issuer", &self.issuer)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Transmitter {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Transmitter").field("settings", &self.settings).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;

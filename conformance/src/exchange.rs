//! The happy exchange, of which a test changes one thing.

use base64::{Engine, engine::general_purpose::STANDARD};

use crate::{
    ACCESS_TOKEN, DOCUMENTS, Reply, TOKEN_EXCHANGE, Target,
    http::{escape, form, post},
    target::Agent,
};

/// How the client authenticates (RFC 6749 §2.3).
#[derive(Clone, Debug)]
pub enum Credentials {
    /// The `Authorization: Basic` header, id and secret form-encoded first (RFC 6749 §2.3.1).
    Basic(Agent),
    /// `client_id` and `client_secret` in the body.
    Body(Agent),
    /// An `Authorization` header exactly as given.
    Header(String),
    /// No authentication at all.
    Missing,
}

/// A token exchange request under construction.
#[derive(Clone, Debug)]
#[must_use]
pub struct Exchange<'t> {
    target: &'t Target,
    endpoint: String,
    credentials: Credentials,
    pairs: Vec<(String, String)>,
}

impl<'t> Exchange<'t> {
    /// The orchestrator exchanges this access token for one for [`DOCUMENTS`].
    pub fn of(target: &'t Target, subject_token: &str) -> Self {
        let pairs = [
            ("grant_type", TOKEN_EXCHANGE),
            ("subject_token", subject_token),
            ("subject_token_type", ACCESS_TOKEN),
            ("resource", DOCUMENTS),
        ];
        Self {
            target,
            endpoint: target.token_endpoint.clone(),
            credentials: Credentials::Basic(target.agent("orchestrator").clone()),
            pairs: pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec(),
        }
    }

    /// A subject token of `alice` fresh from the identity provider, in the happy exchange.
    pub fn happy(target: &'t Target) -> Self {
        Self::of(target, &target.idp.access_token("alice").mint())
    }

    /// The same with this parameter set to this value, once.
    pub fn with(self, name: &str, value: &str) -> Self {
        self.without(name).adding(name, value)
    }

    /// The same with one more parameter, even if it is there already.
    pub fn adding(mut self, name: &str, value: &str) -> Self {
        self.pairs.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The same without this parameter.
    pub fn without(mut self, name: &str) -> Self {
        self.pairs.retain(|(present, _)| present != name);
        self
    }

    /// The same for another agent of the organization, with `Basic`.
    pub fn by(self, client_id: &str) -> Self {
        let agent = self.target.agent(client_id).clone();
        self.authenticated(Credentials::Basic(agent))
    }

    /// The same, for the next agent of the chain instead of a resource.
    pub fn for_agent(self, client_id: &str) -> Self {
        self.without("resource").with("audience", client_id)
    }

    /// The same with other credentials.
    pub fn authenticated(mut self, credentials: Credentials) -> Self {
        self.credentials = credentials;
        self
    }

    /// The same at another endpoint.
    pub fn at(mut self, endpoint: &str) -> Self {
        endpoint.clone_into(&mut self.endpoint);
        self
    }

    /// All values sent under this name.
    #[must_use]
    pub fn values(&self, name: &str) -> Vec<&str> {
        self.pairs.iter().filter(|(n, _)| n == name).map(|(_, value)| value.as_str()).collect()
    }

    /// Who asks, when the credentials name somebody.
    #[must_use]
    pub fn client_id(&self) -> Option<&str> {
        match &self.credentials {
            Credentials::Basic(agent) | Credentials::Body(agent) => Some(&agent.client_id),
            Credentials::Header(_) | Credentials::Missing => None,
        }
    }

    /// Sends the form and holds the reply to the invariants; a token is for the targets as asked.
    #[must_use]
    pub fn send(&self) -> Reply {
        let asked = [self.values("resource"), self.values("audience")].concat();
        self.send_as(&asked)
    }

    /// The same, for a request which may write the names of its targets in another way.
    #[must_use]
    pub fn send_as(&self, targets: &[&str]) -> Reply {
        let mut pairs = self.pairs.clone();
        if let Credentials::Body(agent) = &self.credentials {
            pairs.push(("client_id".to_owned(), agent.client_id.clone()));
            pairs.push(("client_secret".to_owned(), agent.client_secret.clone()));
        }
        let reply = self.send_body("application/x-www-form-urlencoded", form(&pairs).as_bytes());
        if reply.status == 200 {
            reply.granted().answers(self, targets);
        }
        reply
    }

    /// Sends these bytes instead of the form, and holds the reply to the invariants.
    #[must_use]
    pub fn send_body(&self, content_type: &str, body: &[u8]) -> Reply {
        let authorization = self.authorization();
        let headers: Vec<_> =
            authorization.iter().map(|value| ("authorization", value.as_str())).collect();
        let reply = post(&self.endpoint, content_type, &headers, body);
        reply.hold_to_invariants(self.target);
        reply
    }

    /// The form as it would be sent.
    #[must_use]
    pub fn body(&self) -> String {
        form(&self.pairs)
    }

    fn authorization(&self) -> Option<String> {
        match &self.credentials {
            Credentials::Basic(agent) => Some(basic(&agent.client_id, &agent.client_secret)),
            Credentials::Header(value) => Some(value.clone()),
            Credentials::Body(_) | Credentials::Missing => None,
        }
    }
}

/// RFC 6749 §2.3.1: id and secret are form-encoded before they are joined by a colon.
#[must_use]
pub fn basic(client_id: &str, client_secret: &str) -> String {
    basic_raw(&escape(client_id), &escape(client_secret))
}

/// The header with both parts exactly as given.
#[must_use]
pub fn basic_raw(client_id: &str, client_secret: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{client_id}:{client_secret}")))
}

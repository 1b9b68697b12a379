//! The form a client posts, with its credentials: what each endpoint's request is made of.

use base64::{Engine, engine::general_purpose::STANDARD};

use crate::{
    CLIENT_ASSERTION, Key, Reply, Statement, Target,
    http::{escape, form, post},
    target::Client,
};

/// How the client authenticates (RFC 6749 §2.3).
#[derive(Clone, Debug)]
pub enum Credentials {
    /// The `Authorization: Basic` header, id and secret form-encoded first (RFC 6749 §2.3.1).
    Basic(Client),
    /// `client_id` and `client_secret` in the body.
    Body(Client),
    /// `client_assertion`, of this client and signed with this key each time the form is sent
    /// (RFC 7523 §2.2).
    Key(String, Key),
    /// `client_assertion` exactly as given, said to be of this client.
    Assertion(String, String),
    /// `client_id` alone: what comes along in headers, or a certificate, proves it.
    Named(String),
    /// An `Authorization` header exactly as given.
    Header(String),
    /// No authentication at all.
    Missing,
}

/// RFC 6749 appendix B.
const MEDIA: &str = "application/x-www-form-urlencoded";

/// A whole request, before anything of it was sent.
#[derive(Clone, Debug)]
pub struct Request {
    pub method: String,
    pub url: String,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

/// A form under construction.
#[derive(Clone, Debug)]
#[must_use]
pub struct Form {
    endpoint: String,
    credentials: Credentials,
    accept: Option<String>,
    proofs: Vec<Proof>,
    headers: Vec<(String, String)>,
    pairs: Vec<(String, String)>,
}

/// What goes into a `DPoP` header.
#[derive(Clone, Debug)]
enum Proof {
    /// A proof for this very request, made each time the form is sent.
    Of(Box<Key>),
    Text(String),
}

impl Form {
    pub fn new(endpoint: &str, client: &Client, pairs: &[(&str, &str)]) -> Self {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        Self {
            endpoint: endpoint.to_owned(),
            credentials: Credentials::Basic(client.clone()),
            accept: None,
            proofs: Vec::new(),
            headers: Vec::new(),
            pairs: pairs.iter().map(owned).collect(),
        }
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

    /// The same with an `Accept` header.
    pub fn accepting(mut self, media_types: &str) -> Self {
        self.accept = Some(media_types.to_owned());
        self
    }

    /// The same with a proof that its sender has this key, and no other proof.
    pub fn with_key(mut self, key: &Key) -> Self {
        self.proofs = vec![Proof::Of(Box::new(key.clone()))];
        self
    }

    /// The same with one more `DPoP` header, as given.
    pub fn adding_proof(mut self, proof: &str) -> Self {
        self.proofs.push(Proof::Text(proof.to_owned()));
        self
    }

    /// The same with one more header.
    pub fn adding_header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The thumbprint of the key it will prove to have, when it is one of [`Self::with_key`].
    #[must_use]
    pub fn proves(&self) -> Option<String> {
        match self.proofs.as_slice() {
            [Proof::Of(key)] => Some(key.thumbprint()),
            _ => None,
        }
    }

    /// Whether there is any `DPoP` header.
    #[must_use]
    pub const fn has_proof(&self) -> bool {
        !self.proofs.is_empty()
    }

    /// Where it goes.
    #[must_use]
    pub fn endpoint(&self) -> &str {
        &self.endpoint
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
            Credentials::Basic(client) | Credentials::Body(client) => Some(&client.client_id),
            Credentials::Key(client_id, _)
            | Credentials::Assertion(client_id, _)
            | Credentials::Named(client_id) => Some(client_id),
            Credentials::Header(_) | Credentials::Missing => None,
        }
    }

    /// The form as it would be sent, without credentials.
    #[must_use]
    pub fn text(&self) -> String {
        form(&self.pairs)
    }

    /// Sends it, and holds the reply to what is true of every reply to a client.
    #[must_use]
    pub fn send(&self, target: &Target) -> Reply {
        self.send_body(target, MEDIA, self.body(target).as_bytes())
    }

    /// The same with these bytes instead of the form.
    #[must_use]
    pub fn send_body(&self, target: &Target, content_type: &str, body: &[u8]) -> Reply {
        let headers = self.headers();
        let headers: Vec<(&str, &str)> =
            headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let reply = post(&self.endpoint, content_type, &headers, body);
        reply.hold_to_what_every_client_is_owed(target);
        reply
    }

    /// What [`Self::send`] would send, made anew each time: proofs and assertions are good once.
    #[must_use]
    pub fn request(&self, target: &Target) -> Request {
        let mut headers = vec![("content-type".to_owned(), MEDIA.to_owned())];
        headers.extend(self.headers());
        let (url, method) = (self.endpoint.clone(), "POST".to_owned());
        Request { method, url, headers, body: self.body(target).into_bytes() }
    }

    /// With credentials, as far as these are parameters.
    fn body(&self, target: &Target) -> String {
        let mut pairs = self.pairs.clone();
        let mut add = |name: &str, value: &str| pairs.push((name.to_owned(), value.to_owned()));
        match &self.credentials {
            Credentials::Body(client) => {
                add("client_id", &client.client_id);
                add("client_secret", &client.client_secret);
            }
            Credentials::Key(client_id, key) => {
                add("client_assertion_type", CLIENT_ASSERTION);
                let assertion = Statement::of_client(client_id, key, &target.issuer);
                add("client_assertion", &assertion.text());
            }
            Credentials::Assertion(_, assertion) => {
                if self.values("client_assertion_type").is_empty() {
                    add("client_assertion_type", CLIENT_ASSERTION);
                }
                add("client_assertion", assertion);
            }
            Credentials::Named(client_id) => add("client_id", client_id),
            Credentials::Basic(_) | Credentials::Header(_) | Credentials::Missing => {}
        }
        form(&pairs)
    }

    fn headers(&self) -> Vec<(String, String)> {
        let proof = |proof: &Proof| match proof {
            Proof::Of(key) => key.proof("POST", &self.endpoint).text(),
            Proof::Text(text) => text.clone(),
        };
        let proofs = self.proofs.iter().map(proof).map(|proof| ("dpop".to_owned(), proof));
        let ours = [("authorization", self.authorization()), ("accept", self.accept.clone())];
        ours.into_iter()
            .filter_map(|(name, value)| Some((name.to_owned(), value?)))
            .chain(proofs)
            .chain(self.headers.iter().cloned())
            .collect()
    }

    fn authorization(&self) -> Option<String> {
        match &self.credentials {
            Credentials::Basic(client) => Some(basic(&client.client_id, &client.client_secret)),
            Credentials::Header(value) => Some(value.clone()),
            Credentials::Body(_)
            | Credentials::Key(..)
            | Credentials::Assertion(..)
            | Credentials::Named(_)
            | Credentials::Missing => None,
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

//! The form a client posts, with its credentials: what each endpoint's request is made of.

use base64::{Engine, engine::general_purpose::STANDARD};

use crate::{
    Reply, Target,
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
    /// An `Authorization` header exactly as given.
    Header(String),
    /// No authentication at all.
    Missing,
}

/// A form under construction.
#[derive(Clone, Debug)]
#[must_use]
pub struct Form {
    endpoint: String,
    credentials: Credentials,
    accept: Option<String>,
    pairs: Vec<(String, String)>,
}

impl Form {
    pub fn new(endpoint: &str, client: &Client, pairs: &[(&str, &str)]) -> Self {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        Self {
            endpoint: endpoint.to_owned(),
            credentials: Credentials::Basic(client.clone()),
            accept: None,
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
        let mut pairs = self.pairs.clone();
        if let Credentials::Body(client) = &self.credentials {
            pairs.push(("client_id".to_owned(), client.client_id.clone()));
            pairs.push(("client_secret".to_owned(), client.client_secret.clone()));
        }
        self.send_body(target, "application/x-www-form-urlencoded", form(&pairs).as_bytes())
    }

    /// The same with these bytes instead of the form.
    #[must_use]
    pub fn send_body(&self, target: &Target, content_type: &str, body: &[u8]) -> Reply {
        let authorization = self.authorization();
        let headers: Vec<(&str, &str)> =
            [("authorization", authorization.as_deref()), ("accept", self.accept.as_deref())]
                .into_iter()
                .filter_map(|(name, value)| value.map(|value| (name, value)))
                .collect();
        let reply = post(&self.endpoint, content_type, &headers, body);
        reply.hold_to_what_every_client_is_owed(target);
        reply
    }

    fn authorization(&self) -> Option<String> {
        match &self.credentials {
            Credentials::Basic(client) => Some(basic(&client.client_id, &client.client_secret)),
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

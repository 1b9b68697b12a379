//! What goes into the provider and what comes out of it.

use std::collections::BTreeMap;

use serde_json::Value;
use url::form_urlencoded;

/// A request, as the server around the provider received it.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    pub method: &'a str,
    /// Below the issuer, beginning with `/`; without the query.
    pub path: &'a str,
    /// Without the `?`; empty if there is none.
    pub query: &'a str,
    /// The `Authorization` header.
    pub authorization: Option<&'a str>,
    pub body: &'a [u8],
}

/// What the server around the provider is to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    Reply(Reply),
    /// Send this, but later than anybody waits.
    Slow(Reply),
    /// Close the connection without an answer.
    Down,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    pub status: u16,
    /// Lower-case names.
    pub headers: Vec<(&'static str, String)>,
    pub body: String,
}

impl Reply {
    pub(crate) fn json(status: u16, body: &Value) -> Self {
        Self::raw_json(status, body.to_string())
    }

    /// A body that says it is JSON, whether it is or not.
    pub(crate) fn raw_json(status: u16, body: String) -> Self {
        Self { status, headers: Vec::new(), body }
            .with("content-type", "application/json")
            .with("cache-control", "no-store")
    }

    pub(crate) fn html(status: u16, body: String) -> Self {
        Self { status, headers: Vec::new(), body }
            .with("content-type", "text/html; charset=utf-8")
            .with("cache-control", "no-store")
    }

    pub(crate) fn redirect(status: u16, location: &str) -> Self {
        Self { status, headers: Vec::new(), body: String::new() }
            .with("location", location)
            .with("cache-control", "no-store")
    }

    /// An OAuth error (RFC 6749 §5.2).
    pub(crate) fn oauth_error(status: u16, error: &str) -> Self {
        Self::json(status, &serde_json::json!({ "error": error }))
    }

    pub(crate) fn with(mut self, name: &'static str, value: &str) -> Self {
        self.headers.push((name, value.to_owned()));
        self
    }

    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(at, _)| *at == name).map(|(_, value)| value.as_str())
    }
}

/// The parameters of a form or query, none of which appears twice.
#[derive(Clone, Debug, Default)]
pub(crate) struct Parameters(BTreeMap<String, String>);

/// A parameter appears more than once (RFC 6749 §3.1: "MUST NOT be included more than once").
#[derive(Debug)]
pub(crate) struct Repeated;

impl Parameters {
    pub(crate) fn parse(encoded: &[u8]) -> Result<Self, Repeated> {
        let mut parameters = BTreeMap::new();
        for (name, value) in form_urlencoded::parse(encoded) {
            if parameters.insert(name.into_owned(), value.into_owned()).is_some() {
                return Err(Repeated);
            }
        }
        Ok(Self(parameters))
    }

    /// An empty value counts as none (RFC 6749 §3.1).
    pub(crate) fn value(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    pub(crate) fn into_values(self) -> impl Iterator<Item = (String, String)> {
        self.0.into_iter()
    }
}

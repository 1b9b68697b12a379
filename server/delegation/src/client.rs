//! Who is calling: credentials of a request, and what a client that proved itself is.

use std::sync::Arc;

use base64::{Engine, engine::general_purpose::STANDARD};
use keys::SecretHash;
use secrecy::{ExposeSecret, SecretString};

use crate::{
    form::{Form, Malformed, decode},
    org::{Agent, Org, Resource},
};

/// What a request carries to say who sends it (RFC 6749 §2.3.1).
#[derive(Debug)]
pub enum Credentials {
    None,
    /// `client_secret_basic`.
    Basic {
        id: String,
        secret: SecretString,
    },
    /// `client_secret_post`.
    Post {
        id: String,
        secret: SecretString,
    },
    /// A way of authentication we do not offer, or one that is broken in itself.
    Unusable,
}

impl Credentials {
    /// Reads the `Authorization` header and the body.
    ///
    /// # Errors
    ///
    /// RFC 6749 §2.3: "The client MUST NOT use more than one authentication method in each
    /// request." Repeated parameters are refused too.
    pub fn read(authorization: Option<&str>, form: &Form) -> Result<Self, Malformed> {
        let id = form.at_most_one("client_id")?;
        let secret = form.at_most_one("client_secret")?;
        let assertion = form.at_most_one("client_assertion")?;
        let ways = [authorization, secret, assertion];
        if 1 < ways.iter().filter(|way| way.is_some()).count() {
            return Err(Malformed::TwoWaysToAuthenticate);
        }
        Ok(match (authorization, id, secret) {
            (Some(header), body_id, _) => match basic(header) {
                // A `client_id` in the body must not contradict the header.
                Some((id, secret)) if body_id.is_none_or(|body_id| body_id == id) => {
                    Self::Basic { id, secret }
                }
                Some(_) | None => Self::Unusable,
            },
            (None, Some(id), Some(secret)) => {
                Self::Post { id: id.to_owned(), secret: SecretString::from(secret) }
            }
            (None, _, _) if assertion.is_some() || secret.is_some() => Self::Unusable,
            (None, _, _) => Self::None,
        })
    }

    /// The client that the request claims to come from, for the audit trail.
    #[must_use]
    pub fn claimed(&self) -> Option<&str> {
        match self {
            Self::Basic { id, .. } | Self::Post { id, .. } => Some(id),
            Self::None | Self::Unusable => None,
        }
    }
}

/// RFC 6749 §2.3.1: both halves are form-encoded before they are joined and base64-encoded.
fn basic(header: &str) -> Option<(String, SecretString)> {
    let (scheme, encoded) = header.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let joined = String::from_utf8(STANDARD.decode(encoded.trim()).ok()?).ok()?;
    let (id, secret) = joined.split_once(':')?;
    Some((decode(id).ok()?, SecretString::from(decode(secret).ok()?)))
}

/// A client that proved who it is. Only [`authenticate`] makes one:
///
/// ```compile_fail,E0451
/// fn forge(agent: std::sync::Arc<delegation::org::Agent>) -> delegation::client::AuthenticatedClient {
///     delegation::client::AuthenticatedClient { agent }
/// }
/// ```
///
/// ```
/// fn id(client: &delegation::client::AuthenticatedClient) -> &str { &client.agent().id }
/// ```
#[derive(Debug)]
#[must_use]
pub struct AuthenticatedClient {
    agent: Arc<Agent>,
}

impl AuthenticatedClient {
    #[must_use]
    pub fn agent(&self) -> &Agent {
        &self.agent
    }
}

/// Why a caller is not believed. The caller learns none of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ClientFault {
    #[error("no client authentication")]
    Missing,
    #[error("a way of client authentication that is not offered, or unreadable credentials")]
    Unusable,
    #[error("unknown client")]
    Unknown,
    #[error("wrong client secret")]
    WrongSecret,
    #[error("the client is disabled")]
    Disabled,
}

/// Believes `credentials`, or does not.
///
/// An unknown client costs as much as a wrong secret, so that time does not tell them apart.
///
/// # Errors
///
/// [`ClientFault`], for the audit trail.
pub fn authenticate(
    org: &Org,
    credentials: &Credentials,
) -> Result<AuthenticatedClient, ClientFault> {
    let (id, presented) = presented(org, credentials)?;
    agent(org.agents.get(id).ok_or(ClientFault::Unknown)?, &presented)
}

/// A resource server that proved who it is. Only [`authenticate_caller`] makes one.
#[derive(Debug)]
#[must_use]
pub struct AuthenticatedServer {
    resource: Arc<Resource>,
}

/// Who may ask about tokens: whom they are meant for.
#[derive(Debug)]
#[must_use]
pub enum Caller {
    Agent(AuthenticatedClient),
    Server(AuthenticatedServer),
}

impl Caller {
    /// Under which it authenticated.
    #[must_use]
    pub fn client_id(&self) -> &str {
        match self {
            Self::Agent(client) => &client.agent.id,
            // Whoever authenticated has one.
            Self::Server(AuthenticatedServer { resource }) => {
                resource.client_id.as_deref().unwrap_or(&resource.id)
            }
        }
    }

    /// The `aud` of tokens that are meant for it.
    #[must_use]
    pub fn audience(&self) -> &str {
        match self {
            Self::Agent(client) => &client.agent.id,
            Self::Server(server) => &server.resource.id,
        }
    }
}

/// Believes an agent or a resource server, or neither. Their client ids are one namespace.
///
/// # Errors
///
/// [`ClientFault`].
pub fn authenticate_caller(org: &Org, credentials: &Credentials) -> Result<Caller, ClientFault> {
    let (id, presented) = presented(org, credentials)?;
    match (org.agents.get(id), org.servers.get(id)) {
        (Some(known), _) => agent(known, &presented).map(Caller::Agent),
        (None, Some(resource)) => {
            is_one_of(&resource.secrets, &presented)?;
            Ok(Caller::Server(AuthenticatedServer { resource: Arc::clone(resource) }))
        }
        (None, None) => Err(ClientFault::Unknown),
    }
}

/// The claimed id, and the hash of what is to prove it: made before anybody is looked for.
fn presented<'a>(
    org: &Org,
    credentials: &'a Credentials,
) -> Result<(&'a str, SecretHash), ClientFault> {
    match credentials {
        Credentials::Basic { id, secret } | Credentials::Post { id, secret } => {
            Ok((id, org.master.hash_secret(secret.expose_secret())))
        }
        Credentials::None => Err(ClientFault::Missing),
        Credentials::Unusable => Err(ClientFault::Unusable),
    }
}

fn agent(agent: &Arc<Agent>, presented: &SecretHash) -> Result<AuthenticatedClient, ClientFault> {
    is_one_of(&agent.secrets, presented)?;
    if agent.disabled {
        return Err(ClientFault::Disabled);
    }
    Ok(AuthenticatedClient { agent: Arc::clone(agent) })
}

/// No early exit: which of several secrets matched must not show either.
fn is_one_of(secrets: &[SecretHash], presented: &SecretHash) -> Result<(), ClientFault> {
    let matched = secrets.iter().fold(false, |any, stored| stored.matches(presented) | any);
    matched.then_some(()).ok_or(ClientFault::WrongSecret)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(authorization: Option<&str>, body: &str) -> Result<Credentials, Malformed> {
        Credentials::read(authorization, &Form::parse(body.as_bytes())?)
    }

    #[test]
    fn reads_form_encoded_basic_credentials() {
        let header = format!("Basic {}", STANDARD.encode("a%3Ab:p%2Bq%25+r"));
        let read = read(Some(&header), "client_id=a:b").unwrap();
        let Credentials::Basic { id, secret } = read else { panic!("{read:?}") };
        assert_eq!((id.as_str(), secret.expose_secret()), ("a:b", "p+q% r"));
    }

    #[test]
    fn refuses_two_ways_at_once() {
        let header = format!("Basic {}", STANDARD.encode("a:b"));
        for (authorization, body) in [
            (Some(header.as_str()), "client_id=a&client_secret=b"),
            (Some(header.as_str()), "client_assertion=x"),
            (None, "client_id=a&client_secret=b&client_assertion=x"),
        ] {
            let refused = read(authorization, body).unwrap_err();
            assert_eq!(refused, Malformed::TwoWaysToAuthenticate, "{body}");
        }
    }

    #[test]
    fn does_not_use_broken_credentials() {
        for header in ["Basic", "Basic !", "Bearer x", "Basic YQ=="] {
            assert!(matches!(read(Some(header), ""), Ok(Credentials::Unusable)), "{header}");
        }
        let header = format!("Basic {}", STANDARD.encode("a:b"));
        assert!(matches!(read(Some(&header), "client_id=c"), Ok(Credentials::Unusable)));
        assert!(matches!(read(None, "client_secret=c"), Ok(Credentials::Unusable)));
        assert!(matches!(read(None, "client_id=c"), Ok(Credentials::None)));
    }
}

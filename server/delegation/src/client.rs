//! Who is calling: credentials of a request, and what a client that proved itself is.

use std::sync::Arc;

use base64::{Engine, engine::general_purpose::STANDARD};
use secrecy::{ExposeSecret, SecretString};

use crate::{
    form::{Form, Malformed, decode},
    org::{Agent, Org},
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
    let (id, secret) = match credentials {
        Credentials::Basic { id, secret } | Credentials::Post { id, secret } => (id, secret),
        Credentials::None => return Err(ClientFault::Missing),
        Credentials::Unusable => return Err(ClientFault::Unusable),
    };
    let presented = org.master.hash_secret(secret.expose_secret());
    let agent = org.agents.get(id).ok_or(ClientFault::Unknown)?;
    // No early exit: which of several secrets matched must not show either.
    let matched = agent.secrets.iter().fold(false, |any, stored| stored.matches(&presented) | any);
    if !matched {
        return Err(ClientFault::WrongSecret);
    }
    if agent.disabled {
        return Err(ClientFault::Disabled);
    }
    Ok(AuthenticatedClient { agent: Arc::clone(agent) })
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

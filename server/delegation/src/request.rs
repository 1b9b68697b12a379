//! What arrives at the token endpoint, made well formed ([RFC 6749 §3.2], [RFC 8693 §2.1]).
//!
//! [RFC 6749 §3.2]: https://www.rfc-editor.org/rfc/rfc6749#section-3.2
//! [RFC 8693 §2.1]: https://www.rfc-editor.org/rfc/rfc8693#section-2.1

mod assertion;
mod product;

use policy::{Product, Scope};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value};

use crate::{
    declared::GrantType,
    form::{Form, Malformed},
};

/// Where these arrive, below the issuer.
pub const TOKEN_ENDPOINT: &str = "/oauth/token";
/// The grant type of RFC 8693 §2.1.
pub const TOKEN_EXCHANGE: &str = GrantType::TokenExchange.uri();
/// RFC 8693 §3: "Indicates that the token is an OAuth 2.0 access token".
pub const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";
const ID_TOKEN: &str = "urn:ietf:params:oauth:token-type:id_token";
const JWT: &str = "urn:ietf:params:oauth:token-type:jwt";
const ID_JAG: &str = "urn:ietf:params:oauth:token-type:id-jag";
const TRANSACTION_TOKEN: &str = "urn:ietf:params:oauth:token-type:txn_token";

/// Larger tokens do not fit into common header limits, so nobody can have been handed one.
const LONGEST_TOKEN: usize = 16 * 1024;
const LONGEST_TARGET: usize = 2048;

/// One request, one grant: fields of another grant do not exist here.
#[derive(Debug)]
pub enum TokenRequest {
    /// On a subject: RFC 8693, or with an assertion for a grant (RFC 7523 §2.1).
    Exchange(Box<ExchangeRequest>),
    /// RFC 6749 §4.4
    ClientCredentials(OwnRequest),
}

/// A client asks for itself (RFC 6749 §4.4.2, RFC 8707 §2).
#[derive(Debug)]
pub struct OwnRequest {
    pub target: Option<Target>,
    pub scope: Option<Scope>,
}

/// The parameters of RFC 8693 §2.1, each present at most once and well formed.
#[derive(Debug)]
pub struct ExchangeRequest {
    pub via: Via,
    /// What the new token is to be.
    pub product: Product,
    pub subject: PresentedToken,
    pub actor: Option<PresentedToken>,
    /// What `resource` and `audience` name; one target a token.
    pub target: Option<Target>,
    pub scope: Option<Scope>,
    pub details: Details,
}

/// What some products say besides whom and what they are for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Details {
    /// Of an ID-JAG: what it is to be used for at the authorization server it is for.
    pub resource: Option<String>,
    /// Of a transaction token: `request_details`, its `tctx`.
    pub transaction: Option<Map<String, Value>>,
    /// Of a transaction token: `request_context`, its `rctx`.
    pub context: Option<Map<String, Value>>,
}

/// By which of the ways to the one door.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Via {
    /// RFC 8693
    Exchange,
    /// RFC 7523 §2.1
    JwtBearer,
    /// Microsoft's on-behalf-of flow, which has the parameters of RFC 7523 and the meaning of RFC 8693.
    OnBehalfOf,
}

impl Via {
    /// The grant type whose rules errors follow, and which the client must be registered for: whoever
    /// may exchange may do so by another name.
    #[must_use]
    pub const fn grant(self) -> GrantType {
        match self {
            Self::Exchange => GrantType::TokenExchange,
            Self::JwtBearer | Self::OnBehalfOf => GrantType::JwtBearer,
        }
    }

    /// What the client must be registered for.
    #[must_use]
    pub const fn needs(self) -> GrantType {
        match self {
            Self::Exchange | Self::OnBehalfOf => GrantType::TokenExchange,
            Self::JwtBearer => GrantType::JwtBearer,
        }
    }
}

/// A token and what the client says it is.
#[derive(Debug)]
pub struct PresentedToken {
    pub token: SecretString,
    pub declared: DeclaredType,
}

impl PresentedToken {
    #[must_use]
    pub fn compact(&self) -> &str {
        self.token.expose_secret()
    }
}

/// The token type identifiers (RFC 8693 §3) that can be presented.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeclaredType {
    AccessToken,
    IdToken,
    /// Any JWT: what it is, it says itself.
    Jwt,
    /// An authorization grant (RFC 7523 §2.1): an assertion, and nothing else.
    Assertion,
}

/// Where the issued token is to be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// An absolute URI without a fragment (RFC 8707 §2), in canonical form.
    Resource(String),
    /// A logical name (RFC 8693 §2.1).
    Audience(String),
}

impl Target {
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Resource(name) | Self::Audience(name) => name,
        }
    }
}

impl TokenRequest {
    /// Reads the parameters of the one grant that `grant_type` names.
    ///
    /// # Errors
    ///
    /// The first parameter that is missing, repeated or not valid.
    pub fn parse(form: &Form) -> Result<Self, Malformed> {
        let named = form.one("grant_type")?;
        match GrantType::ALL.into_iter().find(|grant| grant.uri() == named) {
            Some(GrantType::TokenExchange) => {
                Ok(Self::Exchange(Box::new(ExchangeRequest::parse(form)?)))
            }
            Some(GrantType::JwtBearer) => Ok(Self::Exchange(Box::new(assertion::parse(form)?))),
            Some(GrantType::ClientCredentials) => Ok(Self::ClientCredentials(OwnRequest {
                target: target(form)?,
                scope: scope(form)?,
            })),
            None => Err(Malformed::UnsupportedGrant),
        }
    }

    /// What `grant_type` names, for the audit trail and for errors.
    #[must_use]
    pub fn grant(form: &Form) -> Option<GrantType> {
        let named = form.one("grant_type").ok()?;
        GrantType::ALL.into_iter().find(|grant| grant.uri() == named)
    }

    /// What the client must be registered for.
    #[must_use]
    pub const fn needs(&self) -> GrantType {
        match self {
            Self::Exchange(request) => request.via.needs(),
            Self::ClientCredentials(_) => GrantType::ClientCredentials,
        }
    }
}

impl ExchangeRequest {
    fn parse(form: &Form) -> Result<Self, Malformed> {
        let subject = token(form, "subject_token", "subject_token_type")?;
        let actor = match form.at_most_one("actor_token")? {
            Some(_) => Some(token(form, "actor_token", "actor_token_type")?),
            // RFC 8693 §2.1: "MUST NOT be included if the actor_token parameter is not present".
            None if form.at_most_one("actor_token_type")?.is_some() => {
                return Err(Malformed::Alone("actor_token_type", "actor_token"));
            }
            None => None,
        };
        let scope = scope(form)?;
        let (product, target, details) = product::parse(form)?;
        Ok(Self { via: Via::Exchange, product, subject, actor, target, scope, details })
    }
}

/// The identifier of what is issued (RFC 8693 §3).
#[must_use]
pub const fn token_type(product: Product) -> &'static str {
    match product {
        Product::AccessToken => ACCESS_TOKEN,
        Product::IdJag => ID_JAG,
        Product::JwtGrant => JWT,
        Product::TransactionToken => TRANSACTION_TOKEN,
    }
}

fn scope(form: &Form) -> Result<Option<Scope>, Malformed> {
    let text = form.at_most_one("scope")?;
    text.map(Scope::parse).transpose().map_err(|_| Malformed::Scope)
}

fn token(form: &Form, name: &'static str, kind: &'static str) -> Result<PresentedToken, Malformed> {
    let token = form.one(name)?;
    if LONGEST_TOKEN < token.len() {
        return Err(Malformed::TooLong(name));
    }
    let declared = match form.one(kind)? {
        ACCESS_TOKEN => DeclaredType::AccessToken,
        ID_TOKEN => DeclaredType::IdToken,
        JWT => DeclaredType::Jwt,
        _ => return Err(Malformed::Unsupported(kind)),
    };
    Ok(PresentedToken { token: SecretString::from(token), declared })
}

/// Several targets in one token would multiply its scopes (RFC 8693 §2.1.1: the cartesian product),
/// so a request may name one only, as often as it likes.
fn target(form: &Form) -> Result<Option<Target>, Malformed> {
    let mut found: Option<Target> = None;
    let resources = form.many("resource").map(|text| canonical(text).map(Target::Resource));
    let audiences = form.many("audience").map(|text| {
        if text.len() <= LONGEST_TARGET {
            Ok(Target::Audience(text.to_owned()))
        } else {
            Err(Malformed::Target)
        }
    });
    for named in resources.chain(audiences) {
        let named = named?;
        match &found {
            None => found = Some(named),
            Some(first) if first.name() == named.name() => {}
            Some(_) => return Err(Malformed::SeveralTargets),
        }
    }
    Ok(found)
}

/// RFC 8707 §2: "MUST be an absolute URI", "MUST NOT include a fragment component".
///
/// Scheme and host in lower case, no default port, no lone trailing slash; the rest as it came.
fn canonical(text: &str) -> Result<String, Malformed> {
    if LONGEST_TARGET < text.len() {
        return Err(Malformed::Target);
    }
    let url = url::Url::parse(text).map_err(|_| Malformed::Target)?;
    if url.fragment().is_some() {
        return Err(Malformed::Target);
    }
    let lone_slash = url.path() == "/" && url.query().is_none();
    let canonical = url.as_str();
    Ok(if lone_slash { canonical.trim_end_matches('/') } else { canonical }.to_owned())
}

/// The canonical form of a resource's id, none when it is a logical name.
#[must_use]
pub fn canonical_resource(id: &str) -> Option<String> {
    canonical(id).ok()
}

#[cfg(test)]
mod tests;

use std::fmt;

use keys::Registered;
use serde::{Deserialize, Deserializer};

use crate::Rejection;

/// Who calls, and what they may: a token of which everything was checked.
///
/// Evidence: only [`Verifier::verify`](crate::Verifier::verify) makes one.
///
/// ```compile_fail,E0451
/// fn forge(text: String) -> actas_verifier::Actor {
///     actas_verifier::Actor { id: text, issuer: None }
/// }
/// ```
///
/// ```
/// fn name(actor: &actas_verifier::Actor) -> &str {
///     actor.id()
/// }
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct Verified {
    registered: Registered,
    client_id: String,
    org: Option<String>,
    scope: String,
    chain: Vec<Actor>,
    possession: Possession,
    authenticated_at: Option<i64>,
    acr: Option<String>,
    amr: Vec<String>,
}

/// One who acts (RFC 8693 §4.1).
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Actor {
    id: String,
    issuer: Option<String>,
}

impl Actor {
    /// `sub`, as in `agent:researcher`.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// `iss`: at whom the actor is known by that name.
    #[must_use]
    pub fn issuer(&self) -> Option<&str> {
        self.issuer.as_deref()
    }
}

/// What the sender has proved to have (RFC 7800 §3.1).
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub enum Possession {
    /// Nothing but the token.
    Bearer,
    /// The key of this thumbprint (`jkt`).
    Key(String),
    /// The certificate of this thumbprint (`x5t#S256`).
    Certificate(String),
}

impl Verified {
    pub(crate) fn new(registered: Registered, claims: Claims, possession: Possession) -> Self {
        let Claims { client_id, org_id: org, scope, act, auth_time, acr, amr, .. } = claims;
        let chain = act.map(Act::chain).unwrap_or_default();
        let authenticated_at = auth_time;
        Self { registered, client_id, org, scope, chain, possession, authenticated_at, acr, amr }
    }

    /// The user, or whoever else it is about; a service account acts for itself.
    #[must_use]
    pub fn subject(&self) -> &str {
        &self.registered.subject
    }

    /// Who acts now: the outermost `act`. None when the subject acts itself.
    #[must_use]
    pub fn actor(&self) -> Option<&Actor> {
        self.chain.first()
    }

    /// Who acts now, and who asked them to, latest first. To show and to record; never decide on the
    /// second and further (RFC 8693 §4.1).
    #[must_use]
    pub fn chain(&self) -> &[Actor] {
        &self.chain
    }

    /// The client the token was issued to.
    #[must_use]
    pub fn client_id(&self) -> &str {
        &self.client_id
    }

    /// `org_id`: the organization at the issuer.
    #[must_use]
    pub fn org(&self) -> Option<&str> {
        self.org.as_deref()
    }

    /// All scopes, in no order.
    pub fn scope(&self) -> impl Iterator<Item = &str> {
        self.scope.split(' ').filter(|scope| !scope.is_empty())
    }

    /// Whether this scope is among them.
    #[must_use]
    pub fn has(&self, scope: &str) -> bool {
        self.scope().any(|one| one == scope)
    }

    /// Itself, if it has all of `needed`.
    ///
    /// # Errors
    ///
    /// [`Rejection::Scope`] with all that is needed, whatever of it is there (RFC 6750 §3.1).
    pub fn allowed(self, needed: &[&str]) -> Result<Self, Rejection> {
        if needed.iter().all(|scope| self.has(scope)) {
            Ok(self)
        } else {
            Err(Rejection::Scope(needed.join(" ")))
        }
    }

    /// What the sender has proved to have besides the token.
    #[must_use]
    pub fn possession(&self) -> &Possession {
        &self.possession
    }

    /// `jti`: what the token is called in the issuer's audit trail, and should be in yours.
    #[must_use]
    pub fn id(&self) -> Option<&str> {
        self.registered.id.as_deref()
    }

    /// `iat`, seconds since the Unix epoch.
    #[must_use]
    pub fn issued_at(&self) -> i64 {
        self.registered.issued_at
    }

    /// `exp`, seconds since the Unix epoch.
    #[must_use]
    pub fn expires_at(&self) -> i64 {
        self.registered.expires_at
    }

    /// `auth_time`: when the user has last authenticated, seconds since the Unix epoch.
    #[must_use]
    pub fn authenticated_at(&self) -> Option<i64> {
        self.authenticated_at
    }

    /// `acr`: how well (RFC 9470).
    #[must_use]
    pub fn acr(&self) -> Option<&str> {
        self.acr.as_deref()
    }

    /// `amr`: by what (RFC 8176).
    #[must_use]
    pub fn amr(&self) -> &[String] {
        &self.amr
    }
}

/// "agent:researcher, asked by agent:orchestrator, acts for alice".
impl fmt::Display for Verified {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.chain.as_slice() {
            [] => write!(f, "{} acts", self.subject()),
            [one] => write!(f, "{} acts for {}", one.id, self.subject()),
            [first, rest @ ..] => {
                f.write_str(&first.id)?;
                for actor in rest {
                    write!(f, ", asked by {}", actor.id)?;
                }
                write!(f, ", acts for {}", self.subject())
            }
        }
    }
}

/// What a token says besides its registered claims (RFC 9068 §2.2). A wrong type refuses the token; it
/// never makes a claim absent.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Claims {
    client_id: String,
    #[serde(default, deserialize_with = "given")]
    org_id: Option<String>,
    #[serde(default)]
    scope: String,
    #[serde(default, deserialize_with = "given")]
    act: Option<Act>,
    #[serde(default, deserialize_with = "given")]
    pub(crate) cnf: Option<Cnf>,
    #[serde(default, deserialize_with = "given")]
    pub(crate) status: Option<Status>,
    #[serde(default, deserialize_with = "given")]
    auth_time: Option<i64>,
    #[serde(default, deserialize_with = "given")]
    acr: Option<String>,
    #[serde(default)]
    amr: Vec<String>,
}

/// RFC 7800 §3.1: the one key a token is bound to. Bound in a way we do not know, it is refused.
#[derive(Clone, Debug, Deserialize)]
pub(crate) enum Cnf {
    /// RFC 9449 §6.1
    #[serde(rename = "jkt")]
    Key(String),
    /// RFC 8705 §3.1
    #[serde(rename = "x5t#S256")]
    Certificate(String),
}

/// draft-ietf-oauth-status-list-20 §6.2
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Status {
    pub(crate) status_list: Place,
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Place {
    pub(crate) idx: u64,
    pub(crate) uri: String,
}

#[derive(Clone, Debug, Deserialize)]
struct Act {
    sub: String,
    #[serde(default, deserialize_with = "given")]
    iss: Option<String>,
    #[serde(default, deserialize_with = "given")]
    act: Option<Box<Act>>,
}

impl Act {
    fn chain(self) -> Vec<Actor> {
        let mut chain = Vec::new();
        let mut next = Some(Box::new(self));
        while let Some(act) = next {
            let Self { sub: id, iss: issuer, act } = *act;
            chain.push(Actor { id, issuer });
            next = act;
        }
        chain
    }
}

/// `null` is no way to leave a claim out.
fn given<'de, D: Deserializer<'de>, T: Deserialize<'de>>(json: D) -> Result<Option<T>, D::Error> {
    T::deserialize(json).map(Some)
}

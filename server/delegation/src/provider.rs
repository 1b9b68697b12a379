//! What identity providers say of their users, in our words: in a token, in an assertion, or when they
//! are asked about a token that says nothing itself.

mod assertion;
mod mapping;
mod token;

use policy::{ActorChain, MayAct, Party, SubjectFacts, SubjectKind, Timestamp};
use serde_json::Value;

pub(crate) use self::{
    assertion::assertion,
    mapping::{groups, mapped},
    token::{is_opaque, opaque, token},
};
use crate::{
    claims::{Act, Cnf, ProviderClaims},
    names::{Kind, Names},
    org::{Connection, Org},
    ports::{Hints, Once},
    subject::TokenRefusal,
};

/// What a provider said, as what it was verified.
#[derive(Debug)]
#[must_use]
pub(crate) struct Said {
    pub kind: SubjectKind,
    subject: String,
    audience: Vec<String>,
    /// The client it is for.
    client: Option<String>,
    expires_at: Timestamp,
    issued_at: Option<i64>,
    id: Option<String>,
    /// What must not be said twice.
    pub once: Option<Once>,
    claims: ProviderClaims,
}

impl Said {
    /// The resources it is for, as an ID-JAG names them; none when it does not limit that.
    pub(crate) fn resources(&self) -> Result<Option<Vec<String>>, TokenRefusal> {
        match self.kind {
            SubjectKind::Assertion => Ok(self.claims.texts("resource")?),
            SubjectKind::Own
            | SubjectKind::AccessToken
            | SubjectKind::IdToken
            | SubjectKind::Itself => Ok(None),
        }
    }

    /// The groups of the user, where what they mean here is declared.
    pub(crate) fn groups(&self, connection: &Connection) -> Result<Vec<String>, TokenRefusal> {
        Ok(groups(&connection.tokens, &self.claims)?)
    }
}

/// Tokens of a connection may be for some agents only.
fn taken_of(connection: &Connection, agent: &str) -> Result<(), TokenRefusal> {
    let clients = &connection.tokens.clients;
    let is_taken = clients.is_empty() || clients.iter().any(|client| client == agent);
    if is_taken { Ok(()) } else { Err(TokenRefusal::ClientNotTaken) }
}

/// Whose requests these are is nobody's secret; what they say is believed of who signed it.
pub(crate) fn facts(
    org: &Org,
    connection: &Connection,
    said: &Said,
) -> Result<SubjectFacts, TokenRefusal> {
    let claims = &said.claims;
    let may_act =
        claims.may_act.as_ref().map(|may| MayAct { issuer: may.iss.clone(), id: may.sub.clone() });
    let bound_to = claims.cnf.as_ref().map(|cnf| serde_json::from_value::<Cnf>(cnf.clone()));
    // keycloak#50963: a token that was bound in a way nobody looked at became a bearer token.
    let bound_to = bound_to.transpose().map_err(|_| TokenRefusal::Bound)?;
    Ok(SubjectFacts {
        kind: said.kind,
        org: org.id.clone(),
        user: Party { issuer: connection.issuer.clone(), id: said.subject.clone() },
        sub: name_of_user(org, connection, &said.subject)?,
        scope: claims.scope()?,
        audience: said.audience.clone(),
        presented_as: said.client.clone(),
        chain: chain(org, connection, claims.act.as_ref())?,
        may_act,
        bound_to: bound_to.map(Cnf::confirmation),
        expires_at: said.expires_at,
        signed_in_at: claims.auth_time.or(said.issued_at).map(Timestamp),
        auth_time: claims.auth_time.map(Timestamp),
        acr: claims.acr.clone(),
        amr: claims.amr.clone(),
    })
}

/// Who acted before, where the provider is believed about it. Dropping what it says would launder a
/// delegation, and believing anybody would let others splice chains.
fn chain(
    org: &Org,
    connection: &Connection,
    act: Option<&Value>,
) -> Result<ActorChain, TokenRefusal> {
    let Some(act) = act else { return Ok(ActorChain::none()) };
    if !connection.tokens.believes_act {
        return Err(TokenRefusal::ForeignChain);
    }
    let act: Act = keys::object(act.clone()).map_err(|_| TokenRefusal::Chain)?;
    let chain = act.chain(&connection.issuer).map_err(|_| TokenRefusal::Chain)?;
    let is_name = |name: &str| {
        !name.is_empty() && name.len() <= Names::LONGEST && !name.contains(char::is_control)
    };
    if chain.parties().iter().any(|party| !is_name(&party.issuer) || !is_name(&party.id)) {
        return Err(TokenRefusal::Chain);
    }
    // What our agents did, we have written ourselves, and nobody else can know it.
    if chain.parties().iter().any(|party| party.issuer == org.issuer) {
        return Err(TokenRefusal::ForeignChain);
    }
    Ok(chain)
}

/// What is said of the user besides: for providers that know users by other names.
pub(crate) fn hints(said: &Said) -> Hints {
    let claims = &said.claims;
    Hints {
        directory_id: claims.oid.clone().or_else(|| claims.uid.clone()),
        session: claims.sid.clone(),
        // A mail address nobody verified is whatever its owner typed: it names nobody.
        email: claims.email.clone().filter(|_| {
            claims.email_verified.as_ref().is_none_or(|verified| verified == &Value::Bool(true))
        }),
        device: claims.deviceid.clone().or_else(|| claims.device_id.clone()),
        token_id: said.id.clone(),
        signed_in_at: claims.auth_time.or(said.issued_at),
    }
}

/// The names by which signals may mean the token's user, or the token.
pub(crate) fn names(user: &str, hints: &Hints) -> Names {
    Names::default()
        .with(Kind::Subject, Some(user))
        .with(Kind::Directory, hints.directory_id.as_deref())
        .with(Kind::Email, hints.email.as_deref())
        .with(Kind::Session, hints.session.as_deref())
        .with(Kind::Device, hints.device.as_deref())
        .with(Kind::Token, hints.token_id.as_deref())
}

/// The user's `sub` in our tokens: the provider's own, after the connection's prefix.
fn name_of_user(org: &Org, connection: &Connection, sub: &str) -> Result<String, TokenRefusal> {
    let name = format!("{}{sub}", connection.subject_prefix);
    // Without a prefix of its own, a user could be named like one of another connection.
    let taken = |other: &Connection| {
        other.id != connection.id
            && !other.subject_prefix.is_empty()
            && name.starts_with(&other.subject_prefix)
    };
    let is_clients = name.starts_with("agent:") || name.starts_with("service:");
    // The grants of everybody are kept under that name.
    if sub == "*" || is_clients || org.connections.iter().any(taken) {
        return Err(TokenRefusal::AmbiguousUser);
    }
    Ok(name)
}

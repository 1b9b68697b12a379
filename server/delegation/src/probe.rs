//! Readers that are private here, opened for whoever looks for input that breaks them (`server/fuzz`).
//! What they return is no evidence of anything: nothing was verified.

use keys::Object;
use policy::{ActorChain, Confirmation, Scope};

use crate::claims::{Act, Cnf, OwnClaims, ProviderClaims};

/// An `act` claim (RFC 8693 §4.1): its chain, and the claim as it is written again.
#[must_use]
pub fn act(json: &[u8], issuer: &str) -> Option<(ActorChain, String)> {
    let Object(act): Object<Act> = serde_json::from_slice(json).ok()?;
    let chain = act.chain(issuer).ok()?;
    let written = serde_json::to_string(&Act::of(&chain)?).ok()?;
    Some((chain, written))
}

/// What the claims of a provider's token say, once they are of the types they must have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Says {
    /// None: two spellings of it contradict each other, or it is no scope.
    pub scope: Option<Option<Scope>>,
    /// None: two claims name two clients.
    pub issued_to: Option<Option<String>>,
    pub looks_like_an_id_token: bool,
    pub looks_like_an_access_token: bool,
}

/// The claims of a provider's token.
#[must_use]
pub fn provider_claims(json: &[u8]) -> Option<Says> {
    let Object(claims): Object<ProviderClaims> = serde_json::from_slice(json).ok()?;
    Some(Says {
        scope: claims.scope().ok(),
        issued_to: claims.issued_to().ok().map(|client| client.map(str::to_owned)),
        looks_like_an_id_token: claims.looks_like_an_id_token(),
        looks_like_an_access_token: claims.looks_like_an_access_token(),
    })
}

/// What one of our own tokens says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnSays {
    pub org: String,
    pub client: String,
    /// None: it is no scope.
    pub scope: Option<Scope>,
    /// None: nobody acts for anybody, or the chain is none.
    pub chain: Option<ActorChain>,
    /// How it is bound.
    pub bound_to: Option<Confirmation>,
}

/// The claims of one of our own tokens, issued by `issuer`.
#[must_use]
pub fn own_claims(json: &[u8], issuer: &str) -> Option<OwnSays> {
    let Object(claims): Object<OwnClaims> = serde_json::from_slice(json).ok()?;
    Some(OwnSays {
        scope: Scope::parse(&claims.scope).ok(),
        chain: claims.act.and_then(|act| act.chain(issuer).ok()),
        bound_to: claims.cnf.map(Cnf::confirmation),
        org: claims.org_id,
        client: claims.client_id,
    })
}

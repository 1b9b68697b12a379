//! The claims we read from subject and actor tokens, and those we write.
//!
//! Registered claims (`iss`, `sub`, `aud`, `exp`, `iat`, `nbf`, `jti`) are checked by `keys`; here
//! stands what delegation adds. Every member is typed: a wrong type refuses the token, it never
//! makes a claim "absent".

use policy::{ActorChain, ChainError, Party};
use serde::{Deserialize, Deserializer, Serialize, de::IgnoredAny};

/// RFC 8693 §4.1. Only the members that identify are kept.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
pub(crate) struct Act {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub iss: Option<String>,
    pub sub: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub act: Option<Box<Act>>,
}

impl Act {
    /// The chain, outermost first. Our own tokens always name the issuer of each actor.
    pub(crate) fn chain(self) -> Result<ActorChain, ChainError> {
        let mut parties = Vec::new();
        let mut next = Some(Box::new(self));
        while let Some(act) = next {
            let issuer = act.iss.unwrap_or_default();
            parties.push(Party { issuer, id: act.sub });
            next = act.act;
        }
        ActorChain::from_parties(parties)
    }

    /// RFC 8693 §4.1: the current actor is outermost, the least recent most deeply nested.
    pub(crate) fn of(chain: &ActorChain) -> Option<Self> {
        chain.parties().iter().rev().fold(None, |inner, party| {
            let (iss, sub) = (Some(party.issuer.clone()), party.id.clone());
            Some(Self { iss, sub, act: inner.map(Box::new) })
        })
    }
}

/// RFC 8693 §4.4.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct MayAct {
    #[serde(default)]
    pub iss: Option<String>,
    pub sub: String,
}

/// What one of our own access tokens says (RFC 9068 §2.2, RFC 8693 §4).
#[derive(Debug, Deserialize)]
pub(crate) struct OwnClaims {
    pub client_id: String,
    pub scope: String,
    pub org_id: String,
    pub act: Act,
    #[serde(default)]
    pub auth_time: Option<i64>,
    #[serde(default)]
    pub acr: Option<String>,
    #[serde(default)]
    pub amr: Vec<String>,
}

/// What an identity provider's token says, access token or ID token.
#[derive(Debug, Deserialize)]
pub(crate) struct ProviderClaims {
    #[serde(default)]
    pub client_id: Option<String>,
    #[serde(default)]
    pub azp: Option<String>,
    #[serde(default)]
    pub scope: Option<String>,
    /// How some providers spell `scope`: a string (Entra) or a list (Okta).
    #[serde(default)]
    pub scp: Option<Scp>,
    #[serde(default)]
    pub may_act: Option<MayAct>,
    #[serde(default)]
    pub act: Present,
    /// A key the token is bound to (RFC 7800 §3.1).
    #[serde(default)]
    pub cnf: Present,
    /// Logout tokens and security events carry it (RFC 8417 §2.2); tokens of users never do.
    #[serde(default)]
    pub events: Present,
    /// These mark ID tokens (OIDC Core §2, §3.3.2.11).
    #[serde(default)]
    pub nonce: Present,
    #[serde(default)]
    pub at_hash: Present,
    #[serde(default)]
    pub c_hash: Present,
    #[serde(default)]
    pub auth_time: Option<i64>,
    #[serde(default)]
    pub acr: Option<String>,
    #[serde(default)]
    pub amr: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(crate) enum Scp {
    Text(String),
    List(Vec<String>),
}

impl ProviderClaims {
    /// The scope in one spelling.
    pub(crate) fn scope_text(&self) -> Option<String> {
        match (&self.scope, &self.scp) {
            (Some(text), _) | (None, Some(Scp::Text(text))) => Some(text.clone()),
            (None, Some(Scp::List(list))) => Some(list.join(" ")),
            (None, None) => None,
        }
    }

    pub(crate) fn looks_like_an_id_token(&self) -> bool {
        self.nonce.0 || self.at_hash.0 || self.c_hash.0
    }

    pub(crate) fn looks_like_an_access_token(&self) -> bool {
        self.scope.is_some() || self.scp.is_some() || self.client_id.is_some()
    }
}

/// Whether a claim is there at all, whatever it holds: `null` is there too.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Present(pub bool);

impl<'de> Deserialize<'de> for Present {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        IgnoredAny::deserialize(deserializer).map(|_| Self(true))
    }
}

/// What we sign (RFC 9068 §2.2, RFC 8693 §4). Nothing of the subject token is copied but the facts
/// of the user's authentication.
#[derive(Debug, Serialize)]
pub(crate) struct AccessClaims<'a> {
    pub iss: &'a str,
    pub sub: &'a str,
    pub aud: &'a str,
    pub client_id: &'a str,
    pub iat: i64,
    pub exp: i64,
    pub jti: String,
    pub scope: &'a str,
    pub org_id: &'a str,
    pub act: Act,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auth_time: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub acr: Option<&'a str>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    pub amr: &'a [String],
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nests_the_current_actor_outermost_and_reads_itself_back() {
        let parties = ["c", "b", "a"].map(|id| Party { issuer: "i".into(), id: id.into() });
        let chain = ActorChain::from_parties(parties.to_vec()).unwrap();
        let act = Act::of(&chain).unwrap();
        let json = serde_json::to_string(&act).unwrap();
        assert_eq!(
            json,
            r#"{"iss":"i","sub":"c","act":{"iss":"i","sub":"b","act":{"iss":"i","sub":"a"}}}"#
        );
        assert_eq!(serde_json::from_str::<Act>(&json).unwrap().chain().unwrap(), chain);
    }

    #[test]
    fn sees_a_claim_that_is_null() {
        let claims: ProviderClaims = serde_json::from_str(r#"{"act":null}"#).unwrap();
        assert!(claims.act.0);
        assert!(!claims.events.0);
    }

    #[test]
    fn refuses_claims_of_another_type() {
        for json in [r#"{"scope":["a"]}"#, r#"{"auth_time":"1"}"#, r#"{"may_act":[]}"#] {
            assert!(serde_json::from_str::<ProviderClaims>(json).is_err(), "{json}");
        }
    }
}

//! The claims we read from subject and actor tokens, and those we write.
//!
//! Registered claims (`iss`, `sub`, `aud`, `exp`, `iat`, `nbf`, `jti`) are checked by `keys`; here
//! stands what delegation adds. Every member is typed: a wrong type refuses the token, it never
//! makes a claim "absent".

use keys::TokenFault;
use policy::{ActorChain, ChainError, Confirmation, Party, Scope};
use serde::{Deserialize, Deserializer, Serialize, de::IgnoredAny};
use serde_json::{Map, Value};

use crate::status::{self, StatusIndex};

/// RFC 8693 §4.1. Only the members that identify are kept.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
pub(crate) struct Act {
    #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    pub iss: Option<String>,
    pub sub: String,
    #[serde(default, deserialize_with = "object", skip_serializing_if = "Option::is_none")]
    pub act: Option<Box<Act>>,
}

impl Act {
    /// The chain, outermost first. An actor without an issuer is one of whoever signed the token,
    /// `issuer` (RFC 8693 §4.1); our own tokens always name it.
    pub(crate) fn chain(self, issuer: &str) -> Result<ActorChain, ChainError> {
        let mut parties = Vec::new();
        let mut next = Some(Box::new(self));
        while let Some(act) = next {
            let issuer = act.iss.unwrap_or_else(|| issuer.to_owned());
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

/// RFC 7800 §3.1: the one key a token is bound to. Bound in a way we do not know, it is refused.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) enum Cnf {
    /// RFC 9449 §6.1
    #[serde(rename = "jkt")]
    Key(String),
    /// RFC 8705 §3.1
    #[serde(rename = "x5t#S256")]
    Certificate(String),
}

impl Cnf {
    pub(crate) fn of(bound_to: &Confirmation) -> Self {
        match bound_to {
            Confirmation::Key(thumbprint) => Self::Key(thumbprint.clone()),
            Confirmation::Certificate(thumbprint) => Self::Certificate(thumbprint.clone()),
        }
    }

    pub(crate) fn confirmation(self) -> Confirmation {
        match self {
            Self::Key(thumbprint) => Confirmation::Key(thumbprint),
            Self::Certificate(thumbprint) => Confirmation::Certificate(thumbprint),
        }
    }
}

/// RFC 8693 §4.4.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct MayAct {
    #[serde(default, deserialize_with = "given")]
    pub iss: Option<String>,
    pub sub: String,
}

/// What one of our own access tokens says (RFC 9068 §2.2, RFC 8693 §4).
#[derive(Debug, Deserialize)]
pub(crate) struct OwnClaims {
    pub client_id: String,
    /// Absent of a token that only says who a client is.
    #[serde(default)]
    pub scope: String,
    pub org_id: String,
    /// None: a client acts for itself.
    #[serde(default, deserialize_with = "object")]
    pub act: Option<Act>,
    /// RFC 8693 §4.4
    #[serde(default, deserialize_with = "given")]
    pub may_act: Option<Value>,
    #[serde(default, deserialize_with = "given")]
    pub cnf: Option<Cnf>,
    #[serde(default, deserialize_with = "given")]
    pub auth_time: Option<i64>,
    #[serde(default, deserialize_with = "given")]
    pub acr: Option<String>,
    #[serde(default)]
    pub amr: Vec<String>,
}

/// What an identity provider's token says, whatever its kind.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct ProviderClaims {
    #[serde(default, deserialize_with = "given")]
    pub client_id: Option<String>,
    #[serde(default, deserialize_with = "given")]
    pub azp: Option<String>,
    #[serde(default, deserialize_with = "given")]
    pub scope: Option<String>,
    /// How some providers spell `scope`: a string (Entra) or a list (Okta).
    #[serde(default, deserialize_with = "given")]
    pub scp: Option<Scp>,
    #[serde(default, deserialize_with = "object")]
    pub may_act: Option<MayAct>,
    /// Read as an [`Act`] where the provider is believed about it.
    #[serde(default, deserialize_with = "given")]
    pub act: Option<Value>,
    /// The key the token is bound to (RFC 7800 §3.1): a [`Cnf`], or refused.
    #[serde(default, deserialize_with = "given")]
    pub cnf: Option<Value>,
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
    #[serde(default, deserialize_with = "given")]
    pub auth_time: Option<i64>,
    #[serde(default, deserialize_with = "given")]
    pub acr: Option<String>,
    #[serde(default)]
    pub amr: Vec<String>,
    /// OIDC Back-Channel Logout §2.1
    #[serde(default, deserialize_with = "text")]
    pub sid: Option<String>,
    /// The user's id in the directory: Entra's and Okta's word for it.
    #[serde(default, deserialize_with = "text")]
    pub oid: Option<String>,
    #[serde(default, deserialize_with = "text")]
    pub uid: Option<String>,
    #[serde(default, deserialize_with = "text")]
    pub email: Option<String>,
    /// Some providers write the word `"true"`, which is not a yes.
    #[serde(default)]
    pub email_verified: Option<Value>,
    #[serde(default, deserialize_with = "text")]
    pub device_id: Option<String>,
    /// Entra's spelling.
    #[serde(default, deserialize_with = "text")]
    pub deviceid: Option<String>,
    /// All others, of which the organization's settings may name some.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub(crate) enum Scp {
    Text(String),
    List(Vec<String>),
}

impl ProviderClaims {
    /// The scope, in whichever spelling; refused when two spellings say two things.
    pub(crate) fn scope(&self) -> Result<Option<Scope>, TokenFault> {
        let parse = |text: &str| Scope::parse(text).map_err(|_| TokenFault::Claims);
        let scope = self.scope.as_deref().map(parse).transpose()?;
        let scp = match &self.scp {
            Some(Scp::Text(text)) => Some(parse(text)?),
            Some(Scp::List(list)) => Some(parse(&list.join(" "))?),
            None => None,
        };
        match (scope, scp) {
            (Some(scope), Some(scp)) if scope != scp => Err(TokenFault::Claims),
            (scope, scp) => Ok(scope.or(scp)),
        }
    }

    /// The client it was issued to; refused when two claims name two (RFC 9068 §2.2, OIDC Core §2).
    pub(crate) fn issued_to(&self) -> Result<Option<&str>, TokenFault> {
        match (&self.client_id, &self.azp) {
            (Some(client_id), Some(azp)) if client_id != azp => Err(TokenFault::Claims),
            (client_id, azp) => Ok(client_id.as_deref().or(azp.as_deref())),
        }
    }

    /// A claim that is a text or a list of texts; none when it is absent.
    pub(crate) fn texts(&self, name: &str) -> Result<Option<Vec<String>>, TokenFault> {
        match self.other.get(name) {
            None => Ok(None),
            Some(Value::String(one)) => Ok(Some(vec![one.clone()])),
            Some(Value::Array(several)) => {
                let text = |it: &Value| it.as_str().map(str::to_owned).ok_or(TokenFault::Claims);
                several.iter().map(text).collect::<Result<_, _>>().map(Some)
            }
            Some(Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_)) => {
                Err(TokenFault::Claims)
            }
        }
    }

    pub(crate) fn looks_like_an_id_token(&self) -> bool {
        self.nonce.0 || self.at_hash.0 || self.c_hash.0
    }

    pub(crate) fn looks_like_an_access_token(&self) -> bool {
        self.scope.is_some() || self.scp.is_some() || self.client_id.is_some()
    }
}

/// A claim that may be absent, but is not absent because it is `null`: a provider that writes
/// "nothing" for a restriction must not lift it (Keycloak CVE-2026-9704).
fn given<'de, D: Deserializer<'de>, T: Deserialize<'de>>(from: D) -> Result<Option<T>, D::Error> {
    T::deserialize(from).map(Some)
}

/// The same of an object, for which the list of its members' values does not pass.
fn object<'de, D: Deserializer<'de>, T: Deserialize<'de>>(from: D) -> Result<Option<T>, D::Error> {
    keys::object(from).map(Some)
}

/// A claim that only helps to find the user again. Providers write all kinds of things under these
/// names; what is not text names nobody.
fn text<'de, D: Deserializer<'de>>(from: D) -> Result<Option<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Claim {
        Text(String),
        Other(IgnoredAny),
    }
    Claim::deserialize(from).map(|claim| match claim {
        Claim::Text(text) => Some(text),
        Claim::Other(_) => None,
    })
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
    #[serde(skip_serializing_if = "str::is_empty")]
    pub scope: &'a str,
    pub org_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub act: Option<Act>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cnf: Option<Cnf>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auth_time: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub acr: Option<&'a str>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    pub amr: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<Status>,
}

/// draft-ietf-oauth-status-list-20 §6.2: where a verifier reads whether the token still holds.
#[derive(Debug, Serialize)]
pub(crate) struct Status {
    pub status_list: StatusListReference,
}

#[derive(Debug, Serialize)]
pub(crate) struct StatusListReference {
    pub idx: i64,
    pub uri: String,
}

impl Status {
    pub(crate) fn of(issuer: &str, place: StatusIndex) -> Self {
        let (idx, uri) = (place.index, status::uri(issuer, place.list));
        Self { status_list: StatusListReference { idx, uri } }
    }
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
        assert_eq!(serde_json::from_str::<Act>(&json).unwrap().chain("i").unwrap(), chain);
    }

    #[test]
    fn sees_a_claim_that_is_null() {
        let claims: ProviderClaims = serde_json::from_str(r#"{"act":null,"nonce":null}"#).unwrap();
        assert_eq!((claims.act, claims.cnf), (Some(Value::Null), None));
        assert!(claims.nonce.0 && !claims.events.0);
    }

    #[test]
    fn takes_a_number_for_no_name() {
        let claims: ProviderClaims =
            serde_json::from_str(r#"{"uid":1000,"sid":"s","deviceid":"d","email":null}"#).unwrap();
        assert_eq!((claims.uid, claims.email), (None, None));
        assert_eq!((claims.sid.as_deref(), claims.deviceid.as_deref()), (Some("s"), Some("d")));
    }

    #[test]
    fn refuses_claims_of_another_type() {
        for json in [
            r#"{"scope":["a"]}"#,
            r#"{"scope":null}"#,
            r#"{"scp":null}"#,
            r#"{"azp":null}"#,
            r#"{"may_act":null}"#,
            r#"{"auth_time":"1"}"#,
            r#"{"may_act":[]}"#,
            r#"{"may_act":["https://idp.example","agent:a"]}"#,
        ] {
            assert!(serde_json::from_str::<ProviderClaims>(json).is_err(), "{json}");
        }
    }

    /// RFC 8693 §4.1: "The value of the 'act' claim is a JSON object".
    #[test]
    fn refuses_an_actor_that_is_a_list_of_its_members() {
        let own = |act: &str| {
            let json = format!(r#"{{"client_id":"c","org_id":"acme","act":{act}}}"#);
            serde_json::from_str::<OwnClaims>(&json)
        };
        assert!(own(r#"{"sub":"agent:a","act":{"sub":"agent:b"}}"#).is_ok());
        assert!(own(r#"["https://idp.example","agent:a",null]"#).is_err());
        assert!(own(r#"{"sub":"agent:a","act":["https://idp.example","agent:b"]}"#).is_err());
    }

    #[test]
    fn refuses_spellings_that_contradict_each_other() {
        let scope = |json| serde_json::from_str::<ProviderClaims>(json).unwrap().scope();
        assert!(scope(r#"{"scope":"a b","scp":["b","a"]}"#).is_ok());
        assert!(scope(r#"{"scope":"a b","scp":["a"]}"#).is_err());
        let client = |json| {
            let claims: ProviderClaims = serde_json::from_str(json).unwrap();
            claims.issued_to().map(|name| name.map(str::to_owned))
        };
        assert_eq!(client(r#"{"client_id":"a","azp":"a"}"#), Ok(Some("a".to_owned())));
        assert!(client(r#"{"client_id":"a","azp":"b"}"#).is_err());
    }
}

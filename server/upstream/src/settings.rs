//! How a provider is asked and what it may tell us: as declared, with its secrets, and as stored
//! (sealed) in the same JSON.

use std::fmt;

use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};

use crate::connectors;

/// One check of a connection.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum CheckSettings {
    /// RFC 7662, at the endpoint the provider's metadata names.
    Introspection(connectors::introspection::Settings),
    /// `OpenID` Connect Core 1.0 §5.3, at the endpoint the provider's metadata names.
    Userinfo(connectors::userinfo::Settings),
    Keycloak(connectors::keycloak::Settings),
    /// The Users API of an Okta org.
    Okta(connectors::okta::Settings),
    /// Microsoft Graph.
    Entra(connectors::entra::Settings),
    /// What Microsoft Entra would do for the user now.
    EntraOnBehalfOf(connectors::entra_on_behalf_of::Settings),
    /// The Directory API of Google Workspace.
    Google(connectors::google::Settings),
    Auth0(connectors::auth0::Settings),
    /// A directory that speaks SCIM 2.0 (RFC 7644).
    Scim(connectors::scim::Settings),
    /// A decision point that speaks `AuthZEN` 1.0.
    Authzen(connectors::authzen::Settings),
    /// An Open Policy Agent.
    Opa(connectors::opa::Settings),
}

/// Which signals of a provider are taken.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct SignalSettings {
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub streams: Vec<StreamSettings>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub logout: Option<LogoutSettings>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revocation: Option<RevocationSettings>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scim: Option<ScimReceiverSettings>,
}

/// A stream of security events (SSF 1.0).
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct StreamSettings {
    /// A segment of the endpoint's path.
    pub id: String,
    /// The transmitter.
    pub issuer: String,
    #[serde(default)]
    pub delivery: Delivery,
    /// What its events name as `aud`, when the transmitter is not asked.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub audience: Vec<String>,
    /// The whole `Authorization` header the transmitter must push with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authorization: Option<SecretText>,
    /// How we are let in at the transmitter: to make and verify the stream, and to poll it.
    /// Without, somebody else has made the stream, and nothing shows whether it lives.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub access: Option<AccessSettings>,
    /// Where to poll, when the transmitter is not asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub poll_endpoint: Option<String>,
    /// Event types asked for; none: all we understand.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub events: Vec<String>,
    /// Seconds after which a stream that was not heard of no longer excuses an older answer.
    #[serde(default = "five_minutes")]
    pub max_silence: u64,
}

fn five_minutes() -> u64 {
    300
}

#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Delivery {
    /// RFC 8935
    #[default]
    Push,
    /// RFC 8936
    Poll,
}

/// OIDC Back-Channel Logout.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct LogoutSettings {
    /// The client ids at the provider that logout tokens may be for; none: the connection's own
    /// `client_id` and `audiences`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub audience: Vec<String>,
}

/// Global token revocation.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct RevocationSettings {
    /// The bearer token to be sent; none: a JWT of the provider.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bearer: Option<SecretText>,
    /// `iss` of that JWT, when it is not the connection's issuer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub issuer: Option<String>,
    /// `aud` of that JWT; none: the endpoint's URL.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub audience: Vec<String>,
}

/// SCIM, received.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ScimReceiverSettings {
    pub bearer: SecretText,
}

/// How we are let in at a provider's API.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct AccessSettings {
    /// A bearer token that never changes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bearer: Option<SecretText>,
    /// Client credentials (RFC 6749 §4.4) at this endpoint; none: the one of the connector.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token_endpoint: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_secret: Option<SecretText>,
    /// PKCS#8 in PEM, for `private_key_jwt` (RFC 7523).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub private_key: Option<SecretText>,
    /// The key's id at the provider.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
    /// Auth0's `audience`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audience: Option<String>,
}

/// A secret that is stored with its settings, since those are sealed as a whole. Does not show
/// itself.
#[derive(Clone)]
pub struct SecretText(SecretString);

impl SecretText {
    #[must_use]
    pub fn secret(&self) -> &SecretString {
        &self.0
    }
}

impl fmt::Debug for SecretText {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("SecretText")
    }
}

impl PartialEq for SecretText {
    /// For settings that are compared by who knows both.
    fn eq(&self, other: &Self) -> bool {
        self.0.expose_secret() == other.0.expose_secret()
    }
}

impl Serialize for SecretText {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(self.0.expose_secret())
    }
}

impl<'de> Deserialize<'de> for SecretText {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        String::deserialize(from).map(|text| Self(SecretString::from(text)))
    }
}

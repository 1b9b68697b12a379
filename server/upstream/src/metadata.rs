//! Where a provider's endpoints are (`OpenID` Connect Discovery 1.0).

use keys::Object;
use openidconnect::{
    AdditionalProviderMetadata, IntrospectionUrl, ProviderMetadata,
    core::{
        CoreAuthDisplay, CoreClaimName, CoreClaimType, CoreClientAuthMethod, CoreGrantType,
        CoreJsonWebKey, CoreJweContentEncryptionAlgorithm, CoreJweKeyManagementAlgorithm,
        CoreResponseMode, CoreResponseType, CoreSubjectIdentifierType,
    },
};
use serde::{Deserialize, Serialize};
use url::Url;

use crate::fault::UpstreamFault;

/// What we need to know of a provider.
#[derive(Debug)]
pub(crate) struct Metadata {
    /// Not every provider has one.
    pub(crate) introspection_endpoint: Option<String>,
    pub(crate) jwks_uri: String,
    pub(crate) userinfo_endpoint: Option<String>,
}

/// RFC 8414 §2 defines it; `OpenID` Connect Discovery does not.
#[derive(Clone, Debug, Deserialize, Serialize)]
struct Introspection {
    introspection_endpoint: Option<IntrospectionUrl>,
}

impl AdditionalProviderMetadata for Introspection {}

type Document = ProviderMetadata<
    Introspection,
    CoreAuthDisplay,
    CoreClientAuthMethod,
    CoreClaimName,
    CoreClaimType,
    CoreGrantType,
    CoreJweContentEncryptionAlgorithm,
    CoreJweKeyManagementAlgorithm,
    CoreJsonWebKey,
    CoreResponseMode,
    CoreResponseType,
    CoreSubjectIdentifierType,
>;

/// The address of the document: appended to the issuer (`OpenID` Connect Discovery 1.0 §4).
///
/// The issuer must be a URL without query and fragment, or what is appended lands in those.
pub(crate) fn address(issuer: &str) -> Result<String, UpstreamFault> {
    match Url::parse(issuer) {
        Ok(url) if url.query().is_none() && url.fragment().is_none() => {
            Ok(format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/')))
        }
        Ok(_) | Err(_) => Err(UpstreamFault::url(issuer)),
    }
}

impl Metadata {
    /// Reads the document. Its `issuer` must be `issuer` to the letter (§4.3), or the tokens of
    /// one provider could be judged by another.
    pub(crate) fn parse(document: &[u8], issuer: &str) -> Result<Self, UpstreamFault> {
        let Object(document): Object<Document> = keys::json(document).map_err(|error| {
            // The text may quote the document; nothing secret was sent for it, yet keep it short.
            UpstreamFault::Metadata(error.to_string().chars().take(200).collect())
        })?;
        if document.issuer().as_str() != issuer {
            return Err(UpstreamFault::Metadata("`issuer` is not the configured one".to_owned()));
        }
        let text = |url: &Url| url.as_str().to_owned();
        let introspection = document.additional_metadata().introspection_endpoint.as_ref();
        Ok(Self {
            introspection_endpoint: introspection.map(|url| text(url.url())),
            jwks_uri: text(document.jwks_uri().url()),
            userinfo_endpoint: document.userinfo_endpoint().map(|url| text(url.url())),
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const ISSUER: &str = "https://idp.example/realm";

    fn document() -> Value {
        json!({
            "issuer": ISSUER,
            "authorization_endpoint": "https://idp.example/authorize",
            "token_endpoint": "https://idp.example/token",
            "jwks_uri": "https://idp.example/jwks",
            "introspection_endpoint": "https://idp.example/introspect",
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
        })
    }

    /// The happy document with one member changed, or removed when `value` is null.
    fn with(name: &str, value: Value) -> Result<Metadata, UpstreamFault> {
        let mut document = document();
        let members = document.as_object_mut().unwrap();
        if value.is_null() {
            members.remove(name)
        } else {
            members.insert(name.to_owned(), value)
        };
        Metadata::parse(document.to_string().as_bytes(), ISSUER)
    }

    fn refusal(name: &str, value: Value) -> String {
        with(name, value).unwrap_err().to_string()
    }

    #[test]
    fn reads_the_endpoints() {
        let metadata = with("unknown_member", json!(1)).unwrap();
        assert_eq!(metadata.jwks_uri, "https://idp.example/jwks");
        let introspection = metadata.introspection_endpoint.as_deref();
        assert_eq!(introspection, Some("https://idp.example/introspect"));
    }

    #[test]
    fn refuses_another_issuer() {
        for other in
            ["https://idp.example/realm/", "https://idp.example/Realm", "https://evil.example"]
        {
            assert!(refusal("issuer", json!(other)).contains("not the configured one"), "{other}");
        }
    }

    #[test]
    fn a_provider_without_keys_is_none() {
        assert!(refusal("jwks_uri", Value::Null).contains("jwks_uri"));
    }

    /// Who asks there says so; others need not care.
    #[test]
    fn a_provider_may_lack_an_endpoint_that_is_not_asked() {
        let metadata = with("introspection_endpoint", Value::Null).unwrap();
        assert_eq!(metadata.introspection_endpoint, None);
        assert_eq!(metadata.userinfo_endpoint, None);
        let metadata = with("userinfo_endpoint", json!("https://idp.example/me")).unwrap();
        assert_eq!(metadata.userinfo_endpoint.as_deref(), Some("https://idp.example/me"));
    }

    #[test]
    fn refuses_a_document_that_is_not_metadata() {
        assert!(Metadata::parse(b"[]", ISSUER).is_err());
        assert!(Metadata::parse(b"", ISSUER).is_err());
    }

    #[test]
    fn appends_the_well_known_path() {
        let expected = "https://idp.example/realm/.well-known/openid-configuration";
        assert_eq!(address("https://idp.example/realm").unwrap(), expected);
        assert_eq!(address("https://idp.example/realm/").unwrap(), expected);
    }
}

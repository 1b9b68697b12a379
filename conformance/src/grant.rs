//! The other grants of the token endpoint, each as the happy request of which a test changes one thing.

use crate::{
    CLIENT_CREDENTIALS, Credentials, DOCUMENTS, Exchange, ID_JAG, JWT_BEARER, PARTNER, Target,
    idp::Mint,
};

impl<'t> Exchange<'t> {
    /// This client asks for itself (RFC 6749 §4.4.2): a service account for [`DOCUMENTS`], an agent for
    /// a token that says who it is.
    pub fn own(target: &'t Target, client_id: &str) -> Self {
        let request = Self::new(target, &[("grant_type", CLIENT_CREDENTIALS)]).by(client_id);
        if is_service(client_id) { request.with("resource", DOCUMENTS) } else { request }
    }

    /// A client that has neither a secret nor a key asks for itself, with what somebody says of it.
    pub fn vouched(target: &'t Target, credentials: Credentials) -> Self {
        Self::new(target, &[("grant_type", CLIENT_CREDENTIALS)]).authenticated(credentials)
    }

    /// The orchestrator redeems an assertion for a token for [`DOCUMENTS`] (RFC 7523 §2.1).
    pub fn redeeming(target: &'t Target, assertion: &str) -> Self {
        let pairs = [("grant_type", JWT_BEARER), ("assertion", assertion), ("resource", DOCUMENTS)];
        Self::new(target, &pairs)
    }

    /// The orchestrator speaks Microsoft's dialect: the target is in the scope.
    pub fn on_behalf_of(target: &'t Target, assertion: &str, scope: &str) -> Self {
        let pairs = [
            ("grant_type", JWT_BEARER),
            ("requested_token_use", "on_behalf_of"),
            ("assertion", assertion),
            ("scope", scope),
        ];
        Self::new(target, &pairs)
    }

    /// The orchestrator wants an identity assertion for [`PARTNER`]
    /// (draft-ietf-oauth-identity-assertion-authz-grant).
    pub fn abroad(target: &'t Target) -> Self {
        let id_token = target.idp.id_token("alice").mint();
        Self::of(target, &id_token)
            .without("resource")
            .with("subject_token_type", crate::ID_TOKEN)
            .with("requested_token_type", ID_JAG)
            .with("audience", PARTNER)
    }
}

/// Whether a client of the scene is a service account.
#[must_use]
pub fn is_service(client_id: &str) -> bool {
    ["nightly", "fapi-service"].contains(&client_id)
}

impl Target {
    /// The identity provider's identity assertion of alice for us, given to the orchestrator.
    pub fn id_jag(&self) -> Mint<'_> {
        self.idp
            .access_token("alice")
            .header("typ", "oauth-id-jag+jwt")
            .audience(&[self.issuer.as_str()])
            .lifetime(300)
    }

    /// The identity provider's assertion for a grant, of no type of its own.
    pub fn plain_assertion(&self) -> Mint<'_> {
        self.idp
            .access_token("alice")
            .header("typ", "JWT")
            .audience(&[self.issuer.as_str()])
            .lifetime(300)
    }
}

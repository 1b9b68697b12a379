//! What a client asks or tells about one token: introspection (RFC 7662 §2.1) and revocation
//! (RFC 7009 §2.1), of which a test changes one thing.

use crate::{
    Credentials, Granted, Reply, Target,
    form::{Form, Request},
};

/// RFC 9701 §5: the media type of a signed introspection response.
pub const INTROSPECTION_JWT: &str = "application/token-introspection+jwt";
/// RFC 7662 §2.2: what is said of any token that is not active, or not the caller's business.
pub const INACTIVE: &str = r#"{"active":false}"#;

/// A request about one token, under construction.
#[derive(Clone, Debug)]
#[must_use]
pub struct AboutToken<'t> {
    target: &'t Target,
    asks: Asks,
    form: Form,
}

#[derive(Clone, Copy, Debug)]
enum Asks {
    Introspection,
    Revocation,
}

impl<'t> AboutToken<'t> {
    /// The documents' resource server asks whether this token is active.
    pub fn introspect(target: &'t Target, token: &str) -> Self {
        let caller = target.client("documents-api");
        let form = Form::new(&target.introspection_endpoint, caller, &[("token", token)]);
        Self { target, asks: Asks::Introspection, form }
    }

    /// The orchestrator wants this token to end.
    pub fn revoke(target: &'t Target, token: &str) -> Self {
        let caller = target.client("orchestrator");
        let form = Form::new(&target.revocation_endpoint, caller, &[("token", token)]);
        Self { target, asks: Asks::Revocation, form }
    }

    /// The same by another agent or resource server of the organization, with `Basic`.
    pub fn by(self, client_id: &str) -> Self {
        let credentials = self.target.credentials(client_id);
        self.authenticated(credentials)
    }

    /// The same with other credentials.
    pub fn authenticated(self, credentials: Credentials) -> Self {
        self.but(|form| form.authenticated(credentials))
    }

    /// The same with this parameter set to this value, once.
    pub fn with(self, name: &str, value: &str) -> Self {
        self.but(|form| form.with(name, value))
    }

    /// The same with one more parameter, even if it is there already.
    pub fn adding(self, name: &str, value: &str) -> Self {
        self.but(|form| form.adding(name, value))
    }

    /// The same without this parameter.
    pub fn without(self, name: &str) -> Self {
        self.but(|form| form.without(name))
    }

    /// The same at another endpoint.
    pub fn at(self, endpoint: &str) -> Self {
        self.but(|form| form.at(endpoint))
    }

    /// The same with an `Accept` header.
    pub fn accepting(self, media_types: &str) -> Self {
        self.but(|form| form.accepting(media_types))
    }

    fn but(self, change: impl FnOnce(Form) -> Form) -> Self {
        Self { form: change(self.form), ..self }
    }

    /// What [`Self::send`] would send.
    #[must_use]
    pub fn request(&self) -> Request {
        self.form.request(self.target)
    }

    /// The form as it would be sent.
    #[must_use]
    pub fn body(&self) -> String {
        self.form.text()
    }

    /// Sends it, and holds the reply to the invariants of its endpoint.
    #[must_use]
    pub fn send(&self) -> Reply {
        self.held(self.form.send(self.target))
    }

    /// Sends these bytes instead of the form.
    #[must_use]
    pub fn send_body(&self, content_type: &str, body: &[u8]) -> Reply {
        self.held(self.form.send_body(self.target, content_type, body))
    }

    fn held(&self, reply: Reply) -> Reply {
        match self.asks {
            Asks::Introspection => reply.hold_to_introspection(),
            Asks::Revocation => {
                let known = [200, 400, 401, 404, 405, 413, 503].contains(&reply.status);
                assert!(known, "RFC 7009 §2.2: {} {}", reply.status, reply.text());
            }
        }
        reply
    }
}

impl Granted {
    /// Whether the one it is for is told that this token is active.
    #[must_use]
    pub fn is_active(&self, target: &Target) -> bool {
        let audience = self.claim("aud");
        let caller = target.resource_servers.iter().find(|server| server.resource == audience);
        let caller = caller.map_or(audience, |server| &server.client.client_id);
        let reply = AboutToken::introspect(target, &self.token.text).by(caller).send();
        assert_eq!(reply.status, 200, "{}", reply.text());
        let active = reply.json().get("active").cloned();
        active.and_then(|active| active.as_bool()).expect("RFC 7662 §2.2: active REQUIRED")
    }

    /// Ends it, by the client it was issued to.
    pub fn revoke(&self, target: &Target) {
        let client = self.claim("client_id");
        let reply = AboutToken::revoke(target, &self.token.text).by(client).send();
        assert_eq!(reply.status, 200, "{}", reply.text());
    }
}

//! The happy exchange, of which a test changes one thing.

use crate::{
    ACCESS_TOKEN, Credentials, DOCUMENTS, Granted, ID_JAG, JWT, Key, Reply, TOKEN_EXCHANGE, Target,
    form::{Form, Request},
};

/// A request to the token endpoint under construction: a token exchange, or one of [`crate::grant`].
#[derive(Clone, Debug)]
#[must_use]
pub struct Exchange<'t> {
    target: &'t Target,
    form: Form,
}

impl<'t> Exchange<'t> {
    /// The orchestrator exchanges this access token for one for [`DOCUMENTS`].
    pub fn of(target: &'t Target, subject_token: &str) -> Self {
        let pairs = [
            ("grant_type", TOKEN_EXCHANGE),
            ("subject_token", subject_token),
            ("subject_token_type", ACCESS_TOKEN),
            ("resource", DOCUMENTS),
        ];
        Self::new(target, &pairs)
    }

    /// The orchestrator sends these parameters.
    pub(crate) fn new(target: &'t Target, pairs: &[(&str, &str)]) -> Self {
        let form = Form::new(&target.token_endpoint, target.agent("orchestrator"), pairs);
        Self { target, form }
    }

    /// A subject token of `alice` fresh from the identity provider, in the happy exchange.
    pub fn happy(target: &'t Target) -> Self {
        Self::of(target, &target.idp.access_token("alice").mint())
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

    /// The same for another client of the organization, by its key or with `Basic`.
    pub fn by(self, client_id: &str) -> Self {
        let credentials = self.target.credentials(client_id);
        self.authenticated(credentials)
    }

    /// The same with a proof that the client has this key.
    pub fn with_key(self, key: &Key) -> Self {
        self.but(|form| form.with_key(key))
    }

    /// The same with one more `DPoP` header, as given.
    pub fn adding_proof(self, proof: &str) -> Self {
        self.but(|form| form.adding_proof(proof))
    }

    /// The same with one more header.
    pub fn adding_header(self, name: &str, value: &str) -> Self {
        self.but(|form| form.adding_header(name, value))
    }

    /// The same, for the next agent of the chain instead of a resource.
    pub fn for_agent(self, client_id: &str) -> Self {
        self.without("resource").with("audience", client_id)
    }

    /// The same with other credentials.
    pub fn authenticated(self, credentials: Credentials) -> Self {
        self.but(|form| form.authenticated(credentials))
    }

    /// The same at another endpoint.
    pub fn at(self, endpoint: &str) -> Self {
        self.but(|form| form.at(endpoint))
    }

    fn but(self, change: impl FnOnce(Form) -> Form) -> Self {
        Self { form: change(self.form), ..self }
    }

    /// All values sent under this name.
    #[must_use]
    pub fn values(&self, name: &str) -> Vec<&str> {
        self.form.values(name)
    }

    /// The thumbprint of the key it will prove to have, when it is one of [`Self::with_key`].
    #[must_use]
    pub fn proves(&self) -> Option<String> {
        self.form.proves()
    }

    /// Whether there is any `DPoP` header.
    #[must_use]
    pub const fn has_proof(&self) -> bool {
        self.form.has_proof()
    }

    /// Whether it goes to the first organization, whose words are the provider's.
    pub(crate) fn is_here(&self) -> bool {
        self.form.endpoint() == self.target.token_endpoint
    }

    /// Who asks, when the credentials name somebody.
    #[must_use]
    pub fn client_id(&self) -> Option<&str> {
        self.form.client_id()
    }

    /// Sends the form and holds the reply to the invariants; a token is for the targets as asked.
    #[must_use]
    pub fn send(&self) -> Reply {
        // An assertion for another domain is for its authorization server, whatever it is to lead to.
        let is_abroad =
            [ID_JAG, JWT].iter().any(|kind| self.values("requested_token_type").contains(kind));
        let resources = if is_abroad { Vec::new() } else { self.values("resource") };
        self.send_as(&[resources, self.values("audience")].concat())
    }

    /// The same, for a request which may write the names of its targets in another way.
    #[must_use]
    pub fn send_as(&self, targets: &[&str]) -> Reply {
        let reply = self.form.send(self.target);
        reply.hold_to_invariants(self.target);
        if reply.status == 200 {
            reply.granted().answers(self, targets);
        }
        reply
    }

    /// Sends these bytes instead of the form, and holds the reply to the invariants.
    #[must_use]
    pub fn send_body(&self, content_type: &str, body: &[u8]) -> Reply {
        let reply = self.form.send_body(self.target, content_type, body);
        reply.hold_to_invariants(self.target);
        reply
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
}

/// alice → orchestrator → researcher → archivist, the last one for the documents.
#[must_use]
pub fn three_hops(target: &Target) -> [Granted; 3] {
    let first = Exchange::happy(target).for_agent("researcher").send().granted();
    let second = Exchange::of(target, &first.token.text);
    let second = second.by("researcher").for_agent("archivist").send().granted();
    let third = Exchange::of(target, &second.token.text).by("archivist").send().granted();
    [first, second, third]
}

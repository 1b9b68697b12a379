//! The development identity provider's control endpoint: mint any token, disable users, break
//! things.
//!
//! `POST {control}/tokens`, `/users/{sub}`, `/faults` and `GET {control}/requests`, all JSON. An
//! identity provider with these four can stand in for the one `actas demo` starts.

use serde_json::{Map, Value, json};

use crate::{
    EVERY_SCOPE,
    http::{get, post},
    target::Idp,
};

/// A token to be minted by the identity provider, validly signed whatever it says.
#[derive(Clone, Debug)]
#[must_use]
pub struct Mint<'t> {
    idp: &'t Idp,
    order: Map<String, Value>,
    claims: Map<String, Value>,
    header: Map<String, Value>,
}

impl Idp {
    /// An access token which the orchestrator got when this user signed in.
    pub fn access_token(&self, sub: &str) -> Mint<'_> {
        self.order("access_token", sub)
    }

    /// An ID Token which the orchestrator got when this user signed in.
    pub fn id_token(&self, sub: &str) -> Mint<'_> {
        self.order("id_token", sub)
    }

    /// An access token that says nothing itself, likewise.
    pub fn opaque_token(&self, sub: &str) -> Mint<'_> {
        self.order("opaque_token", sub)
    }

    /// Turns a user's account off or on.
    pub fn disable(&self, sub: &str, disabled: bool) {
        self.command(&format!("users/{sub}"), &json!({ "disabled": disabled }));
    }

    /// Makes one endpoint of the identity provider (`introspection`, `jwks`) misbehave; `none`
    /// heals it.
    pub fn fault(&self, endpoint: &str, fault: &str) {
        self.command("faults", &json!({ endpoint: fault }));
    }

    /// How often an endpoint of the identity provider has been asked.
    #[must_use]
    pub fn requests(&self, endpoint: &str) -> u64 {
        let counters = get(&format!("{}/requests", self.control), &[]).json();
        counters.get(endpoint).and_then(Value::as_u64).expect("a counter of that endpoint")
    }

    fn order(&self, kind: &str, sub: &str) -> Mint<'_> {
        let order = json!({
            "kind": kind, "sub": sub, "client_id": "orchestrator", "audience": ["orchestrator"],
            "scope": EVERY_SCOPE, "lifetime": 600,
        });
        let Value::Object(order) = order else { unreachable_order() };
        Mint { idp: self, order, claims: Map::new(), header: Map::new() }
    }

    fn command(&self, path: &str, body: &Value) -> Value {
        let url = format!("{}/{path}", self.control);
        let reply = post(&url, "application/json", &[], body.to_string().as_bytes());
        assert!(
            (200..300).contains(&reply.status),
            "the IdP's control endpoint refused {path}: {} {}",
            reply.status,
            reply.text()
        );
        serde_json::from_str(&reply.text()).unwrap_or(Value::Null)
    }
}

fn unreachable_order() -> ! {
    panic!("an object literal is an object")
}

impl Mint<'_> {
    /// Signs and returns the token.
    #[must_use]
    pub fn mint(mut self) -> String {
        for (name, members) in [("claims", self.claims), ("header", self.header)] {
            if !members.is_empty() {
                self.order.insert(name.to_owned(), Value::Object(members));
            }
        }
        let reply = self.idp.command("tokens", &Value::Object(self.order));
        let token = reply.get("token").and_then(Value::as_str);
        token.unwrap_or_else(|| panic!("the IdP minted nothing: {reply}")).to_owned()
    }

    /// Another value for one claim; `null` leaves the claim out.
    pub fn claim(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.claims.insert(name.to_owned(), value.into());
        self
    }

    /// Another value for one header parameter; `null` leaves it out.
    pub fn header(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.header.insert(name.to_owned(), value.into());
        self
    }

    /// The claims set as text, signed as it stands: duplicates, nesting, anything.
    pub fn payload(mut self, text: String) -> Self {
        self.order.insert("payload".to_owned(), Value::String(text));
        self
    }

    /// The client the token was issued to.
    pub fn client(mut self, client_id: &str) -> Self {
        self.order.insert("client_id".to_owned(), client_id.into());
        self
    }

    /// The resource servers the token is for.
    pub fn audience(mut self, audience: &[&str]) -> Self {
        self.order.insert("audience".to_owned(), json!(audience));
        self
    }

    /// Its scope; the empty text means no scope claim.
    pub fn scope(mut self, scope: &str) -> Self {
        self.order.insert("scope".to_owned(), scope.into());
        self
    }

    /// Seconds from now until it expires; negative for one that has.
    pub fn lifetime(mut self, seconds: i64) -> Self {
        self.order.insert("lifetime".to_owned(), seconds.into());
        self
    }
}

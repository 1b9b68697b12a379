//! What good requests are made of, and what bad ones are spoiled with.

use conformance::{
    AboutToken, DOCUMENTS, Exchange, INTROSPECTION_JWT, Jwt, Key, Target, http, jwt::jwe_shaped,
};
use serde_json::{Value, json};

use super::wire::Trap;

/// Tokens live for five minutes.
const FRESH: i64 = 100;

/// One for the whole search, with tokens that are renewed now and then.
pub struct Scene {
    pub target: &'static Target,
    pub trap: Trap,
    /// Public keys: the provider's, ours, the other organization's.
    pub provider_keys: Value,
    pub keys: Value,
    pub other_keys: Value,
    /// For the next request's id.
    pub run: u64,
    made: i64,
    named: u64,
    pub subjects: Subjects,
    /// Tokens of every other kind, validly signed: no good request has one of them.
    pub strangers: Vec<(&'static str, String)>,
}

/// Tokens that good requests present; nobody ends them.
pub struct Subjects {
    pub access: String,
    pub id: String,
    pub opaque: String,
    pub hops: [String; 2],
    pub actor: String,
    pub bound: (Key, String),
    pub documents: String,
    pub status_list: String,
}

impl Scene {
    pub fn new(target: &'static Target, run: u64) -> Self {
        let keys = |url: &str| http::get(url, &[]).json();
        let other = target.other_org.issuer.clone() + "/oauth/jwks";
        let mut named = 0;
        let subjects = Subjects::new(target, run, &mut named);
        Self {
            target,
            trap: Trap::new(),
            provider_keys: keys(&target.idp.jwks_uri),
            keys: keys(&target.jwks_uri),
            other_keys: keys(&other),
            run,
            made: conformance::now(),
            strangers: strangers(target, run, &mut named),
            subjects,
            named,
        }
    }

    /// New tokens before the old ones expire.
    pub fn renew(&mut self) {
        if FRESH < conformance::now() - self.made {
            self.made = conformance::now();
            self.subjects = Subjects::new(self.target, self.run, &mut self.named);
            self.strangers = strangers(self.target, self.run, &mut self.named);
        }
    }

    /// An id no other request has.
    pub fn id(&mut self) -> String {
        id(self.run, &mut self.named)
    }

    /// Something that differs from request to request.
    pub fn turn(&self) -> usize {
        usize::try_from(self.named).unwrap()
    }

    /// A token that only the request it is made for has.
    pub fn issued(&mut self, request: Exchange<'static>) -> Jwt {
        request.adding_header("x-request-id", &self.id()).send().granted().token
    }
}

fn id(run: u64, named: &mut u64) -> String {
    *named += 1;
    format!("{OURS}{run:x}-{named}")
}

/// How the ids of our requests begin.
pub const OURS: &str = "mutation-";

impl Subjects {
    fn new(target: &'static Target, run: u64, named: &mut u64) -> Self {
        let mut issued = |request: Exchange<'static>| {
            let request = request.adding_header("x-request-id", &id(run, named));
            request.send().granted().token
        };
        let first = issued(Exchange::happy(target).for_agent("researcher"));
        let second = Exchange::of(target, &first.text).by("researcher").for_agent("archivist");
        let second = issued(second);
        let key = Key::new();
        let bound = issued(Exchange::happy(target).for_agent("orchestrator").with_key(&key));
        let documents = issued(Exchange::happy(target));
        let list = documents.claims.get("status").and_then(|status| status.get("status_list"));
        let list = list.and_then(|list| list.get("uri")).and_then(Value::as_str);
        Self {
            access: target.idp.access_token("alice").mint(),
            id: target.idp.id_token("alice").mint(),
            opaque: target.idp.opaque_token("alice").mint(),
            hops: [first.text, second.text],
            actor: issued(Exchange::own(target, "orchestrator")).text,
            bound: (key, bound.text),
            status_list: list.unwrap_or_default().to_owned(),
            documents: documents.text,
        }
    }
}

/// An event about bob, whom no good request needs.
pub fn logout_token(target: &Target) -> String {
    let event = json!({ "http://schemas.openid.net/event/backchannel-logout": {} });
    let minted = target.idp.id_token("bob").header("typ", "logout+jwt").claim("sid", "s");
    minted.claim("events", event).audience(&["actas"]).lifetime(120).mint()
}

/// Likewise, as a transmitter would push it (CAEP).
pub fn security_event(target: &Target) -> String {
    let revoked = "https://schemas.openid.net/secevent/caep/event-type/session-revoked";
    let about = json!({ "format": "iss_sub", "iss": target.idp.issuer, "sub": "bob" });
    let minted = target.idp.access_token("bob").header("typ", "secevent+jwt");
    let minted = minted.audience(&["https://actas.demo.example"]).scope("");
    let minted = minted.claim("exp", Value::Null).claim("sub", Value::Null);
    let minted = minted.claim("client_id", Value::Null).claim("sub_id", about);
    minted.claim("events", json!({ revoked: { "event_timestamp": conformance::now() } })).mint()
}

fn strangers(target: &'static Target, run: u64, named: &mut u64) -> Vec<(&'static str, String)> {
    let mut issued = |request: Exchange<'static>| {
        let request = request.adding_header("x-request-id", &id(run, named));
        request.send().granted().token.text
    };
    let other = Exchange::happy(target).at(&target.other_org.token_endpoint);
    let stranger = conformance::Credentials::Basic(target.stranger().clone());
    let other = issued(other.authenticated(stranger));
    let listed = issued(Exchange::happy(target));
    let told = AboutToken::introspect(target, &listed).accepting(INTROSPECTION_JWT).send().text();
    let idp = &target.idp;
    let expired = idp.access_token("alice").lifetime(-120).mint();
    let future = idp.access_token("alice").claim("nbf", conformance::now() + 3600).mint();
    let jwe = jwe_shaped(r#"{"alg":"dir","enc":"A128GCM","zip":"DEF","typ":"at+jwt"}"#);
    vec![
        ("other organization's", other),
        ("resource's", listed),
        ("introspection response", told),
        ("service's", issued(Exchange::own(target, "nightly"))),
        ("ID-JAG of ours", issued(Exchange::abroad(target))),
        ("expired", expired),
        ("future", future),
        ("other client's", idp.access_token("alice").client("somebody").audience(&["x"]).mint()),
        ("user without grant", idp.access_token("carol").mint()),
        ("ID token", idp.id_token("alice").claim("nonce", "n").mint()),
        ("ID-JAG", target.id_jag().lifetime(-10).mint()),
        ("logout token", logout_token(target)),
        ("security event", security_event(target)),
        ("client assertion", target.assertion("signer", "ed").claim("aud", DOCUMENTS).text()),
        ("proof", Key::new().proof("GET", DOCUMENTS).text()),
        ("encrypted", jwe),
        ("nothing", "e30.e30.".to_owned()),
    ]
}

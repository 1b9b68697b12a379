//! Every kind of token there is, and the places where it belongs.

use conformance::{
    AboutToken, DOCUMENTS, Exchange, Granted, INTROSPECTION_JWT, JWT, Key, Statement, TRUST_DOMAIN,
    TXN_TOKEN, exchange::three_hops, http, idp::Mint, jwt::jwe_shaped, key::fresh, now, target,
};
use serde_json::{Value, json};

/// A kind of token.
pub struct Kind {
    pub name: &'static str,
    /// Made anew where it can be used only once.
    pub make: Box<dyn Fn() -> String>,
    /// Who has it: that client presents it where a client may be any.
    pub by: &'static str,
    /// Whom it names, should it pass for a client assertion.
    pub client: &'static str,
    /// The key it is bound to.
    pub key: Option<Key>,
    /// Where it belongs.
    pub right: &'static [&'static str],
}

const SUBJECT: &[&str] = &["subject access", "subject jwt", "on behalf of"];

impl Kind {
    fn new(name: &'static str, token: String, right: &'static [&'static str]) -> Self {
        Self::made(name, move || token.clone(), right)
    }

    fn made(
        name: &'static str,
        make: impl Fn() -> String + 'static,
        right: &'static [&'static str],
    ) -> Self {
        Self { name, make: Box::new(make), by: "orchestrator", client: "signer", key: None, right }
    }

    fn held_by(self, by: &'static str) -> Self {
        Self { by, ..self }
    }

    fn of_client(self, client: &'static str) -> Self {
        Self { client, ..self }
    }

    fn bound_to(self, key: &Key) -> Self {
        Self { key: Some(key.clone()), ..self }
    }
}

pub fn kinds() -> Vec<Kind> {
    ours().into_iter().chain(theirs()).chain(signed_by_clients()).chain(no_tokens()).collect()
}

fn text(granted: Granted) -> String {
    granted.token.text
}

/// What this server issues.
fn ours() -> Vec<Kind> {
    // Each of a chain of its own: the end of one must not be that of another.
    let [first, ..] = three_hops(target()).map(text);
    let [_, second, _] = three_hops(target()).map(text);
    let [.., third] = three_hops(target()).map(text);
    let key = Key::new();
    let issued = |request: Exchange<'static>| text(request.send().granted());
    let bound = issued(Exchange::happy(target()).for_agent("orchestrator").with_key(&key));
    let bound_at_api = issued(Exchange::happy(target()).with_key(&key));
    let listed = Exchange::happy(target()).send().granted();
    let own = || Exchange::own(target(), "orchestrator");
    let transaction = Exchange::happy(target()).for_agent(TRUST_DOMAIN);
    let transaction = transaction.with("requested_token_type", TXN_TOKEN);
    let plain = Exchange::abroad(target()).with("requested_token_type", JWT);
    vec![
        Kind::new(
            "first hop",
            first,
            &["subject access", "subject jwt", "on behalf of", "revocation"],
        )
        .held_by("researcher"),
        Kind::new("second hop", second, SUBJECT).held_by("archivist"),
        Kind::new(
            "third hop",
            third,
            &["subject access", "subject jwt", "on behalf of", "introspection", "api"],
        )
        .held_by("archivist"),
        Kind::new("bound", bound, &["subject access", "subject jwt", "on behalf of", "revocation"])
            .bound_to(&key),
        Kind::new(
            "bound, at the API",
            bound_at_api,
            &["subject access", "subject jwt", "on behalf of", "introspection", "revocation"],
        )
        .bound_to(&key),
        Kind::new(
            "service token",
            issued(Exchange::own(target(), "nightly")),
            &["introspection", "api"],
        ),
        Kind::new("actor token", issued(own()), &["actor access", "actor jwt", "revocation"]),
        Kind::new(
            "bound actor token",
            issued(own().with_key(&key)),
            &["actor access", "actor jwt", "revocation"],
        )
        .bound_to(&key),
        Kind::new("ID-JAG of ours", issued(Exchange::abroad(target())), &[]),
        Kind::new("JWT grant of ours", issued(plain), &[]),
        Kind::new("transaction token", issued(transaction.with("scope", "documents:read")), &[]),
        Kind::new("introspection response", told(&listed), &[]),
        Kind::new("status list", status_list(&listed), &[]),
    ]
}

/// What the identity provider issues.
fn theirs() -> Vec<Kind> {
    let idp = &target().idp;
    let event = |name: &str| json!({ name: {} });
    let logout = |typ: &str| {
        let minted = idp.id_token("alice").header("typ", typ).claim("sid", "s");
        minted.claim("events", event("http://schemas.openid.net/event/backchannel-logout")).mint()
    };
    let minted = |mint: Mint<'_>| mint.mint();
    let security_event = idp.access_token("alice").header("typ", "secevent+jwt");
    let security_event = security_event.claim("exp", Value::Null);
    let revoked = event("https://schemas.openid.net/secevent/caep/event-type/session-revoked");
    vec![
        Kind::new("access token", minted(idp.access_token("alice")), SUBJECT),
        Kind::new(
            "access token of the client",
            minted(idp.access_token("orchestrator")),
            &["actor access", "actor jwt"],
        ),
        Kind::new(
            "ID token",
            minted(idp.id_token("alice").claim("nonce", "n")),
            &["subject id", "subject jwt", "on behalf of"],
        ),
        Kind::new("ID-JAG", minted(target().id_jag()), &["assertion"]),
        Kind::made("plain assertion", || target().plain_assertion().mint(), &["assertion"]),
        Kind::new("logout token", logout("logout+jwt"), &[]),
        Kind::new("untyped logout token", logout("JWT"), &[]),
        Kind::new("security event", minted(security_event.claim("events", revoked)), &[]),
    ]
}

/// What a client signs, each used once; and what others sign for one.
fn signed_by_clients() -> Vec<Kind> {
    let proof = || Key::new().proof("POST", &target().token_endpoint).text();
    let assertion = || target().assertion("signer", "ed").text();
    let signed = |by: &str, typ: &str, claims: Value| {
        let (key, soon) = (target().platform(by), now() + 300);
        let header = json!({ "typ": typ, "alg": key.algorithm(), "kid": key.kid() });
        let statement = Statement::new(&key, &header, &claims);
        statement.claim("iat", now()).claim("exp", soon).claim("jti", fresh()).text()
    };
    let issuer = target().issuer.as_str();
    let workload = "repo:demo/house:ref:refs/heads/main";
    let workload = json!({ "iss": "https://ci.demo.example", "sub": workload, "aud": issuer });
    let svid = json!({ "sub": "spiffe://mesh.demo.example/sidecar", "aud": issuer });
    let attested =
        json!({ "sub": "device", "aud": issuer, "cnf": { "jwk": Key::new().public_jwk() } });
    let pop = json!({ "iss": "device", "aud": issuer });
    vec![
        Kind::made("client assertion", assertion, &["client jwt"]),
        Kind::made("proof", proof, &["proof"]),
        Kind::new("workload identity", signed("ci", "JWT", workload), &["client jwt"])
            .of_client("pipeline"),
        Kind::new("SVID", signed("mesh", "JWT", svid), &["client spiffe"]).of_client("sidecar"),
        Kind::new("attestation", signed("maker", "oauth-client-attestation+jwt", attested), &[]),
        Kind::new("its proof", signed("maker", "oauth-client-attestation-pop+jwt", pop), &[]),
    ]
}

fn no_tokens() -> Vec<Kind> {
    let jwe = jwe_shaped(r#"{"alg":"dir","enc":"A128GCM","typ":"at+jwt","cty":"JWT"}"#);
    vec![
        Kind::new("opaque", "0123456789abcdefghijklmnopqrstuvwxyzABCDEFG".to_owned(), &[]),
        Kind::new("encrypted", jwe, &[]),
    ]
}

/// RFC 9701: the signed answer about a token.
fn told(granted: &Granted) -> String {
    let asked = AboutToken::introspect(target(), &granted.token.text);
    asked.accepting(INTROSPECTION_JWT).send().text()
}

/// The list on which a token for the documents has its place.
fn status_list(granted: &Granted) -> String {
    assert_eq!(granted.claim("aud"), DOCUMENTS);
    let status = granted.token.claims.get("status").and_then(|status| status.get("status_list"));
    let uri = status.and_then(|status| status.get("uri")).and_then(Value::as_str);
    http::get(uri.unwrap_or_default(), &[("accept", "application/statuslist+jwt")]).text()
}

//! The good requests: each must be granted, before it is bent and while others are.

use conformance::{
    AboutToken, CLIENT_ASSERTION, Credentials, DOCUMENTS, Exchange, INTROSPECTION_JWT, JWT, Key,
    Statement, TRUST_DOMAIN, TXN_TOKEN, Target, form::Request, key::fresh, now,
};
use serde_json::{Value, json};

use super::scene::{Scene, logout_token};

/// A good request and the status it is answered with.
pub struct Good {
    pub name: &'static str,
    pub status: u16,
    pub make: fn(&mut Scene) -> Request,
}

const fn good(name: &'static str, make: fn(&mut Scene) -> Request) -> Good {
    Good { name, status: 200, make }
}

pub const ALL: &[Good] = &[
    good("exchange, root", |s| Exchange::of(s.target, &s.subjects.access).request()),
    good("exchange, root, for an agent", |s| {
        Exchange::of(s.target, &s.subjects.access).for_agent("researcher").request()
    }),
    good("exchange, narrowed", |s| {
        Exchange::of(s.target, &s.subjects.access).with("scope", "documents:read").request()
    }),
    good("exchange, ID token", |s| {
        let exchange = Exchange::of(s.target, &s.subjects.id);
        exchange.with("subject_token_type", conformance::ID_TOKEN).request()
    }),
    good("exchange, derived", |s| {
        let exchange = Exchange::of(s.target, &s.subjects.hops[0]).by("researcher");
        exchange.for_agent("archivist").request()
    }),
    good("exchange, derived twice", |s| {
        Exchange::of(s.target, &s.subjects.hops[1]).by("archivist").request()
    }),
    good("exchange, with an actor token", |s| {
        let exchange = Exchange::of(s.target, &s.subjects.access);
        exchange
            .with("actor_token", &s.subjects.actor)
            .with("actor_token_type", conformance::ACCESS_TOKEN)
            .request()
    }),
    good("exchange, bound", |s| {
        let (key, token) = &s.subjects.bound;
        Exchange::of(s.target, token).with_key(key).request()
    }),
    good("exchange, to be bound", |s| {
        Exchange::of(s.target, &s.subjects.access).with_key(&Key::new()).request()
    }),
    good("exchange, signed by the client", |s| {
        let token = s.target.idp.access_token("alice").client("signer").audience(&["signer"]);
        Exchange::of(s.target, &token.mint()).by("signer").request()
    }),
    good("exchange, FAPI", |s| {
        let token = s.target.idp.access_token("alice").client("fapi").audience(&["fapi"]);
        Exchange::of(s.target, &token.mint()).by("fapi").with_key(&Key::new()).request()
    }),
    good("exchange, secret in the body", |s| {
        let client = s.target.agent("orchestrator").clone();
        Exchange::of(s.target, &s.subjects.access)
            .authenticated(Credentials::Body(client))
            .request()
    }),
    good("exchange, other organization", |s| {
        let stranger = Credentials::Basic(s.target.stranger().clone());
        let exchange = Exchange::of(s.target, &s.subjects.access).authenticated(stranger);
        exchange.at(&s.target.other_org.token_endpoint).request()
    }),
    good("exchange, opaque", |s| {
        let stranger = Credentials::Basic(s.target.stranger().clone());
        let exchange = Exchange::of(s.target, &s.subjects.opaque).authenticated(stranger);
        exchange.at(&s.target.other_org.token_endpoint).request()
    }),
    good("ID-JAG, issued", |s| {
        Exchange::abroad(s.target).with("subject_token", &s.subjects.id).request()
    }),
    good("transaction token", |s| {
        let exchange = Exchange::of(s.target, &s.subjects.access).for_agent(TRUST_DOMAIN);
        exchange.with("requested_token_type", TXN_TOKEN).with("scope", "documents:read").request()
    }),
    good("JWT grant, issued", |s| {
        let exchange = Exchange::abroad(s.target).with("subject_token", &s.subjects.id);
        exchange.with("requested_token_type", JWT).request()
    }),
    good("client credentials, service", |s| Exchange::own(s.target, "nightly").request()),
    good("client credentials, agent", |s| Exchange::own(s.target, "orchestrator").request()),
    good("client credentials, signed", |s| {
        let kid = ["es", "ed", "rs", "ps"][s.turn() % 4];
        let assertion = s.target.assertion("signer", kid).text();
        let credentials = Credentials::Assertion("signer".to_owned(), assertion);
        Exchange::vouched(s.target, credentials).request()
    }),
    good("client credentials, FAPI", |s| {
        Exchange::own(s.target, "fapi-service").with_key(&Key::new()).request()
    }),
    good("client credentials, workload", |s| {
        let subject = "repo:demo/house:ref:refs/heads/main";
        let claims =
            json!({ "iss": "https://ci.demo.example", "sub": subject, "aud": s.target.issuer });
        let assertion = vouched(s.target, ("ci", "JWT"), &claims);
        Exchange::vouched(s.target, Credentials::Assertion("pipeline".to_owned(), assertion))
            .request()
    }),
    good("client credentials, SVID", |s| {
        let claims = json!({ "sub": "spiffe://mesh.demo.example/sidecar", "aud": s.target.issuer });
        let svid = vouched(s.target, ("mesh", "JWT"), &claims);
        let spiffe = "urn:ietf:params:oauth:client-assertion-type:jwt-spiffe";
        let credentials = Credentials::Assertion("sidecar".to_owned(), svid);
        Exchange::vouched(s.target, credentials).with("client_assertion_type", spiffe).request()
    }),
    good("assertion, ID-JAG", |s| {
        let assertion = s.target.id_jag().mint();
        Exchange::redeeming(s.target, &assertion).request()
    }),
    good("assertion, plain", |s| {
        let assertion = s.target.plain_assertion().mint();
        Exchange::redeeming(s.target, &assertion).request()
    }),
    good("on behalf of", |s| {
        let scope = format!("{DOCUMENTS}/documents:read");
        Exchange::on_behalf_of(s.target, &s.subjects.access, &scope).request()
    }),
    good("introspection", |s| AboutToken::introspect(s.target, &s.subjects.documents).request()),
    good("introspection, signed", |s| {
        let asked = AboutToken::introspect(s.target, &s.subjects.documents);
        asked.accepting(INTROSPECTION_JWT).request()
    }),
    good("revocation", |s| {
        let own = s.issued(Exchange::of(s.target, &s.subjects.access));
        AboutToken::revoke(s.target, &own.text).request()
    }),
    good("back-channel logout", |s| {
        let body = format!("logout_token={}", logout_token(s.target)).into_bytes();
        let media = "application/x-www-form-urlencoded".to_owned();
        let url = format!("{}/signals/corp/logout", s.target.issuer);
        let headers = vec![("content-type".to_owned(), media)];
        Request { method: "POST".to_owned(), url, headers, body }
    }),
    good("status list", |s| get(&s.subjects.status_list)),
    good("status lists", |s| get(&format!("{}/oauth/status-lists", s.target.issuer))),
    good("metadata", |s| get(&s.target.well_known("oauth-authorization-server"))),
    good("metadata, OpenID's place", |s| {
        get(&format!("{}/.well-known/openid-configuration", s.target.issuer))
    }),
    good("keys", |s| get(&s.target.jwks_uri)),
    good("admin, audit", |s| admin(s.target, "audit?limit=5&outcome=refused")),
    good("admin, head", |s| admin(s.target, "audit/head")),
    good("admin, exports", |s| admin(s.target, "exports")),
    good("admin, keys", |s| admin(s.target, "keys")),
    good("admin, revocation", |s| {
        let own = s.issued(Exchange::of(s.target, &s.subjects.access));
        let delegation = own.claims.get("jti").cloned().unwrap();
        let mut request = admin(s.target, "revocations");
        "POST".clone_into(&mut request.method);
        request.headers.push(("content-type".to_owned(), "application/json".to_owned()));
        request.body = json!({ "delegation": delegation, "reason": "why not" }).to_string().into();
        request
    }),
];

fn get(url: &str) -> Request {
    Request { method: "GET".to_owned(), url: url.to_owned(), headers: Vec::new(), body: Vec::new() }
}

fn admin(target: &Target, path: &str) -> Request {
    let (at, operator) = (target.admin.as_ref().unwrap(), target.operator.as_ref().unwrap());
    let mut request = get(&format!("{at}/{path}"));
    request.headers.push(("authorization".to_owned(), format!("Bearer {}", operator.token)));
    request
}

/// What a platform says of a client.
fn vouched(target: &Target, (by, typ): (&str, &str), claims: &Value) -> String {
    let (key, soon) = (target.platform(by), now() + 300);
    let header = json!({ "typ": typ, "alg": key.algorithm(), "kid": key.kid() });
    let statement = Statement::new(&key, &header, claims);
    statement.claim("iat", now()).claim("exp", soon).claim("jti", fresh()).text()
}

/// The types of client assertions there are.
pub const ASSERTION_TYPES: [&str; 2] =
    [CLIENT_ASSERTION, "urn:ietf:params:oauth:client-assertion-type:jwt-spiffe"];

//! Which tokens of an identity provider are taken, and what they mean, is each organization's own: the
//! other one of the scene maps scopes and groups, believes in chains, looks at ages and takes opaque
//! tokens. RFC 8693 §2.1 leaves all of that to the server.

use conformance::{
    ACCESS_TOKEN, Credentials, Exchange, ID_TOKEN, JWT, Reply, idp::Mint, now, target,
};
use serde_json::{Value, json};

fn alice() -> Mint<'static> {
    target().idp.access_token("alice")
}

/// An agent of the other organization exchanges this token there.
fn exchanged_by(client_id: &str, token: &str) -> Exchange<'static> {
    let agents = &target().other_org.agents;
    let agent = agents.iter().find(|agent| agent.client_id == client_id).cloned();
    let credentials = agent.map_or(Credentials::Missing, Credentials::Basic);
    let exchange = Exchange::of(target(), token).at(&target().other_org.token_endpoint);
    exchange.authenticated(credentials)
}

fn exchanged(token: Mint<'_>) -> Reply {
    exchanged_by("orchestrator", &token.mint()).send()
}

/// What the token's scope means there is declared; the scope of the token itself is nothing.
#[test]
fn a_scope_means_what_is_declared() {
    let granted = |scope: &str| {
        let reply = exchanged(alice().scope(scope));
        assert_eq!(reply.status, 200, "{scope}: {}", reply.text());
        reply.json()["scope"].clone()
    };
    assert_eq!(granted("documents:read"), "documents:read");
    assert_eq!(granted("documents:read documents:write"), "documents:read");
    for unknown in ["documents:write", "documents.read", "x"] {
        exchanged(alice().scope(unknown)).refused(400, "invalid_scope");
    }
}

/// In the provider's own words, of which none is ours.
#[test]
fn the_providers_words_may_be_others() {
    let minted = alice().scope("Documents.Read").mint();
    let reply = exchanged_by("orchestrator", &minted).send();
    assert_eq!(reply.granted().scope(), ["documents:read"]);
}

/// Groups are believed where something is declared of them: a list, or one.
#[test]
fn a_group_gives_what_is_declared() {
    let with = |groups: Value| {
        let token = target().idp.id_token("alice").claim("groups", groups).mint();
        exchanged_by("orchestrator", &token).with("subject_token_type", ID_TOKEN).send()
    };
    for groups in [json!(["finance"]), json!(["sales", "finance"]), json!("finance")] {
        assert_eq!(with(groups).granted().scope(), ["documents:read", "documents:write"]);
    }
    for groups in [json!(["sales"]), json!([]), json!(["Finance"]), json!("finance sales")] {
        with(groups).refused(400, "invalid_scope");
    }
    for broken in [json!({ "finance": true }), json!([["finance"]]), json!([1]), json!(true)] {
        with(broken).refused_as_invalid_request();
    }
}

/// Decision: no mapping names it and nothing is granted, so it is no scope.
#[test]
fn without_a_group_or_a_scope_there_is_nothing() {
    let token = target().idp.id_token("alice").mint();
    let exchange = exchanged_by("orchestrator", &token).with("subject_token_type", ID_TOKEN);
    exchange.send().refused(400, "invalid_scope");
    // Where no mapping is declared, an ID token has what its user granted.
    let here = Exchange::of(target(), &token).with("subject_token_type", ID_TOKEN);
    here.send().granted();
}

/// `iat` (RFC 7519 §4.1.6) "can be used to determine the age of the JWT".
#[test]
fn a_token_is_not_too_old() {
    exchanged(alice().claim("iat", now() - 3500)).granted();
    exchanged(alice().claim("iat", now() - 3700)).refused_as_invalid_request();
    Exchange::of(target(), &alice().claim("iat", now() - 3700).mint()).send().granted();
}

/// Tokens of a connection may be for some agents only; another one of the same organization, granted by
/// the same user, gets nothing by them.
#[test]
fn a_token_is_for_the_agents_that_are_declared() {
    let both = || alice().audience(&["orchestrator", "researcher"]).mint();
    exchanged_by("orchestrator", &both()).send().granted();
    let reply = exchanged_by("researcher", &both()).send();
    reply.refused_as_invalid_request();
    assert_eq!(reply.json()["reason"], "subject_token");
}

/// RFC 8693 §4.1: `act` of a provider that is believed becomes the older part of the chain; of another
/// it refuses the token.
#[test]
fn a_chain_is_believed_where_that_is_declared() {
    let with = || alice().claim("act", json!({ "sub": "front-end" }));
    let granted = exchanged(with()).granted();
    let actors = granted.actors();
    assert_eq!(actors.len(), 2);
    assert_eq!(actors[0].1, "agent:orchestrator");
    assert_eq!(actors[1], (target().idp.issuer.clone(), "front-end".to_owned()));
    Exchange::of(target(), &with().mint()).send().refused_as_invalid_request();
    let nested = json!({ "sub": "b", "iss": "https://b.example", "act": { "sub": "a" } });
    assert_eq!(exchanged(alice().claim("act", nested)).granted().actors().len(), 3);
}

/// A chain that is believed is no chain to be made longer than it may be, or to name us.
#[test]
fn a_believed_chain_keeps_to_the_rules() {
    exchanged(alice().claim("act", json!({ "sub": "front-end" }))).granted();
    let deep =
        (0..12).fold(json!({ "sub": "a" }), |act, n| json!({ "sub": format!("b{n}"), "act": act }));
    let twice = json!({ "sub": "a", "act": { "sub": "a" } });
    let us = json!({ "sub": "agent:orchestrator", "iss": target().other_org.issuer, "act": { "sub": "x" } });
    for bad in
        [deep, twice, json!("x"), json!({}), json!([]), json!({ "sub": 7 }), json!({ "sub": "" })]
    {
        let reply = exchanged(alice().claim("act", bad.clone()));
        assert_eq!(reply.status, 400, "{bad}: {}", reply.text());
    }
    // Nobody else's word makes one of our agents an actor.
    let reply = exchanged(alice().claim("act", us));
    assert_eq!(reply.status, 400, "{}", reply.text());
}

/// RFC 7662: an opaque token of the provider is what the provider says of it.
#[test]
fn an_opaque_token_is_what_its_provider_says() {
    let idp = &target().idp;
    let exchange = |minted: Mint<'_>| exchanged_by("orchestrator", &minted.mint());
    let reply = exchange(idp.opaque_token("alice")).send();
    assert_eq!(reply.status, 200, "{}", reply.text());
    assert_eq!(reply.json()["scope"], "documents:read");
    // As an access token, and nothing else.
    for kind in [ID_TOKEN, JWT] {
        let other = exchange(idp.opaque_token("alice")).with("subject_token_type", kind);
        other.send().refused_as_invalid_request();
    }
    for bad in [
        idp.opaque_token("alice").client("some-app").audience(&["elsewhere"]),
        idp.opaque_token("alice").lifetime(-10),
        idp.opaque_token("nobody-here"),
        idp.opaque_token("agent:orchestrator"),
    ] {
        exchange(bad).send().refused_as_invalid_request();
    }
    // Who speaks for another issuer is not to be believed, nor understood.
    exchange(idp.opaque_token("alice").claim("iss", "https://evil.example"))
        .send()
        .refused_for_now();
    let unknown = exchanged_by("orchestrator", "an-opaque-token-that-nobody-issued");
    unknown.with("subject_token_type", ACCESS_TOKEN).send().refused_as_invalid_request();
}

/// Where opaque tokens are not taken, the provider is not even asked.
#[test]
fn an_opaque_token_is_refused_where_none_is_taken() {
    let token = target().idp.opaque_token("alice").mint();
    Exchange::of(target(), &token).send().refused_as_invalid_request();
    assert_eq!(exchanged_by("orchestrator", &token).send().status, 200);
}

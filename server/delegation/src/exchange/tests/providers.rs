//! What is believed of a provider's token, and what is not.

use policy::Scope;
use serde_json::{Value, json};

use super::fixture::{DOCUMENTS, Stage, claims, read, refused, signed, told, with};
use crate::{
    declared::{ScopeRule, ScopeSource},
    org::Connection,
    signal::tests::fixture::{ISSUER, NOW, US},
};

const NOT_ACCEPTABLE: (&str, Option<&str>) = ("invalid_request", Some("subject_token"));

fn rule(from: ScopeSource, gives: &str) -> ScopeRule {
    ScopeRule { from, gives: gives.to_owned() }
}

#[test]
fn the_happy_token_becomes_one_of_ours() {
    let issued = Stage::new().of_claims(&claims()).unwrap();
    let (header, told) = read(issued.access_token());
    assert_eq!((&header["typ"], &told["sub"]), (&json!("at+jwt"), &json!("corp:alice")));
    assert_eq!(told["act"], json!({ "iss": US, "sub": "agent:orchestrator" }));
    assert_eq!((issued.token_type(), told.get("cnf")), ("Bearer", None));
}

/// RFC 7800 §3.1: whoever presents it has the key; what is issued is bound to it again.
#[test]
fn a_bound_token_needs_its_key() {
    let bound = with("cnf", json!({ "jkt": "k" }));
    let mut stage = Stage::new();
    assert_eq!(refused(stage.of_claims(&bound)), ("invalid_request", Some("possession")));
    stage.key = Some("other");
    assert_eq!(refused(stage.of_claims(&bound)), ("invalid_request", Some("possession")));
    // Without the key it does not even tell whether its user still stands.
    assert_eq!(stage.idp.asked.lock().unwrap().len(), 0);
    stage.key = Some("k");
    let issued = stage.of_claims(&bound).unwrap();
    assert_eq!((issued.token_type(), &told(&issued)["cnf"]), ("DPoP", &json!({ "jkt": "k" })));
    assert_eq!(stage.idp.asked.lock().unwrap().len(), 1);
}

#[test]
fn a_token_bound_in_an_unknown_way_is_refused() {
    let mut stage = Stage::new();
    stage.key = Some("k");
    for cnf in [
        json!({ "jkt": "k", "x5t#S256": "c" }),
        json!({ "jwk": { "kty": "EC" } }),
        json!({ "kid": "k" }),
        json!({ "jkt": 7 }),
        json!({}),
        json!("k"),
        json!([{ "jkt": "k" }]),
    ] {
        assert_eq!(refused(stage.of_claims(&with("cnf", cnf.clone()))), NOT_ACCEPTABLE, "{cnf}");
    }
    let mut null = claims();
    null["cnf"] = Value::Null;
    assert_eq!(refused(stage.of_claims(&null)), NOT_ACCEPTABLE);
}

fn believing() -> Stage {
    Stage::with(|connection| connection.tokens.believes_act = true)
}

/// RFC 8693 §4.1: "a chain of delegation can be expressed by nesting one act claim within another".
#[test]
fn a_chain_is_continued_where_the_provider_is_believed() {
    let act = json!({ "sub": "gateway", "act": { "iss": "https://far.example", "sub": "bot" } });
    let token = with("act", act);
    assert_eq!(refused(Stage::new().of_claims(&token)), NOT_ACCEPTABLE);
    let expected = json!({
        "iss": US, "sub": "agent:orchestrator",
        "act": {
            // Who has no issuer is one of the provider's own.
            "iss": ISSUER, "sub": "gateway",
            "act": { "iss": "https://far.example", "sub": "bot" },
        },
    });
    assert_eq!(told(&believing().of_claims(&token).unwrap())["act"], expected);
}

#[test]
fn a_chain_that_is_none_is_refused_whoever_tells_of_it() {
    let nested = |depth: usize| {
        (1..depth)
            .fold(json!({ "sub": "a0" }), |act, n| json!({ "sub": format!("a{n}"), "act": act }))
    };
    // Five are allowed here, the orchestrator is one of them.
    assert!(believing().of_claims(&with("act", nested(4))).is_ok());
    let too_long = refused(believing().of_claims(&with("act", nested(5))));
    assert_eq!(too_long.0, "invalid_request");
    for act in [
        nested(11),
        json!({ "sub": "a", "act": { "sub": "a" } }),
        json!({ "sub": "agent:researcher", "iss": US }),
        json!({ "sub": "a", "act": { "sub": "agent:researcher", "iss": US } }),
        json!({ "sub": "" }),
        json!({ "sub": "a", "iss": "" }),
        json!({ "sub": 7 }),
        json!({ "iss": ISSUER }),
        json!("a"),
        json!([]),
    ] {
        assert_eq!(
            refused(believing().of_claims(&with("act", act.clone()))),
            NOT_ACCEPTABLE,
            "{act}"
        );
    }
}

#[test]
fn a_token_may_be_too_old_before_it_expires() {
    let stage = || Stage::with(|connection| connection.tokens.longest_age = Some(60));
    // The clocks may differ by ten seconds.
    assert!(stage().of_claims(&with("iat", json!(NOW - 70))).is_ok());
    assert_eq!(refused(stage().of_claims(&with("iat", json!(NOW - 71)))), NOT_ACCEPTABLE);
    assert!(Stage::new().of_claims(&with("iat", json!(NOW - 7100))).is_ok());
}

#[test]
fn tokens_of_a_connection_may_be_for_some_clients_only() {
    let stage = |clients: &[&str]| {
        let clients = clients.iter().map(|&client| client.to_owned()).collect();
        Stage::with(|connection| connection.tokens.clients = clients)
    };
    assert!(stage(&["researcher", "orchestrator"]).of_claims(&claims()).is_ok());
    assert_eq!(refused(stage(&["researcher"]).of_claims(&claims())), NOT_ACCEPTABLE);
    // As it is called here, not as the provider calls it.
    assert_eq!(refused(stage(&["app"]).of_claims(&claims())), NOT_ACCEPTABLE);
}

fn mapping(connection: &mut Connection) {
    connection.tokens.scopes = vec![
        rule(ScopeSource::Scope("Documents.Read".to_owned()), "documents:read"),
        rule(ScopeSource::Group("writers".to_owned()), "documents:read documents:write"),
    ];
}

#[test]
fn scopes_and_groups_are_translated_where_that_is_declared() {
    let table = [
        (json!("Documents.Read"), json!([]), Some("documents:read")),
        (json!("Documents.Read"), json!("writers"), Some("documents:read documents:write")),
        (json!("x"), json!(["a", "writers"]), Some("documents:read documents:write")),
        // Our own words are not the provider's to use.
        (json!("documents:read"), json!(["a"]), None),
        (json!("x"), json!("Writers"), None),
    ];
    for (scope, groups, expected) in table {
        let mut claims = with("scope", scope.clone());
        claims["groups"] = groups.clone();
        let result = Stage::with(mapping).of_claims(&claims);
        match expected {
            Some(expected) => assert_eq!(result.unwrap().scope(), expected, "{scope} {groups}"),
            None => assert_eq!(refused(result).0, "invalid_scope", "{scope} {groups}"),
        }
    }
    assert_eq!(refused(Stage::with(mapping).of_claims(&with("groups", json!({})))), NOT_ACCEPTABLE);
}

/// What the provider says now is said in its words, too.
#[test]
fn what_is_left_of_a_scope_is_translated() {
    let stage = Stage::with(mapping);
    let mut claims = with("scope", json!("Documents.Read other"));
    claims["groups"] = json!([]);
    *stage.idp.scope.lock().unwrap() = Scope::parse("Documents.Read").ok();
    assert_eq!(stage.of_claims(&claims).unwrap().scope(), "documents:read");
    *stage.idp.scope.lock().unwrap() = Scope::parse("other").ok();
    assert_eq!(refused(stage.of_claims(&claims)).0, "invalid_scope");
}

/// An ID token has no scope: with a mapping, it is what the groups give, and else nothing.
#[test]
fn an_id_token_holds_what_its_groups_give() {
    let id_token = |groups: Value| {
        let mut claims = with("scope", Value::Null);
        claims.as_object_mut().unwrap().remove("client_id");
        claims["nonce"] = json!("n");
        claims["groups"] = groups;
        signed("JWT", &claims)
    };
    let more = format!("&resource={DOCUMENTS}");
    let stage = Stage::with(mapping);
    let issued = stage.exchange(("id_token", &id_token(json!(["writers"]))), &more).unwrap();
    assert_eq!(issued.scope(), "documents:read documents:write");
    let result = stage.exchange(("id_token", &id_token(json!(["others"]))), &more);
    assert_eq!(refused(result).0, "invalid_scope");
}

#[test]
fn nobody_is_called_like_everybody_or_like_a_client() {
    for name in ["*", "agent:orchestrator", "service:nightly"] {
        let stage = Stage::with(|connection| connection.subject_prefix = String::new());
        stage.grant(("corp", name, "orchestrator"), "documents:read", &[DOCUMENTS]);
        assert_eq!(refused(stage.of_claims(&with("sub", json!(name)))), NOT_ACCEPTABLE, "{name}");
        let name = format!("{name}x").replace(':', "");
        stage.grant(("corp", &name, "orchestrator"), "documents:read", &[DOCUMENTS]);
        assert!(stage.of_claims(&with("sub", json!(name))).is_ok(), "{name}");
    }
}

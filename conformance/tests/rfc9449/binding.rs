//! §5 and §6: to which key a token is bound, and that it stays bound.

use conformance::{AboutToken, Exchange, Granted, Jwt, Key, idp::Mint, target};
use serde_json::{Value, json};

/// An access token of alice that the identity provider bound to this key.
fn bound_at_the_provider(key: &Key) -> Mint<'static> {
    target().idp.access_token("alice").claim("cnf", json!({ "jkt": key.thumbprint() }))
}

/// The orchestrator's token for the researcher, bound to this key.
fn handed_on(key: &Key) -> Granted {
    Exchange::happy(target()).for_agent("researcher").with_key(key).send().granted()
}

/// RFC 9449 §5: "the authorization server … issues an access token bound to the public key … and the
/// "`token_type`" of "DPoP" MUST be included in the token response to signal to the client that the
/// access token was bound".
#[test]
fn s5_the_response_says_dpop() {
    let granted = Exchange::happy(target()).with_key(&Key::new()).send().granted();
    assert_eq!(granted.body["token_type"], "DPoP");
    let without = Exchange::happy(target()).send().granted();
    assert_eq!(without.body["token_type"], "Bearer");
}

/// RFC 9449 §6.1: "the "jkt" … member is … the base64url encoding … of the JWK SHA-256 Thumbprint
/// (according to [RFC7638]) of the DPoP public key".
#[test]
fn s6_1_the_token_names_the_key() {
    for key in [Key::new(), Key::new_edwards(), target().key("signer", "rs")] {
        for request in [
            Exchange::happy(target()),
            Exchange::own(target(), "nightly"),
            Exchange::redeeming(target(), &target().plain_assertion().mint()),
        ] {
            let granted = request.with_key(&key).send().granted();
            assert_eq!(granted.token.claims["cnf"], json!({ "jkt": key.thumbprint() }));
        }
    }
}

/// RFC 9449 §6.2: "introspection … The "`token_type`" member … If the access token is DPoP-bound, and
/// the member is included, MUST be "DPoP"", and `cnf` is there.
#[test]
fn s6_2_introspection_tells_of_the_key() {
    let key = Key::new();
    let bound = Exchange::happy(target()).with_key(&key).send().granted().token.text;
    let told = AboutToken::introspect(target(), &bound).send().json();
    assert_eq!(told["active"], true);
    assert_eq!(told["cnf"], json!({ "jkt": key.thumbprint() }));
    assert_eq!(told.get("token_type").unwrap_or(&json!("DPoP")), "DPoP");
    let free = Exchange::happy(target()).send().granted().token.text;
    let told = AboutToken::introspect(target(), &free).send().json();
    assert_eq!(told.get("cnf"), None);
    assert_ne!(told.get("token_type"), Some(&json!("DPoP")));
}

/// RFC 9449 §5.2: "`dpop_bound_access_tokens`: … If the value is "true", the authorization server MUST
/// reject token requests from the client that do not contain the DPoP header."
#[test]
fn s5_2_refuses_a_client_that_is_to_be_bound_without_a_proof() {
    let minted = target().idp.access_token("alice").client("fapi").audience(&["fapi"]).mint();
    let assertion = target().plain_assertion().client("fapi").mint();
    for request in [
        Exchange::of(target(), &minted).by("fapi"),
        Exchange::own(target(), "fapi"),
        Exchange::own(target(), "fapi-service"),
        Exchange::redeeming(target(), &assertion).by("fapi"),
    ] {
        request.clone().send().refused(400, "invalid_dpop_proof");
        request.with_key(&Key::new()).send().granted();
    }
}

/// RFC 9449 §5 and §6: what the identity provider bound to a key is presented with that key
/// (keycloak#50963).
#[test]
fn s5_a_bound_subject_token_needs_its_proof() {
    let key = Key::new();
    let subject = bound_at_the_provider(&key).mint();
    let exchange = Exchange::of(target(), &subject);
    exchange.clone().with_key(&key).send().granted();
    exchange.clone().send().refused_as_invalid_request();
    exchange.with_key(&Key::new()).send().refused_as_invalid_request();
}

/// RFC 7800 §3.1: one key; what is bound in a way that nobody here knows is refused, proof or not.
#[test]
fn rfc7800_s3_1_refuses_a_binding_it_does_not_know() {
    let key = Key::new();
    let with = |cnf: Value| {
        let subject = target().idp.access_token("alice").claim("cnf", cnf).mint();
        Exchange::of(target(), &subject).with_key(&key).send()
    };
    with(json!({ "jkt": key.thumbprint() })).granted();
    for cnf in [
        json!({}),
        json!([]),
        json!("x"),
        json!({ "jkt": "" }),
        json!({ "jkt": [key.thumbprint()] }),
        json!({ "jwk": key.public_jwk() }),
        json!({ "kid": "x" }),
        json!({ "x5t#S256": "x" }),
        json!({ "jkt": key.thumbprint(), "x5t#S256": "x" }),
        json!({ "jkt": key.thumbprint(), "kid": "x" }),
    ] {
        with(cnf).refused_as_invalid_request();
    }
    // A claim that is there and says nothing lifts no restriction.
    let claims = Jwt::read(&target().idp.access_token("alice").mint()).claims;
    let text = Value::Object(claims).to_string().replacen('{', "{\"cnf\":null,", 1);
    let subject = target().idp.access_token("alice").payload(text).mint();
    Exchange::of(target(), &subject).with_key(&key).send().refused_as_invalid_request();
}

/// The presenter rule: the agent a bound token is handed to has a key of its own, proves that, and the
/// next token is bound to it; without a proof there is none.
#[test]
fn s5_the_next_hop_is_bound_to_its_own_key() {
    let (first, second) = (Key::new(), Key::new());
    let handed = handed_on(&first);
    let exchange = Exchange::of(target(), &handed.token.text).by("researcher");
    exchange.clone().send().refused_as_invalid_request();
    let next = exchange.with_key(&second).send().granted();
    assert_eq!(next.token.claims["cnf"], json!({ "jkt": second.thumbprint() }));
}

/// The same for a token of the provider that another client got, for the agent as audience: the agent
/// never had that client's key. Without a proof of its own there is nothing all the same.
#[test]
fn s5_the_audience_of_a_providers_token_has_its_own_key() {
    let (apps, ours) = (Key::new(), Key::new());
    let minted = |client: &str| {
        let minted = bound_at_the_provider(&apps).client(client).audience(&["orchestrator"]);
        Exchange::of(target(), &minted.mint())
    };
    minted("some-app").send().refused_as_invalid_request();
    minted("some-app").with_key(&ours).send().granted();
    minted("orchestrator").with_key(&ours).send().refused_as_invalid_request();
}

/// Whoever a bound token was issued to uses it with the key it is bound to.
#[test]
fn s5_its_own_client_proves_the_same_key() {
    let key = Key::new();
    let own = Exchange::happy(target()).for_agent("orchestrator").with_key(&key).send().granted();
    let again = Exchange::of(target(), &own.token.text);
    again.clone().send().refused_as_invalid_request();
    again.clone().with_key(&Key::new()).send().refused_as_invalid_request();
    again.with_key(&key).send().granted();
}

/// Three hops, each bound, each to another key; the chain is as it is without.
#[test]
fn s5_a_chain_of_bound_tokens() {
    let keys = [Key::new(), Key::new_edwards(), Key::new()];
    let [first, second, third] = &keys;
    let one = handed_on(first);
    let two = Exchange::of(target(), &one.token.text).by("researcher").for_agent("archivist");
    let two = two.with_key(second).send().granted();
    let three = Exchange::of(target(), &two.token.text).by("archivist").with_key(third);
    let three = three.send().granted();
    assert_eq!(three.actors().len(), 3);
    assert!(three.is_active(target()));
}

/// A token that was not bound can become one that is.
#[test]
fn s5_a_bearer_token_may_be_bound_at_the_next_hop() {
    let free = Exchange::happy(target()).for_agent("researcher").send().granted();
    let key = Key::new();
    let bound = Exchange::of(target(), &free.token.text).by("researcher").with_key(&key);
    bound.send().granted();
}

/// RFC 7009 §2.1: to end a token, nobody needs its key: a client that lost it must be able to.
#[test]
fn rfc7009_s2_1_a_bound_token_can_be_revoked_without_its_key() {
    let granted = Exchange::happy(target()).with_key(&Key::new()).send().granted();
    assert!(granted.is_active(target()));
    granted.revoke(target());
    assert!(!granted.is_active(target()));
}

/// RFC 9449 §5: "the authorization server MUST" not let a proof of one request pass for another's: it
/// names no token and no body, but it is used once.
#[test]
fn s11_1_a_proof_cannot_be_taken_along() {
    let key = Key::new();
    let overheard = key.proof("POST", &target().token_endpoint).text();
    Exchange::happy(target()).adding_proof(&overheard).send().granted();
    let thief = Exchange::own(target(), "nightly").adding_proof(&overheard);
    thief.send().refused(400, "invalid_dpop_proof");
}

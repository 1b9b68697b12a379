//! §2.1: an actor token of our own: the agent asked for it by `client_credentials`.

use conformance::{ACCESS_TOKEN, Exchange, ID_TOKEN, JWT, Jwt, Key, target};

fn of(client: &str) -> String {
    Exchange::own(target(), client).send().granted().token.text
}

fn with_actor(token: &str) -> Exchange<'static> {
    Exchange::happy(target()).with("actor_token", token).with("actor_token_type", ACCESS_TOKEN)
}

/// RFC 8693 §2.1: "`actor_token` OPTIONAL. A security token that represents the identity of the acting
/// party."
#[test]
fn s2_1_accepts_the_clients_own_token() {
    let granted = with_actor(&of("orchestrator")).send().granted();
    assert_eq!(granted.actors().len(), 1);
    with_actor(&of("orchestrator")).with("actor_token_type", JWT).send().granted();
}

/// RFC 8693 §2.1: it is the token of the client that asks, and of nobody else.
#[test]
fn s2_1_refuses_the_token_of_another_client() {
    with_actor(&of("orchestrator")).send().granted();
    with_actor(&of("signer")).send().refused_as_invalid_request();
    with_actor(&of("nightly")).send().refused_as_invalid_request();
}

/// RFC 8693 §2.1: of the declared type, and no other.
#[test]
fn s2_1_refuses_it_under_another_type() {
    let exchange = with_actor(&of("orchestrator"));
    exchange.clone().send().granted();
    for kind in [ID_TOKEN, conformance::ID_JAG, conformance::TXN_TOKEN, "x"] {
        exchange.clone().with("actor_token_type", kind).send().refused_as_invalid_request();
    }
}

/// RFC 8693 §2.1: a delegated token is a user's; the agent in its `act` is not its subject.
#[test]
fn s2_1_refuses_a_delegated_token() {
    let delegated = Exchange::happy(target()).for_agent("orchestrator").send().granted();
    with_actor(&delegated.token.text).send().refused_as_invalid_request();
    with_actor(&of("orchestrator")).send().granted();
}

/// RFC 7009 §2: once revoked, it shows nothing any more.
#[test]
fn s2_1_refuses_one_that_was_revoked() {
    let own = Exchange::own(target(), "orchestrator").send().granted();
    with_actor(&own.token.text).send().granted();
    own.revoke(target());
    with_actor(&own.token.text).send().refused_as_invalid_request();
}

/// RFC 7519 §7.2: nor does a forged one.
#[test]
fn s2_1_refuses_a_forged_one() {
    let good = Jwt::read(&of("orchestrator"));
    let signers = Jwt::read(&of("signer"));
    for bad in [
        signers.with_claims_swapped("sub", "agent:orchestrator"),
        good.forged(&[("alg", "none".into())], &[]),
        good.forged(&[], &[0; 64]),
    ] {
        with_actor(&bad).send().refused_as_invalid_request();
    }
    with_actor(&good.text).send().granted();
}

/// RFC 9449 §5: one that is bound to a key needs its proof, like any bound token.
#[test]
fn s2_1_a_bound_one_needs_its_key() {
    let key = Key::new();
    let bound = Exchange::own(target(), "orchestrator").with_key(&key).send().granted().token.text;
    with_actor(&bound).send().refused_as_invalid_request();
    with_actor(&bound).with_key(&Key::new()).send().refused_as_invalid_request();
    with_actor(&bound).with_key(&key).send().granted();
}

//! §2.1: the actor token.

use conformance::{ACCESS_TOKEN, Exchange, Jwt, idp::Mint, target};

/// A token by which an agent shows who it is: the identity provider's, with the agent itself as
/// subject.
fn identity_of(agent: &str) -> Mint<'static> {
    target().idp.access_token(agent).client(agent).audience(&["orchestrator"])
}

fn with_actor(token: &str) -> Exchange<'static> {
    Exchange::happy(target()).with("actor_token", token).with("actor_token_type", ACCESS_TOKEN)
}

/// RFC 8693 §2.1: "`actor_token` OPTIONAL. A security token that represents the identity of the
/// acting party."
#[test]
fn s2_1_accepts_an_actor_token_of_the_client_itself() {
    let granted = with_actor(&identity_of("orchestrator").mint()).send().granted();
    assert_eq!(granted.actors().len(), 1, "the chain comes from the subject token only");
}

/// RFC 8693 §2.1 with §1.1: the actor is the authenticated client; a token that names another is
/// somebody else's name.
#[test]
fn s2_1_refuses_an_actor_token_of_another_client() {
    with_actor(&identity_of("researcher").mint()).send().refused_as_invalid_request();
    let issued_to_another = identity_of("orchestrator").client("researcher").mint();
    with_actor(&issued_to_another).send().refused_as_invalid_request();
}

/// RFC 8693 §2.1: the actor token is the actor's; that of a user makes no user the actor.
#[test]
fn s2_1_refuses_an_actor_token_of_a_user() {
    let alice = target().idp.access_token("alice").mint();
    with_actor(&alice).send().refused_as_invalid_request();
    let delegated = Exchange::happy(target()).for_agent("researcher").send().granted().token.text;
    with_actor(&delegated).send().refused_as_invalid_request();
}

/// RFC 8693 §2.1: "… if the actor token is present, also perform the appropriate validation
/// procedures for its indicated token type", §2.2.2: the code is `invalid_request`.
#[test]
fn s2_1_refuses_an_invalid_actor_token() {
    let good = Jwt::read(&identity_of("orchestrator").mint());
    with_actor(&good.text).send().granted();
    for bad in [
        "garbage".to_owned(),
        good.with_claims_swapped("client_id", "orchestrator "),
        good.forged(&[("alg", "none".into())], &[]),
        format!("{}x", good.text),
        identity_of("orchestrator").lifetime(-120).mint(),
        identity_of("orchestrator").claim("iss", "https://evil.example").mint(),
        identity_of("orchestrator").header("typ", "logout+jwt").mint(),
    ] {
        with_actor(&bad).send().refused_as_invalid_request();
    }
}

/// RFC 8693 §2.1: an actor token declared as something it is not.
#[test]
fn s2_1_refuses_an_actor_token_of_an_unknown_type() {
    let exchange = with_actor(&identity_of("orchestrator").mint());
    for kind in ["urn:ietf:params:oauth:token-type:id_token", "urn:example:unknown"] {
        let exchange = exchange.clone().with("actor_token_type", kind);
        exchange.send().refused_as_invalid_request();
    }
}

/// RFC 6749 §3.2: "Request and response parameters MUST NOT be included more than once."
#[test]
fn s2_1_refuses_two_actor_tokens() {
    let actor = identity_of("orchestrator").mint();
    let exchange = with_actor(&actor);
    exchange.send().granted();
    exchange.adding("actor_token", &actor).send().refused_as_invalid_request();
}

/// Decision: the issued token lives no longer than the actor token.
#[test]
fn s2_1_the_issued_token_does_not_outlive_the_actor_token() {
    let actor = identity_of("orchestrator").lifetime(60).mint();
    let granted = with_actor(&actor).send().granted();
    let expires = Jwt::read(&actor).claims["exp"].as_i64().unwrap();
    assert!(granted.seconds("exp") <= expires);
}

/// RFC 8693 §4.1: leaving the actor token out does not make a delegation into something else
/// (keycloak#52691): the chain of the subject token stays.
#[test]
fn s4_1_a_delegated_token_stays_one_without_an_actor_token() {
    let handed = Exchange::happy(target()).for_agent("researcher").send().granted().token.text;
    let granted = Exchange::of(target(), &handed).by("researcher").send().granted();
    assert_eq!(granted.actors().len(), 2);
}

//! §4.1: the chain of actors.

use conformance::{Exchange, Granted, exchange, http, reply::agent, target};
use serde_json::json;

fn three_hops() -> [Granted; 3] {
    exchange::three_hops(target())
}

/// RFC 8693 §4.1: "The outermost "act" claim represents the current actor while nested "act" claims
/// represent prior actors. The least recent actor is the most deeply nested."
#[test]
fn s4_1_nests_the_current_actor_outermost() {
    let chains = three_hops().map(|hop| hop.actors());
    let named = |ids: &[&str]| -> Vec<(String, String)> {
        ids.iter().map(|id| (target().issuer.clone(), agent(id))).collect()
    };
    assert_eq!(chains[0], named(&["orchestrator"]));
    assert_eq!(chains[1], named(&["researcher", "orchestrator"]));
    assert_eq!(chains[2], named(&["archivist", "researcher", "orchestrator"]));
}

/// RFC 8693 §1.1 and §4.1: in a delegation the subject stays the subject: "sub" is the user at each
/// hop, the actor never.
#[test]
fn s4_1_keeps_the_user_as_subject_at_each_hop() {
    for hop in three_hops() {
        assert_eq!(hop.claim("sub"), "alice");
        assert_eq!(hop.claim("iss"), target().issuer);
    }
}

/// RFC 8693 §4.1: "… non-identity claims (e.g., "exp", "nbf", and "aud") are not meaningful when
/// used within an "act" claim and are therefore not used." `Granted::actors` refuses any other
/// member.
#[test]
fn s4_1_act_identifies_and_says_no_more() {
    assert_eq!(three_hops()[2].actors().len(), 3);
}

/// RFC 8693 §5: "The use of the "scope" claim (in addition to other typical constraints such as a
/// limited token lifetime) is suggested to mitigate potential for such abuse": neither ever grows.
#[test]
fn s5_scope_shrinks_and_expiry_never_grows() {
    let hops = three_hops();
    for pair in hops.windows(2) {
        assert!(pair[1].scope().iter().all(|scope| pair[0].scope().contains(scope)));
        assert!(pair[1].seconds("exp") <= pair[0].seconds("exp"));
    }
    assert_eq!(hops[2].scope(), ["documents:read"], "the archivist's ceiling");
}

/// RFC 8693 §4.3: "`client_id`: The `client_id` claim carries the client identifier of the OAuth
/// 2.0 client that requested the token."
#[test]
fn s4_3_client_id_is_the_client_that_asked() {
    let clients = three_hops().map(|hop| hop.claim("client_id").to_owned());
    assert_eq!(clients, ["orchestrator", "researcher", "archivist"]);
}

/// RFC 8693 §4.1: "For the purpose of applying access control policy, the consumer of a token MUST
/// only consider the token's top-level claims and the party identified as the current actor by the
/// "act" claim." The orchestrator may write; with the archivist in front of it nobody may.
#[test]
fn s4_1_prior_actors_lend_nothing_to_the_current_one() {
    let [_, second, _] = three_hops();
    let exchange = Exchange::of(target(), &second.token.text).by("archivist");
    exchange.clone().with("scope", "documents:read").send().granted();
    exchange.with("scope", "documents:write").send().refused(400, "invalid_scope");
}

/// Decision: an agent already deeper in the chain is refused; chains have no loops.
#[test]
fn s4_1_refuses_an_actor_already_in_the_chain() {
    let first = Exchange::happy(target()).for_agent("researcher").send().granted();
    let second = Exchange::of(target(), &first.token.text).by("researcher");
    let second = second.for_agent("orchestrator").send().granted();
    Exchange::of(target(), &second.token.text).send().refused_as_invalid_request();
}

/// Decision: a chain longer than the limit is refused, never cut: the scene allows three actors.
#[test]
fn s4_1_refuses_a_fourth_actor() {
    let [_, second, _] = three_hops();
    let third = Exchange::of(target(), &second.token.text).by("archivist");
    let third = third.for_agent("other-agent").send().granted();
    assert_eq!(third.actors().len(), 3);
    let fourth = Exchange::of(target(), &third.token.text).by("other-agent");
    fourth.with("scope", "documents:read").send().refused_as_invalid_request();
}

/// Decision: the same actor exchanging again, for another target, keeps the chain as it is.
#[test]
fn s4_1_the_same_actor_again_keeps_the_chain() {
    let first = Exchange::happy(target()).send().granted();
    let again = Exchange::of(target(), &first.token.text).send().granted();
    assert_eq!(again.actors(), first.actors());
}

/// RFC 8693 §4.1: prior actors are history that we vouch for; a chain which the identity provider's
/// token brings along is not (chain splicing, draft-mw-spice-actor-chain).
#[test]
fn s4_1_never_vouches_for_a_foreign_chain() {
    let spliced = json!({ "iss": target().issuer, "sub": agent("researcher") });
    let foreign = json!({ "iss": "https://evil.example", "sub": "somebody" });
    for act in [spliced, foreign, json!("agent:researcher"), json!([]), json!({ "act": {} })] {
        let subject = target().idp.access_token("alice").claim("act", act.clone()).mint();
        let reply = Exchange::of(target(), &subject).send();
        assert_eq!(reply.status, 400, "{act}: {}", reply.text());
        reply.refused_as_invalid_request();
    }
}

/// RFC 9068 §4: the resource server verifies the last token through the JWKS and serves it.
#[test]
fn s4_1_the_api_serves_the_end_of_the_chain() {
    let [first, _, last] = three_hops();
    let call = |token: &str| {
        http::get(&target().api, &[("authorization", &format!("Bearer {token}"))]).status
    };
    assert_eq!(call(&last.token.text), 200);
    // It is for the researcher, not for the API.
    assert_eq!(call(&first.token.text), 401);
}

//! §2.1: "the revocation of a particular token may cause the revocation of related tokens". Ours
//! does: what was derived from a token ends with it, and nothing else.

use conformance::{Exchange, Granted, exchange::three_hops, target};

const ON_THE_WAY: [&str; 2] = ["researcher", "archivist"];

fn alive(hops: &[Granted; 3]) -> [bool; 3] {
    hops.each_ref().map(|hop| hop.is_active(target()))
}

/// Whether the one a hop is for can exchange it on.
fn exchanges_on(hop: &Granted, client: &str) -> bool {
    let reply = Exchange::of(target(), &hop.token.text).by(client).send();
    if reply.status != 200 {
        reply.refused_as_invalid_request();
        assert_eq!(reply.json().get("reason"), Some(&"revoked".into()), "{}", reply.text());
    }
    reply.status == 200
}

/// RFC 7009 §2.1: "The invalidation takes place immediately": with the first token of a chain all of
/// it is over, for introspection and for every next exchange.
#[test]
fn s2_1_the_first_hop_takes_all_with_it() {
    let hops = three_hops(target());
    let [first, second, third] = &hops;
    assert_eq!(alive(&hops), [true; 3]);
    first.revoke(target());
    assert_eq!(alive(&hops), [false; 3]);
    for (hop, client) in [first, second].into_iter().zip(ON_THE_WAY) {
        assert!(!exchanges_on(hop, client), "{client}");
    }
    assert!(!exchanges_on(third, "archivist"), "the same actor, once more");
}

/// What came before lives on.
#[test]
fn s2_1_a_hop_in_the_middle_leaves_those_before_it() {
    let hops = three_hops(target());
    let [first, second, _] = &hops;
    second.revoke(target());
    assert_eq!(alive(&hops), [true, false, false]);
    assert!(exchanges_on(first, "researcher"));
    assert!(!exchanges_on(second, "archivist"));
}

#[test]
fn s2_1_the_last_hop_ends_alone() {
    let hops = three_hops(target());
    hops[2].revoke(target());
    assert_eq!(alive(&hops), [true, true, false]);
    assert!(exchanges_on(&hops[1], "archivist"));
}

/// Siblings, which came from the same token by another exchange, and chains of the same user that
/// came from the same token of hers.
#[test]
fn s2_1_siblings_live() {
    let users = target().idp.access_token("alice").mint();
    let chain = || Exchange::of(target(), &users).for_agent("researcher").send().granted();
    let (first, other) = (chain(), chain());
    let hop = || Exchange::of(target(), &first.token.text).by("researcher").send().granted();
    let (one, sibling) = (hop(), hop());
    one.revoke(target());
    assert!(!one.is_active(target()));
    for lives in [&first, &sibling, &other] {
        assert!(lives.is_active(target()), "{}", lives.claim("aud"));
    }
    first.revoke(target());
    assert!(!sibling.is_active(target()));
    assert!(other.is_active(target()) && exchanges_on(&other, "researcher"));
}

/// The identity provider's token is not ours to end: a new chain can begin with it.
#[test]
fn s2_1_the_users_own_token_begins_anew() {
    let users = target().idp.access_token("alice").mint();
    let exchange = Exchange::of(target(), &users).for_agent("researcher");
    let granted = exchange.send().granted();
    granted.revoke(target());
    assert!(exchange.send().granted().is_active(target()));
    assert!(!granted.is_active(target()));
}

/// Ending what has ended is no error, and changes nothing.
#[test]
fn s2_2_a_second_time_is_no_error() {
    let hops = three_hops(target());
    hops[1].revoke(target());
    hops[1].revoke(target());
    hops[2].revoke(target());
    assert_eq!(alive(&hops), [true, false, false]);
}

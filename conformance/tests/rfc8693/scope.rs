//! §2.1 and §2.1.1: scope and its relation to targets.

use conformance::{CALENDAR, Exchange, http, target};

/// RFC 8693 §2.1: "scope OPTIONAL. A list of space-delimited, case-sensitive strings … that allow
/// the client to specify the desired scope of the requested security token".
#[test]
fn s2_1_grants_exactly_the_requested_scope() {
    let granted = Exchange::happy(target()).with("scope", "documents:read").send().granted();
    assert_eq!(granted.scope(), ["documents:read"]);
}

/// RFC 8693 §4.2: "The value of the "scope" claim is a JSON string containing a space-separated
/// list of scopes associated with the token".
#[test]
fn s4_2_the_scope_claim_is_one_string() {
    let granted = Exchange::happy(target()).send().granted();
    let mut scopes: Vec<&str> = granted.claim("scope").split(' ').collect();
    scopes.sort_unstable();
    assert_eq!(scopes, ["documents:read", "documents:write"]);
}

/// RFC 6749 §3.3: "The value of the scope parameter is expressed as a list of space-delimited,
/// case-sensitive strings": the order does not matter, the case does.
#[test]
fn s2_1_order_is_free_and_case_is_not() {
    let exchange = Exchange::happy(target());
    let reordered = exchange.clone().with("scope", "documents:write documents:read");
    assert_eq!(reordered.send().granted().scope(), ["documents:read", "documents:write"]);
    exchange.with("scope", "Documents:Read").send().refused(400, "invalid_scope");
}

/// RFC 6749 §5.2: "`invalid_scope`: The requested scope is invalid, unknown, malformed, or exceeds
/// the scope granted by the resource owner."
#[test]
fn s2_1_refuses_an_unknown_scope() {
    for scope in ["admin", "documents:read admin", "documents:delete", "*"] {
        let exchange = Exchange::happy(target()).with("scope", scope);
        exchange.send().refused(400, "invalid_scope");
    }
}

/// RFC 6749 §3.3: `scope-token = 1*( %x21 / %x23-5B / %x5D-7E )`; anything else is malformed.
#[test]
fn s2_1_refuses_a_malformed_scope() {
    for scope in ["documents:read\"", "documents:read\\", "d\u{f6}kumente"] {
        let exchange = Exchange::happy(target()).with("scope", scope);
        exchange.send().refused(400, "invalid_scope");
    }
}

/// RFC 6749 §5.2: "… exceeds the scope granted …": the subject token itself is narrower.
#[test]
fn s5_refuses_a_scope_beyond_the_subject_token() {
    let narrow = target().idp.access_token("alice").scope("documents:read").mint();
    let exchange = Exchange::of(target(), &narrow);
    exchange.clone().with("scope", "documents:read").send().granted();
    let wide = exchange.clone().with("scope", "documents:read documents:write");
    wide.send().refused(400, "invalid_scope");
    assert_eq!(exchange.send().granted().scope(), ["documents:read"]);
}

/// RFC 6749 §5.2: "… granted by the resource owner": bob lets the orchestrator read.
#[test]
fn s5_refuses_a_scope_beyond_the_recorded_grant() {
    let bob = target().idp.access_token("bob").mint();
    let exchange = Exchange::of(target(), &bob);
    exchange.clone().with("scope", "documents:read").send().granted();
    exchange.with("scope", "documents:write").send().refused(400, "invalid_scope");
}

/// RFC 8693 §2.1.1: "the requested access rights of the token are the cartesian product of all the
/// scopes at all the target services": what cannot be granted as a whole is refused, not cut.
#[test]
fn s2_1_1_refuses_a_scope_which_the_target_does_not_know() {
    let exchange = Exchange::happy(target()).with("scope", "documents:read calendar:read");
    exchange.send().refused(400, "invalid_scope");
    let calendar = Exchange::happy(target()).with("resource", CALENDAR);
    calendar.with("scope", "calendar:read").send().granted();
}

/// Decision: a subject token without scopes has exactly what its recorded grant says.
#[test]
fn s5_a_subject_without_scopes_has_what_the_grant_says() {
    let bare = target().idp.access_token("alice").claim("scope", serde_json::Value::Null).mint();
    let granted = Exchange::of(target(), &bare).send().granted();
    assert_eq!(granted.scope(), ["documents:read", "documents:write"]);
}

/// Decision: a subject token whose scopes are all foreign to us has scopes, and none of them is
/// ours.
#[test]
fn s5_a_subject_with_foreign_scopes_only_gets_nothing() {
    let foreign = target().idp.access_token("alice").scope("openid profile").mint();
    Exchange::of(target(), &foreign).send().refused(400, "invalid_scope");
}

/// RFC 8693 §2.1: both parameters "MAY be used together" and "multiple times"; a token that must
/// serve several targets is all or nothing.
#[test]
fn s2_1_several_targets_are_all_or_nothing() {
    let two = Exchange::happy(target()).adding("resource", CALENDAR);
    let mixed = Exchange::happy(target()).adding("audience", "researcher");
    for exchange in [two, mixed] {
        // Not `send`: a server which grants this puts a list into `aud`, as the RFC allows.
        let form = "application/x-www-form-urlencoded";
        let secret = &target().agent("orchestrator").client_secret;
        let basic = conformance::form::basic("orchestrator", secret);
        let url = &target().token_endpoint;
        let headers = [("authorization", basic.as_str())];
        let reply = http::post(url, form, &headers, exchange.body().as_bytes());
        reply.hold_to_invariants(target());
        if reply.status == 200 {
            let granted = reply.granted();
            assert_eq!(granted.token.claims["aud"].as_array().map(Vec::len), Some(2));
        } else {
            reply.refused(400, "invalid_target");
        }
    }
}

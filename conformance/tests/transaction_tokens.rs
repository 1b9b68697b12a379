//! draft-ietf-oauth-transaction-tokens-10: a token for the calls inside one trust domain.

use conformance::{
    ACCESS_TOKEN, AboutToken, Exchange, Granted, ID_TOKEN, JWT, TRUST_DOMAIN, TXN_TOKEN, http,
    target,
};
use serde_json::{Value, json};

fn asked() -> Exchange<'static> {
    let exchange = Exchange::happy(target()).without("resource").with("audience", TRUST_DOMAIN);
    exchange.with("requested_token_type", TXN_TOKEN).with("scope", "documents:read")
}

fn granted() -> Granted {
    asked().send().granted()
}

/// §9.1: "typ … `txntoken+jwt`"; §9.2: "iat REQUIRED … aud REQUIRED … exp REQUIRED … txn REQUIRED … sub
/// REQUIRED … scope REQUIRED … `req_wl` REQUIRED".
#[test]
fn s9_2_says_what_it_must() {
    let granted = granted();
    assert_eq!(granted.token.header["typ"], "txntoken+jwt");
    for name in ["aud", "txn", "sub", "scope", "req_wl"] {
        assert!(!granted.claim(name).is_empty(), "{name}");
    }
    assert_eq!((granted.claim("aud"), granted.claim("sub")), (TRUST_DOMAIN, "alice"));
    assert_eq!(granted.claim("scope"), "documents:read");
    assert!(granted.claim("req_wl").contains("orchestrator"), "{}", granted.claim("req_wl"));
    assert!(granted.seconds("iat") < granted.seconds("exp"));
    assert!(granted.token.is_signed_by(&http::get(&target().jwks_uri, &[]).json()));
}

/// §9.2: "txn … A unique transaction identifier".
#[test]
fn s9_2_no_two_transactions_are_one() {
    assert_ne!(granted().claim("txn"), granted().claim("txn"));
}

/// §11: "`token_type` value MUST be `N_A`", "`issued_token_type` … `txn_token`", and "MUST NOT include" a
/// refresh token.
#[test]
fn s11_answers_that_it_is_no_access_token() {
    let granted = granted();
    assert_eq!(granted.body["token_type"], "N_A");
    assert_eq!(granted.body["issued_token_type"], TXN_TOKEN);
    assert_eq!(granted.body.get("refresh_token"), None);
}

/// §10: "audience: REQUIRED … the Trust Domain"; a domain that nobody declared has none.
#[test]
fn s10_refuses_another_trust_domain() {
    granted();
    for other in ["internal.evil.example", "INTERNAL.demo.example", conformance::DOCUMENTS] {
        asked().with("audience", other).send().refused(400, "invalid_target");
    }
    let without = asked().without("audience").send();
    assert_eq!(without.status, 400, "{}", without.text());
}

/// §10: "scope: REQUIRED", and "MUST be" no more than what the subject token has.
#[test]
fn s10_the_scope_is_narrowed_only() {
    granted();
    for scope in ["documents:write", "documents:read documents:write", "calendar:read"] {
        asked().with("scope", scope).send().refused(400, "invalid_scope");
    }
    let narrow = target().idp.access_token("alice").scope("calendar:read").mint();
    asked().with("subject_token", &narrow).send().refused(400, "invalid_scope");
}

/// §10: "`request_details`", "`request_context`": JSON objects, told as `tctx` and `rctx`.
#[test]
fn s10_tells_of_the_request() {
    let (details, context) = (json!({ "amount": 12 }), json!({ "req_ip": "192.0.2.1" }));
    let asked = asked().with("request_details", &details.to_string());
    let told = asked.with("request_context", &context.to_string()).send().granted();
    assert_eq!(told.token.claims["tctx"], details);
    assert_eq!(told.token.claims["rctx"], context);
}

#[test]
fn s10_refuses_details_that_are_no_object() {
    for name in ["request_details", "request_context"] {
        asked().with(name, "{\"a\":1}").send().granted();
        for bad in ["[1]", "\"x\"", "{", "null", "{} {}"] {
            asked().with(name, bad).send().refused_as_invalid_request();
        }
        let large = json!({ "a": "x".repeat(40_000) }).to_string();
        asked().with(name, &large).send().refused_as_invalid_request();
    }
}

/// §7: "MUST NOT be used as" an access token, nor embed one: it opens no API, and is exchanged for
/// nothing.
#[test]
fn s7_passes_for_no_other_token() {
    let txn = granted().token.text;
    for kind in [ACCESS_TOKEN, ID_TOKEN, JWT, TXN_TOKEN] {
        let exchange = Exchange::of(target(), &txn).with("subject_token_type", kind);
        exchange.send().refused_as_invalid_request();
    }
    let reply = http::get(&target().api, &[("authorization", &format!("Bearer {txn}"))]);
    assert_eq!(reply.status, 401);
    assert_eq!(AboutToken::introspect(target(), &txn).send().json()["active"], false);
    Exchange::redeeming(target(), &txn).send().refused(400, "invalid_grant");
    let claims: Value = Value::Object(granted().token.claims);
    assert!(!claims.to_string().contains("eyJ"), "no token within the token");
}

/// Who granted nothing there gets nothing: it is a target like any other.
#[test]
fn s10_the_user_must_have_granted_it() {
    let bob = target().idp.access_token("bob").mint();
    asked().with("subject_token", &bob).send().refused(400, "invalid_target");
    granted();
}

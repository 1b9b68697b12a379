//! Microsoft's on-behalf-of flow, which has the parameters of RFC 7523 and the meaning of RFC 8693: code
//! that was written for it moves by changing an address. ("Microsoft identity platform and OAuth 2.0
//! On-Behalf-Of flow".)

use conformance::{CALENDAR, Credentials, DOCUMENTS, Exchange, Granted, Key, target};

fn alice() -> String {
    target().idp.access_token("alice").mint()
}

fn asked(scope: &str) -> Exchange<'static> {
    Exchange::on_behalf_of(target(), &alice(), scope)
}

fn read() -> String {
    format!("{DOCUMENTS}/documents:read")
}

fn granted(scope: &str) -> Granted {
    asked(scope).send().granted()
}

/// "`grant_type` … must be `urn:ietf:params:oauth:grant-type:jwt-bearer`, `assertion`: the access token that
/// was sent to the middle-tier API, `scope`, `requested_token_use`: … must be set to `on_behalf_of`", with
/// `client_id` and `client_secret` in the body.
#[test]
fn is_an_exchange_by_another_name() {
    let client = target().agent("orchestrator").clone();
    let granted = asked(&read()).authenticated(Credentials::Body(client)).send().granted();
    assert_eq!((granted.claim("sub"), granted.claim("aud")), ("alice", DOCUMENTS));
    assert_eq!(granted.scope(), ["documents:read"]);
    assert_eq!(granted.actors().len(), 1);
    assert!(granted.is_active(target()));
}

/// "`<resource>/.default`": everything that was granted there.
#[test]
fn default_means_all_that_was_granted() {
    let granted = granted(&format!("{DOCUMENTS}/.default"));
    assert_eq!(granted.scope(), ["documents:read", "documents:write"]);
    let one = asked(&format!("{DOCUMENTS}/documents:read {DOCUMENTS}/documents:write"));
    assert_eq!(one.send().granted().scope(), granted.scope());
}

/// Its libraries add what signing in needs, unasked; here that is nothing.
#[test]
fn what_libraries_add_is_overlooked() {
    let granted = granted(&format!("{DOCUMENTS}/.default openid profile offline_access"));
    assert_eq!(granted.scope(), ["documents:read", "documents:write"]);
    assert!(!granted.body.contains_key("refresh_token") && !granted.body.contains_key("id_token"));
}

/// One resource a token, there as here.
#[test]
fn refuses_two_resources() {
    granted(&read());
    let two = format!("{} {CALENDAR}/calendar:read", read());
    asked(&two).send().refused(400, "invalid_target");
}

#[test]
fn refuses_a_resource_nobody_knows() {
    granted(&read());
    for scope in ["https://evil.example/documents:read", "https://evil.example/.default"] {
        asked(scope).send().refused(400, "invalid_target");
    }
    asked(&format!("{DOCUMENTS}/calendar:read")).send().refused(400, "invalid_scope");
    asked(&format!("{DOCUMENTS}/documents:delete")).send().refused(400, "invalid_scope");
}

/// RFC 7521 §4.1.1: "`invalid_grant`", as its libraries expect.
#[test]
fn a_bad_assertion_is_an_invalid_grant() {
    granted(&read());
    for bad in [
        "garbage".to_owned(),
        target().idp.access_token("alice").lifetime(-120).mint(),
        target().idp.access_token("alice").claim("iss", "https://evil.example").mint(),
        target().idp.access_token("alice").client("some-app").audience(&["elsewhere"]).mint(),
        target().idp.access_token("carol-nobody-knows").mint(),
    ] {
        Exchange::on_behalf_of(target(), &bad, &read()).send().refused(400, "invalid_grant");
    }
}

/// What else there is of `requested_token_use` is not known here.
#[test]
fn refuses_another_use() {
    asked(&read()).with("requested_token_use", "on_behalf_of").send().granted();
    asked(&read()).with("requested_token_use", "x").send().refused(400, "invalid_request");
}

/// Without it, it is the grant of RFC 7523, for which an access token is no assertion.
#[test]
fn an_access_token_is_no_assertion_otherwise() {
    asked(&read()).send().granted();
    let plain = asked(&read()).without("requested_token_use").with("scope", "documents:read");
    plain.with("resource", DOCUMENTS).send().refused(400, "invalid_grant");
}

/// A token of ours is handed on the same way: the chain goes on.
#[test]
fn goes_on_with_a_chain() {
    let handed = Exchange::happy(target()).for_agent("researcher").send().granted().token.text;
    let next = Exchange::on_behalf_of(target(), &handed, &read()).by("researcher");
    assert_eq!(next.send().granted().actors().len(), 2);
}

/// Whoever may exchange may do so by another name, and nobody else.
#[test]
fn needs_what_an_exchange_needs() {
    asked(&read()).send().granted();
    let nightlys = target().idp.access_token("alice").client("nightly").audience(&["nightly"]);
    let nightly = Exchange::on_behalf_of(target(), &nightlys.mint(), &read()).by("nightly");
    nightly.send().refused(400, "unauthorized_client");
}

/// RFC 9449 §5: a proof binds it like any other.
#[test]
fn is_bound_to_a_key_that_is_proved() {
    asked(&read()).with_key(&Key::new()).send().granted();
}

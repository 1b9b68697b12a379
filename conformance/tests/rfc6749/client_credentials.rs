//! §4.4: a client asks for itself: a service account for an API, an agent for a token by which it shows
//! who it is.

use conformance::{
    ACCESS_TOKEN, AboutToken, CALENDAR, Credentials, DOCUMENTS, Exchange, ID_TOKEN, JWT, Key, http,
    target,
};

fn nightly() -> Exchange<'static> {
    Exchange::own(target(), "nightly")
}

/// RFC 6749 §4.4.2: "`grant_type` REQUIRED. Value MUST be set to "`client_credentials`".", §4.4.3: "If the
/// access token request is valid and authorized, the authorization server issues an access token".
#[test]
fn s4_4_a_service_account_gets_a_token_of_its_own() {
    let granted = nightly().send().granted();
    assert_eq!(granted.claim("aud"), DOCUMENTS);
    assert_eq!(granted.scope(), ["documents:read"]);
    assert!(granted.is_active(target()));
}

/// RFC 6749 §4.4.2: "The client MUST authenticate with the authorization server", §4.4: "MUST only be
/// used by confidential clients".
#[test]
fn s4_4_2_refuses_who_does_not_authenticate() {
    nightly().send().granted();
    let missing = nightly().authenticated(Credentials::Missing);
    missing.clone().send().refused(401, "invalid_client");
    missing.with("client_id", "nightly").send().refused(401, "invalid_client");
    let mut client = target().agent("nightly").clone();
    client.client_secret = target().agent("orchestrator").client_secret.clone();
    nightly().authenticated(Credentials::Basic(client)).send().refused(401, "invalid_client");
}

/// RFC 6749 §4.4.3: "A refresh token SHOULD NOT be included." (After every request, too.)
#[test]
fn s4_4_3_issues_no_refresh_token() {
    for client in ["nightly", "orchestrator"] {
        let granted = Exchange::own(target(), client).send().granted();
        assert_eq!(granted.body.get("refresh_token"), None, "{client}");
    }
}

/// RFC 6749 §5.2: "`unauthorized_client`: The authenticated client is not authorized to use this
/// authorization grant type."
#[test]
fn s5_2_refuses_a_client_that_is_not_registered_for_it() {
    for client in ["researcher", "archivist", "other-agent"] {
        Exchange::own(target(), client).send().refused(400, "unauthorized_client");
    }
    Exchange::own(target(), "orchestrator").send().granted();
    // Nor does a service account act for anybody.
    let minted = target().idp.access_token("alice").client("nightly").audience(&["nightly"]);
    let exchange = Exchange::of(target(), &minted.mint()).by("nightly");
    exchange.send().refused(400, "unauthorized_client");
    let assertion = target().plain_assertion().client("nightly").mint();
    let redeemed = Exchange::redeeming(target(), &assertion).by("nightly");
    redeemed.send().refused(400, "unauthorized_client");
}

/// RFC 6749 §3.3: what the organization granted the account is the most.
#[test]
fn s3_3_refuses_more_than_was_granted() {
    nightly().with("scope", "documents:read").send().granted();
    for scope in ["documents:write", "documents:read documents:write", "calendar:read", "x"] {
        nightly().with("scope", scope).send().refused(400, "invalid_scope");
    }
}

/// RFC 8707 §2: "`invalid_target`": elsewhere there is nothing for it.
#[test]
fn rfc8707_s2_refuses_another_target() {
    nightly().with("resource", DOCUMENTS).send().granted();
    for resource in [CALENDAR, "https://evil.example", target().issuer.as_str()] {
        nightly().with("resource", resource).send().refused(400, "invalid_target");
    }
    for audience in ["orchestrator", conformance::PARTNER, conformance::TRUST_DOMAIN] {
        nightly().for_agent(audience).send().refused(400, "invalid_target");
    }
    nightly().without("resource").send().refused(400, "invalid_target");
}

/// RFC 9068 §2.2: "In cases of access tokens obtained through grants where no resource owner is
/// involved, such as the client credentials grant, the value of "sub" SHOULD correspond to an
/// identifier the authorization server uses to indicate the client application."; and the rest of what
/// is REQUIRED.
#[test]
fn rfc9068_s2_2_the_subject_is_the_client() {
    let granted = nightly().send().granted();
    assert_eq!(granted.claim("sub"), "service:nightly");
    assert_eq!(granted.claim("client_id"), "nightly");
    assert_eq!(granted.claim("org_id"), "demo");
    for name in ["iss", "aud", "jti"] {
        assert!(!granted.claim(name).is_empty(), "{name}");
    }
    assert!(granted.seconds("iat") < granted.seconds("exp"));
    for name in ["act", "may_act", "auth_time", "acr", "amr"] {
        assert!(!granted.token.claims.contains_key(name), "{name}: nobody signed in");
    }
}

/// RFC 9068 §4: the API takes it, as it takes any; nobody stands behind it.
#[test]
fn rfc9068_s4_the_api_serves_it() {
    let token = nightly().send().granted().token.text;
    let reply = http::get(&target().api, &[("authorization", &format!("Bearer {token}"))]);
    assert_eq!(reply.status, 200, "{}", reply.text());
    assert_eq!(reply.json()["user"], "service:nightly");
}

/// RFC 7662 §2.2: what introspection says of it.
#[test]
fn rfc7662_s2_2_introspection_knows_it() {
    let granted = nightly().send().granted();
    let told = AboutToken::introspect(target(), &granted.token.text).send().json();
    assert_eq!(told["active"], true);
    assert_eq!(told["sub"], "service:nightly");
    assert_eq!(told.get("act"), None);
    granted.revoke(target());
    assert!(!granted.is_active(target()));
}

/// Decision: nobody acts for somebody who acts for itself; its token begins no chain.
#[test]
fn rfc8693_s2_1_its_token_is_no_subject_token() {
    for client in ["nightly", "orchestrator"] {
        let own = Exchange::own(target(), client).send().granted().token.text;
        for kind in [ACCESS_TOKEN, ID_TOKEN, JWT] {
            let exchange = Exchange::of(target(), &own).with("subject_token_type", kind);
            exchange.send().refused_as_invalid_request();
        }
    }
    Exchange::happy(target()).send().granted();
}

/// An agent's own token says who it is, and nothing else: it is for us, and has no scope.
#[test]
fn s4_4_an_agents_own_token_opens_nothing() {
    let granted = Exchange::own(target(), "orchestrator").send().granted();
    assert_eq!(granted.claim("aud"), target().issuer);
    assert!(granted.scope().is_empty());
    let authorization = format!("Bearer {}", granted.token.text);
    assert_eq!(http::get(&target().api, &[("authorization", &authorization)]).status, 401);
    let own = || Exchange::own(target(), "orchestrator");
    own().with("scope", "documents:read").send().refused(400, "invalid_scope");
    own().with("resource", DOCUMENTS).send().refused(400, "invalid_target");
    own().for_agent("researcher").send().refused(400, "invalid_target");
}

/// RFC 7523 §2.2 and RFC 9449 §5: the same as FAPI 2.0 has it: a signed assertion and a bound token.
#[test]
fn fapi_s5_3_a_service_account_without_any_secret() {
    let key = Key::new();
    let request = Exchange::own(target(), "fapi-service");
    request.clone().send().refused(400, "invalid_dpop_proof");
    let granted = request.with_key(&key).send().granted();
    assert_eq!(granted.claim("sub"), "service:fapi-service");
    let proof = key.proof_with("GET", &target().api, &granted.token.text).text();
    let authorization = format!("DPoP {}", granted.token.text);
    let headers = [("authorization", authorization.as_str()), ("dpop", proof.as_str())];
    assert_eq!(http::get(&target().api, &headers).status, 200);
}

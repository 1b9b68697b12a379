//! §2.2 and §4: what is not active, and that nobody learns why.

use std::time::Duration;

use conformance::{
    AboutToken, CALENDAR, Credentials, DOCUMENTS, Exchange, Granted, INACTIVE, eventually,
    exchange::three_hops, jwt, now, target,
};

/// Seconds: as little as is worth a token, and what a busy machine needs for one exchange.
const SHORT: i64 = 9;
/// Longer than that and the leeway of any clock.
const SOON: Duration = Duration::from_secs(45);

fn granted() -> Granted {
    Exchange::happy(target()).send().granted()
}

/// RFC 7662 §2.2: "If the introspection call is properly authorized but the token is not active,
/// does not exist on this server, or the protected resource is not allowed to introspect this
/// particular token, then the authorization server MUST return an introspection response with the
/// "active" field set to "false". … the authorization server SHOULD NOT include any additional
/// information about an inactive token, including why the token is inactive." §2.3: such a query
/// "is not considered an error response".
fn inactive(why: &str, token: &str) {
    let reply = AboutToken::introspect(target(), token).send();
    assert_eq!((reply.status, reply.text().as_str()), (200, INACTIVE), "{why}");
    assert!(
        reply.has("cache-control", "no-store") && reply.has("content-type", "application/json")
    );
    assert_eq!(reply.header("x-reason").or(reply.header("www-authenticate")), None, "{why}");
}

/// The twin of everything below.
#[test]
fn s2_2_a_fresh_token_is_active() {
    assert!(granted().is_active(target()));
}

#[test]
fn s2_2_what_was_never_a_token_is_inactive() {
    let long = "x".repeat(20_000);
    for garbage in ["garbage", "a.b.c", "..", "e30.e30.", "\u{fc}", " ", "null", &long] {
        inactive("garbage", garbage);
    }
    inactive("a JWE", &jwt::jwe_shaped(r#"{"alg":"dir","enc":"A256GCM"}"#));
    inactive("no claims", &jwt::unsigned(r#"{"alg":"ES256","typ":"at+jwt"}"#, "{}"));
}

/// RFC 7662 §4: "If the token has been signed, the authorization server MUST validate the
/// signature."
#[test]
fn s4_a_token_with_another_signature_is_inactive() {
    let good = granted();
    inactive("another subject", &good.token.with_claims_swapped("sub", "bob"));
    inactive("longer", &good.token.with_claims_swapped("exp", now() + 100_000));
    inactive("alg none", &good.token.forged(&[("alg", "none".into())], &[]));
    inactive("another type", &good.token.forged(&[("typ", "JWT".into())], &[0; 64]));
    inactive("HMAC under a public text", &good.token.signed_with_public(b"any"));
    inactive("a lax reading", &good.token.with_twin_of_last_character());
    assert!(good.is_active(target()));
}

/// RFC 7662 §4: "If the token can be used only at certain resource servers, the authorization server
/// MUST determine whether or not the token can be used at the resource server making the
/// introspection call."
#[test]
fn s4_a_token_for_somebody_else_is_inactive() {
    let calendar = Exchange::happy(target()).with("resource", CALENDAR).send().granted();
    let [for_researcher, for_archivist, for_documents] = three_hops(target());
    inactive("the calendar's", &calendar.token.text);
    inactive("the researcher's", &for_researcher.token.text);
    inactive("the archivist's", &for_archivist.token.text);
    for granted in [&calendar, &for_researcher, &for_archivist, &for_documents] {
        assert!(granted.is_active(target()), "to the one it is for: {}", granted.claim("aud"));
    }
    for caller in ["calendar-api", "orchestrator", "archivist", "other-agent"] {
        let reply = AboutToken::introspect(target(), &for_documents.token.text).by(caller).send();
        assert_eq!((reply.status, reply.text().as_str()), (200, INACTIVE), "{caller}");
    }
}

/// RFC 7662 §2.2: "… does not exist on this server …".
#[test]
fn s2_2_a_token_of_another_issuer_is_inactive() {
    inactive("the provider's", &target().idp.access_token("alice").audience(&[DOCUMENTS]).mint());
    inactive("an ID Token", &target().idp.id_token("alice").audience(&[DOCUMENTS]).mint());
    let pretender = target().idp.access_token("alice").claim("iss", target().issuer.as_str());
    inactive("in our name", &pretender.audience(&[DOCUMENTS]).mint());
    let stranger = Credentials::Basic(target().stranger().clone());
    let theirs = Exchange::happy(target()).at(&target().other_org.token_endpoint);
    let theirs = theirs.authenticated(stranger).with("scope", "documents:read").send().granted();
    inactive("the other organization's", &theirs.token.text);
    let there = AboutToken::introspect(target(), &theirs.token.text)
        .at(&target().other_org.introspection_endpoint)
        .authenticated(Credentials::Basic(target().strange_api().client.clone()));
    assert_eq!(there.send().json()["active"], true);
}

/// RFC 7662 §4: "If the token can be revoked after it was issued, the authorization server MUST
/// determine whether or not such a revocation has taken place."
#[test]
fn s4_a_revoked_token_is_inactive() {
    let granted = granted();
    assert!(granted.is_active(target()));
    granted.revoke(target());
    inactive("revoked", &granted.token.text);
}

/// RFC 7662 §4: "If the token can expire, the authorization server MUST determine whether or not the
/// token has expired."
#[test]
fn s4_an_expired_token_is_inactive() {
    let short = target().idp.access_token("alice").lifetime(SHORT).mint();
    let granted = Exchange::of(target(), &short).send().granted();
    let ended = eventually("an expired token is inactive", SOON, || {
        (!granted.is_active(target())).then(now)
    });
    assert!(granted.seconds("exp") <= ended, "not before it expired");
    inactive("expired", &granted.token.text);
}

//! §2.1 and §3.1: an assertion for a grant. Identity assertions of the profile for it are in
//! `id_jag.rs`; here is what holds for any.

use conformance::{
    Credentials, DOCUMENTS, Exchange, JWT_BEARER, Jwt, Reply, TOKEN_EXCHANGE, idp::Mint, now,
    target,
};
use serde_json::{Value, json};

fn assertion() -> Mint<'static> {
    target().plain_assertion()
}

fn redeemed(assertion: Mint<'_>) -> Reply {
    Exchange::redeeming(target(), &assertion.mint()).send()
}

/// RFC 7521 §4.1.1: "If the assertion is not valid, or has expired, the authorization server MUST use
/// "`invalid_grant`" as the error code".
fn refused(assertion: Mint<'_>) {
    redeemed(assertion).refused(400, "invalid_grant");
}

/// RFC 7523 §2.1: "`grant_type` … is "urn:ietf:params:oauth:grant-type:jwt-bearer". The value of the
/// "assertion" parameter MUST contain a single JWT."
#[test]
fn s2_1_an_assertion_is_worth_a_token() {
    let granted = redeemed(assertion()).granted();
    assert_eq!(granted.claim("sub"), "alice");
    assert_eq!(granted.claim("aud"), DOCUMENTS);
    assert_eq!(granted.actors().len(), 1, "it is delegated like any other");
}

/// RFC 7521 §4.1: "assertion REQUIRED."
#[test]
fn rfc7521_s4_1_refuses_a_missing_assertion() {
    let exchange = Exchange::redeeming(target(), &assertion().mint());
    exchange.send().granted();
    let exchange = Exchange::redeeming(target(), "").without("assertion");
    exchange.send().refused(400, "invalid_request");
}

/// RFC 7523 §2.1: "MUST contain a single JWT".
#[test]
fn s2_1_refuses_two_assertions() {
    let (one, two) = (assertion().mint(), assertion().mint());
    Exchange::redeeming(target(), &one)
        .adding("assertion", &two)
        .send()
        .refused(400, "invalid_request");
    Exchange::redeeming(target(), &format!("{one} {two}")).send().refused(400, "invalid_grant");
    Exchange::redeeming(target(), &one).send().granted();
}

/// RFC 7523 §3 (1) and RFC 7521 §5.1: "compare the issuer values using the Simple String Comparison".
#[test]
fn s3_refuses_an_issuer_that_is_not_trusted() {
    redeemed(assertion()).granted();
    let issuer = target().idp.issuer.clone();
    for other in [
        Value::Null,
        json!(format!("{issuer}/")),
        json!(issuer.to_ascii_uppercase()),
        json!(target().issuer),
        json!(target().other_org.issuer),
        json!("https://evil.example"),
        json!([issuer]),
        json!("orchestrator"),
    ] {
        refused(assertion().claim("iss", other));
    }
}

/// RFC 7523 §3 (2): "The JWT MUST contain a "sub" (subject) claim identifying the principal that is
/// the subject of the JWT."
#[test]
fn s3_refuses_an_assertion_about_nobody() {
    redeemed(assertion().claim("sub", "alice")).granted();
    for sub in [Value::Null, json!(""), json!(7), json!(["alice"])] {
        refused(assertion().claim("sub", sub));
    }
}

/// RFC 7523 §3 (3): "The authorization server MUST reject any JWT that does not contain its own
/// identity as the intended audience."
#[test]
fn s3_refuses_an_assertion_for_others() {
    let issuer = target().issuer.as_str();
    redeemed(assertion().audience(&[issuer])).granted();
    for other in [
        json!("https://elsewhere.example"),
        json!(format!("{issuer}/")),
        json!(target().other_org.issuer),
        json!("orchestrator"),
        json!(DOCUMENTS),
        Value::Null,
    ] {
        refused(assertion().claim("aud", other));
    }
}

/// RFC 7523 §3 (4): "MUST contain an "exp" … MUST reject any JWT with an expiration time that has
/// passed"; (5) nbf.
#[test]
fn s3_refuses_an_assertion_out_of_its_time() {
    redeemed(assertion().claim("nbf", now() - 5)).granted();
    refused(assertion().lifetime(-120));
    refused(assertion().claim("exp", Value::Null));
    refused(assertion().claim("exp", "soon"));
    refused(assertion().claim("nbf", now() + 120));
}

/// RFC 7523 §3 (9): "MUST reject JWTs with an invalid signature or MAC".
#[test]
fn s3_refuses_a_forged_assertion() {
    let good = Jwt::read(&assertion().mint());
    for bad in [
        good.with_claims_swapped("sub", "bob"),
        good.forged(&[("alg", "none".into())], &[]),
        good.forged(&[], &[0; 256]),
        good.signed_with_public(b"secret"),
        "garbage".to_owned(),
    ] {
        Exchange::redeeming(target(), &bad).send().refused(400, "invalid_grant");
    }
    Exchange::redeeming(target(), &good.text).send().granted();
}

/// RFC 7523 §3.1 with RFC 8725 §3.12: neither an access token nor an ID Token is an assertion for a
/// grant, and an assertion is neither of them.
#[test]
fn rfc8725_s3_12_an_assertion_is_no_token_and_no_token_an_assertion() {
    let issuer = target().issuer.as_str();
    redeemed(assertion()).granted();
    refused(assertion().header("typ", "at+jwt"));
    refused(assertion().header("typ", "logout+jwt"));
    refused(target().idp.id_token("alice").audience(&[issuer]).claim("nonce", "n"));
    let ours = Exchange::happy(target()).for_agent("orchestrator").send().granted().token.text;
    Exchange::redeeming(target(), &ours).send().refused(400, "invalid_grant");
}

/// RFC 7523 §3.1: "if client credentials are present …, they MUST be validated".
#[test]
fn s3_1_a_good_assertion_does_not_replace_the_client() {
    let exchange = Exchange::redeeming(target(), &assertion().mint());
    exchange.clone().authenticated(Credentials::Missing).send().refused(401, "invalid_client");
    let mut client = target().agent("orchestrator").clone();
    client.client_secret.push('x');
    let wrong = exchange.clone().authenticated(Credentials::Basic(client));
    wrong.send().refused(401, "invalid_client");
    exchange.send().granted();
}

/// RFC 7521 §4.1 with RFC 8725 §3.9: the assertion says for which client it is; another one that got
/// hold of it has nothing.
#[test]
fn rfc7521_s4_1_refuses_the_assertion_of_another_client() {
    redeemed(assertion().client("orchestrator")).granted();
    refused(assertion().client("signer"));
    refused(assertion().client("researcher"));
    // Decision: one that names no client is for those the connection lists, and here there are none.
    refused(assertion().claim("client_id", Value::Null));
    let minted = assertion().client("signer").mint();
    Exchange::redeeming(target(), &minted).by("signer").send().granted();
}

/// RFC 7521 §4.1: "The requested scope MUST be equal to or less than the scope originally granted to
/// the authorized accessor."
#[test]
fn rfc7521_s4_1_the_scope_is_not_wider_than_granted() {
    let with = |limit: &str, asked: &str| {
        let minted = assertion().scope(limit).mint();
        Exchange::redeeming(target(), &minted).with("scope", asked).send()
    };
    let granted = with("documents:read", "documents:read").granted();
    assert_eq!(granted.scope(), ["documents:read"]);
    with("documents:read", "documents:read documents:write").refused(400, "invalid_scope");
    with("documents:read", "calendar:read").refused(400, "invalid_scope");
}

/// RFC 7521 §4.1: "the authorization server SHOULD NOT issue access tokens with a lifetime that exceeds
/// the validity period of the assertion by a significant period".
#[test]
fn rfc7521_s4_1_the_token_does_not_outlive_the_assertion() {
    let granted = redeemed(assertion().lifetime(40)).granted();
    assert!(granted.seconds("exp") <= now() + 40);
}

/// RFC 6749 §5.2: "`unauthorized_client`: The authenticated client is not authorized to use this
/// authorization grant type."
#[test]
fn rfc6749_s5_2_refuses_a_client_that_is_not_registered_for_it() {
    let minted = target().plain_assertion().client("researcher").mint();
    let exchange = Exchange::redeeming(target(), &minted).by("researcher");
    exchange.clone().send().refused(400, "unauthorized_client");
    exchange.with("grant_type", TOKEN_EXCHANGE).send().refused(400, "invalid_request");
    let exchange = Exchange::redeeming(target(), &assertion().mint());
    exchange.with("grant_type", JWT_BEARER).send().granted();
}

/// RFC 7523 §3 (7): "The authorization server MAY ensure that JWTs are not replayed": a plain assertion,
/// of no profile that allows it, is taken once.
#[test]
fn s3_takes_an_assertion_once() {
    let minted = assertion().mint();
    Exchange::redeeming(target(), &minted).send().granted();
    Exchange::redeeming(target(), &minted).send().refused(400, "invalid_grant");
    redeemed(assertion()).granted();
}

/// Decision: behind an assertion is a user, who is asked about like any other.
#[test]
fn s3_1_the_user_behind_it_must_have_granted_it() {
    redeemed(assertion()).granted();
    let nobody = target().plain_assertion().claim("sub", "carol-nobody-knows");
    assert_eq!(redeemed(nobody).status, 400);
    refused(target().plain_assertion().claim("sub", "agent:orchestrator"));
}

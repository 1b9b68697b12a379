//! §4.4: an identity provider's assertion for us, presented for an access token.

use conformance::{
    DOCUMENTS, Exchange, JWT_BEARER, Key, Reply, TOKEN_EXCHANGE, http, idp::Mint, target,
};
use serde_json::{Value, json};

fn id_jag() -> Mint<'static> {
    target().id_jag()
}

fn redeemed(assertion: Mint<'_>) -> Reply {
    Exchange::redeeming(target(), &assertion.mint()).send()
}

fn refused(assertion: Mint<'_>) {
    redeemed(assertion).refused(400, "invalid_grant");
}

/// §4.4: "`grant_type`: REQUIRED … `urn:ietf:params:oauth:grant-type:jwt-bearer`", "assertion: REQUIRED.
/// The Identity Assertion JWT".
#[test]
fn s4_4_is_worth_a_token() {
    let granted = redeemed(id_jag()).granted();
    assert_eq!((granted.claim("sub"), granted.claim("aud")), ("alice", DOCUMENTS));
    assert_eq!(granted.body["token_type"], "Bearer");
    assert!(granted.is_active(target()));
}

/// §4.4.1: "The `typ` … MUST be `oauth-id-jag+jwt`": another kind is none, one without a type is
/// another grant.
#[test]
fn s4_4_1_refuses_another_type() {
    redeemed(id_jag().header("typ", "application/oauth-id-jag+jwt")).granted();
    for typ in ["at+jwt", "id-jag+jwt", "oauth-id-jag", "logout+jwt", "dpop+jwt"] {
        refused(id_jag().header("typ", typ));
    }
}

/// §4.4.1: "The `aud` claim MUST … the issuer identifier of the Resource Authorization Server …, a
/// string or an array with that one value".
#[test]
fn s4_4_1_the_audience_is_us_alone() {
    let issuer = target().issuer.as_str();
    redeemed(id_jag().claim("aud", issuer)).granted();
    redeemed(id_jag().claim("aud", json!([issuer]))).granted();
    for other in [
        json!([issuer, "https://elsewhere.example"]),
        json!(target().token_endpoint),
        json!(target().other_org.issuer),
        json!(format!("{issuer}/")),
        json!("orchestrator"),
        json!([]),
        Value::Null,
    ] {
        refused(id_jag().claim("aud", other));
    }
}

/// §4.4.1: "The `client_id` claim MUST identify the same client as the client authentication in the
/// request."
#[test]
fn s4_4_1_the_client_is_the_one_that_asks() {
    redeemed(id_jag().client("orchestrator")).granted();
    for other in ["signer", "researcher", "Orchestrator", "orchestrator "] {
        refused(id_jag().client(other));
    }
    refused(id_jag().claim("client_id", Value::Null));
    refused(id_jag().claim("client_id", json!(["orchestrator"])));
    let signers = id_jag().client("signer").mint();
    Exchange::redeeming(target(), &signers).send().refused(400, "invalid_grant");
    Exchange::redeeming(target(), &signers).by("signer").send().granted();
}

/// §3: "jti REQUIRED … exp REQUIRED … iat REQUIRED … sub REQUIRED … iss REQUIRED".
#[test]
fn s3_refuses_what_is_incomplete() {
    redeemed(id_jag()).granted();
    for name in ["iss", "sub", "aud", "exp", "iat", "jti", "client_id"] {
        refused(id_jag().claim(name, Value::Null));
    }
}

/// RFC 7521 §5.2: only issuers that are trusted.
#[test]
fn s4_4_1_refuses_an_issuer_that_is_not_trusted() {
    redeemed(id_jag()).granted();
    for issuer in [&target().issuer, &target().other_org.issuer, "https://evil.example"] {
        refused(id_jag().claim("iss", issuer));
    }
}

/// §3: "scope: OPTIONAL": what it says is the most.
#[test]
fn s4_4_its_scope_is_a_limit() {
    let with = |limit: &str| Exchange::redeeming(target(), &id_jag().scope(limit).mint());
    assert_eq!(with("documents:read").send().granted().scope(), ["documents:read"]);
    with("documents:read").with("scope", "documents:write").send().refused(400, "invalid_scope");
    with("documents:read documents:write").with("scope", "documents:write").send().granted();
}

/// §3: "resource: OPTIONAL … the Resource Server the client intends to access": for no other.
#[test]
fn s4_4_its_resource_is_the_target() {
    let for_calendar = || id_jag().claim("resource", conformance::CALENDAR);
    Exchange::redeeming(target(), &for_calendar().mint()).send().refused(400, "invalid_target");
    let exchange = Exchange::redeeming(target(), &for_calendar().mint());
    let granted = exchange.with("resource", conformance::CALENDAR).send().granted();
    assert_eq!(granted.claim("aud"), conformance::CALENDAR);
    redeemed(id_jag().claim("resource", json!([conformance::CALENDAR, DOCUMENTS]))).granted();
    // Asked for nothing else, it is what is meant.
    let named = Exchange::redeeming(target(), &for_calendar().mint()).without("resource");
    assert_eq!(named.send().granted().claim("aud"), conformance::CALENDAR);
}

/// §7.5: "If the ID-JAG contains a `cnf` claim … and a DPoP proof is not present or does not match …,
/// the Resource Authorization Server MUST" refuse it with "`invalid_grant`".
#[test]
fn s7_5_a_bound_one_needs_its_key() {
    let key = Key::new();
    let bound = id_jag().claim("cnf", json!({ "jkt": key.thumbprint() })).mint();
    let exchange = Exchange::redeeming(target(), &bound);
    exchange.clone().send().refused(400, "invalid_grant");
    exchange.clone().with_key(&Key::new()).send().refused(400, "invalid_grant");
    exchange.with_key(&key).send().granted();
}

/// §7.5: "If the ID-JAG does not contain a `cnf` claim" and a proof is there, the token may be bound; a
/// client whose tokens must be is refused without.
#[test]
fn s7_5_a_free_one_may_be_bound() {
    let exchange = Exchange::redeeming(target(), &id_jag().mint());
    exchange.with_key(&Key::new()).send().granted();
    let fapi = Exchange::redeeming(target(), &id_jag().client("fapi").mint()).by("fapi");
    fapi.clone().send().refused(400, "invalid_dpop_proof");
    fapi.with_key(&Key::new()).send().granted();
}

/// §4.4.2: the client may present it again "while it is valid", having no refresh token.
#[test]
fn s4_4_2_may_be_presented_again() {
    let assertion = id_jag().mint();
    let first = Exchange::redeeming(target(), &assertion).send().granted();
    let second = Exchange::redeeming(target(), &assertion).send().granted();
    assert_ne!(first.claim("jti"), second.claim("jti"));
}

/// RFC 8725 §3.12 and RFC 8693 §2.1: it is a grant, no token: nobody exchanges it.
#[test]
fn s4_4_is_no_subject_token() {
    let assertion = id_jag().mint();
    for kind in [conformance::ACCESS_TOKEN, conformance::ID_TOKEN, conformance::JWT] {
        let exchange = Exchange::of(target(), &assertion).with("subject_token_type", kind);
        exchange.send().refused_as_invalid_request();
    }
    Exchange::redeeming(target(), &assertion).send().granted();
}

/// §4.4: the user is asked about, as at any exchange: once gone, nothing is had.
#[test]
fn s4_4_the_user_must_have_granted_it() {
    redeemed(id_jag().claim("sub", "alice")).granted();
    refused(id_jag().claim("sub", "carol-nobody-knows"));
    refused(id_jag().claim("sub", "agent:orchestrator"));
}

/// The claim `act` of a provider that is not trusted for it is not dropped, which would launder a
/// delegation: it refuses the whole.
#[test]
fn s3_refuses_a_chain_it_does_not_believe() {
    redeemed(id_jag()).granted();
    refused(id_jag().claim("act", json!({ "sub": "somebody" })));
}

/// §8: "`authorization_grant_profiles_supported`: … `urn:ietf:params:oauth:grant-profile:id-jag`", and
/// then "MUST" list "jwt-bearer" in "`grant_types_supported`".
#[test]
fn s8_metadata_tells_of_it() {
    let url = target().well_known("oauth-authorization-server");
    let document = http::get(&url, &[]).json();
    let lists = |member: &str, value: &str| {
        let list = document.get(member).and_then(Value::as_array);
        list.is_some_and(|list| list.iter().any(|it| it == value))
    };
    let profile = "urn:ietf:params:oauth:grant-profile:id-jag";
    assert!(lists("authorization_grant_profiles_supported", profile), "{document}");
    for grant in [JWT_BEARER, TOKEN_EXCHANGE] {
        assert!(lists("grant_types_supported", grant), "{document}");
    }
    assert!(!document.to_string().contains(&target().idp.issuer), "whom we trust is no news");
}

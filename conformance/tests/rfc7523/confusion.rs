//! RFC 8725 §2.8 and §3.12, "Cross-JWT Confusion": every audience an assertion could be written for, at
//! each of the two organizations, generated. The right pair is believed, no other.

use conformance::{Credentials, Exchange, Key, Statement, target};
use serde_json::{Value, json};

/// Audiences somebody could inject, and whether they name the first organization alone.
fn audiences() -> Vec<(Value, bool)> {
    let (issuer, other) = (target().issuer.as_str(), target().other_org.issuer.as_str());
    let names = [
        issuer,
        other,
        target().idp.issuer.as_str(),
        target().token_endpoint.as_str(),
        target().revocation_endpoint.as_str(),
        "signer",
        "orchestrator",
        conformance::DOCUMENTS,
        conformance::PARTNER,
        conformance::TRUST_DOMAIN,
        "",
        "*",
        "%2a",
    ];
    let mut all: Vec<(Value, bool)> = Vec::new();
    for name in names {
        let is_ours = name == issuer;
        all.push((json!(name), is_ours));
        all.push((json!([name]), is_ours));
        all.push((json!([issuer, name]), false));
        all.push((json!([name, issuer]), false));
        all.push((json!({ "aud": name }), false));
    }
    for suffix in ["/", "#", "?x", "%00", "\u{200b}", "/.", "//", "/../demo", " "] {
        all.push((json!(format!("{issuer}{suffix}")), false));
    }
    for scheme in ["HTTP", "ftp", "https"] {
        let rest = issuer.split_once("://").map(|(_, rest)| rest).unwrap_or_default();
        let injected = format!("{scheme}://{rest}");
        let is_ours = injected == issuer;
        all.push((json!(injected), is_ours));
    }
    all
}

#[test]
fn an_assertion_is_believed_by_whom_it_is_meant_for_alone() {
    let key = target().key("signer", "ed");
    let (mut believed, mut tried) = (0, 0);
    for (audience, is_ours) in audiences() {
        let assertion = Statement::of_client("signer", &key, "").claim("aud", audience.clone());
        let credentials = Credentials::Assertion("signer".to_owned(), assertion.text());
        let exchange = Exchange::own(target(), "signer").authenticated(credentials);
        let elsewhere = exchange.clone().at(&target().other_org.token_endpoint).send();
        assert_eq!(elsewhere.status, 401, "{audience} at the other organization");
        let reply = exchange.send();
        assert_eq!(reply.status == 200, is_ours, "{audience}: {}", reply.text());
        if !is_ours {
            reply.refused(401, "invalid_client");
        }
        believed += usize::from(is_ours);
        tried += 1;
    }
    assert!(1 < believed && 70 < tried, "{believed} of {tried}");
}

/// Proofs, tokens and assertions of the same key do not pass for each other.
#[test]
fn a_proof_of_the_clients_own_key_is_no_assertion() {
    let key = target().key("signer", "ed");
    let proof = key
        .proof("POST", &target().token_endpoint)
        .claim("iss", "signer")
        .claim("sub", "signer")
        .claim("aud", target().issuer.as_str())
        .claim("exp", conformance::now() + 60)
        .header("kid", "ed");
    let with = |text: &str| {
        let credentials = Credentials::Assertion("signer".to_owned(), text.to_owned());
        Exchange::own(target(), "signer").authenticated(credentials)
    };
    with(&proof.text()).send().refused(401, "invalid_client");
    with(&proof.again().header("typ", "JWT").text()).send().granted();
    let assertion = Statement::of_client("signer", &key, &target().issuer);
    let twice = with(&assertion.clone().again().text()).adding_proof(&assertion.text());
    twice.send().refused(400, "invalid_dpop_proof");
    with(&assertion.text()).with_key(&Key::new()).send().granted();
}

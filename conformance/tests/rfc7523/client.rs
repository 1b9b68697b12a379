//! §2.2 and §3: client authentication. Each refusal has [`accepted`] as twin, one member away.

use conformance::{
    AboutToken, CLIENT_ASSERTION, Credentials, Exchange, Statement, key::fresh, now, target,
};
use serde_json::{Value, json};

use crate::{accepted, assertion, presented, refused};

/// RFC 7523 §2.2: "the client … includes the following parameters and client credentials in the
/// request: `client_assertion_type` …, `client_assertion`".
#[test]
fn s2_2_a_client_that_signs_is_believed() {
    accepted(&assertion());
    for kid in ["es", "ed", "rs", "ps"] {
        accepted(&target().assertion("signer", kid));
    }
}

/// RFC 7523 §2.2, at every endpoint where clients authenticate.
#[test]
fn s2_2_it_is_believed_at_every_endpoint() {
    let minted = target().idp.access_token("alice").client("signer").audience(&["signer"]);
    let granted = Exchange::of(target(), &minted.mint()).by("signer").send().granted();
    granted.revoke(target());
    assert!(!granted.is_active(target()));
    // And at introspection, by the one a token is for.
    let handed = Exchange::happy(target()).for_agent("signer").send().granted();
    assert!(handed.is_active(target()));
}

/// RFC 7523 §3 (1): "The JWT MUST contain an "iss" (issuer) claim that contains a unique identifier
/// for the entity that issued the JWT."; (2) "For client authentication, the subject MUST be the
/// "`client_id`" of the OAuth client." RFC 7521 §5.2: both.
#[test]
fn s3_refuses_an_issuer_or_subject_that_is_not_the_client() {
    accepted(&assertion().claim("iss", "signer").claim("sub", "signer"));
    for name in ["iss", "sub"] {
        for other in [
            Value::Null,
            json!("orchestrator"),
            json!("fapi"),
            json!("Signer"),
            json!("signer "),
            json!("nobody"),
            json!(""),
            json!(["signer"]),
            json!(target().issuer),
        ] {
            refused(&assertion().claim(name, other));
        }
    }
}

/// RFC 7523 §3 (2): another client's name does not come with the signer's key.
#[test]
fn s3_refuses_to_speak_for_another_client() {
    refused(&assertion().claim("iss", "fapi").claim("sub", "fapi"));
    let key = target().key("fapi", "es");
    refused(&assertion().signed_by(&key));
}

/// RFC 7523 §3 (3): "The authorization server MUST reject any JWT that does not contain its own
/// identity as the intended audience. … compare using the Simple String Comparison".
#[test]
fn s3_refuses_another_audience() {
    let issuer = target().issuer.as_str();
    accepted(&assertion().claim("aud", issuer));
    for other in [
        Value::Null,
        json!(format!("{issuer}/")),
        json!(issuer.to_ascii_uppercase()),
        json!(format!("{issuer}?")),
        json!(format!(" {issuer}")),
        json!(target().other_org.issuer),
        json!(target().idp.issuer),
        json!(""),
        json!([]),
        json!([[issuer]]),
        json!({ "0": issuer }),
    ] {
        refused(&assertion().claim("aud", other));
    }
}

/// rfc7523bis §3: the audience MUST be "the issuer identifier of the authorization server as the sole
/// value", and "the token endpoint URL … MUST NOT be used": who gets one that is meant for others
/// too could pass it on.
#[test]
fn bis_s3_the_issuer_is_the_sole_audience() {
    let issuer = target().issuer.as_str();
    accepted(&assertion().claim("aud", json!([issuer])));
    for other in [
        json!([issuer, "https://elsewhere.example"]),
        json!([issuer, target().token_endpoint]),
        json!([issuer, issuer]),
        json!(target().token_endpoint),
        json!([target().token_endpoint]),
        json!(target().introspection_endpoint),
    ] {
        refused(&assertion().claim("aud", other));
    }
}

/// rfc7523bis §6 knows of clients that were written for RFC 7523, where the token endpoint's address was
/// an audience. Decision: a switch of the one client, which is off unless somebody turned it on.
#[test]
fn bis_s6_old_clients_may_name_the_token_endpoint() {
    let (issuer, endpoint) = (target().issuer.as_str(), target().token_endpoint.as_str());
    let with = |client: &str, audience: Value| {
        let assertion = target().assertion(client, "es").claim("aud", audience);
        let credentials = Credentials::Assertion(client.to_owned(), assertion.text());
        Exchange::own(target(), client).authenticated(credentials).send()
    };
    with("veteran", json!(endpoint)).granted();
    with("veteran", json!(issuer)).granted();
    with("signer", json!(issuer)).granted();
    with("signer", json!(endpoint)).refused(401, "invalid_client");
    for other in [
        json!([issuer, endpoint]),
        json!(format!("{endpoint}/")),
        json!(target().introspection_endpoint),
        json!(target().other_org.token_endpoint),
    ] {
        with("veteran", other).refused(401, "invalid_client");
    }
}

/// RFC 7523 §3 (4): "The JWT MUST contain an "exp" (expiration time) claim that limits the time window
/// during which the JWT can be used. The authorization server MUST reject any JWT with an expiration
/// time that has passed, subject to allowable clock skew".
#[test]
fn s3_refuses_what_has_expired() {
    accepted(&assertion().claim("exp", now() + 5));
    for exp in [Value::Null, json!(now() - 60), json!(now() - 300), json!(0), json!(-1)] {
        refused(&assertion().claim("exp", exp));
    }
}

/// RFC 7523 §3 (4): "The authorization server may reject JWTs with an "exp" claim value that is
/// unreasonably far in the future." Decision: what is used once is remembered for five minutes, counted
/// from `iat` when `exp` is later; many libraries write an hour.
#[test]
fn s3_refuses_what_lives_too_long() {
    accepted(&assertion().claim("exp", now() + 290).claim("iat", Value::Null));
    refused(&assertion().claim("exp", now() + 3600).claim("iat", Value::Null));
    accepted(&assertion().claim("exp", now() + 3600));
    refused(&assertion().claim("exp", now() + 3600).claim("iat", now() - 600));
    refused(&assertion().claim("exp", i64::MAX).claim("iat", now() - 600));
}

/// RFC 7523 §3 (5): "The JWT MAY contain an "nbf" (not before) claim that identifies the time before
/// which the token MUST NOT be accepted for processing." FAPI 2.0: eight seconds are a clock, sixty
/// are not.
#[test]
fn s3_honours_nbf() {
    accepted(&assertion().claim("nbf", now()));
    accepted(&assertion().claim("nbf", now() + 8));
    refused(&assertion().claim("nbf", now() + 60));
}

/// RFC 7523 §3 (6): "The JWT MAY contain an "iat" (issued at) claim"; one from the future is no clock
/// that can be trusted.
#[test]
fn s3_honours_iat() {
    accepted(&assertion().claim("iat", Value::Null));
    accepted(&assertion().claim("iat", now() + 8));
    refused(&assertion().claim("iat", now() + 60));
}

/// RFC 7523 §3 (7): "The authorization server MAY ensure that JWTs are not replayed by maintaining the
/// set of used "jti" values".
#[test]
fn s3_takes_an_assertion_once() {
    let first = assertion();
    accepted(&first);
    refused(&first);
    // Under another id it is another one, with all else the same.
    accepted(&first.claim("jti", fresh()));
}

/// RFC 7523 §3 (7): once at all endpoints together, not once at each.
#[test]
fn s3_what_was_used_at_one_endpoint_is_used_at_all() {
    let first = assertion();
    accepted(&first);
    let credentials = |text: String| Credentials::Assertion("signer".to_owned(), text);
    for about in [AboutToken::introspect(target(), "x"), AboutToken::revoke(target(), "x")] {
        let again = about.clone().authenticated(credentials(first.text())).send();
        again.refused(401, "invalid_client");
        let fresh = credentials(first.clone().again().text());
        assert_eq!(about.authenticated(fresh).send().status, 200);
    }
    let elsewhere = assertion();
    let asked = AboutToken::introspect(target(), "x").authenticated(credentials(elsewhere.text()));
    assert_eq!(asked.send().status, 200);
    refused(&elsewhere);
}

/// RFC 7523 §3 (7), when it comes from everywhere at once: whoever is first is the only one.
#[test]
fn s3_of_many_at_once_one_is_taken() {
    for _ in 0..5 {
        let text = assertion().text();
        let send = || presented(&text).status;
        let statuses: Vec<u16> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..8).map(|_| scope.spawn(send)).collect();
            threads.into_iter().filter_map(|thread| thread.join().ok()).collect()
        });
        assert_eq!(statuses.len(), 8);
        let taken = statuses.iter().filter(|status| **status == 200).count();
        let refused = statuses.iter().filter(|status| **status == 401).count();
        assert_eq!((taken, refused), (1, 7), "{statuses:?}");
    }
}

/// Decision: without `jti` nobody could tell whether it was used before.
#[test]
fn s3_refuses_an_assertion_without_id() {
    accepted(&assertion().claim("jti", "x".repeat(32) + &fresh()));
    for jti in [Value::Null, json!(""), json!(7), json!(["a"])] {
        refused(&assertion().claim("jti", jti));
    }
}

/// The same id of two clients is two ids: nobody can use up what another one will send.
#[test]
fn s3_an_id_is_its_clients_own() {
    let id = fresh();
    accepted(&assertion().claim("jti", id.as_str()));
    let other = target().assertion("fapi", "es").claim("jti", id).text();
    let credentials = Credentials::Assertion("fapi".to_owned(), other);
    let exchange = Exchange::own(target(), "fapi").authenticated(credentials);
    exchange.with_key(&conformance::Key::new()).send().granted();
}

/// rfc7523bis §3: clients send "`client-authentication+jwt`"; a server is "NOT RECOMMENDED" to refuse one
/// without. RFC 8725 §3.11 and §3.12: what says that it is something else, is.
#[test]
fn bis_s3_refuses_another_kind_of_jwt() {
    for typ in [
        json!("client-authentication+jwt"),
        json!("application/client-authentication+jwt"),
        json!("JWT"),
        Value::Null,
    ] {
        accepted(&assertion().header("typ", typ));
    }
    for typ in ["at+jwt", "dpop+jwt", "oauth-id-jag+jwt", "logout+jwt", "secevent+jwt", "x"] {
        refused(&assertion().header("typ", typ));
    }
}

/// RFC 7521 §4.2: "The "`client_id`" parameter is unnecessary for client assertion authentication … If
/// present, the value of the "`client_id`" parameter MUST identify the same client as is identified by
/// the client assertion."
#[test]
fn rfc7521_s4_2_a_client_id_must_be_the_same() {
    let with = |client_id: &str| {
        let credentials = Credentials::Assertion("signer".to_owned(), assertion().text());
        let exchange = Exchange::own(target(), "signer").authenticated(credentials);
        exchange.with("client_id", client_id).send()
    };
    with("signer").granted();
    with("").granted();
    for other in ["fapi", "orchestrator", "nobody", "Signer"] {
        with(other).refused(401, "invalid_client");
    }
}

/// RFC 7523 §2.2: "The value of the "`client_assertion`" parameter contains a single JWT. It MUST NOT
/// contain more than one JWT."
#[test]
fn s2_2_refuses_two_assertions_in_one() {
    presented(&assertion().text()).granted();
    for joint in [" ", ",", "~", "."] {
        let two = format!("{}{joint}{}", assertion().text(), assertion().text());
        presented(&two).refused(401, "invalid_client");
    }
}

/// RFC 6749 §3.2: "Request and response parameters MUST NOT be included more than once."
#[test]
fn s2_2_refuses_a_repeated_parameter() {
    let credentials = Credentials::Assertion("signer".to_owned(), assertion().text());
    let exchange = Exchange::own(target(), "signer").authenticated(credentials);
    let typed = exchange.clone().adding("client_assertion_type", CLIENT_ASSERTION);
    let twice = typed.clone().adding("client_assertion_type", CLIENT_ASSERTION);
    twice.send().refused(400, "invalid_request");
    let two = exchange.adding("client_assertion", &assertion().text());
    two.send().refused(400, "invalid_request");
    typed.send().granted();
}

/// RFC 7521 §4.2: "`client_assertion_type` REQUIRED. The format of the assertion as defined by the
/// authorization server."
#[test]
fn rfc7521_s4_2_refuses_an_assertion_of_no_known_type() {
    let with = |kind: &str| {
        let credentials = Credentials::Assertion("signer".to_owned(), assertion().text());
        let exchange = Exchange::own(target(), "signer").authenticated(credentials);
        exchange.with("client_assertion_type", kind).send()
    };
    with(CLIENT_ASSERTION).granted();
    with("").refused(401, "invalid_client");
    for other in [
        "urn:ietf:params:oauth:client-assertion-type:saml2-bearer",
        "urn:ietf:params:oauth:client-assertion-type:jwt-spiffe",
        "urn:ietf:params:oauth:client-assertion-type:JWT-bearer",
        "x",
    ] {
        with(other).refused(401, "invalid_client");
    }
}

/// RFC 7521 §4.2: "`client_assertion` REQUIRED": its type alone is nobody.
#[test]
fn rfc7521_s4_2_refuses_a_type_without_an_assertion() {
    let with = |credentials: Credentials| {
        let exchange = Exchange::own(target(), "signer").authenticated(credentials);
        exchange.with("client_assertion_type", CLIENT_ASSERTION)
    };
    with(Credentials::Assertion("signer".to_owned(), assertion().text())).send().granted();
    let exchange = with(Credentials::Missing);
    exchange.clone().send().refused(401, "invalid_client");
    exchange.with("client_id", "signer").send().refused(401, "invalid_client");
}

/// RFC 6749 §2.3: "The client MUST NOT use more than one authentication method in each request."
#[test]
fn rfc6749_s2_3_refuses_an_assertion_beside_a_secret() {
    let exchange = Exchange::own(target(), "orchestrator");
    exchange.send().granted();
    let both = exchange
        .with("client_assertion_type", CLIENT_ASSERTION)
        .with("client_assertion", &assertion().text());
    both.send().refused(400, "invalid_request");
}

/// Decision: a client uses the ways it is registered for, and no others.
#[test]
fn rfc7591_s2_refuses_a_way_that_is_not_registered() {
    // The orchestrator has a secret; even a key that is good elsewhere does not replace it.
    let key = target().key("signer", "es");
    let assertion = Statement::of_client("orchestrator", &key, &target().issuer);
    let credentials = Credentials::Assertion("orchestrator".to_owned(), assertion.text());
    let exchange = Exchange::own(target(), "orchestrator");
    exchange.clone().authenticated(credentials).send().refused(401, "invalid_client");
    exchange.send().granted();
    // The signer has keys; there is no secret that is its.
    let mut client = target().agent("orchestrator").clone();
    client.client_id = "signer".to_owned();
    for credentials in [Credentials::Basic(client.clone()), Credentials::Body(client)] {
        let exchange = Exchange::own(target(), "signer").authenticated(credentials);
        exchange.send().refused(401, "invalid_client");
    }
}

/// RFC 8725 §3.9 and rfc7523bis §3: an assertion for one organization is none for its neighbour.
#[test]
fn s3_an_assertion_is_good_at_its_own_issuer_only() {
    let assertion = assertion();
    let credentials = Credentials::Assertion("signer".to_owned(), assertion.text());
    let exchange = Exchange::own(target(), "signer").authenticated(credentials);
    exchange.clone().at(&target().other_org.token_endpoint).send().refused(401, "invalid_client");
    exchange.send().granted();
}

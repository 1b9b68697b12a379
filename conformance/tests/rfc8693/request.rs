//! §2.1: the request.

use conformance::{ACCESS_TOKEN, Exchange, ID_TOKEN, JWT, TOKEN_EXCHANGE, http, target};

/// RFC 8693 §2.1: "The client makes a token exchange request to the token endpoint with an
/// extension grant type using the HTTP POST method."
#[test]
fn s2_1_answers_a_post() {
    Exchange::happy(target()).send().granted();
}

/// RFC 8693 §2.1: "… using the HTTP POST method."; RFC 6749 §3.2: "The client MUST use the HTTP
/// "POST" method when making access token requests."
#[test]
fn s2_1_refuses_a_get_with_the_same_parameters() {
    let exchange = Exchange::happy(target());
    let url = format!("{}?{}", target().token_endpoint, exchange.body());
    let reply = http::get(&url, &[]);
    reply.hold_to_invariants(target());
    assert!([400, 401, 404, 405].contains(&reply.status), "{} {}", reply.status, reply.text());
}

/// RFC 8693 §2.1: "The following parameters are included in the HTTP request entity-body using the
/// "application/x-www-form-urlencoded" format with a character encoding of UTF-8".
#[test]
fn s2_1_refuses_a_json_body() {
    let body = serde_json::json!({
        "grant_type": TOKEN_EXCHANGE,
        "subject_token": target().idp.access_token("alice").mint(),
        "subject_token_type": ACCESS_TOKEN,
    });
    let reply =
        Exchange::happy(target()).send_body("application/json", body.to_string().as_bytes());
    reply.refused_as_invalid_request();
}

/// RFC 8693 §2.1: "`grant_type` REQUIRED."
#[test]
fn s2_1_refuses_a_missing_grant_type() {
    Exchange::happy(target()).without("grant_type").send().refused_as_invalid_request();
}

/// RFC 6749 §5.2: "`unsupported_grant_type`: The authorization grant type is not supported by the
/// authorization server."
#[test]
fn s2_1_refuses_an_unknown_grant_type() {
    for grant_type in ["urn:example:unknown", "token-exchange", "password"] {
        Exchange::happy(target())
            .with("grant_type", grant_type)
            .send()
            .refused(400, "unsupported_grant_type");
    }
}

/// RFC 8693 §2.1: "`subject_token` REQUIRED."
#[test]
fn s2_1_refuses_a_missing_subject_token() {
    Exchange::happy(target()).without("subject_token").send().refused_as_invalid_request();
}

/// RFC 8693 §2.1: "`subject_token` REQUIRED."; RFC 6749 §3.2: "Parameters sent without a value MUST
/// be treated as if they were omitted from the request."
#[test]
fn s2_1_refuses_an_empty_subject_token() {
    Exchange::happy(target()).with("subject_token", "").send().refused_as_invalid_request();
}

/// RFC 8693 §2.1: "`subject_token_type` REQUIRED."
#[test]
fn s2_1_refuses_a_missing_subject_token_type() {
    Exchange::happy(target()).without("subject_token_type").send().refused_as_invalid_request();
}

/// RFC 8693 §2.2.2: "If the request itself is not valid … the authorization server MUST construct
/// an error response … The value of the "error" parameter MUST be the "`invalid_request`" error
/// code."
#[test]
fn s2_1_refuses_an_unknown_subject_token_type() {
    for kind in [
        "urn:ietf:params:oauth:token-type:saml2",
        "urn:ietf:params:oauth:token-type:refresh_token",
        "urn:example:unknown",
        "access_token",
    ] {
        Exchange::happy(target())
            .with("subject_token_type", kind)
            .send()
            .refused_as_invalid_request();
    }
}

/// RFC 8693 §3: "The value "urn:ietf:params:oauth:token-type:jwt" … indicates that the token is a
/// JWT." An access token which is a JWT may be declared as either.
#[test]
fn s3_accepts_an_access_token_declared_as_jwt() {
    Exchange::happy(target()).with("subject_token_type", JWT).send().granted();
}

/// RFC 8693 §3: "urn:ietf:params:oauth:token-type:`id_token`: Indicates that the token is an ID
/// Token".
#[test]
fn s3_accepts_an_id_token_declared_as_one() {
    let token = target().idp.id_token("alice").mint();
    Exchange::of(target(), &token).with("subject_token_type", ID_TOKEN).send().granted();
}

/// RFC 6749 §3.2: "Request and response parameters MUST NOT be included more than once."
#[test]
fn s2_1_refuses_two_subject_tokens() {
    let second = target().idp.access_token("alice").mint();
    let exchange = Exchange::happy(target());
    exchange.adding("subject_token", &second).send().refused_as_invalid_request();
}

/// RFC 8693 §2.1: "`actor_token_type` … This is REQUIRED when the `actor_token` parameter is
/// present in the request"
#[test]
fn s2_1_refuses_an_actor_token_without_its_type() {
    let actor_token = target().idp.access_token("alice").mint();
    let exchange = Exchange::happy(target()).with("actor_token", &actor_token);
    exchange.send().refused_as_invalid_request();
}

/// RFC 8693 §2.1: "`actor_token_type` … MUST NOT be included otherwise."
#[test]
fn s2_1_refuses_an_actor_token_type_alone() {
    let exchange = Exchange::happy(target()).with("actor_token_type", ACCESS_TOKEN);
    exchange.send().refused_as_invalid_request();
}

/// RFC 8693 §2.1: "`requested_token_type` OPTIONAL. An identifier … for the type of the requested
/// security token."
#[test]
fn s2_1_issues_the_requested_access_token() {
    let exchange = Exchange::happy(target()).with("requested_token_type", ACCESS_TOKEN);
    exchange.send().granted();
}

/// RFC 8693 §2.2.2: a request that is not valid is answered with `invalid_request`; a type which
/// the server does not issue is never silently replaced by another.
#[test]
fn s2_1_refuses_to_issue_other_types() {
    for kind in [
        "urn:ietf:params:oauth:token-type:refresh_token",
        "urn:ietf:params:oauth:token-type:saml2",
        "urn:ietf:params:oauth:token-type:id_token",
        "urn:example:unknown",
    ] {
        let exchange = Exchange::happy(target()).with("requested_token_type", kind);
        exchange.send().refused_as_invalid_request();
    }
}

/// RFC 8693 §2.1 with RFC 6749 §3.2: the parameters come in the body; a parameter too long to be
/// read is refused, never taken for absent (Keycloak CVE-2026-9704).
#[test]
fn s2_1_refuses_an_oversized_parameter_instead_of_dropping_it() {
    for parameter in ["scope", "actor_token", "resource", "requested_token_type"] {
        let exchange = Exchange::happy(target()).with(parameter, &"a".repeat(20_000));
        let reply = exchange.send();
        assert!((400..500).contains(&reply.status), "{parameter}: {}", reply.status);
    }
}

/// RFC 6749 §3.2 and RFC 3986 §2.1: the body is a form; one that cannot be decoded is refused.
#[test]
fn s2_1_refuses_a_form_that_is_none() {
    let form = "application/x-www-form-urlencoded";
    let happy = Exchange::happy(target());
    assert_eq!(happy.send_body(form, happy.body().as_bytes()).status, 200);
    for tail in ["&scope=%FF%FE", "&scope=%zz", "&scope=documents%3Aread%00", "&scope=\u{fffd}"] {
        let body = format!("{}{tail}", happy.body());
        let reply = happy.send_body(form, body.as_bytes());
        assert_eq!(reply.status, 400, "{tail}: {}", reply.text());
    }
    happy.send_body(form, b"").refused_as_invalid_request();
}

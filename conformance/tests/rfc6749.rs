//! RFC 6749, OAuth 2.0: what the token endpoint owes every client.

use base64::{Engine, engine::general_purpose::STANDARD};
use conformance::{
    Credentials, Exchange,
    form::{basic, basic_raw},
    target,
};

mod rfc6749 {
    mod client_credentials;
}

fn secret() -> &'static str {
    &target().agent("orchestrator").client_secret
}

fn with_header(value: String) -> Exchange<'static> {
    Exchange::happy(target()).authenticated(Credentials::Header(value))
}

/// RFC 6749 §2.3.1: "The authorization server MUST support the HTTP Basic authentication scheme for
/// authenticating clients that were issued a client password."
#[test]
fn s2_3_1_supports_http_basic() {
    Exchange::happy(target()).send().granted();
}

/// RFC 6749 §2.3.1: "The client identifier is encoded using the "application/x-www-form-urlencoded"
/// encoding algorithm … and the encoded value is used as the username; the client password is
/// encoded using the same algorithm and used as the password."
#[test]
fn s2_3_1_decodes_what_basic_carries() {
    let all = |text: &str| text.bytes().flat_map(escaped).collect::<String>();
    // `answers` wants to know who asks; a header says that only to the server.
    let encoded = basic_raw(&all("orchestrator"), &all(secret()));
    let twice = basic_raw(&all(&all("orchestrator")), &all(secret()));
    assert_eq!(status_of(&encoded), 200);
    assert_eq!(status_of(&twice), 401);
}

/// RFC 7617 §2 and RFC 9110 §11.1: the scheme is matched without regard to case.
#[test]
fn s2_3_1_the_scheme_is_case_insensitive() {
    let header = basic("orchestrator", secret());
    assert_eq!(status_of(&header.replacen("Basic", "bAsIc", 1)), 200);
}

/// RFC 6749 §2.3.1: "Alternatively, the authorization server MAY support including the client
/// credentials in the request-body".
#[test]
fn s2_3_1_supports_credentials_in_the_body() {
    let agent = target().agent("orchestrator").clone();
    Exchange::happy(target()).authenticated(Credentials::Body(agent)).send().granted();
}

/// RFC 6749 §2.3: "The client MUST NOT use more than one authentication method in each request."
#[test]
fn s2_3_refuses_two_methods_at_once() {
    let both = Exchange::happy(target()).adding("client_secret", secret());
    both.clone().send().refused_as_invalid_request();
    both.with("client_id", "orchestrator").send().refused_as_invalid_request();
}

/// RFC 6749 §2.3: one method. The same `client_id` beside Basic is no second method; another
/// client's is a contradiction.
#[test]
fn s2_3_a_client_id_beside_basic_must_be_the_same() {
    Exchange::happy(target()).with("client_id", "orchestrator").send().granted();
    let other = Exchange::happy(target()).with("client_id", "researcher").send();
    assert!(
        [Some("invalid_request"), Some("invalid_client")].contains(&other.code().as_deref()),
        "{} {}",
        other.status,
        other.text()
    );
}

/// RFC 6749 §2.3.1: "The parameters can only be transmitted in the request-body and MUST NOT be
/// included in the request URI."
#[test]
fn s2_3_1_ignores_credentials_in_the_uri() {
    let query = format!("?client_id=orchestrator&client_secret={}", secret());
    let endpoint = format!("{}{query}", target().token_endpoint);
    let exchange = Exchange::happy(target()).authenticated(Credentials::Missing).at(&endpoint);
    let reply = exchange.send();
    assert!([400, 401].contains(&reply.status), "{} {}", reply.status, reply.text());
}

/// RFC 6749 §2.3.1: "Since this client authentication method involves a password, the authorization
/// server MUST protect any endpoint utilizing it against brute force attacks." RFC 6749 §10.10: the
/// probability of guessing "MUST be less than or equal to 2^(-128)". Secrets are made by the
/// server, 256 bits each, so that no number of guesses helps.
#[test]
fn s2_3_1_secrets_are_too_long_to_guess() {
    for agent in &target().agents {
        let random = agent.client_secret.rsplit('_').next().unwrap_or_default();
        assert!(agent.client_secret.len() >= 43, "{random}");
    }
    let mut secrets: Vec<_> = target().agents.iter().map(|agent| &agent.client_secret).collect();
    secrets.sort_unstable();
    secrets.dedup();
    assert_eq!(secrets.len(), target().agents.len());
}

/// RFC 6749 §3.2: "Parameters sent without a value MUST be treated as if they were omitted from the
/// request."
#[test]
fn s3_2_an_empty_parameter_is_an_omitted_one() {
    let exchange = Exchange::happy(target());
    let omitted = exchange.send().granted();
    for parameter in ["scope", "requested_token_type", "audience", "actor_token", "unknown"] {
        let granted = exchange.clone().with(parameter, "").send().granted();
        assert_eq!(granted.scope(), omitted.scope(), "{parameter}");
    }
}

/// RFC 6749 §3.2: "The authorization server MUST ignore unrecognized request parameters."
#[test]
fn s3_2_ignores_unknown_parameters() {
    let exchange = Exchange::happy(target()).with("foo", "bar").with("act", "agent:somebody");
    exchange.adding("foo", "again").send().granted();
}

/// RFC 6749 §3.2: "Request and response parameters MUST NOT be included more than once."
#[test]
fn s3_2_refuses_repeated_parameters() {
    let token = target().idp.access_token("alice").mint();
    let known = [
        ("grant_type", conformance::TOKEN_EXCHANGE),
        ("subject_token", &token),
        ("subject_token_type", conformance::ACCESS_TOKEN),
        ("requested_token_type", conformance::ACCESS_TOKEN),
        ("scope", "documents:read"),
        ("client_id", "orchestrator"),
    ];
    for (name, value) in known {
        let once = Exchange::of(target(), &token).with(name, value);
        once.clone().send().granted();
        once.adding(name, value).send().refused_as_invalid_request();
    }
}

/// RFC 6749 §3.2.1: "Confidential clients or other clients issued client credentials MUST
/// authenticate with the authorization server".
#[test]
fn s3_2_1_refuses_a_client_that_does_not_authenticate() {
    let exchange = Exchange::happy(target()).authenticated(Credentials::Missing);
    for exchange in [exchange.clone(), exchange.with("client_id", "orchestrator")] {
        let reply = exchange.send();
        assert!([400, 401].contains(&reply.status));
        assert_eq!(reply.code().as_deref(), Some("invalid_client"));
    }
}

/// RFC 6749 §3.2.1: a client that does not exist is answered like one with a wrong secret.
#[test]
fn s3_2_1_does_not_tell_who_exists() {
    let unknown = with_header(basic("nobody", secret())).send();
    let wrong = with_header(basic("orchestrator", "acs_wrong")).send();
    assert_eq!((unknown.status, unknown.text()), (wrong.status, wrong.text()));
    let other = with_header(basic("orchestrator", &target().agent("researcher").client_secret));
    other.send().refused(401, "invalid_client");
}

/// RFC 6749 §3.3: "If the client omits the scope parameter when requesting authorization, the
/// authorization server MUST either process the request using a pre-defined default value or fail
/// the request indicating an invalid scope." The default is all that the checks leave.
#[test]
fn s3_3_an_omitted_scope_means_all_that_is_allowed() {
    let granted = Exchange::happy(target()).send().granted();
    assert_eq!(granted.scope(), ["documents:read", "documents:write"]);
}

/// RFC 6749 §5.1: "The authorization server MUST include the HTTP "Cache-Control" response header
/// field with a value of "no-store" in any response containing tokens, credentials, or other
/// sensitive information, as well as the "Pragma" response header field with a value of
/// "no-cache"."
#[test]
fn s5_1_forbids_caching() {
    let reply = Exchange::happy(target()).send();
    assert_eq!(reply.header("cache-control").as_deref(), Some("no-store"));
    assert_eq!(reply.header("pragma").as_deref(), Some("no-cache"));
}

/// RFC 6749 §5.1: "`access_token` REQUIRED … `token_type` REQUIRED".
#[test]
fn s5_1_contains_what_is_required() {
    let granted = Exchange::happy(target()).send().granted();
    assert!(granted.body["access_token"].is_string() && granted.body["token_type"].is_string());
}

/// RFC 6749 §5.2: "The authorization server responds with an HTTP 400 (Bad Request) status code
/// (unless specified otherwise) and includes the following parameters with the response: error
/// REQUIRED."
#[test]
fn s5_2_answers_a_bad_request_with_400_json() {
    let reply = Exchange::happy(target()).without("subject_token").send();
    reply.refused(400, "invalid_request");
    assert!(reply.json().is_object());
}

/// RFC 6749 §5.2: "If the client attempted to authenticate via the "Authorization" request header
/// field, the authorization server MUST respond with an HTTP 401 (Unauthorized) status code and
/// include the "WWW-Authenticate" response header field matching the authentication scheme used by
/// the client."
#[test]
fn s5_2_challenges_a_failed_basic_with_basic() {
    for header in [
        basic("orchestrator", "wrong"),
        basic("nobody", "wrong"),
        basic("orchestrator", ""),
        "Basic".to_owned(),
        "Basic !!!".to_owned(),
        format!("Basic {}", STANDARD.encode("no colon")),
        format!("Basic {}", STANDARD.encode([0xff, 0xfe, b':', 0xff])),
    ] {
        let reply = with_header(header.clone()).send();
        assert_eq!(reply.status, 401, "{header}: {}", reply.text());
        assert_eq!(reply.code().as_deref(), Some("invalid_client"), "{header}");
        let challenge = reply.header("www-authenticate").unwrap_or_default();
        assert!(challenge.to_ascii_lowercase().starts_with("basic"), "{header}: {challenge}");
    }
}

/// RFC 6749 §2.3: a scheme that is not offered authenticates nobody.
#[test]
fn s5_2_refuses_other_schemes() {
    for header in [format!("Bearer {}", secret()), "Digest username=\"orchestrator\"".to_owned()] {
        let reply = with_header(header).send();
        assert!([400, 401].contains(&reply.status), "{} {}", reply.status, reply.text());
        assert_eq!(reply.code().as_deref(), Some("invalid_client"));
    }
}

/// RFC 6749 §5.2: "Values for the "error" parameter MUST NOT include characters outside the set
/// %x20-21 / %x23-5B / %x5D-7E." and the same of "`error_description`": nothing sent in comes back
/// as it was. Every reply is held to the character set; here the input tempts it.
#[test]
fn s5_2_keeps_to_its_characters_whatever_was_sent() {
    let hostile = "\"><script>\\\u{e9}\u{1F600}\r\nSet-Cookie: a=b\u{0}";
    for parameter in [
        "grant_type",
        "subject_token_type",
        "scope",
        "resource",
        "audience",
        "requested_token_type",
    ] {
        let reply = Exchange::happy(target()).with(parameter, hostile).send();
        assert_eq!(reply.status, 400, "{parameter}: {}", reply.text());
        assert_eq!(reply.header("set-cookie"), None);
    }
    let header = basic_raw("%22%0d%0a", "%C3%A9");
    with_header(header).send().refused(401, "invalid_client");
}

/// RFC 6749 §5.2: "`unauthorized_client`" and others are codes of this list; every refusal uses
/// one, or `invalid_target` of RFC 8707.
#[test]
fn s5_2_uses_registered_codes() {
    let registered = [
        "invalid_request",
        "invalid_client",
        "invalid_grant",
        "unauthorized_client",
        "unsupported_grant_type",
        "invalid_scope",
        "invalid_target",
    ];
    for (name, value) in
        [("grant_type", "x"), ("scope", "x"), ("audience", "x"), ("subject_token", "x")]
    {
        let code = Exchange::happy(target()).with(name, value).send().code().unwrap_or_default();
        assert!(registered.contains(&code.as_str()), "{name}: {code}");
    }
}

/// RFC 6749 §3.2 leaves the body's size to the server: one far too large is refused in JSON all the
/// same.
#[test]
fn s3_2_refuses_a_body_of_a_megabyte() {
    let exchange = Exchange::happy(target());
    let body = format!("{}&padding={}", exchange.body(), "a".repeat(1 << 20));
    let reply = exchange.send_body("application/x-www-form-urlencoded", body.as_bytes());
    assert!([400, 413].contains(&reply.status), "{} {}", reply.status, reply.text());
}

fn escaped(byte: u8) -> Vec<char> {
    format!("%{byte:02x}").chars().collect()
}

fn status_of(header: &str) -> u16 {
    let exchange = Exchange::happy(target());
    let url = &target().token_endpoint;
    let form = "application/x-www-form-urlencoded";
    let headers = [("authorization", header)];
    let reply = conformance::http::post(url, form, &headers, exchange.body().as_bytes());
    reply.hold_to_invariants(target());
    reply.status
}

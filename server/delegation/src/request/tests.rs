//! What is taken, and what is not.

use super::*;

const HAPPY: &str = "grant_type=urn:ietf:params:oauth:grant-type:token-exchange\
    &subject_token=a.b.c&subject_token_type=urn:ietf:params:oauth:token-type:access_token";

fn parse(extra: &str) -> Result<ExchangeRequest, Malformed> {
    let form = Form::parse(format!("{HAPPY}{extra}").as_bytes())?;
    match TokenRequest::parse(&form)? {
        TokenRequest::Exchange(request) => Ok(*request),
        TokenRequest::ClientCredentials(request) => panic!("{request:?}"),
    }
}

#[test]
fn reads_the_happy_request() {
    let request = parse("&scope=b+a&resource=HTTPS://API.example:443/&foo=bar&foo=baz").unwrap();
    assert_eq!(request.scope.unwrap().to_string(), "a b");
    assert_eq!(request.target, Some(Target::Resource("https://api.example".into())));
    assert_eq!(request.subject.declared, DeclaredType::AccessToken);
}

#[test]
fn refuses_each_malformed_parameter() {
    let table = [
        ("&subject_token=d", Malformed::Repeated("subject_token")),
        ("&actor_token=d", Malformed::Missing("actor_token_type")),
        (
            "&actor_token_type=urn:ietf:params:oauth:token-type:jwt",
            Malformed::Alone("actor_token_type", "actor_token"),
        ),
        ("&actor_token=d&actor_token_type=x", Malformed::Unsupported("actor_token_type")),
        ("&requested_token_type=x", Malformed::Unsupported("requested_token_type")),
        ("&scope=a%22b", Malformed::Scope),
        ("&scope=a&scope=b", Malformed::Repeated("scope")),
        ("&resource=/a", Malformed::Target),
        ("&resource=https://a%23f", Malformed::Target),
        ("&resource=https://a&audience=b", Malformed::SeveralTargets),
    ];
    for (extra, expected) in table {
        assert_eq!(parse(extra).unwrap_err(), expected, "{extra}");
    }
}

#[test]
fn takes_an_empty_parameter_as_omitted() {
    assert!(parse("&scope=&resource=&actor_token=&actor_token_type=").is_ok());
}

#[test]
fn takes_the_same_target_named_twice_as_one() {
    let request = parse("&resource=https://a.example/&audience=https://a.example").unwrap();
    assert_eq!(request.target.unwrap().name(), "https://a.example");
}

const ASSERTION: &str = "grant_type=urn:ietf:params:oauth:grant-type:jwt-bearer&assertion=a.b.c";

fn granted(body: &str) -> Result<ExchangeRequest, Malformed> {
    match TokenRequest::parse(&Form::parse(body.as_bytes())?)? {
        TokenRequest::Exchange(request) => Ok(*request),
        TokenRequest::ClientCredentials(request) => panic!("{request:?}"),
    }
}

#[test]
fn reads_an_assertion_and_what_looks_like_one() {
    let request = granted(&format!("{ASSERTION}&scope=a&resource=https://a.example")).unwrap();
    assert_eq!((request.via, request.subject.declared), (Via::JwtBearer, DeclaredType::Assertion));
    assert_eq!(request.target.unwrap().name(), "https://a.example");
    let request = granted(&format!("{ASSERTION}&requested_token_use=on_behalf_of")).unwrap();
    assert_eq!((request.via, request.subject.declared), (Via::OnBehalfOf, DeclaredType::Jwt));
    // It is an exchange by another name.
    assert_eq!(request.via.needs(), GrantType::TokenExchange);
    assert_eq!(request.via.grant(), GrantType::JwtBearer);
}

#[test]
fn refuses_each_malformed_assertion() {
    let long = format!("&assertion={}", "a".repeat(LONGEST_TOKEN + 1));
    let grant = "grant_type=urn:ietf:params:oauth:grant-type:jwt-bearer";
    for (body, expected) in [
        (grant.to_owned(), Malformed::Missing("assertion")),
        (format!("{grant}{long}"), Malformed::TooLong("assertion")),
        (format!("{ASSERTION}&assertion=d"), Malformed::Repeated("assertion")),
        (
            format!("{ASSERTION}&requested_token_use=x"),
            Malformed::Unsupported("requested_token_use"),
        ),
        (format!("{ASSERTION}&audience=a&audience=b"), Malformed::SeveralTargets),
    ] {
        assert_eq!(granted(&body).unwrap_err(), expected, "{body}");
    }
}

/// draft-ietf-oauth-identity-assertion-authz-grant §4.3: `audience` is the server, `resource` is behind it.
#[test]
fn an_id_jag_has_two_places() {
    const ID_JAG: &str = "&requested_token_type=urn:ietf:params:oauth:token-type:id-jag";
    let request = parse(&format!("{ID_JAG}&audience=as&resource=https://A.example/")).unwrap();
    assert_eq!(
        (request.product, request.target),
        (Product::IdJag, Some(Target::Audience("as".into())))
    );
    assert_eq!(request.details.resource.as_deref(), Some("https://a.example"));
    for (more, expected) in [
        ("", Malformed::Missing("audience")),
        ("&resource=https://a.example", Malformed::Missing("audience")),
        ("&audience=as&audience=bs", Malformed::SeveralTargets),
        ("&audience=as&resource=a", Malformed::Target),
        (
            "&audience=as&resource=https://a.example&resource=https://b.example",
            Malformed::SeveralTargets,
        ),
    ] {
        assert_eq!(parse(&format!("{ID_JAG}{more}")).unwrap_err(), expected, "{more}");
    }
}

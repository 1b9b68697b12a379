//! What is read of a request.

use base64::{Engine, engine::general_purpose::STANDARD};
use secrecy::ExposeSecret;

use crate::{
    client::Credentials,
    form::{Form, Malformed},
};

fn read(authorization: Option<&str>, body: &str) -> Result<Credentials, Malformed> {
    Credentials::read(authorization, &Form::parse(body.as_bytes())?)
}

#[test]
fn reads_form_encoded_basic_credentials() {
    let header = format!("Basic {}", STANDARD.encode("a%3Ab:p%2Bq%25+r"));
    let read = read(Some(&header), "client_id=a:b").unwrap();
    let Credentials::Basic { id, secret } = read else { panic!("{read:?}") };
    assert_eq!((id.as_str(), secret.expose_secret()), ("a:b", "p+q% r"));
}

#[test]
fn refuses_two_ways_at_once() {
    let header = format!("Basic {}", STANDARD.encode("a:b"));
    for (authorization, body) in [
        (Some(header.as_str()), "client_id=a&client_secret=b"),
        (Some(header.as_str()), "client_assertion=x"),
        (None, "client_id=a&client_secret=b&client_assertion=x"),
    ] {
        let refused = read(authorization, body).unwrap_err();
        assert_eq!(refused, Malformed::TwoWaysToAuthenticate, "{body}");
    }
}

#[test]
fn does_not_use_broken_credentials() {
    for header in ["Basic", "Basic !", "Bearer x", "Basic YQ=="] {
        assert!(matches!(read(Some(header), ""), Ok(Credentials::Unusable)), "{header}");
    }
    let header = format!("Basic {}", STANDARD.encode("a:b"));
    assert!(matches!(read(Some(&header), "client_id=c"), Ok(Credentials::Unusable)));
    assert!(matches!(read(None, "client_secret=c"), Ok(Credentials::Unusable)));
    assert!(matches!(read(None, "client_id=c"), Ok(Credentials::Named { .. })));
    assert!(matches!(read(None, ""), Ok(Credentials::None)));
}

/// An assertion says whose it is, unless the request does.
#[test]
fn tells_whom_a_request_claims_to_come_from() {
    let key = keys::SigningKey::generate(keys::Algorithm::Es256).unwrap();
    let assertion = keys::sign(&key, "JWT", &serde_json::json!({ "iss": "a", "sub": "a" }));
    let sent = |assertion: &str, more: &str| {
        let kind = crate::client::JWT_BEARER;
        format!("client_assertion_type={kind}&client_assertion={assertion}{more}")
    };
    let assertion = assertion.unwrap();
    for (body, claimed) in [
        (sent(&assertion, ""), Some("a")),
        (sent(&assertion, "&client_id=b"), Some("b")),
        (sent("rubbish", ""), None),
        ("client_id=c&client_secret=d".to_owned(), Some("c")),
        ("client_id=c".to_owned(), Some("c")),
        (String::new(), None),
    ] {
        let read = read(None, &body).unwrap();
        assert_eq!(read.claimed().as_deref(), claimed, "{body}");
    }
}

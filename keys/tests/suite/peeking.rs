use keys::{Algorithm, Peek, Signer, TokenFault as Fault, peek};
use serde_json::{Value, json};

use crate::fixture::{
    ISSUER, claims, header, key, signed_text, stranger, token, with_claim, with_header,
    with_header_text,
};

#[test]
fn says_where_the_token_claims_to_come_from() {
    let expected = Peek {
        issuer: ISSUER.to_owned(),
        kid: Some(key(Algorithm::Es256).kid().to_owned()),
        typ: Some("at+jwt".to_owned()),
        id: Some("0199".to_owned()),
    };
    assert_eq!(peek(&token()), Ok(expected));
}

#[test]
fn does_not_verify() {
    let forged = signed_text(stranger(), &header().to_string(), &claims().to_string());
    assert!(peek(&forged).is_ok());
}

#[test]
fn refuses_what_no_key_could_make_good() {
    for (token, expected) in [
        (with_claim("iss", Value::Null), Fault::Issuer),
        (with_claim("iss", json!([ISSUER])), Fault::Issuer),
        (with_header("alg", json!("none")), Fault::Algorithm),
        (with_header("crit", json!(["exp"])), Fault::Crit),
        (with_header_text(r#""kid":"other""#), Fault::RepeatedMember),
        ("a.b.c.d.e".to_owned(), Fault::Encrypted),
        ("x".repeat(20_000), Fault::TooLarge),
        ("opaque".to_owned(), Fault::Malformed),
    ] {
        assert_eq!(peek(&token), Err(expected));
    }
}

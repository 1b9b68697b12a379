//! §3.3, §3.5, §3.7, §3.8: nested tokens, weak secrets, other encodings, keys of other issuers.

use conformance::{Credentials, Exchange, Jwt, Key, Statement, http, now, target};
use serde_json::{Value, json};

use crate::{refused, subject};

fn presented(assertion: &Statement) -> u16 {
    let credentials = Credentials::Assertion("signer".to_owned(), assertion.text());
    Exchange::own(target(), "signer").authenticated(credentials).send().status
}

/// RFC 8725 §3.3: "All cryptographic operations used in the JWT MUST be validated and the entire JWT MUST
/// be rejected if any of them fail to validate … Nested JWTs in which both outer and inner operations
/// need to be validated": they are no tokens here, whether the inner one is good or not.
#[test]
fn s3_3_refuses_a_nested_jwt() {
    let inner = subject().text;
    refused(&target().idp.access_token("alice").header("cty", "JWT").payload(inner.clone()).mint());
    refused(&target().idp.access_token("alice").payload(inner).mint());
    let assertion = target().assertion("signer", "es");
    assert_eq!(presented(&assertion), 200);
    let nested = target().assertion("signer", "es").payload(assertion.again().text());
    assert_eq!(presented(&nested.header("cty", "JWT")), 401);
}

/// RFC 8725 §3.5: "Human-memorizable passwords MUST NOT be directly used as the key to a keyed-MAC
/// algorithm": a secret of ours signs nothing, short or long.
#[test]
fn s3_5_a_secret_signs_nothing() {
    let client = target().agent("orchestrator");
    let claims = Statement::of_client("orchestrator", &Key::new(), &target().issuer);
    let unsigned = Jwt::read(&claims.header("kid", Value::Null).text());
    let forged = unsigned.signed_with_public(client.client_secret.as_bytes());
    let credentials = Credentials::Assertion("orchestrator".to_owned(), forged);
    let own = Exchange::own(target(), "orchestrator");
    own.clone().authenticated(credentials).send().refused(401, "invalid_client");
    own.send().granted();
    let url = target().well_known("oauth-authorization-server");
    assert!(!http::get(&url, &[]).text().contains("client_secret_jwt"));
}

/// RFC 8725 §3.7: "Use UTF-8": no other encoding of the same text.
#[test]
fn s3_7_refuses_another_encoding() {
    let good = target().assertion("signer", "ed");
    let text = good.claims_text();
    assert_eq!(presented(&good.clone().payload(text.clone())), 200);
    let wide = |order: fn(u16) -> [u8; 2]| text.encode_utf16().flat_map(order).collect::<Vec<u8>>();
    let mark = |mark: &[u8], octets: Vec<u8>| [mark, &octets].concat();
    for octets in [
        wide(u16::to_be_bytes),
        wide(u16::to_le_bytes),
        mark(&[0xFE, 0xFF], wide(u16::to_be_bytes)),
        mark(&[0xFF, 0xFE], wide(u16::to_le_bytes)),
        mark(&[0xEF, 0xBB, 0xBF], text.clone().into_bytes()),
        text.replace("\"signer\"", "\"sign\u{0}er\"").into_bytes(),
        mark(&[], text.bytes().chain([0xFF]).collect()),
        text.bytes().map(|byte| if byte == b'j' { 0xC3 } else { byte }).collect(),
    ] {
        assert_eq!(presented(&good.clone().again().payload(octets)), 401);
    }
}

/// RFC 8725 §3.8: "the application MUST validate that the cryptographic keys used for the cryptographic
/// operations in the JWT belong to the issuer": the key of one party says nothing for another.
#[test]
fn s3_8_refuses_a_key_that_is_not_the_issuers() {
    let good = subject();
    let claims = Value::Object(good.claims.clone());
    for kid in ["rs", "es", "ps", "ed"] {
        let key = target().key("signer", kid);
        for named in [json!(kid), good.header["kid"].clone(), Value::Null] {
            let header = json!({ "typ": "at+jwt", "alg": key.algorithm() });
            refused(&Statement::new(&key, &header, &claims).header("kid", named).text());
        }
    }
}

/// RFC 8725 §3.8: nor does a client's key make a token of ours.
#[test]
fn s3_8_refuses_our_issuer_signed_by_a_client() {
    let ours = Exchange::happy(target()).for_agent("orchestrator").send().granted().token;
    let key = target().key("signer", "es");
    let mut header = Value::Object(ours.header.clone());
    header["alg"] = key.algorithm().into();
    let mut claims = Value::Object(ours.claims.clone());
    claims["exp"] = json!(now() + 250);
    Exchange::of(target(), &ours.text).send().granted();
    refused(&Statement::new(&key, &header, &claims).text());
}

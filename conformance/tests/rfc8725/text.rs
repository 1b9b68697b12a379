//! RFC 7515 §3.1 and §7.1: the compact serialization has three parts of strict base64url, and only
//! that.

use conformance::{Exchange, jwt::unsigned, target};

use crate::{refused, subject};

/// RFC 7515 §7.1: BASE64URL(header) || '.' || BASE64URL(payload) || '.' || BASE64URL(signature).
#[test]
fn rfc7515_s7_1_refuses_anything_around_the_token() {
    let text = subject().text;
    for changed in [
        format!("{text}."),
        format!("{text}\n"),
        format!("{text} "),
        format!(" {text}"),
        format!("{text}="),
        format!("{text}A"),
        format!("{text}.{text}"),
        format!("{text},{text}"),
        format!("Bearer {text}"),
        format!("\u{feff}{text}"),
        text.replacen('.', "..", 1),
        text.replace('.', "%2E"),
    ] {
        refused(&changed);
    }
}

/// RFC 7515 §2: "Base64url Encoding … with all trailing '=' characters omitted … and without the
/// inclusion of any line breaks, whitespace, or other additional characters"; unused bits are zero
/// (RFC 4648 §3.5), or one token has many texts.
#[test]
fn rfc7515_s2_refuses_twins_of_the_same_bytes() {
    let subject = subject();
    refused(&subject.with_twin_of_last_character());
    let (input, signature) = subject.text.rsplit_once('.').unwrap();
    refused(&format!("{input}.{}", signature.replace('-', "+").replace('_', "/") + "=="));
}

/// A token cut short is no token (ZITADEL CVE-2026-27840).
#[test]
fn refuses_a_token_cut_short() {
    let text = subject().text;
    for length in [0, 1, 20, 80, text.len() / 2, text.len() - 1] {
        refused(text.get(..length).unwrap());
    }
}

/// RFC 7515 §7.2: the JSON serialization is another format.
#[test]
fn rfc7515_s7_2_refuses_the_json_serialization() {
    let text = subject().text;
    let parts: Vec<&str> = text.split('.').collect();
    let flat = serde_json::json!({
        "protected": parts[0], "payload": parts[1], "signature": parts[2],
    });
    let general = serde_json::json!({
        "payload": parts[1],
        "signatures": [{ "protected": parts[0], "signature": parts[2] }],
    });
    refused(&flat.to_string());
    refused(&general.to_string());
}

/// RFC 7519 §7.2: header and claims are JSON objects in UTF-8.
#[test]
fn rfc7519_s7_2_refuses_parts_that_are_no_objects() {
    let header = r#"{"alg":"ES256","typ":"at+jwt"}"#;
    for claims in ["", "null", "[]", "7", "\"text\"", "{", "{} {}", "{\"iss\":}"] {
        refused(&unsigned(header, claims));
    }
    for header in ["", "null", "[]", "{", "{\"alg\":\"ES256\",\"alg\":\"none\"}"] {
        refused(&unsigned(header, "{}"));
    }
}

/// RFC 8259 §9: "An implementation may set limits on the size of texts that it accepts." A larger
/// token is refused, validly signed or not, never dropped (Keycloak CVE-2026-9704).
#[test]
fn refuses_an_oversized_token() {
    let padded =
        |size: usize| target().idp.access_token("alice").claim("padding", "a".repeat(size)).mint();
    Exchange::of(target(), &padded(4_000)).send().granted();
    for size in [16_000, 60_000] {
        let reply = Exchange::of(target(), &padded(size)).send();
        assert!([400, 413].contains(&reply.status), "{size}: {}", reply.status);
        assert_eq!(reply.code().as_deref(), Some("invalid_request"));
    }
}

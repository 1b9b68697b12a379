use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use josekit::jwk::Jwk;
use ring::digest::{SHA256, digest};
use serde_json::{Value, json};

/// The SHA-256 thumbprint of a key (RFC 7638 §3), in base64url; the `kid` of every key of ours.
///
/// `None` for a key that lacks a required member, or of a type we do not use.
pub(crate) fn thumbprint(jwk: &Jwk) -> Option<String> {
    let text = |name| jwk.parameter(name).and_then(Value::as_str);
    // RFC 7638 §3.2: the required members only, in lexicographic order, no white space. Written by
    // hand, as a map of `serde_json` has another order once a crate asks for `preserve_order`.
    let members = match jwk.key_type() {
        "EC" => vec![("crv", text("crv")?), ("kty", "EC"), ("x", text("x")?), ("y", text("y")?)],
        "OKP" => vec![("crv", text("crv")?), ("kty", "OKP"), ("x", text("x")?)],
        "RSA" => vec![("e", text("e")?), ("kty", "RSA"), ("n", text("n")?)],
        _ => return None,
    };
    let members: Vec<_> = members
        .into_iter()
        .map(|(name, value)| format!("{}:{}", json!(name), json!(value)))
        .collect();
    let input = format!("{{{}}}", members.join(","));
    Some(URL_SAFE_NO_PAD.encode(digest(&SHA256, input.as_bytes())))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(jwk: &str) -> Option<String> {
        thumbprint(&Jwk::from_bytes(jwk).unwrap())
    }

    /// RFC 7638 §3.1.
    #[test]
    fn is_that_of_the_rsa_example() {
        let jwk = r#"{"kty":"RSA","n":"0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw","e":"AQAB","alg":"RS256","kid":"2011-04-29"}"#;
        assert_eq!(of(jwk).as_deref(), Some("NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"));
    }

    /// RFC 9449 §6.1 (the `jkt` of the key in §4.1).
    #[test]
    fn is_that_of_the_elliptic_curve_example() {
        let jwk = r#"{"kty":"EC","x":"l8tFrhx-34tV3hRICRDY9zCkDlpBhF42UQUfWVAWBFs","y":"9VE4jf_Ok_o64zbTTlcuNJajHmt6v9TDVrU0CdvGRDA","crv":"P-256"}"#;
        assert_eq!(of(jwk).as_deref(), Some("0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"));
    }

    /// RFC 8037, appendix A.3.
    #[test]
    fn is_that_of_the_edwards_curve_example() {
        let jwk =
            r#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;
        assert_eq!(of(jwk).as_deref(), Some("kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"));
    }

    #[test]
    fn is_none_of_a_symmetric_or_incomplete_key() {
        assert_eq!(of(r#"{"kty":"oct","k":"AAAA"}"#), None);
        assert_eq!(of(r#"{"kty":"EC","crv":"P-256","x":"AAAA"}"#), None);
    }
}

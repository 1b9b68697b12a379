//! The signatures which the RFCs print, by keys which the RFCs print: somebody else's encoder.

use serde_json::{Value, json};

use crate::{Algorithm, PublicKey, PublicKeys};

const P256: &str = r#"{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}"#;
const RSA: &str = r#"{"kty":"RSA","n":"ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ","e":"AQAB"}"#;
/// RFC 7520 §3.3.
const BILBO: &str = r#"{"kty":"RSA","kid":"bilbo.baggins@hobbiton.example","use":"sig","n":"n4EPtAOCc9AlkeQHPzHStgAbgs7bTZLwUBZdR8_KuKPEHLd4rHVTeT-O-XV2jRojdNhxJWTDvNd7nqQ0VEiZQHz_AJmSCpMaJMRBSFKrKb2wqVwGU_NsYOYL-QtiWN2lbzcEe6XC0dApr5ydQLrHqkHHig3RBordaZ6Aj-oBHqFEHYpPe7Tpe-OfVfHd1E6cS6M1FZcD1NNLYD5lFHpPI9bTwJlsde3uhGqC0ZCuEHg8lhzwOHrtIQbS0FVbb9k3-tVTU4fg_3L_vniUFAKwuCLqKnS2BYwdq_mzSnbLY7h_qixoR7jig3__kRhuaxwUkRz5iaiQkqgc5gHdrNP5zw","e":"AQAB"}"#;
const ED25519: &str =
    r#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;

/// Where it is printed, by what algorithm, by which key, and the JWS.
const EXAMPLES: [(&str, Algorithm, &str, &str); 4] = [
    (
        "RFC 7515 A.2",
        Algorithm::Rs256,
        RSA,
        "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw",
    ),
    (
        "RFC 7515 A.3",
        Algorithm::Es256,
        P256,
        "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q",
    ),
    (
        "RFC 7520 §4.1",
        Algorithm::Rs256,
        BILBO,
        "eyJhbGciOiJSUzI1NiIsImtpZCI6ImJpbGJvLmJhZ2dpbnNAaG9iYml0b24uZXhhbXBsZSJ9.SXTigJlzIGEgZGFuZ2Vyb3VzIGJ1c2luZXNzLCBGcm9kbywgZ29pbmcgb3V0IHlvdXIgZG9vci4gWW91IHN0ZXAgb250byB0aGUgcm9hZCwgYW5kIGlmIHlvdSBkb24ndCBrZWVwIHlvdXIgZmVldCwgdGhlcmXigJlzIG5vIGtub3dpbmcgd2hlcmUgeW91IG1pZ2h0IGJlIHN3ZXB0IG9mZiB0by4.MRjdkly7_-oTPTS3AXP41iQIGKa80A0ZmTuV5MEaHoxnW2e5CZ5NlKtainoFmKZopdHM1O2U4mwzJdQx996ivp83xuglII7PNDi84wnB-BDkoBwA78185hX-Es4JIwmDLJK3lfWRa-XtL0RnltuYv746iYTh_qHRD68BNt1uSNCrUCTJDt5aAE6x8wW1Kt9eRo4QPocSadnHXFxnt8Is9UzpERV0ePPQdLuW3IS_de3xyIrDaLGdjluPxUAhb6L2aXic1U12podGU0KLUQSE_oI-ZnmKJ3F4uOZDnd6QZWJushZ41Axf_fcIe8u9ipH84ogoree7vjbU5y18kDquDg",
    ),
    (
        "RFC 8037 A.4",
        Algorithm::EdDsa,
        ED25519,
        "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc.hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg",
    ),
];

fn jwk(key: &str) -> Value {
    serde_json::from_str(key).unwrap()
}

fn keys() -> [PublicKey; 4] {
    [P256, RSA, BILBO, ED25519].map(|key| PublicKey::from_jwk(&jwk(key)).unwrap())
}

#[test]
fn an_example_is_signed_by_its_key_with_its_algorithm_and_by_nothing_else() {
    for (name, algorithm, key, token) in EXAMPLES {
        let (input, signature) = token.rsplit_once('.').unwrap();
        let signer = PublicKey::from_jwk(&jwk(key)).unwrap();
        assert!(signer.signed(algorithm, input, signature), "{name}");
        for key in keys() {
            for other in Algorithm::ALL {
                let is_signer = *key.octets_hash() == *signer.octets_hash() && other == algorithm;
                assert_eq!(key.signed(other, input, signature), is_signer, "{name} as {other}");
            }
        }
        assert!(
            !signer.signed(algorithm, &format!("{input}A"), signature),
            "{name}, of another text"
        );
        // RFC 7515 §2: base64url without padding.
        assert!(!signer.signed(algorithm, input, &format!("{signature}==")), "{name}, padded");
        assert!(!signer.signed(algorithm, input, ""), "{name}, unsigned");
    }
}

#[test]
fn a_key_takes_only_what_its_alg_says() {
    for (name, algorithm, key, token) in EXAMPLES {
        let (input, signature) = token.rsplit_once('.').unwrap();
        for pinned in Algorithm::ALL {
            let mut jwk = jwk(key);
            jwk["alg"] = json!(pinned.name());
            // A key of another type is none at all.
            let taken =
                PublicKey::from_jwk(&jwk).is_ok_and(|key| key.signed(algorithm, input, signature));
            assert_eq!(taken, pinned == algorithm, "{name} with {pinned}");
        }
    }
}

/// RFC 7520 §4.2 to §4.4 sign with what has no name here: PS384, ES512 on P-521, HS256.
#[test]
fn the_other_examples_are_nobodys() {
    for alg in ["PS384", "ES512", "HS256"] {
        assert!(alg.parse::<Algorithm>().is_err(), "{alg}");
    }
    let p521 = json!({
        "kty": "EC", "crv": "P-521", "kid": "bilbo.baggins@hobbiton.example", "use": "sig",
        "x": "AHKZLLOsCOzz5cY97ewNUajB957y-C-U88c3v13nmGZx6sYl_oJXu9A5RkTKqjqvjyekWF-7ytDyRXYgCF5cj0Kt",
        "y": "AdymlHvOiLxXkEhayXQnNCvDX4h9htZaCJN34kfmC6pV5OhQHiraVySsUdaQkAgDPrwQrJmbnX9cwlGfP-HqHZR1"
    });
    let symmetric = json!({ "kty": "oct", "k": "hJtXIZ2uSN5kbQfbtTNWbpdmhkV8FJG-Onbc6mxCcYg" });
    let set = json!({ "keys": [p521, symmetric] }).to_string();
    // `k` is private, and would be refused; of a type we have no use for, it is passed over.
    assert!(PublicKeys::parse(set.as_bytes()).unwrap().is_empty());
}

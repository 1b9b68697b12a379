//! What others state and prove: assertions (RFC 7523), events (RFC 8417), proofs of possession (RFC 9449
//! and of attested clients), status lists.

use std::time::Duration;

use keys::{
    Algorithm, AssertionKind, EventKind, ExpectAssertion, ExpectAttestationProof, ExpectEvent,
    ExpectProof, PRIVATE_MEMBERS, PublicKey, status_list as lists, verify_assertion,
    verify_attestation_proof, verify_event, verify_proof,
};
use serde_json::{Value, json};

use crate::{
    json::Json,
    signed::{AUDIENCE, ISSUER, NOW, issuer},
};

const LEEWAY: i64 = 10;
const ALGORITHMS: [Algorithm; 1] = [Algorithm::Es256];

const fn leeway() -> Duration {
    Duration::from_secs(LEEWAY.unsigned_abs())
}

/// The members of what was accepted: an object that says everything once.
fn accepted(data: &[u8]) -> Json {
    let json = Json::parse(data).unwrap_or(Json::List(Vec::new()));
    assert!(json.is_object() && json.is_unambiguous(), "accepted: {json:?}");
    json
}

fn is_name(name: &str) -> bool {
    (1..=255).contains(&name.len()) && !name.contains(char::is_control)
}

/// Claims of an assertion, signed, as every kind: for us alone, and never longer than it is remembered.
pub fn assertion(data: &[u8]) {
    const LONGEST: i64 = 300;
    let named = [
        (AssertionKind::ClientAuthentication, "client-authentication+jwt"),
        (AssertionKind::Svid, "JOSE"),
        (AssertionKind::Attestation, "oauth-client-attestation+jwt"),
        (AssertionKind::IdJag, "oauth-id-jag+jwt"),
    ];
    for (kind, typ) in named {
        let token = issuer().token(typ, data);
        let read = |kind| {
            let expect = ExpectAssertion {
                kind,
                issuer: Some(ISSUER),
                audience: &[AUDIENCE],
                sole_audience: true,
                algorithms: &ALGORITHMS,
                leeway: leeway(),
                longest: Some(Duration::from_secs(LONGEST.unsigned_abs())),
            };
            verify_assertion::<Value>(&token, &issuer().keys, &expect, NOW)
        };
        let Ok(verified) = read(kind) else { continue };
        let (claims, registered) = (accepted(data), verified.registered());
        assert_eq!(claims.member("iss").and_then(Json::text), Some(ISSUER));
        assert_eq!(registered.audience, [AUDIENCE]);
        assert!(is_name(&registered.subject) && registered.id.as_deref().is_none_or(is_name));
        assert!(NOW - LEEWAY < registered.expires_at, "it has not ended");
        assert!(registered.expires_at <= NOW + LEEWAY + LONGEST, "it can be remembered");
        for (other, _) in named.iter().filter(|(other, _)| *other != kind) {
            assert!(read(*other).is_err(), "a {kind:?} is no {other:?}");
        }
        assert!(read(AssertionKind::Grant).is_err() && read(AssertionKind::Workload).is_err());
    }
}

/// Claims of a signed event, as every kind: a security event is never good as a token.
pub fn event(data: &[u8]) {
    let named = [
        (EventKind::SecurityEvent, "secevent+jwt"),
        (EventKind::LogoutToken, "logout+jwt"),
        (EventKind::GlobalRevocation, "global-token-revocation+jwt"),
    ];
    for (kind, typ) in named {
        let token = issuer().token(typ, data);
        let read = |kind| {
            let expect = ExpectEvent {
                kind,
                issuer: ISSUER,
                audience: &[AUDIENCE],
                algorithms: &ALGORITHMS,
                leeway: leeway(),
            };
            verify_event::<Value>(&token, &issuer().keys, &expect, NOW)
        };
        let Ok(verified) = read(kind) else { continue };
        let (claims, registered) = (accepted(data), verified.registered());
        assert_eq!(claims.member("iss").and_then(Json::text), Some(ISSUER));
        assert!(is_name(&registered.id) && registered.subject.as_deref().is_none_or(is_name));
        assert!(registered.issued_at <= NOW + LEEWAY);
        if kind == EventKind::SecurityEvent {
            // SSF 1.0 §4.1.
            assert!(claims.member("exp").is_none() && claims.member("sub").is_none());
        }
        assert!(kind != EventKind::GlobalRevocation || registered.expires_at.is_some());
        for (other, _) in named.iter().filter(|(other, _)| *other != kind) {
            assert!(read(*other).is_err(), "a {kind:?} is no {other:?}");
        }
    }
}

/// Where proofs are sent.
fn expect(uri: &str) -> ExpectProof<'_> {
    ExpectProof {
        method: "POST",
        uri,
        algorithms: &ALGORITHMS,
        past: Duration::from_mins(1),
        future: Duration::from_secs(15),
        access_token: None,
    }
}

fn endpoint() -> String {
    format!("{AUDIENCE}/oauth/token")
}

/// Claims of a DPoP proof under a good header: for this method and this address, made just now.
pub fn proof(data: &[u8]) {
    let header = json!({ "alg": "ES256", "typ": "dpop+jwt", "jwk": issuer().jwk() }).to_string();
    let proof = issuer().sign(header.as_bytes(), data);
    let Ok(proof) = verify_proof(&proof, &expect(&endpoint()), NOW) else { return };
    let claims = accepted(data);
    assert_eq!(claims.member("htm").and_then(Json::text), Some("POST"));
    let htu = claims.member("htu").and_then(Json::text).unwrap_or_default();
    let is_ours = url::Url::parse(htu).is_ok_and(|mut url| {
        url.set_query(None);
        url.set_fragment(None);
        // RFC 3986 §6.2.2.2: what need not be encoded means the same encoded.
        let plain = url.path().replace("%61", "a");
        url.host_str() == Some("actas.example") && (plain == url.path() || !plain.is_empty())
    });
    assert!(is_ours, "{htu}");
    assert!((NOW - 60..=NOW + 15).contains(&proof.issued_at()));
    assert!(is_name(proof.id()));
    assert_eq!(claims.member("jti").and_then(Json::text), Some(proof.id()));
    assert_eq!(claims.member("nonce").and_then(Json::text), proof.nonce());
}

/// The header of a DPoP proof, `KEY` standing for the public key of whoever signs: the key it brings is
/// the one that signed, and is no private one.
pub fn proof_header(data: &[u8]) {
    let header = String::from_utf8_lossy(data).replace("KEY", &issuer().jwk().to_string());
    let claims = json!({ "jti": "p", "htm": "POST", "htu": endpoint(), "iat": NOW }).to_string();
    let proof = issuer().sign(header.as_bytes(), claims.as_bytes());
    if verify_proof(&proof, &expect(&endpoint()), NOW).is_err() {
        return;
    }
    let header = accepted(header.as_bytes());
    assert_eq!(header.member("alg").and_then(Json::text), Some("ES256"));
    let typ = header.member("typ").and_then(Json::text).unwrap_or_default().to_ascii_lowercase();
    assert!(["dpop+jwt", "application/dpop+jwt"].contains(&typ.as_str()), "{typ}");
    let jwk = header.member("jwk").unwrap_or(&Json::List(Vec::new())).clone();
    assert!(PRIVATE_MEMBERS.iter().all(|name| jwk.member(name).is_none()), "RFC 9449 §4.3");
    for name in ["kty", "crv", "x", "y"] {
        let ours = issuer().jwk().get(name).and_then(Value::as_str);
        assert_eq!(jwk.member(name).and_then(Json::text), ours, "`{name}`");
    }
}

/// Claims of the proof of an attested client: for us alone, made just now.
pub fn attestation_proof(data: &[u8]) {
    let Ok(key) = PublicKey::from_jwk(issuer().jwk()) else { return };
    let expect = ExpectAttestationProof {
        audience: AUDIENCE,
        algorithms: &ALGORITHMS,
        past: Duration::from_mins(1),
        future: Duration::from_secs(15),
    };
    let read = |typ| {
        let proof = issuer().token(typ, data);
        verify_attestation_proof(&proof, &key, &expect, NOW)
    };
    assert!(read("oauth-client-attestation+jwt").is_err(), "an attestation is not its proof");
    let Ok(proof) = read("oauth-client-attestation-pop+jwt") else { return };
    let claims = accepted(data);
    assert_eq!(claims.member("aud").and_then(Json::texts), Some(vec![AUDIENCE]));
    assert!((NOW - 60..=NOW + 15).contains(&proof.issued_at()) && is_name(proof.id()));
    assert_eq!(claims.member("challenge").and_then(Json::text), proof.challenge());
}

/// Claims of a status list (draft-ietf-oauth-status-list §8.3): for this address, and bounded however much
/// a few octets claim to be.
pub fn status_list(data: &[u8]) {
    const MOST: u64 = 8 * 1024 * 1024;
    let uri = format!("{AUDIENCE}/oauth/status-lists/1");
    let token = issuer().token(lists::TYP, data);
    let expect = lists::ExpectList { uri: &uri, algorithms: &ALGORITHMS, leeway: leeway() };
    let Ok(list) = lists::read(&token, &issuer().keys, &expect, NOW) else { return };
    let claims = accepted(data);
    assert_eq!(claims.member("sub").and_then(Json::text), Some(uri.as_str()));
    let packed = claims.member("status_list").unwrap_or(&claims);
    assert!(packed.is_object(), "a list of the members is not the object");
    let bits = packed.member("bits").and_then(Json::integer).unwrap_or_default();
    assert!([1, 2, 4, 8].contains(&bits), "§4.1");
    for index in [0, 1, 7, 8, 1 << 17] {
        let most = (1_u16 << bits) - 1;
        assert!(list.status(index).is_none_or(|status| u16::from(status) <= most));
    }
    assert!(list.status(MOST).is_none() && list.status(u64::MAX).is_none(), "it is bounded");
    assert!(list.expires_at().is_none_or(|end| NOW - LEEWAY < end));
    assert!(list.lifetime().is_none_or(|lifetime| 0 < lifetime.as_secs()));
}

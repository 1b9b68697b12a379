//! Tokens: compact JWS (RFC 7515), their headers, and the claims of an access token (RFC 9068).

use std::time::Duration;

use keys::{Algorithm, Expect, Typ, Verified, peek, verify};
use serde_json::{Value, json};

use crate::{
    json::Json,
    signed::{AUDIENCE, ISSUER, NOW, issuer},
};

/// What a token of the issuer must be here.
const LEEWAY: Duration = Duration::from_secs(10);
/// `keys` looks at no longer one.
const LONGEST_TOKEN: usize = 16 * 1024;
/// `keys` goes no deeper.
const DEEPEST: usize = 32;

fn expect(typ: &[Typ]) -> Expect<'_> {
    Expect {
        typ,
        issuer: ISSUER,
        audience: &[AUDIENCE],
        algorithms: &[Algorithm::Es256, Algorithm::EdDsa, Algorithm::Rs256],
        leeway: LEEWAY,
        max_age: None,
    }
}

fn verified(token: &str) -> Option<Verified<Value>> {
    let typ = [Typ::AccessToken, Typ::Untyped];
    verify(token, &issuer().keys, &expect(&typ), NOW).ok()
}

/// Claims that nothing is wrong with.
fn good() -> Vec<u8> {
    let claims = json!({
        "iss": ISSUER, "sub": "alice", "aud": AUDIENCE, "iat": NOW - 10, "exp": NOW + 300, "jti": "t-1",
    });
    claims.to_string().into_bytes()
}

/// A compact JWS as it arrives: nobody out there has the key, so nothing is ever verified. A good token
/// with changes is another token, which is not verified either.
pub fn jws(data: &[u8]) {
    if let Ok(text) = std::str::from_utf8(data) {
        assert!(verified(text).is_none(), "nobody has signed this");
        if let Ok(seen) = peek(text) {
            assert!(text.len() <= LONGEST_TOKEN);
            assert_eq!(text.bytes().filter(|byte| *byte == b'.').count(), 2);
            assert!(seen.issuer.len() <= text.len());
        }
    }
    let token = issuer().token("at+jwt", &good());
    let bent = bent(&token, data);
    assert_eq!(verified(&bent).is_some(), bent == token, "one signature, one spelling");
}

/// `token` with bytes changed, taken out or put in: three bytes of `edits` for each place.
fn bent(token: &str, edits: &[u8]) -> String {
    let mut text = token.as_bytes().to_vec();
    for edit in edits.chunks_exact(3).take(8) {
        let [place, kind, byte] = edit else { continue };
        // Printable, or what follows would not be text.
        let byte = b' ' + byte % 95;
        // Spread over the token, wherever its dots are.
        let at = usize::from(*place).saturating_mul(text.len()) / 256;
        match (kind % 3, text.get_mut(at)) {
            (0, Some(old)) => *old = byte,
            (1, Some(_)) => drop(text.remove(at)),
            (_, _) => text.insert(at, byte),
        }
    }
    String::from_utf8(text).unwrap_or_default()
}

/// A header in front of good claims, both signed: nothing in it talks the signature into anything.
pub fn header(data: &[u8]) {
    let token = issuer().sign(data, &good());
    let seen = peek(&token);
    if verified(&token).is_none() {
        return;
    }
    assert!(seen.is_ok(), "what is verified can be peeked at");
    let header = Json::parse(data).unwrap_or(Json::List(Vec::new()));
    assert!(header.is_object() && header.is_unambiguous() && header.depth() <= DEEPEST);
    assert_eq!(header.member("alg").and_then(Json::text), Some("ES256"));
    // RFC 7515 §4.1.11: nothing critical is understood; RFC 7516 and RFC 7797 are not spoken.
    for name in ["crit", "zip", "b64"] {
        assert!(header.member(name).is_none(), "`{name}`");
    }
    if let Some(kid) = header.member("kid") {
        assert_eq!(kid.text(), Some(issuer().kid()));
    }
    if let Some(typ) = header.member("typ") {
        let typ = typ.text().unwrap_or_default().to_ascii_lowercase();
        let name = typ.strip_prefix("application/").unwrap_or(&typ);
        assert!(["at+jwt", "jwt"].contains(&name), "{name}");
    }
}

/// Claims under a good signature: what is accepted is of this issuer, for us, valid now, and says so once.
pub fn claims(data: &[u8]) {
    let token = issuer().token("at+jwt", data);
    let Some(verified) = verified(&token) else { return };
    let claims = Json::parse(data).unwrap_or(Json::List(Vec::new()));
    assert!(claims.is_object() && claims.is_unambiguous() && claims.depth() <= DEEPEST);
    let registered = verified.registered();
    assert_eq!(claims.member("iss").and_then(Json::text), Some(ISSUER));
    assert_eq!(claims.member("sub").and_then(Json::text), Some(registered.subject.as_str()));
    let audience = claims.member("aud").and_then(Json::texts).unwrap_or_default();
    assert_eq!(audience, registered.audience);
    assert!(audience.contains(&AUDIENCE));
    let exp = claims.member("exp").and_then(Json::integer);
    assert_eq!(exp, Some(registered.expires_at));
    assert!(NOW - 10 < registered.expires_at, "RFC 7519 §4.1.4");
    assert_eq!(claims.member("iat").and_then(Json::integer), Some(registered.issued_at));
    assert!(registered.issued_at <= NOW + 10);
    if let Some(nbf) = claims.member("nbf") {
        assert!(nbf.integer().is_some_and(|nbf| nbf <= NOW + 10), "RFC 7519 §4.1.5");
    }
    for name in [Some(&registered.subject), registered.id.as_ref()].into_iter().flatten() {
        assert!((1..=255).contains(&name.len()) && !name.contains(char::is_control));
    }
}

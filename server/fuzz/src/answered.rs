//! What identity providers answer us: discovery (`OpenID` Connect Discovery 1.0), introspection (RFC 7662),
//! polls for events (RFC 8936).

use policy::Session;
use serde_json::Value;
use upstream::probe;

use crate::{json::Json, signed::ISSUER};

const USER: &str = "alice";

/// The document of what was believed.
fn believed(data: &[u8]) -> Json {
    let json = Json::parse(data).unwrap_or(Json::List(Vec::new()));
    assert!(json.is_object(), "a list of the members is no answer: {json:?}");
    json
}

/// A member at the top that is there once.
fn once<'a>(json: &'a Json, name: &str) -> Option<&'a Json> {
    if let Json::Object(members) = json {
        assert!(members.iter().filter(|(known, _)| known == name).count() <= 1, "`{name}` twice");
    }
    json.member(name)
}

/// A discovery document: of this issuer to the letter, or of nobody.
pub fn discovery(data: &[u8]) {
    let Ok((jwks_uri, introspection, userinfo)) = probe::discovery(data, ISSUER) else { return };
    let document = believed(data);
    assert_eq!(once(&document, "issuer").and_then(Json::text), Some(ISSUER));
    let named = [
        ("jwks_uri", Some(jwks_uri)),
        ("introspection_endpoint", introspection),
        ("userinfo_endpoint", userinfo),
    ];
    for (name, found) in named {
        let Some(found) = found else { continue };
        assert!(url::Url::parse(&found).is_ok());
        let written = once(&document, name).and_then(Json::text);
        assert!(written.is_some_and(|text| url::Url::parse(text).is_ok()), "`{name}` {found}");
    }
    assert!(probe::discovery(data, "https://other.example").is_err());
}

/// An introspection answer: a plain yes or a plain no, about this user and nobody else.
pub fn introspection(data: &[u8]) {
    if let Ok(standing) = probe::introspection(data, ISSUER, USER) {
        let answer = believed(data);
        match once(&answer, "active") {
            Some(Json::Other(Value::Bool(true))) => {
                assert_ne!(standing.session, Session::Ended);
                for (name, expected) in [("sub", USER), ("iss", ISSUER)] {
                    let said = once(&answer, name);
                    assert!(said.is_none_or(|said| said.text() == Some(expected)), "{said:?}");
                }
            }
            Some(Json::Other(Value::Bool(false))) => assert_eq!(standing.session, Session::Ended),
            other => assert!(other.is_none() && other.is_some(), "no yes and no no: {other:?}"),
        }
    }
    let Ok(Some(described)) = probe::described(data, ISSUER) else { return };
    let answer = believed(data);
    assert_eq!(once(&answer, "active"), Some(&Json::Other(Value::Bool(true))));
    assert_eq!(once(&answer, "sub").and_then(Json::text), Some(described.subject.as_str()));
    assert_eq!(once(&answer, "exp").and_then(Json::integer), Some(described.expires_at.0));
    assert!(described.issuer.is_none_or(|issuer| issuer == ISSUER));
    let audience = once(&answer, "aud").and_then(Json::texts).unwrap_or_default();
    assert_eq!(audience, described.audience);
}

/// An answer to a poll: every event under the name it is acknowledged by.
pub fn polled(data: &[u8]) {
    let Some(polled) = probe::polled(data) else { return };
    let answer = believed(data);
    let more = once(&answer, "moreAvailable") == Some(&Json::Other(Value::Bool(true)));
    assert_eq!(polled.more, more);
    let listed: &[(String, Json)] = match once(&answer, "sets") {
        Some(Json::Object(listed)) => listed,
        Some(Json::Other(_) | Json::Text(_) | Json::List(_)) | None => &[],
    };
    for (jti, set) in &polled.sets {
        let said = |(known, value): &(String, Json)| {
            known == jti && value.text().unwrap_or_default() == set
        };
        assert!(listed.iter().any(said), "{jti}");
    }
    let mut named: Vec<&String> = listed.iter().map(|(jti, _)| jti).collect();
    named.sort_unstable();
    named.dedup();
    assert!(polled.sets.iter().map(|(jti, _)| jti).eq(named), "none is left out");
}

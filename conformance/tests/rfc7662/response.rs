//! §2.2: what is told of an active token.

use conformance::{AboutToken, CALENDAR, Exchange, Granted, exchange::three_hops, now, target};
use serde_json::{Value, json};

fn told_of(granted: &Granted, caller: &str) -> Value {
    let reply = AboutToken::introspect(target(), &granted.token.text).by(caller).send();
    assert_eq!(reply.status, 200, "{}", reply.text());
    reply.json()
}

fn granted() -> Granted {
    Exchange::happy(target()).send().granted()
}

/// RFC 7662 §2.2: "active REQUIRED. Boolean indicator of whether or not the presented token is
/// currently active."
#[test]
fn s2_2_active_is_a_boolean() {
    let granted = granted();
    assert_eq!(told_of(&granted, "documents-api")["active"], json!(true));
    assert_eq!(told_of(&granted, "calendar-api")["active"], json!(false));
}

/// RFC 7662 §2.2: "scope … `client_id` … exp … iat … sub … aud … iss … jti": what is told is what
/// the token says, member by member.
#[test]
fn s2_2_tells_what_the_token_says() {
    let granted = granted();
    let told = told_of(&granted, "documents-api");
    for name in
        ["iss", "sub", "aud", "client_id", "scope", "exp", "iat", "jti", "org_id", "act", "acr"]
    {
        assert_eq!(told.get(name), granted.token.claims.get(name), "{name}");
    }
    for name in ["iss", "sub", "aud", "client_id", "scope", "exp", "iat", "jti", "act"] {
        assert!(told.get(name).is_some(), "{name}");
    }
}

/// RFC 7662 §2.2: "`token_type` OPTIONAL. Type of the token as defined in Section 5.1 of OAuth 2.0".
#[test]
fn s2_2_the_token_type_is_that_of_the_response() {
    let granted = granted();
    let told = told_of(&granted, "documents-api");
    let [told, issued] = [&told["token_type"], &granted.body["token_type"]]
        .map(|kind| kind.as_str().unwrap().to_ascii_lowercase());
    assert_eq!(told, issued);
}

/// RFC 7662 §2.2: exp and iat are an "Integer timestamp, measured in the number of seconds since
/// January 1 1970 UTC".
#[test]
fn s2_2_times_are_integers() {
    let told = told_of(&granted(), "documents-api");
    let time = |name: &str| told[name].as_i64().unwrap_or_else(|| panic!("{name}: {told}"));
    assert!(time("iat") <= now() && now() <= time("exp"));
}

/// RFC 8693 §4: "this section defines claims to express such semantics specifically for JWTs and in
/// an OAuth 2.0 Token Introspection response": the whole chain of actors is told.
#[test]
fn rfc8693_s4_tells_the_chain_of_actors() {
    let [first, second, third] = three_hops(target());
    for (hop, caller) in [(first, "researcher"), (second, "archivist"), (third, "documents-api")] {
        let told = told_of(&hop, caller);
        assert_eq!(told["act"], hop.token.claims["act"]);
        assert_eq!(told["sub"], "alice");
    }
}

/// RFC 9068 §2.2.1 and RFC 9470 §6: how the user signed in is told as the token tells it, and never
/// made up.
#[test]
fn rfc9470_s6_tells_how_the_user_signed_in() {
    let minted = target().idp.access_token("alice").claim("auth_time", now() - 30);
    let minted = minted.claim("acr", "urn:example:strong").claim("amr", vec!["pwd", "otp"]);
    let with = told_of(&Exchange::of(target(), &minted.mint()).send().granted(), "documents-api");
    assert_eq!(with["acr"], "urn:example:strong");
    assert_eq!(with["amr"], json!(["pwd", "otp"]));
    assert!(with["auth_time"].as_i64().unwrap() <= now() - 30);
    let mut bare = target().idp.access_token("alice");
    for name in ["auth_time", "acr", "amr"] {
        bare = bare.claim(name, Value::Null);
    }
    let without = told_of(&Exchange::of(target(), &bare.mint()).send().granted(), "documents-api");
    assert!(["auth_time", "acr", "amr"].iter().all(|name| without.get(name).is_none()));
}

/// RFC 7662 §5: "The introspection response may contain privacy-sensitive information such as user
/// identifiers for resource owners. When this is the case, measures MUST be taken to prevent
/// disclosure of this information to unintended parties." What is not in the token is not told.
#[test]
fn s5_tells_nothing_personal_beyond_the_token() {
    let minted = target().idp.access_token("alice").claim("email", "alice@example.com");
    let minted = minted.claim("name", "Alice Example").claim("preferred_username", "al");
    let granted = Exchange::of(target(), &minted.mint()).send().granted();
    let told = told_of(&granted, "documents-api");
    let known = ["active", "token_type"];
    for name in told.as_object().unwrap().keys() {
        let of_token = granted.token.claims.contains_key(name);
        assert!(of_token || known.contains(&name.as_str()), "`{name}`: {told}");
    }
}

/// RFC 7662 §2.2: "The response MAY be cached by the protected resource": asked again, it is the
/// same; in between nobody keeps it (`no-store`, held after every request).
#[test]
fn s2_2_the_same_question_has_the_same_answer() {
    let granted = Exchange::happy(target()).with("resource", CALENDAR).send().granted();
    assert_eq!(told_of(&granted, "calendar-api"), told_of(&granted, "calendar-api"));
}

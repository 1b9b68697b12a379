//! §2.2: the answer, and what is over after it.

use std::time::Duration;

use conformance::{
    AboutToken, Exchange, Granted, eventually, exchange::three_hops, jwt::unsigned, now, target,
};

/// Seconds: as little as is worth a token, and what a busy machine needs for one exchange.
const SHORT: i64 = 9;
/// Longer than that and the leeway of any clock.
const SOON: Duration = Duration::from_secs(45);

fn granted() -> Granted {
    Exchange::happy(target()).send().granted()
}

/// RFC 7009 §2: "Implementations MUST support the revocation of refresh tokens and SHOULD support
/// the revocation of access tokens": the latter is what we issue. §2.1: "The invalidation takes
/// place immediately, and the token cannot be used again after the revocation."
#[test]
fn s2_a_client_ends_its_own_token() {
    let granted = granted();
    assert!(granted.is_active(target()));
    granted.revoke(target());
    assert!(!granted.is_active(target()));
}

/// RFC 7009 §2.2: "The content of the response body is ignored by the client as all necessary
/// information is conveyed in the response code." So there is none.
#[test]
fn s2_2_says_nothing_with_its_200() {
    let reply = AboutToken::revoke(target(), &granted().token.text).send();
    assert_eq!((reply.status, reply.text().as_str()), (200, ""));
}

/// RFC 7009 §2.2: "The authorization server responds with HTTP status code 200 if the token has been
/// revoked successfully or if the client submitted an invalid token."
#[test]
fn s2_2_an_invalid_token_is_no_error() {
    let ended = granted();
    ended.revoke(target());
    let foreign = target().idp.access_token("alice").mint();
    let forged = granted();
    let forged_text = forged.token.forged(&[("alg", "none".into())], &[]);
    let unsigned = unsigned(r#"{"alg":"ES256","typ":"at+jwt"}"#, "{}");
    let all = ["garbage", "a.b.c", "\u{fc}", &unsigned, &foreign, &forged_text];
    for token in all.into_iter().chain([ended.token.text.as_str()]) {
        let reply = AboutToken::revoke(target(), token).send();
        assert_eq!(reply.status, 200, "{token}: {}", reply.text());
    }
    assert!(forged.is_active(target()), "a forgery ended the token it was made of");
    Exchange::of(target(), &foreign).send().granted();
}

/// RFC 7009 §2.2, of a token that has expired: there is nothing left to end.
#[test]
fn s2_2_an_expired_token_is_no_error() {
    let short = target().idp.access_token("alice").lifetime(SHORT).mint();
    let granted = Exchange::of(target(), &short).send().granted();
    eventually("it expires", SOON, || (!granted.is_active(target())).then_some(()));
    assert_eq!(AboutToken::revoke(target(), &granted.token.text).send().status, 200);
}

/// RFC 7009 §2.1: "… the token cannot be used again after the revocation." Decision: whoever tries
/// learns `revoked`, so that an agent stops instead of asking for a fresh token.
#[test]
fn s2_1_a_revoked_token_cannot_be_exchanged() {
    let [first, ..] = three_hops(target());
    let exchange = Exchange::of(target(), &first.token.text).by("researcher");
    exchange.send().granted();
    first.revoke(target());
    for _ in 0..2 {
        let reply = exchange.send();
        reply.refused_as_invalid_request();
        assert_eq!(reply.json()["reason"], "revoked");
    }
}

/// Decision: "revoked" is still the answer when the token has expired since: `expired` would tell
/// the agent to get a fresh one, as it does of a token that nobody revoked.
#[test]
fn s2_1_a_revoked_token_stays_revoked_when_it_expires() {
    let short = target().idp.access_token("alice").lifetime(SHORT).mint();
    let exchange = Exchange::of(target(), &short).for_agent("researcher");
    let [revoked, expired] = [(); 2].map(|()| exchange.send().granted());
    revoked.revoke(target());
    eventually("both expire", SOON, || (expired.seconds("exp") < now()).then_some(()));
    for (token, reason) in [(revoked, "revoked"), (expired, "expired")] {
        let reply = Exchange::of(target(), &token.token.text).by("researcher").send();
        reply.refused_as_invalid_request();
        assert_eq!(reply.json()["reason"], reason);
    }
}

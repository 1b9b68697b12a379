//! The re-check: at every exchange the home identity provider is asked about the user (RFC 7662),
//! and no answer is no token. These tests break the one identity provider they share, so they take
//! turns.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use conformance::{Exchange, target};

mod recheck {
    mod grants;
}

/// Longer than the identity provider of these tests asks anybody to wait.
const PATIENCE: Duration = Duration::from_secs(30);

/// The identity provider of this test binary, held by one test at a time and healed when the test
/// is over.
struct Idp(#[expect(dead_code, reason = "held, not read")] MutexGuard<'static, ()>);

impl Idp {
    fn alone() -> Self {
        static TURN: Mutex<()> = Mutex::new(());
        let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        heal();
        Self(turn)
    }
}

impl Drop for Idp {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            heal();
        }
    }
}

fn heal() {
    for endpoint in ["introspection", "jwks"] {
        target().idp.fault(endpoint, "none");
    }
    for user in &target().users {
        target().idp.disable(&user.sub, false);
    }
}

/// An exchange while introspection is ill, and its twin when it is well again.
fn refused_while_introspection_is(fault: &str) {
    let _idp = Idp::alone();
    let exchange = Exchange::happy(target());
    exchange.send().granted();
    target().idp.fault("introspection", fault);
    exchange.send().refused_for_now();
    target().idp.fault("introspection", "none");
    exchange.send().granted();
}

/// RFC 8693 §2.2.2: "… or are unacceptable based on policy, the authorization server MUST construct
/// an error response …": the user's account is off, so nobody acts for the user.
#[test]
fn refuses_a_user_disabled_at_the_idp() {
    let _idp = Idp::alone();
    let exchange = Exchange::happy(target());
    exchange.send().granted();
    target().idp.disable("alice", true);
    exchange.send().refused_as_invalid_request();
    let bob = target().idp.access_token("bob").mint();
    Exchange::of(target(), &bob).send().granted();
    target().idp.disable("alice", false);
    // What was refused may stay refused; whoever is enabled again can sign in anew.
    Exchange::happy(target()).send().granted();
}

/// The same at a later hop: the token handed on is ours, the user is the identity provider's.
#[test]
fn refuses_a_later_hop_of_a_disabled_user() {
    let _idp = Idp::alone();
    let handed = Exchange::happy(target()).for_agent("researcher").send().granted().token.text;
    let hop = Exchange::of(target(), &handed).by("researcher");
    hop.send().granted();
    target().idp.disable("alice", true);
    hop.send().refused_as_invalid_request();
    target().idp.disable("alice", false);
    let handed = Exchange::happy(target()).for_agent("researcher").send().granted().token.text;
    Exchange::of(target(), &handed).by("researcher").send().granted();
}

/// The identity provider is asked at each exchange anew; a good answer of a moment ago counts for
/// nothing.
#[test]
fn asks_the_idp_at_every_exchange() {
    let _idp = Idp::alone();
    let exchange = Exchange::happy(target());
    exchange.send().granted();
    let before = target().idp.requests("introspection");
    for _ in 0..3 {
        exchange.send().granted();
    }
    assert_eq!(target().idp.requests("introspection") - before, 3);
    let handed = exchange.for_agent("researcher").send().granted().token.text;
    let before = target().idp.requests("introspection");
    Exchange::of(target(), &handed).by("researcher").send().granted();
    assert_eq!(target().idp.requests("introspection") - before, 1);
}

/// RFC 7662 §2.2: "active REQUIRED. Boolean indicator". The text "true" is none (firecrawl#3973).
#[test]
fn refuses_when_active_is_a_string() {
    refused_while_introspection_is("string_true");
}

/// RFC 7662 §2.2: "active REQUIRED."
#[test]
fn refuses_when_active_is_missing() {
    refused_while_introspection_is("missing_active");
}

#[test]
fn refuses_while_introspection_is_down() {
    refused_while_introspection_is("down");
}

#[test]
fn refuses_while_introspection_is_slow() {
    refused_while_introspection_is("slow");
}

#[test]
fn refuses_while_introspection_answers_garbage() {
    refused_while_introspection_is("garbage");
}

#[test]
fn refuses_while_introspection_answers_nothing() {
    refused_while_introspection_is("empty");
}

/// The identity provider is asked, and nobody it points to.
#[test]
fn refuses_while_introspection_redirects() {
    refused_while_introspection_is("redirect");
}

#[test]
fn refuses_while_introspection_never_stops_talking() {
    refused_while_introspection_is("oversize");
}

#[test]
fn refuses_while_introspection_fails_with_500() {
    refused_while_introspection_is("error500");
}

/// RFC 6585 §4: 429 says "later", which is no answer about the user. Until then there may be none:
/// the one who was asked to wait may take the identity provider at its word.
#[test]
fn refuses_while_introspection_is_throttled() {
    let _idp = Idp::alone();
    let exchange = Exchange::happy(target());
    exchange.send().granted();
    target().idp.fault("introspection", "throttled");
    exchange.send().refused_for_now();
    target().idp.fault("introspection", "none");
    let healed_at = Instant::now();
    let reply = loop {
        let reply = exchange.send();
        if reply.status == 200 || healed_at.elapsed() > PATIENCE {
            break reply;
        }
        reply.refused_for_now();
    };
    reply.granted();
}

/// A later hop is refused in the same way: our own signature does not vouch for the user.
#[test]
fn refuses_a_later_hop_while_introspection_is_down() {
    let _idp = Idp::alone();
    let handed = Exchange::happy(target()).for_agent("researcher").send().granted().token.text;
    let hop = Exchange::of(target(), &handed).by("researcher");
    target().idp.fault("introspection", "down");
    hop.send().refused_for_now();
    target().idp.fault("introspection", "none");
    hop.send().granted();
}

/// A bad request is refused as such even while the identity provider is away: cheap checks come
/// first, and a stranger learns nothing of the identity provider's health.
#[test]
fn refuses_bad_requests_as_such_while_the_idp_is_down() {
    let _idp = Idp::alone();
    let exchange = Exchange::happy(target());
    target().idp.fault("introspection", "down");
    exchange.clone().without("subject_token_type").send().refused_as_invalid_request();
    let stranger = conformance::Credentials::Missing;
    assert_eq!(exchange.authenticated(stranger).send().code().as_deref(), Some("invalid_client"));
}

/// RFC 8693 §2.1: keys once fetched serve while the identity provider's JWKS is away; the user's
/// standing is asked anew.
#[test]
fn known_keys_outlive_an_outage_of_the_jwks() {
    let _idp = Idp::alone();
    let exchange = Exchange::happy(target());
    exchange.send().granted();
    for fault in ["down", "empty"] {
        target().idp.fault("jwks", fault);
        exchange.send().granted();
        // A key that cannot be looked up is unknown or unknowable; in neither case is there a
        // token.
        let unknown = target().idp.access_token("alice").header("kid", "not-there").mint();
        let reply = Exchange::of(target(), &unknown).send();
        assert!([400, 503].contains(&reply.status), "{} {}", reply.status, reply.text());
        exchange.send().granted();
        target().idp.fault("jwks", "none");
    }
}

/// Junk tokens with new key ids do not turn into a storm of requests to the identity provider
/// (camunda#60462).
#[test]
fn unknown_keys_do_not_storm_the_idp() {
    let _idp = Idp::alone();
    Exchange::happy(target()).send().granted();
    let before = target().idp.requests("jwks");
    for n in 0..20 {
        let junk = target().idp.access_token("alice").header("kid", format!("junk-{n}")).mint();
        let reply = Exchange::of(target(), &junk).send();
        // 503 when the last search failed: whether the key exists by now is not known.
        assert!([400, 503].contains(&reply.status), "{} {}", reply.status, reply.text());
    }
    let asked = target().idp.requests("jwks") - before;
    assert!(asked <= 2, "asked {asked} times for 20 unknown keys");
    Exchange::happy(target()).send().granted();
}

/// A token that no check of ours lets through is not worth a question to the identity provider.
#[test]
fn asks_nothing_about_forged_tokens() {
    let _idp = Idp::alone();
    let good = conformance::Jwt::read(&target().idp.access_token("alice").mint());
    let before = target().idp.requests("introspection");
    let forged = good.forged(&[("alg", "none".into())], &[]);
    Exchange::of(target(), &forged).send().refused_as_invalid_request();
    let other = target().idp.access_token("alice").claim("iss", "https://evil.example").mint();
    Exchange::of(target(), &other).send().refused_as_invalid_request();
    assert_eq!(target().idp.requests("introspection"), before);
}

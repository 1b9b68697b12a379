//! §8: the nonce of the authorization server, at the organization that wants one.

use conformance::{Credentials, DOCUMENTS, Exchange, Key, Reply, key::fresh, target};

/// The other organization's agent exchanges with this proof.
fn exchange() -> Exchange<'static> {
    let stranger = Credentials::Basic(target().stranger().clone());
    let exchange = Exchange::happy(target()).at(&target().other_org.token_endpoint);
    exchange.authenticated(stranger).with("resource", DOCUMENTS)
}

fn sent(key: &Key, nonce: Option<&str>) -> Reply {
    let proof = key.proof("POST", &target().other_org.token_endpoint).claim("nonce", nonce);
    exchange().adding_proof(&proof.text()).send()
}

fn nonce_of(reply: &Reply) -> String {
    let nonce = reply.header("dpop-nonce");
    assert!(nonce.is_some(), "RFC 9449 §8: a DPoP-Nonce");
    nonce.unwrap_or_default()
}

/// RFC 9449 §8: "… the authorization server responds to requests that do not include a nonce with an
/// HTTP 400 (Bad Request) error response per Section 5.2 of [RFC6749] using "`use_dpop_nonce`" as the
/// error code value. The authorization server includes a DPoP-Nonce HTTP header in the response".
#[test]
fn s8_asks_for_a_nonce_and_takes_it() {
    let key = Key::new();
    let challenge = sent(&key, None);
    challenge.refused(400, "use_dpop_nonce");
    sent(&key, Some(&nonce_of(&challenge))).granted();
}

/// RFC 9449 §8: "The nonce … MUST be unpredictable"; §4.3 (10): "If the server provided a nonce value
/// to the client, the "nonce" claim matches the server-provided nonce value."
#[test]
fn s8_refuses_a_nonce_that_is_not_its_own() {
    let key = Key::new();
    let nonce = nonce_of(&sent(&key, None));
    let mut changed = nonce.clone().into_bytes();
    // Somewhere in what only the server can compute.
    let last = changed.last_mut().expect("a nonce");
    *last = if *last == b'A' { b'Q' } else { b'A' };
    let changed = String::from_utf8(changed).expect("ASCII");
    for bad in [changed, fresh(), "A".repeat(nonce.len()), "x".to_owned(), format!("{nonce}A")] {
        let reply = sent(&key, Some(&bad));
        reply.refused(400, "use_dpop_nonce");
        assert!(!nonce_of(&reply).is_empty(), "another one comes with it");
    }
    sent(&key, Some(&nonce)).granted();
}

/// RFC 9449 §11.3: "the server MUST NOT accept any DPoP proofs without the nonce", not even from who
/// had one before.
#[test]
fn s11_3_a_nonce_once_is_none_for_ever() {
    let key = Key::new();
    let nonce = nonce_of(&sent(&key, None));
    sent(&key, Some(&nonce)).granted();
    sent(&key, None).refused(400, "use_dpop_nonce");
}

/// RFC 9449 §8: it is of this organization: its neighbour's nonce is none here.
#[test]
fn s8_a_nonce_is_good_at_its_own_issuer_only() {
    let key = Key::new();
    let nonce = nonce_of(&sent(&key, None));
    let proof = key.proof("POST", &target().token_endpoint).claim("nonce", nonce.as_str());
    let request = Exchange::own(target(), "orchestrator").adding_proof(&proof.text());
    request.send().refused(400, "use_dpop_nonce");
    sent(&key, Some(&nonce)).granted();
}

/// RFC 9449 §8.2: the server may supply "a new nonce value … on any response"; whatever it gives with a
/// token is good for the next one.
#[test]
fn s8_2_the_nonce_of_an_answer_is_good_for_the_next() {
    let key = Key::new();
    let first = sent(&key, Some(&nonce_of(&sent(&key, None))));
    first.granted();
    let next = first.header("dpop-nonce").unwrap_or_else(|| nonce_of(&sent(&key, None)));
    sent(&key, Some(&next)).granted();
}

/// RFC 9449 §8: two nonces of two moments tell no third; at least they are long enough not to be
/// guessed.
#[test]
fn s8_a_nonce_cannot_be_guessed() {
    let nonce = nonce_of(&sent(&Key::new(), None));
    assert!(22 <= nonce.len(), "128 bits: {nonce}");
}

/// RFC 9449 §8: who needs no proof needs no nonce.
#[test]
fn s8_a_bearer_client_is_not_asked() {
    exchange().send().granted();
}

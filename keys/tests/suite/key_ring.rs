use std::sync::Arc;

use keys::{
    Algorithm, Entry, Expect, KeyRing, PublicKeys, RingFault, Signer, SigningKey, rotation::State,
    sign, verify,
};
use serde_json::Value;

use crate::fixture::{NOW, claims, expect};

fn fresh() -> Arc<SigningKey> {
    Arc::new(SigningKey::generate(Algorithm::Es256).unwrap())
}

fn entry(key: &Arc<SigningKey>, state: State) -> Entry {
    let key: Arc<dyn Signer> = Arc::clone(key) as _;
    Entry { key, state }
}

#[test]
fn a_rotation_never_leaves_a_good_token_without_its_key() {
    let (old, new) = (fresh(), fresh());
    let ring = |of_old, of_new| KeyRing::new(vec![entry(&old, of_old), entry(&new, of_new)]);
    let before = ring(State::Active, State::Next).unwrap();
    let after = ring(State::Retiring, State::Active).unwrap();
    assert_eq!(before.active().kid(), old.kid());
    assert_eq!(after.active().kid(), new.kid());

    let expect = Expect { algorithms: &[Algorithm::Es256], ..expect() };
    for ring in [&before, &after] {
        let token = sign(&**ring.active(), "at+jwt", &claims()).unwrap();
        for reader in [&before, &after] {
            assert!(verify::<Value>(&token, reader.public(), &expect, NOW).is_ok());
        }
    }
}

#[test]
fn publishes_what_it_verifies_with() {
    let (old, new) = (fresh(), fresh());
    let ring = KeyRing::new(vec![entry(&old, State::Active), entry(&new, State::Next)]).unwrap();
    let published = PublicKeys::parse(ring.jwks_json().as_bytes()).unwrap();
    assert_eq!(published.len(), 2);
    for key in [&old, &new] {
        assert!(published.holds(Some(key.kid())));
        assert!(ring.public().holds(Some(key.kid())));
    }
}

#[test]
fn neither_publishes_nor_believes_a_compromised_or_retired_key() {
    let active = fresh();
    for state in [State::Compromised, State::Retired] {
        let gone = fresh();
        let ring = KeyRing::new(vec![entry(&gone, state), entry(&active, State::Active)]).unwrap();
        assert!(!ring.jwks_json().contains(gone.kid()), "{state:?}");
        assert!(!ring.public().holds(Some(gone.kid())), "{state:?}");
        assert_eq!(ring.public().len(), 1);
    }
}

#[test]
fn a_ring_that_cannot_sign_is_none() {
    assert_eq!(KeyRing::new(vec![]).err(), Some(RingFault::NoActiveKey));
    let key = fresh();
    for state in [State::Next, State::Retiring, State::Retired, State::Compromised] {
        let ring = KeyRing::new(vec![entry(&key, state)]);
        assert_eq!(ring.err(), Some(RingFault::NoActiveKey), "{state:?}");
    }
    assert!(KeyRing::new(vec![entry(&key, State::Active)]).is_ok());
}

#[test]
fn a_ring_does_not_sign_with_two_keys() {
    let ring = KeyRing::new(vec![entry(&fresh(), State::Active), entry(&fresh(), State::Active)]);
    assert_eq!(ring.err(), Some(RingFault::NoActiveKey));
}

#[test]
fn a_key_in_the_ring_twice_cannot_be_published() {
    let key = fresh();
    let ring = KeyRing::new(vec![entry(&key, State::Active), entry(&key, State::Next)]);
    assert_eq!(ring.err(), Some(RingFault::Unpublishable));
}

use std::sync::Arc;

use keys::{
    Algorithm, Entry, Expect, KeyRing, PublicKeys, RingFault, Signer, SigningKey, State, sign,
    verify,
};
use serde_json::Value;

use crate::fixture::{NOW, claims, expect};

fn fresh() -> Arc<SigningKey> {
    Arc::new(SigningKey::generate(Algorithm::Es256).unwrap())
}

fn entry(key: &Arc<SigningKey>, activates_at: i64, retires_at: Option<i64>) -> Entry {
    let key: Arc<dyn Signer> = Arc::clone(key) as _;
    Entry { key, activates_at, retires_at }
}

#[test]
fn a_key_is_next_then_active_then_retired_then_gone() {
    let entry = entry(&fresh(), NOW, Some(NOW + 1_000));
    for (at, state) in [
        (i64::MIN, Some(State::Next)),
        (NOW - 1, Some(State::Next)),
        (NOW, Some(State::Active)),
        (NOW + 999, Some(State::Active)),
        (NOW + 1_000, Some(State::Retired)),
        (NOW + 1_899, Some(State::Retired)),
        (NOW + 1_900, None),
        (i64::MAX, None),
    ] {
        assert_eq!(entry.state(at), state, "{at}");
    }
}

#[test]
fn a_rotation_never_leaves_a_good_token_without_its_key() {
    let (old, new) = (fresh(), fresh());
    let entries = || vec![entry(&old, NOW - 10_000, Some(NOW + 600)), entry(&new, NOW + 600, None)];
    let before = KeyRing::new(entries(), NOW + 599).unwrap();
    let after = KeyRing::new(entries(), NOW + 600).unwrap();
    assert_eq!(before.active().kid(), old.kid());
    assert_eq!(after.active().kid(), new.kid());
    assert_eq!(before.states()[1], (new.kid().to_owned(), State::Next));
    assert_eq!(after.states()[0], (old.kid().to_owned(), State::Retired));

    let expect = Expect { algorithms: &[Algorithm::Es256], ..expect() };
    for ring in [&before, &after] {
        let token = sign(ring.active(), "at+jwt", &claims()).unwrap();
        for reader in [&before, &after] {
            assert!(verify::<Value>(&token, reader.public(), &expect, NOW).is_ok());
        }
    }
}

#[test]
fn of_several_active_keys_the_latest_signs() {
    let (old, new) = (fresh(), fresh());
    let ring = KeyRing::new(vec![entry(&new, NOW - 1, None), entry(&old, NOW - 2, None)], NOW);
    assert_eq!(ring.unwrap().active().kid(), new.kid());
}

#[test]
fn publishes_what_it_verifies_with() {
    let (old, new) = (fresh(), fresh());
    let ring = KeyRing::new(vec![entry(&old, 0, None), entry(&new, NOW + 60, None)], NOW).unwrap();
    let published = PublicKeys::parse(ring.jwks_json().as_bytes()).unwrap();
    assert_eq!(published.len(), 2);
    for key in [&old, &new] {
        assert!(published.holds(Some(key.kid())));
        assert!(ring.public().holds(Some(key.kid())));
    }
}

#[test]
fn a_ring_that_cannot_sign_is_none() {
    assert_eq!(KeyRing::new(vec![], NOW).err(), Some(RingFault::NoActiveKey));
    let key = fresh();
    for (activates_at, retires_at) in [(NOW + 1, None), (0, Some(NOW))] {
        let ring = KeyRing::new(vec![entry(&key, activates_at, retires_at)], NOW);
        assert_eq!(ring.err(), Some(RingFault::NoActiveKey));
    }
}

#[test]
fn a_key_in_the_ring_twice_cannot_be_published() {
    let key = fresh();
    let ring = KeyRing::new(vec![entry(&key, 0, None), entry(&key, 1, None)], NOW);
    assert_eq!(ring.err(), Some(RingFault::Unpublishable));
}

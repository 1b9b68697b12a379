//! Two replicas want the same at the same time; one does it.

use std::{
    pin::pin,
    sync::Mutex,
    task::{Context, Poll, Waker},
};

use keys::rotation::{Asked, State};

use super::*;
use crate::event::Outcome;

const NOW: Timestamp = Timestamp(1_000_000);

/// Keeps keys, and lets another replica be faster so many times.
#[derive(Debug, Default)]
struct Fake {
    keys: Mutex<Vec<KeyRecord>>,
    events: Mutex<Vec<Event>>,
    faster: Mutex<usize>,
    made: Mutex<usize>,
    destroyed: Mutex<Vec<String>>,
}

#[async_trait]
impl KeyStore for Fake {
    async fn keys(&self, _org: &str) -> Result<Vec<KeyRecord>, Fault> {
        Ok(self.keys.lock().unwrap().clone())
    }

    async fn change(
        &self,
        _org: &str,
        seen: &[KeyRecord],
        changes: &[KeyChange],
        event: Option<Event>,
    ) -> Result<bool, Fault> {
        let mut keys = self.keys.lock().unwrap();
        let is_slower = std::mem::take(&mut *self.faster.lock().unwrap());
        for _ in 0..is_slower {
            // The other one asked for the same, with a key of its own.
            apply(&mut keys, changes, "theirs");
        }
        if *keys != seen {
            return Ok(false);
        }
        apply(&mut keys, changes, "");
        self.events.lock().unwrap().extend(event);
        Ok(true)
    }
}

fn apply(keys: &mut Vec<KeyRecord>, changes: &[KeyChange], suffix: &str) {
    for change in changes {
        let with = |keys: &mut Vec<KeyRecord>, kid: &str, change: &dyn Fn(&mut KeyRecord)| {
            keys.iter_mut().filter(|key| key.kid == kid).for_each(change);
        };
        match change {
            KeyChange::Add(key) => {
                keys.push(KeyRecord { kid: format!("{}{suffix}", key.kid), ..key.clone() });
            }
            KeyChange::Activate { kid, at } => with(keys, kid, &|key| key.activates_at = *at),
            KeyChange::Retire { kid, at } => with(keys, kid, &|key| key.retires_at = Some(*at)),
            KeyChange::Compromise { kid, at } => {
                with(keys, kid, &|key| key.compromised_at = Some(*at));
            }
            KeyChange::Drop(kid) => keys.retain(|key| key.kid != *kid),
        }
    }
}

#[async_trait]
impl KeyMaker for Fake {
    async fn make(&self, _org: &str, _algorithm: keys::Algorithm) -> Result<MadeKey, Fault> {
        let mut made = self.made.lock().unwrap();
        *made += 1;
        Ok(MadeKey { kid: format!("key-{made}"), sealed: b"sealed".to_vec() })
    }

    async fn destroy(&self, _org: &str, key: MadeKey) {
        self.destroyed.lock().unwrap().push(key.kid);
    }
}

fn wait<F: Future>(future: F) -> F::Output {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("a fake that waits"),
    }
}

fn rotated(fake: &Fake, asked: Asked, at: Timestamp) -> Result<Rotated, RotateFault> {
    let day = std::time::Duration::from_hours(24);
    let custody = Custody {
        store: fake,
        maker: fake,
        org: "acme",
        algorithm: keys::Algorithm::Es256,
        times: times(std::time::Duration::from_mins(5), day),
    };
    let event = Event {
        operator: Some("ops".to_owned()),
        detail: Some("why".to_owned()),
        ..Event::draft(uuid::Uuid::nil(), at, "request".to_owned())
    };
    wait(rotate(&custody, asked, &event))
}

#[test]
fn the_first_key_is_made_and_tells_of_nothing() {
    let fake = Fake::default();
    let first = rotated(&fake, Asked::Nothing, NOW).unwrap();
    assert_eq!((first.action, first.keys.len()), (None, 1));
    assert!(fake.events.lock().unwrap().is_empty());
    let again = rotated(&fake, Asked::Nothing, NOW).unwrap();
    assert_eq!((again.changes.as_slice(), again.keys), (&[][..], first.keys));
}

#[test]
fn a_rotation_tells_what_it_did_who_asked_and_why() {
    let fake = Fake::default();
    rotated(&fake, Asked::Nothing, NOW).unwrap();
    let done = rotated(&fake, Asked::Rotate, NOW).unwrap();
    let events = fake.events.lock().unwrap().clone();
    let [event] = events.as_slice() else { panic!("{events:?}") };
    assert_eq!((event.outcome, event.operator.as_deref()), (Outcome::Rotated, Some("ops")));
    assert_eq!(
        event.detail.as_deref(),
        Some(
            "key key-2 (ES256) is published, and signs in 360 s; key key-1 retires in 360 s (why)"
        )
    );
    assert_eq!(done.action, Some(event.id));
}

/// The key it had made for itself is not left behind in a module.
#[test]
fn who_is_slower_finds_it_done_and_leaves_nothing_behind() {
    let fake = Fake::default();
    rotated(&fake, Asked::Nothing, NOW).unwrap();
    *fake.faster.lock().unwrap() = 1;
    let done = rotated(&fake, Asked::Rotate, NOW).unwrap();
    assert_eq!(done.action, None);
    let kids: Vec<_> = done.keys.iter().map(|key| key.kid.as_str()).collect();
    assert_eq!(kids, ["key-1", "key-2theirs"]);
    assert_eq!(*fake.destroyed.lock().unwrap(), ["key-2"]);
}

#[test]
fn what_is_forgotten_is_destroyed_and_nothing_else() {
    let fake = Fake::default();
    rotated(&fake, Asked::Nothing, NOW).unwrap();
    rotated(&fake, Asked::RotateNow, NOW).unwrap();
    rotated(&fake, Asked::Nothing, NOW.plus(std::time::Duration::from_secs(659))).unwrap();
    assert!(fake.destroyed.lock().unwrap().is_empty());
    rotated(&fake, Asked::Nothing, NOW.plus(std::time::Duration::from_mins(11))).unwrap();
    assert_eq!(*fake.destroyed.lock().unwrap(), ["key-1"]);
}

#[test]
fn too_many_keys_are_refused_and_change_nothing() {
    let fake = Fake::default();
    rotated(&fake, Asked::Nothing, NOW).unwrap();
    let refused = (0..100).find_map(|_| rotated(&fake, Asked::RotateNow, NOW).err());
    assert!(matches!(refused, Some(RotateFault::Crowded)));
    let keys = fake.keys.lock().unwrap().clone();
    assert_eq!(keys.len(), keys::rotation::MOST_PUBLISHED);
    let custody = times(std::time::Duration::from_mins(5), std::time::Duration::ZERO);
    let (standing, _) = standing(&keys, &custody, NOW).unwrap();
    assert_eq!(standing.iter().filter(|it| it.state == State::Active).count(), 1);
}

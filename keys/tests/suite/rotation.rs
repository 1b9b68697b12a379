//! The life of keys, step by step. Histories drawn at random are in `rotation_histories.rs`.

use keys::{
    Algorithm::{self, EdDsa, Es256, Rs256},
    rotation::{Asked, Key, MOST_PUBLISHED, Plan, State, Step, Times, next_change, plan, states},
};

/// Publish ahead 360, keep 660, skew 60; a key signs for a day.
const DAY: i64 = 86_400;
const NOW: i64 = 1_000_000;

fn times() -> Times {
    Times::new(300, 300, Some(DAY))
}

fn key(kid: &str, activates_at: i64) -> Key {
    Key {
        kid: kid.to_owned(),
        algorithm: Es256,
        activates_at,
        retires_at: None,
        compromised_at: None,
    }
}

/// What the caller does with a plan; new keys are named by their number.
pub(crate) fn done(keys: &[Key], Plan { steps, .. }: &Plan) -> Vec<Key> {
    let mut keys = keys.to_vec();
    let mut next = keys.iter().map(|key| number(&key.kid)).max().unwrap_or(0);
    for step in steps {
        let at = |keys: &mut Vec<Key>, kid: &str, change: &dyn Fn(&mut Key)| {
            change(keys.iter_mut().find(|key| key.kid == *kid).unwrap());
        };
        match step {
            Step::Add { algorithm, activates_at } => {
                next += 1;
                let kid = format!("{next:04}");
                keys.push(Key { algorithm: *algorithm, ..key(&kid, *activates_at) });
            }
            Step::Activate { kid, at: moment } => {
                at(&mut keys, kid, &|key| key.activates_at = *moment);
            }
            Step::Retire { kid, at: moment } => {
                at(&mut keys, kid, &|key| key.retires_at = Some(*moment));
            }
            Step::Compromise { kid, at: moment } => {
                at(&mut keys, kid, &|key| key.compromised_at = Some(*moment));
            }
            Step::Drop { kid } => keys.retain(|key| key.kid != *kid),
        }
    }
    keys
}

fn number(kid: &str) -> u32 {
    kid.parse().unwrap()
}

fn after(keys: &[Key], wanted: Algorithm, now: i64, asked: Asked) -> Vec<Key> {
    let plan = plan(keys, wanted, &times(), now, asked);
    assert!(!plan.is_crowded);
    done(keys, &plan)
}

fn seen(keys: &[Key], now: i64) -> Vec<(&str, State)> {
    let states = states(keys, &times(), now);
    keys.iter().map(|key| key.kid.as_str()).zip(states).collect()
}

#[test]
fn the_first_key_signs_at_once() {
    let plan = plan(&[], EdDsa, &times(), NOW, Asked::Nothing);
    assert_eq!(plan.steps, [Step::Add { algorithm: EdDsa, activates_at: NOW }]);
    assert_eq!(seen(&done(&[], &plan), NOW), [("0001", State::Active)]);
}

/// By the clock of a replica that is behind, its time is yet to come.
#[test]
fn the_first_key_signs_by_every_clock() {
    assert_eq!(seen(&[key("0001", NOW)], NOW - 5), [("0001", State::Active)]);
}

#[test]
fn a_key_is_next_then_active_then_retiring_then_forgotten() {
    let keys = after(&[key("0001", NOW)], Es256, NOW + 100, Asked::Rotate);
    for (at, old, new) in [
        (100, State::Active, State::Next),
        (459, State::Active, State::Next),
        (460, State::Retiring, State::Active),
        (1119, State::Retiring, State::Active),
        (1120, State::Retired, State::Active),
    ] {
        assert_eq!(seen(&keys, NOW + at), [("0001", old), ("0002", new)], "{at}");
    }
    assert_eq!(after(&keys, Es256, NOW + 1119, Asked::Nothing), keys);
    let left = after(&keys, Es256, NOW + 1120, Asked::Nothing);
    assert_eq!(seen(&left, NOW + 1120), [("0002", State::Active)]);
}

#[test]
fn a_successor_is_published_so_that_it_signs_after_a_period() {
    let keys = [key("0001", NOW)];
    let due = NOW + DAY - 360;
    assert_eq!(next_change(&keys, &times(), NOW), Some(due));
    assert_eq!(after(&keys, Es256, due - 1, Asked::Nothing), keys);
    let keys = after(&keys, Es256, due, Asked::Nothing);
    assert_eq!(seen(&keys, due), [("0001", State::Active), ("0002", State::Next)]);
    assert_eq!(keys[1].activates_at, NOW + DAY);
    assert_eq!(next_change(&keys, &times(), due), Some(NOW + DAY));
    assert_eq!(next_change(&keys, &times(), NOW + DAY), Some(NOW + DAY + 660));
}

/// The server was off for a week.
#[test]
fn a_successor_that_is_late_is_published_all_the_same() {
    let keys = after(&[key("0001", NOW)], Es256, NOW + 7 * DAY, Asked::Nothing);
    assert_eq!(keys[1].activates_at, NOW + 7 * DAY + 360);
}

#[test]
fn a_key_without_a_period_signs_for_ever() {
    let (keys, times) = ([key("0001", NOW)], Times { period: None, ..times() });
    assert_eq!(plan(&keys, Es256, &times, NOW + 9999 * DAY, Asked::Nothing).steps, []);
    assert_eq!(next_change(&keys, &times, NOW), None);
}

#[test]
fn to_ask_twice_is_to_ask_once() {
    let keys = after(&[key("0001", NOW)], Es256, NOW + 1, Asked::Rotate);
    assert_eq!(after(&keys, Es256, NOW + 2, Asked::Rotate), keys);
}

#[test]
fn rotates_at_once_when_somebody_is_in_a_hurry() {
    let keys = after(&[key("0001", NOW)], Es256, NOW + 10, Asked::RotateNow);
    assert_eq!(seen(&keys, NOW + 10), [("0001", State::Retiring), ("0002", State::Active)]);
}

/// Somebody may know it already.
#[test]
fn prefers_the_key_that_is_published_when_somebody_is_in_a_hurry() {
    let keys = after(&[key("0001", NOW)], Es256, NOW + 1, Asked::Rotate);
    let keys = after(&keys, Es256, NOW + 10, Asked::RotateNow);
    assert_eq!(seen(&keys, NOW + 10), [("0001", State::Retiring), ("0002", State::Active)]);
    assert_eq!(keys[0].retires_at, Some(NOW + 10));
}

/// Whoever got one may have got the others: they were kept together.
#[test]
fn no_key_is_believed_after_a_compromise() {
    let keys = after(&[key("0001", NOW)], Es256, NOW + 1, Asked::Rotate);
    let keys = after(&keys, Es256, NOW + 10, Asked::Compromised);
    let compromised = State::Compromised;
    let expected = [("0001", compromised), ("0002", compromised), ("0003", State::Active)];
    assert_eq!(seen(&keys, NOW + 10), expected);
    // By a clock that is behind, too.
    assert_eq!(seen(&keys, NOW - 10), expected);
    let left = after(&keys, Es256, NOW + 10 + 660, Asked::Nothing);
    assert_eq!(seen(&left, NOW + 670), [("0003", State::Active)]);
}

#[test]
fn another_algorithm_is_a_rotation() {
    let keys = after(&[key("0001", NOW)], Rs256, NOW + 10, Asked::Nothing);
    assert_eq!(seen(&keys, NOW + 10), [("0001", State::Active), ("0002", State::Next)]);
    assert_eq!((keys[1].algorithm, keys[1].activates_at), (Rs256, NOW + 370));
    assert_eq!(after(&keys, Rs256, NOW + 11, Asked::Nothing), keys);
}

/// The one in the middle is not wanted by the time it could sign.
#[test]
fn three_algorithms_in_a_row_never_sign_with_the_one_in_the_middle() {
    let keys = after(&[key("0001", NOW)], EdDsa, NOW + 10, Asked::Nothing);
    let keys = after(&keys, Rs256, NOW + 200, Asked::Nothing);
    for at in 200..2000 {
        let keys = after(&keys, Rs256, NOW + at, Asked::Nothing);
        let states = states(&keys, &times(), NOW + at);
        let signer = keys.iter().zip(states).find(|(_, state)| *state == State::Active).unwrap().0;
        assert_eq!(signer.algorithm, if at < 560 { Es256 } else { Rs256 }, "{at}");
    }
}

/// A replica whose clock is ahead may have begun.
#[test]
fn a_key_about_to_sign_is_not_dropped_for_another_algorithm() {
    let keys = after(&[key("0001", NOW)], EdDsa, NOW, Asked::Nothing);
    let keys = after(&keys, Rs256, NOW + 300, Asked::Nothing);
    assert_eq!(
        seen(&keys, NOW + 360),
        [("0001", State::Retiring), ("0002", State::Active), ("0003", State::Next)]
    );
    assert_eq!(keys[1].retires_at, Some(NOW + 660));
}

/// From before successions were written down: several keys, none of which retires.
#[test]
fn keys_without_an_end_get_one() {
    let old = [key("0001", NOW - DAY / 2), key("0002", NOW - DAY / 4), key("0003", NOW - DAY / 8)];
    assert_eq!(states(&old, &times(), NOW).last(), Some(&State::Active));
    let keys = after(&old, Es256, NOW, Asked::Nothing);
    let ends: Vec<_> = keys.iter().map(|key| key.retires_at).collect();
    assert_eq!(ends, [Some(NOW), Some(NOW), None]);
    assert_eq!(after(&keys, Es256, NOW + 1, Asked::Nothing), keys);
}

#[test]
fn too_many_published_keys_are_not_added_to_but_for_a_compromise() {
    let mut keys = vec![key("0001", NOW)];
    for turn in 1..100 {
        let plan = plan(&keys, Es256, &times(), NOW + turn, Asked::RotateNow);
        if plan.is_crowded {
            break;
        }
        keys = done(&keys, &plan);
    }
    assert_eq!(keys.len(), MOST_PUBLISHED);
    let rescue = plan(&keys, Es256, &times(), NOW + 60, Asked::Compromised);
    assert!(!rescue.is_crowded);
    assert_eq!(seen(&done(&keys, &rescue), NOW + 60).last().unwrap().1, State::Active);
}

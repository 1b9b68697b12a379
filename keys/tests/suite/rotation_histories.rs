//! Two replicas whose clocks differ look after the same keys, while somebody rotates them, changes the
//! algorithm, and lets time pass.

use std::collections::{HashMap, HashSet};

use keys::{
    Algorithm,
    rotation::{Asked, Key, State, Times, plan, states},
};
use proptest::prelude::*;

use crate::rotation::done;

const TOKEN_LIFETIME: i64 = 300;

#[derive(Clone, Debug)]
enum Event {
    Pass(i64),
    Ask(Asked),
    Want(Algorithm),
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        12 => (1..400_i64).prop_map(Event::Pass),
        3 => Just(Event::Ask(Asked::Rotate)),
        1 => Just(Event::Ask(Asked::RotateNow)),
        1 => Just(Event::Ask(Asked::Compromised)),
        2 => prop_oneof![
            Just(Algorithm::Es256), Just(Algorithm::EdDsa), Just(Algorithm::Rs256)
        ].prop_map(Event::Want),
    ]
}

#[derive(Debug)]
struct World {
    times: Times,
    jwks_max_age: i64,
    /// What each replica's clock is ahead of the true time.
    ahead: [i64; 2],
    wanted: Algorithm,
    keys: Vec<Key>,
    /// What replicas publish: they read it again every second.
    noticed: Vec<Key>,
    now: i64,
    /// Since when each key was in what each replica publishes, without a gap.
    published_since: HashMap<(usize, String), i64>,
    /// When each key signed last.
    signed: HashMap<String, i64>,
    /// Keys that were brought in without care: the first, and those somebody was in a hurry for.
    hasty: HashSet<String>,
}

impl World {
    fn clock(&self, replica: usize) -> i64 {
        self.now + self.ahead[replica]
    }

    /// A replica does what is due, or asked for.
    fn look_after(&mut self, replica: usize, asked: Asked) {
        let now = self.clock(replica);
        let first = plan(&self.keys, self.wanted, &self.times, now, asked);
        // Whoever looks at the same keys at the same time sees the same.
        assert_eq!(first, plan(&self.keys, self.wanted, &self.times, now, asked));
        self.keys = done(&self.keys, &first);
        let again = plan(&self.keys, self.wanted, &self.times, now, Asked::Nothing);
        assert_eq!(again.steps, [], "a plan leaves nothing to do: {self:?}");
        let in_a_hurry = match asked {
            Asked::Nothing | Asked::Rotate => self.keys.len() == 1,
            Asked::RotateNow | Asked::Compromised => !first.is_crowded,
        };
        if in_a_hurry {
            self.hasty.extend(self.active(replica).map(|key| key.kid));
        }
    }

    fn active(&self, replica: usize) -> Option<Key> {
        let states = states(&self.keys, &self.times, self.clock(replica));
        let mut active = self.keys.iter().zip(states).filter(|(_, state)| *state == State::Active);
        let first = active.next().map(|(key, _)| key.clone());
        assert!(active.next().is_none(), "two keys sign: {self:?}");
        first
    }

    fn published(&self, replica: usize) -> HashSet<String> {
        let states = states(&self.noticed, &self.times, self.clock(replica));
        let keys = self.noticed.iter().zip(states).filter(|(_, state)| state.is_published());
        keys.map(|(key, _)| key.kid.clone()).collect()
    }

    /// A second goes by: both publish, sign, and look after the keys.
    fn tick(&mut self) {
        self.now += 1;
        self.noticed = self.keys.clone();
        for replica in [0, 1] {
            let published = self.published(replica);
            self.published_since.retain(|(at, kid), _| *at != replica || published.contains(kid));
            for kid in published {
                self.published_since.entry((replica, kid)).or_insert(self.now);
            }
        }
        for replica in [0, 1] {
            // Signing reads the keys of now: the ledger refuses what was decided under others.
            let active = self.active(replica).expect("there is always a key that signs");
            self.is_known(&active.kid);
            self.signed.insert(active.kid, self.now);
        }
        self.outlives_its_tokens();
        for replica in [0, 1] {
            self.look_after(replica, Asked::Nothing);
        }
    }

    /// No verifier has a cached key set without the key, whichever replica it got it from.
    fn is_known(&self, kid: &str) {
        let compromised = |key: &&Key| key.kid == kid && key.compromised_at.is_some();
        assert!(!self.keys.iter().any(|key| compromised(&key)), "{kid} is compromised: {self:?}");
        if !self.hasty.contains(kid) {
            for replica in [0, 1] {
                let since = self.published_since.get(&(replica, kid.to_owned()));
                let known = since.is_some_and(|since| since + self.jwks_max_age <= self.now);
                assert!(known, "{kid} signs, published since {since:?}: {self:?}");
            }
        }
    }

    fn outlives_its_tokens(&self) {
        for (kid, last) in &self.signed {
            let gone = self.keys.iter().find(|key| key.kid == *kid);
            if gone.is_some_and(|key| key.compromised_at.is_some()) {
                continue;
            }
            let alive = self.now < last + TOKEN_LIFETIME;
            assert!(!alive || gone.is_some(), "a token of {kid} lives without it: {self:?}");
            for replica in [0, 1] {
                let published = self.published(replica).contains(kid) || self.hasty.contains(kid);
                assert!(!alive || published, "{kid} is not published: {self:?}");
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn any_history_of_two_replicas_keeps_what_the_machine_promises(
        jwks_max_age in prop_oneof![Just(1_i64), Just(5), Just(60), Just(300)],
        // Two clocks and one second of noticing must be within the skew, which is at least 5.
        ahead in [-2..=2_i64, -2..=2_i64],
        // How much longer than what comes before it a key signs.
        period in prop_oneof![Just(None), (1..900_i64).prop_map(Some)],
        events in prop::collection::vec((event(), 0..2_usize), 1..25),
    ) {
        let times = Times::new(jwks_max_age, TOKEN_LIFETIME, None);
        let mut world = World {
            times: Times { period: period.map(|more| times.publish_ahead + more), ..times },
            jwks_max_age,
            ahead,
            wanted: Algorithm::Es256,
            keys: Vec::new(),
            noticed: Vec::new(),
            now: 1_000_000,
            published_since: HashMap::new(),
            signed: HashMap::new(),
            hasty: HashSet::new(),
        };
        world.look_after(0, Asked::Nothing);
        for (event, replica) in events {
            match event {
                Event::Pass(seconds) => (0..seconds).for_each(|_| world.tick()),
                Event::Ask(asked) => world.look_after(replica, asked),
                Event::Want(algorithm) => {
                    world.wanted = algorithm;
                    world.look_after(replica, Asked::Nothing);
                }
            }
        }
    }
}

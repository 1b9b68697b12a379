//! The life of signing keys as a pure state machine: next → active → retiring → retired.
//!
//! A key has moments, and where it stands follows from them and the clock: [`states`]. [`plan`] says
//! what has to change, and the caller changes it, if the keys are still those the plan was made from.
//! Then two replicas cannot both rotate: whoever comes second plans again, to nothing.
//!
//! # Invariants
//!
//! - While there is a key that is not compromised, exactly one is active, whatever the clock says.
//! - A planned successor is published for [`Times::publish_ahead`] before it signs: longer than a
//!   verifier caches a key set, by more than the clocks of replicas differ.
//! - A key stays published for [`Times::keep`] after it has signed last: longer than any token of
//!   it lives.
//! - A key that has signed, or may have on a replica whose clock is ahead, is not dropped before.

use crate::Algorithm;

/// More published keys than this are not added to: some verifiers stop reading there.
pub const MOST_PUBLISHED: usize = 16;

/// A signing key by its moments, in seconds since the Unix epoch.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Key {
    pub kid: String,
    pub algorithm: Algorithm,
    /// From when on it signs. It is published before, unless somebody was in a hurry.
    pub activates_at: i64,
    /// From when on it signs no more: when its successor does. `None` while there is none.
    pub retires_at: Option<i64>,
    /// Since when somebody else may have it.
    pub compromised_at: Option<i64>,
}

/// Where a key stands in its life.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum State {
    /// Published, does not sign yet.
    Next,
    /// Published, signs.
    Active,
    /// Published for the tokens it has signed, signs no more.
    Retiring,
    /// Nothing of it lives any more: it can be forgotten.
    Retired,
    /// Somebody else may have it: neither published nor used, at once.
    Compromised,
}

impl State {
    /// The word for it, as people and programs are told.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Next => "next",
            Self::Active => "active",
            Self::Retiring => "retiring",
            Self::Retired => "retired",
            Self::Compromised => "compromised",
        }
    }

    /// Whether a verifier sees the key.
    #[must_use]
    pub const fn is_published(self) -> bool {
        match self {
            Self::Next | Self::Active | Self::Retiring => true,
            Self::Retired | Self::Compromised => false,
        }
    }
}

/// How long things take, in seconds.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Times {
    /// How long a key signs before the next is made; `None`: for ever.
    pub period: Option<i64>,
    /// How long a key is published before it signs.
    pub publish_ahead: i64,
    /// How long a key stays published after it has signed last.
    pub keep: i64,
    /// By how much replicas may differ, in their clocks and in noticing a change.
    pub skew: i64,
}

impl Times {
    /// For verifiers that cache a key set for `jwks_max_age`, and tokens that live `token_lifetime`.
    #[must_use]
    pub fn new(jwks_max_age: i64, token_lifetime: i64, period: Option<i64>) -> Self {
        let skew = (jwks_max_age / 5).max(5);
        Self {
            period,
            publish_ahead: jwks_max_age.saturating_add(skew),
            // A minute for clocks: those of verifiers, too, decide when a token is dead.
            keep: jwks_max_age.saturating_add(token_lifetime).saturating_add(60),
            skew,
        }
    }
}

/// What is wanted of the keys, besides that they go on.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Asked {
    /// What is due, and nothing else.
    Nothing,
    /// A successor now, with all due care: it is published first.
    Rotate,
    /// A successor that signs at once. Verifiers that go by their cache refuse its tokens until they
    /// look again.
    RotateNow,
    /// As before; and no key there is now is published or used any more. What they signed dies.
    Compromised,
}

/// What has to change, in this order.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Step {
    /// Make a key and publish it from now on.
    Add { algorithm: Algorithm, activates_at: i64 },
    /// Let a key that is next sign earlier.
    Activate { kid: String, at: i64 },
    /// Let a key sign no more from then on.
    Retire { kid: String, at: i64 },
    /// Neither publish nor use a key any more.
    Compromise { kid: String, at: i64 },
    /// Forget a key.
    Drop { kid: String },
}

/// What to do now.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Plan {
    pub steps: Vec<Step>,
    /// Whether a successor was due or asked for and was not added: [`MOST_PUBLISHED`].
    pub is_crowded: bool,
}

/// The state of each key at `now`, in the order given.
#[must_use]
pub fn states(keys: &[Key], times: &Times, now: i64) -> Vec<State> {
    let signer = signer(keys, now);
    keys.iter()
        .map(|key| match (key.compromised_at, key.retires_at) {
            (Some(_), _) => State::Compromised,
            (None, _) if signer == Some(key) => State::Active,
            (None, Some(at)) if at.saturating_add(times.keep) <= now => State::Retired,
            (None, Some(at)) if at <= now => State::Retiring,
            (None, _) if now < key.activates_at => State::Next,
            (None, _) => State::Retiring,
        })
        .collect()
}

/// The key that signs at `now`: of those whose time it is, the one that was activated last.
///
/// When it is nobody's time, by a clock behind the one that made the only key, the first to come.
fn signer(keys: &[Key], now: i64) -> Option<&Key> {
    let alive = || keys.iter().filter(|key| key.compromised_at.is_none());
    let order = |key: &&Key| (key.activates_at, key.kid.clone());
    let may_sign = |key: &&Key| now < key.retires_at.unwrap_or(i64::MAX);
    let due = alive().filter(may_sign).filter(|key| key.activates_at <= now).max_by_key(order);
    // The last resort is a state that no plan leaves behind: every key has retired.
    due.or_else(|| alive().filter(may_sign).min_by_key(order)).or_else(|| alive().max_by_key(order))
}

/// When the state of a key changes next, or something becomes due; `None`: never.
#[must_use]
pub fn next_change(keys: &[Key], times: &Times, now: i64) -> Option<i64> {
    let moments = keys.iter().flat_map(|key| {
        let gone = key.compromised_at.or(key.retires_at).map(|at| at.saturating_add(times.keep));
        [Some(key.activates_at), key.retires_at, gone]
    });
    let due = head(keys).and_then(|head| due_at(head, times));
    moments.chain([due]).flatten().filter(|at| now < *at).min()
}

/// What has to change at `now` for the keys to be as they should. The same answer for the same
/// question; and none but [`Asked`] anew once it has been done.
#[must_use]
pub fn plan(keys: &[Key], wanted: Algorithm, times: &Times, now: i64, asked: Asked) -> Plan {
    let mut planning = Planning { keys: keys.to_vec(), steps: Vec::new(), now };
    planning.forget(times);
    planning.mend();
    let is_crowded = match asked {
        Asked::Compromised => {
            planning.compromise();
            planning.succeed(wanted, now, times)
        }
        Asked::RotateNow => match planning.next().filter(|next| next.algorithm == wanted) {
            Some(next) => planning.activate(&next.kid),
            None => planning.succeed(wanted, now, times),
        },
        Asked::Nothing | Asked::Rotate => match planning.due(wanted, times, asked) {
            Some(at) => planning.succeed(wanted, at, times),
            None => Added::AsWanted,
        },
    } == Added::NotOneMore;
    Plan { steps: planning.steps, is_crowded }
}

/// The newest key that may be used: it signs, or will.
fn head(keys: &[Key]) -> Option<&Key> {
    let alive = keys.iter().filter(|key| key.compromised_at.is_none() && key.retires_at.is_none());
    alive.max_by_key(|key| (key.activates_at, key.kid.clone()))
}

/// When the successor of `head` is to be published, so that it signs after a period of its own.
fn due_at(head: &Key, times: &Times) -> Option<i64> {
    let signs_until = head.activates_at.saturating_add(times.period?);
    Some(signs_until.saturating_sub(times.publish_ahead))
}

/// The keys as they become, and the steps that lead there.
struct Planning {
    keys: Vec<Key>,
    steps: Vec<Step>,
    now: i64,
}

#[derive(Eq, PartialEq)]
enum Added {
    AsWanted,
    NotOneMore,
}

impl Planning {
    /// What nobody needs any more.
    fn forget(&mut self, times: &Times) {
        let gone = |key: &Key| {
            let since = key.compromised_at.or(key.retires_at);
            since.is_some_and(|at| at.saturating_add(times.keep) <= self.now)
        };
        let (gone, kept): (Vec<_>, Vec<_>) = self.keys.drain(..).partition(gone);
        self.keys = kept;
        self.steps.extend(gone.into_iter().map(|key| Step::Drop { kid: key.kid }));
    }

    /// Keys from before successions were written down: each retires when the next one signs.
    fn mend(&mut self) {
        let endless = |key: &&Key| key.compromised_at.is_none() && key.retires_at.is_none();
        let mut line: Vec<_> = self.keys.iter().filter(endless).cloned().collect();
        line.sort_by_key(|key| (key.activates_at, key.kid.clone()));
        for (older, newer) in line.iter().zip(line.iter().skip(1)) {
            // It may have signed until a moment ago.
            self.retire(&older.kid, newer.activates_at.max(self.now));
        }
    }

    /// When a successor is to sign, if there is to be one.
    fn due(&self, wanted: Algorithm, times: &Times, asked: Asked) -> Option<i64> {
        let Some(head) = head(&self.keys) else { return Some(self.now) };
        let soonest = self.now.saturating_add(times.publish_ahead);
        if head.algorithm != wanted {
            return Some(soonest);
        }
        match (self.next(), asked) {
            // One is on its way.
            (Some(_), _) => None,
            (None, Asked::Rotate | Asked::RotateNow | Asked::Compromised) => Some(soonest),
            (None, Asked::Nothing) => {
                let due = due_at(head, times).filter(|at| *at <= self.now)?;
                Some(due.saturating_add(times.publish_ahead).max(soonest))
            }
        }
    }

    /// The key that will sign after the one that does.
    fn next(&self) -> Option<Key> {
        let head = head(&self.keys).filter(|head| self.now < head.activates_at);
        head.filter(|head| signer(&self.keys, self.now) != Some(*head)).cloned()
    }

    fn compromise(&mut self) {
        for key in self.keys.iter_mut().filter(|key| key.compromised_at.is_none()) {
            key.compromised_at = Some(self.now);
            self.steps.push(Step::Compromise { kid: key.kid.clone(), at: self.now });
        }
    }

    fn activate(&mut self, kid: &str) -> Added {
        let at = self.now;
        if let Some(key) = self.keys.iter_mut().find(|key| key.kid == kid) {
            key.activates_at = at;
        }
        self.steps.push(Step::Activate { kid: kid.to_owned(), at });
        self.retire_others(kid, at);
        Added::AsWanted
    }

    /// Adds a key that signs from `at` on, in place of one that was to and has not begun.
    fn succeed(&mut self, algorithm: Algorithm, at: i64, times: &Times) -> Added {
        // Closer than that, a replica whose clock is ahead may sign with it already.
        let has_not_begun = |next: &Key| self.now.saturating_add(times.skew) < next.activates_at;
        let replaced = self.next().filter(has_not_begun);
        let staying = |key: &&Key| key.compromised_at.is_none() && replaced.as_ref() != Some(*key);
        if MOST_PUBLISHED <= self.keys.iter().filter(staying).count() {
            return Added::NotOneMore;
        }
        if let Some(replaced) = replaced {
            self.keys.retain(|key| key.kid != replaced.kid);
            // Who was to make room for it makes room for the new one.
            let made_room = |key: &&mut Key| key.retires_at == Some(replaced.activates_at);
            self.keys.iter_mut().filter(made_room).for_each(|key| key.retires_at = None);
            self.steps.push(Step::Drop { kid: replaced.kid });
        }
        self.steps.push(Step::Add { algorithm, activates_at: at });
        self.retire_others("", at);
        Added::AsWanted
    }

    /// Everybody else signs until `at` and no longer.
    fn retire_others(&mut self, kid: &str, at: i64) {
        let signs = |key: &&Key| key.retires_at.is_none_or(|retires_at| at < retires_at);
        let others = self.keys.iter().filter(|key| key.kid != kid && key.compromised_at.is_none());
        let others: Vec<_> = others.filter(signs).map(|key| key.kid.clone()).collect();
        for kid in others {
            self.retire(&kid, at);
        }
    }

    fn retire(&mut self, kid: &str, at: i64) {
        if let Some(key) = self.keys.iter_mut().find(|key| key.kid == kid) {
            key.retires_at = Some(at);
        }
        self.steps.push(Step::Retire { kid: kid.to_owned(), at });
    }
}

//! What may be used once: a row that only one can insert, kept for as long as the thing is good.

use stateright::{Checker, Model, Property};

/// Of an assertion: how long it is good, and how what was used up is remembered. Moments count from its issue.
#[derive(Clone, Copy, Debug)]
pub struct Assertion {
    /// `exp`.
    pub expires_at: u8,
    /// How old it may be, whatever it says.
    pub longest: u8,
    /// The row goes at this moment: when it is good no longer.
    pub forgotten_at: u8,
    /// Whether the row is looked for and then inserted, in two steps.
    pub looks_first: bool,
    /// Whether its age counts when it is shown.
    pub ages: bool,
}

impl Default for Assertion {
    /// As it is: good until the earlier of `exp` and `iat` + longest, and remembered until then.
    fn default() -> Self {
        Self { expires_at: 4, longest: 2, forgotten_at: 2, looks_first: false, ages: true }
    }
}

pub const ONCE: &str = "an assertion is answered once";
const USED: &str = "it is answered";
const REFUSED: &str = "somebody comes too late";

/// Two requests with the same assertion, on two replicas.
const REQUESTS: usize = 2;
/// Long enough for everything to be forgotten.
const END: u8 = 5;

#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Request {
    Idle,
    /// Its form, its times and its signature are good; the row is next.
    Verified,
    /// There was no row when it looked.
    Looked,
    /// The row is its own. It may decide again: the row stays its own.
    Spent {
        again: bool,
    },
    Answered,
    Refused,
}

#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct State {
    now: u8,
    /// Whose the row is.
    row: Option<usize>,
    requests: [Request; REQUESTS],
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Step {
    Go(usize),
    /// The organization changed meanwhile: it decides, and spends, again.
    Again(usize),
    Refuse(usize),
    Tick,
    Sweep,
}

impl Assertion {
    fn is_good(self, now: u8) -> bool {
        now < self.expires_at && (!self.ages || now < self.longest)
    }

    fn go(self, state: &State, number: usize) -> Option<State> {
        let mut next = *state;
        next.requests[number] = match state.requests[number] {
            Request::Idle if self.is_good(state.now) => Request::Verified,
            Request::Idle => Request::Refused,
            Request::Verified if self.looks_first => match state.row {
                Some(_) => Request::Refused,
                None => Request::Looked,
            },
            Request::Looked => {
                next.row = Some(number);
                Request::Spent { again: false }
            }
            // INSERT … ON CONFLICT: whose row it is, the database alone decides.
            Request::Verified => match state.row {
                Some(other) if other != number => Request::Refused,
                Some(_) | None => {
                    next.row = Some(number);
                    Request::Spent { again: false }
                }
            },
            Request::Spent { .. } => Request::Answered,
            Request::Answered | Request::Refused => return None,
        };
        Some(next)
    }
}

fn answered(state: &State) -> usize {
    state.requests.iter().filter(|request| **request == Request::Answered).count()
}

impl Model for Assertion {
    type State = State;
    type Action = Step;

    fn init_states(&self) -> Vec<State> {
        vec![State { now: 0, row: None, requests: [Request::Idle; REQUESTS] }]
    }

    fn actions(&self, state: &State, steps: &mut Vec<Step>) {
        for (number, request) in state.requests.iter().enumerate() {
            match request {
                Request::Answered | Request::Refused => {}
                Request::Spent { again: false } => {
                    steps.extend([Step::Go(number), Step::Again(number), Step::Refuse(number)]);
                }
                Request::Idle
                | Request::Verified
                | Request::Looked
                | Request::Spent { again: true } => steps.push(Step::Go(number)),
            }
        }
        if state.now < END {
            steps.push(Step::Tick);
        }
        if state.row.is_some() && self.forgotten_at <= state.now {
            steps.push(Step::Sweep);
        }
    }

    fn next_state(&self, last: &State, step: Step) -> Option<State> {
        let mut next = *last;
        match step {
            Step::Go(number) => return self.go(last, number),
            Step::Again(number) => {
                // It asks again under the same request, and the row is still its own, or gone and then taken anew.
                if last.row.is_some_and(|owner| owner != number) {
                    next.requests[number] = Request::Refused;
                } else {
                    next.row = Some(number);
                    next.requests[number] = Request::Spent { again: true };
                }
            }
            Step::Refuse(number) => next.requests[number] = Request::Refused,
            Step::Tick => {
                next.now += 1;
                // A request lives for seconds, a row for minutes: what was verified is spent before the row of another goes.
                for request in &mut next.requests {
                    if matches!(request, Request::Verified | Request::Looked) {
                        *request = Request::Refused;
                    }
                }
            }
            Step::Sweep => next.row = None,
        }
        Some(next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always(ONCE, |_, state| answered(state) <= 1),
            Property::sometimes(USED, |_, state| answered(state) == 1),
            Property::sometimes(REFUSED, |_, state: &State| {
                state.requests.contains(&Request::Refused)
            }),
        ]
    }
}

/// How many states were looked at.
pub fn checked(assertion: Assertion) -> usize {
    let checker = assertion.checker().spawn_bfs().join();
    checker.assert_properties();
    checker.unique_state_count()
}

/// The steps to an assertion that is answered twice, if there are any.
pub fn broken(assertion: Assertion) -> Option<usize> {
    let checker = assertion.checker().spawn_bfs().join();
    checker.discovery(ONCE).map(|path| path.into_actions().len())
}

pub fn flaws() -> [(&'static str, Assertion); 3] {
    let sound = Assertion::default();
    [
        ("the constraint: look first, then insert", Assertion { looks_first: true, ..sound }),
        ("the age of an assertion, when it is shown", Assertion { ages: false, ..sound }),
        ("remembering it for as long as it is good", Assertion { forgotten_at: 1, ..sound }),
    ]
}

#[test]
fn an_assertion_is_answered_once() {
    assert!(0 < checked(Assertion::default()));
}

//! Openings and changes on one database, in every order, with crashes.

use stateright::{Model, Property};

use crate::{
    change::{Change, What},
    opening::Opening,
    world::{FIRST_OPENED, World},
};

/// How what must not happen at once is kept apart.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Database {
    /// Row locks, and the advisory lock of the org.
    Postgres,
    /// Row locks alone: as safe, `record.sql` claims, but they may wait for each other.
    PostgresByRowsAlone,
    /// One writer.
    Sqlite,
}

/// What is taken out, so that something must be found.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Flaw {
    None,
    /// Openings read without locks.
    PlainReads,
    /// Openings do not compare the epoch.
    NoEpoch,
    /// Openings do not compare the revision.
    NoRevision,
    /// All statements of a change see the database as the first did.
    OneSnapshot,
    /// A change marks what is below before what it ends.
    MarkLast,
}

/// A small world: what is opened, what is ended, and how many processes may die.
#[derive(Clone, Debug)]
pub struct Spec {
    pub database: Database,
    pub flaw: Flaw,
    /// Below what each exchange opens; nothing for a user's own token.
    pub openings: Vec<Option<usize>>,
    pub changes: Vec<What>,
    pub crashes: u8,
}

#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct State {
    pub world: World,
    pub openings: Vec<Opening>,
    pub changes: Vec<Change>,
    crashes: u8,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Step {
    Open(usize),
    /// The token to be shown never came: the exchange before it failed.
    GiveUp(usize),
    Change(usize),
    /// The identity provider says no from now on.
    Disable,
    CrashOpening(usize),
    CrashChange(usize),
}

/// How often an exchange decides.
const TRIES: u8 = 2;

impl State {
    /// Whether everybody has come to an end.
    fn is_over(&self) -> bool {
        self.openings.iter().all(|opening| opening.is_over())
            && self.changes.iter().all(|change| change.is_over())
    }

    fn ended(&self) -> impl Iterator<Item = usize> + '_ {
        self.world.delegations().filter(|row| self.world.rows[*row].ended)
    }

    fn stands(&self, row: usize) -> bool {
        self.world.rows[row].exists && !self.world.rows[row].ended
    }
}

impl Spec {
    /// No delegation stands that rests on what somebody was told has ended.
    fn is_dead_what_was_acknowledged(&self, state: &State) -> bool {
        self.changes.iter().zip(&state.changes).all(|(what, change)| {
            *change != Change::Acknowledged
                || state
                    .world
                    .delegations()
                    .filter(|row| what.reaches(&state.world, *row))
                    .all(|row| !state.stands(row))
        })
    }

    /// Which of the openings waits for a token that will not come.
    fn is_orphan(&self, state: &State, opening: usize) -> bool {
        let Opening::Idle { .. } = state.openings[opening] else { return false };
        let made_by = self.openings[opening].and_then(|parent| parent.checked_sub(FIRST_OPENED));
        made_by.is_some_and(|by| {
            state.openings[by].is_over() && !state.world.rows[FIRST_OPENED + by].exists
        })
    }

    fn opened(&self, state: &State, opening: usize) -> Option<(World, Opening)> {
        let which = (opening, self.openings[opening]);
        state.openings[opening].step(&state.world, which, (self.database, self.flaw))
    }

    fn changed(&self, state: &State, change: usize) -> Option<(World, Change)> {
        let who = (self.openings.len() + change, self.changes[change]);
        state.changes[change].step(&state.world, who, (self.database, self.flaw))
    }
}

impl Model for Spec {
    type State = State;
    type Action = Step;

    fn init_states(&self) -> Vec<State> {
        vec![State {
            world: World::new(&self.openings),
            openings: vec![Opening::Idle { tries: TRIES }; self.openings.len()],
            changes: vec![Change::Idle; self.changes.len()],
            crashes: self.crashes,
        }]
    }

    fn actions(&self, state: &State, steps: &mut Vec<Step>) {
        for opening in 0..self.openings.len() {
            if self.is_orphan(state, opening) {
                steps.push(Step::GiveUp(opening));
            } else if self.opened(state, opening).is_some() {
                steps.push(Step::Open(opening));
            }
            if 0 < state.crashes && !state.openings[opening].is_over() {
                steps.push(Step::CrashOpening(opening));
            }
        }
        for change in 0..self.changes.len() {
            if self.changed(state, change).is_some() {
                steps.push(Step::Change(change));
            }
            if 0 < state.crashes && !state.changes[change].is_over() {
                steps.push(Step::CrashChange(change));
            }
        }
        if state.world.enabled && !state.is_over() {
            steps.push(Step::Disable);
        }
    }

    fn next_state(&self, last: &State, step: Step) -> Option<State> {
        let mut state = last.clone();
        match step {
            Step::Open(opening) => {
                let (world, next) = self.opened(last, opening)?;
                (state.world, state.openings[opening]) = (world, next);
            }
            Step::GiveUp(opening) => state.openings[opening] = Opening::Refused,
            Step::Change(change) => {
                let (world, next) = self.changed(last, change)?;
                (state.world, state.changes[change]) = (world, next);
            }
            Step::Disable => state.world.enabled = false,
            Step::CrashOpening(opening) => {
                state.world.let_go(opening);
                state.openings[opening] = Opening::Crashed;
                state.crashes -= 1;
            }
            Step::CrashChange(change) => {
                state.world.let_go(self.openings.len() + change);
                state.changes[change] = Change::Crashed;
                state.crashes -= 1;
            }
        }
        Some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always(DEAD, Spec::is_dead_what_was_acknowledged),
            Property::always(WHOLE, |_, state: &State| {
                state.ended().all(|above| {
                    let mut below = state.world.delegations();
                    !below.any(|row| state.world.is_below(row, above) && state.stands(row))
                })
            }),
            Property::always(KEPT, |_, state: &State| {
                state.openings.iter().enumerate().all(|(number, opening)| {
                    *opening != Opening::Answered || state.world.rows[FIRST_OPENED + number].exists
                })
            }),
            Property::eventually(DONE, |_, state: &State| state.is_over()),
            // That anything happens at all.
            Property::sometimes(ISSUED, |_, state: &State| {
                state.openings.contains(&Opening::Answered)
            }),
            Property::sometimes(REFUSED, |_, state: &State| {
                state.openings.contains(&Opening::Refused)
            }),
            Property::sometimes(BOTH, |_, state: &State| {
                state.openings.iter().all(|opening| *opening == Opening::Answered)
                    && state.changes.iter().all(|change| *change == Change::Acknowledged)
            }),
        ]
    }
}

pub const DEAD: &str = "no token outlives the acknowledged end of what it rests on";
pub const WHOLE: &str = "no ancestor is seen ended whose child is seen standing";
pub const KEPT: &str = "no token leaves that is not recorded";
pub const DONE: &str = "everybody comes to an end";
pub const ISSUED: &str = "some token leaves";
pub const REFUSED: &str = "some exchange is refused";
pub const BOTH: &str = "all tokens leave, and all ends are acknowledged";

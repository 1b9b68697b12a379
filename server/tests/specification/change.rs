//! Somebody ends something: one transaction, several statements, each with a snapshot of its own.

use crate::{
    model::{Database, Flaw},
    world::{GRANT, ORG, Set, World, has, one},
};

/// What is ended, and with it everything that rests on it.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum What {
    Delegation(usize),
    Grant,
    /// A signal of the provider about the user, or a revocation of the user.
    User,
    /// An agent, a connection or the org is stopped.
    Stop,
}

impl What {
    /// Whether a delegation rests on it.
    pub fn reaches(self, world: &World, row: usize) -> bool {
        match self {
            Self::Delegation(above) => world.is_below(row, above),
            Self::Grant | Self::User | Self::Stop => true,
        }
    }

    /// The row that is written before any delegation is marked.
    const fn first(self) -> Option<usize> {
        match self {
            Self::Delegation(_) => None,
            Self::Grant | Self::User => Some(GRANT),
            Self::Stop => Some(ORG),
        }
    }
}

/// Where a change is.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Change {
    Idle,
    /// It has its turn; of a signal, the row of the org is locked next.
    Begun,
    /// A statement is under way: these rows are still to be written, those it has found.
    Marking {
        left: Set,
        found: Set,
        written: Set,
        snapshot: Set,
    },
    /// Committed, not yet acknowledged.
    Committed,
    Acknowledged,
    Crashed,
}

impl Change {
    pub const fn is_over(self) -> bool {
        matches!(self, Self::Acknowledged | Self::Crashed)
    }

    /// What becomes of it at its next step; `None` while it has to wait.
    pub fn step(
        self,
        world: &World,
        (me, what): (usize, What),
        (database, flaw): (Database, Flaw),
    ) -> Option<(World, Self)> {
        let mut world = world.clone();
        let next = match self {
            Self::Idle => {
                let alone = database != Database::PostgresByRowsAlone;
                if alone && (world.turn.alone.is_some() || world.turn.shared != 0) {
                    return None;
                }
                if alone {
                    world.turn.alone = Some(me);
                }
                Self::Begun
            }
            Self::Begun => {
                if let Some(first) = what.first() {
                    if !world.is_free_for(first, me) {
                        return None;
                    }
                    world.rows[first].held = Some(me);
                }
                let snapshot = world.snapshot();
                let marks = selected(&world, what, flaw) & snapshot;
                Self::Marking { left: marks, found: marks, written: 0, snapshot }
            }
            Self::Marking { left: 0, found, written, snapshot } => {
                // A statement of its own, with a newer snapshot.
                let snapshot = if flaw == Flaw::OneSnapshot { snapshot } else { world.snapshot() };
                let left = match (flaw, what) {
                    (Flaw::MarkLast, What::Delegation(last)) => one(last) & !written,
                    _ => below(&world, found) & snapshot & !written,
                };
                if left == 0 {
                    commit(&mut world, me, what, written);
                    Self::Committed
                } else {
                    Self::Marking { left, found: left, written, snapshot }
                }
            }
            Self::Marking { left, found, written, snapshot } => {
                let row = usize::try_from(left.trailing_zeros()).ok()?;
                if !world.is_free_for(row, me) {
                    return None;
                }
                world.rows[row].held = Some(me);
                let written = written | one(row);
                Self::Marking { left: left & !one(row), found, written, snapshot }
            }
            Self::Committed => Self::Acknowledged,
            Self::Acknowledged | Self::Crashed => return None,
        };
        Some((world, next))
    }
}

/// What the first statement marks.
fn selected(world: &World, what: What, flaw: Flaw) -> Set {
    match what {
        What::Delegation(target) if flaw == Flaw::MarkLast => below(world, one(target)),
        What::Delegation(target) => one(target),
        What::Grant | What::User | What::Stop => {
            world.delegations().fold(0, |set, row| set | one(row))
        }
    }
}

/// The children of what is marked.
fn below(world: &World, above: Set) -> Set {
    let is_child = |row: &usize| world.parents[*row].is_some_and(|parent| has(above, parent));
    world.delegations().filter(is_child).fold(0, |set, row| set | one(row))
}

fn commit(world: &mut World, me: usize, what: What, written: Set) {
    for row in world.delegations() {
        if has(written, row) {
            world.rows[row].ended = true;
        }
    }
    match what {
        What::Delegation(_) => {}
        What::Grant => world.rows[GRANT].ended = true,
        What::User => {
            world.rows[GRANT].count += 1;
            world.told = true;
        }
        What::Stop => {
            world.rows[ORG].count += 1;
            world.rows[ORG].ended = true;
        }
    }
    world.let_go(me);
}

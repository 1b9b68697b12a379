//! One exchange: ask the ledger, ask the identity provider, record.

use crate::{
    model::{Database, Flaw},
    world::{FIRST_OPENED, GRANT, ORG, Set, World, has, one},
};

/// Where an exchange is.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Opening {
    /// It has not asked the ledger, and may decide so often.
    Idle {
        tries: u8,
    },
    /// The ledger knew nothing against it; the provider is being asked.
    Asking {
        seen: Seen,
    },
    /// The provider said yes.
    Decided {
        seen: Seen,
    },
    /// Somebody is changing the org: it waits for its turn in the other queue.
    Busy {
        seen: Seen,
    },
    /// The statement that records has begun; so many rows are locked.
    Recording {
        seen: Seen,
        snapshot: Set,
        locked: u8,
        read: Read,
    },
    /// Committed, not yet answered.
    Recorded,
    /// The token has left.
    Answered,
    Refused,
    Crashed,
}

/// Under what it was decided.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct Seen {
    revision: u8,
    epoch: u8,
    tries: u8,
}

/// What the locking reads found.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct Read {
    revision: u8,
    epoch: u8,
    stands: bool,
}

impl Opening {
    pub const fn is_over(self) -> bool {
        matches!(self, Self::Answered | Self::Refused | Self::Crashed)
    }

    /// What becomes of it at its next step; `None` while it has to wait.
    ///
    /// `me` is its number, `parent` what it opens below; nothing for a user's own token.
    pub fn step(
        self,
        world: &World,
        (me, parent): (usize, Option<usize>),
        (database, flaw): (Database, Flaw),
    ) -> Option<(World, Self)> {
        let mut world = world.clone();
        let next = match self {
            Self::Idle { tries } => recall(&world, parent, tries)?,
            // The answer of one moment; it is believed from then on.
            Self::Asking { seen } if world.enabled => Self::Decided { seen },
            Self::Asking { .. } => Self::Refused,
            Self::Decided { seen } => begin(&mut world, me, seen, database)?,
            Self::Busy { seen } => {
                if world.turn.alone.is_some() {
                    return None;
                }
                world.turn.shared |= one(me);
                Self::recording(&world, seen)
            }
            Self::Recording { seen, snapshot, locked, read } => {
                match world.rests_on(parent).get(usize::from(locked)) {
                    Some(row) => {
                        let read = lock(&mut world, (me, *row), snapshot, (read, flaw))?;
                        Self::Recording { seen, snapshot, locked: locked + 1, read }
                    }
                    None => commit(&mut world, me, (seen, read), flaw),
                }
            }
            Self::Recorded => Self::Answered,
            Self::Answered | Self::Refused | Self::Crashed => return None,
        };
        Some((world, next))
    }

    fn recording(world: &World, seen: Seen) -> Self {
        let read = Read { revision: 0, epoch: 0, stands: true };
        Self::Recording { seen, snapshot: world.snapshot(), locked: 0, read }
    }
}

/// One statement, thus one snapshot. Nothing can be asked with a token that has not left.
fn recall(world: &World, parent: Option<usize>, tries: u8) -> Option<Opening> {
    if parent.is_some_and(|parent| !world.rows[parent].exists) {
        return None;
    }
    let ended = world.rests_on(parent).iter().any(|row| world.rows[*row].ended);
    if ended || world.told || tries == 0 {
        return Some(Opening::Refused);
    }
    let (revision, epoch) = (world.rows[ORG].count, world.rows[GRANT].count);
    Some(Opening::Asking { seen: Seen { revision, epoch, tries: tries - 1 } })
}

fn begin(world: &mut World, me: usize, seen: Seen, database: Database) -> Option<Opening> {
    match database {
        // BEGIN IMMEDIATE: one writer, and its snapshot is the newest.
        Database::Sqlite => {
            if world.turn.alone.is_some() {
                return None;
            }
            world.turn.alone = Some(me);
        }
        Database::PostgresByRowsAlone => {}
        Database::Postgres => {
            if world.turn.alone.is_some() {
                return Some(Opening::Busy { seen });
            }
            world.turn.shared |= one(me);
        }
    }
    Some(Opening::recording(world, seen))
}

/// `FOR SHARE` of one row: found by the snapshot, read as it is now. `None` while somebody else writes it.
fn lock(
    world: &mut World,
    (me, row): (usize, usize),
    snapshot: Set,
    (read, flaw): (Read, Flaw),
) -> Option<Read> {
    if !has(snapshot, row) {
        return Some(Read { stands: false, ..read });
    }
    if world.rows[row].held.is_some_and(|by| by != me) && flaw != Flaw::PlainReads {
        return None;
    }
    if flaw != Flaw::PlainReads {
        world.rows[row].shared |= one(me);
    }
    let now = world.rows[row];
    let stands = read.stands && !now.ended;
    Some(match row {
        // That it is stopped, nobody asks here: its revision says that it has changed.
        ORG => Read { revision: now.count, ..read },
        GRANT => Read { epoch: now.count, stands, ..read },
        _ => Read { stands, ..read },
    })
}

fn commit(world: &mut World, me: usize, (seen, read): (Seen, Read), flaw: Flaw) -> Opening {
    world.let_go(me);
    let changed = read.revision != seen.revision && flaw != Flaw::NoRevision;
    let signalled = read.epoch != seen.epoch && flaw != Flaw::NoEpoch;
    if changed || signalled {
        return Opening::Idle { tries: seen.tries };
    }
    if !read.stands {
        return Opening::Refused;
    }
    world.rows[FIRST_OPENED + me].exists = true;
    Opening::Recorded
}

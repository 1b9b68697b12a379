//! What a database keeps, and who holds it.

/// Rows. What is opened comes after these, in the order of the openings.
pub const ORG: usize = 0;
pub const GRANT: usize = 1;
/// The delegation of a user to an agent.
pub const ROOT: usize = 2;
/// What that agent handed on.
pub const LINK: usize = 3;
pub const FIRST_OPENED: usize = 4;

/// A set of rows, or of processes.
pub type Set = u16;

pub const fn one(member: usize) -> Set {
    1 << member
}

pub const fn has(set: Set, member: usize) -> bool {
    set & one(member) != 0
}

/// The newest committed version of a row, and who holds it.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub struct Row {
    /// Committed: others can find it.
    pub exists: bool,
    /// Of the org: it is stopped.
    pub ended: bool,
    /// Of the org its revision, of the grant its epoch.
    pub count: u8,
    /// Openings that hold it `FOR SHARE`.
    pub shared: Set,
    /// The change that has written it, not yet committed.
    pub held: Option<usize>,
}

/// The database that both replicas share, and the identity provider.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct World {
    pub rows: Vec<Row>,
    /// The parent of each delegation.
    pub parents: Vec<Option<usize>>,
    /// The advisory lock of the org on `PostgreSQL`, the one writer on `SQLite`.
    pub turn: Turn,
    /// What a signal said of the user: nobody is to be let in any more.
    pub told: bool,
    /// Whether the identity provider still says yes.
    pub enabled: bool,
}

#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub struct Turn {
    pub shared: Set,
    pub alone: Option<usize>,
}

impl World {
    /// A user's chain of two, of which nothing has ended, and room for what `parents` hang on.
    pub fn new(parents: &[Option<usize>]) -> Self {
        let stands = Row { exists: true, ..Row::default() };
        let mut rows = vec![stands; FIRST_OPENED];
        rows.resize(FIRST_OPENED + parents.len(), Row::default());
        let mut all = vec![None, None, None, Some(ROOT)];
        all.extend(parents);
        Self { rows, parents: all, turn: Turn::default(), told: false, enabled: true }
    }

    /// What a statement that begins now can find.
    pub fn snapshot(&self) -> Set {
        (0..self.rows.len()).filter(|row| self.rows[*row].exists).fold(0, |set, row| set | one(row))
    }

    /// The line from a delegation up to its root, itself first.
    pub fn line(&self, from: usize) -> Vec<usize> {
        std::iter::successors(Some(from), |row| self.parents[*row]).collect()
    }

    /// What an opening rests on, in the order in which it is locked.
    pub fn rests_on(&self, parent: Option<usize>) -> Vec<usize> {
        let line = parent.map(|parent| self.line(parent));
        [ORG, GRANT].into_iter().chain(line.into_iter().flatten()).collect()
    }

    pub fn delegations(&self) -> std::ops::Range<usize> {
        ROOT..self.rows.len()
    }

    pub fn is_below(&self, row: usize, above: usize) -> bool {
        self.line(row).contains(&above)
    }

    /// Whether a change may write a row now; else it waits.
    pub fn is_free_for(&self, row: usize, change: usize) -> bool {
        let Row { shared, held, .. } = self.rows[row];
        shared == 0 && held.is_none_or(|by| by == change)
    }

    /// What a process held, it holds no longer; what it wrote and did not commit is gone.
    pub fn let_go(&mut self, process: usize) {
        for row in &mut self.rows {
            row.shared &= !one(process);
            row.held = row.held.filter(|by| *by != process);
        }
        self.turn.shared &= !one(process);
        self.turn.alone = self.turn.alone.filter(|by| *by != process);
    }
}

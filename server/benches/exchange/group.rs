//! What can be asked for: lines that answer one question.

use clap::ValueEnum;

/// A question, and the lines that answer it. A secret at depth 1 is measured whatever is asked for: it
/// is what all the others are compared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Group {
    /// What is an exchange, beside the least it could be?
    Exchange,
    /// What do many organizations in one database cost?
    Orgs,
    /// What does a long past cost?
    Past,
    /// What does a longer chain cost?
    Depth,
    /// What does another algorithm cost?
    Algorithms,
    /// What does a better proof of who asks cost?
    Clients,
    /// What does the question to the provider cost, near and far, and what does not asking save?
    Recheck,
    /// How fast is what verifiers ask for?
    Documents,
    /// How long does who arrives on a schedule of their own wait?
    Open,
}

/// Those that were asked for.
#[derive(Clone, Debug)]
pub(crate) struct Asked(Vec<Group>);

impl Asked {
    /// All of them, when none is named.
    pub(crate) fn new(named: &[Group]) -> Self {
        Self(if named.is_empty() { Group::value_variants().to_vec() } else { named.to_vec() })
    }

    pub(crate) fn has(&self, group: Group) -> bool {
        self.0.contains(&group)
    }

    pub(crate) fn is_everything(&self) -> bool {
        Group::value_variants().iter().all(|group| self.has(*group))
    }
}

//! What can happen. A step is known by its number, and names what came of earlier ones by theirs: so a
//! history stays one when steps are taken out of it.

use crate::cast::{Granting, Words};

/// The number of the step that something came of.
pub type Born = u32;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// A user signs in at the provider, and an agent gets a token of theirs.
    SignIn(SignIn),
    /// Another token of the same session.
    Mint {
        of: Born,
        of_which: Mint,
    },
    /// One thing, on one replica.
    Do {
        replica: usize,
        deed: Deed,
    },
    /// Two at once, one on each replica.
    Race([Deed; 2]),
    /// A replica dies while it does something, and comes back.
    Crash {
        replica: usize,
        deed: Deed,
        fuse: Fuse,
    },
    /// What the provider would say from now on.
    Idp {
        connection: usize,
        org: usize,
        change: Said,
    },
    Introspect {
        replica: usize,
        link: Born,
        by: Reader,
    },
    Clock {
        seconds: i64,
    },
    Sweep {
        replica: usize,
    },
    /// A replica looks whether anything declared has changed.
    Refresh {
        replica: usize,
    },
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignIn {
    pub org: usize,
    pub connection: usize,
    pub user: usize,
    pub token: Mint,
}

/// A token of a provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mint {
    pub agent: usize,
    /// None: it does not say.
    pub words: Option<Words>,
    pub life: i64,
    /// An authorization grant for one use (RFC 7523), rather than an access token.
    pub once: bool,
}

/// What a replica can be asked to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Deed {
    Exchange(Ask),
    /// On an operator's word.
    End {
        org: usize,
        what: End,
    },
    /// On the word of an agent: its own token.
    Own {
        link: Born,
        agent: usize,
    },
    Signal(Telling),
    Apply {
        org: usize,
        edit: Edit,
    },
    Restore {
        org: usize,
        what: Stopped,
    },
}

/// A request to the token endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ask {
    /// Whose endpoint.
    pub org: usize,
    pub agent: usize,
    pub subject: Subject,
    pub target: usize,
    /// None: whatever there is.
    pub words: Option<Words>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    /// A provider's token.
    User(Born),
    /// One of ours.
    Link(Born),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// By the token itself.
    Token(Born),
    Delegation(Born),
    /// The session of this token of the provider.
    Session(Born),
    User {
        connection: usize,
        user: usize,
        disable: bool,
    },
    Agent(usize),
    /// The grant that this delegation hangs on.
    Grant(Born),
    Connection(usize),
    Org,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stopped {
    Org,
    Agent(usize),
    Connection(usize),
    User { connection: usize, user: usize },
}

/// A security event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Telling {
    pub org: usize,
    pub connection: usize,
    pub event: Event,
    pub whom: Whom,
    /// How long ago it happened.
    pub age: i64,
    /// The number of the step whose event this is once more.
    pub again: Option<Born>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    SessionRevoked,
    AccountDisabled,
    AccountEnabled,
    CredentialChanged,
    /// The user has one more.
    CredentialAdded,
    TokenClaims,
    AssuranceLost,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whom {
    User(usize),
    /// The session of this token, said to be this user's.
    SessionOf(usize, Born),
    Session(Born),
    Everyone,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Edit {
    /// Made, or changed when there is one of this user to this agent.
    Grant(Granting),
    /// The grant of this user to this agent.
    DropGrant {
        connection: usize,
        user: usize,
        agent: usize,
    },
    Ceiling {
        agent: usize,
        words: Words,
    },
    Resource {
        resource: usize,
        words: Words,
    },
    Rules {
        chain_limit: usize,
        lifetime: i64,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Said {
    Disabled(usize),
    Enabled(usize),
    SessionOver(Born),
    TokenOver(Born),
    Down,
    Up,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reader {
    Resource,
    Agent(usize),
}

/// When a replica dies: at which call of its ledger, and how far into it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fuse {
    pub call: usize,
    pub at: Moment,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    Before,
    /// After it gave way to others so often.
    During(usize),
    After,
}

impl Step {
    /// The name in the report.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::SignIn(_) => "a user signs in",
            Self::Mint { .. } => "another token of a session",
            Self::Do { deed, .. } => deed.kind(),
            Self::Race(_) => "two at once, on two replicas",
            Self::Crash { .. } => "a replica dies and comes back",
            Self::Idp { change: Said::Down | Said::Up, .. } => {
                "the provider stops or starts to answer"
            }
            Self::Idp { .. } => "the provider changes its mind",
            Self::Introspect { .. } => "introspection",
            Self::Clock { .. } => "time passes",
            Self::Sweep { .. } => "sweep",
            Self::Refresh { .. } => "a replica looks for changes",
        }
    }

    /// Whether it can come out in more than one way.
    pub const fn is_chancy(&self) -> bool {
        matches!(self, Self::Race(_) | Self::Crash { .. })
    }
}

impl Deed {
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Exchange(Ask { subject: Subject::User(_), .. }) => "exchange of a user's token",
            Self::Exchange(Ask { subject: Subject::Link(_), .. }) => "exchange of a token of ours",
            Self::End { .. } => "an operator ends something",
            Self::Own { .. } => "an agent ends a token",
            Self::Signal(_) => "a signal",
            Self::Apply { .. } => "apply",
            Self::Restore { .. } => "an operator restores something",
        }
    }
}

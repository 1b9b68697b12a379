//! What a deed comes to, as the model foretells it and as a replica answers.

use crate::cast::Words;

/// What is said to whoever asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Heard {
    Issued(Issued),
    /// With a name of why; the model does not foretell which.
    Refused(String),
    /// 503.
    Unavailable(String),
    /// So many delegations ended.
    Ended(u64),
    /// There is nothing by that name.
    Unknown,
    /// It was known already.
    Duplicate,
    Done,
}

/// What a token says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Issued {
    /// `org_id`, and that of `iss`.
    pub org: [String; 2],
    pub sub: String,
    pub agent: String,
    pub target: String,
    pub words: Words,
    /// `act`, outermost first.
    pub chain: Vec<String>,
    pub expires_at: i64,
}

/// An event of the audit trail.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Noted {
    pub outcome: String,
    /// How many delegations ended with it.
    pub ended: Option<u64>,
}

/// All that comes of a deed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    pub org: usize,
    pub heard: Heard,
    pub noted: Vec<Noted>,
}

impl Heard {
    /// Why something is refused is nobody's to foretell.
    pub fn agrees(&self, foretold: &Self) -> bool {
        match (self, foretold) {
            (Self::Refused(_), Self::Refused(_)) | (Self::Unavailable(_), Self::Unavailable(_)) => {
                true
            }
            (heard, foretold) => heard == foretold,
        }
    }
}

impl Noted {
    pub fn new(outcome: &str, ended: Option<u64>) -> Self {
        Self { outcome: outcome.to_owned(), ended }
    }
}

/// Something that must never be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    pub of: Property,
    pub text: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Property {
    NoIssueAfterAnEnd,
    ScopeNarrows,
    ExpiryNarrows,
    ChainIsKept,
    OrgIsKept,
    SingleUse,
    AskedForThisRequest,
    AcknowledgedIsKept,
    /// Something was done that the model says must not be.
    NothingTooMuch,
    /// Something was not done that the model says must be.
    NothingTooLittle,
}

impl Property {
    pub const ALL: [Self; 10] = [
        Self::NoIssueAfterAnEnd,
        Self::ScopeNarrows,
        Self::ExpiryNarrows,
        Self::ChainIsKept,
        Self::OrgIsKept,
        Self::SingleUse,
        Self::AskedForThisRequest,
        Self::AcknowledgedIsKept,
        Self::NothingTooMuch,
        Self::NothingTooLittle,
    ];

    pub const fn text(self) -> &'static str {
        match self {
            Self::NoIssueAfterAnEnd => "no issue after an acknowledged end of any ancestor",
            Self::ScopeNarrows => "scope is monotone down the tree",
            Self::ExpiryNarrows => "expiry is monotone down the tree",
            Self::ChainIsKept => "a chain keeps its prefix",
            Self::OrgIsKept => "the organization is constant down the tree",
            Self::SingleUse => "what is for one use is used once",
            Self::AskedForThisRequest => {
                "every issue was preceded by a yes to a question of that request"
            }
            Self::AcknowledgedIsKept => {
                "what was acknowledged is there, with one event each, also after a crash"
            }
            Self::NothingTooMuch => "nothing is issued that the model refuses",
            Self::NothingTooLittle => "nothing is refused that the model allows",
        }
    }

    pub fn broken(self, text: impl Into<String>) -> Violation {
        Violation { of: self, text: text.into() }
    }
}

impl std::fmt::Display for Violation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.of.text(), self.text)
    }
}

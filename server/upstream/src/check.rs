//! One question to a provider about a user, and its answer.

use std::fmt::Debug;

use async_trait::async_trait;
use delegation::ports::Question;
use policy::{Access, Account, Risk, Scope, Session, Standing};

use crate::fault::UpstreamFault;

/// One way to ask a provider (or a decision point) whether a user still stands.
///
/// An answer is a [`Standing`] in which everything that was not said stays unknown. Whatever is
/// not an answer (our credentials refused, a limit reached, a body that cannot be read) is a fault:
/// it must never look like a no, or one wrong setting would end everybody's delegations, and never
/// like a yes.
#[async_trait]
pub(crate) trait Check: Debug + Send + Sync {
    /// As configured: `introspection`, `okta`, …
    fn kind(&self) -> &'static str;

    /// What the answer depends on: exchanges that agree in it may share one.
    fn about(&self) -> About;

    /// Whether it can judge the token of a client that acts for nobody, too.
    fn knows_clients(&self) -> bool {
        self.about() == About::Token
    }

    async fn ask(&self, question: &Question) -> Result<Told, UpstreamFault>;
}

/// What an answer depends on, besides the epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum About {
    /// The user alone (and what the token says of the user): many agents of one user share it.
    User,
    /// The token, too.
    Token,
    /// The token and the use it is wanted for.
    Purpose,
}

/// What was said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Told {
    pub(crate) standing: Standing,
    /// What the token is good for now, where that was said.
    pub(crate) scope: Option<Scope>,
    /// The most a decision point permits of this use, where it said so.
    pub(crate) permitted: Option<Scope>,
}

impl From<Standing> for Told {
    fn from(standing: Standing) -> Self {
        Self { standing, ..Self::default() }
    }
}

/// What the requests of one check said together. A no stands, whatever the others would have said;
/// for anything else all of them must have answered.
pub(crate) fn together<const PARTS: usize>(
    parts: [Result<Standing, UpstreamFault>; PARTS],
) -> Result<Told, UpstreamFault> {
    let (mut standing, mut fault) = (Standing::default(), None);
    for part in parts {
        match part {
            Ok(part) => standing = standing.and(part),
            Err(silence) => fault = fault.or(Some(silence)),
        }
    }
    match fault {
        Some(fault) if Verdict::of(&standing) != Verdict::No => Err(fault),
        _ => Ok(standing.into()),
    }
}

/// What an answer amounts to, for the audit trail; and only `good` is ever used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Good,
    No,
    StepUp,
}

impl Verdict {
    pub(crate) fn of(standing: &Standing) -> Self {
        let denied = standing.account == Account::Suspended
            || standing.session == Session::Ended
            || standing.risk == Some(Risk::High)
            || matches!(standing.access, Access::Denied(_));
        let step_up = standing.device.compliant == Some(false)
            || matches!(standing.access, Access::Demands(_));
        match (denied, step_up) {
            (true, _) => Self::No,
            (false, true) => Self::StepUp,
            (false, false) => Self::Good,
        }
    }

    pub(crate) const fn code(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::No => "no",
            Self::StepUp => "step_up",
        }
    }
}

//! Why an identity provider's answer could not be had or not be believed.

/// Cloned to every caller who waited for the same answer, so it holds text, not sources.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UpstreamFault {
    #[error("`{0}` is not a URL that may be asked")]
    Url(String),
    #[error("only https may be asked, not `{0}`")]
    NotHttps(String),
    #[error("`{0}` is not at a public address")]
    NotPublic(String),
    #[error("no complete answer within {0} ms")]
    Deadline(u128),
    #[error("the answer is larger than {0} bytes")]
    TooLarge(usize),
    #[error("the answer is compressed, which was not asked for")]
    Encoded,
    #[error("no answer: {0}")]
    Unreachable(String),
    #[error("it refused our own credentials (status 401)")]
    OurCredentials,
    /// With the seconds it asks us to wait.
    #[error("it asks us to slow down")]
    Throttled(Option<u64>),
    /// Our own share of its published limit is used up, for so many seconds.
    #[error("our share of its published limit is used up for {0} s")]
    OverBudget(u64),
    #[error("it answered with a redirect (status {0}), which is not followed")]
    Redirect(u16),
    #[error("it answered with status {0}")]
    Status(u16),
    #[error("its answer is not of type `application/json`")]
    ContentType,
    #[error("its metadata cannot be used: {0}")]
    Metadata(String),
    #[error("its key set cannot be used: {0}")]
    Keys(String),
    #[error("its introspection answer cannot be believed: {0}")]
    Introspection(&'static str),
    #[error("its answer cannot be believed: {0}")]
    Answer(&'static str),
    /// It knows us, but does not let us ask this: its configuration is wrong, or ours.
    #[error("it does not let us ask this: {0}")]
    NotAllowed(String),
    #[error("our own credentials for it cannot be used: {0}")]
    Access(String),
    #[error("nobody who knows the user said yes")]
    NoVoucher,
    #[error("this check needs a token of the user")]
    NoToken,
    #[error("this check needs {0}, which the user's token does not name")]
    NoHint(&'static str),
    #[error("this check judges a use, and none is asked for")]
    NoPurpose,
    #[error("too many checks are under way")]
    Crowded,
    #[error("the check ended without an answer")]
    Lost,
}

impl UpstreamFault {
    /// Seconds before it makes sense to ask again, where that is known.
    #[must_use]
    pub fn retry_after(&self) -> Option<u64> {
        match self {
            Self::Throttled(seconds) => *seconds,
            Self::OverBudget(seconds) => Some(*seconds),
            Self::Url(_)
            | Self::NotHttps(_)
            | Self::NotPublic(_)
            | Self::Deadline(_)
            | Self::TooLarge(_)
            | Self::Encoded
            | Self::Unreachable(_)
            | Self::OurCredentials
            | Self::Redirect(_)
            | Self::Status(_)
            | Self::ContentType
            | Self::Metadata(_)
            | Self::Keys(_)
            | Self::Introspection(_)
            | Self::Answer(_)
            | Self::NotAllowed(_)
            | Self::Access(_)
            | Self::NoVoucher
            | Self::NoToken
            | Self::NoHint(_)
            | Self::NoPurpose
            | Self::Crowded
            | Self::Lost => None,
        }
    }

    /// Whether it was us, or the provider, who would rather not be asked.
    #[must_use]
    pub fn is_throttled(&self) -> bool {
        matches!(self, Self::Throttled(_) | Self::OverBudget(_) | Self::Crowded)
    }

    /// Whether asking once more, at once, may do better.
    pub(crate) fn is_passing(&self) -> bool {
        matches!(self, Self::Unreachable(_) | Self::Status(500..=599))
    }

    /// Quotes a URL out of a configuration or a foreign document, which may be anything.
    pub(crate) fn url(text: &str) -> Self {
        Self::Url(text.chars().filter(|c| !c.is_control()).take(100).collect())
    }
}

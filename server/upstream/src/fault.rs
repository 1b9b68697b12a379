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
    #[error("it asks us to slow down (status 429)")]
    Throttled,
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
    #[error("too many checks are under way")]
    Crowded,
    #[error("the check ended without an answer")]
    Lost,
}

impl UpstreamFault {
    /// Quotes a URL out of a configuration or a foreign document, which may be anything.
    pub(crate) fn url(text: &str) -> Self {
        Self::Url(text.chars().filter(|c| !c.is_control()).take(100).collect())
    }
}

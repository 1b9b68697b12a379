/// What the home identity provider says of the user now.
///
/// There is no third value: a provider that does not answer is a fault of the flow, which ends
/// before anything is decided.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Standing {
    /// The provider vouches for the user and the token.
    Good,
    /// Disabled, deleted, signed out, or the token was revoked.
    Gone,
}

//! How lines are called: by what is looked up, ratios are taken.

use crate::{bare::Kind, proofs::Way};

pub(crate) const SIGN: &str = "ES256 sign";
pub(crate) const VERIFY: &str = "ES256 verify";
pub(crate) const CHAIN: &str = "certificate, read and verified";
pub(crate) const COMMIT: &str = "durable row, SQLite";
pub(crate) const ECHO: &str = "echo";
/// npm, and what others are like.
pub(crate) const PEER: &str = "oidc-provider, secret";
pub(crate) const IDP: &str = "IdP, asked directly";
pub(crate) const FAR_IDP: &str = "IdP 20 ms away, asked directly";

/// The parts after the database's name.
pub(crate) const SECRET: &str = "secret (C)";
pub(crate) const ORGS: &str = "1,000 orgs";
pub(crate) const PAST: &str = "long past";
pub(crate) const EDDSA: &str = "out by EdDSA";
pub(crate) const RS256: &str = "out by RS256";
pub(crate) const RS256_IN: &str = "user's token by RS256";
pub(crate) const BOUNDED: &str = "bounded re-check";
pub(crate) const FAR: &str = "at the IdP 20 ms away";
pub(crate) const FAN_OUT: &str = "40 agents of a user there";
pub(crate) const INTROSPECTION: &str = "introspection";
pub(crate) const JWKS: &str = "JWKS";
pub(crate) const METADATA: &str = "metadata";

/// A line of a server.
pub(crate) fn line(database: &str, what: &str) -> String {
    format!("{database}, {what}")
}

pub(crate) fn depth(agents: usize) -> String {
    format!("depth {agents}")
}

/// A line of the bare server.
pub(crate) fn bare(database: &str, kind: Kind) -> String {
    format!("bare {}, {database}", kind.letter())
}

/// What is asked of the bare server and of actas alike.
pub(crate) const fn like(kind: Kind) -> &'static str {
    match kind {
        Kind::Secret => SECRET,
        Kind::Assertion => Way::Key.name(),
        Kind::Actor => Way::Actor.name(),
    }
}

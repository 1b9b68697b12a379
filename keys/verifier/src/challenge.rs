use keys::TokenFault;
use serde_json::{Value, json};

use crate::{Rejection, Scheme, Verifier};

/// How a client is told why it was not let through (RFC 6750 §3, RFC 9449 §7.1, RFC 9728 §5.1).
///
/// Callers learn a category and what they can do about it; the rest is in [`Rejection`], for your log.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Challenge {
    /// 400, 401, 403, or 503.
    pub status: u16,
    /// Each a header `WWW-Authenticate` of its own.
    pub www_authenticate: Vec<String>,
    /// The header `Retry-After`, in seconds.
    pub retry_after: Option<u32>,
    error: Option<&'static str>,
    description: &'static str,
}

impl Challenge {
    pub(crate) fn new(
        rejection: &Rejection,
        scheme: Option<Scheme>,
        needed: &[&str],
        verifier: &Verifier,
    ) -> Self {
        let (status, error) = code(rejection);
        let description = description(rejection);
        let told = Told { error, description, needed: needed.join(" "), verifier };
        let www_authenticate = match status {
            503 => Vec::new(),
            _ => schemes(rejection, scheme, verifier.bound_only())
                .iter()
                .map(|(scheme, to_blame)| told.line(*scheme, *to_blame))
                .collect(),
        };
        let retry_after = (status == 503).then_some(1);
        Self { status, www_authenticate, retry_after, error, description }
    }

    /// The body, for people and for clients that read no headers.
    #[must_use]
    pub fn body(&self) -> Value {
        match self.error {
            Some(error) => json!({ "error": error, "error_description": self.description }),
            None => json!({ "error_description": self.description }),
        }
    }
}

/// Which schemes are offered, and which of them gets the error. The first is the one that is to be tried;
/// some clients read no other.
fn schemes(
    rejection: &Rejection,
    scheme: Option<Scheme>,
    bound_only: bool,
) -> &'static [(Scheme, bool)] {
    use Scheme::{Bearer, Dpop};
    match (rejection, scheme) {
        (Rejection::BoundToKey, _) | (_, Some(Dpop)) => &[(Dpop, true)],
        (_, Some(Bearer)) if bound_only => &[(Dpop, true)],
        (_, None) if bound_only => &[(Dpop, false)],
        (_, Some(Bearer)) | (Rejection::Malformed, None) => &[(Bearer, true), (Dpop, false)],
        (_, None) => &[(Bearer, false), (Dpop, false)],
    }
}

struct Told<'a> {
    error: Option<&'static str>,
    description: &'static str,
    needed: String,
    verifier: &'a Verifier,
}

impl Told<'_> {
    fn line(&self, scheme: Scheme, to_blame: bool) -> String {
        let mut parameters = Vec::new();
        if let Some(error) = self.error.filter(|_| to_blame) {
            parameters.push(("error", error.to_owned()));
            parameters.push(("error_description", self.description.to_owned()));
        }
        if !self.needed.is_empty() {
            parameters.push(("scope", self.needed.clone()));
        }
        parameters.push(("resource_metadata", self.verifier.metadata().url().to_owned()));
        if scheme == Scheme::Dpop {
            parameters.push(("algs", self.verifier.metadata().proof_algorithms()));
        }
        let parameters: Vec<_> =
            parameters.iter().map(|(name, value)| format!("{name}={}", quoted(value))).collect();
        format!("{} {}", scheme.name(), parameters.join(", "))
    }
}

/// RFC 9110 §5.6.4.
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', r"\\").replace('"', r#"\""#))
}

/// RFC 6750 §3.1, RFC 9449 §7.1. "If the request lacks any authentication information […] the resource
/// server SHOULD NOT include an error code".
fn code(rejection: &Rejection) -> (u16, Option<&'static str>) {
    match rejection {
        Rejection::NoToken => (401, None),
        Rejection::Malformed => (400, Some("invalid_request")),
        Rejection::Token(_)
        | Rejection::BoundToKey
        | Rejection::BoundToCertificate
        | Rejection::NotBound
        | Rejection::OtherKey
        | Rejection::Revoked
        | Rejection::NotListed => (401, Some("invalid_token")),
        Rejection::NoProof
        | Rejection::SeveralProofs
        | Rejection::Proof(_)
        | Rejection::Replayed => (401, Some("invalid_dpop_proof")),
        Rejection::Scope(_) => (403, Some("insufficient_scope")),
        Rejection::Unavailable(_) => (503, Some("temporarily_unavailable")),
    }
}

fn description(rejection: &Rejection) -> &'static str {
    match rejection {
        Rejection::NoToken => "an access token is needed",
        Rejection::Malformed => "the header Authorization is malformed",
        Rejection::Token(TokenFault::Expired) => "the token has expired",
        Rejection::Token(_) | Rejection::Revoked | Rejection::NotListed => {
            "the token is not good here"
        }
        Rejection::BoundToKey => "the token is bound to a key, a proof of it is needed",
        Rejection::BoundToCertificate => "the token is bound to a certificate",
        Rejection::NotBound => "the token is not bound to a key",
        Rejection::OtherKey => "the token is bound to another key",
        Rejection::NoProof => "a proof of the key is needed",
        Rejection::SeveralProofs => "there is more than one proof",
        Rejection::Proof(_) => "the proof does not hold",
        Rejection::Replayed => "the proof was used before",
        Rejection::Scope(_) => "the token allows less than is needed",
        Rejection::Unavailable(_) => "try again",
    }
}

//! Client assertions (RFC 7521 §4.2, RFC 7523 §2.2): a client's own JWT, its platform's, a JWT-SVID.
//!
//! What an assertion says of itself leads to whose keys may have signed it, and no further: those are
//! found by what was registered, never by what the assertion brings.

mod own;
mod svid;
mod workload;

use std::time::Duration;

use keys::{ExpectAssertion, PeekAssertion, PublicKeys, RegisteredAssertion, TokenFault};
use keys::{peek_assertion, verify_assertion};
use policy::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use serde::de::IgnoredAny;

use super::{AssertionType, Caller, ClientFault, Presented, Unspent, refused};
use crate::{org::Org, refusal::Failure};

/// How far clocks may differ; conformance suites try 8 s.
const LEEWAY: Duration = Duration::from_secs(10);

pub(super) async fn authenticate(
    org: &Org,
    presented: &Presented<'_>,
    (kind, id, assertion): (AssertionType, Option<&str>, &SecretString),
) -> Result<Unspent<Caller>, Failure> {
    let says = peek_assertion(assertion.expose_secret()).map_err(unacceptable)?;
    let sent = Sent { id, assertion, says, now: presented.now };
    match kind {
        AssertionType::Svid => svid::authenticate(org, &sent).await,
        // RFC 7523 §3: of a client's own, both are its `client_id`.
        AssertionType::Jwt if sent.says.issuer == sent.says.subject => {
            own::authenticate(org, &sent).await
        }
        AssertionType::Jwt => workload::authenticate(org, &sent).await,
    }
}

/// An assertion as it came, not yet believed.
struct Sent<'a> {
    /// `client_id`
    id: Option<&'a str>,
    assertion: &'a SecretString,
    says: PeekAssertion,
    now: Timestamp,
}

impl Sent<'_> {
    fn verify(
        &self,
        keys: &PublicKeys,
        expect: &ExpectAssertion<'_>,
    ) -> Result<RegisteredAssertion, TokenFault> {
        let text = self.assertion.expose_secret();
        let verified = verify_assertion::<IgnoredAny>(text, keys, expect, self.now.0)?;
        Ok(verified.registered().clone())
    }

    fn kid(&self) -> Option<&str> {
        self.says.kid.as_deref()
    }
}

fn unacceptable(fault: TokenFault) -> Failure {
    refused(ClientFault::Assertion(fault))
}

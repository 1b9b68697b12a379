//! RFC 7521 and RFC 7523, JWT Profile for OAuth 2.0 Client Authentication and Authorization Grants, and
//! draft-ietf-oauth-rfc7523bis: clients that sign who they are, and assertions for a grant.

use conformance::{Credentials, Exchange, Reply, Statement, target};

mod rfc7523 {
    mod client;
    mod confusion;
    mod grant;
    mod signature;
}

/// The signer says who it is, to be changed in one thing.
fn assertion() -> Statement {
    target().assertion("signer", "es")
}

/// The signer asks for a token of its own with this client assertion.
fn presented(assertion: &str) -> Reply {
    let credentials = Credentials::Assertion("signer".to_owned(), assertion.to_owned());
    Exchange::own(target(), "signer").authenticated(credentials).send()
}

fn accepted(assertion: &Statement) {
    presented(&assertion.text()).granted();
}

/// RFC 7523 §3.2: "the value of the "error" parameter MUST be the "`invalid_client`" error code".
fn refused(assertion: &Statement) {
    let reply = presented(&assertion.text());
    assert_eq!(reply.status, 401, "{}: {}", assertion.claims_text(), reply.text());
    reply.refused(401, "invalid_client");
}

//! RFC 8725, JSON Web Token Best Current Practices: forged and malformed tokens, each named after
//! what it attacks, each with a twin that differs in one thing and is accepted.

use conformance::{Exchange, Jwt, target};

mod rfc8725 {
    mod claims;
    mod confusion;
    mod keys;
    mod signature;
    mod text;
}

/// A good access token of the identity provider, to be made worse.
fn subject() -> Jwt {
    let subject = Jwt::read(&target().idp.access_token("alice").mint());
    Exchange::of(target(), &subject.text).send().granted();
    subject
}

/// RFC 8693 §2.2.2: "The value of the "error" parameter MUST be the "`invalid_request`" error code."
fn refused(token: &str) {
    let reply = Exchange::of(target(), token).send();
    assert_eq!(reply.status, 400, "{token}: {}", reply.text());
    reply.refused_as_invalid_request();
}

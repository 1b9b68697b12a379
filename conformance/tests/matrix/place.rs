//! Where a token can be presented, and what is answered when it is not one for there.

use conformance::{
    ACCESS_TOKEN, AboutToken, CLIENT_ASSERTION, Credentials, DOCUMENTS, Exchange, ID_JAG, ID_TOKEN,
    JWT, Reply, TXN_TOKEN, http, target,
};

use super::kind::Kind;

/// The token types of RFC 8693 §3 and of drafts, by the name they have here.
const TYPES: [(&str, &str); 7] = [
    ("access", ACCESS_TOKEN),
    ("id", ID_TOKEN),
    ("jwt", JWT),
    ("refresh", "urn:ietf:params:oauth:token-type:refresh_token"),
    ("saml", "urn:ietf:params:oauth:token-type:saml2"),
    ("jag", ID_JAG),
    ("txn", TXN_TOKEN),
];
const SPIFFE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-spiffe";

#[derive(Clone, Copy, Debug)]
pub enum Place {
    /// `subject_token`, said to be of this type.
    Subject(&'static str, &'static str),
    /// `actor_token`, likewise.
    Actor(&'static str, &'static str),
    /// `assertion` (RFC 7523 §2.1).
    Assertion,
    /// `assertion` of Microsoft's dialect.
    OnBehalfOf,
    /// `client_assertion`, said to be of this type.
    Client(&'static str, &'static str),
    /// The `DPoP` header.
    Proof,
    /// Asked about (RFC 7662), by the documents' API.
    Introspection,
    /// To be ended (RFC 7009), by the orchestrator.
    Revocation,
    /// At the documents' API, with `Authorization: Bearer`.
    Api,
}

/// Every place; revocation last, since what was presented there may be good no more.
pub fn places() -> Vec<Place> {
    let subjects = TYPES.iter().map(|(name, uri)| Place::Subject(name, uri));
    let actors = TYPES.iter().map(|(name, uri)| Place::Actor(name, uri));
    let clients = [Place::Client("jwt", CLIENT_ASSERTION), Place::Client("spiffe", SPIFFE)];
    let others = [Place::Assertion, Place::OnBehalfOf, Place::Proof, Place::Introspection];
    let last = [Place::Api, Place::Revocation];
    subjects.chain(actors).chain(clients).chain(others).chain(last).collect()
}

impl Place {
    pub fn name(&self) -> String {
        match self {
            Self::Subject(name, _) => format!("subject {name}"),
            Self::Actor(name, _) => format!("actor {name}"),
            Self::Assertion => "assertion".to_owned(),
            Self::OnBehalfOf => "on behalf of".to_owned(),
            Self::Client(name, _) => format!("client {name}"),
            Self::Proof => "proof".to_owned(),
            Self::Introspection => "introspection".to_owned(),
            Self::Revocation => "revocation".to_owned(),
            Self::Api => "api".to_owned(),
        }
    }

    /// Presents it there. Panics when it is refused in another way than that of the place.
    pub fn takes(&self, kind: &Kind) -> bool {
        let token = (kind.make)();
        let reply = self.presented(kind, &token);
        let (name, at) = (kind.name, self.name());
        let (status, told) = (reply.status, reply.code());
        if matches!(self, Self::Introspection) {
            assert_eq!(status, 200, "{name} as {at}: {}", reply.text());
            return reply.json().get("active") == Some(&true.into());
        }
        if status == 200 {
            // Whether there was anything to end is not told (RFC 7009 §2.2), but it shows.
            return !matches!(self, Self::Revocation) || has_ended(kind);
        }
        let expected = match self {
            // RFC 7009 §2.1: somebody else's is refused.
            Self::Subject(..) | Self::Actor(..) | Self::Revocation => (400, "invalid_request"),
            Self::Assertion | Self::OnBehalfOf => (400, "invalid_grant"),
            Self::Client(..) => (401, "invalid_client"),
            Self::Proof => (400, "invalid_dpop_proof"),
            Self::Api | Self::Introspection => (401, "invalid_token"),
        };
        assert_eq!((status, told.as_deref()), (expected.0, Some(expected.1)), "{name} as {at}");
        false
    }

    fn presented(&self, kind: &Kind, token: &str) -> Reply {
        let with_key = |exchange: Exchange<'static>| match &kind.key {
            Some(key) => exchange.with_key(key),
            None => exchange,
        };
        match self {
            Self::Subject(_, uri) => {
                let exchange = Exchange::of(target(), token).by(kind.by);
                with_key(exchange.with("subject_token_type", uri)).send()
            }
            Self::Actor(_, uri) => {
                let exchange = Exchange::happy(target()).with("actor_token", token);
                with_key(exchange.with("actor_token_type", uri)).send()
            }
            Self::Assertion => with_key(Exchange::redeeming(target(), token)).send(),
            Self::OnBehalfOf => {
                let scope = format!("{DOCUMENTS}/documents:read");
                let exchange = Exchange::on_behalf_of(target(), token, &scope).by(kind.by);
                with_key(exchange).send()
            }
            Self::Client(_, uri) => {
                let credentials = Credentials::Assertion(kind.client.to_owned(), token.to_owned());
                let exchange = Exchange::vouched(target(), credentials);
                exchange.with("client_assertion_type", uri).send()
            }
            Self::Proof => Exchange::own(target(), "orchestrator").adding_proof(token).send(),
            Self::Introspection => AboutToken::introspect(target(), token).send(),
            Self::Revocation => AboutToken::revoke(target(), token).send(),
            Self::Api => {
                let authorization = format!("Bearer {token}");
                http::get(&target().api, &[("authorization", &authorization)])
            }
        }
    }
}

/// Whether it is refused where it belongs.
fn has_ended(kind: &Kind) -> bool {
    let its_own = |place: &Place| kind.right.first().is_some_and(|name| place.name() == *name);
    places().iter().find(|place| its_own(place)).is_some_and(|place| !place.takes(kind))
}

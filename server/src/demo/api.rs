//! A small protected API: says who acts for whom. `verifier` knows whether they may.

use actix_web::{HttpResponse, web};
use serde_json::json;
use verifier::{
    BuildError, Verifier,
    actix::{self, Delegated, Needs},
};

const READ: &str = "documents:read";

/// To read documents.
#[derive(Debug)]
struct Read;

impl Needs for Read {
    const SCOPES: &'static [&'static str] = &[READ];
}

/// The API for the tokens of `issuer` that are meant for `resource`, reached at `origin`: bearer tokens,
/// and those that are bound to a key.
pub(super) fn verifier(issuer: &str, resource: &str, origin: &str) -> Result<Verifier, BuildError> {
    Verifier::builder(issuer, resource).origin(origin).scopes(&[READ]).name("Documents").build()
}

pub(super) fn routes(verifier: &Verifier) -> impl FnOnce(&mut web::ServiceConfig) + use<> {
    let configure = actix::configure(verifier);
    move |config| {
        configure(config);
        config.route("/documents", web::get().to(documents));
    }
}

/// RFC 8693 §4.1: "MUST only consider the token's top-level claims and the party identified as the
/// current actor"; the nested ones are shown, never decided upon.
async fn documents(who: Delegated<Read>) -> HttpResponse {
    let chain: Vec<_> = who.chain().iter().map(verifier::Actor::id).collect();
    HttpResponse::Ok().json(json!({
        "user": who.subject(),
        "agent": who.actor().map(verifier::Actor::id),
        "on_behalf_of": who.to_string(),
        "chain": chain,
        "scope": who.scope().collect::<Vec<_>>().join(" "),
        "documents": ["Plan of the house", "List of what is left to do"],
    }))
}

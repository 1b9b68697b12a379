//! An API that takes tokens which are bound to a key, and nothing else.

use std::net::TcpListener;

use actix_web::{App as Actix, HttpResponse, HttpServer, dev::Server, web};
use serde_json::json;
use verifier::{
    BuildError, Verifier,
    actix::{self, Delegated, Needs},
};

use super::plan::{ALGORITHMS, PATH, SCOPE};
use crate::http::JWKS;

/// To read what is there.
#[derive(Debug)]
struct Read;

impl Needs for Read {
    const SCOPES: &'static [&'static str] = &[SCOPE];
}

/// For the tokens of `issuer` that are meant for `api`, whose keys are fetched from `nearby`: the name of
/// this machine may be one that only the suite knows.
pub(super) fn verifier(
    (issuer, api): (&str, &str),
    nearby: &str,
    authority: &[u8],
) -> Result<Verifier, BuildError> {
    let verifier = Verifier::builder(issuer, api).jwks_uri(&format!("{nearby}{JWKS}"));
    let verifier = verifier.extra_ca(authority).proof_algorithms(&ALGORITHMS).bound_only();
    verifier.scopes(&[SCOPE]).name("actas").build()
}

pub(super) fn serve(
    listener: TcpListener,
    verifier: &Verifier,
    tls: rustls::ServerConfig,
) -> std::io::Result<Server> {
    let verifier = verifier.clone();
    let app = move || {
        let read = web::resource(PATH).get(read).post(read);
        Actix::new().configure(actix::configure(&verifier)).service(read)
    };
    let server = HttpServer::new(app).workers(1).disable_signals();
    Ok(server.listen_rustls_0_23(listener, tls)?.run())
}

async fn read(who: Delegated<Read>) -> HttpResponse {
    HttpResponse::Ok().json(json!({
        "subject": who.subject(),
        "scope": who.scope().collect::<Vec<_>>().join(" "),
    }))
}

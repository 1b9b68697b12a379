//! An API with one guarded handler: `actas demo --keep` in one terminal, and in another
//! `cargo run -p actas-verifier --features actix --example api -- ISSUER AUDIENCE`.

use std::env;

use actas_verifier::{
    Verifier,
    actix::{self, Delegated, Needs},
};
use actix_web::{App, HttpServer, web};

const ADDRESS: &str = "127.0.0.1:8499";

#[derive(Debug)]
struct Read;
impl Needs for Read {
    const SCOPES: &'static [&'static str] = &["documents:read"];
}

async fn documents(who: Delegated<Read>) -> String {
    format!("{who}, and may read\n")
}

#[actix_web::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (Some(issuer), Some(audience)) = (env::args().nth(1), env::args().nth(2)) else {
        return Err("usage: api ISSUER AUDIENCE".into());
    };
    let verifier =
        Verifier::builder(&issuer, &audience).origin(&format!("http://{ADDRESS}")).build()?;
    let app = move || {
        App::new()
            .configure(actix::configure(&verifier))
            .route("/documents", web::get().to(documents))
    };
    Ok(HttpServer::new(app).bind(ADDRESS)?.run().await?)
}

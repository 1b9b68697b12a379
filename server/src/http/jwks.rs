//! `{issuer}/oauth/jwks`: all a verifier needs (RFC 7517 §5).

use actix_web::{
    HttpRequest, HttpResponse,
    http::header::{self, ETag, Header as _, IfNoneMatch},
    web,
};

use super::{loaded, nothing_here};
use crate::app::App;

pub(super) async fn get(app: web::Data<App>, request: HttpRequest) -> HttpResponse {
    let Some(loaded) = loaded(&app, &request) else { return nothing_here().await };
    let jwks = loaded.documents.jwks(loaded.org.ring.jwks_json());
    let known = match IfNoneMatch::parse(&request) {
        Ok(IfNoneMatch::Any) => true,
        Ok(IfNoneMatch::Items(tags)) => tags.iter().any(|known| known.weak_eq(&jwks.tag)),
        Err(_) => false,
    };
    // A new key is published for longer than this before it signs (`keys::rotation`).
    let cache = format!("public, max-age={}", app.keeper.jwks_max_age.as_secs());
    let mut response = if known { HttpResponse::NotModified() } else { HttpResponse::Ok() };
    response.insert_header((header::CACHE_CONTROL, cache)).insert_header(ETag(jwks.tag.clone()));
    if known {
        return response.finish();
    }
    response
        .insert_header((header::CONTENT_TYPE, "application/jwk-set+json"))
        .body(jwks.body.clone())
}

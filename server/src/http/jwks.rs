//! `{issuer}/oauth/jwks`: all a verifier needs (RFC 7517 §5).

use actix_web::{
    HttpRequest, HttpResponse,
    http::header::{self, ETag, EntityTag, Header as _, IfNoneMatch},
    web,
};

use super::{nothing_here, org};
use crate::app::App;

pub(super) async fn get(app: web::Data<App>, request: HttpRequest) -> HttpResponse {
    let Some(org) = org(&app, &request) else { return nothing_here().await };
    let jwks = org.ring.jwks_json();
    let tag = EntityTag::new_strong(keys::sha256_hex(jwks.as_bytes()).chars().take(32).collect());
    let known = match IfNoneMatch::parse(&request) {
        Ok(IfNoneMatch::Any) => true,
        Ok(IfNoneMatch::Items(tags)) => tags.iter().any(|known| known.weak_eq(&tag)),
        Err(_) => false,
    };
    // A new key is published for longer than this before it signs (`keys::rotation`).
    let cache = format!("public, max-age={}", app.keeper.jwks_max_age.as_secs());
    let mut response = if known { HttpResponse::NotModified() } else { HttpResponse::Ok() };
    response.insert_header((header::CACHE_CONTROL, cache)).insert_header(ETag(tag));
    if known {
        return response.finish();
    }
    response.insert_header((header::CONTENT_TYPE, "application/jwk-set+json")).body(jwks.to_owned())
}

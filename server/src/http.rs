//! The route table. One file per endpoint below it.
//!
//! | path | file |
//! |---|---|
//! | `{issuer}/oauth/token` | [`token`] |
//! | `{issuer}/oauth/introspect` | [`introspect`] |
//! | `{issuer}/oauth/revoke` | [`revoke`] |
//! | `{issuer}/oauth/status-lists/…` | [`status_lists`] |
//! | `{issuer}/oauth/jwks` | [`jwks`] |
//! | `{issuer}/admin/…` | [`admin`] |
//! | `{issuer}/signals/{connection}/…` | [`signals`] |
//! | the three well-known locations of an issuer | [`discovery`] |
//! | `/healthz`, `/readyz` | [`health`] |
//! | `/metrics` | [`metrics`] |
//!
//! Whom a request comes from is for [`peer`] to know, and how much of it is let in for [`gate`].
//!
//! The organization is found from the path of its issuer, never from a header or a form field.

pub mod admin;
mod along;
mod body;
mod call;
mod current;
pub mod discovery;
mod gate;
pub mod health;
pub mod introspect;
pub mod jwks;
pub mod metrics;
pub(crate) mod peer;
#[doc(hidden)]
pub mod probe;
mod reply;
pub mod revoke;
pub mod signals;
pub mod status_lists;
pub mod token;

use std::sync::Arc;

use actix_web::{HttpRequest, HttpResponse, http::header, web};
use delegation::org::Org;

use crate::app::App;

/// Below an issuer; discovery builds its URLs from the same table.
pub(crate) use delegation::request::TOKEN_ENDPOINT as TOKEN;
pub(crate) const JWKS: &str = "/oauth/jwks";
pub(crate) const INTROSPECT: &str = "/oauth/introspect";
pub(crate) const REVOKE: &str = "/oauth/revoke";
pub(crate) use delegation::status::PATH as STATUS_LISTS;

/// Mounts every route.
pub fn routes(config: &mut web::ServiceConfig) {
    config
        .route("/healthz", web::get().to(health::live))
        .route("/readyz", web::get().to(health::ready))
        .route("/metrics", web::get().to(metrics::get));
    for (issuer, org) in [("", ""), ("/o/{org}", "/o/{org}")] {
        config
            .service(
                web::resource(format!("{issuer}{TOKEN}"))
                    .route(web::post().to(token::post))
                    .default_service(web::to(reply::not_post)),
            )
            .service(
                web::resource(format!("{issuer}{INTROSPECT}"))
                    .route(web::post().to(introspect::post))
                    .default_service(web::to(reply::not_post)),
            )
            .service(
                web::resource(format!("{issuer}{REVOKE}"))
                    .route(web::post().to(revoke::post))
                    .default_service(web::to(reply::not_post)),
            )
            .route(&format!("{issuer}{STATUS_LISTS}"), web::get().to(status_lists::aggregation))
            .route(&format!("{issuer}{STATUS_LISTS}/{{list}}"), web::get().to(status_lists::get))
            .route(&format!("{issuer}{JWKS}"), web::get().to(jwks::get))
            .route(
                &format!("/.well-known/oauth-authorization-server{org}"),
                web::get().to(discovery::get),
            )
            .route(
                &format!("/.well-known/openid-configuration{org}"),
                web::get().to(discovery::get),
            );
        signals::routes(config, issuer);
        admin::routes(config, issuer);
    }
    config
        .route("/o/{org}/.well-known/openid-configuration", web::get().to(discovery::get))
        // Not where RFC 8414 §3 puts it, but where some libraries look all the same.
        .route("/o/{org}/.well-known/oauth-authorization-server", web::get().to(discovery::get));
    config.default_service(web::to(nothing_here));
}

/// The organization whose issuer this request's path belongs to.
pub(crate) fn org(app: &App, request: &HttpRequest) -> Option<Arc<Org>> {
    match (request.match_info().get("org"), &app.default_org) {
        // The default organization has one issuer, and it is not below `/o/`.
        (Some(named), Some(default)) if named == default => None,
        (Some(named), _) => app.org(named),
        (None, Some(default)) => app.org(default),
        (None, None) => None,
    }
}

pub(crate) async fn nothing_here() -> HttpResponse {
    HttpResponse::NotFound().insert_header((header::CACHE_CONTROL, "no-store")).json(
        serde_json::json!({ "error": "not_found", "error_description": "there is nothing here" }),
    )
}

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
pub mod documents;
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

use crate::app::{App, Loaded};

/// Below an issuer; discovery builds its URLs from the same table.
pub(crate) use delegation::request::TOKEN_ENDPOINT as TOKEN;
pub(crate) const JWKS: &str = "/oauth/jwks";
pub(crate) const INTROSPECT: &str = "/oauth/introspect";
pub(crate) const REVOKE: &str = "/oauth/revoke";
pub(crate) use delegation::status::PATH as STATUS_LISTS;

/// Mounts every route.
pub fn routes(config: &mut web::ServiceConfig) {
    // Routes are tried in their order: the ones that are asked most come first.
    for issuer in ["/o/{org}", ""] {
        for (path, post) in [
            (TOKEN, web::post().to(token::post)),
            (INTROSPECT, web::post().to(introspect::post)),
            (REVOKE, web::post().to(revoke::post)),
        ] {
            let resource = web::resource(format!("{issuer}{path}")).route(post);
            config.service(resource.default_service(web::to(reply::not_post)));
        }
        for well_known in ["oauth-authorization-server", "openid-configuration"] {
            let path = format!("/.well-known/{well_known}{issuer}");
            config.route(&path, web::get().to(discovery::get));
        }
        config.route(&format!("{issuer}{JWKS}"), web::get().to(jwks::get));
    }
    config
        .route("/healthz", web::get().to(health::live))
        .route("/readyz", web::get().to(health::ready))
        .route("/metrics", web::get().to(metrics::get));
    for issuer in ["/o/{org}", ""] {
        config
            .route(&format!("{issuer}{STATUS_LISTS}"), web::get().to(status_lists::aggregation))
            .route(&format!("{issuer}{STATUS_LISTS}/{{list}}"), web::get().to(status_lists::get));
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
    loaded(app, request).map(|loaded| Arc::clone(&loaded.org))
}

/// The same, with what belongs to it.
fn loaded(app: &App, request: &HttpRequest) -> Option<Arc<Loaded>> {
    match (request.match_info().get("org"), &app.default_org) {
        // The default organization has one issuer, and it is not below `/o/`.
        (Some(named), Some(default)) if named == default => None,
        (Some(named), _) => app.loaded_as(named),
        (None, Some(default)) => app.loaded_as(default),
        (None, None) => None,
    }
}

pub(crate) async fn nothing_here() -> HttpResponse {
    HttpResponse::NotFound().insert_header((header::CACHE_CONTROL, "no-store")).json(
        serde_json::json!({ "error": "not_found", "error_description": "there is nothing here" }),
    )
}

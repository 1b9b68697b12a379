//! What an issuer says of itself (RFC 8414 §3, OIDC Discovery §4), one document at three places:
//! clients look for an issuer with a path by inserting the well-known part, or by appending it.

use actix_web::{HttpRequest, HttpResponse, http::header, web};
use delegation::org::Org;
use keys::Algorithm;
use serde::Serialize;

use super::{INTROSPECT, JWKS, REVOKE, STATUS_LISTS, TOKEN, nothing_here, org};
use crate::app::App;

/// Of agents and of resource servers.
const AUTH_METHODS: [&str; 2] = ["client_secret_basic", "client_secret_post"];

/// Only what is there is named. URLs are built on the issuer, never on a `Host` header.
#[derive(Debug, Serialize)]
struct Metadata {
    issuer: String,
    token_endpoint: String,
    jwks_uri: String,
    grant_types_supported: [&'static str; 1],
    /// RFC 8414 §2 requires the member and §3.2 forbids empty ones; there is no authorization
    /// endpoint yet. Typed clients break on a missing member, not on an empty one.
    response_types_supported: [&'static str; 0],
    token_endpoint_auth_methods_supported: [&'static str; 2],
    introspection_endpoint: String,
    introspection_endpoint_auth_methods_supported: [&'static str; 2],
    /// RFC 9701 §7
    introspection_signing_alg_values_supported: [String; 1],
    revocation_endpoint: String,
    revocation_endpoint_auth_methods_supported: [&'static str; 2],
    /// draft-ietf-oauth-status-list §9; only where tokens have a status.
    #[serde(skip_serializing_if = "Option::is_none")]
    status_list_aggregation_endpoint: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    scopes_supported: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    protected_resources: Vec<String>,
    /// Required in an OIDC document.
    subject_types_supported: [&'static str; 1],
    id_token_signing_alg_values_supported: Vec<String>,
}

pub(super) async fn get(app: web::Data<App>, request: HttpRequest) -> HttpResponse {
    let Some(org) = org(&app, &request) else { return nothing_here().await };
    HttpResponse::Ok()
        .insert_header((header::CACHE_CONTROL, "public, max-age=300"))
        .json(metadata(&org))
}

fn metadata(org: &Org) -> Metadata {
    let issuer = &org.issuer;
    let mut scopes: Vec<String> = org
        .resources
        .values()
        .flat_map(|resource| resource.scope.tokens().map(str::to_owned))
        .collect();
    scopes.sort_unstable();
    scopes.dedup();
    let mut resources: Vec<String> =
        org.resources.keys().filter(|id| id.contains("://")).cloned().collect();
    resources.sort_unstable();
    let algorithm: Algorithm = org.ring.active().algorithm();
    let has_status = org.resources.values().any(|resource| resource.status);
    Metadata {
        token_endpoint: format!("{issuer}{TOKEN}"),
        jwks_uri: format!("{issuer}{JWKS}"),
        issuer: issuer.clone(),
        grant_types_supported: [delegation::request::TOKEN_EXCHANGE],
        response_types_supported: [],
        token_endpoint_auth_methods_supported: AUTH_METHODS,
        introspection_endpoint: format!("{issuer}{INTROSPECT}"),
        introspection_endpoint_auth_methods_supported: AUTH_METHODS,
        introspection_signing_alg_values_supported: [algorithm.to_string()],
        revocation_endpoint: format!("{issuer}{REVOKE}"),
        revocation_endpoint_auth_methods_supported: AUTH_METHODS,
        status_list_aggregation_endpoint: has_status.then(|| format!("{issuer}{STATUS_LISTS}")),
        scopes_supported: scopes,
        protected_resources: resources,
        subject_types_supported: ["public"],
        id_token_signing_alg_values_supported: vec![algorithm.to_string()],
    }
}

//! What an issuer says of itself (RFC 8414 §3, OIDC Discovery §4), one document at three places:
//! clients look for an issuer with a path by inserting the well-known part, or by appending it.

mod clients;

use actix_web::{
    HttpRequest, HttpResponse,
    http::header::{self, ContentType},
    web,
};
use delegation::{declared::GrantType, org::Org, request::token_type};
use keys::Algorithm;
use policy::Product;
use serde::Serialize;

use self::clients::Clients;
use super::{
    INTROSPECT, JWKS, REVOKE, STATUS_LISTS, TOKEN, loaded, nothing_here, reply::unavailable,
};
use crate::app::App;

/// draft-ietf-oauth-identity-assertion-authz-grant §7.2
const ID_JAG_PROFILE: &str = "urn:ietf:params:oauth:grant-profile:id-jag";

/// Only what is there is named: what some client of the organization may use. URLs are built on the
/// issuer, never on a `Host` header.
#[derive(Debug, Serialize)]
struct Metadata {
    issuer: String,
    token_endpoint: String,
    jwks_uri: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    grant_types_supported: Vec<&'static str>,
    /// RFC 8414 §2 requires the member and §3.2 forbids empty ones; there is no authorization
    /// endpoint yet. Typed clients break on a missing member, not on an empty one.
    response_types_supported: [&'static str; 0],
    token_endpoint_auth_methods_supported: Vec<&'static str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    token_endpoint_auth_signing_alg_values_supported: Vec<String>,
    introspection_endpoint: String,
    introspection_endpoint_auth_methods_supported: Vec<&'static str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    introspection_endpoint_auth_signing_alg_values_supported: Vec<String>,
    /// RFC 9701 §7
    introspection_signing_alg_values_supported: [String; 1],
    revocation_endpoint: String,
    revocation_endpoint_auth_methods_supported: Vec<&'static str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    revocation_endpoint_auth_signing_alg_values_supported: Vec<String>,
    /// RFC 9449 §5.1
    #[serde(skip_serializing_if = "Vec::is_empty")]
    dpop_signing_alg_values_supported: Vec<String>,
    /// RFC 8705 §3.3; only where certificates can arrive.
    #[serde(skip_serializing_if = "Option::is_none")]
    tls_client_certificate_bound_access_tokens: Option<bool>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    authorization_grant_profiles_supported: Vec<&'static str>,
    /// draft-ietf-oauth-identity-chaining; only where other domains are declared.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    identity_chaining_requested_token_types_supported: Vec<&'static str>,
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
    let Some(loaded) = loaded(&app, &request) else { return nothing_here().await };
    let written = || metadata(&loaded.org, app.asks_for_certificates);
    let Some(written) = loaded.documents.metadata(written) else { return unavailable(None) };
    HttpResponse::Ok()
        .insert_header((header::CACHE_CONTROL, "public, max-age=300"))
        .insert_header(ContentType::json())
        .body(written)
}

fn metadata(org: &Org, asks_for_certificates: bool) -> Metadata {
    let issuer = &org.issuer;
    let agents = org.agents.values().map(|agent| &agent.client);
    let servers = org.servers.values().filter_map(|resource| resource.client.as_ref());
    let agents = Clients::of(agents, asks_for_certificates);
    let callers = agents.and(&Clients::of(servers, asks_for_certificates));
    let algorithm: Algorithm = org.ring.active().algorithm();
    let has_status = org.resources.values().any(|resource| resource.status);
    Metadata {
        token_endpoint: format!("{issuer}{TOKEN}"),
        jwks_uri: format!("{issuer}{JWKS}"),
        issuer: issuer.clone(),
        grant_types_supported: agents.grants(),
        response_types_supported: [],
        token_endpoint_auth_methods_supported: agents.methods(),
        token_endpoint_auth_signing_alg_values_supported: agents.assertion_algorithms(),
        introspection_endpoint: format!("{issuer}{INTROSPECT}"),
        introspection_endpoint_auth_methods_supported: callers.methods(),
        introspection_endpoint_auth_signing_alg_values_supported: callers.assertion_algorithms(),
        introspection_signing_alg_values_supported: [algorithm.to_string()],
        revocation_endpoint: format!("{issuer}{REVOKE}"),
        revocation_endpoint_auth_methods_supported: agents.methods(),
        revocation_endpoint_auth_signing_alg_values_supported: agents.assertion_algorithms(),
        dpop_signing_alg_values_supported: agents.algorithms(),
        tls_client_certificate_bound_access_tokens: asks_for_certificates.then_some(true),
        authorization_grant_profiles_supported: grant_profiles(org, &agents),
        identity_chaining_requested_token_types_supported: chaining_types(org),
        status_list_aggregation_endpoint: has_status.then(|| format!("{issuer}{STATUS_LISTS}")),
        scopes_supported: scopes(org),
        protected_resources: protected_resources(org),
        subject_types_supported: ["public"],
        id_token_signing_alg_values_supported: vec![algorithm.to_string()],
    }
}

/// The profile comes with the grant type. Who is trusted to issue such grants is not for everybody to
/// know; that somebody is, is.
fn grant_profiles(org: &Org, agents: &Clients) -> Vec<&'static str> {
    let takes_them = org.connections.iter().any(|connection| connection.takes_id_jags);
    let is_asked_for = agents.grants().contains(&GrantType::JwtBearer.uri());
    if takes_them && is_asked_for { vec![ID_JAG_PROFILE] } else { Vec::new() }
}

fn chaining_types(org: &Org) -> Vec<&'static str> {
    let leads_abroad = org.resources.values().any(|resource| resource.abroad.is_some());
    let types = [Product::IdJag, Product::JwtGrant].map(token_type);
    if leads_abroad { types.to_vec() } else { Vec::new() }
}

/// Of APIs. What is to be had abroad is said there.
fn scopes(org: &Org) -> Vec<String> {
    let here = org.resources.values().filter(|resource| resource.abroad.is_none());
    let mut scopes: Vec<String> =
        here.flat_map(|resource| resource.scope.tokens().map(str::to_owned)).collect();
    scopes.sort_unstable();
    scopes.dedup();
    scopes
}

/// RFC 9728 §4
fn protected_resources(org: &Org) -> Vec<String> {
    let here = org.resources.values().filter(|resource| resource.abroad.is_none());
    let mut resources: Vec<String> =
        here.map(|resource| resource.id.clone()).filter(|id| id.contains("://")).collect();
    resources.sort_unstable();
    resources
}

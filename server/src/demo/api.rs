//! A small protected API: verifies tokens with nothing but the JWKS, and says who acts for whom.

use std::time::Duration;

use actix_web::{HttpRequest, HttpResponse, http::header, web};
use keys::{Algorithm, Expect, PublicKeys, Typ, Verified};
use serde::{Deserialize, Serialize};
use serde_json::json;
use upstream::http::Outbound;

use crate::clock;

/// What the API is and whom it believes.
#[derive(Clone, Debug)]
pub(super) struct Api {
    pub resource: String,
    pub issuer: String,
    pub jwks_uri: String,
    pub outbound: Outbound,
}

/// RFC 8693 §4.1: "MUST only consider the token's top-level claims and the party identified as the
/// current actor"; the nested ones are shown, never decided upon.
#[derive(Debug, Deserialize, Serialize)]
struct Claims {
    scope: String,
    client_id: String,
    act: Act,
}

#[derive(Debug, Deserialize, Serialize)]
struct Act {
    sub: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    act: Option<Box<Act>>,
}

impl Act {
    fn names(&self) -> Vec<&str> {
        std::iter::successors(Some(self), |act| act.act.as_deref())
            .map(|act| act.sub.as_str())
            .collect()
    }
}

pub(super) async fn documents(api: web::Data<Api>, request: HttpRequest) -> HttpResponse {
    let verified = match verified(&api, &request).await {
        Ok(verified) => verified,
        Err(problem) => return challenge(401, "invalid_token", &problem),
    };
    let claims = verified.claims();
    if !claims.scope.split(' ').any(|scope| scope == "documents:read") {
        return challenge(403, "insufficient_scope", "documents:read is needed");
    }
    let user = &verified.registered().subject;
    let chain = claims.act.names();
    HttpResponse::Ok().json(json!({
        "user": user,
        "agent": claims.act.sub,
        "on_behalf_of": format!("{} acts for {user}", chain.join(", asked by ")),
        "chain": chain,
        "scope": claims.scope,
        "documents": ["Plan of the house", "List of what is left to do"],
    }))
}

async fn verified(api: &Api, request: &HttpRequest) -> Result<Verified<Claims>, String> {
    let token = request
        .headers()
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.strip_prefix("Bearer "))
        .ok_or("no bearer token")?;
    // A real API caches the key set; this one shows that it needs nothing else.
    let jwks = api.outbound.get_json(&api.jwks_uri).await.map_err(|e| e.to_string())?;
    let keys = PublicKeys::parse(&jwks).map_err(|e| e.to_string())?;
    let expect = Expect {
        typ: &[Typ::AccessToken],
        issuer: &api.issuer,
        audience: &[&api.resource],
        algorithms: &Algorithm::ALL,
        leeway: Duration::from_secs(10),
        max_age: None,
    };
    keys::verify(token, &keys, &expect, clock::now().0).map_err(|e| e.to_string())
}

/// RFC 6750 §3.
fn challenge(status: u16, error: &str, description: &str) -> HttpResponse {
    use actix_web::http::StatusCode;
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::UNAUTHORIZED);
    let value = format!("Bearer error=\"{error}\"");
    HttpResponse::build(status)
        .insert_header((header::WWW_AUTHENTICATE, value))
        .json(json!({ "error": error, "error_description": description }))
}

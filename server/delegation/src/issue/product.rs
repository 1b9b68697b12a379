//! What a token says, by what it is. It reads the permit's terms and nothing else of the subject.

use policy::{Confirmation, Product, Terms};
use serde::Serialize;
use serde_json::{Map, Value, value::RawValue};

use super::Minting;
use crate::{
    claims::{AccessClaims, Act, Cnf, Status},
    org::Org,
    refusal::Fault,
};

/// Claims, ready to be signed.
pub(super) struct Made {
    pub typ: &'static str,
    pub claims: Box<RawValue>,
    /// How it is presented (RFC 8693 §2.2.1).
    pub token_type: &'static str,
}

pub(super) fn make(org: &Org, terms: &Terms, minting: Minting<'_>) -> Result<Made, Fault> {
    match terms.product {
        Product::AccessToken => access_token(org, terms, minting),
        Product::IdJag => grant(org, terms, minting, "oauth-id-jag+jwt"),
        Product::JwtGrant => grant(org, terms, minting, "JWT"),
        Product::TransactionToken => transaction_token(org, terms, minting),
    }
}

/// RFC 8693 §2.2.1: of what is no access token.
const NOT_APPLICABLE: &str = "N_A";

/// RFC 9068 §2.2, RFC 8693 §4.
fn access_token(org: &Org, terms: &Terms, minting: Minting<'_>) -> Result<Made, Fault> {
    let scope = terms.scope.to_string();
    let claims = AccessClaims {
        iss: &org.issuer,
        sub: &terms.sub,
        aud: &terms.audience,
        client_id: &terms.client_id,
        iat: minting.arrival.now.0,
        exp: terms.expires_at.0,
        jti: minting.arrival.delegation.to_string(),
        scope: &scope,
        org_id: &terms.org,
        act: Act::of(&terms.chain),
        cnf: terms.bound_to.as_ref().map(Cnf::of),
        auth_time: terms.auth_time.map(|at| at.0),
        acr: terms.acr.as_deref(),
        amr: &terms.amr,
        status: minting.status.map(|place| Status::of(&org.issuer, place)),
    };
    let token_type = match terms.bound_to {
        Some(Confirmation::Key(_)) => "DPoP",
        // RFC 8705 §3: it is presented as a bearer token, over the connection of its certificate.
        Some(Confirmation::Certificate(_)) | None => "Bearer",
    };
    Ok(Made { typ: "at+jwt", claims: written(&claims)?, token_type })
}

/// What another domain's authorization server issues a token of its own on
/// (draft-ietf-oauth-identity-assertion-authz-grant §4.3, draft-ietf-oauth-identity-chaining §2.3.3).
#[derive(Serialize)]
struct GrantClaims<'a> {
    iss: &'a str,
    sub: &'a str,
    aud: &'a str,
    client_id: &'a str,
    jti: String,
    iat: i64,
    exp: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    resource: Option<&'a str>,
    scope: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    act: Option<Act>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cnf: Option<Cnf>,
    #[serde(skip_serializing_if = "Option::is_none")]
    auth_time: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    acr: Option<&'a str>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    amr: &'a [String],
}

fn grant(org: &Org, terms: &Terms, minting: Minting<'_>, typ: &'static str) -> Result<Made, Fault> {
    let scope = terms.scope.to_string();
    let abroad = org.resources.get(&terms.audience).and_then(|it| it.abroad.as_ref());
    let known_as = abroad.and_then(|abroad| abroad.clients.get(&terms.client_id));
    let claims = GrantClaims {
        iss: &org.issuer,
        sub: &terms.sub,
        aud: &terms.audience,
        // The client as it is known there.
        client_id: known_as.unwrap_or(&terms.client_id),
        jti: minting.arrival.delegation.to_string(),
        iat: minting.arrival.now.0,
        exp: terms.expires_at.0,
        resource: minting.details.resource.as_deref(),
        scope: &scope,
        act: Act::of(&terms.chain),
        cnf: terms.bound_to.as_ref().map(Cnf::of),
        auth_time: terms.auth_time.map(|at| at.0),
        acr: terms.acr.as_deref(),
        amr: &terms.amr,
    };
    Ok(Made { typ, claims: written(&claims)?, token_type: NOT_APPLICABLE })
}

/// draft-ietf-oauth-transaction-tokens §4.
#[derive(Serialize)]
struct TransactionClaims<'a> {
    iss: &'a str,
    aud: &'a str,
    iat: i64,
    exp: i64,
    txn: String,
    sub: &'a str,
    scope: &'a str,
    /// The workload that asked for it.
    req_wl: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    act: Option<Act>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cnf: Option<Cnf>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tctx: Option<&'a Map<String, Value>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rctx: Option<&'a Map<String, Value>>,
}

fn transaction_token(org: &Org, terms: &Terms, minting: Minting<'_>) -> Result<Made, Fault> {
    let scope = terms.scope.to_string();
    let claims = TransactionClaims {
        iss: &org.issuer,
        aud: &terms.audience,
        iat: minting.arrival.now.0,
        exp: terms.expires_at.0,
        txn: minting.arrival.delegation.to_string(),
        sub: &terms.sub,
        scope: &scope,
        req_wl: terms.chain.current().map_or(&*terms.client_id, |actor| &actor.id),
        act: Act::of(&terms.chain),
        cnf: terms.bound_to.as_ref().map(Cnf::of),
        tctx: minting.details.transaction.as_ref(),
        rctx: minting.details.context.as_ref(),
    };
    Ok(Made { typ: "txntoken+jwt", claims: written(&claims)?, token_type: NOT_APPLICABLE })
}

fn written(claims: &impl Serialize) -> Result<Box<RawValue>, Fault> {
    serde_json::value::to_raw_value(claims).map_err(|e| Fault::Keys(e.to_string()))
}

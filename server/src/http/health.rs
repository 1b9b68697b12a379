//! `/healthz`: the process answers. `/readyz`: it could also issue a token.

use actix_web::{HttpResponse, web};
use serde_json::json;

use crate::app::App;

pub(super) async fn live() -> HttpResponse {
    HttpResponse::Ok().json(json!({ "status": "ok" }))
}

/// Ready means: the database answers, and every served organization has a key to sign with (one
/// without is not loaded).
pub(super) async fn ready(app: web::Data<App>) -> HttpResponse {
    match app.store.ping().await {
        Ok(()) => HttpResponse::Ok().json(json!({
            "status": "ready", "database": "ok", "organizations": app.org_count()
        })),
        Err(fault) => {
            tracing::warn!(%fault, "not ready");
            HttpResponse::ServiceUnavailable()
                .json(json!({ "status": "not ready", "database": "unavailable" }))
        }
    }
}

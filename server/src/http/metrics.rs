//! `/metrics` for Prometheus.

use actix_web::{HttpResponse, http::header, web};

use crate::app::App;

pub(super) async fn get(app: web::Data<App>) -> HttpResponse {
    HttpResponse::Ok()
        .insert_header((header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8"))
        .body(app.metrics.render())
}

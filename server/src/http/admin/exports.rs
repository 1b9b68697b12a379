//! `GET …/admin/exports`: how far the audit trail has got on its way to other systems.

use actix_web::{HttpRequest, HttpResponse, web};
use serde::Serialize;

use super::{Operation, run};
use crate::{
    app::App,
    http::{call::Call, reply::render},
};

#[derive(Serialize)]
struct Exports {
    /// The number of the newest event.
    head: i64,
    exports: Vec<Export>,
}

#[derive(Serialize)]
struct Export {
    id: String,
    /// Everything up to this number has arrived.
    done: i64,
    /// How many events have not.
    behind: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    /// Seconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    failing_since: Option<i64>,
}

pub(super) async fn get(app: web::Data<App>, request: HttpRequest) -> HttpResponse {
    let call = Call::bare(&app, &request);
    run((app, request), call, Operation::Exports, async |errand| {
        let all = errand.app.store.exports(&errand.org.id).all().await?;
        let head = errand.org.trail.ends().await?.last.seq;
        let exports = all.into_iter().map(|(id, progress)| {
            let (error, failing_since) = progress.error.unzip();
            let done = progress.done;
            let failing_since = failing_since.map(|at| at.0);
            Export { id, done, behind: head.saturating_sub(done).max(0), error, failing_since }
        });
        Ok(render(200, &Exports { head, exports: exports.collect() }))
    })
    .await
}

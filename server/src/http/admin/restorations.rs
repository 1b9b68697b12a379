//! `POST …/admin/restorations`: something may go on. Nothing that has ended lives again.

use actix_web::{HttpRequest, HttpResponse, web};
use delegation::{
    declared::Stoppable,
    revoke::{self, Place, Restorable},
};
use serde::Deserialize;

use super::{Errand, Operation, Undone, read, revocations, run};
use crate::{
    app::App,
    http::{call::Call, reply::render},
};

/// What may go on: exactly one of them.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Asked {
    agent: Option<String>,
    connection: Option<String>,
    org: Option<bool>,
    user: Option<User>,
    /// Why; stands in the audit trail.
    reason: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct User {
    connection: String,
    id: String,
}

impl Asked {
    fn what(self) -> Option<Restorable> {
        let user = |User { connection, id: user }| Restorable::User { connection, user };
        super::exactly_one([
            self.agent.map(Stoppable::Agent).map(Restorable::Stopped),
            self.connection.map(Stoppable::Connection).map(Restorable::Stopped),
            self.org.filter(|org| *org).map(|_| Restorable::Stopped(Stoppable::Org)),
            self.user.map(user),
        ])
    }
}

pub(super) async fn post(
    app: web::Data<App>,
    request: HttpRequest,
    payload: web::Payload,
) -> HttpResponse {
    let call = Call::json(&app, &request, payload).await;
    run((app, request), call, Operation::Restore, async |errand| restore(&errand).await).await
}

async fn restore(errand: &Errand<'_>) -> Result<HttpResponse, Undone> {
    let mut asked: Asked = read(errand.call)?;
    let reason = asked.reason.take();
    let what = asked
        .what()
        .ok_or_else(|| Undone::malformed(&"name exactly one of agent, connection, org, user"))?;
    let registry = errand.app.registry();
    let place = Place { org: &errand.org.id, ledger: &*errand.org.ledger, registry: &*registry };
    let call = revocations::call(errand, reason);
    let restored = revoke::restore(place, &what, call).await.map_err(revocations::undone)?;
    let (org, operator) = (&errand.org.id, errand.operator.id());
    tracing::info!(org, operator, action = %restored.action, ?what, "restored");
    Ok(render(200, &restored))
}

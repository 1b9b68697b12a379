//! `…/admin/keys`: where each signing key stands, and the next one.

use ::keys::rotation::Asked;
use actix_web::{HttpRequest, HttpResponse, web};
use delegation::{
    custody::{RotateFault, rotate as rotate_keys, standing},
    declared::Declared,
    event::{Event, noted},
    refusal::Fault,
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Errand, Operation, Undone, read, run};
use crate::{
    app::App,
    clock,
    custody::shown::Keys,
    http::{call::Call, reply::render},
};

pub(super) async fn get(app: web::Data<App>, request: HttpRequest) -> HttpResponse {
    let call = Call::bare(&app, &request);
    run((app, request), call, Operation::Keys, async |errand| {
        let (declared, store) = (declared(&errand).await?, errand.app.store.key_store());
        let custody = errand.app.keeper.custody(&*store, &declared)?;
        let records = store.keys(&errand.org.id).await?;
        Ok(render(200, &Keys::of(standing(&records, &custody.times, clock::now())?)))
    })
    .await
}

/// How to rotate: with all due care, unless it says otherwise.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Rotation {
    /// The new key signs at once, known to verifiers or not.
    now: bool,
    /// The keys there are now are neither published nor used any more.
    compromised: bool,
    /// Why; stands in the audit trail.
    reason: Option<String>,
}

impl Rotation {
    const fn asked(&self) -> Asked {
        match (self.now, self.compromised) {
            (_, true) => Asked::Compromised,
            (true, false) => Asked::RotateNow,
            (false, false) => Asked::Rotate,
        }
    }
}

#[derive(Serialize)]
struct Rotated {
    /// The action id: that of the event; none when nothing had to change.
    #[serde(skip_serializing_if = "Option::is_none")]
    action: Option<Uuid>,
    changes: Vec<String>,
    #[serde(flatten)]
    keys: Keys,
}

pub(super) async fn rotate(
    app: web::Data<App>,
    request: HttpRequest,
    payload: web::Payload,
) -> HttpResponse {
    let call = Call::json(&app, &request, payload).await;
    run((app, request), call, Operation::Rotate, async |errand| turn(&errand).await).await
}

async fn turn(errand: &Errand<'_>) -> Result<HttpResponse, Undone> {
    let asked: Rotation = read(errand.call)?;
    let (declared, store) = (declared(errand).await?, errand.app.store.key_store());
    let custody = errand.app.keeper.custody(&*store, &declared)?;
    let event = Event {
        operator: Some(errand.operator.id().to_owned()),
        detail: asked.reason.as_deref().map(noted),
        ..errand.call.event.clone()
    };
    let rotated = match rotate_keys(&custody, asked.asked(), &event).await {
        Ok(rotated) => rotated,
        Err(crowded @ RotateFault::Crowded) => {
            return Err(Undone::refused(409, "crowded", &crowded));
        }
        Err(RotateFault::Fault(fault)) => return Err(fault.into()),
    };
    // Others see the raised revision; here it need not even take that long.
    errand.app.refresh().await?;
    let (org, operator) = (&errand.org.id, errand.operator.id());
    tracing::info!(org, operator, changes = ?rotated.changes, "keys rotated");
    let standing = standing(&rotated.keys, &custody.times, clock::now())?;
    let (action, changes) = (rotated.action, rotated.changes);
    Ok(render(200, &Rotated { action, changes, keys: Keys::of(standing) }))
}

async fn declared(errand: &Errand<'_>) -> Result<Declared, Undone> {
    let declared = errand.app.registry().find(&errand.org.id).await?;
    declared.ok_or_else(|| Fault::Changed.into())
}

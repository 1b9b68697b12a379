//! Forgets what an organization does not want to keep any longer of its audit trail, but nothing that
//! one of its exports has yet to get.

use std::{sync::Arc, time::Duration};

use delegation::refusal::Fault;
use policy::Timestamp;

use crate::{
    app::{App, Loaded},
    clock,
};

const EVERY: Duration = Duration::from_mins(1);
/// Links of one transaction: like those of a seal, it holds the only writer of `SQLite`.
const STEP: usize = 64;

/// Runs until the app is gone.
pub fn start(app: &Arc<App>) {
    super::every(EVERY, app, |app| async move {
        for loaded in app.loaded() {
            let org = &loaded.org.id;
            match prune(&app, &loaded).await {
                Ok(0) => {}
                Ok(forgotten) => tracing::info!(org, forgotten, "old audit events forgotten"),
                Err(fault) => tracing::error!(org, %fault, "old audit events cannot be forgotten"),
            }
        }
    });
}

async fn prune(app: &App, loaded: &Loaded) -> Result<u64, Fault> {
    let retention = loaded.declared.settings.audit_retention;
    let retention = i64::try_from(retention.as_secs()).unwrap_or(i64::MAX);
    let before = Timestamp(clock::now().0.saturating_sub(retention));
    // As of now, not as of when the organization was loaded: a new export wants all there is.
    let exports = app.store.exports(&loaded.org.id).all().await?;
    let exported = exports.iter().map(|(_, progress)| progress.done).min().unwrap_or(i64::MAX);
    let mut forgotten = 0;
    loop {
        match loaded.org.trail.prune(before, exported, STEP).await? {
            0 => return Ok(forgotten),
            some => forgotten += some,
        }
    }
}

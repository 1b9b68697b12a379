//! Notices what `actas apply` has changed: new organizations, and changes to quiet ones.
//!
//! Only an accelerator: the exchange compares revisions inside its own transaction, so a stale
//! organization never issues anything.

use std::{sync::Arc, time::Duration};

use crate::app::App;

const EVERY: Duration = Duration::from_secs(1);

/// Runs until the app is gone.
pub fn start(app: &Arc<App>) {
    super::every(EVERY, app, |app| async move {
        if let Err(fault) = app.refresh().await {
            tracing::warn!(%fault, "organizations cannot be refreshed");
        }
    });
}

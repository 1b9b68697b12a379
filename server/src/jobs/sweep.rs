//! Forgets what is not needed any more: the subject tokens of chains that have died.

use std::{sync::Arc, time::Duration};

use crate::{app::App, clock};

const EVERY: Duration = Duration::from_secs(10);

/// Runs until the app is gone.
pub fn start(app: &Arc<App>) {
    super::every(EVERY, app, |app| async move {
        // In small steps, until there is nothing left.
        loop {
            match app.store.sweep(clock::now()).await {
                Ok(0) => return,
                Ok(forgotten) => tracing::debug!(forgotten, "subject tokens forgotten"),
                Err(fault) => {
                    tracing::warn!(%fault, "dead subject tokens cannot be forgotten");
                    return;
                }
            }
        }
    });
}

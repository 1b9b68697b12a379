//! Forgets what is not needed any more: the subject tokens of chains that have died.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use crate::{app::App, clock};

const EVERY: Duration = Duration::from_secs(1);

/// After each step it rests so many times as long as the step took: what is dead does not hurry, and
/// exchanges write to the same tables.
const REST: u32 = 3;

/// Runs until the app is gone.
pub fn start(app: &Arc<App>) {
    super::every(EVERY, app, |app| async move {
        // In small steps, until there is nothing left.
        loop {
            let began = Instant::now();
            match app.store.sweep(clock::now()).await {
                Ok(0) => return,
                Ok(forgotten) => tracing::debug!(forgotten, "subject tokens forgotten"),
                Err(fault) => {
                    tracing::warn!(%fault, "dead subject tokens cannot be forgotten");
                    return;
                }
            }
            tokio::time::sleep(REST * began.elapsed()).await;
        }
    });
}

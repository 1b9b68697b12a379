//! Notices what `actas apply` has changed: new organizations, and changes to quiet ones.
//!
//! Only an accelerator: the exchange compares revisions inside its own transaction, so a stale
//! organization never issues anything.

use std::{
    sync::{Arc, Weak},
    time::Duration,
};

use crate::app::App;

const EVERY: Duration = Duration::from_secs(1);

/// Runs until the app is gone.
pub fn start(app: Arc<App>) {
    let app: Weak<App> = Arc::downgrade(&app);
    actix_web::rt::spawn(async move {
        let mut ticks = tokio::time::interval(EVERY);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            let Some(app) = app.upgrade() else { return };
            if let Err(fault) = app.refresh().await {
                tracing::warn!(%fault, "organizations cannot be refreshed");
            }
        }
    });
}

//! What runs beside requests. Every job is idempotent: replicas run them without knowing of each
//! other, but for the leases by which [`streams`] and [`export_audit`] save calls.

pub mod export_audit;
pub mod prune_trail;
pub mod refresh_orgs;
pub mod seal_trail;
pub mod stream_ages;
pub mod streams;
pub mod sweep;

use std::{
    sync::{Arc, Weak},
    time::Duration,
};

use crate::app::App;

/// Runs `job` every so often, until the app is gone.
fn every<F>(period: Duration, app: &Arc<App>, job: impl Fn(Arc<App>) -> F + 'static)
where
    F: Future<Output = ()>,
{
    let app: Weak<App> = Arc::downgrade(app);
    actix_web::rt::spawn(async move {
        let mut ticks = tokio::time::interval(period);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            let Some(app) = app.upgrade() else { return };
            job(app).await;
        }
    });
}

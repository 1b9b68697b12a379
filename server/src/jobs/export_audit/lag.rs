//! Shows operators how far each export is behind, whichever replica looks after it.

use std::{cell::RefCell, collections::BTreeSet, rc::Rc, sync::Arc, time::Duration};

use delegation::refusal::Fault;

use super::Key;
use crate::{
    app::{App, Loaded},
    clock,
};

const EVERY: Duration = Duration::from_secs(5);

/// Runs until the app is gone.
pub(super) fn start(app: &Arc<App>) {
    let shown = Rc::new(RefCell::new(BTreeSet::<Key>::new()));
    super::super::every(EVERY, app, move |app| {
        let shown = Rc::clone(&shown);
        async move {
            let mut now_shown = BTreeSet::new();
            for loaded in app.loaded().iter().filter(|loaded| !loaded.exports.is_empty()) {
                let org = &loaded.org.id;
                let ids = loaded.exports.iter().map(|export| (org.clone(), export.id.clone()));
                now_shown.extend(ids);
                // What cannot be read now is shown as it was.
                if let Err(fault) = show(&app, loaded).await {
                    tracing::debug!(org, %fault, "how far exports are cannot be read");
                }
            }
            for (org, export) in shown.borrow().difference(&now_shown) {
                app.metrics.exports.forget(org, export);
            }
            shown.replace(now_shown);
        }
    });
}

async fn show(app: &App, loaded: &Loaded) -> Result<(), Fault> {
    let org = &loaded.org;
    let (ends, now) = (org.trail.ends().await?, clock::now());
    for (export, progress) in app.store.exports(&org.id).all().await? {
        // A new export does not get what was forgotten before.
        let from = progress.done.max(ends.first.seq);
        let lag = ends.last.seq.saturating_sub(from).max(0);
        let failing = progress.error.map_or(0, |(_, since)| now.0.saturating_sub(since.0).max(1));
        app.metrics.exports.export(&org.id, &export, lag, failing);
    }
    Ok(())
}

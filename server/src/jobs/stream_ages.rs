//! Shows operators how long ago each stream of signals was heard of, whichever replica looks after it.

use std::{sync::Arc, time::Duration};

use delegation::ports::StreamStatus;

use crate::{app::App, clock};

const EVERY: Duration = Duration::from_secs(5);

/// Runs until the app is gone.
pub fn start(app: &Arc<App>) {
    super::every(EVERY, app, |app| async move {
        for loaded in app.loaded() {
            if !loaded.streams.is_empty() {
                show(&app, &loaded).await;
            }
        }
    });
}

/// One that is paused, or of which nothing is known now, is not one to rely on.
async fn show(app: &App, loaded: &crate::app::Loaded) {
    let now = clock::now();
    let known = loaded.org.streams.all().await.unwrap_or_default();
    for stream in &loaded.streams {
        let (connection, id) = (&stream.connection, &stream.settings.id);
        let known =
            known.iter().find(|(named, _)| named.connection == *connection && named.stream == *id);
        let enabled = known.filter(|(_, stream)| stream.status == StreamStatus::Enabled);
        let heard_at = enabled.and_then(|(_, stream)| stream.heard_at);
        let age = heard_at.map(|at| now.0.saturating_sub(at.0).max(0));
        app.metrics.stream(&loaded.org.id, connection, id, age);
    }
}

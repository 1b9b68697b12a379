//! Gives events their place in the audit trail, a moment after they were written.
//!
//! Every replica tries; the database lets one at a time do it for an organization. In batches, so
//! that nobody who wants to write waits long, and one from each organization in turn, so that a
//! crowded one keeps no other waiting.

use std::{
    collections::{BTreeMap, BTreeSet},
    rc::Rc,
    sync::Arc,
    time::Duration,
};

use delegation::refusal::Fault;
use policy::Timestamp;
use tokio::sync::Mutex;

use crate::{app::App, clock};

const EVERY: Duration = Duration::from_millis(100);
/// For so long an organization is left alone whose trail could not be appended to, in seconds.
const PAUSE: i64 = 5;

/// Events of one transaction: on `SQLite` an exchange that comes meanwhile waits for it, and where few wait
/// for their place a lone exchange should wait for few. One by one would cost a flush of the disk each.
const FEWEST: usize = 16;
/// So many small ones, enough for what comes one by one; then each is twice as large, up to [`MOST`].
const SMALL: usize = 5;
const MOST: usize = 64;

/// Runs until the app is gone.
pub fn start(app: &Arc<App>) {
    let memory = Rc::new(Mutex::new(Memory::default()));
    super::every(EVERY, app, move |app| {
        let memory = Rc::clone(&memory);
        async move {
            let mut memory = memory.lock().await;
            match app.store.waiting().await {
                Ok(waiting) => {
                    memory.said.remove(EVERYWHERE);
                    memory.seal(&app, waiting.into_iter().collect()).await;
                }
                Err(fault) => memory.failed(EVERYWHERE, &fault),
            }
        }
    });
}

/// No organization is called so.
const EVERYWHERE: &str = "";

#[derive(Debug, Default)]
struct Memory {
    /// Since when the queue of an organization has not been empty.
    since: BTreeMap<String, Timestamp>,
    /// Where it failed last, and when.
    failed_at: BTreeMap<String, Timestamp>,
    /// What was logged last.
    said: BTreeMap<String, String>,
}

impl Memory {
    async fn seal(&mut self, app: &App, waiting: BTreeSet<String>) {
        let now = clock::now();
        for org in &waiting {
            self.since.entry(org.clone()).or_insert(now);
        }
        let resting = |org: &String| {
            self.failed_at.get(org).is_some_and(|at| now.0 < at.0.saturating_add(PAUSE))
        };
        let (mut many, mut turns) = (FEWEST, 0_usize);
        let mut left: Vec<_> = waiting.iter().filter(|org| !resting(org)).cloned().collect();
        while !left.is_empty() {
            let mut full = Vec::new();
            for org in left {
                match app.trail(&org).seal(many).await {
                    Ok(sealed) if many <= sealed => full.push(org),
                    // Or another replica is at it.
                    Ok(_) => {
                        self.since.remove(&org);
                        self.failed_at.remove(&org);
                        if self.said.remove(&org).is_some() {
                            tracing::info!(org, "events get their place in the audit trail again");
                        }
                    }
                    Err(fault) => {
                        app.metrics.exports.seal_failed(&org);
                        self.failed(&org, &fault);
                        self.failed_at.insert(org, now);
                    }
                }
            }
            left = full;
            turns += 1;
            if SMALL <= turns {
                many = many.saturating_mul(2).min(MOST);
            }
        }
        for org in waiting {
            let since = self.since.get(&org).map_or(0, |since| now.0.saturating_sub(since.0));
            app.metrics.exports.waiting(&org, since);
        }
    }

    /// Once per change.
    fn failed(&mut self, org: &str, fault: &Fault) {
        let fault = fault.to_string();
        if self.said.get(org) != Some(&fault) {
            tracing::error!(org, fault, "events wait for their place in the audit trail");
            self.said.insert(org.to_owned(), fault);
        }
    }
}

//! Sends audit trails to their sinks.
//!
//! One replica at a time cares for an export: it holds a lease. Each export has turns of its own, in
//! a task of its own, one at a time: a sink that hangs keeps nobody waiting but itself. Nothing here
//! is ever left out: what a sink does not take is sent again, later and later, until it does.
//!
//! Reading order: `turn` (what one turn does), `memory` (what is remembered between turns).

mod lag;
mod memory;
#[cfg(test)]
mod tests;
mod turn;

use std::{
    cell::RefCell,
    collections::BTreeMap,
    rc::Rc,
    sync::{Arc, Weak},
    time::Duration,
};

use tokio::sync::Mutex;
use uuid::Uuid;

use self::{
    memory::Memory,
    turn::{Outcome, Turn},
};
use crate::{
    app::{App, exports::Exported},
    clock,
};

const EVERY: Duration = Duration::from_millis(500);

/// The organization, and its export.
type Key = (String, String);
type Remembered = Rc<Mutex<Memory>>;

/// Runs until the app is gone.
pub fn start(app: &Arc<App>) {
    let (holder, memories) = (clock::id(), RefCell::new(BTreeMap::<Key, Remembered>::new()));
    let owner = Arc::downgrade(app);
    super::every(EVERY, app, move |app| {
        let mut kept = BTreeMap::new();
        for exported in app.exported() {
            let key = (exported.org.id.clone(), exported.export.id.clone());
            let memory = memories.borrow_mut().remove(&key).unwrap_or_default();
            // Otherwise its last turn is still under way.
            if memory.try_lock().is_ok_and(|memory| memory.rest.is_over()) {
                let turn = take_turn(owner.clone(), exported, Rc::clone(&memory), holder);
                actix_web::rt::spawn(turn);
            }
            kept.insert(key, memory);
        }
        *memories.borrow_mut() = kept;
        std::future::ready(())
    });
    lag::start(app);
}

async fn take_turn(app: Weak<App>, exported: Exported, memory: Remembered, holder: Uuid) {
    let Ok(mut memory) = memory.try_lock() else { return };
    let Exported { org, export, exports } = &exported;
    let turn = Turn {
        trail: org.trail.as_ref(),
        exports: exports.as_ref(),
        org: &org.id,
        export: &export.id,
        sink: &export.sink,
        holder,
        now: &clock::now,
    };
    let counted = |events| {
        if let Some(app) = app.upgrade() {
            app.metrics.exports.exported(&org.id, &export.id, events);
        }
        // Nobody serves any more: what is left is for the next process.
        app.strong_count() != 0
    };
    let (org, export) = (&org.id, &export.id);
    match turn.run(&mut memory, &counted).await {
        Ok(Outcome::Nothing | Outcome::Elsewhere) => memory.rest.succeed(),
        Ok(Outcome::Sent) => {
            memory.rest.succeed();
            if memory.said.take().is_some() {
                tracing::info!(org, export, "the sink takes audit events again");
            }
        }
        Ok(Outcome::Unsent { problem, because, retry_after }) => {
            memory.rest.fail(retry_after, clock::id());
            if let Some(app) = app.upgrade() {
                app.metrics.exports.failed(org, export, because);
            }
            memory.say(&problem, || {
                tracing::warn!(org, export, problem, "the sink does not take audit events");
            });
        }
        Err(fault) => {
            memory.rest.fail(fault.retry_after(), clock::id());
            memory.forget_progress();
            let problem = fault.to_string();
            memory.say(&problem, || tracing::warn!(org, export, problem, "an export stands still"));
        }
    }
}

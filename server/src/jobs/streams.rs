//! Takes care of the streams of security events: makes them, keeps them as declared, asks whether
//! they live, and polls those that are polled.
//!
//! One replica at a time cares for a stream: it holds a lease. That saves calls and nothing more:
//! two replicas that both believe they hold it, for a moment, do nothing twice that may not be done
//! twice. Each stream has a turn of its own, in a task of its own, one at a time: a transmitter that
//! hangs keeps nobody waiting but itself.
//!
//! Reading order: `plan` (what to do next, and when), `turn` (doing it), `polling` (fetching events
//! and saying what became of them).

mod plan;
mod polling;
#[cfg(test)]
mod tests;
mod turn;

use std::{
    cell::RefCell,
    collections::HashMap,
    rc::Rc,
    sync::{Arc, Weak},
    time::Duration,
};

use delegation::{
    org::Org,
    ports::StreamId,
    signal::{self, NotTaken, Source, Taken},
};
use tokio::sync::Mutex;
use upstream::transmitter::{Duty, Transmitter};
use uuid::Uuid;

use self::turn::{Change, Memory, Turn};
use crate::{app::App, clock};

const EVERY: Duration = Duration::from_secs(1);

/// A declared stream of a loaded organization.
#[derive(Clone, Debug)]
pub struct Watched {
    pub org: Arc<Org>,
    pub stream: StreamId,
    pub transmitter: Arc<Transmitter>,
}

impl Watched {
    /// Where its transmitter pushes to (RFC 8935 §2); a path of its own for each stream.
    #[must_use]
    pub fn endpoint(&self) -> String {
        let StreamId { connection, stream } = &self.stream;
        format!("{}/signals/{connection}/streams/{stream}", self.org.issuer)
    }
}

/// Runs until the app is gone. `watched` lists every stream of every organization as of now.
pub fn start(app: &Arc<App>, watched: impl Fn(&App) -> Vec<Watched> + 'static) {
    let (holder, memories) = (clock::id(), RefCell::new(Memories::default()));
    let owner = Arc::downgrade(app);
    super::every(EVERY, app, move |app| {
        let mut watched = watched(&app);
        watched.retain(|one| one.transmitter.duty() != Duty::Nothing);
        let named = watched.into_iter().map(|one| ((one.org.id.clone(), one.stream.clone()), one));
        for (watched, memory) in memories.borrow_mut().begin(named) {
            actix_web::rt::spawn(take_turn(owner.clone(), watched, memory, holder));
        }
        // Whoever takes long is waited for by nobody.
        std::future::ready(())
    });
}

type Remembered = Rc<Mutex<Memory>>;
/// The organization, and its stream.
type Key = (String, StreamId);

/// What this replica remembers of each stream from turn to turn.
#[derive(Debug, Default)]
struct Memories(HashMap<Key, Remembered>);

impl Memories {
    /// The streams whose turn it is; those that are no longer declared are forgotten.
    fn begin<T>(&mut self, watched: impl IntoIterator<Item = (Key, T)>) -> Vec<(T, Remembered)> {
        let mut kept = HashMap::with_capacity(self.0.len());
        let mut turns = Vec::new();
        for (key, one) in watched {
            let memory = self.0.remove(&key).unwrap_or_default();
            // Otherwise its last turn is still under way.
            if memory.try_lock().is_ok() {
                turns.push((one, Rc::clone(&memory)));
            }
            kept.insert(key, memory);
        }
        self.0 = kept;
        turns
    }
}

async fn take_turn(app: Weak<App>, watched: Watched, memory: Remembered, holder: Uuid) {
    let Ok(mut memory) = memory.try_lock() else { return };
    let now = clock::now();
    if !memory.rest.is_over(now) {
        return;
    }
    let Watched { org, stream, transmitter } = &watched;
    let take = async |set: String| {
        let taken = receive(org, stream, &set).await;
        let outcome = taken.as_ref().map_or_else(NotTaken::outcome, Taken::outcome);
        if let Some(app) = app.upgrade() {
            app.metrics.signal(&org.id, &stream.connection, Source::Poll.code(), outcome);
        }
        taken.map(drop)
    };
    let endpoint = watched.endpoint();
    let turn = Turn {
        streams: org.streams.as_ref(),
        stream,
        transmitter,
        endpoint: &endpoint,
        take: &take,
        fresh: &|| clock::id().to_string(),
        holder,
        now,
    };
    match turn.run(&mut memory).await {
        Ok(change) => {
            memory.rest.succeed();
            memory.fault = None;
            if let Some(change) = change {
                log(&watched, &change);
            }
        }
        Err(fault) => {
            memory.rest.fail(fault.retry_after(), now);
            let fault = fault.to_string();
            if memory.fault.as_ref() != Some(&fault) {
                log(&watched, &Change::Ill(fault.clone()));
                memory.fault = Some(fault);
            }
        }
    }
}

/// Once per change.
fn log(watched: &Watched, change: &Change) {
    let Watched { org, stream: StreamId { connection, stream }, transmitter: _ } = watched;
    match change {
        Change::Ill(problem) => {
            tracing::warn!(org = org.id, connection, stream, problem, "a stream of signals is ill");
        }
        Change::Well => {
            tracing::info!(org = org.id, connection, stream, "a stream of signals is well again");
        }
    }
}

/// Takes an event that was polled for.
async fn receive(org: &Org, stream: &StreamId, set: &str) -> Result<Taken, NotTaken> {
    let no_receiver = || NotTaken::Refused(signal::SignalRefusal::NoReceiver);
    let connection = org.connection(&stream.connection).ok_or_else(no_receiver)?;
    let id = clock::id();
    let arrival = signal::Arrival {
        id,
        now: clock::now(),
        request_id: id.to_string(),
        client_address: None,
        source: Source::Poll,
    };
    let taken = signal::set::receive(org, connection, stream, set, &arrival).await;
    let StreamId { connection, stream } = stream;
    match &taken {
        Ok(taken) => {
            let (kinds, signalled) = (taken.kinds.join(" "), taken.signalled);
            tracing::debug!(org = org.id, connection, stream, kinds, ?signalled, "signal taken");
            if let Some(alert) = taken.alert {
                tracing::warn!(org = org.id, connection, stream, kinds, alert, "signal to look at");
            }
        }
        Err(NotTaken::Refused(refusal)) => {
            tracing::warn!(org = org.id, connection, stream, %refusal, "signal refused");
        }
        // It comes again; the turn says what is wrong.
        Err(NotTaken::Broken(_)) => {}
    }
    taken
}

//! The open loop: requests are due on a schedule of their own and are sent when they are due, whatever
//! is outstanding. Latency counts from the moment a request was due, so waiting is not hidden (what is
//! called coordinated omission): neither for a connection, nor because this process was late itself.
//!
//! Several classes of load run at once, each over connections of its own, which are kept alive and grow
//! in number as they are needed. Refusals are answers here: they are counted, timed, and must say when to
//! come again.

mod answers;
mod arrivals;
mod crowd;

use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::{Duration, Instant},
};

pub(crate) use self::answers::{Answers, Second};
pub(crate) use self::arrivals::Spacing;
use self::{arrivals::Arrivals, crowd::Crowd};
use crate::{Outcome, load::Window, machine, wire::Script};

/// As many connections as one class opens at most: a fleet of agents, each with its own.
pub(crate) const CONNECTIONS: usize = 1024;

/// What was not answered so long after the last request was due is counted as failed.
const PATIENCE: Duration = Duration::from_secs(10);

/// Requests of one kind, at one rate.
#[derive(Clone, Debug)]
pub(crate) struct Class {
    pub name: &'static str,
    pub address: SocketAddr,
    /// What is asked, in turns.
    pub script: Arc<Script>,
    /// Per second.
    pub rate: f64,
    pub spacing: Spacing,
    /// No more connections than this; who finds none waits, and the waiting counts.
    pub connections: usize,
    /// The addresses its connections come from, in turns; none: whatever the system chooses.
    pub from: Vec<IpAddr>,
}

impl Class {
    /// The same requests for a server that has nothing but `/`, and tells a good answer by `proof`.
    pub(crate) fn at_the_root(self, proof: &'static str) -> Self {
        let rest = |request: &Vec<u8>| {
            let rest = request.iter().skip_while(|byte| **byte != b'\r').copied();
            b"POST / HTTP/1.1".iter().copied().chain(rest).collect()
        };
        let requests = self.script.requests.iter().map(rest).collect();
        Self { script: Arc::new(Script { requests, proof }), ..self }
    }
}

/// What came of the classes, in their order.
#[derive(Debug)]
pub(crate) struct Heard {
    pub classes: Vec<Answers>,
    /// Processor time that the watched process spent meanwhile.
    pub spent: Option<Duration>,
}

/// Lets all classes send for the window's length after its warm-up, watching the process that answers.
pub(crate) async fn open_loop(
    classes: Vec<Class>,
    window: Window,
    watched: Option<u32>,
) -> Outcome<Heard> {
    let start = Instant::now();
    let (from, until) = (start + window.warm_up, start + window.warm_up + window.length);
    let mut crowds = Vec::new();
    for class in classes {
        let arrivals = Arrivals::new(start, class.rate, class.spacing);
        let crowd = Crowd::new(class, from, window.length)?;
        let (handle, sending) = (tokio::runtime::Handle::current(), Arc::clone(&crowd));
        // The timers of the runtime are a millisecond wide, which is longer than an exchange takes.
        let pace =
            std::thread::spawn(move || arrivals.pace(until, |due| sending.arrive(&handle, due)));
        crowds.push((crowd, pace));
    }
    tokio::time::sleep_until(from.into()).await;
    let before = watched.and_then(machine::processor_time);
    tokio::time::sleep_until(until.into()).await;
    let after = watched.and_then(machine::processor_time);
    let mut heard = Vec::new();
    for (crowd, pace) in crowds {
        // It ends with the window.
        pace.join().map_err(|_| "a pacing thread panicked")?;
        heard.push(crowd.end(until + PATIENCE).await?);
    }
    let spent = after.zip(before).map(|(after, before)| after.saturating_sub(before));
    Ok(Heard { classes: heard, spent })
}

//! One stream's turn: what is due is done, within bounds.

use std::{collections::BTreeMap, fmt, sync::Arc};

use delegation::{
    ports::{Stream, StreamId, StreamStatus, Streams},
    refusal::Fault,
    signal::NotTaken,
};
use policy::Timestamp;
use upstream::{
    settings::Delivery,
    transmitter::{Asked, Duty, Established, Told, Transmitter},
};
use uuid::Uuid;

use super::{
    plan::{Backoff, Past, Step, Wishes, is_due, next_step, verify_every},
    polling::{self, Pending, Problem},
};

/// Seconds. Longer than a turn takes unless its transmitter hangs, and short enough for another
/// replica to go on soon after this one is gone.
const LEASE: i64 = 15;
/// A lease is renewed, and asked for again, after so long.
const LEASE_STEP: i64 = 5;
/// Each is one call; a turn ends at the first that fails.
const MOST_STEPS: usize = 8;

/// What this replica remembers of a stream from turn to turn.
#[derive(Debug, Default)]
pub(super) struct Memory {
    /// Another one after the stream was declared anew.
    of: Option<Arc<Transmitter>>,
    leased_until: Option<Timestamp>,
    /// When somebody else was found to hold the lease.
    passed_over_at: Option<Timestamp>,
    past: Past,
    pending: Pending,
    /// Of each step what went wrong when it was tried last.
    problems: BTreeMap<Step, String>,
    /// After faults of ours.
    pub(super) rest: Backoff,
    /// The last such fault.
    pub(super) fault: Option<String>,
}

/// A change in how a stream does, for operators.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Change {
    Ill(String),
    Well,
}

pub(super) struct Turn<'a, T> {
    pub(super) streams: &'a dyn Streams,
    pub(super) stream: &'a StreamId,
    pub(super) transmitter: &'a Arc<Transmitter>,
    /// Where we are pushed to.
    pub(super) endpoint: &'a str,
    /// Takes one event: when it returns, the event is stored and in effect.
    pub(super) take: &'a T,
    /// A string nobody can guess.
    pub(super) fresh: &'a dyn Fn() -> String,
    pub(super) holder: Uuid,
    pub(super) now: Timestamp,
}

impl<T> fmt::Debug for Turn<'_, T> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Turn").field("stream", self.stream).finish_non_exhaustive()
    }
}

impl<T: AsyncFn(String) -> Result<(), NotTaken>> Turn<'_, T> {
    /// Whether it does worse, or better, than was known to anybody before.
    pub(super) async fn run(&self, memory: &mut Memory) -> Result<Option<Change>, Fault> {
        if !memory.of.as_ref().is_some_and(|of| Arc::ptr_eq(of, self.transmitter)) {
            let leased_until = memory.leased_until;
            let of = Some(Arc::clone(self.transmitter));
            *memory = Memory { of, leased_until, ..Memory::default() };
        }
        if !self.is_ours(memory).await? {
            return Ok(None);
        }
        let mut stream = self.streams.find(self.stream).await?;
        for _ in 0..MOST_STEPS {
            let step = next_step(&stream, &memory.past, self.wishes(), self.now);
            let done = match step {
                Step::Rest => break,
                Step::Establish => self.establish(&mut stream, memory).await?,
                Step::Poll => self.poll(&mut stream, memory).await?,
                Step::ReadStatus => self.read_status(&mut stream, memory).await?,
                Step::Enable => self.enable(&stream, memory).await,
                Step::Verify => self.verify(&mut stream, memory).await?,
            };
            let backoff = match step {
                Step::Poll => &mut memory.past.polling,
                Step::Establish | Step::ReadStatus | Step::Enable | Step::Verify | Step::Rest => {
                    &mut memory.past.management
                }
            };
            match done {
                Ok(()) => {
                    backoff.succeed();
                    memory.problems.remove(&step);
                }
                Err(Problem { text, retry_after }) => {
                    backoff.fail(retry_after, self.now);
                    memory.problems.insert(step, text);
                    break;
                }
            }
        }
        self.report(&stream, memory).await
    }

    fn wishes(&self) -> Wishes {
        let settings = self.transmitter.settings();
        let (delivery, max_silence) = (settings.delivery, settings.max_silence);
        Wishes { duty: self.transmitter.duty(), delivery, max_silence }
    }

    /// Whether it is this replica that cares for the stream.
    async fn is_ours(&self, memory: &mut Memory) -> Result<bool, Fault> {
        let now = self.now;
        if memory.leased_until.is_some_and(|until| now.0 + LEASE - LEASE_STEP < until.0) {
            return Ok(true);
        }
        if !is_due(memory.passed_over_at, LEASE_STEP, now) {
            return Ok(false);
        }
        let until = Timestamp(now.0 + LEASE);
        if self.streams.lease(self.stream, self.holder, now, until).await? {
            (memory.leased_until, memory.passed_over_at) = (Some(until), None);
            return Ok(true);
        }
        // What was done meanwhile is not known here.
        (memory.past, memory.pending) = (Past::default(), Pending::default());
        memory.problems.clear();
        (memory.leased_until, memory.passed_over_at) = (None, Some(now));
        Ok(false)
    }

    async fn establish(&self, stream: &mut Stream, memory: &mut Memory) -> Done {
        let known = stream.described.as_ref().map(|described| described.id.as_str());
        let established = self.transmitter.establish(self.endpoint, known).await;
        let Established { described, settled } = match established {
            Ok(established) => established,
            Err(fault) => return Ok(Err(fault.into())),
        };
        let described = Some(described);
        if stream.described != described {
            if let Some(described) = &described {
                self.streams.describe(self.stream, described).await?;
            }
            let former = std::mem::replace(&mut stream.described, described);
            let is_new = former.map(|former| former.id).as_deref() != Some(id_of(stream));
            // SSF 1.0 §8.1.1: a stream begins enabled; what was said of another one is past.
            if is_new && stream.status != StreamStatus::Enabled {
                self.streams.set_status(self.stream, StreamStatus::Enabled).await?;
                stream.status = StreamStatus::Enabled;
            }
        }
        let past = &mut memory.past;
        (past.reviewed_at, past.unsettled, past.unverifiable) = (Some(self.now), !settled, false);
        Ok(Ok(()))
    }

    async fn poll(&self, stream: &mut Stream, memory: &mut Memory) -> Done {
        let described = stream.described.as_ref();
        let declared = self.transmitter.settings().poll_endpoint.as_ref();
        let endpoint = declared.or(described.and_then(|d| d.poll_endpoint.as_ref()));
        memory.past.polled_at = Some(self.now);
        let Some(endpoint) = endpoint else {
            // It was pushed when it was described.
            memory.past.reviewed_at = None;
            return Ok(Ok(()));
        };
        let pending = &mut memory.pending;
        let drained = polling::fetch(self.transmitter, endpoint, pending, self.take).await;
        let drained = match drained {
            Ok(drained) => drained,
            Err(problem) => return Ok(Err(problem)),
        };
        // Where there is no verification, a transmitter that says it has nothing more to say is as
        // much of a sign of life. Of one that pushes it would be none: what it pushes may be lost.
        let unverifiable = self.transmitter.duty() == Duty::Poll || memory.past.unverifiable;
        let every = verify_every(stream, self.transmitter.settings().max_silence);
        if drained && unverifiable && is_due(stream.heard_at, every, self.now) {
            self.streams.verified(self.stream, None, self.now).await?;
            stream.heard_at = Some(self.now);
        }
        Ok(Ok(()))
    }

    async fn read_status(&self, stream: &mut Stream, memory: &mut Memory) -> Done {
        memory.past.status_read_at = Some(self.now);
        match self.transmitter.status(id_of(stream)).await {
            Ok(Told::Status(status)) => {
                if stream.status != status {
                    self.streams.set_status(self.stream, status).await?;
                    stream.status = status;
                }
                if status == StreamStatus::Enabled {
                    memory.problems.remove(&Step::Enable);
                }
            }
            Ok(Told::Nothing) => {}
            Ok(Told::Gone) => memory.past.reviewed_at = None,
            Err(fault) => return Ok(Err(fault.into())),
        }
        Ok(Ok(()))
    }

    async fn enable(&self, stream: &Stream, memory: &mut Memory) -> Result<(), Problem> {
        memory.past.enabling_at = Some(self.now);
        self.transmitter.set_status(id_of(stream), StreamStatus::Enabled).await?;
        // What it says counts, not what we asked for.
        memory.past.status_read_at = None;
        Ok(())
    }

    async fn verify(&self, stream: &mut Stream, memory: &mut Memory) -> Done {
        let state = (self.fresh)();
        // Before it is asked for: the answer may come before the call returns.
        self.streams.challenge(self.stream, &state, self.now).await?;
        let asked = self.transmitter.verify(id_of(stream), &state).await;
        stream.challenge = Some((state, self.now));
        let past = &mut memory.past;
        past.verifying_at = Some(self.now);
        past.verification_failed = asked.is_err();
        match asked {
            Ok(Asked::Accepted) => {
                if self.transmitter.settings().delivery == Delivery::Poll {
                    past.polled_at = None;
                }
            }
            Ok(Asked::Unsupported) => past.unverifiable = true,
            Ok(Asked::Gone) => past.reviewed_at = None,
            Err(fault) => return Ok(Err(fault.into())),
        }
        Ok(Ok(()))
    }

    async fn report(&self, stream: &Stream, memory: &Memory) -> Result<Option<Change>, Fault> {
        let status = match stream.status {
            StreamStatus::Enabled => None,
            StreamStatus::Paused | StreamStatus::Disabled => {
                Some(format!("its transmitter says that it is {}", stream.status.code()))
            }
        };
        let complaint = memory.problems.values().next().cloned().or(status);
        if complaint == stream.error {
            return Ok(None);
        }
        self.streams.set_error(self.stream, complaint.as_deref()).await?;
        Ok(Some(complaint.map_or(Change::Well, Change::Ill)))
    }
}

/// Our own faults end a turn; the transmitter's are remembered.
type Done = Result<Result<(), Problem>, Fault>;

fn id_of(stream: &Stream) -> &str {
    stream.described.as_ref().map_or("", |described| &described.id)
}

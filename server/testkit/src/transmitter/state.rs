//! What the transmitter remembers.

use std::collections::{BTreeMap, VecDeque};

use serde::{Deserialize, Serialize};

use super::{Push, set::Emission};

#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) streams: BTreeMap<String, Stream>,
    pub(super) faults: Faults,
    pub(super) seen: Seen,
}

#[derive(Debug)]
pub(super) struct Stream {
    pub(super) id: String,
    /// `enabled`, `paused`, `disabled`.
    pub(super) status: String,
    pub(super) events: Vec<String>,
    pub(super) description: Option<String>,
    /// Where it is pushed; none for one that is polled.
    pub(super) endpoint: Option<String>,
    pub(super) authorization: Option<String>,
    pub(super) queue: VecDeque<Queued>,
    /// What is pushed although the stream is paused.
    pub(super) last_words: Vec<Push>,
    pub(super) verified_at: Option<i64>,
}

#[derive(Clone, Debug)]
pub(super) struct Queued {
    pub(super) jti: String,
    pub(super) set: String,
}

impl Stream {
    /// An event goes to a named stream in any case, else to those that asked for it.
    pub(super) fn wants(&self, emission: &Emission) -> bool {
        if let Some(named) = &emission.stream {
            return *named == self.id;
        }
        let asked = |event: &String| self.events.contains(event);
        self.status != "disabled" && emission.events.keys().any(asked)
    }

    /// While it is paused, events wait.
    pub(super) fn pushes(&mut self) -> impl Iterator<Item = Push> {
        let mut pushes = std::mem::take(&mut self.last_words);
        if let Some(url) = self.endpoint.as_ref().filter(|_| self.status == "enabled") {
            let authorization = &self.authorization;
            pushes.extend(self.queue.drain(..).map(|queued| Push {
                url: url.clone(),
                authorization: authorization.clone(),
                body: queued.set,
            }));
        }
        pushes.into_iter()
    }
}

/// What receivers did.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Seen {
    /// Method and path of every call of the management API that was let in, in order.
    pub calls: Vec<String>,
    pub polls: u64,
    /// `jti` of what was acknowledged, in order.
    pub acknowledged: Vec<String>,
    /// `jti` and `err` of what was turned down, in order.
    pub refused: Vec<(String, String)>,
    /// The `state` of the verification asked for last.
    pub state: Option<String>,
}

/// How the transmitter misbehaves.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Faults {
    pub metadata: MetadataFault,
    pub jwks: JwksFault,
    pub management: ManagementFault,
    pub polling: PollFault,
}

#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum MetadataFault {
    #[default]
    None,
    Down,
    OtherIssuer,
    /// It has no `verification_endpoint`.
    NoVerification,
    /// It has no `status_endpoint`.
    NoStatus,
    /// Only where RISC had it.
    Legacy,
}

#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum JwksFault {
    #[default]
    None,
    Down,
    Empty,
}

#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ManagementFault {
    #[default]
    None,
    Down,
    Slow,
    Error500,
    Throttled,
    Forbidden,
    Garbage,
    /// Changes are accepted (202), and never made.
    Accepts,
    /// The stream object names another `iss`.
    OtherIssuer,
    /// No verification event comes.
    Silent,
}

#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PollFault {
    #[default]
    None,
    Down,
    Slow,
    Error500,
    Garbage,
    /// What was acknowledged comes again.
    Forgetful,
}

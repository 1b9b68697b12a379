//! Being polled (RFC 8936).

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, json};

use super::{
    Transmitter,
    state::{PollFault, State},
};
use crate::wire::{Answer, Reply, Request};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[derive(Default)]
struct Polling {
    max_events: Option<usize>,
    ack: Vec<String>,
    set_errs: BTreeMap<String, SetErr>,
}

#[derive(Deserialize)]
struct SetErr {
    err: String,
}

impl Transmitter {
    pub(super) fn poll(&self, request: &Request<'_>, path: &str) -> Answer {
        if !self.is_authorized(request) {
            return Answer::Reply(Reply::oauth_error(401, "invalid_token"));
        }
        let mut state = self.state();
        state.seen.polls += 1;
        Answer::Reply(match state.faults.polling {
            PollFault::Down => return Answer::Down,
            PollFault::Slow => return Answer::Slow(answer(&mut state, request, path)),
            PollFault::Error500 => Reply::oauth_error(500, "server_error"),
            PollFault::Garbage => Reply::raw_json(200, "[]".to_owned()),
            PollFault::None | PollFault::Forgetful => answer(&mut state, request, path),
        })
    }
}

/// At once: nobody waits here for events to come.
fn answer(state: &mut State, request: &Request<'_>, path: &str) -> Reply {
    let id = path.strip_prefix("/poll/").unwrap_or_default();
    let Ok(polling) = serde_json::from_slice::<Polling>(request.body) else {
        return Reply::oauth_error(400, "invalid_request");
    };
    let State { streams, faults, seen } = state;
    let Some(stream) = streams.get_mut(id).filter(|stream| stream.endpoint.is_none()) else {
        return Reply::oauth_error(404, "stream_not_found");
    };
    if faults.polling != PollFault::Forgetful {
        stream.queue.retain(|queued| {
            !polling.ack.contains(&queued.jti) && !polling.set_errs.contains_key(&queued.jti)
        });
    }
    seen.acknowledged.extend(polling.ack);
    seen.refused.extend(polling.set_errs.into_iter().map(|(jti, fault)| (jti, fault.err)));
    let most =
        if stream.status == "enabled" { polling.max_events.unwrap_or(usize::MAX) } else { 0 };
    let given = stream.queue.iter().take(most);
    let sets: Map<_, _> = given.map(|queued| (queued.jti.clone(), json!(queued.set))).collect();
    let more = sets.len() < stream.queue.len() && 0 < most;
    Reply::json(200, &json!({ "sets": sets, "moreAvailable": more }))
}

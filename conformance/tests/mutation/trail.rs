//! The audit trail: one event for each decision, with who, for whom, and through whom.

use std::{collections::HashMap, time::Duration};

use conformance::{eventually, http, target::Operator};
use serde_json::Value;

use super::{
    framing_smuggled,
    held::{Told, silent},
    oracle::Issued,
    scene::{OURS, Scene},
    sent::Sent,
};

/// Events get their place a moment after they were written.
const PATIENCE: Duration = Duration::from_mins(1);
const PAGE: usize = 1000;

/// What the trail has to say of the requests of one batch.
#[derive(Default)]
pub struct Expected {
    /// By request id: how many events at least and at most, and what they tell when a token was issued.
    requests: HashMap<String, (usize, usize, Option<Issued>)>,
    /// Requests of which nobody learned what became.
    lost: usize,
    /// What has taken effect without an id of ours.
    signals: usize,
    /// Whether something that was smuggled behind a request may have been taken for one.
    smuggled: bool,
}

impl Expected {
    /// A good request that was granted, whatever it was.
    pub fn good(&mut self, told: &Told, sent: Option<&Sent>) {
        self.bent(told, sent, false);
    }

    pub fn bent(&mut self, told: &Told, sent: Option<&Sent>, is_piped: bool) {
        self.smuggled |= is_piped;
        let Some(status) = told.status else {
            self.lost += 1;
            return;
        };
        let path = sent.map(|sent| sent.path.as_str()).unwrap_or_default();
        if path.contains("/signals/") && status < 300 {
            self.signals += 1;
        }
        let Some(id) = &told.request_id else { return };
        let (least, most) = match status {
            429 => (0, 0),
            _ if path.ends_with("/oauth/introspect") => (0, 0),
            200 if path.ends_with("/oauth/token") => (1, 1),
            200 if path.ends_with("/oauth/revoke") => (0, 1),
            200 if path.contains("/admin/") => (0, 1),
            200 => (0, 0),
            // What was no single request may have been taken for one of any endpoint.
            _ if sent.is_none() => (0, 1),
            _ => (1, 1),
        };
        let known = self.requests.entry(id.clone()).or_insert((0, 0, None));
        *known = (known.0 + least, known.1 + most, told.issued.clone());
    }
}

/// The end of the trail of each organization, as far as it was read.
pub struct Trail {
    read: Vec<(String, Operator, i64)>,
}

impl Trail {
    pub fn new(scene: &Scene) -> Self {
        let target = scene.target;
        let all = [
            (&target.admin, &target.operator),
            (&target.other_org.admin, &target.other_org.operator),
        ];
        let read = all
            .into_iter()
            .map(|(at, operator)| (at.clone().unwrap(), operator.clone().unwrap(), 0));
        let mut trail = Self { read: read.collect() };
        trail.events();
        trail
    }

    /// Everything that was written since.
    fn events(&mut self) -> Vec<Value> {
        let mut all = Vec::new();
        for (at, operator, read) in &mut self.read {
            let authorization = format!("Bearer {}", operator.token);
            loop {
                let url = format!("{at}/audit?order=oldest&limit={PAGE}&after={read}");
                let page = http::get(&url, &[("authorization", &authorization)]).json();
                let events =
                    page.get("events").and_then(Value::as_array).cloned().unwrap_or_default();
                let last = events.last().and_then(|event| event.get("seq")?.as_i64());
                *read = last.unwrap_or(*read);
                let count = events.len();
                all.extend(events.into_iter().filter_map(|event| event.get("record").cloned()));
                if count < PAGE {
                    break;
                }
            }
        }
        all
    }

    /// Holds what was written since the last time to what was expected.
    ///
    /// # Errors
    ///
    /// What is missing, too much, or tells too much.
    pub fn hold(&mut self, scene: &Scene, expected: &Expected) -> Result<usize, String> {
        let mut seen: HashMap<String, usize> = HashMap::new();
        let mut all = Vec::new();
        eventually("every decision is in the trail", PATIENCE, || {
            for event in self.events() {
                let id = event.get("request_id").and_then(Value::as_str).unwrap_or_default();
                *seen.entry(id.to_owned()).or_default() += 1;
                all.push(event);
            }
            let is_there = |(id, (least, ..)): (&String, &(usize, usize, _))| {
                *least <= seen.get(id).copied().unwrap_or_default()
            };
            expected.requests.iter().all(is_there).then_some(())
        });
        let mut unknown = 0;
        for event in &all {
            let text = event.to_string();
            silent(scene, &[], &text)
                .map_err(|what| format!("3: the audit trail tells {what}: {text}"))?;
            let id = event.get("request_id").and_then(Value::as_str).unwrap_or_default();
            if let Some((_, most, issued)) = expected.requests.get(id) {
                if *most < seen.get(id).copied().unwrap_or_default() {
                    return Err(format!("5: more than one event of {id}: {text}"));
                }
                if let Some(issued) = issued {
                    tells(event, issued).map_err(|what| format!("5: {what}: {text}"))?;
                }
            } else if id == framing_smuggled() && !expected.smuggled {
                return Err(format!("1: a request was smuggled in: {text}"));
            } else if !id.starts_with(OURS) {
                unknown += 1;
            }
        }
        if expected.lost + expected.signals + usize::from(expected.smuggled) * all.len() < unknown {
            return Err(format!("5: {unknown} events of requests that nobody sent"));
        }
        Ok(all.len())
    }
}

fn tells(event: &Value, issued: &Issued) -> Result<(), String> {
    let text = |name: &str| event.get(name).and_then(Value::as_str).unwrap_or_default();
    let chain = event.get("chain").and_then(Value::as_array).cloned().unwrap_or_default();
    let chain: Vec<&str> = chain
        .iter()
        .filter_map(|actor| actor.get("sub")?.as_str())
        .map(|sub| sub.strip_prefix("agent:").unwrap_or(sub))
        .collect();
    let same = |name: &str, wanted: &str| {
        if text(name) == wanted { Ok(()) } else { Err(format!("`{name}` is not `{wanted}`")) }
    };
    same("outcome", "issued")?;
    same("client", &issued.client)?;
    same("subject", &issued.subject)?;
    same("scope_granted", &issued.scope)?;
    if let Some(id) = &issued.id {
        same("delegation", id)?;
    }
    if chain == issued.actors {
        Ok(())
    } else {
        Err(format!("the chain is not {:?}", issued.actors))
    }
}

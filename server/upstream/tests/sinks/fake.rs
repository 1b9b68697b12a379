//! A trail to send, and the senders.

use std::{path::PathBuf, sync::Arc, time::Duration};

use delegation::{
    event::{Event, Outcome},
    export::{Batch, Because, Sink, Unsent},
    trail::{Link, ORIGIN, link},
};
use policy::{Party, Timestamp};
use serde_json::Value;
use upstream::{
    http::{Outbound, OutboundSettings, Reach},
    sinks::{SinkSettings, Workshop},
};
use uuid::Uuid;

pub const ISSUER: &str = "https://as.example/o/acme";
pub const NOW: Timestamp = Timestamp(1_795_341_700);

/// An agent got a token for a user.
pub fn issued(number: u128) -> Event {
    let at = Timestamp(1_795_341_600);
    let party = |id: &str| Party { issuer: ISSUER.to_owned(), id: id.to_owned() };
    Event {
        outcome: Outcome::Issued,
        client_address: Some("192.0.2.7".to_owned()),
        client: Some("orchestrator".to_owned()),
        subject: Some("alice".to_owned()),
        connection: Some("corporate".to_owned()),
        chain: vec![party("agent:orchestrator"), party("agent:front")],
        target: Some("https://files.example/".to_owned()),
        scope_requested: Some("read write".to_owned()),
        scope_granted: Some("read".to_owned()),
        delegation: Some(Uuid::from_u128(number + 1000)),
        parent: Some(Uuid::from_u128(900)),
        root: Some(Uuid::from_u128(899)),
        grant: Some("grant-1".to_owned()),
        ..Event::draft(Uuid::from_u128(number), at, format!("request-{number}"))
    }
}

/// Nobody knows who asked.
pub fn refused(number: u128) -> Event {
    Event {
        error: Some("invalid_client"),
        reason: Some("client_authentication"),
        detail: Some("no=such|client\n\"quoted\\\"".to_owned()),
        ..Event::draft(Uuid::from_u128(number), Timestamp(1_795_341_601), "request".to_owned())
    }
}

/// A trail of these.
pub fn chained(events: &[Event]) -> Vec<Link> {
    lines(events.iter().map(|event| event.record("acme")))
}

pub fn lines(records: impl IntoIterator<Item = String>) -> Vec<Link> {
    let mut previous = ORIGIN;
    let links = records.into_iter().zip(1..).map(|(record, seq)| {
        previous = link(&previous, &record);
        Link { seq, hash: previous, record }
    });
    links.collect()
}

pub fn trail(length: u128) -> Vec<Link> {
    chained(&(1..=length).map(issued).collect::<Vec<_>>())
}

pub fn batch(links: &[Link]) -> Batch<'_> {
    Batch { org: "acme", export: "siem", links, again: false, now: NOW }
}

/// Sends all of it, as much at once as the sink takes.
pub async fn send(sink: &dyn Sink, links: &[Link]) -> Result<(), Unsent> {
    let mut rest = links;
    while !rest.is_empty() {
        let most = rest.len().min(sink.largest_batch());
        let fit = sink.fit(&batch(&rest[..most]));
        sink.send(&batch(&rest[..fit])).await?;
        rest = &rest[fit..];
    }
    Ok(())
}

pub fn outbound(reach: Reach, ca: Option<String>) -> Outbound {
    let extra_ca_pem = ca.map(String::into_bytes);
    let deadline = Duration::from_secs(5);
    Outbound::new(OutboundSettings { reach, extra_ca_pem, deadline, ..OutboundSettings::default() })
        .unwrap()
}

pub fn workshop(directory: Option<PathBuf>) -> Workshop {
    Workshop { outbound: outbound(Reach::Anywhere, None), directory }
}

pub fn settings(declared: Value) -> SinkSettings {
    serde_json::from_value(declared).unwrap()
}

/// The sink that is declared so.
pub fn sink(declared: Value) -> Arc<dyn Sink> {
    workshop(None).build(&settings(declared)).unwrap()
}

/// Why it cannot be made, or even read.
pub fn refusal(declared: Value) -> String {
    match serde_json::from_value::<SinkSettings>(declared) {
        Ok(settings) => upstream::sinks::validate(&settings).expect_err("it is fine"),
        Err(error) => error.to_string(),
    }
}

pub fn is_refused(unsent: &Unsent) -> bool {
    match unsent.because {
        Because::Refused => true,
        Because::Unknown { .. } => false,
    }
}

//! The audit trail leaves for other systems: every event once, in order, whatever happens on the way.

mod auditor;
mod outage;
mod reach;
mod receiver;
mod replicas;
mod retention;

use std::{fs, path::Path, thread};

use serde_json::Value;

use self::receiver::{Receiver, SECRET};
use crate::{
    database::Kind,
    scene::{Scene, Site, exchange},
};

/// Allows files, and as many strangers as it takes to fill them.
fn allow_files(site: &Site) {
    site.configure("[database]", "[exports]\ndirectory = \"exported\"\n\n[database]");
    let strangers = "failed_authentications = { per_second = 10000, burst = 10000 }";
    site.configure("[keys]", &format!("[limits]\n{strangers}\n\n[keys]"));
}

/// The organization's file with a webhook.
fn to_webhook(org: &str, url: &str) -> String {
    format!(
        "{org}\n[[exports]]\nid = \"siem\"\nkind = \"webhook\"\nurl = \"{url}\"\n\
         secret = {{ value = \"{SECRET}\" }}\n"
    )
}

/// The organization's file with a file of the trail.
fn to_file(org: &str) -> String {
    format!("{org}\n[[exports]]\nid = \"archive\"\nkind = \"file\"\nfile = \"audit.jsonl\"\n")
}

/// The happy scene whose trail goes to this receiver, and to a file.
fn scene(kind: Kind, receiver: &Receiver) -> Scene {
    Scene::declared(kind, |site, org| {
        allow_files(site);
        to_file(&to_webhook(&org, &receiver.url))
    })
}

/// So many requests that nobody knows the sender of, from several at once.
fn refusals(scene: &Scene, requests: usize) {
    const SENDERS: usize = 8;
    thread::scope(|threads| {
        for _ in 0..SENDERS {
            threads.spawn(|| {
                for _ in 0..requests / SENDERS {
                    let stranger = exchange("token").basic("orchestrator", "wrong");
                    scene.send(&stranger).refused(401, "invalid_client", "");
                }
            });
        }
    });
}

/// The events of the exported file, once their number is that.
fn in_file(site: &Site, events: usize) -> Vec<Value> {
    let file = site.path("exported/acme/audit.jsonl");
    crate::process::eventually(&format!("{events} events are in the file"), || {
        let lines = lines(&file);
        (lines.len() == events).then_some(lines)
    })
}

fn lines(file: &Path) -> Vec<Value> {
    let text = fs::read_to_string(file).unwrap_or_default();
    let whole = text.rsplit_once('\n').map_or("", |(whole, _)| whole);
    whole.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Numbers from 1 without gaps, and each event once.
#[track_caller]
fn is_whole(events: &[Value]) {
    let seqs: Vec<_> = events.iter().map(|event| event["seq"].as_i64().unwrap()).collect();
    let expected: Vec<_> = (1..).take(events.len()).collect();
    assert_eq!(seqs, expected);
    let mut ids: Vec<_> = events.iter().map(|event| event["record"]["id"].to_string()).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), events.len());
}

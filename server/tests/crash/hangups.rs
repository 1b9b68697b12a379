//! Clients that go away, wherever they were: in the middle of what they say, or before they are
//! answered.

use std::{
    collections::BTreeSet,
    fs,
    io::Write,
    net::{Shutdown, TcpStream},
};

use serde_json::{Value, json};
use server::clock;

use crate::{
    chance::Chance,
    database::Kind,
    http::Request,
    ledger::{Ledger, no_transaction_is_left_open},
    process::eventually,
    round::Stage,
    scene::told,
};

const CLIENTS: usize = 300;
/// What a server may have opened meanwhile for itself: connections to its database, and to the
/// identity provider.
const FOR_ITSELF: usize = 60;

#[test]
fn change_nothing_on_sqlite() {
    change_nothing(Kind::Sqlite);
}

#[test]
fn change_nothing_on_postgres() {
    change_nothing(Kind::Postgres);
}

#[track_caller]
fn change_nothing(kind: Kind) {
    let mut stage = Stage::on(kind);
    let mut chance = Chance::new();
    let scene = &stage.scene;
    scene.send(&scene.happy()).token();
    let before = open_files(scene.server.id());
    let (mut whole, mut all) = (BTreeSet::new(), BTreeSet::new());
    for _ in 0..CLIENTS {
        let id = clock::id().to_string();
        let bytes = bytes_of(&scene.happy().header("x-request-id", &id));
        let sent = if chance.once_in(3) { bytes.len() } else { chance.below(bytes.len()) };
        let mut stream = TcpStream::connect(scene.server.address).unwrap();
        stream.write_all(&bytes[..sent]).unwrap();
        if chance.once_in(2) {
            // It may have been answered, and closed, already.
            drop(stream.shutdown(Shutdown::Write));
        }
        if sent == bytes.len() {
            whole.insert(id.clone());
        }
        all.insert(id);
    }
    scene.send(&scene.happy()).token();
    let closed = || (open_files(scene.server.id()) < before + FOR_ITSELF).then_some(());
    eventually("it lets go of who has gone", closed);
    no_transaction_is_left_open(&scene.site);
    stage.scene.server.terminate();
    assert_eq!(stage.scene.server.ended().code(), Some(0));
    let ledger = Ledger::of(&stage.scene.site);
    let of = |is_it: &dyn Fn(&Value) -> bool| -> BTreeSet<String> {
        let events = ledger.events.iter().filter(|event| is_it(event)).cloned();
        let ids = told(&events.collect::<Vec<_>>(), &["request_id"]).into_iter();
        ids.filter(|id| all.contains(id)).collect()
    };
    let issued = of(&|event| event["outcome"] == "issued");
    assert!(issued.is_subset(&whole), "half a request was granted");
    assert!(whole.is_subset(&of(&|_| true)), "what was asked in full was decided, and recorded");
}

/// A whole body, and nobody who waits for the answer: revocations come to their end as well.
#[test]
fn revoke_all_the_same() {
    let mut stage = Stage::on(Kind::Sqlite);
    let scene = &stage.scene;
    let handed = scene.handed();
    let secret = scene.secret("orchestrator");
    let form = [("token", handed.as_str())];
    let request = Request::post("/o/acme/oauth/revoke", &form).basic("orchestrator", secret);
    let mut stream = TcpStream::connect(scene.server.address).unwrap();
    stream.write_all(&bytes_of(&request)).unwrap();
    drop(stream);
    let next_hop = scene.next_hop(&handed);
    eventually("it is revoked", || {
        let reply = scene.send(&next_hop);
        (reply.status == 400).then(|| assert_eq!(reply.json()["reason"], json!("revoked")))
    });
    stage.scene.server.kill();
    stage.next();
}

fn bytes_of(request: &Request) -> Vec<u8> {
    let mut bytes = Vec::new();
    request.write_to(&mut bytes).unwrap();
    bytes
}

fn open_files(process: u32) -> usize {
    fs::read_dir(format!("/proc/{process}/fd")).unwrap().count()
}

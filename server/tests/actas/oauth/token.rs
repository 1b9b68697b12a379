//! The token endpoint's other side: what it asks, and what it leaves behind.

use std::{net::TcpStream, thread};

use crate::{
    database::Kind,
    http::Request,
    process::eventually,
    scene::{Scene, TOKEN, told},
};

/// The events so far, oldest first, with these members.
fn events(scene: &Scene, members: &[&str]) -> Vec<String> {
    told(&scene.records(), members)
}

#[test]
fn every_request_leaves_one_event() {
    let scene = Scene::on(Kind::Postgres);
    let happy = scene.happy();
    scene.send(&happy).token();
    scene.send(&happy.clone().with("scope", "none")).refusal();
    scene.send(&happy.clone().basic("orchestrator", "wrong")).refusal();
    scene.send(&happy.clone().without("subject_token")).refusal();
    scene.send(&happy.header("content-type", "text/plain")).refusal();
    let expected = [
        "issued||",
        "refused|invalid_scope|scope",
        "refused|invalid_client|invalid_client",
        "refused|invalid_request|malformed",
        "refused|invalid_request|malformed",
    ];
    assert_eq!(events(&scene, &["outcome", "error", "reason"]), expected);
}

#[test]
fn an_event_tells_who_did_what_for_whom() {
    let scene = Scene::on(Kind::Postgres);
    let handed = scene.handed();
    let request = scene.next_hop(&handed).header("x-request-id", "order-66");
    let token = scene.send(&request).claims();
    let members = ["client", "subject", "target", "scope_granted", "delegation", "request_id"];
    let told = events(&scene, &members);
    let id = token["jti"].as_str().unwrap();
    let expected =
        format!("researcher|alice|https://documents.example|documents:read|{id}|order-66");
    assert_eq!(told.last(), Some(&expected));
    let records = scene.records();
    let (first, last) = (&records[0], &records[1]);
    assert_eq!(last["parent"], first["delegation"]);
    assert_eq!(last["root"], first["delegation"]);
    assert_eq!(last["chain"][1]["sub"], "agent:orchestrator");
    let (checks, check) = (&last["checks"], &last["checks"][0]);
    assert_eq!(checks.as_array().unwrap().len(), 1, "{checks}");
    for (name, value) in
        [("connection", "corp"), ("kind", "introspection"), ("answer", "good"), ("mode", "strict")]
    {
        assert_eq!(check[name], value, "{checks}");
    }
    assert_eq!(check["shared"], false);
    assert!(check["took_us"].as_i64() > Some(0) && check["age_ms"].as_i64() >= Some(0), "{checks}");
}

/// Nobody gets rid of an event by going away.
#[test]
fn a_client_that_hangs_up_leaves_its_event() {
    let scene = Scene::configured(Kind::Postgres, |site| {
        site.configure("[keys]", "[upstream]\ndeadline_ms = 10000\n\n[keys]");
    });
    scene.provider.hold_introspection();
    let mut stream = TcpStream::connect(scene.server.address).unwrap();
    scene.happy().write_to(&mut stream).unwrap();
    scene.provider.is_being_asked();
    drop(stream);
    scene.provider.release_introspection();
    let left = eventually("the event is there", || events(&scene, &["outcome"]).pop());
    assert_eq!(left, "issued");
}

/// What left is in the ledger, and what is in the ledger is told by an event.
#[test]
fn delegations_and_events_come_together() {
    let scene = Scene::on(Kind::Postgres);
    let request = scene.happy();
    thread::scope(|threads| {
        for _ in 0..8 {
            threads.spawn(|| scene.send(&request).token());
        }
    });
    let database = scene.site.postgres.as_ref().unwrap();
    let mut issued = events(&scene, &["outcome", "delegation"]);
    issued.sort_unstable();
    let kept = database.ask("SELECT 'issued|' || id FROM delegations ORDER BY id");
    assert_eq!(issued, kept.lines().collect::<Vec<_>>());
    assert_eq!(issued.len(), 8);
}

/// Concurrent requests about one token may share an answer, requests one after the other never do.
#[test]
fn each_exchange_asks_anew() {
    let scene = Scene::on(Kind::Sqlite);
    let happy = scene.happy();
    for asked in 1..=3 {
        scene.send(&happy).token();
        assert_eq!(scene.provider.questions(), asked);
    }
    scene.provider.disable("alice");
    scene.send(&happy).refused(400, "invalid_request", "revoked");
    assert_eq!(scene.provider.questions(), 4);
}

#[test]
fn nothing_is_asked_about_a_request_that_fails_anyway() {
    let scene = Scene::on(Kind::Sqlite);
    let happy = scene.happy();
    scene.send(&happy.clone().basic("orchestrator", "wrong")).refusal();
    scene.send(&happy.clone().with("resource", "https://nowhere.example")).refusal();
    scene.send(&happy.with("subject_token", "eyJ.eyJ.x")).refusal();
    assert_eq!(scene.provider.questions(), 0);
}

#[test]
fn a_sane_request_id_comes_back_and_another_is_replaced() {
    let scene = Scene::on(Kind::Sqlite);
    let sent = |id: &str| {
        let reply = scene.send(&Request::post(TOKEN, &[]).header("x-request-id", id));
        reply.header("x-request-id").unwrap().to_owned()
    };
    assert_eq!(sent("a-b_c.42"), "a-b_c.42");
    let too_long = "x".repeat(65);
    for insane in ["two words", "quote\"", "a/b", too_long.as_str()] {
        let given = sent(insane);
        assert_eq!(given.len(), 36, "{given}");
    }
}

#[test]
fn half_an_attestation_or_two_are_none_that_could_be_used() {
    let scene = Scene::on(Kind::Sqlite);
    let (of, proof) = ("oauth-client-attestation", "oauth-client-attestation-pop");
    let happy = scene.happy();
    for headers in [&[of][..], &[proof], &[of, of, proof], &[of, proof, proof]] {
        let add = |request: Request, name: &&str| request.and_header(name, "x");
        let reply = scene.send(&headers.iter().fold(happy.clone(), add));
        assert_eq!(reply.refusal(), (401, "invalid_client".into(), String::new()), "{headers:?}");
    }
    scene.send(&happy).token();
}

fn what_is_stored_is_of_no_use_to_who_finds_it(kind: Kind) {
    let scene = Scene::on(kind);
    let presented = scene.provider.access_token("alice");
    let handed = scene.handed();
    let hop = scene.send(&scene.next_hop(&handed)).token();
    scene.send(&scene.happy().with("subject_token", &presented)).token();
    let stored = scene.stored();
    assert!(stored.contains("agent:researcher"), "what is not secret is there to be found");
    let secrets = scene.secrets.values().map(String::as_str);
    let tokens = [&presented, &handed, &hop].map(|token| token.rsplit_once('.').unwrap().1);
    for never in secrets.chain(tokens).chain(["the-introspection-secret"]) {
        assert!(!stored.contains(never), "`{never}` is in the database");
    }
}

on_both_databases![what_is_stored_is_of_no_use_to_who_finds_it];

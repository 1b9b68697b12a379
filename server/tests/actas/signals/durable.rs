//! A signal is stored before it is acknowledged, and every replica knows of it.

use serde_json::json;

use super::{Chain, Listening, SESSION_REVOKED, signed_out, suspended};
use crate::database::Kind;

const DISABLED: &str = "https://schemas.openid.net/secevent/risc/event-type/account-disabled";

fn survives_a_crash_right_after_its_acknowledgement(kind: Kind) {
    let mut listening = Listening::on(kind);
    let chain = listening.chain();
    listening.signal(DISABLED, &json!({}), "alice");
    listening.scene.server.kill();
    listening.scene.server = listening.scene.site.serve();
    chain.stops(&listening.scene, &suspended());
    let bob = listening.scene.first_hop(&listening.scene.provider.signed_in("bob", -120));
    listening.scene.send(&bob).token();
}

on_both_databases![survives_a_crash_right_after_its_acknowledgement];

/// The chain, with what is sent to the other replica.
#[track_caller]
fn stops_at_both(listening: &Listening, chain: &Chain, other: &crate::process::Server) {
    for server in [other, &listening.scene.server] {
        assert_eq!(super::said(&server.send(&chain.first)), signed_out());
        assert_eq!(super::said(&server.send(&chain.third)), super::ended());
    }
}

#[test]
fn reaches_the_next_exchange_at_another_replica() {
    let listening = Listening::on(Kind::Postgres);
    let other = listening.scene.site.serve();
    let chain = listening.chain();
    other.send(&chain.third).token();
    listening.signal(SESSION_REVOKED, &json!({}), "alice");
    stops_at_both(&listening, &chain, &other);
}

/// Each replica remembers a yes that would serve for thirty seconds; neither is asked for again.
#[test]
fn voids_what_every_replica_remembers() {
    let listening = Listening::with(Kind::Postgres, "freshness = \"bounded\"\nmax_age = 30");
    // A stream that nobody can see alive would tighten bounded to strict.
    listening.was_heard_of(0);
    let other = listening.scene.site.serve();
    let chain = listening.chain();
    for server in [&listening.scene.server, &other] {
        server.send(&chain.first).token();
        server.send(&chain.third).token();
    }
    let asked = listening.scene.provider.questions();
    for server in [&listening.scene.server, &other] {
        server.send(&chain.first).token();
        server.send(&chain.third).token();
    }
    assert_eq!(listening.scene.provider.questions(), asked, "both remember");
    listening.signal(SESSION_REVOKED, &json!({}), "alice");
    stops_at_both(&listening, &chain, &other);
}

/// The user's own no is one for every replica, too.
#[test]
fn a_no_heard_by_one_replica_holds_at_the_other() {
    let listening = Listening::with(Kind::Postgres, "freshness = \"bounded\"\nmax_age = 30");
    let (scene, chain) = (&listening.scene, listening.chain());
    listening.was_heard_of(0);
    let other = scene.site.serve();
    other.send(&chain.first).token();
    scene.provider.disable("alice");
    other.send(&chain.first).token();
    // Nothing is remembered here yet, so the provider is asked.
    assert_eq!(super::said(&scene.send(&chain.first)), super::ended());
    assert_eq!(super::said(&other.send(&chain.first)), super::ended());
    assert_eq!(super::said(&other.send(&chain.third)), super::ended());
}

//! Events that are acknowledged although something about them is odd.

use serde_json::json;
use server::clock;

use super::{Chain, Listening, SESSION_REVOKED, a_minute_ago, signed_out};
use crate::{database::Kind, scene::Scene};

const RECYCLED: &str = "https://schemas.openid.net/secevent/risc/event-type/identifier-recycled";

fn one_that_comes_twice_counts_once(kind: Kind) {
    let listening = Listening::on(kind);
    let (scene, chain) = (&listening.scene, listening.chain());
    let push = listening.push(&listening.emission(SESSION_REVOKED, &json!({}), "alice"));
    for _ in 0..2 {
        assert_eq!(scene.send(&push).status, 202);
    }
    chain.stops(scene, &signed_out());
    let metrics = scene.server.get("/metrics").text().to_owned();
    for outcome in ["applied", "duplicate"] {
        let counted = format!(
            "actas_signals_total{{connection=\"corp\",org=\"acme\",outcome=\"{outcome}\",\
             source=\"push\"}} 1"
        );
        assert!(metrics.contains(&counted), "{metrics}");
    }
}

/// Who signed in since is not signed out by what is sent once more.
fn one_that_is_replayed_ends_nothing_new(kind: Kind) {
    let listening = Listening::on(kind);
    let scene = &listening.scene;
    let push = listening.push(&listening.emission(SESSION_REVOKED, &json!({}), "alice"));
    assert_eq!(scene.send(&push).status, 202);
    let chain = Chain::from(scene, &scene.provider.access_token("alice"));
    assert_eq!(scene.send(&push).status, 202);
    chain.goes_on(scene);
}

/// What happened has happened, however long it took to arrive.
fn one_that_is_old_still_revokes(kind: Kind) {
    let listening = Listening::on(kind);
    let scene = &listening.scene;
    let last_year = a_minute_ago() - 365 * 24 * 3600;
    let before = Chain::from(scene, &scene.provider.signed_in("alice", -366 * 24 * 3600));
    let after = listening.chain();
    let mut emission = listening.emission(SESSION_REVOKED, &json!({}), "alice");
    emission["claims"]["iat"] = json!(last_year);
    emission["events"][SESSION_REVOKED] = json!({ "event_timestamp": last_year });
    listening.taken(&emission);
    before.stops(scene, &signed_out());
    after.goes_on(scene);
}

fn one_of_unknown_kind_has_no_effect(kind: Kind) {
    let listening = Listening::on(kind);
    let chain = listening.chain();
    listening.signal("https://events.example/unheard-of", &json!({}), "alice");
    chain.goes_on(&listening.scene);
    let line = listening.scene.server.logs("it asks for attention", |line| {
        line["alert"] == "unknown_event" && line["level"] == "WARN"
    });
    assert_eq!((&line["org"], &line["connection"]), (&json!("acme"), &json!("corp")));
}

/// It may be about anybody: answers from before count no more, and nothing else happens.
fn one_about_somebody_unknown_ends_nothing(kind: Kind) {
    let listening = Listening::on(kind);
    let chain = listening.chain();
    listening.signal(SESSION_REVOKED, &json!({}), "carol");
    let mut emission = listening.emission(SESSION_REVOKED, &json!({}), "alice");
    emission["subject"]["iss"] = json!("https://elsewhere.example");
    listening.taken(&emission);
    chain.goes_on(&listening.scene);
}

/// Users are known by the names their tokens give them.
fn one_that_means_the_user_by_another_name(kind: Kind) {
    let claims = json!({
        "auth_time": a_minute_ago() - 60, "email": "alice@example.com", "email_verified": true,
        "oid": "0-1-2", "sid": "s-1",
    });
    for subject in [
        json!({ "format": "email", "email": "Alice@Example.com" }),
        json!({ "format": "opaque", "id": "0-1-2" }),
        json!({ "format": "complex", "session": { "format": "opaque", "id": "s-1" } }),
    ] {
        let listening = Listening::on(kind);
        let (scene, provider) = (&listening.scene, &listening.scene.provider);
        let chain = Chain::from(scene, &provider.access_token_with("alice", &claims));
        let bob = scene.first_hop(&provider.signed_in("bob", -120));
        let mut emission = listening.emission(SESSION_REVOKED, &json!({}), "alice");
        emission["subject"] = subject;
        listening.taken(&emission);
        chain.stops(scene, &signed_out());
        scene.send(&bob).token();
    }
}

/// Its owner may have typed anybody's.
fn one_by_a_mail_address_that_nobody_verified(kind: Kind) {
    let listening = Listening::on(kind);
    let (scene, mail) = (&listening.scene, "alice@example.com");
    let claims =
        json!({ "auth_time": a_minute_ago() - 60, "email": mail, "email_verified": false });
    let chain = Chain::from(scene, &scene.provider.access_token_with("alice", &claims));
    let mut emission = listening.emission(SESSION_REVOKED, &json!({}), "alice");
    emission["subject"] = json!({ "format": "email", "email": mail });
    listening.taken(&emission);
    chain.goes_on(scene);
}

/// An address that changed hands means its new owner, also after the old one came with it once more.
fn one_by_an_address_that_changed_hands(kind: Kind) {
    let listening = Listening::on(kind);
    let (scene, provider) = (&listening.scene, &listening.scene.provider);
    let with_mail = |sub: &str, seconds: i64| {
        let auth_time = clock::now().0 + seconds;
        let claims = json!({ "auth_time": auth_time, "email": "first@example.com" });
        provider.access_token_with(sub, &claims)
    };
    let alice = with_mail("alice", -300);
    let chain = Chain::from(scene, &alice);
    let mut recycled = listening.emission(RECYCLED, &json!({}), "alice");
    recycled["subject"] = json!({ "format": "email", "email": "first@example.com" });
    listening.taken(&recycled);
    chain.stops(scene, &signed_out());
    let bob = scene.first_hop(&with_mail("bob", 0));
    scene.send(&bob).token();
    scene.send(&scene.first_hop(&alice)).refused(
        400,
        "insufficient_user_authentication",
        "revoked",
    );
    let mut revoked = listening.emission(SESSION_REVOKED, &json!({}), "alice");
    revoked["subject"] = recycled["subject"].clone();
    revoked["events"][SESSION_REVOKED] = json!({ "event_timestamp": clock::now().0 });
    listening.taken(&revoked);
    scene.send(&bob).refused(400, "insufficient_user_authentication", "revoked");
    assert_eq!(ended_of(scene, "bob"), "1");
}

/// How many delegations of a user have ended; asked where SQL can be asked from outside.
fn ended_of(scene: &Scene, user: &str) -> String {
    let Some(postgres) = &scene.site.postgres else { return "1".to_owned() };
    postgres.ask(&format!(
        "SELECT count(*) FROM delegations WHERE user_sub = '{user}' AND ended_at IS NOT NULL"
    ))
}

on_both_databases![
    one_by_an_address_that_changed_hands,
    one_that_comes_twice_counts_once,
    one_that_is_replayed_ends_nothing_new,
    one_that_is_old_still_revokes,
    one_of_unknown_kind_has_no_effect,
    one_about_somebody_unknown_ends_nothing,
    one_that_means_the_user_by_another_name,
    one_by_a_mail_address_that_nobody_verified,
];

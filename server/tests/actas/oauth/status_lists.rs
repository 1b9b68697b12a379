//! Status lists: what a verifier that never asks still learns of a revocation.

use std::io::Read;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use crate::{
    database::Kind,
    http::{Reply, Request},
    overseen::{STATUS_LISTS, ended, is_error, part, replicas, revocation, scene, signed},
    process::{Server, eventually},
    scene::{PUBLIC_URL, Scene},
};

const MEDIA: &str = "application/statuslist+jwt";

on_both_databases!(a_revoked_token_shows_on_its_list, tokens_have_places_of_their_own,);

/// Where the status of a token is: its list's path, and its place.
#[track_caller]
fn place(token: &str) -> (String, usize) {
    let reference = part(token, 1)["status"]["status_list"].clone();
    let uri = reference["uri"].as_str().unwrap().strip_prefix(PUBLIC_URL).unwrap().to_owned();
    (uri, usize::try_from(reference["idx"].as_u64().unwrap()).unwrap())
}

#[track_caller]
fn fetched(server: &Server, path: &str) -> Reply {
    let reply = server.send(&Request::get(path).header("accept", MEDIA));
    assert_eq!((reply.status, reply.header("content-type")), (200, Some(MEDIA)));
    reply
}

/// The claims of the list that a verifier would fetch.
#[track_caller]
fn list(server: &Server, scene: &Scene, path: &str) -> Value {
    signed(scene, fetched(server, path).text(), "statuslist+jwt")
}

/// The status of a token as a verifier reads it: one bit, the least significant first.
#[track_caller]
fn status(server: &Server, scene: &Scene, token: &str) -> u8 {
    let (path, index) = place(token);
    let list = list(server, scene, &path)["status_list"].clone();
    assert_eq!(list["bits"], 1);
    let compressed = URL_SAFE_NO_PAD.decode(list["lst"].as_str().unwrap()).unwrap();
    let mut bytes = Vec::new();
    flate2::read::ZlibDecoder::new(&*compressed).read_to_end(&mut bytes).unwrap();
    bytes[index / 8] >> (index % 8) & 1
}

fn a_revoked_token_shows_on_its_list(kind: Kind) {
    let scene = scene(kind);
    let (dead, alive) = (scene.send(&scene.happy()).token(), scene.send(&scene.happy()).token());
    assert_eq!(status(&scene.server, &scene, &dead), 0);
    assert_eq!(scene.send(&revocation(&scene, "orchestrator", &dead)).status, 200);
    eventually("it shows", || (status(&scene.server, &scene, &dead) == 1).then_some(()));
    assert_eq!(status(&scene.server, &scene, &alive), 0);
}

fn tokens_have_places_of_their_own(kind: Kind) {
    let scene = scene(kind);
    let places: std::collections::BTreeSet<_> =
        (0..20).map(|_| place(&scene.send(&scene.happy()).token())).collect();
    assert_eq!(places.len(), 20);
    // Only where the resource server looks there.
    assert!(part(&scene.handed(), 1).get("status").is_none());
}

/// draft-ietf-oauth-status-list-20 §5.1: `sub` "MUST be equal to … the `uri`"; `iat`, `status_list`
/// REQUIRED; `exp`, `ttl` RECOMMENDED.
#[test]
fn a_list_says_what_it_is_and_until_when() {
    let scene = scene(Kind::Sqlite);
    let (path, _) = place(&scene.send(&scene.happy()).token());
    let claims = list(&scene.server, &scene, &path);
    assert_eq!(claims["sub"], format!("{PUBLIC_URL}{path}"));
    let number = |name: &str| claims[name].as_i64().unwrap();
    let reply = fetched(&scene.server, &path);
    let cache = reply.header("cache-control").unwrap();
    let max_age: i64 = cache.strip_prefix("public, max-age=").unwrap().parse().unwrap();
    assert!(number("ttl") + max_age <= 30, "{claims} {cache}");
    assert!(number("exp") - number("iat") <= 30, "{claims}");
    let aggregation = format!("{PUBLIC_URL}{STATUS_LISTS}");
    assert_eq!(claims["status_list"]["aggregation_uri"], aggregation);
    // §8.1: for pages of any origin; compressed in itself.
    assert_eq!(reply.header("access-control-allow-origin"), Some("*"));
    assert_eq!(reply.header("content-encoding"), None);
}

#[test]
fn all_lists_are_named_in_one_place() {
    let scene = scene(Kind::Sqlite);
    assert_eq!(scene.server.get(STATUS_LISTS).json(), json!({ "status_lists": [] }));
    let (path, _) = place(&scene.send(&scene.happy()).token());
    let uris = json!([format!("{PUBLIC_URL}{path}")]);
    assert_eq!(scene.server.get(STATUS_LISTS).json(), json!({ "status_lists": uris }));
}

#[test]
fn what_is_not_there_is_not_served() {
    let scene = scene(Kind::Sqlite);
    let (path, _) = place(&scene.send(&scene.happy()).token());
    for unknown in ["999", "-1", "x", "99999999999999999999", "1/1"] {
        let reply = scene.server.get(&format!("{STATUS_LISTS}/{unknown}"));
        is_error(&reply, 404, "not_found");
    }
    // §8.4: history is optional.
    is_error(&scene.server.get(&format!("{path}?time=1686925000")), 501, "not_implemented");
    let cwt = Request::get(&path).header("accept", "application/statuslist+cwt");
    is_error(&scene.send(&cwt), 406, "not_acceptable");
    for accept in ["*/*", "application/*;q=0.1", "text/html, application/statuslist+jwt"] {
        assert_eq!(scene.send(&Request::get(&path).header("accept", accept)).status, 200);
    }
}

/// However many ask: within a second the database is asked once.
#[test]
fn a_list_is_made_for_all_who_ask_at_once() {
    let scene = scene(Kind::Sqlite);
    let (path, _) = place(&scene.send(&scene.happy()).token());
    for _ in 0..50 {
        fetched(&scene.server, &path);
    }
    let metrics = scene.server.get("/metrics");
    let count = |outcome: &str| {
        let line = format!("actas_status_lists_total{{outcome=\"{outcome}\"}} ");
        let found = metrics.text().lines().find_map(|text| text.strip_prefix(&line));
        found.map_or(0, |count| count.parse::<u32>().unwrap())
    };
    assert_eq!(count("built") + count("shared"), 50);
    assert!(count("built") < 25, "{} of 50", count("built"));
}

#[test]
fn a_list_that_has_not_changed_is_not_sent_again() {
    let scene = scene(Kind::Sqlite);
    let (path, _) = place(&scene.send(&scene.happy()).token());
    // Another is made every second.
    eventually("it is the same", || {
        let reply = fetched(&scene.server, &path);
        let tag = reply.header("etag").unwrap().to_owned();
        let again = scene.send(&Request::get(&path).header("if-none-match", &tag));
        (again.status == 304 && again.text().is_empty()).then_some(())
    });
}

#[test]
fn replicas_give_no_place_twice_and_serve_each_others_lists() {
    let (other, scene) = replicas();
    let mut places = std::collections::BTreeSet::new();
    for _ in 0..10 {
        for server in [&scene.server, &other] {
            let token = server.send(&scene.happy()).token();
            assert!(places.insert(place(&token)), "{places:?}");
            assert_eq!(status(&other, &scene, &token), 0);
        }
    }
    let token = other.send(&scene.happy()).token();
    assert_eq!(ended(&scene, &json!({ "org": true })), 21);
    eventually("it shows", || (status(&other, &scene, &token) == 1).then_some(()));
}

#[test]
fn without_its_database_there_is_no_list() {
    let scene = scene(Kind::Postgres);
    let (path, _) = place(&scene.send(&scene.happy()).token());
    let database = scene.site.postgres.as_ref().unwrap();
    database.close();
    // What was read a moment ago may still be served.
    let reply = eventually("it is too old", || {
        let reply = scene.server.get(&path);
        (reply.status != 200).then_some(reply)
    });
    is_error(&reply, 503, "temporarily_unavailable");
    database.open();
    eventually("it is served again", || (scene.server.get(&path).status == 200).then_some(()));
}

//! The audit trail over HTTP.

use std::{thread, time::Instant};

use serde_json::{Value, json};

use crate::{
    database::Kind,
    overseen::{ended, get, is_error, scene},
    process::eventually,
    scene::Scene,
};

on_both_databases!(
    everything_that_happened_is_found_by_what_it_is_about,
    pages_follow_one_another_in_both_directions,
    a_follower_hears_of_what_happens,
);

/// What a query finds.
#[track_caller]
fn asked(scene: &Scene, query: &str) -> Value {
    let reply = scene.send(&get(scene, "auditor", &format!("audit?{query}")));
    assert_eq!(reply.status, 200, "{}", reply.text());
    assert_eq!(reply.header("cache-control"), Some("no-store"));
    reply.json()
}

/// The numbers of what a query finds.
#[track_caller]
fn found(scene: &Scene, query: &str) -> Vec<i64> {
    let page = asked(scene, query);
    page["events"].as_array().unwrap().iter().map(|event| event["seq"].as_i64().unwrap()).collect()
}

/// Blocks until so many events are in their places.
#[track_caller]
fn has_events(scene: &Scene, count: usize) {
    eventually("they are in their places", || {
        (found(scene, "limit=1000").len() == count).then_some(())
    });
}

fn everything_that_happened_is_found_by_what_it_is_about(kind: Kind) {
    let scene = scene(kind);
    let handed = scene.handed();
    let next = scene.send(&scene.next_hop(&handed)).claims();
    let bob = scene.first_hop(&scene.provider.access_token("bob"));
    scene.send(&bob).token();
    scene.send(&bob.with("scope", "documents:write")).refused(400, "invalid_scope", "scope");
    ended(&scene, &json!({ "token": handed }));
    has_events(&scene, 5);
    let newest = asked(&scene, "limit=1")["events"][0].clone();
    assert_eq!((&newest["seq"], &newest["record"]["operator"]), (&json!(5), &json!("ops")));
    assert_eq!(newest["hash"].as_str().unwrap().len(), 64);
    let id = |seq: i64| asked(&scene, &format!("after={}&limit=1", seq + 1))["events"][0].clone();
    let action = id(2)["record"]["id"].as_str().unwrap().to_owned();
    let chain = next["jti"].as_str().unwrap();
    for (query, expected) in [
        ("order=oldest".to_owned(), vec![1, 2, 3, 4, 5]),
        ("user=alice".to_owned(), vec![5, 2, 1]),
        ("user=bob".to_owned(), vec![4, 3]),
        ("agent=researcher".to_owned(), vec![2]),
        ("outcome=refused".to_owned(), vec![4]),
        ("outcome=revoked".to_owned(), vec![5]),
        (format!("chain={chain}"), vec![5, 2, 1]),
        (format!("action={action}"), vec![2]),
        ("since=1h".to_owned(), vec![5, 4, 3, 2, 1]),
        ("until=1h".to_owned(), vec![]),
        ("since=2027-01-31T09:00:00Z&until=1".to_owned(), vec![]),
        ("user=alice&outcome=issued&order=oldest".to_owned(), vec![1, 2]),
        ("user=nobody".to_owned(), vec![]),
    ] {
        assert_eq!(found(&scene, &query), expected, "{query}");
    }
}

fn pages_follow_one_another_in_both_directions(kind: Kind) {
    let scene = scene(kind);
    for _ in 0..5 {
        scene.send(&scene.happy()).token();
    }
    has_events(&scene, 5);
    for (order, expected) in [("newest", [5, 4, 3, 2, 1]), ("oldest", [1, 2, 3, 4, 5])] {
        let (mut all, mut query) = (Vec::new(), format!("order={order}&limit=2"));
        loop {
            let page = asked(&scene, &query);
            all.extend(page["events"].as_array().unwrap().iter().map(|e| e["seq"].clone()));
            let Some(next) = page["next"].as_str() else { break };
            query = format!("order={order}&limit=2&after={next}");
        }
        assert_eq!(all, expected.map(Value::from), "{order}");
    }
}

fn a_follower_hears_of_what_happens(kind: Kind) {
    let scene = scene(kind);
    let head = scene.send(&get(&scene, "auditor", "audit/head")).json();
    assert_eq!(head["seq"], 0);
    let heard = thread::scope(|threads| {
        let follower = threads.spawn(|| {
            let began = Instant::now();
            let page = asked(&scene, "after=0&wait=25");
            (page, began.elapsed())
        });
        scene.send(&scene.happy()).token();
        follower.join().unwrap()
    });
    let (page, took) = heard;
    assert_eq!(page["events"][0]["record"]["outcome"], "issued");
    assert_eq!(page["next"], "1");
    assert!(took.as_secs() < 20, "it did not wait for its time to be over");
    // When nothing happens, it learns where to go on.
    let nothing = asked(&scene, "after=1&wait=0");
    assert_eq!((nothing["events"].clone(), &nothing["next"]), (json!([]), &json!("1")));
}

#[test]
fn a_query_that_is_none_is_refused() {
    let scene = scene(Kind::Sqlite);
    for query in [
        "users=alice",
        "limit=1001",
        "wait=26",
        "since=yesterday",
        "chain=1",
        "wait=1&order=newest",
    ] {
        let reply = scene.send(&get(&scene, "auditor", &format!("audit?{query}")));
        is_error(&reply, 400, "invalid_request");
    }
}

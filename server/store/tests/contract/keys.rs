//! The signing keys: whoever changes them says which they saw.

use std::sync::Arc;

use delegation::{
    custody::{KeyChange, KeyRecord, KeyStore},
    event::{Event, Outcome},
};
use policy::Timestamp;
use tokio::task::JoinSet;

use crate::fixture::{Fixture, LATER, NOW, ORG};

fn key(kid: &str) -> KeyRecord {
    KeyRecord {
        kid: kid.to_owned(),
        algorithm: "ES256".to_owned(),
        sealed: kid.as_bytes().to_vec(),
        created_at: NOW,
        activates_at: NOW,
        retires_at: None,
        compromised_at: None,
    }
}

fn add(kid: &str) -> KeyChange {
    KeyChange::Add(key(kid))
}

/// Changes the keys as they stand.
async fn change(it: &Fixture, changes: &[KeyChange]) {
    let store = it.store.key_store();
    let seen = store.keys(ORG).await.unwrap();
    assert!(store.change(ORG, &seen, changes, None).await.unwrap());
}

async fn keys(it: &Fixture) -> Vec<KeyRecord> {
    it.store.key_store().keys(ORG).await.unwrap()
}

async fn revision(it: &Fixture) -> i64 {
    it.registry().revision(ORG).await.unwrap().unwrap()
}

async fn has_no_keys_at_first(it: Arc<Fixture>) {
    assert_eq!(keys(&it).await, []);
}

async fn keeps_every_field_of_a_key(it: Arc<Fixture>) {
    let full = KeyRecord {
        algorithm: "EdDSA".to_owned(),
        activates_at: LATER,
        retires_at: Some(Timestamp(LATER.0 + 1)),
        compromised_at: Some(Timestamp(LATER.0 + 2)),
        ..key("full")
    };
    change(&it, &[KeyChange::Add(full.clone())]).await;
    assert_eq!(keys(&it).await, [full]);
}

async fn lists_the_oldest_first(it: Arc<Fixture>) {
    let younger = KeyRecord { created_at: LATER, ..key("a") };
    change(&it, &[KeyChange::Add(younger), add("c"), add("b")]).await;
    let kids: Vec<_> = keys(&it).await.into_iter().map(|key| key.kid).collect();
    assert_eq!(kids, ["b", "c", "a"]);
}

async fn makes_each_step(it: Arc<Fixture>) {
    change(&it, &["a", "b", "c", "d", "e"].map(add)).await;
    let kid = |kid: &str| kid.to_owned();
    let steps = [
        KeyChange::Retire { kid: kid("a"), at: LATER },
        KeyChange::Compromise { kid: kid("b"), at: LATER },
        KeyChange::Drop(kid("c")),
        KeyChange::Activate { kid: kid("d"), at: LATER },
    ];
    change(&it, &steps).await;
    let expected = [
        KeyRecord { retires_at: Some(LATER), ..key("a") },
        KeyRecord { compromised_at: Some(LATER), ..key("b") },
        KeyRecord { activates_at: LATER, ..key("d") },
        key("e"),
    ];
    assert_eq!(keys(&it).await, expected);
}

async fn changes_nothing_when_other_keys_were_seen(it: Arc<Fixture>) {
    change(&it, &[add("a")]).await;
    let retired = KeyRecord { retires_at: Some(LATER), ..key("a") };
    for seen in [vec![], vec![retired], vec![key("a"), key("b")], vec![key("b")]] {
        let store = it.store.key_store();
        let event = Some(it.event(Outcome::Rotated));
        let changes = [add("c"), KeyChange::Drop("a".to_owned())];
        assert!(!store.change(ORG, &seen, &changes, event).await.unwrap());
    }
    assert_eq!(keys(&it).await, [key("a")]);
    assert_eq!((revision(&it).await, it.written().await), (1, (0, 0)));
}

async fn every_change_but_the_first_raises_the_revision(it: Arc<Fixture>) {
    change(&it, &[add("a")]).await;
    assert_eq!(revision(&it).await, 1, "nobody holds a snapshot without a key");
    change(&it, &[add("b")]).await;
    assert_eq!(revision(&it).await, 2);
}

async fn writes_its_event(it: Arc<Fixture>) {
    let event = Event { detail: Some("a new key".to_owned()), ..it.event(Outcome::Rotated) };
    let store = it.store.key_store();
    assert!(store.change(ORG, &[], &[add("a")], Some(event)).await.unwrap());
    let told: Vec<_> = it
        .records()
        .await
        .into_iter()
        .map(|record| (record.outcome.to_string(), record.detail.map(String::from)))
        .collect();
    assert_eq!(told, [("rotated".to_owned(), Some("a new key".to_owned()))]);
}

async fn makes_all_steps_or_none(it: Arc<Fixture>) {
    let store = it.store.key_store();
    let event = Some(it.event(Outcome::Rotated));
    assert!(store.change(ORG, &[], &[add("a"), add("a")], event).await.is_err());
    assert_eq!((keys(&it).await, it.written().await), (vec![], (0, 0)));
}

async fn of_replicas_that_change_at_once_one_wins(it: Arc<Fixture>) {
    let replica = it.replica().await;
    for round in 0..20 {
        let seen = keys(&it).await;
        let mut all = JoinSet::new();
        for number in 0..8 {
            let store: Arc<dyn KeyStore> =
                if number % 2 == 0 { it.store.key_store() } else { replica.key_store() };
            let (seen, event) = (seen.clone(), Some(it.event(Outcome::Rotated)));
            all.spawn(async move {
                let changes = [add(&format!("{round:02}-{number}"))];
                store.change(ORG, &seen, &changes, event).await.unwrap()
            });
        }
        let won = all.join_all().await.into_iter().filter(|won| *won).count();
        assert_eq!((won, keys(&it).await.len()), (1, round + 1));
    }
    assert_eq!(it.written().await, (0, 20));
    replica.close().await;
}

async fn shows_no_key_of_another_org(it: Arc<Fixture>) {
    it.declare("other").await;
    change(&it, &[add("a")]).await;
    let store = it.store.key_store();
    assert_eq!(store.keys("other").await.unwrap(), []);
    assert!(store.change("other", &[], &[add("a")], None).await.unwrap());
    assert!(
        store.change("other", &[key("a")], &[KeyChange::Drop("a".to_owned())], None).await.unwrap()
    );
    assert_eq!(keys(&it).await, [key("a")]);
}

async fn keeps_no_key_for_an_org_that_is_not_there(it: Arc<Fixture>) {
    let store = it.store.key_store();
    assert!(store.change("nobody", &[], &[add("a")], None).await.is_err());
}

on_both_databases!(
    has_no_keys_at_first,
    keeps_every_field_of_a_key,
    lists_the_oldest_first,
    makes_each_step,
    changes_nothing_when_other_keys_were_seen,
    every_change_but_the_first_raises_the_revision,
    writes_its_event,
    makes_all_steps_or_none,
    of_replicas_that_change_at_once_one_wins,
    shows_no_key_of_another_org,
    keeps_no_key_for_an_org_that_is_not_there,
);

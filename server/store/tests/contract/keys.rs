use std::sync::Arc;

use delegation::declared::KeyRecord;
use tokio::task::JoinSet;

use crate::fixture::{Fixture, LATER, NOW, ORG};

fn key(kid: &str, algorithm: &str) -> KeyRecord {
    KeyRecord {
        kid: kid.to_owned(),
        algorithm: algorithm.to_owned(),
        sealed: b"sealed".to_vec(),
        created_at: NOW,
    }
}

async fn has_no_keys_at_first(it: Arc<Fixture>) {
    assert_eq!(it.registry().keys(ORG).await.unwrap(), []);
}

async fn adds_the_first_key_of_an_algorithm(it: Arc<Fixture>) {
    let first = key("a", "ES256");
    let founded = it.registry().found_key(ORG, &first).await.unwrap();
    assert_eq!(founded, it.registry().keys(ORG).await.unwrap());
    assert_eq!(founded, [first]);
}

async fn keeps_the_first_key_of_an_algorithm(it: Arc<Fixture>) {
    let first = key("a", "ES256");
    it.registry().found_key(ORG, &first).await.unwrap();
    let second = it.registry().found_key(ORG, &key("b", "ES256")).await.unwrap();
    assert_eq!(second, [first]);
}

async fn adds_a_key_of_another_algorithm_after_the_older(it: Arc<Fixture>) {
    let first = key("z", "ES256");
    let second = KeyRecord { created_at: LATER, ..key("a", "EdDSA") };
    it.registry().found_key(ORG, &first).await.unwrap();
    let both = it.registry().found_key(ORG, &second).await.unwrap();
    assert_eq!(both, [first, second]);
}

async fn replicas_that_start_at_once_agree(it: Arc<Fixture>) {
    let replica = it.replica().await;
    let mut all = JoinSet::new();
    for number in 0..16 {
        let registry = if number % 2 == 0 { it.registry() } else { replica.registry() };
        all.spawn(async move {
            registry.found_key(ORG, &key(&format!("kid-{number}"), "ES256")).await.unwrap()
        });
    }
    let standing = it.registry().keys(ORG).await.unwrap();
    for answer in all.join_all().await {
        assert_eq!(answer.len(), 1);
        assert_eq!(answer, it.registry().keys(ORG).await.unwrap());
    }
    assert!(standing.len() <= 1);
    replica.close().await;
}

async fn shows_no_key_of_another_org(it: Arc<Fixture>) {
    it.declare("other").await;
    it.registry().found_key(ORG, &key("a", "ES256")).await.unwrap();
    assert_eq!(it.registry().keys("other").await.unwrap(), []);
    let own = key("a", "ES256");
    assert_eq!(it.registry().found_key("other", &own).await.unwrap(), [own]);
}

async fn founds_no_key_for_an_org_that_is_not_there(it: Arc<Fixture>) {
    assert!(it.registry().found_key("nobody", &key("a", "ES256")).await.is_err());
}

on_both_databases!(
    has_no_keys_at_first,
    adds_the_first_key_of_an_algorithm,
    keeps_the_first_key_of_an_algorithm,
    adds_a_key_of_another_algorithm_after_the_older,
    replicas_that_start_at_once_agree,
    shows_no_key_of_another_org,
    founds_no_key_for_an_org_that_is_not_there,
);

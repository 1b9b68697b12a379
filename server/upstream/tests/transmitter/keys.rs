//! When a transmitter's key set is fetched.

use std::{sync::Arc, time::Duration};

use delegation::ports::Transmitter as _;
use serde_json::{Value, json};
use tokio::task::JoinSet;
use upstream::{http::Outbound, transmitter::Transmitter};

use crate::fake::{Fake, development, ok, settings, status, times};

fn jwks(kids: &[&str]) -> Value {
    let key = |kid: &&str| {
        json!({
            "kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": kid,
            "x": "l8tFrhx-34tV3hRICRDY9zCkDlpBhF42UQUfWVAWBFs",
            "y": "9VE4jf_Ok_o64zbTTlcuNJajHmt6v9TDVrU0CdvGRDA",
        })
    };
    json!({ "keys": kids.iter().map(key).collect::<Vec<_>>() })
}

async fn fetches(fake: &Fake) -> usize {
    fake.calls().await.iter().filter(|call| *call == "GET /jwks").count()
}

#[tokio::test]
async fn known_keys_are_fetched_once() {
    let fake = Fake::start().await;
    fake.serve("GET", "/t1/jwks", ok(&jwks(&["one"]))).await;
    let transmitter = fake.transmitter();
    for kid in [Some("one"), None, Some("one")] {
        assert!(transmitter.keys(kid).await.unwrap().holds(Some("one")));
    }
    assert_eq!(fetches(&fake).await, 1);
}

#[tokio::test]
async fn a_new_key_is_found_at_once() {
    let fake = Fake::start().await;
    fake.serve("GET", "/t1/jwks", ok(&jwks(&["one", "two"]))).await;
    fake.serve_once("GET", "/t1/jwks", ok(&jwks(&["one"]))).await;
    let transmitter = fake.transmitter();
    assert!(!transmitter.keys(Some("one")).await.unwrap().holds(Some("two")));
    assert!(transmitter.keys(Some("two")).await.unwrap().holds(Some("two")));
    assert_eq!(fetches(&fake).await, 2);
}

#[tokio::test]
async fn a_storm_of_unknown_kids_costs_one_fetch() {
    let fake = Fake::start().await;
    fake.serve("GET", "/t1/jwks", ok(&jwks(&["one"]))).await;
    let transmitter = fake.transmitter();
    transmitter.keys(Some("one")).await.unwrap();
    let mut storm = JoinSet::new();
    for n in 0..200 {
        let transmitter = Arc::clone(&transmitter);
        storm.spawn(async move { transmitter.keys(Some(&format!("junk-{n}"))).await });
    }
    assert!(storm.join_all().await.iter().all(Result::is_ok));
    assert_eq!(fetches(&fake).await, 2);
}

#[tokio::test]
async fn after_the_cool_down_it_is_sought_again() {
    let fake = Fake::start().await;
    fake.serve("GET", "/t1/jwks", ok(&jwks(&["one"]))).await;
    let (settings, outbound) = (settings(&fake.issuer(), &json!({})), development());
    let outbound = Outbound::new(outbound).unwrap();
    let transmitter = Transmitter::new("corp", settings, outbound, times(Duration::ZERO)).unwrap();
    for _ in 0..3 {
        transmitter.keys(Some("junk")).await.unwrap();
    }
    assert_eq!(fetches(&fake).await, 3);
}

#[tokio::test]
async fn no_keys_are_a_fault_that_names_the_stream() {
    for (answer, expected) in [(status(500), "status 500"), (ok(&json!([])), "key set")] {
        let fake = Fake::start().await;
        fake.serve("GET", "/t1/jwks", answer).await;
        let fault = fake.transmitter().keys(Some("one")).await.unwrap_err().to_string();
        assert!(fault.contains("`corp`: stream `okta`: ") && fault.contains(expected), "{fault}");
    }
}

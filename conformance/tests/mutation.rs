//! Good requests, bent in one to four ways and sent as they are: after each one, the invariants hold.
//!
//! A failure prints the seed of its case. `ACTAS_TEST_SEED=SEED ACTAS_TEST_REQUESTS=1` sends it again;
//! `ACTAS_TEST_REQUESTS=500000` searches longer.
#![expect(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::string_slice,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

mod mutation {
    pub mod bend;
    pub mod database;
    pub mod declared;
    pub mod dice;
    pub mod good;
    pub mod held;
    pub mod oracle;
    pub mod scene;
    pub mod search;
    pub mod sent;
    pub mod tally;
    pub mod trail;
    pub mod whole;
    pub mod wire;

    /// The id of a request that is hidden in another.
    pub const fn framing_smuggled() -> &'static str {
        "smuggled"
    }
}

use std::time::Instant;

use conformance::{http, target_started_with};
use mutation::{dice::Dice, scene::Scene, search::Search};

/// Enough to meet every kind of mutation with many requests, in less than a minute.
const REQUESTS: u64 = 2500;

#[test]
fn the_invariants_hold_after_every_request() {
    let seed = number("ACTAS_TEST_SEED");
    let requests = number("ACTAS_TEST_REQUESTS").unwrap_or(REQUESTS);
    let target = target_started_with(&["--log", "debug"]);
    let began = Instant::now();
    // By default the requests are the same ones every time: the gate does not gamble.
    let mut search = Search::new(Scene::new(target, seed.unwrap_or_default()));
    let mut seeds = Dice::new(0x5EED);
    search.every_good_request_is_granted();
    search.the_oracle_tells_requests_apart();
    for number in 0..requests {
        let case = seed.map_or_else(|| seeds.next(), |seed| seed.wrapping_add(number));
        search.case(case);
    }
    search.settle();
    let tally = search.tally();
    tally.print();
    println!("it took {:?}", began.elapsed());
    if seed.is_none() {
        assert_eq!(tally.kinds(), mutation::bend::all().len(), "every kind was tried");
        assert!(
            requests / 50 < tally.granted(),
            "a search in which nothing is granted proves little"
        );
    }
    if is_reported() {
        let database = target.database.as_deref().unwrap_or("unknown");
        tally.report(database.split(':').next().unwrap_or_default(), began.elapsed());
    }
}

/// RFC 9110 §15.1: a cache may keep a 405 that does not say otherwise.
#[test]
fn a_refusal_of_a_method_is_not_kept() {
    let target = target_started_with(&["--log", "debug"]);
    let users = format!("{}/signals/corp/scim/v2/Users/bob", target.issuer);
    let reply = http::send("POST", &users, &[], b"x");
    assert_eq!(reply.status, 405);
    assert!(reply.has("cache-control", "no-store"), "{reply:?}");
}

#[expect(
    clippy::disallowed_methods,
    reason = "whoever runs this test says so, not a configuration"
)]
fn number(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(text.parse().unwrap())
}

#[expect(clippy::disallowed_methods, reason = "as above")]
fn is_reported() -> bool {
    std::env::var_os("ACTAS_TEST_REPORT").is_some()
}

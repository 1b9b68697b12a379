//! What a stream can be declared as.

use serde_json::{Value, json};
use upstream::transmitter::Duty;

use crate::fake::{AUTHORIZATION, BEARER, new, settings};

const ISSUER: &str = "https://tr.example.com";

fn duty(change: &Value) -> Duty {
    new(settings(ISSUER, change)).unwrap().duty()
}

fn refusal(change: &Value) -> String {
    new(settings(ISSUER, change)).unwrap_err()
}

#[test]
fn what_there_is_to_do_follows_from_what_was_declared() {
    assert_eq!(duty(&json!({})), Duty::Manage);
    assert_eq!(duty(&json!({ "delivery": "poll" })), Duty::Manage);
    let elsewhere = json!({ "delivery": "poll", "poll_endpoint": "https://tr.example.com/poll" });
    assert_eq!(duty(&elsewhere), Duty::Poll);
    assert_eq!(duty(&json!({ "access": null })), Duty::Nothing);
}

#[test]
fn says_what_is_wrong() {
    let poll_endpoint = "https://tr.example.com/poll";
    for (change, expected) in [
        (json!({ "issuer": "tr.example.com" }), "not a URL"),
        (json!({ "issuer": "https://tr.example.com?tenant=1" }), "not a URL"),
        (json!({ "authorization": "Bearer a\nb" }), "`authorization`"),
        (json!({ "poll_endpoint": poll_endpoint }), "no `poll_endpoint`"),
        (json!({ "delivery": "poll", "access": null }), "needs `access`"),
        (json!({ "access": { "client_id": "actas", "client_secret": "s" } }), "`token_endpoint`"),
        (json!({ "access": {} }), "`client_id`"),
        (json!({ "max_silence": 0 }), "`max_silence`"),
    ] {
        let refusal = refusal(&change);
        assert!(refusal.contains("stream `okta`"), "{refusal}");
        assert!(refusal.contains(expected), "{change}: {refusal}");
    }
}

#[test]
fn does_not_show_its_secrets() {
    let shown = format!("{:?}", new(settings(ISSUER, &json!({}))).unwrap());
    assert!(!shown.contains(BEARER) && !shown.contains(AUTHORIZATION), "{shown}");
}

//! `/metrics`: what happened, in labels nobody outside can invent.

use std::collections::BTreeSet;

use crate::{
    database::Kind,
    http::Request,
    process::eventually,
    scene::{Scene, TOKEN},
    signals::{Listening, PUSH},
};

/// Every label name, and the values it may have.
const LABELS: [(&str, &[&str]); 9] = [
    ("outcome", &["issued", "refused", "unavailable", "applied", "duplicate", "ignored"]),
    ("org", &["acme"]),
    ("connection", &["corp"]),
    ("kind", &["introspection"]),
    ("answer", &["good", "no", "step_up", "throttled", "unknown"]),
    ("shared", &["yes", "no"]),
    ("source", &["push", "poll", "logout", "revocation", "scim"]),
    ("stream", &["ssf"]),
    (
        "reason",
        &[
            "none",
            "expired",
            "revoked",
            "no_grant",
            "grant_expired",
            "scope",
            "target",
            "presenter",
            "may_act",
            "chain",
            "policy",
            "subject_token",
            "actor_token",
            "malformed",
            "invalid_client",
            "approval_needed",
            "suspended",
            "step_up",
            "device",
            "risk",
            "conditional_access",
            "consent",
            "idp_unavailable",
            "store_unavailable",
            "keys_unavailable",
            "changed_meanwhile",
            "signalled_meanwhile",
            "too_late",
        ],
    ),
];

/// The samples of our own metrics: name, labels, value.
fn samples(text: &str) -> Vec<(&str, &str, f64)> {
    let ours = text.lines().filter(|line| line.starts_with("actas_"));
    let parsed = ours.map(|line| {
        let (sample, value) = line.rsplit_once(' ').unwrap();
        let (name, labels) = sample.split_once('{').unwrap_or((sample, "}"));
        (name, labels.strip_suffix('}').unwrap(), value.parse().unwrap())
    });
    parsed.collect()
}

fn count(text: &str, labels: &str) -> Option<f64> {
    let all = samples(text);
    let this =
        |(name, of, _): &&(&str, &str, f64)| *name == "actas_token_requests_total" && *of == labels;
    all.iter().find(this).map(|(_, _, value)| *value)
}

#[test]
fn token_requests_are_counted_by_what_became_of_them() {
    let scene = Scene::on(Kind::Sqlite);
    scene.send(&scene.happy()).token();
    scene.send(&scene.happy()).token();
    scene.send(&scene.happy().with("scope", "none")).refused(400, "invalid_scope", "scope");
    scene.send(&scene.happy().basic("orchestrator", "wrong")).refused(401, "invalid_client", "");
    let text = scene.server.get("/metrics").text().to_owned();
    assert_eq!(count(&text, r#"outcome="issued",reason="none""#), Some(2.0), "{text}");
    assert_eq!(count(&text, r#"outcome="refused",reason="scope""#), Some(1.0), "{text}");
    assert_eq!(count(&text, r#"outcome="refused",reason="invalid_client""#), Some(1.0), "{text}");
    let checked = "actas_idp_checks_total{answer=\"good\",connection=\"corp\",\
                   kind=\"introspection\",org=\"acme\",shared=\"no\"} 3";
    assert!(text.contains(checked), "{text}");
}

#[test]
fn no_label_is_made_of_what_was_sent() {
    let Listening { scene, .. } = Listening::on(Kind::Sqlite);
    let happy = scene.happy();
    let requests = [
        happy.clone(),
        happy.clone().with("scope", "marker-scope"),
        happy.clone().with("resource", "https://marker-target.example"),
        happy.clone().with("grant_type", "marker-grant"),
        happy.clone().with("subject_token", "marker-token"),
        happy.clone().with("subject_token_type", "marker-type"),
        happy.clone().basic("marker-client", "marker-secret"),
        happy.clone().header("x-request-id", "marker-request"),
        happy.clone().at("/o/marker-org/oauth/token"),
        Request::post(TOKEN, &[("marker-name", "marker-value")]),
        Request::get("/marker-path"),
        Request::post(PUSH, &[("marker-name", "marker-value")]),
        Request::post("/o/acme/signals/corp/streams/marker", &[]),
        Request::post("/o/acme/signals/marker/logout", &[]),
        Request::post("/o/marker/signals/corp/logout", &[]),
    ];
    for request in &requests {
        scene.send(request);
    }
    let reply = eventually("streams are shown", || {
        let reply = scene.server.get("/metrics");
        reply.text().contains("actas_signal_stream_age_seconds{").then_some(reply)
    });
    assert!(!reply.text().contains("marker"), "{}", reply.text());
    let mut seen = BTreeSet::new();
    for (name, labels, _) in samples(reply.text()) {
        for label in labels.split(',').filter(|label| !label.is_empty()) {
            let (label, value) = label.split_once('=').unwrap();
            let closed = LABELS.iter().find(|(known, _)| *known == label);
            let legal = closed.is_some_and(|(_, values)| values.contains(&value.trim_matches('"')));
            assert!(legal || (label == "le" && name.ends_with("_bucket")), "{name}{{{labels}}}");
            seen.insert(label.to_owned());
        }
    }
    assert_eq!(seen.len(), LABELS.len() + 1, "{seen:?}");
}

#[test]
fn the_format_is_the_one_of_prometheus() {
    let reply = Scene::on(Kind::Sqlite).server.get("/metrics");
    assert_eq!(reply.header("content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
    assert!(reply.text().contains("process_resident_memory_bytes"), "{}", reply.text());
}

//! One JSON object per line, with the request it is about, and never a secret.

use serde_json::Value;

use crate::{
    database::Kind,
    scene::{Scene, TOKEN},
};

#[test]
fn every_line_is_json_with_a_time_and_a_level() {
    let scene = Scene::on(Kind::Sqlite);
    scene.send(&scene.happy()).token();
    scene.send(&scene.happy().with("scope", "none")).refusal();
    for line in scene.server.log().lines() {
        let line: Value = serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}"));
        for member in ["timestamp", "level", "message"] {
            assert!(line[member].is_string(), "`{member}` is not in {line}");
        }
    }
}

#[test]
fn a_failure_is_logged_with_the_request_it_failed() {
    let scene = Scene::configured(Kind::Sqlite, |site| {
        site.configure("[keys]", "[upstream]\ndeadline_ms = 50\n\n[keys]");
    });
    scene.provider.hold_introspection();
    let reply = scene.send(&scene.happy().header("x-request-id", "order-66"));
    scene.provider.release_introspection();
    reply.refused(503, "temporarily_unavailable", "unavailable");
    assert_eq!(reply.header("x-request-id"), Some("order-66"));
    let line = scene.server.logs("it logs the failure", |line| line["request_id"] == "order-66");
    assert_eq!((&line["level"], &line["org"]), (&"WARN".into(), &"acme".into()));
    assert!(line["fault"].as_str().unwrap().contains("`corp`"), "{line}");
}

/// Whatever is logged at the most talkative level. The same is held for every server of these
/// tests at the level it has.
#[test]
fn neither_tokens_nor_secrets_are_ever_logged() {
    let scene = Scene::configured(Kind::Sqlite, |site| {
        site.configure("[keys]", "[log]\nfilter = \"trace\"\n\n[keys]");
    });
    let handed = scene.handed();
    scene.send(&scene.next_hop(&handed)).token();
    let secret = scene.secret("orchestrator");
    let in_body =
        [("client_id", "orchestrator"), ("client_secret", secret), ("subject_token", &handed)];
    scene.send(&crate::http::Request::post(TOKEN, &in_body)).refusal();
    let (_, signature) = handed.rsplit_once('.').unwrap();
    let log = scene.server.log();
    assert!(log.contains("\"level\":\"TRACE\""), "the level was not set");
    let secrets = scene.secrets.values().map(String::as_str);
    for never in secrets.chain([signature, "the-introspection-secret", "eyJ"]) {
        assert!(!log.contains(never), "`{never}` is in the log");
    }
}

#[test]
fn text_is_for_people() {
    let site = crate::scene::Site::on(Kind::Sqlite);
    site.configure("[keys]", "[log]\nformat = \"text\"\nfilter = \"info\"\n\n[keys]");
    site.configure("127.0.0.1:0", "203.0.113.1:1");
    let told = site.run(&["serve"]);
    assert_eq!(told.code, Some(1));
    assert!(!told.stderr.contains("{\""), "{}", told.stderr);
}

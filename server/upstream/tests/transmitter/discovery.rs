//! Where a transmitter is found, and what is believed of it.

use delegation::ports::Transmitter as _;
use serde_json::{Value, json};
use wiremock::{MockServer, ResponseTemplate};

use crate::fake::{Fake, ok, status, text};

const INSERTED: &str = "/.well-known/ssf-configuration/t1";
const APPENDED: &str = "/t1/.well-known/ssf-configuration";
const RISC: &str = "/.well-known/risc-configuration/t1";

/// Nothing is published yet.
async fn silent() -> Fake {
    Fake { server: MockServer::start().await }
}

async fn members(fake: &Fake) -> Result<Vec<String>, String> {
    fake.transmitter().critical_members().await.map_err(|fault| fault.to_string())
}

async fn asked(fake: &Fake) -> Vec<String> {
    let received = fake.server.received_requests().await.unwrap();
    received.iter().map(|request| request.url.path().to_owned()).collect()
}

#[tokio::test]
async fn is_found_where_it_may_be() {
    for (at, expected) in [
        (INSERTED, vec![INSERTED]),
        (APPENDED, vec![INSERTED, APPENDED]),
        (RISC, vec![INSERTED, APPENDED, RISC]),
    ] {
        let fake = silent().await;
        fake.serve("GET", at, ok(&fake.metadata())).await;
        assert_eq!(members(&fake).await.unwrap(), ["tenant"], "{at}");
        assert_eq!(asked(&fake).await, expected);
    }
}

#[tokio::test]
async fn is_asked_once() {
    let fake = Fake::start().await;
    let transmitter = fake.transmitter();
    for _ in 0..3 {
        transmitter.critical_members().await.unwrap();
    }
    assert_eq!(asked(&fake).await, [INSERTED]);
}

#[tokio::test]
async fn only_an_unknown_address_leads_to_the_next() {
    for (answer, expected) in [
        (status(500), "status 500"),
        (status(301), "redirect"),
        (status(403), "status 403"),
        (ResponseTemplate::new(200).set_body_raw("<html>", "text/html"), "application/json"),
        (ok(&json!({ "issuer": "https://elsewhere.example" })), "not the configured one"),
        (ok(&json!({ "pad": "x".repeat(70_000) })), "larger than"),
    ] {
        let fake = silent().await;
        fake.serve("GET", INSERTED, answer).await;
        fake.serve("GET", RISC, ok(&fake.metadata())).await;
        let fault = members(&fake).await.unwrap_err();
        assert!(fault.contains(expected) && fault.contains("stream `okta`"), "{fault}");
        assert_eq!(asked(&fake).await, [INSERTED]);
    }
}

#[tokio::test]
async fn says_that_there_is_none() {
    let fake = silent().await;
    assert!(members(&fake).await.unwrap_err().contains("SSF 1.0"));
}

/// What a transmitter does not have is said when it is needed, and not before.
#[tokio::test]
async fn says_what_is_missing() {
    let without = |fake: &Fake, name: &str| {
        let mut metadata = fake.metadata();
        metadata.as_object_mut().unwrap().remove(name);
        metadata
    };
    let fake = silent().await;
    let metadata: Value = without(&fake, "configuration_endpoint");
    fake.serve("GET", INSERTED, ok(&metadata)).await;
    let transmitter = fake.transmitter();
    assert!(text(transmitter.establish("x", None).await).contains("configuration_endpoint"));

    let fake = silent().await;
    fake.serve("GET", INSERTED, ok(&without(&fake, "jwks_uri"))).await;
    let fault = fake.transmitter().keys(None).await.unwrap_err().to_string();
    assert!(fault.contains("jwks_uri"), "{fault}");
}

//! Clients that ask for themselves, and what an agent does with such a token.

use serde_json::{Value, json};
use uuid::Uuid;

use super::fixture::{DOCUMENTS, Stage, claims, ours, refused, signed, told};
use crate::{
    issue::Issued,
    refusal::OAuthError,
    signal::tests::fixture::{NOW, US},
};

const OWN: &str = "grant_type=client_credentials";

fn ask(id: &str, more: &str) -> Result<Issued, OAuthError> {
    Stage::new().send(id, &format!("{OWN}{more}"))
}

/// RFC 9068 §2.2: "sub […] an identifier the authorization server uses to indicate the client".
#[test]
fn a_service_account_acts_for_itself() {
    let issued = ask("nightly", &format!("&resource={DOCUMENTS}")).unwrap();
    let told = told(&issued);
    let jti = told["jti"].clone();
    assert_eq!(
        told,
        json!({
            "iss": US, "sub": "service:nightly", "aud": DOCUMENTS, "client_id": "nightly",
            "iat": NOW, "exp": NOW + 300, "jti": jti, "scope": "documents:read", "org_id": "demo",
        })
    );
}

#[test]
fn a_service_account_has_what_it_was_granted_and_no_more() {
    let target = format!("&resource={DOCUMENTS}");
    for (more, expected) in [
        (String::new(), "invalid_target"),
        (format!("{target}&scope=documents:write"), "invalid_scope"),
        ("&audience=researcher".to_owned(), "invalid_target"),
        ("&audience=https://as.partner.example".to_owned(), "invalid_target"),
        ("&audience=internal.example".to_owned(), "invalid_target"),
        (format!("&audience={US}"), "invalid_target"),
    ] {
        assert_eq!(refused(ask("nightly", &more)).0, expected, "{more}");
    }
    let mut stage = Stage::new();
    stage.org.default_target = Some(DOCUMENTS.to_owned());
    assert!(stage.send("nightly", OWN).is_ok());
    // Without a grant of the organization there is nothing.
    let result = ask("researcher", "");
    assert_eq!(refused(result), ("unauthorized_client", Some("no_grant")));
}

#[test]
fn a_service_account_acts_for_nobody_else() {
    let subject = signed("at+jwt", &claims());
    let body = format!("{}access_token&subject_token={subject}", super::fixture::EXCHANGE);
    let body = format!("{body}&resource={DOCUMENTS}");
    let result = Stage::new().send("nightly", &body);
    assert_eq!(refused(result), ("unauthorized_client", Some("unauthorized_client")));
    assert!(Stage::new().send("orchestrator", &body).is_ok());
}

#[test]
fn an_agent_gets_a_token_that_says_who_it_is() {
    for more in [String::new(), format!("&audience={US}"), format!("&resource={US}")] {
        let told = told(&ask("orchestrator", &more).unwrap());
        assert_eq!((&told["sub"], &told["aud"]), (&json!("agent:orchestrator"), &json!(US)));
        assert!(told.get("act").is_none() && told.get("scope").is_none());
    }
    assert_eq!(refused(ask("orchestrator", &format!("&resource={DOCUMENTS}"))).0, "invalid_target");
    assert_eq!(refused(ask("orchestrator", "&scope=documents:read")).0, "invalid_scope");
}

/// Nobody acts for a client.
#[test]
fn a_clients_own_token_is_no_subject() {
    let stage = Stage::new();
    for (id, more) in
        [("nightly", format!("&resource={DOCUMENTS}")), ("orchestrator", String::new())]
    {
        let issued = stage.send(id, &format!("{OWN}{more}")).unwrap();
        let target = format!("&resource={DOCUMENTS}");
        let result = stage.exchange(("access_token", issued.access_token()), &target);
        assert_eq!(refused(result), ("invalid_request", Some("subject_token")), "{id}");
    }
}

fn acting(stage: &Stage, kind: &str, actor_token: &str) -> Result<Issued, OAuthError> {
    let more = format!(
        "&resource={DOCUMENTS}&actor_token={actor_token}\
         &actor_token_type=urn:ietf:params:oauth:token-type:{kind}"
    );
    stage.exchange(("access_token", &signed("at+jwt", &claims())), &more)
}

/// RFC 8693 §2.1: `actor_token`, here one of ours.
#[test]
fn an_agent_presents_its_own_token_as_actor_token() {
    let stage = Stage::new();
    let own = stage.send("orchestrator", OWN).unwrap();
    for kind in ["access_token", "jwt"] {
        let issued = acting(&stage, kind, own.access_token()).unwrap();
        assert_eq!(told(&issued)["act"], json!({ "iss": US, "sub": "agent:orchestrator" }));
    }
    let refusal = ("invalid_request", Some("actor_token"));
    assert_eq!(refused(acting(&stage, "id_token", own.access_token())), refusal);
    // Revoked, it is worth nothing.
    let id = told(&own)["jti"].as_str().unwrap().parse::<Uuid>().unwrap();
    stage.books.ended.lock().unwrap().push(id);
    assert_eq!(refused(acting(&stage, "access_token", own.access_token())), refusal);
}

#[test]
fn an_actor_token_of_ours_is_the_clients_own() {
    let stage = Stage::new();
    stage.grant(("", "", "researcher"), "", &[]);
    let refusal = ("invalid_request", Some("actor_token"));
    // Somebody else's, a service account's, a delegated one.
    let theirs = stage.send("researcher", OWN).unwrap();
    let service = stage.send("nightly", &format!("{OWN}&resource={DOCUMENTS}")).unwrap();
    let delegated = stage.of_claims(&claims()).unwrap();
    for token in [&theirs, &service, &delegated] {
        assert_eq!(refused(acting(&stage, "access_token", token.access_token())), refusal);
    }
    // What we never recorded, and what differs from what we did.
    let own = told(&stage.send("orchestrator", OWN).unwrap());
    let with = |name: &str, value: Value| {
        let mut claims = own.clone();
        claims[name] = value;
        ours(&stage, "at+jwt", &claims)
    };
    for (name, value) in [
        ("x", json!("other octets")),
        ("jti", json!(Uuid::from_u128(7).to_string())),
        ("jti", json!("7")),
        ("aud", json!("orchestrator")),
        ("sub", json!("agent:researcher")),
        ("client_id", json!("researcher")),
        ("org_id", json!("other")),
        ("act", json!({ "sub": "agent:orchestrator" })),
        ("exp", json!(NOW)),
    ] {
        let result = acting(&stage, "access_token", &with(name, value.clone()));
        assert_eq!(refused(result), refusal, "{name} {value}");
    }
    let again = stage.send("orchestrator", OWN).unwrap();
    assert!(acting(&stage, "access_token", again.access_token()).is_ok());
}

/// A token that is bound is the actor's only together with its key.
#[test]
fn a_bound_actor_token_needs_its_key() {
    let mut stage = Stage::new();
    stage.key = Some("k");
    let own = stage.send("orchestrator", OWN).unwrap();
    assert_eq!((own.token_type(), &told(&own)["cnf"]["jkt"]), ("DPoP", &json!("k")));
    assert!(acting(&stage, "access_token", own.access_token()).is_ok());
    for key in [None, Some("other")] {
        stage.key = key;
        let result = acting(&stage, "access_token", own.access_token());
        assert_eq!(refused(result), ("invalid_request", Some("actor_token")), "{key:?}");
    }
}

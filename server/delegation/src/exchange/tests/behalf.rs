//! Microsoft's on-behalf-of flow: code that was written for it.

use super::fixture::{DOCUMENTS, JWT_BEARER, Stage, claims, refused, signed, told, with};
use crate::{issue::Issued, refusal::OAuthError};
use serde_json::json;

fn ask_with(stage: &Stage, scope: &str, more: &str) -> Result<Issued, OAuthError> {
    let token = signed("at+jwt", &claims());
    // As MSAL sends it.
    let body = format!(
        "{JWT_BEARER}&client_id=orchestrator&client_secret=acs_orchestrator&assertion={token}\
         &requested_token_use=on_behalf_of&client_info=1&x-client-SKU=MSAL&scope={scope}{more}"
    );
    stage.send("orchestrator", &body)
}

fn ask(scope: &str) -> Result<Issued, OAuthError> {
    ask_with(&Stage::new(), scope, "")
}

#[test]
fn the_target_is_part_of_the_scope() {
    for (scope, granted) in [
        (format!("{DOCUMENTS}/.default"), "documents:read documents:write"),
        (
            format!("{DOCUMENTS}/.default openid profile offline_access"),
            "documents:read documents:write",
        ),
        (format!("{DOCUMENTS}/documents:read"), "documents:read"),
        (
            format!("{DOCUMENTS}/documents:read {DOCUMENTS}/documents:write openid"),
            "documents:read documents:write",
        ),
        (format!("{DOCUMENTS}/documents:read documents:write"), "documents:read documents:write"),
    ] {
        let issued = ask(&scope.replace(' ', "+")).unwrap();
        let claims = told(&issued);
        assert_eq!((&claims["aud"], issued.scope()), (&json!(DOCUMENTS), granted), "{scope}");
        assert_eq!(claims["act"]["sub"], "agent:orchestrator");
    }
    // Another agent is named by its id alone.
    assert_eq!(told(&ask("researcher/.default").unwrap())["aud"], "researcher");
}

#[test]
fn the_target_may_be_named_besides() {
    let named = format!("&resource={DOCUMENTS}");
    let issued = ask_with(&Stage::new(), "documents:read", &named).unwrap();
    assert_eq!(issued.scope(), "documents:read");
    let again = format!("{DOCUMENTS}/documents:read");
    assert!(ask_with(&Stage::new(), &again, &named).is_ok());
    let other = ask_with(&Stage::new(), "researcher/.default", &named);
    assert_eq!(refused(other), ("invalid_target", Some("target")));
}

#[test]
fn one_declared_resource_and_no_other() {
    for (scope, code) in [
        (format!("{DOCUMENTS}/documents:read+researcher/documents:read"), "invalid_target"),
        ("https://elsewhere.example/.default".to_owned(), "invalid_target"),
        ("https://elsewhere.example/documents:read".to_owned(), "invalid_target"),
        // Authorization servers and trust domains take no access tokens.
        ("https://as.partner.example/.default".to_owned(), "invalid_target"),
        ("documents:read".to_owned(), "invalid_target"),
        (format!("{DOCUMENTS}/.default+{DOCUMENTS}/documents:read"), "invalid_scope"),
        (format!("{DOCUMENTS}/admin"), "invalid_scope"),
    ] {
        assert_eq!(refused(ask(&scope)).0, code, "{scope}");
    }
}

#[test]
fn its_errors_are_those_of_a_grant() {
    let scope = format!("&requested_token_use=on_behalf_of&scope={DOCUMENTS}/.default");
    let send = |token: &str, more: &str| {
        let body = format!("{JWT_BEARER}&assertion={token}{more}");
        Stage::new().send("orchestrator", &body)
    };
    let good = signed("at+jwt", &claims());
    assert!(send(&good, &scope).is_ok());
    let strangers = signed("at+jwt", &with("aud", json!("somebody")));
    assert_eq!(refused(send(&strangers, &scope)), ("invalid_grant", Some("subject_token")));
    let theirs = signed("at+jwt", &with("may_act", json!({ "sub": "agent:researcher" })));
    assert_eq!(refused(send(&theirs, &scope)), ("invalid_grant", Some("may_act")));
    let other_use = scope.replace("on_behalf_of", "on_ones_own");
    assert_eq!(refused(send(&good, &other_use)), ("invalid_request", Some("malformed")));
    // Without the parameter it is an assertion, which an access token is not.
    let none = format!("&resource={DOCUMENTS}");
    assert_eq!(refused(send(&good, &none)).0, "invalid_grant");
}

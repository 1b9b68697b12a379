//! What each answer of an org comes to.

use delegation::ports::Hints;
use policy::{Access, Account, Risk, Session, Standing, StepUp};
use serde_json::{Value, json};
use wiremock::ResponseTemplate;

use super::{ID, Org, RISK, SESSION_AT, USER, problem, session, unknown, user};
use crate::{
    fake::{change, ok, question, requests, serve, serve_us},
    steps::{Fake, goes_on},
};

#[tokio::test]
async fn every_status_means_what_it_says() {
    let anew = Access::Demands(StepUp { max_age: Some(0), ..StepUp::default() });
    for (status, account, access) in [
        ("ACTIVE", Account::Active, Access::Unknown),
        ("LOCKED_OUT", Account::Active, anew.clone()),
        ("PASSWORD_EXPIRED", Account::Active, anew.clone()),
        ("RECOVERY", Account::Active, anew),
        ("SUSPENDED", Account::Suspended, Access::Unknown),
        ("DEPROVISIONED", Account::Suspended, Access::Unknown),
        ("STAGED", Account::Suspended, Access::Unknown),
        ("PROVISIONED", Account::Suspended, Access::Unknown),
    ] {
        let org = Org::<false>::start().await;
        change(&org.server, USER, ok(&user(status))).await;
        let standing = org.standing().await;
        assert_eq!(standing, Standing { account, access, ..org.well() }, "{status}");
        assert_eq!(goes_on(&standing), status == "ACTIVE", "{status}");
    }
}

#[tokio::test]
async fn what_okta_does_not_say_is_no_answer() {
    for body in [
        user("HIBERNATING"),
        json!({ "id": ID }),
        json!({ "id": ID, "status": null }),
        json!([ID, "ACTIVE", null, null]),
        json!({ "id": ID, "status": "ACTIVE", "profile": [ID] }),
        json!({ "id": ID, "status": ["ACTIVE"] }),
        json!({ "id": ID, "status": "ACTIVE", "passwordChanged": "yesterday" }),
        json!({ "id": "00u1", "status": "ACTIVE" }),
        // Somebody else who has our user's id for a login.
        json!({ "id": "00u1", "status": "ACTIVE", "profile": { "login": ID } }),
    ] {
        let org = Org::<false>::start().await;
        change(&org.server, USER, ok(&body)).await;
        let text = org.fault().await;
        assert!(text.contains("cannot be believed"), "{body}: {text}");
    }
}

#[tokio::test]
async fn who_has_no_password_of_their_own_has_not_changed_it() {
    let org = Org::<false>::start().await;
    let mut federated = user("ACTIVE");
    federated["passwordChanged"] = Value::Null;
    change(&org.server, USER, ok(&federated)).await;
    assert_eq!(org.standing().await, Standing { sessions_valid_from: None, ..org.well() });
}

/// A wrong address must not end everybody's delegations.
#[tokio::test]
async fn only_okta_itself_says_that_a_user_is_gone() {
    for response in [
        ResponseTemplate::new(404),
        ResponseTemplate::new(404).set_body_raw("<html>Not found</html>", "text/html"),
        ResponseTemplate::new(404).set_body_json(json!({ "error": "not found" })),
        ResponseTemplate::new(404).set_body_raw(r#"{"errorCode":"E0000007"}"#, "text/html"),
        problem(404, "E0000022", "The endpoint does not support the provided HTTP method"),
        problem(410, "E0000007", "Not found"),
    ] {
        let org = Org::<false>::start().await;
        change(&org.server, USER, response).await;
        let text = org.fault().await;
        assert!(text.contains("status 4"), "{text}");
    }
}

#[tokio::test]
async fn a_refusal_to_let_us_ask_is_no_answer() {
    for (at, says) in [
        (USER, "`okta.users.read`"),
        (SESSION_AT, "`okta.sessions.read`"),
        (RISK, "`okta.userRisk.read`"),
    ] {
        let org = Org::<true>::start().await;
        let forbidden = "You do not have permission to perform the requested action";
        change(&org.server, at, problem(403, "E0000006", forbidden)).await;
        let text = org.fault().await;
        assert!(text.contains(says), "{at}: {text}");
    }
}

/// Access tokens of Okta name the login as `sub`, and the id as `uid`; ID tokens the id as `sub`.
#[tokio::test]
async fn asks_by_id_or_else_by_login() {
    let org = Org::<false>::start().await;
    assert_eq!(org.ask(&question(ID, Hints::default())).await, Ok(org.well()));

    let by_login = question("Isaac.Brock@example.com", Hints::default());
    let at = "/api/v1/users/Isaac.Brock%40example.com";
    serve_us(&org.server, at, ok(&user("ACTIVE"))).await;
    assert_eq!(org.ask(&by_login).await, Ok(org.well()));

    // Okta also finds users by the beginning of their login.
    let by_short_name = question("isaac.brock", Hints::default());
    serve_us(&org.server, "/api/v1/users/isaac.brock", ok(&user("ACTIVE"))).await;
    let text = org.ask(&by_short_name).await.unwrap_err();
    assert!(text.contains("another user"), "{text}");
}

#[tokio::test]
async fn a_sub_that_is_no_login_ends_nobody() {
    let org = Org::<false>::start().await;
    serve(&org.server, "/api/v1/users/employee-17", unknown()).await;
    let text = org.ask(&question("employee-17", Hints::default())).await.unwrap_err();
    assert!(text.contains("for an id or a login"), "{text}");
}

#[tokio::test]
async fn a_name_stays_in_its_place() {
    let org = Org::<false>::start().await;
    serve(&org.server, "/api/v1/users/..%2Fgroups%3Fq=", unknown()).await;
    for name in ["..", ".", ""] {
        let text = org.ask(&question(name, Hints::default())).await.unwrap_err();
        assert!(text.contains("an id that can be asked for"), "{name}: {text}");
    }
    let text = org.ask(&question("../groups?q=", Hints::default())).await.unwrap_err();
    assert!(!text.contains("groups"), "{text}");
    let paths: Vec<_> = org.server.received_requests().await.unwrap();
    let asked = |path: &str| paths.iter().any(|request| request.url.path() == path);
    assert!(asked("/api/v1/users/..%2Fgroups%3Fq%3D") && !asked("/api/v1/groups"));
}

#[tokio::test]
async fn a_session_that_is_not_complete_asks_for_more() {
    for status in ["MFA_REQUIRED", "MFA_ENROLL"] {
        let org = Org::<true>::start().await;
        change(&org.server, SESSION_AT, ok(&session(status))).await;
        let standing = org.standing().await;
        assert!(matches!(standing.access, Access::Demands(_)), "{status}");
        assert_eq!(standing.session, Session::Unknown);
    }
}

#[tokio::test]
async fn somebody_elses_session_is_no_answer() {
    for (at, user) in [("userId", "00u1"), ("status", "EXPIRED")] {
        let org = Org::<true>::start().await;
        let mut other = session("ACTIVE");
        other[at] = json!(user);
        change(&org.server, SESSION_AT, ok(&other)).await;
        let text = org.fault().await;
        assert!(text.contains("cannot be believed"), "{text}");
    }
}

#[tokio::test]
async fn a_token_without_a_session_tells_of_none() {
    let org = Org::<true>::start().await;
    let hints = Hints { session: None, ..org.question().hints };
    let standing = org.ask(&question("isaac.brock@example.com", hints)).await;
    assert_eq!(standing, Ok(Standing { session: Session::Unknown, ..org.well() }));
    assert_eq!(requests(&org.server, SESSION_AT).await, 0);
}

#[tokio::test]
async fn tells_the_users_risk() {
    for (level, risk) in [
        ("NONE", None),
        ("LOW", Some(Risk::Low)),
        ("MEDIUM", Some(Risk::Medium)),
        ("HIGH", Some(Risk::High)),
    ] {
        let org = Org::<true>::start().await;
        change(&org.server, RISK, ok(&json!({ "riskLevel": level }))).await;
        let standing = org.standing().await;
        assert_eq!(standing, Standing { risk, ..org.well() }, "{level}");
        assert_eq!(goes_on(&standing), level != "HIGH", "{level}");
    }
    let org = Org::<true>::start().await;
    change(&org.server, RISK, ok(&json!({ "riskLevel": "EXTREME" }))).await;
    assert!(org.fault().await.contains("cannot be believed"));
}

/// Whoever said no was asked, whatever the others would have said.
#[tokio::test]
async fn a_no_waits_for_nobody_else() {
    for silent in [RISK, SESSION_AT] {
        let org = Org::<true>::start().await;
        change(&org.server, silent, ResponseTemplate::new(500)).await;
        assert!(org.fault().await.contains("status 500"), "a yes waits");
        change(&org.server, USER, ok(&user("SUSPENDED"))).await;
        assert_eq!(org.standing().await.account, Account::Suspended);
    }
}

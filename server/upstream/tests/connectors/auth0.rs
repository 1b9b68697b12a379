//! Auth0's Management API.

use delegation::ports::{Hints, Question};
use policy::{Account, Standing, Timestamp};
use serde_json::{Value, json};
use upstream::settings::CheckSettings;
use wiremock::{MockServer, ResponseTemplate};

use crate::{
    fake::{
        LONG, SERVICE_TOKEN, break_down, change, connection, detail, grant_tokens, ok, question,
        received, refusal, refused, serve, settings,
    },
    steps::{Fake, Then, goes_on, steps},
};

const USER: &str = "auth0|65f0";
/// As it is sent.
const PATH: &str = "/api/v2/users/auth0%7C65f0";

struct Auth0 {
    server: MockServer,
}

impl Auth0 {
    async fn says(&self, body: Value) -> Standing {
        change(&self.server, PATH, ok(&body)).await;
        let connection = connection(vec![self.check()], "https://idp.example", LONG);
        connection.standing(self.question()).await.unwrap().standing
    }

    async fn fault(&self, response: ResponseTemplate) -> String {
        change(&self.server, PATH, response).await;
        let connection = connection(vec![self.check()], "https://idp.example", LONG);
        detail(&connection.standing(self.question()).await.unwrap_err().fault)
    }
}

/// As Auth0 writes errors.
fn error(status: u16, name: &str, code: &str) -> ResponseTemplate {
    ResponseTemplate::new(status).set_body_json(json!({
        "statusCode": status, "error": name, "message": "As a test.", "errorCode": code,
    }))
}

impl Fake for Auth0 {
    async fn start() -> Self {
        let server = MockServer::start().await;
        let audience = format!("{}/api/v2/", server.uri());
        let form = [
            ("grant_type", "client_credentials"),
            ("client_id", "actas"),
            ("client_secret", "actas-secret"),
            ("audience", audience.as_str()),
        ];
        grant_tokens(&server, "/oauth/token", &form).await;
        serve(&server, PATH, ok(&json!({ "user_id": USER }))).await;
        Self { server }
    }

    fn server(&self) -> &MockServer {
        &self.server
    }

    fn check(&self) -> CheckSettings {
        settings(json!({
            "kind": "auth0", "url": self.server.uri(),
            "client_id": "actas", "client_secret": "actas-secret",
        }))
    }

    fn question(&self) -> Question {
        question(USER, Hints::default())
    }

    fn asked(&self) -> String {
        PATH.to_owned()
    }

    fn well(&self) -> Standing {
        Standing { account: Account::Active, ..Standing::default() }
    }

    async fn take(&self, step: Step) -> Then {
        match step {
            Step::DisableUser => {
                change(&self.server, PATH, ok(&json!({ "user_id": USER, "blocked": true }))).await;
                Then::Says(Standing { account: Account::Suspended, ..Standing::default() })
            }
            Step::RevokeSessions => Then::Unseen("a user does not show his sessions"),
            Step::ChangePassword => {
                let reset = "2026-11-22T10:01:00.123Z";
                let user = json!({ "user_id": USER, "last_password_reset": reset });
                change(&self.server, PATH, ok(&user)).await;
                let sessions_valid_from = Some(Timestamp(1_795_341_660));
                Then::Says(Standing { sessions_valid_from, ..self.well() })
            }
            Step::BreakDevice => Then::Unseen("it does not know devices"),
            Step::DeleteUser => {
                change(&self.server, PATH, error(404, "Not Found", "inexistent_user")).await;
                Then::Says(Standing { account: Account::Suspended, ..Standing::default() })
            }
            Step::ExpireCredential => {
                break_down(&self.server, "/oauth/token", refused("access_denied")).await;
                let expired = error(401, "Unauthorized", "invalid_token");
                break_down(&self.server, PATH, expired).await;
                Then::Fault("our own credentials")
            }
        }
    }
}

steps!(Auth0);

#[tokio::test]
async fn asks_for_three_members_and_no_more() {
    let auth0 = Auth0::start().await;
    auth0.says(json!({ "user_id": USER, "blocked": false })).await;
    let asked = received(&auth0.server, PATH).await;
    let query = "fields=user_id,blocked,last_password_reset&include_fields=true";
    assert_eq!(asked[0].url.query(), Some(query));
    let authorization = asked[0].headers["authorization"].to_str().unwrap();
    assert_eq!(authorization, format!("Bearer {SERVICE_TOKEN}"));
}

#[tokio::test]
async fn an_old_password_signs_nobody_out() {
    let auth0 = Auth0::start().await;
    // In the second of the sign-in.
    let reset = "2026-11-22T10:00:00.999Z";
    let user = json!({ "user_id": USER, "blocked": false, "last_password_reset": reset });
    assert!(goes_on(&auth0.says(user).await));
}

#[tokio::test]
async fn only_inexistent_user_means_that_the_user_is_gone() {
    for (response, says) in [
        (ResponseTemplate::new(404), "status 404"),
        (error(404, "Not Found", "other"), "status 404"),
        (ResponseTemplate::new(404).set_body_json(json!({ "error": "Not Found" })), "status 404"),
        (error(400, "Bad Request", "inexistent_user"), "status 400"),
        (error(403, "Forbidden", "insufficient_scope"), "`read:users`"),
    ] {
        let text = Auth0::start().await.fault(response).await;
        assert!(text.contains(says), "{text}");
    }
}

#[tokio::test]
async fn what_is_not_as_documented_is_a_fault() {
    for user in [
        json!({ "user_id": USER, "blocked": "false" }),
        json!({ "user_id": USER, "blocked": null }),
        json!({ "user_id": USER, "blocked": 0 }),
        json!({ "user_id": USER, "last_password_reset": "yesterday" }),
        json!({ "user_id": USER, "last_password_reset": 1 }),
        json!({ "user_id": "auth0|other" }),
        json!({ "blocked": false }),
        json!([USER]),
    ] {
        let text = Auth0::start().await.fault(ok(&user)).await;
        assert!(text.contains("cannot be believed"), "{user}: {text}");
    }
}

#[test]
fn says_what_is_wrong_with_its_settings() {
    assert!(refusal(json!({ "kind": "auth0", "url": "x" })).contains("`url`"));
    assert!(refusal(json!({ "kind": "auth0", "url": "https://x" })).contains("`client_id`"));
    let declared = json!({ "kind": "auth0", "url": "https://x", "bearer": "x", "blocked": true });
    assert!(refusal(declared).contains("`blocked`"));
}

//! Google Workspace, as the Directory API's reference describes it.

use delegation::ports::{Hints, Question};
use policy::{Account, Standing};
use serde_json::{Value, json};
use upstream::settings::CheckSettings;
use wiremock::{MockServer, ResponseTemplate};

use crate::{
    fake::{
        LONG, change, connection, detail, expire, grant_tokens, ok, private_key, question,
        received, refusal, requests, sent_form, serve_us, settings, value, verified,
    },
    steps::{Fake, Then, goes_on},
};

const ID: &str = "118084914938842123456";
const USER: &str = "/admin/directory/v1/users/118084914938842123456";
const TOKENS: &str = "/token";
const EMAIL: &str = "actas@project.iam.gserviceaccount.com";

struct Workspace {
    server: MockServer,
    private_key: String,
}

impl Workspace {
    fn declared(&self) -> Value {
        json!({
            "kind": "google",
            "client_email": EMAIL,
            "private_key": self.private_key,
            "subject": "admin@example.com",
            "token_endpoint": format!("{}{TOKENS}", self.server.uri()),
            "url": self.server.uri(),
        })
    }

    async fn ask(&self, question: &Question) -> Result<Standing, (String, Option<u64>)> {
        let connection = connection(vec![self.check()], &self.server.uri(), LONG);
        let answer = connection.standing(question.clone()).await;
        answer
            .map(|answer| answer.standing)
            .map_err(|fault| (detail(&fault.fault), fault.fault.retry_after()))
    }

    /// What becomes of `response` about our user.
    async fn given(response: ResponseTemplate) -> Result<Standing, (String, Option<u64>)> {
        let workspace = Self::start().await;
        change(&workspace.server, USER, response).await;
        workspace.ask(&workspace.question()).await
    }
}

impl Fake for Workspace {
    async fn start() -> Self {
        let server = MockServer::start().await;
        let grant = "urn:ietf:params:oauth:grant-type:jwt-bearer";
        grant_tokens(&server, TOKENS, &[("grant_type", grant), ("assertion", "*")]).await;
        serve_us(&server, USER, ok(&user())).await;
        Self { server, private_key: private_key() }
    }

    fn server(&self) -> &MockServer {
        &self.server
    }

    fn check(&self) -> CheckSettings {
        settings(self.declared())
    }

    fn question(&self) -> Question {
        question(ID, Hints { email: Some("liz@example.com".to_owned()), ..Hints::default() })
    }

    fn asked(&self) -> String {
        USER.to_owned()
    }

    fn well(&self) -> Standing {
        Standing { account: Account::Active, ..Standing::default() }
    }

    async fn take(&self, step: Step) -> Then {
        let suspended = Standing { account: Account::Suspended, ..Standing::default() };
        match step {
            Step::DisableUser => {
                let mut user = user();
                user["suspended"] = json!(true);
                user["suspensionReason"] = json!("ADMIN");
                change(&self.server, USER, ok(&user)).await;
                Then::Says(suspended)
            }
            Step::RevokeSessions => Then::Unseen("reset sign-in cookies are no field of the user"),
            Step::ChangePassword => Then::Unseen("no field says when a password was changed"),
            Step::BreakDevice => Then::Unseen("context-aware access cannot be asked"),
            Step::DeleteUser => {
                change(&self.server, USER, error(404, "notFound")).await;
                Then::Says(suspended)
            }
            Step::ExpireCredential => {
                expire(&self.server, TOKENS, USER, error(401, "authError")).await;
                Then::Fault("refused our own credentials")
            }
        }
    }
}

crate::steps::steps!(Workspace);

fn user() -> Value {
    json!({ "id": ID, "suspended": false, "archived": false })
}

/// An error of Google's APIs.
fn error(status: u16, reason: &str) -> ResponseTemplate {
    let message = "Resource Not Found: userKey";
    ResponseTemplate::new(status).set_body_json(json!({
        "error": {
            "code": status,
            "message": message,
            "errors": [{ "message": message, "domain": "global", "reason": reason }],
        },
    }))
}

#[tokio::test]
async fn whoever_is_suspended_archived_or_deleted_goes_no_further() {
    for (member, value) in [
        ("suspended", json!(true)),
        ("archived", json!(true)),
        ("deletionTime", json!("2026-11-22T10:05:00.000Z")),
    ] {
        let mut body = user();
        body[member] = value;
        let standing = Workspace::given(ok(&body)).await.unwrap();
        assert_eq!(standing.account, Account::Suspended, "{member}");
        assert!(!goes_on(&standing));
    }
    // The twin: who was never archived may lack the member.
    let body = json!({ "id": ID, "suspended": false });
    assert!(goes_on(&Workspace::given(ok(&body)).await.unwrap()));
}

#[tokio::test]
async fn what_google_does_not_say_is_no_answer() {
    for body in [
        // What users who are no administrators are shown.
        json!({ "id": ID }),
        json!({ "id": ID, "suspended": null }),
        json!({ "id": ID, "suspended": "false" }),
        json!({ "id": "1", "suspended": false }),
        json!({ "suspended": false }),
        json!([ID, false, false, null]),
    ] {
        let (text, _) = Workspace::given(ok(&body)).await.unwrap_err();
        assert!(text.contains("cannot be believed"), "{body}: {text}");
    }
}

/// Google's 403 is no word about the user.
#[tokio::test]
async fn a_403_means_slow_down_or_not_allowed() {
    for reason in ["userRateLimitExceeded", "rateLimitExceeded", "quotaExceeded"] {
        let workspace = Workspace::start().await;
        let connection = connection(vec![workspace.check()], &workspace.server.uri(), LONG);
        change(&workspace.server, USER, error(403, reason)).await;
        let fault = connection.standing(workspace.question()).await.unwrap_err();
        assert!(detail(&fault.fault).contains("slow down"), "{reason}");
        assert_eq!(fault.checks[0].answer, "throttled");
        // And for a moment nobody asks.
        let fault = connection.standing(workspace.question()).await.unwrap_err();
        assert_eq!(fault.fault.retry_after(), Some(1), "{reason}");
        assert_eq!(requests(&workspace.server, USER).await, 1);
    }
    for reason in ["forbidden", "accessNotConfigured", "insufficientPermissions", "domainPolicy"] {
        let (text, _) = Workspace::given(error(403, reason)).await.unwrap_err();
        assert!(text.contains("may not read this user"), "{reason}: {text}");
    }
    let empty = ResponseTemplate::new(403);
    assert!(Workspace::given(empty).await.unwrap_err().0.contains("may not read this user"));
}

#[tokio::test]
async fn only_the_api_itself_says_that_a_user_is_gone() {
    for response in [
        ResponseTemplate::new(404),
        ResponseTemplate::new(404).set_body_raw("<html>Error 404</html>", "text/html"),
        ResponseTemplate::new(404).set_body_json(json!({ "error": "not found" })),
        error(404, "domainNotFound"),
        error(400, "notFound"),
    ] {
        let (text, _) = Workspace::given(response).await.unwrap_err();
        assert!(text.contains("status 4"), "{text}");
    }
}

#[tokio::test]
async fn asks_by_googles_own_id_only() {
    let workspace = Workspace::start().await;
    for name in ["liz@example.com", "../groups", ""] {
        let (text, _) = workspace.ask(&question(name, Hints::default())).await.unwrap_err();
        assert!(text.contains("a user id of Google"), "{name}: {text}");
    }
    let hints = Hints { directory_id: Some(ID.to_owned()), ..Hints::default() };
    assert_eq!(workspace.ask(&question("liz", hints)).await, Ok(workspace.well()));
    assert_eq!(received(&workspace.server, USER).await.len(), 1);
}

/// RFC 7523 §2.1, as Google asks of service accounts.
#[tokio::test]
async fn asks_in_an_administrators_name() {
    let workspace = Workspace::start().await;
    workspace.ask(&workspace.question()).await.unwrap();
    let form = sent_form(&received(&workspace.server, TOKENS).await[0]);
    let at = format!("{}{TOKENS}", workspace.server.uri());
    let claims = verified(&value(&form, "assertion"), &workspace.private_key, EMAIL, &at);
    assert_eq!(claims["sub"], "admin@example.com");
    let scope = "https://www.googleapis.com/auth/admin.directory.user.readonly";
    assert_eq!(claims["scope"], scope);
    let asked = &received(&workspace.server, USER).await[0];
    assert_eq!(asked.url.query(), Some("fields=id,suspended,archived,deletionTime"));
}

#[test]
fn a_check_that_cannot_work_is_not_taken() {
    let good = json!({ "kind": "google", "client_email": EMAIL, "private_key": private_key() });
    drop(connection(vec![settings(good.clone())], "https://idp.example", LONG));
    for (name, wrong, says) in [
        ("client_email", Value::Null, "string"),
        ("private_key", json!("-----BEGIN PRIVATE KEY-----"), "`private_key`"),
        ("url", json!("admin.googleapis.com"), "`url`"),
        ("token_endpoint", json!("oauth2.googleapis.com"), "`url`"),
        ("client_secret", json!("x"), "client_secret"),
    ] {
        let mut declared = good.clone();
        declared[name] = wrong;
        let text = refusal(declared);
        assert!(text.contains(says), "{name}: {text}");
    }
}

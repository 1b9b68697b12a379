//! Okta, as its API reference describes it.

mod access;
mod answers;

use delegation::ports::{Hints, Question};
use policy::{Account, Risk, Session, Standing, Timestamp};
use serde_json::{Value, json};
use upstream::settings::CheckSettings;
use wiremock::{MockServer, ResponseTemplate};

use crate::{
    fake::{
        LONG, SIGNED_IN_AT, change, connection, detail, expire, grant_tokens, ok, private_key,
        question, serve_us, settings,
    },
    steps::{Fake, Step, Then},
};

const ID: &str = "00ub0oNGTSWTBKOLGLNR";
const SESSION: &str = "102l7FbDVqS8zHSy65uJD85";
const USER: &str = "/api/v1/users/00ub0oNGTSWTBKOLGLNR";
const RISK: &str = "/api/v1/users/00ub0oNGTSWTBKOLGLNR/risk";
const SESSION_AT: &str = "/api/v1/sessions/102l7FbDVqS8zHSy65uJD85";
const TOKENS: &str = "/oauth2/v1/token";
const PASSWORD_CHANGED: i64 = 1_767_323_045;

/// An org; asked about the user only, or about the session and the risk as well.
struct Org<const ALL: bool> {
    server: MockServer,
    private_key: String,
}

impl<const ALL: bool> Org<ALL> {
    fn declared(&self) -> Value {
        json!({
            "kind": "okta",
            "url": self.server.uri(),
            "client_id": "0oa1gjh63g214q0Hq0g4",
            "private_key": self.private_key,
            "sessions": ALL,
            "risk": ALL,
        })
    }

    async fn standing(&self) -> Standing {
        self.ask(&self.question()).await.unwrap()
    }

    async fn fault(&self) -> String {
        self.ask(&self.question()).await.unwrap_err()
    }

    async fn ask(&self, question: &Question) -> Result<Standing, String> {
        let connection = connection(vec![self.check()], &self.server.uri(), LONG);
        let answer = connection.standing(question.clone()).await;
        answer.map(|answer| answer.standing).map_err(|fault| detail(&fault.fault))
    }
}

impl<const ALL: bool> Fake for Org<ALL> {
    async fn start() -> Self {
        let server = MockServer::start().await;
        let form = [
            ("grant_type", "client_credentials"),
            ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"),
            ("client_assertion", "*"),
            ("scope", "*"),
        ];
        grant_tokens(&server, TOKENS, &form).await;
        serve_us(&server, USER, ok(&user("ACTIVE"))).await;
        serve_us(&server, SESSION_AT, ok(&session("ACTIVE"))).await;
        serve_us(&server, RISK, ok(&json!({ "riskLevel": "LOW", "reason": "x" }))).await;
        Self { server, private_key: private_key() }
    }

    fn server(&self) -> &MockServer {
        &self.server
    }

    fn check(&self) -> CheckSettings {
        settings(self.declared())
    }

    fn question(&self) -> Question {
        let hints = Hints {
            directory_id: Some(ID.to_owned()),
            session: Some(SESSION.to_owned()),
            ..Hints::default()
        };
        question("isaac.brock@example.com", hints)
    }

    fn asked(&self) -> String {
        USER.to_owned()
    }

    fn well(&self) -> Standing {
        Standing {
            account: Account::Active,
            sessions_valid_from: Some(Timestamp(PASSWORD_CHANGED)),
            session: if ALL { Session::Live } else { Session::Unknown },
            risk: ALL.then_some(Risk::Low),
            ..Standing::default()
        }
    }

    async fn take(&self, step: Step) -> Then {
        match step {
            Step::DisableUser => {
                change(&self.server, USER, ok(&user("SUSPENDED"))).await;
                Then::Says(Standing { account: Account::Suspended, ..self.well() })
            }
            // `DELETE /api/v1/users/{id}/sessions`
            Step::RevokeSessions if ALL => {
                change(&self.server, SESSION_AT, unknown()).await;
                Then::Says(Standing { session: Session::Ended, ..self.well() })
            }
            Step::RevokeSessions => {
                change(&self.server, SESSION_AT, unknown()).await;
                Then::Unseen("cleared sessions leave no trace at the user")
            }
            Step::ChangePassword => {
                let mut changed = user("ACTIVE");
                changed["passwordChanged"] = json!("2026-11-22T10:05:00.000Z");
                change(&self.server, USER, ok(&changed)).await;
                let changed_at = Some(Timestamp(SIGNED_IN_AT + 300));
                Then::Says(Standing { sessions_valid_from: changed_at, ..self.well() })
            }
            Step::BreakDevice => Then::Unseen("device assurance is judged at sign-on only"),
            Step::DeleteUser => {
                change(&self.server, USER, unknown()).await;
                let gone = Standing { account: Account::Suspended, ..self.well() };
                Then::Says(Standing { sessions_valid_from: None, ..gone })
            }
            Step::ExpireCredential => {
                let refused = problem(401, "E0000011", "Invalid token provided");
                expire(&self.server, TOKENS, USER, refused).await;
                Then::Fault("refused our own credentials")
            }
        }
    }
}

mod directory_only {
    crate::steps::steps!(super::Org<false>);
}

mod with_session_and_risk {
    crate::steps::steps!(super::Org<true>);
}

fn user(status: &str) -> Value {
    json!({
        "id": ID,
        "status": status,
        "created": "2026-01-02T03:04:05.000Z",
        "activated": null,
        "statusChanged": "2026-01-02T03:04:05.000Z",
        "lastLogin": "2026-11-22T10:00:00.000Z",
        "lastUpdated": "2026-01-02T03:04:05.000Z",
        "passwordChanged": "2026-01-02T03:04:05.000Z",
        "type": { "id": "otyfnjfba4ye7pgjB0g4" },
        "profile": { "login": "isaac.brock@example.com", "email": "isaac.brock@example.com" },
        "_links": { "self": { "href": "https://acme.okta.com/api/v1/users/00u" } },
    })
}

fn session(status: &str) -> Value {
    json!({
        "id": SESSION,
        "login": "isaac.brock@example.com",
        "userId": ID,
        "expiresAt": "2026-11-22T12:00:00.000Z",
        "status": status,
        "lastPasswordVerification": "2026-11-22T10:00:00.000Z",
        "amr": ["pwd"],
        "idp": { "id": "01o", "type": "OKTA" },
        "mfaActive": false,
    })
}

/// An error of Okta's.
fn problem(status: u16, code: &str, summary: &str) -> ResponseTemplate {
    ResponseTemplate::new(status).set_body_json(json!({
        "errorCode": code,
        "errorSummary": summary,
        "errorLink": code,
        "errorId": "sampleiCF-8D5rLW6myqiPItW",
        "errorCauses": [],
    }))
}

fn unknown() -> ResponseTemplate {
    problem(404, "E0000007", "Not found: Resource not found: 00ub0oNGTSWTBKOLGLNR (User)")
}

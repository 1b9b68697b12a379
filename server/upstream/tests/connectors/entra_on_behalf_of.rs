//! Microsoft Entra's token endpoint, as the on-behalf-of flow and its error codes are documented.

use delegation::ports::{Hints, Question};
use policy::{Access, Account, Denial, Session, Standing, StepUp};
use serde_json::{Value, json};
use upstream::settings::CheckSettings;
use wiremock::{MockServer, ResponseTemplate};

use crate::{
    fake::{
        LONG, SECRET, TOKEN, change, connection, detail, ok, question, received, refusal, requests,
        sent_form, serve, settings,
    },
    steps::{Fake, Then, goes_on},
};

const TOKENS: &str = "/contoso.onmicrosoft.com/oauth2/v2.0/token";
const CLIENT: &str = "00001111-aaaa-2222-bbbb-3333cccc4444";
const CLAIMS: &str = r#"{"access_token":{"polids":{"essential":true,"values":["9ab03e19-ed42-4168-b6b7-7001fb3e933a"]}}}"#;

struct Tenant {
    server: MockServer,
}

impl Tenant {
    async fn ask(&self) -> Result<Standing, String> {
        let connection = connection(vec![self.check()], &self.server.uri(), LONG);
        let answer = connection.standing(self.question()).await;
        answer.map(|answer| answer.standing).map_err(|fault| detail(&fault.fault))
    }

    /// What becomes of `response`.
    async fn given(response: ResponseTemplate) -> Result<Standing, String> {
        let tenant = Self::start().await;
        change(&tenant.server, TOKENS, response).await;
        tenant.ask().await
    }
}

fn declared(uri: &str) -> Value {
    json!({
        "kind": "entra_on_behalf_of",
        "tenant": "contoso.onmicrosoft.com",
        "client_id": CLIENT,
        "client_secret": SECRET,
        "login_url": uri,
    })
}

impl Fake for Tenant {
    async fn start() -> Self {
        let server = MockServer::start().await;
        let minted = json!({
            "token_type": "Bearer",
            "scope": "https://graph.microsoft.com/user.read",
            "expires_in": 3269,
            "ext_expires_in": 0,
            "access_token": "eyJ0eXAiOiJKV1QiLCJub25jZSI6InMifQ.minted.cret",
        });
        serve(&server, TOKENS, ok(&minted)).await;
        Self { server }
    }

    fn server(&self) -> &MockServer {
        &self.server
    }

    fn check(&self) -> CheckSettings {
        settings(declared(&self.server.uri()))
    }

    fn question(&self) -> Question {
        question("AAAAAAAAAAAAAAAAAAAAAIkzqFVrSaSaFHy782bbtaQ", Hints::default())
    }

    fn asked(&self) -> String {
        TOKENS.to_owned()
    }

    fn well(&self) -> Standing {
        Standing {
            account: Account::Active,
            session: Session::Live,
            access: Access::Allowed,
            ..Standing::default()
        }
    }

    async fn take(&self, step: Step) -> Then {
        let says = |standing| Then::Says(standing);
        let (response, then) = match step {
            Step::DisableUser => (error("invalid_grant", 50057), says(suspended())),
            Step::RevokeSessions | Step::ChangePassword => {
                (error("invalid_grant", 50173), says(demands(anew())))
            }
            Step::BreakDevice => {
                let device = StepUp { device: true, ..StepUp::default() };
                (error("interaction_required", 53000), says(demands(device)))
            }
            Step::DeleteUser => (error("invalid_grant", 50034), says(suspended())),
            Step::ExpireCredential => {
                let expired = error("invalid_client", 7_000_222);
                (expired, Then::Fault("refused our own credentials"))
            }
        };
        change(&self.server, TOKENS, response).await;
        then
    }
}

crate::steps::steps!(Tenant);

fn suspended() -> Standing {
    Standing { account: Account::Suspended, ..Standing::default() }
}

fn judged(access: Access) -> Standing {
    Standing { account: Account::Active, access, ..Standing::default() }
}

fn demands(step_up: StepUp) -> Standing {
    judged(Access::Demands(step_up))
}

fn denied(denial: Denial) -> Standing {
    judged(Access::Denied(denial))
}

fn anew() -> StepUp {
    StepUp { max_age: Some(0), ..StepUp::default() }
}

fn problem(error: &str, code: u32) -> Value {
    json!({
        "error": error,
        "error_description": format!("AADSTS{code}: Due to a change. Trace ID: 0f72"),
        "error_codes": [code],
        "timestamp": "2026-11-22 10:05:00Z",
        "trace_id": "0f72", "correlation_id": "d2c4",
    })
}

fn bad_request(body: &Value) -> ResponseTemplate {
    ResponseTemplate::new(400).set_body_json(body)
}

fn error(error: &str, code: u32) -> ResponseTemplate {
    let status = if error == "invalid_client" { 401 } else { 400 };
    ResponseTemplate::new(status).set_body_json(problem(error, code))
}

/// The table of the error codes, each as `invalid_grant` and without a `suberror`.
#[tokio::test]
async fn every_code_means_what_is_documented() {
    let device = || demands(StepUp { device: true, ..StepUp::default() });
    let ended = Standing { session: Session::Ended, ..Standing::default() };
    for (codes, expected) in [
        (&[50076, 50079, 50078, 50158][..], demands(StepUp::default())),
        (&[50097, 53000, 53001, 53002, 53009, 530_003], device()),
        (&[53003, 530_032, 53004], denied(Denial::ConditionalAccess)),
        (&[50057, 50034, 50053, 500_341], suspended()),
        (&[50173, 700_082, 70043, 70008, 50133, 50132], demands(anew())),
        (&[50013, 500_133], ended),
        (&[65001], denied(Denial::Consent)),
        // One nobody knows.
        (&[59999], denied(Denial::ConditionalAccess)),
    ] {
        for code in codes {
            let standing = Tenant::given(error("invalid_grant", *code)).await.unwrap();
            assert_eq!(standing, expected, "AADSTS{code}");
            assert!(!goes_on(&standing));
        }
    }
}

/// Microsoft: codes may change at any time, `error` and `suberror` are to be relied on.
#[tokio::test]
async fn what_no_code_says_the_words_do() {
    for (error, suberror, expected) in [
        ("invalid_grant", "basic_action", demands(StepUp::default())),
        ("invalid_grant", "additional_action", demands(StepUp::default())),
        ("invalid_grant", "bad_token", demands(anew())),
        ("invalid_grant", "token_expired", demands(anew())),
        ("invalid_grant", "user_password_expired", demands(anew())),
        ("invalid_grant", "consent_required", denied(Denial::Consent)),
        ("invalid_grant", "message_only", denied(Denial::ConditionalAccess)),
        ("invalid_grant", "something_new", denied(Denial::ConditionalAccess)),
        ("interaction_required", "something_new", demands(StepUp::default())),
        ("login_required", "", demands(StepUp::default())),
        ("consent_required", "", denied(Denial::Consent)),
        ("access_denied", "", denied(Denial::ConditionalAccess)),
        ("something_new", "", denied(Denial::ConditionalAccess)),
    ] {
        let mut body = problem(error, 59999);
        body["suberror"] = json!(suberror);
        let standing = Tenant::given(bad_request(&body)).await.unwrap();
        assert_eq!(standing, expected, "{error} {suberror}");
        assert!(!goes_on(&standing));
    }
    // Not even a code.
    let standing = Tenant::given(bad_request(&json!({ "error": "invalid_grant" }))).await;
    assert_eq!(standing, Ok(denied(Denial::ConditionalAccess)));
}

#[tokio::test]
async fn of_words_and_code_the_stricter_counts() {
    for (suberror, code, expected) in [
        ("basic_action", 53003, denied(Denial::ConditionalAccess)),
        ("basic_action", 50057, suspended()),
        ("message_only", 53000, demands(StepUp { device: true, ..StepUp::default() })),
        ("bad_token", 50173, demands(anew())),
    ] {
        let mut body = problem("invalid_grant", code);
        body["suberror"] = json!(suberror);
        let standing = Tenant::given(bad_request(&body)).await.unwrap();
        assert_eq!(standing.account, expected.account, "{suberror} {code}");
        if standing.account != Account::Suspended {
            assert_eq!(standing, expected, "{suberror} {code}");
        }
        assert!(!goes_on(&standing));
    }
}

#[tokio::test]
async fn a_claims_challenge_is_passed_on_as_it_is() {
    for code in [50076, 50079, 53000, 50173] {
        let mut body = problem("interaction_required", code);
        body["claims"] = json!(CLAIMS);
        let standing = Tenant::given(bad_request(&body)).await.unwrap();
        let Access::Demands(step_up) = standing.access else { panic!("AADSTS{code}") };
        assert_eq!(step_up.claims.as_deref(), Some(CLAIMS), "AADSTS{code}");
    }
    let long = format!(r#"{{"access_token":"{}"}}"#, "x".repeat(9000));
    for claims in ["", "eyJhbGciOiJub25lIn0", "[]", "\"x\"", long.as_str()] {
        let mut body = problem("interaction_required", 50076);
        body["claims"] = json!(claims);
        let standing = Tenant::given(bad_request(&body)).await;
        assert_eq!(standing, Ok(demands(StepUp::default())), "{claims:.20}");
    }
}

/// Our own secret, our configuration: never a word about the user.
#[tokio::test]
async fn what_is_wrong_with_us_is_no_answer() {
    for (name, code, says) in [
        ("invalid_client", 7_000_215, "refused our own credentials"),
        ("invalid_client", 7_000_222, "refused our own credentials"),
        ("unauthorized_client", 700_016, "refused our own credentials"),
        ("invalid_request", 90002, "AADSTS90002"),
        ("invalid_scope", 70011, "AADSTS70011"),
        ("invalid_resource", 500_011, "AADSTS500011"),
        ("invalid_grant", 500_131, "audience"),
    ] {
        let text = Tenant::given(error(name, code)).await.unwrap_err();
        assert!(text.contains(says), "AADSTS{code}: {text}");
    }
}

#[tokio::test]
async fn what_will_pass_is_no_answer() {
    for (name, code) in [
        ("temporarily_unavailable", 90033),
        ("server_error", 59999),
        ("invalid_grant", 90033),
        ("invalid_request", 50196),
    ] {
        let tenant = Tenant::start().await;
        let connection = connection(vec![tenant.check()], &tenant.server.uri(), LONG);
        change(&tenant.server, TOKENS, error(name, code)).await;
        let fault = connection.standing(tenant.question()).await.unwrap_err();
        assert!(detail(&fault.fault).contains("slow down"), "AADSTS{code}");
        // And for a moment nobody asks.
        assert!(connection.standing(tenant.question()).await.is_err());
        assert_eq!(requests(&tenant.server, TOKENS).await, 1);
    }
}

#[tokio::test]
async fn an_error_that_cannot_be_read_is_no_answer() {
    for response in [
        ResponseTemplate::new(400),
        ResponseTemplate::new(400).set_body_raw("<html>Proxy error</html>", "text/html"),
        bad_request(&json!({ "error": 1 })),
        bad_request(&json!({ "error_codes": [50057] })),
        bad_request(&json!([])),
        ResponseTemplate::new(404).set_body_json(problem("invalid_grant", 50057)),
        ok(&json!({ "access_token": "" })),
        ok(&json!({ "access_token": null })),
        ok(&problem("invalid_grant", 50057)),
    ] {
        assert!(Tenant::given(response).await.is_err());
    }
}

#[tokio::test]
async fn asks_on_behalf_of_the_user_every_time() {
    let tenant = Tenant::start().await;
    let connection = connection(vec![tenant.check()], &tenant.server.uri(), LONG);
    for _ in 0..2 {
        connection.standing(tenant.question()).await.unwrap();
    }
    let asked = received(&tenant.server, TOKENS).await;
    assert_eq!(asked.len(), 2);
    let form = sent_form(&asked[0]);
    let sent: Vec<_> = form.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    let expected = [
        ("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer"),
        ("client_id", CLIENT),
        ("client_secret", SECRET),
        ("assertion", TOKEN),
        ("scope", "https://graph.microsoft.com/.default"),
        ("requested_token_use", "on_behalf_of"),
    ];
    assert_eq!(sent, expected);
}

/// Only tokens of users can be exchanged; about a client nobody is asked here, and nobody vouches.
#[tokio::test]
async fn a_client_has_nobody_behind_it() {
    let tenant = Tenant::start().await;
    let connection = connection(vec![tenant.check()], &tenant.server.uri(), LONG);
    let question = Question { is_client: true, ..tenant.question() };
    let fault = connection.standing(question).await.unwrap_err();
    assert!(detail(&fault.fault).contains("nobody who knows"));
    assert_eq!(requests(&tenant.server, TOKENS).await, 0);
}

#[tokio::test]
async fn without_a_token_there_is_nothing_to_ask() {
    let tenant = Tenant::start().await;
    let connection = connection(vec![tenant.check()], &tenant.server.uri(), LONG);
    let question = Question { token: None, ..tenant.question() };
    let fault = connection.standing(question).await.unwrap_err();
    assert!(detail(&fault.fault).contains("needs a token"));
}

#[test]
fn a_check_that_cannot_work_is_not_taken() {
    let good = declared("https://login.example");
    drop(connection(vec![settings(good.clone())], "https://idp.example", LONG));
    for (name, wrong, says) in [
        ("tenant", json!(""), "`tenant`"),
        ("client_secret", Value::Null, "string"),
        ("login_url", json!("login"), "`url`"),
        ("risk", json!(true), "risk"),
    ] {
        let mut declared = good.clone();
        declared[name] = wrong;
        let text = refusal(declared);
        assert!(text.contains(says), "{name}: {text}");
    }
}

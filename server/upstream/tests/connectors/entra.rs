//! Microsoft Graph, as its reference describes it.

use delegation::ports::{Hints, Question};
use policy::{Account, Device, Risk, Standing, Timestamp};
use serde_json::{Value, json};
use upstream::settings::CheckSettings;
use wiremock::{MockServer, ResponseTemplate};

use crate::{
    fake::{
        LONG, SECRET, SIGNED_IN_AT, change, connection, detail, expire, grant_tokens, ok, question,
        received, refusal, requests, sent_form, serve_us, settings, value,
    },
    steps::{Fake, Step, Then, goes_on},
};

const OID: &str = "6ea91a8d-e32e-41a1-b7bd-d2d185eed0e0";
const DEVICE: &str = "4299645b-35ef-4ee7-8aeb-0c2e4a1dc0a1";
const USER: &str = "/v1.0/users/6ea91a8d-e32e-41a1-b7bd-d2d185eed0e0";
const DEVICE_AT: &str = "/v1.0/devices(deviceId='4299645b-35ef-4ee7-8aeb-0c2e4a1dc0a1')";
const RISK: &str = "/v1.0/identityProtection/riskyUsers/6ea91a8d-e32e-41a1-b7bd-d2d185eed0e0";
const TOKENS: &str = "/contoso.onmicrosoft.com/oauth2/v2.0/token";
const CLIENT: &str = "00001111-aaaa-2222-bbbb-3333cccc4444";

/// A tenant; asked about the user only, or about the device and the risk as well.
struct Tenant<const ALL: bool> {
    server: MockServer,
}

impl<const ALL: bool> Tenant<ALL> {
    async fn ask(&self, question: &Question) -> Result<Standing, String> {
        let connection = connection(vec![self.check()], &self.server.uri(), LONG);
        let answer = connection.standing(question.clone()).await;
        answer.map(|answer| answer.standing).map_err(|fault| detail(&fault.fault))
    }

    /// What becomes of `response` when `at` is asked.
    async fn given(at: &str, response: ResponseTemplate) -> Result<Standing, String> {
        let tenant = Self::start().await;
        change(&tenant.server, at, response).await;
        tenant.ask(&tenant.question()).await
    }
}

fn declared(uri: &str, all: bool) -> Value {
    json!({
        "kind": "entra",
        "tenant": "contoso.onmicrosoft.com",
        "client_id": CLIENT,
        "client_secret": SECRET,
        "device": all,
        "risk": all,
        "graph_url": uri,
        "login_url": uri,
    })
}

impl<const ALL: bool> Fake for Tenant<ALL> {
    async fn start() -> Self {
        let server = MockServer::start().await;
        let scope = format!("{}/.default", server.uri());
        let form = [
            ("grant_type", "client_credentials"),
            ("client_id", CLIENT),
            ("client_secret", SECRET),
            ("scope", scope.as_str()),
        ];
        grant_tokens(&server, TOKENS, &form).await;
        serve_us(&server, USER, ok(&user())).await;
        serve_us(&server, DEVICE_AT, ok(&device())).await;
        serve_us(&server, RISK, error(404, "ResourceNotFound")).await;
        Self { server }
    }

    fn server(&self) -> &MockServer {
        &self.server
    }

    fn check(&self) -> CheckSettings {
        settings(declared(&self.server.uri(), ALL))
    }

    fn question(&self) -> Question {
        let hints = Hints {
            directory_id: Some(OID.to_owned()),
            device: Some(DEVICE.to_owned()),
            ..Hints::default()
        };
        question("AAAAAAAAAAAAAAAAAAAAAIkzqFVrSaSaFHy782bbtaQ", hints)
    }

    fn asked(&self) -> String {
        USER.to_owned()
    }

    fn well(&self) -> Standing {
        let known = ALL.then_some(true);
        Standing {
            account: Account::Active,
            sessions_valid_from: Some(Timestamp(1_767_323_045)),
            device: Device { compliant: known, managed: known },
            ..Standing::default()
        }
    }

    async fn take(&self, step: Step) -> Then {
        match step {
            Step::DisableUser => {
                let mut user = user();
                user["accountEnabled"] = json!(false);
                change(&self.server, USER, ok(&user)).await;
                Then::Says(Standing { account: Account::Suspended, ..self.well() })
            }
            // `POST /users/{id}/revokeSignInSessions` moves it; so does a new password.
            Step::RevokeSessions | Step::ChangePassword => {
                let mut user = user();
                user["signInSessionsValidFromDateTime"] = json!("2026-11-22T10:05:00Z");
                change(&self.server, USER, ok(&user)).await;
                let from = Some(Timestamp(SIGNED_IN_AT + 300));
                Then::Says(Standing { sessions_valid_from: from, ..self.well() })
            }
            Step::BreakDevice => {
                let mut device = device();
                device["isCompliant"] = json!(false);
                change(&self.server, DEVICE_AT, ok(&device)).await;
                if ALL {
                    let device = Device { compliant: Some(false), managed: Some(true) };
                    Then::Says(Standing { device, ..self.well() })
                } else {
                    Then::Unseen("devices are not asked about unless that is declared")
                }
            }
            Step::DeleteUser => {
                change(&self.server, USER, error(404, "Request_ResourceNotFound")).await;
                let gone = Standing { account: Account::Suspended, ..self.well() };
                Then::Says(Standing { sessions_valid_from: None, ..gone })
            }
            Step::ExpireCredential => {
                let refused = error(401, "InvalidAuthenticationToken");
                expire(&self.server, TOKENS, USER, refused).await;
                Then::Fault("refused our own credentials")
            }
        }
    }
}

mod user_only {
    crate::steps::steps!(super::Tenant<false>);
}

mod with_device_and_risk {
    crate::steps::steps!(super::Tenant<true>);
}

fn user() -> Value {
    json!({
        "@odata.context": "https://graph.microsoft.com/v1.0/$metadata#users(id)/$entity",
        "id": OID,
        "accountEnabled": true,
        "signInSessionsValidFromDateTime": "2026-01-02T03:04:05Z",
        "deletedDateTime": null,
    })
}

fn device() -> Value {
    json!({ "deviceId": DEVICE, "accountEnabled": true, "isCompliant": true, "isManaged": true })
}

/// An error of Graph's.
fn error(status: u16, code: &str) -> ResponseTemplate {
    ResponseTemplate::new(status).set_body_json(json!({
        "error": {
            "code": code,
            "message": "Resource '6ea91a8d' does not exist.",
            "innerError": { "date": "2026-11-22T10:05:00", "request-id": "b1c2" },
        },
    }))
}

fn with(mut body: Value, member: &str, value: Value) -> ResponseTemplate {
    body[member] = value;
    ok(&body)
}

#[tokio::test]
async fn a_deleted_user_may_still_be_read() {
    let deleted = with(user(), "deletedDateTime", json!("2026-11-22T10:05:00Z"));
    let standing = Tenant::<false>::given(USER, deleted).await.unwrap();
    assert_eq!(standing.account, Account::Suspended);
    assert!(!goes_on(&standing));
}

#[tokio::test]
async fn what_graph_does_not_say_is_no_answer() {
    for response in [
        // What an app that may not read it is shown.
        with(user(), "accountEnabled", Value::Null),
        ok(&json!({ "id": OID })),
        ok(&json!([OID, true, null, null])),
        with(user(), "accountEnabled", json!("true")),
        with(user(), "signInSessionsValidFromDateTime", json!("yesterday")),
        with(user(), "id", json!(DEVICE)),
        with(user(), "id", json!("alice")),
    ] {
        let text = Tenant::<false>::given(USER, response).await.unwrap_err();
        assert!(text.contains("cannot be believed"), "{text}");
    }
}

/// A wrong address must not end everybody's delegations.
#[tokio::test]
async fn only_the_directory_itself_says_that_a_user_is_gone() {
    for response in [
        ResponseTemplate::new(404),
        ResponseTemplate::new(404).set_body_raw("<html>Not found</html>", "text/html"),
        ResponseTemplate::new(404).set_body_json(json!({ "code": "Request_ResourceNotFound" })),
        error(404, "BadRequest"),
        error(404, "ResourceNotFound"),
        error(400, "Request_ResourceNotFound"),
    ] {
        assert!(Tenant::<false>::given(USER, response).await.is_err());
    }
}

#[tokio::test]
async fn a_refusal_to_let_us_ask_is_no_answer() {
    for (at, says) in
        [(USER, "`User.Read.All`"), (DEVICE_AT, "`Device.Read.All`"), (RISK, "IdentityRiskyUser")]
    {
        let refused = error(403, "Authorization_RequestDenied");
        let text = Tenant::<true>::given(at, refused).await.unwrap_err();
        assert!(text.contains(says), "{at}: {text}");
    }
}

/// `sub` is another one for each app; `oid` is the user's.
#[tokio::test]
async fn a_token_without_an_oid_names_nobody() {
    let tenant = Tenant::<false>::start().await;
    for id in [None, Some("alice@contoso.com"), Some("../groups"), Some("")] {
        let hints = Hints { directory_id: id.map(str::to_owned), ..Hints::default() };
        let text = tenant.ask(&question(OID, hints)).await.unwrap_err();
        assert!(text.contains("`oid`"), "{text}");
    }
    assert!(tenant.server.received_requests().await.unwrap().is_empty());
}

#[tokio::test]
async fn tells_of_the_device() {
    let absent = error(404, "Request_ResourceNotFound");
    for (response, compliant, managed) in [
        (ok(&device()), Some(true), Some(true)),
        (with(device(), "isCompliant", json!(false)), Some(false), Some(true)),
        (with(device(), "isCompliant", Value::Null), None, Some(true)),
        (with(device(), "isManaged", json!(false)), Some(true), Some(false)),
        (with(device(), "accountEnabled", json!(false)), Some(false), Some(true)),
        (absent, Some(false), Some(false)),
    ] {
        let standing = Tenant::<true>::given(DEVICE_AT, response).await.unwrap();
        assert_eq!(standing.device, Device { compliant, managed });
        assert_eq!(goes_on(&standing), compliant != Some(false));
    }
    let other = with(device(), "deviceId", json!(OID));
    let text = Tenant::<true>::given(DEVICE_AT, other).await.unwrap_err();
    assert!(text.contains("another device"), "{text}");
}

#[tokio::test]
async fn a_token_without_a_device_tells_of_none() {
    let tenant = Tenant::<true>::start().await;
    let hints = |device: Option<&str>| Hints {
        directory_id: Some(OID.to_owned()),
        device: device.map(str::to_owned),
        ..Hints::default()
    };
    let standing = tenant.ask(&question("alice", hints(None))).await.unwrap();
    assert_eq!(standing.device, Device::default());
    assert_eq!(requests(&tenant.server, DEVICE_AT).await, 0);
    for device in ["", "laptop", "x')/registeredOwners('"] {
        let text = tenant.ask(&question("alice", hints(Some(device)))).await.unwrap_err();
        assert!(text.contains("a device id of Entra"), "{text}");
    }
}

#[tokio::test]
async fn tells_of_the_users_risk() {
    for (state, level, risk) in [
        ("atRisk", "low", Some(Risk::Low)),
        ("atRisk", "medium", Some(Risk::Medium)),
        ("atRisk", "high", Some(Risk::High)),
        ("atRisk", "hidden", Some(Risk::Medium)),
        ("confirmedCompromised", "low", Some(Risk::High)),
        ("remediated", "none", None),
        ("dismissed", "high", None),
        ("confirmedSafe", "none", None),
        ("none", "none", None),
    ] {
        let body = json!({ "id": OID, "riskLevel": level, "riskState": state });
        let standing = Tenant::<true>::given(RISK, ok(&body)).await.unwrap();
        assert_eq!(standing.risk, risk, "{state} {level}");
        assert_eq!(goes_on(&standing), risk != Some(Risk::High));
    }
    let unknown = json!({ "id": OID, "riskLevel": "unknownFutureValue", "riskState": "atRisk" });
    assert!(Tenant::<true>::given(RISK, ok(&unknown)).await.is_err());
    assert!(Tenant::<true>::given(RISK, ResponseTemplate::new(404)).await.is_err());
}

/// One a second for a tenant and all its apps: of 60 a minute 70 %, and a burst of seven.
#[tokio::test]
async fn risk_has_a_budget_of_its_own() {
    let tenant = Tenant::<true>::start().await;
    let connection = connection(vec![tenant.check()], &tenant.server.uri(), LONG);
    let mut asked = 0;
    let fault = loop {
        match connection.standing(tenant.question()).await {
            Ok(_) => asked += 1,
            Err(fault) => break fault.fault,
        }
    };
    assert!((7..20).contains(&asked), "{asked}");
    assert!(detail(&fault).contains("used up"));
    assert_eq!(requests(&tenant.server, RISK).await, asked);
    // The user's account is not held up by it: the twin without risk.
    let plain = Tenant::<false>::start().await;
    for _ in 0..30 {
        plain.ask(&plain.question()).await.unwrap();
    }
}

#[tokio::test]
async fn asks_once_for_what_it_needs() {
    let tenant = Tenant::<false>::start().await;
    tenant.ask(&tenant.question()).await.unwrap();
    let asked = received(&tenant.server, USER).await;
    assert_eq!(asked.len(), 1);
    let select = "$select=id,accountEnabled,signInSessionsValidFromDateTime,deletedDateTime";
    assert_eq!(asked[0].url.query(), Some(select));
    let form = sent_form(&received(&tenant.server, TOKENS).await[0]);
    assert_eq!(value(&form, "client_secret"), SECRET);
    assert_eq!(tenant.server.received_requests().await.unwrap().len(), 2);
}

#[test]
fn a_check_that_cannot_work_is_not_taken() {
    let good = declared("https://graph.example", true);
    drop(connection(vec![settings(good.clone())], "https://idp.example", LONG));
    for (name, wrong, says) in [
        ("tenant", json!(".."), "`tenant`"),
        ("client_secret", Value::Null, "string"),
        ("graph_url", json!("graph"), "`url`"),
        ("login_url", json!("https://x.example?y"), "`url`"),
        ("private_key", json!("x"), "private_key"),
    ] {
        let mut declared = good.clone();
        declared[name] = wrong;
        let text = refusal(declared);
        assert!(text.contains(says), "{name}: {text}");
    }
}

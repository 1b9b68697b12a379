//! Keycloak's admin API, as version 26 answers it.

use delegation::ports::{Hints, Question};
use policy::{Access, Account, Session, Standing, StepUp, Timestamp};
use serde_json::{Value, json};
use upstream::settings::CheckSettings;
use wiremock::{MockServer, ResponseTemplate};

use crate::{
    fake::{
        LONG, SERVICE_TOKEN, SIGNED_IN_AT, break_down, change, connection, detail, grant_tokens,
        ok, private_key, question, received, refusal, refused, requests, serve, serve_once,
        settings,
    },
    steps::{Fake, Then, goes_on, steps},
};

const USER: &str = "11111111-1111-4111-8111-111111111111";
const SID: &str = "zsifkfOvv6yK3HZbTKAnXKb2";
const TOKENS: &str = "/realms/acme/protocol/openid-connect/token";
const REALM: &str = "/admin/realms/acme";

fn at(part: &str) -> String {
    format!("{REALM}/users/{USER}{part}")
}

struct Keycloak {
    server: MockServer,
}

impl Keycloak {
    async fn change(&self, part: &str, body: Value) {
        change(&self.server, &at(part), ok(&body)).await;
    }

    fn declared(&self, extra: Value) -> CheckSettings {
        let mut declared = json!({
            "kind": "keycloak", "url": self.server.uri(), "realm": "acme",
            "client_id": "actas", "client_secret": "actas-secret",
        });
        let Value::Object(extra) = extra else { panic!("an object") };
        declared.as_object_mut().unwrap().extend(extra);
        settings(declared)
    }

    async fn says(&self) -> Standing {
        self.told(self.check()).await
    }

    async fn told(&self, check: CheckSettings) -> Standing {
        let connection = connection(vec![check], "https://idp.example", LONG);
        connection.standing(self.question()).await.unwrap().standing
    }

    async fn fault(&self) -> String {
        let connection = connection(vec![self.check()], "https://idp.example", LONG);
        detail(&connection.standing(self.question()).await.unwrap_err().fault)
    }
}

fn user() -> Value {
    json!({
        "id": USER, "username": "alice", "firstName": "Alice", "lastName": "Adams",
        "email": "alice@example.com", "emailVerified": true, "enabled": true,
        "createdTimestamp": 1_795_000_000_000_i64, "totp": false,
        "disableableCredentialTypes": [], "requiredActions": [], "notBefore": 0,
        "access": { "manage": false, "view": true },
    })
}

fn user_with(member: &str, value: Value) -> Value {
    let mut user = user();
    user[member] = value;
    user
}

fn session(id: &str) -> Value {
    json!({
        "id": id, "username": "alice", "userId": USER, "ipAddress": "127.0.0.1",
        "start": SIGNED_IN_AT * 1000, "lastAccess": SIGNED_IN_AT * 1000, "rememberMe": false,
        "clients": { "c3c5d0a4-0000-4000-8000-000000000000": "assistant-app" },
        "transientUser": false,
    })
}

fn password(created_date: i64) -> Value {
    json!({ "id": "p", "type": "password", "createdDate": created_date, "credentialData": "{}" })
}

fn realm(not_before: i64) -> Value {
    json!({ "id": "acme", "realm": "acme", "notBefore": not_before, "enabled": true })
}

fn not_found() -> ResponseTemplate {
    ResponseTemplate::new(404).set_body_json(json!({ "error": "User not found" }))
}

fn unauthorized() -> ResponseTemplate {
    ResponseTemplate::new(401).set_body_json(json!({ "error": "HTTP 401 Unauthorized" }))
}

impl Fake for Keycloak {
    async fn start() -> Self {
        let server = MockServer::start().await;
        grant_tokens(&server, TOKENS, &[("grant_type", "client_credentials")]).await;
        serve(&server, REALM, ok(&realm(0))).await;
        serve(&server, &at(""), ok(&user())).await;
        serve(&server, &at("/sessions"), ok(&json!([session("other"), session(SID)]))).await;
        let otp = json!({ "id": "o", "type": "otp", "createdDate": (SIGNED_IN_AT + 9) * 1000 });
        let set_at = (SIGNED_IN_AT - 1000) * 1000;
        serve(&server, &at("/credentials"), ok(&json!([otp, password(set_at)]))).await;
        Self { server }
    }

    fn server(&self) -> &MockServer {
        &self.server
    }

    fn check(&self) -> CheckSettings {
        self.declared(json!({}))
    }

    fn question(&self) -> Question {
        question(USER, Hints { session: Some(SID.to_owned()), ..Hints::default() })
    }

    fn asked(&self) -> String {
        at("")
    }

    fn well(&self) -> Standing {
        Standing {
            account: Account::Active,
            session: Session::Live,
            network: Some("127.0.0.1".to_owned()),
            sessions_valid_from: Some(Timestamp(SIGNED_IN_AT - 1000)),
            ..Standing::default()
        }
    }

    async fn take(&self, step: Step) -> Then {
        let later = SIGNED_IN_AT + 60;
        match step {
            // His sessions are still listed.
            Step::DisableUser => {
                self.change("", user_with("enabled", json!(false))).await;
                Then::Says(Standing { account: Account::Suspended, ..self.well() })
            }
            Step::RevokeSessions => {
                self.change("", user_with("notBefore", json!(later))).await;
                self.change("/sessions", json!([])).await;
                Then::Says(Standing {
                    session: Session::Ended,
                    sessions_valid_from: Some(Timestamp(later)),
                    network: None,
                    ..self.well()
                })
            }
            Step::ChangePassword => {
                self.change("/credentials", json!([password(later * 1000 + 634)])).await;
                let sessions_valid_from = Some(Timestamp(later));
                Then::Says(Standing { sessions_valid_from, ..self.well() })
            }
            Step::BreakDevice => Then::Unseen("it does not know devices"),
            Step::DeleteUser => {
                for part in ["", "/sessions", "/credentials"] {
                    change(&self.server, &at(part), not_found()).await;
                }
                Then::Says(Standing { account: Account::Suspended, ..Standing::default() })
            }
            Step::ExpireCredential => {
                break_down(&self.server, TOKENS, refused("invalid_client")).await;
                for part in ["", "/sessions", "/credentials"] {
                    break_down(&self.server, &at(part), unauthorized()).await;
                }
                break_down(&self.server, REALM, unauthorized()).await;
                Then::Fault("our own credentials")
            }
        }
    }
}

steps!(Keycloak);

#[tokio::test]
async fn asks_as_our_service_account() {
    let keycloak = Keycloak::start().await;
    keycloak.says().await;
    let basic = received(&keycloak.server, TOKENS).await;
    assert_eq!(basic.len(), 1, "one token serves all requests");
    assert!(basic[0].headers["authorization"].to_str().unwrap().starts_with("Basic "));
    for path in [REALM.to_owned(), at(""), at("/sessions"), at("/credentials")] {
        let asked = received(&keycloak.server, &path).await;
        assert_eq!(asked.len(), 1, "{path}");
        let authorization = asked[0].headers["authorization"].to_str().unwrap();
        assert_eq!(authorization, format!("Bearer {SERVICE_TOKEN}"));
    }
}

#[tokio::test]
async fn asks_with_a_key_instead_of_a_secret() {
    let server = MockServer::start().await;
    let assertion = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
    let form = [("client_assertion_type", assertion), ("client_assertion", "*")];
    grant_tokens(&server, TOKENS, &form).await;
    serve(&server, &at(""), ok(&user())).await;
    let check = settings(json!({
        "kind": "keycloak", "url": server.uri(), "realm": "acme", "client_id": "actas",
        "private_key": private_key(), "key_id": "one",
        "sessions": false, "credentials": false, "realm_not_before": false,
    }));
    let standing = Keycloak { server }.told(check).await;
    assert_eq!(standing, Standing { account: Account::Active, ..Standing::default() });
}

/// A realm-wide logout ends our own service account's token, too.
#[tokio::test]
async fn a_service_token_that_was_ended_is_fetched_anew() {
    let keycloak = Keycloak::start().await;
    serve_once(&keycloak.server, &at(""), unauthorized()).await;
    assert_eq!(keycloak.says().await, keycloak.well());
    assert_eq!(requests(&keycloak.server, &at("")).await, 2);
    assert_eq!(requests(&keycloak.server, TOKENS).await, 2);
}

#[tokio::test]
async fn a_session_that_is_not_among_the_users_has_ended() {
    let keycloak = Keycloak::start().await;
    keycloak.change("/sessions", json!([session("other")])).await;
    let standing = keycloak.says().await;
    assert_eq!(standing, Standing { session: Session::Ended, network: None, ..keycloak.well() });
    assert!(!goes_on(&standing));
}

#[tokio::test]
async fn a_token_without_a_session_is_not_judged_by_sessions() {
    let keycloak = Keycloak::start().await;
    let connection = connection(vec![keycloak.check()], "https://idp.example", LONG);
    let answer = connection.standing(question(USER, Hints::default())).await.unwrap();
    assert_eq!(
        answer.standing,
        Standing { session: Session::Unknown, network: None, ..keycloak.well() }
    );
    assert_eq!(requests(&keycloak.server, &at("/sessions")).await, 0);
}

#[tokio::test]
async fn what_is_switched_off_is_not_asked() {
    let keycloak = Keycloak::start().await;
    let off = json!({ "sessions": false, "credentials": false, "realm_not_before": false });
    let standing = keycloak.told(keycloak.declared(off)).await;
    assert_eq!(standing, Standing { account: Account::Active, ..Standing::default() });
    for path in [REALM.to_owned(), at("/sessions"), at("/credentials")] {
        assert_eq!(requests(&keycloak.server, &path).await, 0, "{path}");
    }
}

#[tokio::test]
async fn a_required_action_asks_for_a_new_sign_in() {
    for actions in [json!(["UPDATE_PASSWORD"]), json!(["VERIFY_EMAIL", "CONFIGURE_TOTP"])] {
        let keycloak = Keycloak::start().await;
        keycloak.change("", user_with("requiredActions", actions)).await;
        let access = Access::Demands(StepUp { max_age: Some(0), ..StepUp::default() });
        let standing = keycloak.says().await;
        assert_eq!(standing, Standing { access, ..keycloak.well() });
        assert!(!goes_on(&standing));
    }
}

#[tokio::test]
async fn the_latest_of_all_moments_counts() {
    for (of_user, of_password, of_realm, counts) in
        [(3, 2, 1, 3), (1, 3, 2, 3), (2, 1, 3, 3), (0, 0, 7, 7)]
    {
        let keycloak = Keycloak::start().await;
        keycloak.change("", user_with("notBefore", json!(of_user))).await;
        keycloak.change("/credentials", json!([password(of_password * 1000)])).await;
        change(&keycloak.server, REALM, ok(&realm(of_realm))).await;
        let standing = keycloak.says().await;
        assert_eq!(standing.sessions_valid_from, Some(Timestamp(counts)));
    }
}

#[tokio::test]
async fn a_password_set_in_the_second_of_the_sign_in_signs_nobody_out() {
    let keycloak = Keycloak::start().await;
    keycloak.change("/credentials", json!([password(SIGNED_IN_AT * 1000 + 999)])).await;
    assert!(goes_on(&keycloak.says().await));
}

#[tokio::test]
async fn a_user_without_a_password_is_judged_by_the_rest() {
    let keycloak = Keycloak::start().await;
    keycloak.change("/credentials", json!([])).await;
    assert_eq!(keycloak.says().await, Standing { sessions_valid_from: None, ..keycloak.well() });
}

#[tokio::test]
async fn a_no_stands_though_the_rest_is_not_known() {
    let keycloak = Keycloak::start().await;
    change(&keycloak.server, REALM, ResponseTemplate::new(500)).await;
    assert!(keycloak.fault().await.contains("status 500"));
    keycloak.take(Step::DisableUser).await;
    let standing = keycloak.says().await;
    assert_eq!(standing, Standing { account: Account::Suspended, ..keycloak.well() });
}

#[tokio::test]
async fn only_keycloaks_own_404_means_that_the_user_is_gone() {
    for response in [
        ResponseTemplate::new(404),
        ResponseTemplate::new(404).set_body_json(json!({ "error": "Realm not found." })),
        ResponseTemplate::new(404).set_body_json(json!({ "error": ["User not found"] })),
        ResponseTemplate::new(404).set_body_raw(r#"{"error":"User not found"}"#, "text/html"),
    ] {
        let keycloak = Keycloak::start().await;
        change(&keycloak.server, &at(""), response).await;
        assert!(keycloak.fault().await.contains("status 404"));
    }
}

#[tokio::test]
async fn an_account_that_is_not_plainly_enabled_is_a_fault() {
    for user in [
        user_with("enabled", json!("true")),
        user_with("enabled", json!(1)),
        user_with("enabled", Value::Null),
        user_with("requiredActions", json!("UPDATE_PASSWORD")),
        user_with("requiredActions", Value::Null),
        user_with("notBefore", json!("0")),
        user_with("id", json!("22222222-2222-4222-8222-222222222222")),
    ] {
        let keycloak = Keycloak::start().await;
        keycloak.change("", user.clone()).await;
        assert!(keycloak.fault().await.contains("cannot be believed"), "{user}");
    }
}

#[tokio::test]
async fn every_part_that_cannot_be_read_is_a_fault() {
    for part in ["/sessions", "/credentials"] {
        for body in [json!({}), json!([{}]), json!([1]), Value::Null, json!("x")] {
            let keycloak = Keycloak::start().await;
            keycloak.change(part, body.clone()).await;
            assert!(keycloak.fault().await.contains("cannot be believed"), "{part} {body}");
        }
    }
}

/// Keycloak tells the realm's name to an account that may not see the realm, and no more.
#[tokio::test]
async fn a_missing_role_is_named() {
    let keycloak = Keycloak::start().await;
    change(&keycloak.server, REALM, ok(&json!({ "realm": "acme" }))).await;
    assert!(keycloak.fault().await.contains("`view-realm`"));
    let forbidden = ResponseTemplate::new(403).set_body_json(json!({ "error": "unknown_error" }));
    for (path, role) in [
        (REALM.to_owned(), "`view-realm`"),
        (at(""), "`view-users`"),
        (at("/sessions"), "`view-users`"),
    ] {
        let keycloak = Keycloak::start().await;
        change(&keycloak.server, &path, forbidden.clone()).await;
        assert!(keycloak.fault().await.contains(role), "{path}");
    }
}

#[tokio::test]
async fn a_user_is_one_segment_of_the_path() {
    let keycloak = Keycloak::start().await;
    let connection = connection(vec![keycloak.check()], "https://idp.example", LONG);
    for name in ["..", "."] {
        let fault = connection.standing(question(name, Hints::default())).await.unwrap_err().fault;
        assert!(detail(&fault).contains("an id that can be asked for"));
    }
    let name = format!("x/../{USER}?a=#");
    assert!(connection.standing(question(&name, Hints::default())).await.is_err());
    assert_eq!(requests(&keycloak.server, &at("")).await, 0);
}

#[test]
fn says_what_is_wrong_with_its_settings() {
    let with = |member: &str, value: Value| {
        let mut declared = json!({
            "kind": "keycloak", "url": "https://idp.example", "realm": "acme",
            "client_id": "actas", "client_secret": "x",
        });
        declared[member] = value;
        refusal(declared)
    };
    assert!(with("url", json!("idp.example")).contains("`url`"));
    assert!(with("realm", json!("..")).contains("`realm`"));
    assert!(with("client_id", Value::Null).contains("`client_id`"));
    assert!(with("private_key", json!("x")).contains("one of"));
    assert!(with("session", json!(true)).contains("`session`"));
}

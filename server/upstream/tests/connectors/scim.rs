//! A directory that speaks SCIM 2.0, with the examples' shapes of RFC 7644.

use delegation::ports::{Hints, Question};
use policy::{Account, Standing};
use serde_json::{Value, json};
use upstream::settings::CheckSettings;
use wiremock::{Mock, MockServer, Request, ResponseTemplate, matchers::path};

use crate::{
    fake::{
        LONG, break_down, change, connection, detail, ok, question, received, refusal, requests,
        serve, settings,
    },
    steps::{Fake, Then, steps},
};

const USER: &str = "2819c223-7f76-453a-919d-413861904646";
const PATH: &str = "/v2/Users/2819c223-7f76-453a-919d-413861904646";
const LIST: &str = "urn:ietf:params:scim:api:messages:2.0:ListResponse";

struct Scim {
    server: MockServer,
}

fn user(active: Value) -> Value {
    let mut user = json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
        "id": USER,
        "meta": { "resourceType": "User", "version": "W/\"a330bc54f0671c9\"" },
    });
    user["active"] = active;
    user
}

fn scim(status: u16, body: &Value) -> ResponseTemplate {
    ResponseTemplate::new(status).set_body_raw(body.to_string(), "application/scim+json")
}

fn not_found() -> ResponseTemplate {
    let schemas = ["urn:ietf:params:scim:api:messages:2.0:Error"];
    scim(404, &json!({ "schemas": schemas, "detail": "Resource not found", "status": "404" }))
}

impl Scim {
    async fn told(&self, extra: Value, question: Question) -> Result<Account, String> {
        let mut declared = json!({
            "kind": "scim", "url": format!("{}/v2", self.server.uri()), "bearer": "scim-secret",
        });
        let Value::Object(extra) = extra else { panic!("an object") };
        declared.as_object_mut().unwrap().extend(extra);
        let connection = connection(vec![settings(declared)], "https://idp.example", LONG);
        match connection.standing(question).await {
            Ok(answer) => Ok(answer.standing.account),
            Err(inconclusive) => Err(detail(&inconclusive.fault)),
        }
    }

    async fn says(&self, response: ResponseTemplate) -> Result<Account, String> {
        change(&self.server, PATH, response).await;
        self.told(json!({}), self.question()).await
    }

    /// What the query for a name finds.
    async fn finds(&self, found: &Value) -> Result<Account, String> {
        change(&self.server, "/v2/Users", scim(200, found)).await;
        let alice = question("alice \"a\"\\", Hints::default());
        self.told(json!({ "lookup": "userName" }), alice).await
    }
}

impl Fake for Scim {
    async fn start() -> Self {
        let server = MockServer::start().await;
        serve(&server, PATH, scim(200, &user(json!(true)))).await;
        Self { server }
    }

    fn server(&self) -> &MockServer {
        &self.server
    }

    fn check(&self) -> CheckSettings {
        settings(json!({
            "kind": "scim", "url": format!("{}/v2/", self.server.uri()), "bearer": "scim-secret",
        }))
    }

    fn question(&self) -> Question {
        question("alice", Hints { directory_id: Some(USER.to_owned()), ..Hints::default() })
    }

    fn asked(&self) -> String {
        PATH.to_owned()
    }

    fn well(&self) -> Standing {
        Standing { account: Account::Active, ..Standing::default() }
    }

    async fn take(&self, step: Step) -> Then {
        let suspended = Standing { account: Account::Suspended, ..Standing::default() };
        match step {
            Step::DisableUser => {
                change(&self.server, PATH, scim(200, &user(json!(false)))).await;
                Then::Says(suspended)
            }
            Step::DeleteUser => {
                change(&self.server, PATH, not_found()).await;
                Then::Says(suspended)
            }
            Step::RevokeSessions => Then::Unseen("SCIM has no word for sessions"),
            Step::ChangePassword => Then::Unseen("SCIM never tells of passwords"),
            Step::BreakDevice => Then::Unseen("SCIM has no word for devices"),
            Step::ExpireCredential => {
                break_down(&self.server, PATH, ResponseTemplate::new(401)).await;
                Then::Fault("our own credentials")
            }
        }
    }
}

steps!(Scim);

#[tokio::test]
async fn asks_for_two_attributes_and_no_more() {
    let scim = Scim::start().await;
    assert_eq!(scim.told(json!({}), scim.question()).await, Ok(Account::Active));
    let asked = received(&scim.server, PATH).await;
    assert_eq!(asked[0].url.query(), Some("attributes=active,meta"));
    assert_eq!(asked[0].headers["accept"], "application/scim+json");
    assert_eq!(asked[0].headers["authorization"], "Bearer scim-secret");
}

#[tokio::test]
async fn without_an_id_of_the_directory_the_sub_is_it() {
    let scim = Scim::start().await;
    let alice = question(USER, Hints::default());
    assert_eq!(scim.told(json!({}), alice).await, Ok(Account::Active));
}

/// Two versions of a user; whoever has the present one is told so, without the user.
async fn serve_versions(server: &MockServer, etag: &'static str, active: bool) {
    let respond = move |request: &Request| {
        let known = request.headers.get("if-none-match").map(|etag| etag.to_str().unwrap());
        if known == Some(etag) {
            return ResponseTemplate::new(304).insert_header("etag", etag);
        }
        scim(200, &user(json!(active))).insert_header("etag", etag)
    };
    Mock::given(path(PATH)).respond_with(respond).with_priority(3).mount(server).await;
}

/// RFC 7644 §3.14
#[tokio::test]
async fn an_answer_that_still_holds_is_not_sent_again() {
    for (active, account) in [(true, Account::Active), (false, Account::Suspended)] {
        let scim = Scim { server: MockServer::start().await };
        serve_versions(&scim.server, "W/\"one\"", active).await;
        let connection = connection(vec![scim.check()], "https://idp.example", LONG);
        for _ in 0..3 {
            let answer = connection.standing(scim.question()).await.unwrap();
            assert_eq!(answer.standing.account, account);
            assert!(!answer.checks[0].shared, "it was asked each time");
        }
        let asked = received(&scim.server, PATH).await;
        let etags: Vec<_> = asked.iter().map(|asked| asked.headers.get("if-none-match")).collect();
        assert_eq!(etags.len(), 3);
        assert!(etags[0].is_none() && etags[1].unwrap() == "W/\"one\"" && etags[1] == etags[2]);
    }
}

#[tokio::test]
async fn a_new_version_replaces_the_one_that_was_remembered() {
    let scim = Scim { server: MockServer::start().await };
    serve_versions(&scim.server, "\"one\"", true).await;
    let connection = connection(vec![scim.check()], "https://idp.example", LONG);
    let account = async || connection.standing(scim.question()).await.unwrap().standing.account;
    assert_eq!(account().await, Account::Active);
    assert_eq!(account().await, Account::Active);
    scim.server.reset().await;
    serve_versions(&scim.server, "\"two\"", false).await;
    assert_eq!(account().await, Account::Suspended);
    assert_eq!(account().await, Account::Suspended);
    scim.server.reset().await;
    serve(&scim.server, PATH, not_found()).await;
    assert_eq!(account().await, Account::Suspended);
    // What is forgotten is not asked for by its version.
    serve_versions(&scim.server, "\"two\"", true).await;
    assert_eq!(account().await, Account::Active);
}

/// RFC 7644 §3.14: `meta.version` is the `ETag`, too.
#[tokio::test]
async fn the_version_in_the_body_serves_without_a_header() {
    let scim = Scim::start().await;
    let connection = connection(vec![scim.check()], "https://idp.example", LONG);
    connection.standing(scim.question()).await.unwrap();
    connection.standing(scim.question()).await.unwrap();
    let asked = received(&scim.server, PATH).await;
    assert_eq!(asked[1].headers["if-none-match"], "W/\"a330bc54f0671c9\"");
}

#[tokio::test]
async fn a_304_that_was_not_asked_for_is_a_fault() {
    let says = Scim::start().await.says(ResponseTemplate::new(304)).await;
    assert!(says.unwrap_err().contains("status 304"));
}

/// Without `active` a user is neither; then nobody vouches.
#[tokio::test]
async fn a_missing_active_is_unknown_unless_declared() {
    let scim = Scim::start().await;
    let bare = self::scim(200, &json!({ "id": USER, "meta": {} }));
    assert!(scim.says(bare).await.unwrap_err().contains("nobody who knows the user"));
    let declared = json!({ "missing_active_means_enabled": true });
    assert_eq!(scim.told(declared.clone(), scim.question()).await, Ok(Account::Active));
    change(&scim.server, PATH, self::scim(200, &user(json!(false)))).await;
    scim.server.reset().await;
    serve(&scim.server, PATH, self::scim(200, &user(json!(false)))).await;
    assert_eq!(scim.told(declared, scim.question()).await, Ok(Account::Suspended));
}

#[tokio::test]
async fn only_a_boolean_is_an_answer() {
    for body in [
        user(json!("True")),
        user(json!("false")),
        user(json!(1)),
        user(Value::Null),
        json!({ "active": true }),
        json!({ "id": "somebody-else", "active": true }),
        json!([USER, null, true, null]),
    ] {
        let says = Scim::start().await.says(scim(200, &body)).await;
        assert!(says.unwrap_err().contains("cannot be believed"), "{body}");
    }
}

#[tokio::test]
async fn only_an_error_of_scim_means_that_the_user_is_gone() {
    assert_eq!(Scim::start().await.says(not_found()).await, Ok(Account::Suspended));
    let other = json!({ "schemas": ["urn:other"], "status": "404" });
    for response in [
        ResponseTemplate::new(404),
        ResponseTemplate::new(404).set_body_raw("<html>", "text/html"),
        scim(404, &other),
        scim(404, &json!({ "error": "no such route" })),
    ] {
        assert!(Scim::start().await.says(response).await.unwrap_err().contains("status 404"));
    }
    let says = Scim::start().await.says(scim(403, &other)).await;
    assert!(says.unwrap_err().contains("may not read users"));
}

fn list(users: &[Value]) -> Value {
    json!({ "schemas": [LIST], "totalResults": users.len(), "Resources": users })
}

fn named(name: &str, active: bool) -> Value {
    json!({ "id": USER, "userName": name, "active": active })
}

/// RFC 7644 §3.4.2.2: the value of a filter is a JSON string.
#[tokio::test]
async fn finds_a_user_by_name() {
    let name = "alice \"a\"\\";
    for (found, account) in [
        (list(&[named(name, true)]), Account::Active),
        (list(&[named("ALICE \"A\"\\", true)]), Account::Active),
        (list(&[named(name, false)]), Account::Suspended),
        (list(&[]), Account::Suspended),
        (json!({ "schemas": [LIST], "totalResults": 0 }), Account::Suspended),
    ] {
        let scim = Scim::start().await;
        assert_eq!(scim.finds(&found).await, Ok(account), "{found}");
        let asked = received(&scim.server, "/v2/Users").await;
        let query: Vec<_> = asked[0].url.query_pairs().into_owned().collect();
        assert_eq!(query[0], ("attributes".to_owned(), "userName,active,meta".to_owned()));
        let filter = r#"userName eq "alice \"a\"\\""#;
        assert_eq!(query[1], ("filter".to_owned(), filter.to_owned()));
    }
}

/// A directory that does not know the filter lists everybody.
#[tokio::test]
async fn a_list_that_is_not_of_this_user_alone_is_a_fault() {
    let name = "alice \"a\"\\";
    for found in [
        list(&[named("bob", true)]),
        list(&[named(name, true), named("bob", true)]),
        json!({ "schemas": [LIST], "totalResults": 2, "Resources": [named(name, true)] }),
        json!({ "schemas": [LIST], "totalResults": 1 }),
        json!({ "schemas": [LIST], "totalResults": 0, "Resources": [named(name, true)] }),
        json!({ "schemas": [LIST], "totalResults": 1, "Resources": [{ "id": USER, "active": true }] }),
        json!({ "schemas": ["urn:other"], "totalResults": 0 }),
        json!({ "schemas": [LIST] }),
        named(name, true),
    ] {
        let says = Scim::start().await.finds(&found).await;
        assert!(says.unwrap_err().contains("cannot be believed"), "{found}");
    }
}

#[tokio::test]
async fn finds_a_user_by_mail_address() {
    let scim = Scim::start().await;
    let mail = "Alice@example.com";
    let found = list(&[named("alice@example.com", true)]);
    serve(&scim.server, "/v2/Users", self::scim(200, &found)).await;
    let hints = Hints { email: Some(mail.to_owned()), ..Hints::default() };
    let declared = json!({ "lookup": "email" });
    assert_eq!(scim.told(declared.clone(), question("a", hints)).await, Ok(Account::Active));
    let says = scim.told(declared, question("a", Hints::default())).await;
    assert!(says.unwrap_err().contains("`email`"));
    assert_eq!(requests(&scim.server, "/v2/Users").await, 1);
}

#[tokio::test]
async fn takes_plain_json_for_scim() {
    let says = Scim::start().await.says(ok(&user(json!(true)))).await;
    assert_eq!(says, Ok(Account::Active));
}

#[test]
fn says_what_is_wrong_with_its_settings() {
    assert!(refusal(json!({ "kind": "scim", "url": "x", "bearer": "x" })).contains("`url`"));
    let declared =
        json!({ "kind": "scim", "url": "https://x", "client_id": "a", "client_secret": "b" });
    assert!(refusal(declared).contains("`token_endpoint`"));
    let declared = json!({ "kind": "scim", "url": "https://x", "bearer": "x", "lookup": "name" });
    assert!(refusal(declared).contains("`name`"));
}

//! A userinfo endpoint, asked with the user's own token.

use delegation::ports::{Hints, Question};
use policy::{Session, Standing};
use serde_json::json;
use upstream::settings::CheckSettings;
use wiremock::{MockServer, ResponseTemplate};

use crate::{
    fake::{
        LONG, TOKEN, break_down, change, connection, detail, ok, question, received, requests,
        serve, settings,
    },
    steps::{Fake, Then, steps},
};

struct Userinfo {
    server: MockServer,
}

/// RFC 6750 §3
fn dead(description: &str) -> ResponseTemplate {
    let challenge =
        format!(r#"Bearer realm="acme", error="invalid_token", error_description="{description}""#);
    ResponseTemplate::new(401).insert_header("www-authenticate", challenge.as_str())
}

impl Userinfo {
    async fn ended(&self, description: &str) -> Then {
        change(&self.server, "/userinfo", dead(description)).await;
        Then::Says(Standing { session: Session::Ended, ..Standing::default() })
    }
}

impl Fake for Userinfo {
    async fn start() -> Self {
        let server = MockServer::start().await;
        let issuer = server.uri();
        let metadata = json!({
            "issuer": issuer,
            "authorization_endpoint": format!("{issuer}/authorize"),
            "jwks_uri": format!("{issuer}/jwks"),
            "userinfo_endpoint": format!("{issuer}/userinfo"),
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["ES256"],
        });
        serve(&server, "/.well-known/openid-configuration", ok(&metadata)).await;
        serve(&server, "/userinfo", ok(&json!({ "sub": "alice", "name": "Alice" }))).await;
        Self { server }
    }

    fn server(&self) -> &MockServer {
        &self.server
    }

    fn check(&self) -> CheckSettings {
        settings(json!({ "kind": "userinfo" }))
    }

    fn question(&self) -> Question {
        question("alice", Hints::default())
    }

    fn asked(&self) -> String {
        "/userinfo".to_owned()
    }

    fn well(&self) -> Standing {
        Standing { session: Session::Live, ..Standing::default() }
    }

    async fn take(&self, step: Step) -> Then {
        match step {
            Step::DisableUser => self.ended("User disabled").await,
            Step::RevokeSessions => self.ended("user_session_not_found").await,
            Step::DeleteUser => self.ended("Unknown user").await,
            Step::ChangePassword | Step::BreakDevice => {
                Then::Unseen("the token is as good as before")
            }
            // We have none there; but a proxy on the way may want one.
            Step::ExpireCredential => {
                let wanted = ResponseTemplate::new(401)
                    .insert_header("www-authenticate", "Basic realm=\"proxy\"");
                break_down(&self.server, "/userinfo", wanted).await;
                Then::Fault("status 401")
            }
        }
    }
}

steps!(Userinfo);

#[tokio::test]
async fn asks_as_the_user() {
    let userinfo = Userinfo::start().await;
    let connection = connection(vec![userinfo.check()], &userinfo.server.uri(), LONG);
    connection.standing(userinfo.question()).await.unwrap();
    let asked = received(&userinfo.server, "/userinfo").await;
    assert_eq!(asked[0].headers["authorization"].to_str().unwrap(), format!("Bearer {TOKEN}"));
    assert_eq!(asked[0].method.as_str(), "GET");
}

#[tokio::test]
async fn without_a_token_there_is_nothing_to_ask() {
    let userinfo = Userinfo::start().await;
    let connection = connection(vec![userinfo.check()], &userinfo.server.uri(), LONG);
    let question = Question { token: None, ..userinfo.question() };
    let fault = connection.standing(question).await.unwrap_err().fault;
    assert!(detail(&fault).contains("needs a token"));
}

/// Its own token says nothing of any user.
#[tokio::test]
async fn a_client_is_not_asked_about() {
    let userinfo = Userinfo::start().await;
    let connection = connection(vec![userinfo.check()], &userinfo.server.uri(), LONG);
    let question = Question { is_client: true, ..userinfo.question() };
    let fault = connection.standing(question).await.unwrap_err().fault;
    assert!(detail(&fault).contains("nobody who knows the user"));
    assert_eq!(requests(&userinfo.server, "/userinfo").await, 0);
}

#[tokio::test]
async fn a_provider_without_the_endpoint_is_a_fault() {
    let userinfo = Userinfo::start().await;
    let issuer = userinfo.server.uri();
    let metadata = json!({
        "issuer": issuer,
        "authorization_endpoint": format!("{issuer}/authorize"),
        "jwks_uri": format!("{issuer}/jwks"),
        "response_types_supported": ["code"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["ES256"],
    });
    change(&userinfo.server, "/.well-known/openid-configuration", ok(&metadata)).await;
    let connection = connection(vec![userinfo.check()], &issuer, LONG);
    let fault = connection.standing(userinfo.question()).await.unwrap_err().fault;
    assert!(detail(&fault).contains("`userinfo_endpoint`"));
}

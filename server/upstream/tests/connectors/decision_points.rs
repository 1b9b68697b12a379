//! Decision points: `AuthZEN` 1.0 and Open Policy Agent. They judge a use; somebody else has to
//! know the user, here an introspection endpoint.

use std::{sync::Arc, time::Duration};

use delegation::ports::{Hints, IdentityProvider, Purpose, Question};
use policy::{Access, Denial, Scope, Session};
use serde_json::{Value, json};
use upstream::{connectors, settings::CheckSettings};
use wiremock::{MockServer, ResponseTemplate};

use crate::fake::{
    LONG, break_down, connection, detail, grant_tokens, ok, question, received, refusal, refused,
    requests, serve, serve_once, settings,
};

/// A kind, where it is asked, and its plain yes.
struct Kind {
    name: &'static str,
    path: &'static str,
    yes: Value,
    no: Value,
}

fn kinds() -> [Kind; 2] {
    [
        Kind {
            name: "authzen",
            path: "/pdp/access/v1/evaluation",
            yes: json!({ "decision": true }),
            no: json!({ "decision": false, "context": { "reason": "policy_denied" } }),
        },
        Kind {
            name: "opa",
            path: "/pdp/v1/data/actas/exchange",
            yes: json!({ "result": { "allow": true }, "decision_id": "1" }),
            no: json!({ "result": { "allow": false }, "decision_id": "2" }),
        },
    ]
}

struct Stage {
    server: MockServer,
    kind: Kind,
}

impl Stage {
    async fn start(kind: Kind) -> Self {
        let server = MockServer::start().await;
        let issuer = server.uri();
        let metadata = json!({
            "issuer": issuer,
            "authorization_endpoint": format!("{issuer}/authorize"),
            "jwks_uri": format!("{issuer}/jwks"),
            "introspection_endpoint": format!("{issuer}/introspect"),
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["ES256"],
        });
        serve(&server, "/.well-known/openid-configuration", ok(&metadata)).await;
        serve(&server, "/introspect", ok(&json!({ "active": true }))).await;
        serve(&server, kind.path, ok(&kind.yes)).await;
        grant_tokens(&server, "/token", &[("grant_type", "client_credentials")]).await;
        Self { server, kind }
    }

    fn declared(&self, extra: Value) -> CheckSettings {
        let url = format!("{}/pdp", self.server.uri());
        let mut declared = json!({ "kind": self.kind.name, "url": url });
        if self.kind.name == "opa" {
            declared["path"] = json!("actas/exchange");
        }
        let Value::Object(extra) = extra else { panic!("an object") };
        declared.as_object_mut().unwrap().extend(extra);
        settings(declared)
    }

    fn connection(&self, extra: Value, deadline: Duration) -> Arc<dyn IdentityProvider> {
        let checks = vec![settings(json!({ "kind": "introspection" })), self.declared(extra)];
        assert_eq!(connectors::validate(&checks), Ok(()));
        connection(checks, &self.server.uri(), deadline)
    }

    async fn access(&self) -> Result<Access, String> {
        self.judged(&self.connection(json!({}), LONG)).await
    }

    async fn judged(&self, connection: &Arc<dyn IdentityProvider>) -> Result<Access, String> {
        match connection.standing(asked()).await {
            Ok(answer) => {
                assert_eq!(answer.standing.session, Session::Live);
                Ok(answer.standing.access)
            }
            Err(inconclusive) => Err(detail(&inconclusive.fault)),
        }
    }

    async fn answer(&self, response: ResponseTemplate) -> Result<Access, String> {
        break_down(&self.server, self.kind.path, response).await;
        self.access().await
    }
}

fn asked() -> Question {
    let purpose = Purpose {
        issuer: "https://as.example.com".to_owned(),
        actor: "agent:subagent-7".to_owned(),
        target: "https://mcp.example.com/mcp".to_owned(),
        scope: vec!["files:read".to_owned()],
        depth: 2,
    };
    Question { purpose: Some(purpose), ..question("u-8f2", Hints::default()) }
}

const DENIED: Result<Access, String> = Ok(Access::Denied(Denial::DecisionPoint));

#[tokio::test]
async fn a_yes_and_a_no() {
    for kind in kinds() {
        let stage = Stage::start(kind).await;
        assert_eq!(stage.access().await, Ok(Access::Allowed));
        let no = ok(&stage.kind.no);
        assert_eq!(stage.answer(no).await, DENIED);
    }
}

/// `AuthZEN` 1.0 §6.1, with the shape of its draft for the issuance of tokens.
#[tokio::test]
async fn asks_what_both_are_asked() {
    for kind in kinds() {
        let stage = Stage::start(kind).await;
        stage.access().await.unwrap();
        let sent = &received(&stage.server, stage.kind.path).await[0];
        let evaluation = json!({
            "subject": {
                "type": "user", "id": "u-8f2", "properties": { "iss": stage.server.uri() },
            },
            "action": { "name": "issue:access_token:token_exchange" },
            "resource": { "type": "audience", "id": "https://mcp.example.com/mcp" },
            "context": {
                "actor": { "iss": "https://as.example.com", "sub": "agent:subagent-7" },
                "chain_depth": 2,
                "scope": ["files:read"],
            },
        });
        let is_opa = stage.kind.name == "opa";
        let expected = if is_opa { json!({ "input": evaluation }) } else { evaluation };
        assert_eq!(sent.body_json::<Value>().unwrap(), expected);
        assert_eq!(sent.method.as_str(), "POST");
        assert_eq!(sent.headers["content-type"], "application/json");
        assert!(!sent.headers.contains_key("authorization"));
        assert_eq!(sent.headers.contains_key("x-request-id"), !is_opa);
    }
}

#[tokio::test]
async fn shows_who_we_are_where_that_is_asked() {
    for kind in kinds() {
        let stage = Stage::start(kind).await;
        let bearer = stage.connection(json!({ "bearer": "pdp-secret" }), LONG);
        assert_eq!(stage.judged(&bearer).await, Ok(Access::Allowed));
        let granted = stage.connection(
            json!({
                "client_id": "actas", "client_secret": "pdp-secret",
                "token_endpoint": format!("{}/token", stage.server.uri()),
            }),
            LONG,
        );
        assert_eq!(stage.judged(&granted).await, Ok(Access::Allowed));
        let sent = received(&stage.server, stage.kind.path).await;
        assert_eq!(sent[0].headers["authorization"], "Bearer pdp-secret");
        assert_eq!(sent[1].headers["authorization"], "Bearer eyJzZXJ2aWNlIjoxfQ.service-cret");
        // Ours expires.
        break_down(&stage.server, "/token", refused("invalid_client")).await;
        let expired = ResponseTemplate::new(401).set_body_json("Unauthorized");
        break_down(&stage.server, stage.kind.path, expired).await;
        assert!(stage.judged(&granted).await.unwrap_err().contains("our own credentials"));
    }
}

/// `AuthZEN` 1.0: errors are told by the status and are no decisions.
#[tokio::test]
async fn whatever_else_it_says_is_no_decision() {
    for (status, says) in [
        (201, "status 201"),
        (204, "status 204"),
        (400, "status 400"),
        (401, "our own credentials"),
        (403, "does not let us"),
        (404, "status 404"),
        (500, "status 500"),
        (503, "status 503"),
    ] {
        for kind in kinds() {
            let stage = Stage::start(kind).await;
            let body = ResponseTemplate::new(status).set_body_json(&stage.kind.yes);
            let text = stage.answer(body).await.unwrap_err();
            assert!(text.contains(says), "{} {status}: {text}", stage.kind.name);
        }
    }
}

#[tokio::test]
async fn only_a_boolean_is_a_decision() {
    for kind in kinds() {
        let mut bodies = vec![json!(null), json!([true]), json!(true), json!("true")];
        match kind.name {
            "authzen" => bodies.extend([
                json!({}),
                json!({ "decision": "true" }),
                json!({ "decision": 1 }),
                json!({ "decision": null }),
                json!({ "Decision": true }),
                json!({ "evaluations": [{ "decision": true }] }),
            ]),
            _ => bodies.extend([json!({ "result": "true" }), json!({ "result": [true] })]),
        }
        let (name, path) = (kind.name, kind.path);
        let stage = Stage::start(kind).await;
        for body in bodies {
            serve_once(&stage.server, path, ok(&body)).await;
            let text = stage.access().await.unwrap_err();
            assert!(text.contains("cannot be believed"), "{name} {body}: {text}");
        }
        let html = ResponseTemplate::new(200).set_body_raw("<html>", "text/html");
        assert!(stage.answer(html).await.unwrap_err().contains("not of type"));
    }
}

/// Neither the rule nor its package: OPA leaves the member out.
#[tokio::test]
async fn what_opa_does_not_define_is_denied() {
    let [_, opa] = kinds();
    let stage = Stage::start(opa).await;
    assert_eq!(stage.answer(ok(&json!({ "decision_id": "1" }))).await, DENIED);
}

#[tokio::test]
async fn opa_may_narrow_the_scope() {
    let [_, opa] = kinds();
    let stage = Stage::start(opa).await;
    let body = ok(&json!({ "result": { "allow": true, "scopes": ["b", "a"] } }));
    break_down(&stage.server, stage.kind.path, body).await;
    let answer = stage.connection(json!({}), LONG).standing(asked()).await.unwrap();
    assert_eq!(answer.permitted, Scope::parse("a b").ok());
    assert_eq!(answer.scope, None, "it is not what the token is good for");
}

#[tokio::test]
async fn one_that_hangs_or_says_wait_decides_nothing() {
    for kind in kinds() {
        let stage = Stage::start(kind).await;
        let slow_down = ResponseTemplate::new(429).insert_header("retry-after", "30");
        assert!(stage.answer(slow_down).await.unwrap_err().contains("slow down"));
    }
    for kind in kinds() {
        let stage = Stage::start(kind).await;
        let silence = ResponseTemplate::new(200).set_delay(LONG);
        break_down(&stage.server, stage.kind.path, silence).await;
        let impatient = stage.connection(json!({}), Duration::from_millis(200));
        let text = stage.judged(&impatient).await.unwrap_err();
        assert!(text.contains("no complete answer within"), "{text}");
    }
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    for kind in kinds() {
        let stage = Stage::start(kind).await;
        serve(&stage.server, "/elsewhere", ok(&stage.kind.yes)).await;
        let elsewhere = format!("{}/elsewhere", stage.server.uri());
        let redirect = ResponseTemplate::new(307).insert_header("location", elsewhere.as_str());
        assert!(stage.answer(redirect).await.unwrap_err().contains("redirect"));
        assert_eq!(requests(&stage.server, "/elsewhere").await, 0);
    }
}

/// What the provider says of the user counts, whatever the decision point makes of the use.
#[tokio::test]
async fn its_yes_does_not_stand_for_the_providers() {
    for kind in kinds() {
        let stage = Stage::start(kind).await;
        let alone = connection(vec![stage.declared(json!({}))], &stage.server.uri(), LONG);
        let text = stage.judged(&alone).await.unwrap_err();
        assert!(text.contains("nobody who knows the user"), "{text}");
        break_down(&stage.server, "/introspect", ResponseTemplate::new(503)).await;
        assert!(stage.access().await.unwrap_err().contains("status 503"));
    }
}

#[tokio::test]
async fn without_a_use_there_is_nothing_to_judge() {
    for kind in kinds() {
        let stage = Stage::start(kind).await;
        let connection = stage.connection(json!({}), LONG);
        let question = Question { purpose: None, ..asked() };
        let fault = connection.standing(question).await.unwrap_err().fault;
        assert!(detail(&fault).contains("judges a use"));
        assert_eq!(requests(&stage.server, stage.kind.path).await, 0);
    }
}

#[tokio::test]
async fn another_endpoint_may_be_named() {
    let [authzen, _] = kinds();
    let stage = Stage::start(authzen).await;
    serve(&stage.server, "/evaluate", ok(&json!({ "decision": false }))).await;
    let endpoint = format!("{}/evaluate", stage.server.uri());
    let elsewhere = stage.connection(json!({ "endpoint": endpoint }), LONG);
    assert_eq!(stage.judged(&elsewhere).await, DENIED);
}

#[test]
fn says_what_is_wrong_with_its_settings() {
    let opa = |path: &str| refusal(json!({ "kind": "opa", "url": "https://x", "path": path }));
    for path in ["", "/actas", "actas//x", "actas/../x"] {
        assert!(opa(path).contains("`path`"), "{path}");
    }
    assert!(refusal(json!({ "kind": "opa", "url": "x", "path": "x" })).contains("`url`"));
    assert!(refusal(json!({ "kind": "authzen", "url": "x" })).contains("`url`"));
    let declared = json!({ "kind": "authzen", "url": "https://x", "endpoint": "x" });
    assert!(refusal(declared).contains("`endpoint`"));
    let declared = json!({ "kind": "authzen", "url": "https://x", "client_id": "x" });
    assert!(refusal(declared).contains("`token_endpoint`"));
}

//! What is issued that is no access token.

use policy::Product;
use serde_json::json;

use super::fixture::{
    DOCUMENTS, DOMAIN, JWT_BEARER, PARTNER, Stage, claims, read, refused, signed, told, with,
};
use crate::{
    issue::Issued,
    refusal::OAuthError,
    signal::tests::fixture::{NOW, US},
};

const MCP: &str = "https://mcp.partner.example";

fn ask_with(stage: &Stage, kind: &str, more: &str) -> Result<Issued, OAuthError> {
    let mut claims = claims();
    claims["acr"] = json!("gold");
    claims["amr"] = json!(["hwk"]);
    let wanted = format!("&requested_token_type=urn:ietf:params:oauth:token-type:{kind}{more}");
    stage.exchange(("access_token", &signed("at+jwt", &claims)), &wanted)
}

fn ask(kind: &str, more: &str) -> Result<Issued, OAuthError> {
    ask_with(&Stage::new(), kind, more)
}

/// draft-ietf-oauth-identity-assertion-authz-grant §4.3.
#[test]
fn an_id_jag_says_what_another_server_needs() {
    let stage = Stage::new();
    let issued =
        ask_with(&stage, "id-jag", &format!("&audience={PARTNER}&resource={MCP}/")).unwrap();
    let (header, claims) = read(issued.access_token());
    assert_eq!(header["typ"], "oauth-id-jag+jwt");
    let opened = stage.books.opened.lock().unwrap();
    let delegation = &opened.first().unwrap().delegation;
    assert_eq!(
        claims,
        json!({
            "iss": US, "sub": "corp:alice", "aud": PARTNER, "client_id": "actas-over-there",
            "jti": delegation.id.to_string(), "iat": NOW, "exp": NOW + 200, "resource": MCP,
            "scope": "chat:read", "act": { "iss": US, "sub": "agent:orchestrator" },
            "auth_time": NOW - 60, "acr": "gold", "amr": ["hwk"],
        })
    );
    assert_eq!((issued.product(), issued.token_type()), (Product::IdJag, "N_A"));
    // Remembered as every delegation is.
    assert_eq!((delegation.target.as_str(), delegation.depth), (PARTNER, 1));
    assert_eq!(
        opened.first().unwrap().event.issued_type,
        Some("urn:ietf:params:oauth:token-type:id-jag")
    );
}

#[test]
fn an_id_jag_is_for_a_declared_server_and_what_is_behind_it() {
    let server = format!("&audience={PARTNER}");
    assert_eq!(told(&ask("id-jag", &server).unwrap()).get("resource"), None);
    for (more, expected) in [
        (String::new(), "invalid_request"),
        // `resource` alone names no server.
        (format!("&resource={PARTNER}"), "invalid_request"),
        (format!("{server}&audience=other"), "invalid_target"),
        (format!("{server}&resource={MCP}&resource={DOCUMENTS}"), "invalid_target"),
        (format!("{server}&resource={DOCUMENTS}"), "invalid_target"),
        (format!("{server}&resource=mcp"), "invalid_target"),
        // No server of another domain.
        (format!("&audience={DOCUMENTS}"), "invalid_target"),
        (format!("&audience={DOMAIN}"), "invalid_target"),
        ("&audience=researcher".to_owned(), "invalid_target"),
        (format!("&audience={US}"), "invalid_target"),
        (format!("{server}&scope=documents:read"), "invalid_scope"),
    ] {
        assert_eq!(refused(ask("id-jag", &more)).0, expected, "{more}");
    }
    // Nor is an access token for such a server.
    assert_eq!(refused(ask("access_token", &server)).0, "invalid_target");
    assert_eq!(refused(ask("txn_token", &format!("{server}&scope=chat:read"))).0, "invalid_target");
}

/// §4.3.1: the subject's audience is the client.
#[test]
fn an_id_token_is_the_clients_own() {
    let ask = |audience: &str| {
        let mut claims = with("aud", json!(audience));
        for name in ["scope", "client_id"] {
            claims.as_object_mut().unwrap().remove(name);
        }
        claims["nonce"] = json!("n");
        let more = format!(
            "&requested_token_type=urn:ietf:params:oauth:token-type:id-jag&audience={PARTNER}"
        );
        Stage::new().exchange(("id_token", &signed("JWT", &claims)), &more)
    };
    assert!(ask("orchestrator").is_ok());
    assert_eq!(refused(ask("researcher")), ("invalid_request", Some("subject_token")));
    assert_eq!(refused(ask("https://api.actas.example")), ("invalid_request", Some("presenter")));
}

/// RFC 9449, draft-ietf-oauth-identity-assertion-authz-grant §5: bound to the key of the proof.
#[test]
fn a_product_is_bound_to_the_key_that_was_proved() {
    for (kind, more) in [
        ("id-jag", format!("&audience={PARTNER}")),
        ("jwt", format!("&audience={PARTNER}")),
        ("txn_token", format!("&audience={DOMAIN}&scope=documents:read")),
    ] {
        assert_eq!(told(&ask(kind, &more).unwrap()).get("cnf"), None, "{kind}");
        let mut stage = Stage::new();
        stage.key = Some("k");
        let issued = ask_with(&stage, kind, &more).unwrap();
        assert_eq!(told(&issued)["cnf"], json!({ "jkt": "k" }), "{kind}");
        assert_eq!(issued.token_type(), "N_A", "{kind}");
    }
}

/// draft-ietf-oauth-identity-chaining §2.3.3: the audience is the other server, alone.
#[test]
fn a_jwt_grant_says_the_same_without_a_type_of_its_own() {
    for named in ["audience", "resource"] {
        let issued = ask("jwt", &format!("&{named}={PARTNER}")).unwrap();
        let (header, claims) = read(issued.access_token());
        assert_eq!((&header["typ"], &claims["aud"]), (&json!("JWT"), &json!(PARTNER)));
        assert_eq!((&claims["sub"], &claims["scope"]), (&json!("corp:alice"), &json!("chat:read")));
        assert_eq!((issued.product(), issued.token_type()), (Product::JwtGrant, "N_A"));
    }
    assert_eq!(refused(ask("jwt", "")).0, "invalid_request");
    assert_eq!(refused(ask("jwt", &format!("&resource={DOCUMENTS}"))).0, "invalid_target");
    let both = format!("&audience={PARTNER}&resource={MCP}");
    assert_eq!(refused(ask("jwt", &both)).0, "invalid_target");
}

/// draft-ietf-oauth-transaction-tokens §4.
#[test]
fn a_transaction_token_stays_in_its_domain() {
    let context =
        "&request_details=%7B%22amount%22%3A7%7D&request_context=%7B%22ip%22%3A%22x%22%7D";
    let plain = format!("&audience={DOMAIN}&scope=documents:read");
    let issued = ask("txn_token", &format!("{plain}{context}")).unwrap();
    let (header, claims) = read(issued.access_token());
    assert_eq!(header["typ"], "txntoken+jwt");
    let txn = claims["txn"].clone();
    assert!(txn.is_string());
    assert_eq!(
        claims,
        json!({
            "iss": US, "aud": DOMAIN, "iat": NOW, "exp": NOW + 200, "txn": txn,
            "sub": "corp:alice", "scope": "documents:read", "req_wl": "agent:orchestrator",
            "act": { "iss": US, "sub": "agent:orchestrator" },
            "tctx": { "amount": 7 }, "rctx": { "ip": "x" },
        })
    );
    assert_eq!((issued.product(), issued.token_type()), (Product::TransactionToken, "N_A"));
    let without = told(&ask("txn_token", &plain).unwrap());
    assert!(without.get("tctx").is_none() && without.get("rctx").is_none());
}

#[test]
fn refuses_each_malformed_request_for_a_transaction_token() {
    let (domain, scope) = (format!("&audience={DOMAIN}"), "&scope=documents:read");
    assert!(ask("txn_token", &format!("{domain}{scope}")).is_ok());
    let long = format!("&request_details=%7B%22a%22%3A%22{}%22%7D", "x".repeat(4096));
    for (more, expected) in [
        (scope.to_owned(), "invalid_request"),
        (domain.clone(), "invalid_request"),
        (format!("{domain}{scope}&request_details=7"), "invalid_request"),
        (format!("{domain}{scope}&request_context=%5B%5D"), "invalid_request"),
        (format!("{domain}{scope}&request_context=null"), "invalid_request"),
        (format!("{domain}{scope}{long}"), "invalid_request"),
        (format!("{domain}&scope=documents:write"), "invalid_scope"),
        (format!("&audience={DOCUMENTS}{scope}"), "invalid_target"),
        (format!("&audience=elsewhere.example{scope}"), "invalid_target"),
    ] {
        assert_eq!(refused(ask("txn_token", &more)).0, expected, "{more}");
    }
    let mut off = Stage::new();
    off.org.trust_domain = None;
    let result = ask_with(&off, "txn_token", &format!("{domain}{scope}"));
    assert_eq!(refused(result), ("invalid_target", Some("target")));
}

/// None of them is an access token, so nothing can be had for it here.
#[test]
fn no_product_is_taken_back() {
    let stage = Stage::new();
    let more = format!("&resource={DOCUMENTS}");
    for (kind, of) in [
        ("id-jag", format!("&audience={PARTNER}")),
        ("jwt", format!("&audience={PARTNER}")),
        ("txn_token", format!("&audience={DOMAIN}&scope=documents:read")),
    ] {
        let issued = ask_with(&stage, kind, &of).unwrap();
        let product = issued.access_token();
        for declared in ["access_token", "id_token", "jwt"] {
            let result = stage.exchange((declared, product), &more);
            let expected = ("invalid_request", Some("subject_token"));
            assert_eq!(refused(result), expected, "{kind} as {declared}");
            let actor = format!(
                "{more}&actor_token={product}\
                 &actor_token_type=urn:ietf:params:oauth:token-type:{declared}"
            );
            let subject = signed("at+jwt", &claims());
            let result = stage.exchange(("access_token", &subject), &actor);
            let expected = ("invalid_request", Some("actor_token"));
            assert_eq!(refused(result), expected, "{kind} as {declared}");
        }
        let body = format!("{JWT_BEARER}&assertion={product}{more}");
        let result = stage.send("orchestrator", &body);
        assert_eq!(refused(result), ("invalid_grant", Some("subject_token")), "{kind}");
    }
    // An access token is.
    let issued = ask_with(&stage, "access_token", &more).unwrap();
    assert!(stage.exchange(("access_token", issued.access_token()), &more).is_ok());
}

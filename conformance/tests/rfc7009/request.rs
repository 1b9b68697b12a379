//! §2.1: the request, and who may make it.

use conformance::{
    AboutToken, Credentials, Exchange, Granted, exchange::three_hops, form::basic_raw, http,
    target, target::Client,
};

fn granted() -> Granted {
    Exchange::happy(target()).send().granted()
}

fn orchestrator() -> Client {
    target().client("orchestrator").clone()
}

/// The request that would end this token, changed, is refused, and the token lives; unchanged it
/// ends it.
fn refused(
    status: u16,
    code: &str,
    change: impl FnOnce(AboutToken<'static>) -> AboutToken<'static>,
) {
    let granted = granted();
    let revoke = AboutToken::revoke(target(), &granted.token.text);
    change(revoke.clone()).send().refused(status, code);
    assert!(granted.is_active(target()), "refused, and yet it ended");
    assert_eq!(revoke.send().status, 200);
    assert!(!granted.is_active(target()));
}

/// RFC 7009 §2: "The client requests the revocation of a particular token by making an HTTP POST
/// request to the token revocation endpoint URL."
#[test]
fn s2_refuses_a_get_with_the_same_parameters() {
    let granted = granted();
    let ask = AboutToken::revoke(target(), &granted.token.text);
    let url = format!("{}?{}", target().revocation_endpoint, ask.body());
    let agent = orchestrator();
    let basic = basic_raw(&agent.client_id, &agent.client_secret);
    let reply = http::get(&url, &[("authorization", &basic)]);
    reply.hold_to_what_every_client_is_owed(target());
    assert!([400, 404, 405].contains(&reply.status), "{} {}", reply.status, reply.text());
    // §2.3 describes JSONP for those who want it; nothing is run in anybody's browser here.
    let reply = http::get(&format!("{url}&callback=package.myCallback"), &[]);
    assert!(!reply.text().contains("myCallback"));
    assert!(granted.is_active(target()));
}

/// RFC 7009 §2.1: "token REQUIRED. The token that the client wants to get revoked."
#[test]
fn s2_1_refuses_a_missing_token() {
    refused(400, "invalid_request", |ask| ask.without("token"));
    refused(400, "invalid_request", |ask| ask.with("token", ""));
}

/// RFC 6749 §3.2: "Request and response parameters MUST NOT be included more than once."
#[test]
fn rfc6749_s3_2_refuses_two_tokens() {
    refused(400, "invalid_request", |ask| ask.adding("token", "another"));
}

/// RFC 7009 §2.1: "The client also includes its authentication credentials as described in Section
/// 2.3. of [RFC6749]. … The authorization server first validates the client credentials".
#[test]
fn s2_1_refuses_a_stranger() {
    refused(401, "invalid_client", |ask| ask.authenticated(Credentials::Missing));
    let wrong = Client { client_secret: "wrong".to_owned(), ..orchestrator() };
    refused(401, "invalid_client", |ask| ask.authenticated(Credentials::Basic(wrong.clone())));
    refused(401, "invalid_client", |ask| ask.authenticated(Credentials::Body(wrong.clone())));
    let of_another = target().client("researcher").client_secret.clone();
    let wrong = Client { client_secret: of_another, ..orchestrator() };
    refused(401, "invalid_client", |ask| ask.authenticated(Credentials::Basic(wrong)));
}

/// RFC 6749 §2.3, both methods; RFC 8414 §2 lists them.
#[test]
fn s2_1_takes_both_methods_of_client_authentication() {
    for credentials in [Credentials::Basic(orchestrator()), Credentials::Body(orchestrator())] {
        let granted = granted();
        let revoke = AboutToken::revoke(target(), &granted.token.text).authenticated(credentials);
        assert_eq!(revoke.send().status, 200);
        assert!(!granted.is_active(target()));
    }
}

/// RFC 7009 §2.1: "… and then verifies whether the token was issued to the client making the
/// revocation request. If this validation fails, the request is refused and the client is informed
/// of the error by the authorization server".
#[test]
fn s2_1_refuses_a_token_of_another_client() {
    for client in ["researcher", "archivist", "other-agent"] {
        refused(400, "invalid_request", |ask| ask.by(client));
    }
}

/// The one a token is for may ask about it; ending it is for the one it was issued to.
#[test]
fn s2_1_refuses_the_audience_of_a_token() {
    let [first, ..] = three_hops(target());
    let reply = AboutToken::revoke(target(), &first.token.text).by("researcher").send();
    reply.refused_as_invalid_request();
    let granted = granted();
    let reply = AboutToken::revoke(target(), &granted.token.text).by("documents-api").send();
    assert!([400, 401].contains(&reply.status), "{} {}", reply.status, reply.text());
    assert!(first.is_active(target()) && granted.is_active(target()));
}

/// Two organizations know nothing of each other: not their clients, not their tokens.
#[test]
fn s2_1_another_organization_cannot_end_it() {
    let granted = granted();
    let stranger = Credentials::Basic(target().stranger().clone());
    let here = AboutToken::revoke(target(), &granted.token.text).authenticated(stranger);
    here.send().refused(401, "invalid_client");
    // There it is no token at all (§2.2).
    let there = here.at(&target().other_org.revocation_endpoint).send();
    assert!([200, 400].contains(&there.status), "{} {}", there.status, there.text());
    assert!(granted.is_active(target()));
}

/// RFC 7009 §2.1: "If the server is unable to locate the token using the given hint, it MUST extend
/// its search across all of its supported token types." §2.2: "An invalid token type hint value is
/// ignored by the authorization server and does not influence the revocation response."
#[test]
fn s2_1_a_wrong_hint_changes_nothing() {
    for hint in ["access_token", "refresh_token", "nonsense", ""] {
        let granted = granted();
        let revoke = AboutToken::revoke(target(), &granted.token.text);
        assert_eq!(revoke.with("token_type_hint", hint).send().status, 200, "{hint}");
        assert!(!granted.is_active(target()), "{hint}");
    }
}

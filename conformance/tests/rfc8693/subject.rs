//! §2.1: "the authorization server MUST perform the appropriate validation procedures for the
//! indicated token type". Each refusal has the happy exchange of `request.rs` as its twin, and a
//! closer one where a single field decides. Forged signatures are in `rfc8725.rs`.

use conformance::{ACCESS_TOKEN, Exchange, ID_TOKEN, Reply, now, target};
use serde_json::json;

fn exchanged(token: &str) -> Reply {
    Exchange::of(target(), token).send()
}

/// RFC 8693 §2.1: "… MUST perform the appropriate validation procedures for the indicated token
/// type …": an ID Token is no access token.
#[test]
fn s2_1_refuses_an_id_token_declared_as_access_token() {
    let token = target().idp.id_token("alice").mint();
    let exchange = Exchange::of(target(), &token);
    exchange.clone().with("subject_token_type", ID_TOKEN).send().granted();
    exchange.with("subject_token_type", ACCESS_TOKEN).send().refused_as_invalid_request();
}

/// RFC 8693 §2.1, the other way round.
#[test]
fn s2_1_refuses_an_access_token_declared_as_id_token() {
    let exchange = Exchange::happy(target()).with("subject_token_type", ID_TOKEN);
    exchange.send().refused_as_invalid_request();
}

/// RFC 8693 §2.1: a token of ours is an access token, not an ID Token.
#[test]
fn s2_1_refuses_our_own_token_declared_as_id_token() {
    let ours = Exchange::happy(target()).for_agent("researcher").send().granted().token.text;
    let next = Exchange::of(target(), &ours).by("researcher");
    next.clone().send().granted();
    next.with("subject_token_type", ID_TOKEN).send().refused_as_invalid_request();
}

/// RFC 8693 §2.1 with RFC 7519 §4.1.4: "the current date/time MUST be before the expiration".
#[test]
fn s2_1_refuses_an_expired_token() {
    exchanged(&target().idp.access_token("alice").lifetime(120).mint()).granted();
    exchanged(&target().idp.access_token("alice").lifetime(-120).mint())
        .refused_as_invalid_request();
}

/// Decision: a token with almost nothing left is not worth deriving another from.
#[test]
fn s2_1_refuses_a_token_about_to_expire() {
    exchanged(&target().idp.access_token("alice").lifetime(2).mint()).refused_as_invalid_request();
}

/// RFC 8693 §2.1 with RFC 7519 §4.1.1: only issuers the organization has configured.
#[test]
fn s2_1_refuses_another_issuer() {
    let own = format!("{}/", target().idp.issuer);
    for issuer in ["https://evil.example", &target().other_org.issuer, &target().issuer, &own] {
        let token = target().idp.access_token("alice").claim("iss", issuer).mint();
        exchanged(&token).refused_as_invalid_request();
    }
}

/// RFC 9700 §2.3 and RFC 8725 §3.9: a token is for its client and its audience; nobody else may
/// present it (ZITADEL CVE-2026-56668).
#[test]
fn s2_1_refuses_a_token_issued_to_and_meant_for_others() {
    let meant_for = |client: &str, audience: &str| {
        let token = target().idp.access_token("alice").client(client).audience(&[audience]).mint();
        exchanged(&token)
    };
    meant_for("some-app", "orchestrator").granted();
    meant_for("some-app", "elsewhere").refused_as_invalid_request();
}

/// The same for a token of ours: handed to the researcher, it is of no use to the archivist.
#[test]
fn s2_1_refuses_a_presenter_whom_our_token_does_not_name() {
    let ours = Exchange::happy(target()).for_agent("researcher").send().granted().token.text;
    Exchange::of(target(), &ours).by("researcher").send().granted();
    Exchange::of(target(), &ours).by("archivist").send().refused_as_invalid_request();
}

/// `OpenID` Connect Core §3.1.3.7: "The ID Token MUST be rejected if the ID Token does not list the
/// Client as a valid audience" and "If an azp (authorized party) Claim is present, the Client
/// SHOULD verify that its `client_id` is the Claim Value."
#[test]
fn s2_1_refuses_an_id_token_of_another_client() {
    let id_token = || target().idp.id_token("alice");
    let declared =
        |token: &str| Exchange::of(target(), token).with("subject_token_type", ID_TOKEN).send();
    let both = ["orchestrator", "some-app"];
    declared(&id_token().audience(&both).claim("azp", "orchestrator").mint()).granted();
    declared(&id_token().audience(&both).claim("azp", "some-app").mint())
        .refused_as_invalid_request();
    declared(&id_token().client("some-app").audience(&["some-app"]).mint())
        .refused_as_invalid_request();
}

/// RFC 8693 §4.4: "`may_act`: … makes a statement that one party is authorized to become the actor
/// and act on behalf of another party."
#[test]
fn s4_4_lets_the_party_named_in_may_act() {
    for may_act in [
        json!({ "sub": "agent:orchestrator" }),
        json!({ "sub": "agent:orchestrator", "iss": target().issuer }),
    ] {
        let token = target().idp.access_token("alice").claim("may_act", may_act).mint();
        exchanged(&token).granted();
    }
}

/// RFC 8693 §4.4: "… the combination of the two claims "iss" and "sub" are sometimes necessary to
/// uniquely identify an authorized actor".
#[test]
fn s4_4_refuses_a_party_not_named_in_may_act() {
    for may_act in [
        json!({ "sub": "agent:researcher" }),
        json!({ "sub": "agent:orchestrator", "iss": "https://evil.example" }),
        json!({ "sub": "" }),
        json!({}),
        json!("agent:orchestrator"),
        json!([{ "sub": "agent:orchestrator" }]),
    ] {
        let token = target().idp.access_token("alice").claim("may_act", may_act.clone()).mint();
        let reply = exchanged(&token);
        assert_eq!(reply.status, 400, "{may_act}: {}", reply.text());
        reply.refused_as_invalid_request();
    }
}

/// RFC 8693 §4.4 read with §5: `may_act` never suffices; there is no recorded grant of bob's for
/// the archivist.
#[test]
fn s4_4_may_act_alone_is_no_grant() {
    let may_act = json!({ "sub": "agent:archivist", "iss": target().issuer });
    let minted = target().idp.access_token("bob").client("archivist").audience(&["archivist"]);
    let reply = Exchange::of(target(), &minted.claim("may_act", may_act).mint())
        .by("archivist")
        .with("scope", "documents:read")
        .send();
    assert_eq!(reply.status, 400, "{}", reply.text());
}

/// RFC 8693 §2.2.2: "unacceptable based on policy": a user who has let nobody act.
#[test]
fn s2_2_2_refuses_a_user_without_a_grant() {
    let token = target().idp.access_token("carol-nobody-knows").mint();
    assert_eq!(exchanged(&token).status, 400);
}

/// Decision: a user named like an agent is refused, or `sub` and `act.sub` could be confused.
#[test]
fn s4_1_refuses_a_user_named_like_an_agent() {
    let token = target().idp.access_token("agent:orchestrator").mint();
    exchanged(&token).refused_as_invalid_request();
}

/// RFC 9449 §5, RFC 8705 §3: a sender-constrained token needs its proof; without one it never
/// becomes a bearer token (keycloak#50963).
#[test]
fn s2_1_refuses_a_bound_token_without_proof() {
    let jkt = json!({ "jkt": "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I" });
    let token = target().idp.access_token("alice").claim("cnf", jkt).mint();
    exchanged(&token).refused_as_invalid_request();
}

/// RFC 7519 §4.1.5: "the current date/time MUST be after or equal to the not-before date/time".
#[test]
fn s2_1_honours_nbf() {
    exchanged(&target().idp.access_token("alice").claim("nbf", now() - 60).mint()).granted();
    exchanged(&target().idp.access_token("alice").claim("nbf", now() + 600).mint())
        .refused_as_invalid_request();
}

//! §2.1: `requested_token_type`. Assertions for other domains are in `id_jag.rs`, transaction tokens in
//! `transaction_tokens.rs`.

use conformance::{ACCESS_TOKEN, DOCUMENTS, Exchange, ID_JAG, ID_TOKEN, JWT, TXN_TOKEN, target};

/// RFC 8693 §2.1: "`requested_token_type` OPTIONAL. An identifier … for the type of the requested security
/// token. If the requested type is unspecified, the issued token type is at the discretion of the
/// authorization server".
#[test]
fn s2_1_an_access_token_may_be_asked_for() {
    Exchange::happy(target()).with("requested_token_type", ACCESS_TOKEN).send().granted();
    Exchange::happy(target()).with("requested_token_type", "").send().granted();
}

/// RFC 8693 §2.1 with §2.2.2: what is not offered is refused, not answered by something else.
#[test]
fn s2_1_refuses_a_type_it_does_not_issue() {
    for kind in [
        ID_TOKEN,
        "urn:ietf:params:oauth:token-type:refresh_token",
        "urn:ietf:params:oauth:token-type:saml1",
        "urn:ietf:params:oauth:token-type:saml2",
        "urn:ietf:params:oauth:token-type:ACCESS_TOKEN",
        "access_token",
    ] {
        let exchange = Exchange::happy(target()).with("requested_token_type", kind);
        exchange.send().refused_as_invalid_request();
    }
    let twice = Exchange::happy(target()).with("requested_token_type", ACCESS_TOKEN);
    twice.adding("requested_token_type", ACCESS_TOKEN).send().refused_as_invalid_request();
}

/// RFC 8693 §2.2.2: every type at every kind of target, generated: each has its own, and "if the
/// authorization server is unwilling … "`invalid_target`"".
#[test]
fn s2_2_2_each_type_has_its_targets() {
    let targets = [DOCUMENTS, "researcher", conformance::PARTNER, conformance::TRUST_DOMAIN];
    let fits = |kind: &str, at: &str| match kind {
        ID_JAG | JWT => at == conformance::PARTNER,
        TXN_TOKEN => at == conformance::TRUST_DOMAIN,
        _ => at == DOCUMENTS || at == "researcher",
    };
    let mut issued = 0;
    for kind in [ACCESS_TOKEN, ID_JAG, JWT, TXN_TOKEN] {
        for at in targets {
            let token = target().idp.id_token("alice").mint();
            let exchange = Exchange::of(target(), &token).with("subject_token_type", ID_TOKEN);
            let exchange = exchange.for_agent(at).with("requested_token_type", kind);
            let reply = match kind {
                TXN_TOKEN => exchange.with("scope", "documents:read").send(),
                _ => exchange.send(),
            };
            assert_eq!(reply.status == 200, fits(kind, at), "{kind} for {at}: {}", reply.text());
            if reply.status == 200 {
                issued += 1;
            } else {
                reply.refused(400, "invalid_target");
            }
        }
    }
    assert_eq!(issued, 5);
}

//! The same for the other grants: behind each that speaks of a user, the user is asked about.

use conformance::{DOCUMENTS, Exchange, target};

use crate::Idp;

/// Every way to a token of alice's, and the code by which each is refused.
fn ways() -> Vec<(&'static str, Exchange<'static>, &'static str)> {
    let idp = &target().idp;
    let scope = format!("{DOCUMENTS}/.default");
    let on_behalf = Exchange::on_behalf_of(target(), &idp.access_token("alice").mint(), &scope);
    vec![
        ("exchange", Exchange::happy(target()), "invalid_request"),
        ("ID-JAG", Exchange::redeeming(target(), &target().id_jag().mint()), "invalid_grant"),
        ("on behalf of", on_behalf, "invalid_grant"),
        ("abroad", Exchange::abroad(target()), "invalid_request"),
    ]
}

/// RFC 8693 §2.2.2 and RFC 7521 §4.1.1: the user's account is off, so there is nothing by any way.
#[test]
fn no_grant_outlives_its_user() {
    let _idp = Idp::alone();
    for (_, request, _) in ways() {
        request.send().granted();
    }
    let ways = ways();
    target().idp.disable("alice", true);
    for (name, request, code) in ways {
        let reply = request.send();
        let told = reply.code();
        assert_eq!((reply.status, told.as_deref()), (400, Some(code)), "{name}: {}", reply.text());
    }
    // Who acts for nobody is not concerned.
    Exchange::own(target(), "nightly").send().granted();
    Exchange::own(target(), "orchestrator").send().granted();
}

/// No answer is no token, by any way; and who acts for nobody needs none.
#[test]
fn no_grant_goes_without_an_answer() {
    let _idp = Idp::alone();
    let ways = ways();
    target().idp.fault("introspection", "down");
    for (_, request, _) in &ways {
        request.send().refused_for_now();
    }
    Exchange::own(target(), "nightly").send().granted();
    target().idp.fault("introspection", "none");
    for (_, request, _) in ways {
        request.send().granted();
    }
}

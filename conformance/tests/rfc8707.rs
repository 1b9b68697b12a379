//! RFC 8707, Resource Indicators: what `resource` may be, and what it does to the token.

use conformance::{CALENDAR, DOCUMENTS, Exchange, target};

fn with_resource(resource: &str) -> Exchange<'static> {
    Exchange::happy(target()).with("resource", resource)
}

/// RFC 8707 §2: "Its value MUST be an absolute URI, as specified by Section 4.3 of [RFC3986]." and
/// "`invalid_target`: The requested resource is invalid, missing, unknown, or malformed."
#[test]
fn s2_refuses_a_resource_that_is_no_absolute_uri() {
    for resource in ["/documents", "documents.demo.example", "//documents.demo.example", "?a=b"] {
        with_resource(resource).send().refused(400, "invalid_target");
    }
}

/// RFC 8707 §2: "The URI MUST NOT include a fragment component."
#[test]
fn s2_refuses_a_fragment() {
    with_resource(&format!("{DOCUMENTS}#part")).send().refused(400, "invalid_target");
    with_resource(&format!("{DOCUMENTS}#")).send().refused(400, "invalid_target");
    with_resource(DOCUMENTS).send().granted();
}

/// RFC 8707 §2: "It SHOULD NOT include a query component, but it is recognized that there are cases
/// that make a query component a useful and necessary part". It is part of the name, so another
/// name.
#[test]
fn s2_does_not_overlook_a_query() {
    with_resource(&format!("{DOCUMENTS}?tenant=1")).send().refused(400, "invalid_target");
}

/// RFC 8707 §2: "`invalid_target`: The requested resource is invalid, missing, unknown, or
/// malformed."
#[test]
fn s2_refuses_an_unknown_resource() {
    let inside = format!("{DOCUMENTS}/inside");
    let longer = format!("{DOCUMENTS}.evil.example");
    for resource in ["https://nowhere.example", &inside, &longer, &target().issuer] {
        with_resource(resource).send().refused(400, "invalid_target");
    }
}

/// RFC 3986 §6.2 and RFC 9068 §3: another spelling of the same URI is either unknown or the same
/// resource, and the token then names it as it was registered: nobody downstream normalizes.
#[test]
fn s2_writes_a_resource_in_one_way() {
    let upper = DOCUMENTS.replacen("documents", "DOCUMENTS", 1);
    for spelling in [upper, format!("{DOCUMENTS}/"), format!("{DOCUMENTS}:443")] {
        let reply = with_resource(&spelling).send_as(&[DOCUMENTS]);
        if reply.status != 200 {
            reply.refused(400, "invalid_target");
        }
    }
}

/// RFC 8707 §2: "`invalid_target` … missing": no target and no configured default.
#[test]
fn s2_refuses_a_missing_target() {
    Exchange::happy(target()).without("resource").send().refused(400, "invalid_target");
    with_resource("").send().refused(400, "invalid_target");
}

/// RFC 8707 §2: "The authorization server SHOULD audience-restrict issued access tokens to the
/// resource(s) indicated by the "resource" parameter."
#[test]
fn s2_restricts_the_audience_to_the_resource() {
    for resource in [DOCUMENTS, CALENDAR] {
        assert_eq!(with_resource(resource).send().granted().claim("aud"), resource);
    }
}

/// RFC 8693 §2.1: "audience OPTIONAL. The logical name of the target service": the same for an
/// agent.
#[test]
fn s2_restricts_the_audience_to_the_agent() {
    let granted = Exchange::happy(target()).for_agent("researcher").send().granted();
    assert_eq!(granted.claim("aud"), "researcher");
}

/// RFC 8693 §2.1.1: the access rights are "all the scopes at all the target services", so a scope
/// which the resource does not know is left out when none was asked for.
#[test]
fn rfc8693_s2_1_1_narrows_the_scope_to_the_resource() {
    assert_eq!(with_resource(CALENDAR).send().granted().scope(), ["calendar:read"]);
}

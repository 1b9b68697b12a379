//! RFC 7662, OAuth 2.0 Token Introspection, section by section.

mod rfc7662 {
    mod inactive;
    mod request;
    mod response;
}

//! RFC 8693, OAuth 2.0 Token Exchange: section by section.

mod rfc8693 {
    mod actor;
    mod chain;
    mod request;
    mod response;
    mod scope;
    mod subject;
}

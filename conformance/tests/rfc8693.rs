//! RFC 8693, OAuth 2.0 Token Exchange: section by section.

mod rfc8693 {
    mod actor;
    mod chain;
    mod own_actor;
    mod product;
    mod request;
    mod response;
    mod scope;
    mod subject;
}

//! RFC 7009, OAuth 2.0 Token Revocation, section by section; and what ends with a token of ours.

mod rfc7009 {
    mod cascade;
    mod request;
    mod response;
}

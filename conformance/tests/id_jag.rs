//! draft-ietf-oauth-identity-assertion-authz-grant-04, Identity Assertion JWT Authorization Grant: we
//! issue one for another domain, and we take those of an identity provider. RFC 7523 holds beside it
//! (`rfc7523.rs`), RFC 8693 for the first half (`rfc8693.rs`).

mod id_jag {
    mod issued;
    mod redeemed;
}

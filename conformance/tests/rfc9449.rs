//! RFC 9449, OAuth 2.0 Demonstrating Proof of Possession (DPoP): at the token endpoint, and at a
//! protected resource.

mod rfc9449 {
    mod binding;
    mod nonce;
    mod proof;
    mod resource;
}

//! A function for every parser that meets bytes from outside. Each takes any bytes and asserts what must
//! hold of whatever the parser makes of them: not only that it ends, but that what it accepts it may.
//!
//! Reading order: [`TARGETS`], then a file per kind of input. [`signed`] and [`json`] are what the others
//! stand on: tokens that were signed here, and a second reader of JSON to compare with.
//!
//! `tests/seeds.rs` runs them on seeds and mutations of them, on any compiler; `libfuzzer/` wraps them for
//! `cargo fuzz`, which is guided by coverage (`make fuzz`).
#![expect(
    clippy::missing_panics_doc,
    reason = "a property that does not hold is told by panicking"
)]

pub mod answered;
pub mod delegated;
pub mod jose;
pub mod json;
pub mod operated;
pub mod presented;
pub mod published;
pub mod request;
pub mod signed;
pub mod stated;

/// A parser, by name, and what must hold of it.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// As its function, its seeds in `corpora/` and its binary in `libfuzzer/` are called.
    pub name: &'static str,
    pub run: fn(&[u8]),
}

macro_rules! targets {
    ($($of:ident::$name:ident),* $(,)?) => {
        /// Every target, in the order of its file.
        pub const TARGETS: &[Target] = &[$(Target { name: stringify!($name), run: $of::$name }),*];
    };
}

targets![
    jose::jws,
    jose::header,
    jose::claims,
    stated::assertion,
    stated::event,
    stated::proof,
    stated::proof_header,
    stated::attestation_proof,
    stated::status_list,
    published::jwks,
    published::policies,
    request::form,
    request::credentials,
    request::token_request,
    request::target,
    request::scope,
    delegated::act,
    delegated::provider_claims,
    delegated::subject,
    delegated::security_event,
    delegated::own_claims,
    delegated::provisioning,
    presented::certificate,
    presented::forwarded,
    presented::forwarded_for,
    answered::discovery,
    answered::introspection,
    answered::polled,
    operated::org_file,
    operated::audit_query,
    operated::revocation,
];

//! Signs, verifies, publishes and seals. The only crate that knows JOSE (RFC 7515 to 7519, 7638, 8725) and
//! X.509 (RFC 5280).
//!
//! # Reading order
//!
//! [`verify()`] is the heart: a compact JWS becomes [`Verified`] claims, or a [`TokenFault`].
//! [`Expect`] says what the token must be, [`PublicKeys`] who may have signed it, [`peek()`] where it
//! claims to come from. [`verify_remembering`] is the same of a token that comes again and again: its
//! signature alone is remembered, in [`Signatures`]. [`verify_event`] is its sibling for what a provider says on its own: security
//! events, logouts, revocations; [`verify_assertion`] for what a party states of itself or another, to be
//! let in or to be granted something. Two prove that whoever sends a request has a key:
//! [`verify_proof`] (DPoP), which reads the key from the proof, and [`verify_attestation_proof`], which
//! has it from an attestation. [`Certificate`] is the same by TLS: whose it is, and who vouches for it
//! ([`Authorities`]). [`sign()`] is the way out: a [`Signer`] signs, and the result is read back
//! with the key we publish, as often as [`Reading`] says. [`rotation`] is the life of signing keys, a pure state machine; [`KeyRing`] says
//! which key signs and which are published. [`pkcs11`] keeps keys in a module instead.
//! [`DataKey`] seals what the database keeps and hashes client secrets; [`MasterKey`] wraps it.
//!
//! # Who does what
//!
//! | crate | does | why it, and why not more |
//! |---|---|---|
//! | `jsonwebtoken` | every JWS signature check ([`jsonwebtoken::crypto::verify`], its `DecodingKey`, its `Algorithm`, its base64) and the JWS header we write | Its `decode` is not used: it reads the system clock, refuses RFC 9864's `Ed25519`, fails on members RFC 8725 tells us to ignore, parses the header twice and the claims twice, and still accepts what `verify` must refuse. A property test holds that, those refusals apart, it accepts whatever claims we accept. |
//! | `josekit` | JWK: generation, reading, public half, curve check; JWE: sealing | Its JWS half would be a second verifier. It neither checks the length of a GCM tag nor survives a missing IV, so `seal` checks both first. |
//! | `rustls-webpki` | chains of client certificates: path, signatures, times, usage, constraints | The one `rustls` brings. It tells no subject and no mailbox, so it judges no names here. |
//! | `x509-parser` | the names, the times and the usage a client's certificate states | Without its features, so it checks no signature: nothing it reads is believed before `webpki` or a registration to the octet says so. |
//! | `url` | addresses in DPoP proofs, normalised | It forgives what RFC 3986 does not; `proof` refuses that first. |
//! | `cryptoki` | the calls of a PKCS#11 module | A C interface without unsafe code of ours. |
//! | `ring` | all signatures, HMAC, HKDF, SHA-256, through our [`provider`](install) for `jsonwebtoken` | One set of primitives; no `rsa` crate (RUSTSEC-2023-0071), no second C library of our choosing. |
//!
//! A private key is parsed once, into the `ring` key pair a [`SigningKey`] holds, and signs directly:
//! `jsonwebtoken`'s signer factory would parse it at every signature or need a cache behind a lock.
//! Our provider therefore cannot sign at all. A public key is decoded and judged once, when its JWKS
//! is read.
//!
//! # Invariants
//!
//! - A [`Verified`] is made in one function, after every check of it; so are a [`VerifiedEvent`], a
//!   [`VerifiedAssertion`], a [`Proof`] and an [`AttestationProof`], and no JWT of a named kind can
//!   become two of them.
//! - The header names a key, never brings one: `jwk`, `jku`, `x5u`, `x5c` are not looked at. Only a
//!   [`Proof`] is of the `jwk` it brings: it says no more than that whoever sent it has that key.
//! - A key serves the algorithms of its own type, narrowed by its own `alg`: no HMAC exists here.
//! - Claims are read twice and no more: one strict walk (member names unique at every depth, depth
//!   bounded, registered claims typed), one into the caller's type. Both come after the signature.
//! - Time is an argument. Entropy is the exception to the house rule: keys, IVs and secrets are drawn
//!   here, from the operating system, so that nobody can pass a predictable source.

mod algorithm;
mod assertion;
mod attestation;
mod certificate;
mod compact;
mod digest;
mod event;
mod expect;
mod fault;
mod header;
mod key_ring;
mod master;
mod object;
mod peek;
pub mod pkcs11;
mod proof;
mod provider;
mod public;
mod remembered;
pub mod rotation;
mod seal;
mod secret;
mod sign;
mod signing_key;
pub mod status_list;
mod strict;
mod thumbprint;
mod verify;

pub use algorithm::{Algorithm, UnknownAlgorithm};
pub use assertion::{
    AssertionKind, ExpectAssertion, PeekAssertion, RegisteredAssertion, VerifiedAssertion,
    peek_assertion, verify_assertion,
};
pub use attestation::{AttestationProof, ExpectAttestationProof, verify_attestation_proof};
pub use certificate::{Authorities, Certificate, CertificateFault, CertificateName};
pub use digest::{hex, hmac_sha256, sha256, sha256_hex};
pub use event::{EventKind, ExpectEvent, RegisteredEvent, VerifiedEvent, verify_event};
pub use expect::{Expect, Typ};
pub use fault::TokenFault;
pub use key_ring::{Entry, KeyRing, RingFault};
pub use master::MasterKey;
pub use object::{Object, json, object};
pub use peek::{Peek, peek};
pub use proof::{ExpectProof, Proof, ProofFault, verify_proof};
pub use provider::install;
pub use public::{JwksFault, PRIVATE_MEMBERS, PublicKey, PublicKeys};
pub use remembered::Signatures;
pub use seal::{DataKey, SealFault};
pub use secret::SecretHash;
pub use sign::{Reading, SignFault, Signer, Unsigned, sign};
pub use signing_key::{KeyFault, SigningKey};
pub use verify::{Registered, Verified, verify, verify_remembering};

//! For APIs that take the tokens of actas: who acts for whom, with which scope, and is it really they.
//!
//! ```no_run
//! use actas_verifier::{Call, Verifier};
//!
//! # async fn example(authorization: &str, proof: &str) -> Result<(), Box<dyn std::error::Error>> {
//! // Once, when the API starts. Nothing is fetched yet.
//! let verifier = Verifier::builder("https://actas.example.com/o/acme", "https://documents.example.com")
//!     .build()?;
//!
//! // For every request.
//! let call = Call::new("GET", "https://documents.example.com/documents/7")
//!     .authorization(authorization) // "Bearer eyJ…" or "DPoP eyJ…"
//!     .proof(proof); //                the header `DPoP`, if there is one
//! let who = verifier.verify(&call).await?.allowed(&["documents:read"])?;
//!
//! assert_eq!(who.subject(), "alice");
//! assert_eq!(who.actor().map(|agent| agent.id()), Some("agent:researcher"));
//! println!("{who}"); // agent:researcher, asked by agent:orchestrator, acts for alice
//! # Ok(())
//! # }
//! ```
//!
//! With the feature `actix` a handler says what it needs, and is not called for less; see [`actix`].
//!
//! # What is checked
//!
//! Of the token (RFC 9068 §4): signature, `typ`, `iss`, `aud`, `exp`, `nbf`, the algorithm. Of its
//! binding: a token that is bound to a key is taken with the scheme `DPoP` and a fresh proof of that
//! key, for this method, address and token (RFC 9449 §7); one that is bound to a certificate, over a connection
//! with that certificate (RFC 8705 §3); neither is ever taken without. Each proof is taken once. If
//! [asked for](Builder::status_list), whether the token was revoked since.
//!
//! Decide on [`subject`](Verified::subject), [`scope`](Verified::has) and [`actor`](Verified::actor) only. Who asked the
//! agent is for the record: RFC 8693 §4.1 forbids to decide on it.
//!
//! # What is not
//!
//! - Whether the token still stands, unless you follow the status list, or introspect it (RFC 7662).
//!   Without, a revocation is seen when the token expires, within five minutes.
//! - Whether another process of yours has seen a proof: each remembers its own.
//! - What the user may see of *your* data. That is yours.
//!
//! # When the issuer is away
//!
//! Keys are fetched when the first token comes, once for everybody who waits, and kept for five minutes.
//! While the issuer cannot be reached they serve on for an hour. A token with an unknown key makes one
//! question in 30 seconds and no more. What cannot be known is a [`Rejection::Unavailable`], status 503: never a yes.
//!
//! # Reading order
//!
//! [`Verifier::verify`] is the whole story, one line per step. [`Rejection`] says every no,
//! [`Challenge`] how a client is told, [`Metadata`] what it can know before.

#[cfg(feature = "actix")]
pub mod actix;
mod builder;
mod call;
mod challenge;
mod clock;
mod fetch;
mod issuer;
mod kept;
mod metadata;
mod proofs;
mod rejection;
mod status;
mod verified;
mod verifier;

pub use builder::{BuildError, Builder};
pub use call::{Call, PeerCertificate, Scheme};
pub use challenge::Challenge;
pub use keys::{Algorithm, ProofFault, TokenFault};
pub use metadata::Metadata;
pub use rejection::{Outage, Rejection};
pub use verified::{Actor, Possession, Verified};
pub use verifier::Verifier;

//! The development identity provider: everything but the HTTP server around it.
//!
//! Whoever wires it to a server turns each request into a [`wire::Request`], gives it to
//! [`idp::DevIdp::handle`], and sends the [`wire::Answer`]. Tests may do without a server.
//!
//! Reading order: [`idp`] (the provider and its route table), [`wire`] (what goes in and out), then
//! a file per endpoint beneath `idp`; then [`transmitter`] (of security events), made likewise.
//!
//! INVARIANT: no clock, no randomness and no I/O in here: `now` is an argument, unguessable strings
//! come from the generator given at construction.
//!
//! Development only: it mints whatever it is told to, and its control endpoints ask nobody who
//! they are.

pub mod idp;
pub mod transmitter;
pub mod wire;

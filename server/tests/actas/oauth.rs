//! Endpoints below an issuer, as far as a black box over HTTP cannot see.

mod accounts;
mod asserting;
mod attestation;
mod certificates;
mod client_keys;
mod disabled;
mod discovery;
mod everybody;
mod introspect;
mod limits;
mod possession;
mod proxied;
mod revoke;
mod secrets;
mod spiffe;
mod status_lists;
mod stopped;
mod token;
mod workloads;

//! Endpoints below an issuer, as far as a black box over HTTP cannot see.

mod introspect;
mod revoke;
mod status_lists;
mod stopped;
mod token;

//! Endpoints below an issuer, as far as a black box over HTTP cannot see.

mod token;

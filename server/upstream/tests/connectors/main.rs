//! Every connector, driven through the port of its connection against a fake of its provider.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod fake;
mod steps;

mod auth0;
mod decision_points;
mod entra;
mod entra_on_behalf_of;
mod google;
mod keycloak;
mod okta;
mod scim;
mod userinfo;

//! The life of signing keys, and of the key of keys.

mod commands;
mod master;
mod module;
mod rotation;

use std::collections::BTreeMap;

use serde_json::Value;

use crate::{process::Server, scene::Site};

const JWKS: &str = "/o/acme/oauth/jwks";

/// What `actas keys` prints as JSON.
#[track_caller]
fn keys(site: &Site, arguments: &[&str]) -> Value {
    let printed = site.run(&[&["keys"], arguments, &["acme", "--json"]].concat()).succeeded();
    serde_json::from_str(&printed).unwrap_or_else(|e| panic!("{e}: {printed}"))
}

/// The state of each key.
fn states(told: &Value) -> BTreeMap<String, String> {
    let text = |key: &Value, name: &str| key[name].as_str().unwrap().to_owned();
    let keys = told["keys"].as_array().unwrap().iter();
    keys.map(|key| (text(key, "kid"), text(key, "state"))).collect()
}

/// The one key in this state.
#[track_caller]
fn the(told: &Value, state: &str) -> String {
    let states = states(told);
    let mut found = states.iter().filter(|(_, is)| *is == state).map(|(kid, _)| kid.clone());
    let (Some(kid), None) = (found.next(), found.next()) else { panic!("{state}: {states:?}") };
    kid
}

fn published(server: &Server) -> Vec<String> {
    let keys = server.get(JWKS).json();
    let keys = keys["keys"].as_array().unwrap().iter();
    keys.map(|key| key["kid"].as_str().unwrap().to_owned()).collect()
}

//! How identity providers are asked, and what agents are told of it.

mod decision_points;
mod denial;
mod freshness;
mod isolation;
mod limits;
mod policies;
mod step_up;

use serde_json::Value;

use crate::{directory::Directory, scene::Scene};

/// The checks in the newest event.
fn told(scene: &Scene) -> Vec<Value> {
    scene.records().last().unwrap()["checks"].as_array().cloned().unwrap_or_default()
}

/// How often a check was answered like this, for metrics.
fn counted(scene: &Scene, kind: &str, answer: &str) -> u64 {
    let text = scene.server.get("/metrics").text().to_owned();
    let labels = format!("answer=\"{answer}\",connection=\"corp\",kind=\"{kind}\",org=\"acme\"");
    let sample = format!("actas_idp_checks_total{{{labels},");
    let of =
        |line: &str| line.starts_with(&sample).then(|| line.rsplit_once(' ').unwrap().1.parse());
    text.lines().filter_map(of).map(Result::<u64, _>::unwrap).sum()
}

/// Settings of a check at a fake Keycloak.
pub fn keycloak(directory: &Directory) -> String {
    format!(
        "\n[[connections.checks]]\nkind = \"keycloak\"\nurl = \"{}\"\nrealm = \"staff\"\n\
         sessions = false\ncredentials = false\nrealm_not_before = false\n\
         bearer = {{ value = \"the-directory-bearer\" }}\n",
        directory.url
    )
}

//! npm `oidc-provider`, which is asked the very same: an exchange with a secret, an ES256 token in and an
//! ES256 token out. It has one process, as node has it, asks nobody and stores nothing.
//!
//! Rauthy, the other peer of old measurements, is to be had as a container only, not as a package: it is
//! not measured.

use std::{
    fs,
    io::{BufRead, BufReader},
    net::SocketAddr,
    path::Path,
    process::{Child, Command, Stdio},
};

use serde_json::json;

use crate::{
    Outcome,
    bare::Trust,
    exchanges::{FIRST, SCOPES},
};

const PROGRAM: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/peers/oidc_provider.mjs");
/// Where `npm ci` puts it.
const MODULES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../conformance/interop");

#[derive(Debug)]
pub(crate) struct Peer {
    pub address: SocketAddr,
    child: Child,
}

impl Peer {
    /// Starts it, to believe whom `trust` names; none when node or the package is missing, which is said
    /// aloud.
    pub(crate) fn start(directory: &Path, trust: &Trust) -> Outcome<Option<Self>> {
        let has_node = Command::new("node").arg("--version").output().is_ok();
        if !has_node || !Path::new(MODULES).join("node_modules/oidc-provider").exists() {
            eprintln!(
                "node or its package oidc-provider is missing (`npm ci` in conformance/interop): \
                 the peer is not measured"
            );
            return Ok(None);
        }
        let secret = trust.clients.get(FIRST).and_then(|client| client.secret.as_deref());
        let order = json!({
            "client_id": FIRST, "client_secret": secret.ok_or("the first agent has no secret")?,
            "resource": trust.audience, "scope": SCOPES,
            "idp_issuer": trust.idp_issuer, "idp_jwks": trust.idp_jwks, "modules": MODULES,
        });
        fs::create_dir_all(directory)?;
        let file = directory.join("oidc_provider.json");
        fs::write(&file, order.to_string())?;
        let mut child = Command::new("node")
            .arg(PROGRAM)
            .arg(&file)
            .env("NODE_ENV", "production")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        let output = child.stdout.take().ok_or("stdout is piped")?;
        // From here on it is stopped whatever happens.
        let mut started = Self { address: SocketAddr::from(([127, 0, 0, 1], 0)), child };
        let mut line = String::new();
        BufReader::new(output).read_line(&mut line)?;
        started.address = line.trim().parse().map_err(|_| "oidc-provider did not start")?;
        Ok(Some(started))
    }

    pub(crate) fn process(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        // It may be gone already, and it keeps nothing.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

//! The server under test: the binary as it is released, in a process of its own, with its own
//! defaults.

use std::{
    collections::BTreeMap,
    fs,
    io::{BufRead, BufReader},
    net::SocketAddr,
    path::Path,
    process::{Child, ChildStderr, Command, Stdio},
    time::{Duration, Instant},
};

use base64::{Engine, engine::general_purpose::STANDARD};
use serde::Deserialize;
use serde_json::json;

use crate::{Outcome, exchanges};

/// What issuers are built on, where nobody needs to be: a bench verifies nothing through discovery.
pub(crate) const PUBLIC_URL: &str = "http://127.0.0.1:8400";

const BINARY: &str = env!("CARGO_BIN_EXE_actas");

/// Which database the server keeps its ledger in.
#[derive(Clone, Debug)]
pub(crate) struct Database {
    pub name: &'static str,
    pub url: String,
}

#[derive(Debug)]
pub(crate) struct Actas {
    /// The name of its database.
    pub name: &'static str,
    pub address: SocketAddr,
    pub org: String,
    pub secrets: BTreeMap<String, String>,
    /// From the start of the process to its listening, on a migrated database.
    pub ready_after: Duration,
    child: Child,
}

/// What `actas apply --json` says.
#[derive(Deserialize)]
struct Applied {
    org: String,
    secrets: BTreeMap<String, String>,
}

impl Actas {
    /// Declares an organization (org.toml, as JSON) in `database` and serves it.
    pub(crate) fn start(
        directory: &Path,
        database: &Database,
        org: &serde_json::Value,
    ) -> Outcome<Self> {
        fs::create_dir_all(directory)?;
        fs::write(directory.join("master.key"), output(actas(directory).arg("master-key"))?)?;
        // One address is the whole load. Its log tells which port it was given. The load is the proxy in front of it, which passes
        // certificates on.
        let config = json!({
            "public_url": PUBLIC_URL,
            "listen": "127.0.0.1:0",
            "development": true,
            "database": { "url": database.url },
            "keys": { "master_key_file": "master.key" },
            "limits": { "address": exchanges::unlimited() },
            "proxy": { "trusted": ["127.0.0.0/8"], "client_certificate_header": "Client-Cert" },
        });
        fs::write(directory.join("actas.toml"), toml::to_string(&config)?)?;
        fs::write(directory.join("org.toml"), toml::to_string(org)?)?;
        let applied = output(actas(directory).args(["apply", "--json", "--file", "org.toml"]))?;
        let Applied { org, secrets } = serde_json::from_slice(&applied)?;
        let began = Instant::now();
        let mut child = actas(directory).arg("serve").stderr(Stdio::piped()).spawn()?;
        let stderr = child.stderr.take().ok_or("stderr is piped")?;
        // From here on it is stopped whatever happens.
        let mut started = Self {
            name: database.name,
            address: SocketAddr::from(([127, 0, 0, 1], 0)),
            org,
            secrets,
            ready_after: Duration::ZERO,
            child,
        };
        started.address = listening(stderr)?;
        started.ready_after = began.elapsed();
        Ok(started)
    }

    /// The credentials of an agent that has a secret (RFC 6749 §2.3.1).
    pub(crate) fn basic(&self, agent: &str) -> Outcome<String> {
        let secret = self.secrets.get(agent).ok_or_else(|| format!("`{agent}` has no secret"))?;
        Ok(STANDARD.encode(format!("{agent}:{secret}")))
    }

    pub(crate) fn token_path(&self) -> String {
        format!("/o/{}/oauth/token", self.org)
    }

    pub(crate) fn process(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Actas {
    fn drop(&mut self) {
        // It may be gone already, and its database is thrown away.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn actas(directory: &Path) -> Command {
    let mut command = Command::new(BINARY);
    command.current_dir(directory).stdin(Stdio::null());
    // Whoever runs this may have a server of their own configured.
    command.env_remove("ACTAS_CONFIG");
    for (variable, _) in server::config::VARIABLES {
        command.env_remove(variable);
    }
    command
}

fn output(command: &mut Command) -> Outcome<Vec<u8>> {
    let output = command.output()?;
    if output.status.success() {
        Ok(output.stdout)
    } else {
        Err(format!("{command:?}: {}", String::from_utf8_lossy(&output.stderr)).into())
    }
}

/// Waits for the line of the log that says where it listens; passes on what it complains of later.
fn listening(log: ChildStderr) -> Outcome<SocketAddr> {
    let mut lines = BufReader::new(log).lines();
    let mut before = Vec::new();
    for line in lines.by_ref() {
        let line = line?;
        let entry: serde_json::Value = serde_json::from_str(&line).unwrap_or_default();
        if entry.get("message").is_some_and(|message| message == "actas is listening") {
            let address = entry.get("address").and_then(serde_json::Value::as_str);
            let address = address.ok_or("the log does not say where actas listens")?.parse()?;
            // Read to its end, or the server would stop at a full pipe.
            std::thread::spawn(move || {
                let complaint = |line: &String| !line.contains(r#""level":"INFO""#);
                for line in lines.map_while(Result::ok).filter(complaint) {
                    eprintln!("actas: {line}");
                }
            });
            return Ok(address);
        }
        before.push(line);
    }
    Err(format!("actas did not start:\n{}", before.join("\n")).into())
}

//! The server under test: the binary as it is released, in a process of its own, with its own
//! defaults.

use std::{
    collections::BTreeMap,
    fs,
    io::{BufRead, BufReader},
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, ChildStderr, Command, Stdio},
    time::{Duration, Instant},
};

use base64::{Engine, engine::general_purpose::STANDARD};
use serde::Deserialize;
use serde_json::json;

use crate::{Outcome, exchanges};

/// What issuers are built on, where nobody needs to be: a bench verifies nothing through discovery.
pub(crate) const PUBLIC_URL: &str = "http://127.0.0.1:8400";

pub(crate) const BINARY: &str = env!("CARGO_BIN_EXE_actas");

/// Which database the server keeps its ledger in.
#[derive(Clone, Debug)]
pub(crate) struct Database {
    pub name: &'static str,
    pub url: String,
}

impl Database {
    /// As whoever stands elsewhere names a file in `directory`.
    fn seen_from(&self, directory: &Path) -> String {
        match self.url.strip_prefix("sqlite:") {
            Some(file) => format!("sqlite:{}", directory.join(file).display()),
            None => self.url.clone(),
        }
    }
}

#[derive(Debug)]
pub(crate) struct Actas {
    /// The name of its database.
    pub name: &'static str,
    pub address: SocketAddr,
    pub org: String,
    pub secrets: BTreeMap<String, String>,
    /// The further organizations, as they were declared.
    pub others: Vec<Applied>,
    /// From the start of the process to its listening, on a migrated database.
    pub ready_after: Duration,
    child: Child,
}

/// A database that is not served yet.
#[derive(Debug)]
pub(crate) struct Filling {
    /// actas.toml, as this process can use it.
    pub config: PathBuf,
    pub org: String,
    /// Organizations that are declared beside it.
    pub others: Vec<Applied>,
}

/// What `actas apply --json` says.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Applied {
    pub org: String,
    pub secrets: BTreeMap<String, String>,
}

impl Applied {
    /// The credentials of an agent that has a secret (RFC 6749 §2.3.1).
    pub(crate) fn basic(&self, agent: &str) -> Outcome<String> {
        let secret = self.secrets.get(agent).ok_or_else(|| format!("`{agent}` has no secret"))?;
        Ok(STANDARD.encode(format!("{agent}:{secret}")))
    }

    pub(crate) fn token_path(&self) -> String {
        format!("/o/{}/oauth/token", self.org)
    }
}

impl Actas {
    /// Declares an organization (org.toml, as JSON) in `database` and serves it.
    pub(crate) fn start(
        directory: &Path,
        database: &Database,
        org: &serde_json::Value,
    ) -> Outcome<Self> {
        let limits = json!({ "address": exchanges::unlimited() });
        Self::serve(directory, database, (org, &[]), &limits)
    }

    /// The same with further organizations, and with these limits of the process.
    pub(crate) fn serve(
        directory: &Path,
        database: &Database,
        (org, others): (&serde_json::Value, &[serde_json::Value]),
        limits: &serde_json::Value,
    ) -> Outcome<Self> {
        Self::serve_filled(directory, database, (org, others), limits, |_| Ok(()))
    }

    /// The same with what `fill` puts into the database before it is served, by the configuration it is
    /// given.
    pub(crate) fn serve_filled(
        directory: &Path,
        database: &Database,
        (org, others): (&serde_json::Value, &[serde_json::Value]),
        limits: &serde_json::Value,
        fill: impl FnOnce(&mut Filling) -> Outcome<()>,
    ) -> Outcome<Self> {
        fs::create_dir_all(directory)?;
        fs::write(directory.join("master.key"), output(actas(directory).arg("master-key"))?)?;
        let config = config_of(&database.url, &json!("master.key"), limits);
        fs::write(directory.join("actas.toml"), toml::to_string(&config)?)?;
        let Applied { org, secrets } = apply(directory, org)?;
        let others = others.iter().map(|it| apply(directory, it)).collect::<Outcome<Vec<_>>>()?;
        let mut filling = Filling { config: directory.join("inside.toml"), org, others };
        // This process stands elsewhere.
        let master_key = directory.join("master.key");
        let inside = config_of(&database.seen_from(directory), &json!(master_key), limits);
        fs::write(&filling.config, toml::to_string(&inside)?)?;
        fill(&mut filling)?;
        let Filling { org, others, .. } = filling;
        let began = Instant::now();
        let mut child = actas(directory).arg("serve").stderr(Stdio::piped()).spawn()?;
        let stderr = child.stderr.take().ok_or("stderr is piped")?;
        // From here on it is stopped whatever happens.
        let mut started = Self {
            name: database.name,
            address: SocketAddr::from(([127, 0, 0, 1], 0)),
            org,
            secrets,
            others,
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

    /// Its first organization.
    pub(crate) fn own(&self) -> Applied {
        Applied { org: self.org.clone(), secrets: self.secrets.clone() }
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

/// actas.toml. One address is the whole load. The log tells which port it was given. The load is the
/// proxy in front of it, which passes certificates on.
fn config_of(
    url: &str,
    master_key: &serde_json::Value,
    limits: &serde_json::Value,
) -> serde_json::Value {
    json!({
        "public_url": PUBLIC_URL,
        "listen": "127.0.0.1:0",
        "development": true,
        "database": { "url": url },
        "keys": { "master_key_file": master_key },
        "limits": limits,
        "proxy": { "trusted": ["127.0.0.0/8"], "client_certificate_header": "Client-Cert" },
    })
}

fn apply(directory: &Path, org: &serde_json::Value) -> Outcome<Applied> {
    fs::write(directory.join("org.toml"), toml::to_string(org)?)?;
    let applied = output(actas(directory).args(["apply", "--json", "--file", "org.toml"]))?;
    Ok(serde_json::from_slice(&applied)?)
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

//! The happy scene, of which a test changes one thing: an organization with an identity provider,
//! two agents, a resource, and what its users granted; and a server that serves it.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use keys::MasterKey;
use serde::Deserialize;
use serde_json::Value;
use tempfile::TempDir;

use crate::{
    database::{Kind, Postgres},
    http::{Reply, Request},
    process::{Finished, Server, actas},
    provider::{INTROSPECTION_SECRET, Provider},
};

pub const DOCUMENTS: &str = "https://documents.example";
pub const PUBLIC_URL: &str = "http://127.0.0.1:8400";
pub const TOKEN: &str = "/o/acme/oauth/token";

/// Issuers are built on the public URL, so it may differ from where a server happens to listen.
const CONFIG: &str = r#"
public_url = "http://127.0.0.1:8400"
listen = "127.0.0.1:0"
development = true

[database]
url = "{database}"

[keys]
master_key_file = "master.key"
"#;

const ORG: &str = r#"
id = "acme"

[[connections]]
id = "corp"
issuer = "{issuer}"
client_id = "actas"
client_secret = { value = "{secret}" }
audiences = ["https://documents.example"]

[[agents]]
id = "orchestrator"
scope = "documents:read documents:write"

[[agents]]
id = "researcher"
scope = "documents:read"

[[resources]]
id = "https://documents.example"
scope = "documents:read documents:write"

[[grants]]
connection = "corp"
user = "alice"
agent = "orchestrator"
scope = "documents:read documents:write"
targets = ["researcher", "https://documents.example"]

[[grants]]
connection = "corp"
user = "bob"
agent = "orchestrator"
scope = "documents:read"
targets = ["https://documents.example"]
"#;

/// The happy organization at an identity provider that is never asked.
pub fn org() -> String {
    org_at("https://idp.example")
}

fn org_at(issuer: &str) -> String {
    ORG.replace("{issuer}", issuer).replace("{secret}", INTROSPECTION_SECRET)
}

/// The text with its one occurrence of `from` replaced.
#[track_caller]
pub fn changed(text: &str, from: &str, to: &str) -> String {
    assert_eq!(text.matches(from).count(), 1, "`{from}` in {text}");
    text.replacen(from, to, 1)
}

/// The happy file with these settings of its connection, and sections below it.
#[track_caller]
pub fn connected(org: &str, settings: &str) -> String {
    let audiences = "audiences = [\"https://documents.example\"]\n";
    changed(org, audiences, &format!("{audiences}{settings}\n"))
}

/// The organization's file, and the configuration, without limits that a machine could meet: for loads
/// of one user from one address.
#[track_caller]
pub fn unlimited(site: &Site, org: &str) -> String {
    const LOTS: &str = "{ per_second = 100000, burst = 100000 }";
    site.configure("[keys]\n", &format!("[limits]\naddress = {LOTS}\n\n[keys]\n"));
    let all = ["organization", "agent", "user", "address"];
    let limits = all.map(|limit| format!("{limit} = {LOTS}")).join(", ");
    changed(org, "id = \"acme\"\n", &format!("id = \"acme\"\nlimits = {{ {limits} }}\n"))
}

/// The text without the one `[[entry]]` that contains this.
#[track_caller]
pub fn without(text: &str, line: &str) -> String {
    let entries: Vec<&str> = text.split("\n\n").collect();
    let kept: Vec<&str> = entries.iter().copied().filter(|entry| !entry.contains(line)).collect();
    assert_eq!(kept.len() + 1, entries.len(), "`{line}` in {text}");
    kept.join("\n\n")
}

/// A directory with a configuration, a master key and a database.
pub struct Site {
    pub directory: TempDir,
    pub postgres: Option<Postgres>,
}

/// What `actas apply --json` reports.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Applied {
    pub org: String,
    pub revision: i64,
    pub changes: Vec<String>,
    pub secrets: BTreeMap<String, String>,
}

impl Site {
    pub fn on(kind: Kind) -> Self {
        Self::at(match kind {
            Kind::Sqlite => None,
            Kind::Postgres => Some(Postgres::create()),
        })
    }

    /// On this database, or on a new file.
    pub fn at(postgres: Option<Postgres>) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let url = postgres.as_ref().map_or("sqlite:actas.db".to_owned(), Postgres::url);
        let site = Self { directory, postgres };
        site.write("actas.toml", &CONFIG.replace("{database}", &url));
        site.write("master.key", &MasterKey::generate().unwrap().1);
        site
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
    }

    /// Changes one thing in the configuration.
    #[track_caller]
    pub fn configure(&self, from: &str, to: &str) {
        let text = fs::read_to_string(self.path("actas.toml")).unwrap();
        self.write("actas.toml", &changed(&text, from, to));
    }

    /// Adds a line before the first section of the configuration.
    pub fn set(&self, line: &str) {
        self.configure("development = true\n", &format!("development = true\n{line}\n"));
    }

    /// Runs a command on this site's configuration to its end.
    pub fn run(&self, arguments: &[&str]) -> Finished {
        let config = self.path("actas.toml");
        let config = ["--config", config.to_str().unwrap()];
        Finished::of(actas(arguments.iter().copied().chain(config)))
    }

    /// `actas apply` of this text, with more arguments.
    pub fn try_apply(&self, org: &str, more: &[&str]) -> Finished {
        self.write("org.toml", org);
        let file = self.path("org.toml");
        let mut arguments = vec!["apply", "-f", file.to_str().unwrap()];
        arguments.extend_from_slice(more);
        self.run(&arguments)
    }

    #[track_caller]
    pub fn apply(&self, org: &str) -> Applied {
        self.apply_with(org, &[])
    }

    #[track_caller]
    pub fn apply_with(&self, org: &str, more: &[&str]) -> Applied {
        let printed = self.try_apply(org, &[more, &["--json"]].concat()).succeeded();
        serde_json::from_str(&printed).unwrap_or_else(|e| panic!("{e}: {printed}"))
    }

    /// Every event of an organization, oldest first, as the operator reads it.
    #[track_caller]
    pub fn audited(&self, org: &str) -> Vec<Value> {
        let query = ["audit", "query", org, "--oldest", "--limit", "1000", "--json"];
        let lines = self.run(&query).succeeded();
        let record =
            |line: &str| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}"));
        lines.lines().map(record).collect()
    }

    pub fn serve(&self) -> Server {
        Server::start(&self.path("actas.toml"))
    }

    /// Every byte the database has written, for `SQLite`.
    pub fn database_bytes(&self) -> Vec<u8> {
        let is_database = |path: &Path| path.to_string_lossy().contains("actas.db");
        let files = fs::read_dir(self.directory.path()).unwrap().map(|entry| entry.unwrap().path());
        files.filter(|path| is_database(path)).flat_map(|path| fs::read(path).unwrap()).collect()
    }
}

/// A server that serves the happy organization.
pub struct Scene {
    // Before what it uses: fields are dropped in order.
    pub server: Server,
    pub secrets: BTreeMap<String, String>,
    pub org: String,
    pub site: Site,
    pub provider: Provider,
}

impl Scene {
    pub fn on(kind: Kind) -> Self {
        Self::configured(kind, |_| {})
    }

    /// The same with something in the configuration changed.
    pub fn configured(kind: Kind, configure: impl FnOnce(&Site)) -> Self {
        Self::declared(kind, |site, org| {
            configure(site);
            org
        })
    }

    /// The same with something in the organization's file changed, or in the configuration.
    pub fn declared(kind: Kind, declare: impl FnOnce(&Site, String) -> String) -> Self {
        Self::at(Site::on(kind), declare)
    }

    /// The same at this site.
    pub fn at(site: Site, declare: impl FnOnce(&Site, String) -> String) -> Self {
        let provider = Provider::start();
        let org = declare(&site, org_at(&provider.issuer));
        let secrets = site.apply(&org).secrets;
        Self { server: site.serve(), secrets, org, site, provider }
    }

    /// A server that has nothing to serve yet, and the organization it could.
    pub fn unapplied(kind: Kind) -> (Server, Site, Provider, String) {
        let (site, provider) = (Site::on(kind), Provider::start());
        let org = org_at(&provider.issuer);
        (site.serve(), site, provider, org)
    }

    /// Applies the organization with one thing changed; it is what stands from then on.
    #[track_caller]
    pub fn change(&mut self, from: &str, to: &str) -> Applied {
        self.org = changed(&self.org, from, to);
        self.site.apply(&self.org)
    }

    /// The orchestrator exchanges a token of alice's for one for the documents.
    pub fn happy(&self) -> Request {
        self.first_hop(&self.provider.access_token("alice"))
    }

    /// The orchestrator exchanges a user's token for one for the documents.
    pub fn first_hop(&self, token: &str) -> Request {
        exchange(token).basic("orchestrator", self.secret("orchestrator"))
    }

    /// The researcher exchanges a token it was handed.
    pub fn next_hop(&self, handed: &str) -> Request {
        exchange(handed).basic("researcher", self.secret("researcher"))
    }

    /// A token of alice's that the orchestrator hands to the researcher.
    #[track_caller]
    pub fn handed(&self) -> String {
        self.send(&self.happy().with("audience", "researcher").without("resource")).token()
    }

    pub fn send(&self, request: &Request) -> Reply {
        self.server.send(request)
    }

    /// Everything in the database that can be read as text.
    pub fn stored(&self) -> String {
        match &self.site.postgres {
            Some(postgres) => postgres.dump(),
            None => String::from_utf8_lossy(&self.site.database_bytes()).into_owned(),
        }
    }

    /// Every event so far, oldest first, as the operator would read it.
    #[track_caller]
    pub fn records(&self) -> Vec<Value> {
        match &self.site.postgres {
            Some(postgres) => postgres.records(),
            None => self.site.audited("acme"),
        }
    }

    pub fn secret(&self, agent: &str) -> &str {
        &self.secrets[agent]
    }
}

/// These members of each record, as text; empty where there is none.
pub fn told(records: &[Value], members: &[&str]) -> Vec<String> {
    let text = |value: &Value| match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => value.to_string(),
    };
    let line = |record: &Value| {
        members.iter().map(|member| text(&record[*member])).collect::<Vec<_>>().join("|")
    };
    records.iter().map(line).collect()
}

/// An exchange for the documents that nobody has signed yet.
pub fn exchange(subject_token: &str) -> Request {
    let form = [
        ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"),
        ("subject_token", subject_token),
        ("subject_token_type", "urn:ietf:params:oauth:token-type:access_token"),
        ("resource", DOCUMENTS),
    ];
    Request::post(TOKEN, &form)
}

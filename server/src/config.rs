//! The whole static configuration: one TOML file, then the environment, read once.
//!
//! Every problem is reported at once, each with the path of its setting.

pub mod database;
pub mod exports;
pub mod keys;
pub mod limits;
pub mod listen;
pub mod log;
pub mod proxy;
pub mod tls;
pub mod upstream;

use std::{
    fmt,
    path::{Path, PathBuf},
};

use serde::Deserialize;
use url::Url;

/// What `actas.toml` may say.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    public_url: Option<String>,
    listen: Option<String>,
    default_org: Option<String>,
    #[serde(default)]
    development: bool,
    #[serde(default)]
    database: database::File,
    #[serde(default)]
    keys: keys::File,
    #[serde(default)]
    tls: tls::File,
    #[serde(default)]
    proxy: proxy::File,
    #[serde(default)]
    limits: limits::File,
    #[serde(default)]
    upstream: upstream::File,
    #[serde(default)]
    exports: exports::File,
    #[serde(default)]
    log: log::File,
}

/// The configuration, parsed: nothing in it needs to be checked again.
#[derive(Debug)]
pub struct Config {
    pub public_url: Url,
    pub listen: std::net::SocketAddr,
    /// Served at the root: its issuer is the public URL itself.
    pub default_org: Option<String>,
    /// Plain http and private addresses are allowed. Never in production.
    pub development: bool,
    pub database: database::Database,
    pub keys: keys::Keys,
    pub tls: Option<tls::Tls>,
    pub proxy: proxy::Proxy,
    pub limits: limits::Limits,
    pub upstream: upstream::Upstream,
    pub exports: exports::Exports,
    pub log: log::Log,
}

/// All that is wrong with a configuration.
#[derive(Debug)]
pub struct ConfigError {
    file: PathBuf,
    problems: Vec<String>,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} cannot be used:", self.file.display())?;
        for problem in &self.problems {
            write!(f, "\n  - {}", problem.trim_end().replace('\n', "\n    "))?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfigError {}

/// The environment variables that are read, each instead of the setting it names.
pub const VARIABLES: [(&str, &str); 5] = [
    ("ACTAS_PUBLIC_URL", "public_url"),
    ("ACTAS_LISTEN", "listen"),
    ("ACTAS_DATABASE_URL", "database.url"),
    ("ACTAS_MASTER_KEY", "keys.master_key_file"),
    ("ACTAS_LOG", "log.filter"),
];

/// Collects problems so that all can be told at once.
#[derive(Debug, Default)]
pub(crate) struct Problems(Vec<String>);

impl Problems {
    pub(crate) fn add(&mut self, path: &str, problem: impl fmt::Display) {
        self.0.push(format!("`{path}`: {problem}"));
    }

    /// The value, or its problem noted.
    pub(crate) fn take<T, E: fmt::Display>(
        &mut self,
        path: &str,
        value: Result<T, E>,
    ) -> Option<T> {
        value.map_err(|problem| self.add(path, problem)).ok()
    }
}

/// A variable of the environment. The only place that reads them.
#[expect(clippy::disallowed_methods, reason = "this is the place")]
pub(crate) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

impl Config {
    /// Reads `path`, then the environment.
    ///
    /// # Errors
    ///
    /// Every problem found.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        let error = |problems| ConfigError { file: path.to_owned(), problems };
        let text = std::fs::read_to_string(path)
            .map_err(|e| error(vec![format!("it cannot be read: {e}")]))?;
        let file: File = toml::from_str(&text).map_err(|e| error(vec![e.to_string()]))?;
        let base = path.parent().unwrap_or(Path::new("."));
        Self::resolve(file, base).map_err(|Problems(problems)| error(problems))
    }

    fn resolve(file: File, base: &Path) -> Result<Self, Problems> {
        let mut problems = Problems::default();
        let public_url = variable("ACTAS_PUBLIC_URL").or(file.public_url);
        let public_url = listen::public_url(public_url, file.development);
        let public_url = problems.take("public_url", public_url);
        let listen = variable("ACTAS_LISTEN").or(file.listen);
        let listen = problems.take("listen", listen::address(listen.as_deref()));
        let default_org =
            file.default_org.map(|org| crate::apply::spec::org_id(&org).map(|()| org));
        let default_org = default_org.map(|org| problems.take("default_org", org));
        let database = file.database.resolve(base, &mut problems);
        let keys = file.keys.resolve(base, &mut problems);
        let tls = file.tls.resolve(base, &mut problems);
        let proxy = file.proxy.resolve(&mut problems);
        let limits = file.limits.resolve(&mut problems);
        let upstream = file.upstream.resolve(base, &mut problems);
        let exports = file.exports.resolve(base);
        let log = file.log.resolve(&mut problems);
        match (public_url, listen, database, keys, proxy, upstream, log) {
            (
                Some(public_url),
                Some(listen),
                Some(database),
                Some(keys),
                Some(proxy),
                Some(upstream),
                Some(log),
            ) if problems.0.is_empty() => {
                let default_org = default_org.flatten();
                let development = file.development;
                Ok(Self {
                    public_url,
                    listen,
                    default_org,
                    development,
                    database,
                    keys,
                    tls,
                    proxy,
                    limits,
                    upstream,
                    exports,
                    log,
                })
            }
            _ => Err(problems),
        }
    }

    /// The public URL without a trailing slash: issuers are built on it.
    #[must_use]
    pub fn origin(&self) -> &str {
        self.public_url.as_str().trim_end_matches('/')
    }

    /// Whether certificates of clients can arrive, by TLS or from a proxy.
    #[must_use]
    pub fn takes_client_certificates(&self) -> bool {
        self.proxy.certificate.is_some() || self.tls.as_ref().is_some_and(|tls| tls.asks_clients)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolve(text: &str) -> Result<Config, String> {
        let file: File = toml::from_str(text).map_err(|e| e.to_string())?;
        Config::resolve(file, Path::new(".")).map_err(|Problems(problems)| problems.join("\n"))
    }

    const MASTER: &str = "[keys]\nmaster_key = \"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\"\n";

    #[test]
    fn reads_a_small_configuration() {
        let config = resolve(&format!("public_url = \"https://a.example\"\n{MASTER}")).unwrap();
        assert_eq!(config.origin(), "https://a.example");
        assert_eq!(config.listen.to_string(), "127.0.0.1:8400");
    }

    #[test]
    fn tells_every_problem_at_once_with_its_path() {
        let told = resolve(
            "public_url = \"http://a.example/x\"\nlisten = \"nowhere\"\n[database]\nurl = \"mysql://x\"\n\
             [log]\nformat = \"xml\"",
        )
        .unwrap_err();
        for path in
            ["`public_url`", "`listen`", "`database.url`", "`keys.master_key_file`", "`log.format`"]
        {
            assert!(told.contains(path), "{path} is not in:\n{told}");
        }
    }

    #[test]
    fn refuses_an_unknown_setting() {
        assert!(resolve("public_uri = \"https://a.example\"").unwrap_err().contains("public_uri"));
    }

    #[test]
    fn refuses_plain_http_unless_developing_on_this_machine() {
        let text = |url: &str, more: &str| format!("public_url = \"{url}\"\n{more}\n{MASTER}");
        assert!(resolve(&text("http://127.0.0.1:1", "development = true")).is_ok());
        assert!(resolve(&text("http://127.0.0.1:1", "")).is_err());
        assert!(resolve(&text("http://a.example", "development = true")).is_err());
    }
}

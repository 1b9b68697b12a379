//! Databases for one test each.

use std::process::Command;

use serde_json::Value;
use server::clock;
use url::Url;

#[derive(Clone, Copy, Debug)]
pub enum Kind {
    Sqlite,
    Postgres,
}

/// A `PostgreSQL` database, dropped when it goes out of scope.
pub struct Postgres {
    server: Url,
    name: String,
}

impl Postgres {
    pub fn create() -> Self {
        Self::on(server())
    }

    /// On this server, as who may create databases there.
    pub fn on(server: Url) -> Self {
        let postgres = Self { server, name: format!("actas_{}", clock::id().simple()) };
        postgres.beside(&format!("CREATE DATABASE {} TEMPLATE template0", postgres.name));
        postgres
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn url(&self) -> String {
        let mut url = self.server.clone();
        url.set_path(&self.name);
        url.to_string()
    }

    /// What a query says, one row per line.
    pub fn ask(&self, sql: &str) -> String {
        psql(&self.url(), sql)
    }

    /// Every event, oldest first, as it is kept: in its place in the trail, or still waiting for it.
    pub fn records(&self) -> Vec<Value> {
        let both = "SELECT record FROM (SELECT id, record FROM trail UNION ALL \
                    SELECT id, record FROM events) both_tables ORDER BY id";
        let record =
            |line: &str| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}"));
        self.ask(both).lines().map(record).collect()
    }

    /// Every row of every table; bytes as the text they may be.
    pub fn dump(&self) -> String {
        let tables = self.ask("SELECT tablename FROM pg_tables WHERE schemaname = 'public'");
        let rows = |table: &str| {
            self.ask(&format!("SET bytea_output = escape; SELECT t::text FROM {table} t"))
        };
        tables.lines().map(rows).collect()
    }

    /// Throws everybody out and lets nobody in.
    pub fn close(&self) {
        let name = self.name();
        self.beside(&format!("ALTER DATABASE {name} WITH ALLOW_CONNECTIONS false"));
        self.beside(&format!(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'"
        ));
    }

    pub fn open(&self) {
        self.beside(&format!("ALTER DATABASE {} WITH ALLOW_CONNECTIONS true", self.name));
    }

    /// What a query says that is asked outside of the database.
    pub fn beside(&self, sql: &str) -> String {
        psql(self.server.as_str(), sql)
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        self.beside(&format!("DROP DATABASE {} WITH (FORCE)", self.name));
    }
}

#[expect(clippy::disallowed_methods, reason = "how `.ci/with-postgres` says where its server is")]
fn server() -> Url {
    let url = std::env::var("TEST_POSTGRES_URL").unwrap_or_else(|_| {
        panic!("TEST_POSTGRES_URL is not set: run this as `.ci/with-postgres cargo test -p server`")
    });
    url.parse().unwrap()
}

fn psql(url: &str, sql: &str) -> String {
    let mut psql = Command::new("psql");
    psql.args(["-XqAt", "-v", "ON_ERROR_STOP=1", "-d", url, "-c", sql]);
    let output = psql.output().expect("psql comes with PostgreSQL; it must be in PATH");
    assert!(output.status.success(), "{sql}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
}

//! A `PostgreSQL` server of one's own, which may be stopped.

use std::{
    fs,
    net::TcpListener,
    path::Path,
    process::{Command, Output},
};

use tempfile::TempDir;

use crate::database::Postgres;

/// Stopped when it goes out of scope.
pub struct Cluster {
    directory: TempDir,
    port: u16,
    /// The name of the system user it runs as; `PostgreSQL` refuses to run as root.
    owner: Option<&'static str>,
}

/// Who `actas` is there; unlike the owner of everything, it is told when there is no room for it.
const USER: &str = "actas";

impl Cluster {
    pub fn start() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let is_root = stdout(&Command::new("id").arg("-u").output().unwrap()) == "0";
        let owner = is_root.then_some("postgres");
        if let Some(owner) = owner {
            let chown = Command::new("chown").arg(owner).arg(directory.path()).status();
            assert!(chown.unwrap().success());
        }
        // Free a moment ago, and nobody is given it again so soon.
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let cluster = Self { directory, port, owner };
        let data = cluster.data();
        let initdb = ["initdb", "-D", &data, "-U", "postgres", "-A", "trust", "-E", "UTF8"];
        cluster.run(&[initdb.as_slice(), &["--locale=C", "--no-sync"]].concat());
        cluster.starts();
        cluster.ask(&format!("CREATE ROLE {USER} LOGIN"));
        cluster
    }

    /// A database of `actas`, and where it finds it.
    pub fn database(&self) -> (Postgres, String) {
        let postgres = Postgres::on(self.url().parse().unwrap());
        self.ask(&format!("ALTER DATABASE {} OWNER TO {USER}", postgres.name()));
        let url = postgres.url().replace("//postgres@", &format!("//{USER}@"));
        (postgres, url)
    }

    /// Of who owns everything.
    fn url(&self) -> String {
        format!("postgres://postgres@127.0.0.1:{}/postgres", self.port)
    }

    pub fn starts(&self) {
        let options = format!(
            "-p {} -k {} -c listen_addresses=127.0.0.1 -c max_connections=40",
            self.port,
            self.directory.path().display()
        );
        let log = self.path("log");
        self.run(&["pg_ctl", "-D", &self.data(), "-w", "-s", "-l", &log, "-o", &options, "start"]);
    }

    /// As an administrator stops it, or as a crash does.
    pub fn stops(&self, mode: &str) {
        self.run(&["pg_ctl", "-D", &self.data(), "-w", "-s", "-m", mode, "stop"]);
    }

    /// What a query says to who owns everything.
    #[track_caller]
    pub fn ask(&self, sql: &str) -> String {
        self.run(&["psql", "-XqAt", "-v", "ON_ERROR_STOP=1", "-d", &self.url(), "-c", sql])
    }

    /// Throws everybody out who is `actas`.
    pub fn throws_out(&self) {
        self.ask(&format!(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '{USER}'"
        ));
    }

    fn data(&self) -> String {
        self.path("data")
    }

    fn path(&self, name: &str) -> String {
        self.directory.path().join(name).to_str().unwrap().to_owned()
    }

    #[track_caller]
    fn run(&self, arguments: &[&str]) -> String {
        let as_owner = self.owner.map(|owner| ["runuser", "-u", owner, "--"]);
        let mut words = as_owner.iter().flatten().chain(arguments);
        let mut command = Command::new(words.next().unwrap());
        command.args(words).current_dir(self.directory.path());
        let output = command.output().expect("PostgreSQL's programs must be in PATH");
        assert!(output.status.success(), "{arguments:?}: {output:?}");
        stdout(&output)
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        let data = self.data();
        if fs::exists(Path::new(&data).join("postmaster.pid")).unwrap() {
            self.stops("immediate");
        }
    }
}

fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).trim_end().to_owned()
}

//! `actas oidf-target`, driven as the plan it is for drives it: the essentials of the 14 modules of
//! `fapi2-security-profile-final-test-plan` with client credentials, over TLS.

mod issuer;
mod resource;

use std::{
    io::{BufRead, BufReader},
    net::TcpStream,
    process::{Child, Command, Stdio},
};

use conformance::{CLIENT_ASSERTION, CLIENT_CREDENTIALS, Key, Statement};
use rustls::{ClientConnection, StreamOwned, SupportedProtocolVersion, version};
use rustls_pki_types::{CertificateDer, pem::PemObject};
use serde_json::Value;
use tempfile::TempDir;
use url::Url;

use crate::{
    http::{Reply, Request},
    process::{Finished, PATIENCE, actas},
    secured,
};

/// The target, killed when it goes out of scope.
struct Target {
    child: Child,
    authority: CertificateDer<'static>,
    plan: Value,
    metadata: Value,
    directory: TempDir,
}

impl Target {
    fn start() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let ca = directory.path().join("ca.pem");
        let arguments = ["oidf-target", "--listen", "127.0.0.1:0", "--ca", ca.to_str().unwrap()];
        let mut command = actas(arguments);
        // What it leaves behind when it is killed goes with ours.
        command.env("TMPDIR", directory.path()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        // All of it is there when the plan is printed, whose last line is a brace.
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
        let mut text = String::new();
        while !text.ends_with("\n}\n") {
            text.push_str(&lines.next().expect("a plan"));
            text.push('\n');
        }
        let plan = serde_json::from_str(&text).unwrap();
        let authority = CertificateDer::from_pem_file(&ca).unwrap();
        let metadata = Value::Null;
        let mut target = Self { child, authority, plan, metadata, directory };
        let discovery = target.url(&["server", "discoveryUrl"]);
        target.metadata = target.send(&discovery, &Request::get(discovery.path())).json();
        target
    }

    fn url(&self, path: &[&str]) -> Url {
        let value = path.iter().fold(&self.plan, |value, name| &value[name]);
        value.as_str().unwrap().parse().unwrap()
    }

    fn issuer(&self) -> &str {
        self.metadata["issuer"].as_str().unwrap()
    }

    fn token_endpoint(&self) -> Url {
        self.metadata["token_endpoint"].as_str().unwrap().parse().unwrap()
    }

    fn send(&self, url: &Url, request: &Request) -> Reply {
        self.send_by(&version::TLS13, url, request)
    }

    fn send_by(
        &self,
        version: &'static SupportedProtocolVersion,
        url: &Url,
        request: &Request,
    ) -> Reply {
        let stream = TcpStream::connect(("127.0.0.1", url.port().unwrap())).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let client = secured::client(std::slice::from_ref(&self.authority), version, None);
        let connection = ClientConnection::new(client, "localhost".try_into().unwrap()).unwrap();
        request.send_over(StreamOwned::new(connection, stream)).unwrap()
    }

    fn player(&self, member: &str) -> Player<'_> {
        let client = &self.plan[member];
        Player {
            target: self,
            id: client["client_id"].as_str().unwrap(),
            scope: client["scope"].as_str().unwrap(),
            key: Key::of(client["jwks"]["keys"][0].clone()),
            proof_key: Key::new(),
        }
    }
}

impl Drop for Target {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// A client of the suite.
struct Player<'a> {
    target: &'a Target,
    id: &'a str,
    scope: &'a str,
    key: Key,
    /// To which its tokens are bound.
    proof_key: Key,
}

impl Player<'_> {
    fn assertion(&self) -> Statement {
        Statement::of_client(self.id, &self.key, self.target.issuer())
    }

    /// For the token endpoint.
    fn proof(&self) -> Statement {
        self.proof_key.proof("POST", self.target.token_endpoint().as_str())
    }

    fn request(&self, assertion: &Statement) -> Request {
        self.without_proof(assertion).header("dpop", &self.proof().text())
    }

    fn without_proof(&self, assertion: &Statement) -> Request {
        let form = [
            ("grant_type", CLIENT_CREDENTIALS),
            ("scope", self.scope),
            ("client_assertion_type", CLIENT_ASSERTION),
            ("client_assertion", &assertion.text()),
        ];
        Request::post(self.target.token_endpoint().path(), &form)
    }

    fn happy(&self) -> Request {
        self.request(&self.assertion())
    }

    fn ask(&self, request: &Request) -> Reply {
        self.target.send(&self.target.token_endpoint(), request)
    }

    fn token(&self) -> String {
        self.ask(&self.happy()).token()
    }

    /// For the API, with this token.
    fn proof_with(&self, token: &str) -> Statement {
        let url = self.target.url(&["resource", "resourceUrl"]);
        self.proof_key.proof_with("GET", url.as_str(), token)
    }

    fn read(&self, request: &Request) -> Reply {
        self.target.send(&self.target.url(&["resource", "resourceUrl"]), request)
    }

    fn reading(&self, scheme: &str, token: &str) -> Request {
        let url = self.target.url(&["resource", "resourceUrl"]);
        Request::get(url.path()).header("authorization", &format!("{scheme} {token}"))
    }
}

#[test]
fn it_ends_when_it_is_told_and_leaves_only_the_certificate() {
    let mut target = Target::start();
    let names = |target: &Target| {
        let entries = target.directory.path().read_dir().unwrap();
        entries.map(|entry| entry.unwrap().file_name()).collect::<Vec<_>>()
    };
    assert_eq!(names(&target).len(), 2, "its own directory besides");
    let kill = format!("kill -TERM {}", target.child.id());
    assert!(Command::new("sh").args(["-c", &kill]).status().unwrap().success());
    assert!(target.child.wait().unwrap().success());
    assert_eq!(names(&target), ["ca.pem"]);
}

#[test]
fn the_command_is_for_those_who_look_for_it() {
    let printed = |arguments: &[&str]| Finished::of(actas(arguments.iter().copied())).succeeded();
    let help = printed(&["oidf-target", "--help"]);
    for part in ["conformance suite", "--listen", "--host", "--ca", "Example"] {
        assert!(help.contains(part), "`{part}` is not in:\n{help}");
    }
    assert!(!printed(&["--help"]).contains("oidf-target"));
}

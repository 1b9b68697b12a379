//! The bare server as the bench has it: a process of its own, so that its processor time can be told from
//! that of the load.

use std::{
    fs,
    io::{BufRead, BufReader},
    net::SocketAddr,
    path::Path,
    process::{Child, Command, Stdio},
};

use super::{Kind, Trust};
use crate::Outcome;

#[derive(Debug)]
pub(crate) struct Bare {
    pub address: SocketAddr,
    child: Child,
}

impl Bare {
    /// Starts one from the binary this is, which keeps its rows in `database` (`sqlite:FILE`, relative to
    /// `directory`, or `postgres://…`) and asks the provider at `idp`.
    pub(crate) fn start(
        directory: &Path,
        kind: Kind,
        database: &str,
        idp: SocketAddr,
        trust: &Trust,
    ) -> Outcome<Self> {
        fs::create_dir_all(directory)?;
        fs::write(directory.join("keys.json"), serde_json::to_vec(trust)?)?;
        let mut child = Command::new(std::env::current_exe()?)
            .current_dir(directory)
            .args(["bare", "--kind", kind.letter(), "--database", database])
            .args(["--keys", "keys.json", "--idp", &idp.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let output = child.stdout.take().ok_or("stdout is piped")?;
        // From here on it is stopped whatever happens.
        let mut started = Self { address: SocketAddr::from(([127, 0, 0, 1], 0)), child };
        let mut line = String::new();
        BufReader::new(output).read_line(&mut line)?;
        let address = line.trim().parse();
        started.address = address.map_err(|_| "the bare server did not start")?;
        Ok(started)
    }

    pub(crate) fn process(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Bare {
    fn drop(&mut self) {
        // It may be gone already, and what it keeps is thrown away.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

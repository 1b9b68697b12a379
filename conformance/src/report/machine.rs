//! What a measurement was taken on. What cannot be told is left out, never guessed.

use std::{fs, path::Path, process::Command, thread::available_parallelism};

use serde::{Deserialize, Serialize};

/// The machine, as far as figures depend on it.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Machine {
    pub cpu: Option<String>,
    pub cores: Option<usize>,
    /// GiB.
    pub memory: Option<u64>,
    pub kernel: Option<String>,
    pub rustc: Option<String>,
}

impl Machine {
    #[must_use]
    pub fn here() -> Self {
        let kilobytes: Option<u64> = field("/proc/meminfo", "MemTotal")
            .and_then(|text| text.split_whitespace().next()?.parse().ok());
        Self {
            cpu: field("/proc/cpuinfo", "model name"),
            cores: available_parallelism().ok().map(usize::from),
            memory: kilobytes.map(|kilobytes| kilobytes.div_ceil(1024 * 1024)),
            kernel: fs::read_to_string("/proc/sys/kernel/osrelease")
                .ok()
                .map(|release| format!("Linux {}", release.trim())),
            rustc: said_by("rustc", &["--version"]),
        }
    }
}

pub(super) fn commit() -> Option<String> {
    said_by("git", &["describe", "--always", "--dirty", "--abbrev=12"])
}

/// RFC 3339, UTC, by the machine's own clock.
pub(super) fn now() -> String {
    said_by("date", &["-u", "+%Y-%m-%dT%H:%M:%SZ"]).unwrap_or_default()
}

fn field(file: &str, name: &str) -> Option<String> {
    let text = fs::read_to_string(file).ok()?;
    let mut fields = text.lines().filter_map(|line| line.split_once(':'));
    fields.find(|(key, _)| key.trim() == name).map(|(_, value)| value.trim().to_owned())
}

fn said_by(program: &str, arguments: &[&str]) -> Option<String> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let output = Command::new(program).args(arguments).current_dir(here).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    (output.status.success() && !text.is_empty()).then(|| text.trim().to_owned())
}

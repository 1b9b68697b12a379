//! What the figures were measured on. What cannot be told is left out, never guessed.

use std::{fs, process::Command, time::Duration};

use serde::{Deserialize, Serialize};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

/// Linux reports processor time to user space in hundredths of a second, whatever the kernel's own
/// tick is.
const TICK: Duration = Duration::from_millis(10);

const A_WHILE: Duration = Duration::from_millis(500);

#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct Machine {
    /// Figures of two runs are compared where it is the same.
    pub itself: conformance::report::Machine,
    /// The share of all processors that others kept busy just before the bench began.
    pub busy_before: Option<f64>,
    /// With `-dirty` when the tree has changes that are not committed.
    pub commit: Option<String>,
    pub date: Option<String>,
    pub durable_postgres: bool,
}

impl Machine {
    pub(crate) fn here() -> Self {
        let now = OffsetDateTime::from_unix_timestamp(server::clock::now().0);
        Self {
            itself: conformance::report::Machine::here(),
            busy_before: busy(),
            commit: said_by("git", &["describe", "--always", "--dirty", "--abbrev=12"]),
            date: now.ok().and_then(|now| now.format(&Rfc3339).ok()),
            durable_postgres: variable("ACTAS_TEST_FSYNC").as_deref() == Some("on"),
        }
    }
}

/// A variable of the environment of this benchmark.
#[expect(clippy::disallowed_methods, reason = "what is measured here is told by .ci/with-postgres")]
pub(crate) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// How busy the processors are while this process does nothing (proc(5)).
fn busy() -> Option<f64> {
    let (idle_before, all_before) = processors()?;
    std::thread::sleep(A_WHILE);
    let (idle, all) = processors()?;
    Some(1.0 - f64::from(idle - idle_before) / f64::from(all - all_before))
}

/// Hundredths of seconds since the machine started: idle or waiting for a disk, and all.
fn processors() -> Option<(u32, u32)> {
    let stat = fs::read_to_string("/proc/stat").ok()?;
    let numbers = stat.lines().next()?.split_whitespace().skip(1);
    // The first eight; those of guests are in them already.
    let numbers: Vec<u32> = numbers.take(8).map_while(|number| number.parse().ok()).collect();
    Some((numbers.get(3)? + numbers.get(4)?, numbers.iter().sum()))
}

/// Processor time, user and system, that a process has spent with all its threads (proc(5)).
pub(crate) fn processor_time(process: u32) -> Option<Duration> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // The name before it may hold anything, spaces and parentheses too.
    let (_, numbers) = stat.rsplit_once(')')?;
    let mut numbers = numbers.split_whitespace().skip(11).map(str::parse::<u32>);
    let (user, system) = (numbers.next()?.ok()?, numbers.next()?.ok()?);
    Some(TICK * (user + system))
}

/// Resident memory of a process, MB.
pub(crate) fn resident(process: u32) -> Option<f64> {
    memory(process, "VmRSS")
}

/// The most that a process ever had resident, MB.
pub(crate) fn highest(process: u32) -> Option<f64> {
    memory(process, "VmHWM")
}

fn memory(process: u32, name: &str) -> Option<f64> {
    let text = field(&format!("/proc/{process}/status"), name)?;
    let kilobytes: f64 = text.split_whitespace().next()?.parse().ok()?;
    Some(kilobytes / 1024.0)
}

fn field(file: &str, name: &str) -> Option<String> {
    let text = fs::read_to_string(file).ok()?;
    let mut fields = text.lines().filter_map(|line| line.split_once(':'));
    fields.find(|(key, _)| key.trim() == name).map(|(_, value)| value.trim().to_owned())
}

fn said_by(program: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program).args(arguments).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    (output.status.success() && !text.is_empty()).then(|| text.trim().to_owned())
}

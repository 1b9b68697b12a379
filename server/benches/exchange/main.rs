//! `make bench`: how fast an exchange is, beside what this machine can do at all.
//!
//! Reading order: [`rounds`] (what is measured, in which order), [`load`] (the closed loop) and
//! [`wire`] (its HTTP), [`limits`] (what the machine can do), [`neighbours`] (the identity provider
//! and the echo), [`actas`] (the server under test), [`exchanges`] (what it is asked), [`proofs`] (by
//! clients that prove more than a secret), [`figures`] and [`report`] (what is made of it), [`machine`].

mod actas;
mod exchanges;
mod figures;
mod limits;
mod load;
mod machine;
mod neighbours;
mod proofs;
mod report;
mod rounds;
mod wire;

use std::{path::Path, process::ExitCode, time::Duration};

use clap::Parser;

use crate::{load::Window, machine::Machine, report::Report, rounds::Bench};

pub(crate) type Outcome<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// A lone request, whose latency counts, and a crowd, whose throughput counts.
pub(crate) const IN_FLIGHT: [usize; 2] = [1, CROWD];
pub(crate) const CROWD: usize = 64;

/// Connections, caches and the processor settle in before anything counts.
const WARM_UP: Duration = Duration::from_millis(500);

/// Measure exchanges, and the limits of the machine beside them.
#[derive(Debug, Parser)]
struct Arguments {
    /// How often each line is measured.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// How long each time.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u64).range(1..))]
    seconds: u64,
    /// Cargo says so to every benchmark.
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("\nthe benchmark failed: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Outcome<()> {
    // Beside the build, on a disk: on a memory file system a durable commit would cost nothing.
    let output = Path::new(env!("CARGO_TARGET_TMPDIR")).join("../bench");
    std::fs::create_dir_all(&output)?;
    let output = output.canonicalize()?;
    let directory = tempfile::tempdir_in(&output)?;
    let machine = Machine::here();
    let window = Window { warm_up: WARM_UP, length: Duration::from_secs(arguments.seconds) };
    let mut bench = Bench::set_up(directory.path(), window)?;
    for round in 1..=arguments.rounds {
        eprintln!("round {round} of {}", arguments.rounds);
        bench.round()?;
    }
    let report = Report::new(machine, window, &bench);
    println!("{report}");
    let file = output.join("latest.json");
    std::fs::write(&file, serde_json::to_vec_pretty(&report)?)?;
    println!("The same as JSON, with every run: {}", file.display());
    Ok(())
}

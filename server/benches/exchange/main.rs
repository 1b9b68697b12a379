//! `make bench`: how fast an exchange is, beside what this machine can do at all.
//!
//! Reading order: [`group`] (what can be asked for), [`rounds`] (what is measured, in which order),
//! [`load`] (the closed loop), [`open`] (the open one) and [`wire`] (their HTTP), [`limits`] (what the
//! machine can do), [`neighbours`] (the identity provider and the echo), [`actas`] (the server under
//! test), [`places`] (its databases) and [`past`] (what they are filled with), [`exchanges`] (what it is
//! asked), [`proofs`] (by clients that prove more than a secret), [`documents`] (what else it is asked),
//! [`bare`] (what it is compared with), [`weight`] (memory and size), [`figures`], [`ratios`],
//! [`report`], [`section`] and [`plot`] (what is made of it), [`kept`] (what was before), [`machine`].
//!
//! [`overload`] is a benchmark of its own.

mod actas;
mod bare;
mod curves;
mod documents;
mod exchanges;
mod figures;
mod group;
mod kept;
mod limits;
mod load;
mod machine;
mod meter;
mod names;
mod neighbours;
#[path = "../peers/oidc_provider.rs"]
mod oidc_provider;
mod open;
mod overload;
mod past;
mod places;
mod plot;
mod proofs;
mod ratios;
mod report;
mod rounds;
mod section;
mod sites;
mod weight;
mod wire;

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
    time::{Duration, Instant},
};

use clap::{Parser, Subcommand};

use crate::{
    group::{Asked, Group},
    kept::Kept,
    load::Window,
    machine::Machine,
    report::Report,
    rounds::Bench,
    weight::Weight,
};

pub(crate) type Outcome<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// A lone request, whose latency counts, and a crowd, whose throughput counts.
pub(crate) const IN_FLIGHT: [usize; 2] = [1, CROWD];
pub(crate) const CROWD: usize = 64;

/// Connections, caches and the processor settle in before anything counts.
const WARM_UP: Duration = Duration::from_millis(500);

/// Measure exchanges, and the limits of the machine beside them.
#[derive(Debug, Parser)]
#[command(args_conflicts_with_subcommands = true)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    /// How often each line is measured.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// How long each time; lines on which no target rests take half.
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u64).range(1..))]
    seconds: u64,
    /// Only these questions, and what they are compared with.
    #[arg(long, value_delimiter = ',')]
    only: Vec<Group>,
    /// Write the section `exchange` of the report.
    #[arg(long)]
    report: bool,
    /// Cargo says so to every benchmark.
    #[arg(long, hide = true, global = true)]
    bench: bool,
}

#[derive(Debug, Subcommand)]
enum Command {
    Bare(bare::Arguments),
    Overload(overload::Arguments),
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let outcome = match &arguments.command {
        None => run(&arguments),
        Some(Command::Bare(arguments)) => bare::run(arguments),
        Some(Command::Overload(arguments)) => overload::run(arguments),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("\nthe benchmark failed: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Where benchmarks keep what they make: beside the build, on a disk. On a memory file system a durable
/// commit would cost nothing.
pub(crate) fn output() -> Outcome<PathBuf> {
    let output = Path::new(env!("CARGO_TARGET_TMPDIR")).join("../bench");
    std::fs::create_dir_all(&output)?;
    Ok(output.canonicalize()?)
}

fn run(arguments: &Arguments) -> Outcome<()> {
    let began = Instant::now();
    let output = output()?;
    let directory = tempfile::tempdir_in(&output)?;
    let machine = Machine::here();
    let asked = Asked::new(&arguments.only);
    let kept = Kept::in_directory(&output, &asked);
    let before = kept.before(&machine)?;
    let window = Window { warm_up: WARM_UP, length: Duration::from_secs(arguments.seconds) };
    let mut bench = Bench::set_up(directory.path(), window, asked)?;
    for round in 1..=arguments.rounds {
        eprintln!("round {round} of {}", arguments.rounds);
        bench.round()?;
    }
    let weight = Weight::of(&bench.sites, bench.connection_kb, directory.path())?;
    let report = Report::new(machine, window, &bench, weight, before);
    println!("{report}");
    if let Some(picture) = section::picture(&bench.curves) {
        let file = output.join("latest.svg");
        std::fs::write(&file, picture)?;
        println!("The open loop as a picture: {}", file.display());
    }
    println!("The same as JSON, with every run: {}", kept.keep(&report)?.display());
    let took = began.elapsed().as_secs();
    println!("It took {took} s.");
    if arguments.report {
        let asked = format!("--rounds {} --seconds {}", arguments.rounds, arguments.seconds);
        println!("For the report: {}", section::write(&report, &bench, (&asked, took))?.display());
    }
    Ok(())
}

//! `make bench-size`: what it costs to work on a database with a long past, beside one without.
//!
//! Reading order: [`rounds`] (what is measured, in which order), [`place`] (the databases), [`past`]
//! (what they are filled with).

mod past;
mod place;
mod rounds;

use std::process::ExitCode;

use clap::{Parser, ValueEnum};

use crate::{past::Past, place::Place, rounds::Figure};

pub(crate) type Outcome<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// Measure what the store does in a database with a long past, and in one with a short one.
#[derive(Debug, Parser)]
struct Arguments {
    /// Audit records of the long past.
    #[arg(long, default_value_t = 200_000)]
    records: u32,
    /// Dead delegations of the long past.
    #[arg(long, default_value_t = 20_000)]
    delegations: u32,
    /// How often each line is measured in each of the two.
    #[arg(long, default_value_t = 200)]
    rounds: u32,
    /// Only one kind of database.
    #[arg(long)]
    only: Option<Kind>,
    /// A superuser's URL of a server that may be played with.
    #[arg(long, env = "TEST_POSTGRES_URL", hide_env_values = true)]
    postgres: String,
    /// Where the files of `SQLite` go.
    #[arg(long, default_value = env!("CARGO_TARGET_TMPDIR"))]
    folder: std::path::PathBuf,
    /// Cargo says so to every benchmark.
    #[arg(long, hide = true)]
    bench: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Kind {
    Sqlite,
    Postgres,
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    for kind in [Kind::Sqlite, Kind::Postgres] {
        if arguments.only.is_none_or(|only| only == kind)
            && let Err(error) = run(kind, &arguments).await
        {
            eprintln!("\nthe benchmark failed: {error}");
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}

async fn run(kind: Kind, arguments: &Arguments) -> Outcome<()> {
    let long = Past { records: arguments.records, delegations: arguments.delegations };
    // As many as the longest page is long: so both find the same.
    let short = Past { records: 1000, delegations: 100 };
    println!(
        "\n{kind:?}: {} audit records and {} dead delegations, beside {} and {}",
        long.records, long.delegations, short.records, short.delegations
    );
    let long = Place::make(kind, arguments, &long).await?;
    let short = Place::make(kind, arguments, &short).await?;
    let figures = rounds::run(&short, &long, arguments.rounds).await;
    short.end().await?;
    long.end().await?;
    println!("  {:34} {:>10} {:>10} {:>7}", "", "short, us", "long, us", "ratio");
    for Figure { name, short, long } in figures? {
        println!("  {name:34} {short:>10.0} {long:>10.0} {:>7.2}", long / short);
    }
    Ok(())
}

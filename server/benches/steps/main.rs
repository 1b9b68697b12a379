//! `make bench-steps`: what each step of an exchange costs by itself, and where its time goes.
//!
//! Reading order: [`tokens`] (what is presented), then the steps in the order of an exchange: [`request`],
//! [`signatures`], [`rules`], [`trips`] (to the ledger and to the identity provider); [`shares`] (what they
//! add up to).
//!
//! A step is what a crate offers to others, called with what an exchange calls it with.

#[path = "../exchange/neighbours.rs"]
#[expect(dead_code, reason = "the echo and the counts are of another benchmark")]
mod neighbours;
mod places;
mod request;
mod rules;
mod shares;
mod signatures;
mod tokens;
mod trips;

use std::{path::Path, process::ExitCode, time::Duration};

use criterion::Criterion;

use crate::{places::Places, shares::Shares, tokens::Tokens};

pub(crate) type Outcome<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("\nthe benchmark failed: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Outcome<()> {
    // Beside the build, on a disk: on a memory file system a durable commit would cost nothing.
    let output = Path::new(env!("CARGO_TARGET_TMPDIR")).join("../steps");
    if output.exists() {
        // What was measured before under another name would be taken for a step.
        std::fs::remove_dir_all(&output)?;
    }
    std::fs::create_dir_all(&output)?;
    let directory = tempfile::tempdir_in(&output)?;
    let began = std::time::Instant::now();
    let mut criterion = Criterion::default()
        .output_directory(&output)
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(1))
        .sample_size(50)
        .configure_from_args();
    let tokens = Tokens::new()?;
    request::steps(&mut criterion, &tokens)?;
    signatures::steps(&mut criterion, &tokens)?;
    rules::steps(&mut criterion)?;
    let places = Places::new(directory.path(), &tokens)?;
    let spent = trips::steps(&mut criterion, &places)?;
    criterion.final_summary();
    let shares = Shares::read(&output, &spent)?;
    println!("{shares}");
    if is_to_be_reported() {
        let file = shares.section(began.elapsed()).write()?;
        println!("The same for the report: {}", file.display());
    }
    Ok(())
}

#[expect(clippy::disallowed_methods, reason = "whoever runs this says so, not a configuration")]
fn is_to_be_reported() -> bool {
    std::env::var_os("ACTAS_TEST_REPORT").is_some()
}

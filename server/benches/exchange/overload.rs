//! `make bench-overload`: what the server does when more is asked of it than it can do, and what the
//! others feel when one organization floods or its identity provider hangs.
//!
//! Reading order: [`flood`] (three times of what can be done, for minutes), [`isolation`] (two
//! organizations), [`scene`] (what both are measured on), [`picture`], [`section`].

mod flood;
mod isolation;
mod picture;
mod scene;
mod section;

use std::time::{Duration, Instant};

use tokio::runtime::Runtime;

use self::{
    flood::Flood,
    isolation::Isolation,
    scene::{Limits, Scene},
};
use crate::{Outcome, machine, output, places::Place};

/// Connections, caches and limits settle in before anything counts.
const WARM_UP: Duration = Duration::from_secs(1);

/// Measure what overload does, and what one organization does to another.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// How long the flood lasts; the other phases are shorter.
    #[arg(long, default_value_t = 5.0)]
    minutes: f64,
    /// How often each phase of isolation is measured.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// Only the database with this name.
    #[arg(long)]
    only: Option<String>,
    /// Keep the figures for conformance/REPORT.md.
    #[arg(long)]
    report: bool,
}

/// How long the phases take.
#[derive(Clone, Copy, Debug)]
struct Lengths {
    flood: Duration,
    /// To find out what the server can do.
    peak: Duration,
    /// Before and after the flood, and of each phase of isolation.
    calm: Duration,
}

impl Lengths {
    fn of(minutes: f64) -> Self {
        let flood = Duration::from_secs_f64(minutes * 60.0);
        let whole = |share: u32, longest: u64| {
            Duration::from_secs((flood.as_secs() / u64::from(share)).clamp(2, longest))
        };
        Self {
            flood: Duration::from_secs(flood.as_secs().max(4)),
            peak: whole(20, 10),
            calm: whole(15, 20),
        }
    }
}

/// What was measured with one database.
#[derive(Debug)]
struct Measured {
    database: &'static str,
    flood: Flood,
    isolation: Isolation,
}

pub(crate) fn run(arguments: &Arguments) -> Outcome<()> {
    let began = Instant::now();
    let directory = tempfile::tempdir_in(output()?)?;
    // One thread: the load shares the processors with what it loads, and should take little.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let lengths = Lengths::of(arguments.minutes);
    let mut all = Vec::new();
    for place in places(arguments.only.as_deref())? {
        let name = place.database.name;
        let directory = directory.path().join(name);
        let rates = Scene::set_up(&directory.join("flood"), &place.database, Limits::NoRates)?;
        let flood = runtime.block_on(flood::measure(&rates, lengths))?;
        print!("{name}: {flood}");
        drop(rates);
        let place = place.another("isolation")?;
        let defaults =
            Scene::set_up(&directory.join("isolation"), &place.database, Limits::Default)?;
        let rounds = (arguments.rounds, flood.peak());
        let isolation = isolate(&runtime, &defaults, (lengths, rounds))?;
        print!("{isolation}");
        all.push(Measured { database: name, flood, isolation });
    }
    let [overload, isolation] = section::of(&all, began.elapsed(), arguments.report)?;
    println!("{}", section::text(&overload));
    println!("{}", section::text(&isolation));
    Ok(())
}

fn isolate(
    runtime: &Runtime,
    scene: &Scene,
    (lengths, (rounds, peak)): (Lengths, (u32, f64)),
) -> Outcome<Isolation> {
    let mut isolation = Isolation::new(peak)?;
    for round in 1..=rounds {
        eprintln!("isolation, round {round} of {rounds}");
        runtime.block_on(isolation.round(scene, lengths.calm))?;
    }
    Ok(isolation)
}

fn places(only: Option<&str>) -> Outcome<Vec<Place>> {
    let is_meant = |name: &str| only.is_none_or(|only| only.eq_ignore_ascii_case(name));
    let mut all = Vec::new();
    if is_meant("SQLite") {
        all.push(Place::file());
    }
    match machine::variable("TEST_POSTGRES_URL") {
        Some(url) if is_meant("PostgreSQL") => all.push(Place::beside(&url, "flood")?),
        Some(_) => {}
        None => eprintln!("TEST_POSTGRES_URL is not set: PostgreSQL is not measured"),
    }
    Ok(all)
}

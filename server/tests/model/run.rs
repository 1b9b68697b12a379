//! How many histories, and what is told of them.

use std::{thread, time::Instant};

use crate::{
    database::Kind,
    history::{self, Failure},
    lies::Lie,
    section,
    tally::Tally,
    world::World,
};

/// Histories that share a database.
const SHARE: u64 = 20;
/// Steps on each database, unless `ACTAS_TEST_STEPS` says more.
const STEPS: u64 = 2000;

/// Where it went wrong.
pub struct Stopped {
    pub seed: u64,
    /// How many steps there had been.
    pub steps: u64,
    pub failure: Failure,
}

#[expect(clippy::disallowed_methods, reason = "how a long run says how long")]
fn number(name: &str, default: u64) -> u64 {
    let text = std::env::var(name);
    text.map_or(default, |text| text.parse().unwrap_or_else(|_| panic!("{name} is no number")))
}

#[expect(clippy::disallowed_methods, reason = "how `make model` says that it is for the report")]
fn is_for_the_report() -> bool {
    std::env::var("ACTAS_TEST_REPORT").is_ok_and(|it| it == "1")
}

/// Plays histories until there are so many steps; each has the seed after the one before.
pub fn run(kind: Kind, steps: u64, seed: u64, lie: Option<Lie>) -> Result<Tally, Box<Stopped>> {
    let began = Instant::now();
    let mut tally = Tally::default();
    let mut seed = seed;
    while tally.steps < steps {
        let mut world = World::new(kind, lie);
        for number in 0..SHARE {
            if steps <= tally.steps {
                break;
            }
            if let Err(failure) = history::play(&mut world, number, seed, &mut tally) {
                return Err(Box::new(Stopped { seed, steps: tally.steps, failure }));
            }
            seed += 1;
        }
        tally.deaths += world.deaths;
    }
    tally.took = began.elapsed();
    Ok(tally)
}

/// Of both databases at once.
#[test]
fn histories() {
    let (steps, seed) = (number("ACTAS_TEST_STEPS", STEPS), number("ACTAS_TEST_SEED", 1));
    let kinds = [Kind::Sqlite, Kind::Postgres];
    let under_way = kinds.map(|kind| thread::spawn(move || run(kind, steps, seed, None)));
    let mut tallies = Vec::new();
    for (kind, it) in kinds.into_iter().zip(under_way) {
        match it.join().unwrap() {
            Ok(tally) => tallies.push((kind, tally)),
            Err(stopped) => panic!("{}", told(kind, *stopped)),
        }
    }
    for (kind, tally) in &tallies {
        eprintln!("{kind:?}: {}", tally.text());
        assert!(0 < tally.derived && 0 < tally.deaths && 0 < tally.ended, "too little happened");
    }
    if is_for_the_report() {
        section::write(&tallies);
    }
}

/// What went wrong, in as few steps as show it, and how to have it again.
fn told(kind: Kind, Stopped { seed, failure, .. }: Stopped) -> String {
    let whole = failure.history.len();
    let shrunk = history::shrink(failure, || (World::new(kind, None), 1000));
    let steps: Vec<String> =
        shrunk.history.iter().map(|(at, step)| format!("{at:>4} {step:?}")).collect();
    format!(
        "on {kind:?}, seed {seed}, step {whole}: {}\n{}\nagain: ACTAS_TEST_SEED={seed} \
         ACTAS_TEST_STEPS=1 .ci/with-postgres cargo test --workspace --test model -- histories",
        shrunk.violation,
        steps.join("\n"),
    )
}

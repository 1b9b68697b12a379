//! The section `mutants` of the report, of what `cargo mutants` has left below `target/mutants`.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{env, fs, path::Path};

use conformance::report::{Section, Table};
use serde_json::Value;

/// The crates whose tests are tried, each with the part of its mutants that is.
const CRATES: [&str; 2] = ["policy", "keys"];

/// What came of the mutants of a crate.
#[derive(Debug, Default, PartialEq)]
struct Tried {
    caught: usize,
    unviable: usize,
    /// The tests did not end: they never would have passed, which is caught too.
    timeouts: usize,
    /// The names of those no test noticed.
    missed: Vec<String>,
    /// How many there were to try; more than were when the run was cut short.
    all: usize,
}

impl Tried {
    /// Reads `outcomes.json` and `mutants.json` of a run.
    fn read(outcomes: &str, mutants: &str) -> Self {
        let outcomes: Value = serde_json::from_str(outcomes).unwrap();
        let mutants: Vec<Value> = serde_json::from_str(mutants).unwrap();
        let mut tried = Self { all: mutants.len(), ..Self::default() };
        for outcome in outcomes.pointer("/outcomes").unwrap().as_array().unwrap() {
            // The first is of no mutant: whether the tests pass at all.
            let Some(mutant) = outcome.pointer("/scenario/Mutant/name") else { continue };
            match outcome.pointer("/summary").unwrap().as_str().unwrap() {
                "CaughtMutant" => tried.caught += 1,
                "Unviable" => tried.unviable += 1,
                "Timeout" => tried.timeouts += 1,
                "MissedMutant" => tried.missed.push(mutant.as_str().unwrap().to_owned()),
                other => assert_eq!(other, "", "what came of {mutant} is not known"),
            }
        }
        tried
    }

    /// Those that were tried and compile.
    fn viable(&self) -> usize {
        self.caught + self.timeouts + self.missed.len()
    }
}

#[test]
fn the_section_lists_who_survived() {
    let sample = Tried::read(
        r#"{"outcomes":[
            {"scenario":"Baseline","summary":"Success"},
            {"scenario":{"Mutant":{"name":"a.rs:1:1: replace f with true"}},"summary":"CaughtMutant"},
            {"scenario":{"Mutant":{"name":"a.rs:2:1: replace g with true"}},"summary":"MissedMutant"},
            {"scenario":{"Mutant":{"name":"a.rs:3:1: replace h with true"}},"summary":"Unviable"},
            {"scenario":{"Mutant":{"name":"a.rs:4:1: replace i with true"}},"summary":"Timeout"}
        ]}"#,
        "[{},{},{},{},{}]",
    );
    let missed = vec!["a.rs:2:1: replace g with true".to_owned()];
    assert_eq!(sample, Tried { caught: 1, unviable: 1, timeouts: 1, missed, all: 5 });
    let section_of_sample = section(&[("policy", sample)], "all");
    assert_eq!(section_of_sample.figures.first().unwrap().value, "1 of 3");
    assert_eq!(section_of_sample.figures.first().unwrap().met, Some(false));
    assert_eq!(section_of_sample.tables.len(), 2);
    if is_to_be_reported() {
        let below = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/mutants");
        let tried = CRATES.map(|name| {
            let left = |file: &str| {
                fs::read_to_string(below.join(name).join("mutants.out").join(file)).unwrap()
            };
            (name, Tried::read(&left("outcomes.json"), &left("mutants.json")))
        });
        section(&tried, &fs::read_to_string(below.join("part")).unwrap()).write().unwrap();
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "whoever runs this test says so, not a configuration"
)]
fn is_to_be_reported() -> bool {
    env::var_os("ACTAS_TEST_REPORT").is_some()
}

fn section(tried: &[(&str, Tried)], part: &str) -> Section {
    let title = "Mutants: what no test of the rules and of the keys would notice";
    let mut section = Section::new("mutants", title, "make mutants");
    for (name, tried) in tried {
        let survived = format!("{} of {}", tried.missed.len(), tried.viable());
        section.aim(format!("{name}: survived"), survived, "0", tried.missed.is_empty());
    }
    section.tables.push(Table {
        caption: format!("By crate; of the mutants of keys: {}", part.trim()),
        head: ["crate", "mutants", "tried", "caught", "missed", "timeouts", "do not compile"]
            .map(str::to_owned)
            .to_vec(),
        rows: tried
            .iter()
            .map(|(name, tried)| {
                let counts = [
                    tried.all,
                    tried.viable() + tried.unviable,
                    tried.caught,
                    tried.missed.len(),
                    tried.timeouts,
                    tried.unviable,
                ];
                std::iter::once((*name).to_owned()).chain(counts.map(|n| n.to_string())).collect()
            })
            .collect(),
    });
    let missed: Vec<_> =
        tried.iter().flat_map(|(_, tried)| &tried.missed).map(|name| vec![name.clone()]).collect();
    if !missed.is_empty() {
        let (caption, head) = ("Survivors".to_owned(), vec!["mutant".to_owned()]);
        section.tables.push(Table { caption, head, rows: missed });
    }
    section.notes.push(
        "cargo-mutants changes the code one expression at a time and runs the tests of the crate itself. \
         Those that change nothing anybody could see are left out, one by one and with the reason, in \
         .cargo/mutants.toml."
            .to_owned(),
    );
    section
}

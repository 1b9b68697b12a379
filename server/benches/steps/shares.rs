//! What the steps add up to.

use std::{collections::BTreeMap, fmt, fs, path::Path, time::Duration};

use conformance::report::{Section, Table};
use keys::Algorithm;
use serde::Deserialize;

use crate::{
    Outcome, request, rules, signatures,
    trips::{self, Spent},
};

/// What an exchange of depth 1 with a secret consists of, wherever its ledger is.
fn in_an_exchange(database: &str) -> Vec<String> {
    let mut steps: Vec<String> = [
        rules::LOOKUP,
        request::FORM,
        request::BASIC,
        request::SECRET,
        request::REQUEST,
        signatures::PEEK,
        rules::SCOPE,
        signatures::SEAL,
        request::EVENT,
        request::ANSWER,
        trips::INTROSPECTION,
    ]
    .map(str::to_owned)
    .into();
    steps.extend([
        signatures::subject(Algorithm::Es256),
        signatures::mint(Algorithm::Es256),
        rules::decide(rules::FEW),
        trips::recall(database),
        trips::open(database),
    ]);
    steps
}

/// One step, microseconds.
#[derive(Clone, Debug)]
struct Step {
    name: String,
    /// From call to answer: median, and the interval it lies in with 95 %.
    takes: f64,
    between: (f64, f64),
    /// Of a processor: the same, unless it waits for others.
    spends: f64,
}

#[derive(Debug)]
pub(crate) struct Shares {
    steps: Vec<Step>,
    databases: Vec<&'static str>,
}

/// `benchmark.json` of criterion.
#[derive(Deserialize)]
struct Benchmark {
    full_id: String,
}

/// `estimates.json` of criterion: nanoseconds.
#[derive(Deserialize)]
struct Estimates {
    median: Estimate,
}

#[derive(Deserialize)]
struct Estimate {
    point_estimate: f64,
    confidence_interval: Interval,
}

#[derive(Deserialize)]
struct Interval {
    lower_bound: f64,
    upper_bound: f64,
}

impl Shares {
    /// Reads what criterion has kept in `directory`.
    pub(crate) fn read(directory: &Path, spent: &Spent) -> Outcome<Self> {
        let mut steps = Vec::new();
        for entry in fs::read_dir(directory)? {
            let kept = entry?.path().join("new");
            let Ok(benchmark) = fs::read(kept.join("benchmark.json")) else { continue };
            let Benchmark { full_id: name } = serde_json::from_slice(&benchmark)?;
            let estimates: Estimates =
                serde_json::from_slice(&fs::read(kept.join("estimates.json"))?)?;
            let Estimate { point_estimate, confidence_interval } = estimates.median;
            let takes = point_estimate / 1e3;
            let Interval { lower_bound, upper_bound } = confidence_interval;
            let between = (lower_bound / 1e3, upper_bound / 1e3);
            let spends = spent.get(&name).copied().unwrap_or(takes);
            steps.push(Step { name, takes, between, spends });
        }
        steps.sort_by(|one, other| one.name.cmp(&other.name));
        let has = |database: &&str| spent.contains_key(&trips::open(database));
        let databases = ["SQLite", "PostgreSQL"].into_iter().filter(has).collect();
        Ok(Self { steps, databases })
    }

    /// The steps of one exchange, the dearest first; none when only some steps were asked for.
    fn exchange(&self, database: &str) -> Option<Vec<&Step>> {
        let by_name: BTreeMap<&str, &Step> =
            self.steps.iter().map(|step| (step.name.as_str(), step)).collect();
        let named = in_an_exchange(database);
        let mut steps: Vec<&Step> =
            named.iter().map(|name| by_name.get(name.as_str()).copied()).collect::<Option<_>>()?;
        steps.sort_by(|one, other| other.spends.total_cmp(&one.spends));
        Some(steps)
    }

    fn tables(&self) -> Vec<Table> {
        let head = |texts: &[&str]| texts.iter().map(|&text| text.to_owned()).collect();
        let all = Table {
            caption: "Every step by itself, one at a time".to_owned(),
            head: head(&["step", "µs, median", "95 % interval", "CPU µs"]),
            rows: self.steps.iter().map(Step::row).collect(),
        };
        let exchange = |database: &&'static str| {
            let steps = self.exchange(database)?;
            let sum: f64 = steps.iter().map(|step| step.spends).sum();
            let row = |step: &&Step| {
                let share = format!("{:.1} %", 100.0 * step.spends / sum);
                vec![step.name.clone(), format!("{:.1}", step.spends), share]
            };
            let mut rows: Vec<_> = steps.iter().map(row).collect();
            rows.push(vec!["all of these".to_owned(), format!("{sum:.1}"), "100 %".to_owned()]);
            Some(Table {
                caption: format!(
                    "Where the time goes: one exchange, a secret, depth 1, {database}"
                ),
                head: head(&["step", "CPU µs", "share"]),
                rows,
            })
        };
        std::iter::once(all).chain(self.databases.iter().filter_map(exchange)).collect()
    }

    pub(crate) fn section(&self, took: Duration) -> Section {
        let mut section = Section::new("steps", "Where the time goes", "make bench-steps");
        section.seconds = took.as_secs();
        for database in &self.databases {
            if let Some(steps) = self.exchange(database) {
                let sum: f64 = steps.iter().map(|step| step.spends).sum();
                section.figure(
                    format!("the steps of one exchange, {database}: CPU"),
                    format!("{sum:.0} µs"),
                );
            }
        }
        section.tables = self.tables();
        section.notes = NOTES.map(str::to_owned).into();
        section.not_covered = NOT_COVERED.map(str::to_owned).into();
        section
    }
}

const NOTES: [&str; 3] = [
    "Each step is what a crate offers to others, repeated by criterion on one thread. Of the calls to the \
     ledger and to the identity provider, the median has the waiting in it; CPU is what this process spent \
     over many of them, one at a time, without the provider's thread and without PostgreSQL's processes. A \
     crowd shares commits, so that a durable row costs each of them less.",
    "Compare the sum with `CPU µs` of the same exchange in the section of whole exchanges, measured in the \
     same state of the machine: the difference is HTTP, tasks and locks, and what a crowd shares.",
    "A user's token is verified here each time. The server remembers signatures that held.",
];

const NOT_COVERED: [&str; 2] = [
    "HTTP by itself: the echo of the section of whole exchanges.",
    "Claims are read into JSON values; the server reads them into types of its own.",
];

impl Step {
    fn row(&self) -> Vec<String> {
        let (lower, upper) = self.between;
        vec![
            self.name.clone(),
            format!("{:.2}", self.takes),
            format!("{lower:.2} – {upper:.2}"),
            format!("{:.2}", self.spends),
        ]
    }
}

impl fmt::Display for Shares {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for Table { caption, head, rows } in self.tables() {
            writeln!(out, "\n{caption}")?;
            for row in std::iter::once(&head).chain(&rows) {
                let (name, figures) = row.split_first().ok_or(fmt::Error)?;
                write!(out, "{name:<52}")?;
                for figure in figures {
                    write!(out, " {figure:>20}")?;
                }
                writeln!(out)?;
            }
        }
        Ok(())
    }
}

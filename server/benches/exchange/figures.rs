//! Runs become figures, figures become ratios.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{Outcome, load::Run};

/// What one run showed.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
pub(crate) struct Figures {
    pub per_second: f64,
    pub p50_ms: f64,
    pub p90_ms: f64,
    pub p99_ms: f64,
    pub p999_ms: f64,
    /// Processor time of the server per answer, on all cores together.
    pub cpu_us: Option<f64>,
}

impl Figures {
    fn of(run: &Run) -> Outcome<Self> {
        let count = f64::from(u32::try_from(run.latencies.len())?);
        if count < 1.0 {
            return Err("nothing was answered in time".into());
        }
        let at = |quantile| {
            let latency = Duration::from_nanos(run.latencies.value_at_quantile(quantile));
            latency.as_secs_f64() * 1e3
        };
        Ok(Self {
            per_second: count / run.length.as_secs_f64(),
            p50_ms: at(0.5),
            p90_ms: at(0.9),
            p99_ms: at(0.99),
            p999_ms: at(0.999),
            cpu_us: run.spent.map(|spent| spent.as_secs_f64() * 1e6 / count),
        })
    }
}

/// One thing that was measured, with a run per round.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct Line {
    pub name: String,
    pub in_flight: usize,
    pub runs: Vec<Figures>,
}

impl Line {
    pub(crate) fn spread(&self, figure: impl Fn(&Figures) -> f64) -> Spread {
        Spread::of(self.runs.iter().map(figure).collect())
    }
}

/// All lines, in the order in which they were first measured.
#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(transparent)]
pub(crate) struct Book(Vec<Line>);

impl Book {
    pub(crate) fn note(&mut self, name: &str, in_flight: usize, run: &Run) -> Outcome<()> {
        let figures = Figures::of(run)?;
        match self.0.iter_mut().find(|line| line.name == name && line.in_flight == in_flight) {
            Some(line) => line.runs.push(figures),
            None => self.0.push(Line { name: name.to_owned(), in_flight, runs: vec![figures] }),
        }
        Ok(())
    }

    pub(crate) fn lines(&self) -> &[Line] {
        &self.0
    }

    /// The runs of a line; none if there is no such line.
    pub(crate) fn runs(&self, name: &str, in_flight: usize) -> &[Figures] {
        let found = self.0.iter().find(|line| line.name == name && line.in_flight == in_flight);
        found.map_or(&[], |line| &line.runs)
    }
}

/// The middle of several runs, and how far they lie apart.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Spread {
    pub median: f64,
    pub low: f64,
    pub high: f64,
}

impl Spread {
    pub(crate) fn of(mut values: Vec<f64>) -> Self {
        values.sort_by(f64::total_cmp);
        let at = |index: usize| values.get(index).copied().unwrap_or(f64::NAN);
        let last = values.len().saturating_sub(1);
        // Of an even number the two in the middle.
        let median = f64::midpoint(at(last / 2), at(values.len() / 2));
        Self { median, low: at(0), high: at(last) }
    }
}

/// Two lines set against each other, round by round: a machine that slows down for a while slows
/// down both.
#[derive(Debug, Serialize)]
pub(crate) struct Ratio {
    pub name: String,
    pub unit: &'static str,
    #[serde(flatten)]
    pub spread: Spread,
}

//! Throughput against waiting: the open loop at shares of what the closed one reached.

use hdrhistogram::Histogram;
use serde::{Serialize, Serializer};

use crate::{
    CROWD, Outcome,
    actas::Actas,
    figures::Spread,
    meter::Meter,
    names,
    open::{CONNECTIONS, Class, Heard, Spacing, open_loop},
    wire::Script,
};
use std::{sync::Arc, time::Duration};

/// Of the exchanges per second that a crowd of callers reached in the same round.
pub(crate) const SHARES: [f64; 7] = [0.2, 0.4, 0.6, 0.7, 0.8, 0.9, 1.0];

/// One database, one point per share.
#[derive(Debug, Serialize)]
pub(crate) struct Curve {
    pub database: &'static str,
    pub points: Vec<Point>,
}

/// What came of one rate, all rounds together.
#[derive(Debug)]
pub(crate) struct Point {
    share: f64,
    /// Of each round.
    offered: Vec<f64>,
    answered: Vec<f64>,
    cpu_us: Vec<f64>,
    refused: u64,
    good: Histogram<u64>,
}

/// A point as it is shown.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Shown {
    pub share: f64,
    pub offered_per_second: f64,
    pub answered_per_second: f64,
    pub p50_ms: f64,
    pub p99_ms: f64,
    pub p999_ms: f64,
    pub cpu_us: f64,
    pub refused: u64,
}

impl Point {
    pub(crate) fn shown(&self) -> Shown {
        let at = |quantile| {
            let latency = Duration::from_nanos(self.good.value_at_quantile(quantile));
            latency.as_secs_f64() * 1e3
        };
        let median = |values: &[f64]| Spread::of(values.to_vec()).median;
        Shown {
            share: self.share,
            offered_per_second: median(&self.offered),
            answered_per_second: median(&self.answered),
            p50_ms: at(0.5),
            p99_ms: at(0.99),
            p999_ms: at(0.999),
            cpu_us: median(&self.cpu_us),
            refused: self.refused,
        }
    }
}

impl Serialize for Point {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.shown().serialize(serializer)
    }
}

impl Curve {
    pub(crate) fn new(database: &'static str) -> Outcome<Self> {
        let point = |share| {
            let good = Histogram::new(3)?;
            let none = Vec::new;
            let (offered, answered, cpu_us) = (none(), none(), none());
            Outcome::Ok(Point { share, offered, answered, cpu_us, refused: 0, good })
        };
        Ok(Self { database, points: SHARES.into_iter().map(point).collect::<Outcome<_>>()? })
    }

    pub(crate) fn is_measured(&self) -> bool {
        self.points.iter().any(|point| !point.offered.is_empty())
    }

    /// One more round.
    pub(crate) fn measure(
        &mut self,
        meter: &Meter,
        actas: &Actas,
        script: &Arc<Script>,
    ) -> Outcome<()> {
        let most = meter.book.runs(&names::line(self.database, names::SECRET), CROWD);
        let most = most.last().ok_or("saturation is measured before")?.per_second;
        for point in &mut self.points {
            let rate = most * point.share;
            let class = Class {
                name: "open",
                address: actas.address,
                script: Arc::clone(script),
                rate,
                spacing: Spacing::Poisson,
                connections: CONNECTIONS,
                from: Vec::new(),
            };
            let heard = open_loop(vec![class], meter.window, Some(actas.process()));
            let Heard { classes, spent } = meter.runtime.block_on(heard)?;
            let answers = classes.first().ok_or("one class was let in")?;
            if 0 < answers.wrong() {
                let strange = answers.strange.clone().unwrap_or_default();
                return Err(format!("{} open requests failed: {strange}", answers.wrong()).into());
            }
            point.offered.push(rate);
            point.answered.push(answers.goodput());
            point.refused += answers.refused.len();
            point.good.add(&answers.good)?;
            if let Some(spent) = spent {
                let count = f64::from(u32::try_from(answers.good.len())?.max(1));
                point.cpu_us.push(spent.as_secs_f64() * 1e6 / count);
            }
        }
        Ok(())
    }
}

//! What an organization that asks little feels of one that floods, and of one whose provider hangs.

use std::{fmt, time::Duration};

use hdrhistogram::Histogram;

use super::{WARM_UP, scene::Scene};
use crate::{
    Outcome,
    load::Window,
    neighbours::Echo,
    open::{Answers, open_loop},
};

/// What the other organization asks, per second.
pub(super) const MODEST: f64 = 100.0;
/// How much more is asked than can be done.
const TIMES: f64 = 3.0;
/// What the organization asks whose provider hangs, per second: more than it has places for.
pub(super) const HANGING: f64 = 200.0;
/// Longer than anything here.
const FOR_EVER: Duration = Duration::from_hours(1);

/// What the other organization heard in one phase, all rounds together.
#[derive(Debug)]
pub(super) struct Phase {
    pub name: &'static str,
    /// Nanoseconds.
    pub good: Histogram<u64>,
    /// Milliseconds, of each round.
    pub p99s: Vec<f64>,
    pub refused: u64,
    pub wrong: u64,
    /// What the one beside it heard: good answers and refusals per second.
    pub beside: (f64, f64),
}

#[derive(Debug)]
pub(super) struct Isolation {
    pub peak: f64,
    pub alone: Phase,
    /// The flood goes to a server that does nothing: what the load costs by itself.
    pub control: Phase,
    pub flood: Phase,
    pub hanging: Phase,
    echo: Echo,
}

impl Isolation {
    pub(super) fn new(peak: f64) -> Outcome<Self> {
        let echo = Echo::start()?;
        Ok(Self {
            peak,
            alone: Phase::new("alone")?,
            control: Phase::new("beside a flood at another server")?,
            flood: Phase::new("beside a flood")?,
            hanging: Phase::new("beside a provider that hangs")?,
            echo,
        })
    }

    /// Every phase once, so that those which are compared lie close together in time.
    pub(super) async fn round(&mut self, scene: &Scene, length: Duration) -> Outcome<()> {
        let window = Window { warm_up: WARM_UP, length };
        let other = || scene.other(MODEST);
        self.alone.note(open_loop(vec![other()], window, None).await?.classes)?;
        let flood = scene.flood(TIMES * self.peak);
        let elsewhere = scene.elsewhere(TIMES * self.peak, &self.echo);
        self.control.note(open_loop(vec![other(), elsewhere], window, None).await?.classes)?;
        self.flood.note(open_loop(vec![other(), flood], window, None).await?.classes)?;
        scene.idp.take(FOR_EVER);
        let hanging = open_loop(vec![other(), scene.flood(HANGING)], window, None).await;
        scene.idp.take(Duration::ZERO);
        self.hanging.note(hanging?.classes)
    }

    pub(super) const fn phases(&self) -> [&Phase; 4] {
        [&self.alone, &self.control, &self.flood, &self.hanging]
    }

    /// How much longer the other waits at its p99 than alone: 1.0 is no longer.
    pub(super) fn ratio(&self, phase: &Phase) -> f64 {
        phase.ms(0.99) / self.alone.ms(0.99)
    }
}

impl Phase {
    fn new(name: &'static str) -> Outcome<Self> {
        let (good, p99s) = (Histogram::new(3)?, Vec::new());
        Ok(Self { name, good, p99s, refused: 0, wrong: 0, beside: (0.0, 0.0) })
    }

    fn note(&mut self, heard: Vec<Answers>) -> Outcome<()> {
        let mut heard = heard.into_iter();
        let other = heard.next().ok_or("the other is the first class")?;
        self.p99s.push(other.good_ms(0.99));
        self.good.add(other.good)?;
        self.refused += other.limited + other.unavailable;
        self.wrong += other.other + other.failed;
        if let Some(strange) = other.strange {
            eprintln!("{}: {strange}", self.name);
        }
        if let Some(beside) = heard.next() {
            let refused = f64::from(u32::try_from(beside.refused.len())?);
            self.beside = (beside.goodput(), refused / beside.length.as_secs_f64());
        }
        Ok(())
    }

    /// Milliseconds to a good answer.
    pub(super) fn ms(&self, quantile: f64) -> f64 {
        Duration::from_nanos(self.good.value_at_quantile(quantile)).as_secs_f64() * 1e3
    }
}

impl fmt::Display for Isolation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for phase in self.phases() {
            let (good, refused) = phase.beside;
            writeln!(
                f,
                "  {}: p50 {:.2} p99 {:.2} ms ({:.2} of alone; rounds {:.2?}), {} refused, {} wrong; beside {good:.0}/s good, {refused:.0}/s refused",
                phase.name,
                phase.ms(0.5),
                phase.ms(0.99),
                self.ratio(phase),
                phase.p99s,
                phase.refused,
                phase.wrong
            )?;
        }
        Ok(())
    }
}

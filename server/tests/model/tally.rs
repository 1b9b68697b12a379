//! What was done, counted for the report.

use std::{collections::BTreeMap, time::Duration};

use crate::{
    heard::Heard,
    step::{Deed, Step, Subject},
};

#[derive(Debug, Default)]
pub struct Tally {
    pub histories: u64,
    pub steps: u64,
    pub kinds: BTreeMap<&'static str, u64>,
    pub issued: u64,
    /// Of these, from tokens of ours.
    pub derived: u64,
    pub refused: BTreeMap<String, u64>,
    pub unavailable: u64,
    pub ended: u64,
    pub deaths: u64,
    pub took: Duration,
}

impl Tally {
    pub fn step(&mut self, step: &Step) {
        self.steps += 1;
        *self.kinds.entry(step.kind()).or_default() += 1;
    }

    pub fn heard(&mut self, deed: &Deed, heard: &Heard) {
        match heard {
            Heard::Issued(_) => {
                self.issued += 1;
                let derived =
                    matches!(deed, Deed::Exchange(ask) if matches!(ask.subject, Subject::Link(_)));
                self.derived += u64::from(derived);
            }
            Heard::Refused(why) => *self.refused.entry(why.clone()).or_default() += 1,
            Heard::Unavailable(_) => self.unavailable += 1,
            Heard::Ended(ended) => self.ended += ended,
            Heard::Unknown | Heard::Duplicate | Heard::Done => {}
        }
    }

    pub fn text(&self) -> String {
        format!(
            "{} steps in {} histories, {} issued, {} derived, {} refused, {} ended, {} deaths, {:?}",
            self.steps,
            self.histories,
            self.issued,
            self.derived,
            self.refused.values().sum::<u64>(),
            self.ended,
            self.deaths,
            self.took,
        )
    }
}

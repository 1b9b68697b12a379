//! What was done and what came of it, counted.

use std::{collections::BTreeMap, time::Duration};

use conformance::report::{Section, Table};

#[derive(Debug, Default)]
pub struct Tally {
    pub requests: u64,
    pub twins: u64,
    pub events: usize,
    kinds: BTreeMap<&'static str, [u64; 2]>,
    good: BTreeMap<&'static str, [u64; 2]>,
    outcomes: BTreeMap<(String, String), u64>,
}

impl Tally {
    pub fn count(
        &mut self,
        good: &'static str,
        bends: &[&'static str],
        outcome: (Option<u16>, &str),
    ) {
        let (status, code) = outcome;
        let is_granted = u64::from(status.is_some_and(|status| status < 300));
        self.requests += 1;
        let of_good = self.good.entry(good).or_default();
        *of_good = [of_good[0] + 1, of_good[1] + is_granted];
        for bend in bends {
            let of_bend = self.kinds.entry(bend).or_default();
            *of_bend = [of_bend[0] + 1, of_bend[1] + is_granted];
        }
        let status = status.map_or_else(|| "hung up".to_owned(), |status| status.to_string());
        *self.outcomes.entry((status, code.to_owned())).or_default() += 1;
    }

    /// How many kinds of mutation there were.
    pub fn kinds(&self) -> usize {
        self.kinds.len()
    }

    pub fn granted(&self) -> u64 {
        self.good.values().map(|[_, granted]| granted).sum()
    }

    pub fn print(&self) {
        println!(
            "{} requests, {} good ones between, {} events",
            self.requests, self.twins, self.events
        );
        for ((status, code), count) in &self.outcomes {
            println!("{count:>8}  {status} {code}");
        }
    }

    /// Keeps it for the report. Reached only when nothing was violated.
    pub fn report(&self, database: &str, took: Duration) {
        let title = "Whole requests, bent and sent to a running server";
        let mut section = Section::new("mutation", title, "make mutation");
        section.seconds = took.as_secs();
        section.aim(
            "requests that were bent",
            self.requests.to_string(),
            "500000",
            500_000 <= self.requests,
        );
        section.figure("good requests sent between, all granted", self.twins.to_string());
        section.figure(
            "of the bent ones, granted and held to what they say",
            self.granted().to_string(),
        );
        section.figure("audit events compared with what was decided", self.events.to_string());
        section.figure("database", database);
        section.aim("violations of an invariant", "0", "0", true);
        let table = |caption: &str, head: [&str; 3], of: &BTreeMap<&'static str, [u64; 2]>| Table {
            caption: caption.to_owned(),
            head: head.map(str::to_owned).to_vec(),
            rows: of
                .iter()
                .map(|(name, [all, granted])| {
                    vec![(*name).to_owned(), all.to_string(), granted.to_string()]
                })
                .collect(),
        };
        section.tables.push(table(
            "By kind of mutation",
            ["mutation", "requests", "granted"],
            &self.kinds,
        ));
        section.tables.push(table("By good request", ["request", "bent", "granted"], &self.good));
        section.tables.push(Table {
            caption: "By answer".to_owned(),
            head: ["status", "error", "requests"].map(str::to_owned).to_vec(),
            rows: self
                .outcomes
                .iter()
                .map(|((status, code), count)| {
                    vec![status.clone(), code.clone(), count.to_string()]
                })
                .collect(),
        });
        section.notes.push(
            "Each request is bent in one to four ways, chosen by a seed that a failure prints. After \
             each one the invariants of the service are checked from outside; what is granted all the \
             same is judged by an oracle that reads the bytes that were sent."
                .to_owned(),
        );
        section.not_covered = vec![
            "HTTP/2, TLS and client certificates: the scene speaks HTTP/1.1 on loopback."
                .to_owned(),
            "Security events, SCIM and global token revocation that are taken: the scene has no transmitter; \
             requests there are refused.".to_owned(),
            "Requests at the same time: they are sent one after the other.".to_owned(),
        ];
        section.write().unwrap();
    }
}

//! What the database says, read beside `actas`.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    process::Command,
};

use serde_json::Value;

use crate::{
    process::eventually,
    scene::{Site, told},
};

/// Everything there is, as of one moment. Of `SQLite`: only when no server runs.
pub struct Ledger {
    /// By id.
    pub delegations: BTreeMap<String, Delegation>,
    /// Those of the trail, and those that wait for their place in it.
    pub events: Vec<Value>,
    /// The id of the event of each signal, by the signal's own id.
    pub signals: BTreeMap<String, String>,
}

#[derive(Debug)]
pub struct Delegation {
    pub parent: Option<String>,
    pub session: Option<String>,
    pub ended: bool,
}

const DELEGATIONS: &str = "SELECT id || ' ' || COALESCE(parent, '-') || ' ' || \
    COALESCE(session, '-') || ' ' || COALESCE(CAST(ended_at AS TEXT), '-') FROM delegations";
const EVENTS: &str = "SELECT record FROM trail UNION ALL SELECT record FROM events";
const SIGNALS: &str = "SELECT id || ' ' || event FROM signals";
const NUMBERS: &str = "SELECT (SELECT COUNT(*) FROM trail) || ' ' || \
    (SELECT COALESCE(MAX(seq), 0) FROM trail) || ' ' || (SELECT COALESCE(MAX(seq), 0) FROM trail_ends)";
/// Ours that are in the middle of something, or would be if they were not ill.
const BUSY: &str = "SELECT COUNT(*) FROM pg_stat_activity \
    WHERE datname = current_database() AND application_name = 'actas' AND state <> 'idle'";
const LOCKS: &str = "SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database() \
    AND application_name = 'actas' AND state LIKE 'idle in transaction%'";

impl Ledger {
    /// Once the server is dead.
    #[track_caller]
    pub fn of(site: &Site) -> Self {
        let look = Look::at(site);
        let delegation = |line: &str| {
            let cells = line.split(' ').map(|cell| (cell != "-").then(|| cell.to_owned()));
            let cells: [Option<String>; 4] = cells.collect::<Vec<_>>().try_into().unwrap();
            let [id, parent, session, ended] = cells;
            (id.unwrap(), Delegation { parent, session, ended: ended.is_some() })
        };
        let pair = |line: &str| {
            let (id, event) = line.split_once(' ').unwrap();
            (id.to_owned(), event.to_owned())
        };
        let ledger = Self {
            delegations: look.ask(DELEGATIONS).lines().map(delegation).collect(),
            events: look.ask(EVENTS).lines().map(|it| serde_json::from_str(it).unwrap()).collect(),
            signals: look.ask(SIGNALS).lines().map(pair).collect(),
        };
        let numbers = look.ask(NUMBERS);
        let [links, last, end] = numbers.split(' ').collect::<Vec<_>>().try_into().unwrap();
        assert_eq!((links, links), (last, end), "the numbers of the trail have gaps");
        ledger.is_of_one_piece();
        ledger
    }

    /// What holds of every ledger, whoever was told what.
    #[track_caller]
    fn is_of_one_piece(&self) {
        let ids = told(&self.events, &["id"]);
        let all: BTreeSet<&String> = ids.iter().collect();
        assert_eq!(all.len(), ids.len(), "an event is there twice");
        let issued = self.delegations_of("issued");
        let opened: Vec<&String> = self.delegations.keys().collect();
        assert_eq!(issued.iter().collect::<Vec<_>>(), opened, "a token, and its event, or neither");
        for (id, delegation) in &self.delegations {
            let above = delegation.parent.as_ref().map(|parent| &self.delegations[parent]);
            let stands_alone = !delegation.ended && above.is_some_and(|above| above.ended);
            assert!(!stands_alone, "{id} stands below one that ended");
        }
        let signalled = self.events.iter().filter(|event| event["outcome"] == "signalled");
        let signalled: BTreeSet<_> =
            signalled.map(|event| event["id"].as_str().unwrap().to_owned()).collect();
        let taken: BTreeSet<_> = self.signals.values().cloned().collect();
        assert_eq!(signalled, taken, "a signal, and its event, or neither");
    }

    /// Of which delegations the events of an outcome speak, in order.
    pub fn delegations_of(&self, outcome: &str) -> Vec<String> {
        let of = self.events.iter().filter(|event| event["outcome"] == outcome);
        let mut ids: Vec<_> =
            of.filter_map(|event| event["delegation"].as_str()).map(str::to_owned).collect();
        ids.sort();
        ids
    }
}

/// Answers questions in SQL, each with one column.
struct Look<'a> {
    site: &'a Site,
    /// Of `SQLite`: a copy, so that it is `actas` that repairs what a crash left behind.
    copy: Option<tempfile::TempDir>,
}

impl<'a> Look<'a> {
    #[track_caller]
    fn at(site: &'a Site) -> Self {
        if let Some(postgres) = &site.postgres {
            // Whoever was killed may still have been at work there.
            eventually("nobody works for the dead", || (postgres.ask(BUSY) == "0").then_some(()));
            return Self { site, copy: None };
        }
        let copy = tempfile::tempdir().unwrap();
        for name in ["actas.db", "actas.db-wal"] {
            if site.path(name).exists() {
                fs::copy(site.path(name), copy.path().join(name)).unwrap();
            }
        }
        let look = Self { site, copy: Some(copy) };
        assert_eq!(look.ask("PRAGMA integrity_check"), "ok");
        look
    }

    #[track_caller]
    fn ask(&self, sql: &str) -> String {
        let Some(copy) = &self.copy else { return self.site.postgres.as_ref().unwrap().ask(sql) };
        let mut sqlite = Command::new("sqlite3");
        sqlite.arg("-batch").arg(copy.path().join("actas.db")).arg(sql);
        let output = sqlite.output().expect("the shell `sqlite3` must be in PATH");
        assert!(output.status.success(), "{sql}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
    }
}

/// No connection of ours holds on to a transaction in which nothing happens.
#[track_caller]
pub fn no_transaction_is_left_open(site: &Site) {
    if let Some(postgres) = &site.postgres {
        eventually("no transaction is left open", || (postgres.ask(LOCKS) == "0").then_some(()));
    }
}

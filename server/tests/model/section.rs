//! The section `model` of the report.

use std::{collections::BTreeMap, time::Duration};

use conformance::report::{Section, Table};

use crate::{database::Kind, heard::Property, history::LENGTH, notices, tally::Tally};

const NOTES: [&str; 4] = [
    "A history is drawn step by step from a seed and played twice: in a model of actas, written by hand from the RFCs and \
     the decisions and knowing nothing of the code, and on two replicas (two stores, each with its connections, its \
     writers, its snapshots and a runtime of its own) on one database. After every step the answer, the events that came \
     to the trail and what is in the database are held against the model; after every crash, everything. Of two at \
     once, one of the two orders must explain what came of them, and nothing that was acknowledged before they began \
     may be overlooked.",
    "A replica dies by losing its runtime and its connections in the middle of a call of its ledger (before it, some \
     moments into it, or after it and before anybody is told); a new one takes its place. What it had not answered may \
     have happened or not, but whole.",
    "A history that fails is made as short as it can be and printed with its seed. The model is itself tested by ports \
     that lie: what each lie is seen as stands in the last table.",
    "Taken out by hand, in a copy, and found within 3,000 steps on SQLite: the look at all ancestors in `sqlite/stands.sql` \
     (an issue against a revocation of its parent, on the other replica, in four steps), the look at the epoch (an issue \
     against a signal, in two), the scope of the subject token in `policy` (in five), and the cascade in `ending.rs` (in \
     seven).",
];

const NOT_COVERED: [&str; 7] = [
    "Approvals: the product has none yet.",
    "HTTP, and the death of a whole process by `kill -9`: the histories go from the form to the database in one process; \
     `server/tests/crash` kills processes, with fewer kinds of steps.",
    "The loss of power: what is committed is taken to be on the disk (`ACTAS_TEST_FSYNC=off`, SQLite in memory).",
    "Sharing of answers among requests and bounded freshness: every connection is strict, and the provider is a fake \
     behind its port.",
    "Grants of everybody, policies of an organization, service accounts, bound tokens, other products than access tokens.",
    "Signals about devices, risk, mail addresses and single tokens; three or more things at once.",
    "A request that its provider says no to, raced with anything else: it ends things and refuses, in two transactions, \
     and between them another may come. Such pairs are left out of the races, and played one after the other.",
];

pub fn write(tallies: &[(Kind, Tally)]) {
    let mut section = Section::new("model", "Random histories against a model", "make model");
    let sum = |of: fn(&Tally) -> u64| tallies.iter().map(|(_, tally)| of(tally)).sum::<u64>();
    let steps = sum(|tally| tally.steps);
    section.aim("steps", steps.to_string(), "1000000", 1_000_000 <= steps);
    let length = format!("{LENGTH}, less what names something that is not there");
    section.figure("steps drawn for each history", length);
    // Otherwise there would be no section.
    section.aim("violations", "0", "0", true);
    section.tables.push(summary(tallies));
    section.tables.push(counted("Steps, by kind", tallies, |tally| {
        tally.kinds.iter().map(|(kind, times)| ((*kind).to_owned(), *times)).collect()
    }));
    let refused = |tally: &Tally| tally.refused.clone();
    section.tables.push(counted("Refusals, by reason", tallies, refused));
    section.tables.push(Table {
        caption: "What holds after every step".to_owned(),
        head: vec!["property".to_owned(), "violations".to_owned()],
        rows: Property::ALL.map(|it| vec![it.text().to_owned(), "0".to_owned()]).to_vec(),
    });
    section.tables.push(Table {
        caption: "What is seen of a lie, first".to_owned(),
        head: ["lie", "seen as", "after so many steps"].map(str::to_owned).to_vec(),
        rows: notices::seen(),
    });
    section.notes = NOTES.map(str::to_owned).to_vec();
    section.not_covered = NOT_COVERED.map(str::to_owned).to_vec();
    let longest = tallies.iter().map(|(_, tally)| tally.took).max();
    section.seconds = longest.unwrap_or(Duration::ZERO).as_secs();
    section.write().unwrap();
}

fn head(first: &str, tallies: &[(Kind, Tally)]) -> Vec<String> {
    let kinds = tallies.iter().map(|(kind, _)| format!("{kind:?}"));
    std::iter::once(first.to_owned()).chain(kinds).collect()
}

fn summary(tallies: &[(Kind, Tally)]) -> Table {
    let row = |what: &str, of: fn(&Tally) -> String| {
        let cells = tallies.iter().map(|(_, tally)| of(tally));
        std::iter::once(what.to_owned()).chain(cells).collect()
    };
    let rows = vec![
        row("histories", |it| it.histories.to_string()),
        row("steps", |it| it.steps.to_string()),
        row("tokens issued", |it| it.issued.to_string()),
        row("of these, on a token of ours", |it| it.derived.to_string()),
        row("refused", |it| it.refused.values().sum::<u64>().to_string()),
        row("503, since the provider did not answer", |it| it.unavailable.to_string()),
        row("delegations ended", |it| it.ended.to_string()),
        row("replicas that died", |it| it.deaths.to_string()),
        row("seconds", |it| it.took.as_secs().to_string()),
    ];
    Table { caption: "What was played".to_owned(), head: head("", tallies), rows }
}

/// One row for each thing that was counted on either database.
fn counted(
    caption: &str,
    tallies: &[(Kind, Tally)],
    of: impl Fn(&Tally) -> BTreeMap<String, u64>,
) -> Table {
    let counts: Vec<BTreeMap<String, u64>> = tallies.iter().map(|(_, tally)| of(tally)).collect();
    let mut names: Vec<&String> = counts.iter().flat_map(BTreeMap::keys).collect();
    names.sort();
    names.dedup();
    let row = |name: &String| {
        let times = counts.iter().map(|it| it.get(name).copied().unwrap_or(0).to_string());
        std::iter::once(name.clone()).chain(times).collect()
    };
    let rows = names.into_iter().map(row).collect();
    Table { caption: caption.to_owned(), head: head("", tallies), rows }
}

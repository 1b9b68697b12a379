//! Nothing gets away: every interleaving of these worlds, on each database.

use std::time::Instant;

use conformance::report::{Section, Table};
use stateright::{Checker, Model};

use crate::{
    change::What,
    model::{DONE, Database, Flaw, Spec},
    once::{self, Assertion},
    world::{FIRST_OPENED, LINK, ROOT},
};

const ENDS: [What; 5] =
    [What::Delegation(ROOT), What::Delegation(LINK), What::Grant, What::User, What::Stop];

type World = (Vec<Option<usize>>, Vec<What>);

/// Exchanges below the chain of two, below each other and beside it: three against each end, two against every two ends,
/// and one, whose worlds have the shortest examples.
fn worlds() -> Vec<World> {
    let (beside, below, next) = (None, Some(LINK), Some(FIRST_OPENED));
    let mut worlds = Vec::new();
    for (number, end) in ENDS.into_iter().enumerate() {
        worlds.push((vec![below, next, beside], vec![end]));
        worlds.push((vec![beside, next, below], vec![end]));
        for other in &ENDS[number..] {
            for openings in [vec![beside], vec![below], vec![below, next], vec![beside, below]] {
                worlds.push((openings, vec![end, *other]));
            }
        }
    }
    worlds
}

/// How many states were looked at; fails at the first that must not be.
fn checked(spec: Spec) -> usize {
    let database = spec.database;
    let checker = spec.checker().spawn_bfs().join();
    if database == Database::PostgresByRowsAlone {
        // Whoever waits for each other, PostgreSQL tells so; that none is left waiting is what the advisory lock is for.
        for name in checker.discoveries().keys() {
            assert!(
                !is_safety(name),
                "{name}: {:?}",
                checker.discovery(name).map(stateright::Path::into_actions)
            );
        }
    } else {
        checker.assert_properties();
    }
    checker.unique_state_count()
}

/// Whether its discovery is a failure; of the others a discovery is an example, or somebody who waits.
fn is_safety(name: &str) -> bool {
    use crate::model::{DEAD, KEPT, WHOLE};
    [DEAD, WHOLE, KEPT].contains(&name)
}

fn all(database: Database) -> (usize, usize) {
    let worlds = worlds();
    let number = worlds.len();
    let states = worlds.into_iter().map(|(openings, changes)| {
        checked(Spec { database, flaw: Flaw::None, openings, changes, crashes: 1 })
    });
    (number, states.sum())
}

/// `record.sql`: "An opening locks a line from below, a revocation from above: they would deadlock."
#[test]
fn without_the_advisory_lock_somebody_may_wait_for_ever() {
    let spec = Spec {
        database: Database::PostgresByRowsAlone,
        flaw: Flaw::None,
        openings: vec![Some(LINK)],
        changes: vec![What::Delegation(ROOT)],
        crashes: 0,
    };
    assert!(spec.checker().spawn_bfs().join().discovery(DONE).is_some());
}

/// `record.sql`: "None of this rests on the advisory lock."
#[test]
fn nothing_gets_away() {
    let began = Instant::now();
    let mut section = Section::new(
        "specification",
        "Issue against revoke, specified and model-checked",
        "make specification",
    );
    section.notes.push(NOTE.to_owned());
    let mut rows = Vec::new();
    for (name, database) in [
        ("PostgreSQL, advisory lock and row locks", Database::Postgres),
        ("PostgreSQL, row locks alone (safety only)", Database::PostgresByRowsAlone),
        ("SQLite, one writer", Database::Sqlite),
    ] {
        let (worlds, states) = all(database);
        rows.push(vec![name.to_owned(), worlds.to_string(), states.to_string(), "0".to_owned()]);
    }
    let states = once::checked(Assertion::default());
    rows.push(vec!["single use".to_owned(), "1".to_owned(), states.to_string(), "0".to_owned()]);
    section.tables.push(Table {
        caption: "Every interleaving, with a crash of any one process at any moment".to_owned(),
        head: ["world", "configurations", "states", "violations"].map(str::to_owned).to_vec(),
        rows,
    });
    let rows = crate::flaws::found();
    section.tables.push(Table {
        caption: "What is found when a part of the argument is taken out".to_owned(),
        head: ["taken out", "what is found", "steps"].map(str::to_owned).to_vec(),
        rows,
    });
    section.not_covered = vec![
        "The specification is written by hand from the SQL; that the SQL does what it says is what the tests of races and the model are for.".to_owned(),
        "Loom: nothing that decides whether a token may leave lives in shared memory; it is all in the database.".to_owned(),
    ];
    section.seconds = began.elapsed().as_secs();
    if is_to_be_reported() {
        section.write().expect("the section can be written");
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "whoever runs this test says so, not a configuration"
)]
fn is_to_be_reported() -> bool {
    std::env::var_os("ACTAS_TEST_REPORT").is_some()
}

const NOTE: &str = "Each statement, each row lock and each snapshot of `postgres/record.sql`, `sqlite/stands.sql`, `ending.rs` and \
`signals.rs` is one step; [stateright](https://www.stateright.rs) tries every order of them for up to three exchanges (beside the chain, below it, \
below each other) against one or two changes (a link, the root, the grant, the user by a signal, a stop), with one process dying anywhere. \
Checked in every state: no token outlives the acknowledged end of what it rests on; no ancestor is seen ended whose child is seen standing; no token \
leaves that is not recorded; everybody comes to an end.";

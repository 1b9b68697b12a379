//! What the argument rests on, taken out one at a time: each time a token must get away.

use stateright::{Checker, Model};

use crate::{
    change::What,
    model::{DEAD, Database, Flaw, Spec, WHOLE},
    once::{self, Assertion},
    world::{LINK, ROOT},
};

fn cases() -> [(&'static str, Spec); 5] {
    let spec = |flaw, opening, change| Spec {
        database: Database::PostgresByRowsAlone,
        flaw,
        openings: vec![opening],
        changes: vec![change],
        crashes: 0,
    };
    let locked = |flaw, opening, change| Spec {
        database: Database::Postgres,
        ..spec(flaw, opening, change)
    };
    [
        ("`FOR SHARE` in record.sql", spec(Flaw::PlainReads, Some(LINK), What::Delegation(ROOT))),
        (
            "a snapshot of its own for each statement of a change",
            spec(Flaw::OneSnapshot, Some(LINK), What::Delegation(LINK)),
        ),
        (
            "marking what is ended before what is below it",
            spec(Flaw::MarkLast, Some(LINK), What::Delegation(LINK)),
        ),
        ("comparing the epoch", locked(Flaw::NoEpoch, None, What::User)),
        ("comparing the revision", locked(Flaw::NoRevision, None, What::Stop)),
    ]
}

/// What was taken out, what was found, and how many steps it takes.
pub fn found() -> Vec<Vec<String>> {
    let mut rows = Vec::new();
    for (name, spec) in cases() {
        let checker = spec.checker().spawn_bfs().join();
        let (property, path) = [DEAD, WHOLE]
            .iter()
            .find_map(|property| Some((property, checker.discovery(property)?)))
            .expect(name);
        let steps = path.into_actions().len();
        rows.push(vec![name.to_owned(), format!("not so: {property}"), steps.to_string()]);
    }
    for (name, assertion) in once::flaws() {
        let steps = once::broken(assertion).expect(name);
        rows.push(vec![name.to_owned(), format!("not so: {}", once::ONCE), steps.to_string()]);
    }
    rows
}

#[test]
fn each_part_of_the_argument_is_needed() {
    assert_eq!(found().len(), cases().len() + once::flaws().len());
}

/// With nothing taken out, the same worlds are sound: it is the flaw that is found.
#[test]
fn with_nothing_taken_out_the_same_worlds_are_sound() {
    for (name, spec) in cases() {
        let checker = Spec { flaw: Flaw::None, ..spec }.checker().spawn_bfs().join();
        for property in [DEAD, WHOLE] {
            assert!(checker.discovery(property).is_none(), "{name}: {property}");
        }
    }
    assert!(once::broken(Assertion::default()).is_none());
}

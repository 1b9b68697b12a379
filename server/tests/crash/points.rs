//! `kill -9`, and cut connections, before and after each write.

use std::sync::Arc;

use crate::{
    chance::{Chance, kills},
    database::Kind,
    files,
    round::Stage,
    wire::{Point, When},
};

/// By a part of it, each statement with which a transaction writes or ends while clients exchange,
/// sign out and revoke.
const STATEMENTS: [&str; 9] = [
    "INSERT INTO delegations",
    "INSERT INTO events",
    "INSERT INTO signals",
    "UPDATE delegations SET ended_at",
    "UPDATE grants SET epoch",
    "INSERT INTO trail (",
    "DELETE FROM events",
    "UPDATE trail_ends",
    "COMMIT",
];

fn points() -> impl Iterator<Item = (&'static str, When)> {
    STATEMENTS.into_iter().flat_map(|text| When::ALL.map(|when| (text, when)))
}

#[test]
fn killed_before_and_after_each_statement() {
    let mut stage = Stage::on(Kind::Postgres);
    let mut chance = Chance::new();
    for (text, when) in points() {
        let nth = 1 + chance.below(3);
        stage.dies(|stage, killer| {
            let (wire, killer) = (stage.wire.as_ref().unwrap(), Arc::clone(killer));
            let deed = Box::new(move || killer.strike());
            wire.waits_for(Point { text, nth, when, deed });
            assert!(wire.strikes(), "`{text}` never comes");
        });
    }
    stage.ends();
}

/// The server lives on, and needs no restart.
#[test]
fn cut_off_before_and_after_each_statement() {
    let mut stage = Stage::on(Kind::Postgres);
    for (text, when) in points() {
        stage.meanwhile(|stage| {
            let wire = stage.wire.as_ref().unwrap();
            wire.waits_for(Point { text, nth: 1, when, deed: Box::new(|| {}) });
            assert!(wire.strikes(), "`{text}` never comes");
            stage.issues(10);
        });
        stage.lives_on();
    }
    stage.ends();
}

/// A write of `SQLite` is a page of its log, a piece of the database file, or a demand that they be
/// safe.
#[test]
fn killed_before_and_after_each_write_to_a_file() {
    let mut stage = Stage::on(Kind::Sqlite);
    let mut chance = Chance::new();
    for _ in 0..kills().div_ceil(When::ALL.len()) {
        for when in files::When::ALL {
            // The log is folded into the database file once in a thousand pages.
            let nth = 1 + if chance.once_in(4) { chance.below(3000) } else { chance.below(60) };
            stage.dies(|stage, _| {
                let answers = stage.books.open().answers;
                stage.books.await_until("it is at work", |pages| answers < pages.answers);
                stage.files.as_ref().unwrap().kill_at(nth, when);
                stage.is_dead();
            });
        }
    }
    stage.ends();
}

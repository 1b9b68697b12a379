//! `kill -9` at a random moment, again and again.

use crate::{
    chance::{Chance, kills},
    database::Kind,
    round::Stage,
};

/// Lives on one database, before it becomes too large to be read after each.
const LIVES: usize = 25;

#[test]
fn at_random_moments_on_sqlite() {
    at_random_moments(Kind::Sqlite);
}

#[test]
fn at_random_moments_on_postgres() {
    at_random_moments(Kind::Postgres);
}

#[track_caller]
fn at_random_moments(kind: Kind) {
    let mut chance = Chance::new();
    let mut left = kills();
    while 0 < left {
        let mut stage = Stage::on(kind);
        let lives = left.min(LIVES);
        for _ in 0..lives {
            let (answers, turns) = (chance.below(40), chance.below(200_000));
            stage.dies(|stage, killer| {
                let until = stage.books.open().answers + answers;
                stage.books.await_until("it is at work", |pages| until <= pages.answers);
                // Not always just after an answer.
                (0..turns).for_each(|_| std::hint::spin_loop());
                killer.strike();
            });
        }
        left -= lives;
        let slowest = stage.slowest_start;
        let books = stage.ends();
        println!(
            "{kind:?}: {lives} kills, {} tokens, ready after {slowest:?} at the latest",
            books.open().tokens.len()
        );
    }
}

//! Histories: drawn and played, and made short when one of them shows something that must never be.

use crate::{
    chance::Chance,
    draw::Draw,
    heard::Violation,
    play::Play,
    step::{Born, Deed, Step, Telling},
    tally::Tally,
    world::World,
};

/// Steps of one history.
pub const LENGTH: u32 = 120;

/// Steps with their numbers, which they keep when others are taken out.
pub type History = Vec<(u32, Step)>;

/// What went wrong, and everything up to there.
pub struct Failure {
    pub violation: Violation,
    pub history: History,
}

/// Draws and plays one history.
pub fn play(world: &mut World, number: u64, seed: u64, tally: &mut Tally) -> Result<(), Failure> {
    let mut chance = Chance::new(seed);
    let mut history = History::new();
    let mut told: Vec<(Born, Telling)> = Vec::new();
    let mut play = Play::begin(world, number, tally);
    for at in 0..LENGTH {
        let step =
            Draw { chance: &mut chance, model: &play.model, born: at * 2, told: &told }.step();
        if let Step::Do { deed: Deed::Signal(telling), .. } = &step {
            told.push((at * 2, telling.clone()));
        }
        history.push((at, step.clone()));
        if let Err(violation) = play.step(at, &step) {
            return Err(Failure { violation, history });
        }
    }
    play.look_at_everything().map_err(|violation| Failure { violation, history })?;
    tally.histories += 1;
    Ok(())
}

/// Plays steps that were drawn before.
pub fn replay(world: &mut World, number: u64, history: &History) -> Result<(), Violation> {
    let mut tally = Tally::default();
    let mut play = Play::begin(world, number, &mut tally);
    for (at, step) in history {
        play.step(*at, step)?;
    }
    play.look_at_everything()
}

/// A part of `history` that shows the same, and of which no step can be left out.
///
/// `fresh` makes a world and the number of a history in it.
pub fn shrink(failure: Failure, mut fresh: impl FnMut() -> (World, u64)) -> Failure {
    let Failure { mut violation, mut history } = failure;
    let mut size = history.len() / 2;
    let (mut world, mut number) = fresh();
    while 0 < size {
        let mut from = 0;
        while from < history.len() {
            let mut shorter = history.clone();
            shorter.drain(from..history.len().min(from + size));
            let same = attempts(&shorter).find_map(|()| {
                number += 1;
                replay(&mut world, number, &shorter).err().filter(|it| it.of == violation.of)
            });
            match same {
                Some(same) => (history, violation) = (shorter, same),
                None => from += size,
            }
        }
        size /= 2;
    }
    Failure { violation, history }
}

/// What can come out in several ways is tried several times.
fn attempts(history: &History) -> impl Iterator<Item = ()> {
    let is_chancy = history.iter().any(|(_, step)| step.is_chancy());
    std::iter::repeat_n((), if is_chancy { 5 } else { 1 })
}

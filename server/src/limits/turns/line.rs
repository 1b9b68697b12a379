//! Who works, and who waits in which line.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::sync::oneshot;

/// Who has worked for so long is not working: he waits for something that we were not told of, a key
/// set or a disk. Without this, a few who hang would stop everybody.
pub(super) const LONG: Duration = Duration::from_millis(50);

#[derive(Debug)]
pub(super) struct Lines {
    /// Who works, and since when.
    // INVARIANT: in the order in which they began.
    working: VecDeque<(u64, Instant)>,
    at_once: usize,
    /// By organization; none is empty.
    waiting: HashMap<Arc<str>, VecDeque<oneshot::Sender<u64>>>,
    /// Whose turn is next: each who waits, once.
    order: VecDeque<Arc<str>>,
    last: u64,
}

/// What becomes of one more request.
#[derive(Debug)]
pub(super) enum Arrived {
    Works(u64),
    Waits(oneshot::Receiver<u64>),
}

impl Lines {
    pub(super) fn new(at_once: usize) -> Self {
        Self {
            working: VecDeque::new(),
            at_once,
            waiting: HashMap::new(),
            order: VecDeque::new(),
            last: 0,
        }
    }

    pub(super) fn arrive(&mut self, org: &str, now: Instant) -> Arrived {
        // Who waits already goes first.
        self.call(now);
        if self.has_room(now) {
            return Arrived::Works(self.begin(now));
        }
        let (waiter, called) = oneshot::channel();
        if let Some(line) = self.waiting.get_mut(org) {
            line.push_back(waiter);
        } else {
            let org: Arc<str> = Arc::from(org);
            self.order.push_back(Arc::clone(&org));
            self.waiting.insert(org, VecDeque::from([waiter]));
        }
        Arrived::Waits(called)
    }

    /// Lets those begin for whom there is room, one of each organization in turn.
    pub(super) fn call(&mut self, now: Instant) {
        while !self.order.is_empty() && self.has_room(now) {
            let id = self.begin(now);
            if !self.pass_on(id) {
                self.working.pop_back();
                return;
            }
        }
    }

    pub(super) fn leave(&mut self, id: u64, now: Instant) {
        self.working.retain(|(working, _)| *working != id);
        self.call(now);
    }

    /// What was begun is finished, whoever else works.
    pub(super) fn come_back(&mut self, id: u64, now: Instant) {
        self.working.push_back((id, now));
    }

    fn has_room(&mut self, now: Instant) -> bool {
        while self.working.front().is_some_and(|(_, since)| *since + LONG <= now) {
            self.working.pop_front();
        }
        self.working.len() < self.at_once
    }

    fn begin(&mut self, now: Instant) -> u64 {
        self.last = self.last.wrapping_add(1);
        self.working.push_back((self.last, now));
        self.last
    }

    /// Gives a turn to the next who still waits; whether there was somebody.
    fn pass_on(&mut self, id: u64) -> bool {
        while let Some(org) = self.order.pop_front() {
            let Some(line) = self.waiting.get_mut(&org) else { continue };
            let mut is_taken = false;
            while let Some(waiter) = line.pop_front() {
                is_taken = waiter.send(id).is_ok();
                if is_taken {
                    break;
                }
            }
            if line.is_empty() {
                self.waiting.remove(&org);
            } else {
                self.order.push_back(org);
            }
            if is_taken {
                return true;
            }
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn works(lines: &mut Lines, org: &str, now: Instant) -> u64 {
        match lines.arrive(org, now) {
            Arrived::Works(id) => id,
            Arrived::Waits(_) => panic!("there is no room"),
        }
    }

    fn waits(lines: &mut Lines, org: &str, now: Instant) -> oneshot::Receiver<u64> {
        match lines.arrive(org, now) {
            Arrived::Waits(called) => called,
            Arrived::Works(_) => panic!("there is room"),
        }
    }

    #[test]
    fn so_many_work_at_once_and_the_others_are_called_when_one_leaves() {
        let (mut lines, now) = (Lines::new(2), Instant::now());
        let first = works(&mut lines, "a", now);
        let _second = works(&mut lines, "a", now);
        let mut third = waits(&mut lines, "a", now);
        third.try_recv().unwrap_err();
        lines.leave(first, now);
        third.try_recv().unwrap();
        waits(&mut lines, "a", now);
    }

    #[test]
    fn an_organization_that_floods_takes_turns_with_one_that_does_not() {
        let (mut lines, now) = (Lines::new(1), Instant::now());
        let mut working = works(&mut lines, "flood", now);
        let mut flood: Vec<_> = (0..10).map(|_| waits(&mut lines, "flood", now)).collect();
        let mut other: Vec<_> = (0..2).map(|_| waits(&mut lines, "other", now)).collect();
        let mut called = String::new();
        for _ in 0..5 {
            lines.leave(working, now);
            let next = |line: &mut Vec<oneshot::Receiver<u64>>| {
                let id = line.first_mut()?.try_recv().ok()?;
                line.remove(0);
                Some(id)
            };
            working = match (next(&mut flood), next(&mut other)) {
                (Some(id), None) => {
                    called.push('f');
                    id
                }
                (None, Some(id)) => {
                    called.push('o');
                    id
                }
                both => panic!("{both:?}"),
            };
        }
        assert_eq!(called, "fofof");
    }

    #[test]
    fn who_gave_up_is_passed_over() {
        let (mut lines, now) = (Lines::new(1), Instant::now());
        let working = works(&mut lines, "a", now);
        drop(waits(&mut lines, "a", now));
        drop(waits(&mut lines, "b", now));
        let mut waiting = waits(&mut lines, "a", now);
        lines.leave(working, now);
        waiting.try_recv().unwrap();
    }

    #[test]
    fn a_turn_that_nobody_wants_is_free() {
        let (mut lines, now) = (Lines::new(1), Instant::now());
        let working = works(&mut lines, "a", now);
        drop(waits(&mut lines, "a", now));
        lines.leave(working, now);
        works(&mut lines, "b", now);
    }

    #[test]
    fn who_comes_back_works_at_once_and_others_wait_the_longer() {
        let (mut lines, now) = (Lines::new(1), Instant::now());
        let first = works(&mut lines, "a", now);
        lines.leave(first, now);
        let second = works(&mut lines, "a", now);
        lines.come_back(first, now);
        let mut third = waits(&mut lines, "a", now);
        lines.leave(second, now);
        third.try_recv().unwrap_err();
        lines.leave(first, now);
        third.try_recv().unwrap();
    }

    #[test]
    fn those_who_hang_stop_nobody() {
        let (mut lines, now) = (Lines::new(2), Instant::now());
        let hung = works(&mut lines, "a", now);
        works(&mut lines, "a", now);
        let mut waiting = waits(&mut lines, "b", now);
        let later = now + LONG;
        lines.call(later);
        waiting.try_recv().unwrap();
        works(&mut lines, "b", later);
        // Only once: whoever hangs gives no turn back that it no longer has.
        lines.leave(hung, later);
        waits(&mut lines, "b", later);
    }
}

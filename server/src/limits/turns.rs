//! Whose turn it is to be worked on ([decision 0016](../../decisions/0016-turns.md)).
//!
//! Few requests are worked on at once; the others wait in a line for each organization, and the lines
//! take turns. Who waits for an identity provider is not worked on.

mod line;

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use tokio::time::timeout;

use self::line::{Arrived, Lines};

/// Worked on at once, for each processor. One keeps a processor busy while the others wait for the disk,
/// and those share its commits: eight made commits so small that a tenth to a quarter of the throughput was
/// lost. Each more is one more that everybody waits for.
const FOR_EACH_PROCESSOR: usize = 32;

/// Nobody waits longer for a turn: by then, whoever was told to come again has come again. How many wait
/// is bounded by the places there are.
const PATIENCE: Duration = Duration::from_secs(2);

tokio::task_local! {
    /// The turn of the request that this task answers.
    static OWN: Arc<Turn>;
}

/// Of a process.
#[derive(Debug)]
pub(super) struct Turns(Mutex<Lines>);

/// A turn, until it is dropped.
#[derive(Debug)]
#[must_use]
pub(super) struct Turn {
    turns: Arc<Turns>,
    id: u64,
    /// Whether it was laid down for a while.
    is_away: AtomicBool,
}

impl Turns {
    pub(super) fn new(processors: usize) -> Arc<Self> {
        Arc::new(Self(Mutex::new(Lines::new(processors.saturating_mul(FOR_EACH_PROCESSOR)))))
    }

    /// Waits for a turn of an organization; none when it takes too long.
    pub(super) async fn next(self: &Arc<Self>, org: &str) -> Option<Arc<Turn>> {
        let since = Instant::now();
        let arrived = self.lock().arrive(org, since);
        let id = match arrived {
            Arrived::Works(id) => id,
            Arrived::Waits(mut called) => loop {
                match timeout(line::LONG, &mut called).await {
                    Ok(called) => break called.ok()?,
                    // Perhaps all who work wait for something themselves, and nobody calls.
                    Err(_) if since.elapsed() < PATIENCE => self.lock().call(Instant::now()),
                    Err(_) => {
                        called.close();
                        // It may have been called just now.
                        break called.try_recv().ok()?;
                    }
                }
            },
        };
        Some(Arc::new(Turn { turns: Arc::clone(self), id, is_away: AtomicBool::new(false) }))
    }

    fn lock(&self) -> MutexGuard<'_, Lines> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Turn {
    /// Answers as the one whose turn this is.
    pub(super) async fn use_for<F: Future>(self: Arc<Self>, answer: F) -> F::Output {
        OWN.scope(self, answer).await
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.turns.lock().leave(self.id, Instant::now());
    }
}

/// Waits for somebody else: meanwhile it is another's turn. What comes back is worked on at once, since
/// what was begun is finished first.
pub(super) async fn away<F: Future>(somebody: F) -> F::Output {
    let turn = OWN.try_with(Arc::clone).ok();
    let _away = turn.map(Away::new);
    somebody.await
}

/// While somebody else is asked. Also ends when nobody waits for the answer any more.
struct Away(Option<Arc<Turn>>);

impl Away {
    fn new(turn: Arc<Turn>) -> Self {
        // Several may be asked at once: the first to leave is the one to come back.
        if turn.is_away.swap(true, Ordering::Relaxed) {
            return Self(None);
        }
        turn.turns.lock().leave(turn.id, Instant::now());
        Self(Some(turn))
    }
}

impl Drop for Away {
    fn drop(&mut self) {
        if let Some(turn) = &self.0 {
            turn.is_away.store(false, Ordering::Relaxed);
            turn.turns.lock().come_back(turn.id, Instant::now());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{
        pin::{Pin, pin},
        task::{Context, Poll, Waker},
    };

    use tokio::sync::oneshot;

    use super::*;

    fn once<F: Future>(future: &mut Pin<&mut F>) -> Poll<F::Output> {
        future.as_mut().poll(&mut Context::from_waker(Waker::noop()))
    }

    async fn all(turns: &Arc<Turns>) -> Vec<Arc<Turn>> {
        let mut all = Vec::new();
        for _ in 0..FOR_EACH_PROCESSOR {
            all.push(turns.next("a").await.unwrap());
        }
        all
    }

    #[tokio::test]
    async fn who_is_answered_makes_room() {
        let turns = Turns::new(1);
        let mut working = all(&turns).await;
        let mut next = pin!(turns.next("b"));
        assert!(once(&mut next).is_pending());
        working.pop();
        assert!(matches!(once(&mut next), Poll::Ready(Some(_))));
    }

    #[tokio::test]
    async fn who_asks_somebody_else_lays_the_turn_down_and_has_it_again_at_once() {
        let turns = Turns::new(1);
        let mut working = all(&turns).await;
        let mut second = pin!(turns.next("b"));
        assert!(once(&mut second).is_pending());
        let (answer, answered) = oneshot::channel::<()>();
        let mut asking = pin!(working.pop().unwrap().use_for(async {
            away(answered).await.unwrap();
            std::future::pending::<()>().await;
        }));
        assert!(once(&mut asking).is_pending());
        let Poll::Ready(Some(second)) = once(&mut second) else { panic!("it is laid down") };
        answer.send(()).unwrap();
        assert!(once(&mut asking).is_pending());
        // Now there is one more than there may be, and two have to go before another comes.
        drop(second);
        let mut third = pin!(turns.next("b"));
        assert!(once(&mut third).is_pending());
        working.pop();
        assert!(matches!(once(&mut third), Poll::Ready(Some(_))));
    }

    #[tokio::test]
    async fn who_is_gone_while_somebody_is_asked_leaves_nothing_behind() {
        let turns = Turns::new(1);
        let mut working = all(&turns).await;
        {
            let turn = working.pop().unwrap();
            let mut asking = pin!(turn.use_for(away(std::future::pending::<()>())));
            assert!(once(&mut asking).is_pending());
        }
        let _room = turns.next("b").await.unwrap();
        let mut next = pin!(turns.next("b"));
        assert!(once(&mut next).is_pending());
    }

    #[tokio::test]
    async fn several_may_be_asked_at_once() {
        let turns = Turns::new(1);
        let mut working = all(&turns).await;
        let (first, second) = (oneshot::channel::<()>(), oneshot::channel::<()>());
        let mut asking = pin!(working.pop().unwrap().use_for(async {
            let _both = futures_util::future::join(away(first.1), away(second.1)).await;
        }));
        assert!(once(&mut asking).is_pending());
        let _other = turns.next("b").await.unwrap();
        let mut next = pin!(turns.next("b"));
        assert!(once(&mut next).is_pending());
    }
}

//! Which callers may share one check: those who arrived before it started.

use std::{
    collections::HashMap,
    hash::Hash,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::watch;

use crate::fault::UpstreamFault;

/// Checks under way, by what is asked.
///
/// For each key at most one check runs and at most one is pending. Whoever arrives while one runs
/// cannot use it, because it may have been answered already when they came; they share the pending
/// one, which starts when the running one has ended.
///
/// A check runs in a task of its own: callers who go away disturb nobody.
pub(crate) struct Checks<K, V> {
    under_way: Mutex<HashMap<K, Running<V>>>,
    limit: usize,
}

/// A key is in the map exactly while a check of it runs.
struct Running<V> {
    pending: Option<watch::Sender<Option<V>>>,
}

/// An answer, and whether another caller's check gave it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Told<V> {
    pub(crate) value: V,
    pub(crate) shared: bool,
}

/// A place among those who wait for one check.
struct Seat<V> {
    answer: watch::Receiver<Option<V>>,
    shared: bool,
}

impl<K, V> Checks<K, V>
where
    K: Clone + Eq + Hash + Send + 'static,
    V: Clone + Send + Sync + 'static,
{
    pub(crate) fn new(limit: usize) -> Arc<Self> {
        Arc::new(Self { under_way: Mutex::new(HashMap::new()), limit })
    }

    /// The answer of a check that starts after this call.
    ///
    /// The caller takes its place at the call, not when the future is first polled.
    pub(crate) fn ask<C, F>(
        self: &Arc<Self>,
        key: K,
        check: C,
    ) -> impl Future<Output = Result<Told<V>, UpstreamFault>> + use<K, V, C, F>
    where
        C: Fn() -> F + Send + 'static,
        F: Future<Output = V> + Send + 'static,
    {
        let seat = self.sit_down(key, check);
        async move {
            let Seat { mut answer, shared } = seat?;
            let told = answer.wait_for(Option::is_some).await.map_err(|_| UpstreamFault::Lost)?;
            let value = told.clone().ok_or(UpstreamFault::Lost)?;
            Ok(Told { value, shared })
        }
    }

    fn sit_down<F>(
        self: &Arc<Self>,
        key: K,
        check: impl Fn() -> F + Send + 'static,
    ) -> Result<Seat<V>, UpstreamFault>
    where
        F: Future<Output = V> + Send + 'static,
    {
        let mut under_way = self.lock();
        if let Some(running) = under_way.get_mut(&key) {
            if let Some(pending) = &running.pending {
                return Ok(Seat { answer: pending.subscribe(), shared: true });
            }
            let (pending, answer) = watch::channel(None);
            running.pending = Some(pending);
            return Ok(Seat { answer, shared: false });
        }
        if self.limit <= under_way.len() {
            return Err(UpstreamFault::Crowded);
        }
        under_way.insert(key.clone(), Running { pending: None });
        let (asker, answer) = watch::channel(None);
        tokio::spawn(Arc::clone(self).run(key, check, asker));
        Ok(Seat { answer, shared: false })
    }

    /// Runs the check, then the pending one, until nobody waits.
    async fn run<F>(
        self: Arc<Self>,
        key: K,
        check: impl Fn() -> F + Send + 'static,
        mut askers: watch::Sender<Option<V>>,
    ) where
        F: Future<Output = V> + Send + 'static,
    {
        loop {
            // In a task of its own, so that a check which panics leaves the map in order; its
            // callers then learn that it was lost.
            if let Ok(value) = tokio::spawn(check()).await {
                askers.send_replace(Some(value));
            }
            match self.next(&key) {
                Some(pending) => askers = pending,
                None => return,
            }
        }
    }

    fn next(&self, key: &K) -> Option<watch::Sender<Option<V>>> {
        let mut under_way = self.lock();
        let pending = under_way.get_mut(key)?.pending.take();
        match pending {
            Some(pending) if !pending.is_closed() => Some(pending),
            Some(_) | None => {
                under_way.remove(key);
                None
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<K, Running<V>>> {
        // Nothing panics while it is held, and every state of the map is a valid one.
        self.under_way.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K, V> std::fmt::Debug for Checks<K, V> {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Checks").field("limit", &self.limit).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tokio::sync::{Semaphore, mpsc};

    use super::*;

    /// A check that tells when it started and ends when it is let go; its answer is its number.
    struct Fixture {
        checks: Arc<Checks<&'static str, usize>>,
        started: mpsc::UnboundedReceiver<usize>,
        announce: mpsc::UnboundedSender<usize>,
        gate: Arc<Semaphore>,
        count: Arc<AtomicUsize>,
    }

    impl Fixture {
        fn new(limit: usize) -> Self {
            let (announce, started) = mpsc::unbounded_channel();
            Self {
                checks: Checks::new(limit),
                started,
                announce,
                gate: Arc::new(Semaphore::new(0)),
                count: Arc::default(),
            }
        }

        fn ask(&self, key: &'static str) -> impl Future<Output = Outcome> + use<> {
            let (gate, count, announce) =
                (Arc::clone(&self.gate), Arc::clone(&self.count), self.announce.clone());
            self.checks.ask(key, move || {
                let (gate, count, announce) =
                    (Arc::clone(&gate), Arc::clone(&count), announce.clone());
                async move {
                    let number = count.fetch_add(1, Ordering::SeqCst) + 1;
                    announce.send(number).unwrap();
                    gate.acquire().await.unwrap().forget();
                    number
                }
            })
        }

        fn let_go(&self, checks: usize) {
            self.gate.add_permits(checks);
        }
    }

    type Outcome = Result<Told<usize>, UpstreamFault>;

    const fn told(value: usize, shared: bool) -> Told<usize> {
        Told { value, shared }
    }

    #[tokio::test]
    async fn answers_a_single_caller() {
        let fixture = Fixture::new(10);
        fixture.let_go(1);
        assert_eq!(fixture.ask("a").await, Ok(told(1, false)));
        assert!(fixture.checks.lock().is_empty());
    }

    #[tokio::test]
    async fn callers_who_arrive_during_a_check_share_the_next_one() {
        let mut fixture = Fixture::new(10);
        let first = fixture.ask("a");
        assert_eq!(fixture.started.recv().await, Some(1));
        let (second, third, fourth) = (fixture.ask("a"), fixture.ask("a"), fixture.ask("a"));
        fixture.let_go(2);
        assert_eq!(first.await, Ok(told(1, false)));
        assert_eq!(second.await, Ok(told(2, false)));
        assert_eq!(third.await, Ok(told(2, true)));
        assert_eq!(fourth.await, Ok(told(2, true)));
        assert_eq!(fixture.count.load(Ordering::SeqCst), 2);
    }

    #[tokio::test]
    async fn a_caller_who_arrives_during_the_second_check_gets_a_third() {
        let mut fixture = Fixture::new(10);
        let first = fixture.ask("a");
        assert_eq!(fixture.started.recv().await, Some(1));
        let second = fixture.ask("a");
        fixture.let_go(1);
        assert_eq!(fixture.started.recv().await, Some(2));
        let third = fixture.ask("a");
        fixture.let_go(2);
        assert_eq!(first.await, Ok(told(1, false)));
        assert_eq!(second.await, Ok(told(2, false)));
        assert_eq!(third.await, Ok(told(3, false)));
    }

    #[tokio::test]
    async fn never_more_than_one_check_of_a_key_runs() {
        let mut fixture = Fixture::new(10);
        let _first = fixture.ask("a");
        let _second = fixture.ask("a");
        let other = fixture.ask("b");
        let mut started = [fixture.started.recv().await, fixture.started.recv().await];
        started.sort_unstable();
        assert_eq!(started, [Some(1), Some(2)]);
        assert!(fixture.started.try_recv().is_err());
        fixture.let_go(3);
        assert!(matches!(other.await, Ok(Told { shared: false, .. })));
    }

    #[tokio::test]
    async fn a_caller_who_leaves_does_not_cancel_the_running_check() {
        let mut fixture = Fixture::new(10);
        let first = fixture.ask("a");
        assert_eq!(fixture.started.recv().await, Some(1));
        let second = fixture.ask("a");
        drop(first);
        fixture.let_go(2);
        assert_eq!(second.await, Ok(told(2, false)));
    }

    #[tokio::test]
    async fn the_maker_of_the_pending_check_may_leave() {
        let mut fixture = Fixture::new(10);
        let first = fixture.ask("a");
        assert_eq!(fixture.started.recv().await, Some(1));
        let (second, third) = (fixture.ask("a"), fixture.ask("a"));
        drop(second);
        fixture.let_go(2);
        assert_eq!(first.await, Ok(told(1, false)));
        assert_eq!(third.await, Ok(told(2, true)));
    }

    #[tokio::test]
    async fn a_pending_check_that_nobody_waits_for_is_not_made() {
        let mut fixture = Fixture::new(10);
        let first = fixture.ask("a");
        assert_eq!(fixture.started.recv().await, Some(1));
        drop(fixture.ask("a"));
        fixture.let_go(2);
        assert_eq!(first.await, Ok(told(1, false)));
        assert_eq!(fixture.ask("a").await, Ok(told(2, false)));
        assert_eq!(fixture.started.recv().await, Some(2));
        assert!(fixture.started.try_recv().is_err());
    }

    #[tokio::test]
    async fn refuses_more_keys_than_the_limit() {
        let fixture = Fixture::new(1);
        let first = fixture.ask("a");
        assert_eq!(fixture.ask("b").await, Err(UpstreamFault::Crowded));
        fixture.let_go(2);
        assert_eq!(first.await, Ok(told(1, false)));
        assert_eq!(fixture.ask("b").await, Ok(told(2, false)));
    }

    #[tokio::test]
    async fn a_check_that_panics_is_lost_and_leaves_no_trace() {
        let checks = Checks::<&str, usize>::new(1);
        let lost = checks.ask("a", || async { panic!("as a test") }).await;
        assert_eq!(lost, Err(UpstreamFault::Lost));
        assert_eq!(checks.ask("a", || async { 7 }).await, Ok(told(7, false)));
    }
}

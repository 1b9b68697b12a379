//! A foreign document kept for a while: fetched when it is needed, by one caller at a time.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use crate::fault::UpstreamFault;

/// While a provider fails, what it once published is used for so long and no longer: a key it has
/// withdrawn must not live on its illness.
const LONGEST_KEPT: Duration = Duration::from_hours(1);

/// When a document is fetched again.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Times {
    /// After this age.
    pub(crate) lifetime: Duration,
    /// Not before this much time after an attempt that failed, so that a dead provider costs little.
    pub(crate) after_failure: Duration,
    /// Not before this much time after an attempt that was made because a fresh document lacked
    /// something: whoever sends us junk must not make us fetch.
    pub(crate) after_seeking: Duration,
}

#[derive(Debug)]
pub(crate) struct Fetched<T> {
    kept: Mutex<Kept<T>>,
    /// Held by the one who fetches.
    turn: tokio::sync::Mutex<()>,
    times: Times,
}

#[derive(Debug)]
struct Kept<T> {
    document: Option<(Arc<T>, Instant)>,
    /// How the last attempt failed; none after a success.
    failure: Option<(UpstreamFault, Instant)>,
    sought_at: Option<Instant>,
}

#[derive(Debug)]
enum Verdict<T> {
    Use(Arc<T>),
    Fail(UpstreamFault),
    Fetch(Why),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Why {
    /// There is none, or it is too old.
    Age,
    /// It is fresh, but lacks what is asked for.
    Seeking,
}

impl<T: Send + Sync + 'static> Fetched<T> {
    pub(crate) fn new(times: Times) -> Arc<Self> {
        let kept = Kept { document: None, failure: None, sought_at: None };
        Arc::new(Self { kept: Mutex::new(kept), turn: tokio::sync::Mutex::new(()), times })
    }

    /// The document, fetched if there is none that is fresh and `enough`.
    ///
    /// A fresh one that is not enough is given all the same when it was fetched again without
    /// success in the search: it is what the provider has. An old one is given while the provider
    /// fails, provided it is enough.
    pub(crate) async fn obtain<F>(
        self: &Arc<Self>,
        enough: impl Fn(&T) -> bool + Send + Sync + 'static,
        fetch: impl FnOnce() -> F + Send + 'static,
    ) -> Result<Arc<T>, UpstreamFault>
    where
        F: Future<Output = Result<T, UpstreamFault>> + Send,
    {
        match self.consult(&enough) {
            Verdict::Use(document) => return Ok(document),
            Verdict::Fail(fault) => return Err(fault),
            Verdict::Fetch(_) => {}
        }
        // In a task of its own: a caller who goes away must not abort what others wait for.
        let this = Arc::clone(self);
        let task = tokio::spawn(async move {
            let _turn = this.turn.lock().await;
            // Somebody else may have fetched it meanwhile.
            match this.consult(&enough) {
                Verdict::Use(document) => Ok(document),
                Verdict::Fail(fault) => Err(fault),
                Verdict::Fetch(why) => {
                    this.begin(why);
                    let result = fetch().await;
                    this.end(result, &enough)
                }
            }
        });
        task.await.unwrap_or(Err(UpstreamFault::Lost))
    }

    fn consult(&self, enough: &impl Fn(&T) -> bool) -> Verdict<T> {
        self.lock().consult(enough, &self.times, Instant::now())
    }

    fn begin(&self, why: Why) {
        if why == Why::Seeking {
            self.lock().sought_at = Some(Instant::now());
        }
    }

    fn end(
        &self,
        result: Result<T, UpstreamFault>,
        enough: &impl Fn(&T) -> bool,
    ) -> Result<Arc<T>, UpstreamFault> {
        let mut kept = self.lock();
        let now = Instant::now();
        match result {
            Ok(document) => {
                let document = Arc::new(document);
                kept.document = Some((Arc::clone(&document), now));
                kept.failure = None;
                Ok(document)
            }
            Err(fault) => {
                kept.failure = Some((fault.clone(), now));
                match &kept.document {
                    Some((old, at)) if enough(old) && now.duration_since(*at) < LONGEST_KEPT => {
                        Ok(Arc::clone(old))
                    }
                    Some(_) | None => Err(fault),
                }
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Kept<T>> {
        // Every state of it is a valid one.
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> Kept<T> {
    fn consult(&self, enough: &impl Fn(&T) -> bool, times: &Times, now: Instant) -> Verdict<T> {
        let within = |at: Instant, limit| now.saturating_duration_since(at) < limit;
        let failure = self.failure.as_ref();
        let failed_just_now = failure.filter(|(_, at)| within(*at, times.after_failure));
        let sought_just_now = self.sought_at.is_some_and(|at| within(at, times.after_seeking));

        match &self.document {
            Some((document, at)) if within(*at, times.lifetime) => {
                if enough(document) {
                    return Verdict::Use(Arc::clone(document));
                }
                match (failure, failed_just_now) {
                    _ if !sought_just_now => Verdict::Fetch(Why::Seeking),
                    // Whether the provider has it by now is not known.
                    (Some(_), Some((fault, _))) => Verdict::Fail(fault.clone()),
                    // A search that failed found out nothing: it does not hold off the next one
                    // for longer than any other failure.
                    (Some(_), None) => Verdict::Fetch(Why::Seeking),
                    (None, _) => Verdict::Use(Arc::clone(document)),
                }
            }
            Some((old, at)) => match failed_just_now {
                Some(_) if enough(old) && within(*at, LONGEST_KEPT) => {
                    Verdict::Use(Arc::clone(old))
                }
                Some((fault, _)) => Verdict::Fail(fault.clone()),
                None => Verdict::Fetch(Why::Age),
            },
            None => match failed_just_now {
                Some((fault, _)) => Verdict::Fail(fault.clone()),
                None => Verdict::Fetch(Why::Age),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tokio::sync::Semaphore;

    use super::*;

    const TIMES: Times = Times {
        lifetime: Duration::from_mins(10),
        after_failure: Duration::from_secs(1),
        after_seeking: Duration::from_secs(30),
    };

    fn second(n: u64) -> Duration {
        Duration::from_secs(n)
    }

    /// A document, the number 7, fetched at `start`.
    fn kept(start: Instant) -> Kept<u8> {
        Kept { document: Some((Arc::new(7), start)), failure: None, sought_at: None }
    }

    fn says(kept: &Kept<u8>, wanted: u8, at: Instant) -> String {
        match kept.consult(&|document| *document == wanted, &TIMES, at) {
            Verdict::Use(document) => format!("use {document}"),
            Verdict::Fail(_) => "fail".to_owned(),
            Verdict::Fetch(why) => format!("fetch for {why:?}"),
        }
    }

    #[test]
    fn a_fresh_document_is_used() {
        let start = Instant::now();
        assert_eq!(says(&kept(start), 7, start + second(599)), "use 7");
    }

    #[test]
    fn an_old_document_is_fetched_again() {
        let start = Instant::now();
        assert_eq!(says(&kept(start), 7, start + second(600)), "fetch for Age");
    }

    #[test]
    fn a_fresh_document_that_lacks_something_is_fetched_again_once_per_cool_down() {
        let start = Instant::now();
        let mut kept = kept(start);
        assert_eq!(says(&kept, 8, start + second(1)), "fetch for Seeking");
        kept.sought_at = Some(start + second(1));
        assert_eq!(says(&kept, 8, start + second(30)), "use 7");
        assert_eq!(says(&kept, 8, start + second(31)), "fetch for Seeking");
    }

    #[test]
    fn what_a_failed_search_did_not_find_is_not_known() {
        let start = Instant::now();
        let mut kept = kept(start);
        kept.sought_at = Some(start + second(1));
        kept.failure = Some((UpstreamFault::Throttled(None), start + second(1)));
        assert_eq!(says(&kept, 8, start + Duration::from_millis(1999)), "fail");
        assert_eq!(says(&kept, 8, start + second(2)), "fetch for Seeking");
        assert_eq!(says(&kept, 7, start + second(30)), "use 7");
    }

    #[test]
    fn an_old_document_is_not_used_for_ever() {
        let start = Instant::now();
        let mut kept = kept(start);
        kept.failure = Some((UpstreamFault::Throttled(None), start + second(3600)));
        assert_eq!(says(&kept, 7, start + second(3599)), "use 7");
        assert_eq!(says(&kept, 7, start + second(3600)), "fail");
    }

    #[test]
    fn an_old_document_is_used_while_the_provider_fails_if_it_is_enough() {
        let start = Instant::now();
        let mut kept = kept(start);
        kept.failure = Some((UpstreamFault::Throttled(None), start + second(700)));
        assert_eq!(says(&kept, 7, start + second(700)), "use 7");
        assert_eq!(says(&kept, 8, start + second(700)), "fail");
        assert_eq!(says(&kept, 7, start + second(701)), "fetch for Age");
    }

    #[test]
    fn a_failure_is_remembered_for_a_short_while() {
        let start = Instant::now();
        let failure = Some((UpstreamFault::Throttled(None), start));
        let kept = Kept { document: None, failure, sought_at: None };
        assert_eq!(says(&kept, 7, start), "fail");
        assert_eq!(says(&kept, 7, start + second(1)), "fetch for Age");
    }

    #[tokio::test]
    async fn many_callers_make_one_fetch() {
        let fetched = Fetched::<u8>::new(TIMES);
        let (count, gate) = (Arc::new(AtomicUsize::new(0)), Arc::new(Semaphore::new(0)));
        let mut callers = tokio::task::JoinSet::new();
        for _ in 0..50 {
            let (fetched, count, gate) =
                (Arc::clone(&fetched), Arc::clone(&count), Arc::clone(&gate));
            callers.spawn(async move {
                let fetch = async move || {
                    count.fetch_add(1, Ordering::SeqCst);
                    gate.acquire().await.unwrap().forget();
                    Ok(7)
                };
                fetched.obtain(|_| true, fetch).await
            });
        }
        gate.add_permits(50);
        let documents = callers.join_all().await;
        assert!(documents.into_iter().all(|document| document == Ok(Arc::new(7))));
        assert_eq!(count.load(Ordering::SeqCst), 1);
    }

    #[tokio::test]
    async fn a_caller_who_leaves_does_not_abort_the_fetch() {
        let fetched = Fetched::<u8>::new(TIMES);
        let started = Arc::new(Semaphore::new(0));
        let gate = Arc::new(Semaphore::new(0));
        let leaving = tokio::spawn({
            let (fetched, started, gate) =
                (Arc::clone(&fetched), Arc::clone(&started), Arc::clone(&gate));
            async move {
                let fetch = async move || {
                    started.add_permits(1);
                    gate.acquire().await.unwrap().forget();
                    Ok(7)
                };
                fetched.obtain(|_| true, fetch).await
            }
        });
        started.acquire().await.unwrap().forget();
        leaving.abort();
        assert!(leaving.await.unwrap_err().is_cancelled());
        gate.add_permits(1);
        let document = fetched.obtain(|_| true, async || Ok(8)).await;
        assert_eq!(document, Ok(Arc::new(7)));
    }

    #[tokio::test]
    async fn a_fetch_that_panics_is_lost_and_the_next_one_works() {
        let fetched = Fetched::<u8>::new(TIMES);
        let lost = fetched.obtain(|_| true, async || panic!("as a test")).await;
        assert_eq!(lost, Err(UpstreamFault::Lost));
        assert_eq!(fetched.obtain(|_| true, async || Ok(7)).await, Ok(Arc::new(7)));
    }
}

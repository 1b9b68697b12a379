//! A document of the issuer's, kept for a while: fetched when it is needed, by one caller at a time.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use crate::Outage;

/// Not before this much time after an attempt that failed, so that an issuer that is away costs little.
const AFTER_FAILURE: Duration = Duration::from_secs(1);
/// Not before this much time after a fresh document lacked what was asked for: whoever sends us junk must
/// not make us fetch.
const AFTER_SEEKING: Duration = Duration::from_secs(30);
/// While the issuer is away, what it once published serves for so long and no longer.
const LONGEST_KEPT: Duration = Duration::from_hours(1);

#[derive(Debug)]
pub(crate) struct Kept<T> {
    state: Mutex<State<T>>,
    /// Held by the one who fetches.
    turn: tokio::sync::Mutex<()>,
}

#[derive(Debug)]
struct State<T> {
    document: Option<Document<T>>,
    /// How the last attempt failed; none after a success.
    failure: Option<(Outage, Instant)>,
    sought_at: Option<Instant>,
}

#[derive(Debug)]
struct Document<T> {
    content: Arc<T>,
    fetched_at: Instant,
    lifetime: Duration,
}

#[derive(Debug)]
enum Verdict<T> {
    Use(Arc<T>),
    Fail(Outage),
    Fetch(Why),
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Why {
    /// There is none, or it is too old.
    Age,
    /// It is fresh, but lacks what is asked for.
    Seeking,
}

impl<T: Send + Sync + 'static> Kept<T> {
    pub(crate) fn new() -> Arc<Self> {
        let state = State { document: None, failure: None, sought_at: None };
        Arc::new(Self { state: Mutex::new(state), turn: tokio::sync::Mutex::default() })
    }

    /// The document, fetched if there is none that is fresh and `enough`. What is fetched says for how
    /// long it is fresh.
    ///
    /// One that is not enough is given all the same when a search has just ended with it: it is what the
    /// issuer has.
    pub(crate) async fn obtain<F>(
        self: &Arc<Self>,
        enough: impl Fn(&T) -> bool + Send + Sync + 'static,
        fetch: impl FnOnce() -> F + Send + 'static,
    ) -> Result<Arc<T>, Outage>
    where
        F: Future<Output = Result<(T, Duration), Outage>> + Send,
    {
        match self.lock().consult(&enough, Instant::now()) {
            Verdict::Use(content) => return Ok(content),
            Verdict::Fail(outage) => return Err(outage),
            Verdict::Fetch(_) => {}
        }
        // In a task of its own: a caller who goes away must not abort what others wait for.
        let this = Arc::clone(self);
        let task = tokio::spawn(async move {
            let _turn = this.turn.lock().await;
            // Somebody else may have fetched it meanwhile.
            let verdict = this.lock().consult(&enough, Instant::now());
            match verdict {
                Verdict::Use(content) => Ok(content),
                Verdict::Fail(outage) => Err(outage),
                Verdict::Fetch(why) => {
                    if why == Why::Seeking {
                        this.lock().sought_at = Some(Instant::now());
                    }
                    let fetched = fetch().await;
                    this.lock().end(fetched, &enough, Instant::now())
                }
            }
        });
        task.await.unwrap_or(Err(Outage::Lost))
    }

    fn lock(&self) -> MutexGuard<'_, State<T>> {
        // Every state of it is a valid one.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> State<T> {
    fn consult(&self, enough: &impl Fn(&T) -> bool, now: Instant) -> Verdict<T> {
        let within = |at: Instant, limit| now.saturating_duration_since(at) < limit;
        let failed_just_now = self.failure.as_ref().filter(|(_, at)| within(*at, AFTER_FAILURE));
        let sought_just_now = self.sought_at.is_some_and(|at| within(at, AFTER_SEEKING));
        match (&self.document, failed_just_now) {
            (Some(it), _) if within(it.fetched_at, it.lifetime) && enough(&it.content) => {
                Verdict::Use(Arc::clone(&it.content))
            }
            (Some(it), Some((outage, _))) => {
                it.despite(enough, now).map_or_else(|| Verdict::Fail(outage.clone()), Verdict::Use)
            }
            (None, Some((outage, _))) => Verdict::Fail(outage.clone()),
            (Some(it), None) if within(it.fetched_at, it.lifetime) => {
                // A search that failed found out nothing: it does not hold off the next one.
                if sought_just_now && self.failure.is_none() {
                    Verdict::Use(Arc::clone(&it.content))
                } else {
                    Verdict::Fetch(Why::Seeking)
                }
            }
            (Some(_) | None, None) => Verdict::Fetch(Why::Age),
        }
    }

    fn end(
        &mut self,
        fetched: Result<(T, Duration), Outage>,
        enough: &impl Fn(&T) -> bool,
        now: Instant,
    ) -> Result<Arc<T>, Outage> {
        match fetched {
            Ok((content, lifetime)) => {
                let content = Arc::new(content);
                let kept = Document { content: Arc::clone(&content), fetched_at: now, lifetime };
                (self.document, self.failure) = (Some(kept), None);
                Ok(content)
            }
            Err(outage) => {
                self.failure = Some((outage.clone(), now));
                let old = self.document.as_ref().and_then(|it| it.despite(enough, now));
                old.ok_or(outage)
            }
        }
    }
}

impl<T> Document<T> {
    /// What serves while the issuer is away.
    fn despite(&self, enough: &impl Fn(&T) -> bool, now: Instant) -> Option<Arc<T>> {
        let young = now.saturating_duration_since(self.fetched_at) < LONGEST_KEPT;
        (young && enough(&self.content)).then(|| Arc::clone(&self.content))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIFETIME: Duration = Duration::from_mins(5);

    /// A document, the number 7, fetched at `start`.
    fn kept(start: Instant) -> State<u8> {
        let document = Document { content: Arc::new(7), fetched_at: start, lifetime: LIFETIME };
        State { document: Some(document), failure: None, sought_at: None }
    }

    fn says(state: &State<u8>, wanted: u8, at: Instant) -> String {
        match state.consult(&|content| *content == wanted, at) {
            Verdict::Use(content) => format!("use {content}"),
            Verdict::Fail(_) => "fail".to_owned(),
            Verdict::Fetch(why) => format!("fetch for {why:?}"),
        }
    }

    fn just_before(age: Duration) -> Duration {
        age.saturating_sub(AFTER_FAILURE)
    }

    #[test]
    fn is_used_while_it_is_fresh() {
        let start = Instant::now();
        assert_eq!(says(&kept(start), 7, start + just_before(LIFETIME)), "use 7");
        assert_eq!(says(&kept(start), 7, start + LIFETIME), "fetch for Age");
    }

    #[test]
    fn is_fetched_again_for_what_it_lacks_once_per_cool_down() {
        let start = Instant::now();
        let mut state = kept(start);
        assert_eq!(says(&state, 8, start), "fetch for Seeking");
        state.sought_at = Some(start);
        assert_eq!(says(&state, 8, start + just_before(AFTER_SEEKING)), "use 7");
        assert_eq!(says(&state, 8, start + AFTER_SEEKING), "fetch for Seeking");
    }

    #[test]
    fn serves_on_for_an_hour_while_the_issuer_is_away() {
        let start = Instant::now();
        let mut state = kept(start);
        for (after, verdict) in
            [(LIFETIME, "use 7"), (just_before(LONGEST_KEPT), "use 7"), (LONGEST_KEPT, "fail")]
        {
            state.failure = Some((Outage::Lost, start + after));
            assert_eq!(says(&state, 7, start + after), verdict);
            assert_eq!(says(&state, 8, start + after), "fail");
            assert_eq!(says(&state, 7, start + after + AFTER_FAILURE), "fetch for Age");
        }
    }

    #[test]
    fn what_a_failed_search_did_not_find_is_not_known() {
        let start = Instant::now();
        let mut state = kept(start);
        state.sought_at = Some(start);
        state.failure = Some((Outage::Lost, start));
        assert_eq!(says(&state, 8, start), "fail");
        assert_eq!(says(&state, 7, start), "use 7");
        assert_eq!(says(&state, 8, start + AFTER_FAILURE), "fetch for Seeking");
    }

    #[test]
    fn a_fetch_that_fails_gives_the_old_one_if_it_is_enough() {
        let start = Instant::now();
        let later = start + LIFETIME;
        let old = kept(start).end(Err(Outage::Lost), &|content| *content == 7, later);
        assert_eq!(old, Ok(Arc::new(7)));
        let lacking = kept(start).end(Err(Outage::Lost), &|content| *content == 8, later);
        assert_eq!(lacking, Err(Outage::Lost));
        let mut state = kept(start);
        let new = state.end(Ok((9, LIFETIME)), &|_| true, later);
        assert_eq!((new, says(&state, 9, later)), (Ok(Arc::new(9)), "use 9".to_owned()));
    }

    #[tokio::test]
    async fn a_fetch_that_panics_is_lost_and_the_next_one_works() {
        let kept = Kept::<u8>::new();
        let lost = kept.obtain(|_| true, async || panic!("as a test")).await;
        assert_eq!(lost, Err(Outage::Lost));
        let next = kept.obtain(|_| true, async || Ok((7, LIFETIME))).await;
        assert_eq!(next, Ok(Arc::new(7)));
    }
}

//! A turn against fakes: a trail, the cursor with its rules, and a sink that takes, refuses and loses.

use std::{
    cell::Cell,
    sync::{Arc, Mutex, PoisonError},
};

use async_trait::async_trait;
use delegation::{
    export::{Batch, Because, Exports, Progress, Sink, Unsent},
    refusal::Fault,
    trail::{Ends, Index, Link, Page, Query, Stored, Trail},
};
use policy::Timestamp;
use uuid::Uuid;

use super::{
    memory::Memory,
    turn::{Outcome, Turn},
};

#[derive(Debug)]
struct FakeTrail(i64);

#[async_trait]
impl Trail for FakeTrail {
    async fn walk(&self, after: i64, most: usize) -> Result<Vec<Stored>, Fault> {
        let index = Index {
            id: String::new(),
            at: 0,
            outcome: String::new(),
            client: None,
            subject: None,
            delegation: None,
            root: None,
        };
        let stored = |seq| Stored {
            link: Link { seq, hash: [0; 32], record: String::new() },
            index: index.clone(),
        };
        Ok((after + 1..=self.0).take(most).map(stored).collect())
    }

    async fn seal(&self, _: usize) -> Result<usize, Fault> {
        Err(Fault::Store("nobody asks for this".to_owned()))
    }

    async fn ends(&self) -> Result<Ends, Fault> {
        Err(Fault::Store("nobody asks for this".to_owned()))
    }

    async fn find(&self, _: &Query) -> Result<Page, Fault> {
        Err(Fault::Store("nobody asks for this".to_owned()))
    }

    async fn prune(&self, _: Timestamp, _: i64, _: usize) -> Result<u64, Fault> {
        Err(Fault::Store("nobody asks for this".to_owned()))
    }

    async fn untold(&self, _: Timestamp, _: usize) -> Result<Vec<Uuid>, Fault> {
        Err(Fault::Store("nobody asks for this".to_owned()))
    }
}

/// As the store keeps it.
#[derive(Debug, Default)]
struct Cursor(Mutex<(Progress, Option<(Uuid, Timestamp)>)>);

impl Cursor {
    fn with<T>(&self, f: impl FnOnce(&mut (Progress, Option<(Uuid, Timestamp)>)) -> T) -> T {
        f(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn held<T>(&self, holder: Uuid, f: impl FnOnce(&mut Progress) -> T) -> Option<T> {
        self.with(|(progress, held)| held.is_some_and(|held| held.0 == holder).then(|| f(progress)))
    }

    fn progress(&self) -> Progress {
        self.with(|(progress, _)| progress.clone())
    }
}

#[async_trait]
impl Exports for Cursor {
    async fn lease(
        &self,
        _: &str,
        holder: Uuid,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<Option<Progress>, Fault> {
        Ok(self.with(|(progress, held)| {
            let free = held.is_none_or(|(by, until)| by == holder || until <= now);
            free.then(|| {
                *held = Some((holder, until));
                progress.clone()
            })
        }))
    }

    async fn begin(&self, _: &str, holder: Uuid, seq: i64) -> Result<bool, Fault> {
        let begun = self.held(holder, |progress| {
            let free = progress.sending == progress.done || progress.sending == seq;
            if free {
                progress.sending = seq;
            }
            free
        });
        Ok(begun == Some(true))
    }

    async fn done(&self, _: &str, holder: Uuid, seq: i64) -> Result<(), Fault> {
        self.held(holder, |progress| {
            if progress.sending == seq {
                (progress.done, progress.error) = (seq, None);
            }
        });
        Ok(())
    }

    async fn withdraw(&self, _: &str, holder: Uuid) -> Result<(), Fault> {
        self.held(holder, |progress| progress.sending = progress.done);
        Ok(())
    }

    async fn failed(&self, _: &str, error: &str, at: Timestamp) -> Result<(), Fault> {
        self.with(|(progress, _)| progress.error = Some((error.to_owned(), at)));
        Ok(())
    }

    async fn all(&self) -> Result<Vec<(String, Progress)>, Fault> {
        Err(Fault::Store("nobody asks for this".to_owned()))
    }
}

/// Takes 100 events at once, and as many as `fit`.
#[derive(Debug, Default)]
struct FakeSink {
    fit: usize,
    /// Refuses every batch with one of these in it.
    poison: Mutex<Vec<i64>>,
    /// Takes the next batch and loses the answer.
    loses: Mutex<usize>,
    down: Mutex<bool>,
    /// Every batch that came, with how many came under its id before.
    seen: Mutex<Vec<(String, bool)>>,
    taken: Mutex<Vec<i64>>,
}

#[async_trait]
impl Sink for FakeSink {
    async fn send(&self, batch: &Batch<'_>) -> Result<(), Unsent> {
        let unknown = |what: &str| Unsent {
            because: Because::Unknown { retry_after: Some(7) },
            what: what.to_owned(),
        };
        if *self.down.lock().unwrap() {
            return Err(unknown("no answer"));
        }
        let seqs: Vec<_> = batch.links.iter().map(|link| link.seq).collect();
        let mut seen = self.seen.lock().unwrap();
        let known = seen.iter().any(|(id, _)| *id == batch.id());
        seen.push((batch.id(), batch.again));
        let poison = self.poison.lock().unwrap();
        if seqs.iter().any(|seq| poison.contains(seq)) {
            return Err(Unsent { because: Because::Refused, what: "refused".to_owned() });
        }
        // It remembers ids.
        if !known {
            self.taken.lock().unwrap().extend(seqs);
        }
        let mut loses = self.loses.lock().unwrap();
        if 0 < *loses {
            *loses -= 1;
            return Err(unknown("the answer got lost"));
        }
        Ok(())
    }

    fn largest_batch(&self) -> usize {
        100
    }

    fn fit(&self, batch: &Batch<'_>) -> usize {
        batch.links.len().min(self.fit)
    }
}

struct Scene {
    trail: FakeTrail,
    cursor: Cursor,
    fake: Arc<FakeSink>,
    sink: Result<Arc<dyn Sink>, String>,
    now: Cell<i64>,
}

const ONE: Uuid = Uuid::from_u128(1);
const OTHER: Uuid = Uuid::from_u128(2);

impl Scene {
    fn new(length: i64) -> Self {
        let fake = Arc::new(FakeSink { fit: 100, ..FakeSink::default() });
        Self {
            trail: FakeTrail(length),
            cursor: Cursor::default(),
            sink: Ok(Arc::clone(&fake) as _),
            fake,
            now: Cell::new(1000),
        }
    }

    async fn turn(&self, holder: Uuid, memory: &mut Memory) -> Outcome {
        self.bounded(holder, memory, usize::MAX).await
    }

    /// Stops after so many batches, as a process does.
    async fn bounded(&self, holder: Uuid, memory: &mut Memory, batches: usize) -> Outcome {
        let now = || Timestamp(self.now.get());
        let turn = Turn {
            trail: &self.trail,
            exports: &self.cursor,
            org: "acme",
            export: "siem",
            sink: &self.sink,
            holder,
            now: &now,
        };
        let left = Cell::new(batches);
        let counted = |_| {
            left.set(left.get() - 1);
            0 < left.get()
        };
        turn.run(memory, &counted).await.unwrap()
    }

    fn taken(&self) -> Vec<i64> {
        self.fake.taken.lock().unwrap().clone()
    }

    fn seen(&self) -> Vec<(String, bool)> {
        let seen = std::mem::take(&mut *self.fake.seen.lock().unwrap());
        seen.into_iter().map(|(id, again)| (id.replace("acme/siem/", ""), again)).collect()
    }
}

fn range(to: i64) -> Vec<i64> {
    (1..=to).collect()
}

fn seen(ids: &[(&str, bool)]) -> Vec<(String, bool)> {
    ids.iter().map(|(id, again)| ((*id).to_owned(), *again)).collect()
}

#[tokio::test]
async fn sends_all_there_is_in_order() {
    let (scene, mut memory) = (Scene::new(250), Memory::default());
    assert_eq!(scene.turn(ONE, &mut memory).await, Outcome::Sent);
    assert_eq!(scene.taken(), range(250));
    assert_eq!(scene.seen(), seen(&[("1-100", false), ("101-200", false), ("201-250", false)]));
    assert_eq!(scene.turn(ONE, &mut memory).await, Outcome::Nothing);
}

#[tokio::test]
async fn sends_no_more_at_once_than_fits() {
    let mut scene = Scene::new(100);
    scene.fake = Arc::new(FakeSink { fit: 60, ..FakeSink::default() });
    scene.sink = Ok(Arc::clone(&scene.fake) as _);
    scene.turn(ONE, &mut Memory::default()).await;
    assert_eq!(scene.seen(), seen(&[("1-60", false), ("61-100", false)]));
}

#[tokio::test]
async fn a_batch_whose_answer_got_lost_comes_again_as_it_was() {
    let (scene, mut memory) = (Scene::new(120), Memory::default());
    *scene.fake.loses.lock().unwrap() = 2;
    for _ in 0..2 {
        let outcome = scene.turn(ONE, &mut memory).await;
        let Outcome::Unsent { problem, because: "unknown", retry_after: Some(7) } = outcome else {
            panic!("{outcome:?}");
        };
        assert_eq!(problem, "the answer got lost");
        assert!(scene.cursor.progress().error.is_some());
    }
    assert_eq!(scene.turn(ONE, &mut memory).await, Outcome::Sent);
    let expected = [("1-100", false), ("1-100", true), ("1-100", true), ("101-120", false)];
    assert_eq!(scene.seen(), seen(&expected));
    assert_eq!(scene.taken(), range(120));
    assert_eq!(scene.cursor.progress().error, None);
}

#[tokio::test]
async fn whoever_takes_over_sends_the_begun_batch_as_it_was() {
    let mut scene = Scene::new(70);
    *scene.fake.loses.lock().unwrap() = 1;
    scene.turn(ONE, &mut Memory::default()).await;
    // Meanwhile there is more, and the lease is over.
    scene.trail = FakeTrail(150);
    let mut memory = Memory::default();
    assert_eq!(scene.turn(OTHER, &mut memory).await, Outcome::Elsewhere);
    scene.now.set(scene.now.get() + 20);
    assert_eq!(scene.turn(OTHER, &mut memory).await, Outcome::Sent);
    assert_eq!(scene.seen(), seen(&[("1-70", false), ("1-70", true), ("71-150", false)]));
    assert_eq!(scene.taken(), range(150));
}

#[tokio::test]
async fn whoever_has_lost_the_lease_moves_nothing() {
    let mut scene = Scene::new(100);
    let mut memory = Memory::default();
    scene.turn(ONE, &mut memory).await;
    scene.now.set(scene.now.get() + 20);
    scene.trail = FakeTrail(200);
    assert_eq!(scene.turn(OTHER, &mut Memory::default()).await, Outcome::Sent);
    scene.trail = FakeTrail(300);
    assert_eq!(scene.turn(ONE, &mut memory).await, Outcome::Elsewhere);
    assert_eq!(scene.taken(), range(200));
}

#[tokio::test]
async fn a_lease_that_holds_is_not_asked_for_again_and_one_that_ends_is() {
    let mut scene = Scene::new(10);
    let mut memory = Memory::default();
    scene.turn(ONE, &mut memory).await;
    let held = |memory: &Memory| memory.held.as_ref().map(|(until, _)| until.0);
    for (later, until) in [(7, 1020), (8, 1028)] {
        scene.now.set(1000 + later);
        scene.trail.0 += 1;
        scene.turn(ONE, &mut memory).await;
        assert_eq!(held(&memory), Some(until));
    }
}

#[tokio::test]
async fn one_event_that_is_refused_is_found_and_named_and_nothing_is_left_out() {
    let (scene, mut memory) = (Scene::new(250), Memory::default());
    scene.fake.poison.lock().unwrap().push(137);
    for _ in 0..3 {
        let outcome = scene.turn(ONE, &mut memory).await;
        let Outcome::Unsent { problem, because: "refused", .. } = outcome else {
            panic!("{outcome:?}");
        };
        assert!(problem.contains("the events after it wait"), "{problem}");
        assert_eq!(scene.seen().last().unwrap().0, "137-137");
        assert_eq!(scene.taken(), range(136), "everything before it has arrived");
        assert!(scene.cursor.progress().error.is_some());
    }
    // The receiver was put right.
    scene.fake.poison.lock().unwrap().clear();
    // The fake has seen the id, though it took nothing under it.
    scene.fake.seen.lock().unwrap().clear();
    assert_eq!(scene.turn(ONE, &mut memory).await, Outcome::Sent);
    assert_eq!(scene.taken(), range(250));
}

#[tokio::test]
async fn goes_on_after_an_outage_where_it_was() {
    let mut scene = Scene::new(30);
    let mut memory = Memory::default();
    scene.turn(ONE, &mut memory).await;
    *scene.fake.down.lock().unwrap() = true;
    scene.trail = FakeTrail(1030);
    for _ in 0..3 {
        assert!(matches!(scene.turn(ONE, &mut memory).await, Outcome::Unsent { .. }));
    }
    *scene.fake.down.lock().unwrap() = false;
    scene.turn(ONE, &mut memory).await;
    assert_eq!(scene.taken(), range(1030));
}

#[tokio::test]
async fn a_process_that_stops_leaves_the_rest_to_the_next() {
    let scene = Scene::new(250);
    scene.bounded(ONE, &mut Memory::default(), 1).await;
    assert_eq!(scene.taken(), range(100));
    scene.now.set(scene.now.get() + 20);
    scene.turn(OTHER, &mut Memory::default()).await;
    assert_eq!(scene.taken(), range(250));
}

#[tokio::test]
async fn settings_that_make_no_sink_are_a_failure_that_shows() {
    let mut scene = Scene::new(1);
    scene.sink = Err("no file may be written".to_owned());
    let outcome = scene.turn(ONE, &mut Memory::default()).await;
    assert!(matches!(outcome, Outcome::Unsent { .. }), "{outcome:?}");
    let (error, at) = scene.cursor.progress().error.unwrap();
    assert_eq!((error.as_str(), at.0), ("no file may be written", 1000));
}

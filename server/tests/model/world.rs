//! The real thing: a database, two replicas on it that can die, and somebody who looks at what is there.

use std::{
    sync::{Arc, mpsc},
    time::Duration,
};

use delegation::{ports::Found, trail::Record};
use store::Store;
use tokio::runtime::{Builder, Runtime};
use uuid::Uuid;

use crate::{
    cast,
    database::Kind,
    heard::Noted,
    lies::Lie,
    replica::{Answer, Replica, Task},
    site::{Disk, Site},
    step::Fuse,
};

/// Longer than anything takes on a slow machine.
const PATIENCE: Duration = Duration::from_mins(1);

pub struct World {
    pub site: Arc<Site>,
    replicas: [Option<Running>; 2],
    /// Looks, and never dies.
    observer: Runtime,
    store: Option<Store>,
    /// How often a replica died.
    pub deaths: u64,
    // Last: it goes when nobody uses it any more.
    _disk: Disk,
}

struct Running {
    runtime: Runtime,
    replica: Arc<Replica>,
}

impl Running {
    fn start(site: &Arc<Site>) -> Self {
        let runtime = runtime();
        let replica = Arc::new(runtime.block_on(Replica::open(Arc::clone(site))));
        Self { runtime, replica }
    }
}

fn runtime() -> Runtime {
    Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap()
}

impl World {
    pub fn new(kind: Kind, lie: Option<Lie>) -> Self {
        let disk = Disk::new(kind);
        let site = Arc::new(Site::new(&disk, lie));
        let observer = runtime();
        let store = observer.block_on(async {
            let store = site.connect().await;
            store.migrate().await.unwrap();
            store
        });
        let replicas = [0, 1].map(|_| Some(Running::start(&site)));
        Self { site, replicas, observer, store: Some(store), deaths: 0, _disk: disk }
    }

    /// Declares an organization as it is at first.
    pub fn declare(&self, org: &str) {
        let changes = cast::beginning(org, |client| self.site.hash(client));
        let at = self.site.clock.now();
        let applied = self.observer.block_on(self.store().registry().apply(org, 0, &changes, at));
        assert_eq!(applied.unwrap(), Some(1));
    }

    /// Its connections want a runtime to go in.
    fn bury(&self, replica: Arc<Replica>) {
        let _somewhere = self.observer.enter();
        drop(replica);
    }

    fn store(&self) -> &Store {
        self.store.as_ref().unwrap()
    }

    pub fn replica(&self, number: usize) -> &Arc<Replica> {
        &self.replicas[number].as_ref().unwrap().replica
    }

    fn runtime(&self, number: usize) -> &Runtime {
        &self.replicas[number].as_ref().unwrap().runtime
    }

    /// Runs something on a replica.
    pub fn on<T>(&self, replica: usize, work: impl Future<Output = T>) -> T {
        self.runtime(replica).block_on(work)
    }

    pub fn perform(&self, replica: usize, task: Task) -> Answer {
        let it = Arc::clone(self.replica(replica));
        self.start(replica, it, task).recv_timeout(PATIENCE).expect("an answer")
    }

    /// Both at once, each on its replica.
    pub fn race(&self, tasks: [Task; 2]) -> [Answer; 2] {
        let mut number = 0;
        let answers = tasks.map(|task| {
            let it = Arc::clone(self.replica(number));
            number += 1;
            self.start(number - 1, it, task)
        });
        answers.map(|answer| answer.recv_timeout(PATIENCE).expect("an answer"))
    }

    fn start(&self, number: usize, it: Arc<Replica>, task: Task) -> mpsc::Receiver<Answer> {
        let (answer, answered) = mpsc::channel();
        self.runtime(number).spawn(async move {
            let _nobody_may_wait = answer.send(it.perform(task).await);
        });
        answered
    }

    /// The answer, when there was one before the replica died.
    pub fn crash(&mut self, number: usize, task: Task, fuse: Fuse) -> Option<Answer> {
        let it = Arc::clone(self.replica(number));
        let (blown, blows) = mpsc::channel();
        it.fuse.light(fuse, blown);
        let answers = self.start(number, it, task);
        let begun = std::time::Instant::now();
        let answer = loop {
            if let Ok(answer) = answers.recv_timeout(Duration::from_micros(200)) {
                break Some(answer);
            }
            if blows.try_recv().is_ok() {
                break None;
            }
            assert!(begun.elapsed() < PATIENCE, "neither an answer nor an end");
        };
        self.replica(number).fuse.put_out();
        let Running { runtime, replica } = self.replicas[number].take().unwrap();
        // Nothing is closed, and nobody is waited for but threads.
        runtime.shutdown_timeout(PATIENCE);
        self.bury(replica);
        self.deaths += 1;
        self.replicas[number] = Some(Running::start(&self.site));
        answer
    }

    /// Whatever the dead replica had under way is settled: it is committed by now, or never will be.
    ///
    /// What was to be opened under the old revision is not; what was to be changed has the lock.
    pub fn settle(&self, replica: usize, org: &str) {
        let task = Task::Apply { org: org.to_owned(), changes: Vec::new() };
        assert_eq!(self.perform(replica, task).heard, crate::heard::Heard::Done);
    }

    /// The events that came since the last look, and where the next look begins.
    pub fn events(&self, org: &str, after: i64) -> (Vec<(Noted, Option<Uuid>)>, i64) {
        const MOST: usize = 1000;
        self.observer.block_on(async {
            let trail = self.store().trail(org, self.site.notary(org));
            trail.seal(MOST).await.unwrap();
            let (mut events, mut after) = (Vec::new(), after);
            for stored in trail.walk(after, MOST).await.unwrap() {
                after = stored.link.seq;
                let record = Record::read(&stored.link.record).unwrap();
                let delegation = record.delegation.as_deref();
                let delegation = delegation.map(|id| Uuid::parse_str(id).unwrap());
                events.push((Noted::new(&record.outcome, record.ended), delegation));
            }
            (events, after)
        })
    }

    pub fn revision(&self, org: &str) -> i64 {
        self.observer.block_on(self.store().registry().revision(org)).unwrap().unwrap()
    }

    pub fn find(&self, org: &str, id: Uuid) -> Option<Found> {
        self.observer.block_on(self.store().ledger(org).find(id)).unwrap()
    }

    /// The places on all status lists whose tokens have ended.
    pub fn ended_places(&self, org: &str) -> Vec<(i64, i64)> {
        self.observer.block_on(async {
            let lists = self.store().status_lists(org);
            let mut places = Vec::new();
            for list in lists.lists().await.unwrap() {
                let ended = lists.ended(list).await.unwrap().unwrap_or_default();
                places.extend(ended.into_iter().map(|index| (list, index)));
            }
            places
        })
    }

    /// Organizations of a history that is over.
    pub fn forget(&self) {
        self.site.forget();
        self.replica(0).forget();
        self.replica(1).forget();
    }
}

impl Drop for World {
    fn drop(&mut self) {
        for number in 0..2 {
            if let Some(Running { runtime, replica }) = self.replicas[number].take() {
                runtime.shutdown_timeout(PATIENCE);
                self.bury(replica);
            }
        }
        let _somewhere = self.observer.enter();
        drop(self.store.take());
    }
}

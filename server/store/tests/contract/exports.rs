use std::sync::Arc;

use delegation::{
    declared::{Change, Export},
    export::{Exports, Progress},
};
use policy::Timestamp;
use uuid::Uuid;

use crate::fixture::{Fixture, LATER, NOW, ORG};

const ONE: Uuid = Uuid::from_u128(1);
const OTHER: Uuid = Uuid::from_u128(2);
const UNTIL: Timestamp = Timestamp(NOW.0 + 30);

fn export(id: &str, kind: &str) -> Change {
    let (id, kind) = (id.to_owned(), kind.to_owned());
    Change::PutExport(Export { id, kind, settings: b"sealed".to_vec() })
}

/// An export that `ONE` has until `UNTIL`.
async fn leased(it: &Fixture) -> Arc<dyn Exports> {
    it.apply(1, &[export("siem", "file")]).await.unwrap();
    let exports = it.store.exports(ORG);
    let progress = exports.lease("siem", ONE, NOW, UNTIL).await.unwrap();
    assert_eq!(progress, Some(Progress::default()));
    exports
}

async fn progress(exports: &Arc<dyn Exports>) -> Progress {
    let all = exports.all().await.unwrap();
    let [(_, progress)] = all.as_slice() else { panic!("{all:?}") };
    progress.clone()
}

fn at(done: i64, sending: i64) -> Progress {
    Progress { done, sending, error: None }
}

async fn one_replica_takes_care_of_an_export(it: Arc<Fixture>) {
    let exports = leased(&it).await;
    assert_eq!(exports.lease("siem", OTHER, NOW, UNTIL).await.unwrap(), None);
    let again = exports.lease("siem", ONE, NOW, LATER).await.unwrap();
    assert_eq!(again, Some(Progress::default()), "as long as it likes");
    assert_eq!(exports.lease("siem", OTHER, UNTIL, LATER).await.unwrap(), None);
}

async fn another_takes_over_when_the_time_is_over(it: Arc<Fixture>) {
    let exports = leased(&it).await;
    assert!(exports.begin("siem", ONE, 10).await.unwrap());
    let before = Timestamp(UNTIL.0 - 1);
    assert_eq!(exports.lease("siem", OTHER, before, LATER).await.unwrap(), None);
    let taken = exports.lease("siem", OTHER, UNTIL, LATER).await.unwrap();
    assert_eq!(taken, Some(at(0, 10)), "and learns of what may have arrived");
}

async fn whoever_lost_an_export_moves_it_no_more(it: Arc<Fixture>) {
    let exports = leased(&it).await;
    assert!(exports.begin("siem", ONE, 10).await.unwrap());
    exports.lease("siem", OTHER, UNTIL, LATER).await.unwrap().unwrap();
    exports.done("siem", ONE, 10).await.unwrap();
    assert_eq!(progress(&exports).await, at(0, 10));
    assert!(!exports.begin("siem", ONE, 10).await.unwrap());
    exports.done("siem", OTHER, 10).await.unwrap();
    assert!(!exports.begin("siem", ONE, 20).await.unwrap());
    assert_eq!(progress(&exports).await, at(10, 10));
}

async fn a_batch_after_the_other(it: Arc<Fixture>) {
    let exports = leased(&it).await;
    for seq in [10, 11, 30] {
        assert!(exports.begin("siem", ONE, seq).await.unwrap());
        exports.done("siem", ONE, seq).await.unwrap();
        assert_eq!(progress(&exports).await, at(seq, seq));
    }
}

/// It is sent again as it was, or a sink that remembers ids takes some of it twice.
async fn a_batch_that_may_have_arrived_is_begun_again_as_it_was(it: Arc<Fixture>) {
    let exports = leased(&it).await;
    assert!(exports.begin("siem", ONE, 10).await.unwrap());
    assert!(!exports.begin("siem", ONE, 20).await.unwrap());
    assert!(!exports.begin("siem", ONE, 9).await.unwrap());
    assert!(exports.begin("siem", ONE, 10).await.unwrap());
    assert_eq!(progress(&exports).await, at(0, 10));
}

async fn what_has_arrived_is_never_undone(it: Arc<Fixture>) {
    let exports = leased(&it).await;
    assert!(exports.begin("siem", ONE, 10).await.unwrap());
    exports.done("siem", ONE, 10).await.unwrap();
    assert!(!exports.begin("siem", ONE, 10).await.unwrap());
    assert!(!exports.begin("siem", ONE, 5).await.unwrap());
    exports.done("siem", ONE, 5).await.unwrap();
    assert_eq!(progress(&exports).await, at(10, 10));
}

async fn only_what_was_begun_has_arrived(it: Arc<Fixture>) {
    let exports = leased(&it).await;
    exports.done("siem", ONE, 10).await.unwrap();
    assert_eq!(progress(&exports).await, at(0, 0));
}

async fn says_what_went_wrong_since_when_until_it_goes_well(it: Arc<Fixture>) {
    let exports = leased(&it).await;
    exports.begin("siem", ONE, 10).await.unwrap();
    exports.failed("siem", "no answer", NOW).await.unwrap();
    exports.failed("siem", "503 \0", LATER).await.unwrap();
    let error = Some(("503 \u{fffd}".to_owned(), NOW));
    assert_eq!(progress(&exports).await, Progress { done: 0, sending: 10, error });
    exports.done("siem", ONE, 10).await.unwrap();
    assert_eq!(progress(&exports).await, at(10, 10));
}

async fn knows_every_export_of_the_org(it: Arc<Fixture>) {
    it.declare("other").await;
    it.registry().apply("other", 1, &[export("siem", "file")], LATER).await.unwrap().unwrap();
    let exports = leased(&it).await;
    it.apply(2, &[export("archive", "webhook")]).await.unwrap();
    let ids: Vec<String> = exports.all().await.unwrap().into_iter().map(|(id, _)| id).collect();
    assert_eq!(ids, ["archive", "siem"]);
    assert!(exports.begin("siem", ONE, 10).await.unwrap());
    assert_eq!(progress(&it.store.exports("other")).await, at(0, 0));
}

async fn there_is_no_export_but_those_declared(it: Arc<Fixture>) {
    let exports = it.store.exports(ORG);
    assert_eq!(exports.lease("siem", ONE, NOW, UNTIL).await.unwrap(), None);
    assert!(!exports.begin("siem", ONE, 1).await.unwrap());
    assert_eq!(exports.all().await.unwrap(), []);
}

/// Other settings do not make it begin from the beginning.
async fn an_export_that_is_declared_anew_stays_where_it_is(it: Arc<Fixture>) {
    let exports = leased(&it).await;
    exports.begin("siem", ONE, 10).await.unwrap();
    it.apply(2, &[export("siem", "webhook")]).await.unwrap();
    assert_eq!(progress(&exports).await, at(0, 10));
    it.apply(3, &[Change::DropExport("siem".to_owned())]).await.unwrap();
    assert!(!exports.begin("siem", ONE, 10).await.unwrap());
}

async fn one_of_many_replicas_has_it(it: Arc<Fixture>) {
    leased(&it).await;
    let mut all = tokio::task::JoinSet::new();
    for number in 10..30 {
        let exports = it.store.exports(ORG);
        all.spawn(async move {
            exports.lease("siem", Uuid::from_u128(number), UNTIL, LATER).await.unwrap()
        });
    }
    assert_eq!(all.join_all().await.into_iter().flatten().count(), 1);
}

on_both_databases!(
    one_replica_takes_care_of_an_export,
    another_takes_over_when_the_time_is_over,
    whoever_lost_an_export_moves_it_no_more,
    a_batch_after_the_other,
    a_batch_that_may_have_arrived_is_begun_again_as_it_was,
    what_has_arrived_is_never_undone,
    only_what_was_begun_has_arrived,
    says_what_went_wrong_since_when_until_it_goes_well,
    knows_every_export_of_the_org,
    there_is_no_export_but_those_declared,
    an_export_that_is_declared_anew_stays_where_it_is,
    one_of_many_replicas_has_it,
);

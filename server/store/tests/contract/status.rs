//! Places on status lists.

use std::{collections::HashSet, sync::Arc, time::Duration};

use delegation::{
    ports::{Delegation, Selector},
    status::{Leased, SIZE, StatusIndex, StatusLists},
};
use policy::Timestamp;
use tokio::task::JoinSet;

use crate::fixture::{Fixture, LATER, NOW, ORG};

fn lists(it: &Fixture) -> Arc<dyn StatusLists> {
    it.store.status_lists(ORG)
}

async fn lease(it: &Fixture, at: Timestamp) -> Leased {
    lists(it).lease(at).await.unwrap()
}

/// Opens a delegation that has this place.
async fn placed(it: &Fixture, list: i64, index: i64) -> Delegation {
    let mut opening = it.root();
    opening.delegation.status = Some(StatusIndex { list, index });
    it.opened(opening).await
}

async fn end(it: &Fixture, delegation: &Delegation) {
    let selector = Selector::Delegation(delegation.id);
    it.ledger().revoke(&selector, LATER, None).await.unwrap();
}

async fn gives_blocks_one_after_the_other(it: Arc<Fixture>) {
    let first = lease(&it, NOW).await;
    assert!(0 < first.count && 0 == first.first && 1 <= first.list);
    assert_eq!(first.until, Timestamp(NOW.0 + 600));
    let second = lease(&it, LATER).await;
    let expected = Leased { first: first.count, until: Timestamp(LATER.0 + 600), ..first };
    assert_eq!(second, expected);
}

async fn a_full_list_is_followed_by_the_next(it: Arc<Fixture>) {
    let first = lease(&it, NOW).await;
    let blocks = SIZE / first.count;
    assert_eq!(blocks * first.count, SIZE, "no place is left over");
    for block in 1..blocks {
        let next = lease(&it, NOW).await;
        assert_eq!((next.list, next.first), (first.list, block * first.count));
    }
    let next = lease(&it, NOW).await;
    assert_eq!((next.list, next.first), (first.list + 1, 0));
    assert_eq!(lists(&it).lists().await.unwrap(), [first.list, next.list]);
}

async fn replicas_never_get_the_same_place(it: Arc<Fixture>) {
    let replica = it.replica().await;
    let mut all = JoinSet::new();
    // More than two lists full.
    for number in 0..300 {
        let store = if number % 2 == 0 { &it.store } else { &replica };
        let lists = store.status_lists(ORG);
        all.spawn(async move { lists.lease(NOW).await.unwrap() });
    }
    let leased = all.join_all().await;
    let blocks: HashSet<_> = leased.iter().map(|leased| (leased.list, leased.first)).collect();
    assert_eq!(blocks.len(), 300);
    for Leased { first, count, .. } in leased {
        assert!(first % count == 0 && first + count <= SIZE);
    }
    assert_eq!(lists(&it).lists().await.unwrap().len(), 3);
    replica.close().await;
}

async fn each_org_has_lists_of_its_own(it: Arc<Fixture>) {
    it.declare("other").await;
    let own = lease(&it, NOW).await;
    let other = it.store.status_lists("other");
    assert_eq!(other.lists().await.unwrap(), Vec::<i64>::new());
    assert_eq!(other.lease(NOW).await.unwrap(), own);
    end(&it, &placed(&it, own.list, 5).await).await;
    assert_eq!(other.ended(own.list).await.unwrap(), Some(vec![]));
    assert!(it.store.status_lists("nobody").lease(NOW).await.is_err());
}

async fn shows_what_has_ended_in_order(it: Arc<Fixture>) {
    let list = lease(&it, NOW).await.list;
    assert_eq!(lists(&it).ended(list).await.unwrap(), Some(vec![]));
    for index in [9, 0, 1000, 4] {
        let delegation = placed(&it, list, index).await;
        if index != 4 {
            end(&it, &delegation).await;
        }
    }
    end(&it, &placed(&it, list + 1, 7).await).await;
    end(&it, &it.opened(it.root()).await).await;
    assert_eq!(lists(&it).ended(list).await.unwrap(), Some(vec![0, 9, 1000]));
}

async fn there_is_no_list_that_was_never_leased(it: Arc<Fixture>) {
    let list = lease(&it, NOW).await.list;
    end(&it, &placed(&it, list + 1, 7).await).await;
    for unknown in [list + 1, list - 1, -1] {
        assert_eq!(lists(&it).ended(unknown).await.unwrap(), None);
    }
}

async fn a_list_goes_when_its_last_token_is_dead(it: Arc<Fixture>) {
    let first = lease(&it, NOW).await;
    it.tamper("UPDATE status_lists SET leased = 131072").await;
    let second = lease(&it, LATER).await;
    assert_ne!(first.list, second.list);
    // A token that was given its place at the last moment, and lives for as long as one may.
    let last = first.until.plus(Duration::from_mins(5));
    it.store.sweep(last.plus(Duration::from_mins(10))).await.unwrap();
    assert_eq!(lists(&it).lists().await.unwrap(), [first.list, second.list]);
    assert_eq!(it.store.sweep(last.plus(Duration::from_secs(601))).await.unwrap(), 1);
    assert_eq!(lists(&it).lists().await.unwrap(), [second.list]);
    assert_eq!(lists(&it).ended(first.list).await.unwrap(), None);
}

async fn no_number_comes_again(it: Arc<Fixture>) {
    let first = lease(&it, NOW).await;
    let late = NOW.plus(Duration::from_hours(1000));
    it.store.sweep(late).await.unwrap();
    let next = lease(&it, late).await;
    assert_eq!((next.list, next.first), (first.list, first.count), "the newest stays");
    it.tamper("UPDATE status_lists SET leased = 131072").await;
    it.store.sweep(late.plus(Duration::from_hours(1000))).await.unwrap();
    assert_eq!(lease(&it, late).await.list, first.list + 1);
}

/// Two replicas whose clocks differ: the list stays for the one that is ahead.
async fn a_lease_never_makes_a_list_die_earlier(it: Arc<Fixture>) {
    lease(&it, LATER).await;
    lease(&it, NOW).await;
    assert_eq!(it.number("SELECT leased_until FROM status_lists").await, LATER.0 + 600);
}

on_both_databases!(
    gives_blocks_one_after_the_other,
    a_full_list_is_followed_by_the_next,
    replicas_never_get_the_same_place,
    each_org_has_lists_of_its_own,
    shows_what_has_ended_in_order,
    there_is_no_list_that_was_never_leased,
    a_list_goes_when_its_last_token_is_dead,
    no_number_comes_again,
    a_lease_never_makes_a_list_die_earlier,
);

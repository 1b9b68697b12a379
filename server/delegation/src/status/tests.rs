use std::{
    collections::HashSet,
    sync::atomic::{AtomicBool, AtomicI64, Ordering},
};

use async_trait::async_trait;

use super::*;

/// Leases blocks one after the other, and counts.
#[derive(Debug, Default)]
struct Blocks {
    leases: AtomicI64,
    is_ill: AtomicBool,
}

const BLOCK: i64 = 1024;
const NOW: Timestamp = Timestamp(1_800_000_000);
const LEASE: i64 = 600;

#[async_trait]
impl StatusLists for Blocks {
    async fn lease(&self, now: Timestamp) -> Result<Leased, Fault> {
        // Whoever else is there gets a turn.
        tokio::task::yield_now().await;
        if self.is_ill.load(Ordering::SeqCst) {
            return Err(Fault::Store("ill".to_owned()));
        }
        let first = self.leases.fetch_add(1, Ordering::SeqCst) * BLOCK;
        Ok(Leased { list: 1, first, count: BLOCK, until: Timestamp(now.0 + LEASE) })
    }

    async fn ended(&self, _: i64) -> Result<Option<Vec<i64>>, Fault> {
        Ok(None)
    }

    async fn lists(&self) -> Result<Vec<i64>, Fault> {
        Ok(Vec::new())
    }
}

fn indexes() -> (Arc<Blocks>, Arc<StatusIndexes>) {
    let blocks = Arc::new(Blocks::default());
    (Arc::clone(&blocks), Arc::new(StatusIndexes::new(blocks)))
}

#[tokio::test]
async fn gives_every_place_once_to_whoever_asks_at_once() {
    let (blocks, indexes) = indexes();
    let takes = (0..3000).map(|_| {
        let indexes = Arc::clone(&indexes);
        tokio::spawn(async move { indexes.take(NOW).await.unwrap() })
    });
    let mut given = HashSet::new();
    for take in takes.collect::<Vec<_>>() {
        let StatusIndex { list, index } = take.await.unwrap();
        assert!(given.insert((list, index)), "{index} was given twice");
    }
    // 3,000 places are in three blocks; the fourth is leased before the third is empty.
    let leases = blocks.leases.load(Ordering::SeqCst);
    assert!((3..=4).contains(&leases), "{leases} leases");
}

#[tokio::test]
async fn leases_the_next_block_before_there_is_none_left() {
    let (blocks, indexes) = indexes();
    for _ in 0..BLOCK {
        indexes.take(NOW).await.unwrap();
    }
    assert_eq!(blocks.leases.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn lives_on_what_is_left_while_the_database_is_ill() {
    let (blocks, indexes) = indexes();
    indexes.take(NOW).await.unwrap();
    blocks.is_ill.store(true, Ordering::SeqCst);
    for _ in 1..BLOCK {
        indexes.take(NOW).await.unwrap();
    }
    assert!(indexes.take(NOW).await.is_err());
    blocks.is_ill.store(false, Ordering::SeqCst);
    assert_eq!(indexes.take(NOW).await.unwrap().index, BLOCK);
}

#[tokio::test]
async fn gives_no_place_whose_lease_is_over_before_it_is_used() {
    let (_, indexes) = indexes();
    indexes.take(NOW).await.unwrap();
    let late = |more| Timestamp(NOW.0 + LEASE - SLOWEST_OPENING + more);
    assert_eq!(indexes.take(late(-1)).await.unwrap().index, 1);
    assert_eq!(indexes.take(late(0)).await.unwrap().index, BLOCK);
}

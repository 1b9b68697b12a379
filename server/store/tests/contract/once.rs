//! What may be used once.

use std::sync::Arc;

use delegation::ports::{Once, OnceKind, SingleUse};
use policy::Timestamp;
use tokio::{sync::Barrier, task::JoinSet};
use uuid::Uuid;

use crate::fixture::{Fixture, NOW, ORG, Raw};

const ROWS: &str = "SELECT count(*) FROM used";

fn proof(id: &str) -> Once {
    Once::new(OnceKind::Proof, "thumbprint", id, NOW)
}

fn request(number: u128) -> Uuid {
    Uuid::from_u128(number)
}

async fn is_used_by_one_request(it: Arc<Fixture>) {
    let once = it.store.single_use(ORG);
    assert_eq!(once.spend(&[proof("a")], request(1)).await.unwrap(), None);
    assert_eq!(once.spend(&[proof("a")], request(2)).await.unwrap(), Some(proof("a")));
    assert_eq!(once.spend(&[proof("b")], request(2)).await.unwrap(), None);
}

async fn the_request_that_used_it_may_decide_anew(it: Arc<Fixture>) {
    let once = it.store.single_use(ORG);
    for _ in 0..3 {
        assert_eq!(once.spend(&[proof("a")], request(1)).await.unwrap(), None);
    }
    assert_eq!(it.number(ROWS).await, 1);
    assert_eq!(once.spend(&[proof("a")], request(2)).await.unwrap(), Some(proof("a")));
}

async fn ids_of_two_parties_never_meet(it: Arc<Fixture>) {
    let once = it.store.single_use(ORG);
    let others = [
        proof("a"),
        Once::new(OnceKind::Proof, "other", "a", NOW),
        Once::new(OnceKind::ClientAssertion, "thumbprint", "a", NOW),
        Once::new(OnceKind::Proof, "thumbprint a", "", NOW),
    ];
    for (number, other) in (1..).zip(others) {
        assert_eq!(once.spend(&[other], request(number)).await.unwrap(), None, "{number}");
    }
}

async fn another_org_has_its_own(it: Arc<Fixture>) {
    assert_eq!(it.store.single_use(ORG).spend(&[proof("a")], request(1)).await.unwrap(), None);
    let other = it.store.single_use("other");
    assert_eq!(other.spend(&[proof("a")], request(2)).await.unwrap(), None);
    assert_eq!(other.spend(&[proof("a")], request(3)).await.unwrap(), Some(proof("a")));
}

async fn of_several_it_names_the_first_that_was_used_and_uses_the_others(it: Arc<Fixture>) {
    let once = it.store.single_use(ORG);
    assert_eq!(once.spend(&[proof("b"), proof("c")], request(1)).await.unwrap(), None);
    let all = [proof("a"), proof("c"), proof("b"), proof("d")];
    assert_eq!(once.spend(&all, request(2)).await.unwrap(), Some(proof("c")));
    for used in ["a", "d"] {
        assert_eq!(once.spend(&[proof(used)], request(3)).await.unwrap(), Some(proof(used)));
    }
}

async fn nothing_to_use_is_no_question(it: Arc<Fixture>) {
    it.store.close().await;
    assert_eq!(it.store.single_use(ORG).spend(&[], request(1)).await.unwrap(), None);
}

async fn of_a_crowd_one_has_it(it: Arc<Fixture>) {
    let mut crowd = JoinSet::new();
    for number in 0..500 {
        let once = it.store.single_use(ORG);
        // Ten ids, and with each a proof that is nobody else's.
        let both = [proof(&format!("shared-{}", number % 10)), proof(&format!("own-{number}"))];
        crowd.spawn(async move { once.spend(&both, request(number)).await.unwrap() });
    }
    let answers = crowd.join_all().await;
    assert_eq!(answers.iter().filter(|repeated| repeated.is_none()).count(), 10);
    assert_eq!(it.number(ROWS).await, 510);
}

/// Exactly one of two replicas wins each of 200 ids, in whichever order they come.
async fn of_two_replicas_one_has_it(it: Arc<Fixture>) {
    let replica = it.replica().await;
    let at_once = Arc::new(Barrier::new(2));
    let all: Vec<Vec<Once>> = (0..100)
        .map(|pair| vec![proof(&format!("a-{pair}")), proof(&format!("b-{pair}"))])
        .collect();
    let spend_all = |once: Arc<dyn SingleUse>, base: u128, backwards: bool| {
        let (mut all, at_once) = (all.clone(), Arc::clone(&at_once));
        tokio::spawn(async move {
            if backwards {
                // Two that lock each other's rows in two orders would wait for each other.
                for pair in &mut all {
                    pair.reverse();
                }
                all.reverse();
            }
            at_once.wait().await;
            let mut won = JoinSet::new();
            for (number, pair) in (0..).zip(all) {
                let once = Arc::clone(&once);
                won.spawn(async move {
                    let mut won = Vec::new();
                    for one in &pair {
                        let used = once.spend(std::slice::from_ref(one), request(base + number));
                        if used.await.unwrap().is_none() {
                            won.push(one.id);
                        }
                    }
                    won
                });
            }
            won.join_all().await.concat()
        })
    };
    let one = spend_all(it.store.single_use(ORG), 1000, false);
    let other = spend_all(replica.single_use(ORG), 2000, true);
    let mut won = [one.await.unwrap(), other.await.unwrap()].concat();
    assert_eq!(won.len(), 200);
    won.sort_unstable();
    won.dedup();
    assert_eq!(won.len(), 200, "nobody won what somebody else had won");
    replica.close().await;
}

/// Each of many rounds is one id that two replicas are asked for at the same moment.
async fn one_of_two_replicas_wins_each_of_200_rounds(it: Arc<Fixture>) {
    let replica = it.replica().await;
    let (one, other) = (it.store.single_use(ORG), replica.single_use(ORG));
    for round in 0..200 {
        let (one, other) = (Arc::clone(&one), Arc::clone(&other));
        let id = format!("round-{round}");
        let (first, second) = (proof(&id), proof(&id));
        let (first, second) = tokio::join!(
            tokio::spawn(async move { one.spend(&[first], request(2 * round)).await.unwrap() }),
            tokio::spawn(
                async move { other.spend(&[second], request(2 * round + 1)).await.unwrap() }
            ),
        );
        let repeated = [first.unwrap(), second.unwrap()].into_iter().flatten().count();
        assert_eq!(repeated, 1, "round {round}");
    }
    replica.close().await;
}

async fn a_caller_that_goes_away_abandons_nothing(it: Arc<Fixture>) {
    let once = it.store.single_use(ORG);
    for number in 0..50 {
        let (once, own) = (Arc::clone(&once), proof(&format!("gone-{number}")));
        let caller = tokio::spawn(async move { once.spend(&[own], request(number)).await });
        tokio::task::yield_now().await;
        caller.abort();
        let _ = caller.await;
    }
    // Whoever comes after them is served, and everything is whole.
    assert_eq!(once.spend(&[proof("a")], request(900)).await.unwrap(), None);
    let used = it.number(ROWS).await;
    assert!((1..=51).contains(&used), "{used}");
}

/// While somebody else keeps the table for themselves.
async fn what_does_not_fit_into_the_queue_is_a_fault(it: Arc<Fixture>) {
    let ask_5000 = async || {
        let mut crowd = JoinSet::new();
        for number in 0..5000 {
            let (once, own) = (it.store.single_use(ORG), proof(&format!("{number}")));
            crowd.spawn(async move { once.spend(&[own], request(number)).await });
        }
        // More than fit, and those are told at once.
        let first = crowd.join_next().await.unwrap().unwrap();
        (first, crowd)
    };
    let (first, crowd) = match &it.raw {
        Raw::Postgres(pool) => {
            let mut locked = pool.begin().await.unwrap();
            sqlx::query("LOCK TABLE used").execute(&mut *locked).await.unwrap();
            let asked = ask_5000().await;
            locked.commit().await.unwrap();
            asked
        }
        Raw::Sqlite(pool) => {
            let locked = pool.begin_with("BEGIN IMMEDIATE").await.unwrap();
            let asked = ask_5000().await;
            locked.commit().await.unwrap();
            asked
        }
    };
    assert!(first.unwrap_err().to_string().contains("too many writes are waiting"));
    let answers = crowd.join_all().await;
    let served = answers.iter().filter(|answer| matches!(answer, Ok(None))).count();
    let refused = answers.iter().filter(|answer| answer.is_err()).count();
    assert_eq!(served + refused, 4999, "nobody is told that a fresh one was used");
    assert_eq!(it.number(ROWS).await, i64::try_from(served).unwrap());
}

async fn after_closing_it_is_a_fault(it: Arc<Fixture>) {
    it.store.close().await;
    assert!(it.store.single_use(ORG).spend(&[proof("a")], request(1)).await.is_err());
}

async fn what_cannot_be_written_is_a_fault_and_never_a_yes(it: Arc<Fixture>) {
    let once = it.store.single_use(ORG);
    it.tamper("ALTER TABLE used RENAME TO unused").await;
    assert!(once.spend(&[proof("a")], request(1)).await.is_err());
    it.tamper("ALTER TABLE unused RENAME TO used").await;
    assert_eq!(once.spend(&[proof("a")], request(1)).await.unwrap(), None);
}

async fn is_remembered_for_a_minute_past_its_expiry(it: Arc<Fixture>) {
    let once = it.store.single_use(ORG);
    let late = Once { until: Timestamp(NOW.0 + 1), ..proof("b") };
    assert_eq!(once.spend(&[proof("a"), late.clone()], request(1)).await.unwrap(), None);
    assert_eq!(it.store.sweep(Timestamp(NOW.0 + 60)).await.unwrap(), 0);
    assert_eq!(once.spend(&[proof("a")], request(2)).await.unwrap(), Some(proof("a")));
    assert_eq!(it.store.sweep(Timestamp(NOW.0 + 61)).await.unwrap(), 1);
    let again = once.spend(std::slice::from_ref(&late), request(2)).await.unwrap();
    assert_eq!(again, Some(late));
    assert_eq!(it.number(ROWS).await, 1);
}

async fn is_forgotten_some_at_a_time_by_two_replicas(it: Arc<Fixture>) {
    let replica = it.replica().await;
    let digits = "SELECT 0 AS n UNION ALL SELECT 1 UNION ALL SELECT 2 UNION ALL SELECT 3 UNION ALL
      SELECT 4 UNION ALL SELECT 5 UNION ALL SELECT 6 UNION ALL SELECT 7";
    let id = match it.raw {
        Raw::Postgres(_) => "text::bytea",
        Raw::Sqlite(_) => "CAST(text AS BLOB)",
    };
    it.run(&format!(
        "WITH digit AS ({digits})
         INSERT INTO used (org, id, request, until)
         SELECT 'acme', {id}, 'r', 0 FROM (
           SELECT a.n || '-' || b.n || '-' || c.n || '-' || d.n AS text
           FROM digit a, digit b, digit c, digit d) AS numbers"
    ))
    .await;
    assert_eq!(it.store.sweep(NOW).await.unwrap(), 512);
    let (one, other) = tokio::join!(it.store.sweep(NOW), replica.sweep(NOW));
    let rest = it.number(ROWS).await;
    assert_eq!(one.unwrap() + other.unwrap(), 3584 - u64::try_from(rest).unwrap());
    while it.store.sweep(NOW).await.unwrap() != 0 {}
    assert_eq!(it.number(ROWS).await, 0);
    replica.close().await;
}

on_both_databases!(
    is_used_by_one_request,
    the_request_that_used_it_may_decide_anew,
    ids_of_two_parties_never_meet,
    another_org_has_its_own,
    of_several_it_names_the_first_that_was_used_and_uses_the_others,
    nothing_to_use_is_no_question,
    of_a_crowd_one_has_it,
    of_two_replicas_one_has_it,
    one_of_two_replicas_wins_each_of_200_rounds,
    a_caller_that_goes_away_abandons_nothing,
    what_does_not_fit_into_the_queue_is_a_fault,
    after_closing_it_is_a_fault,
    what_cannot_be_written_is_a_fault_and_never_a_yes,
    is_remembered_for_a_minute_past_its_expiry,
    is_forgotten_some_at_a_time_by_two_replicas,
);

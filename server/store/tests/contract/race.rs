//! Revocation against issuance, by two replicas.

use std::sync::Arc;

use delegation::{
    declared::Change,
    ports::{Opened, Opening, Selector},
};
use sqlx::{PgPool, Postgres, Transaction};
use store::Store;
use tokio::task::JoinSet;

use crate::fixture::{Fixture, GRANT, LATER, ORG, Raw};

/// A delegation stands although one above it, or its grant, has ended.
const SURVIVORS: &str = "
    WITH RECURSIVE dead (id) AS (
      SELECT id FROM delegations WHERE org = 'acme' AND (ended_at IS NOT NULL OR grant_id IN (
        SELECT id FROM grants WHERE org = 'acme' AND ended_at IS NOT NULL))
      UNION
      SELECT delegations.id FROM delegations JOIN dead ON delegations.parent = dead.id
      WHERE delegations.org = 'acme'
    )
    SELECT count(*) FROM delegations JOIN dead ON delegations.id = dead.id
    WHERE delegations.org = 'acme' AND delegations.ended_at IS NULL";

const ROUNDS: usize = 300;

async fn no_child_survives_the_revocation_of_an_ancestor(it: Arc<Fixture>) {
    let replica = it.replica().await;
    for round in 0..ROUNDS {
        let root = it.opened(it.root()).await;
        let middle = it.opened(it.child(&root)).await;
        let opener = if round % 2 == 0 { it.ledger() } else { replica.ledger(ORG) };
        let revoker = if round % 3 == 0 { it.ledger() } else { replica.ledger(ORG) };
        let mut opens = JoinSet::new();
        for parent in [&root, &middle, &middle] {
            let (ledger, opening) = (Arc::clone(&opener), it.child(parent));
            opens.spawn(async move { ledger.open(opening).await.unwrap() });
        }
        let selector = Selector::Delegation(root.id);
        let revoke =
            tokio::spawn(async move { revoker.revoke(&selector, LATER, None).await.unwrap() });
        opens.join_all().await;
        revoke.await.unwrap();
        let late = it.ledger().open(it.child(&middle)).await.unwrap();
        assert_eq!(late, Opened::Ended, "an acknowledged revocation is seen");
    }
    assert_eq!(it.number(SURVIVORS).await, 0);
    replica.close().await;
}

async fn none_survives_a_stream_of_openings(it: Arc<Fixture>) {
    let replica = it.replica().await;
    for _ in 0..20 {
        let root = it.opened(it.root()).await;
        let mut streams = JoinSet::new();
        for store in [it.store.clone(), replica.clone()] {
            for _ in 0..4 {
                streams.spawn(open_until_ended(Arc::clone(&it), store.clone(), root.clone()));
            }
        }
        let revoker = it.ledger();
        revoker.revoke(&Selector::Delegation(root.id), LATER, None).await.unwrap();
        streams.join_all().await;
    }
    assert_eq!(it.number(SURVIVORS).await, 0);
    replica.close().await;
}

/// Derives from `root`, and from what was derived, until told that it has ended.
async fn open_until_ended(it: Arc<Fixture>, store: Store, root: delegation::ports::Delegation) {
    let mut parent = root.clone();
    loop {
        let opening = it.child(&parent);
        let child = opening.delegation.clone();
        match store.ledger(ORG).open(opening).await.unwrap() {
            Opened::Recorded if child.depth < 6 => parent = child,
            Opened::Recorded => parent = root.clone(),
            Opened::Ended => return,
            Opened::Changed | Opened::Signalled => panic!("nothing was changed"),
        }
    }
}

async fn none_survives_its_grant(it: Arc<Fixture>) {
    let replica = it.replica().await;
    for _ in 0..100 {
        let mut opens = JoinSet::new();
        for ledger in [it.ledger(), replica.ledger(ORG)] {
            let opening = it.root();
            opens.spawn(async move { ledger.open(opening).await.unwrap() });
        }
        let revoker = replica.ledger(ORG);
        revoker.revoke(&Selector::Grant(GRANT.to_owned()), LATER, None).await.unwrap();
        opens.join_all().await;
        assert_eq!(it.number(SURVIVORS).await, 0);
        it.tamper("UPDATE grants SET ended_at = NULL").await;
        it.tamper("DELETE FROM delegations").await;
    }
    replica.close().await;
}

async fn nothing_is_opened_under_a_revision_that_has_passed(it: Arc<Fixture>) {
    let replica = it.replica().await;
    for revision in 1..100 {
        let mut opens = JoinSet::new();
        for ledger in [it.ledger(), replica.ledger(ORG)] {
            let opening = Opening { revision, ..it.root() };
            opens.spawn(async move { ledger.open(opening).await.unwrap() });
        }
        let dropped = Change::DropAgent("orchestrator".to_owned());
        let applied = replica.registry().apply(ORG, revision, &[dropped], LATER).await.unwrap();
        assert_eq!(applied, Some(revision + 1));
        opens.join_all().await;
        let standing = "SELECT count(*) FROM delegations WHERE ended_at IS NULL";
        assert_eq!(it.number(standing).await, 0);
        it.tamper("UPDATE grants SET ended_at = NULL").await;
    }
    replica.close().await;
}

on_both_databases!(
    no_child_survives_the_revocation_of_an_ancestor,
    none_survives_a_stream_of_openings,
    none_survives_its_grant,
    nothing_is_opened_under_a_revision_that_has_passed,
);

/// What one snapshot would miss: the statement has begun and waits, and only then what it rests on
/// ends. Here without the advisory lock, so that it is the row locks alone that must see it.
mod waiting {
    use super::{
        Arc, Fixture, GRANT, LATER, ORG, Opened, Opening, PgPool, Postgres, Raw, Selector,
        Transaction,
    };

    fn pool(it: &Fixture) -> &PgPool {
        match &it.raw {
            Raw::Postgres(pool) => pool,
            Raw::Sqlite(_) => panic!("this test is about PostgreSQL"),
        }
    }

    /// Makes a change, lets the opening wait for it, commits it, and returns the verdict.
    async fn verdict(it: &Arc<Fixture>, change: &'static str, opening: Opening) -> Opened {
        let mut changing = pool(it).begin().await.unwrap();
        sqlx::query(change).execute(&mut *changing).await.unwrap();
        let ledger = it.ledger();
        let opening = tokio::spawn(async move { ledger.open(opening).await.unwrap() });
        until_somebody_waits(it).await;
        changing.commit().await.unwrap();
        opening.await.unwrap()
    }

    async fn until_somebody_waits(it: &Fixture) {
        let waiting = "SELECT count(*) FROM pg_stat_activity
            WHERE datname = current_database() AND wait_event_type = 'Lock'";
        while it.number(waiting).await == 0 {
            tokio::task::yield_now().await;
        }
    }

    async fn sees_the_end_of_its_parent(it: Arc<Fixture>) {
        let root = it.opened(it.root()).await;
        let opening = it.child(&root);
        let change = "UPDATE delegations SET ended_at = 1800000050";
        assert_eq!(verdict(&it, change, opening).await, Opened::Ended);
    }

    async fn sees_the_end_of_its_first_ancestor(it: Arc<Fixture>) {
        let root = it.opened(it.root()).await;
        let middle = it.opened(it.child(&root)).await;
        let opening = it.child(&middle);
        let change = "UPDATE delegations SET ended_at = 1800000050 WHERE parent IS NULL";
        assert_eq!(verdict(&it, change, opening).await, Opened::Ended);
    }

    async fn sees_the_end_of_its_grant(it: Arc<Fixture>) {
        let opening = it.root();
        let change = "UPDATE grants SET ended_at = 1800000050";
        assert_eq!(verdict(&it, change, opening).await, Opened::Ended);
    }

    async fn sees_the_new_revision_of_its_org(it: Arc<Fixture>) {
        let opening = it.root();
        let change = "UPDATE orgs SET revision = revision + 1";
        assert_eq!(verdict(&it, change, opening).await, Opened::Changed);
    }

    async fn sees_the_new_epoch_of_its_org(it: Arc<Fixture>) {
        let opening = it.root();
        let change = "UPDATE orgs SET epoch = epoch + 1";
        assert_eq!(verdict(&it, change, opening).await, Opened::Signalled);
    }

    async fn sees_the_new_epoch_of_its_grant(it: Arc<Fixture>) {
        let opening = it.root();
        let change = "UPDATE grants SET epoch = epoch + 1";
        assert_eq!(verdict(&it, change, opening).await, Opened::Signalled);
    }

    async fn sees_that_its_parent_is_deleted(it: Arc<Fixture>) {
        let root = it.opened(it.root()).await;
        let opening = it.child(&root);
        assert_eq!(verdict(&it, "DELETE FROM delegations", opening).await, Opened::Ended);
    }

    async fn is_recorded_when_the_change_did_not_concern_it(it: Arc<Fixture>) {
        let root = it.opened(it.root()).await;
        let opening = it.child(&root);
        let change = "UPDATE delegations SET expires_at = expires_at + 1";
        assert_eq!(verdict(&it, change, opening).await, Opened::Recorded);
    }

    /// Takes the lock that whoever changes an org takes first.
    async fn change_org(it: &Fixture) -> Transaction<'static, Postgres> {
        let mut changing = pool(it).begin().await.unwrap();
        sqlx::query("SELECT pg_advisory_xact_lock(hashtextextended('acme', 8693))")
            .execute(&mut *changing)
            .await
            .unwrap();
        changing
    }

    async fn a_change_of_one_org_holds_up_no_other(it: Arc<Fixture>) {
        it.declare("other").await;
        let changing = change_org(&it).await;
        let (ledger, opening) = (it.ledger(), it.root());
        let waiting = tokio::spawn(async move { ledger.open(opening).await.unwrap() });
        until_somebody_waits(&it).await;
        for _ in 0..20 {
            let opened = it.store.ledger("other").open(it.root()).await.unwrap();
            assert_eq!(opened, Opened::Recorded);
        }
        assert!(!waiting.is_finished());
        changing.commit().await.unwrap();
        assert_eq!(waiting.await.unwrap(), Opened::Recorded);
    }

    async fn a_change_of_an_org_holds_up_no_event(it: Arc<Fixture>) {
        let _changing = change_org(&it).await;
        it.ledger().note(it.event(delegation::event::Outcome::Refused)).await.unwrap();
    }

    async fn what_waited_for_a_change_is_judged_after_it(it: Arc<Fixture>) {
        let mut changing = change_org(&it).await;
        let (ledger, opening) = (it.ledger(), it.root());
        let waiting = tokio::spawn(async move { ledger.open(opening).await.unwrap() });
        until_somebody_waits(&it).await;
        sqlx::query("UPDATE grants SET ended_at = 1800000050")
            .execute(&mut *changing)
            .await
            .unwrap();
        changing.commit().await.unwrap();
        assert_eq!(waiting.await.unwrap(), Opened::Ended);
        let revoked = it.ledger().revoke(&Selector::Grant(GRANT.to_owned()), LATER, None).await;
        assert_eq!(revoked.unwrap(), 0);
        assert_eq!(it.registry().grants(ORG).await.unwrap(), []);
    }

    on_postgres!(
        sees_the_end_of_its_parent,
        sees_the_end_of_its_first_ancestor,
        sees_the_end_of_its_grant,
        sees_the_new_revision_of_its_org,
        sees_the_new_epoch_of_its_org,
        sees_the_new_epoch_of_its_grant,
        sees_that_its_parent_is_deleted,
        is_recorded_when_the_change_did_not_concern_it,
        a_change_of_one_org_holds_up_no_other,
        a_change_of_an_org_holds_up_no_event,
        what_waited_for_a_change_is_judged_after_it,
    );
}

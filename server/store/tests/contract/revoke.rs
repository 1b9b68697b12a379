use std::sync::Arc;

use delegation::ports::{Delegation, Opened, Opening, Selector};
use policy::Timestamp;

use crate::fixture::{Fixture, GRANT, LATER, NOW};

/// A root with two children, of which the first has a child.
async fn family(it: &Fixture) -> [Delegation; 4] {
    let root = it.opened(it.root()).await;
    let first = it.opened(it.child(&root)).await;
    let second = it.opened(it.child(&root)).await;
    let grandchild = it.opened(it.child(&first)).await;
    [root, first, second, grandchild]
}

async fn ends(it: &Fixture, family: &[Delegation; 4]) -> [bool; 4] {
    let mut ended = [false; 4];
    for (place, delegation) in ended.iter_mut().zip(family) {
        *place = it.ended_at(delegation).await.is_some();
    }
    ended
}

async fn ends_the_selected_and_all_below(it: Arc<Fixture>) {
    let family = family(&it).await;
    let selector = Selector::Delegation(family[0].id);
    assert_eq!(it.ledger().revoke(&selector, LATER, None).await.unwrap(), 4);
    assert_eq!(ends(&it, &family).await, [true; 4]);
    assert_eq!(it.ended_at(&family[3]).await, Some(LATER.0));
}

async fn leaves_what_is_above_and_beside(it: Arc<Fixture>) {
    let family = family(&it).await;
    let selector = Selector::Delegation(family[1].id);
    assert_eq!(it.ledger().revoke(&selector, LATER, None).await.unwrap(), 2);
    assert_eq!(ends(&it, &family).await, [false, true, false, true]);
}

async fn ends_a_grant_with_everything_on_it(it: Arc<Fixture>) {
    let family = family(&it).await;
    let selector = Selector::Grant(GRANT.to_owned());
    assert_eq!(it.ledger().revoke(&selector, LATER, None).await.unwrap(), 4);
    assert_eq!(ends(&it, &family).await, [true; 4]);
    assert_eq!(it.registry().grants("acme").await.unwrap(), []);
}

async fn ends_what_an_agent_holds_and_all_below_and_leaves_its_grants(it: Arc<Fixture>) {
    let [root, first, second, grandchild] = family(&it).await;
    let mut opening = it.child(&grandchild);
    "archivist".clone_into(&mut opening.delegation.agent);
    let below = it.opened(opening).await;
    let selector = Selector::Agent("researcher".to_owned());
    assert_eq!(it.ledger().revoke(&selector, LATER, None).await.unwrap(), 4);
    assert_eq!(ends(&it, &[root, first, second, below]).await, [false, true, true, true]);
    assert_eq!(it.registry().grants("acme").await.unwrap().len(), 1);
}

fn user(name: &str) -> Selector {
    Selector::User { connection: "home".to_owned(), user: name.to_owned() }
}

async fn ends_all_that_a_user_delegated_and_leaves_the_grants(it: Arc<Fixture>) {
    let family = family(&it).await;
    let mut opening = it.root();
    "bob".clone_into(&mut opening.delegation.user);
    let other = it.opened(opening).await;
    assert_eq!(it.ledger().revoke(&user("alice"), LATER, None).await.unwrap(), 4);
    assert_eq!(ends(&it, &family).await, [true; 4]);
    assert_eq!(it.ended_at(&other).await, None);
    assert_eq!(it.registry().grants("acme").await.unwrap().len(), 1);
}

async fn of_a_user_nothing_is_opened_that_was_recalled_before(it: Arc<Fixture>) {
    let opening = it.root();
    it.ledger().revoke(&user("nobody"), LATER, None).await.unwrap();
    it.opened(opening).await;
    let opening = it.root();
    it.ledger().revoke(&user("alice"), LATER, None).await.unwrap();
    assert_eq!(it.ledger().open(opening).await.unwrap(), Opened::Signalled);
    it.opened(Opening { epoch: 1, ..it.root() }).await;
}

async fn ends_nothing_twice_and_keeps_the_first_moment(it: Arc<Fixture>) {
    let family = family(&it).await;
    let selector = Selector::Delegation(family[1].id);
    it.ledger().revoke(&selector, LATER, None).await.unwrap();
    let again = Timestamp(LATER.0 + 50);
    assert_eq!(it.ledger().revoke(&selector, again, None).await.unwrap(), 0);
    let all = Selector::Delegation(family[0].id);
    assert_eq!(it.ledger().revoke(&all, again, None).await.unwrap(), 2);
    assert_eq!(it.ended_at(&family[3]).await, Some(LATER.0));
    assert_eq!(it.ended_at(&family[2]).await, Some(again.0));
}

async fn ends_nothing_that_is_not_there(it: Arc<Fixture>) {
    family(&it).await;
    let nobody = "nobody".to_owned();
    for selector in [
        Selector::Delegation(it.id()),
        Selector::Grant(nobody.clone()),
        Selector::Agent(nobody.clone()),
        Selector::Connection(nobody),
        user("nobody"),
    ] {
        assert_eq!(it.ledger().revoke(&selector, LATER, None).await.unwrap(), 0);
    }
}

async fn ends_nothing_of_another_org(it: Arc<Fixture>) {
    it.declare("other").await;
    let family = family(&it).await;
    for selector in [
        Selector::Delegation(family[0].id),
        Selector::Grant(GRANT.to_owned()),
        Selector::Agent("orchestrator".to_owned()),
        Selector::Connection("home".to_owned()),
        Selector::Org,
        user("alice"),
    ] {
        assert_eq!(it.store.ledger("other").revoke(&selector, LATER, None).await.unwrap(), 0);
    }
    assert_eq!(ends(&it, &family).await, [false; 4]);
    assert_eq!(it.registry().grants("acme").await.unwrap().len(), 1);
}

async fn ends_a_delegation_that_has_expired(it: Arc<Fixture>) {
    let root = it.opened(it.root()).await;
    let late = Timestamp(NOW.0 + 30 * 24 * 60 * 60);
    let selector = Selector::Delegation(root.id);
    assert_eq!(it.ledger().revoke(&selector, late, None).await.unwrap(), 1);
}

async fn does_not_rewrite_the_history_of_an_agent(it: Arc<Fixture>) {
    let old = it.opened(it.root()).await;
    let late = Timestamp(NOW.0 + 30 * 24 * 60 * 60);
    let mut opening = it.root();
    opening.delegation.expires_at = Timestamp(late.0 + 300);
    let fresh = it.opened(opening).await;
    let selector = Selector::Agent("orchestrator".to_owned());
    assert_eq!(it.ledger().revoke(&selector, late, None).await.unwrap(), 1);
    assert_eq!(it.ended_at(&old).await, None);
    assert_eq!(it.ended_at(&fresh).await, Some(late.0));
}

async fn ends_a_broad_tree(it: Arc<Fixture>) {
    let root = it.opened(it.root()).await;
    let mut all = tokio::task::JoinSet::new();
    for _ in 0..400 {
        let (ledger, opening) = (it.ledger(), it.child(&root));
        all.spawn(async move { ledger.open(opening).await.unwrap() });
    }
    all.join_all().await;
    let selector = Selector::Delegation(root.id);
    assert_eq!(it.ledger().revoke(&selector, LATER, None).await.unwrap(), 401);
    let standing = "SELECT count(*) FROM delegations WHERE ended_at IS NULL";
    assert_eq!(it.number(standing).await, 0);
}

on_both_databases!(
    ends_the_selected_and_all_below,
    leaves_what_is_above_and_beside,
    ends_a_grant_with_everything_on_it,
    ends_what_an_agent_holds_and_all_below_and_leaves_its_grants,
    ends_all_that_a_user_delegated_and_leaves_the_grants,
    of_a_user_nothing_is_opened_that_was_recalled_before,
    ends_nothing_twice_and_keeps_the_first_moment,
    ends_nothing_that_is_not_there,
    ends_nothing_of_another_org,
    ends_a_delegation_that_has_expired,
    does_not_rewrite_the_history_of_an_agent,
    ends_a_broad_tree,
);

use std::sync::Arc;

use delegation::{
    declared::{Change, DeclaredGrant},
    ports::{Grant, Lineage, Parent, Selector},
};
use policy::Timestamp;
use tokio::task::JoinSet;

use crate::{
    fixture::{Fixture, GRANT, LATER, ORG, grant, names, scope},
    signalling::root,
};

fn happy_grant() -> Grant {
    Grant {
        id: GRANT.to_owned(),
        scope: scope("documents:read documents:write"),
        targets: vec!["researcher".to_owned(), "https://documents.example".to_owned()],
        expires_at: None,
        ended_at: None,
    }
}

async fn finds_the_grant_of_a_root(it: Arc<Fixture>) {
    let recalled = it.ledger().recall(&root()).await.unwrap();
    assert_eq!(recalled.revision, 1);
    assert_eq!(recalled.grant, Some(happy_grant()));
    assert_eq!(recalled.parent, None);
}

fn root_of(user: &str) -> Lineage {
    Lineage::Root {
        connection: "home".to_owned(),
        user: user.to_owned(),
        agent: "orchestrator".to_owned(),
        names: names(),
    }
}

async fn finds_no_grant_of_another_user_agent_or_connection(it: Arc<Fixture>) {
    for (connection, user, agent) in [
        ("home", "bob", "orchestrator"),
        ("home", "alice", "researcher"),
        ("away", "alice", "orchestrator"),
    ] {
        let lineage = Lineage::Root {
            connection: connection.to_owned(),
            user: user.to_owned(),
            agent: agent.to_owned(),
            names: names(),
        };
        let recalled = it.ledger().recall(&lineage).await.unwrap();
        assert_eq!((recalled.revision, recalled.grant), (1, None));
    }
}

async fn shows_the_new_revision_after_a_change(it: Arc<Fixture>) {
    it.apply(1, &[]).await;
    assert_eq!(it.ledger().recall(&root()).await.unwrap().revision, 2);
}

async fn shows_that_the_only_grant_has_ended(it: Arc<Fixture>) {
    it.ledger().revoke(&Selector::Grant(GRANT.to_owned()), LATER, None).await.unwrap();
    let recalled = it.ledger().recall(&root()).await.unwrap();
    assert_eq!(recalled.grant, Some(Grant { ended_at: Some(LATER), ..happy_grant() }));
}

async fn prefers_the_grant_that_stands_to_one_that_ended(it: Arc<Fixture>) {
    let renewed = DeclaredGrant { id: "grant-renewed".to_owned(), ..grant() };
    it.apply(1, &[Change::DropGrant(GRANT.to_owned()), Change::PutGrant(renewed)]).await;
    let recalled = it.ledger().recall(&root()).await.unwrap();
    assert_eq!(recalled.grant, Some(Grant { id: "grant-renewed".to_owned(), ..happy_grant() }));
}

async fn finds_the_line_of_a_derived_subject(it: Arc<Fixture>) {
    let top = it.opened(it.root()).await;
    let middle = it.opened(it.child(&top)).await;
    let own = it.opened(it.child(&middle)).await;
    let recalled = it.ledger().recall(&Lineage::Derived { delegation: own.id }).await.unwrap();
    assert_eq!(recalled.revision, 1);
    assert_eq!(recalled.grant, Some(happy_grant()));
    let expected = Parent {
        id: own.id,
        root: top.id,
        connection: "home".to_owned(),
        user: "alice".to_owned(),
        ended_at: None,
        sealed_subject: Some(b"sealed".to_vec()),
    };
    assert_eq!(recalled.parent, Some(expected));
}

async fn shows_the_earliest_end_of_the_line(it: Arc<Fixture>) {
    let top = it.opened(it.root()).await;
    let middle = it.opened(it.child(&top)).await;
    let own = it.opened(it.child(&middle)).await;
    // Without the cascade, which would have marked the two below.
    it.tamper("UPDATE delegations SET ended_at = 1800000070 WHERE parent IS NULL").await;
    it.tamper("UPDATE delegations SET ended_at = 1800000050 WHERE depth = 2").await;
    let recalled = it.ledger().recall(&Lineage::Derived { delegation: own.id }).await.unwrap();
    assert_eq!(recalled.parent.unwrap().ended_at, Some(Timestamp(1_800_000_050)));
}

async fn knows_no_parent_that_was_never_ours(it: Arc<Fixture>) {
    let recalled = it.ledger().recall(&Lineage::Derived { delegation: it.id() }).await.unwrap();
    assert_eq!((recalled.revision, recalled.grant, recalled.parent), (1, None, None));
}

async fn shows_another_org_nothing(it: Arc<Fixture>) {
    it.declare("other").await;
    let own = it.opened(it.root()).await;
    it.tamper("DELETE FROM grants WHERE org = 'other'").await;
    let other = it.store.ledger("other");
    assert_eq!(other.recall(&root()).await.unwrap().grant, None);
    let recalled = other.recall(&Lineage::Derived { delegation: own.id }).await.unwrap();
    assert_eq!((recalled.grant, recalled.parent), (None, None));
    assert!(it.store.ledger(ORG).recall(&root()).await.unwrap().grant.is_some());
}

async fn an_org_that_is_not_there_has_a_revision_nobody_decided_under(it: Arc<Fixture>) {
    let recalled = it.store.ledger("nobody").recall(&root()).await.unwrap();
    assert_eq!((recalled.revision, recalled.grant), (0, None));
}

/// Whoever asks at once may be asked for together.
async fn gives_each_of_many_at_once_its_own(it: Arc<Fixture>) {
    let users: Vec<_> = (0..200).map(|number| format!("user-{number}")).collect();
    let granted = users.iter().step_by(3).map(|user| {
        Change::PutGrant(DeclaredGrant {
            id: format!("grant-of-{user}"),
            user: user.clone(),
            ..grant()
        })
    });
    it.apply(1, &granted.collect::<Vec<_>>()).await;
    let mut all = JoinSet::new();
    for (number, user) in users.into_iter().enumerate() {
        let it = Arc::clone(&it);
        all.spawn(async move {
            let own = it.ledger().recall(&root_of(&user)).await.unwrap();
            let expected = number.is_multiple_of(3).then(|| format!("grant-of-{user}"));
            own.grant.map(|grant| grant.id) == expected
        });
    }
    assert!(all.join_all().await.into_iter().all(|is_its_own| is_its_own));
}

/// `PostgreSQL` keeps no text with a NUL, and refuses to be asked for one.
async fn a_question_that_is_refused_spoils_no_other(it: Arc<Fixture>) {
    let mut all = JoinSet::new();
    for number in 0..60 {
        let it = Arc::clone(&it);
        all.spawn(async move {
            let is_strange = number % 20 == 7;
            let lineage = if is_strange { root_of("al\0ice") } else { root() };
            match it.ledger().recall(&lineage).await {
                Ok(recalled) => !is_strange && recalled.grant == Some(happy_grant()),
                Err(_) => is_strange,
            }
        });
    }
    assert!(all.join_all().await.into_iter().all(|as_expected| as_expected));
}

mod together {
    use super::a_question_that_is_refused_spoils_no_other;

    on_postgres!(a_question_that_is_refused_spoils_no_other);
}

on_both_databases!(
    gives_each_of_many_at_once_its_own,
    finds_the_grant_of_a_root,
    finds_no_grant_of_another_user_agent_or_connection,
    shows_the_new_revision_after_a_change,
    shows_that_the_only_grant_has_ended,
    prefers_the_grant_that_stands_to_one_that_ended,
    finds_the_line_of_a_derived_subject,
    shows_the_earliest_end_of_the_line,
    knows_no_parent_that_was_never_ours,
    shows_another_org_nothing,
    an_org_that_is_not_there_has_a_revision_nobody_decided_under,
);

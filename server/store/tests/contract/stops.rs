//! What a revocation stops, and how it goes on.

use std::sync::Arc;

use delegation::{
    declared::{Agent, Change, Stoppable},
    event::{Event, Outcome},
    ports::{Delegation, Opened, Opening, Selector},
};
use policy::Timestamp;

use crate::fixture::{Fixture, LATER, NOW, ORG, agent, connection};

const DAY: i64 = 24 * 60 * 60;

fn selectors() -> [(Selector, Stoppable); 3] {
    let (agent, home) = (|| "orchestrator".to_owned(), || "home".to_owned());
    [
        (Selector::Agent(agent()), Stoppable::Agent(agent())),
        (Selector::Connection(home()), Stoppable::Connection(home())),
        (Selector::Org, Stoppable::Org),
    ]
}

async fn stopped(it: &Fixture) -> Vec<Stoppable> {
    it.registry().find(ORG).await.unwrap().unwrap().stopped
}

async fn revision(it: &Fixture) -> i64 {
    it.registry().revision(ORG).await.unwrap().unwrap()
}

async fn revoke(it: &Fixture, selector: &Selector) -> u64 {
    it.ledger().revoke(selector, LATER, None).await.unwrap()
}

async fn restore(it: &Fixture, what: &Stoppable) -> bool {
    it.registry().restore(ORG, what, it.event(Outcome::Restored)).await.unwrap()
}

/// A root of the happy user, with a child, decided under the revision as it stands.
async fn family(it: &Fixture) -> [Delegation; 2] {
    let revision = revision(it).await;
    let root = it.opened(Opening { revision, ..it.root() }).await;
    let child = it.opened(Opening { revision, ..it.child(&root) }).await;
    [root, child]
}

async fn is_stopped_until_it_is_restored(it: Arc<Fixture>) {
    for (selector, what) in selectors() {
        let family = family(&it).await;
        assert_eq!(revoke(&it, &selector).await, 2, "{selector:?}");
        assert_eq!(stopped(&it).await, std::slice::from_ref(&what));
        assert!(restore(&it, &what).await);
        assert_eq!(stopped(&it).await, []);
        for delegation in family {
            assert!(it.ended_at(&delegation).await.is_some(), "what ended stays ended");
        }
    }
}

async fn nothing_decided_before_is_opened_after(it: Arc<Fixture>) {
    for (selector, what) in selectors() {
        let before = revision(&it).await;
        let (root, derived) = {
            let [root, _] = family(&it).await;
            (it.root(), it.child(&root))
        };
        revoke(&it, &selector).await;
        // The row of a root says it before its line does: it is decided anew.
        for opening in [root, derived] {
            let opening = Opening { revision: before, ..opening };
            assert_eq!(it.ledger().open(opening).await.unwrap(), Opened::Changed);
        }
        let stopped = revision(&it).await;
        assert!(before < stopped);
        restore(&it, &what).await;
        assert!(stopped < revision(&it).await, "whoever refuses by the stop looks again, too");
    }
}

async fn ends_everything_of_a_connection_and_of_no_other(it: Arc<Fixture>) {
    family(&it).await;
    let mut opening = it.root();
    "away".clone_into(&mut opening.delegation.connection);
    let away = it.opened(opening).await;
    assert_eq!(revoke(&it, &Selector::Connection("home".to_owned())).await, 2);
    assert_eq!(it.ended_at(&away).await, None);
    assert_eq!(it.registry().grants(ORG).await.unwrap().len(), 1, "grants wait for it");
}

async fn ends_everything_of_an_org_and_of_no_other(it: Arc<Fixture>) {
    it.declare("other").await;
    family(&it).await;
    assert_eq!(it.store.ledger("other").revoke(&Selector::Org, LATER, None).await.unwrap(), 0);
    assert_eq!(stopped(&it).await, []);
    assert_eq!(revoke(&it, &Selector::Org).await, 2);
    assert_eq!(it.registry().grants(ORG).await.unwrap().len(), 1);
}

async fn looks_only_at_what_may_be_alive(it: Arc<Fixture>) {
    for (selector, what) in selectors() {
        // What expired ten minutes ago, and a moment later.
        let mut ended = Vec::new();
        for expired in [0, 1] {
            let issued_at = Timestamp(LATER.0 - 600 - 300 + expired);
            let mut opening = Opening { revision: revision(&it).await, ..it.root() };
            opening.delegation.id = it.id_at(issued_at);
            opening.delegation.root = opening.delegation.id;
            opening.delegation.expires_at = Timestamp(issued_at.0 + 300);
            ended.push(it.opened(opening).await);
        }
        assert_eq!(revoke(&it, &selector).await, 1, "{selector:?}");
        for (delegation, expected) in ended.iter().zip([None, Some(LATER.0)]) {
            assert_eq!(it.ended_at(delegation).await, expected);
        }
        restore(&it, &what).await;
    }
}

async fn stopping_twice_keeps_the_first_moment(it: Arc<Fixture>) {
    for (selector, what) in selectors() {
        revoke(&it, &selector).await;
        let again = Timestamp(LATER.0 + DAY);
        it.ledger().revoke(&selector, again, None).await.unwrap();
        assert_eq!(it.number("SELECT MAX(stopped_at) FROM stops").await, LATER.0);
        assert!(restore(&it, &what).await);
        assert_eq!(stopped(&it).await, []);
    }
}

async fn what_is_not_stopped_cannot_be_restored(it: Arc<Fixture>) {
    let before = revision(&it).await;
    let nobody = Stoppable::Agent("nobody".to_owned());
    for what in selectors().into_iter().map(|(_, what)| what).chain([nobody]) {
        assert!(!restore(&it, &what).await);
    }
    assert_eq!((revision(&it).await, it.written().await), (before, (0, 0)));
}

async fn restoring_one_leaves_the_others_stopped(it: Arc<Fixture>) {
    it.declare("other").await;
    for (selector, _) in selectors() {
        revoke(&it, &selector).await;
        it.store.ledger("other").revoke(&selector, LATER, None).await.unwrap();
    }
    let [(_, agent), (_, connection), (_, org)] = selectors();
    assert!(restore(&it, &connection).await);
    assert_eq!(stopped(&it).await, [agent.clone(), org.clone()]);
    let other = it.registry().find("other").await.unwrap().unwrap();
    assert_eq!(other.stopped, [agent, connection, org]);
}

async fn each_writes_its_event(it: Arc<Fixture>) {
    let [(selector, what), ..] = selectors();
    family(&it).await;
    let revoked = Event { operator: Some("ops".to_owned()), ..it.event(Outcome::Revoked) };
    it.ledger().revoke(&selector, LATER, Some(revoked)).await.unwrap();
    restore(&it, &what).await;
    let told: Vec<_> = it
        .records()
        .await
        .into_iter()
        .skip(2)
        .map(|record| (record.outcome.to_string(), record.ended))
        .collect();
    assert_eq!(told, [("revoked".to_owned(), Some(2)), ("restored".to_owned(), None)]);
}

/// Else whoever may declare could undo a stop, and nobody would know.
async fn applying_neither_stops_nor_restores(it: Arc<Fixture>) {
    revoke(&it, &Selector::Agent("orchestrator".to_owned())).await;
    revoke(&it, &Selector::Connection("home".to_owned())).await;
    let before = stopped(&it).await;
    assert_eq!(before.len(), 2);
    let changes = [
        Change::PutAgent(agent("orchestrator")),
        Change::DropAgent("orchestrator".to_owned()),
        Change::PutAgent(agent("orchestrator")),
        Change::DropConnection("home".to_owned()),
        Change::PutConnection(connection()),
        Change::PutAgent(Agent { disabled: true, ..agent("researcher") }),
        Change::DropAgent("researcher".to_owned()),
    ];
    it.apply(revision(&it).await, &changes).await;
    assert_eq!(stopped(&it).await, before);
}

async fn nothing_is_stopped_of_an_org_that_is_not_there(it: Arc<Fixture>) {
    let ledger = it.store.ledger("nobody");
    for (selector, _) in selectors() {
        assert!(ledger.revoke(&selector, NOW, None).await.is_err());
    }
}

on_both_databases!(
    is_stopped_until_it_is_restored,
    nothing_decided_before_is_opened_after,
    ends_everything_of_a_connection_and_of_no_other,
    ends_everything_of_an_org_and_of_no_other,
    looks_only_at_what_may_be_alive,
    stopping_twice_keeps_the_first_moment,
    what_is_not_stopped_cannot_be_restored,
    restoring_one_leaves_the_others_stopped,
    each_writes_its_event,
    applying_neither_stops_nor_restores,
    nothing_is_stopped_of_an_org_that_is_not_there,
);

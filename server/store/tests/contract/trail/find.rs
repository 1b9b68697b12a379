use std::sync::Arc;

use delegation::{
    event::{Event, Outcome},
    trail::{Page, Query},
};
use policy::Timestamp;
use uuid::Uuid;

use super::{placed, seal, write};
use crate::fixture::{Fixture, NOW, ORG};

/// Ten events: of alice and bob in turn, by three agents in turn, a second after each other; the
/// third and the seventh of one chain.
async fn ten(it: &Fixture) -> (Vec<Event>, Uuid) {
    let root = it.id();
    let mut events = Vec::new();
    for number in 0..10 {
        let text = |list: &[&str]| Some(list[number % list.len()].to_owned());
        let of_chain = number == 2 || number == 6;
        let event = Event {
            at: Timestamp(NOW.0 + i64::try_from(number).unwrap()),
            subject: text(&["alice", "bob"]),
            client: text(&["one", "two", "three"]),
            root: of_chain.then_some(root),
            delegation: match number {
                2 => Some(root),
                6 => Some(it.id()),
                _ => None,
            },
            ..it.event(if of_chain { Outcome::Issued } else { Outcome::Refused })
        };
        it.ledger().note(event.clone()).await.unwrap();
        events.push(event);
    }
    // Each of which is somebody else's, too.
    it.declare("other").await;
    for event in &events {
        it.store.ledger("other").note(event.clone()).await.unwrap();
    }
    seal(it).await;
    it.trail("other").seal(100).await.unwrap();
    (events, root)
}

fn all() -> Query {
    Query { most: 100, ..Query::default() }
}

async fn page(it: &Fixture, query: &Query) -> Page {
    it.trail(ORG).find(query).await.unwrap()
}

/// The numbers of what is found, in one go and page by page in steps of every size: the same.
async fn found(it: &Fixture, query: Query) -> Vec<i64> {
    let numbers = |page: &Page| page.links.iter().map(|link| link.seq).collect::<Vec<_>>();
    let mut answers = Vec::new();
    for newest_first in [false, true] {
        let at_once = page(it, &Query { newest_first, ..query.clone() }).await;
        assert_eq!(at_once.next, None);
        for most in 1..4 {
            let mut query = Query { newest_first, most, ..query.clone() };
            let mut paged = Vec::new();
            loop {
                let page = page(it, &query).await;
                assert!(page.links.len() <= most);
                paged.extend(numbers(&page));
                let Some(next) = page.next else { break };
                query.after = Some(next);
            }
            assert_eq!(paged, numbers(&at_once), "{query:?}");
        }
        answers.push(numbers(&at_once));
    }
    let [in_order, mut newest_first] = answers.try_into().unwrap();
    newest_first.reverse();
    assert_eq!(in_order, newest_first);
    assert!(in_order.is_sorted());
    in_order
}

async fn finds_everything(it: Arc<Fixture>) {
    let (events, _) = ten(&it).await;
    assert_eq!(found(&it, all()).await, (1..=10).collect::<Vec<_>>());
    let links = page(&it, &all()).await.links;
    let records: Vec<String> = events.iter().map(|event| event.record(ORG)).collect();
    assert!(links.iter().map(|link| &link.record).eq(&records));
    let walked = it.trail(ORG).walk(0, 100).await.unwrap();
    assert!(links.iter().eq(walked.iter().map(|stored| &stored.link)));
}

async fn finds_an_action(it: Arc<Fixture>) {
    let (events, _) = ten(&it).await;
    let action = |id| Query { action: Some(id), ..all() };
    assert_eq!(found(&it, action(events[4].id)).await, [5]);
    assert_eq!(found(&it, action(Uuid::nil())).await, [0; 0]);
}

async fn finds_what_concerns_a_user(it: Arc<Fixture>) {
    ten(&it).await;
    let user = |user: &str| Query { user: Some(user.to_owned()), ..all() };
    assert_eq!(found(&it, user("alice")).await, [1, 3, 5, 7, 9]);
    assert_eq!(found(&it, user("bob")).await, [2, 4, 6, 8, 10]);
    assert_eq!(found(&it, user("ali")).await, [0; 0]);
}

async fn finds_what_an_agent_asked_for(it: Arc<Fixture>) {
    ten(&it).await;
    let agent = |agent: &str| Query { agent: Some(agent.to_owned()), ..all() };
    assert_eq!(found(&it, agent("two")).await, [2, 5, 8]);
    assert_eq!(found(&it, agent("four")).await, [0; 0]);
}

async fn finds_a_chain_by_any_of_its_delegations(it: Arc<Fixture>) {
    let (events, root) = ten(&it).await;
    let chain = |id| Query { chain: Some(id), ..all() };
    assert_eq!(found(&it, chain(root)).await, [3, 7]);
    assert_eq!(found(&it, chain(events[6].delegation.unwrap())).await, [3, 7]);
    assert_eq!(found(&it, chain(it.id())).await, [0; 0]);
}

/// Of what was refused to it, say.
async fn finds_the_chain_of_a_delegation_that_no_event_is_about(it: Arc<Fixture>) {
    let parent = it.opened(it.root()).await;
    it.tamper("DELETE FROM events").await;
    let child = it.child(&parent);
    let event = Event { root: Some(parent.id), ..it.event(Outcome::Refused) };
    placed(&it, event).await;
    assert_eq!(found(&it, Query { chain: Some(parent.id), ..all() }).await, [1]);
    let child = it.opened(child).await;
    it.tamper("DELETE FROM events").await;
    assert_eq!(found(&it, Query { chain: Some(child.id), ..all() }).await, [1]);
}

async fn finds_an_outcome(it: Arc<Fixture>) {
    ten(&it).await;
    let outcome = |outcome| Query { outcome: Some(outcome), ..all() };
    assert_eq!(found(&it, outcome(Outcome::Issued)).await, [3, 7]);
    assert_eq!(found(&it, outcome(Outcome::Refused)).await, [1, 2, 4, 5, 6, 8, 9, 10]);
    assert_eq!(found(&it, outcome(Outcome::Revoked)).await, [0; 0]);
}

async fn finds_a_time(it: Arc<Fixture>) {
    ten(&it).await;
    let time = |since: Option<i64>, until: Option<i64>| Query {
        since: since.map(|at| Timestamp(NOW.0 + at)),
        until: until.map(|at| Timestamp(NOW.0 + at)),
        ..all()
    };
    assert_eq!(found(&it, time(Some(3), Some(6))).await, [4, 5, 6]);
    assert_eq!(found(&it, time(Some(8), None)).await, [9, 10]);
    assert_eq!(found(&it, time(None, Some(2))).await, [1, 2]);
    assert_eq!(found(&it, time(Some(1000), None)).await, [0; 0]);
    assert_eq!(found(&it, time(None, Some(-1000))).await, [0; 0]);
    assert_eq!(found(&it, time(Some(6), Some(6))).await, [0; 0]);
}

/// Of replicas one may be quicker to commit, or have a clock that is behind.
async fn finds_a_time_also_where_clocks_are_apart(it: Arc<Fixture>) {
    for at in [0, 200, 150, 250, 199, 300] {
        let event = Event { at: Timestamp(NOW.0 + at), ..it.event(Outcome::Refused) };
        placed(&it, event).await;
    }
    let since = |at| Query { since: Some(Timestamp(NOW.0 + at)), ..all() };
    let until = |at| Query { until: Some(Timestamp(NOW.0 + at)), ..all() };
    assert_eq!(found(&it, since(200)).await, [2, 4, 6]);
    assert_eq!(found(&it, since(151)).await, [2, 4, 5, 6]);
    assert_eq!(found(&it, until(200)).await, [1, 3, 5]);
    assert_eq!(found(&it, until(201)).await, [1, 2, 3, 5]);
}

/// One event of a clock that is years off hides no other.
async fn finds_a_time_beside_an_event_of_a_broken_clock(it: Arc<Fixture>) {
    for at in [0, 100, 100_000_000, 200, -100_000_000, 300, 400] {
        let event = Event { at: Timestamp(NOW.0 + at), ..it.event(Outcome::Refused) };
        placed(&it, event).await;
    }
    let time = |since, until| Query {
        since: Some(Timestamp(NOW.0 + since)),
        until: Some(Timestamp(NOW.0 + until)),
        ..all()
    };
    assert_eq!(found(&it, time(100, 301)).await, [2, 4, 6]);
}

async fn finds_what_all_conditions_are_true_of(it: Arc<Fixture>) {
    let (events, root) = ten(&it).await;
    let text = |text: &str| Some(text.to_owned());
    let of = |query: Query| found(&it, query);
    let alice = || Query { user: text("alice"), ..all() };
    let since = Some(Timestamp(NOW.0 + 4));
    assert_eq!(of(Query { agent: text("one"), ..alice() }).await, [1, 7]);
    assert_eq!(of(Query { outcome: Some(Outcome::Issued), ..alice() }).await, [3, 7]);
    assert_eq!(of(Query { since, ..alice() }).await, [5, 7, 9]);
    assert_eq!(of(Query { agent: text("two"), since, ..all() }).await, [5, 8]);
    assert_eq!(of(Query { chain: Some(root), since, ..all() }).await, [7]);
    assert_eq!(of(Query { chain: Some(root), user: text("bob"), ..all() }).await, [0; 0]);
    assert_eq!(of(Query { action: Some(events[0].id), user: text("bob"), ..all() }).await, [0; 0]);
    let refused = Some(Outcome::Refused);
    assert_eq!(of(Query { outcome: refused, until: since, ..all() }).await, [1, 2, 4]);
}

/// Whoever follows asks again from where it was.
async fn goes_on_after_the_last_page_when_there_is_more(it: Arc<Fixture>) {
    write(&it, 2).await;
    seal(&it).await;
    let query = Query { user: Some("alice".to_owned()), ..all() };
    assert_eq!(page(&it, &query).await.links.len(), 2);
    let query = Query { after: Some(2), ..query };
    assert_eq!(page(&it, &query).await, Page::default());
    write(&it, 1).await;
    seal(&it).await;
    assert_eq!(page(&it, &query).await.links[0].seq, 3);
}

async fn a_page_has_a_largest_and_a_smallest_size(it: Arc<Fixture>) {
    write(&it, 1001).await;
    seal(&it).await;
    let of = |most| Query { most, ..Query::default() };
    let (largest, smallest) = (page(&it, &of(usize::MAX)).await, page(&it, &of(0)).await);
    assert_eq!((largest.links.len(), largest.next), (1000, Some(1000)));
    assert_eq!((smallest.links.len(), smallest.next), (1, Some(1)));
}

on_both_databases!(
    finds_everything,
    finds_an_action,
    finds_what_concerns_a_user,
    finds_what_an_agent_asked_for,
    finds_a_chain_by_any_of_its_delegations,
    finds_the_chain_of_a_delegation_that_no_event_is_about,
    finds_an_outcome,
    finds_a_time,
    finds_a_time_also_where_clocks_are_apart,
    finds_a_time_beside_an_event_of_a_broken_clock,
    finds_what_all_conditions_are_true_of,
    goes_on_after_the_last_page_when_there_is_more,
    a_page_has_a_largest_and_a_smallest_size,
);

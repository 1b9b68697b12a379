//! Service accounts: clients that act for the organization, on a grant without connection and user.

use std::sync::Arc;

use delegation::{
    declared::{Agent, Change, DeclaredGrant, Stoppable},
    names::Names,
    ports::{Delegation, Found, Lineage, Opened, Opening, Recalled, Selector},
    signal::{Effect, Whom},
    status::StatusIndex,
};
use policy::{Standing, Timestamp};

use crate::{
    fixture::{Fixture, LATER, NOW, ORG, agent, grant, resource, scope},
    signalling::tell,
};

fn service(id: &str) -> Agent {
    Agent { purpose: Some(format!("what {id} is for")), ..agent(id) }
}

fn own(agent: &str) -> DeclaredGrant {
    DeclaredGrant {
        id: format!("grant-{agent}"),
        connection: String::new(),
        user: String::new(),
        agent: agent.to_owned(),
        scope: scope("documents:read"),
        targets: vec![resource().id],
        expires_at: None,
    }
}

/// Two service accounts, beside the agent that may speak for itself.
async fn declared(it: &Fixture) {
    let changes = [
        Change::PutAgent(service("nightly")),
        Change::PutAgent(service("weekly")),
        Change::PutGrant(own("nightly")),
        Change::PutGrant(own("weekly")),
        Change::PutGrant(DeclaredGrant { targets: vec![], ..own("orchestrator") }),
    ];
    assert_eq!(it.apply(1, &changes).await, Some(2));
}

fn itself(agent: &str) -> Lineage {
    Lineage::Root {
        connection: String::new(),
        user: String::new(),
        agent: agent.to_owned(),
        names: Names::default(),
    }
}

async fn recalled(it: &Fixture, agent: &str) -> Recalled {
    it.ledger().recall(&itself(agent)).await.unwrap()
}

/// What it asks for, as things stand.
async fn asked(it: &Fixture, agent: &str) -> Opening {
    let Recalled { revision, epoch, .. } = recalled(it, agent).await;
    let mut opening = Opening { revision, epoch, ..it.root() };
    opening.delegation = Delegation {
        grant: own(agent).id,
        connection: String::new(),
        user: String::new(),
        agent: agent.to_owned(),
        target: resource().id,
        depth: 0,
        sealed_subject: None,
        session: None,
        signed_in_at: None,
        names: None,
        status: Some(StatusIndex { list: 1, index: 7 }),
        ..opening.delegation
    };
    opening
}

async fn issued(it: &Fixture, agent: &str) -> Delegation {
    it.opened(asked(it, agent).await).await
}

async fn hangs_on_what_the_organization_grants_it(it: Arc<Fixture>) {
    declared(&it).await;
    let recalled = recalled(&it, "nightly").await;
    let held = recalled.grant.unwrap();
    assert_eq!((held.id, held.scope), (own("nightly").id, own("nightly").scope));
    assert_eq!(held.targets, own("nightly").targets);
    assert!(recalled.names_known && recalled.parent.is_none() && recalled.heard_at.is_none());
    assert_eq!((recalled.epoch, recalled.signalled), (0, Standing::default()));
    let delegation = issued(&it, "nightly").await;
    let expected = Found {
        token_hash: delegation.token_hash,
        root: delegation.id,
        connection: String::new(),
        user: String::new(),
        agent: "nightly".to_owned(),
        ended_at: None,
        grant_expires_at: None,
        revision: 2,
    };
    assert_eq!(it.ledger().find(delegation.id).await.unwrap(), Some(expected));
}

async fn an_agent_has_its_own_beside_those_of_users(it: Arc<Fixture>) {
    declared(&it).await;
    let held = recalled(&it, "orchestrator").await.grant.unwrap();
    assert_eq!((held.id, held.targets), (own("orchestrator").id, vec![]));
    assert_eq!(recalled(&it, "researcher").await.grant, None);
    let listed = it.registry().grants(ORG).await.unwrap();
    let ids: Vec<_> = listed.iter().map(|grant| grant.id.as_str()).collect();
    assert_eq!(ids, ["grant-nightly", "grant-orchestrator", "grant-weekly", "grant-alice"]);
}

async fn ends_with_its_token_its_grant_or_the_account_and_no_other(it: Arc<Fixture>) {
    declared(&it).await;
    for by_grant in [false, true] {
        let (nightly, weekly) = (issued(&it, "nightly").await, issued(&it, "weekly").await);
        let selector = if by_grant {
            Selector::Grant(own("nightly").id)
        } else {
            Selector::Delegation(nightly.id)
        };
        let ended = it.ledger().revoke(&selector, LATER, None).await.unwrap();
        assert_eq!(ended, 1, "{selector:?}");
        assert_eq!(it.ended_at(&nightly).await, Some(LATER.0));
        assert_eq!(it.ended_at(&weekly).await, None);
        let found = it.ledger().find(nightly.id).await.unwrap().unwrap();
        assert_eq!(found.ended_at, Some(LATER));
    }
    assert_eq!(it.ledger().open(asked(&it, "nightly").await).await.unwrap(), Opened::Ended);
    issued(&it, "weekly").await;
}

async fn is_stopped_until_it_is_restored(it: Arc<Fixture>) {
    declared(&it).await;
    let (nightly, weekly) = (issued(&it, "nightly").await, issued(&it, "weekly").await);
    let before = asked(&it, "nightly").await;
    let selector = Selector::Agent("nightly".to_owned());
    assert_eq!(it.ledger().revoke(&selector, LATER, None).await.unwrap(), 1);
    assert!(it.ended_at(&nightly).await.is_some());
    assert_eq!(it.ended_at(&weekly).await, None);
    assert_eq!(it.ledger().open(before).await.unwrap(), Opened::Changed);
    let stopped = it.registry().find(ORG).await.unwrap().unwrap().stopped;
    assert_eq!(stopped, [Stoppable::Agent("nightly".to_owned())]);
}

async fn ends_when_it_is_disabled_or_dropped(it: Arc<Fixture>) {
    declared(&it).await;
    let nightly = issued(&it, "nightly").await;
    let disabled = Agent { disabled: true, ..service("nightly") };
    it.apply(2, &[Change::PutAgent(disabled)]).await.unwrap();
    assert_eq!(it.ended_at(&nightly).await, Some(LATER.0));
    let weekly = issued(&it, "weekly").await;
    it.apply(3, &[Change::DropAgent("weekly".to_owned())]).await.unwrap();
    assert_eq!(it.ended_at(&weekly).await, Some(LATER.0));
    assert_eq!(recalled(&it, "weekly").await.grant.unwrap().ended_at, Some(LATER));
    // Under the same name it begins anew.
    let anew = DeclaredGrant { id: "grant-anew".to_owned(), ..own("weekly") };
    it.apply(4, &[Change::PutAgent(service("weekly")), Change::PutGrant(anew)]).await.unwrap();
    assert_eq!(recalled(&it, "weekly").await.grant.unwrap().id, "grant-anew");
    assert_eq!(it.ended_at(&weekly).await, Some(LATER.0));
}

async fn no_connection_and_no_user_is_it(it: Arc<Fixture>) {
    declared(&it).await;
    let nightly = issued(&it, "nightly").await;
    let before = asked(&it, "nightly").await;
    it.apply(2, &[Change::DropConnection("home".to_owned())]).await.unwrap();
    let user = Selector::User { connection: "home".to_owned(), user: String::new() };
    it.ledger().revoke(&user, LATER, None).await.unwrap();
    let connection = Selector::Connection("home".to_owned());
    it.ledger().revoke(&connection, LATER, None).await.unwrap();
    assert_eq!(it.ended_at(&nightly).await, None);
    assert_eq!(recalled(&it, "nightly").await.grant.unwrap().ended_at, None);
    let now = asked(&it, "nightly").await;
    assert_eq!(
        it.ledger().open(Opening { revision: now.revision, ..before }).await.unwrap(),
        Opened::Recorded
    );
}

async fn what_a_provider_says_of_everybody_is_not_about_it(it: Arc<Fixture>) {
    declared(&it).await;
    let nightly = issued(&it, "nightly").await;
    tell(&it, Whom::Everyone, Effect::SignedOut, LATER).await;
    assert_eq!(it.ended_at(&nightly).await, None);
    assert_eq!(recalled(&it, "nightly").await.signalled, Standing::default());
    issued(&it, "nightly").await;
}

async fn ends_with_the_organization(it: Arc<Fixture>) {
    declared(&it).await;
    let nightly = issued(&it, "nightly").await;
    assert_eq!(it.ledger().revoke(&Selector::Org, LATER, None).await.unwrap(), 1);
    assert_eq!(it.ended_at(&nightly).await, Some(LATER.0));
}

async fn shows_on_its_status_list(it: Arc<Fixture>) {
    declared(&it).await;
    let lists = it.store.status_lists(ORG);
    assert_eq!(lists.lease(NOW).await.unwrap().list, 1);
    let nightly = issued(&it, "nightly").await;
    assert_eq!(lists.ended(1).await.unwrap(), Some(vec![]));
    it.ledger().revoke(&Selector::Delegation(nightly.id), LATER, None).await.unwrap();
    assert_eq!(lists.ended(1).await.unwrap(), Some(vec![7]));
}

async fn is_forgotten_a_day_after_it_expired(it: Arc<Fixture>) {
    declared(&it).await;
    let nightly = issued(&it, "nightly").await;
    it.store.sweep(Timestamp(NOW.0 + 24 * 3600)).await.unwrap();
    assert!(it.ledger().find(nightly.id).await.unwrap().is_some());
    it.store.sweep(Timestamp(NOW.0 + 2 * 24 * 3600)).await.unwrap();
    assert_eq!(it.ledger().find(nightly.id).await.unwrap(), None);
}

async fn each_purpose_has_one(it: Arc<Fixture>) {
    declared(&it).await;
    let second = || Agent { purpose: service("nightly").purpose, ..agent("second") };
    let fault = it.registry().apply(ORG, 2, &[Change::PutAgent(second())], LATER).await;
    let fault = fault.unwrap_err().to_string();
    assert!(fault.contains("the purpose `what nightly is for` of `second`"), "{fault}");
    assert!(fault.contains("`nightly` already"), "{fault}");
    // Its own is no other's; that of one that goes is free; another org has its own.
    let renamed = Agent { name: "Renamed".to_owned(), ..service("nightly") };
    it.apply(2, &[Change::PutAgent(renamed)]).await.unwrap();
    let changes = [Change::DropAgent("nightly".to_owned()), Change::PutAgent(second())];
    it.apply(3, &changes).await.unwrap();
    it.declare("other").await;
    it.registry().apply("other", 1, &[Change::PutAgent(second())], NOW).await.unwrap();
    // Agents have none, and there are many of them.
    let declared = it.registry().find(ORG).await.unwrap().unwrap();
    let purposes: Vec<_> = declared.agents.iter().map(|agent| agent.purpose.as_deref()).collect();
    let expected = [None, None, Some("what nightly is for"), Some("what weekly is for")];
    assert_eq!(purposes, expected);
}

async fn of_a_user_without_a_name_it_is_not(it: Arc<Fixture>) {
    declared(&it).await;
    let lineage = |connection: &str, user: &str| Lineage::Root {
        connection: connection.to_owned(),
        user: user.to_owned(),
        agent: "nightly".to_owned(),
        names: Names::default(),
    };
    for (connection, user) in [("home", ""), ("", "alice"), ("home", "*")] {
        let recalled = it.ledger().recall(&lineage(connection, user)).await.unwrap();
        assert_eq!(recalled.grant, None, "{connection} {user}");
    }
    assert!(it.ledger().recall(&lineage("", "")).await.unwrap().grant.is_some());
    assert_eq!(grant().connection, "home");
}

on_both_databases!(
    hangs_on_what_the_organization_grants_it,
    an_agent_has_its_own_beside_those_of_users,
    ends_with_its_token_its_grant_or_the_account_and_no_other,
    is_stopped_until_it_is_restored,
    ends_when_it_is_disabled_or_dropped,
    no_connection_and_no_user_is_it,
    what_a_provider_says_of_everybody_is_not_about_it,
    ends_with_the_organization,
    shows_on_its_status_list,
    is_forgotten_a_day_after_it_expired,
    each_purpose_has_one,
    of_a_user_without_a_name_it_is_not,
);

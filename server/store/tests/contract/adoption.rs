//! Grants of everybody, and those that users get of them.

use std::sync::Arc;

use delegation::{
    declared::{Change, DeclaredGrant, Template},
    ports::{Delegation, Grant, Lineage, Opened, Opening, Selector, own_grant},
    signal::Effect,
};
use policy::Timestamp;
use tokio::task::JoinSet;

use crate::{
    fixture::{Fixture, GRANT, LATER, NOW, ORG, agent, connection, grant, names, scope},
    signalling::{alice, tell},
};

const EVERYBODY: &str = "grant-everybody";

const OWN: &str = "SELECT count(*) FROM grants WHERE template IS NOT NULL AND ended_at IS NULL";

fn everybody() -> DeclaredGrant {
    DeclaredGrant {
        id: EVERYBODY.to_owned(),
        user: "*".to_owned(),
        expires_at: Some(Timestamp(NOW.0 + 5000)),
        ..grant()
    }
}

/// Declared after the happy grant of alice.
async fn declared(it: &Fixture) {
    let put = [Change::PutGrant(everybody())];
    assert_eq!(it.registry().apply(ORG, 1, &put, NOW).await.unwrap(), Some(2));
}

async fn held(it: &Fixture, user: &str) -> Option<Grant> {
    let lineage = Lineage::Root {
        connection: "home".to_owned(),
        user: user.to_owned(),
        agent: "orchestrator".to_owned(),
        names: names(),
    };
    it.ledger().recall(&lineage).await.unwrap().grant
}

async fn adopted(it: &Fixture, user: &str) -> Option<Grant> {
    it.ledger().adopt(EVERYBODY, user).await.unwrap();
    held(it, user).await
}

fn own(user: &str) -> String {
    own_grant(EVERYBODY, user).to_string()
}

/// A root of this user on the grant made for them, as the org stands.
async fn root_of(it: &Fixture, user: &str) -> Opening {
    let revision = it.registry().revision(ORG).await.unwrap().unwrap();
    let mut opening = Opening { revision, ..it.root() };
    opening.delegation.grant = own(user);
    user.clone_into(&mut opening.delegation.user);
    opening
}

async fn family_of(it: &Fixture, user: &str) -> [Delegation; 2] {
    let root = it.opened(root_of(it, user).await).await;
    let below = Opening { revision: root_of(it, user).await.revision, ..it.child(&root) };
    [root, it.opened(below).await]
}

async fn makes_a_grant_of_the_users_own(it: Arc<Fixture>) {
    declared(&it).await;
    let template = Template {
        id: EVERYBODY.to_owned(),
        connection: "home".to_owned(),
        agent: "orchestrator".to_owned(),
    };
    assert_eq!(it.registry().find(ORG).await.unwrap().unwrap().templates, [template]);
    assert_eq!(held(&it, "bob").await, None);
    let expected = Grant {
        id: own("bob"),
        scope: everybody().scope,
        targets: everybody().targets,
        expires_at: everybody().expires_at,
        ended_at: None,
    };
    for _ in 0..2 {
        assert_eq!(adopted(&it, "bob").await, Some(expected.clone()));
    }
    assert_eq!(it.number(OWN).await, 1);
    family_of(&it, "bob").await;
}

async fn is_found_but_not_listed_with_what_is_declared(it: Arc<Fixture>) {
    declared(&it).await;
    adopted(&it, "bob").await;
    assert_eq!(it.registry().grants(ORG).await.unwrap(), [everybody(), grant()]);
    let found = it.registry().grant(ORG, &own("bob")).await.unwrap();
    let expected = DeclaredGrant { id: own("bob"), user: "bob".to_owned(), ..everybody() };
    assert_eq!(found, Some(expected));
}

async fn leaves_a_user_what_was_declared_for_them(it: Arc<Fixture>) {
    declared(&it).await;
    assert_eq!(adopted(&it, "alice").await.unwrap().id, GRANT);
    assert_eq!(it.number(OWN).await, 0);
}

async fn makes_nothing_of_what_is_no_grant_of_everybody(it: Arc<Fixture>) {
    declared(&it).await;
    for template in [GRANT, "nothing", ""] {
        it.ledger().adopt(template, "bob").await.unwrap();
    }
    it.declare("other").await;
    it.store.ledger("other").adopt(EVERYBODY, "bob").await.unwrap();
    assert_eq!(it.number(OWN).await, 0);
    assert!(adopted(&it, "bob").await.is_some());
}

/// Whatever a provider calls its users.
async fn the_grant_of_everybody_is_nobodys_own(it: Arc<Fixture>) {
    declared(&it).await;
    assert_eq!(held(&it, "*").await, None);
    assert_eq!(adopted(&it, "*").await, None);
    assert_eq!(it.number(OWN).await, 0);
    // The very same row, of a user with another name.
    it.tamper("UPDATE grants SET user_sub = '+' WHERE user_sub = '*'").await;
    assert_eq!(held(&it, "+").await.unwrap().id, EVERYBODY);
}

async fn is_not_made_again_when_it_has_ended(it: Arc<Fixture>) {
    declared(&it).await;
    adopted(&it, "bob").await;
    it.ledger().revoke(&Selector::Grant(own("bob")), LATER, None).await.unwrap();
    assert_eq!(adopted(&it, "bob").await.unwrap().ended_at, Some(LATER));
    assert_eq!(it.number(OWN).await, 0);
    assert!(adopted(&it, "carol").await.unwrap().ended_at.is_none());
}

/// A revocation is not undone by a grant of everybody that was there all the time.
async fn nor_is_one_that_was_declared_and_has_ended_since(it: Arc<Fixture>) {
    declared(&it).await;
    it.ledger().revoke(&Selector::Grant(GRANT.to_owned()), LATER, None).await.unwrap();
    assert_eq!(adopted(&it, "alice").await.unwrap().ended_at, Some(LATER));
    // One that is declared afterwards is a new word about everybody.
    let anew = DeclaredGrant { id: "grant-anew".to_owned(), ..everybody() };
    let changes = [Change::DropGrant(EVERYBODY.to_owned()), Change::PutGrant(anew)];
    it.apply(2, &changes).await.unwrap();
    it.ledger().adopt("grant-anew", "alice").await.unwrap();
    assert_eq!(held(&it, "alice").await.unwrap().ended_at, None);
}

async fn follows_what_is_declared_of_everybody(it: Arc<Fixture>) {
    declared(&it).await;
    adopted(&it, "bob").await;
    adopted(&it, "carol").await;
    it.ledger().revoke(&Selector::Grant(own("carol")), LATER, None).await.unwrap();
    let [root, _] = family_of(&it, "bob").await;
    let changed = DeclaredGrant {
        id: "not-its-id".to_owned(),
        scope: scope("documents:read"),
        targets: vec!["researcher".to_owned()],
        expires_at: None,
        ..everybody()
    };
    it.apply(2, &[Change::PutGrant(changed.clone())]).await.unwrap();
    let own_now = held(&it, "bob").await.unwrap();
    assert_eq!(own_now.id, own("bob"));
    assert_eq!((&own_now.scope, &own_now.targets), (&changed.scope, &changed.targets));
    assert_eq!(own_now.expires_at, None);
    assert_eq!(it.ended_at(&root).await, None);
    assert_eq!(held(&it, "carol").await.unwrap().scope, everybody().scope, "that one is history");
    assert_eq!(held(&it, "alice").await.unwrap().scope, grant().scope, "that one is her own");
}

async fn what_is_declared_of_a_user_takes_its_place(it: Arc<Fixture>) {
    declared(&it).await;
    adopted(&it, "bob").await;
    let [root, _] = family_of(&it, "bob").await;
    let bobs = DeclaredGrant { id: "grant-bob".to_owned(), user: "bob".to_owned(), ..grant() };
    let narrowed = DeclaredGrant { scope: scope("documents:read"), ..everybody() };
    it.apply(2, &[Change::PutGrant(bobs.clone()), Change::PutGrant(narrowed)]).await.unwrap();
    let listed = it.registry().grants(ORG).await.unwrap();
    assert!(listed.contains(&DeclaredGrant { id: own("bob"), ..bobs.clone() }), "{listed:?}");
    assert_eq!(held(&it, "bob").await.unwrap().scope, bobs.scope, "it follows nobody");
    assert_eq!(it.ended_at(&root).await, None);
    it.apply(3, &[Change::DropGrant(EVERYBODY.to_owned())]).await.unwrap();
    assert_eq!(it.ended_at(&root).await, None);
    it.apply(4, &[Change::DropGrant(own("bob"))]).await.unwrap();
    assert_eq!(it.ended_at(&root).await, Some(LATER.0));
}

async fn ends_with_the_grant_of_everybody_and_all_below(it: Arc<Fixture>) {
    declared(&it).await;
    let ends: [&(dyn Fn() -> Change + Sync); 3] = [
        &|| Change::DropGrant(EVERYBODY.to_owned()),
        &|| Change::DropAgent("orchestrator".to_owned()),
        &|| Change::DropConnection("home".to_owned()),
    ];
    for end in ends {
        let mut families = Vec::new();
        for user in ["bob", "carol"] {
            adopted(&it, user).await;
            families.extend(family_of(&it, user).await);
        }
        let revision = it.registry().revision(ORG).await.unwrap().unwrap();
        it.apply(revision, &[end()]).await.unwrap();
        assert_eq!(it.number(OWN).await, 0);
        for delegation in families {
            assert_eq!(it.ended_at(&delegation).await, Some(LATER.0));
        }
        assert_eq!(adopted(&it, "dave").await, None, "there is nothing to make it of");
        it.tamper("DELETE FROM grants").await;
        let anew = [
            Change::PutConnection(connection()),
            Change::PutAgent(agent("orchestrator")),
            Change::PutGrant(everybody()),
        ];
        it.registry().apply(ORG, revision + 1, &anew, LATER).await.unwrap().unwrap();
    }
}

async fn ends_when_the_grant_of_everybody_is_revoked(it: Arc<Fixture>) {
    declared(&it).await;
    let alices = Opening { revision: 2, ..it.root() };
    let alices = it.opened(alices).await;
    adopted(&it, "bob").await;
    let family = family_of(&it, "bob").await;
    let selector = Selector::Grant(EVERYBODY.to_owned());
    assert_eq!(it.ledger().revoke(&selector, LATER, None).await.unwrap(), 2);
    assert_eq!(it.ended_at(&family[1]).await, Some(LATER.0));
    assert_eq!(it.ended_at(&alices).await, None, "that hangs on her own");
    assert_eq!(it.ledger().open(root_of(&it, "bob").await).await.unwrap(), Opened::Ended);
}

async fn ending_one_users_ends_nobody_elses(it: Arc<Fixture>) {
    declared(&it).await;
    adopted(&it, "bob").await;
    adopted(&it, "carol").await;
    let (bobs, carols) = (family_of(&it, "bob").await, family_of(&it, "carol").await);
    let selector = Selector::Grant(own("bob"));
    assert_eq!(it.ledger().revoke(&selector, LATER, None).await.unwrap(), 2);
    assert_eq!(it.ended_at(&bobs[1]).await, Some(LATER.0));
    assert_eq!(it.ended_at(&carols[0]).await, None);
    assert_eq!(held(&it, "carol").await.unwrap().ended_at, None);
}

async fn begins_with_the_epoch_of_the_users_others(it: Arc<Fixture>) {
    let second = DeclaredGrant {
        id: "grant-second".to_owned(),
        agent: "researcher".to_owned(),
        ..everybody()
    };
    it.apply(1, &[Change::PutGrant(second)]).await.unwrap();
    tell(&it, alice(), Effect::Recheck, NOW).await;
    tell(&it, alice(), Effect::Recheck, NOW).await;
    it.ledger().adopt("grant-second", "alice").await.unwrap();
    let epochs = "SELECT min(epoch) * 10 + max(epoch) FROM grants WHERE user_sub = 'alice'";
    assert_eq!((it.number(OWN).await, it.number(epochs).await), (1, 22));
}

async fn many_who_come_at_once_get_one_each(it: Arc<Fixture>) {
    declared(&it).await;
    let replica = it.replica().await;
    let mut all = JoinSet::new();
    for number in 0..200 {
        let ledger = if number % 2 == 0 { it.ledger() } else { replica.ledger(ORG) };
        let user = format!("user-{}", number % 20);
        all.spawn(async move { ledger.adopt(EVERYBODY, &user).await.unwrap() });
    }
    all.join_all().await;
    assert_eq!(it.number(OWN).await, 20);
    replica.close().await;
}

/// Neither a grant nor a delegation that stands although its template has ended.
async fn none_survives_its_template(it: Arc<Fixture>) {
    declared(&it).await;
    let replica = it.replica().await;
    for round in 0..60 {
        let mut all = JoinSet::new();
        for (number, ledger) in [it.ledger(), replica.ledger(ORG), it.ledger()].iter().enumerate() {
            let (ledger, user) = (Arc::clone(ledger), format!("user-{round}-{number}"));
            let opening = root_of(&it, &user).await;
            all.spawn(async move {
                ledger.adopt(EVERYBODY, &user).await.unwrap();
                let _ = ledger.open(opening).await.unwrap();
            });
        }
        let (revoker, selector) = (replica.ledger(ORG), Selector::Grant(EVERYBODY.to_owned()));
        revoker.revoke(&selector, LATER, None).await.unwrap();
        all.join_all().await;
        assert_eq!(it.number(OWN).await, 0);
        let standing = "SELECT count(*) FROM delegations WHERE ended_at IS NULL";
        assert_eq!(it.number(standing).await, 0);
        it.tamper("UPDATE grants SET ended_at = NULL WHERE user_sub = '*'").await;
    }
    replica.close().await;
}

/// All grants of a user have one epoch, also when a signal comes while one is made.
async fn no_signal_is_missed_by_one_that_is_being_made(it: Arc<Fixture>) {
    let second = DeclaredGrant { agent: "researcher".to_owned(), ..everybody() };
    it.apply(1, &[Change::PutGrant(second)]).await.unwrap();
    let replica = it.replica().await;
    for _ in 0..60 {
        let ledger = replica.ledger(ORG);
        let adopting = tokio::spawn(async move { ledger.adopt(EVERYBODY, "alice").await.unwrap() });
        tell(&it, alice(), Effect::Recheck, NOW).await;
        adopting.await.unwrap();
        let different = "SELECT count(DISTINCT epoch) FROM grants WHERE user_sub = 'alice'";
        assert_eq!((it.number(OWN).await, it.number(different).await), (1, 1));
        it.tamper("DELETE FROM grants WHERE template IS NOT NULL").await;
    }
    replica.close().await;
}

on_both_databases!(
    makes_a_grant_of_the_users_own,
    is_found_but_not_listed_with_what_is_declared,
    leaves_a_user_what_was_declared_for_them,
    makes_nothing_of_what_is_no_grant_of_everybody,
    the_grant_of_everybody_is_nobodys_own,
    is_not_made_again_when_it_has_ended,
    nor_is_one_that_was_declared_and_has_ended_since,
    follows_what_is_declared_of_everybody,
    what_is_declared_of_a_user_takes_its_place,
    ends_with_the_grant_of_everybody_and_all_below,
    ends_when_the_grant_of_everybody_is_revoked,
    ending_one_users_ends_nobody_elses,
    begins_with_the_epoch_of_the_users_others,
    many_who_come_at_once_get_one_each,
    none_survives_its_template,
    no_signal_is_missed_by_one_that_is_being_made,
);

//! Two secrets at most, while one replaces the other.

use std::sync::Arc;

use delegation::declared::{
    Agent, Authentication, Change, Method, Operator, Resource, SecretOwner,
};
use policy::Timestamp;

use crate::fixture::{Fixture, LATER, ORG, agent, resource};

fn owners() -> [SecretOwner; 3] {
    [
        SecretOwner::Agent("orchestrator".to_owned()),
        SecretOwner::Resource(resource().id),
        SecretOwner::Operator("orchestrator".to_owned()),
    ]
}

fn introspecting() -> Resource {
    Resource { client_id: Some("api".to_owned()), secrets: vec![[1; 32]], ..resource() }
}

/// Everybody has one secret, `[1; 32]`; some by the same name.
async fn declared(it: &Fixture) {
    let operator = Operator {
        id: "orchestrator".to_owned(),
        name: "An operator".to_owned(),
        powers: vec![],
        secrets: vec![[1; 32]],
    };
    let changes = [Change::PutResource(introspecting()), Change::PutOperator(operator)];
    it.apply(1, &changes).await.unwrap();
}

/// Which each has, oldest first: of agents, of resources, of operators.
async fn secrets(it: &Fixture) -> [Vec<u8>; 3] {
    let declared = it.registry().find(ORG).await.unwrap().unwrap();
    let first = |hashes: &[[u8; 32]]| hashes.iter().map(|hash| hash[0]).collect::<Vec<_>>();
    [
        first(&declared.agents[0].secrets),
        first(&declared.resources[0].secrets),
        first(&declared.operators[0].secrets),
    ]
}

async fn change(it: &Fixture, change: Change, at: Timestamp) {
    let revision = it.registry().revision(ORG).await.unwrap().unwrap();
    it.registry().apply(ORG, revision, &[change], at).await.unwrap().unwrap();
}

async fn add(it: &Fixture, owner: &SecretOwner, hash: u8, at: Timestamp) {
    change(it, Change::AddSecret { owner: owner.clone(), hash: [hash; 32] }, at).await;
}

async fn drop_secrets(it: &Fixture, owner: &SecretOwner, keep_newest: bool) {
    change(it, Change::DropSecrets { owner: owner.clone(), keep_newest }, LATER).await;
}

async fn a_second_one_stands_beside_the_first(it: Arc<Fixture>) {
    declared(&it).await;
    for (place, owner) in owners().iter().enumerate() {
        let mut expected = secrets(&it).await;
        expected[place] = vec![1, 2];
        add(&it, owner, 2, LATER).await;
        assert_eq!(secrets(&it).await, expected, "and of nobody else");
    }
}

async fn of_three_the_oldest_goes(it: Arc<Fixture>) {
    declared(&it).await;
    for owner in &owners() {
        for hash in [2, 3, 4] {
            // All in one second, and by a clock that is behind.
            add(&it, owner, hash, Timestamp(LATER.0 - i64::from(hash))).await;
        }
    }
    assert_eq!(secrets(&it).await, [[3, 4], [3, 4], [3, 4]]);
}

async fn only_the_newest_stays(it: Arc<Fixture>) {
    declared(&it).await;
    for (place, owner) in owners().iter().enumerate() {
        // By its age, not by its bytes.
        add(&it, owner, 0, LATER).await;
        let mut expected = secrets(&it).await;
        expected[place] = vec![0];
        drop_secrets(&it, owner, true).await;
        assert_eq!(secrets(&it).await, expected);
        drop_secrets(&it, owner, true).await;
        assert_eq!(secrets(&it).await, expected, "the last one stays");
    }
}

async fn none_stays(it: Arc<Fixture>) {
    declared(&it).await;
    for (place, owner) in owners().iter().enumerate() {
        add(&it, owner, 2, LATER).await;
        let mut expected = secrets(&it).await;
        expected[place] = vec![];
        drop_secrets(&it, owner, false).await;
        assert_eq!(secrets(&it).await, expected);
        add(&it, owner, 5, LATER).await;
        expected[place] = vec![5];
        assert_eq!(secrets(&it).await, expected);
    }
}

async fn a_new_one_instead_of_two(it: Arc<Fixture>) {
    declared(&it).await;
    for owner in owners() {
        add(&it, &owner, 2, LATER).await;
        change(&it, Change::ReplaceSecret { owner, hash: [9; 32] }, LATER).await;
    }
    assert_eq!(secrets(&it).await, [[9], [9], [9]]);
}

async fn nobody_gets_one_who_is_not_there(it: Arc<Fixture>) {
    declared(&it).await;
    let nobody = || "nobody".to_owned();
    for owner in [
        SecretOwner::Agent(nobody()),
        SecretOwner::Resource(nobody()),
        SecretOwner::Operator(nobody()),
    ] {
        for change in [
            Change::AddSecret { owner: owner.clone(), hash: [2; 32] },
            Change::ReplaceSecret { owner: owner.clone(), hash: [2; 32] },
        ] {
            let fault = it.registry().apply(ORG, 2, &[change], LATER).await.unwrap_err();
            assert!(fault.to_string().contains("`nobody` to give a secret to"), "{fault}");
        }
    }
}

async fn of_another_org_they_stay(it: Arc<Fixture>) {
    it.declare("other").await;
    declared(&it).await;
    let owner = SecretOwner::Agent("orchestrator".to_owned());
    add(&it, &owner, 2, LATER).await;
    drop_secrets(&it, &owner, false).await;
    let other = it.registry().find("other").await.unwrap().unwrap();
    assert_eq!(other.agents[0].secrets, [[1; 32]]);
}

async fn who_no_longer_uses_any_loses_them(it: Arc<Fixture>) {
    declared(&it).await;
    let by = |methods: &[Method]| Authentication {
        methods: methods.to_vec(),
        ..Authentication::default()
    };
    let put = async |methods: &[Method]| {
        let authentication = by(methods);
        let agent = Agent { authentication: authentication.clone(), ..agent("orchestrator") };
        change(&it, Change::PutAgent(agent), LATER).await;
        let resource = Resource { secrets: vec![], authentication, ..introspecting() };
        change(&it, Change::PutResource(resource), LATER).await;
    };
    // On the way from secrets to keys.
    put(&[Method::PrivateKeyJwt, Method::ClientSecretPost]).await;
    assert_eq!(secrets(&it).await, [[1], [1], [1]]);
    put(&[Method::PrivateKeyJwt]).await;
    assert_eq!(secrets(&it).await, [vec![], vec![], vec![1]]);
    put(&[Method::ClientSecretBasic]).await;
    assert_eq!(secrets(&it).await, [vec![], vec![], vec![1]], "they do not come back");
}

async fn who_never_uses_any_gets_none(it: Arc<Fixture>) {
    let keys_only =
        Authentication { methods: vec![Method::PrivateKeyJwt], ..Authentication::default() };
    let agent = Agent { authentication: keys_only, ..agent("signer") };
    it.apply(1, &[Change::PutAgent(agent)]).await.unwrap();
    let rows = "SELECT count(*) FROM agent_secrets WHERE agent = 'signer'";
    assert_eq!(it.number(rows).await, 0);
}

on_both_databases!(
    a_second_one_stands_beside_the_first,
    of_three_the_oldest_goes,
    only_the_newest_stays,
    none_stays,
    a_new_one_instead_of_two,
    nobody_gets_one_who_is_not_there,
    of_another_org_they_stay,
    who_no_longer_uses_any_loses_them,
    who_never_uses_any_gets_none,
);

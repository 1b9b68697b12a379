use std::{sync::Arc, time::Duration};

use delegation::declared::{
    Agent, Change, Connection, Declared, DeclaredGrant, Resource, SecretOwner, Settings,
};
use policy::{PolicyFile, Timestamp};

use crate::fixture::{
    Fixture, GRANT, LATER, NOW, ORG, agent, connection, grant, resource, scope, settings,
};

async fn found(it: &Fixture) -> Declared {
    it.registry().find(ORG).await.unwrap().unwrap()
}

async fn gives_back_what_was_declared(it: Arc<Fixture>) {
    let expected = Declared {
        id: ORG.to_owned(),
        revision: 1,
        settings: settings(),
        connections: vec![connection()],
        agents: vec![agent("orchestrator"), agent("researcher")],
        resources: vec![resource()],
        policies: vec![],
        operators: vec![],
        exports: vec![],
        trusts: vec![],
        templates: vec![],
        stopped: vec![],
    };
    assert_eq!(found(&it).await, expected);
    assert_eq!(it.registry().grants(ORG).await.unwrap(), [grant()]);
}

async fn lists_all_orgs(it: Arc<Fixture>) {
    it.declare("other").await;
    let all = [("acme".to_owned(), 1), ("other".to_owned(), 1)];
    assert_eq!(it.registry().orgs().await.unwrap(), all);
}

async fn finds_no_org_that_is_not_there(it: Arc<Fixture>) {
    assert_eq!(it.registry().find("nobody").await.unwrap(), None);
    assert_eq!(it.registry().grants("nobody").await.unwrap(), []);
}

async fn creates_an_org_once(it: Arc<Fixture>) {
    let again = Settings { name: "Usurper".to_owned(), ..settings() };
    assert_eq!(it.apply(0, &[Change::PutSettings(again)]).await, None);
    assert_eq!(found(&it).await.settings, settings());
}

async fn creates_no_org_without_settings(it: Arc<Fixture>) {
    assert!(it.registry().apply("other", 0, &[], NOW).await.is_err());
    assert_eq!(it.registry().find("other").await.unwrap(), None);
}

async fn changes_nothing_from_a_stale_revision(it: Arc<Fixture>) {
    assert_eq!(it.apply(1, &[]).await, Some(2));
    for stale in [1, 3] {
        assert_eq!(it.apply(stale, &[Change::DropGrant(GRANT.to_owned())]).await, None);
    }
    assert_eq!(it.registry().grants(ORG).await.unwrap().len(), 1);
    assert_eq!(found(&it).await.revision, 2);
}

async fn one_of_two_replicas_that_change_at_once_wins(it: Arc<Fixture>) {
    let replica = it.replica().await;
    for revision in 1..30 {
        let (one, other) = (it.registry(), replica.registry());
        let (one, other) = tokio::join!(
            tokio::spawn(async move { one.apply(ORG, revision, &[], LATER).await.unwrap() }),
            tokio::spawn(async move { other.apply(ORG, revision, &[], LATER).await.unwrap() }),
        );
        let mut answers = [one.unwrap(), other.unwrap()];
        answers.sort_unstable();
        assert_eq!(answers, [None, Some(revision + 1)]);
    }
    replica.close().await;
}

async fn makes_all_changes_or_none(it: Arc<Fixture>) {
    let clash = DeclaredGrant { user: "bob".to_owned(), ..grant() };
    let changes = [Change::PutAgent(agent("third")), Change::PutGrant(clash)];
    assert!(it.registry().apply(ORG, 1, &changes, LATER).await.is_err());
    let declared = found(&it).await;
    assert_eq!((declared.revision, declared.agents.len()), (1, 2));
}

async fn changes_settings(it: Arc<Fixture>) {
    let changed = Settings {
        name: "Acme 2".to_owned(),
        algorithm: "EdDSA".to_owned(),
        chain_limit: 3,
        lifetime: Duration::from_mins(1),
        default_target: Some("researcher".to_owned()),
        key_rotation: Duration::ZERO,
        audit_retention: Duration::from_hours(48),
        ..settings()
    };
    it.apply(1, &[Change::PutSettings(changed.clone())]).await;
    assert_eq!(found(&it).await.settings, changed);
}

async fn changes_a_connection(it: Arc<Fixture>) {
    let changed = Connection {
        issuer: "https://other.example".to_owned(),
        client_id: "other".to_owned(),
        client_secret: b"other".to_vec(),
        audiences: vec![],
        algorithms: vec!["ES256".to_owned(), "EdDSA".to_owned()],
        kinds: vec!["id_token".to_owned()],
        subject_prefix: "home:".to_owned(),
        untyped_access_tokens: true,
        max_age: 30,
        reconnect_uri: Some("https://app.example/reconnect".to_owned()),
        acr_values: Some("urn:example:mfa".to_owned()),
        checks: b"other checks".to_vec(),
        signals: b"other signals".to_vec(),
        streams: vec!["risc".to_owned(), "scim".to_owned()],
        ..connection()
    };
    it.apply(1, &[Change::PutConnection(changed.clone())]).await;
    assert_eq!(found(&it).await.connections, [changed]);
    it.apply(2, &[Change::PutConnection(connection())]).await;
    assert_eq!(found(&it).await.connections, [connection()]);
}

async fn reads_a_connection_from_before_there_were_checks(it: Arc<Fixture>) {
    it.tamper("UPDATE connections SET checks = NULL, signals = NULL").await;
    let expected = Connection { checks: vec![], signals: vec![], ..connection() };
    assert_eq!(found(&it).await.connections, [expected]);
}

async fn changes_everything_of_an_agent_but_its_secrets(it: Arc<Fixture>) {
    let changed = Agent {
        id: "orchestrator".to_owned(),
        name: "Other".to_owned(),
        scope: scope("documents:read"),
        aliases: vec!["a".to_owned(), "b".to_owned()],
        disabled: true,
        secrets: vec![[9; 32]],
        ..agent("orchestrator")
    };
    it.apply(1, &[Change::PutAgent(changed.clone())]).await;
    let expected = Agent { secrets: vec![[1; 32]], ..changed };
    assert_eq!(found(&it).await.agents.first(), Some(&expected));
}

async fn an_agent_stays_disabled_since_the_first_moment(it: Arc<Fixture>) {
    let disabled = Change::PutAgent(Agent { disabled: true, ..agent("orchestrator") });
    it.apply(1, std::slice::from_ref(&disabled)).await;
    it.registry().apply(ORG, 2, &[disabled], Timestamp(LATER.0 + 9)).await.unwrap();
    let since = "SELECT disabled_at FROM agents WHERE id = 'orchestrator'";
    assert_eq!(it.number(since).await, LATER.0);
    it.apply(3, &[Change::PutAgent(agent("orchestrator"))]).await;
    assert!(!found(&it).await.agents.first().unwrap().disabled);
}

async fn replaces_all_secrets_of_an_agent(it: Arc<Fixture>) {
    let hash = [2; 32];
    it.apply(
        1,
        &[Change::ReplaceSecret { owner: SecretOwner::Agent("orchestrator".to_owned()), hash }],
    )
    .await;
    let agents = found(&it).await.agents;
    let secrets: Vec<_> = agents.into_iter().map(|agent| agent.secrets).collect();
    assert_eq!(secrets, [vec![[2; 32]], vec![[1; 32]]]);
}

async fn gives_no_secret_to_an_agent_that_is_not_there(it: Arc<Fixture>) {
    let owner = SecretOwner::Agent("nobody".to_owned());
    let change = Change::ReplaceSecret { owner, hash: [2; 32] };
    assert!(it.registry().apply(ORG, 1, &[change], LATER).await.is_err());
}

async fn changes_and_drops_a_resource(it: Arc<Fixture>) {
    let changed = Resource { name: "Other".to_owned(), scope: scope("a b"), ..resource() };
    it.apply(1, &[Change::PutResource(changed.clone())]).await;
    assert_eq!(found(&it).await.resources, [changed]);
    it.apply(2, &[Change::DropResource(resource().id)]).await;
    assert_eq!(found(&it).await.resources, []);
}

async fn puts_changes_and_drops_a_policy(it: Arc<Fixture>) {
    let policy = |text: &str| PolicyFile { name: "a.cedar".to_owned(), text: text.to_owned() };
    it.apply(1, &[Change::PutPolicy(policy("one"))]).await;
    it.apply(2, &[Change::PutPolicy(policy("two"))]).await;
    assert_eq!(found(&it).await.policies, [policy("two")]);
    it.apply(3, &[Change::DropPolicy("a.cedar".to_owned())]).await;
    assert_eq!(found(&it).await.policies, []);
}

async fn changes_a_grant_in_place(it: Arc<Fixture>) {
    let root = it.opened(it.root()).await;
    let changed = DeclaredGrant {
        id: "another-id".to_owned(),
        scope: scope("documents:read"),
        targets: vec!["researcher".to_owned()],
        expires_at: Some(LATER),
        ..grant()
    };
    it.apply(1, &[Change::PutGrant(changed.clone())]).await;
    let expected = DeclaredGrant { id: GRANT.to_owned(), ..changed };
    assert_eq!(it.registry().grants(ORG).await.unwrap(), [expected]);
    assert_eq!(it.ended_at(&root).await, None);
}

async fn dropping_a_grant_ends_what_hangs_on_it(it: Arc<Fixture>) {
    let root = it.opened(it.root()).await;
    let child = it.opened(it.child(&root)).await;
    it.apply(1, &[Change::DropGrant(GRANT.to_owned())]).await;
    assert_eq!(it.registry().grants(ORG).await.unwrap(), []);
    assert_eq!(it.ended_at(&root).await, Some(LATER.0));
    assert_eq!(it.ended_at(&child).await, Some(LATER.0));
}

async fn dropping_an_agent_ends_what_it_holds_and_all_below(it: Arc<Fixture>) {
    let root = it.opened(it.root()).await;
    let child = it.opened(it.child(&root)).await;
    it.apply(1, &[Change::DropAgent("orchestrator".to_owned())]).await;
    assert_eq!(found(&it).await.agents, [agent("researcher")]);
    assert_eq!(it.ended_at(&root).await, Some(LATER.0));
    assert_eq!(it.ended_at(&child).await, Some(LATER.0));
}

async fn dropping_an_agent_leaves_what_is_above_it(it: Arc<Fixture>) {
    let root = it.opened(it.root()).await;
    let child = it.opened(it.child(&root)).await;
    it.apply(1, &[Change::DropAgent("researcher".to_owned())]).await;
    assert_eq!(it.ended_at(&root).await, None);
    assert_eq!(it.ended_at(&child).await, Some(LATER.0));
    assert_eq!(it.registry().grants(ORG).await.unwrap().len(), 1);
}

async fn disabling_an_agent_ends_what_it_holds_and_all_below(it: Arc<Fixture>) {
    let root = it.opened(it.root()).await;
    let child = it.opened(it.child(&root)).await;
    let disabled = Agent { disabled: true, ..agent("orchestrator") };
    it.apply(1, &[Change::PutAgent(disabled)]).await;
    assert_eq!(it.ended_at(&root).await, Some(LATER.0));
    assert_eq!(it.ended_at(&child).await, Some(LATER.0));
    assert_eq!(it.registry().grants(ORG).await.unwrap().len(), 1, "the grant waits for it");
}

async fn changing_an_agent_that_stays_enabled_ends_nothing(it: Arc<Fixture>) {
    let root = it.opened(it.root()).await;
    let renamed = Agent { name: "Another name".to_owned(), ..agent("orchestrator") };
    it.apply(1, &[Change::PutAgent(renamed)]).await;
    assert_eq!(it.ended_at(&root).await, None);
}

async fn a_new_agent_of_the_same_name_inherits_nothing(it: Arc<Fixture>) {
    let fresh = Agent { secrets: vec![], ..agent("orchestrator") };
    let changes = [Change::DropAgent("orchestrator".to_owned()), Change::PutAgent(fresh.clone())];
    it.apply(1, &changes).await;
    assert_eq!(found(&it).await.agents.first(), Some(&fresh));
    assert_eq!(it.registry().grants(ORG).await.unwrap(), []);
}

async fn a_new_connection_of_the_same_name_inherits_nothing(it: Arc<Fixture>) {
    let root = it.opened(it.root()).await;
    let changes = [Change::DropConnection("home".to_owned()), Change::PutConnection(connection())];
    it.apply(1, &changes).await;
    assert_eq!(found(&it).await.connections, [connection()]);
    assert_eq!(it.registry().grants(ORG).await.unwrap(), []);
    assert_eq!(it.ended_at(&root).await, Some(LATER.0));
}

async fn changes_nothing_of_another_org(it: Arc<Fixture>) {
    it.declare("other").await;
    let before = it.registry().find("other").await.unwrap();
    let changes = [
        Change::DropAgent("orchestrator".to_owned()),
        Change::DropConnection("home".to_owned()),
        Change::DropResource(resource().id),
        Change::DropGrant(GRANT.to_owned()),
    ];
    it.apply(1, &changes).await;
    assert_eq!(it.registry().find("other").await.unwrap(), before);
    assert_eq!(it.registry().grants("other").await.unwrap().len(), 1);
}

async fn refuses_a_list_that_would_not_come_back(it: Arc<Fixture>) {
    let smuggled = vec!["researcher\nhttps://payroll.example".to_owned()];
    let change = Change::PutGrant(DeclaredGrant { targets: smuggled, ..grant() });
    assert!(it.registry().apply(ORG, 1, &[change], LATER).await.is_err());
}

on_both_databases!(
    gives_back_what_was_declared,
    lists_all_orgs,
    finds_no_org_that_is_not_there,
    creates_an_org_once,
    creates_no_org_without_settings,
    changes_nothing_from_a_stale_revision,
    one_of_two_replicas_that_change_at_once_wins,
    makes_all_changes_or_none,
    changes_settings,
    changes_a_connection,
    reads_a_connection_from_before_there_were_checks,
    changes_everything_of_an_agent_but_its_secrets,
    an_agent_stays_disabled_since_the_first_moment,
    replaces_all_secrets_of_an_agent,
    gives_no_secret_to_an_agent_that_is_not_there,
    changes_and_drops_a_resource,
    puts_changes_and_drops_a_policy,
    changes_a_grant_in_place,
    dropping_a_grant_ends_what_hangs_on_it,
    dropping_an_agent_ends_what_it_holds_and_all_below,
    dropping_an_agent_leaves_what_is_above_it,
    disabling_an_agent_ends_what_it_holds_and_all_below,
    changing_an_agent_that_stays_enabled_ends_nothing,
    a_new_agent_of_the_same_name_inherits_nothing,
    a_new_connection_of_the_same_name_inherits_nothing,
    changes_nothing_of_another_org,
    refuses_a_list_that_would_not_come_back,
);

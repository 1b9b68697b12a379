//! How clients prove who they are, and what else is declared as JSON.

use std::sync::Arc;

use delegation::declared::{
    Abroad, Agent, Authentication, Change, Connection, Declared, DeclaredDomain, DeclaredName,
    GrantType, Limits, Method, Options, Rate, Resource, ScopeRule, ScopeSource, Settings,
    TokenRules, Trust, TrustKind, Workload,
};

use crate::fixture::{Fixture, LATER, ORG, agent, connection, resource, settings};

async fn found(it: &Fixture) -> Declared {
    it.registry().find(ORG).await.unwrap().unwrap()
}

/// Everything there is, none of it the default.
fn authentication() -> Authentication {
    Authentication {
        methods: Method::ALL.to_vec(),
        jwks: Some(r#"{"keys":[]}"#.to_owned()),
        jwks_uri: Some("https://agent.example/jwks".to_owned()),
        algorithms: vec!["ES256".to_owned()],
        legacy_audience: true,
        certificate: Some(DeclaredName::SanIp("192.0.2.1".parse().unwrap())),
        workloads: vec![Workload {
            issuer: "github".to_owned(),
            subject: "repo:o/r:ref:refs/heads/main".to_owned(),
            audience: "https://actas.example".to_owned(),
        }],
        spiffe_id: Some("spiffe://example.org/agent".to_owned()),
        attester: Some("acme".to_owned()),
        dpop_bound: true,
        certificate_bound: true,
        grants: GrantType::ALL.to_vec(),
    }
}

fn token_rules() -> TokenRules {
    TokenRules {
        opaque: true,
        longest_age: Some(3600),
        clients: vec!["orchestrator".to_owned()],
        believes_act: true,
        groups_claim: Some("roles".to_owned()),
        scopes: vec![
            ScopeRule { from: ScopeSource::Scope("Read".to_owned()), gives: "a".to_owned() },
            ScopeRule { from: ScopeSource::Group("finance".to_owned()), gives: "b c".to_owned() },
        ],
    }
}

fn options() -> Options {
    let rate = |per_second| Some(Rate { per_second, burst: 2 * per_second });
    Options {
        dpop_nonce: true,
        limits: Limits { organization: rate(1), agent: rate(2), user: rate(3), address: rate(4) },
        trust_domain: Some(DeclaredDomain {
            name: "internal.example.com".to_owned(),
            scope: "documents:read".to_owned(),
        }),
    }
}

async fn of_an_agent_comes_back_and_changes(it: Arc<Fixture>) {
    let changed = Agent { authentication: authentication(), ..agent("orchestrator") };
    it.apply(1, &[Change::PutAgent(changed.clone())]).await.unwrap();
    assert_eq!(found(&it).await.agents, [changed, agent("researcher")]);
    it.apply(2, &[Change::PutAgent(agent("orchestrator"))]).await.unwrap();
    assert_eq!(found(&it).await.agents[0], agent("orchestrator"));
}

async fn of_a_resource_comes_back_and_changes(it: Arc<Fixture>) {
    let abroad = Abroad {
        resources: vec!["https://mcp.partner.example".to_owned()],
        clients: [("orchestrator".to_owned(), "over-there".to_owned())].into(),
    };
    let changed = Resource { authentication: authentication(), abroad: Some(abroad), ..resource() };
    it.apply(1, &[Change::PutResource(changed.clone())]).await.unwrap();
    assert_eq!(found(&it).await.resources, [changed]);
    it.apply(2, &[Change::PutResource(resource())]).await.unwrap();
    assert_eq!(found(&it).await.resources, [resource()]);
}

async fn token_rules_and_options_come_back_and_change(it: Arc<Fixture>) {
    let ruled = Connection { tokens: token_rules(), ..connection() };
    let set = Settings { options: options(), ..settings() };
    let changes = [Change::PutConnection(ruled.clone()), Change::PutSettings(set.clone())];
    it.apply(1, &changes).await.unwrap();
    let declared = found(&it).await;
    assert_eq!((declared.connections, declared.settings), (vec![ruled], set.clone()));
    let changes = [Change::PutConnection(connection()), Change::PutSettings(settings())];
    it.apply(2, &changes).await.unwrap();
    let declared = found(&it).await;
    assert_eq!((declared.connections, declared.settings), (vec![connection()], settings()));
    // Also of an org that is new.
    it.registry().apply("other", 0, &[Change::PutSettings(set.clone())], LATER).await.unwrap();
    assert_eq!(it.registry().find("other").await.unwrap().unwrap().settings, set);
}

fn trust(kind: TrustKind, id: &str) -> Trust {
    Trust { kind, id: id.to_owned(), settings: format!("{kind:?} {id}").into_bytes() }
}

async fn whom_it_believes_comes_back_changes_and_goes(it: Arc<Fixture>) {
    it.declare("other").await;
    let all = TrustKind::ALL.map(|kind| trust(kind, "a"));
    let put = all.clone().map(Change::PutTrust);
    it.apply(1, &put).await.unwrap();
    let found_trusts = found(&it).await.trusts;
    assert_eq!(found_trusts.len(), 4);
    assert!(all.iter().all(|trust| found_trusts.contains(trust)), "{found_trusts:?}");
    assert_eq!(it.registry().find("other").await.unwrap().unwrap().trusts, []);
    let changed = Trust { settings: b"other".to_vec(), ..trust(TrustKind::Attester, "a") };
    let changes = [
        Change::PutTrust(changed.clone()),
        Change::DropTrust(TrustKind::TrustDomain, "a".to_owned()),
        Change::DropTrust(TrustKind::WorkloadIssuer, "b".to_owned()),
    ];
    it.apply(2, &changes).await.unwrap();
    let expected = [
        changed,
        trust(TrustKind::CertificateAuthority, "a"),
        trust(TrustKind::WorkloadIssuer, "a"),
    ];
    assert_eq!(found(&it).await.trusts, expected);
}

/// Whoever does not know all of a rule does not follow it.
async fn what_a_newer_actas_has_declared_is_a_fault(it: Arc<Fixture>) {
    assert!(it.registry().find(ORG).await.is_ok());
    for (change, back) in [
        (
            "UPDATE agents SET authentication = '{\"methods\":[\"telepathy\"],\"grants\":[]}'",
            "UPDATE agents SET authentication = NULL",
        ),
        (
            "UPDATE orgs SET options = '{\"dpop_nonce\":true,\"more\":1}'",
            "UPDATE orgs SET options = NULL",
        ),
        (
            "UPDATE connections SET token_rules = '{\"opaque\":\"yes\"}'",
            "UPDATE connections SET token_rules = NULL",
        ),
        ("UPDATE resources SET abroad = 'nothing'", "UPDATE resources SET abroad = NULL"),
    ] {
        it.tamper(change).await;
        assert!(it.registry().find(ORG).await.is_err(), "{change}");
        it.tamper(back).await;
        assert!(it.registry().find(ORG).await.is_ok(), "{back}");
    }
}

on_both_databases!(
    of_an_agent_comes_back_and_changes,
    of_a_resource_comes_back_and_changes,
    token_rules_and_options_come_back_and_change,
    whom_it_believes_comes_back_changes_and_goes,
    what_a_newer_actas_has_declared_is_a_fault,
);

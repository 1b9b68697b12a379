//! What is decided, and on what.

use std::{collections::HashMap, hint::black_box, sync::Arc};

use arc_swap::ArcSwap;
use criterion::Criterion;
use policy::{
    ActorChain, ActorFacts, Decision, Facts, GrantFacts, OrgPolicies, Party, PolicyFile, Product,
    Rules, Scope, Standing, SubjectFacts, SubjectKind, TargetFacts, TargetKind, Timestamp,
};

use crate::{
    Outcome,
    tokens::{CLIENT, IDP, ISSUER, RESOURCE, USER},
};

pub(crate) const SCOPE: &str = "scopes, read and intersected";
pub(crate) const LOOKUP: &str = "the organization, found among 1,000";
/// As many as judge an exchange of the benchmark of whole exchanges.
pub(crate) const FEW: usize = 4;
const POLICIES: [usize; 3] = [0, FEW, 100];
const NOW: Timestamp = Timestamp(1_800_000_000);

pub(crate) fn decide(policies: usize) -> String {
    format!("a decision, {policies} Cedar policies")
}

pub(crate) fn steps(criterion: &mut Criterion) -> Outcome<()> {
    let ceiling = Scope::parse("documents:read documents:write")?;
    criterion.bench_function(SCOPE, |step| {
        step.iter(|| Scope::parse(black_box("documents:read")).map(|it| it.narrow(&ceiling)));
    });
    let facts = facts()?;
    for policies in POLICIES {
        let rules = rules(policies)?;
        if !matches!(policy::decide(&facts, &rules), Decision::Permit(_)) {
            return Err("the policies refuse what they are asked".into());
        }
        criterion.bench_function(&decide(policies), |step| {
            step.iter(|| policy::decide(black_box(&facts), &rules));
        });
    }
    let name = |number: usize| (format!("bench-{number:04}"), Arc::new(number));
    let orgs = ArcSwap::from_pointee((0..1000).map(name).collect::<HashMap<_, _>>());
    criterion.bench_function(LOOKUP, |step| {
        step.iter(|| orgs.load().get(black_box("bench-0500")).cloned());
    });
    Ok(())
}

/// Policies of which each could apply, and none forbids.
fn rules(policies: usize) -> Outcome<Rules> {
    let policy = |number: usize| {
        format!(
            "@id(\"step-{number}\")\n\
             forbid (principal, action == Action::\"exchange\", resource)\n\
             when {{ context.scope like \"*:write-{number}\" }}\n\
             unless {{ context.amr.contains(\"mfa\") }};\n"
        )
    };
    let text = (0..policies).map(policy).collect();
    let file = PolicyFile { name: "steps.cedar".to_owned(), text };
    let files = if policies == 0 { vec![] } else { vec![file] };
    let policies = OrgPolicies::parse(&files).map_err(|errors| format!("{errors:?}"))?;
    Ok(Rules::new(5, policy::MAX_LIFETIME, policies)?)
}

/// Of the user's own token, for the first agent.
fn facts() -> Outcome<Facts> {
    let both = Scope::parse("documents:read documents:write")?;
    Ok(Facts {
        org: "bench".to_owned(),
        now: NOW,
        subject: SubjectFacts {
            kind: SubjectKind::AccessToken,
            org: "bench".to_owned(),
            user: Party { issuer: IDP.to_owned(), id: USER.to_owned() },
            sub: USER.to_owned(),
            scope: Some(both.clone()),
            audience: vec![RESOURCE.to_owned()],
            presented_as: Some(CLIENT.to_owned()),
            chain: ActorChain::none(),
            may_act: None,
            bound_to: None,
            expires_at: Timestamp(NOW.0 + 3600),
            signed_in_at: Some(Timestamp(NOW.0 - 60)),
            auth_time: Some(Timestamp(NOW.0 - 60)),
            acr: None,
            amr: vec!["pwd".to_owned(), "otp".to_owned()],
        },
        actor: ActorFacts {
            party: Party { issuer: ISSUER.to_owned(), id: format!("agent:{CLIENT}") },
            client_id: CLIENT.to_owned(),
            aliases: vec![],
            ceiling: both.clone(),
            expires_at: None,
        },
        grant: Some(GrantFacts {
            id: "grant".to_owned(),
            scope: both.clone(),
            targets: vec![RESOURCE.to_owned()],
            expires_at: None,
        }),
        target: TargetFacts { id: RESOURCE.to_owned(), kind: TargetKind::Resource, scope: both },
        requested: Some(Scope::parse("documents:read")?),
        standing: Standing { account: policy::Account::Active, ..Standing::default() },
        approved: false,
        product: Product::AccessToken,
        possession: None,
        must_bind: false,
    })
}

//! Facts and rules drawn at random, so that much of it is permitted and every rule is met.

use std::{fmt::Debug, sync::LazyLock, time::Duration};

use policy::{
    Access, Account, ActorChain, ActorFacts, Confirmation, Decision, Denial, Device, Facts,
    GrantFacts, HARD_LIMIT, MayAct, OrgPolicies, Party, PolicyFile, Product, Refusal, Risk, Rules,
    Scope, Session, SignIn, Standing, StepUp, SubjectFacts, SubjectKind, TargetFacts, TargetKind,
    Terms, Timestamp, decide,
};
use proptest::{
    collection::vec,
    option,
    prelude::*,
    sample::{select, subsequence},
};

pub const NOW: i64 = 1_000_000;
pub const AGENTS: [&str; 4] = ["a", "b", "c", "d"];
pub const TARGETS: [&str; 2] = ["b", "https://t.example"];
const SUBJECTS: [SubjectKind; 5] = [
    SubjectKind::Own,
    SubjectKind::AccessToken,
    SubjectKind::IdToken,
    SubjectKind::Assertion,
    SubjectKind::Itself,
];
const PRODUCTS: [Product; 4] =
    [Product::AccessToken, Product::IdJag, Product::JwtGrant, Product::TransactionToken];
const KINDS: [TargetKind; 5] = [
    TargetKind::Resource,
    TargetKind::Agent,
    TargetKind::AuthorizationServer,
    TargetKind::TrustDomain,
    TargetKind::Ourselves,
];
pub const TOKENS: [&str; 4] = ["read", "write", "share", "send"];

static POLICIES: LazyLock<Vec<OrgPolicies>> = LazyLock::new(|| {
    [
        "",
        "forbid (principal, action, resource) when { context.scope == \"write\" };",
        "forbid (principal, action, resource) when { context.depth > 1 && context.requested };",
        "permit (principal == Agent::\"a\", action, resource) when { context.scope == \"read\" };",
        "permit (principal, action, resource); forbid (principal, action, resource) unless { context has acr };",
        "@max_age(\"5\") forbid (principal, action, resource) when { context.depth > 1 };",
        "@acr_values(\"mfa\") forbid (principal, action, resource) when { context.scope == \"write\" }; forbid (principal, action, resource) when { context has risk };",
        "forbid (principal, action, resource) when { context.product == \"access_token\" && !context.bound };",
        "forbid (principal, action, resource) when { context.depth + 9223372036854775806 > 0 };",
    ]
    .map(loaded)
    .into()
});

pub fn loaded(text: &str) -> OrgPolicies {
    OrgPolicies::parse(&[PolicyFile { name: "p".into(), text: text.into() }]).expect("loads")
}

/// What came of it, in comparable form.
pub fn outcome(facts: &Facts, rules: &Rules) -> Result<(Terms, Vec<String>), Refusal> {
    match decide(facts, rules) {
        Decision::Permit(permit) => {
            let policies = permit.policies().to_vec();
            Ok((permit.spend(), policies))
        }
        Decision::Ask(question) => match question {},
        Decision::Refuse(refusal) => Err(refusal),
    }
}

fn party(id: &str) -> Party {
    Party { issuer: "https://actas.example".into(), id: format!("agent:{id}") }
}

fn scope() -> impl Strategy<Value = Scope> {
    let tokens = subsequence(TOKENS.to_vec(), 0..=TOKENS.len());
    // Large ones more often, so that intersections are not mostly empty.
    prop_oneof![tokens, subsequence(TOKENS.to_vec(), 3..=TOKENS.len())]
        .prop_map(|tokens| Scope::parse(&tokens.join(" ")).expect("scope"))
}

fn moment() -> impl Strategy<Value = Timestamp> {
    prop_oneof![19 => NOW..NOW + 1_000, 1 => any::<i64>()].prop_map(Timestamp)
}

/// Mostly `usual`, sometimes `other`.
fn mostly<T: Clone + Debug + 'static>(
    usual: T,
    other: impl Strategy<Value = T> + 'static,
) -> impl Strategy<Value = T> {
    prop_oneof![19 => Just(usual), 1 => other]
}

fn chain() -> impl Strategy<Value = ActorChain> {
    let few = subsequence(AGENTS.to_vec(), 0..=1);
    let any = subsequence(AGENTS.to_vec(), 0..=AGENTS.len());
    prop_oneof![few, any].prop_shuffle().prop_map(|ids| {
        ActorChain::from_parties(ids.into_iter().map(party).collect()).expect("chain")
    })
}

prop_compose! {
    fn subject()(
        kind in select(SUBJECTS.to_vec()),
        org in mostly("demo".to_owned(), ".*"),
        sub in mostly("alice".to_owned(), "(agent:|service:)?.*"),
        scope in option::weighted(0.8, scope()),
        audience in subsequence(AGENTS.to_vec(), 3..=AGENTS.len()),
        presented_as in option::weighted(0.3, select(AGENTS.to_vec())),
        chain in chain(),
        may_act in option::weighted(0.05, select(AGENTS.to_vec())),
        bound_to in option::weighted(0.2, confirmation()),
        times in (moment(), option::of(moment()), option::of(moment())),
        acr in option::of(".*"),
        amr in vec(".*", 0..3),
    ) -> SubjectFacts {
        SubjectFacts {
            kind,
            org,
            user: Party { issuer: "https://idp.example".into(), id: sub.clone() },
            sub,
            scope,
            audience: audience.into_iter().map(str::to_owned).collect(),
            presented_as: presented_as.map(str::to_owned),
            chain,
            bound_to,
            may_act: may_act.map(|id| MayAct { issuer: None, id: format!("agent:{id}") }),
            expires_at: times.0,
            signed_in_at: times.2,
            auth_time: times.1,
            acr,
            amr,
        }
    }
}

/// Few keys, so that two are often the same; a certificate of the same hash is another.
fn confirmation() -> impl Strategy<Value = Confirmation> {
    let (mine, other) = ("mine".to_owned(), "other".to_owned());
    select(vec![
        Confirmation::Key(mine.clone()),
        Confirmation::Key(other),
        Confirmation::Certificate(mine),
    ])
}

/// What is asked for, and of which target: mostly what goes together.
fn asked() -> impl Strategy<Value = (Product, TargetKind)> {
    let usual = vec![
        (Product::AccessToken, TargetKind::Resource),
        (Product::AccessToken, TargetKind::Resource),
        (Product::AccessToken, TargetKind::Agent),
        (Product::AccessToken, TargetKind::Ourselves),
        (Product::IdJag, TargetKind::AuthorizationServer),
        (Product::JwtGrant, TargetKind::AuthorizationServer),
        (Product::TransactionToken, TargetKind::TrustDomain),
    ];
    prop_oneof![9 => select(usual), 1 => (select(PRODUCTS.to_vec()), select(KINDS.to_vec()))]
}

/// A user whom the provider vouches for, and says no more of.
pub fn good() -> Standing {
    Standing { account: Account::Active, ..Standing::default() }
}

fn step_up() -> impl Strategy<Value = StepUp> {
    let values = subsequence(vec!["pwd", "mfa", "phr"], 1..=3).prop_shuffle();
    let acr_values = option::of(values.prop_map(|values| values.join(" ")));
    (any::<bool>(), acr_values, option::of(0..9_u64), option::of("[xy]")).prop_map(
        |(device, acr_values, max_age, claims)| StepUp { device, acr_values, max_age, claims },
    )
}

fn access() -> impl Strategy<Value = Access> {
    let denial = select(vec![Denial::ConditionalAccess, Denial::Consent, Denial::DecisionPoint]);
    prop_oneof![
        Just(Access::Unknown),
        Just(Access::Allowed),
        step_up().prop_map(Access::Demands),
        denial.prop_map(Access::Denied),
    ]
}

prop_compose! {
    /// Few moments and few words, so that two standings often agree in some parts.
    pub fn standing()(
        account in select(vec![Account::Unknown, Account::Active, Account::Suspended]),
        session in select(vec![Session::Unknown, Session::Live, Session::Ended]),
        moments in vec(option::weighted(0.3, (NOW..NOW + 9).prop_map(Timestamp)), 3),
        acr in option::of("[xy]"),
        amr in vec("[xy]", 0..3),
        device in (option::of(any::<bool>()), option::of(any::<bool>())),
        risk in option::of(select(vec![Risk::Low, Risk::Medium, Risk::High])),
        access in access(),
        network in option::of("[xy]"),
    ) -> Standing {
        let moment = |index: usize| moments.get(index).copied().flatten();
        Standing {
            account,
            session,
            sessions_valid_from: moment(0),
            step_up_before: moment(1),
            sign_in: SignIn { at: moment(2), acr, amr },
            device: Device { compliant: device.0, managed: device.1 },
            risk,
            access,
            network,
        }
    }
}

prop_compose! {
    pub fn facts()(
        subject in subject(),
        agent in select(AGENTS.to_vec()),
        ceiling in scope(),
        actor_expires_at in option::weighted(0.3, moment()),
        grant in option::weighted(0.9, (scope(), mostly(TARGETS.to_vec(), Just(Vec::new())), option::of(moment()))),
        target in select(TARGETS.to_vec()),
        (product, kind) in asked(),
        target_scope in scope(),
        requested in option::weighted(0.3, scope()),
        standing in mostly(good(), standing()),
        approved in any::<bool>(),
        possession in option::weighted(0.5, confirmation()),
        must_bind in prop::bool::weighted(0.2),
        (is_consistent, is_handed_on) in (prop::bool::weighted(0.9), prop::bool::weighted(0.3)),
    ) -> Facts {
        let (mut subject, mut kind, mut product, mut possession) =
            (subject, kind, product, possession);
        let is_itself = subject.kind == SubjectKind::Itself;
        if is_consistent && is_itself {
            subject.sub = party(agent).id;
            subject.chain = ActorChain::none();
            product = Product::AccessToken;
            if kind != TargetKind::Ourselves {
                kind = TargetKind::Resource;
            }
        } else if is_consistent && kind == TargetKind::Ourselves {
            kind = TargetKind::Resource;
        }
        if is_consistent && (is_itself || subject.kind == SubjectKind::Assertion) {
            subject.presented_as = Some(agent.to_owned());
        }
        if is_consistent && !is_handed_on {
            possession = subject.bound_to.clone().or(possession);
        }
        Facts {
            org: "demo".into(),
            now: Timestamp(NOW),
            subject,
            actor: ActorFacts {
                party: party(agent),
                client_id: agent.to_owned(),
                aliases: Vec::new(),
                ceiling,
                expires_at: actor_expires_at,
            },
            grant: grant.map(|(scope, targets, expires_at)| GrantFacts {
                id: "grant".into(),
                scope,
                targets: targets.into_iter().map(str::to_owned).collect(),
                expires_at,
            }),
            target: TargetFacts { id: target.to_owned(), kind, scope: target_scope },
            requested,
            standing,
            approved,
            product,
            possession,
            must_bind,
        }
    }
}

pub fn rules() -> impl Strategy<Value = Rules> {
    (1..=HARD_LIMIT, 5..=300_u64, 0..POLICIES.len()).prop_map(|(limit, lifetime, index)| {
        let policies = POLICIES.get(index).expect("in range").clone();
        Rules::new(limit, Duration::from_secs(lifetime), policies).expect("rules")
    })
}

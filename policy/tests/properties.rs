//! What is true of every decision, whatever the facts and the policies.

#![expect(clippy::expect_used, reason = "a test fails by panicking")]

use std::{
    fmt::{Debug, Write},
    sync::LazyLock,
    time::Duration,
};

use policy::{
    ActorChain, ActorFacts, Decision, Facts, GrantFacts, HARD_LIMIT, MayAct, OrgPolicies, Party,
    PolicyFile, Reason, Refusal, Rules, Scope, Standing, SubjectFacts, SubjectKind, TargetFacts,
    TargetKind, Terms, Timestamp, decide,
};
use proptest::{
    collection::vec,
    option,
    prelude::*,
    sample::{select, subsequence},
    strategy::ValueTree,
    test_runner::TestRunner,
};

const NOW: i64 = 1_000_000;
const AGENTS: [&str; 4] = ["a", "b", "c", "d"];
const TARGETS: [&str; 2] = ["b", "https://t.example"];
const TOKENS: [&str; 4] = ["read", "write", "share", "send"];

static POLICIES: LazyLock<Vec<OrgPolicies>> = LazyLock::new(|| {
    [
        "",
        "forbid (principal, action, resource) when { context.scope == \"write\" };",
        "forbid (principal, action, resource) when { context.depth > 1 && context.requested };",
        "permit (principal == Agent::\"a\", action, resource) when { context.scope == \"read\" };",
        "permit (principal, action, resource); forbid (principal, action, resource) unless { context has acr };",
        "forbid (principal, action, resource) when { context.depth + 9223372036854775806 > 0 };",
    ]
    .map(loaded)
    .into()
});

fn loaded(text: &str) -> OrgPolicies {
    OrgPolicies::parse(&[PolicyFile { name: "p".into(), text: text.into() }]).expect("loads")
}

/// What came of it, in comparable form.
fn outcome(facts: &Facts, rules: &Rules) -> Result<(Terms, Vec<String>), Refusal> {
    match decide(facts, rules) {
        Decision::Permit(permit) => {
            let policies = permit.policies().to_vec();
            Ok((permit.spend(), policies))
        }
        Decision::Ask(question) => match question {},
        Decision::Refuse(refusal) => Err(refusal),
    }
}

fn terms(facts: &Facts, rules: &Rules) -> Option<Terms> {
    outcome(facts, rules).ok().map(|(terms, _)| terms)
}

fn without_policies(rules: &Rules) -> Rules {
    Rules::new(rules.chain_limit(), rules.lifetime(), OrgPolicies::none()).expect("rules")
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
        kind in select(vec![SubjectKind::Own, SubjectKind::AccessToken, SubjectKind::IdToken]),
        org in mostly("demo".to_owned(), ".*"),
        sub in mostly("alice".to_owned(), "(agent:)?.*"),
        scope in option::weighted(0.8, scope()),
        audience in subsequence(AGENTS.to_vec(), 3..=AGENTS.len()),
        presented_as in option::weighted(0.3, select(AGENTS.to_vec())),
        chain in chain(),
        may_act in option::weighted(0.05, select(AGENTS.to_vec())),
        times in (moment(), option::of(moment())),
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
            may_act: may_act.map(|id| MayAct { issuer: None, id: format!("agent:{id}") }),
            expires_at: times.0,
            auth_time: times.1,
            acr,
            amr,
        }
    }
}

prop_compose! {
    fn facts()(
        subject in subject(),
        agent in select(AGENTS.to_vec()),
        ceiling in scope(),
        actor_expires_at in option::weighted(0.3, moment()),
        grant in option::weighted(0.9, (scope(), mostly(TARGETS.to_vec(), Just(Vec::new())), option::of(moment()))),
        target in select(TARGETS.to_vec()),
        kind in select(vec![TargetKind::Resource, TargetKind::Agent]),
        target_scope in scope(),
        requested in option::weighted(0.3, scope()),
        standing in mostly(Standing::Good, Just(Standing::Gone)),
        approved in any::<bool>(),
    ) -> Facts {
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
        }
    }
}

fn rules() -> impl Strategy<Value = Rules> {
    (1..=HARD_LIMIT, 5..=300_u64, 0..POLICIES.len()).prop_map(|(limit, lifetime, index)| {
        let policies = POLICIES.get(index).expect("in range").clone();
        Rules::new(limit, Duration::from_secs(lifetime), policies).expect("rules")
    })
}

/// The properties say something only of permits: there must be enough of them.
#[test]
fn the_facts_are_often_permitted() {
    let mut runner = TestRunner::deterministic();
    let permits = (0..1_000)
        .filter(|_| {
            let facts = facts().new_tree(&mut runner).expect("facts").current();
            let rules = rules().new_tree(&mut runner).expect("rules").current();
            terms(&facts, &rules).is_some()
        })
        .count();
    assert!(100 <= permits, "{permits} of 1000");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn the_scope_of_a_permit_is_within_every_input(facts in facts(), rules in rules()) {
        if let Some(terms) = terms(&facts, &rules) {
            let grant = facts.grant.expect("a permit has a grant");
            prop_assert!(!terms.scope.is_empty());
            prop_assert!(terms.scope.is_within(&grant.scope));
            prop_assert!(terms.scope.is_within(&facts.actor.ceiling));
            prop_assert!(terms.scope.is_within(&facts.target.scope));
            prop_assert!(facts.subject.scope.is_none_or(|scope| terms.scope.is_within(&scope)));
            // Asked for by name: whole or not at all.
            prop_assert!(facts.requested.is_none_or(|requested| terms.scope == requested));
        }
    }

    #[test]
    fn the_chain_keeps_the_prior_chain_and_the_limit(facts in facts(), rules in rules()) {
        if let Some(terms) = terms(&facts, &rules) {
            let prior = facts.subject.chain.parties();
            prop_assert!(terms.chain.depth() <= rules.chain_limit());
            prop_assert!(terms.chain.parties().ends_with(prior));
            prop_assert!(terms.chain.depth() <= prior.len() + 1);
            prop_assert_eq!(terms.chain.current(), Some(&facts.actor.party));
        }
    }

    #[test]
    fn a_permit_outlives_nothing_it_came_from(facts in facts(), rules in rules()) {
        if let Some(terms) = terms(&facts, &rules) {
            let end = terms.expires_at;
            prop_assert!(end <= facts.subject.expires_at);
            prop_assert!(facts.actor.expires_at.is_none_or(|actor| end <= actor));
            prop_assert!(facts.grant.and_then(|g| g.expires_at).is_none_or(|grant| end <= grant));
            prop_assert!(end <= facts.now.plus(rules.lifetime()));
            prop_assert!(5 <= facts.now.seconds_until(end));
        }
    }

    #[test]
    fn a_permit_is_about_the_facts_it_came_from(facts in facts(), rules in rules()) {
        if let Some(terms) = terms(&facts, &rules) {
            prop_assert_eq!(facts.standing, Standing::Good);
            prop_assert_eq!(&facts.subject.org, &facts.org);
            let expected = Terms {
                org: facts.org,
                sub: facts.subject.sub,
                user: facts.subject.user,
                client_id: facts.actor.client_id,
                audience: facts.target.id,
                auth_time: facts.subject.auth_time,
                acr: facts.subject.acr,
                amr: facts.subject.amr,
                grant: "grant".into(),
                scope: terms.scope.clone(),
                chain: terms.chain.clone(),
                expires_at: terms.expires_at,
            };
            prop_assert_eq!(terms, expected);
        }
    }

    #[test]
    fn policies_only_narrow(facts in facts(), rules in rules()) {
        let bare = outcome(&facts, &without_policies(&rules));
        match (outcome(&facts, &rules), bare) {
            (Ok((terms, _)), Ok((bare, _))) => {
                prop_assert!(terms.scope.is_within(&bare.scope));
                prop_assert_eq!(Terms { scope: bare.scope.clone(), ..terms }, bare);
            }
            (Err(refusal), Ok(_)) => {
                prop_assert!(matches!(refusal.reason, Reason::Policy | Reason::ScopeByPolicy));
            }
            (Err(refusal), Err(bare)) => prop_assert_eq!(refusal, bare),
            (Ok(_), Err(bare)) => prop_assert!(false, "permitted in spite of {:?}", bare),
        }
    }

    #[test]
    fn a_person_approving_changes_nothing_yet(facts in facts(), rules in rules()) {
        let other = Facts { approved: !facts.approved, ..facts.clone() };
        prop_assert_eq!(outcome(&facts, &rules), outcome(&other, &rules));
    }

    #[test]
    fn decide_never_panics(
        facts in facts(),
        rules in rules(),
        texts in vec(".*", 6),
        times in vec(any::<i64>(), 4),
    ) {
        let (text, time) = (|i: usize| texts.get(i).cloned(), |i: usize| times.get(i).copied());
        let mut facts = facts;
        facts.now = Timestamp(time(0).unwrap_or(0));
        facts.subject.expires_at = Timestamp(time(1).unwrap_or(0));
        facts.subject.auth_time = time(2).map(Timestamp);
        facts.actor.expires_at = time(3).map(Timestamp);
        facts.subject.user.issuer = text(0).unwrap_or_default();
        facts.subject.presented_as = text(1);
        facts.actor.client_id = text(1).unwrap_or_default();
        facts.actor.party.id = text(2).unwrap_or_default();
        facts.target.id = text(3).unwrap_or_default();
        facts.grant = facts.grant.map(|grant| GrantFacts { targets: text(3).into_iter().collect(), ..grant });
        facts.subject.amr = texts.clone();
        facts.org = text(4).unwrap_or_default();
        facts.subject.org = text(4).unwrap_or_default();
        let _ = decide(&facts, &rules);
    }
}

/// One policy, with an agent and a target either in its head or in its conditions.
#[derive(Clone, Debug)]
struct Written {
    effect: &'static str,
    agent: Option<&'static str>,
    target: Option<&'static str>,
    token: Option<&'static str>,
}

impl Written {
    fn in_head(&self, index: usize) -> String {
        let agent = self.agent.map_or(String::new(), |id| format!("== Agent::\"{id}\""));
        let target = self.target.map_or(String::new(), |id| format!("== Target::\"{id}\""));
        let Self { effect, .. } = self;
        let mut text =
            format!("@id(\"{index}\") {effect} (principal {agent}, action, resource {target})");
        self.write_token(&mut text);
        text
    }

    fn in_conditions(&self, index: usize) -> String {
        let mut text = format!("@id(\"{index}\") {} (principal, action, resource)", self.effect);
        for condition in [
            self.agent.map(|id| format!("principal == Agent::\"{id}\"")),
            self.target.map(|id| format!("resource == Target::\"{id}\"")),
        ]
        .into_iter()
        .flatten()
        {
            write!(text, " when {{ {condition} }}").expect("writes");
        }
        self.write_token(&mut text);
        text
    }

    fn write_token(&self, text: &mut String) {
        if let Some(token) = self.token {
            write!(text, " when {{ context.scope == \"{token}\" }}").expect("writes");
        }
        text.push_str(";\n");
    }
}

fn written() -> impl Strategy<Value = Written> {
    let agent = option::of(select(AGENTS.to_vec()));
    let target = option::of(select(TARGETS.to_vec()));
    let token = option::of(select(TOKENS.to_vec()));
    let effect = prop_oneof![2 => Just("permit"), 1 => Just("forbid")];
    (effect, agent, target, token).prop_map(|(effect, agent, target, token)| Written {
        effect,
        agent,
        target,
        token,
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    /// Policies are asked in slices by agent and target. That must not be noticed.
    #[test]
    fn where_a_policy_names_its_agent_does_not_matter(
        policies in vec(written(), 1..8),
        requests in vec(facts(), 60),
    ) {
        let text = |write: fn(&Written, usize) -> String| -> String {
            policies.iter().enumerate().map(|(index, policy)| write(policy, index)).collect()
        };
        let rules = |text: String| {
            Rules::new(HARD_LIMIT, Duration::from_mins(5), loaded(&text)).expect("rules")
        };
        let (sliced, whole) = (rules(text(Written::in_head)), rules(text(Written::in_conditions)));
        for facts in requests {
            prop_assert_eq!(outcome(&facts, &sliced), outcome(&facts, &whole));
        }
    }
}

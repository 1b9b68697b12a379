//! What is true of every decision, whatever the facts and the policies.

#![expect(clippy::expect_used, reason = "a test fails by panicking")]

mod drawn;

use std::{fmt::Write, time::Duration};

use policy::{
    Confirmation, Facts, GrantFacts, HARD_LIMIT, OrgPolicies, Reason, Rules, SubjectKind,
    TargetKind, Terms, Timestamp, decide,
};
use proptest::{
    collection::vec, option, prelude::*, sample::select, strategy::ValueTree,
    test_runner::TestRunner,
};

use drawn::{AGENTS, TARGETS, TOKENS, facts, loaded, outcome, rules};

fn terms(facts: &Facts, rules: &Rules) -> Option<Terms> {
    outcome(facts, rules).ok().map(|(terms, _)| terms)
}

fn without_policies(rules: &Rules) -> Rules {
    Rules::new(rules.chain_limit(), rules.lifetime(), OrgPolicies::none()).expect("rules")
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
            let is_empty = terms.scope.is_empty();
            prop_assert!(!is_empty || facts.target.kind == TargetKind::Ourselves);
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
            // A user's token always says who acts; a client's own says that by its subject.
            if facts.subject.kind == SubjectKind::Itself {
                prop_assert_eq!(terms.chain.current(), None);
                prop_assert_eq!(terms.sub, facts.actor.party.id);
            } else {
                prop_assert_eq!(terms.chain.current(), Some(&facts.actor.party));
                prop_assert!(!terms.sub.starts_with("agent:"));
                prop_assert!(!terms.sub.starts_with("service:"));
            }
        }
    }

    #[test]
    fn a_bound_token_never_becomes_a_bearer_token(facts in facts(), rules in rules()) {
        if let Some(terms) = terms(&facts, &rules) {
            let Facts { subject, actor, possession, .. } = facts;
            prop_assert_eq!(&terms.bound_to, &possession);
            prop_assert!(terms.bound_to.is_some() || !facts.must_bind && subject.bound_to.is_none());
            // Another key only of whom it was handed on to, and that was not its own client.
            if subject.bound_to.is_some() && subject.bound_to != possession {
                prop_assert!(subject.audience.contains(&actor.client_id));
                prop_assert!(subject.presented_as.is_some_and(|client| client != actor.client_id));
            }
        }
    }

    /// What a thief does not have, never helps: whatever is permitted without a key is not bound.
    #[test]
    fn leaving_the_proof_out_gains_nothing(facts in facts(), rules in rules()) {
        let bare = Facts { possession: None, ..facts.clone() };
        if terms(&bare, &without_policies(&rules)).is_some() {
            prop_assert!(bare.subject.bound_to.is_none() && !bare.must_bind);
            prop_assert!(terms(&facts, &without_policies(&rules)).is_some());
        }
    }

    #[test]
    fn another_key_than_the_bound_one_is_refused_unless_handed_on(
        facts in facts(),
        rules in rules(),
    ) {
        let mut facts = facts;
        facts.subject.presented_as = Some(facts.actor.client_id.clone());
        facts.subject.bound_to = Some(Confirmation::Key("mine".to_owned()));
        for other in [
            None,
            Some(Confirmation::Key("others".to_owned())),
            Some(Confirmation::Certificate("mine".to_owned())),
        ] {
            let facts = Facts { possession: other, ..facts.clone() };
            prop_assert!(terms(&facts, &rules).is_none());
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
            prop_assert!(facts.standing.vouches());
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
                product: facts.product,
                bound_to: facts.possession,
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
                let by_policy = [Reason::Policy, Reason::ScopeByPolicy, Reason::StepUp];
                prop_assert!(by_policy.contains(&refusal.reason));
            }
            (Err(refusal), Err(bare)) => prop_assert_eq!(refusal, bare),
            (Ok(_), Err(bare)) => prop_assert!(false, "permitted in spite of {:?}", bare),
        }
    }

    #[test]
    fn a_refusal_says_what_to_do_when_there_is_something(facts in facts(), rules in rules()) {
        if let Err(refusal) = outcome(&facts, &rules) {
            let mendable = [Reason::SignedOut, Reason::Device, Reason::StepUp];
            prop_assert_eq!(refusal.step_up.is_some(), mendable.contains(&refusal.reason));
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
        facts.subject.bound_to = text(5).map(Confirmation::Key);
        facts.possession = text(5).map(Confirmation::Key);
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

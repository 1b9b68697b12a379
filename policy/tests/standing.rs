//! What is true of any two standings, and of what is decided by them.

#![expect(clippy::expect_used, reason = "a test fails by panicking")]

mod drawn;

use std::time::Duration;

use policy::{
    Access, Account, Denial, Device, Facts, HARD_LIMIT, OrgPolicies, Reason, Risk, Rules, Session,
    Standing, StepUp, Timestamp,
};
use proptest::{prelude::*, strategy::ValueTree, test_runner::TestRunner};

use drawn::{facts, good, outcome, rules, standing};

fn no_policies() -> Rules {
    Rules::new(HARD_LIMIT, Duration::from_mins(5), OrgPolicies::none()).expect("rules")
}

fn refusal(facts: &Facts, standing: &Standing) -> Option<Reason> {
    let facts = Facts { standing: standing.clone(), ..facts.clone() };
    outcome(&facts, &no_policies()).err().map(|refusal| refusal.reason)
}

fn place(reason: Reason) -> usize {
    Reason::ALL.iter().position(|other| *other == reason).expect("every reason is there")
}

/// Without what the first of two says where neither is stricter: the words that policies and
/// providers read, and the methods of a sign-in which is told in two ways.
fn strict_parts(mut standing: Standing) -> Standing {
    standing.network = None;
    standing.sign_in.acr = None;
    standing.sign_in.amr = Vec::new();
    if let Access::Demands(step_up) = &mut standing.access {
        step_up.claims = None;
        step_up.acr_values = step_up.acr_values.take().map(|values| {
            let mut values: Vec<&str> = values.split(' ').collect();
            values.sort_unstable();
            values.join(" ")
        });
    }
    standing
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn it_does_not_matter_in_which_order_checks_are_combined(
        one in standing(), two in standing(), three in standing(),
    ) {
        let left = one.clone().and(two.clone()).and(three.clone());
        prop_assert_eq!(left, one.and(two.and(three)));
    }

    #[test]
    fn nor_which_of_two_comes_first_where_one_is_stricter(one in standing(), two in standing()) {
        let (there, back) = (one.clone().and(two.clone()), two.clone().and(one.clone()));
        prop_assert_eq!(strict_parts(there.clone()), strict_parts(back.clone()));
        // Two sign-ins at different moments leave no doubt whose methods count.
        if one.sign_in.at != two.sign_in.at {
            prop_assert_eq!(there.sign_in, back.sign_in);
        }
    }

    #[test]
    fn the_same_twice_is_the_same(standing in standing()) {
        prop_assert_eq!(standing.clone().and(standing.clone()), standing);
    }

    #[test]
    fn knowing_nothing_adds_nothing(standing in standing()) {
        prop_assert_eq!(standing.clone().and(Standing::default()), standing.clone());
        prop_assert_eq!(Standing::default().and(standing.clone()), standing);
    }

    /// Only silence may be mended by another check: `good` vouches for whoever nobody speaks of.
    #[test]
    fn another_check_never_turns_a_no_into_a_yes(
        facts in facts(), one in standing(), other in standing(),
    ) {
        let one = good().and(one);
        if let Some(reason) = refusal(&facts, &one) {
            for both in [one.clone().and(other.clone()), other.and(one)] {
                let still = refusal(&facts, &both);
                prop_assert!(still.is_some(), "{} became a yes", reason);
                // Nor is it reported under a later rule than the one that said no.
                prop_assert!(still.is_some_and(|still| place(still) <= place(reason)));
            }
        }
    }

    #[test]
    fn a_user_nobody_vouches_for_gets_nothing(
        facts in facts(), rules in rules(), standing in standing(),
    ) {
        let facts = Facts { standing, ..facts };
        if !facts.standing.vouches() {
            prop_assert!(outcome(&facts, &rules).is_err());
        }
    }
}

/// One standing for each reason it can give, in the order of the reasons.
fn refused() -> Vec<(Reason, Standing)> {
    let denied = |denial| Standing { access: Access::Denied(denial), ..good() };
    let none = Device::default();
    vec![
        (Reason::AccountSuspended, Standing { account: Account::Suspended, ..good() }),
        (Reason::SubjectGone, Standing { session: Session::Ended, ..good() }),
        (Reason::SignedOut, Standing { sessions_valid_from: Some(Timestamp(i64::MAX)), ..good() }),
        (Reason::ConditionalAccess, denied(Denial::ConditionalAccess)),
        (Reason::Consent, denied(Denial::Consent)),
        (Reason::DecisionPoint, denied(Denial::DecisionPoint)),
        (Reason::Device, Standing { device: Device { compliant: Some(false), ..none }, ..good() }),
        (Reason::Risk, Standing { risk: Some(Risk::High), ..good() }),
        (Reason::StepUp, Standing { access: Access::Demands(StepUp::default()), ..good() }),
    ]
}

/// Facts that are permitted when the standing is good.
fn permitted() -> Facts {
    let mut runner = TestRunner::deterministic();
    (0..1_000)
        .map(|_| facts().new_tree(&mut runner).expect("facts").current())
        .find(|facts| refusal(facts, &good()).is_none())
        .expect("facts are often permitted")
}

#[test]
fn of_two_reasons_the_first_in_their_order_is_reported() {
    let facts = permitted();
    let refused = refused();
    for (index, (reason, first)) in refused.iter().enumerate() {
        assert_eq!(refusal(&facts, first), Some(*reason));
        for (later, second) in refused.iter().skip(index + 1) {
            assert!(place(*reason) < place(*later));
            assert_eq!(refusal(&facts, &first.clone().and(second.clone())), Some(*reason));
            assert_eq!(refusal(&facts, &second.clone().and(first.clone())), Some(*reason));
        }
    }
}

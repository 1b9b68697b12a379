//! What several checks say together.

use policy::{Access, Account, Denial, Session, StepUp, Timestamp};

use super::*;

fn heard(told: Result<Told, UpstreamFault>) -> Heard {
    let line = event::Check {
        connection: "corporate".to_owned(),
        kind: "scripted",
        answer: "",
        age_ms: 0,
        took_us: 0,
        shared: false,
        mode: "strict",
    };
    (line, told)
}

fn combined(told: Vec<Result<Told, UpstreamFault>>) -> Combined {
    combine(told.into_iter().map(heard).collect())
}

#[expect(clippy::unnecessary_wraps, reason = "shaped like what a check says")]
fn says(standing: Standing) -> Result<Told, UpstreamFault> {
    Ok(standing.into())
}

fn active() -> Standing {
    Standing { account: Account::Active, ..Standing::default() }
}

fn live() -> Standing {
    Standing { session: Session::Live, ..Standing::default() }
}

fn ended() -> Standing {
    Standing { session: Session::Ended, ..Standing::default() }
}

fn allowed() -> Standing {
    Standing { access: Access::Allowed, ..Standing::default() }
}

fn denied() -> Standing {
    Standing { access: Access::Denied(Denial::DecisionPoint), ..Standing::default() }
}

/// What a connection makes of it.
fn concluded(told: Vec<Result<Told, UpstreamFault>>) -> Result<Standing, UpstreamFault> {
    let checks = told.len();
    let combined = combined(told);
    assert_eq!(combined.lines.len(), checks, "every check is in the audit trail");
    combined.conclude()
}

#[test]
fn of_each_part_the_strictest_wins() {
    let from = |moment| Standing { sessions_valid_from: Some(Timestamp(moment)), ..active() };
    let step_up = Standing { access: Access::Demands(StepUp::default()), ..live() };
    assert_eq!(concluded(vec![says(active()), says(live())]), Ok(active().and(live())));
    assert_eq!(concluded(vec![says(from(1)), says(from(2))]), Ok(from(2)));
    assert_eq!(concluded(vec![says(live()), says(ended())]), Ok(ended()));
    assert_eq!(concluded(vec![says(allowed()), says(step_up.clone())]), Ok(step_up));
    assert_eq!(concluded(vec![says(live()), says(denied())]), Ok(live().and(denied())));
}

#[test]
fn a_no_stands_whatever_the_others_would_have_said() {
    let silence = || Err(UpstreamFault::Status(500));
    for no in [ended(), denied(), Standing { account: Account::Suspended, ..live() }] {
        assert_eq!(concluded(vec![says(no.clone()), silence()]), Ok(no.clone()));
        assert_eq!(concluded(vec![silence(), says(no.clone())]), Ok(no));
    }
}

#[test]
fn a_yes_needs_all_of_them() {
    let silence = || Err(UpstreamFault::Status(500));
    let step_up = Standing { access: Access::Demands(StepUp::default()), ..live() };
    for rest in [active(), live(), active().and(live()), step_up] {
        assert_eq!(concluded(vec![says(rest.clone()), silence()]), Err(UpstreamFault::Status(500)));
        assert_eq!(concluded(vec![silence(), says(rest)]), Err(UpstreamFault::Status(500)));
    }
}

#[test]
fn a_decision_point_vouches_for_nobody() {
    let nobody = || Err(UpstreamFault::NoVoucher);
    assert_eq!(concluded(vec![says(allowed())]), nobody());
    assert_eq!(concluded(vec![says(allowed()), says(allowed())]), nobody());
    assert_eq!(concluded(vec![says(allowed()), says(Standing::default())]), nobody());
    assert_eq!(concluded(vec![]), nobody());
    assert_eq!(concluded(vec![says(allowed()), says(live())]), Ok(live().and(allowed())));
    // Its no counts, though it does not know the user.
    assert_eq!(concluded(vec![says(denied())]), Ok(denied()));
}

/// Whoever comes back earlier only meets the other fault.
#[test]
fn the_fault_that_takes_longest_to_mend_is_told() {
    let faults = [
        UpstreamFault::Status(500),
        UpstreamFault::Throttled(Some(30)),
        UpstreamFault::OverBudget(3),
    ];
    for turn in 0..3 {
        let mut faults = faults.to_vec();
        faults.rotate_left(turn);
        let fault = combined(faults.into_iter().map(Err).collect()).fault;
        assert_eq!(fault, Some(UpstreamFault::Throttled(Some(30))));
    }
}

#[test]
fn scopes_only_narrow() {
    let scope = |text: &str| Scope::parse(text).ok();
    let told = |held: Option<Scope>, permitted: Option<Scope>| {
        Ok(Told { standing: live(), scope: held, permitted })
    };
    let all = combined(vec![
        told(scope("a b c"), None),
        told(None, scope("x y")),
        told(scope("b c d"), scope("y z")),
    ]);
    assert_eq!((all.scope, all.permitted), (scope("b c"), scope("y")));
    let none = combined(vec![told(None, None)]);
    assert_eq!((none.scope, none.permitted), (None, None));
}

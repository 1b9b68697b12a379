//! Signals that come late, or in another order than things happened.

use std::sync::Arc;

use delegation::{names::Kind, signal::Effect};
use policy::{Account, Risk, Standing, Timestamp};

use crate::{
    fixture::{Fixture, NOW, names},
    signalling::{alice, alice_at, by, derived, said, said_of, stands, tell},
};

const EARLIER: Timestamp = Timestamp(NOW.0 - 10);

/// Delegated by who signed in before, and after, a signal that comes late.
async fn before_and_after(it: &Fixture) -> [delegation::ports::Delegation; 2] {
    let mut after = it.root();
    after.delegation.signed_in_at = Some(NOW);
    [it.opened(it.root()).await, it.opened(after).await]
}

/// Tells the one that undoes first; then the one that it undoes is late, and still an end.
async fn late(it: &Fixture, undoes: Effect, undone: Effect) {
    let [before, after] = before_and_after(it).await;
    let child = it.opened(it.child(&before)).await;
    assert_eq!(tell(it, alice(), undoes, NOW).await, 0);
    let said_before = said(it).await;
    assert_eq!(tell(it, alice(), undone, EARLIER).await, 2);
    assert!(!stands(it, &before).await && !stands(it, &child).await);
    assert!(stands(it, &after).await);
    assert_eq!(said(it).await, said_before);
}

async fn a_late_end_of_an_account_suspends_nobody(it: Arc<Fixture>) {
    late(&it, Effect::Enabled, Effect::Disabled).await;
    assert_eq!(said(&it).await, Standing::default());
    tell(&it, alice(), Effect::Disabled, NOW).await;
    assert_eq!(said(&it).await.account, Account::Suspended, "one in time does");
}

async fn a_late_end_of_compliance_says_nothing_of_now(it: Arc<Fixture>) {
    late(&it, Effect::Device { compliant: true }, Effect::Device { compliant: false }).await;
    tell(&it, alice(), Effect::Device { compliant: false }, NOW).await;
    assert_eq!(said(&it).await.device.compliant, Some(false));
}

async fn a_late_high_risk_says_nothing_of_now(it: Arc<Fixture>) {
    late(&it, Effect::Risk(Risk::Low), Effect::Risk(Risk::High)).await;
    assert_eq!(said(&it).await.risk, Some(Risk::Low));
    tell(&it, alice(), Effect::Risk(Risk::High), NOW).await;
    assert_eq!(said(&it).await.risk, Some(Risk::High));
}

async fn what_takes_back_is_late_too(it: Arc<Fixture>) {
    for effect in [Effect::Disabled, Effect::Device { compliant: false }, Effect::Risk(Risk::High)]
    {
        tell(&it, alice(), effect, NOW).await;
    }
    let before = said(&it).await;
    for effect in [Effect::Enabled, Effect::Device { compliant: true }, Effect::Risk(Risk::Low)] {
        tell(&it, alice(), effect, EARLIER).await;
    }
    assert_eq!(said(&it).await, before);
}

async fn of_two_in_one_second_the_last_one_holds(it: Arc<Fixture>) {
    for (effect, account) in [
        (Effect::Enabled, Account::Unknown),
        (Effect::Disabled, Account::Suspended),
        (Effect::Enabled, Account::Unknown),
    ] {
        tell(&it, alice(), effect, NOW).await;
        assert_eq!(said(&it).await.account, account);
    }
}

async fn a_moment_only_moves_on(it: Arc<Fixture>) {
    for at in [NOW, EARLIER] {
        tell(&it, alice(), Effect::SignedOut, at).await;
        tell(&it, alice(), Effect::StepUp, at).await;
    }
    let moment = Some(Timestamp(NOW.0 + 1));
    let said = said(&it).await;
    assert_eq!((said.sessions_valid_from, said.step_up_before), (moment, moment));
}

async fn late_by_another_name_is_late(it: Arc<Fixture>) {
    it.ledger().learn("home", "alice", &names()).await.unwrap();
    tell(&it, alice(), Effect::Enabled, NOW).await;
    tell(&it, by(Kind::Email, "alice@example.com"), Effect::Disabled, EARLIER).await;
    assert_eq!(said(&it).await, Standing::default());
}

async fn what_one_name_began_another_ends(it: Arc<Fixture>) {
    // Nobody knew yet whose address it is.
    tell(&it, by(Kind::Email, "alice@example.com"), Effect::Disabled, EARLIER).await;
    assert_eq!(said(&it).await.account, Account::Suspended);
    it.ledger().learn("home", "alice", &names()).await.unwrap();
    tell(&it, alice(), Effect::Enabled, NOW).await;
    assert_eq!(said(&it).await, Standing::default());
}

async fn what_is_forgotten_is_not_said_of_the_next_owner_later(it: Arc<Fixture>) {
    let email = || by(Kind::Email, "alice@example.com");
    tell(&it, email(), Effect::Forgotten, NOW).await;
    tell(&it, email(), Effect::Disabled, EARLIER).await;
    assert_eq!(said(&it).await, Standing::default());
    tell(&it, email(), Effect::Disabled, NOW).await;
    tell(&it, email(), Effect::Forgotten, EARLIER).await;
    assert_eq!(said(&it).await.account, Account::Suspended, "that was the next owner");
}

/// A device nobody knows stands for the user, until it complies.
async fn each_device_is_taken_back_for_itself(it: Arc<Fixture>) {
    for device in ["x", "y"] {
        tell(&it, alice_at(device), Effect::Device { compliant: false }, EARLIER).await;
    }
    tell(&it, alice_at("y"), Effect::Device { compliant: true }, NOW).await;
    assert_eq!(said(&it).await.device.compliant, Some(false), "the other one does not comply");
    tell(&it, alice_at("x"), Effect::Device { compliant: true }, NOW).await;
    assert_eq!(said(&it).await, Standing::default(), "that x and y comply says nothing of d-1");
    tell(&it, alice_at("x"), Effect::Device { compliant: false }, EARLIER).await;
    assert_eq!(said(&it).await, Standing::default(), "it is late");
}

async fn a_device_that_has_become_known_stands_for_itself_alone(it: Arc<Fixture>) {
    tell(&it, alice_at("d-1"), Effect::Device { compliant: false }, EARLIER).await;
    let mut elsewhere = it.root();
    elsewhere.delegation.names = None;
    elsewhere.epoch = 1;
    let elsewhere = it.opened(elsewhere).await;
    let of_elsewhere = derived(&elsewhere);
    assert_eq!(said_of(it.ledger().as_ref(), &of_elsewhere).await.device.compliant, Some(false));
    let mut known = it.root();
    known.epoch = 1;
    it.opened(known).await;
    let ended = tell(&it, alice_at("d-1"), Effect::Device { compliant: false }, NOW).await;
    assert_eq!(ended, 1);
    assert_eq!(said(&it).await.device.compliant, Some(false));
    assert_eq!(said_of(it.ledger().as_ref(), &of_elsewhere).await, Standing::default());
    tell(&it, alice_at("d-1"), Effect::Device { compliant: true }, NOW).await;
    assert_eq!(said(&it).await.device.compliant, Some(true), "this very device");
}

on_both_databases!(
    a_late_end_of_an_account_suspends_nobody,
    a_late_end_of_compliance_says_nothing_of_now,
    a_late_high_risk_says_nothing_of_now,
    what_takes_back_is_late_too,
    of_two_in_one_second_the_last_one_holds,
    a_moment_only_moves_on,
    late_by_another_name_is_late,
    what_one_name_began_another_ends,
    what_is_forgotten_is_not_said_of_the_next_owner_later,
    each_device_is_taken_back_for_itself,
    a_device_that_has_become_known_stands_for_itself_alone,
);

//! What each effect does to a user who is known, and what it leaves.

use std::sync::Arc;

use delegation::{
    event::Outcome,
    names::{Kind, Names},
    ports::{Delegation, Lineage, Opened, Signalled},
    signal::{Affected, Effect, Signal, Whom},
};
use policy::{Account, Device, Risk, Standing, Timestamp};

use crate::{
    fixture::{Fixture, LATER, NOW, SIGNED_IN, names},
    signalling::{alice, by, derived, epoch, named, root, said, said_of, signal, stands, tell},
};

/// A root, and what was derived from it.
async fn chain(it: &Fixture) -> [Delegation; 2] {
    let root = it.opened(it.root()).await;
    let child = it.opened(it.child(&root)).await;
    [root, child]
}

async fn both_stand(it: &Fixture, [root, child]: &[Delegation; 2]) -> bool {
    stands(it, root).await && stands(it, child).await
}

/// What else was delegated, of a sign-in at another moment, or of another user.
async fn another(it: &Fixture, user: &str, signed_in_at: Option<Timestamp>) -> Delegation {
    let mut opening = it.root();
    user.clone_into(&mut opening.delegation.user);
    opening.delegation.signed_in_at = signed_in_at;
    it.opened(opening).await
}

async fn signed_out_ends_what_was_signed_in_by_then(it: Arc<Fixture>) {
    let [root, child] = chain(&it).await;
    let unknown = another(&it, "alice", None).await;
    let later = another(&it, "alice", Some(Timestamp(SIGNED_IN.0 + 1))).await;
    let bob = another(&it, "bob", Some(SIGNED_IN)).await;
    assert_eq!(tell(&it, alice(), Effect::SignedOut, SIGNED_IN).await, 3);
    for ended in [&root, &child, &unknown] {
        assert_eq!(it.ended_at(ended).await, Some(LATER.0));
    }
    assert!(stands(&it, &later).await && stands(&it, &bob).await);
}

async fn signed_out_says_who_must_sign_in_again(it: Arc<Fixture>) {
    assert_eq!(said(&it).await, Standing::default());
    let [_, child] = chain(&it).await;
    tell(&it, alice(), Effect::SignedOut, NOW).await;
    // Who signed in at that second, too.
    let sessions_valid_from = Some(Timestamp(NOW.0 + 1));
    let expected = Standing { sessions_valid_from, ..Standing::default() };
    assert_eq!(said(&it).await, expected);
    assert_eq!(said_of(it.ledger().as_ref(), &derived(&child)).await, expected);
}

async fn disabled_ends_all_and_says_so(it: Arc<Fixture>) {
    let chain = chain(&it).await;
    let later = another(&it, "alice", Some(LATER)).await;
    let bob = another(&it, "bob", None).await;
    assert_eq!(tell(&it, alice(), Effect::Disabled, NOW).await, 3);
    assert!(!both_stand(&it, &chain).await && !stands(&it, &later).await);
    assert!(stands(&it, &bob).await);
    assert_eq!(said(&it).await.account, Account::Suspended);
}

async fn enabled_takes_it_back_and_revives_nothing(it: Arc<Fixture>) {
    let [root, _] = chain(&it).await;
    tell(&it, alice(), Effect::Disabled, NOW).await;
    assert_eq!(tell(&it, alice(), Effect::Enabled, LATER).await, 0);
    assert_eq!(said(&it).await, Standing::default(), "it vouches for nobody");
    assert!(!stands(&it, &root).await);
}

async fn step_up_asks_for_more_and_ends_nothing(it: Arc<Fixture>) {
    let chain = chain(&it).await;
    assert_eq!(tell(&it, alice(), Effect::StepUp, NOW).await, 0);
    assert!(both_stand(&it, &chain).await);
    let step_up_before = Some(Timestamp(NOW.0 + 1));
    assert_eq!(said(&it).await, Standing { step_up_before, ..Standing::default() });
}

async fn a_device_that_fails_ends_all_until_it_complies(it: Arc<Fixture>) {
    let chain = chain(&it).await;
    assert_eq!(tell(&it, alice(), Effect::Device { compliant: true }, NOW).await, 0);
    assert!(both_stand(&it, &chain).await);
    assert_eq!(tell(&it, alice(), Effect::Device { compliant: false }, NOW).await, 2);
    assert_eq!(said(&it).await.device, Device { compliant: Some(false), managed: None });
    tell(&it, alice(), Effect::Device { compliant: true }, LATER).await;
    // Which device complies nobody said, so none is known to.
    assert_eq!(said(&it).await, Standing::default());
}

async fn high_risk_ends_all_and_lower_risk_is_said(it: Arc<Fixture>) {
    let chain = chain(&it).await;
    for risk in [Risk::Low, Risk::Medium] {
        assert_eq!(tell(&it, alice(), Effect::Risk(risk), NOW).await, 0);
        assert_eq!(said(&it).await, Standing { risk: Some(risk), ..Standing::default() });
    }
    assert!(both_stand(&it, &chain).await);
    assert_eq!(tell(&it, alice(), Effect::Risk(Risk::High), NOW).await, 2);
    assert_eq!(said(&it).await.risk, Some(Risk::High));
    tell(&it, alice(), Effect::Risk(Risk::Low), LATER).await;
    assert_eq!(said(&it).await.risk, Some(Risk::Low));
}

async fn recheck_only_outdates_what_was_recalled(it: Arc<Fixture>) {
    let chain = chain(&it).await;
    let opening = it.root();
    assert_eq!(tell(&it, alice(), Effect::Recheck, NOW).await, 0);
    assert!(both_stand(&it, &chain).await);
    assert_eq!((said(&it).await, epoch(&it).await), (Standing::default(), 1));
    assert_eq!(it.ledger().open(opening).await.unwrap(), Opened::Signalled);
}

async fn forgotten_names_mean_nobody_and_all_ends(it: Arc<Fixture>) {
    let chain = chain(&it).await;
    it.ledger().learn("home", "alice", &names()).await.unwrap();
    let email = || by(Kind::Email, "alice@example.com");
    tell(&it, email(), Effect::Disabled, NOW).await;
    assert_eq!(tell(&it, email(), Effect::Forgotten, LATER).await, 0, "it had all ended");
    assert!(!both_stand(&it, &chain).await);
    assert!(!it.ledger().recall(&root()).await.unwrap().names_known);
    // The next owner is not suspended, alice still is.
    let next = Lineage::Root {
        connection: "home".to_owned(),
        user: "bob".to_owned(),
        agent: "orchestrator".to_owned(),
        names: named(Kind::Email, "alice@example.com"),
    };
    assert_eq!(said_of(it.ledger().as_ref(), &next).await, Standing::default());
    assert_eq!(said(&it).await.account, Account::Suspended);
}

async fn forgotten_ends_what_the_old_owner_delegated(it: Arc<Fixture>) {
    let chain = chain(&it).await;
    let bob = another(&it, "bob", None).await;
    it.ledger().learn("home", "alice", &names()).await.unwrap();
    let ended = tell(&it, by(Kind::Email, "alice@example.com"), Effect::Forgotten, NOW).await;
    assert_eq!(ended, 2);
    assert!(!both_stand(&it, &chain).await && stands(&it, &bob).await);
    assert_eq!(said(&it).await, Standing::default());
}

async fn a_signal_takes_effect_once(it: Arc<Fixture>) {
    let first = signal(&it, alice(), Effect::Disabled, NOW);
    let applied = it.ledger().signal(first.clone()).await.unwrap();
    assert_eq!(applied, Signalled::Applied { ended: 0 });
    tell(&it, alice(), Effect::Enabled, LATER).await;
    let (before, events) = (epoch(&it).await, it.written().await);
    assert_eq!(it.ledger().signal(first.clone()).await.unwrap(), Signalled::Duplicate);
    assert_eq!(said(&it).await, Standing::default());
    assert_eq!((epoch(&it).await, it.written().await), (before, events));
    // The same id of another sender is another signal.
    let event = it.event(Outcome::Signalled);
    let other = Signal { issuer: "https://other.example".to_owned(), event, ..first };
    let applied = it.ledger().signal(other).await.unwrap();
    assert_eq!(applied, Signalled::Applied { ended: 0 });
}

async fn many_at_once_take_effect_once(it: Arc<Fixture>) {
    let replica = it.replica().await;
    let signal = signal(&it, alice(), Effect::Recheck, NOW);
    let mut all = tokio::task::JoinSet::new();
    for number in 0..40 {
        let store = if number % 2 == 0 { &it.store } else { &replica };
        let (ledger, signal) = (store.ledger("acme"), signal.clone());
        all.spawn(async move { ledger.signal(signal).await.unwrap() });
    }
    let answers = all.join_all().await;
    let applied = answers.iter().filter(|answer| **answer != Signalled::Duplicate).count();
    assert_eq!((applied, epoch(&it).await), (1, 1));
    replica.close().await;
}

async fn all_effects_of_a_signal_are_one(it: Arc<Fixture>) {
    let chain = chain(&it).await;
    let mut signal = signal(&it, alice(), Effect::SignedOut, NOW);
    let at = NOW;
    signal.effects.push(Affected { whom: alice(), effect: Effect::Risk(Risk::Medium), at });
    it.ledger().signal(signal).await.unwrap();
    assert!(!both_stand(&it, &chain).await);
    let said = said(&it).await;
    assert!(said.sessions_valid_from.is_some() && said.risk == Some(Risk::Medium));
}

async fn writes_its_event(it: Arc<Fixture>) {
    tell(&it, alice(), Effect::SignedOut, NOW).await;
    let told = "SELECT count(*) FROM events JOIN signals ON signals.event = events.id
        WHERE source = 'push'";
    assert_eq!(it.number(told).await, 1);
    let records = it.records().await;
    let [record] = records.as_slice() else { panic!("{records:?}") };
    assert_eq!((&*record.outcome, record.reason.as_deref()), ("signalled", Some("signal")));
}

/// Whoever sent it sends it again.
async fn does_nothing_when_its_event_cannot_be_written(it: Arc<Fixture>) {
    let chain = chain(&it).await;
    let mut signal = signal(&it, alice(), Effect::Disabled, NOW);
    let event = signal.event.clone();
    it.ledger().note(event).await.unwrap();
    assert!(it.ledger().signal(signal.clone()).await.is_err());
    assert!(both_stand(&it, &chain).await);
    assert_eq!((said(&it).await, epoch(&it).await), (Standing::default(), 0));
    signal.event = it.event(Outcome::Signalled);
    let applied = it.ledger().signal(signal).await.unwrap();
    assert_eq!(applied, Signalled::Applied { ended: 2 });
}

async fn concerns_no_other_org_and_no_other_connection(it: Arc<Fixture>) {
    it.declare("other").await;
    let chain = chain(&it).await;
    let other = it.store.ledger("other");
    other.signal(signal(&it, alice(), Effect::Disabled, NOW)).await.unwrap();
    let away =
        Signal { connection: "away".to_owned(), ..signal(&it, alice(), Effect::Disabled, NOW) };
    it.ledger().signal(away).await.unwrap();
    assert!(both_stand(&it, &chain).await);
    assert_eq!((said(&it).await, epoch(&it).await), (Standing::default(), 0));
    assert_eq!(said_of(other.as_ref(), &root()).await.account, Account::Suspended);
    // Nor does a name that is nobody's.
    let nobody = signal(&it, by(Kind::Email, "x@example.com"), Effect::Recheck, NOW);
    other.signal(nobody).await.unwrap();
    assert_eq!(epoch(&it).await, 0);
}

async fn an_org_that_is_not_there_takes_none(it: Arc<Fixture>) {
    let signal = signal(&it, alice(), Effect::Disabled, NOW);
    assert!(it.store.ledger("nobody").signal(signal).await.is_err());
    assert_eq!(it.number("SELECT count(*) FROM signals").await, 0);
}

async fn a_user_without_names_is_nobody(it: Arc<Fixture>) {
    let whom = Whom::User { names: Names::default(), session: None, device: None };
    assert_eq!(tell(&it, whom, Effect::Disabled, NOW).await, 0);
    assert_eq!((said(&it).await, epoch(&it).await), (Standing::default(), 1));
}

on_both_databases!(
    signed_out_ends_what_was_signed_in_by_then,
    signed_out_says_who_must_sign_in_again,
    disabled_ends_all_and_says_so,
    enabled_takes_it_back_and_revives_nothing,
    step_up_asks_for_more_and_ends_nothing,
    a_device_that_fails_ends_all_until_it_complies,
    high_risk_ends_all_and_lower_risk_is_said,
    recheck_only_outdates_what_was_recalled,
    forgotten_names_mean_nobody_and_all_ends,
    forgotten_ends_what_the_old_owner_delegated,
    a_signal_takes_effect_once,
    many_at_once_take_effect_once,
    all_effects_of_a_signal_are_one,
    writes_its_event,
    does_nothing_when_its_event_cannot_be_written,
    concerns_no_other_org_and_no_other_connection,
    an_org_that_is_not_there_takes_none,
    a_user_without_names_is_nobody,
);

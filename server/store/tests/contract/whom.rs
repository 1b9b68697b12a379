//! Whom a signal means: users by any of their names, sessions, tokens, devices, everybody.

use std::sync::Arc;

use delegation::{
    names::{Kind, Names},
    ports::{Delegation, Opening},
    signal::{Effect, Whom},
};
use policy::{Account, Risk, Session, Standing, Timestamp};

use crate::{
    fixture::{Fixture, NOW, names},
    signalling::{
        alice_at, alice_in, by, derived, epoch, named, root, root_named, said, said_of, stands,
        tell,
    },
};

/// A root of alice's, of another session, token and device.
fn second(it: &Fixture) -> Opening {
    let mut opening = it.root();
    opening.delegation.session = Some("s-2".to_owned());
    opening.delegation.names = Some(second_names());
    opening
}

fn second_names() -> Names {
    named(Kind::Subject, "alice")
        .with(Kind::Session, Some("s-2"))
        .with(Kind::Token, Some("t-2"))
        .with(Kind::Device, Some("d-2"))
}

/// Of both sessions a root and what was derived from it; first the happy one.
async fn two(it: &Fixture) -> [Delegation; 4] {
    let first = it.opened(it.root()).await;
    let below_first = it.opened(it.child(&first)).await;
    let second = it.opened(second(it)).await;
    let below_second = it.opened(it.child(&second)).await;
    [first, below_first, second, below_second]
}

async fn standing(it: &Fixture, two: &[Delegation; 4]) -> [bool; 4] {
    let mut standing = [false; 4];
    for (place, delegation) in standing.iter_mut().zip(two) {
        *place = stands(it, delegation).await;
    }
    standing
}

const FIRST_ENDED: [bool; 4] = [false, false, true, true];

/// Whether it says something of the happy token, of the second one, and of what hangs on them.
async fn said_of_both(it: &Fixture, two: &[Delegation; 4]) -> [bool; 4] {
    let ledger = it.ledger();
    let lineages = [root(), derived(&two[1]), root_named(second_names()), derived(&two[3])];
    let mut said = [false; 4];
    for (place, lineage) in said.iter_mut().zip(&lineages) {
        *place = said_of(ledger.as_ref(), lineage).await != Standing::default();
    }
    said
}

async fn a_user_is_found_by_a_learned_name(it: Arc<Fixture>) {
    let learned = named(Kind::Email, "Alice@example.com")
        .with(Kind::Phone, Some("+31201234567"))
        .with(Kind::Directory, Some("00u1"));
    it.ledger().learn("home", "alice", &learned).await.unwrap();
    for whom in [
        by(Kind::Email, "alice@EXAMPLE.com"),
        by(Kind::Phone, "+31201234567"),
        by(Kind::Directory, "00u1"),
    ] {
        let opening = Opening { epoch: epoch(&it).await, ..it.root() };
        let root = it.opened(opening).await;
        let child = it.opened(Opening { epoch: epoch(&it).await, ..it.child(&root) }).await;
        assert_eq!(tell(&it, whom, Effect::SignedOut, NOW).await, 2);
        assert!(!stands(&it, &child).await);
    }
    assert_eq!(it.number("SELECT epoch FROM orgs").await, 0, "it was about alice alone");
    // By all names: also of a token that gives none of those.
    assert!(
        said_of(it.ledger().as_ref(), &root_named(Names::default()))
            .await
            .sessions_valid_from
            .is_some()
    );
}

async fn an_id_may_be_the_sub(it: Arc<Fixture>) {
    it.opened(it.root()).await;
    assert_eq!(tell(&it, by(Kind::Directory, "alice"), Effect::Disabled, NOW).await, 1);
    assert_eq!(said(&it).await.account, Account::Suspended);
    assert_eq!(it.number("SELECT epoch FROM orgs").await, 0);
}

async fn an_unknown_name_may_be_anybodys(it: Arc<Fixture>) {
    let root = it.opened(it.root()).await;
    let whom = by(Kind::Email, "alice@example.com");
    assert_eq!(tell(&it, whom, Effect::Disabled, NOW).await, 0);
    assert_eq!(it.number("SELECT epoch FROM orgs").await, 1);
    // What nobody could tell then shows when the name comes along, at every hop.
    assert_eq!(said(&it).await.account, Account::Suspended);
    let ledger = it.ledger();
    assert_eq!(said_of(ledger.as_ref(), &derived(&root)).await.account, Account::Suspended);
    let nameless = root_named(named(Kind::Subject, "alice"));
    assert_eq!(said_of(ledger.as_ref(), &nameless).await, Standing::default());
}

async fn a_learned_name_belongs_to_who_came_with_it_last(it: Arc<Fixture>) {
    let ledger = it.ledger();
    let known = async |lineage| ledger.recall(&lineage).await.unwrap().names_known;
    assert!(known(root_named(named(Kind::Subject, "alice"))).await, "a sub needs no learning");
    assert!(!known(root()).await);
    ledger.learn("home", "alice", &names()).await.unwrap();
    assert!(known(root()).await);
    assert_eq!(it.number("SELECT count(*) FROM subject_names").await, 1, "what passes is not kept");
    ledger.learn("home", "bob", &names()).await.unwrap();
    assert!(!known(root()).await);
    ledger.learn("home", "alice", &names()).await.unwrap();
    assert!(known(root()).await);
    ledger.learn("away", "bob", &names()).await.unwrap();
    it.store.ledger("other").learn("home", "bob", &names()).await.unwrap();
    assert!(known(root()).await, "elsewhere it is another name");
}

async fn many_learn_at_once(it: Arc<Fixture>) {
    let replica = it.replica().await;
    let mut all = tokio::task::JoinSet::new();
    for number in 0..60 {
        let ledger = if number % 2 == 0 { it.ledger() } else { replica.ledger("acme") };
        let learned = (0..6).fold(Names::default(), |names, mail| {
            names.with(Kind::Email, Some(&format!("{mail}@example.com")))
        });
        let user = format!("user-{}", number % 5);
        all.spawn(async move { ledger.learn("home", &user, &learned).await.unwrap() });
    }
    all.join_all().await;
    assert_eq!(it.number("SELECT count(*) FROM subject_names").await, 6);
    replica.close().await;
}

async fn a_known_session_ends_alone(it: Arc<Fixture>) {
    let two = two(&it).await;
    assert_eq!(tell(&it, alice_in("s-1"), Effect::SignedOut, NOW).await, 2);
    assert_eq!(standing(&it, &two).await, FIRST_ENDED);
    assert_eq!(said_of_both(&it, &two).await, [true, true, false, false]);
    assert_eq!(epoch(&it).await, 1, "but whatever of alice was recalled is decided anew");
    // It is known also when all of it has ended.
    assert_eq!(tell(&it, alice_in("s-1"), Effect::StepUp, NOW).await, 0);
    assert_eq!(said_of_both(&it, &two).await, [true, true, false, false]);
}

async fn an_unknown_session_stands_for_its_user(it: Arc<Fixture>) {
    let two = two(&it).await;
    assert_eq!(tell(&it, alice_in("s-9"), Effect::SignedOut, NOW).await, 4);
    assert_eq!(said_of_both(&it, &two).await, [true; 4]);
}

async fn somebody_elses_session_stands_for_the_user(it: Arc<Fixture>) {
    let two = two(&it).await;
    let names = named(Kind::Subject, "bob");
    let whom = Whom::User { names, session: Some("s-1".to_owned()), device: None };
    assert_eq!(tell(&it, whom, Effect::Risk(Risk::High), NOW).await, 0);
    assert_eq!(standing(&it, &two).await, [true; 4]);
    assert_eq!(said_of_both(&it, &two).await, [false; 4]);
    assert_eq!(epoch(&it).await, 0);
}

async fn a_session_does_not_narrow_what_is_said_of_the_account(it: Arc<Fixture>) {
    let two = two(&it).await;
    assert_eq!(tell(&it, alice_in("s-1"), Effect::Disabled, NOW).await, 4);
    assert_eq!(said_of_both(&it, &two).await, [true; 4]);
    tell(&it, alice_in("s-2"), Effect::Enabled, NOW).await;
    assert_eq!(said_of_both(&it, &two).await, [false; 4]);
}

async fn a_session_alone_is_found_when_it_is_known(it: Arc<Fixture>) {
    let two = two(&it).await;
    let whom = Whom::Session("s-1".to_owned());
    assert_eq!(tell(&it, whom, Effect::SignedOut, NOW).await, 2);
    assert_eq!(standing(&it, &two).await, FIRST_ENDED);
    assert_eq!(said_of_both(&it, &two).await, [true, true, false, false]);
    assert_eq!(it.number("SELECT epoch FROM orgs").await, 0);
    assert_eq!(it.number("SELECT epoch FROM grants").await, 1);
}

async fn a_session_alone_that_is_unknown_shows_when_it_comes(it: Arc<Fixture>) {
    let whom = Whom::Session("s-1".to_owned());
    assert_eq!(tell(&it, whom, Effect::SignedOut, NOW).await, 0);
    assert_eq!(it.number("SELECT epoch FROM orgs").await, 1);
    assert_eq!(said(&it).await.sessions_valid_from, Some(Timestamp(NOW.0 + 1)));
    let ledger = it.ledger();
    assert_eq!(said_of(ledger.as_ref(), &root_named(second_names())).await, Standing::default());
}

async fn a_token_ends_alone(it: Arc<Fixture>) {
    let two = two(&it).await;
    // Whenever it is said to have been: it is this token.
    let whom = Whom::Token("t-1".to_owned());
    assert_eq!(tell(&it, whom, Effect::SignedOut, Timestamp(0)).await, 2);
    assert_eq!(standing(&it, &two).await, FIRST_ENDED);
    let expected = Standing { session: Session::Ended, ..Standing::default() };
    assert_eq!(said(&it).await, expected);
    assert_eq!(said_of_both(&it, &two).await, [true, true, false, false]);
    assert_eq!(it.number("SELECT epoch FROM orgs").await, 0);
}

async fn a_token_of_a_known_user_ends_alone(it: Arc<Fixture>) {
    let two = two(&it).await;
    let of = |user: &str| Whom::TokenOf { user: user.to_owned(), id: "t-1".to_owned() };
    assert_eq!(tell(&it, of("bob"), Effect::SignedOut, Timestamp(0)).await, 0);
    assert_eq!(tell(&it, of("alice"), Effect::SignedOut, Timestamp(0)).await, 2);
    assert_eq!(standing(&it, &two).await, FIRST_ENDED);
    assert_eq!(said(&it).await, Standing { session: Session::Ended, ..Standing::default() });
    assert_eq!(it.number("SELECT epoch FROM orgs").await, 0);
}

async fn a_token_that_is_unknown_shows_when_it_comes(it: Arc<Fixture>) {
    // Not a piece of another's name.
    for token in ["t-1", "t", "-1", "t-1\"", "\\", "%"] {
        let whom = Whom::Token(token.to_owned());
        assert_eq!(tell(&it, whom, Effect::SignedOut, NOW).await, 0);
        it.opened(Opening { epoch: epoch(&it).await, ..second(&it) }).await;
    }
    assert_eq!(said(&it).await.session, Session::Ended);
}

async fn a_known_device_ends_alone(it: Arc<Fixture>) {
    let two = two(&it).await;
    let failing = Effect::Device { compliant: false };
    assert_eq!(tell(&it, alice_at("d-1"), failing, NOW).await, 2);
    assert_eq!(standing(&it, &two).await, FIRST_ENDED);
    assert_eq!(said_of_both(&it, &two).await, [true, true, false, false]);
}

async fn an_unknown_device_stands_for_its_user(it: Arc<Fixture>) {
    let two = two(&it).await;
    let failing = Effect::Device { compliant: false };
    assert_eq!(tell(&it, alice_at("d-9"), failing, NOW).await, 4);
    assert_eq!(said_of_both(&it, &two).await, [true; 4]);
}

async fn a_device_fails_whoever_sits_at_it(it: Arc<Fixture>) {
    let two = two(&it).await;
    let mut opening = it.root();
    "bob".clone_into(&mut opening.delegation.user);
    let bob = it.opened(opening).await;
    let failing = Effect::Device { compliant: false };
    assert_eq!(tell(&it, Whom::Device("d-1".to_owned()), failing, NOW).await, 3);
    assert_eq!(standing(&it, &two).await, FIRST_ENDED);
    assert!(!stands(&it, &bob).await);
    assert_eq!(it.number("SELECT epoch FROM orgs").await, 1, "somebody may just have sat down");
    // It says nothing of accounts.
    tell(&it, Whom::Device("d-2".to_owned()), Effect::Disabled, NOW).await;
    assert_eq!(said(&it).await.account, Account::Unknown);
}

async fn everybody_is_everybody_of_the_connection(it: Arc<Fixture>) {
    let two = two(&it).await;
    let mut opening = it.root();
    opening.delegation.signed_in_at = Some(Timestamp(NOW.0 + 1));
    let later = it.opened(opening).await;
    assert_eq!(tell(&it, Whom::Everyone, Effect::SignedOut, NOW).await, 4);
    assert_eq!(standing(&it, &two).await, [false; 4]);
    assert!(stands(&it, &later).await);
    assert_eq!(said_of_both(&it, &two).await, [true; 4]);
    assert_eq!(tell(&it, Whom::Everyone, Effect::Risk(Risk::High), NOW).await, 1);
    assert_eq!(it.number("SELECT epoch FROM orgs").await, 2);
}

on_both_databases!(
    a_user_is_found_by_a_learned_name,
    an_id_may_be_the_sub,
    an_unknown_name_may_be_anybodys,
    a_learned_name_belongs_to_who_came_with_it_last,
    many_learn_at_once,
    a_known_session_ends_alone,
    an_unknown_session_stands_for_its_user,
    somebody_elses_session_stands_for_the_user,
    a_session_does_not_narrow_what_is_said_of_the_account,
    a_session_alone_is_found_when_it_is_known,
    a_session_alone_that_is_unknown_shows_when_it_comes,
    a_token_ends_alone,
    a_token_of_a_known_user_ends_alone,
    a_token_that_is_unknown_shows_when_it_comes,
    a_known_device_ends_alone,
    an_unknown_device_stands_for_its_user,
    a_device_fails_whoever_sits_at_it,
    everybody_is_everybody_of_the_connection,
);

//! What ends, by whose word, and what the trail says of it.

pub(crate) mod fixture;

use policy::Timestamp;
use secrecy::SecretString;
use uuid::Uuid;

use self::fixture::{DELEGATION, NOW, Scene, call, wait};
use super::{NotDone, Restorable, Unknown, What, Word, own};
use crate::{
    declared::Stoppable,
    event::Outcome,
    form::Form,
    names::{Kind, Names},
    operator::{Operator, OperatorFault, Power, authorize},
    ports::Selector,
    refusal::{Failure, Refusal},
    signal::{Effect, Whom},
};

fn end(scene: &Scene, what: &What) -> Result<u64, Unknown> {
    unknown(wait(super::revoke(scene.place(), what, call()))).map(|ended| {
        assert_eq!(ended.action, call().id);
        ended.ended
    })
}

fn restore(scene: &Scene, what: &Restorable) -> Result<Uuid, Unknown> {
    unknown(wait(super::restore(scene.place(), what, call()))).map(|restored| restored.action)
}

fn unknown<T>(result: Result<T, NotDone>) -> Result<T, Unknown> {
    result.map_err(|not_done| match not_done {
        NotDone::Refused(unknown) => unknown,
        NotDone::Broken(fault) => panic!("{fault}"),
    })
}

fn token(text: &str) -> What {
    What::Token(SecretString::from(text))
}

fn user(disable: bool) -> What {
    What::User { connection: "corp".to_owned(), user: "alice".to_owned(), disable }
}

#[test]
fn everything_below_what_is_named_ends_in_one_call() {
    for (what, selector) in [
        (token(&fixture::token()), Selector::Delegation(DELEGATION)),
        (What::Delegation(DELEGATION), Selector::Delegation(DELEGATION)),
        (What::Agent("orchestrator".into()), Selector::Agent("orchestrator".into())),
        (What::Grant("g-1".into()), Selector::Grant("g-1".into())),
        (What::Connection("corp".into()), Selector::Connection("corp".into())),
        (What::Org, Selector::Org),
    ] {
        let scene = Scene::new();
        assert_eq!(end(&scene, &what), Ok(7), "{what:?}");
        let [(selected, at, event)] = scene.revoked().try_into().unwrap();
        assert_eq!((selected, at), (selector, Timestamp(NOW)));
        let event = event.unwrap();
        assert_eq!(event.outcome, Outcome::Revoked);
        assert_eq!(event.operator.as_deref(), Some("cli:alice"));
        assert!(event.detail.unwrap().ends_with(": incident 17"));
    }
}

#[test]
fn the_trail_names_whose_delegation_it_was() {
    let scene = Scene::new();
    end(&scene, &What::Delegation(DELEGATION)).unwrap();
    let (_, _, event) = scene.revoked().remove(0);
    let event = event.unwrap();
    assert_eq!((event.reason, event.delegation), (Some("delegation"), Some(DELEGATION)));
    assert_eq!(
        (event.client.as_deref(), event.connection.as_deref()),
        (Some("orchestrator"), Some("corp"))
    );
    assert_eq!((event.subject.as_deref(), event.root), (Some("corp:alice"), Some(DELEGATION)));
}

#[test]
fn a_session_and_a_user_end_as_if_their_provider_had_said_so() {
    let session = What::Session { connection: "corp".into(), id: "s-1".into() };
    let alice =
        Names::default().with(Kind::Subject, Some("alice")).with(Kind::Directory, Some("alice"));
    let alice = Whom::User { names: alice, session: None, device: None };
    for (what, whom, effect) in [
        (session, Whom::Session("s-1".into()), Effect::SignedOut),
        (user(false), alice.clone(), Effect::SignedOut),
        (user(true), alice, Effect::Disabled),
    ] {
        let scene = Scene::new();
        assert_eq!(end(&scene, &what), Ok(3));
        let [signal] = scene.signals().try_into().unwrap();
        let [affected] = <[_; 1]>::try_from(signal.effects).unwrap();
        assert_eq!((affected.whom, affected.effect, affected.at), (whom, effect, Timestamp(NOW)));
        assert_eq!((signal.connection.as_str(), signal.source), ("corp", "operator"));
        assert_eq!(signal.event.outcome, Outcome::Revoked);
        assert_eq!(signal.event.connection.as_deref(), Some("corp"));
    }
}

#[test]
fn a_user_is_known_by_mail_too() {
    let scene = Scene::new();
    let mail =
        What::User { connection: "corp".into(), user: "Alice@Example.com".into(), disable: false };
    end(&scene, &mail).unwrap();
    let Whom::User { names, .. } = scene.signals()[0].effects[0].whom.clone() else { panic!() };
    assert!(names.iter().any(|name| name == "email:alice@example.com"));
}

/// "0 ended" for what does not exist would look like success.
#[test]
fn what_does_not_exist_is_an_error_and_nothing_is_done() {
    let other = Uuid::from_u128(9);
    let elsewhere = || "elsewhere".to_owned();
    for (what, expected) in [
        (token("opaque"), Unknown::Token),
        (token(&fixture::token_of(other)), Unknown::Token),
        // The right id, and other octets.
        (token(&fixture::token_of(DELEGATION)), Unknown::Token),
        (What::Delegation(other), Unknown::Delegation(other)),
        (What::Agent(elsewhere()), Unknown::Agent(elsewhere())),
        (What::Grant(elsewhere()), Unknown::Grant(elsewhere())),
        (What::Connection(elsewhere()), Unknown::Connection(elsewhere())),
        (
            What::Session { connection: elsewhere(), id: "s".into() },
            Unknown::Connection(elsewhere()),
        ),
        (
            What::User { connection: elsewhere(), user: "alice".into(), disable: false },
            Unknown::Connection(elsewhere()),
        ),
        (
            What::User { connection: "corp".into(), user: String::new(), disable: false },
            Unknown::User(String::new()),
        ),
        (
            What::Session { connection: "corp".into(), id: "a\nb".into() },
            Unknown::Session("a\nb".into()),
        ),
    ] {
        let scene = Scene::new();
        assert_eq!(end(&scene, &what), Err(expected));
        assert!(scene.revoked().is_empty() && scene.signals().is_empty(), "{what:?}");
    }
    let place = super::Place { org: "elsewhere", ..Scene::new().leaked() };
    let refused = unknown(wait(super::revoke(place, &What::Org, call())));
    assert_eq!(refused, Err(Unknown::Org("elsewhere".into())));
}

#[test]
fn what_was_stopped_goes_on_and_what_was_not_is_an_error() {
    for stopped in [
        Stoppable::Org,
        Stoppable::Agent("orchestrator".into()),
        Stoppable::Connection("corp".into()),
    ] {
        let scene = Scene::new();
        let what = Restorable::Stopped(stopped.clone());
        assert!(matches!(restore(&scene, &what), Err(Unknown::NotStopped(_))), "{stopped:?}");
        scene.stop(stopped.clone());
        assert_eq!(restore(&scene, &what), Ok(call().id), "{stopped:?}");
        let [(restored, event)] = scene.restored().try_into().unwrap();
        assert_eq!((restored, event.outcome), (stopped, Outcome::Restored));
        assert_eq!(event.operator.as_deref(), Some("cli:alice"));
    }
}

#[test]
fn a_disabled_user_may_be_used_again() {
    let scene = Scene::new();
    let alice = || Restorable::User { connection: "corp".into(), user: "alice".into() };
    assert_eq!(restore(&scene, &alice()), Ok(call().id));
    let signal = scene.signals().remove(0);
    assert_eq!(
        (signal.effects[0].effect, signal.event.outcome),
        (Effect::Enabled, Outcome::Restored)
    );
    let elsewhere = Restorable::User { connection: "elsewhere".into(), user: "alice".into() };
    assert_eq!(restore(&scene, &elsewhere), Err(Unknown::Connection("elsewhere".into())));
}

#[test]
fn an_operator_ends_things_by_the_power_to() {
    let mut scene = Scene::new();
    let hash = scene.org.master.hash_secret("aco_word");
    let powers = vec![Power::Audit, Power::Revoke];
    let operator = Operator { id: "ops".into(), powers, secrets: vec![hash] };
    scene.org.operators.push(std::sync::Arc::new(operator));
    let authorized = |power| authorize(&scene.org, Some("aco_word"), power);
    let word = |authorized| super::Call { word: Word::Operator(authorized), ..call() };
    let reader = authorized(Power::Audit).unwrap();
    let refused = unknown(wait(super::revoke(scene.place(), &What::Org, word(&reader))));
    assert_eq!(refused, Err(Unknown::Powerless));
    let revoker = authorized(Power::Revoke).unwrap();
    let _ended = unknown(wait(super::revoke(scene.place(), &What::Org, word(&revoker)))).unwrap();
    let (_, _, event) = scene.revoked().remove(0);
    assert_eq!(event.unwrap().operator.as_deref(), Some("ops"));
    let powerless = OperatorFault::Powerless { operator: "ops".into(), power: Power::Keys };
    assert_eq!(authorized(Power::Keys).unwrap_err(), powerless);
    for stranger in [None, Some(""), Some("aco_wor"), Some("acs_orchestrator")] {
        let refused = authorize(&scene.org, stranger, Power::Revoke).unwrap_err();
        assert_eq!(refused, OperatorFault::Unknown);
    }
}

#[test]
fn no_token_comes_into_the_trail() {
    let scene = Scene::new();
    let call = super::Call { reason: Some(fixture::token()), ..call() };
    let _ended = unknown(wait(super::revoke(scene.place(), &What::Org, call))).unwrap();
    let (_, _, event) = scene.revoked().remove(0);
    assert!(!event.unwrap().record("demo").contains("eyJ"));
}

fn own(scene: &Scene, agent: &str, token: &str) -> Result<own::Revoked, Refusal> {
    let form = Form::parse(format!("token={token}&token_type_hint=whatever").as_bytes()).unwrap();
    let request = own::RevocationRequest::parse(&form).unwrap();
    let client = scene.client(agent);
    let mut event = fixture::draft();
    wait(own::revoke(&scene.org, &client, &request, &mut event)).map_err(|failure| match failure {
        Failure::Refused(refusal) => refusal,
        Failure::Broken(fault) => panic!("{fault}"),
    })
}

/// RFC 7009 §2.1: "the authorization server first validates the client credentials … and then
/// verifies whether the token was issued to the client making the revocation request".
#[test]
fn a_client_ends_its_own_tokens_and_no_others() {
    let scene = Scene::new();
    assert_eq!(own(&scene, "researcher", &fixture::token()), Err(Refusal::OtherClient));
    assert!(scene.revoked().is_empty());
    assert_eq!(own(&scene, "orchestrator", &fixture::token()), Ok(own::Revoked::Ended(7)));
    let [(selector, _, event)] = scene.revoked().try_into().unwrap();
    assert_eq!(selector, Selector::Delegation(DELEGATION));
    let event = event.unwrap();
    assert_eq!((event.outcome, event.operator), (Outcome::Revoked, None));
    assert_eq!(event.subject.as_deref(), Some("corp:alice"));
}

/// RFC 7009 §2.2: "invalid tokens do not cause an error response".
#[test]
fn a_token_nobody_knows_is_no_error() {
    for token in ["opaque", &fixture::token_of(Uuid::from_u128(9)), &fixture::token_of(DELEGATION)]
    {
        let scene = Scene::new();
        assert_eq!(own(&scene, "orchestrator", token), Ok(own::Revoked::Unknown), "{token}");
        assert!(scene.revoked().is_empty());
    }
}

#[test]
fn a_request_names_one_token() {
    let parse =
        |text: &str| own::RevocationRequest::parse(&Form::parse(text.as_bytes()).unwrap()).is_ok();
    assert!(parse("token=a"));
    for text in ["", "token=", "token=a&token=b", "token_type_hint=access_token"] {
        assert!(!parse(text), "{text}");
    }
    assert!(!parse("token=a&token_type_hint=access_token&token_type_hint=refresh_token"));
}

//! OIDC Back-Channel Logout 1.0 §2.6.

use keys::TokenFault;
use policy::Timestamp;
use serde_json::{Value, json};

use super::fixture::{ISSUER, NOW, World, arrival, changed, provider, stranger, wait};
use crate::{
    form::Form,
    names::{Kind, Names},
    ports::Signalled,
    signal::{Effect, NotTaken, SignalRefusal, Source, Taken, Whom, logout},
};

const EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";

fn claims() -> Value {
    json!({
        "iss": ISSUER, "aud": "actas", "iat": NOW - 2, "exp": NOW + 118, "jti": "l-1",
        "sub": "alice", "sid": "s-1", "events": { EVENT: {} },
    })
}

fn with(name: &str, value: Value) -> Value {
    changed(claims(), name, value)
}

fn send(world: &World, body: &str) -> Result<Taken, NotTaken> {
    let form = Form::parse(body.as_bytes()).unwrap();
    wait(logout::log_out(&world.org, world.connection(), &form, &arrival(Source::Logout)))
}

fn log_out(world: &World, typ: &str, claims: &Value) -> Result<Taken, NotTaken> {
    let token = keys::sign(provider(), typ, claims).unwrap();
    send(world, &format!("logout_token={token}"))
}

fn refusal(claims: &Value) -> SignalRefusal {
    match log_out(&World::new(), "logout+jwt", claims) {
        Err(NotTaken::Refused(refusal)) => refusal,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_logout_ends_the_session_of_the_user_or_the_user() {
    let names = || Names::default().with(Kind::Subject, Some("alice"));
    let user = |session: Option<&str>| Whom::User {
        names: names(),
        session: session.map(str::to_owned),
        device: None,
    };
    for (claims, whom) in [
        (claims(), user(Some("s-1"))),
        (with("sid", Value::Null), user(None)),
        (with("sub", Value::Null), Whom::Session("s-1".to_owned())),
    ] {
        for typ in ["logout+jwt", "JWT"] {
            let world = World::new();
            let taken = log_out(&world, typ, &claims).unwrap();
            assert_eq!(taken.kinds, ["logout"]);
            let [affected] = world.effects().try_into().unwrap();
            assert_eq!(affected.whom, whom, "{claims}");
            assert_eq!((affected.effect, affected.at), (Effect::SignedOut, Timestamp(NOW - 2)));
            assert_eq!(world.last().source, "logout");
        }
    }
}

#[test]
fn what_is_no_logout_token_of_the_provider_is_refused() {
    let token = |fault| SignalRefusal::Token(fault);
    for (what, claims, refused) in [
        ("another issuer", with("iss", json!("https://x")), token(TokenFault::Issuer)),
        ("another audience", with("aud", json!("other")), token(TokenFault::Audience)),
        ("expired", with("exp", json!(NOW - 60)), token(TokenFault::Expired)),
        ("from the future", with("iat", json!(NOW + 61)), token(TokenFault::IssuedInFuture)),
        ("without jti", with("jti", Value::Null), token(TokenFault::TokenId)),
        ("without events", with("events", Value::Null), token(TokenFault::Claims)),
        ("another event", with("events", json!({ "x": {} })), SignalRefusal::OtherKind),
        ("no object", with("events", json!({ EVENT: true })), SignalRefusal::OtherKind),
        ("with a nonce", with("nonce", json!("n")), SignalRefusal::OtherKind),
        ("sid of another type", with("sid", json!(7)), token(TokenFault::Claims)),
    ] {
        assert_eq!(refusal(&claims), refused, "{what}");
    }
    let mut nobody = with("sub", Value::Null);
    nobody.as_object_mut().unwrap().remove("sid");
    assert_eq!(refusal(&nobody), SignalRefusal::NoSubject);
    assert!(log_out(&World::new(), "logout+jwt", &with("exp", Value::Null)).is_ok());
}

#[test]
fn other_kinds_of_tokens_and_other_keys_are_refused() {
    for typ in ["at+jwt", "secevent+jwt", "global-token-revocation+jwt"] {
        let refused = log_out(&World::new(), typ, &claims());
        let expected = SignalRefusal::Token(TokenFault::Typ);
        assert!(matches!(refused, Err(NotTaken::Refused(one)) if one == expected), "{typ}");
    }
    let forged = keys::sign(stranger(), "logout+jwt", &claims()).unwrap();
    let refused = send(&World::new(), &format!("logout_token={forged}"));
    assert!(matches!(refused, Err(NotTaken::Refused(SignalRefusal::Token(_)))));
    for body in ["", "logout_token=", "token=x", "logout_token=a&logout_token=b"] {
        let refused = send(&World::new(), body);
        assert!(matches!(refused, Err(NotTaken::Refused(SignalRefusal::Shape))), "{body}");
    }
}

#[test]
fn logouts_count_once_and_only_where_they_are_expected() {
    let world = World::new();
    log_out(&world, "logout+jwt", &claims()).unwrap();
    let again = log_out(&world, "logout+jwt", &claims()).unwrap();
    assert_eq!(again.signalled, Signalled::Duplicate);

    let deaf = World::with(|connection| connection.signals.logout = None);
    let refused = log_out(&deaf, "logout+jwt", &claims());
    assert!(matches!(refused, Err(NotTaken::Refused(SignalRefusal::NoReceiver))));
    let nameless = World::with(|connection| connection.signals.logout = Some(Vec::new()));
    let refused = log_out(&nameless, "logout+jwt", &claims());
    assert!(matches!(refused, Err(NotTaken::Refused(SignalRefusal::Audience))));
}

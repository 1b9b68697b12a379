//! SCIM, in the shapes in which Okta and Entra write it.

use serde_json::{Value, json};

use super::fixture::{World, arrival, wait};
use crate::{
    names::Names,
    signal::{
        Effect, NotTaken, SignalRefusal, Source, Taken, Whom,
        scim::{Change, User, authenticate, provision},
    },
};

const GONE: [Effect; 2] = [Effect::Disabled, Effect::SignedOut];

fn change(world: &World, change: Change<'_>) -> Result<(User, Taken), SignalRefusal> {
    let arrival = arrival(Source::Scim);
    wait(provision(&world.org, world.connection(), change, &arrival)).map_err(|not_taken| {
        match not_taken {
            NotTaken::Refused(refusal) => refusal,
            NotTaken::Broken(fault) => panic!("{fault}"),
        }
    })
}

fn effects(world: &World) -> Vec<Effect> {
    world.effects().into_iter().map(|affected| affected.effect).collect()
}

fn names(world: &World) -> Names {
    let whom = world.effects().pop().unwrap().whom;
    let Whom::User { names, session: None, device: None } = whom else { panic!("{whom:?}") };
    names
}

/// The id Alice is given when she is created.
fn alice(world: &World) -> String {
    let user = json!({ "userName": "Alice@example.com", "externalId": "00u1", "active": true });
    change(world, Change::Create(&user)).unwrap().0.id
}

#[test]
fn the_id_a_user_is_given_says_who_it_is() {
    let id = alice(&World::new());
    assert!(id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)), "{id}");
    let user = User::of_id(&id);
    assert_eq!(user.user_name, "Alice@example.com");
    assert_eq!((user.external_id.as_deref(), user.active), (Some("00u1"), None));

    let world = World::new();
    change(&world, Change::Delete { id: &id }).unwrap();
    let expected = ["email:alice@example.com", "sub:Alice@example.com", "id:00u1", "sub:00u1"];
    assert_eq!(names(&world), expected.map(str::to_owned).into_iter().collect());
    assert_eq!(effects(&world), GONE);
}

#[test]
fn an_id_that_is_not_ours_is_taken_for_a_name() {
    for id in ["00u7", "alice@example.com", "WyJh", "W10"] {
        let world = World::new();
        change(&world, Change::Delete { id }).unwrap();
        assert!(names(&world).iter().any(|name| name == format!("sub:{id}")), "{id}");
    }
}

#[test]
fn every_spelling_of_a_deactivation_deactivates() {
    let operations = |operation: Value| json!({ "Operations": [operation] });
    let core = "urn:ietf:params:scim:schemas:core:2.0:User:active";
    for patch in [
        operations(json!({ "op": "replace", "path": "active", "value": false })),
        operations(json!({ "op": "Replace", "path": "active", "value": "False" })),
        operations(json!({ "op": "Replace", "value": { "active": false } })),
        operations(json!({ "op": "replace", "value": { "Active": "false" } })),
        operations(json!({ "op": "Add", "path": "active", "value": [{ "value": "False" }] })),
        operations(json!({ "op": "replace", "path": core, "value": false })),
        operations(json!({ "op": "replace", "value": { core: false } })),
        json!({ "operations": [{ "Op": "replace", "Path": "active", "Value": false }] }),
        json!({ "Operations": [
            { "op": "replace", "path": "active", "value": true },
            { "op": "replace", "path": "title", "value": "x" },
            { "op": "replace", "path": "active", "value": false },
        ] }),
    ] {
        let world = World::new();
        let (user, taken) = change(&world, Change::Patch { id: "a", patch: &patch }).unwrap();
        assert_eq!(effects(&world), GONE, "{patch}");
        assert_eq!((user.active, taken.kinds), (Some(false), vec!["scim_deactivate"]), "{patch}");
    }
}

#[test]
fn what_else_is_said_of_a_user() {
    let patched = |value: Value| json!({ "Operations": [{ "op": "replace", "value": value }] });
    let remove = json!({ "Operations": [{ "op": "remove", "path": "title" }] });
    for (patch, effect, kind) in [
        (patched(json!({ "active": true })), Effect::Enabled, "scim_activate"),
        (patched(json!({ "active": "True" })), Effect::Enabled, "scim_activate"),
        (patched(json!({ "title": "x" })), Effect::Recheck, "scim_patch"),
        (patched(json!({ "userName": "b" })), Effect::Recheck, "scim_patch"),
        (remove, Effect::Recheck, "scim_patch"),
    ] {
        let world = World::new();
        let (_, taken) = change(&world, Change::Patch { id: "a", patch: &patch }).unwrap();
        assert_eq!((effects(&world), taken.kinds), (vec![effect], vec![kind]), "{patch}");
    }
    let user = |active: Value| json!({ "userName": "alice", "active": active });
    let world = World::new();
    change(&world, Change::Create(&user(json!(true)))).unwrap();
    change(&world, Change::Create(&json!({ "userName": "alice" }))).unwrap();
    change(&world, Change::Replace { id: "a", user: &user(json!(true)) }).unwrap();
    change(&world, Change::Replace { id: "a", user: &json!({ "userName": "alice" }) }).unwrap();
    assert_eq!(
        effects(&world),
        [Effect::Enabled, Effect::Enabled, Effect::Enabled, Effect::Recheck]
    );
    for gone in [
        Change::Create(&user(json!(false))),
        Change::Replace { id: "a", user: &user(json!("False")) },
    ] {
        let world = World::new();
        change(&world, gone).unwrap();
        assert_eq!(effects(&world), GONE);
    }
}

#[test]
fn a_user_is_meant_by_old_and_new_names() {
    let world = World::new();
    let id = alice(&world);
    let user = json!({
        "userName": "a.smith@example.com", "externalId": "00u2", "active": false,
        "emails": [{ "value": "Private@example.org", "type": "home" }, { "type": "work" }],
    });
    let (answered, _) = change(&world, Change::Replace { id: &id, user: &user }).unwrap();
    assert_eq!(answered.id, id, "an id never changes");
    let names = names(&world);
    let has = |name: &str| names.iter().any(|one| one == name);
    for name in ["email:alice@example.com", "email:a.smith@example.com", "id:00u1", "id:00u2"] {
        assert!(has(name), "{name}");
    }
    assert!(has("email:private@example.org"));

    let path = r#"emails[type eq "work"].value"#;
    let patch =
        json!({ "Operations": [{ "op": "replace", "path": path, "value": "w@example.org" }] });
    change(&world, Change::Patch { id: &id, patch: &patch }).unwrap();
    assert!(self::names(&world).iter().any(|one| one == "email:w@example.org"));
}

#[test]
fn what_is_no_user_and_no_patch_is_refused() {
    let world = World::new();
    let patch = |operation: Value| json!({ "Operations": [operation] });
    let long = "a".repeat(Names::LONGEST + 1);
    for user in [
        json!(1),
        json!({}),
        json!({ "userName": "" }),
        json!({ "userName": 7 }),
        json!({ "userName": long }),
    ] {
        assert_eq!(
            change(&world, Change::Create(&user)).unwrap_err(),
            SignalRefusal::Shape,
            "{user}"
        );
    }
    for patch in [
        json!([]),
        json!({}),
        json!({ "Operations": {} }),
        patch(json!({ "op": "move", "path": "active", "value": false })),
        patch(json!({ "path": "active", "value": false })),
        patch(json!({ "op": "replace", "path": "active" })),
        patch(json!({ "op": "replace", "path": "active", "value": "no" })),
        patch(json!({ "op": "replace", "path": "active", "value": 0 })),
        patch(json!({ "op": "replace", "path": "active", "value": null })),
        patch(json!({ "op": "replace", "value": false })),
        patch(json!("replace")),
    ] {
        let refused = change(&world, Change::Patch { id: "a", patch: &patch }).unwrap_err();
        assert_eq!(refused, SignalRefusal::Shape, "{patch}");
    }
    assert!(world.effects().is_empty());
}

#[test]
fn only_the_agreed_client_is_let_in() {
    let world = World::new();
    let judge = |authorization| authenticate(&world.org, world.connection(), authorization);
    assert_eq!(judge(Some("Bearer scim-secret")), Ok(()));
    for wrong in [None, Some("Bearer other"), Some("scim-secret"), Some("Basic scim-secret")] {
        assert_eq!(judge(wrong), Err(SignalRefusal::Stranger), "{wrong:?}");
    }
    let deaf = World::with(|connection| connection.signals.scim = None);
    let refused = authenticate(&deaf.org, deaf.connection(), Some("Bearer scim-secret"));
    assert_eq!(refused, Err(SignalRefusal::NoReceiver));
}

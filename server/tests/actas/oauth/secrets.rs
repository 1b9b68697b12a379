//! Secrets come and go: two at once, one for another, none any more.

use super::asserting::{asserted, happy, is_nobody, jwks, new_key, orchestrator, own, toml};
use crate::{database::Kind, http::Request, overseen, scene::Scene};

on_both_databases![
    two_secrets_are_good_until_the_old_one_is_dropped,
    a_new_secret_ends_the_others,
    whoever_moves_to_keys_has_no_secret_any_more,
    an_api_with_an_old_secret_learns_nothing,
];

fn with(scene: &Scene, secret: &str) -> Request {
    happy(scene).basic("orchestrator", secret)
}

/// The orchestrator's secret that an operator asks for like this.
#[track_caller]
fn made(scene: &Scene, how: &str) -> String {
    scene.site.apply_with(&scene.org, &[how, "orchestrator"]).secrets["orchestrator"].clone()
}

fn two_secrets_are_good_until_the_old_one_is_dropped(kind: Kind) {
    let scene = Scene::on(kind);
    let old = scene.secret("orchestrator");
    let new = made(&scene, "--add-secret");
    for secret in [old, &new] {
        scene.send(&with(&scene, secret)).token();
        let body = happy(&scene).with("client_id", "orchestrator").with("client_secret", secret);
        scene.send(&body).token();
    }
    is_nobody(&scene, &happy(&scene).basic("researcher", &new), "another's secret");
    scene.site.apply_with(&scene.org, &["--drop-old-secrets", "orchestrator"]);
    is_nobody(&scene, &with(&scene, old), "the old one");
    scene.send(&with(&scene, &new)).token();
}

fn a_new_secret_ends_the_others(kind: Kind) {
    let scene = Scene::on(kind);
    let (first, second) = (scene.secret("orchestrator"), made(&scene, "--add-secret"));
    scene.send(&with(&scene, first)).token();
    let third = made(&scene, "--new-secret");
    for secret in [first, &second] {
        is_nobody(&scene, &with(&scene, secret), "one of before");
    }
    scene.send(&with(&scene, &third)).token();
}

fn whoever_moves_to_keys_has_no_secret_any_more(kind: Kind) {
    let scene = Scene::on(kind);
    let key = new_key();
    let by_secret = with(&scene, scene.secret("orchestrator"));
    let by_key = || asserted(happy(&scene), &own("orchestrator", &key));
    let keys = toml(&jwks(&[&key]));
    let settings = |methods: &str| format!("auth_methods = [{methods}]\njwks = {keys}");
    is_nobody(&scene, &by_key(), "a key nobody registered");
    let both = settings("\"client_secret_basic\", \"private_key_jwt\"");
    assert_eq!(scene.site.apply(&orchestrator(&scene.org, &both, "")).secrets.len(), 0);
    scene.send(&by_secret).token();
    scene.send(&by_key()).token();
    scene.site.apply(&orchestrator(&scene.org, &settings("\"private_key_jwt\""), ""));
    is_nobody(&scene, &by_secret, "a secret of before");
    scene.send(&by_key()).token();
    // The way back gives it a new one, and not the old.
    let made = scene.site.apply(&scene.org).secrets;
    is_nobody(&scene, &by_secret, "a secret of long before");
    is_nobody(&scene, &by_key(), "a key of before");
    scene.send(&with(&scene, &made["orchestrator"])).token();
}

fn an_api_with_an_old_secret_learns_nothing(kind: Kind) {
    let scene = overseen::scene(kind);
    let token = scene.send(&scene.happy()).token();
    let with =
        |secret: &str| overseen::introspection(&scene, &token).basic("documents-api", secret);
    let old = scene.secret("documents-api");
    let made = |how: &str| {
        scene.site.apply_with(&scene.org, &[how, "documents-api"]).secrets["documents-api"].clone()
    };
    let second = made("--add-secret");
    for secret in [old, &second] {
        assert_eq!(scene.send(&with(secret)).json()["active"], true);
    }
    scene.site.apply_with(&scene.org, &["--drop-old-secrets", "documents-api"]);
    is_nobody(&scene, &with(old), "the old one");
    assert_eq!(scene.send(&with(&second)).json()["active"], true);
    let third = made("--new-secret");
    is_nobody(&scene, &with(&second), "one of before");
    assert_eq!(scene.send(&with(&third)).json()["active"], true);
}

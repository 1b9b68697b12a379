//! Signing keys in a PKCS#11 module: `SoftHSM`, of the distribution's package `softhsm2`.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::Value;

use super::{JWKS, published, the};
use crate::{
    database::Kind,
    overseen::part,
    process::{Finished, Server, actas, eventually},
    scene::{Scene, Site},
};

const PIN: &str = "2718";

/// Where distributions put it.
fn library() -> PathBuf {
    let candidates = [
        "/usr/lib/softhsm/libsofthsm2.so",
        "/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so",
        "/usr/lib/aarch64-linux-gnu/softhsm/libsofthsm2.so",
        "/usr/lib64/pkcs11/libsofthsm2.so",
        "/usr/local/lib/softhsm/libsofthsm2.so",
        "/opt/homebrew/lib/softhsm/libsofthsm2.so",
    ];
    let found = candidates.into_iter().map(PathBuf::from).find(|path| path.exists());
    found.expect(
        "SoftHSM is needed for this test. Install it (Debian, Ubuntu: sudo apt-get install softhsm2; \
         macOS: brew install softhsm) and run this again",
    )
}

/// Makes an empty token `actas` in the site's directory.
fn token(site: &Site) {
    let tokens = site.path("tokens");
    fs::create_dir_all(&tokens).unwrap();
    site.write("softhsm2.conf", &format!("directories.tokendir = {}\n", tokens.display()));
    let mut made = Command::new("softhsm2-util");
    made.args(["--init-token", "--free", "--label", "actas", "--so-pin", "31415", "--pin", PIN])
        .args(["--module", library().to_str().unwrap()]);
    let made = with_settings(site, made).output();
    let made = made.expect("`softhsm2-util` is needed for this test: it comes with SoftHSM");
    assert!(made.status.success(), "{made:?}");
}

fn with_settings(site: &Site, mut command: Command) -> Command {
    command.env("SOFTHSM2_CONF", site.path("softhsm2.conf"));
    command
}

fn section(token: &str, pin: &str, more: &str) -> String {
    let library = library();
    let library = library.display();
    format!(
        "\n[keys.pkcs11]\nmodule = \"{library}\"\ntoken = \"{token}\"\n\
         pin = {{ value = \"{pin}\" }}\n{more}"
    )
}

/// Ends the configuration with this section, in place of an earlier one.
fn configure(site: &Site, section: &str) {
    let text = fs::read_to_string(site.path("actas.toml")).unwrap();
    let before = text.split("\n[keys.pkcs11]").next().unwrap();
    site.write("actas.toml", &format!("{before}{section}"));
}

fn config(site: &Site) -> PathBuf {
    site.path("actas.toml")
}

fn serve(site: &Site) -> Server {
    let config = config(site);
    Server::of(with_settings(site, actas(["serve", "--config", text(&config)])))
}

fn run(site: &Site, arguments: &[&str]) -> Finished {
    let config = config(site);
    let arguments = arguments.iter().copied().chain(["--config", text(&config)]);
    Finished::of(with_settings(site, actas(arguments)))
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

fn rotate(site: &Site, arguments: &[&str]) -> Value {
    let printed = run(site, &[&["keys", "rotate", "acme", "--json"], arguments].concat());
    serde_json::from_str(&printed.succeeded()).unwrap()
}

/// The happy scene, its keys made in the module.
fn scene(kind: Kind) -> Scene {
    let Scene { server, secrets, org, site, provider } = Scene::configured(kind, |_| {});
    drop(server);
    token(&site);
    configure(&site, &section("actas", PIN, ""));
    let server = serve(&site);
    Scene { server, secrets, org, site, provider }
}

fn kid(token: &str) -> String {
    part(token, 0)["kid"].as_str().unwrap().to_owned()
}

on_both_databases!(a_key_moves_in_by_a_rotation_and_out_by_another);

fn a_key_moves_in_by_a_rotation_and_out_by_another(kind: Kind) {
    let mut scene = scene(kind);
    let (handed, in_file) = (scene.handed(), published(&scene.server)[0].clone());
    assert_eq!(kid(&handed), in_file);

    let in_module = the(&rotate(&scene.site, &["--now"]), "active");
    assert_eq!(kid(&scene.handed()), in_module);
    scene.send(&scene.next_hop(&handed)).token();

    // It is found again by another process, which makes its next key in a file.
    scene.server.kill();
    configure(&scene.site, &section("actas", PIN, "new_keys = false\n"));
    scene.server = serve(&scene.site);
    let handed = scene.handed();
    assert_eq!(kid(&handed), in_module);
    let out = the(&rotate(&scene.site, &["--now"]), "active");
    assert_eq!(kid(&scene.handed()), out);
    scene.send(&scene.next_hop(&handed)).token();

    // Without the module its key is still published for what it has signed.
    scene.server.kill();
    configure(&scene.site, "");
    scene.server = serve(&scene.site);
    assert!(published(&scene.server).contains(&in_module));
    scene.send(&scene.next_hop(&handed)).token();
    assert_eq!(kid(&scene.handed()), out);
}

/// The private half is nowhere else; and nobody gets a token that was not signed.
#[test]
fn nothing_is_issued_while_the_token_is_away() {
    let mut scene = scene(Kind::Sqlite);
    rotate(&scene.site, &["--now"]);
    scene.send(&scene.happy()).token();
    scene.server.kill();
    let (tokens, away) = (scene.site.path("tokens"), scene.site.path("away"));
    fs::rename(&tokens, &away).unwrap();
    fs::create_dir(&tokens).unwrap();
    scene.server = serve(&scene.site);
    let reply = scene.send(&scene.happy());
    assert_eq!((reply.status, reply.header("retry-after").is_some()), (503, true));
    scene.server.logs("it says why", |line| {
        line.to_string().contains("the PKCS#11 module has no token with the label `actas`")
    });
    assert_eq!(published(&scene.server).len(), 2);

    fs::remove_dir(&tokens).unwrap();
    fs::rename(&away, &tokens).unwrap();
    scene.server.kill();
    scene.server = serve(&scene.site);
    scene.send(&scene.happy()).token();
}

/// Many wait for the module at once, and the process answers others meanwhile.
#[test]
fn signs_for_many_at_once() {
    let scene = scene(Kind::Postgres);
    let in_module = the(&rotate(&scene.site, &["--now"]), "active");
    std::thread::scope(|threads| {
        for _ in 0..16 {
            threads.spawn(|| {
                for _ in 0..5 {
                    assert_eq!(kid(&scene.send(&scene.happy()).token()), in_module);
                }
            });
        }
        assert_eq!(scene.server.get(JWKS).status, 200);
    });
}

/// A token is small: what nobody needs any more leaves it.
#[test]
fn a_forgotten_key_is_gone_from_the_token() {
    let scene = scene(Kind::Postgres);
    let objects = || {
        let directory = fs::read_dir(scene.site.path("tokens")).unwrap().next().unwrap().unwrap();
        let files = fs::read_dir(directory.path()).unwrap().map(|file| file.unwrap().file_name());
        files.filter(|name| name.to_string_lossy().ends_with(".object")).count()
    };
    // The token itself is one of them.
    let empty = objects();
    rotate(&scene.site, &["--now"]);
    rotate(&scene.site, &["--compromised"]);
    assert_eq!(objects(), empty + 4);
    scene.site.postgres.as_ref().unwrap().ask(
        "UPDATE signing_keys SET compromised_at = 1 WHERE compromised_at IS NOT NULL;
         UPDATE orgs SET revision = revision + 1",
    );
    eventually("it is forgotten", || (objects() == empty + 2).then_some(()));
    scene.send(&scene.happy()).token();
}

#[test]
fn check_config_tries_the_module() {
    let site = Site::on(Kind::Sqlite);
    token(&site);
    configure(&site, &section("actas", PIN, ""));
    run(&site, &["check-config"]).succeeded();
    for (section, told) in [
        (section("other", PIN, ""), "the PKCS#11 module has no token with the label `other`"),
        (section("actas", "1618", ""), "the PKCS#11 token refuses the PIN"),
        (section("", PIN, ""), "`keys.pkcs11.token`: it is the label of a token"),
        (section("actas", PIN, "").replace("libsofthsm2", "none"), "cannot be used: "),
        (section("actas", PIN, "").replace("value", "env"), "`keys.pkcs11.pin`"),
    ] {
        configure(&site, &section);
        let found = run(&site, &["check-config"]).failed();
        assert!(found.contains(told), "{found}");
        assert!(!found.contains("1618"), "{found}");
    }
}

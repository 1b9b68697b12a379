//! A planned rotation is felt by nobody.

use std::{
    collections::HashSet,
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use keys::{Algorithm, Expect, PublicKeys, Typ};
use serde_json::Value;
use server::clock;

use super::{JWKS, keys, published, states, the};
use crate::{
    database::Kind,
    overseen::part,
    process::{Server, eventually},
    scene::{PUBLIC_URL, Scene, Site, unlimited},
};

/// As short as it may be: a key is published for six seconds before it signs.
const MAX_AGE: Duration = Duration::from_secs(1);

fn configure(site: &Site) {
    site.configure("[keys]\n", "[keys]\njwks_max_age = 1\n");
}

fn two() -> (Server, Scene) {
    let scene = Scene::declared(Kind::Postgres, |site, org| {
        configure(site);
        unlimited(site, &org)
    });
    (scene.site.serve(), scene)
}

/// A verifier that asks for the key set when its cache has expired, and never else.
struct Verifier<'a> {
    server: &'a Server,
    cached: Mutex<Option<(Instant, PublicKeys)>>,
}

impl<'a> Verifier<'a> {
    fn of(server: &'a Server) -> Self {
        Self { server, cached: Mutex::default() }
    }

    #[track_caller]
    fn verify(&self, token: &str) {
        let mut cached = self.cached.lock().unwrap();
        if cached.as_ref().is_none_or(|(at, _)| MAX_AGE <= at.elapsed()) {
            // Its age counts from before it was asked for.
            let at = Instant::now();
            let reply = self.server.get(JWKS);
            assert_eq!(reply.header("cache-control"), Some("public, max-age=1"));
            *cached = Some((at, PublicKeys::parse(reply.text().as_bytes()).unwrap()));
        }
        let issuer = format!("{PUBLIC_URL}/o/acme");
        let expect = Expect {
            typ: &[Typ::AccessToken],
            issuer: &issuer,
            audience: &[],
            algorithms: &Algorithm::ALL,
            leeway: Duration::from_secs(5),
            max_age: None,
        };
        let (_, keys) = cached.as_ref().unwrap();
        let verified = keys::verify::<Value>(token, keys, &expect, clock::now().0);
        assert!(verified.is_ok(), "{:?}: {:?}", verified.err(), part(token, 0)["kid"]);
    }
}

/// Both replicas issue all the while, and verifiers cache what either of them publishes.
fn under_load(
    scene: &Scene,
    other: &Server,
    rotate: impl FnOnce() + Send,
) -> (HashSet<String>, usize) {
    let servers = [&scene.server, other];
    let verifiers = servers.map(Verifier::of);
    let (exchange, over, issued) = (scene.happy(), AtomicBool::new(false), AtomicUsize::new(0));
    let kids = [Mutex::new(HashSet::new()), Mutex::new(HashSet::new())];
    thread::scope(|threads| {
        for worker in 0..4 {
            let (exchange, over, issued) = (&exchange, &over, &issued);
            let (verifiers, kids) = (&verifiers, &kids);
            threads.spawn(move || {
                let replica = worker % 2;
                while !over.load(Ordering::Relaxed) {
                    let token = servers[replica].send(exchange).token();
                    for verifier in verifiers {
                        verifier.verify(&token);
                    }
                    let kid = part(&token, 0)["kid"].as_str().unwrap().to_owned();
                    kids[replica].lock().unwrap().insert(kid);
                    issued.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        let ended = End(&over);
        rotate();
        eventually("both replicas sign with two keys, one after the other", || {
            kids.iter().all(|kids| kids.lock().unwrap().len() == 2).then_some(())
        });
        drop(ended);
    });
    let kids = kids.map(|kids| kids.into_inner().unwrap());
    assert_eq!(kids[0], kids[1]);
    (kids[0].clone(), issued.into_inner())
}

/// Ends the load, also when the test fails.
struct End<'a>(&'a AtomicBool);

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[test]
fn is_not_felt_under_load() {
    let (other, scene) = two();
    let old = the(&keys(&scene.site, &["list"]), "active");
    let (kids, issued) = under_load(&scene, &other, || {
        let told = keys(&scene.site, &["rotate", "--reason", "as every year"]);
        assert_eq!(the(&told, "active"), old);
        let next = the(&told, "next");
        for server in [&scene.server, &other] {
            eventually("it is published", || published(server).contains(&next).then_some(()));
        }
    });
    assert!(10 < issued, "{issued} tokens");
    let told = keys(&scene.site, &["list"]);
    assert_eq!(the(&told, "retiring"), old);
    assert_eq!(kids, HashSet::from([old, the(&told, "active")]));
}

#[test]
fn of_the_algorithm_is_not_felt_under_load() {
    let (other, mut scene) = two();
    let applied =
        crate::scene::changed(&scene.org, "id = \"acme\"", "id = \"acme\"\nalgorithm = \"EdDSA\"");
    scene.org = applied;
    under_load(&scene, &other, || drop(scene.site.apply(&scene.org)));
    let told = keys(&scene.site, &["list"]);
    let new = the(&told, "active");
    let algorithm = told["keys"].as_array().unwrap().iter().find(|key| key["kid"] == new.as_str());
    assert_eq!(algorithm.unwrap()["algorithm"], "EdDSA");
}

/// It is due on both replicas at once, and they both see that.
#[test]
fn is_planned_once_by_two_replicas() {
    let (other, scene) = two();
    let postgres = scene.site.postgres.as_ref().unwrap();
    let old = the(&keys(&scene.site, &["list"]), "active");
    let month = 31 * 86_400;
    postgres.ask(&format!(
        "UPDATE signing_keys SET activates_at = activates_at - {month}, created_at = created_at - {month};
         UPDATE orgs SET revision = revision + 1"
    ));
    for server in [&scene.server, &other] {
        eventually("the next one signs", || {
            let token = server.send(&scene.happy()).token();
            (part(&token, 0)["kid"] != old.as_str()).then_some(())
        });
    }
    assert_eq!(postgres.ask("SELECT COUNT(*) FROM signing_keys"), "2");
    let records = scene.records();
    let rotated = records.iter().filter(|record| record["outcome"] == "rotated");
    assert_eq!(rotated.count(), 1);
    assert_eq!(states(&keys(&scene.site, &["list"]))[&old], "retiring");
}

/// Whoever asks second is told that it is under way.
#[test]
fn is_begun_once_by_many_who_ask() {
    let scene = Scene::configured(Kind::Postgres, |_| {});
    let told = thread::scope(|threads| {
        let asked = [0; 4].map(|_| threads.spawn(|| keys(&scene.site, &["rotate"])));
        asked.map(|asked| asked.join().unwrap())
    });
    assert_eq!(told.iter().filter(|told| told["action"].is_string()).count(), 1, "{told:?}");
    let next = the(&told[0], "next");
    assert!(told.iter().all(|told| the(told, "next") == next), "{told:?}");
    assert_eq!(states(&keys(&scene.site, &["list"])).len(), 2);
}

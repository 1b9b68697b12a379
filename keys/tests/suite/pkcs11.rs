//! Keys in a PKCS#11 module: `SoftHSM`, of the distribution's package `softhsm2`.
//!
//! `SoftHSM` finds its tokens by an environment variable that is read when it is loaded, so every test
//! here runs itself again in a process of its own, which has a token of its own.

use std::{
    env,
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::Arc,
    time::Instant,
};

use cryptoki::context::Pkcs11;
use keys::{
    Algorithm, DataKey, Expect, KeyFault, PublicKeys, SealFault, SignFault, Signer, SigningKey,
    pkcs11::{Module, ModuleFault, ModuleKey, ModuleSettings},
    sign, verify,
};
use serde_json::{Value, json};

use crate::fixture::{NOW, claims, expect};

/// Where the settings of this process's token are.
#[expect(clippy::disallowed_methods, reason = "how `SoftHSM` is told")]
fn told() -> Option<OsString> {
    env::var_os(SETTINGS)
}

const SETTINGS: &str = "SOFTHSM2_CONF";
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

/// Runs `test` in a process of its own that has a fresh token `actas`.
#[track_caller]
fn with_a_token(name: &str, test: impl FnOnce()) {
    if self::told().is_some() {
        return test();
    }
    let directory = env::temp_dir().join(format!("actas-softhsm-{}-{name}", std::process::id()));
    fs::create_dir_all(directory.join("tokens")).unwrap();
    let settings = directory.join("softhsm2.conf");
    let tokens = directory.join("tokens");
    fs::write(&settings, format!("directories.tokendir = {}\n", tokens.display())).unwrap();
    make_token(&settings, "actas");
    let again = Command::new(env::current_exe().unwrap())
        .args(["--exact", &format!("pkcs11::{name}"), "--nocapture"])
        .env(SETTINGS, &settings)
        .output()
        .unwrap();
    fs::remove_dir_all(directory).unwrap();
    let told = [again.stdout, again.stderr].concat();
    let told = String::from_utf8_lossy(&told);
    assert!(again.status.success() && told.contains("1 passed"), "{told}");
}

fn make_token(settings: &Path, label: &str) {
    let library = library();
    let made = Command::new("softhsm2-util")
        .args(["--init-token", "--free", "--label", label, "--so-pin", "31415", "--pin", PIN])
        .args(["--module", library.to_str().unwrap()])
        .env(SETTINGS, settings)
        .output()
        .expect("`softhsm2-util` is needed for this test: it comes with SoftHSM");
    assert!(made.status.success(), "{made:?}");
}

fn settings() -> ModuleSettings {
    ModuleSettings { library: library(), token: "actas".to_owned(), pin: PIN.into() }
}

fn module() -> Arc<Module> {
    Arc::new(Module::load(settings()).unwrap())
}

fn verifies(key: &dyn Signer) {
    let token = sign(key, "at+jwt", &claims()).unwrap();
    let jwks = json!({ "keys": [key.public_jwk()] }).to_string();
    let keys = PublicKeys::parse(jwks.as_bytes()).unwrap();
    let algorithms = [key.algorithm()];
    let expect = Expect { algorithms: &algorithms, ..expect() };
    assert!(verify::<Value>(&token, &keys, &expect, NOW).is_ok(), "{:?}", key.algorithm());
}

#[test]
fn signs_with_every_algorithm_what_anybody_can_verify() {
    with_a_token("signs_with_every_algorithm_what_anybody_can_verify", || {
        let module = module();
        for algorithm in Algorithm::ALL {
            let key = ModuleKey::generate(&module, "acme", algorithm).unwrap();
            assert!(key.blocks());
            assert_eq!(key.algorithm(), algorithm);
            verifies(&key);
        }
    });
}

#[test]
fn is_found_again_by_what_was_stored_and_only_in_its_place() {
    with_a_token("is_found_again_by_what_was_stored_and_only_in_its_place", || {
        let (module, master) = (module(), DataKey::generate().unwrap());
        let key = ModuleKey::generate(&module, "acme", Algorithm::Es256).unwrap();
        let sealed = key.to_sealed(&master, "place").unwrap();
        let open = |place| ModuleKey::from_sealed(&master, place, &sealed, Some(&module));
        let again = open("place").unwrap().unwrap();
        assert_eq!(again.kid(), key.kid());
        verifies(&again);
        assert_eq!(open("other").err(), Some(KeyFault::Seal(SealFault::Refused)));
        // Nor is it taken for a key that was stored itself, or the other way round.
        let misread = SigningKey::from_sealed(&master, "place", &sealed);
        assert_eq!(misread.err(), Some(KeyFault::Unusable));
        let file = SigningKey::generate(Algorithm::Es256).unwrap();
        let file = file.to_sealed(&master, "place").unwrap();
        assert!(ModuleKey::from_sealed(&master, "place", &file, Some(&module)).unwrap().is_none());
    });
}

/// A published key whose module is gone is still published; it does not sign.
#[test]
fn is_published_without_its_module() {
    with_a_token("is_published_without_its_module", || {
        let master = DataKey::generate().unwrap();
        let key = ModuleKey::generate(&module(), "acme", Algorithm::Es256).unwrap();
        let sealed = key.to_sealed(&master, "place").unwrap();
        let alone = ModuleKey::from_sealed(&master, "place", &sealed, None).unwrap().unwrap();
        assert_eq!(alone.public_jwk(), key.public_jwk());
        let refused = sign(&alone, "at+jwt", &claims());
        assert_eq!(refused, Err(SignFault::Module(ModuleFault::NotConfigured)));
    });
}

/// The private half never leaves: it is sensitive, and not extractable.
#[test]
fn keeps_the_private_half_to_itself() {
    with_a_token("keeps_the_private_half_to_itself", || {
        use cryptoki::{
            object::{Attribute, AttributeType, ObjectClass},
            session::UserType,
        };
        let module = module();
        let key = ModuleKey::generate(&module, "acme", Algorithm::Es256).unwrap();
        let context = Pkcs11::new(library()).unwrap();
        let slot = context.get_slots_with_initialized_token().unwrap()[0];
        let session = context.open_ro_session(slot).unwrap();
        // Our module is logged in, and that holds for the whole process.
        drop(session.login(UserType::User, Some(&PIN.into())));
        let halves = session.find_objects(&[Attribute::Class(ObjectClass::PRIVATE_KEY)]).unwrap();
        let [private] = halves.as_slice() else { panic!("{halves:?}") };
        let asked = [AttributeType::Sensitive, AttributeType::Extractable, AttributeType::Label];
        let label = format!("actas:acme:{}", key.kid()).into_bytes();
        assert_eq!(
            session.get_attributes(*private, &asked).unwrap(),
            [Attribute::Sensitive(true), Attribute::Extractable(false), Attribute::Label(label),]
        );
        let value = session.get_attributes(*private, &[AttributeType::Value]);
        assert!(value.is_err() || value.unwrap().is_empty());
    });
}

/// The module was restarted, or somebody else in the process finalized it.
#[test]
fn goes_on_after_the_module_has_lost_its_sessions() {
    with_a_token("goes_on_after_the_module_has_lost_its_sessions", || {
        let module = module();
        let key = ModuleKey::generate(&module, "acme", Algorithm::Es256).unwrap();
        for _ in 0..3 {
            verifies(&key);
            Pkcs11::new(library()).unwrap().finalize().unwrap();
        }
        verifies(&key);
    });
}

#[test]
fn signs_for_many_at_once() {
    with_a_token("signs_for_many_at_once", || {
        let module = module();
        let key = ModuleKey::generate(&module, "acme", Algorithm::Es256).unwrap();
        std::thread::scope(|threads| {
            for _ in 0..32 {
                threads.spawn(|| (0..20).for_each(|_| verifies(&key)));
            }
        });
    });
}

#[test]
fn is_gone_when_it_was_destroyed() {
    with_a_token("is_gone_when_it_was_destroyed", || {
        let module = module();
        let key = ModuleKey::generate(&module, "acme", Algorithm::Es256).unwrap();
        let other = ModuleKey::generate(&module, "acme", Algorithm::Es256).unwrap();
        key.destroy().unwrap();
        key.destroy().unwrap();
        let refused = sign(&key, "at+jwt", &claims());
        assert_eq!(refused, Err(SignFault::Module(ModuleFault::NoKey)));
        verifies(&other);
    });
}

/// A token locks itself after a few wrong PINs.
#[test]
fn tries_a_wrong_pin_once() {
    with_a_token("tries_a_wrong_pin_once", || {
        let module = Module::load(ModuleSettings { pin: "1618".into(), ..settings() }).unwrap();
        let first = module.check().unwrap_err();
        assert!(matches!(first, ModuleFault::Login(_)), "{first}");
        // Without asking the module, which would take its time.
        Pkcs11::new(library()).unwrap().finalize().unwrap();
        let began = Instant::now();
        assert_eq!(module.check(), Err(first));
        assert!(began.elapsed().as_millis() < 100);
        assert_eq!(self::module().check(), Ok(()));
    });
}

#[test]
fn says_what_is_missing() {
    with_a_token("says_what_is_missing", || {
        let told = |settings| Module::load(settings).and_then(|module| module.check());
        assert_eq!(told(settings()), Ok(()));
        let other = ModuleSettings { token: "other".to_owned(), ..settings() };
        assert_eq!(told(other), Err(ModuleFault::NoToken("other".to_owned())));
        for library in ["/nowhere/module.so", "/etc/passwd"] {
            let none = told(ModuleSettings { library: library.into(), ..settings() });
            assert!(none.unwrap_err().to_string().contains(library));
        }
        make_token(Path::new(&self::told().unwrap()), "actas");
        assert_eq!(told(settings()), Err(ModuleFault::ManyTokens("actas".to_owned())));
    });
}

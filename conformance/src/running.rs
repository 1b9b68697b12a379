//! Where the target comes from: a description given by the caller, or a server of our own.

use std::{
    env, fs,
    fs::File,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::OnceLock,
    thread,
    time::{Duration, Instant, SystemTime},
};

use crate::target::Target;

/// Names a description file; unset means that the suite starts its own server.
const TARGET: &str = "CONFORMANCE_TARGET";
/// Names a PostgreSQL server: our own server then keeps its delegations there, in a new database.
const POSTGRES: &str = "CONFORMANCE_POSTGRES";
/// A debug build on a busy two-core machine needs a few seconds to make its keys and databases.
const START_WITHIN: Duration = Duration::from_mins(1);

/// Starts the server as a child of a shell which ends it as soon as its own standard input closes.
/// The other end is held by this process, so the server goes however this process ends: a `static`
/// is never dropped, and a killed test runs no code at all.
const KEEPER: &str = r#"
dir=$1; shift
exec 3<&0
"$@" </dev/null 3<&- & server=$!
( read -r _ <&3; kill "$server"; wait; rm -rf "$dir" ) & watch=$!
exec 3<&-
wait "$server"; status=$?
kill "$watch" 2>/dev/null
exit "$status"
"#;

/// The deployment under test, one for the whole test binary.
#[must_use]
pub fn target() -> &'static Target {
    target_started_with(&[])
}

/// The same; if it is ours to start, and was not started yet, with these arguments besides.
#[must_use]
pub fn target_started_with(arguments: &[&str]) -> &'static Target {
    static TARGETS: OnceLock<(Target, Option<Child>)> = OnceLock::new();
    let start = || start(arguments);
    &TARGETS.get_or_init(|| described().map_or_else(start, |target| (target, None))).0
}

/// Seconds since the Unix epoch.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "a black box has a clock of its own")]
pub fn now() -> i64 {
    let elapsed = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("after 1970");
    i64::try_from(elapsed.as_secs()).expect("seconds fit")
}

/// Asks until there is an answer; the pause only keeps the wait from spinning. Panics when there is
/// none within `patience`.
pub fn eventually<T>(what: &str, patience: Duration, mut ask: impl FnMut() -> Option<T>) -> T {
    let started = Instant::now();
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(started.elapsed() < patience, "not within {patience:?}: {what}");
        thread::park_timeout(Duration::from_millis(100));
    }
}

#[expect(clippy::disallowed_methods, reason = "how a person points the suite at a deployment")]
fn described() -> Option<Target> {
    env::var_os(TARGET).map(|path| Target::read(Path::new(&path)))
}

fn start(arguments: &[&str]) -> (Target, Option<Child>) {
    let binary = binary();
    let dir = tempfile::tempdir().expect("a temporary directory").keep();
    let (description, log) = (dir.join("description.json"), dir.join("log"));
    let file = |name: &str| File::create(dir.join(name)).expect("a file");
    let mut keeper = Command::new("sh")
        .args(["-c", KEEPER, "keeper"])
        .arg(&dir)
        .arg(&binary)
        .args(["demo", "--keep", "--describe"])
        .arg(&description)
        .args(arguments)
        .args(new_database().iter().flat_map(|url| ["--database", url]))
        .stdin(Stdio::piped())
        .stdout(file("printed"))
        .stderr(file("log"))
        .spawn()
        .expect("a shell");
    await_description(&mut keeper, &description, &log);
    let target = Target { log: Some(log), ..Target::read(&description) };
    (target, Some(keeper))
}

/// A database of this test binary's own, when a server is named.
#[expect(clippy::disallowed_methods, reason = "how `make test` says which database to use")]
fn new_database() -> Option<String> {
    let server = env::var(POSTGRES).ok()?;
    let name = format!("conformance_{}", std::process::id());
    let made = Command::new("psql")
        .args(["--quiet", "--no-psqlrc", "--command", &format!("CREATE DATABASE {name}"), &server])
        .status()
        .expect("psql, which comes with PostgreSQL");
    assert!(made.success(), "no database could be made on the server of {POSTGRES}");
    let (server, _) = server.rsplit_once('/').expect("postgres://…/DATABASE");
    Some(format!("{server}/{name}"))
}

/// Waits for an event, the complete description; the pause only keeps the wait from spinning.
fn await_description(keeper: &mut Child, description: &Path, log: &Path) {
    let started = Instant::now();
    let complete = || {
        fs::read(description)
            .is_ok_and(|text| serde_json::from_slice::<serde_json::Value>(&text).is_ok())
    };
    while !complete() {
        let ended = keeper.try_wait().expect("the shell can be asked");
        if ended.is_some() || started.elapsed() > START_WITHIN {
            let log = fs::read_to_string(log).unwrap_or_default();
            let _ = description.parent().map(fs::remove_dir_all);
            panic!("`actas demo --keep --describe` wrote no description ({ended:?}):\n{log}");
        }
        thread::park_timeout(Duration::from_millis(20));
    }
}

/// `target/debug/actas` beside `target/debug/deps/<this test>`.
fn binary() -> PathBuf {
    let test = env::current_exe().expect("the path of this test");
    let binary = test.ancestors().nth(2).expect("target/<profile>/deps/<test>").join("actas");
    assert!(
        binary.is_file(),
        "{} is not built: run `cargo build` first, or set {TARGET} to the description of a \
         running deployment",
        binary.display()
    );
    binary
}

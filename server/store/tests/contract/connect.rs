use std::sync::Arc;

use tokio::task::JoinSet;

use crate::fixture::{Fixture, connect, in_database, postgres_url};

/// The fault, which never holds what must stay secret.
async fn fault(url: &str) -> String {
    let fault = connect(url).await.unwrap_err().to_string();
    assert!(!fault.contains("hunter2"), "{fault}");
    fault
}

#[tokio::test]
async fn refuses_other_databases() {
    for url in ["mysql://u:hunter2@localhost/db", "actas.db", "", "postgres", "SQLITE:x"] {
        let fault = fault(url).await;
        assert_eq!(fault, "store: the database url must begin with `sqlite:` or `postgres://`");
    }
}

#[tokio::test]
async fn refuses_an_sqlite_database_without_a_file() {
    for url in ["sqlite:", "sqlite://", "sqlite::memory:", "sqlite:a.db?mode=ro"] {
        let fault = fault(url).await;
        assert!(fault.contains("the path of a file, without parameters"), "{fault}");
    }
}

#[tokio::test]
async fn says_which_sqlite_file_cannot_be_made() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("missing").join("actas.db");
    let fault = fault(&format!("sqlite:{}", path.display())).await;
    assert!(fault.contains("missing/actas.db"), "{fault}");
}

#[tokio::test]
async fn refuses_an_sqlite_file_that_is_something_else() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("letter.txt");
    std::fs::write(&path, "Dear database, ".repeat(100)).unwrap();
    let fault = fault(&format!("sqlite:{}", path.display())).await;
    assert!(fault.contains("not a database"), "{fault}");
}

#[cfg(unix)]
#[tokio::test]
async fn makes_sqlite_files_that_only_we_can_read() {
    use std::os::unix::fs::PermissionsExt;

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("actas.db");
    let store = connect(&format!("sqlite://{}", path.display())).await.unwrap();
    store.migrate().await.unwrap();
    let mut files = 0;
    for entry in std::fs::read_dir(folder.path()).unwrap() {
        let entry = entry.unwrap();
        assert_eq!(entry.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{entry:?}");
        files += 1;
    }
    assert_eq!(files, 3, "the database, its log and the index of its log");
    store.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn replicas_make_one_sqlite_file_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", folder.path().join("actas.db").display());
    let mut all = JoinSet::new();
    for _ in 0..8 {
        let url = url.clone();
        all.spawn(async move {
            let store = connect(&url).await.unwrap();
            store.migrate().await.unwrap();
            store.close().await;
        });
    }
    all.join_all().await;
}

#[tokio::test]
async fn a_wrong_password_is_a_clear_fault_without_the_password() {
    let right = postgres_url();
    let (scheme, rest) = right.split_once("://").unwrap();
    let (_, server) = rest.rsplit_once('@').unwrap();
    let fault = fault(&format!("{scheme}://postgres:hunter2@{server}")).await;
    assert!(fault.starts_with("store: cannot connect to PostgreSQL: "), "{fault}");
    assert!(fault.contains("password authentication failed"), "{fault}");
}

#[tokio::test]
async fn a_malformed_url_is_a_clear_fault_without_the_password() {
    for url in [
        "postgres://actas:hunter2#@localhost/db",
        "postgres://actas:x@localhost:hunter2/db",
        "postgres://actas:hunter2@localhost/db?sslmode=hunter2",
        "postgres:hunter2",
    ] {
        fault(url).await;
    }
}

#[tokio::test]
async fn a_server_that_is_not_there_is_a_clear_fault() {
    let fault = fault("postgres://actas:hunter2@127.0.0.1:1/db").await;
    assert!(fault.starts_with("store: cannot connect to PostgreSQL: "), "{fault}");
}

#[tokio::test]
async fn a_database_that_is_not_there_is_a_clear_fault() {
    let fault = fault(&in_database(&postgres_url(), "actas_nowhere")).await;
    assert!(fault.contains("\"actas_nowhere\" does not exist"), "{fault}");
}

async fn answers_a_ping(it: Arc<Fixture>) {
    it.store.ping().await.unwrap();
}

async fn answers_no_ping_after_closing(it: Arc<Fixture>) {
    it.store.close().await;
    assert!(it.store.ping().await.is_err());
}

async fn shows_no_password_in_its_debug_output(it: Arc<Fixture>) {
    let settings =
        store::Settings { url: "postgres://actas:hunter2@x/y".into(), max_connections: 4 };
    assert!(!format!("{settings:?}").contains("hunter2"));
    if let Some((_, secret)) = it.url.split_once("://").and_then(|(_, rest)| rest.split_once(':'))
        && let Some((secret, _)) = secret.split_once('@')
    {
        assert!(!format!("{:?}", it.store).contains(secret));
    }
}

on_both_databases!(
    answers_a_ping,
    answers_no_ping_after_closing,
    shows_no_password_in_its_debug_output,
);

//! Would it be seen? Each of these makes untrue what clients were told, as a server would that answers
//! before it has committed, or that writes in two transactions what belongs into one.

use std::{
    fs,
    panic::{AssertUnwindSafe, catch_unwind},
    process::Command,
};

use crate::{chance::Chance, database::Kind, ledger::Ledger, load::Load, round::Stage};

const LIES: [(&str, &str); 6] = [
    (
        "DELETE FROM delegations WHERE id = (SELECT MAX(id) FROM delegations)",
        "a token, and its event, or neither",
    ),
    (
        "INSERT INTO events SELECT org, id, record FROM trail ORDER BY seq LIMIT 1",
        "an event is there twice",
    ),
    ("DELETE FROM signals", "a signal, and its event, or neither"),
    ("DELETE FROM trail WHERE seq = 1", "the numbers of the trail have gaps"),
    ("UPDATE delegations SET ended_at = NULL", "stands, its session"),
    (
        "DELETE FROM delegations; DELETE FROM events; DELETE FROM trail; DELETE FROM signals; \
         UPDATE trail_ends SET seq = 0",
        "was issued, and is not known",
    ),
];

#[test]
fn a_lie_of_any_kind() {
    let mut stage = Stage::on(Kind::Sqlite);
    let load = Load { scene: &stage.scene, books: &stage.books, life: 0 };
    let mut chance = Chance::new();
    while !stage.books.open().logouts.iter().any(|logout| logout.acknowledged) {
        load.chain(&mut chance).unwrap();
    }
    stage.scene.server.terminate();
    assert_eq!(stage.scene.server.ended().code(), Some(0));
    // So that there is a trail to lie about.
    let verified = stage.scene.site.run(&["audit", "verify", "acme"]);
    assert_eq!(verified.code, Some(0), "{verified:?}");
    stage.books.agree_with(&Ledger::of(&stage.scene.site));
    let (truth, file) = (stage.scene.site.path("truth.db"), stage.scene.site.path("actas.db"));
    fs::copy(&file, &truth).unwrap();
    for (lie, seen) in LIES {
        fs::copy(&truth, &file).unwrap();
        assert!(Command::new("sqlite3").arg(&file).arg(lie).status().unwrap().success());
        let looking = catch_unwind(AssertUnwindSafe(|| {
            stage.books.agree_with(&Ledger::of(&stage.scene.site));
        }));
        let what = looking.expect_err(lie);
        let text = what.downcast_ref::<String>().cloned();
        let text = text.or_else(|| what.downcast_ref::<&str>().map(|text| (*text).to_owned()));
        assert!(text.as_deref().is_some_and(|text| text.contains(seen)), "{lie}: {text:?}");
    }
}

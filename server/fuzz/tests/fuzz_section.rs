//! The section `fuzz` of the report, of what `server/fuzz/run` has left in `target/fuzz/results.tsv`.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{fs, path::Path};

use conformance::report::{Section, Table};
use fuzz::TARGETS;

/// Target, executions, the same in a second, edges covered, edges there are, inputs kept, seconds, broken.
type Row = [String; 8];

#[test]
fn the_section_has_a_row_for_every_target() {
    let sample: Vec<Row> = TARGETS
        .iter()
        .map(|target| row(&format!("{}\t9\t3\t5\t7\t2\t3\t0", target.name)))
        .collect();
    assert_eq!(section(&sample).tables.first().unwrap().rows.len(), TARGETS.len());
    if is_to_be_reported() {
        let results = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/fuzz/results.tsv");
        let rows: Vec<Row> = fs::read_to_string(results).unwrap().lines().map(row).collect();
        assert_eq!(rows.len(), TARGETS.len(), "every target was run");
        section(&rows).write().unwrap();
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "whoever runs this test says so, not a configuration"
)]
fn is_to_be_reported() -> bool {
    std::env::var_os("ACTAS_TEST_REPORT").is_some()
}

fn row(line: &str) -> Row {
    let cells: Vec<String> = line.split('\t').map(str::to_owned).collect();
    cells.try_into().unwrap()
}

fn section(rows: &[Row]) -> Section {
    let sum = |column: usize| -> u64 {
        rows.iter().map(|row| row.get(column).unwrap().parse::<u64>().unwrap()).sum()
    };
    let broken = sum(7);
    let title = "Fuzzing of what reads bytes from outside";
    let mut section = Section::new("fuzz", title, "make fuzz");
    section.seconds = sum(6);
    section.figure("targets", rows.len().to_string());
    section.figure("executions", sum(1).to_string());
    section.aim("targets with an input that breaks them", broken.to_string(), "0", broken == 0);
    let head = [
        "target",
        "executions",
        "per second",
        "edges covered",
        "edges linked",
        "inputs kept",
        "seconds",
        "broken",
    ];
    section.tables.push(Table {
        caption:
            "libFuzzer, guided by coverage; edges linked are those of everything in the binary"
                .to_owned(),
        head: head.map(str::to_owned).to_vec(),
        rows: rows.iter().map(|row| row.to_vec()).collect(),
    });
    section.notes.push(
        "Each target asserts what must hold of whatever its parser accepts; what they assert stands in server/fuzz/src."
            .to_owned(),
    );
    section.not_covered = [
        "No sanitizer: our code has no unsafe blocks, and the C libraries (OpenSSL, SQLite) are not instrumented.",
        "Answers of the connectors' own APIs (Okta, Entra, Google, Keycloak, Auth0, SCIM, AuthZEN, OPA) are read by \
         their unit tests, and actas.toml, which only whoever runs the server writes, by its own; they are no targets.",
    ]
    .map(str::to_owned)
    .to_vec();
    section
}

//! `REPORT.md` is what was measured, and nothing else: it is made of the files in `report`.
//!
//! `make report` writes it; the gate runs the same without writing, and fails when the two differ.

use std::{fs, path::Path};

use conformance::report::{Bug, Section, directory, page};
use serde::Deserialize;

/// In the order of the page.
const SECTIONS: [&str; 11] = [
    "exchange",
    "steps",
    "overload",
    "isolation",
    "size",
    "model",
    "specification",
    "mutation",
    "fuzz",
    "vectors",
    "mutants",
];

/// What people write: bugs that were found, and what nobody has looked at.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    not_covered: Vec<String>,
    bug: Vec<Bug>,
}

#[test]
fn the_report_is_what_was_measured() {
    let sections: Vec<Section> =
        SECTIONS.iter().filter_map(|name| Section::read(name).unwrap()).collect();
    let written = fs::read_to_string(directory().join("found.toml")).unwrap();
    let Written { not_covered, bug } = toml::from_str(&written).unwrap();
    let page = page(&sections, &bug, &not_covered);
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("REPORT.md");
    if is_to_be_written() {
        fs::write(&file, page).unwrap();
    } else {
        let stands = fs::read_to_string(&file).unwrap();
        assert!(stands == page, "REPORT.md is not what was measured: run `make report`");
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "whoever runs this test says so, not a configuration"
)]
fn is_to_be_written() -> bool {
    std::env::var_os("ACTAS_TEST_WRITE_REPORT").is_some()
}

#[test]
fn every_section_that_was_kept_is_in_the_report() {
    for entry in fs::read_dir(directory()).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        if let Some(name) = name.strip_suffix(".json") {
            assert!(SECTIONS.contains(&name), "{name} is not in the report");
        }
    }
}

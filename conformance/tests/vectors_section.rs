//! The section `vectors` of the report, of what the tests of `keys` have left in `target/vectors.json`.

use std::{fs, path::Path};

use conformance::report::{Section, Table};
use serde::Deserialize;

/// A set of signatures, all of which were judged as they should be: else there is no file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    set: String,
    algorithm: String,
    valid: u64,
    invalid: u64,
    acceptable: u64,
    no_text: u64,
}

#[test]
fn the_section_counts_every_set() {
    let sample = r#"[
        {"set":"a","algorithm":"ES256","valid":2,"invalid":3,"acceptable":0,"no_text":0},
        {"set":"b","algorithm":"RS256","valid":5,"invalid":7,"acceptable":1,"no_text":4}
    ]"#;
    let section_of_sample = section(&serde_json::from_str::<Vec<Row>>(sample).unwrap());
    let figures: Vec<_> =
        section_of_sample.figures.iter().map(|figure| figure.value.as_str()).collect();
    assert_eq!(figures, ["18", "7 of 7", "10 of 10", "1", "4"]);
    assert_eq!(section_of_sample.tables.first().unwrap().rows.len(), 2);
    if is_to_be_reported() {
        let left = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/vectors.json");
        let rows: Vec<Row> = serde_json::from_str(&fs::read_to_string(left).unwrap()).unwrap();
        assert!(!rows.is_empty());
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

fn section(rows: &[Row]) -> Section {
    let sum = |of: fn(&Row) -> u64| rows.iter().map(of).sum::<u64>();
    let (valid, invalid) = (sum(|row| row.valid), sum(|row| row.invalid));
    let acceptable = sum(|row| row.acceptable);
    let title = "Wycheproof's signatures, shown to what verifies tokens";
    let mut section = Section::new("vectors", title, "make vectors");
    section.figure("signatures", (valid + invalid + acceptable).to_string());
    // The test fails at the first that is not, and leaves nothing to read.
    section.aim("valid, and accepted", format!("{valid} of {valid}"), "all", true);
    section.aim("invalid, and refused", format!("{invalid} of {invalid}"), "all", true);
    section.figure("acceptable, and refused", acceptable.to_string());
    section.figure("with a message that is no text", sum(|row| row.no_text).to_string());
    section.tables.push(Table {
        caption:
            "By set; each signature is also shown to its key as one of every other algorithm, and \
                  refused but for the few the set made with the other RSA scheme"
                .to_owned(),
        head: ["set", "as", "valid", "invalid", "acceptable", "no text"]
            .map(str::to_owned)
            .to_vec(),
        rows: rows
            .iter()
            .map(|row| {
                let counts = [row.valid, row.invalid, row.acceptable, row.no_text];
                let names = [row.set.clone(), row.algorithm.clone()];
                names.into_iter().chain(counts.map(|count| count.to_string())).collect()
            })
            .collect(),
    });
    section.notes = [
        "The keys are read as JWK, the signatures as base64url, by the functions that read those of a token. \
         Acceptable is an encoding of PKCS #1 v1.5 without the NULL of its algorithm (RFC 8017 §8.2.2, note 2): \
         it is refused. A message that is no text cannot be signed in a token; it is given to the verification \
         underneath.",
        "The signatures RFC 7515 (A.2, A.3), RFC 7520 (§4.1) and RFC 8037 (A.4) print are verified beside them, \
         and refused of every other key and as of every other algorithm.",
    ]
    .map(str::to_owned)
    .to_vec();
    section.not_covered = vec![
        "Wycheproof's own sets for JWS, JWE and JWK: the packages that carry its vectors leave them out."
            .to_owned(),
    ];
    section
}

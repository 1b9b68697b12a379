//! Conformance to our own rules. A rule which a machine can check lives here, not in a document.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

/// Who may know whom.
const MAY_KNOW: &[(&str, &[&str])] = &[
    ("policy", &[]),
    ("keys", &[]),
    ("keys/verifier", &["keys"]),
    ("server/delegation", &["policy", "keys"]),
    ("server/fuzz", &["delegation", "keys", "policy", "server", "upstream"]),
    ("server/store", &["delegation", "policy"]),
    ("server/upstream", &["delegation", "keys", "policy"]),
    ("server/testkit", &["keys", "policy", "delegation"]),
    ("server", &["delegation", "keys", "policy", "store", "testkit", "upstream", "verifier"]),
    ("conformance", &[]),
];
/// Whom only the tests of a crate may know besides: those of the store make a key to attest with,
/// those of the server play clients of the conformance suite, those of the fuzz targets write a section of
/// its report.
const TESTS_MAY_KNOW: &[(&str, &str)] =
    &[("server/store", "keys"), ("server", "conformance"), ("server/fuzz", "conformance")];
/// Who alone may know a technology, in what it ships and in its tests.
const ONLY_KNOWERS: &[(&str, &[&str])] = &[
    ("sqlx", &["server/store"]),
    // The server's benchmark has a bare one beside it.
    ("rusqlite", &["server/store", "server"]),
    // The verifier leaves the house: whoever takes our tokens has nothing else of ours.
    ("actix-web", &["server", "keys/verifier"]),
    ("reqwest", &["server/upstream", "keys/verifier"]),
    ("openidconnect", &["server/upstream"]),
    ("josekit", &["keys"]),
    ("jsonwebtoken", &["keys"]),
    ("cryptoki", &["keys"]),
    ("cedar-policy", &["policy"]),
    ("ureq", &["conformance"]),
];
const LONGEST_FILE: usize = 400;

#[test]
fn crates_know_only_whom_they_may() {
    let ours: BTreeSet<&str> = MAY_KNOW.iter().map(|(path, _)| last(path)).collect();
    for (path, may_know) in MAY_KNOW {
        for (section, name) in listed(path) {
            let name = name.as_str();
            assert!(
                !ours.contains(name)
                    || name == last(path)
                    || may_know.contains(&name)
                    || section == "dev-dependencies" && TESTS_MAY_KNOW.contains(&(path, name)),
                "{path} must not know {name}"
            );
        }
    }
}

#[test]
fn a_technology_is_known_in_one_place() {
    for (path, _) in MAY_KNOW {
        for name in dependencies(path) {
            for (technology, knowers) in ONLY_KNOWERS {
                assert!(
                    name != *technology || knowers.contains(path),
                    "only {knowers:?} may know {technology}, not {path}"
                );
            }
        }
    }
}

#[test]
fn every_member_is_in_the_table() {
    let manifest = parsed(&root().join("Cargo.toml"));
    let members = manifest["workspace"]["members"].as_array().unwrap();
    let members: BTreeSet<&str> = members.iter().map(|member| member.as_str().unwrap()).collect();
    assert_eq!(members, MAY_KNOW.iter().map(|(path, _)| *path).collect());
}

#[test]
fn no_file_is_too_long_to_read() {
    for file in files(&root(), "rs") {
        let lines = fs::read_to_string(&file).unwrap().lines().count();
        assert!(lines <= LONGEST_FILE, "{} has {lines} lines, split it", file.display());
    }
}

#[test]
fn every_migration_exists_for_both_databases() {
    let names = |dir| -> BTreeSet<_> {
        let files = files(&root().join("migrations").join(dir), "sql");
        files.iter().map(|file| file.file_name().unwrap().to_owned()).collect()
    };
    assert_eq!(names("postgres"), names("sqlite"));
    assert!(!names("postgres").is_empty());
}

#[test]
fn nothing_is_named_after_nothing() {
    let empty =
        ["util", "utils", "common", "core", "helper", "helpers", "misc", "manager", "types"];
    for file in files(&root(), "rs") {
        let name = file.file_stem().unwrap().to_str().unwrap();
        assert!(!empty.contains(&name), "{} says nothing", file.display());
    }
}

#[test]
fn every_crate_takes_the_lints_of_the_workspace() {
    for (path, _) in MAY_KNOW {
        let manifest = parsed(&root().join(path).join("Cargo.toml"));
        let inherited = manifest.get("lints").and_then(|lints| lints.get("workspace"));
        assert_eq!(inherited.and_then(toml::Value::as_bool), Some(true), "{path}");
    }
}

fn last(path: &str) -> &str {
    path.rsplit('/').next().unwrap()
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

fn parsed(manifest: &Path) -> toml::Table {
    fs::read_to_string(manifest).unwrap().parse().unwrap()
}

/// Everything a crate lists, for building, shipping and testing.
fn dependencies(path: &str) -> BTreeSet<String> {
    listed(path).into_iter().map(|(_, name)| name).collect()
}

/// The same, with where.
fn listed(path: &str) -> Vec<(&'static str, String)> {
    let manifest = parsed(&root().join(path).join("Cargo.toml"));
    ["dependencies", "dev-dependencies", "build-dependencies"]
        .into_iter()
        .filter_map(|section| Some((section, manifest.get(section)?.as_table()?.clone())))
        .flat_map(|(section, table)| table.into_iter().map(move |(name, _)| (section, name)))
        .collect()
}

fn files(dir: &Path, extension: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        let foreign = name.starts_with('.') || ["target", "node_modules"].contains(&name);
        if path.is_dir() && !foreign {
            found.extend(files(&path, extension));
        } else if path.extension().is_some_and(|found| found == extension) {
            found.push(path);
        }
    }
    found
}

//! Runs `scenarios/*.toml`: facts in, decision out. `README.md` says how to read and add them.

#![expect(clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod given;

use std::{collections::BTreeSet, fs, path::Path, time::Duration};

use policy::{Decision, OrgPolicies, PolicyFile, Reason, Rules, decide};
use serde::Deserialize;
use toml::{Table, Value};

use given::{Given, GivenStepUp, NOW, confirmed, facts};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ScenarioFile {
    about: String,
    scenario: Vec<Scenario>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Scenario {
    says: String,
    /// What differs from the fixture.
    #[serde(default)]
    given: Table,
    /// What the fixture has and this one has not.
    #[serde(default)]
    without: Vec<String>,
    /// Files of `examples/`.
    #[serde(default)]
    policies: Vec<String>,
    policy: Option<String>,
    then: Then,
}

#[derive(Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
struct Then {
    refused: Option<String>,
    /// What the user is asked for; nothing when it does not stand here.
    step_up: Option<GivenStepUp>,
    scope: Option<String>,
    chain: Option<Vec<String>>,
    expires_in: Option<i64>,
    /// The key the token is bound to; none when it does not stand here.
    bound_to: Option<String>,
    policies: Option<Vec<String>>,
}

#[test]
fn every_scenario_comes_out_as_written() {
    let mut failures = Vec::new();
    for (file, scenario) in scenarios() {
        let came = outcome(&scenario);
        let Then { refused, step_up, scope, chain, expires_in, bound_to, policies } =
            &scenario.then;
        assert!(
            refused.is_some() != scope.is_some(),
            "{file}: {}: refused or scope",
            scenario.says
        );
        let differs = came.refused != *refused
            || came.step_up != *step_up
            || came.scope != *scope
            || came.bound_to != *bound_to
            || chain.is_some() && came.chain != *chain
            || expires_in.is_some() && came.expires_in != *expires_in
            || policies.is_some() && came.policies != *policies;
        if differs {
            failures.push(format!(
                "{file}: {}\n  written {:?}\n  came    {came:?}",
                scenario.says, scenario.then
            ));
        }
    }
    assert!(failures.is_empty(), "\n{}", failures.join("\n"));
}

#[test]
fn every_reason_has_a_scenario() {
    let refused: BTreeSet<String> =
        scenarios().into_iter().filter_map(|(_, scenario)| scenario.then.refused).collect();
    for reason in Reason::ALL {
        assert!(refused.contains(reason.code()), "no scenario is refused with `{reason}`");
    }
}

#[test]
fn every_example_narrows_one_scenario_and_leaves_another_as_it_was() {
    for example in names_in("examples") {
        let (mut narrows, mut leaves) = (false, false);
        for (_, mut scenario) in scenarios() {
            if scenario.policies == [example.clone()] {
                let with = outcome(&scenario).scope;
                scenario.policies.clear();
                let without = outcome(&scenario).scope;
                narrows |= with != without;
                leaves |= with == without;
            }
        }
        assert!(narrows, "`{example}` narrows no scenario");
        assert!(leaves, "`{example}` leaves no scenario as it was");
    }
}

#[test]
fn the_readme_names_every_reason_and_every_example() {
    let readme = read(Path::new("README.md"));
    for reason in Reason::ALL {
        assert!(readme.contains(&format!("`{reason}`")), "README.md lacks `{reason}`");
    }
    for example in names_in("examples") {
        assert!(readme.contains(&example), "README.md lacks `{example}`");
    }
}

#[test]
fn the_readme_names_every_attribute_of_the_context() {
    let schema = read(Path::new("schema.cedarschema"));
    let (_, context) = schema.split_once("context: {").expect("a context");
    let is_attribute = |line: &&str| !line.is_empty() && !line.starts_with(['/', '}']);
    let attributes: Vec<&str> = context.lines().map(str::trim).filter(is_attribute).collect();
    assert!(!attributes.is_empty());
    let readme = read(Path::new("README.md"));
    for attribute in attributes {
        let name = attribute.split([':', '?']).next().expect("a name");
        assert!(readme.contains(&format!("`{name}`")), "README.md lacks `{name}`: {attribute}");
    }
}

fn scenarios() -> Vec<(String, Scenario)> {
    let mut scenarios = Vec::new();
    for name in names_in("tests/scenarios") {
        let text = read(&Path::new("tests/scenarios").join(&name));
        let file: ScenarioFile = toml::from_str(&text).unwrap_or_else(|e| panic!("{name}: {e}"));
        assert!(!file.about.is_empty(), "{name} does not say what it is about");
        scenarios.extend(file.scenario.into_iter().map(|scenario| (name.clone(), scenario)));
    }
    scenarios
}

fn outcome(scenario: &Scenario) -> Then {
    let mut given: Table = toml::from_str(&read(Path::new("tests/fixture.toml"))).expect("fixture");
    overlay(&mut given, &scenario.given);
    for path in &scenario.without {
        remove(&mut given, path);
    }
    let given: Given =
        given.try_into().unwrap_or_else(|error| panic!("{}: {error}", scenario.says));
    let rules =
        Rules::new(given.chain_limit, Duration::from_secs(given.lifetime), policies(scenario));
    match decide(&facts(given), &rules.expect("rules")) {
        Decision::Permit(permit) => {
            let policies = Some(permit.policies().to_vec());
            let terms = permit.spend();
            let ids = terms.chain.parties().iter().map(|party| party.id.clone()).collect();
            Then {
                refused: None,
                step_up: None,
                scope: Some(terms.scope.to_string()),
                chain: Some(ids),
                expires_in: Some(NOW.seconds_until(terms.expires_at)),
                bound_to: terms.bound_to.as_ref().map(confirmed),
                policies,
            }
        }
        Decision::Ask(question) => match question {},
        Decision::Refuse(refusal) => Then {
            refused: Some(refusal.reason.code().to_owned()),
            step_up: refusal.step_up.map(|step_up| GivenStepUp {
                device: step_up.device,
                acr_values: step_up.acr_values,
                max_age: step_up.max_age,
                claims: step_up.claims,
            }),
            scope: None,
            chain: None,
            expires_in: None,
            bound_to: None,
            policies: Some(refusal.policies),
        },
    }
}

fn policies(scenario: &Scenario) -> OrgPolicies {
    let example = |name: &String| PolicyFile {
        name: name.clone(),
        text: read(&Path::new("examples").join(name)),
    };
    let inline = |text: &String| PolicyFile { name: "inline.cedar".into(), text: text.clone() };
    let files: Vec<PolicyFile> =
        scenario.policies.iter().map(example).chain(scenario.policy.iter().map(inline)).collect();
    OrgPolicies::parse(&files).unwrap_or_else(|errors| {
        let errors: Vec<String> = errors.iter().map(ToString::to_string).collect();
        panic!("{}:\n{}", scenario.says, errors.join("\n"))
    })
}

/// Puts `changes` over `table`, tables into tables.
fn overlay(table: &mut Table, changes: &Table) {
    for (key, change) in changes {
        match (table.get_mut(key), change) {
            (Some(Value::Table(inner)), Value::Table(changes)) => overlay(inner, changes),
            _ => {
                table.insert(key.clone(), change.clone());
            }
        }
    }
}

/// Removes what stands at a dotted `path`; it must be there.
fn remove(table: &mut Table, path: &str) {
    let removed = match path.split_once('.') {
        None => table.remove(path),
        Some((outer, inner)) => {
            table.get_mut(outer).and_then(Value::as_table_mut).and_then(|table| table.remove(inner))
        }
    };
    assert!(removed.is_some(), "the fixture has no `{path}`");
}

/// The names of the files in a folder of this crate, sorted.
fn names_in(folder: &str) -> BTreeSet<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let names: BTreeSet<String> = fs::read_dir(path)
        .expect("folder")
        .map(|entry| entry.expect("entry").file_name().into_string().expect("name"))
        .collect();
    assert!(!names.is_empty(), "`{folder}` is empty");
    names
}

fn read(path: &Path) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path))
        .unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

//! Runs `scenarios/*.toml`: facts in, decision out. `README.md` says how to read and add them.

#![expect(clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::{collections::BTreeSet, fs, path::Path, time::Duration};

use policy::{
    ActorChain, ActorFacts, Decision, Facts, GrantFacts, MayAct, OrgPolicies, Party, PolicyFile,
    Reason, Rules, Scope, Standing, SubjectFacts, SubjectKind, TargetFacts, TargetKind, Timestamp,
    decide,
};
use serde::Deserialize;
use toml::{Table, Value};

const NOW: Timestamp = Timestamp(1_000_000_000);
const ISSUER: &str = "https://actas.example/o/demo";

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
    scope: Option<String>,
    chain: Option<Vec<String>>,
    expires_in: Option<i64>,
    policies: Option<Vec<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Given {
    org: String,
    requested: Option<String>,
    standing: String,
    chain_limit: usize,
    lifetime: u64,
    subject: GivenSubject,
    actor: GivenActor,
    grant: Option<GivenGrant>,
    target: GivenTarget,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct GivenSubject {
    kind: String,
    org: String,
    issuer: String,
    id: String,
    sub: String,
    scope: Option<String>,
    audience: Vec<String>,
    presented_as: Option<String>,
    chain: Vec<String>,
    may_act: Option<GivenMayAct>,
    expires_in: i64,
    auth_age: Option<i64>,
    acr: Option<String>,
    amr: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct GivenMayAct {
    issuer: Option<String>,
    id: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct GivenActor {
    client_id: String,
    aliases: Vec<String>,
    ceiling: String,
    expires_in: Option<i64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct GivenGrant {
    id: String,
    scope: String,
    targets: Vec<String>,
    expires_in: Option<i64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct GivenTarget {
    id: String,
    kind: String,
    scope: String,
}

#[test]
fn every_scenario_comes_out_as_written() {
    let mut failures = Vec::new();
    for (file, scenario) in scenarios() {
        let came = outcome(&scenario);
        let Then { refused, scope, chain, expires_in, policies } = &scenario.then;
        assert!(
            refused.is_some() != scope.is_some(),
            "{file}: {}: refused or scope",
            scenario.says
        );
        let differs = came.refused != *refused
            || came.scope != *scope
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
                scope: Some(terms.scope.to_string()),
                chain: Some(ids),
                expires_in: Some(NOW.seconds_until(terms.expires_at)),
                policies,
            }
        }
        Decision::Ask(question) => match question {},
        Decision::Refuse(refusal) => Then {
            refused: Some(refusal.reason.code().to_owned()),
            scope: None,
            chain: None,
            expires_in: None,
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

fn facts(given: Given) -> Facts {
    Facts {
        org: given.org,
        now: NOW,
        subject: subject(given.subject),
        actor: ActorFacts {
            party: ours(&format!("agent:{}", given.actor.client_id)),
            client_id: given.actor.client_id,
            aliases: given.actor.aliases,
            ceiling: scope(&given.actor.ceiling),
            expires_at: given.actor.expires_in.map(from_now),
        },
        grant: given.grant.map(|grant| GrantFacts {
            id: grant.id,
            scope: scope(&grant.scope),
            targets: grant.targets,
            expires_at: grant.expires_in.map(from_now),
        }),
        target: TargetFacts {
            id: given.target.id,
            kind: match given.target.kind.as_str() {
                "resource" => TargetKind::Resource,
                "agent" => TargetKind::Agent,
                other => panic!("`{other}` is no kind of target"),
            },
            scope: scope(&given.target.scope),
        },
        requested: given.requested.as_deref().map(scope),
        standing: match given.standing.as_str() {
            "good" => Standing::Good,
            "gone" => Standing::Gone,
            other => panic!("`{other}` is no standing"),
        },
        approved: false,
    }
}

fn subject(given: GivenSubject) -> SubjectFacts {
    let chain = given.chain.iter().map(|id| ours(id)).collect();
    SubjectFacts {
        kind: match given.kind.as_str() {
            "own" => SubjectKind::Own,
            "access_token" => SubjectKind::AccessToken,
            "id_token" => SubjectKind::IdToken,
            other => panic!("`{other}` is no kind of subject"),
        },
        org: given.org,
        user: Party { issuer: given.issuer, id: given.id },
        sub: given.sub,
        scope: given.scope.as_deref().map(scope),
        audience: given.audience,
        presented_as: given.presented_as,
        chain: ActorChain::from_parties(chain).expect("chain"),
        may_act: given.may_act.map(|may_act| MayAct { issuer: may_act.issuer, id: may_act.id }),
        expires_at: from_now(given.expires_in),
        auth_time: given.auth_age.map(|age| from_now(-age)),
        acr: given.acr,
        amr: given.amr,
    }
}

fn ours(id: &str) -> Party {
    Party { issuer: ISSUER.into(), id: id.into() }
}

fn scope(text: &str) -> Scope {
    Scope::parse(text).expect("scope")
}

fn from_now(seconds: i64) -> Timestamp {
    Timestamp(NOW.0 + seconds)
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

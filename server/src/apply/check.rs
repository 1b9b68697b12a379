//! An organization's file, checked: every problem at once, each with its line.

use std::{collections::BTreeSet, path::Path};

use delegation::declared::{Agent, DeclaredGrant, Operator, Resource, Settings, TrustKind};
use policy::{OrgPolicies, PolicyFile, Scope};
use secrecy::SecretString;
use toml::Spanned;

use super::{
    connection::DesiredConnection,
    export::DesiredExport,
    grants,
    spec::{OrgFile, PolicyEntry, SecretEntry},
    trusts::{self, DesiredTrust},
};

/// What an organization is to consist of.
#[derive(Debug)]
pub struct Desired {
    pub id: String,
    pub settings: Settings,
    pub connections: Vec<DesiredConnection>,
    pub trusts: Vec<DesiredTrust>,
    /// Service accounts among them.
    pub agents: Vec<Agent>,
    /// Authorization servers of other domains among them.
    pub resources: Vec<Resource>,
    /// Their ids are given when they are recorded.
    pub grants: Vec<DeclaredGrant>,
    /// What the organization grants its accounts; likewise.
    pub own_grants: Vec<DeclaredGrant>,
    pub policies: Vec<PolicyFile>,
    pub operators: Vec<Operator>,
    pub exports: Vec<DesiredExport>,
}

/// Reads and checks `file`.
///
/// # Errors
///
/// Every problem, a line each.
pub fn read(file: &Path) -> Result<Desired, String> {
    let text = std::fs::read_to_string(file)
        .map_err(|e| format!("{} cannot be read: {e}", file.display()))?;
    let base = file.parent().unwrap_or(Path::new("."));
    parse(&text, base).map_err(|problems| {
        let lines =
            problems.iter().map(|p| format!("\n  - {}", p.trim_end().replace('\n', "\n    ")));
        format!("{} cannot be used:{}", file.display(), lines.collect::<String>())
    })
}

/// The same for a text; files it names lie in `base`.
///
/// # Errors
///
/// Every problem.
pub fn parse(text: &str, base: &Path) -> Result<Desired, Vec<String>> {
    let file: OrgFile = toml::from_str(text).map_err(|e| vec![e.to_string()])?;
    let trusted = trusts::named(&file);
    let mut checker = Checker { text, base, trusted, problems: Vec::new() };
    let desired = checker.org(file);
    if checker.problems.is_empty() { Ok(desired) } else { Err(checker.problems) }
}

pub(super) struct Checker<'a> {
    text: &'a str,
    pub(super) base: &'a Path,
    /// Whom clients may refer to, by kind and id.
    pub(super) trusted: BTreeSet<(TrustKind, String)>,
    pub(super) problems: Vec<String>,
}

impl Checker<'_> {
    pub(super) fn say(&mut self, entry: &str, problem: impl std::fmt::Display) {
        self.problems.push(format!("{entry}: {problem}"));
    }

    pub(super) fn take<T, E: std::fmt::Display>(
        &mut self,
        entry: &str,
        value: Result<T, E>,
    ) -> Option<T> {
        value.map_err(|problem| self.say(entry, problem)).ok()
    }

    /// `line 12, agent`
    pub(super) fn place<T>(&self, entry: &Spanned<T>, kind: &str) -> String {
        let before = self.text.get(..entry.span().start).unwrap_or_default();
        format!("line {}, {kind}", before.matches('\n').count() + 1)
    }

    pub(super) fn scope(&mut self, place: &str, text: &str) -> Scope {
        let scope = Scope::parse(text).map_err(|e| format!("`scope`: {e}"));
        self.take(place, scope).unwrap_or_default()
    }

    fn org(&mut self, file: OrgFile) -> Desired {
        let settings = self.settings(&file);
        let connections: Vec<_> =
            file.connections.iter().filter_map(|entry| self.connection(entry)).collect();
        let trusts = self.trust(&file);
        let mut agents: Vec<_> = file.agents.iter().map(|entry| self.agent(entry)).collect();
        agents.extend(file.service_accounts.iter().map(|entry| self.service_account(entry)));
        let mut resources: Vec<_> =
            file.resources.iter().map(|entry| self.resource(entry)).collect();
        let abroad = file.authorization_servers.iter();
        resources.extend(abroad.map(|entry| self.authorization_server(entry, &agents)));
        let operators: Vec<_> = file.operators.iter().map(|entry| self.operator(entry)).collect();
        let exports: Vec<_> = file.exports.iter().filter_map(|entry| self.export(entry)).collect();
        let mut desired = Desired {
            id: file.id,
            settings,
            connections,
            trusts,
            own_grants: grants::of_the_organization(&agents, &file.service_accounts),
            agents,
            resources,
            grants: Vec::new(),
            policies: Vec::new(),
            operators,
            exports,
        };
        self.names(&desired);
        self.secret_names(&desired);
        self.repeated_exports(&desired.exports);
        self.connections_together(&file.connections, &desired);
        self.service_targets(&file.service_accounts, &desired);
        desired.grants = file.grants.iter().map(|entry| self.grant(entry, &desired)).collect();
        self.repeated_grants(&desired.grants);
        desired.policies = file.policies.iter().filter_map(|entry| self.policy(entry)).collect();
        self.policies(&desired.policies);
        desired
    }

    fn policy(&mut self, entry: &Spanned<PolicyEntry>) -> Option<PolicyFile> {
        let place = self.place(entry, "policy");
        match entry.get_ref() {
            PolicyEntry { file: Some(file), name: None, text: None } => {
                let text = std::fs::read_to_string(self.base.join(file))
                    .map_err(|e| format!("`{}` cannot be read: {e}", file.display()));
                let text = self.take(&place, text)?;
                let name =
                    file.file_name().map_or_else(String::new, |n| n.to_string_lossy().into());
                Some(PolicyFile { name, text })
            }
            PolicyEntry { file: None, name: Some(name), text: Some(text) } => {
                Some(PolicyFile { name: name.clone(), text: text.clone() })
            }
            PolicyEntry { .. } => {
                self.say(&place, "give either `file`, or `name` and `text`");
                None
            }
        }
    }

    /// A policy set is taken whole or not at all.
    fn policies(&mut self, files: &[PolicyFile]) {
        let names: BTreeSet<_> = files.iter().map(|file| &file.name).collect();
        if names.len() != files.len() {
            self.say("policies", "two policy files have the same name");
        }
        for error in OrgPolicies::parse(files).err().unwrap_or_default() {
            self.problems.push(error.to_string());
        }
    }
}

pub(crate) fn secret(entry: &SecretEntry, base: &Path) -> Result<SecretString, String> {
    let text = match (&entry.env, &entry.file, &entry.value) {
        (Some(name), None, None) => {
            crate::config::variable(name).ok_or(format!("the variable `{name}` is not set"))?
        }
        (None, Some(file), None) => std::fs::read_to_string(base.join(file))
            .map_err(|e| format!("`{}` cannot be read: {e}", file.display()))?,
        (None, None, Some(value)) => value.clone(),
        _ => return Err("give one of `env`, `file` and `value`".into()),
    };
    match text.trim() {
        "" => Err("it is empty".into()),
        text => Ok(SecretString::from(text)),
    }
}

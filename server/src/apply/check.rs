//! An organization's file, checked: every problem at once, each with its line.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    time::Duration,
};

use delegation::declared::{Agent, DeclaredGrant, Operator, Resource, Settings};
use keys::Algorithm;
use policy::{OrgPolicies, PolicyFile, Scope, Timestamp};
use secrecy::SecretString;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};
use toml::Spanned;

use super::{
    connection::DesiredConnection,
    export::DesiredExport,
    spec::{self, AgentEntry, GrantEntry, OrgFile, PolicyEntry, ResourceEntry, SecretEntry},
};

/// The longest a delegated token lives, in seconds.
const LONGEST_LIFETIME: u64 = 300;

/// Ten years: what is longer was meant to be something else.
const MOST_DAYS: u64 = 3650;
const DAY: Duration = Duration::from_hours(24);

/// What an organization is to consist of.
#[derive(Debug)]
pub struct Desired {
    pub id: String,
    pub settings: Settings,
    pub connections: Vec<DesiredConnection>,
    pub agents: Vec<Agent>,
    pub resources: Vec<Resource>,
    /// Their ids are given when they are recorded.
    pub grants: Vec<DeclaredGrant>,
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
    let mut checker = Checker { text, base, problems: Vec::new() };
    let desired = checker.org(file);
    if checker.problems.is_empty() { Ok(desired) } else { Err(checker.problems) }
}

pub(super) struct Checker<'a> {
    text: &'a str,
    pub(super) base: &'a Path,
    problems: Vec<String>,
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

    fn scope(&mut self, place: &str, text: &str) -> Scope {
        let scope = Scope::parse(text).map_err(|e| format!("`scope`: {e}"));
        self.take(place, scope).unwrap_or_default()
    }

    fn org(&mut self, file: OrgFile) -> Desired {
        let settings = self.settings(&file);
        let connections: Vec<_> =
            file.connections.iter().filter_map(|entry| self.connection(entry)).collect();
        let agents: Vec<_> = file.agents.iter().map(|entry| self.agent(entry)).collect();
        let resources: Vec<_> = file.resources.iter().map(|entry| self.resource(entry)).collect();
        let operators: Vec<_> = file.operators.iter().map(|entry| self.operator(entry)).collect();
        let exports: Vec<_> = file.exports.iter().filter_map(|entry| self.export(entry)).collect();
        let mut desired = Desired {
            id: file.id,
            settings,
            connections,
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
        desired.grants = file.grants.iter().map(|entry| self.grant(entry, &desired)).collect();
        self.repeated_grants(&desired.grants);
        desired.policies = file.policies.iter().filter_map(|entry| self.policy(entry)).collect();
        self.policies(&desired.policies);
        desired
    }

    fn settings(&mut self, file: &OrgFile) -> Settings {
        let id = spec::org_id(&file.id);
        self.take("id", id);
        let algorithm = file.algorithm.as_deref().unwrap_or("ES256");
        let algorithm = algorithm.parse::<Algorithm>().map_err(|e| format!("`{algorithm}`: {e}"));
        let algorithm = self.take("algorithm", algorithm).unwrap_or(Algorithm::Es256).to_string();
        let chain_limit = file.max_chain_depth.unwrap_or(policy::DEFAULT_LIMIT);
        if !(1..=policy::HARD_LIMIT).contains(&chain_limit) {
            self.say("max_chain_depth", format!("it must be from 1 to {}", policy::HARD_LIMIT));
        }
        let lifetime = file.token_lifetime.unwrap_or(LONGEST_LIFETIME);
        if !(10..=LONGEST_LIFETIME).contains(&lifetime) {
            self.say("token_lifetime", format!("it must be from 10 to {LONGEST_LIFETIME} seconds"));
        }
        let key_rotation = self.days("key_rotation_days", file.key_rotation_days.unwrap_or(30), 0);
        let audit_retention =
            self.days("audit_retention_days", file.audit_retention_days.unwrap_or(90), 1);
        Settings {
            name: file.name.clone().unwrap_or_else(|| file.id.clone()),
            algorithm,
            chain_limit,
            lifetime: Duration::from_secs(lifetime),
            default_target: file.default_target.clone(),
            key_rotation,
            audit_retention,
        }
    }

    fn days(&mut self, setting: &str, days: u64, least: u64) -> Duration {
        if !(least..=MOST_DAYS).contains(&days) {
            self.say(setting, format!("it must be from {least} to {MOST_DAYS} days"));
        }
        DAY.saturating_mul(u32::try_from(days).unwrap_or(u32::MAX))
    }

    fn agent(&mut self, entry: &Spanned<AgentEntry>) -> Agent {
        let place = self.place(entry, "agent");
        let entry = entry.get_ref();
        self.take(&place, spec::name(&entry.id));
        for alias in &entry.aliases {
            self.take(&place, spec::name(alias).map_err(|e| format!("`aliases`: {e}")));
        }
        Agent {
            id: entry.id.clone(),
            name: entry.name.clone().unwrap_or_else(|| entry.id.clone()),
            scope: self.scope(&place, &entry.scope),
            aliases: entry.aliases.clone(),
            disabled: entry.disabled,
            secrets: Vec::new(),
        }
    }

    fn resource(&mut self, entry: &Spanned<ResourceEntry>) -> Resource {
        let place = self.place(entry, "resource");
        let entry = entry.get_ref();
        self.take(&place, spec::name(&entry.id));
        // A URI is compared in its canonical form, so it must be written in it.
        if let Some(canonical) = delegation::request::canonical_resource(&entry.id)
            && canonical != entry.id
        {
            self.say(&place, format!("`id`: write `{}` as `{canonical}`", entry.id));
        }
        if let Some(client_id) = &entry.client_id {
            self.take(&place, spec::name(client_id).map_err(|e| format!("`client_id`: {e}")));
        }
        Resource {
            id: entry.id.clone(),
            name: entry.name.clone().unwrap_or_else(|| entry.id.clone()),
            scope: self.scope(&place, &entry.scope),
            client_id: entry.client_id.clone(),
            secrets: Vec::new(),
            status: entry.status_list,
        }
    }

    fn grant(&mut self, entry: &Spanned<GrantEntry>, org: &Desired) -> DeclaredGrant {
        let place = self.place(entry, "grant");
        let entry = entry.get_ref();
        if !org.connections.iter().any(|connection| connection.id == entry.connection) {
            self.say(
                &place,
                format!("`connection`: there is no connection `{}`", entry.connection),
            );
        }
        if !org.agents.iter().any(|agent| agent.id == entry.agent) {
            self.say(&place, format!("`agent`: there is no agent `{}`", entry.agent));
        }
        if entry.user.is_empty() || 255 < entry.user.len() {
            self.say(&place, "`user`: it must be the user's `sub`, 1 to 255 characters");
        }
        for target in entry.targets.iter().filter(|target| !org.has_target(target)) {
            self.say(&place, format!("`targets`: there is no resource or agent `{target}`"));
        }
        if entry.targets.is_empty() {
            self.say(&place, "`targets`: a grant without a target grants nothing");
        }
        let expires_at = entry.expires.as_deref().map(|text| {
            OffsetDateTime::parse(text, &Rfc3339)
                .map(|at| Timestamp(at.unix_timestamp()))
                .map_err(|_| format!("`expires`: `{text}` is not like 2027-01-31T12:00:00Z"))
        });
        DeclaredGrant {
            id: String::new(),
            connection: entry.connection.clone(),
            user: entry.user.clone(),
            agent: entry.agent.clone(),
            scope: self.scope(&place, &entry.scope),
            targets: entry.targets.clone(),
            expires_at: expires_at.and_then(|at| self.take(&place, at)),
        }
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

    /// Names must tell apart: agents and resources share the namespace of targets, and every name
    /// an identity provider may use for an agent belongs to that agent alone.
    fn names(&mut self, org: &Desired) {
        let mut owners: BTreeMap<&str, String> = BTreeMap::new();
        let agents = org.agents.iter().flat_map(|agent| {
            let names = agent.aliases.iter().chain([&agent.id]);
            names.map(|name| (name.as_str(), format!("agent `{}`", agent.id)))
        });
        let resources =
            org.resources.iter().map(|r| (r.id.as_str(), format!("resource `{}`", r.id)));
        let mut repeated = Vec::new();
        for (name, owner) in agents.chain(resources) {
            if let Some(first) = owners.insert(name, owner.clone()) {
                repeated.push(format!("`{name}` names both {first} and {owner}"));
            }
        }
        let unique =
            |values: Vec<&str>| values.iter().collect::<BTreeSet<_>>().len() == values.len();
        let of =
            |f: fn(&DesiredConnection) -> &str| org.connections.iter().map(f).collect::<Vec<_>>();
        if !unique(of(|c| &c.id)) {
            repeated.push("two connections have the same `id`".into());
        }
        if !unique(of(|c| &c.issuer)) {
            repeated.push("two connections have the same `issuer`".into());
        }
        if !unique(of(|c| &c.subject_prefix)) {
            let problem = "two connections have the same `subject_prefix`: their users could not be told apart";
            repeated.push(problem.into());
        }
        for problem in repeated {
            self.problems.push(problem);
        }
        if let Some(target) = &org.settings.default_target
            && !org.has_target(target)
        {
            self.say("default_target", format!("there is no resource or agent `{target}`"));
        }
    }

    fn repeated_grants(&mut self, grants: &[DeclaredGrant]) {
        let mut seen = BTreeSet::new();
        for grant in grants {
            if !seen.insert((&grant.connection, &grant.user, &grant.agent)) {
                let (user, agent) = (&grant.user, &grant.agent);
                self.problems.push(format!("two grants of `{user}` to `{agent}`: make them one"));
            }
        }
    }
}

impl Desired {
    fn has_target(&self, name: &str) -> bool {
        self.resources.iter().any(|resource| resource.id == name)
            || self.agents.iter().any(|agent| agent.id == name)
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

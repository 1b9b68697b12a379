//! Names must tell apart.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    check::{Checker, Desired},
    connection::DesiredConnection,
};

impl Checker<'_> {
    /// Clients and targets share one namespace, and every name an identity provider may use for an
    /// agent belongs to that agent alone.
    pub(super) fn names(&mut self, org: &Desired) {
        let mut owners: BTreeMap<&str, String> = BTreeMap::new();
        let agents = org.agents.iter().flat_map(|agent| {
            let what = if agent.purpose.is_some() { "service account" } else { "agent" };
            let names = agent.aliases.iter().chain([&agent.id]);
            names.map(move |name| (name.as_str(), format!("{what} `{}`", agent.id)))
        });
        let resources = org.resources.iter().map(|resource| {
            let what = if resource.abroad.is_some() { "authorization server" } else { "resource" };
            (resource.id.as_str(), format!("{what} `{}`", resource.id))
        });
        let domain = org.settings.options.trust_domain.iter().map(|domain| {
            (domain.name.as_str(), "the trust domain of transaction tokens".to_owned())
        });
        let mut repeated = Vec::new();
        for (name, owner) in agents.chain(resources).chain(domain) {
            if let Some(first) = owners.insert(name, owner.clone()) {
                repeated.push(format!("`{name}` names both {first} and {owner}"));
            }
        }
        for server in &org.resources {
            // Its own name is nobody else's, and agents are told of with all that have secrets.
            let Some(client_id) = server.client_id.as_deref().filter(|it| *it != server.id) else {
                continue;
            };
            let is_id = org.agents.iter().any(|agent| agent.id == client_id);
            if let Some(first) = owners.get(client_id).filter(|_| !is_id) {
                let owner = format!("resource `{}` (its `client_id`)", server.id);
                repeated.push(format!("`{client_id}` names both {first} and {owner}"));
            }
        }
        for problem in repeated {
            self.problems.push(problem);
        }
        self.connection_names(&org.connections);
        if let Some(target) = &org.settings.default_target
            && !org.has_default_target(target)
        {
            self.say("default_target", format!("there is no resource or agent `{target}`"));
        }
    }

    fn connection_names(&mut self, connections: &[DesiredConnection]) {
        let unique = |of: fn(&DesiredConnection) -> &str| {
            connections.iter().map(of).collect::<BTreeSet<_>>().len() == connections.len()
        };
        if !unique(|c| &c.id) {
            self.problems.push("two connections have the same `id`".into());
        }
        if !unique(|c| &c.issuer) {
            self.problems.push("two connections have the same `issuer`".into());
        }
        if !unique(|c| &c.subject_prefix) {
            let problem = "two connections have the same `subject_prefix`: their users could not be told apart";
            self.problems.push(problem.into());
        }
    }

    /// Whoever has a secret has a name for it: clients authenticate by theirs, and a new secret is
    /// asked for and shown by it.
    pub(super) fn secret_names(&mut self, org: &Desired) {
        let agents = org.agents.iter().map(|it| (it.id.as_str(), format!("agent `{}`", it.id)));
        let servers = org.resources.iter().filter_map(|resource| {
            let owner = format!("resource `{}` (its `client_id`)", resource.id);
            Some((resource.client_id.as_deref()?, owner))
        });
        let operators =
            org.operators.iter().map(|it| (it.id.as_str(), format!("operator `{}`", it.id)));
        let mut owners = BTreeMap::new();
        // Two agents of one name are told of with all that name agents.
        owners.extend(agents);
        for (name, owner) in servers.chain(operators) {
            if let Some(first) = owners.insert(name, owner.clone()) {
                self.say(&owner, format!("`{name}` names {first}, too"));
            }
        }
    }
}

impl Desired {
    /// What a grant may name.
    pub(super) fn has_target(&self, name: &str) -> bool {
        let domain = self.settings.options.trust_domain.as_ref();
        self.resources.iter().any(|resource| resource.id == name)
            || super::clients::is_agent(&self.agents, name)
            || domain.is_some_and(|domain| domain.name == name)
    }

    /// What may be meant by a request that names none: where an access token is of use.
    fn has_default_target(&self, name: &str) -> bool {
        self.resources.iter().any(|resource| resource.id == name && resource.abroad.is_none())
            || super::clients::is_agent(&self.agents, name)
    }
}

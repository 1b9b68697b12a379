//! Agents, service accounts, and where tokens may go: APIs and authorization servers of others.

use delegation::declared::{Abroad, Agent, Authentication, Resource};
use policy::Scope;
use toml::Spanned;

use super::{
    authentication::ClientKind,
    check::{Checker, Desired},
    key_set,
    spec::{self, AgentEntry, ResourceEntry, ServerEntry, ServiceAccountEntry},
};

/// What a purpose may be as long as: a sentence.
const LONGEST_PURPOSE: usize = 255;

impl Checker<'_> {
    pub(super) fn agent(&mut self, entry: &Spanned<AgentEntry>) -> Agent {
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
            authentication: self.authentication(&place, ClientKind::Agent, &entry.client()),
            purpose: None,
        }
    }

    pub(super) fn service_account(&mut self, entry: &Spanned<ServiceAccountEntry>) -> Agent {
        let place = self.place(entry, "service account");
        let entry = entry.get_ref();
        self.take(&place, spec::name(&entry.id));
        let purpose = entry.purpose.trim();
        if purpose.is_empty() || LONGEST_PURPOSE < purpose.len() {
            self.say(&place, format!("`purpose`: say what for, in 1 to {LONGEST_PURPOSE} letters"));
        }
        let client = entry.client();
        Agent {
            id: entry.id.clone(),
            name: entry.name.clone().unwrap_or_else(|| entry.id.clone()),
            scope: self.scope(&place, &entry.scope),
            aliases: Vec::new(),
            disabled: entry.disabled,
            secrets: Vec::new(),
            authentication: self.authentication(&place, ClientKind::ServiceAccount, &client),
            purpose: Some(purpose.to_owned()),
        }
    }

    pub(super) fn resource(&mut self, entry: &Spanned<ResourceEntry>) -> Resource {
        let place = self.place(entry, "resource");
        let entry = entry.get_ref();
        self.take(&place, spec::name(&entry.id));
        self.canonical(&place, "id", &entry.id);
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
            authentication: self.resource_server(&place, entry),
            abroad: None,
        }
    }

    /// How a resource server authenticates, if it does.
    fn resource_server(&mut self, place: &str, entry: &ResourceEntry) -> Authentication {
        let client = entry.client();
        let given = client.given();
        if entry.client_id.is_none() {
            for setting in given {
                self.say(place, format!("`{setting}`: only with a `client_id` that authenticates"));
            }
            return Authentication::default();
        }
        let for_tokens = [
            "dpop_bound_access_tokens",
            "tls_client_certificate_bound_access_tokens",
            "grant_types",
        ];
        for setting in given.into_iter().filter(|setting| for_tokens.contains(setting)) {
            self.say(place, format!("`{setting}`: a resource server asks for no token"));
        }
        self.authentication(place, ClientKind::ResourceServer, &client)
    }

    pub(super) fn authorization_server(
        &mut self,
        entry: &Spanned<ServerEntry>,
        agents: &[Agent],
    ) -> Resource {
        let place = self.place(entry, "authorization server");
        let entry = entry.get_ref();
        let issuer = key_set::web_address(&entry.id).map_err(|e| format!("`id`: {e}"));
        // An issuer is compared to the letter (RFC 8414 §3.3), and some end in a slash.
        self.take(&place, issuer);
        let scope = self.scope(&place, &entry.scope);
        if scope.is_empty() {
            self.say(&place, "`scope`: without any nothing can be asked for there");
        }
        for resource in &entry.resources {
            if delegation::request::canonical_resource(resource).is_none() {
                self.say(&place, format!("`resources`: `{resource}` is not an absolute URI"));
            }
            self.canonical(&place, "resources", resource);
        }
        for (agent, there) in &entry.clients {
            if !is_agent(agents, agent) {
                self.say(&place, format!("`clients`: there is no agent `{agent}`"));
            }
            self.take(&place, spec::name(there).map_err(|e| format!("`clients`: {e}")));
        }
        Resource {
            id: entry.id.clone(),
            name: entry.name.clone().unwrap_or_else(|| entry.id.clone()),
            scope,
            client_id: None,
            secrets: Vec::new(),
            status: false,
            authentication: Authentication::default(),
            abroad: Some(Abroad {
                resources: entry.resources.clone(),
                clients: entry.clients.clone(),
            }),
        }
    }

    /// A URI is compared in its canonical form, so it must be written in it.
    fn canonical(&mut self, place: &str, setting: &str, uri: &str) {
        if let Some(canonical) = delegation::request::canonical_resource(uri)
            && canonical != uri
        {
            self.say(place, format!("`{setting}`: write `{uri}` as `{canonical}`"));
        }
    }

    /// What service accounts are to be let into: APIs that know some of what they may.
    pub(super) fn service_targets(
        &mut self,
        entries: &[Spanned<ServiceAccountEntry>],
        org: &Desired,
    ) {
        for spanned in entries {
            let place = self.place(spanned, "service account");
            let ServiceAccountEntry { id, scope, targets, .. } = spanned.get_ref();
            let known = targets.iter().filter_map(|target| {
                let api = org.resources.iter().find(|it| it.id == *target && it.abroad.is_none());
                if api.is_none() {
                    self.say(&place, format!("`targets`: there is no resource `{target}`"));
                }
                api
            });
            let known: Vec<_> = known.collect();
            if targets.is_empty() {
                self.say(&place, "`targets`: a service account without a target can do nothing");
            }
            let scope = Scope::parse(scope).unwrap_or_default();
            let of_use = known.iter().any(|api| !scope.narrow(&api.scope).is_empty());
            if known.len() == targets.len() && !targets.is_empty() && !of_use {
                let nothing = "nothing of it means anything at its targets";
                self.say(&place, format!("`scope`: {nothing}, so `{id}` could do nothing"));
            }
        }
        let mut purposes = std::collections::BTreeMap::new();
        for account in &org.agents {
            let Some(purpose) = &account.purpose else { continue };
            if let Some(first) = purposes.insert(purpose, &account.id) {
                let second = &account.id;
                let same = format!("`{first}` and `{second}` have the same `purpose`");
                self.say("service_accounts", format!("{same}: each purpose has one account"));
            }
        }
    }
}

/// Whether it acts for users.
pub(super) fn is_agent(agents: &[Agent], id: &str) -> bool {
    agents.iter().any(|agent| agent.id == id && agent.purpose.is_none())
}

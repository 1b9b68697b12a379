//! Grants: of users, of everybody of a connection, and of the organization itself.

use std::collections::BTreeSet;

use delegation::declared::{Agent, Change, DeclaredGrant, GrantType};
use policy::{Scope, Timestamp};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};
use toml::Spanned;

use super::{
    check::{Checker, Desired},
    clients::is_agent,
    diff::Diff,
    spec::{GrantEntry, ServiceAccountEntry},
};

/// Stands for everybody of a connection.
const EVERYBODY: &str = "*";

impl Checker<'_> {
    pub(super) fn grant(&mut self, entry: &Spanned<GrantEntry>, org: &Desired) -> DeclaredGrant {
        let place = self.place(entry, "grant");
        let entry = entry.get_ref();
        if !org.connections.iter().any(|connection| connection.id == entry.connection) {
            self.say(
                &place,
                format!("`connection`: there is no connection `{}`", entry.connection),
            );
        }
        if !is_agent(&org.agents, &entry.agent) {
            let agent = &entry.agent;
            let is_service = org.agents.iter().any(|it| it.id == *agent);
            self.say(
                &place,
                if is_service {
                    format!("`agent`: `{agent}` is a service account, which acts for no user")
                } else {
                    format!("`agent`: there is no agent `{agent}`")
                },
            );
        }
        if entry.user.is_empty() || 255 < entry.user.len() {
            self.say(&place, "`user`: it must be the user's `sub`, 1 to 255 characters, or `*`");
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

    pub(super) fn repeated_grants(&mut self, grants: &[DeclaredGrant]) {
        let mut seen = BTreeSet::new();
        for grant in grants {
            if !seen.insert((&grant.connection, &grant.user, &grant.agent)) {
                let (user, agent) = (&grant.user, &grant.agent);
                self.problems.push(format!("two grants of `{user}` to `{agent}`: make them one"));
            }
        }
    }
}

/// What the organization grants: to service accounts what they are for, to agents that may say who
/// they are just that.
pub(super) fn of_the_organization(
    agents: &[Agent],
    accounts: &[Spanned<ServiceAccountEntry>],
) -> Vec<DeclaredGrant> {
    let asking =
        agents.iter().filter(|it| it.authentication.grants.contains(&GrantType::ClientCredentials));
    let own = asking.map(|agent| {
        let account = accounts.iter().map(AsRef::as_ref).find(|it| it.id == agent.id);
        let account = account.filter(|_| agent.purpose.is_some());
        DeclaredGrant {
            id: String::new(),
            connection: String::new(),
            user: String::new(),
            agent: agent.id.clone(),
            scope: account.map_or_else(Scope::default, |_| agent.scope.clone()),
            targets: account.map_or_else(Vec::new, |it| it.targets.clone()),
            expires_at: None,
        }
    });
    own.collect()
}

/// Whether it is one of the organization's own.
pub(super) fn is_own(grant: &DeclaredGrant) -> bool {
    grant.connection.is_empty()
}

/// The change that makes a grant what it is to be, if it needs one, and whether it is known already.
pub(super) fn change(
    current: &[DeclaredGrant],
    mut wanted: DeclaredGrant,
) -> Option<(bool, Change)> {
    let standing = current.iter().find(|grant| same_pair(grant, &wanted));
    // A grant keeps its id when it changes: what was delegated under it still hangs on it.
    wanted.id =
        standing.map_or_else(|| crate::clock::id().to_string(), |standing| standing.id.clone());
    (standing != Some(&wanted)).then(|| (standing.is_some(), Change::PutGrant(wanted)))
}

fn same_pair(a: &DeclaredGrant, b: &DeclaredGrant) -> bool {
    (&a.connection, &a.user, &a.agent) == (&b.connection, &b.user, &b.agent)
}

pub(super) fn compare(diff: &mut Diff, current: &[DeclaredGrant], desired: Vec<DeclaredGrant>) {
    for gone in current.iter().filter(|grant| !is_own(grant)) {
        if !desired.iter().any(|grant| same_pair(gone, grant)) {
            diff.drop(&what(gone), Change::DropGrant(gone.id.clone()));
        }
    }
    for wanted in desired {
        let what = what(&wanted);
        if let Some((known, change)) = change(current, wanted) {
            diff.put(known, &what, change);
        }
    }
}

/// `grant of alice to orchestrator`
pub(super) fn what(grant: &DeclaredGrant) -> String {
    let user = if grant.user == EVERYBODY {
        format!("everybody of {}", grant.connection)
    } else {
        grant.user.clone()
    };
    format!("grant of {user} to {}", grant.agent)
}

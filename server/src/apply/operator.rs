//! Operators: who may look and act by the admin API.

use std::collections::BTreeMap;

use delegation::{declared::Operator, operator::Power};
use toml::Spanned;

use super::{
    check::{Checker, Desired},
    spec::{self, OperatorEntry},
};

impl Checker<'_> {
    pub(super) fn operator(&mut self, entry: &Spanned<OperatorEntry>) -> Operator {
        let place = self.place(entry, "operator");
        let entry = entry.get_ref();
        self.take(&place, spec::name(&entry.id));
        if entry.powers.is_empty() {
            self.say(&place, "`powers`: an operator without any can do nothing");
        }
        for power in entry.powers.iter().filter(|power| Power::read(power).is_none()) {
            let known = Power::ALL.map(Power::code).join("`, `");
            self.say(&place, format!("`powers`: `{power}` is none of `{known}`"));
        }
        let mut powers = entry.powers.clone();
        powers.sort_unstable();
        powers.dedup();
        Operator {
            id: entry.id.clone(),
            name: entry.name.clone().unwrap_or_else(|| entry.id.clone()),
            powers,
            secrets: Vec::new(),
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

//! Which tokens of a connection are taken, and what their scopes mean here.

use delegation::declared::{ScopeRule, ScopeSource, TokenRules};
use policy::Scope;
use toml::Spanned;
use upstream::settings::CheckSettings;

use super::{
    check::{Checker, Desired},
    clients::is_agent,
    spec::{ConnectionEntry, MappingEntry},
};

/// What may be presented.
const KINDS: [&str; 4] = ["access_token", "id_token", "id_jag", "assertion"];

impl Checker<'_> {
    pub(super) fn kinds(&mut self, place: &str, entry: &ConnectionEntry) -> Vec<String> {
        let kinds = entry.kinds.clone();
        let kinds = kinds.unwrap_or_else(|| vec!["access_token".into(), "id_token".into()]);
        if kinds.is_empty() || kinds.iter().any(|kind| !KINDS.contains(&kind.as_str())) {
            self.say(place, format!("`kinds`: there are `{}`", KINDS.join("`, `")));
        }
        kinds
    }

    pub(super) fn token_rules(
        &mut self,
        place: &str,
        entry: &ConnectionEntry,
        checks: &[CheckSettings],
    ) -> TokenRules {
        let asks = checks.iter().any(|check| matches!(check, CheckSettings::Introspection(_)));
        if entry.opaque_tokens && !asks {
            let needed = "the provider is asked what they mean: it needs a check `introspection`";
            self.say(place, format!("`opaque_tokens`: {needed}"));
        }
        if entry.max_token_age == Some(0) {
            self.say(place, "`max_token_age`: it must be 1 second at least");
        }
        if entry.groups_claim.as_deref() == Some("") {
            self.say(place, "`groups_claim`: it is empty");
        }
        let mapping = entry.scope_mapping.iter();
        let scopes = mapping.filter_map(|mapping| self.mapping(place, mapping)).collect();
        TokenRules {
            opaque: entry.opaque_tokens,
            longest_age: entry.max_token_age,
            clients: entry.clients.clone(),
            believes_act: entry.believe_act,
            groups_claim: entry.groups_claim.clone(),
            scopes,
        }
    }

    fn mapping(&mut self, place: &str, entry: &MappingEntry) -> Option<ScopeRule> {
        let from = match (&entry.scope, &entry.group) {
            (Some(scope), None) => {
                let one = Scope::parse(scope).is_ok_and(|it| it.tokens().count() == 1);
                if !one {
                    self.say(place, format!("`scope_mapping`: `{scope}` is not one scope"));
                }
                ScopeSource::Scope(scope.clone())
            }
            (None, Some(group)) => ScopeSource::Group(group.clone()),
            (Some(_), Some(_)) | (None, None) => {
                self.say(place, "`scope_mapping`: give either `scope` or `group` of each");
                return None;
            }
        };
        let gives =
            Scope::parse(&entry.gives).map_err(|e| format!("`scope_mapping`: `gives`: {e}"));
        if self.take(place, gives)?.is_empty() {
            self.say(place, "`scope_mapping`: `gives`: leave out what gives nothing");
        }
        Some(ScopeRule { from, gives: entry.gives.clone() })
    }

    /// What needs to know of the others.
    pub(super) fn connections_together(
        &mut self,
        entries: &[Spanned<ConnectionEntry>],
        org: &Desired,
    ) {
        let mut opaque = None;
        for spanned in entries {
            let place = self.place(spanned, "connection");
            let entry = spanned.get_ref();
            for client in entry.clients.iter().filter(|client| !is_agent(&org.agents, client)) {
                self.say(&place, format!("`clients`: there is no agent `{client}`"));
            }
            // A token that is no JWT does not say whose it is.
            if entry.opaque_tokens
                && let Some(first) = opaque.replace(&entry.id)
            {
                let whose = "nobody could tell whose they are";
                self.say(&place, format!("`opaque_tokens`: `{first}` takes them already, {whose}"));
            }
        }
    }
}

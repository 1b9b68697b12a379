//! What holds for the organization as a whole.

use std::time::Duration;

use delegation::declared::{DeclaredDomain, Limits, Options, Rate, Settings};
use keys::Algorithm;

use super::{
    check::Checker,
    spec::{self, LimitsEntry, OrgFile},
};

/// The longest a delegated token lives, in seconds.
const LONGEST_LIFETIME: u64 = 300;

/// Ten years: what is longer was meant to be something else.
const MOST_DAYS: u64 = 3650;
const DAY: Duration = Duration::from_hours(24);

impl Checker<'_> {
    pub(super) fn settings(&mut self, file: &OrgFile) -> Settings {
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
            options: Options {
                dpop_nonce: file.dpop_nonce,
                limits: self.limits(&file.limits),
                trust_domain: self.transaction_tokens(file),
            },
        }
    }

    fn days(&mut self, setting: &str, days: u64, least: u64) -> Duration {
        if !(least..=MOST_DAYS).contains(&days) {
            self.say(setting, format!("it must be from {least} to {MOST_DAYS} days"));
        }
        DAY.saturating_mul(u32::try_from(days).unwrap_or(u32::MAX))
    }

    fn limits(&mut self, entry: &LimitsEntry) -> Limits {
        let LimitsEntry { organization, agent, user, address } = entry;
        let all = [
            ("organization", organization),
            ("agent", agent),
            ("user", user),
            ("address", address),
        ];
        for (name, rate) in all {
            if let Some(Rate { per_second, burst }) = rate
                && (*per_second == 0 || *burst == 0)
            {
                let at_least = "`per_second` and `burst` must be 1 at least";
                self.say("limits", format!("`{name}`: {at_least}; leave it out for the default"));
            }
        }
        Limits { organization: *organization, agent: *agent, user: *user, address: *address }
    }

    fn transaction_tokens(&mut self, file: &OrgFile) -> Option<DeclaredDomain> {
        let entry = file.transaction_tokens.as_ref()?;
        let place = "transaction_tokens";
        self.take(
            place,
            spec::name(&entry.trust_domain).map_err(|e| format!("`trust_domain`: {e}")),
        );
        if self.scope(place, &entry.scope).is_empty() {
            self.say(place, "`scope`: without any no such token could be issued");
        }
        Some(DeclaredDomain { name: entry.trust_domain.clone(), scope: entry.scope.clone() })
    }
}

//! A connection of an organization's file, checked.

use std::path::Path;

use delegation::declared::TokenRules;
use keys::Algorithm;
use secrecy::SecretString;
use serde::de::DeserializeOwned;
use toml::{Spanned, Table, Value};
use upstream::{
    connectors,
    settings::{CheckSettings, SignalSettings},
    transmitter::Transmitter,
};
use url::Url;

use super::{
    check::{Checker, secret},
    spec::{self, ConnectionEntry, Freshness, SecretEntry},
};

/// The longest bounded freshness looks back, in seconds.
const LONGEST_AGE: u64 = 30;

/// A connection whose secrets are not sealed yet.
#[derive(Debug)]
pub struct DesiredConnection {
    pub id: String,
    pub issuer: String,
    pub client_id: String,
    pub client_secret: SecretString,
    pub audiences: Vec<String>,
    pub algorithms: Vec<String>,
    pub kinds: Vec<String>,
    pub subject_prefix: String,
    pub untyped_access_tokens: bool,
    pub max_age: u64,
    pub reconnect_uri: Option<String>,
    pub acr_values: Option<String>,
    pub checks: Vec<CheckSettings>,
    pub signals: SignalSettings,
    pub tokens: TokenRules,
}

impl Checker<'_> {
    pub(super) fn connection(
        &mut self,
        entry: &Spanned<ConnectionEntry>,
    ) -> Option<DesiredConnection> {
        let place = self.place(entry, "connection");
        let entry = entry.get_ref();
        self.take(&place, spec::name(&entry.id));
        self.take(&place, is_issuer(&entry.issuer).map_err(|e| format!("`issuer`: {e}")));
        let algorithms: Vec<String> =
            entry.algorithms.clone().unwrap_or_else(|| vec!["RS256".into(), "ES256".into()]);
        for algorithm in &algorithms {
            self.take(
                &place,
                algorithm.parse::<Algorithm>().map_err(|e| format!("`algorithms`: {e}")),
            );
        }
        let kinds = self.kinds(&place, entry);
        for (ours, whose) in [("agent:", "agents"), ("service:", "service accounts")] {
            if entry.subject_prefix.starts_with(ours) {
                let problem = format!("`subject_prefix`: `{ours}` is the namespace of {whose}");
                self.say(&place, problem);
            }
        }
        let max_age = self.max_age(&place, entry);
        if let Some(uri) = &entry.reconnect_uri {
            let fine = Url::parse(uri).is_ok_and(|url| url.has_host());
            if !fine {
                self.say(&place, format!("`reconnect_uri`: `{uri}` is not an absolute URL"));
            }
        }
        let checks = self.checks(&place, entry);
        let tokens = self.token_rules(&place, entry, &checks);
        let signals = self.signals(&place, entry);
        let (client_id, client_secret) = self.own_client(&place, entry, &checks)?;
        Some(DesiredConnection {
            id: entry.id.clone(),
            issuer: entry.issuer.clone(),
            client_id,
            client_secret,
            audiences: entry.audiences.clone(),
            algorithms,
            kinds,
            subject_prefix: entry.subject_prefix.clone(),
            untyped_access_tokens: entry.untyped_access_tokens,
            max_age,
            reconnect_uri: entry.reconnect_uri.clone(),
            acr_values: entry.acr_values.clone(),
            checks,
            signals,
            tokens,
        })
    }

    fn max_age(&mut self, place: &str, entry: &ConnectionEntry) -> u64 {
        match (entry.freshness, entry.max_age) {
            (Freshness::Strict, None) => 0,
            (Freshness::Strict, Some(_)) => {
                self.say(place, "`max_age`: only with `freshness = \"bounded\"`");
                0
            }
            (Freshness::Bounded, Some(seconds)) if (1..=LONGEST_AGE).contains(&seconds) => seconds,
            (Freshness::Bounded, _) => {
                self.say(
                    place,
                    format!("`max_age`: `bounded` needs one of 1 to {LONGEST_AGE} seconds"),
                );
                0
            }
        }
    }

    /// Our client at the provider: needed where introspection is asked for.
    fn own_client(
        &mut self,
        place: &str,
        entry: &ConnectionEntry,
        checks: &[CheckSettings],
    ) -> Option<(String, SecretString)> {
        let needed = checks.iter().any(|check| matches!(check, CheckSettings::Introspection(_)));
        let client_id = entry.client_id.clone().unwrap_or_default();
        match &entry.client_secret {
            Some(entry) => {
                let secret = secret(entry, self.base).map_err(|e| format!("`client_secret`: {e}"));
                if client_id.is_empty() {
                    self.say(place, "`client_id` is missing");
                }
                Some((client_id, self.take(place, secret)?))
            }
            None if needed => {
                self.say(place, "`client_id` and `client_secret`: introspection needs them");
                None
            }
            None => Some((client_id, SecretString::from(String::new()))),
        }
    }

    fn checks(&mut self, place: &str, entry: &ConnectionEntry) -> Vec<CheckSettings> {
        if entry.checks.is_empty() {
            return vec![CheckSettings::Introspection(
                connectors::introspection::Settings::default(),
            )];
        }
        let mut checks = Vec::new();
        for (number, table) in entry.checks.iter().enumerate() {
            let what = format!("`checks`, number {}", number + 1);
            checks.extend(self.settings_of(place, &what, table));
        }
        if checks.len() == entry.checks.len() {
            let fine = connectors::validate(&checks).map_err(|e| format!("`checks`: {e}"));
            self.take(place, fine);
        }
        checks
    }

    fn signals(&mut self, place: &str, entry: &ConnectionEntry) -> SignalSettings {
        let streams = entry.streams.iter().filter_map(|table| {
            self.settings_of::<upstream::settings::StreamSettings>(place, "`streams`", table)
        });
        let streams: Vec<_> = streams.collect();
        let mut ids: Vec<_> = streams.iter().map(|stream| &stream.id).collect();
        ids.sort_unstable();
        ids.dedup();
        if ids.len() != streams.len() {
            self.say(place, "`streams`: two have the same `id`");
        }
        for stream in &streams {
            self.take(place, spec::org_id(&stream.id).map_err(|e| format!("`streams`: `id`: {e}")));
            let fine = is_issuer(&stream.issuer)
                .map_err(|e| format!("stream `{}`: `issuer`: {e}", stream.id))
                .and_then(|()| Transmitter::validate(stream));
            self.take(place, fine);
            if !(30..=86_400).contains(&stream.max_silence) {
                let id = &stream.id;
                self.say(
                    place,
                    format!("stream `{id}`: `max_silence` must be 30 to 86400 seconds"),
                );
            }
        }
        let section = |name: &str, table: &Option<Table>| {
            table.as_ref().map(|table| (name.to_owned(), table.clone()))
        };
        let sections = [
            section("logout", &entry.logout),
            section("revocation", &entry.revocation),
            section("scim", &entry.scim),
        ];
        let sections: Table = sections
            .into_iter()
            .flatten()
            .map(|(name, table)| (name, Value::Table(table)))
            .collect();
        let rest: SignalSettings =
            self.settings_of(place, "signals", &sections).unwrap_or_default();
        SignalSettings { streams, ..rest }
    }

    /// Reads a table whose secrets may come from elsewhere.
    pub(super) fn settings_of<T: DeserializeOwned>(
        &mut self,
        place: &str,
        what: &str,
        table: &Table,
    ) -> Option<T> {
        let mut value = Value::Table(table.clone());
        let told = |problem: &dyn std::fmt::Display| format!("{what}: {problem}");
        let resolved = resolve(&mut value, self.base).map_err(|e| told(&e));
        self.take(place, resolved)?;
        let json = serde_json::to_value(&value).map_err(|e| told(&e));
        let json = self.take(place, json)?;
        self.take(place, serde_json::from_value(json).map_err(|e| told(&e)))
    }
}

/// Puts the secrets in place of where they come from: `{ env = "…" }`, `{ file = "…" }`.
fn resolve(value: &mut Value, base: &Path) -> Result<(), String> {
    let Value::Table(table) = value else { return Ok(()) };
    for (name, inner) in table.iter_mut() {
        if let Value::Table(source) = inner
            && source.len() == 1
            && ["env", "file", "value"].iter().any(|key| source.contains_key(*key))
        {
            let text = |key: &str| source.get(key).and_then(Value::as_str).map(str::to_owned);
            let entry = SecretEntry {
                env: text("env"),
                file: text("file").map(Into::into),
                value: text("value"),
            };
            let secret = secret(&entry, base).map_err(|e| format!("`{name}`: {e}"))?;
            *inner = Value::String(secrecy::ExposeSecret::expose_secret(&secret).to_owned());
        } else {
            resolve(inner, base).map_err(|e| format!("`{name}`: {e}"))?;
        }
    }
    Ok(())
}

fn is_issuer(text: &str) -> Result<(), String> {
    Url::parse(text)
        .ok()
        .filter(|url| url.has_host() && url.query().is_none() && url.fragment().is_none())
        .map(drop)
        .ok_or_else(|| format!("`{text}` is not a URL without query"))
}

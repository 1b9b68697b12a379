//! Whom an organization believes about its clients: issuers of workload identities, SPIFFE trust
//! domains, certificate authorities, attesters.

use std::{collections::BTreeSet, path::Path};

use delegation::declared::{Change, Declared, Trust, TrustKind};
use keys::{Algorithm, Authorities, DataKey};
use toml::Spanned;

use super::{
    check::{Checker, Desired},
    diff::{Diff, resealed},
    key_set,
    spec::{
        self, AttesterEntry, AuthorityEntry, OrgFile, ReviewEntry, TrustDomainEntry,
        WorkloadIssuerEntry,
    },
    spiffe,
};
use crate::app::trust::{
    AttesterSettings, BundleFrom, CertificateAuthoritySettings, KeysFrom, ReviewSettings,
    TrustDomainSettings, TrustSettings, WorkloadIssuerSettings, sealing_context,
};

/// Somebody who is believed, whose settings are not sealed yet.
#[derive(Debug)]
pub struct DesiredTrust {
    pub id: String,
    pub settings: TrustSettings,
}

/// Who is named in the file, for whoever refers to them.
pub(super) fn named(file: &OrgFile) -> BTreeSet<(TrustKind, String)> {
    let issuers =
        file.workload_issuers.iter().map(|it| (TrustKind::WorkloadIssuer, it.as_ref().id.clone()));
    let domains =
        file.trust_domains.iter().map(|it| (TrustKind::TrustDomain, it.as_ref().id.clone()));
    let authorities = file
        .certificate_authorities
        .iter()
        .map(|it| (TrustKind::CertificateAuthority, it.as_ref().id.clone()));
    let attesters = file.attesters.iter().map(|it| (TrustKind::Attester, it.as_ref().id.clone()));
    issuers.chain(domains).chain(authorities).chain(attesters).collect()
}

impl Checker<'_> {
    pub(super) fn trusts(&self, kind: TrustKind, id: &str) -> bool {
        self.trusted.iter().any(|(its_kind, its_id)| *its_kind == kind && its_id == id)
    }

    pub(super) fn trusts_any(&self, kind: TrustKind) -> bool {
        self.trusted.iter().any(|(its_kind, _)| *its_kind == kind)
    }

    pub(super) fn trust(&mut self, file: &OrgFile) -> Vec<DesiredTrust> {
        let issuers = file.workload_issuers.iter().filter_map(|entry| {
            let place = self.place(entry, "workload issuer");
            self.trusted_one(&place, &entry.get_ref().id, |it| it.workload_issuer(&place, entry))
        });
        let issuers: Vec<_> = issuers.collect();
        let domains = file.trust_domains.iter().filter_map(|entry| {
            let place = self.place(entry, "trust domain");
            self.trusted_one(&place, &entry.get_ref().id, |it| it.trust_domain(&place, entry))
        });
        let domains: Vec<_> = domains.collect();
        let authorities = file.certificate_authorities.iter().filter_map(|entry| {
            let place = self.place(entry, "certificate authority");
            self.trusted_one(&place, &entry.get_ref().id, |it| it.authority(&place, entry))
        });
        let authorities: Vec<_> = authorities.collect();
        let attesters = file.attesters.iter().filter_map(|entry| {
            let place = self.place(entry, "attester");
            self.trusted_one(&place, &entry.get_ref().id, |it| it.attester_of(&place, entry))
        });
        let attesters: Vec<_> = attesters.collect();
        let trusts = issuers.into_iter().chain(domains).chain(authorities).chain(attesters);
        let trusts: Vec<_> = trusts.collect();
        self.repeated_trusts(&trusts);
        trusts
    }

    fn trusted_one(
        &mut self,
        place: &str,
        id: &str,
        settings: impl FnOnce(&mut Self) -> Option<TrustSettings>,
    ) -> Option<DesiredTrust> {
        self.take(place, spec::name(id).map_err(|e| format!("`id`: {e}")));
        Some(DesiredTrust { id: id.to_owned(), settings: settings(self)? })
    }

    fn workload_issuer(
        &mut self,
        place: &str,
        entry: &Spanned<WorkloadIssuerEntry>,
    ) -> Option<TrustSettings> {
        let entry = entry.get_ref();
        let issuer = key_set::web_address(&entry.issuer).map_err(|e| format!("`issuer`: {e}"));
        self.take(place, issuer);
        let keys = self.take(place, key_set::keys(&entry.keys(), self.base))?;
        let default = || vec![Algorithm::Rs256.to_string(), Algorithm::Es256.to_string()];
        let algorithms = entry.algorithms.as_ref();
        let algorithms =
            algorithms.map_or_else(default, |names| self.algorithms(place, "algorithms", names));
        let review = entry.token_review.as_ref().map(|review| self.review(place, review));
        Some(TrustSettings::WorkloadIssuer(WorkloadIssuerSettings {
            issuer: entry.issuer.clone(),
            algorithms,
            keys: keys.unwrap_or(KeysFrom::Discovery),
            review,
        }))
    }

    /// The files are the server's, not ours: they are read there, whenever it asks.
    fn review(&mut self, place: &str, entry: &ReviewEntry) -> ReviewSettings {
        let ReviewEntry { url, token_file, ca_file } = entry;
        self.take(
            place,
            key_set::web_address(url).map_err(|e| format!("`token_review`: `url`: {e}")),
        );
        for file in ca_file.iter().chain([token_file]) {
            if !file.is_absolute() {
                let file = file.display();
                self.say(
                    place,
                    format!(
                        "`token_review`: `{file}` must be an absolute path: the server reads it"
                    ),
                );
            }
        }
        ReviewSettings {
            url: url.clone(),
            token_file: token_file.clone(),
            ca_file: ca_file.clone(),
        }
    }

    fn trust_domain(
        &mut self,
        place: &str,
        entry: &Spanned<TrustDomainEntry>,
    ) -> Option<TrustSettings> {
        let entry = entry.get_ref();
        self.take(place, spiffe::is_domain(&entry.id).map_err(|e| format!("`id`: {e}")));
        let bundle = self.take(place, bundle(entry, self.base))?;
        Some(TrustSettings::TrustDomain(TrustDomainSettings { bundle }))
    }

    fn authority(&mut self, place: &str, entry: &Spanned<AuthorityEntry>) -> Option<TrustSettings> {
        let pem = match entry.get_ref() {
            AuthorityEntry { file: Some(file), pem: None, .. } => {
                let text = std::fs::read_to_string(self.base.join(file));
                let text = text.map_err(|e| format!("`{}` cannot be read: {e}", file.display()));
                self.take(place, text)?
            }
            AuthorityEntry { file: None, pem: Some(pem), .. } => pem.clone(),
            AuthorityEntry { .. } => {
                self.say(place, "give either `file` or `pem`");
                return None;
            }
        };
        if pem.contains("PRIVATE KEY") {
            self.say(place, "there is a private key beside the certificates: take it out");
            return None;
        }
        let read = Authorities::from_pem(pem.as_bytes()).map(drop);
        self.take(place, read.map_err(|e| format!("its certificates: {e}")))?;
        Some(TrustSettings::CertificateAuthority(CertificateAuthoritySettings { pem }))
    }

    fn attester_of(
        &mut self,
        place: &str,
        entry: &Spanned<AttesterEntry>,
    ) -> Option<TrustSettings> {
        let entry = entry.get_ref();
        if entry.issuer.is_empty() {
            self.say(place, "`issuer`: it is empty");
        }
        let Some(keys) = self.take(place, key_set::keys(&entry.keys(), self.base))? else {
            self.say(place, "give one of `jwks`, `jwks_file` and `jwks_uri`");
            return None;
        };
        let all = || Algorithm::ALL.map(|it| it.to_string()).to_vec();
        let algorithms = entry.algorithms.as_ref();
        let algorithms =
            algorithms.map_or_else(all, |names| self.algorithms(place, "algorithms", names));
        let issuer = entry.issuer.clone();
        Some(TrustSettings::Attester(AttesterSettings { issuer, algorithms, keys }))
    }

    fn repeated_trusts(&mut self, trusts: &[DesiredTrust]) {
        let mut seen = BTreeSet::new();
        for trust in trusts {
            let what = noun(trust.settings.kind());
            if !seen.insert((what, "id", &trust.id)) {
                self.say(what, format!("two have the `id` `{}`", trust.id));
            }
            let issuer = match &trust.settings {
                TrustSettings::WorkloadIssuer(settings) => &settings.issuer,
                TrustSettings::Attester(settings) => &settings.issuer,
                TrustSettings::TrustDomain(_) | TrustSettings::CertificateAuthority(_) => continue,
            };
            if !seen.insert((what, "issuer", issuer)) {
                self.say(what, format!("two have the `issuer` `{issuer}`"));
            }
        }
    }
}

/// SPIFFE Trust Domain and Bundle §4: a JWKS whose keys have uses of their own.
fn bundle(entry: &TrustDomainEntry, base: &Path) -> Result<BundleFrom, String> {
    let (setting, document) = match (&entry.bundle, &entry.bundle_file, &entry.bundle_uri) {
        (Some(table), None, None) => ("bundle", key_set::json(table)),
        (None, Some(file), None) => ("bundle_file", key_set::read(file, base)),
        (None, None, Some(uri)) => {
            key_set::web_address(uri).map_err(|e| format!("`bundle_uri`: {e}"))?;
            return Ok(BundleFrom::Uri(uri.clone()));
        }
        (_, _, _) => return Err("give one of `bundle`, `bundle_file` and `bundle_uri`".into()),
    };
    let told = |e: String| format!("`{setting}`: {e}");
    let document = document.map_err(told)?;
    key_set::only_public(&document).map_err(told)?;
    let uses = ["jwt-svid", "x509-svid"];
    let of_use = |key: &serde_json::Value| {
        key.get("use").and_then(serde_json::Value::as_str).is_some_and(|it| uses.contains(&it))
    };
    let keys = document.get("keys").and_then(serde_json::Value::as_array);
    if keys.is_some_and(|keys| keys.iter().any(of_use)) {
        Ok(BundleFrom::Document(key_set::stored(&document)))
    } else {
        Err(told("there is no key with the `use` of `jwt-svid` or `x509-svid`".into()))
    }
}

fn noun(kind: TrustKind) -> &'static str {
    match kind {
        TrustKind::WorkloadIssuer => "workload issuer",
        TrustKind::TrustDomain => "trust domain",
        TrustKind::CertificateAuthority => "certificate authority",
        TrustKind::Attester => "attester",
    }
}

pub(super) fn compare(
    diff: &mut Diff,
    current: &Declared,
    desired: &Desired,
    master: &DataKey,
) -> Result<(), String> {
    for DesiredTrust { id, settings } in &desired.trusts {
        let kind = settings.kind();
        let what = format!("{} {id}", noun(kind));
        let context = sealing_context(&desired.id, kind, id);
        let standing = current.trusts.iter().find(|it| it.kind == kind && it.id == *id);
        let stored = standing.map(|standing| standing.settings.as_slice());
        let resealed = resealed(master, &context, settings, stored);
        if let Some(settings) =
            resealed.map_err(|fault| format!("the settings of {what}: {fault}"))?
        {
            let trust = Trust { kind, id: id.clone(), settings };
            diff.put(standing.is_some(), &what, Change::PutTrust(trust));
        }
    }
    for gone in &current.trusts {
        let stays = |it: &DesiredTrust| it.settings.kind() == gone.kind && it.id == gone.id;
        if !desired.trusts.iter().any(stays) {
            let what = format!("{} {}", noun(gone.kind), gone.id);
            diff.drop(&what, Change::DropTrust(gone.kind, gone.id.clone()));
        }
    }
    Ok(())
}

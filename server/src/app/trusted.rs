//! Whom an organization believes about clients, made to work.

use std::{collections::HashSet, sync::Arc};

use delegation::{
    client::{Attester, TrustDomain, Trusted, WorkloadIssuer},
    declared::Trust,
    ports::KeySource,
    refusal::Fault,
};
use keys::{Algorithm, Authorities};
use upstream::{
    connection::CacheTimes,
    trust::{self, BundlePlace, KeyPlace, Reaching, Reviewer},
};

use super::{
    connection::Maker,
    trust::{
        AttesterSettings, BundleFrom, KeysFrom, ReviewSettings, TrustDomainSettings, TrustSettings,
        WorkloadIssuerSettings, sealing_context,
    },
};

impl Maker {
    /// Whom `org` believes about clients. What is declared as `previous`ly keeps what it has fetched.
    ///
    /// # Errors
    ///
    /// What is wrong with one of them: an organization that believes fewer than it says would refuse
    /// clients nobody has dropped.
    pub(super) fn trusted(
        &self,
        org: &str,
        trusts: &[Trust],
        previous: Option<(&[Trust], &Trusted)>,
    ) -> Result<Trusted, Fault> {
        let mut trusted = Trusted::default();
        let mut authorities = Vec::new();
        for declared in trusts {
            let kept = previous.filter(|(before, _)| before.contains(declared));
            let kept = kept.map(|(_, trusted)| trusted);
            let id = &declared.id;
            let broken = |what: String| broken(declared, &what);
            match self.trust_settings(org, declared)? {
                TrustSettings::WorkloadIssuer(settings) => {
                    let kept = kept.and_then(|kept| kept.issuers.iter().find(|it| it.id == *id));
                    trusted.issuers.push(match kept {
                        Some(kept) => kept.clone(),
                        None => self.workload_issuer(id, &settings).map_err(broken)?,
                    });
                }
                TrustSettings::TrustDomain(settings) => {
                    let kept = kept.and_then(|kept| kept.domains.iter().find(|it| it.name == *id));
                    trusted.domains.push(match kept {
                        Some(kept) => kept.clone(),
                        None => self.trust_domain(id, &settings).map_err(broken)?,
                    });
                }
                TrustSettings::CertificateAuthority(settings) => {
                    // Each by itself, so that the broken one is named.
                    Authorities::from_pem(settings.pem.as_bytes())
                        .map_err(|e| broken(e.to_string()))?;
                    authorities.extend([settings.pem, "\n".to_owned()]);
                }
                TrustSettings::Attester(settings) => {
                    let kept = kept.and_then(|kept| kept.attesters.iter().find(|it| it.id == *id));
                    trusted.attesters.push(match kept {
                        Some(kept) => kept.clone(),
                        None => self.attester(id, &settings).map_err(broken)?,
                    });
                }
            }
        }
        // Whose keys a token is verified with must not depend on the order of what is declared.
        let mut issuers = HashSet::new();
        if let Some(twice) = trusted.issuers.iter().find(|it| !issuers.insert(&it.issuer)) {
            let what = format!("two workload issuers are `{}`", twice.issuer);
            return Err(Fault::Store(format!("organization `{org}`: {what}")));
        }
        if !authorities.is_empty() {
            let all = Authorities::from_pem(authorities.concat().as_bytes());
            let all = all.map_err(|e| {
                Fault::Store(format!("organization `{org}`: its certificate authorities: {e}"))
            })?;
            trusted.authorities = Some(Arc::new(all));
        }
        Ok(trusted)
    }

    fn workload_issuer(
        &self,
        id: &str,
        settings: &WorkloadIssuerSettings,
    ) -> Result<WorkloadIssuer, String> {
        let whose = format!("workload issuer `{id}`");
        let review = settings.review.clone().map(|ReviewSettings { url, token_file, ca_file }| {
            let settings = trust::ReviewSettings { url, token_file, ca_file };
            Reviewer::new(&whose, settings, &self.outbound)
        });
        let review = review.transpose().map_err(|e| format!("token_review: {e}"))?;
        Ok(WorkloadIssuer {
            id: id.to_owned(),
            issuer: settings.issuer.clone(),
            algorithms: algorithms(&settings.algorithms)?,
            keys: self.keys(&whose, &settings.keys, &settings.issuer)?,
            review: review.map(|review| Arc::new(review) as _),
        })
    }

    fn trust_domain(
        &self,
        id: &str,
        settings: &TrustDomainSettings,
    ) -> Result<TrustDomain, String> {
        let place = match &settings.bundle {
            BundleFrom::Uri(uri) => BundlePlace::Uri(uri.clone()),
            BundleFrom::Document(document) => BundlePlace::Document(document.clone()),
        };
        let bundle = trust::bundle(&format!("trust domain `{id}`"), &place, &self.reaching())?;
        Ok(TrustDomain { name: id.to_owned(), bundle })
    }

    fn attester(&self, id: &str, settings: &AttesterSettings) -> Result<Attester, String> {
        Ok(Attester {
            id: id.to_owned(),
            issuer: settings.issuer.clone(),
            algorithms: algorithms(&settings.algorithms)?,
            keys: self.keys(&format!("attester `{id}`"), &settings.keys, &settings.issuer)?,
        })
    }

    fn keys(
        &self,
        whose: &str,
        from: &KeysFrom,
        issuer: &str,
    ) -> Result<Arc<dyn KeySource>, String> {
        let place = match from {
            KeysFrom::Discovery => KeyPlace::Issuer(issuer.to_owned()),
            KeysFrom::Uri(uri) => KeyPlace::Uri(uri.clone()),
            KeysFrom::Document(jwks) => KeyPlace::Document(jwks.clone()),
        };
        trust::keys(whose, &place, &self.reaching())
    }

    pub(super) fn reaching(&self) -> Reaching {
        Reaching { outbound: self.outbound.clone(), times: CacheTimes::default() }
    }

    fn trust_settings(&self, org: &str, declared: &Trust) -> Result<TrustSettings, Fault> {
        let context = sealing_context(org, declared.kind, &declared.id);
        let json = self.master.open(&context, &declared.settings);
        let json =
            json.map_err(|e| Fault::Keys(format!("the settings of {}: {e}", named(declared))))?;
        // What is wrong is not quoted: there may be secrets in it.
        let settings: TrustSettings = serde_json::from_slice(&json)
            .map_err(|_| broken(declared, "its sealed settings cannot be read by this version"))?;
        if settings.kind() == declared.kind {
            Ok(settings)
        } else {
            Err(broken(declared, "its sealed settings are of another kind"))
        }
    }
}

/// Never none: nothing would be accepted, and nobody would know why.
pub(super) fn algorithms(names: &[String]) -> Result<Vec<Algorithm>, String> {
    let read = |name: &String| name.parse().map_err(|e| format!("algorithm `{name}`: {e}"));
    let algorithms: Vec<Algorithm> = names.iter().map(read).collect::<Result<_, _>>()?;
    if algorithms.is_empty() { Err("no algorithms".to_owned()) } else { Ok(algorithms) }
}

fn named(declared: &Trust) -> String {
    format!("{} `{}`", declared.kind.code(), declared.id)
}

fn broken(declared: &Trust, what: &str) -> Fault {
    Fault::Store(format!("{}: {what}", named(declared)))
}

#[cfg(test)]
mod tests;

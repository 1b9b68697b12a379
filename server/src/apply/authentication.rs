//! How a client proves who it is, and what it may ask for, checked.

use std::collections::BTreeSet;

use delegation::declared::{Authentication, DeclaredName, GrantType, Method, TrustKind, Workload};
use keys::Algorithm;

use super::{
    check::Checker,
    key_set,
    spec::{self, ClientEntry, WorkloadEntry},
    spiffe,
};
use crate::app::trust::KeysFrom;

/// What is a client.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum ClientKind {
    Agent,
    ServiceAccount,
    /// It asks about tokens, never for one.
    ResourceServer,
}

/// A setting that belongs to some ways of authentication.
struct Setting<'a> {
    name: &'a str,
    given: bool,
    belongs_to: &'a [Method],
}

impl Checker<'_> {
    pub(super) fn authentication(
        &mut self,
        place: &str,
        kind: ClientKind,
        entry: &ClientEntry,
    ) -> Authentication {
        let methods = self.methods(place, entry);
        let (jwks, jwks_uri) = self.client_keys(place, entry, &methods);
        let algorithms = self.signing_algorithms(place, entry);
        if let Some(jwks) = jwks.as_ref().filter(|_| methods.contains(&Method::PrivateKeyJwt))
            && !algorithms.is_empty()
            && key_set::can_verify(jwks)
            && !key_set::serve(jwks, &algorithms)
        {
            let problem = "none of its keys signs with any of them";
            self.say(place, format!("`signing_algorithms`: {problem}"));
        }
        let dpop_bound = entry.dpop_bound_access_tokens.unwrap_or_default();
        let certificate_bound =
            entry.tls_client_certificate_bound_access_tokens.unwrap_or_default();
        if dpop_bound && certificate_bound {
            let two = "`dpop_bound_access_tokens` and `tls_client_certificate_bound_access_tokens`";
            self.say(place, format!("{two}: a token is bound to one key, so give one of them"));
        }
        Authentication {
            jwks,
            jwks_uri,
            algorithms,
            legacy_audience: self.legacy_audience(place, entry, &methods),
            certificate: self.certificate_name(place, entry, &methods),
            workloads: self.workloads(place, entry, &methods),
            spiffe_id: self.spiffe_id(place, entry, &methods),
            attester: self.attester(place, entry, &methods),
            dpop_bound,
            certificate_bound,
            grants: self.grant_types(place, kind, entry),
            methods,
        }
    }

    fn methods(&mut self, place: &str, entry: &ClientEntry) -> Vec<Method> {
        let Some(names) = &entry.auth_methods else { return Authentication::default().methods };
        let known = |name: &str| Method::ALL.into_iter().find(|method| method.code() == name);
        self.several(place, ("auth_methods", names), known, &Method::ALL.map(Method::code))
    }

    fn grant_types(
        &mut self,
        place: &str,
        kind: ClientKind,
        entry: &ClientEntry,
    ) -> Vec<GrantType> {
        let Some(names) = &entry.grant_types else {
            return match kind {
                ClientKind::Agent | ClientKind::ResourceServer => Authentication::default().grants,
                ClientKind::ServiceAccount => vec![GrantType::ClientCredentials],
            };
        };
        let known = |name: &str| {
            GrantType::ALL.into_iter().find(|it| it.code() == name || it.uri() == name)
        };
        let codes = GrantType::ALL.map(GrantType::code);
        let grants = self.several(place, ("grant_types", names), known, &codes);
        if kind == ClientKind::ServiceAccount
            && grants.iter().any(|grant| *grant != GrantType::ClientCredentials)
        {
            let only = "a service account acts for nobody else: it has `client_credentials` only";
            self.say(place, format!("`grant_types`: {only}"));
        }
        grants
    }

    /// A list of names: known, at least one, none twice. Sorted: their order means nothing.
    fn several<T: Copy + Ord>(
        &mut self,
        place: &str,
        (setting, names): (&str, &[String]),
        known: impl Fn(&str) -> Option<T>,
        all: &[&str],
    ) -> Vec<T> {
        let mut found = BTreeSet::new();
        for name in names {
            match known(name) {
                None => {
                    let all = all.join("`, `");
                    self.say(place, format!("`{setting}`: `{name}` is none of `{all}`"));
                }
                Some(value) if !found.insert(value) => {
                    self.say(place, format!("`{setting}`: `{name}` is there twice"));
                }
                Some(_) => {}
            }
        }
        if names.is_empty() {
            let all = all.join("`, `");
            self.say(place, format!("`{setting}`: give at least one of `{all}`"));
        }
        found.into_iter().collect()
    }

    fn signing_algorithms(&mut self, place: &str, entry: &ClientEntry) -> Vec<String> {
        entry
            .signing_algorithms
            .as_ref()
            .map_or_else(Vec::new, |names| self.algorithms(place, "signing_algorithms", names))
    }

    /// JWS algorithms, by the names we know them by.
    pub(super) fn algorithms(
        &mut self,
        place: &str,
        setting: &str,
        names: &[String],
    ) -> Vec<String> {
        let known = |name: &str| name.parse::<Algorithm>().ok().map(Algorithm::name);
        let all = Algorithm::ALL.map(Algorithm::name);
        let names = self.several(place, (setting, names), known, &all);
        names.into_iter().map(str::to_owned).collect()
    }

    /// Whether the setting is there, where it may be. Says so when it must be, or must not.
    fn belongs(&mut self, place: &str, methods: &[Method], setting: &Setting<'_>) -> bool {
        let Setting { name, given, belongs_to } = setting;
        let listed = belongs_to.iter().find(|method| methods.contains(method));
        match (given, listed) {
            (true, None) => {
                let owners = belongs_to.iter().map(|it| it.code()).collect::<Vec<_>>();
                let owners = owners.join("` or `");
                self.say(place, format!("`{name}`: only with `{owners}` in `auth_methods`"));
            }
            (false, Some(method)) => {
                self.say(place, format!("`{name}`: `{}` needs it", method.code()));
            }
            (true, Some(_)) => return true,
            (false, None) => {}
        }
        false
    }

    fn client_keys(
        &mut self,
        place: &str,
        entry: &ClientEntry,
        methods: &[Method],
    ) -> (Option<String>, Option<String>) {
        let found = key_set::keys(&entry.jwks, self.base);
        let Some(found) = self.take(place, found) else { return (None, None) };
        let setting = Setting {
            name: "jwks`, `jwks_file` or `jwks_uri",
            given: found.is_some(),
            belongs_to: &[Method::PrivateKeyJwt, Method::SelfSignedTlsClientAuth],
        };
        if !self.belongs(place, methods, &setting) {
            return (None, None);
        }
        match found {
            None | Some(KeysFrom::Discovery) => (None, None),
            Some(KeysFrom::Uri(uri)) => (None, Some(uri)),
            Some(KeysFrom::Document(jwks)) => {
                if methods.contains(&Method::PrivateKeyJwt) && !key_set::can_verify(&jwks) {
                    let usable = "P-256, Ed25519, or RSA of 2048 bits and more";
                    self.say(
                        place,
                        format!("`jwks`: there is no key we can verify with: {usable}"),
                    );
                }
                if methods.contains(&Method::SelfSignedTlsClientAuth)
                    && !key_set::has_certificate(&jwks)
                {
                    let missing = "`self_signed_tls_client_auth` needs a key with its `x5c`";
                    self.say(place, format!("`jwks`: {missing}"));
                }
                (Some(jwks), None)
            }
        }
    }

    fn legacy_audience(&mut self, place: &str, entry: &ClientEntry, methods: &[Method]) -> bool {
        let given = entry.legacy_token_endpoint_audience.unwrap_or_default();
        if given && !methods.contains(&Method::PrivateKeyJwt) {
            let name = "legacy_token_endpoint_audience";
            self.say(place, format!("`{name}`: only with `private_key_jwt` in `auth_methods`"));
        }
        given
    }

    fn certificate_name(
        &mut self,
        place: &str,
        entry: &ClientEntry,
        methods: &[Method],
    ) -> Option<DeclaredName> {
        let names = [
            entry.tls_client_auth_subject_dn.clone().map(DeclaredName::SubjectDn),
            entry.tls_client_auth_san_dns.clone().map(DeclaredName::SanDns),
            entry.tls_client_auth_san_uri.clone().map(DeclaredName::SanUri),
            entry.tls_client_auth_san_ip.map(DeclaredName::SanIp),
            entry.tls_client_auth_san_email.clone().map(DeclaredName::SanEmail),
        ];
        let names: Vec<_> = names.into_iter().flatten().collect();
        let setting = Setting {
            name: "tls_client_auth_…",
            given: !names.is_empty(),
            belongs_to: &[Method::TlsClientAuth],
        };
        if !self.belongs(place, methods, &setting) {
            return None;
        }
        if !self.trusts_any(TrustKind::CertificateAuthority) {
            let missing = "`tls_client_auth` needs one of `[[certificate_authorities]]`";
            self.say(place, format!("`auth_methods`: {missing}"));
        }
        let mut names = names.into_iter();
        // RFC 8705 §2.1.2: "MUST use exactly one".
        let (Some(name), None) = (names.next(), names.next()) else {
            self.say(place, "`tls_client_auth_…`: a client has exactly one of these names");
            return None;
        };
        self.take(place, is_name(&name).map_err(|e| format!("`tls_client_auth_…`: {e}")));
        Some(name)
    }

    fn workloads(&mut self, place: &str, entry: &ClientEntry, methods: &[Method]) -> Vec<Workload> {
        let entries = entry.workloads.as_deref().unwrap_or_default();
        let setting = Setting {
            name: "workloads",
            given: !entries.is_empty(),
            belongs_to: &[Method::WorkloadIdentity],
        };
        if !self.belongs(place, methods, &setting) {
            return Vec::new();
        }
        entries.iter().map(|entry| self.workload(place, entry)).collect()
    }

    fn workload(&mut self, place: &str, entry: &WorkloadEntry) -> Workload {
        let WorkloadEntry { issuer, subject, audience } = entry;
        if !self.trusts(TrustKind::WorkloadIssuer, issuer) {
            self.say(place, format!("`workloads`: there is no `[[workload_issuers]]` `{issuer}`"));
        }
        // One that begins or ends with a space would never be met, and nobody would see why.
        for (name, value) in [("subject", subject), ("audience", audience)] {
            if value.is_empty() || value.trim() != value || value.contains('*') {
                let exactly = "must be the claim to the letter, without wildcards";
                self.say(place, format!("`workloads`: `{name}`: `{value}` {exactly}"));
            }
        }
        Workload { issuer: issuer.clone(), subject: subject.clone(), audience: audience.clone() }
    }

    fn spiffe_id(
        &mut self,
        place: &str,
        entry: &ClientEntry,
        methods: &[Method],
    ) -> Option<String> {
        let setting = Setting {
            name: "spiffe_id",
            given: entry.spiffe_id.is_some(),
            belongs_to: &[Method::SpiffeJwt, Method::SpiffeX509],
        };
        if !self.belongs(place, methods, &setting) {
            return None;
        }
        let id = entry.spiffe_id.as_ref()?;
        let domain = spiffe::trust_domain(id).map_err(|e| format!("`spiffe_id`: {e}"));
        let domain = self.take(place, domain)?;
        if !self.trusts(TrustKind::TrustDomain, domain) {
            self.say(place, format!("`spiffe_id`: there is no `[[trust_domains]]` `{domain}`"));
        }
        Some(id.clone())
    }

    fn attester(&mut self, place: &str, entry: &ClientEntry, methods: &[Method]) -> Option<String> {
        let setting = Setting {
            name: "attester",
            given: entry.attester.is_some(),
            belongs_to: &[Method::AttestJwtClientAuth],
        };
        if !self.belongs(place, methods, &setting) {
            return None;
        }
        let id = entry.attester.clone()?;
        if !self.trusts(TrustKind::Attester, &id) {
            self.say(place, format!("`attester`: there is no `[[attesters]]` `{id}`"));
        }
        Some(id)
    }
}

/// Whether a certificate can bear such a name.
fn is_name(name: &DeclaredName) -> Result<(), String> {
    match name {
        DeclaredName::SubjectDn(dn) if dn.contains('=') => Ok(()),
        DeclaredName::SubjectDn(dn) => Err(format!("`{dn}` is not like CN=agent,O=Example")),
        DeclaredName::SanDns(dns) => spec::name(dns),
        DeclaredName::SanUri(uri) => {
            url::Url::parse(uri).map(drop).map_err(|_| format!("`{uri}` is not a URI"))
        }
        DeclaredName::SanIp(_) => Ok(()),
        DeclaredName::SanEmail(email) if email.contains('@') => spec::name(email),
        DeclaredName::SanEmail(email) => Err(format!("`{email}` is not an email address")),
    }
}

//! A client as it is declared, made to work.

use std::sync::Arc;

use delegation::{
    client::Client,
    declared::{self, Authentication, DeclaredName, Stoppable},
    org::{Agent, Resource},
    ports::KeySource,
    refusal::Fault,
};
use keys::{Algorithm, CertificateName, SecretHash};
use upstream::trust::{self, KeyPlace};

use super::{Loaded, connection::Maker, trusted::algorithms};

/// What a client is made of.
#[derive(Clone, Copy, Debug)]
struct Declaration<'a> {
    id: &'a str,
    authentication: &'a Authentication,
    secrets: &'a [[u8; 32]],
    disabled: bool,
    /// What it was, and was made of, before.
    before: Option<(&'a Authentication, &'a Client)>,
}

impl Maker {
    pub(super) fn resource(
        &self,
        declared: &declared::Resource,
        previous: Option<&Loaded>,
    ) -> Result<Resource, Fault> {
        let declared::Resource { authentication, secrets, .. } = declared;
        let client = declared.client_id.as_deref().map(|id| {
            let before = previous.and_then(|previous| server_before(id, previous));
            self.client(Declaration { id, authentication, secrets, disabled: false, before })
        });
        Ok(Resource {
            id: declared.id.clone(),
            scope: declared.scope.clone(),
            client: client.transpose()?,
            status: declared.status,
            abroad: declared.abroad.clone(),
        })
    }

    pub(super) fn agent(
        &self,
        declared: &declared::Agent,
        stopped: &[Stoppable],
        previous: Option<&Loaded>,
    ) -> Result<Agent, Fault> {
        let declared::Agent { id, authentication, secrets, .. } = declared;
        let disabled = declared.disabled || stopped.contains(&Stoppable::Agent(id.clone()));
        let before = previous.and_then(|previous| agent_before(id, previous));
        let declaration = Declaration { id, authentication, secrets, disabled, before };
        Ok(Agent {
            id: id.clone(),
            ceiling: declared.scope.clone(),
            aliases: declared.aliases.clone(),
            purpose: declared.purpose.clone(),
            client: self.client(declaration)?,
        })
    }

    /// # Errors
    ///
    /// What is wrong with its keys, or its algorithms.
    fn client(&self, declared: Declaration<'_>) -> Result<Client, Fault> {
        let Declaration { id, authentication, secrets, disabled, before } = declared;
        let broken = |what: String| Fault::Store(format!("client `{id}`: {what}"));
        let pinned = match authentication.algorithms.as_slice() {
            [] => Algorithm::ALL.to_vec(),
            names => algorithms(names).map_err(broken)?,
        };
        Ok(Client {
            id: id.to_owned(),
            methods: authentication.methods.clone(),
            secrets: secrets.iter().copied().map(SecretHash::from_bytes).collect(),
            keys: self.client_keys(id, authentication, before).map_err(broken)?,
            algorithms: pinned,
            legacy_audience: authentication.legacy_audience,
            certificate: authentication.certificate.as_ref().map(certificate_name),
            workloads: authentication.workloads.clone(),
            spiffe_id: authentication.spiffe_id.clone(),
            attester: authentication.attester.clone(),
            dpop_bound: authentication.dpop_bound,
            certificate_bound: authentication.certificate_bound,
            grants: authentication.grants.clone(),
            disabled,
        })
    }

    /// Where its keys are. What is declared as before keeps what it has fetched.
    fn client_keys(
        &self,
        id: &str,
        declared: &Authentication,
        before: Option<(&Authentication, &Client)>,
    ) -> Result<Option<Arc<dyn KeySource>>, String> {
        let place = match (&declared.jwks, &declared.jwks_uri) {
            (None, None) => return Ok(None),
            (Some(jwks), None) => KeyPlace::Document(jwks.clone()),
            (None, Some(uri)) => KeyPlace::Uri(uri.clone()),
            // RFC 7591 §2: they "MUST NOT both be present".
            (Some(_), Some(_)) => return Err("it has both `jwks` and `jwks_uri`".to_owned()),
        };
        let same = |before: &Authentication| {
            (&before.jwks, &before.jwks_uri) == (&declared.jwks, &declared.jwks_uri)
        };
        match before.filter(|(before, _)| same(before)) {
            Some((_, Client { keys: Some(keys), .. })) => Ok(Some(Arc::clone(keys))),
            Some((_, Client { keys: None, .. })) | None => {
                trust::keys(&format!("client `{id}`"), &place, &self.reaching()).map(Some)
            }
        }
    }
}

fn agent_before<'a>(id: &str, previous: &'a Loaded) -> Option<(&'a Authentication, &'a Client)> {
    let declared = previous.declared.agents.iter().find(|it| it.id == id)?;
    Some((&declared.authentication, &previous.org.agents.get(id)?.client))
}

fn server_before<'a>(id: &str, previous: &'a Loaded) -> Option<(&'a Authentication, &'a Client)> {
    let is_it = |it: &&declared::Resource| it.client_id.as_deref() == Some(id);
    let declared = previous.declared.resources.iter().find(is_it)?;
    Some((&declared.authentication, previous.org.servers.get(id)?.client.as_ref()?))
}

fn certificate_name(declared: &DeclaredName) -> CertificateName {
    match declared {
        DeclaredName::SubjectDn(dn) => CertificateName::SubjectDn(dn.clone()),
        DeclaredName::SanDns(name) => CertificateName::Dns(name.clone()),
        DeclaredName::SanUri(uri) => CertificateName::Uri(uri.clone()),
        DeclaredName::SanIp(address) => CertificateName::Ip(*address),
        DeclaredName::SanEmail(address) => CertificateName::Email(address.clone()),
    }
}

#[cfg(test)]
mod tests {
    use keys::{DataKey, Signer, SigningKey};
    use serde_json::json;
    use upstream::http::{Outbound, OutboundSettings, Reach};

    use super::*;

    fn maker() -> Maker {
        let settings = OutboundSettings { reach: Reach::Anywhere, ..OutboundSettings::default() };
        Maker {
            master: Arc::new(DataKey::generate().unwrap()),
            outbound: Outbound::new(settings).unwrap(),
            replicas: 1,
        }
    }

    fn made(
        authentication: &Authentication,
        before: Option<(&Authentication, &Client)>,
    ) -> Result<Client, String> {
        let id = "orchestrator";
        let declared = Declaration { id, authentication, secrets: &[], disabled: false, before };
        maker().client(declared).map_err(|fault| fault.to_string())
    }

    fn published(uri: &str) -> Authentication {
        Authentication { jwks_uri: Some(uri.to_owned()), ..Authentication::default() }
    }

    fn keys(client: &Client) -> Arc<dyn KeySource> {
        Arc::clone(client.keys.as_ref().unwrap())
    }

    #[test]
    fn keys_that_are_declared_as_before_keep_what_was_fetched() {
        let before = published("https://client.example/jwks");
        let first = made(&before, None).unwrap();
        // Something else of it has changed.
        let after = Authentication { dpop_bound: true, ..before.clone() };
        let second = made(&after, Some((&before, &first))).unwrap();
        assert!(second.dpop_bound);
        assert!(Arc::ptr_eq(&keys(&first), &keys(&second)));
        let moved = published("https://client.example/keys");
        let third = made(&moved, Some((&before, &first))).unwrap();
        assert!(!Arc::ptr_eq(&keys(&first), &keys(&third)));
        let gone = made(&Authentication::default(), Some((&before, &first))).unwrap();
        assert!(gone.keys.is_none());
    }

    #[test]
    fn a_client_that_cannot_work_is_named() {
        let key = SigningKey::generate(Algorithm::Es256).unwrap();
        let jwks = Some(json!({ "keys": [key.public_jwk()] }).to_string());
        let good = Authentication { jwks, ..Authentication::default() };
        assert!(made(&good, None).unwrap().keys.is_some());
        let both = published("https://client.example/jwks");
        for (broken, what) in [
            (Authentication { jwks_uri: both.jwks_uri, ..good.clone() }, "both"),
            (Authentication { jwks: Some("{}".to_owned()), ..good }, "key set"),
        ] {
            let text = made(&broken, None).unwrap_err();
            assert!(text.contains("client `orchestrator`") && text.contains(what), "{text}");
        }
    }

    /// One nobody knows must not make the others all.
    #[test]
    fn algorithms_are_pinned_or_all() {
        let pinned = |names: &[&str]| {
            let algorithms = names.iter().map(|name| (*name).to_owned()).collect();
            made(&Authentication { algorithms, ..Authentication::default() }, None)
        };
        assert_eq!(pinned(&[]).unwrap().algorithms, Algorithm::ALL);
        assert_eq!(pinned(&["ES256"]).unwrap().algorithms, [Algorithm::Es256]);
        for names in [&["HS256"][..], &["ES256", "none"]] {
            assert!(pinned(names).is_err(), "{names:?}");
        }
    }
}

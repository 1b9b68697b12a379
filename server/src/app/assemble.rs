//! An organization out of what is declared of it.

use std::sync::Arc;

use delegation::{
    declared::{self, Declared, Stoppable},
    operator::{Operator, Power},
    org::{Org, Resource},
    refusal::Fault,
    status::StatusIndexes,
};
use keys::{KeyRing, SecretHash};
use policy::{OrgPolicies, Rules};

use super::{App, Loaded, connection::Stream};

impl App {
    /// As declared, with what the one before it can go on using.
    pub(super) fn assemble(
        &self,
        declared: &Declared,
        ring: KeyRing,
        previous: Option<&Loaded>,
    ) -> Result<(Org, Vec<Stream>), Fault> {
        let id = &declared.id;
        let broken = |what: &str, e: &dyn std::fmt::Display| {
            Fault::Store(format!("organization `{id}`: {what}: {e}"))
        };
        let policies = OrgPolicies::parse(&declared.policies).map_err(|errors| {
            let errors: Vec<_> = errors.iter().map(ToString::to_string).collect();
            broken("its stored policies", &errors.join("; "))
        })?;
        let policy_hash = hash(&declared.policies);
        let settings = &declared.settings;
        let rules = Rules::new(settings.chain_limit, settings.lifetime, policies)
            .map_err(|e| broken("its rules", &e))?;
        let connections = declared.connections.iter();
        let connections = connections.map(|c| self.maker.connection(declared, c, previous));
        let connections = connections.collect::<Result<Vec<_>, _>>()?;
        let (connections, streams): (Vec<_>, Vec<_>) = connections.into_iter().unzip();
        let agent = |agent| self.maker.agent(agent, &declared.stopped, previous);
        let agents = declared.agents.iter().map(|it| Ok((it.id.clone(), Arc::new(agent(it)?))));
        let agents = agents.collect::<Result<_, Fault>>()?;
        let resource = |resource| self.maker.resource(resource, previous).map(Arc::new);
        let resources = declared.resources.iter().map(resource).collect::<Result<Vec<_>, _>>()?;
        let server = |resource: &Arc<Resource>| {
            Some((resource.client.as_ref()?.id.clone(), resource.clone()))
        };
        let status_lists = self.store.status_lists(id);
        // What was leased stays leased.
        let status_indexes = previous.map_or_else(
            || Arc::new(StatusIndexes::new(Arc::clone(&status_lists))),
            |previous| Arc::clone(&previous.org.status_indexes),
        );
        let org = Org {
            id: id.clone(),
            issuer: self.issuer(id),
            revision: declared.revision,
            rules,
            policy_hash,
            default_target: settings.default_target.clone(),
            agents,
            servers: resources.iter().filter_map(server).collect(),
            resources: resources.into_iter().map(|it| (it.id.clone(), it)).collect(),
            operators: declared.operators.iter().map(|it| Arc::new(operator_of(it))).collect(),
            connections,
            stopped: declared.stopped.contains(&Stoppable::Org),
            ring,
            signatures: Arc::clone(&self.signatures),
            master: Arc::clone(&self.maker.master),
            ledger: self.store.ledger(id),
            streams: self.store.streams(id),
            trail: self.trail(id),
            status_lists,
            status_indexes,
            trusted: self.maker.trusted(id, &declared.trusts, previous.map(Loaded::trusted))?,
            templates: declared.templates.clone(),
            dpop_nonce: settings.options.dpop_nonce,
            trust_domain: settings.options.trust_domain.clone(),
            once: self.store.single_use(id),
            limiter: self.limits.declare(id, &settings.options.limits),
        };
        Ok((org, streams.into_iter().flatten().collect()))
    }
}

fn operator_of(declared: &declared::Operator) -> Operator {
    Operator {
        id: declared.id.clone(),
        powers: declared.powers.iter().filter_map(|code| Power::read(code)).collect(),
        secrets: declared.secrets.iter().copied().map(SecretHash::from_bytes).collect(),
    }
}

/// Names and texts, so that the audit trail can say under which policies a decision was made.
fn hash(policies: &[policy::PolicyFile]) -> Option<String> {
    let parts = policies.iter().flat_map(|file| [file.name.as_str(), "\0", &file.text, "\0"]);
    let text = parts.collect::<String>();
    (!policies.is_empty()).then(|| keys::sha256_hex(text.as_bytes()))
}

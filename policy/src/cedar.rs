//! The organization's own policies, written in Cedar. They can only narrow.
//!
//! Parsed, validated and sorted when they are loaded; a decision builds nothing but its question.

mod depth;
mod load;
mod place;
mod question;

use std::{collections::BTreeSet, fmt};

use cedar_policy::{
    AuthorizationError, Authorizer, Decision, Entities, EntityTypeName, EntityUid, PolicyId,
    PolicySet, Request,
};

use crate::{Facts, Scope, invariants::Bounds};

/// The built-in policy that permits what the invariants left, until the organization writes a
/// `permit` of its own.
const DEFAULT_PERMIT: &str = "actas:default";

/// Stands for a question Cedar could not be asked. Never seen unless there is a bug in this crate.
const UNASKABLE: &str = "actas:unaskable";

/// A file of Cedar policies.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct PolicyFile {
    /// Visible ASCII; ids of policies begin with it.
    pub name: String,
    pub text: String,
}

/// What is wrong with a policy, and where.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{file}:{line}:{column}: {message}")]
pub struct PolicyError {
    pub file: String,
    /// From 1.
    pub line: usize,
    /// From 1, in characters.
    pub column: usize,
    pub message: String,
}

/// The policies of one organization, ready to be asked.
#[derive(Clone, Debug, Default)]
pub struct OrgPolicies {
    sources: Vec<PolicyFile>,
    engine: Option<Engine>,
}

impl OrgPolicies {
    /// Loads `files`, each with any number of policies.
    ///
    /// A policy is named by its annotation `@id("…")`, or else `file#N`, counted from 1.
    ///
    /// # Errors
    /// Everything that is wrong with any of the files, in their order: what Cedar cannot parse,
    /// what does not fit `schema.cedarschema` in strict mode, what could never apply or looks like
    /// what it is not (Cedar's warnings), templates, ids that are not unique or not visible ASCII,
    /// and texts beyond the limits.
    pub fn parse(files: &[PolicyFile]) -> Result<Self, Vec<PolicyError>> {
        Ok(Self { sources: files.to_vec(), engine: load::load(files)? })
    }

    /// No policies: the invariants alone decide.
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }

    /// The files as they were loaded.
    #[must_use]
    pub fn sources(&self) -> &[PolicyFile] {
        &self.sources
    }

    /// Whether there is no policy; then Cedar is never asked.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.engine.is_none()
    }

    /// What the policies leave of the scope within `bounds`.
    pub(crate) fn judge(&self, facts: &Facts, bounds: &Bounds<'_>) -> Verdict {
        match &self.engine {
            Some(engine) => engine.judge(facts, bounds),
            None => Verdict { allowed: bounds.scope.clone(), ..Verdict::default() },
        }
    }
}

/// What the policies say of a scope, token by token.
#[derive(Debug, Default)]
pub(crate) struct Verdict {
    pub(crate) allowed: Scope,
    pub(crate) denied: Scope,
    /// Ids of the policies that permitted a token.
    pub(crate) permitting: BTreeSet<String>,
    /// Ids of the policies that denied a token, by forbidding it or by failing.
    pub(crate) denying: BTreeSet<String>,
}

/// Loaded policies and what every question about them has in common.
#[derive(Clone)]
struct Engine {
    authorizer: Authorizer,
    entities: Entities,
    agent: EntityTypeName,
    target: EntityTypeName,
    exchange: EntityUid,
    /// Whether the organization wrote a `permit`: then what none of them permits is denied.
    permits: bool,
    slices: Vec<Slice>,
}

/// The policies whose head names the same agent and the same target, or none.
#[derive(Clone, Debug)]
struct Slice {
    agent: Option<String>,
    target: Option<String>,
    policies: PolicySet,
}

impl Slice {
    /// Whether its policies could apply at all: evaluation is linear in what is asked.
    fn covers(&self, facts: &Facts) -> bool {
        self.agent.as_ref().is_none_or(|agent| *agent == facts.actor.client_id)
            && self.target.as_ref().is_none_or(|target| *target == facts.target.id)
    }
}

impl Engine {
    fn judge(&self, facts: &Facts, bounds: &Bounds<'_>) -> Verdict {
        let question = question::Question::new(self, facts, bounds);
        let slices: Vec<&Slice> = self.slices.iter().filter(|slice| slice.covers(facts)).collect();
        let mut verdict = Verdict::default();
        verdict.allowed = bounds.scope.only(|token| {
            let Some(request) = question.about(token) else {
                verdict.denying.insert(UNASKABLE.to_owned());
                return false;
            };
            self.allows(&request, &slices, &mut verdict)
        });
        verdict.denied = bounds.scope.only(|token| !verdict.allowed.has(token));
        verdict
    }

    /// One answer out of the answers of disjoint slices: any `forbid` denies, then any `permit`
    /// allows, as Cedar says of the whole set.
    fn allows(&self, request: &Request, slices: &[&Slice], verdict: &mut Verdict) -> bool {
        let mut permitting = BTreeSet::new();
        let mut denied = false;
        if !self.permits {
            permitting.insert(DEFAULT_PERMIT.to_owned());
        }
        for slice in slices {
            let response = self.authorizer.is_authorized(request, &slice.policies, &self.entities);
            let reasons = response.diagnostics().reason().map(ToString::to_string);
            match response.decision() {
                Decision::Allow => permitting.extend(reasons),
                Decision::Deny => {
                    for forbid in reasons {
                        denied = true;
                        verdict.denying.insert(forbid);
                    }
                }
            }
            // Cedar skips a policy that fails; a `forbid` that fails would then forbid nothing.
            for error in response.diagnostics().errors() {
                denied = true;
                verdict.denying.insert(failed_policy(error).to_string());
            }
        }
        let allowed = !denied && !permitting.is_empty();
        if allowed {
            verdict.permitting.append(&mut permitting);
        }
        allowed
    }
}

fn failed_policy(error: &AuthorizationError) -> &PolicyId {
    match error {
        AuthorizationError::PolicyEvaluationError(error) => error.policy_id(),
    }
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engine")
            .field("permits", &self.permits)
            .field("slices", &self.slices)
            .finish_non_exhaustive()
    }
}

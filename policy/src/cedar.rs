//! The organization's own policies, written in Cedar. They can only narrow.
//!
//! Parsed, validated and sorted when they are loaded; a decision builds nothing but its question.

mod depth;
mod load;
mod place;
mod question;
mod remedy;

use std::{collections::BTreeSet, fmt};

use cedar_policy::{
    AuthorizationError, Authorizer, Decision, Entities, EntityTypeName, EntityUid, PolicyId,
    PolicySet, Request,
};

use crate::{Facts, Reason, Scope, StepUp, invariants::Bounds};

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
    /// A policy is named by its annotation `@id("…")`, or else `file#N`, counted from 1. A `forbid`
    /// may say with `@acr_values("…")` and `@max_age("…")` what the user could do about it.
    ///
    /// # Errors
    /// Everything that is wrong with any of the files, in their order: what Cedar cannot parse,
    /// what does not fit `schema.cedarschema` in strict mode, what could never apply or looks like
    /// what it is not (Cedar's warnings), templates, ids that are not unique or not visible ASCII,
    /// annotations that ask a user for what cannot be asked for, and texts beyond the limits.
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

    /// What the user could do about a refusal by these policies; none when that is nothing.
    pub(crate) fn step_up(
        &self,
        facts: &Facts,
        bounds: &Bounds<'_>,
        verdict: &Verdict,
    ) -> Option<StepUp> {
        self.engine.as_ref()?.step_up(facts, bounds, verdict)
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
    /// Whether any policy failed: about that, no user can do anything.
    failed: bool,
}

impl Verdict {
    /// Why this is a refusal, where it is one. What was asked for by name is granted whole or not
    /// at all; what was not, may shrink.
    pub(crate) fn refusal(&self, facts: &Facts) -> Option<Reason> {
        if self.allowed.is_empty() && !(self.denied.is_empty() && facts.may_be_empty()) {
            Some(Reason::Policy)
        } else if facts.requested.is_some() && !self.denied.is_empty() {
            Some(Reason::ScopeByPolicy)
        } else {
            None
        }
    }
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
    remedies: Remedies,
}

/// What helps against which policies.
#[derive(Clone, Debug, Default)]
struct Remedies {
    /// By the id of the policy, in the order the policies were written.
    step_ups: Vec<(String, StepUp)>,
    /// All other policies.
    others: Vec<Slice>,
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
        self.ask(&self.slices, facts, bounds)
    }

    /// What all policies that denied say would help. Nobody is sent to sign in again for nothing:
    /// without those policies, the others must grant what was asked.
    fn step_up(&self, facts: &Facts, bounds: &Bounds<'_>, verdict: &Verdict) -> Option<StepUp> {
        let Remedies { step_ups, others } = &self.remedies;
        let mut helping = step_ups.iter().filter(|(policy, _)| verdict.denying.contains(policy));
        if verdict.failed || helping.clone().count() < verdict.denying.len() {
            return None;
        }
        let first = helping.next()?.1.clone();
        let step_up = helping.fold(first, |all, (_, step_up)| all.and(step_up.clone()));
        let refusal = self.ask(others, facts, bounds).refusal(facts);
        refusal.is_none().then_some(step_up)
    }

    /// What the policies of `slices` say of each scope token.
    fn ask(&self, slices: &[Slice], facts: &Facts, bounds: &Bounds<'_>) -> Verdict {
        let question = question::Question::new(self, facts, bounds);
        let slices: Vec<&Slice> = slices.iter().filter(|slice| slice.covers(facts)).collect();
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
                verdict.failed = true;
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
            .field("remedies", &self.remedies)
            .finish_non_exhaustive()
    }
}

use crate::{Facts, Permit, Reason, Rules, Terms, cedar::Verdict, invariants};

/// What [`decide`] said.
#[derive(Debug)]
#[must_use]
pub enum Decision {
    /// Yes, on the permit's terms.
    Permit(Permit),
    /// Not before a person has answered.
    Ask(Question),
    /// No.
    Refuse(Refusal),
}

/// What a person is asked. No rule asks anything yet, so there is no value of this type, and
/// whoever meets one has nothing to do:
///
/// ```
/// fn never(question: policy::Question) -> ! {
///     match question {}
/// }
/// ```
#[derive(Debug)]
pub enum Question {}

/// Why there is no permit.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Refusal {
    pub reason: Reason,
    /// Ids of the organization's policies that denied; sorted. Empty when an invariant refused, or
    /// when the policies permit some things but nothing like this.
    pub policies: Vec<String>,
}

/// Applies `rules` to `facts`: first what holds for every organization, then the organization's
/// own policies, which can only narrow. Total and pure: the same arguments, the same answer.
pub fn decide(facts: &Facts, rules: &Rules) -> Decision {
    match permit(facts, rules) {
        Ok(permit) => Decision::Permit(permit),
        Err(refusal) => Decision::Refuse(refusal),
    }
}

fn permit(facts: &Facts, rules: &Rules) -> Result<Permit, Refusal> {
    let bounds = invariants::hold(facts, rules)
        .map_err(|reason| Refusal { reason, policies: Vec::new() })?;
    let verdict = rules.policies().judge(facts, &bounds);
    let verdict = granted(verdict, facts.requested.is_some())?;
    let terms = Terms {
        org: facts.org.clone(),
        sub: facts.subject.sub.clone(),
        user: facts.subject.user.clone(),
        client_id: facts.actor.client_id.clone(),
        audience: facts.target.id.clone(),
        scope: verdict.allowed,
        chain: bounds.chain,
        expires_at: bounds.expires_at,
        auth_time: facts.subject.auth_time,
        acr: facts.subject.acr.clone(),
        amr: facts.subject.amr.clone(),
        grant: bounds.grant.id.clone(),
    };
    let policies = verdict.permitting.union(&verdict.denying).cloned().collect();
    Ok(Permit::new(terms, policies))
}

/// What was asked for by name is granted whole or not at all; what was not, may shrink.
fn granted(verdict: Verdict, by_name: bool) -> Result<Verdict, Refusal> {
    let reason = if verdict.allowed.is_empty() {
        Reason::Policy
    } else if by_name && !verdict.denied.is_empty() {
        Reason::ScopeByPolicy
    } else {
        return Ok(verdict);
    };
    Err(Refusal { reason, policies: verdict.denying.into_iter().collect() })
}

use crate::{Facts, Permit, Reason, Rules, StepUp, Terms, invariants};

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
    /// What the user could do about it: given with the reasons [`Reason::SignedOut`],
    /// [`Reason::Device`] and [`Reason::StepUp`], and with no other.
    pub step_up: Option<StepUp>,
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
    let bounds = invariants::hold(facts, rules).map_err(|reason| Refusal {
        reason,
        policies: Vec::new(),
        step_up: invariants::step_up(facts, reason),
    })?;
    let policies = rules.policies();
    let verdict = policies.judge(facts, &bounds);
    if let Some(reason) = verdict.refusal(facts) {
        let step_up = policies.step_up(facts, &bounds, &verdict);
        let reason = if step_up.is_some() { Reason::StepUp } else { reason };
        let policies = verdict.denying.into_iter().collect();
        return Err(Refusal { reason, policies, step_up });
    }
    let terms = Terms {
        org: facts.org.clone(),
        sub: facts.subject.sub.clone(),
        user: facts.subject.user.clone(),
        client_id: facts.actor.client_id.clone(),
        audience: facts.target.id.clone(),
        scope: verdict.allowed,
        product: facts.product,
        chain: bounds.chain,
        bound_to: facts.possession.clone(),
        expires_at: bounds.expires_at,
        auth_time: facts.subject.auth_time,
        acr: facts.subject.acr.clone(),
        amr: facts.subject.amr.clone(),
        grant: bounds.grant.id.clone(),
    };
    let policies = verdict.permitting.union(&verdict.denying).cloned().collect();
    Ok(Permit::new(terms, policies))
}

//! Whether the user still stands, asked during the request: of the ledger, then of the home identity
//! provider.

use policy::{Party, Scope, SubjectFacts, SubjectKind, Timestamp};

use super::{Beginning, CurrentSubject, Origin, TokenRefusal, VerifiedSubject};
use crate::{
    denial,
    event::Event,
    exchange::Arrival,
    kept::Kept,
    org::Org,
    ports::{Grant, Inconclusive, Lineage, Parent, Purpose, Question, Recalled},
    provider,
    refusal::{Failure, Fault, Refusal},
};

/// Asks the ledger whether the subject's line lives, then the home identity provider whether the
/// user still stands. The only maker of [`CurrentSubject`].
pub(crate) async fn recheck(
    org: &Org,
    subject: VerifiedSubject,
    asked: Asked<'_>,
    event: &mut Event,
) -> Result<CurrentSubject, Failure> {
    let VerifiedSubject { mut facts, lineage, beginning } = subject;
    let signed_in_at = beginning.as_ref().and_then(|it| it.kept.signed_in_at());
    let recalled = recall(org, &lineage, signed_in_at).await?;
    if recalled.revision != org.revision {
        return Err(Fault::Changed.into());
    }
    event.connection = match (&lineage, &recalled.parent) {
        (Lineage::Root { connection, .. }, _) => Some(connection.clone()),
        (Lineage::Derived { .. }, parent) => parent.as_ref().map(|p| p.connection.clone()),
    };
    // Also of one that has ended: who looks for a chain finds what was tried with it.
    event.parent = recalled.parent.as_ref().map(|parent| parent.id);
    event.root = recalled.parent.as_ref().map(|parent| parent.root);
    let (origin, groups) = match (lineage, beginning) {
        (Lineage::Root { connection, user, names, .. }, Some(Beginning { kept, groups, .. })) => {
            let kept = Some(kept);
            (Origin { connection, user, parent: None, kept, names: Some(names) }, groups)
        }
        (_, _) => (derived(org, recalled.parent, recalled.grant.as_ref())?, Vec::new()),
    };
    let connection = org.running_connection(&origin.connection)?;
    facts.user = Party { issuer: connection.issuer.clone(), id: origin.user.clone() };
    let kept = origin.kept.as_ref().ok_or(Refusal::SubjectToken(TokenRefusal::OfAClient))?;
    facts.signed_in_at = kept.signed_in_at();
    let question = Question {
        token: Some(kept.token.clone()),
        user: origin.user.clone(),
        hints: kept.hints.clone(),
        is_client: false,
        epoch: recalled.epoch,
        max_age: connection.max_age_at(asked.arrival.now, recalled.heard_at),
        purpose: Some(asked.purpose(org, &facts)),
    };
    let answer = match connection.provider.standing(question).await {
        Ok(answer) => answer,
        Err(Inconclusive { fault, checks }) => {
            event.checks = checks;
            return Err(fault.into());
        }
    };
    event.checks = answer.checks;
    let heard = (asked.arrival.now, asked.arrival.denial, &*event);
    denial::spread(org, connection, &origin, &answer.standing, heard).await?;
    // Consent may have shrunk at the provider since it signed the token.
    let holds_now = answer.scope.filter(|_| origin.parent.is_none());
    facts.scope = match (facts.scope, holds_now, facts.kind) {
        (Some(holds), Some(holds_now), _) => Some(holds.narrow(&holds_now)),
        // An access token may leave it to its provider to say. What is said of an ID token is the
        // scope of a login, which limits nothing here.
        (None, holds_now, SubjectKind::AccessToken) => holds_now,
        (holds, _, _) => holds,
    };
    if origin.parent.is_none() {
        facts.scope = provider::mapped(&connection.tokens, &groups, facts.scope);
    }
    // It limits this use, whatever kind of token, and of whatever hop, it is asked for with.
    if let Some(permitted) = answer.permitted {
        let holds = facts.scope.take();
        facts.scope = Some(holds.map_or(permitted.clone(), |holds| holds.narrow(&permitted)));
    }
    let standing = answer.standing.and(recalled.signalled);
    // One that has ended is none: the user may grant anew.
    let grant = recalled.grant.filter(|grant| grant.ended_at.is_none());
    Ok(CurrentSubject { facts, standing, grant, origin, epoch: recalled.epoch })
}

/// What the ledger knows, once it knows the user by every name the token gives.
///
/// A signal that comes from then on, by whichever name, raises this user's epoch. What was recalled
/// before the names were learned would not show it, so the ledger is asked again.
///
/// A token that was signed out teaches nothing: its mail address may be somebody else's by now.
async fn recall(
    org: &Org,
    lineage: &Lineage,
    signed_in_at: Option<Timestamp>,
) -> Result<Recalled, Fault> {
    let recalled = org.ledger.recall(lineage).await?;
    let valid_from = recalled.signalled.sessions_valid_from;
    let is_out = valid_from.is_some_and(|from| signed_in_at.is_none_or(|at| at < from));
    let Lineage::Root { connection, user, agent, names } = lineage else { return Ok(recalled) };
    let mut must_look_again = false;
    if !recalled.names_known && !is_out {
        org.ledger.learn(connection, user, &names.of_user()).await?;
        must_look_again = true;
    }
    let has_granted = recalled.grant.as_ref().is_some_and(|grant| grant.ended_at.is_none());
    if !has_granted && let Some(template) = org.template(connection, agent) {
        org.ledger.adopt(&template.id, user).await?;
        must_look_again = true;
    }
    if must_look_again { org.ledger.recall(lineage).await } else { Ok(recalled) }
}

/// What is asked for, as far as the identity provider or a decision point is told.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asked<'a> {
    pub arrival: Arrival,
    pub actor: &'a Party,
    pub target: &'a str,
    pub scope: Option<&'a Scope>,
}

impl Asked<'_> {
    fn purpose(&self, org: &Org, facts: &SubjectFacts) -> Purpose {
        let again = facts.chain.parties().first() == Some(self.actor);
        let scope = self.scope.map(ToString::to_string).unwrap_or_default();
        Purpose {
            issuer: org.issuer.clone(),
            actor: self.actor.id.clone(),
            target: self.target.to_owned(),
            scope: scope.split_ascii_whitespace().map(str::to_owned).collect(),
            depth: facts.chain.depth() + usize::from(!again),
        }
    }
}

/// Casdoor CVE-2026-9097: a valid signature is not a live token.
fn derived(org: &Org, parent: Option<Parent>, grant: Option<&Grant>) -> Result<Origin, Failure> {
    let parent = parent.ok_or(Refusal::SubjectToken(TokenRefusal::NotRecorded))?;
    if parent.ended_at.is_some() || grant.is_none_or(|grant| grant.ended_at.is_some()) {
        return Err(Refusal::SubjectToken(TokenRefusal::Ended).into());
    }
    let sealed = parent.sealed_subject.as_deref().ok_or_else(|| {
        Fault::Keys("the subject token of the chain's root is not kept".to_owned())
    })?;
    let kept = Kept::open(org, parent.root, sealed)?;
    let (connection, user) = (parent.connection.clone(), parent.user.clone());
    Ok(Origin { connection, user, parent: Some(parent), kept: Some(kept), names: None })
}

//! A client that acts for itself.

use policy::{Account, ActorChain, Party, Session, Standing, SubjectFacts, SubjectKind, Timestamp};

use super::{CurrentSubject, Origin};
use crate::{
    names::Names,
    org::{Agent, Org},
    ports::Lineage,
    refusal::{Failure, Fault},
};

/// The grant it has of the organization, and nobody else to ask. With [`recheck`](super::recheck()) the
/// only maker of [`CurrentSubject`].
///
/// It has just proved itself, and its registration is of the revision the ledger knows.
pub(crate) async fn itself(
    org: &Org,
    agent: &Agent,
    now: Timestamp,
) -> Result<CurrentSubject, Failure> {
    let lineage = Lineage::Root {
        connection: String::new(),
        user: String::new(),
        agent: agent.id.clone(),
        names: Names::default(),
    };
    let recalled = org.ledger.recall(&lineage).await?;
    if recalled.revision != org.revision {
        return Err(Fault::Changed.into());
    }
    let facts = SubjectFacts {
        kind: SubjectKind::Itself,
        org: org.id.clone(),
        user: Party { issuer: org.issuer.clone(), id: String::new() },
        sub: agent.actor_id(),
        scope: None,
        audience: Vec::new(),
        presented_as: Some(agent.id.clone()),
        chain: ActorChain::none(),
        may_act: None,
        bound_to: None,
        expires_at: now.plus(policy::MAX_LIFETIME),
        signed_in_at: Some(now),
        auth_time: None,
        acr: None,
        amr: Vec::new(),
    };
    let standing =
        Standing { account: Account::Active, session: Session::Live, ..Standing::default() };
    let (connection, user) = (String::new(), String::new());
    let origin = Origin { connection, user, parent: None, kept: None, names: None };
    let grant = recalled.grant.filter(|grant| grant.ended_at.is_none());
    Ok(CurrentSubject { facts, standing, grant, origin, epoch: recalled.epoch })
}

//! One exchange, as policies see it. The shape is that of `schema.cedarschema`.

use cedar_policy::{Context, EntityId, EntityUid, Request, RestrictedExpression as Value};

use crate::{Facts, Timestamp, invariants::Bounds};

use super::Engine;

/// How far clocks may differ: a sign-in later than that after `now` is not believed.
const LEEWAY: i64 = 60;

/// What is asked of every scope token, but for the token.
pub(super) struct Question<'a> {
    engine: &'a Engine,
    agent: EntityUid,
    target: EntityUid,
    context: Vec<(String, Value)>,
}

impl<'a> Question<'a> {
    pub(super) fn new(engine: &'a Engine, facts: &Facts, bounds: &Bounds<'_>) -> Self {
        let agent = EntityId::new(&facts.actor.client_id);
        let target = EntityId::new(&facts.target.id);
        Self {
            engine,
            agent: EntityUid::from_type_name_and_id(engine.agent.clone(), agent),
            target: EntityUid::from_type_name_and_id(engine.target.clone(), target),
            context: context(facts, bounds),
        }
    }

    /// The question whether this one token may be granted.
    pub(super) fn about(&self, token: &str) -> Option<Request> {
        let scope = ("scope".to_owned(), Value::new_string(token.to_owned()));
        let context = self.context.iter().cloned().chain([scope]);
        // Not checked against the schema each time: `tests/scenarios/context.toml` reads it all.
        Request::new(
            self.agent.clone(),
            self.engine.exchange.clone(),
            self.target.clone(),
            Context::from_pairs(context).ok()?,
            None,
        )
        .ok()
    }
}

/// RFC 8693 §4.1 keeps prior actors out of access control: their number is here, their names not.
fn context(facts: &Facts, bounds: &Bounds<'_>) -> Vec<(String, Value)> {
    let text = |text: &str| Value::new_string(text.to_owned());
    let subject = &facts.subject;
    let depth = i64::try_from(bounds.chain.depth()).unwrap_or(i64::MAX);
    let user = [
        ("issuer".to_owned(), text(&subject.user.issuer)),
        ("id".to_owned(), text(&subject.user.id)),
    ];
    let mut context = vec![
        ("requested", Value::new_bool(facts.requested.is_some())),
        ("org", text(&facts.org)),
        ("depth", Value::new_long(depth)),
        ("target_kind", text(facts.target.kind.code())),
        ("amr", Value::new_set(subject.amr.iter().map(|method| text(method)))),
    ];
    if let Ok(user) = Value::new_record(user) {
        context.push(("user", user));
    }
    if let Some((time, age)) = sign_in(facts.now, subject.auth_time) {
        context.push(("auth_time", Value::new_long(time)));
        context.push(("auth_age", Value::new_long(age)));
    }
    if let Some(acr) = &subject.acr {
        context.push(("acr", text(acr)));
    }
    context.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// When the user signed in and how long ago. A moment in the future proves nothing: absent.
fn sign_in(now: Timestamp, auth_time: Option<Timestamp>) -> Option<(i64, i64)> {
    let auth_time = auth_time?;
    let age = auth_time.seconds_until(now);
    (-LEEWAY <= age).then_some((auth_time.0, age.max(0)))
}

//! One exchange, as policies see it. The shape is that of `schema.cedarschema`.

use cedar_policy::{Context, EntityId, EntityUid, Request, RestrictedExpression as Value};

use crate::{Device, Facts, invariants::Bounds};

use super::Engine;

/// How far clocks may differ: a sign-in later than that after `now` is not believed.
const LEEWAY: i64 = 60;

/// What is asked of every scope token, but for the token.
pub(super) struct Question<'a> {
    engine: &'a Engine,
    agent: EntityUid,
    target: EntityUid,
    context: Vec<(&'static str, Value)>,
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
        let scope = ("scope", text(token));
        let context = self.context.iter().cloned().chain([scope]).map(owned);
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
fn context(facts: &Facts, bounds: &Bounds<'_>) -> Vec<(&'static str, Value)> {
    let Facts { subject, standing, .. } = facts;
    let depth = i64::try_from(bounds.chain.depth()).unwrap_or(i64::MAX);
    let mut context = vec![
        ("requested", Value::new_bool(facts.requested.is_some())),
        ("org", text(&facts.org)),
        ("depth", Value::new_long(depth)),
        ("target_kind", text(facts.target.kind.code())),
        ("product", text(facts.product.code())),
        ("bound", Value::new_bool(facts.possession.is_some())),
        ("account", text(standing.account.code())),
        ("session", text(standing.session.code())),
    ];
    let user = [("issuer", text(&subject.user.issuer)), ("id", text(&subject.user.id))];
    let Device { compliant, managed } = standing.device;
    let device = [("compliant", compliant), ("managed", managed)]
        .into_iter()
        .filter_map(|(name, known)| Some((name, Value::new_bool(known?))));
    context.extend(Value::new_record(user.map(owned)).ok().map(|user| ("user", user)));
    context.extend(Value::new_record(device.map(owned)).ok().map(|device| ("device", device)));
    context.extend(standing.risk.map(|risk| ("risk", text(risk.code()))));
    context.extend(standing.network.as_deref().map(|network| ("network", text(network))));
    sign_in(facts, &mut context);
    context
}

/// When and how the user signed in. What the identity provider says now counts for more than the
/// token; of two moments the older, and one in the future proves nothing: absent.
fn sign_in(facts: &Facts, context: &mut Vec<(&'static str, Value)>) {
    let (then, now) = (&facts.subject, &facts.standing.sign_in);
    let amr = if now.amr.is_empty() { &then.amr } else { &now.amr };
    context.push(("amr", Value::new_set(amr.iter().map(|method| text(method)))));
    let acr = now.acr.as_deref().or(then.acr.as_deref());
    context.extend(acr.map(|acr| ("acr", text(acr))));
    let Some(at) = [then.auth_time, now.at].into_iter().flatten().min() else { return };
    let age = at.seconds_until(facts.now);
    if -LEEWAY <= age {
        context.push(("auth_time", Value::new_long(at.0)));
        context.push(("auth_age", Value::new_long(age.max(0))));
    }
}

fn text(text: &str) -> Value {
    Value::new_string(text.to_owned())
}

fn owned((name, value): (&str, Value)) -> (String, Value) {
    (name.to_owned(), value)
}

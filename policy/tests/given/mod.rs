//! The facts of a scenario, as they are written in TOML. Every name is that of the fact.

use policy::{
    Access, Account, ActorChain, ActorFacts, Confirmation, Denial, Device, Facts, GrantFacts,
    MayAct, Party, Product, Risk, Scope, Session, SignIn, Standing, StepUp, SubjectFacts,
    SubjectKind, TargetFacts, TargetKind, Timestamp,
};
use serde::Deserialize;

/// When every scenario happens.
pub const NOW: Timestamp = Timestamp(1_000_000_000);

const ISSUER: &str = "https://actas.example/o/demo";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Given {
    org: String,
    requested: Option<String>,
    standing: GivenStanding,
    pub chain_limit: usize,
    pub lifetime: u64,
    subject: GivenSubject,
    actor: GivenActor,
    grant: Option<GivenGrant>,
    target: GivenTarget,
    product: String,
    possession: Option<String>,
    must_bind: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct GivenSubject {
    kind: String,
    org: String,
    issuer: String,
    id: String,
    sub: String,
    scope: Option<String>,
    audience: Vec<String>,
    presented_as: Option<String>,
    chain: Vec<String>,
    may_act: Option<GivenMayAct>,
    bound_to: Option<String>,
    expires_in: i64,
    signed_in_age: Option<i64>,
    auth_age: Option<i64>,
    acr: Option<String>,
    amr: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct GivenMayAct {
    issuer: Option<String>,
    id: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct GivenActor {
    client_id: String,
    /// As it stands in `act`; `agent:` and the client id when left out.
    party: Option<String>,
    aliases: Vec<String>,
    ceiling: String,
    expires_in: Option<i64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct GivenGrant {
    id: String,
    scope: String,
    targets: Vec<String>,
    expires_in: Option<i64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct GivenTarget {
    id: String,
    kind: String,
    scope: String,
}

/// Moments are seconds from now; what is left out is unknown.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct GivenStanding {
    account: Option<String>,
    session: Option<String>,
    sessions_valid_from: Option<i64>,
    step_up_before: Option<i64>,
    sign_in: GivenSignIn,
    device: GivenDevice,
    risk: Option<String>,
    access: Option<String>,
    demands: Option<GivenStepUp>,
    network: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct GivenSignIn {
    age: Option<i64>,
    acr: Option<String>,
    amr: Vec<String>,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct GivenDevice {
    compliant: Option<bool>,
    managed: Option<bool>,
}

/// What a user is asked for; in a scenario's outcome too.
#[derive(Debug, Default, Deserialize, PartialEq)]
#[serde(default, deny_unknown_fields)]
pub struct GivenStepUp {
    pub device: bool,
    pub acr_values: Option<String>,
    pub max_age: Option<u64>,
    pub claims: Option<String>,
}

pub fn facts(given: Given) -> Facts {
    Facts {
        org: given.org,
        now: NOW,
        subject: subject(given.subject),
        actor: ActorFacts {
            party: ours(&given.actor.party.unwrap_or(format!("agent:{}", given.actor.client_id))),
            client_id: given.actor.client_id,
            aliases: given.actor.aliases,
            ceiling: scope(&given.actor.ceiling),
            expires_at: given.actor.expires_in.map(from_now),
        },
        grant: given.grant.map(|grant| GrantFacts {
            id: grant.id,
            scope: scope(&grant.scope),
            targets: grant.targets,
            expires_at: grant.expires_in.map(from_now),
        }),
        target: TargetFacts {
            id: given.target.id,
            kind: match given.target.kind.as_str() {
                "resource" => TargetKind::Resource,
                "agent" => TargetKind::Agent,
                "authorization_server" => TargetKind::AuthorizationServer,
                "trust_domain" => TargetKind::TrustDomain,
                "ourselves" => TargetKind::Ourselves,
                other => panic!("`{other}` is no kind of target"),
            },
            scope: scope(&given.target.scope),
        },
        requested: given.requested.as_deref().map(scope),
        standing: standing(given.standing),
        approved: false,
        product: match given.product.as_str() {
            "access_token" => Product::AccessToken,
            "id_jag" => Product::IdJag,
            "jwt" => Product::JwtGrant,
            "transaction_token" => Product::TransactionToken,
            other => panic!("`{other}` is no product"),
        },
        possession: given.possession.as_deref().map(confirmation),
        must_bind: given.must_bind,
    }
}

fn subject(given: GivenSubject) -> SubjectFacts {
    let chain = given.chain.iter().map(|id| ours(id)).collect();
    SubjectFacts {
        kind: match given.kind.as_str() {
            "own" => SubjectKind::Own,
            "access_token" => SubjectKind::AccessToken,
            "id_token" => SubjectKind::IdToken,
            "assertion" => SubjectKind::Assertion,
            "itself" => SubjectKind::Itself,
            other => panic!("`{other}` is no kind of subject"),
        },
        org: given.org,
        user: Party { issuer: given.issuer, id: given.id },
        sub: given.sub,
        scope: given.scope.as_deref().map(scope),
        audience: given.audience,
        presented_as: given.presented_as,
        chain: ActorChain::from_parties(chain).expect("chain"),
        bound_to: given.bound_to.as_deref().map(confirmation),
        may_act: given.may_act.map(|may_act| MayAct { issuer: may_act.issuer, id: may_act.id }),
        expires_at: from_now(given.expires_in),
        signed_in_at: given.signed_in_age.map(|age| from_now(-age)),
        auth_time: given.auth_age.map(|age| from_now(-age)),
        acr: given.acr,
        amr: given.amr,
    }
}

fn standing(given: GivenStanding) -> Standing {
    let GivenSignIn { age, acr, amr } = given.sign_in;
    let GivenDevice { compliant, managed } = given.device;
    Standing {
        account: match given.account.as_deref() {
            None => Account::Unknown,
            Some("active") => Account::Active,
            Some("suspended") => Account::Suspended,
            Some(other) => panic!("`{other}` is no account"),
        },
        session: match given.session.as_deref() {
            None => Session::Unknown,
            Some("live") => Session::Live,
            Some("ended") => Session::Ended,
            Some(other) => panic!("`{other}` is no session"),
        },
        sessions_valid_from: given.sessions_valid_from.map(from_now),
        step_up_before: given.step_up_before.map(from_now),
        sign_in: SignIn { at: age.map(|age| from_now(-age)), acr, amr },
        device: Device { compliant, managed },
        risk: given.risk.map(|risk| match risk.as_str() {
            "low" => Risk::Low,
            "medium" => Risk::Medium,
            "high" => Risk::High,
            other => panic!("`{other}` is no risk"),
        }),
        access: match (given.access.as_deref(), given.demands) {
            (None, None) => Access::Unknown,
            (None, Some(demands)) => Access::Demands(step_up(demands)),
            (Some("allowed"), None) => Access::Allowed,
            (Some("conditional_access"), None) => Access::Denied(Denial::ConditionalAccess),
            (Some("consent"), None) => Access::Denied(Denial::Consent),
            (Some("decision_point"), None) => Access::Denied(Denial::DecisionPoint),
            (Some(other), _) => panic!("`{other}` is no access, or not together with demands"),
        },
        network: given.network,
    }
}

/// `key:…` or `certificate:…`.
fn confirmation(text: &str) -> Confirmation {
    match text.split_once(':') {
        Some(("key", key)) => Confirmation::Key(key.to_owned()),
        Some(("certificate", certificate)) => Confirmation::Certificate(certificate.to_owned()),
        Some(_) | None => panic!("`{text}` is no confirmation"),
    }
}

/// As a scenario writes it.
pub fn confirmed(by: &Confirmation) -> String {
    match by {
        Confirmation::Key(key) => format!("key:{key}"),
        Confirmation::Certificate(certificate) => format!("certificate:{certificate}"),
    }
}

fn step_up(given: GivenStepUp) -> StepUp {
    let GivenStepUp { device, acr_values, max_age, claims } = given;
    StepUp { device, acr_values, max_age, claims }
}

fn ours(id: &str) -> Party {
    Party { issuer: ISSUER.into(), id: id.into() }
}

fn scope(text: &str) -> Scope {
    Scope::parse(text).expect("scope")
}

fn from_now(seconds: i64) -> Timestamp {
    Timestamp(NOW.0 + seconds)
}

//! What the home identity provider says of the user now.

use crate::Timestamp;

/// What is known of a user at the moment of an exchange, from every check that was made and every
/// signal that came in. Each part may be unknown; [`Standing::default`] knows nothing, and nothing
/// is not a yes.
///
/// A provider that does not answer is not a standing: that is a fault of the flow, which ends
/// before anything is decided.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Standing {
    pub account: Account,
    /// The session the user's token came from, or the token itself.
    pub session: Session,
    /// Who signed in before this moment must sign in again.
    pub sessions_valid_from: Option<Timestamp>,
    /// Whoever signed in before this moment must show more, but is not signed out.
    pub step_up_before: Option<Timestamp>,
    pub sign_in: SignIn,
    pub device: Device,
    pub risk: Option<Risk>,
    /// What the provider's conditional access, or an external decision point, said of this use.
    pub access: Access,
    /// A hint at where the user is: what the provider says, as it says it.
    pub network: Option<String>,
}

/// Whether the account may be used at all.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Account {
    #[default]
    Unknown,
    Active,
    /// Disabled, suspended, locked, archived or deleted.
    Suspended,
}

/// Whether the session, or the token, behind a request lives.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Session {
    #[default]
    Unknown,
    Live,
    Ended,
}

/// When and how the user signed in, where the provider says so now.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct SignIn {
    pub at: Option<Timestamp>,
    pub acr: Option<String>,
    pub amr: Vec<String>,
}

/// What is known of the device the user sits at.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Device {
    pub compliant: Option<bool>,
    pub managed: Option<bool>,
}

/// How likely it is that somebody else is at work. CAEP 1.0 §3.8 names these three.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Risk {
    Low,
    Medium,
    High,
}

impl Risk {
    /// The name in policies and in the audit trail.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
        }
    }
}

/// A decision somebody else took about this use.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub enum Access {
    #[default]
    Unknown,
    Allowed,
    /// Yes, once the user has done more.
    Demands(StepUp),
    Denied(Denial),
}

/// Why the provider, or a decision point, says no to a user who otherwise stands.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Denial {
    ConditionalAccess,
    Consent,
    DecisionPoint,
}

/// What the user has to do (RFC 9470 §3).
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct StepUp {
    /// Whether it is the device that has to be put right.
    pub device: bool,
    /// Space-separated, in order of preference.
    pub acr_values: Option<String>,
    /// Seconds since the last sign-in.
    pub max_age: Option<u64>,
    /// The provider's own claims challenge, to be handed back to it as it is.
    pub claims: Option<String>,
}

impl Standing {
    /// Whether anybody who knows the user said yes. A decision point does not know the user.
    #[must_use]
    pub fn vouches(&self) -> bool {
        self.account == Account::Active || self.session == Session::Live
    }

    /// Both at once: of each part the stricter one, and what one does not know as the other says.
    /// Where neither is stricter, the first is heard.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self {
            account: self.account.and(other.account),
            session: self.session.and(other.session),
            sessions_valid_from: self.sessions_valid_from.max(other.sessions_valid_from),
            step_up_before: self.step_up_before.max(other.step_up_before),
            sign_in: self.sign_in.and(other.sign_in),
            device: Device {
                compliant: both(self.device.compliant, other.device.compliant),
                managed: both(self.device.managed, other.device.managed),
            },
            risk: self.risk.max(other.risk),
            access: self.access.and(other.access),
            network: self.network.or(other.network),
        }
    }
}

/// No beats yes, yes beats unknown.
fn both(one: Option<bool>, other: Option<bool>) -> Option<bool> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one && other),
        (one, other) => one.or(other),
    }
}

impl Account {
    /// The name in policies and in the audit trail.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Active => "active",
            Self::Suspended => "suspended",
        }
    }

    const fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Suspended, _) | (_, Self::Suspended) => Self::Suspended,
            (Self::Active, _) | (_, Self::Active) => Self::Active,
            (Self::Unknown, Self::Unknown) => Self::Unknown,
        }
    }
}

impl Session {
    /// The name in policies and in the audit trail.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Live => "live",
            Self::Ended => "ended",
        }
    }

    const fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Ended, _) | (_, Self::Ended) => Self::Ended,
            (Self::Live, _) | (_, Self::Live) => Self::Live,
            (Self::Unknown, Self::Unknown) => Self::Unknown,
        }
    }
}

impl SignIn {
    /// The older sign-in; its methods belong to it.
    fn and(self, other: Self) -> Self {
        match (self.at, other.at) {
            (Some(one), Some(two)) if one < two => self,
            (Some(one), Some(two)) if two < one => other,
            (Some(_), None) => self,
            (None, Some(_)) => other,
            // One sign-in, told twice.
            (Some(_), Some(_)) | (None, None) => {
                let amr = if self.amr.is_empty() { other.amr } else { self.amr };
                Self { at: self.at, acr: self.acr.or(other.acr), amr }
            }
        }
    }
}

impl Access {
    fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Denied(one), Self::Denied(other)) => Self::Denied(one.min(other)),
            (denied @ Self::Denied(_), _) | (_, denied @ Self::Denied(_)) => denied,
            (Self::Demands(one), Self::Demands(other)) => Self::Demands(one.and(other)),
            (demands @ Self::Demands(_), _) | (_, demands @ Self::Demands(_)) => demands,
            (Self::Allowed, _) | (_, Self::Allowed) => Self::Allowed,
            (Self::Unknown, Self::Unknown) => Self::Unknown,
        }
    }
}

impl StepUp {
    /// Everything both ask for. Of two claims challenges the first: only who made it can read it.
    #[must_use]
    pub(crate) fn and(self, other: Self) -> Self {
        let max_age = match (self.max_age, other.max_age) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        };
        Self {
            device: self.device || other.device,
            acr_values: joined(self.acr_values, other.acr_values),
            max_age,
            claims: self.claims.or(other.claims),
        }
    }
}

/// The values of both, each once, in their order.
fn joined(one: Option<String>, other: Option<String>) -> Option<String> {
    match (one, other) {
        (Some(one), Some(other)) => {
            let mut values: Vec<&str> = one.split(' ').collect();
            for value in other.split(' ') {
                if !values.contains(&value) {
                    values.push(value);
                }
            }
            Some(values.join(" "))
        }
        (one, other) => one.or(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sign_in(at: Option<i64>, acr: &str, amr: &[&str]) -> SignIn {
        SignIn {
            at: at.map(Timestamp),
            acr: (!acr.is_empty()).then(|| acr.to_owned()),
            amr: amr.iter().map(|method| (*method).to_owned()).collect(),
        }
    }

    fn demands(acr_values: &str, max_age: Option<u64>) -> Access {
        let acr_values = (!acr_values.is_empty()).then(|| acr_values.to_owned());
        Access::Demands(StepUp { acr_values, max_age, ..StepUp::default() })
    }

    #[test]
    fn nothing_is_not_a_yes() {
        assert!(!Standing::default().vouches());
        assert!(!Standing { access: Access::Allowed, ..Standing::default() }.vouches());
        assert!(Standing { account: Account::Active, ..Standing::default() }.vouches());
        assert!(Standing { session: Session::Live, ..Standing::default() }.vouches());
    }

    #[test]
    fn no_beats_yes_and_yes_beats_unknown() {
        let accounts = [Account::Unknown, Account::Active, Account::Suspended];
        let sessions = [Session::Unknown, Session::Live, Session::Ended];
        let answers = [None, Some(true), Some(false)];
        for one in 0..3 {
            for other in 0..3 {
                let stricter = one.max(other);
                assert_eq!(accounts[one].and(accounts[other]), accounts[stricter]);
                assert_eq!(sessions[one].and(sessions[other]), sessions[stricter]);
                assert_eq!(both(answers[one], answers[other]), answers[stricter]);
            }
        }
    }

    #[test]
    fn the_strictest_access_wins() {
        let ordered = [
            Access::Unknown,
            Access::Allowed,
            demands("mfa", None),
            Access::Denied(Denial::DecisionPoint),
            Access::Denied(Denial::Consent),
            Access::Denied(Denial::ConditionalAccess),
        ];
        for (one, lax) in ordered.iter().enumerate() {
            for strict in ordered.iter().skip(one) {
                assert_eq!(lax.clone().and(strict.clone()), *strict);
                assert_eq!(strict.clone().and(lax.clone()), *strict);
            }
        }
    }

    #[test]
    fn two_demands_are_both_made() {
        let both = demands("b a", Some(60)).and(demands("a c", Some(10)));
        assert_eq!(both, demands("b a c", Some(10)));
        assert_eq!(demands("", None).and(demands("a", Some(5))), demands("a", Some(5)));
        let device = Access::Demands(StepUp { device: true, ..StepUp::default() });
        let Access::Demands(both) = device.and(demands("a", None)) else { panic!("a demand") };
        assert!(both.device && both.acr_values.is_some());
    }

    #[test]
    fn the_highest_risk_and_the_latest_moments_count() {
        let standing = |risk, from: i64, before: i64| Standing {
            risk,
            sessions_valid_from: Some(Timestamp(from)),
            step_up_before: Some(Timestamp(before)),
            ..Standing::default()
        };
        let both = standing(Some(Risk::Medium), 1, 4).and(standing(Some(Risk::Low), 2, 3));
        assert_eq!(both, standing(Some(Risk::Medium), 2, 4));
        assert_eq!(standing(None, 1, 1).and(standing(Some(Risk::Low), 0, 0)).risk, Some(Risk::Low));
    }

    #[test]
    fn the_older_sign_in_counts_with_its_own_methods() {
        let (old, new) = (sign_in(Some(1), "pwd", &[]), sign_in(Some(2), "mfa", &["otp"]));
        assert_eq!(old.clone().and(new.clone()), old);
        assert_eq!(new.clone().and(old.clone()), old);
        assert_eq!(sign_in(None, "mfa", &["otp"]).and(old.clone()), old);
    }

    #[test]
    fn one_sign_in_told_twice_is_told_in_full() {
        let (acr, amr) = (sign_in(Some(1), "mfa", &[]), sign_in(Some(1), "", &["otp"]));
        assert_eq!(acr.and(amr), sign_in(Some(1), "mfa", &["otp"]));
        let (acr, amr) = (sign_in(None, "mfa", &[]), sign_in(None, "pwd", &["otp"]));
        assert_eq!(acr.and(amr), sign_in(None, "mfa", &["otp"]));
    }
}

//! Operators of an organization: who may look and act by the admin API.

use keys::SecretHash;

use crate::org::Org;

/// An operator, as declared.
#[derive(Debug)]
pub struct Operator {
    pub id: String,
    pub powers: Vec<Power>,
    pub secrets: Vec<SecretHash>,
}

/// What an operator may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Power {
    /// Read and follow the audit trail.
    Audit,
    /// End anything, and let what was stopped go on.
    Revoke,
    /// Look at the signing keys and rotate them.
    Keys,
}

impl Power {
    pub const ALL: [Self; 3] = [Self::Audit, Self::Revoke, Self::Keys];

    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Audit => "audit",
            Self::Revoke => "revoke",
            Self::Keys => "keys",
        }
    }

    #[must_use]
    pub fn read(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|power| power.code() == code)
    }
}

/// An operator that proved itself and may do what `power` says. Only [`authorize`] makes one.
#[derive(Debug)]
#[must_use]
pub struct Authorized<'a> {
    operator: &'a Operator,
    power: Power,
}

impl Authorized<'_> {
    /// The operator's id, for the audit trail.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.operator.id
    }

    #[must_use]
    pub const fn power(&self) -> Power {
        self.power
    }
}

/// Why an operator is not let in.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OperatorFault {
    #[error("no bearer token, or one that is nobody's")]
    Unknown,
    #[error("operator `{operator}` has not the power `{}`", power.code())]
    Powerless { operator: String, power: Power },
}

/// Lets the operator in to whom this bearer token was given, if they may do what `power` says.
///
/// # Errors
///
/// [`OperatorFault`].
pub fn authorize<'a>(
    org: &'a Org,
    bearer: Option<&str>,
    power: Power,
) -> Result<Authorized<'a>, OperatorFault> {
    let presented = org.master.hash_secret(bearer.ok_or(OperatorFault::Unknown)?);
    // No early exit: how many were compared must not show.
    let found = org.operators.iter().fold(None, |found, operator| {
        let fits = operator.secrets.iter().fold(false, |any, kept| kept.matches(&presented) | any);
        if fits { Some(&**operator) } else { found }
    });
    let operator = found.ok_or(OperatorFault::Unknown)?;
    if operator.powers.contains(&power) {
        Ok(Authorized { operator, power })
    } else {
        Err(OperatorFault::Powerless { operator: operator.id.clone(), power })
    }
}

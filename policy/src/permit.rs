use crate::{ActorChain, Confirmation, Party, Product, Scope, Timestamp};

/// Proof that [`decide`](crate::decide) said yes: to whom, for what, where and until when.
///
/// Whoever holds one may read which policies decided, and spend it:
///
/// ```
/// fn spend(permit: policy::Permit) -> (Vec<String>, policy::Terms) {
///     (permit.policies().to_vec(), permit.spend())
/// }
/// ```
///
/// It cannot be forged, because only this crate can name its parts:
///
/// ```compile_fail,E0451
/// fn forge(terms: Box<policy::Terms>) -> policy::Permit {
///     policy::Permit { terms, policies: Vec::new() }
/// }
/// ```
///
/// It cannot be spent twice, so one decision mints one token:
///
/// ```compile_fail,E0382
/// fn twice(permit: policy::Permit) -> (policy::Terms, policy::Terms) {
///     (permit.spend(), permit.spend())
/// }
/// ```
///
/// It cannot be copied before it is spent:
///
/// ```compile_fail,E0599
/// fn copy(permit: policy::Permit) -> (policy::Terms, policy::Terms) {
///     (permit.clone().spend(), permit.spend())
/// }
/// ```
///
/// Its terms cannot be read, or changed, without spending it:
///
/// ```compile_fail,E0616
/// fn widen(permit: &mut policy::Permit, scope: policy::Scope) {
///     permit.terms.scope = scope;
/// }
/// ```
#[derive(Debug)]
#[must_use]
pub struct Permit {
    terms: Box<Terms>,
    policies: Vec<String>,
}

impl Permit {
    pub(crate) fn new(terms: Terms, policies: Vec<String>) -> Self {
        Self { terms: Box::new(terms), policies }
    }

    /// Gives the terms and ends the permit.
    #[must_use]
    pub fn spend(self) -> Terms {
        *self.terms
    }

    /// Ids of the organization's policies that permitted, or took scope away; sorted.
    /// Empty when it has none.
    #[must_use]
    pub fn policies(&self) -> &[String] {
        &self.policies
    }
}

/// All that minting may put into a token: it reads nothing else.
#[derive(Debug, Eq, PartialEq)]
pub struct Terms {
    pub org: String,
    /// The user's name in our tokens.
    pub sub: String,
    /// The user at the home identity provider.
    pub user: Party,
    /// The agent the token is issued to.
    pub client_id: String,
    /// The one target.
    pub audience: String,
    pub scope: Scope,
    pub product: Product,
    /// The new chain, the agent as current actor first. Empty only of a client that acts for itself.
    pub chain: ActorChain,
    /// The key the token is bound to: the presenter's, never the subject token's.
    pub bound_to: Option<Confirmation>,
    pub expires_at: Timestamp,
    pub auth_time: Option<Timestamp>,
    pub acr: Option<String>,
    pub amr: Vec<String>,
    /// The id of the grant the token hangs on.
    pub grant: String,
}

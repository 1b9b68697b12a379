//! What the clients of an organization are registered for, all together.

use std::collections::BTreeSet;

use delegation::{
    client::Client,
    declared::{GrantType, Method},
};
use keys::Algorithm;

#[derive(Debug)]
pub(super) struct Clients {
    methods: BTreeSet<Method>,
    grants: BTreeSet<GrantType>,
    /// Of proofs.
    algorithms: Vec<Algorithm>,
    /// Of assertions.
    assertions: Vec<Algorithm>,
}

impl Clients {
    /// Those that are not disabled. A certificate is no way to authenticate where none can arrive.
    pub(super) fn of<'a>(
        clients: impl Iterator<Item = &'a Client>,
        asks_for_certificates: bool,
    ) -> Self {
        let clients: Vec<_> = clients.filter(|client| !client.disabled).collect();
        let methods = clients.iter().flat_map(|client| client.methods.iter().copied());
        let is_possible = |method: &Method| asks_for_certificates || !needs_certificate(*method);
        let signing = |client: &&&Client| client.methods.iter().any(|method| is_signed(*method));
        Self {
            methods: methods.filter(is_possible).collect(),
            grants: clients.iter().flat_map(|client| client.grants.iter().copied()).collect(),
            algorithms: algorithms(clients.iter().copied()),
            assertions: algorithms(clients.iter().filter(signing).copied()),
        }
    }

    /// Both.
    pub(super) fn and(&self, other: &Self) -> Self {
        let both = |one: &[Algorithm], other: &[Algorithm]| {
            let is_of_one = |it: &Algorithm| one.contains(it) || other.contains(it);
            Algorithm::ALL.into_iter().filter(is_of_one).collect()
        };
        Self {
            methods: self.methods.union(&other.methods).copied().collect(),
            grants: self.grants.union(&other.grants).copied().collect(),
            algorithms: both(&self.algorithms, &other.algorithms),
            assertions: both(&self.assertions, &other.assertions),
        }
    }

    /// By their registered names. Nobody yet means what an agent gets that declares nothing.
    pub(super) fn methods(&self) -> Vec<&'static str> {
        if self.methods.is_empty() {
            return [Method::ClientSecretBasic, Method::ClientSecretPost].map(Method::code).into();
        }
        let named: BTreeSet<_> = self.methods.iter().copied().map(registered_name).collect();
        named.into_iter().collect()
    }

    pub(super) fn grants(&self) -> Vec<&'static str> {
        self.grants.iter().copied().map(GrantType::uri).collect()
    }

    pub(super) fn algorithms(&self) -> Vec<String> {
        self.algorithms.iter().map(ToString::to_string).collect()
    }

    /// RFC 8414 §2: present where `private_key_jwt` is.
    pub(super) fn assertion_algorithms(&self) -> Vec<String> {
        self.assertions.iter().map(ToString::to_string).collect()
    }
}

fn algorithms<'a>(clients: impl Iterator<Item = &'a Client>) -> Vec<Algorithm> {
    let used: Vec<_> = clients.flat_map(|client| client.algorithms.iter().copied()).collect();
    Algorithm::ALL.into_iter().filter(|algorithm| used.contains(algorithm)).collect()
}

const fn needs_certificate(method: Method) -> bool {
    match method {
        Method::TlsClientAuth | Method::SelfSignedTlsClientAuth | Method::SpiffeX509 => true,
        Method::ClientSecretBasic
        | Method::ClientSecretPost
        | Method::PrivateKeyJwt
        | Method::WorkloadIdentity
        | Method::SpiffeJwt
        | Method::AttestJwtClientAuth => false,
    }
}

const fn is_signed(method: Method) -> bool {
    match method {
        Method::PrivateKeyJwt | Method::WorkloadIdentity | Method::SpiffeJwt => true,
        Method::ClientSecretBasic
        | Method::ClientSecretPost
        | Method::TlsClientAuth
        | Method::SelfSignedTlsClientAuth
        | Method::SpiffeX509
        | Method::AttestJwtClientAuth => false,
    }
}

/// On the wire, a platform's token is a client assertion like the client's own (RFC 7523 §2.2).
const fn registered_name(method: Method) -> &'static str {
    match method {
        Method::PrivateKeyJwt | Method::WorkloadIdentity => Method::PrivateKeyJwt.code(),
        Method::ClientSecretBasic
        | Method::ClientSecretPost
        | Method::TlsClientAuth
        | Method::SelfSignedTlsClientAuth
        | Method::SpiffeJwt
        | Method::SpiffeX509
        | Method::AttestJwtClientAuth => method.code(),
    }
}

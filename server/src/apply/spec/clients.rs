//! Clients and where they may go, as written.

use std::{collections::BTreeMap, net::IpAddr, path::PathBuf};

use serde::Deserialize;
use toml::Table;

/// An entry that is a client, or has one: its own settings, and those that every client has. In one
/// struct, since an unknown setting could not be told of in a flattened one.
macro_rules! client_entry {
    ($(#[$meta:meta])* $entry:ident { $($own:tt)* }) => {
        $(#[$meta])*
        #[derive(Debug, Deserialize)]
        #[serde(deny_unknown_fields)]
        pub struct $entry {
            $($own)*
            pub auth_methods: Option<Vec<String>>,
            pub jwks: Option<Table>,
            pub jwks_file: Option<PathBuf>,
            pub jwks_uri: Option<String>,
            pub signing_algorithms: Option<Vec<String>>,
            pub legacy_token_endpoint_audience: Option<bool>,
            pub tls_client_auth_subject_dn: Option<String>,
            pub tls_client_auth_san_dns: Option<String>,
            pub tls_client_auth_san_uri: Option<String>,
            pub tls_client_auth_san_ip: Option<IpAddr>,
            pub tls_client_auth_san_email: Option<String>,
            pub workloads: Option<Vec<WorkloadEntry>>,
            pub spiffe_id: Option<String>,
            pub attester: Option<String>,
            pub dpop_bound_access_tokens: Option<bool>,
            pub tls_client_certificate_bound_access_tokens: Option<bool>,
            pub grant_types: Option<Vec<String>>,
        }

        impl $entry {
            /// What every client has.
            pub(in crate::apply) fn client(&self) -> ClientEntry {
                ClientEntry {
                    auth_methods: self.auth_methods.clone(),
                    jwks: JwksEntry {
                        jwks: self.jwks.clone(),
                        jwks_file: self.jwks_file.clone(),
                        jwks_uri: self.jwks_uri.clone(),
                    },
                    signing_algorithms: self.signing_algorithms.clone(),
                    legacy_token_endpoint_audience: self.legacy_token_endpoint_audience,
                    tls_client_auth_subject_dn: self.tls_client_auth_subject_dn.clone(),
                    tls_client_auth_san_dns: self.tls_client_auth_san_dns.clone(),
                    tls_client_auth_san_uri: self.tls_client_auth_san_uri.clone(),
                    tls_client_auth_san_ip: self.tls_client_auth_san_ip,
                    tls_client_auth_san_email: self.tls_client_auth_san_email.clone(),
                    workloads: self.workloads.clone(),
                    spiffe_id: self.spiffe_id.clone(),
                    attester: self.attester.clone(),
                    dpop_bound_access_tokens: self.dpop_bound_access_tokens,
                    tls_client_certificate_bound_access_tokens:
                        self.tls_client_certificate_bound_access_tokens,
                    grant_types: self.grant_types.clone(),
                }
            }
        }
    };
}

client_entry!(AgentEntry {
    pub id: String,
    pub name: Option<String>,
    pub scope: String,
    #[serde(default)]
    pub aliases: Vec<String>,
    #[serde(default)]
    pub disabled: bool,
});

client_entry!(
    /// A client that acts for itself, on what the organization grants it here.
    ServiceAccountEntry {
        pub id: String,
        pub name: Option<String>,
        pub purpose: String,
        pub scope: String,
        pub targets: Vec<String>,
        #[serde(default)]
        pub disabled: bool,
    }
);

client_entry!(ResourceEntry {
    pub id: String,
    pub name: Option<String>,
    pub scope: String,
    /// Its own, at our introspection endpoint.
    pub client_id: Option<String>,
    #[serde(default)]
    pub status_list: bool,
});

/// How a client proves who it is, and what it may ask for.
#[derive(Debug)]
pub struct ClientEntry {
    pub auth_methods: Option<Vec<String>>,
    pub jwks: JwksEntry,
    pub signing_algorithms: Option<Vec<String>>,
    pub legacy_token_endpoint_audience: Option<bool>,
    pub tls_client_auth_subject_dn: Option<String>,
    pub tls_client_auth_san_dns: Option<String>,
    pub tls_client_auth_san_uri: Option<String>,
    pub tls_client_auth_san_ip: Option<IpAddr>,
    pub tls_client_auth_san_email: Option<String>,
    pub workloads: Option<Vec<WorkloadEntry>>,
    pub spiffe_id: Option<String>,
    pub attester: Option<String>,
    pub dpop_bound_access_tokens: Option<bool>,
    pub tls_client_certificate_bound_access_tokens: Option<bool>,
    pub grant_types: Option<Vec<String>>,
}

/// Where keys are.
#[derive(Debug)]
pub struct JwksEntry {
    pub jwks: Option<Table>,
    pub jwks_file: Option<PathBuf>,
    pub jwks_uri: Option<String>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WorkloadEntry {
    pub issuer: String,
    pub subject: String,
    pub audience: String,
}

/// The authorization server of another domain.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServerEntry {
    pub id: String,
    pub name: Option<String>,
    pub scope: String,
    #[serde(default)]
    pub resources: Vec<String>,
    #[serde(default)]
    pub clients: BTreeMap<String, String>,
}

impl ClientEntry {
    /// The names of the settings that are there.
    pub(in crate::apply) fn given(&self) -> Vec<&'static str> {
        let all = [
            ("auth_methods", self.auth_methods.is_some()),
            ("jwks", self.jwks.jwks.is_some()),
            ("jwks_file", self.jwks.jwks_file.is_some()),
            ("jwks_uri", self.jwks.jwks_uri.is_some()),
            ("signing_algorithms", self.signing_algorithms.is_some()),
            ("legacy_token_endpoint_audience", self.legacy_token_endpoint_audience.is_some()),
            ("tls_client_auth_subject_dn", self.tls_client_auth_subject_dn.is_some()),
            ("tls_client_auth_san_dns", self.tls_client_auth_san_dns.is_some()),
            ("tls_client_auth_san_uri", self.tls_client_auth_san_uri.is_some()),
            ("tls_client_auth_san_ip", self.tls_client_auth_san_ip.is_some()),
            ("tls_client_auth_san_email", self.tls_client_auth_san_email.is_some()),
            ("workloads", self.workloads.is_some()),
            ("spiffe_id", self.spiffe_id.is_some()),
            ("attester", self.attester.is_some()),
            ("dpop_bound_access_tokens", self.dpop_bound_access_tokens.is_some()),
            (
                "tls_client_certificate_bound_access_tokens",
                self.tls_client_certificate_bound_access_tokens.is_some(),
            ),
            ("grant_types", self.grant_types.is_some()),
        ];
        all.into_iter().filter_map(|(name, given)| given.then_some(name)).collect()
    }
}

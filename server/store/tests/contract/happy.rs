//! What the happy org consists of.

use std::time::Duration;

use delegation::{
    declared::{
        Agent, Authentication, Connection, DeclaredGrant, Options, Resource, Settings, TokenRules,
    },
    names::{Kind as Name, Names},
};
use policy::Scope;

use crate::fixture::GRANT;

pub fn scope(text: &str) -> Scope {
    Scope::parse(text).unwrap()
}

pub fn settings() -> Settings {
    Settings {
        name: "Acme".to_owned(),
        algorithm: "ES256".to_owned(),
        chain_limit: 5,
        lifetime: Duration::from_mins(5),
        default_target: None,
        key_rotation: Duration::from_hours(24),
        audit_retention: Duration::from_hours(24),
        options: Options::default(),
    }
}

pub fn connection() -> Connection {
    Connection {
        id: "home".to_owned(),
        issuer: "https://idp.example".to_owned(),
        client_id: "actas".to_owned(),
        client_secret: b"sealed".to_vec(),
        audiences: vec!["https://actas.example".to_owned(), "api".to_owned()],
        algorithms: vec!["RS256".to_owned()],
        kinds: vec!["access_token".to_owned()],
        subject_prefix: String::new(),
        untyped_access_tokens: false,
        max_age: 0,
        reconnect_uri: None,
        acr_values: None,
        checks: b"sealed checks".to_vec(),
        signals: b"sealed signals".to_vec(),
        streams: vec![],
        tokens: TokenRules::default(),
    }
}

/// The names the happy user's token gives.
pub fn names() -> Names {
    Names::default()
        .with(Name::Subject, Some("alice"))
        .with(Name::Email, Some("alice@example.com"))
        .with(Name::Session, Some("s-1"))
        .with(Name::Token, Some("t-1"))
        .with(Name::Device, Some("d-1"))
}

pub fn agent(id: &str) -> Agent {
    Agent {
        id: id.to_owned(),
        name: id.to_owned(),
        scope: scope("documents:read documents:write"),
        aliases: vec![format!("{id}-at-idp")],
        disabled: false,
        secrets: vec![[1; 32]],
        authentication: Authentication::default(),
        purpose: None,
    }
}

pub fn resource() -> Resource {
    Resource {
        id: "https://documents.example".to_owned(),
        name: "Documents".to_owned(),
        scope: scope("documents:read documents:write"),
        client_id: None,
        secrets: vec![],
        status: false,
        authentication: Authentication::default(),
        abroad: None,
    }
}

pub fn grant() -> DeclaredGrant {
    DeclaredGrant {
        id: GRANT.to_owned(),
        connection: "home".to_owned(),
        user: "alice".to_owned(),
        agent: "orchestrator".to_owned(),
        scope: scope("documents:read documents:write"),
        targets: vec!["researcher".to_owned(), "https://documents.example".to_owned()],
        expires_at: None,
    }
}

//! The scene of `conformance/README.md` as a table: who may have what.

use conformance::{CALENDAR, DOCUMENTS, PARTNER, TRUST_DOMAIN};

/// At most so much for this agent or service account of an organization.
pub fn client_scope(org: &str, client: &str) -> Vec<&'static str> {
    let scope = match (org, client) {
        ("demo", "orchestrator") => "documents:read documents:write calendar:read chat:read",
        ("demo", "signer" | "fapi") => "documents:read documents:write calendar:read",
        ("demo", "researcher") | ("other", "orchestrator") => "documents:read documents:write",
        ("demo", _) | ("other", "researcher") => "documents:read",
        _ => "",
    };
    scope.split(' ').filter(|word| !word.is_empty()).collect()
}

/// What this user lets this agent, and everybody it hands on to, have: scope and targets.
pub fn grant(org: &str, user: &str, agent: &str) -> Option<(Vec<&'static str>, Vec<&'static str>)> {
    let everything = ["documents:read", "documents:write", "calendar:read"];
    let both = [DOCUMENTS, CALENDAR];
    Some(match (org, user, agent) {
        ("demo", "alice", "orchestrator") => {
            let agents =
                ["researcher", "archivist", "orchestrator", "other-agent", "signer", "fapi"];
            let abroad = [PARTNER, TRUST_DOMAIN];
            ([&everything[..], &["chat:read"]].concat(), [&agents[..], &both, &abroad].concat())
        }
        ("demo", "alice", "signer") => {
            (everything.into(), [&["researcher", "fapi"][..], &both].concat())
        }
        ("demo", "alice", "fapi") => {
            (everything.into(), [&["researcher", "signer"][..], &both].concat())
        }
        ("demo", "bob", "orchestrator") | ("other", "alice", "researcher") => {
            (vec!["documents:read"], vec![DOCUMENTS])
        }
        ("other", "alice", "orchestrator") => {
            (vec!["documents:read", "documents:write"], vec!["researcher", DOCUMENTS])
        }
        _ => return None,
    })
}

/// Who may use which grant type besides token exchange.
pub fn may(client: &str, grant_type: &str) -> bool {
    let every = ["orchestrator", "signer", "fapi"].contains(&client);
    match grant_type {
        conformance::TOKEN_EXCHANGE => {
            every || ["researcher", "archivist", "other-agent"].contains(&client)
        }
        conformance::JWT_BEARER => every,
        conformance::CLIENT_CREDENTIALS => {
            let own = ["nightly", "fapi-service", "veteran", "pipeline", "sidecar", "device"];
            every || own.contains(&client)
        }
        _ => false,
    }
}

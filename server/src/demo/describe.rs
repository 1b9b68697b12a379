//! What stands where, and who is who: for people and for other programs.

use serde_json::json;

use super::stage::{REDIRECT_URI, Stage, USERS};

/// For programs: conformance tests and other people's clients read this.
pub(super) fn json(stage: &Stage) -> String {
    let agents: Vec<_> = stage
        .secrets
        .iter()
        .map(|(id, secret)| json!({ "client_id": id, "client_secret": secret }))
        .collect();
    let users: Vec<_> =
        USERS.iter().map(|(sub, password)| json!({ "sub": sub, "password": password })).collect();
    let idp = &stage.idp;
    let described = json!({
        "issuer": stage.issuer(),
        "token_endpoint": stage.token_endpoint(),
        "jwks_uri": stage.jwks_uri(),
        "other_org": {
            "issuer": stage.other_issuer(),
            "token_endpoint": format!("{}/oauth/token", stage.other_issuer()),
            "agents": stage.other_secrets.iter()
                .map(|(id, secret)| json!({ "client_id": id, "client_secret": secret }))
                .collect::<Vec<_>>(),
        },
        "idp": {
            "issuer": idp,
            "authorization_endpoint": format!("{idp}/authorize"),
            "token_endpoint": format!("{idp}/token"),
            "introspection_endpoint": format!("{idp}/introspect"),
            "jwks_uri": format!("{idp}/jwks"),
            "client_id": super::stage::IDP_APP.0,
            "client_secret": super::stage::IDP_APP.1,
            "redirect_uri": REDIRECT_URI,
            "control": format!("{idp}/control"),
        },
        "users": users,
        "agents": agents,
        "resources": [
            { "id": "https://documents.demo.example", "scopes": "documents:read documents:write" },
            { "id": "https://calendar.demo.example", "scopes": "calendar:read" },
        ],
        "api": format!("{}/documents", stage.api),
    });
    format!("{described:#}")
}

/// For people.
pub(super) fn text(stage: &Stage) -> String {
    let mut text = format!(
        "actas demo is running; stop it with Ctrl-C.\n\n\
         issuer             {}\n\
         token endpoint     {}\n\
         JWKS               {}\n\
         metrics            {}/metrics\n\
         identity provider  {}   (sign in at {}/authorize)\n\
         protected API      {}/documents\n\nusers\n",
        stage.issuer(),
        stage.token_endpoint(),
        stage.jwks_uri(),
        stage.origin,
        stage.idp,
        stage.idp,
        stage.api,
    );
    for (user, password) in USERS {
        text.push_str(&format!("  {user:<14} password {password}\n"));
    }
    text.push_str("agents\n");
    for (id, secret) in &stage.secrets {
        text.push_str(&format!("  {id:<14} secret   {secret}\n"));
    }
    text
}

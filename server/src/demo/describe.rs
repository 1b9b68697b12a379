//! What stands where, and who is who: for people and for other programs.

use serde_json::{Value, json};

use super::stage::{ADMIN, Org, REDIRECT_URI, Stage, USERS};
use crate::http::{INTROSPECT, JWKS, REVOKE, TOKEN};

/// For programs: conformance tests and other people's clients read this.
pub(super) fn json(stage: &Stage) -> String {
    let users: Vec<_> =
        USERS.iter().map(|(sub, password)| json!({ "sub": sub, "password": password })).collect();
    let idp = &stage.idp;
    let mut described = org(&stage.org);
    let rest = json!({
        "other_org": org(&stage.other),
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
        "resources": [
            { "id": "https://documents.demo.example", "scopes": "documents:read documents:write" },
            { "id": "https://calendar.demo.example", "scopes": "calendar:read" },
        ],
        "api": format!("{}/documents", stage.api),
        "database": stage.database,
        "keys": stage.client_keys,
        "platforms": stage.platform_keys,
    });
    if let (Value::Object(described), Value::Object(rest)) = (&mut described, rest) {
        described.extend(rest);
    }
    format!("{described:#}")
}

fn org(org: &Org) -> Value {
    let agents: Vec<_> = org
        .agents
        .iter()
        .map(|(id, secret)| json!({ "client_id": id, "client_secret": secret }))
        .collect();
    let resource_servers: Vec<_> = org
        .resource_servers
        .iter()
        .map(|server| {
            json!({
                "resource": server.resource,
                "client_id": server.client_id,
                "client_secret": server.secret,
            })
        })
        .collect();
    let operator = org.operator.as_ref().map(|(id, token)| json!({ "id": id, "token": token }));
    json!({
        "issuer": org.issuer,
        "token_endpoint": org.at(TOKEN),
        "jwks_uri": org.at(JWKS),
        "introspection_endpoint": org.at(INTROSPECT),
        "revocation_endpoint": org.at(REVOKE),
        "admin": org.at(ADMIN),
        "agents": agents,
        "resource_servers": resource_servers,
        "operator": operator,
    })
}

/// For people.
pub(super) fn text(stage: &Stage) -> String {
    let org = &stage.org;
    let mut text = format!(
        "actas demo is running; stop it with Ctrl-C.\n\n\
         issuer             {}\n\
         token endpoint     {}\n\
         introspection      {}\n\
         revocation         {}\n\
         admin API          {}/…\n\
         JWKS               {}\n\
         metrics            {}/metrics\n\
         identity provider  {}   (sign in at {}/authorize)\n\
         protected API      {}/documents\n\nusers\n",
        org.issuer,
        org.at(TOKEN),
        org.at(INTROSPECT),
        org.at(REVOKE),
        org.at(ADMIN),
        org.at(JWKS),
        stage.origin,
        stage.idp,
        stage.idp,
        stage.api,
    );
    for (user, password) in USERS {
        text.push_str(&format!("  {user:<14} password {password}\n"));
    }
    text.push_str("agents\n");
    for (id, secret) in &org.agents {
        text.push_str(&format!("  {id:<14} secret   {secret}\n"));
    }
    for id in stage.client_keys.keys() {
        text.push_str(&format!("  {id:<14} no secret: its private keys are in the description\n"));
    }
    text.push_str("resource servers, for introspection\n");
    for server in &org.resource_servers {
        text.push_str(&format!("  {:<14} secret   {}\n", server.client_id, server.secret));
    }
    text.push_str("operator, for the admin API\n");
    if let Some((id, token)) = &org.operator {
        text.push_str(&format!("  {id:<14} token    {token}\n"));
    }
    text
}

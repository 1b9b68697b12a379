//! What a token must be, judged by what was sent and by what the scene declares, not by the server.

mod caller;

use std::collections::BTreeMap;

use conformance::{
    ACCESS_TOKEN, CLIENT_CREDENTIALS, DOCUMENTS, ID_TOKEN, JWT, JWT_BEARER, Jwt, Reply,
    TOKEN_EXCHANGE, TRUST_DOMAIN,
};
use serde_json::{Value, json};

use self::caller::{caller, proved};
use super::{
    declared::{client_scope, grant, may},
    scene::Scene,
    sent::{Sent, Token},
};

/// Clocks may differ, and the server's leeway is a minute.
const LEEWAY: i64 = 65;
const LONGEST_LIFETIME: i64 = 305;

/// By which anything is signed here.
const ALGORITHMS: [&str; 5] = ["ES256", "EdDSA", "Ed25519", "RS256", "PS256"];

type Form = BTreeMap<String, Vec<String>>;

/// What was issued, for the audit trail.
#[derive(Clone, Debug)]
pub struct Issued {
    pub id: Option<String>,
    pub client: String,
    pub subject: String,
    pub actors: Vec<String>,
    pub scope: String,
}

/// Whom a token is about, and what it lets do.
struct Subject {
    token: Token,
    user: String,
    /// Agents that have acted, the current one first; empty for a provider's token.
    actors: Vec<String>,
    /// Nothing: whatever the grant says.
    scope: Option<Vec<String>>,
}

/// Judges a reply of 200 from a token endpoint.
///
/// # Errors
///
/// Why it should have been none.
pub fn judge(scene: &Scene, sent: &Sent, reply: &Reply) -> Result<Issued, String> {
    let org = match sent.path.as_str() {
        "/o/demo/oauth/token" => "demo",
        "/o/other/oauth/token" => "other",
        path => return Err(format!("`{path}` is no token endpoint")),
    };
    need(sent.method == "POST", "a token for something else than a POST")?;
    let media = sent.one("content-type")?.unwrap_or_default().to_ascii_lowercase();
    need(media.starts_with("application/x-www-form-urlencoded"), "a token for no form")?;
    let form = sent.form().ok_or("a token for a form that cannot be read")?;
    for (name, values) in &form {
        let may_repeat = ["resource", "audience"].contains(&name.as_str()) || !known(name);
        need(may_repeat || values.len() == 1, &format!("`{name}` was repeated"))?;
    }
    let client = caller(scene, (org, sent), &form)?;
    let grant_type = one(&form, "grant_type").ok_or("no grant type")?;
    need(may(&client, grant_type), "a grant type that this client may not use")?;
    let Value::Object(body) = reply.json() else { return Err("no object".to_owned()) };
    let text = body.get("access_token").and_then(Value::as_str).ok_or("no token")?;
    let token = Token::read(text).ok_or("the token is none")?;
    let (issuer, keys) = ours(scene, org);
    need(Jwt::read(text).is_signed_by(keys), "not signed by the organization")?;
    need(token.text("iss") == Some(issuer), "`iss` is not the organization's")?;
    let left = token.seconds("exp").unwrap_or(i64::MAX) - conformance::now();
    need((1..=LONGEST_LIFETIME).contains(&left), "it lives too long, or not at all")?;
    let asked = one(&form, "requested_token_type").unwrap_or(ACCESS_TOKEN);
    need(body.get("issued_token_type") == Some(&json!(asked)), "not the type that was asked for")?;
    need(!body.contains_key("refresh_token"), "a refresh token")?;
    let scope = words(body.get("scope").and_then(Value::as_str).ok_or("no scope told")?);
    let says = token.text("scope").map(words);
    need(says.is_none_or(|says| says == scope), "two scopes")?;
    let within = |limit: &[&str]| scope.iter().all(|word| limit.contains(&word.as_str()));
    need(within(&client_scope(org, &client)), "more than the client may")?;
    let is_dialect = form.contains_key("requested_token_use");
    if let (Some(requested), false) = (one(&form, "scope"), is_dialect) {
        need(within(&requested.split(' ').collect::<Vec<_>>()), "more than was requested")?;
    }
    let bound = proved(scene, (org, sent))?;
    if asked == ACCESS_TOKEN {
        need(token.typ() == "at+jwt", "an access token of another type")?;
        need(token.text("org_id") == Some(org), "`org_id` is another organization's")?;
        need(token.text("client_id") == Some(&client), "`client_id` is another client's")?;
        let jkt = token.claims.get("cnf").and_then(|cnf| cnf.get("jkt")).and_then(Value::as_str);
        need(jkt == bound.as_deref(), "bound to another key than the one that was proved")?;
        let must = ["fapi", "fapi-service"].contains(&client.as_str());
        need(!must || jkt.is_some(), "not bound, of a client whose tokens are")?;
    }
    let judged = Judged { scene, org, client: &client, form: &form, token: &token, asked };
    let (subject, actors) = if grant_type == CLIENT_CREDENTIALS {
        judged.own()?
    } else {
        judged.delegated(&scope, bound.is_some())?
    };
    Ok(Issued {
        id: token.text("jti").map(str::to_owned),
        client,
        subject,
        actors,
        scope: scope.join(" "),
    })
}

struct Judged<'a> {
    scene: &'a Scene,
    org: &'a str,
    client: &'a str,
    form: &'a Form,
    token: &'a Token,
    asked: &'a str,
}

impl Judged<'_> {
    /// A client's own token: nobody acts for anybody.
    fn own(&self) -> Result<(String, Vec<String>), String> {
        let is_service = conformance::grant::is_service(self.client);
        let kind = if is_service { "service" } else { "agent" };
        let subject = format!("{kind}:{}", self.client);
        need(self.token.text("sub") == Some(&subject), "a client's token about somebody else")?;
        need(!self.token.claims.contains_key("act"), "somebody acts in a client's own token")?;
        if is_service {
            need(self.token.is_for(&[DOCUMENTS]), "not for the declared target")?;
        }
        Ok((subject, Vec::new()))
    }

    fn delegated(&self, scope: &[String], is_bound: bool) -> Result<(String, Vec<String>), String> {
        let subject = self.subject()?;
        let exp = |token: &Token| token.seconds("exp");
        need(exp(self.token) <= exp(&subject.token), "it outlives its subject token")?;
        let audience = self.token.text("aud").ok_or("`aud` is not one target")?;
        let named = self.targets();
        need(named.is_empty() || named == [normal(audience)], "not for the one target asked for")?;
        let mut actors = subject.actors.clone();
        // Who exchanges a token of its own acts once.
        if actors.first().map(String::as_str) != Some(self.client) {
            actors.insert(0, self.client.to_owned());
        }
        need(actors.len() <= 3, "a chain that is too long")?;
        let first = actors.last().cloned().unwrap_or_default();
        let granted = grant(self.org, &subject.user, &first);
        let (limit, targets) = granted.ok_or("nobody has granted that")?;
        let within = |limit: &[&str]| scope.iter().all(|word| limit.contains(&word.as_str()));
        need(within(&limit), "more than the user granted")?;
        need(targets.contains(&audience), "a target that was not granted")?;
        if let Some(had) = &subject.scope {
            need(scope.iter().all(|word| had.contains(word)), "more than the subject token had")?;
        }
        let sub = subject.user;
        if self.asked == ACCESS_TOKEN {
            need(self.token.text("sub") == Some(&sub), "another subject")?;
            need(
                acts(self.token)? == actors,
                "another chain than the subject token's and the client",
            )?;
            let was_bound = subject.token.claims.contains_key("cnf");
            need(is_bound || !was_bound, "a bound token became a bearer token")?;
        }
        Ok((sub, actors))
    }

    fn targets(&self) -> Vec<String> {
        let all = |name: &str| self.form.get(name).into_iter().flatten().map(String::as_str);
        // An assertion for another domain is for its authorization server, whatever it leads to.
        let is_abroad = [conformance::ID_JAG, JWT].contains(&self.asked);
        let resources = all("resource").filter(|_| !is_abroad);
        let mut named: Vec<String> = resources.chain(all("audience")).map(normal).collect();
        named.dedup();
        named
    }

    /// The token that was presented, verified once more.
    fn subject(&self) -> Result<Subject, String> {
        let grant_type = one(self.form, "grant_type").unwrap_or_default();
        let name = if grant_type == TOKEN_EXCHANGE { "subject_token" } else { "assertion" };
        let text = one(self.form, name).ok_or("no subject token")?;
        if !text.contains('.') {
            need(text == self.scene.subjects.opaque, "an opaque token that nobody issued")?;
            need(self.org == "other", "an opaque token where none are taken")?;
            return Ok(Subject {
                token: Token { header: serde_json::Map::new(), claims: lasting() },
                user: "alice".to_owned(),
                actors: Vec::new(),
                scope: None,
            });
        }
        let token = Token::read(text).ok_or("a subject token that cannot be read")?;
        let (issuer, keys) = ours(self.scene, self.org);
        let now = conformance::now();
        let early = |claim: &str| match token.claims.get(claim) {
            None => true,
            Some(value) => value.as_i64().is_some_and(|at| at <= now + LEEWAY),
        };
        need(
            token.seconds("exp").is_some_and(|exp| now - LEEWAY <= exp),
            "an expired subject token",
        )?;
        need(early("nbf") && early("iat"), "a subject token from the future")?;
        need(!token.header.contains_key("crit"), "a `crit` that nobody understands")?;
        need(token.header.get("b64") != Some(&json!(false)), "an unencoded payload")?;
        need(!token.claims.contains_key("events"), "an event was exchanged")?;
        if token.text("iss") == Some(issuer) {
            need(signed_by(text, keys), "a subject token that we did not sign")?;
            need(token.typ() == "at+jwt", "a token of ours that is no access token")?;
            need(token.text("org_id") == Some(self.org), "another organization's token")?;
            let is_holder =
                token.is_for(&[self.client]) || token.text("client_id") == Some(self.client);
            need(is_holder, "the client is neither its audience nor its client")?;
            let user = token.text("sub").ok_or("a token of ours about nobody")?.to_owned();
            let actors = acts(&token)?;
            need(!actors.is_empty(), "a client's own token was exchanged")?;
            let scope = token.text("scope").map(words);
            return Ok(Subject { token, user, actors, scope });
        }
        need(token.text("iss") == Some(&self.scene.target.idp.issuer), "an issuer nobody trusts")?;
        need(
            signed_by(text, &self.scene.provider_keys),
            "a subject token the provider did not sign",
        )?;
        self.is_of_its_kind(&token, grant_type)?;
        let user = token.text("sub").ok_or("a subject token about nobody")?.to_owned();
        // Another organization may say what the provider's words mean there.
        let scope = token.text("scope").filter(|_| self.org == "demo").map(words);
        let believed = if self.org == "other" { acts(&token)? } else { Vec::new() };
        Ok(Subject { token, user, actors: believed, scope })
    }

    fn is_of_its_kind(&self, token: &Token, grant_type: &str) -> Result<(), String> {
        let issuer = ours(self.scene, self.org).0;
        let typ = token.typ();
        let is_dialect = self.form.contains_key("requested_token_use");
        if grant_type == JWT_BEARER && !is_dialect {
            need(["", "jwt", "oauth-id-jag+jwt"].contains(&typ.as_str()), "no assertion")?;
            return need(token.is_for(&[issuer]), "an assertion for somebody else");
        }
        let kinds: &[&str] = match one(self.form, "subject_token_type") {
            Some(ACCESS_TOKEN) => &["at+jwt"],
            Some(ID_TOKEN) => &["", "jwt"],
            _ => &["", "jwt", "at+jwt"],
        };
        need(kinds.contains(&typ.as_str()), "a subject token of another type than was said")?;
        let for_us = [self.client, "actas", issuer, DOCUMENTS, TRUST_DOMAIN];
        need(token.is_for(&for_us), "a subject token for somebody else")
    }
}

/// RFC 3986 §6.2.2.1, §6.2.3: scheme and host without case, neither the usual port nor an empty path.
fn normal(target: &str) -> String {
    let Some((scheme, rest)) = target.split_once("://") else { return target.to_owned() };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (host, path) = rest.split_at(end);
    let host = host.to_ascii_lowercase();
    let path = if path == "/" { "" } else { path };
    format!("{}://{}{path}", scheme.to_ascii_lowercase(), host.trim_end_matches(":443"))
}

/// Who acts, the current one first, without what says that they are agents.
fn acts(token: &Token) -> Result<Vec<String>, String> {
    let (mut actors, mut next) = (Vec::new(), token.claims.get("act"));
    while let Some(act) = next {
        let sub = act.get("sub").and_then(Value::as_str).ok_or("`act` names nobody")?;
        actors.push(sub.strip_prefix("agent:").unwrap_or(sub).to_owned());
        next = act.get("act");
    }
    Ok(actors)
}

fn ours<'a>(scene: &'a Scene, org: &str) -> (&'a str, &'a Value) {
    match org {
        "demo" => (&scene.target.issuer, &scene.keys),
        _ => (&scene.target.other_org.issuer, &scene.other_keys),
    }
}

/// Whether the header names one of the keys, by an algorithm there is, and that key has signed it.
fn signed_by(text: &str, keys: &Value) -> bool {
    let jwt = Jwt::read(text);
    let algorithm = jwt.header.get("alg").and_then(Value::as_str).unwrap_or_default();
    // A provider with one key need not name it.
    let named = jwt.header.get("kid").is_none_or(Value::is_string);
    named && ALGORITHMS.contains(&algorithm) && {
        let all = keys.get("keys").and_then(Value::as_array).cloned().unwrap_or_default();
        let fits =
            |key: &Value| jwt.header.get("kid").is_none_or(|kid| key.get("kid") == Some(kid));
        let fitting = all.into_iter().filter(fits).map(|mut key| {
            if let (Some(members), None) = (key.as_object_mut(), jwt.header.get("kid")) {
                members.remove("kid");
            }
            key
        });
        jwt.is_signed_by(&json!({ "keys": fitting.collect::<Vec<_>>() }))
    }
}

fn lasting() -> serde_json::Map<String, Value> {
    let far = json!({ "exp": conformance::now() + 600 });
    far.as_object().cloned().unwrap_or_default()
}

fn known(name: &str) -> bool {
    let known = [
        "grant_type",
        "subject_token",
        "subject_token_type",
        "actor_token",
        "actor_token_type",
        "requested_token_type",
        "requested_token_use",
        "assertion",
        "scope",
        "client_id",
        "client_secret",
        "client_assertion",
        "client_assertion_type",
    ];
    known.contains(&name)
}

fn one<'a>(form: &'a Form, name: &str) -> Option<&'a str> {
    form.get(name)?.first().map(String::as_str)
}

fn words(text: &str) -> Vec<String> {
    let mut words: Vec<String> =
        text.split(' ').filter(|word| !word.is_empty()).map(str::to_owned).collect();
    words.sort_unstable();
    words
}

fn need(is_so: bool, otherwise: &str) -> Result<(), String> {
    if is_so { Ok(()) } else { Err(otherwise.to_owned()) }
}

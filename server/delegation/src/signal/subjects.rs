//! Whom a signal is about (RFC 9493, SSF 1.0 §3, RFC 9967).
//!
//! Widening is the safe error: a session or a device that cannot be read leaves the whole user, and a
//! subject that cannot be told from others leaves everybody, whose answers are then asked for anew.

use serde_json::{Map, Value};

use super::{SignalRefusal, Whom};
use crate::names::{Kind, Names};

/// Who may name users of a connection by `iss` and `sub`: its provider, and the transmitter.
#[derive(Clone, Copy, Debug)]
pub(super) struct Home<'a> {
    pub issuers: [&'a str; 2],
}

impl Home<'_> {
    /// Google's transmitter ends its name with a slash, its tokens do not.
    fn is(&self, issuer: &str) -> bool {
        let bare = |issuer: &str| issuer.strip_suffix('/').unwrap_or(issuer).to_owned();
        self.issuers.iter().any(|one| bare(one) == bare(issuer))
    }
}

/// Whom a subject stands for among ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Subject {
    /// With the user's `sub`, when that is what it was named by.
    Ours { whom: Whom, sub: Option<String> },
    /// Somebody of ours, maybe; by a name we do not know users by.
    Unclear,
    /// A user of another issuer.
    Nobody,
}

/// The members of a complex subject that narrow it down for us.
const NARROWING: [&str; 3] = ["user", "session", "device"];
/// The other members (SSF 1.0 §3.2).
const WIDE: [&str; 4] = ["tenant", "application", "org_unit", "group"];

type Members = Map<String, Value>;

/// Reads a subject: simple or complex.
///
/// # Errors
///
/// It lacks what its format requires, or it is nothing that could have a format.
pub(super) fn read(subject: &Value, home: Home<'_>) -> Result<Subject, SignalRefusal> {
    let members = subject.as_object().ok_or(SignalRefusal::Subject)?;
    if is_complex(members) {
        return complex(members, home);
    }
    Ok(match identifier(members, home)? {
        Identifier::User { names, sub } => {
            let whom = Whom::User { names, session: None, device: None };
            Subject::Ours { whom, sub }
        }
        Identifier::Token(id) => Subject::Ours { whom: Whom::Token(id), sub: None },
        Identifier::Unclear => Subject::Unclear,
        Identifier::Foreign => Subject::Nobody,
    })
}

/// Members of a complex subject that change whom it means, and are not looked at.
pub(super) fn overlooked(subject: &Value) -> Vec<&str> {
    let Some(members) = subject.as_object().filter(|members| is_complex(members)) else {
        return Vec::new();
    };
    let is_narrowed = NARROWING.iter().any(|name| members.contains_key(*name));
    let is_read = |name: &str| {
        name == "format" || NARROWING.contains(&name) || (name == "tenant" && !is_narrowed)
    };
    members.keys().map(String::as_str).filter(|name| !is_read(name)).collect()
}

/// Drafts of SSF wrote complex subjects without a format.
fn is_complex(members: &Members) -> bool {
    match format(members) {
        Some(format) => format == "complex",
        None => NARROWING.iter().chain(&WIDE).any(|name| members.contains_key(*name)),
    }
}

/// `format`, or Google's `subject_type`.
fn format(members: &Members) -> Option<&str> {
    members.get("format").or_else(|| members.get("subject_type"))?.as_str()
}

fn complex(members: &Members, home: Home<'_>) -> Result<Subject, SignalRefusal> {
    let part = |name: &str| match members.get(name) {
        None => Ok(None),
        Some(part) => part.as_object().map(Some).ok_or(SignalRefusal::Subject),
    };
    let session = part("session")?.and_then(id_of);
    let device = part("device")?.and_then(id_of);
    let user = part("user")?.map(|user| identifier(user, home)).transpose()?;
    let named = |whom| Subject::Ours { whom, sub: None };
    Ok(match (user, session, device) {
        (Some(Identifier::User { names, sub }), session, device) => {
            Subject::Ours { whom: Whom::User { names, session, device }, sub }
        }
        (Some(Identifier::Foreign), _, _) => Subject::Nobody,
        (Some(Identifier::Token(id)), _, _) => named(Whom::Token(id)),
        (Some(Identifier::Unclear) | None, Some(session), _) => named(Whom::Session(session)),
        (Some(Identifier::Unclear) | None, None, Some(device)) => named(Whom::Device(device)),
        (Some(Identifier::Unclear), None, None) => Subject::Unclear,
        (None, None, None) => {
            let only_a_tenant = members.contains_key("tenant")
                && members.keys().all(|name| name == "tenant" || name == "format");
            if only_a_tenant { named(Whom::Everyone) } else { Subject::Unclear }
        }
    })
}

/// The id of a session or a device, in whichever format.
fn id_of(members: &Members) -> Option<String> {
    let id = ["id", "sub", "jti", "uri", "url"].iter().find_map(|name| text(members, name).ok())?;
    usable(id).then(|| id.to_owned())
}

/// One simple subject, before it is known where it stands.
enum Identifier {
    User { names: Names, sub: Option<String> },
    Token(String),
    Unclear,
    Foreign,
}

fn identifier(members: &Members, home: Home<'_>) -> Result<Identifier, SignalRefusal> {
    let format = format(members).ok_or(SignalRefusal::Subject)?.replace('-', "_");
    let names = Names::default();
    Ok(match format.as_str() {
        "iss_sub" => {
            let (issuer, sub) = (text(members, "iss")?, text(members, "sub")?);
            if home.is(issuer) { by_id(names, sub) } else { Identifier::Foreign }
        }
        "opaque" => by_id(names, text(members, "id")?),
        "email" => user(by_mail(names, text(members, "email")?)),
        "account" => {
            let uri = text(members, "uri")?;
            user(by_mail(names, uri.strip_prefix("acct:").unwrap_or(uri)))
        }
        // SSF's own example writes `phone`.
        "phone_number" | "phone" => {
            let number = text(members, "phone_number").or_else(|_| text(members, "phone"))?;
            user(names.with(Kind::Phone, Some(number)))
        }
        "did" => by_id(names, text(members, "url")?),
        "uri" => by_id(names, text(members, "uri")?),
        "scim" => scim(members)?,
        "jwt_id" => {
            let (issuer, id) = (text(members, "iss")?, text(members, "jti")?);
            match (home.is(issuer), usable(id)) {
                (true, true) => Identifier::Token(id.to_owned()),
                (true, false) => Identifier::Unclear,
                (false, _) => Identifier::Foreign,
            }
        }
        "id_token_claims" => id_token_claims(members, home)?,
        "aliases" => aliases(members, home)?,
        // Formats are an open list. Of those we know, `saml_assertion_id` and `ip-addresses` belong
        // here: no token we take comes from an assertion, none is bound to an address.
        _ => Identifier::Unclear,
    })
}

/// RFC 9967: a path or a URL that ends in the user's id.
fn scim(members: &Members) -> Result<Identifier, SignalRefusal> {
    let external = members.get("externalId").and_then(Value::as_str);
    let uri = text(members, "uri");
    let id = match (uri, external) {
        (Ok(uri), _) => Some(uri.trim_end_matches('/')),
        (Err(_), Some(_)) => None,
        (Err(malformed), None) => return Err(malformed),
    };
    let id = id.map(|uri| uri.rsplit_once('/').map_or(uri, |(_, last)| last));
    let mut names = Names::default();
    for name in [id, external] {
        names = names.with(Kind::Directory, name).with(Kind::Subject, name);
    }
    Ok(user(names))
}

/// Google's: what the user's ID token says.
fn id_token_claims(members: &Members, home: Home<'_>) -> Result<Identifier, SignalRefusal> {
    if text(members, "iss").is_ok_and(|issuer| !home.is(issuer)) {
        return Ok(Identifier::Foreign);
    }
    let (sub, mail) = (text(members, "sub").ok(), text(members, "email").ok());
    let mut names = Names::default().with(Kind::Subject, sub).with(Kind::Directory, sub);
    if let Some(mail) = mail {
        names = by_mail(names, mail);
    }
    match (sub, mail) {
        (None, None) => Err(SignalRefusal::Subject),
        (Some(_), _) | (_, Some(_)) => Ok(named(names, sub)),
    }
}

/// RFC 9493 §3.2.8: several names of one and the same. Aliases do not nest.
fn aliases(members: &Members, home: Home<'_>) -> Result<Identifier, SignalRefusal> {
    let identifiers = members.get("identifiers").and_then(Value::as_array);
    let identifiers = identifiers.filter(|all| !all.is_empty()).ok_or(SignalRefusal::Subject)?;
    let (mut all, mut sub, mut token) = (Vec::new(), None, None);
    let mut is_foreign = true;
    for one in identifiers {
        let one = one.as_object().ok_or(SignalRefusal::Subject)?;
        if format(one).is_none_or(|format| matches!(format, "aliases" | "complex")) {
            return Err(SignalRefusal::Subject);
        }
        match identifier(one, home)? {
            Identifier::User { names, sub: known } => {
                all.extend(names.iter().map(str::to_owned));
                sub = sub.or(known);
            }
            Identifier::Token(id) => token = Some(id),
            Identifier::Unclear => is_foreign = false,
            Identifier::Foreign => {}
        }
    }
    Ok(match token {
        _ if !all.is_empty() => Identifier::User { names: Names::from_iter(all), sub },
        Some(id) => Identifier::Token(id),
        None if is_foreign => Identifier::Foreign,
        None => Identifier::Unclear,
    })
}

/// An id could be the `sub` or the directory's: which of them tokens carry is the provider's choice.
fn by_id(names: Names, id: &str) -> Identifier {
    named(names.with(Kind::Subject, Some(id)).with(Kind::Directory, Some(id)), Some(id))
}

/// Some providers use the mail address as `sub`.
fn by_mail(names: Names, mail: &str) -> Names {
    names.with(Kind::Email, Some(mail)).with(Kind::Subject, Some(mail))
}

fn user(names: Names) -> Identifier {
    named(names, None)
}

/// A name that nobody can have names nobody in particular.
fn named(names: Names, sub: Option<&str>) -> Identifier {
    if names.is_empty() {
        return Identifier::Unclear;
    }
    Identifier::User { names, sub: sub.filter(|sub| usable(sub)).map(str::to_owned) }
}

fn usable(name: &str) -> bool {
    Names::default().add(Kind::Subject, name)
}

fn text<'a>(members: &'a Members, name: &str) -> Result<&'a str, SignalRefusal> {
    let text = members.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
    text.ok_or(SignalRefusal::Subject)
}

//! Who acts for whom, in the claims of others (RFC 8693 §4), and whom a signal is about (RFC 9493).

use std::collections::BTreeSet;

use delegation::{
    names::Names,
    probe,
    signal::{
        Affected, Effect, Whom, probe as signals,
        scim::{Change, User},
    },
};
use policy::{HARD_LIMIT, Timestamp};
use serde_json::Value;

use crate::{
    json::Json,
    signed::{ISSUER, NOW, issuer},
};

/// An `act` claim: a chain without a circle, which is read back as it is written.
pub fn act(data: &[u8]) {
    // Of a token the whole payload was read strictly before: text that is none does not get here.
    let Some(json) = Json::parse(data) else { return };
    let Some((chain, written)) = probe::act(data, ISSUER) else { return };
    let mut level = Some(&json);
    let mut depth = 0;
    while let Some(act) = level {
        assert!(act.is_object(), "a list of the members is no actor: {act:?}");
        level = act.member("act");
        depth += 1;
    }
    assert_eq!(chain.depth(), depth, "nobody is left out");
    assert!(depth <= HARD_LIMIT);
    let parties: BTreeSet<_> =
        chain.parties().iter().map(|party| (&party.issuer, &party.id)).collect();
    assert_eq!(parties.len(), depth, "nobody comes twice");
    let again = probe::act(written.as_bytes(), "https://other.example");
    assert_eq!(again, Some((chain, written)), "who is named is named with an issuer");
}

/// The claims of a provider's token: two spellings never say two things, and `null` is not absence.
pub fn provider_claims(data: &[u8]) {
    let Some(says) = probe::provider_claims(data) else { return };
    let Some(claims) = Json::parse(data).filter(Json::is_object) else { return };
    let text = |name| claims.member(name).and_then(Json::text);
    if let Some(issued_to) = &says.issued_to {
        let named: BTreeSet<_> = [text("client_id"), text("azp")].into_iter().flatten().collect();
        assert!(named.len() <= 1 && issued_to.as_deref() == named.first().copied());
    }
    if let Some(Some(scope)) = &says.scope {
        for token in scope.tokens() {
            let words = text("scope").or(text("scp")).unwrap_or_default();
            let listed = claims.member("scp").and_then(Json::texts).unwrap_or_default();
            assert!(
                words.split(' ').any(|word| word == token)
                    || listed.iter().any(|words| words.split(' ').any(|word| word == token))
            );
        }
    }
    let has = |name| claims.member(name).is_some();
    assert_eq!(says.looks_like_an_id_token, ["nonce", "at_hash", "c_hash"].into_iter().any(has));
    let marks = ["scope", "scp", "client_id"];
    assert_eq!(says.looks_like_an_access_token, marks.into_iter().any(has));
}

/// A subject: who is named has a name that can be kept, and everybody is meant only by a tenant.
pub fn subject(data: &[u8]) {
    let Ok(subject) = serde_json::from_slice::<Value>(data) else { return };
    let Ok(Some(whom)) = signals::subject(&subject, ISSUER) else { return };
    kept(&whom);
    if whom == Whom::Everyone {
        assert!(subject.get("tenant").is_some() && subject.get("user").is_none());
    }
}

fn kept(whom: &Whom) {
    let is_kept =
        |name: &str| (1..=Names::LONGEST).contains(&name.len()) && !name.contains(char::is_control);
    match whom {
        Whom::User { names, session, device } => {
            assert!(!names.is_empty(), "a user without a name would be nobody");
            let own = |name: &str| name.split_once(':').is_some_and(|(_, name)| is_kept(name));
            assert!(names.iter().all(own));
            assert!([session, device].into_iter().flatten().all(|id| is_kept(id)));
        }
        Whom::Session(id) | Whom::Token(id) | Whom::Device(id) => assert!(is_kept(id)),
        Whom::TokenOf { user, id } => assert!(is_kept(user) && is_kept(id)),
        Whom::Everyone => {}
    }
}

/// A signed security event: nothing happens in the future, and what cannot be told only asks anew.
pub fn security_event(data: &[u8]) {
    let set = issuer().token("secevent+jwt", data);
    let effects = signals::effects(&set, &issuer().keys, ISSUER, Timestamp(NOW));
    let Ok(effects) = effects else { return };
    let claims = Json::parse(data).unwrap_or(Json::List(Vec::new()));
    assert!(claims.is_object() && claims.is_unambiguous());
    for Affected { whom, effect, at } in &effects {
        kept(whom);
        assert!(*at <= Timestamp(NOW), "{at:?}");
        if *whom == Whom::Everyone && *effect != Effect::Recheck {
            assert!(format!("{claims:?}").contains("tenant"));
        }
    }
}

/// The claims of one of our own tokens: who is named is named by an object, once, and how it is bound is
/// never passed over.
pub fn own_claims(data: &[u8]) {
    let Some(json) = Json::parse(data) else { return };
    let Some(says) = probe::own_claims(data, ISSUER) else { return };
    assert!(json.is_object(), "a list of the members is no token");
    let text = |name| json.member(name).and_then(Json::text);
    assert_eq!((text("org_id"), text("client_id")), (Some(&*says.org), Some(&*says.client)));
    assert_eq!(says.bound_to.is_some(), json.member("cnf").is_some());
    if let Some(scope) = &says.scope {
        let words: BTreeSet<_> = text("scope").unwrap_or_default().split(' ').collect();
        assert!(scope.tokens().all(|token| words.contains(token)));
    }
    if let Some(chain) = &says.chain {
        assert!(json.member("act").is_some_and(Json::is_object) && chain.depth() <= HARD_LIMIT);
    }
}

/// A change that a SCIM client pushes (RFC 7644): about somebody, and the id it is given says whom.
pub fn provisioning(data: &[u8]) {
    if let Ok(id) = std::str::from_utf8(data) {
        assert_eq!(User::of_id(id).id, id);
    }
    let Ok(sent) = serde_json::from_slice::<Value>(data) else { return };
    let id = "alice";
    for change in [
        Change::Create(&sent),
        Change::Replace { id, user: &sent },
        Change::Patch { id, patch: &sent },
        Change::Delete { id },
    ] {
        let Ok((user, names, effects)) = signals::provisioning(change) else { continue };
        assert!(!effects.is_empty() && user.user_name.len() <= Names::LONGEST);
        kept(&Whom::User { names, session: None, device: None });
        if let Change::Create(_) = change {
            let User { user_name, external_id, .. } = User::of_id(&user.id);
            assert_eq!((user_name, external_id), (user.user_name, user.external_id));
        }
    }
}

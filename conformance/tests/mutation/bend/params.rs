//! Parameters of a form, and members of a JSON body.

use conformance::{
    ACCESS_TOKEN, CLIENT_ASSERTION, CLIENT_CREDENTIALS, ID_JAG, ID_TOKEN, JWT, JWT_BEARER, PARTNER,
    TOKEN_EXCHANGE, TRUST_DOMAIN, TXN_TOKEN,
};
use serde_json::{Value, json};

use super::{Bend, NASTY, bend};
use crate::mutation::{
    dice::Dice,
    scene::Scene,
    whole::{Body, Whole},
};

pub const ALL: &[Bend] = &[
    bend("parameter: missing", missing),
    bend("parameter: doubled", doubled),
    bend("parameter: empty", empty),
    bend("parameter: renamed", renamed),
    bend("parameter: huge", huge),
    bend("parameter: nasty text", nasty),
    bend("parameter: two swapped", swapped),
    bend("parameter: one more", one_more),
    bend("parameter: of another kind", other_kind),
    bend("parameter: many", many),
    bend("member: bent", member),
];

fn at(whole: &mut Whole, dice: &mut Dice) -> Option<usize> {
    let length = whole.form()?.len();
    (0 < length).then(|| dice.below(length))
}

/// Changes one parameter.
fn one(
    whole: &mut Whole,
    dice: &mut Dice,
    change: impl FnOnce(&mut (String, String), &mut Dice),
) -> bool {
    let Some(at) = at(whole, dice) else { return false };
    whole.form().is_some_and(|pairs| {
        change(&mut pairs[at], dice);
        true
    })
}

fn missing(whole: &mut Whole, dice: &mut Dice, _: &Scene) -> bool {
    let Some(at) = at(whole, dice) else { return false };
    whole.form().is_some_and(|pairs| {
        pairs.remove(at);
        true
    })
}

fn doubled(whole: &mut Whole, dice: &mut Dice, _: &Scene) -> bool {
    let Some(at) = at(whole, dice) else { return false };
    let other = dice.pick(NASTY);
    let (kind, place) = (dice.below(3), dice.next());
    whole.form().is_some_and(|pairs| {
        let (name, mut value) = pairs[at].clone();
        match kind {
            0 => (*other).clone_into(&mut value),
            1 => value.clear(),
            _ => {}
        }
        let place = usize::try_from(place % u64::try_from(pairs.len() + 1).unwrap()).unwrap();
        pairs.insert(place, (name, value));
        true
    })
}

fn empty(whole: &mut Whole, dice: &mut Dice, _: &Scene) -> bool {
    one(whole, dice, |(_, value), _| value.clear())
}

fn renamed(whole: &mut Whole, dice: &mut Dice, _: &Scene) -> bool {
    one(whole, dice, |(name, _), dice| {
        *name = match dice.below(9) {
            0 => name.to_ascii_uppercase(),
            1 => format!("{name}[]"),
            2 => format!("{name} "),
            3 => format!(" {name}"),
            4 => format!("{name}\0"),
            5 => format!("{name}[0]"),
            6 => name.replace('_', "-"),
            7 => name.replace('o', "\u{43e}"),
            _ => (*dice.pick(&["scope", "audience", "client_id", "state", "resource"])).to_owned(),
        }
    })
}

fn huge(whole: &mut Whole, dice: &mut Dice, _: &Scene) -> bool {
    one(whole, dice, |(_, value), dice| {
        let more = ["a", " ", "A.", "\u{1F600}", "eyJ", "/", "="];
        let more = *dice.pick(&more);
        let count = super::size(dice) / more.len();
        if dice.one_in(2) {
            *value = more.repeat(count);
        } else {
            value.push_str(&more.repeat(count));
        }
    })
}

fn nasty(whole: &mut Whole, dice: &mut Dice, _: &Scene) -> bool {
    one(whole, dice, |(_, value), dice| {
        let text = *dice.pick(NASTY);
        match dice.below(3) {
            0 => text.clone_into(value),
            1 => value.push_str(text),
            _ => value.insert_str(0, text),
        }
    })
}

fn swapped(whole: &mut Whole, dice: &mut Dice, _: &Scene) -> bool {
    let (Some(one), Some(two)) = (at(whole, dice), at(whole, dice)) else { return false };
    whole.form().is_some_and(|pairs| {
        let (first, second) = (pairs[one].1.clone(), pairs[two].1.clone());
        (pairs[one].1, pairs[two].1) = (second, first);
        one != two
    })
}

fn one_more(whole: &mut Whole, dice: &mut Dice, scene: &Scene) -> bool {
    let trap = scene.trap.url();
    let (orchestrator, actor) = (scene.target.agent("orchestrator"), scene.subjects.actor.clone());
    let more: &[(&str, &str)] = &[
        ("client_id", "researcher"),
        ("client_id", "orchestrator"),
        ("client_secret", &orchestrator.client_secret),
        ("client_assertion_type", CLIENT_ASSERTION),
        ("client_assertion", "e30.e30.e30"),
        ("scope", "documents:write"),
        ("resource", conformance::CALENDAR),
        ("resource", &trap),
        ("audience", "archivist"),
        ("audience", PARTNER),
        ("requested_token_type", ID_JAG),
        ("requested_token_type", TXN_TOKEN),
        ("requested_token_use", "on_behalf_of"),
        ("actor_token", &actor),
        ("actor_token_type", ACCESS_TOKEN),
        ("subject_token_type", JWT),
        ("grant_type", CLIENT_CREDENTIALS),
        ("assertion", &scene.subjects.access),
        ("request_uri", &trap),
        ("request", "e30.e30."),
        ("refresh_token", "x"),
        ("code", "x"),
        ("username", "alice"),
        ("password", "correct-horse-battery"),
        ("request_context", r#"{"a":{"b":1}}"#),
        ("request_details", "[]"),
        ("authorization_details", r#"[{"type":"x"}]"#),
        ("token_type_hint", "refresh_token"),
        ("org", "other"),
        ("org_id", "other"),
        ("sub", "bob"),
        ("act", r#"{"sub":"agent:x"}"#),
    ];
    let (name, value) = *dice.pick(more);
    whole.form().is_some_and(|pairs| {
        pairs.push((name.to_owned(), value.to_owned()));
        true
    })
}

fn other_kind(whole: &mut Whole, dice: &mut Dice, _: &Scene) -> bool {
    let kinds: &[(&str, &[&str])] = &[
        (
            "grant_type",
            &[
                TOKEN_EXCHANGE,
                CLIENT_CREDENTIALS,
                JWT_BEARER,
                "password",
                "refresh_token",
                "authorization_code",
                "urn:ietf:params:oauth:grant-type:device_code",
            ],
        ),
        (
            "subject_token_type",
            &[
                ACCESS_TOKEN,
                ID_TOKEN,
                JWT,
                ID_JAG,
                TXN_TOKEN,
                "access_token",
                "urn:ietf:params:oauth:token-type:saml2",
                "urn:ietf:params:oauth:token-type:refresh_token",
            ],
        ),
        ("actor_token_type", &[ACCESS_TOKEN, ID_TOKEN, JWT]),
        ("requested_token_type", &[ACCESS_TOKEN, ID_TOKEN, JWT, ID_JAG, TXN_TOKEN]),
        ("client_assertion_type", &crate::mutation::good::ASSERTION_TYPES),
        (
            "audience",
            &[
                "researcher",
                "archivist",
                "orchestrator",
                "other-agent",
                "signer",
                PARTNER,
                TRUST_DOMAIN,
                "nobody",
            ],
        ),
    ];
    let Some(pairs) = whole.form() else { return false };
    let present: Vec<_> =
        kinds.iter().filter(|(name, _)| pairs.iter().any(|(n, _)| n == name)).collect();
    if present.is_empty() {
        return false;
    }
    let (name, values) = **dice.pick(&present);
    let value = *dice.pick(values);
    for (_, old) in pairs.iter_mut().filter(|(n, _)| n == name) {
        value.clone_into(old);
    }
    true
}

fn many(whole: &mut Whole, dice: &mut Dice, _: &Scene) -> bool {
    let count = *dice.pick(&[60, 70, 2000]);
    whole.form().is_some_and(|pairs| {
        pairs.extend((0..count).map(|n| (format!("p{n}"), "1".to_owned())));
        true
    })
}

/// Nobody but the operator is asked what to end, so no member becomes one that ends more.
fn member(whole: &mut Whole, dice: &mut Dice, _: &Scene) -> bool {
    let Body::Json(Value::Object(members)) = &mut whole.body else { return false };
    let names: Vec<String> = members.keys().cloned().collect();
    if names.is_empty() {
        return false;
    }
    let name = dice.pick(&names).clone();
    let deep = "[".repeat(5000);
    match dice.below(11) {
        0 => drop(members.remove(&name)),
        1 => drop(members.insert(name, Value::Null)),
        2 => drop(members.insert(name, json!([]))),
        3 => drop(members.insert(name, json!({}))),
        4 => drop(members.insert(name, json!(1e300))),
        5 => drop(members.insert(name, json!("a".repeat(super::size(dice))))),
        6 => drop(members.insert(name, json!(dice.pick(NASTY)))),
        7 => drop(members.insert("more".to_owned(), json!(true))),
        8 => drop(members.insert("token".to_owned(), json!("eyJhbGciOiJub25lIn0.e30."))),
        9 => {
            let text = format!("{},\"{name}\":\"x\"}}", whole_of(members));
            whole.body = Body::Octets(text.into_bytes());
        }
        _ => whole.body = Body::Octets(format!("{{\"{name}\":{deep}").into_bytes()),
    }
    true
}

fn whole_of(members: &serde_json::Map<String, Value>) -> String {
    let text = Value::Object(members.clone()).to_string();
    text.trim_end_matches('}').to_owned()
}

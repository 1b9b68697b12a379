//! The request line: method, target, version.

use super::{Bend, bend};
use crate::mutation::{
    dice::Dice,
    scene::Scene,
    whole::{Body, Framing, Whole},
};

pub const ALL: &[Bend] = &[
    bend("line: other method", method),
    bend("line: percent-encoded path", encoded),
    bend("line: dots and slashes", dots),
    bend("line: something behind the path", behind),
    bend("line: other organization", organization),
    bend("line: other endpoint", endpoint),
    bend("line: absolute form", absolute),
    bend("line: form in the query", query),
    bend("line: other version", version),
    bend("line: rubbish", rubbish),
];

const METHODS: &[&str] = &[
    "GET", "HEAD", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT", "post", "PoSt",
    "POSTX", "PROPFIND", "PRI", "P OST", "", "M-SEARCH",
];

fn method(whole: &mut Whole, dice: &mut Dice, _: &Scene) -> bool {
    whole.method = match dice.below(12) {
        0 => "A".repeat(super::size(dice)),
        _ => (*dice.pick(METHODS)).to_owned(),
    };
    true
}

fn encoded(whole: &mut Whole, dice: &mut Dice, _: &Scene) -> bool {
    let at = 1 + dice.below(whole.path.len() - 1);
    let Some(&byte) = whole.path.get(at) else { return false };
    let code = match dice.below(5) {
        0 => format!("%25{byte:02x}"),
        1 => format!("%{byte:02X}"),
        2 => format!("%c0%{byte:02x}"),
        3 => format!("%u00{byte:02x}"),
        _ => format!("%{byte:02x}"),
    };
    whole.path.splice(at..=at, code.bytes());
    true
}

fn dots(whole: &mut Whole, dice: &mut Dice, _: &Scene) -> bool {
    let slashes: Vec<usize> = whole
        .path
        .iter()
        .enumerate()
        .filter(|(_, byte)| **byte == b'/')
        .map(|(at, _)| at)
        .collect();
    if slashes.is_empty() {
        return false;
    }
    let at = *dice.pick(&slashes);
    let with: &[&str] = &[
        "//", "/./", "/../", "/x/../", "/.%2e/", "/%2e%2e/", "/..;/", "\\", "/\\", "%2f", "///",
        "/;a=b/", "/%00/", "/ /",
    ];
    whole.path.splice(at..=at, dice.pick(with).bytes());
    true
}

fn behind(whole: &mut Whole, dice: &mut Dice, _: &Scene) -> bool {
    let with: &[&str] = &[
        "/",
        "//",
        "?",
        "?x=1",
        "?grant_type=client_credentials",
        "#f",
        ";jsessionid=1",
        "%00",
        "%20",
        "%0d%0aX: y",
        ".json",
        "/..",
        "/.",
        "~",
        "?access_token=x",
        "&x",
        "\u{e9}",
    ];
    whole.path.extend_from_slice(dice.pick(with).as_bytes());
    true
}

fn organization(whole: &mut Whole, dice: &mut Dice, _: &Scene) -> bool {
    let path = String::from_utf8_lossy(&whole.path).into_owned();
    let Some(at) = path.find("/o/demo").or_else(|| path.find("/o/other")) else { return false };
    let is_ours = path[at..].starts_with("/o/demo");
    let (from, to) = if is_ours { ("/o/demo", "/o/other") } else { ("/o/other", "/o/demo") };
    let with: &[&str] = &[
        to,
        to,
        to,
        "",
        "/o/nobody",
        "/o/",
        "/o/DEMO",
        "/o/demo%2fother",
        "/o/demo/o/other",
        "/o/%64emo",
        "/o/demo%00",
        "/o/*",
        "/o/demo other",
        "/o/d\u{435}mo",
    ];
    whole.path = path.replacen(from, dice.pick::<&str>(with), 1).into_bytes();
    true
}

fn endpoint(whole: &mut Whole, dice: &mut Dice, _: &Scene) -> bool {
    let issuer = "/o/demo";
    let places: &[&str] = &[
        "/oauth/token",
        "/oauth/introspect",
        "/oauth/revoke",
        "/oauth/jwks",
        "/oauth/status-lists",
        "/oauth/status-lists/0",
        "/oauth/status-lists/-1",
        "/oauth/status-lists/99999999999999999999",
        "/signals/corp/logout",
        "/signals/corp/streams/events",
        "/signals/corp/streams/none",
        "/signals/none/logout",
        "/signals/corp/revocation",
        "/signals/corp/scim/v2/Users",
        "/signals/corp/scim/v2/Users/bob",
        "/admin/audit",
        "/admin/audit/head",
        "/admin/revocations",
        "/admin/restorations",
        "/admin/keys",
        "/admin/exports",
        "/admin",
    ];
    whole.path = format!("{issuer}{}", dice.pick(places)).into_bytes();
    true
}

fn absolute(whole: &mut Whole, dice: &mut Dice, scene: &Scene) -> bool {
    let trap = scene.trap.url();
    let before: &[&str] = &[
        "http://evil.example",
        "https://evil.example:443",
        "//evil.example",
        "http://",
        "file://",
        "http://user:pass@evil.example",
        "evil.example:443",
        trap.as_str(),
        "http://[::1]",
    ];
    let before = *dice.pick(before);
    whole.path = [before.as_bytes(), &whole.path].concat();
    true
}

/// RFC 6749 §2.3.1: "The parameters can only be transmitted in the request-body and MUST NOT be
/// included in the request URI."
fn query(whole: &mut Whole, dice: &mut Dice, _: &Scene) -> bool {
    if !matches!(whole.body, Body::Form(_)) {
        return false;
    }
    let form = whole.octets();
    whole.path.push(b'?');
    whole.path.extend_from_slice(&form);
    if dice.one_in(2) {
        whole.body = Body::Octets(Vec::new());
    }
    true
}

fn version(whole: &mut Whole, dice: &mut Dice, _: &Scene) -> bool {
    let versions = [
        "HTTP/1.0",
        "HTTP/0.9",
        "HTTP/2.0",
        "HTTP/1.2",
        "HTTP/1.1 ",
        "http/1.1",
        "",
        "HTTP/1.1\r\n X",
    ];
    (*dice.pick(&versions)).clone_into(&mut whole.version);
    true
}

fn rubbish(whole: &mut Whole, dice: &mut Dice, _: &Scene) -> bool {
    match dice.below(5) {
        0 => whole.path = b"*".to_vec(),
        1 => whole.path = vec![b'/'; super::size(dice)],
        2 => whole.path = (0..40).map(|_| u8::try_from(dice.below(256)).unwrap()).collect(),
        3 => whole.path.extend(std::iter::repeat_n(b'a', super::size(dice))),
        // A request of HTTP/2 on a connection that speaks HTTP/1.1.
        _ => {
            (whole.method, whole.path) = ("PRI".to_owned(), b"*".to_vec());
            "HTTP/2.0".clone_into(&mut whole.version);
            whole.framing = Framing::Told(Vec::new());
            whole.body = Body::Octets(b"SM\r\n\r\n\0\0\0\x04\0\0\0\0\0".to_vec());
        }
    }
    true
}

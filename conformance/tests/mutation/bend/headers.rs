//! Headers: missing, doubled, huge, of somebody else.

use conformance::form::{basic, basic_raw};

use super::{Bend, NASTY, bend};
use crate::mutation::{dice::Dice, scene::Scene, whole::Whole};

pub const ALL: &[Bend] = &[
    bend("header: missing", missing),
    bend("header: doubled", doubled),
    bend("header: other case", case),
    bend("header: huge", huge),
    bend("header: empty", empty),
    bend("header: nasty bytes", nasty),
    bend("header: folded or spaced name", folded),
    bend("header: many", many),
    bend("header: Host", host),
    bend("header: forwarded", forwarded),
    bend("header: content type", content_type),
    bend("header: content encoding", content_encoding),
    bend("header: Accept", accept),
    bend("header: Authorization", authorization),
    bend("header: other client", other_client),
    bend("header: control of the connection", control),
];

fn at(whole: &Whole, dice: &mut Dice) -> Option<usize> {
    (!whole.headers.is_empty()).then(|| dice.below(whole.headers.len()))
}

fn missing(whole: &mut Whole, dice: &mut Dice, _: &Scene) -> bool {
    at(whole, dice).map(|at| whole.headers.remove(at)).is_some()
}

fn doubled(whole: &mut Whole, dice: &mut Dice, _: &Scene) -> bool {
    let Some(at) = at(whole, dice) else { return false };
    let (name, mut value) = whole.headers[at].clone();
    match dice.below(4) {
        0 => value.push(b'x'),
        1 => value.clear(),
        2 => whole.headers[at].1 = [value.as_slice(), b", ", &value].concat(),
        _ => {}
    }
    let place = dice.below(whole.headers.len() + 1);
    whole.headers.insert(place, (name, value));
    true
}

fn case(whole: &mut Whole, dice: &mut Dice, _: &Scene) -> bool {
    let Some(at) = at(whole, dice) else { return false };
    let name = &mut whole.headers[at].0;
    *name = match dice.below(3) {
        0 => name.to_ascii_uppercase(),
        1 => name.to_ascii_lowercase(),
        _ => name.replace('-', "_"),
    };
    true
}

fn huge(whole: &mut Whole, dice: &mut Dice, _: &Scene) -> bool {
    let Some(at) = at(whole, dice) else { return false };
    let more = vec![*dice.pick(b"Aa0 ,;="); super::size(dice)];
    whole.headers[at].1.extend(more);
    true
}

fn empty(whole: &mut Whole, dice: &mut Dice, _: &Scene) -> bool {
    let Some(at) = at(whole, dice) else { return false };
    whole.headers[at].1.clear();
    true
}

fn nasty(whole: &mut Whole, dice: &mut Dice, _: &Scene) -> bool {
    let Some(at) = at(whole, dice) else { return false };
    let value = &mut whole.headers[at].1;
    let place = dice.below(value.len() + 1);
    let bytes: Vec<u8> = match dice.below(4) {
        0 => vec![u8::try_from(dice.below(256)).unwrap()],
        1 => b"\xff\xfe\x80".to_vec(),
        _ => dice.pick(NASTY).as_bytes().to_vec(),
    };
    value.splice(place..place, bytes);
    true
}

fn folded(whole: &mut Whole, dice: &mut Dice, _: &Scene) -> bool {
    let Some(at) = at(whole, dice) else { return false };
    let (name, value) = &mut whole.headers[at];
    match dice.below(5) {
        0 => name.push(' '),
        1 => name.insert(0, ' '),
        2 => name.push('\t'),
        3 => *name = format!("X-Before: 1\n{name}"),
        _ => {
            let place = dice.below(value.len() + 1);
            value.splice(place..place, *b"\r\n ");
        }
    }
    true
}

fn many(whole: &mut Whole, dice: &mut Dice, _: &Scene) -> bool {
    let count = *dice.pick(&[50, 97, 150, 1000]);
    whole.headers.extend((0..count).map(|n| (format!("X-Many-{n}"), b"1".to_vec())));
    true
}

fn host(whole: &mut Whole, dice: &mut Dice, scene: &Scene) -> bool {
    let trap = scene.trap.url();
    let hosts: &[&str] = &[
        "evil.example",
        "",
        "localhost",
        "127.0.0.1:1",
        "evil.example@127.0.0.1",
        "[::1]",
        "a b",
        "a/b",
        "xn--e1afmkfd.example",
        trap.trim_start_matches("http://"),
    ];
    let host = dice.pick(hosts).as_bytes().to_vec();
    match dice.below(3) {
        0 => whole.headers.push(("Host".to_owned(), host)),
        1 => whole.headers.insert(0, ("Host".to_owned(), host)),
        _ => whole.set("Host", host),
    }
    true
}

/// Whoever stands in front says these; nobody stands in front.
fn forwarded(whole: &mut Whole, dice: &mut Dice, scene: &Scene) -> bool {
    let trap = scene.trap.url();
    let lines: &[(&str, &str)] = &[
        ("X-Forwarded-For", "10.0.0.1"),
        ("X-Forwarded-For", "a, b, 127.0.0.1"),
        ("X-Forwarded-Host", "evil.example"),
        ("X-Forwarded-Proto", "https"),
        ("X-Forwarded-Prefix", "/o/other"),
        ("Forwarded", "for=1.2.3.4;host=evil.example;proto=https"),
        ("Forwarded", "for=\"[::1\""),
        ("X-Real-IP", "1.2.3.4"),
        ("X-Original-URL", "/o/demo/admin/keys"),
        ("X-Rewrite-URL", "/o/demo/admin/keys"),
        ("X-HTTP-Method-Override", "DELETE"),
        ("X-Client-Cert", "-----BEGIN CERTIFICATE-----"),
        ("X-SSL-Client-Verify", "SUCCESS"),
        ("X-Forwarded-Client-Cert", "By=spiffe://a;URI=spiffe://mesh.demo.example/sidecar"),
        ("Client-Cert", ":MIIB:"),
        ("X-Organization", "other"),
        ("Referer", trap.as_str()),
        ("Origin", "https://evil.example"),
        ("Cookie", "session=1; org=other"),
        ("OAuth-Client-Attestation", "e30.e30.e30"),
        ("OAuth-Client-Attestation-PoP", "e30.e30.e30"),
        ("traceparent", "00-0-0-zz"),
        ("X-Request-Id", "\"><script>"),
        ("Via", "1.1 x"),
    ];
    let (name, value) = dice.pick(lines);
    whole.headers.push(((*name).to_owned(), value.as_bytes().to_vec()));
    true
}

fn content_type(whole: &mut Whole, dice: &mut Dice, _: &Scene) -> bool {
    let types: &[&str] = &[
        "application/json",
        "text/plain",
        "application/x-www-form-urlencoded; charset=utf-16",
        "application/x-www-form-urlencoded;charset=UTF-8",
        "multipart/form-data; boundary=x",
        "application/x-www-form-urlencoded, application/json",
        "application/xml",
        "*/*",
        "x",
        "APPLICATION/X-WWW-FORM-URLENCODED",
        "application/x-www-form-urlencoded; charset=shift_jis",
        "application/secevent+jwt",
        "application/jwt",
        "text/html",
        "application/x-www-form-urlencoded;",
    ];
    whole.set("Content-Type", dice.pick(types).as_bytes());
    true
}

fn content_encoding(whole: &mut Whole, dice: &mut Dice, _: &Scene) -> bool {
    let codings = ["gzip", "deflate", "br", "zstd", "identity", "gzip, gzip", "x", "\u{e9}"];
    whole.set("Content-Encoding", dice.pick(&codings).as_bytes());
    true
}

fn accept(whole: &mut Whole, dice: &mut Dice, _: &Scene) -> bool {
    let media: &[&str] = &[
        "text/html",
        "*/*;q=0",
        "application/token-introspection+jwt",
        "application/jwt",
        "application/statuslist+jwt",
        "application/statuslist+cwt",
        "a/b;q=2;q=x",
        ",,,",
        "gzip",
        "application/json;q=1.0000000000000000000000000001",
        "\u{1F600}",
    ];
    let name =
        *dice.pick(&["Accept", "Accept-Encoding", "Accept-Language", "If-None-Match", "Range"]);
    whole.set(name, dice.pick(media).as_bytes());
    true
}

fn authorization(whole: &mut Whole, dice: &mut Dice, scene: &Scene) -> bool {
    let client = scene.target.agent("orchestrator");
    let (id, secret) = (&client.client_id, &client.client_secret);
    let good = basic(id, secret);
    let told = match dice.below(16) {
        0 => good.replacen("Basic", "basic", 1),
        1 => good.replacen("Basic ", "Basic  ", 1),
        2 => good.replacen("Basic ", "Bearer ", 1),
        3 => format!("{good}="),
        4 => good.trim_end_matches('=').to_owned(),
        5 => "Basic".to_owned(),
        6 => "Basic !!!".to_owned(),
        7 => basic_raw(id, ""),
        8 => basic_raw("", secret),
        9 => basic_raw(id, &secret.to_ascii_uppercase()),
        10 => basic_raw(&format!("{id}\0"), secret),
        11 => basic_raw(id, &format!("{secret}:x")),
        12 => format!("DPoP {}", scene.subjects.bound.1),
        13 => format!("Bearer {}", scene.subjects.documents),
        14 => basic_raw(id, &secret[..secret.len() - 1]),
        _ => format!("{good}, {good}"),
    };
    whole.set("Authorization", told);
    true
}

/// Good credentials, of somebody else.
fn other_client(whole: &mut Whole, dice: &mut Dice, scene: &Scene) -> bool {
    let clients: Vec<_> = scene.target.clients().chain(&scene.target.other_org.agents).collect();
    let client = *dice.pick(&clients);
    let told = match (dice.below(5), scene.target.operator.as_ref()) {
        (0, Some(operator)) => format!("Bearer {}", operator.token),
        _ => basic(&client.client_id, &client.client_secret),
    };
    whole.set("Authorization", told);
    true
}

fn control(whole: &mut Whole, dice: &mut Dice, _: &Scene) -> bool {
    let lines: &[(&str, &str)] = &[
        ("Expect", "100-continue"),
        ("Expect", "200-ok"),
        ("Upgrade", "h2c"),
        ("Upgrade", "websocket"),
        ("HTTP2-Settings", "AAMAAABkAAQAAP__"),
        ("Connection", "Upgrade, HTTP2-Settings"),
        ("Connection", "keep-alive"),
        ("Connection", "Authorization"),
        ("Trailer", "Authorization"),
        ("TE", "trailers"),
        ("Max-Forwards", "0"),
        ("Range", "bytes=0-0,-1"),
        ("If-Match", "\"x\""),
        ("Keep-Alive", "timeout=-1"),
        ("Proxy-Authorization", "Basic eDp5"),
        ("Sec-WebSocket-Key", "x"),
    ];
    let (name, value) = dice.pick(lines);
    whole.headers.push(((*name).to_owned(), value.as_bytes().to_vec()));
    true
}

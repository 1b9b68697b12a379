//! The bytes of a body.

use std::io::Write;

use flate2::{Compression, write::GzEncoder};
use serde_json::{Map, Value};

use super::{Bend, bend};
use crate::mutation::{
    dice::Dice,
    scene::Scene,
    whole::{Body, Whole},
};

pub const ALL: &[Bend] = &[
    bend("body: JSON for a form", json),
    bend("body: compressed", compressed),
    bend("body: compressed, huge", bomb),
    bend("body: other encoding", encoding),
    bend("body: other separators", separators),
    bend("body: a bit flipped", flipped),
    bend("body: huge", huge),
    bend("body: nothing", nothing),
    bend("body: rubbish", rubbish),
];

fn json(whole: &mut Whole, dice: &mut Dice, _: &Scene) -> bool {
    let is_list = dice.one_in(3);
    let Some(pairs) = whole.form() else { return false };
    let value = |value: &str| {
        if is_list { Value::Array(vec![value.into(), value.into()]) } else { value.into() }
    };
    let members: Map<String, Value> =
        pairs.iter().map(|(name, given)| (name.clone(), value(given))).collect();
    whole.body = Body::Json(Value::Object(members));
    if dice.one_in(2) {
        whole.set("Content-Type", "application/json");
    }
    true
}

fn gzip(body: &[u8]) -> Vec<u8> {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    gzip.write_all(body).unwrap();
    gzip.finish().unwrap()
}

fn compressed(whole: &mut Whole, dice: &mut Dice, _: &Scene) -> bool {
    whole.body = Body::Octets(gzip(&whole.octets()));
    if !dice.one_in(3) {
        whole.set("Content-Encoding", "gzip");
    }
    true
}

/// Sixteen megabytes in as many kilobytes: it must not be inflated before anybody is known.
fn bomb(whole: &mut Whole, _: &mut Dice, _: &Scene) -> bool {
    // RFC 1952 §2.2: members one behind the other are one file.
    let more = gzip(&vec![b'&'; 1 << 20]).repeat(16);
    whole.body = Body::Octets([gzip(&whole.octets()), more].concat());
    whole.set("Content-Encoding", "gzip");
    true
}

fn encoding(whole: &mut Whole, dice: &mut Dice, _: &Scene) -> bool {
    let body = String::from_utf8_lossy(&whole.octets()).into_owned();
    let at = dice.below(body.len() + 1);
    let (Some(before), Some(behind)) = (body.get(..at), body.get(at..)) else { return false };
    let insert: &[&[u8]] = &[
        b"%C0%AF",
        b"%",
        b"%4",
        b"%zz",
        b"%00",
        b"\xff",
        b"\xed\xa0\x80",
        b"%ED%A0%80",
        b"+",
        b"%2B",
        b"\xef\xbb\xbf",
        b"%u0041",
        b"%0d%0a",
        b"%25%32%35",
        b"\0",
    ];
    let bytes = match dice.below(4) {
        // Every byte escaped: the same to whoever decodes.
        0 => {
            let one = |byte: u8| match byte {
                b'&' | b'=' | b'%' => char::from(byte).to_string(),
                byte => format!("%{byte:02x}"),
            };
            if body.contains('%') {
                return false;
            }
            body.bytes().map(one).collect::<String>().into_bytes()
        }
        1 => body.encode_utf16().flat_map(u16::to_be_bytes).collect(),
        _ => [before.as_bytes(), *dice.pick(insert), behind.as_bytes()].concat(),
    };
    whole.body = Body::Octets(bytes);
    true
}

fn separators(whole: &mut Whole, dice: &mut Dice, _: &Scene) -> bool {
    let body = String::from_utf8_lossy(&whole.octets()).into_owned();
    let body = match dice.below(7) {
        0 => body.replace('&', ";"),
        1 => body.replace('&', "&&"),
        2 => body.replace('&', "&amp;"),
        3 => body.replace('=', "=="),
        4 => body.replace('=', ":"),
        5 => format!("{body}\r\n"),
        _ => format!("?{body}"),
    };
    whole.body = Body::Octets(body.into_bytes());
    true
}

fn flipped(whole: &mut Whole, dice: &mut Dice, _: &Scene) -> bool {
    let mut body = whole.octets();
    if body.is_empty() {
        return false;
    }
    let at = dice.below(body.len());
    body[at] ^= 1 << dice.below(8);
    whole.body = Body::Octets(body);
    true
}

fn huge(whole: &mut Whole, dice: &mut Dice, _: &Scene) -> bool {
    let fill = *dice.pick(&[b'&', b'a', 0, b' ']);
    let mut body = whole.octets();
    body.extend(std::iter::repeat_n(fill, *dice.pick(&[65_536, 70_000, 1 << 20])));
    whole.body = Body::Octets(body);
    true
}

fn nothing(whole: &mut Whole, _: &mut Dice, _: &Scene) -> bool {
    whole.body = Body::Octets(Vec::new());
    true
}

fn rubbish(whole: &mut Whole, dice: &mut Dice, _: &Scene) -> bool {
    let length = dice.below(300);
    whole.body =
        Body::Octets((0..length).map(|_| u8::try_from(dice.below(256)).unwrap()).collect());
    true
}

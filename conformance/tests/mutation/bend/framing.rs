//! Where a request ends: what one server takes for its body, another takes for the next request.

use super::{Bend, bend};
use crate::mutation::{
    dice::Dice,
    scene::Scene,
    whole::{Body, Framing, Whole, chunked},
};

pub const ALL: &[Bend] = &[
    bend("framing: chunked", well_chunked),
    bend("framing: two lengths", lengths),
    bend("framing: length and chunks", both),
    bend("framing: other length", length),
    bend("framing: bad chunks", bad_chunks),
    bend("framing: bad transfer coding", coding),
    bend("framing: a request behind", behind),
    bend("framing: cut off", cut),
];

/// What must never be taken for a request.
pub const SMUGGLED: &str =
    "GET /o/demo/admin/keys HTTP/1.1\r\nHost: x\r\nX-Request-Id: smuggled\r\n\r\n";

fn well_chunked(whole: &mut Whole, _: &mut Dice, _: &Scene) -> bool {
    whole.framing = Framing::Chunked;
    true
}

fn told(whole: &mut Whole, lines: &[String]) -> bool {
    whole.framing = Framing::Told(lines.to_vec());
    true
}

fn lengths(whole: &mut Whole, dice: &mut Dice, _: &Scene) -> bool {
    let length = whole.octets().len();
    let lines = match dice.below(4) {
        0 => vec![format!("Content-Length: {length}"), "Content-Length: 0".to_owned()],
        1 => vec!["Content-Length: 0".to_owned(), format!("Content-Length: {length}")],
        2 => vec![format!("Content-Length: {length}, {length}")],
        _ => vec![format!("Content-Length: {length}"), format!("Content-Length: {length}")],
    };
    told(whole, &lines)
}

fn both(whole: &mut Whole, dice: &mut Dice, _: &Scene) -> bool {
    let body = whole.octets();
    let smuggled = [chunked(&body), SMUGGLED.as_bytes().to_vec()].concat();
    let (length, body) = match dice.below(3) {
        0 => (body.len(), chunked(&body)),
        1 => (smuggled.len(), smuggled),
        _ => (4, smuggled),
    };
    whole.body = Body::Octets(body);
    let (length, chunks) =
        (format!("Content-Length: {length}"), "Transfer-Encoding: chunked".to_owned());
    let lines = if dice.one_in(2) { [length, chunks] } else { [chunks, length] };
    told(whole, &lines)
}

fn length(whole: &mut Whole, dice: &mut Dice, _: &Scene) -> bool {
    let length = whole.octets().len();
    let told_length = match dice.below(10) {
        0 => format!("+{length}"),
        1 => format!("{length:#x}"),
        2 => "-1".to_owned(),
        3 => "18446744073709551616".to_owned(),
        4 => format!("{length}x"),
        5 => format!("0{length}"),
        6 => String::new(),
        7 => (length + 10).to_string(),
        8 => format!("{length}.0"),
        _ => (length / 2).to_string(),
    };
    told(whole, &[format!("Content-Length: {told_length}")])
}

fn bad_chunks(whole: &mut Whole, dice: &mut Dice, _: &Scene) -> bool {
    let body = whole.octets();
    let good = String::from_utf8_lossy(&chunked(&body)).into_owned();
    let bad = match dice.below(8) {
        0 => good.replacen("\r\n", "\n", 1),
        1 => format!("-{good}"),
        2 => format!("0x{good}"),
        3 => good.replacen("\r\n", ";a=\"b\r\nc\"\r\n", 1),
        4 => format!("FFFFFFFFFFFFFFFF\r\n{good}"),
        5 => format!("10000000000000001\r\n{good}"),
        6 => good.trim_end_matches("0\r\n\r\n").to_owned(),
        _ => good.replace("0\r\n\r\n", "0\r\nAuthorization: Basic eDp5\r\n\r\n"),
    };
    whole.body = Body::Octets(bad.into_bytes());
    told(whole, &["Transfer-Encoding: chunked".to_owned()])
}

fn coding(whole: &mut Whole, dice: &mut Dice, _: &Scene) -> bool {
    let codings = [
        "xchunked",
        "chunked, identity",
        "identity",
        "gzip, chunked",
        "chunked, chunked",
        "\tchunked",
        "Chunked",
        "chunked;q=1",
        "\"chunked\"",
        "",
    ];
    let line = format!("Transfer-Encoding: {}", dice.pick(&codings));
    whole.body = Body::Octets(chunked(&whole.octets()));
    told(whole, &[line])
}

/// RFC 9112 §9.6: with `Connection: close`, what follows is not a request. Whoever answers it all the
/// same answers whoever sent it: it is told apart from what is hidden in a body.
fn behind(whole: &mut Whole, _: &mut Dice, _: &Scene) -> bool {
    whole.set("Connection", "close");
    whole.behind = SMUGGLED.as_bytes().to_vec();
    true
}

fn cut(whole: &mut Whole, dice: &mut Dice, _: &Scene) -> bool {
    let mut body = whole.octets();
    if body.is_empty() {
        return false;
    }
    let length = format!("Content-Length: {}", body.len());
    body.truncate(dice.below(body.len()));
    whole.body = Body::Octets(body);
    told(whole, &[length])
}

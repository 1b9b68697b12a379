//! Everything that is done to a good request. Each of these changes one thing; a request that comes
//! of one to four of them may still be good, and is then held to what it says.

mod body;
mod claims;
mod framing;
mod headers;
mod line;
mod params;
mod scopes;
mod tokens;

use super::{dice::Dice, scene::Scene, whole::Whole};

/// Bends the request; false when there is nothing there to bend.
pub type How = fn(&mut Whole, &mut Dice, &Scene) -> bool;

/// A kind of mutation.
pub struct Bend {
    pub name: &'static str,
    pub how: How,
}

const fn bend(name: &'static str, how: How) -> Bend {
    Bend { name, how }
}

/// Every kind there is.
pub fn all() -> Vec<&'static Bend> {
    let all = [
        line::ALL,
        headers::ALL,
        framing::ALL,
        params::ALL,
        body::ALL,
        tokens::ALL,
        claims::ALL,
        scopes::ALL,
    ];
    all.into_iter().flatten().collect()
}

/// Texts that parsers have stumbled over.
pub const NASTY: &[&str] = &[
    "\0",
    "\r\nX-Injected: 1",
    "\n",
    "\t",
    "%",
    "%00",
    "%2e%2e%2f",
    "../../etc/passwd",
    "' OR '1'='1",
    "\"",
    "\\",
    "${jndi:ldap://x}",
    "{{7*7}}",
    "null",
    "undefined",
    "true",
    "-1",
    "18446744073709551616",
    "1e308",
    "[]",
    "{}",
    "\u{202e}",
    "\u{feff}",
    "\u{1F600}",
    "e\u{301}",
    "K\u{212a}",
    "\u{131}\u{130}",
    "\u{ff41}lice",
    "*",
    " ",
    "🦀🦀🦀🦀",
];

/// A size at which something may overflow.
pub fn size(dice: &mut Dice) -> usize {
    *dice.pick(&[255, 256, 4001, 8192, 16_385, 65_536, 200_000])
}

//! What is asked for: more, twice, in other letters.

use super::{Bend, bend};
use crate::mutation::{dice::Dice, scene::Scene, whole::Whole};

pub const ALL: &[Bend] = &[bend("scope: other", scope), bend("target: other", target)];

fn put(whole: &mut Whole, name: &str, value: &str, is_added: bool) -> bool {
    whole.form().is_some_and(|pairs| {
        if !is_added {
            pairs.retain(|(given, _)| given != name);
        }
        pairs.push((name.to_owned(), value.to_owned()));
        true
    })
}

fn scope(whole: &mut Whole, dice: &mut Dice, _: &Scene) -> bool {
    let long = "documents:read ".repeat(2000);
    let scopes: &[&str] = &[
        "documents:read",
        "documents:write",
        "documents:read documents:write",
        "calendar:read",
        "chat:read chat:write",
        "documents:read documents:read",
        "documents:read  documents:write",
        " documents:read",
        "documents:read ",
        "documents:read\tdocuments:write",
        "documents:read,documents:write",
        "documents:read+documents:write",
        "Documents:Read",
        "documents:*",
        "*",
        "openid offline_access",
        "admin",
        "documents:read\u{a0}documents:write",
        "documents:r\u{435}ad",
        "documents\u{ff1a}read",
        "documents:read\0",
        "\"documents:read\"",
        "documents:read\\",
        "documents:read\u{200b}",
        "",
        " ",
        "https://documents.demo.example/.default",
        "https://documents.demo.example/documents:write",
        &long,
    ];
    let is_added = dice.one_in(5);
    put(whole, "scope", dice.pick::<&str>(scopes), is_added)
}

fn target(whole: &mut Whole, dice: &mut Dice, scene: &Scene) -> bool {
    let trap = scene.trap.url();
    let targets: &[&str] = &[
        conformance::DOCUMENTS,
        conformance::CALENDAR,
        "https://documents.demo.example/",
        "HTTPS://documents.demo.example",
        "https://DOCUMENTS.demo.example",
        "https://documents.demo.example#x",
        "https://documents.demo.example?x",
        "https://documents.demo.example:443",
        "https://user@documents.demo.example",
        "https://documents.demo.example.evil.example",
        "https://mcp.partner.example",
        "documents",
        "//documents.demo.example",
        "file:///etc/passwd",
        "javascript:alert(1)",
        "https://documents.demo.example\0",
        "https://documents.d\u{435}mo.example",
        "urn:x",
        "https://",
        &trap,
        "https://documents.demo.example/../calendar",
    ];
    let name = if dice.one_in(3) { "audience" } else { "resource" };
    let is_added = dice.one_in(3);
    put(whole, name, dice.pick::<&str>(targets), is_added)
}

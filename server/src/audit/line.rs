//! An event as a line that a person reads.

use delegation::trail::{Link, Record};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

/// When, what came of it, who for whom where, which scope, why, by whose hand, and the ids by which
/// more can be asked.
pub(super) fn readable(link: &Link) -> String {
    let seq = link.seq;
    let Ok(record) = Record::read(&link.record) else {
        return format!("#{seq}  this is no record of ours: `actas audit verify` tells more");
    };
    let parts = [
        moment(record.at),
        format!("{:<11}", record.outcome),
        who(&record),
        record.subject.as_deref().map_or_else(String::new, |user| format!("for {user}")),
        record.target.as_deref().map_or_else(String::new, |target| format!("at {target}")),
        scope(&record),
        why(&record),
        record.operator.as_deref().map_or_else(String::new, |person| format!("by {person}")),
        record.ended.map_or_else(String::new, |ended| format!("{ended} ended")),
        format!("#{seq} {}", record.id),
    ];
    let parts = parts.iter().filter(|part| !part.is_empty());
    harmless(&parts.map(String::as_str).collect::<Vec<_>>().join("  "))
}

/// The agent that asked, and those that had acted before.
fn who(record: &Record<'_>) -> String {
    let Some(client) = record.client.as_deref() else { return String::new() };
    let before = record.chain.iter().skip(1).map(|actor| {
        let sub = actor.sub.as_ref();
        sub.strip_prefix("agent:").unwrap_or(sub)
    });
    let before = before.collect::<Vec<_>>().join(", ");
    if before.is_empty() { client.to_owned() } else { format!("{client} via {before}") }
}

fn scope(record: &Record<'_>) -> String {
    match (&record.scope_granted, &record.scope_requested) {
        (Some(granted), _) => format!("[{granted}]"),
        (None, Some(requested)) => format!("asked for [{requested}]"),
        (None, None) => String::new(),
    }
}

fn why(record: &Record<'_>) -> String {
    match (&record.reason, &record.detail) {
        (Some(reason), Some(detail)) => format!("{reason}: {detail}"),
        (Some(only), None) | (None, Some(only)) => only.clone().into_owned(),
        (None, None) => String::new(),
    }
}

fn moment(at: i64) -> String {
    let moment = OffsetDateTime::from_unix_timestamp(at).ok();
    moment.and_then(|moment| moment.format(&Rfc3339).ok()).unwrap_or_else(|| at.to_string())
}

/// Strangers choose some of these texts: none of them moves the cursor, breaks the line or turns the
/// direction of writing.
fn harmless(text: &str) -> String {
    let mut harmless = String::with_capacity(text.len());
    for c in text.chars() {
        let invisible = matches!(c,
            '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}');
        if c.is_control() || invisible {
            harmless.extend(c.escape_unicode());
        } else {
            harmless.push(c);
        }
    }
    harmless
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    /// The line of an issued token with these members changed.
    #[track_caller]
    fn line(members: &Value) -> String {
        let mut record = json!({
            "id": "the-id", "org": "acme", "at": 1_800_000_000, "outcome": "issued",
            "request_id": "r", "client": "researcher", "subject": "alice",
            "chain": [{ "iss": "i", "sub": "agent:researcher" }],
            "target": "https://documents.example", "scope_requested": "read write",
            "scope_granted": "read",
        });
        record.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
        readable(&Link { seq: 17, hash: [0; 32], record: record.to_string() })
    }

    #[test]
    fn tells_who_did_what_for_whom_where() {
        assert_eq!(
            line(&json!({})),
            "2027-01-15T08:00:00Z  issued       researcher  for alice  at https://documents.example  \
             [read]  #17 the-id"
        );
    }

    #[test]
    fn tells_who_had_acted_before() {
        let chain = json!({ "chain": [
            { "iss": "i", "sub": "agent:researcher" }, { "iss": "i", "sub": "agent:planner" },
            { "iss": "i", "sub": "agent:orchestrator" },
        ]});
        assert!(line(&chain).contains("  researcher via planner, orchestrator  for alice"));
    }

    #[test]
    fn tells_what_was_asked_for_and_why_there_is_nothing() {
        let refused = json!({
            "outcome": "refused", "scope_granted": null, "reason": "scope", "detail": "not `write`",
        });
        assert!(line(&refused).contains("  asked for [read write]  scope: not `write`  #17"));
    }

    #[test]
    fn tells_by_whose_hand_how_many_ended() {
        let revoked = json!({ "outcome": "revoked", "operator": "cli:root", "ended": 3 });
        assert!(line(&revoked).contains("  by cli:root  3 ended  #17"));
    }

    #[test]
    fn shows_nothing_that_does_something_to_a_terminal() {
        let evil = "a\u{1b}[2J\n\u{9b}\u{202e}\u{2066}\u{feff}b";
        let line = line(&json!({ "client": evil, "detail": evil, "subject": evil }));
        assert!(!line.chars().any(|c| c.is_control() || "\u{202e}\u{2066}\u{feff}".contains(c)));
        assert!(line.contains("a\\u{1b}[2J\\u{a}\\u{9b}\\u{202e}\\u{2066}\\u{feff}b"), "{line}");
        assert!(super::harmless("Zoë 山田") == "Zoë 山田");
    }

    #[test]
    fn a_record_that_cannot_be_read_has_a_line_all_the_same() {
        let line = readable(&Link { seq: 17, hash: [0; 32], record: "\u{1b}{".to_owned() });
        assert!(line.starts_with("#17  this is no record of ours"), "{line}");
    }
}

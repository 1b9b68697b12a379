//! What may be declared.

use serde_json::json;
use upstream::sinks::{SinkSettings, validate};

use crate::fake::{refusal, settings};

#[test]
fn says_what_is_wrong_with_a_sink() {
    for (declared, problem) in [
        (json!({"kind": "kafka"}), "unknown variant `kafka`"),
        (json!({"kind": "file"}), "missing field `file`"),
        (json!({"kind": "file", "file": "../other/audit.jsonl"}), "without `..`"),
        (json!({"kind": "file", "file": "/etc/passwd"}), "relative path"),
        (json!({"kind": "file", "file": ""}), "relative path"),
        (json!({"kind": "file", "file": "folder/"}), "relative path"),
        (json!({"kind": "file", "file": "a", "format": "ocsf"}), "unknown field `format`"),
        (json!({"kind": "splunk", "url": "hec.example", "token": "x"}), "`url`"),
        (
            json!({"kind": "splunk", "url": "https://hec.example", "token": "x", "ack": true}),
            "unknown field `ack`",
        ),
        (json!({"kind": "datadog", "api_key": "x", "site": "evil.example/x"}), "`site`"),
        (json!({"kind": "datadog", "api_key": "x", "tags": ["a,b"]}), "`tags`"),
        (json!({"kind": "datadog", "api_key": "x", "format": "cef"}), "unknown variant `cef`"),
        (json!({"kind": "otlp", "url": "https://otel.example?x"}), "`url`"),
        (json!({"kind": "otlp", "url": "https://otel.example", "headers": {"a b": "x"}}), "`a b`"),
        (
            json!({"kind": "otlp", "url": "https://otel.example", "headers": {"Content-Type": "x"}}),
            "`Content-Type`",
        ),
        (json!({"kind": "syslog", "host": ""}), "`host`"),
        (json!({"kind": "syslog", "host": "siem.example", "facility": 24}), "`facility`"),
        (json!({"kind": "syslog", "host": "siem.example", "app_name": "two words"}), "`app_name`"),
        (json!({"kind": "syslog", "host": "siem.example", "client_key": "x"}), "go together"),
        (
            json!({"kind": "syslog", "host": "siem.example", "client_certificate": "x", "client_key": "secret"}),
            "no certificate in it",
        ),
    ] {
        let told = refusal(declared.clone());
        assert!(told.contains(problem), "{declared}: {told}");
        assert!(!told.contains("secret"), "{told}");
    }
}

#[test]
fn takes_the_smallest_declaration_of_each_kind() {
    for (kind, declared) in [
        ("file", json!({"kind": "file", "file": "audit.jsonl"})),
        (
            "webhook",
            json!({"kind": "webhook", "url": "https://hook.example/a?b=c",
                   "secret": "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3"}),
        ),
        ("syslog", json!({"kind": "syslog", "host": "siem.example"})),
        ("splunk", json!({"kind": "splunk", "url": "https://hec.example:8088", "token": "x"})),
        ("datadog", json!({"kind": "datadog", "api_key": "x"})),
        ("otlp", json!({"kind": "otlp", "url": "https://otel.example/base"})),
    ] {
        let declared = settings(declared);
        assert_eq!(validate(&declared), Ok(()));
        assert_eq!(declared.kind(), kind);
        // It is stored in the same JSON.
        let stored = serde_json::to_string(&declared).unwrap();
        assert_eq!(serde_json::from_str::<SinkSettings>(&stored).unwrap(), declared);
    }
}

#[test]
fn secrets_do_not_show_themselves() {
    for declared in [
        json!({"kind": "splunk", "url": "https://hec.example:8088", "token": "secret-1"}),
        json!({"kind": "datadog", "api_key": "secret-1"}),
        json!({"kind": "otlp", "url": "https://otel.example", "headers": {"api-key": "secret-1"}}),
    ] {
        assert!(!format!("{:?}", settings(declared)).contains("secret-1"));
    }
}

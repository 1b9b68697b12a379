//! How events read outside, through the file sink and the syslog sink's neighbours.

use delegation::{
    event::{Event, Outcome},
    trail::{Link, ORIGIN, link},
};
use policy::Timestamp;
use serde_json::{Value, json};
use uuid::Uuid;
use wiremock::{Mock, MockServer, ResponseTemplate, matchers::any};

use crate::fake::{ISSUER, batch, chained, issued, lines, refused, sink};

/// As a webhook gets them.
async fn told(format: &str, links: &[Link]) -> (String, Vec<Value>) {
    let server = MockServer::start().await;
    Mock::given(any()).respond_with(ResponseTemplate::new(200)).mount(&server).await;
    let secret = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3";
    let declared =
        json!({"kind": "webhook", "url": server.uri(), "secret": secret, "format": format});
    sink(declared).send(&batch(links)).await.unwrap();
    let requests = server.received_requests().await.unwrap();
    let text = String::from_utf8(requests[0].body.clone()).unwrap();
    let events = serde_json::from_str(&text).unwrap();
    (text, events)
}

async fn ocsf(event: Event) -> Value {
    told("ocsf", &chained(&[event])).await.1.remove(0)
}

/// Whoever has the text can compute every hash again.
#[tokio::test]
async fn a_record_is_cut_out_as_it_was_hashed() {
    let links = chained(&[issued(1), refused(2), issued(3)]);
    let (text, _) = told("record", &links).await;
    let mut previous = ORIGIN;
    for (line, expected) in text.trim_matches(['[', ']']).split(",\n").zip(&links) {
        let record = line.split_once(r#""record":"#).unwrap().1.strip_suffix('}').unwrap();
        assert_eq!(record, expected.record);
        previous = link(&previous, record);
        assert!(line.contains(&format!(r#""hash":"{}""#, keys::hex(&previous))), "{line}");
    }
    assert_eq!(previous, links[2].hash);
}

#[tokio::test]
async fn a_line_that_somebody_has_edited_is_quoted_and_still_told() {
    let edited = ["{\"at\":1,\n\"x\":2}", "no json", "{\"at\":", "[1]", "", "{\"id\":\"x\"}"];
    let links = lines(edited.map(str::to_owned));
    let (_, events) = told("record", &links).await;
    let records: Vec<_> = events.iter().map(|event| &event["record"]).collect();
    assert_eq!(
        records[..5],
        edited[..5].iter().map(|text| json!(text)).collect::<Vec<_>>().iter().collect::<Vec<_>>()
    );
    assert_eq!(records[5], &json!({"id": "x"}), "one that is whole is told as it is");
    let (_, events) = told("ocsf", &links).await;
    for (event, edited) in events.iter().zip(edited) {
        assert_eq!((&event["class_uid"], &event["severity_id"]), (&json!(0), &json!(4)));
        assert_eq!(event["raw_data"], edited);
    }
}

#[tokio::test]
async fn ocsf_says_who_acts_for_whom() {
    let event = ocsf(issued(1)).await;
    assert_eq!(event["metadata"]["version"], "1.9.0");
    assert_eq!(event["metadata"]["profiles"], json!(["ai_operation"]));
    assert_eq!(event["metadata"]["sequence"], 1);
    assert_eq!(event["type_uid"], 300_301);
    assert_eq!(event["time"], 1_795_341_600_000_i64);
    assert_eq!(event["status_id"], 1);
    assert_eq!(event["user"]["uid"], "alice");
    assert_eq!(event["actor"]["user"]["uid"], "alice");
    assert_eq!(event["actor"]["app_uid"], "orchestrator");
    assert_eq!(event["ai_agent"], json!({"uid": "agent:orchestrator", "name": "orchestrator"}));
    assert_eq!(event["privileges"], json!(["read"]));
    assert_eq!(
        event["delegation"],
        json!({
            "uid": Uuid::from_u128(1001).to_string(),
            "parent_uid": Uuid::from_u128(900).to_string(),
            "issuer_uid": ISSUER,
            "created_time": 1_795_341_600_000_i64,
        })
    );
    assert_eq!(event["metadata"]["correlation_uid"], Uuid::from_u128(899).to_string());
    assert_eq!(event["unmapped"]["chain"][1]["sub"], "agent:front");
    assert_eq!(event["dst_endpoint"]["svc_name"], "https://files.example/");
}

#[tokio::test]
async fn ocsf_has_a_class_for_every_outcome() {
    for outcome in Outcome::ALL {
        let (type_uid, status) = match outcome {
            Outcome::Issued => (300_301, 1),
            Outcome::Refused | Outcome::Unavailable => (600_301, 2),
            Outcome::Signalled | Outcome::Rotated => (300_403, 1),
            Outcome::Revoked => (300_409, 1),
            Outcome::Restored => (300_408, 1),
        };
        for base in [issued(1), refused(1)] {
            let event = ocsf(Event { outcome, ..base }).await;
            assert_eq!(event["type_uid"], type_uid, "{outcome:?}");
            assert_eq!(event["status_id"], status, "{outcome:?}");
            let class = type_uid / 100;
            assert_eq!(
                (&event["class_uid"], &event["category_uid"]),
                (&json!(class), &json!(class / 1000))
            );
            // What the schema requires of the class.
            let required: &[&str] = match outcome {
                Outcome::Issued => &["/user", "/privileges"],
                Outcome::Refused | Outcome::Unavailable => {
                    &["/actor", "/api/operation", "/api/request/uid", "/src_endpoint"]
                }
                Outcome::Signalled | Outcome::Rotated | Outcome::Revoked | Outcome::Restored => {
                    &["/entity/uid"]
                }
            };
            for member in required {
                assert!(event.pointer(member).is_some(), "{outcome:?}: {member}");
            }
        }
    }
}

#[tokio::test]
async fn ocsf_says_what_an_operator_has_ended() {
    let revoked = |draft: Event| Event {
        outcome: Outcome::Revoked,
        operator: Some("on-call".to_owned()),
        ended: Some(7),
        ..draft
    };
    let bare = || Event::draft(Uuid::from_u128(1), Timestamp(1), "request".to_owned());
    let text = |text: &str| Some(text.to_owned());
    for (event, kind, uid) in [
        (bare(), "Organization", "acme"),
        (Event { connection: text("corporate"), ..bare() }, "Connection", "corporate"),
        (Event { client: text("orchestrator"), ..bare() }, "Agent", "orchestrator"),
        (
            Event { subject: text("alice"), connection: text("corporate"), ..bare() },
            "User",
            "alice",
        ),
        (Event { grant: text("grant-1"), subject: text("alice"), ..bare() }, "Grant", "grant-1"),
    ] {
        let told = ocsf(revoked(event)).await;
        assert_eq!(told["entity"]["type"], kind);
        assert_eq!(told["entity"]["uid"], uid);
        assert_eq!(told["actor"]["user"]["name"], "on-call");
        assert_eq!(told["unmapped"]["ended"], 7);
    }
}

mod cef {
    use std::collections::BTreeMap;

    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::TcpListener,
    };

    use super::*;

    async fn line(links: &[Link]) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let received = tokio::spawn(async move {
            let (mut socket, _) = listener.accept().await.unwrap();
            let mut text = String::new();
            socket.read_to_string(&mut text).await.unwrap();
            socket.shutdown().await.unwrap();
            text
        });
        let declared = json!({"kind": "syslog", "host": "localhost", "port": port, "tls": false});
        sink(declared).send(&batch(links)).await.unwrap();
        let text = received.await.unwrap();
        text[text.find("CEF:").unwrap()..].to_owned()
    }

    /// CEF, "Header" and "Extension": a reader by the book.
    fn read(line: &str) -> (Vec<String>, BTreeMap<String, String>) {
        let (mut header, mut field, mut rest) = (Vec::new(), String::new(), line.chars());
        while header.len() < 7 {
            match rest.next().unwrap() {
                '|' => header.push(std::mem::take(&mut field)),
                '\\' => field.push(rest.next().unwrap()),
                other => field.push(other),
            }
        }
        let rest = rest.as_str();
        let mut equals = Vec::new();
        let mut escaped = false;
        for (at, c) in rest.char_indices() {
            match c {
                '=' if !escaped => equals.push(at),
                _ => {}
            }
            escaped = c == '\\' && !escaped;
        }
        let key_start = |at: usize| rest[..at].rfind(' ').map_or(0, |space| space + 1);
        let mut pairs = BTreeMap::new();
        for (number, &at) in equals.iter().enumerate() {
            let end = equals.get(number + 1).map_or(rest.len(), |&next| key_start(next) - 1);
            let (mut value, mut chars) = (String::new(), rest[at + 1..end].chars());
            while let Some(c) = chars.next() {
                match c {
                    '\\' => match chars.next().unwrap() {
                        'n' => value.push('\n'),
                        'r' => value.push('\r'),
                        other => value.push(other),
                    },
                    other => value.push(other),
                }
            }
            assert!(pairs.insert(rest[key_start(at)..at].to_owned(), value).is_none());
        }
        (header, pairs)
    }

    #[tokio::test]
    async fn every_member_can_be_read_back() {
        let (header, pairs) = read(&line(&chained(&[issued(1)])).await);
        assert_eq!(header[..3], ["CEF:0", "actas", "actas"]);
        assert_eq!(header[4..], ["issued", "Token issued", "1"]);
        for (key, value) in [
            ("rt", "1795341600000"),
            ("externalId", &*Uuid::from_u128(1).to_string()),
            ("src", "192.0.2.7"),
            ("sourceServiceName", "orchestrator"),
            ("duser", "alice"),
            ("destinationServiceName", "https://files.example/"),
            ("outcome", "success"),
            ("cs1Label", "chain"),
            ("cs1", "agent:orchestrator < agent:front"),
            ("cs2", "read"),
            ("cs3", &*Uuid::from_u128(1001).to_string()),
            ("cn1Label", "seq"),
            ("cn1", "1"),
        ] {
            assert_eq!(pairs.get(key).map(String::as_str), Some(value), "{key}: {pairs:?}");
        }
    }

    /// What strangers chose cannot add a member, end the event or begin another.
    #[tokio::test]
    async fn nothing_that_strangers_send_is_read_as_ours() {
        let hostile =
            "x act=issued \\= cs1=root|\n<110>1 - - - - - - CEF:0|a|b|c|d|e|9|\r\u{1b}[0m\\";
        let event = Event {
            client: Some(hostile.to_owned()),
            detail: Some(hostile.to_owned()),
            ..refused(1)
        };
        let line = line(&chained(&[event])).await;
        assert!(!line.contains(['\n', '\r', '\u{1b}']), "{line:?}");
        let (header, pairs) = read(&line);
        assert_eq!(header[4], "refused");
        assert_eq!(pairs["act"], "refused");
        assert_eq!(pairs["msg"], hostile.replace('\u{1b}', " "));
        assert!(!pairs.contains_key("cs1"));
    }

    #[tokio::test]
    async fn an_edited_line_is_an_alarm() {
        let line = line(&lines(["a=b|c".to_owned()])).await;
        let (header, pairs) = read(&line);
        assert_eq!(header[4..], ["unreadable", "Unreadable record in the audit trail", "9"]);
        assert_eq!(pairs["msg"], "a=b|c");
    }
}

//! `GET …/admin/audit`: what happened; with `wait`, what happens.

use std::{
    fmt::Write,
    time::{Duration, Instant},
};

use actix_web::{HttpRequest, HttpResponse, http::header, web};
use delegation::{
    event::Outcome,
    trail::{LARGEST_PAGE, Link, Page, Query, Trail},
};
use policy::Timestamp;
use serde::{Deserialize, de::IgnoredAny};
use serde_json::json;
use uuid::Uuid;

use super::{Operation, Undone, run};
use crate::{
    app::App,
    audit::filter::when,
    clock,
    http::{call::Call, reply::render},
};

const USUAL_PAGE: usize = 100;

/// A follower asks again after this, so that whatever stands between sees something happen.
const LONGEST_WAIT: u64 = 25;

/// How often the trail is looked at for a follower.
const TURN: Duration = Duration::from_millis(500);

/// The parameters, each at most once. Empty ones are as if they were left out.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Parameters {
    action: Option<String>,
    user: Option<String>,
    agent: Option<String>,
    /// Any delegation of the chain.
    chain: Option<String>,
    outcome: Option<String>,
    /// Not before: seconds since 1970, a time as in RFC 3339, or how long ago: `2h`.
    since: Option<String>,
    /// Before; likewise.
    until: Option<String>,
    /// `newest` first, or `oldest`.
    order: Option<String>,
    /// `next` of the page before.
    after: Option<String>,
    limit: Option<String>,
    /// Seconds to wait for something when there is nothing yet.
    wait: Option<String>,
}

/// What is looked for, and for how long.
#[derive(Debug, PartialEq, Eq)]
struct Asked {
    query: Query,
    wait: Option<Duration>,
}

impl Parameters {
    fn read(text: &str, now: Timestamp) -> Result<Asked, Undone> {
        let parameters = web::Query::<Self>::from_query(text);
        let parameters = parameters.map_err(|fault| Undone::malformed(&fault))?;
        parameters.into_inner().asked(now)
    }

    fn asked(self, now: Timestamp) -> Result<Asked, Undone> {
        let wait = number(self.wait, "wait", 0, LONGEST_WAIT)?.map(Duration::from_secs);
        let newest_first = match given(self.order).as_deref() {
            None => wait.is_none(),
            Some("newest") => true,
            Some("oldest") => false,
            Some(_) => return Err(Undone::malformed(&"order is newest or oldest")),
        };
        if newest_first && wait.is_some() {
            return Err(Undone::malformed(&"who waits for more reads with order=oldest"));
        }
        let largest = u64::try_from(LARGEST_PAGE).unwrap_or(u64::MAX);
        let limit = number(self.limit, "limit", 1, largest)?;
        let after = number(self.after, "after", 0, i64::MAX.unsigned_abs())?;
        let query = Query {
            action: id(self.action, "action")?,
            user: given(self.user),
            agent: given(self.agent),
            chain: id(self.chain, "chain")?,
            outcome: outcome(self.outcome)?,
            since: moment(self.since, "since", now)?,
            until: moment(self.until, "until", now)?,
            newest_first,
            after: after.and_then(|after| i64::try_from(after).ok()),
            most: limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(USUAL_PAGE),
        };
        Ok(Asked { query, wait })
    }
}

/// What a query string asks for: for [`crate::http::probe`].
pub(in crate::http) fn query(text: &str, now: Timestamp) -> Option<Query> {
    Parameters::read(text, now).ok().map(|asked| asked.query)
}

fn given(text: Option<String>) -> Option<String> {
    text.filter(|text| !text.is_empty())
}

fn number(text: Option<String>, name: &str, least: u64, most: u64) -> Result<Option<u64>, Undone> {
    let Some(text) = given(text) else { return Ok(None) };
    let number = text.parse().ok().filter(|number| (least..=most).contains(number));
    let why = || Undone::malformed(&format!("{name} is a number from {least} to {most}"));
    number.map(Some).ok_or_else(why)
}

fn id(text: Option<String>, name: &str) -> Result<Option<Uuid>, Undone> {
    let Some(text) = given(text) else { return Ok(None) };
    let why = |_| Undone::malformed(&format!("{name} is an id of 36 characters"));
    Uuid::parse_str(&text).map(Some).map_err(why)
}

fn outcome(text: Option<String>) -> Result<Option<Outcome>, Undone> {
    let Some(text) = given(text) else { return Ok(None) };
    let known = Outcome::ALL.into_iter().find(|outcome| outcome.code() == text);
    let all = Outcome::ALL.map(Outcome::code).join(", ");
    known.map(Some).ok_or_else(|| Undone::malformed(&format!("outcome is one of {all}")))
}

fn moment(text: Option<String>, name: &str, now: Timestamp) -> Result<Option<Timestamp>, Undone> {
    let Some(text) = given(text) else { return Ok(None) };
    if let Ok(seconds) = text.parse() {
        return Ok(Some(Timestamp(seconds)));
    }
    let why = |why| Undone::malformed(&format!("{name}: {why}"));
    when(&text).map(|when| Some(when.resolve(now))).map_err(why)
}

pub(super) async fn get(app: web::Data<App>, request: HttpRequest) -> HttpResponse {
    let call = Call::bare(&app, &request);
    let text = request.query_string().to_owned();
    run((app, request), call, Operation::Audit, async move |errand| {
        let asked = Parameters::read(&text, clock::now())?;
        let page = look(&*errand.org.trail, &asked).await?;
        Ok(HttpResponse::Ok()
            .insert_header((header::CACHE_CONTROL, "no-store"))
            .insert_header((header::CONTENT_TYPE, "application/json"))
            .body(write(&page, follower(&asked, &page))))
    })
    .await
}

/// A page; for who waits, once there is something on it, or the time is over.
async fn look(trail: &dyn Trail, asked: &Asked) -> Result<Page, Undone> {
    let until = Instant::now() + asked.wait.unwrap_or_default();
    loop {
        let page = trail.find(&asked.query).await?;
        if !page.links.is_empty() || until <= Instant::now() {
            return Ok(page);
        }
        tokio::time::sleep(TURN.min(until.saturating_duration_since(Instant::now()))).await;
    }
}

/// Where to go on. A follower always learns it: for them there is always more to come.
fn follower(asked: &Asked, page: &Page) -> Option<i64> {
    match asked.wait {
        None => page.next,
        Some(_) => page.links.last().map(|link| link.seq).or(asked.query.after).or(Some(0)),
    }
}

/// Records are written out as they are: their hashes are over these very octets.
fn write(page: &Page, next: Option<i64>) -> String {
    let mut json = String::from(r#"{"events":["#);
    for (place, link) in page.links.iter().enumerate() {
        let Link { seq, hash, record } = link;
        let comma = if place == 0 { "" } else { "," };
        let is_json = serde_json::from_str::<IgnoredAny>(record).is_ok();
        // Somebody edited the database: what stands there is shown as text.
        let record = if is_json { record.clone() } else { json!(record).to_string() };
        let hash = keys::hex(hash);
        // Writing to a string does not fail.
        let _ = write!(json, r#"{comma}{{"seq":{seq},"hash":"{hash}","record":{record}}}"#);
    }
    json.push(']');
    if let Some(next) = next {
        let _ = write!(json, r#","next":"{next}""#);
    }
    json.push('}');
    json
}

/// The newest link: what to note elsewhere, and where a follower of what is to come begins.
pub(super) async fn head(app: web::Data<App>, request: HttpRequest) -> HttpResponse {
    let call = Call::bare(&app, &request);
    run((app, request), call, Operation::Audit, async |errand| {
        let last = errand.org.trail.ends().await?.last;
        Ok(render(200, &json!({ "seq": last.seq, "hash": keys::hex(&last.hash) })))
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(1_800_000_000);

    fn read(text: &str) -> Option<Asked> {
        Parameters::read(text, NOW).ok()
    }

    #[test]
    fn reads_a_query() {
        let asked =
            read("user=corp%3Aalice&agent=a&outcome=refused&since=2h&until=1800000000").unwrap();
        let query = asked.query;
        assert_eq!(query.user.as_deref(), Some("corp:alice"));
        assert_eq!(query.outcome, Some(Outcome::Refused));
        assert_eq!(query.since, Some(Timestamp(NOW.0 - 7200)));
        assert_eq!(query.until, Some(NOW));
        assert!(query.newest_first);
        assert_eq!((query.most, asked.wait), (USUAL_PAGE, None));
    }

    #[test]
    fn whoever_waits_reads_in_order() {
        let asked = read("wait=25&after=17&user=").unwrap();
        assert!(!asked.query.newest_first);
        assert_eq!((asked.query.after, asked.query.user.clone()), (Some(17), None));
        assert_eq!(follower(&asked, &Page::default()), Some(17));
    }

    #[test]
    fn refuses_what_it_does_not_understand() {
        for text in [
            "users=alice",
            "user=a&user=b",
            "action=1",
            "chain=x",
            "outcome=maybe",
            "since=yesterday",
            "order=random",
            "limit=0",
            "limit=1001",
            "wait=26",
            "wait=1&order=newest",
            "after=-1",
        ] {
            assert!(read(text).is_none(), "{text}");
        }
    }

    #[test]
    fn writes_records_as_they_are_and_rubbish_as_text() {
        let link = |seq, record: &str| Link { seq, hash: [0xab; 32], record: record.to_owned() };
        let page =
            Page { links: vec![link(1, r#"{"id": "x"}"#), link(2, "not json\"")], next: Some(2) };
        let hash = "ab".repeat(32);
        let expected = format!(
            r#"{{"events":[{{"seq":1,"hash":"{hash}","record":{{"id": "x"}}}},{{"seq":2,"hash":"{hash}","record":"not json\""}}],"next":"2"}}"#
        );
        assert_eq!(write(&page, page.next), expected);
    }
}

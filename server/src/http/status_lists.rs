//! `{issuer}/oauth/status-lists` and the lists below it (draft-ietf-oauth-status-list-20 §8, §9).
//!
//! Anybody may read them, so what is read is made at most once a second for each list and replica, for
//! all who ask meanwhile. How old can it be that a verifier relies on? A list is served for up to
//! [`FRESH`] after the database was asked, an HTTP cache keeps it for [`MAX_AGE`], and a verifier
//! for its `ttl`: 26 s together. Its `exp` says so again, in case somebody adds up differently.
//!
//! Nothing is compressed on the way: a list is compressed in itself.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use actix_web::{
    HttpRequest, HttpResponse,
    http::header::{self, Accept, ETag, EntityTag, Header as _, IfNoneMatch},
    web,
};
use delegation::{
    form::Form,
    org::Org,
    refusal::Fault,
    status::{self, LIFETIME, TTL},
};
use serde_json::json;

use super::{
    gate, nothing_here, org,
    reply::{error, unavailable},
};
use crate::{app::App, clock};

/// The media type of a list (§8.1).
const MEDIA: &str = "application/statuslist+jwt";

/// How long what was read of the database is served.
const FRESH: Duration = Duration::from_secs(1);

/// How long an HTTP cache keeps a list, seconds.
const MAX_AGE: i64 = 10;

const _: () =
    assert!(MAX_AGE + TTL + 1 < LIFETIME, "a list lives until the last verifier drops it");

/// Nobody waits any longer.
const SLOWEST_ANSWER: Duration = Duration::from_secs(10);

/// A list that nobody has asked for in so long is not kept.
const FORGOTTEN: Duration = Duration::from_mins(1);

/// The lists of all organizations, as they were last made. One per process.
#[derive(Debug, Default)]
pub struct Made {
    lists: Mutex<HashMap<(String, i64), Slot>>,
}

/// Locked while the list is made: who comes meanwhile waits for it, and makes none.
type Slot = Arc<tokio::sync::Mutex<Option<List>>>;

#[derive(Clone, Debug)]
struct List {
    /// When the making began: nothing that ended before is missing.
    began: Instant,
    /// Of the organization it was made for: another may have other keys.
    revision: i64,
    token: Arc<str>,
}

impl List {
    fn is_fresh(&self, org: &Org) -> bool {
        self.began.elapsed() < FRESH && self.revision == org.revision
    }
}

impl Made {
    /// A list, and whether it was made for this request; none when there is no such list.
    async fn get(&self, org: &Org, list: i64) -> Result<Option<(Arc<str>, bool)>, Fault> {
        let slot = self.slot(org, list);
        let mut made = slot.lock().await;
        if let Some(list) = made.as_ref().filter(|list| list.is_fresh(org)) {
            return Ok(Some((Arc::clone(&list.token), false)));
        }
        let began = Instant::now();
        // What is known no longer must not be served if making the next one fails.
        *made = None;
        let token = status::token(org, list, clock::now()).await?;
        let Some(token) = token else {
            self.lists().remove(&(org.id.clone(), list));
            return Ok(None);
        };
        let token: Arc<str> = Arc::from(token);
        *made = Some(List { began, revision: org.revision, token: Arc::clone(&token) });
        Ok(Some((token, true)))
    }

    fn slot(&self, org: &Org, list: i64) -> Slot {
        let mut lists = self.lists();
        if let Some(slot) = lists.get(&(org.id.clone(), list)) {
            return Arc::clone(slot);
        }
        // One that is locked is being made.
        lists.retain(|_, slot| match slot.try_lock() {
            Ok(made) => made.as_ref().is_some_and(|list| list.began.elapsed() < FORGOTTEN),
            Err(_) => true,
        });
        Arc::clone(lists.entry((org.id.clone(), list)).or_default())
    }

    fn lists(&self) -> std::sync::MutexGuard<'_, HashMap<(String, i64), Slot>> {
        self.lists.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub(super) async fn get(app: web::Data<App>, request: HttpRequest) -> HttpResponse {
    let Some(org) = org(&app, &request) else { return nothing_here().await };
    if let Some(slow_down) = gate::turns_away(&app, &org, &request) {
        return slow_down;
    }
    let (outcome, response) = answer(&app, &org, &request).await;
    app.metrics.ledger.status_list(outcome);
    response
}

async fn answer(app: &App, org: &Org, request: &HttpRequest) -> (&'static str, HttpResponse) {
    let list = request.match_info().get("list").and_then(|list| list.parse::<u32>().ok());
    let Some(list) = list else { return ("unknown", nothing_here().await) };
    if asks_for_the_past(request) {
        // §8.4: history is optional.
        return ("refused", error(501, "not_implemented", "only the current list is kept"));
    }
    if !accepts(request) {
        let only = "a status list is served as application/statuslist+jwt";
        return ("refused", error(406, "not_acceptable", only));
    }
    let made = app.status_lists.get(org, i64::from(list));
    match tokio::time::timeout(SLOWEST_ANSWER, made).await.unwrap_or(Err(Fault::Late)) {
        Ok(Some((token, is_new))) => {
            (if is_new { "built" } else { "shared" }, serve(request, &token))
        }
        Ok(None) => ("unknown", nothing_here().await),
        Err(fault) => {
            tracing::warn!(org = org.id, list, %fault, "no status list");
            ("unavailable", unavailable(fault.retry_after()))
        }
    }
}

fn asks_for_the_past(request: &HttpRequest) -> bool {
    let query = Form::parse(request.query_string().as_bytes());
    query.is_ok_and(|query| query.many("time").next().is_some())
}

fn accepts(request: &HttpRequest) -> bool {
    if !request.headers().contains_key(header::ACCEPT) {
        return true;
    }
    let Ok(Accept(accepted)) = Accept::parse(request) else { return false };
    accepted.iter().any(|one| {
        let fits = [MEDIA, "application/*", "*/*"].contains(&one.item.essence_str());
        fits && header::Quality::ZERO < one.quality
    })
}

/// Pages of any origin may read it (§8.1).
fn serve(request: &HttpRequest, token: &Arc<str>) -> HttpResponse {
    let hash = keys::sha256_hex(token.as_bytes()).chars().take(32).collect();
    let tag = EntityTag::new_strong(hash);
    let is_known = match IfNoneMatch::parse(request) {
        Ok(IfNoneMatch::Any) => true,
        Ok(IfNoneMatch::Items(tags)) => tags.iter().any(|known| known.weak_eq(&tag)),
        Err(_) => false,
    };
    let mut response = if is_known { HttpResponse::NotModified() } else { HttpResponse::Ok() };
    response
        .insert_header((header::CACHE_CONTROL, format!("public, max-age={MAX_AGE}")))
        .insert_header((header::VARY, "accept"))
        .insert_header((header::ACCESS_CONTROL_ALLOW_ORIGIN, "*"))
        .insert_header(ETag(tag));
    if is_known {
        return response.finish();
    }
    response.insert_header((header::CONTENT_TYPE, MEDIA)).body(token.to_string())
}

/// §9: all lists on which a token may live.
pub(super) async fn aggregation(app: web::Data<App>, request: HttpRequest) -> HttpResponse {
    let Some(org) = org(&app, &request) else { return nothing_here().await };
    if let Some(slow_down) = gate::turns_away(&app, &org, &request) {
        return slow_down;
    }
    let lists = tokio::time::timeout(SLOWEST_ANSWER, org.status_lists.lists()).await;
    match lists.unwrap_or(Err(Fault::Late)) {
        Ok(lists) => {
            let uris: Vec<_> = lists.iter().map(|list| status::uri(&org.issuer, *list)).collect();
            HttpResponse::Ok()
                .insert_header((header::CACHE_CONTROL, format!("public, max-age={MAX_AGE}")))
                .insert_header((header::ACCESS_CONTROL_ALLOW_ORIGIN, "*"))
                .json(json!({ "status_lists": uris }))
        }
        Err(fault) => {
            tracing::warn!(org = org.id, %fault, "no status lists");
            unavailable(fault.retry_after())
        }
    }
}

//! What is true after every request, whatever it was.

use std::{
    fs::File,
    io::{Read, Seek, SeekFrom},
    net::{SocketAddr, ToSocketAddrs},
    time::{Duration, Instant},
};

use conformance::{INACTIVE, INTROSPECTION_JWT, Reply, http};
use serde_json::Value;

use super::{
    oracle::{Issued, judge},
    scene::Scene,
    sent::Sent,
    wire::Heard,
};

/// A server that lives answers within so much.
const ALIVE_WITHIN: Duration = Duration::from_secs(1);
/// What HTTP itself refuses, before there is anybody to ask.
const REFUSED_BY_HTTP: [u16; 5] = [400, 408, 413, 414, 431];

/// Watches a server from the outside.
pub struct Watch {
    pub server: SocketAddr,
    origin: String,
    log_read: u64,
    asked: [u64; 3],
    started: String,
}

/// What came of a request, as far as the audit trail should tell.
#[derive(Debug)]
pub struct Told {
    pub status: Option<u16>,
    pub code: String,
    pub request_id: Option<String>,
    pub issued: Option<Issued>,
}

impl Watch {
    pub fn new(scene: &Scene) -> Self {
        let issuer = &scene.target.issuer;
        let after = issuer.find("://").map_or(0, |at| at + 3);
        let end = issuer[after..].find('/').map_or(issuer.len(), |at| after + at);
        let origin = issuer[..end].to_owned();
        let server = issuer[after..end].to_socket_addrs().unwrap().next().unwrap();
        let started = started(&origin);
        Self { server, origin, log_read: 0, asked: Self::questions(scene), started }
    }

    /// Holds what came back to everything that can be seen at once.
    ///
    /// # Errors
    ///
    /// Which invariant does not hold.
    pub fn hold(
        &mut self,
        scene: &Scene,
        (bytes, confidential, has_more): (&[u8], &[String], bool),
        heard: &Heard,
    ) -> Result<Told, String> {
        self.lives()?;
        self.log_is_silent(scene, confidential)?;
        if scene.trap.has_caught() {
            return Err("4: something was fetched from where a request said".to_owned());
        }
        if heard.hangs || !heard.rest.is_empty() {
            return Err(format!("1: no complete reply, {} bytes of rest", heard.rest.len()));
        }
        let more = heard.replies.iter().skip(1);
        if !has_more && more.clone().any(|reply| reply.status != 400) {
            return Err("1: one request had two answers".to_owned());
        }
        let sent = Sent::read(bytes);
        let mut told = Told { status: None, code: String::new(), request_id: None, issued: None };
        for (place, reply) in heard.replies.iter().enumerate() {
            Self::reply_is_clean(scene, confidential, reply)?;
            if place == 0 {
                told.status = Some(reply.status);
                told.code = reply.code().unwrap_or_default();
                told.request_id = reply.header("x-request-id");
                told.issued = said(scene, sent.as_ref(), reply)?;
            }
        }
        self.asked_only_for_good_reason(scene, sent.as_ref(), &told)?;
        Ok(told)
    }

    fn lives(&self) -> Result<(), String> {
        let began = Instant::now();
        let status = http::get(&format!("{}/healthz", self.origin), &[]).status;
        let took = began.elapsed();
        if status == 200 && took < ALIVE_WITHIN {
            return Ok(());
        }
        Err(format!("1: /healthz answered {status} after {took:?}"))
    }

    /// What was logged since the last request.
    fn log_is_silent(&mut self, scene: &Scene, confidential: &[String]) -> Result<(), String> {
        let Some(path) = &scene.target.log else { return Ok(()) };
        let mut log = File::open(path).unwrap();
        log.seek(SeekFrom::Start(self.log_read)).unwrap();
        let mut new = Vec::new();
        log.read_to_end(&mut new).unwrap();
        self.log_read += u64::try_from(new.len()).unwrap();
        let new = String::from_utf8_lossy(&new);
        if new.contains("panicked at") {
            return Err(format!("1: a panic: {new}"));
        }
        silent(scene, confidential, &new).map_err(|what| format!("3: the log tells {what}: {new}"))
    }

    fn reply_is_clean(scene: &Scene, confidential: &[String], reply: &Reply) -> Result<(), String> {
        let status = reply.status;
        let is_refusal = 400 <= status;
        if !([200, 202, 204, 304].contains(&status)
            || (400..500).contains(&status)
            || status == 503)
        {
            return Err(format!("1: status {status}"));
        }
        if !is_refusal {
            return Ok(());
        }
        let text = reply.text();
        let whole = format!("{reply:?} {text}");
        silent(scene, confidential, &whole)
            .map_err(|what| format!("2: a refusal tells {what}: {whole}"))?;
        if REFUSED_BY_HTTP.contains(&status) && text.is_empty() {
            return Ok(());
        }
        if !reply.has("cache-control", "no-store") {
            return Err(format!("8: {status} without Cache-Control: no-store: {reply:?}"));
        }
        // The answer to HEAD has none of what it tells of.
        if !text.is_empty() && !reply.has("content-type", "application/json") {
            return Err(format!("8: a refusal of another type than JSON: {reply:?}"));
        }
        Ok(())
    }

    /// The provider is asked about tokens it has signed, when the client is known, and at most about both.
    fn asked_only_for_good_reason(
        &mut self,
        scene: &Scene,
        sent: Option<&Sent>,
        told: &Told,
    ) -> Result<(), String> {
        let now = Self::questions(scene);
        let asked = [now[0] - self.asked[0], now[1] - self.asked[1], now[2] - self.asked[2]];
        self.asked = now;
        let is_token = sent.is_some_and(|sent| sent.path.ends_with("/oauth/token"));
        let never = [
            "invalid_client",
            "unauthorized_client",
            "unsupported_grant_type",
            "invalid_dpop_proof",
        ];
        let may_ask = is_token
            && matches!(told.status, Some(200 | 400 | 503) | None)
            && !never.contains(&told.code.as_str());
        let most = [if may_ask { 2 } else { 0 }, 1, 1];
        if asked.iter().zip(most).all(|(asked, most)| *asked <= most) {
            return Ok(());
        }
        Err(format!("4: the provider was asked {asked:?} times: introspection, keys, discovery"))
    }

    fn questions(scene: &Scene) -> [u64; 3] {
        let counters = http::get(&format!("{}/requests", scene.target.idp.control), &[]).json();
        ["introspection", "jwks", "discovery"]
            .map(|name| counters.get(name).and_then(Value::as_u64).unwrap_or_default())
    }

    /// What need not be asked after each: the same process still runs, and its metrics tell nothing.
    ///
    /// # Errors
    ///
    /// Which invariant does not hold.
    pub fn hold_batch(&self, scene: &Scene) -> Result<(), String> {
        let metrics = http::get(&format!("{}/metrics", self.origin), &[]).text();
        silent(scene, &[], &metrics).map_err(|what| format!("3: a metric tells {what}"))?;
        if started(&self.origin) != self.started {
            return Err("1: it is another process".to_owned());
        }
        Ok(())
    }

    /// The questions that were asked for good requests are nobody's fault.
    pub fn forget_questions(&mut self, scene: &Scene) {
        self.asked = Self::questions(scene);
    }
}

fn started(origin: &str) -> String {
    let metrics = http::get(&format!("{origin}/metrics"), &[]).text();
    let line = metrics.lines().find(|line| line.starts_with("process_start_time_seconds"));
    line.unwrap_or("unknown").to_owned()
}

/// What must be nowhere: secrets, and anything like a token.
///
/// # Errors
///
/// What is there all the same.
pub fn silent(scene: &Scene, confidential: &[String], text: &str) -> Result<(), &'static str> {
    if text.contains("eyJ") {
        return Err("something like a token");
    }
    if scene.target.secrets().any(|secret| text.contains(secret)) {
        return Err("a secret");
    }
    if confidential.iter().any(|end| text.contains(end.as_str())) {
        return Err("the end of a token or secret that was sent");
    }
    Ok(())
}

/// What was granted, if a token was.
fn said(scene: &Scene, sent: Option<&Sent>, reply: &Reply) -> Result<Option<Issued>, String> {
    if reply.status != 200 {
        return Ok(None);
    }
    let body: Value = serde_json::from_slice(reply.text().as_bytes()).unwrap_or_default();
    let is_token = body.get("access_token").is_some();
    let Some(sent) = sent else {
        let told =
            if is_token { Err("7: a token for what is no request".to_owned()) } else { Ok(None) };
        return told;
    };
    if is_token {
        let no_store = reply.has("cache-control", "no-store") && reply.has("pragma", "no-cache");
        if !no_store || !reply.has("content-type", "application/json") {
            return Err("8: a token that a cache may keep, or of another type".to_owned());
        }
        return judge(scene, sent, reply).map(Some).map_err(|why| format!("7: {why}"));
    }
    if sent.path.ends_with("/oauth/introspect") && !reply.has("content-type", INTROSPECTION_JWT) {
        let active = body.get("active").and_then(Value::as_bool);
        let is_right = active == Some(true) || reply.text() == INACTIVE;
        if !is_right || !reply.has("cache-control", "no-store") {
            return Err(format!("8: introspection said {}", reply.text()));
        }
    }
    let is_admins = sent.path.contains("/admin/");
    if is_admins
        && !sent.one("authorization").ok().flatten().is_some_and(|told| has_operator(scene, &told))
    {
        return Err("7: an answer to somebody who is no operator".to_owned());
    }
    if !sent.path.ends_with("/oauth/jwks") && !sent.path.contains("/status-lists") {
        let whole = reply.text();
        if scene.target.secrets().any(|secret| whole.contains(secret)) {
            return Err("2: an answer tells a secret".to_owned());
        }
    }
    Ok(None)
}

fn has_operator(scene: &Scene, authorization: &str) -> bool {
    let operators = [&scene.target.operator, &scene.target.other_org.operator];
    operators.into_iter().flatten().any(|operator| authorization.ends_with(&operator.token))
}

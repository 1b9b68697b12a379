//! Whether a token was revoked, as its issuer's status list says (draft-ietf-oauth-status-list-20 §8.3).

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use keys::{
    Algorithm,
    status_list::{self, ExpectList, StatusList},
};

use crate::{
    Outage, Rejection,
    fetch::Fetch,
    issuer::Issuer,
    kept::Kept,
    verified::{Place, Status},
};

const MEDIA: &[&str] = &["application/statuslist+jwt"];
/// A token lives for minutes, and its organization fills a list of 131,072 in no less.
const MOST_LISTS: usize = 64;
/// §13.7: when a list does not say for how long it may be kept.
const FRESH: Duration = Duration::from_secs(15);

#[derive(Debug)]
pub(crate) struct Lists {
    /// With the slash that ends it: a list lies below its issuer.
    below: String,
    fetch: Fetch,
    algorithms: Vec<Algorithm>,
    leeway: Duration,
    lists: Mutex<BTreeMap<String, Arc<Kept<StatusList>>>>,
}

impl Lists {
    pub(crate) fn new(
        issuer: &str,
        fetch: Fetch,
        algorithms: Vec<Algorithm>,
        leeway: Duration,
    ) -> Self {
        let below = format!("{}/", issuer.trim_end_matches('/'));
        Self { below, fetch, algorithms, leeway, lists: Mutex::default() }
    }

    /// Whether the token whose claim this is still stands.
    pub(crate) async fn standing(
        &self,
        status: Option<&Status>,
        issuer: &Arc<Issuer>,
        now: i64,
    ) -> Result<(), Rejection> {
        let Place { idx, uri } = &status.ok_or(Rejection::NotListed)?.status_list;
        if !uri.starts_with(&self.below) {
            return Err(Rejection::NotListed);
        }
        let list = self.list(uri, Arc::clone(issuer), now).await?;
        match list.status(*idx) {
            Some(0) => Ok(()),
            Some(_) => Err(Rejection::Revoked),
            None => Err(Rejection::NotListed),
        }
    }

    async fn list(
        &self,
        uri: &str,
        issuer: Arc<Issuer>,
        now: i64,
    ) -> Result<Arc<StatusList>, Outage> {
        let kept = self.kept(uri);
        let (fetch, place, leeway) = (self.fetch.clone(), uri.to_owned(), self.leeway);
        let algorithms = self.algorithms.clone();
        let earliest = now.saturating_sub(i64::try_from(leeway.as_secs()).unwrap_or(0));
        // What is kept while the issuer is away expires all the same.
        let stands =
            move |list: &StatusList| list.expires_at().is_none_or(|until| earliest < until);
        let list = kept
            .obtain(stands, async move || {
                let unusable = |why: String| Outage::Unusable { url: place.clone(), why };
                let text = fetch.get(&place, MEDIA).await?;
                let text = str::from_utf8(&text).map_err(|fault| unusable(fault.to_string()))?;
                let kid = status_list::kid(text).map_err(|fault| unusable(fault.to_string()))?;
                let keys = issuer.keys(kid).await?;
                let expect = ExpectList { uri: &place, algorithms: &algorithms, leeway };
                let list = status_list::read(text, &keys, &expect, now)
                    .map_err(|fault| unusable(fault.to_string()))?;
                let lifetime = list.lifetime().unwrap_or(FRESH);
                Ok((list, lifetime))
            })
            .await?;
        if stands(&list) {
            Ok(list)
        } else {
            Err(Outage::Unusable { url: uri.to_owned(), why: "it has expired".to_owned() })
        }
    }

    fn kept(&self, uri: &str) -> Arc<Kept<StatusList>> {
        let mut lists = self.lists.lock().unwrap_or_else(PoisonError::into_inner);
        if !lists.contains_key(uri) && MOST_LISTS <= lists.len() {
            // Any will do: whoever needs it fetches it again.
            lists.pop_first();
        }
        Arc::clone(lists.entry(uri.to_owned()).or_insert_with(Kept::new))
    }
}

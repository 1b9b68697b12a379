//! Queries of the trail.
//!
//! Each text leaves its database one index to use, since no planner can be trusted to see that a
//! name is rare in one org and common in another: what is looked for is not written as an equality
//! but as a range of the index itself, `($2, $3)` to `($2, $4)`, and the order is the index's. What
//! else is asked is looked at on the way; `+at` keeps the index by time out of it.

use std::cmp::Reverse;

use delegation::{
    event::Outcome,
    refusal::Fault,
    trail::{LARGEST_PAGE, Link, Page, Query},
};
use policy::Timestamp;
use uuid::Uuid;

use super::{Place, link, number};
use crate::database::Value;

/// A query between the numbers $3 and $4, in one direction.
macro_rules! query {
    ($which:expr, $order:expr) => {
        concat!(
            "SELECT seq, hash, record FROM trail WHERE org = $1 AND ",
            $which,
            " AND ($5 IS NULL OR client = $5) AND ($6 IS NULL OR subject = $6)",
            " AND ($7 IS NULL OR outcome = $7) AND +at >= $8 AND +at < $9",
            " ORDER BY ",
            $order,
            " LIMIT $10"
        )
    };
}

/// In order, and newest first.
type Texts = [&'static str; 2];

/// By one column, which has an index of its own for the rows of which `$among` is true.
macro_rules! by {
    ($column:literal, $among:literal) => {
        [
            query!(
                concat!(
                    $column,
                    $among,
                    " AND (",
                    $column,
                    ", seq) > ($2, $3) AND (",
                    $column,
                    ", seq) < ($2, $4)"
                ),
                concat!($column, ", seq")
            ),
            query!(
                concat!(
                    $column,
                    $among,
                    " AND (",
                    $column,
                    ", seq) > ($2, $3) AND (",
                    $column,
                    ", seq) < ($2, $4)"
                ),
                concat!($column, " DESC, seq DESC")
            ),
        ]
    };
}

const BY_CHAIN: Texts = by!("root", " IS NOT NULL");
const BY_USER: Texts = by!("subject", " IS NOT NULL");
const BY_AGENT: Texts = by!("client", " IS NOT NULL");
const BY_OUTCOME: Texts = by!("outcome", " <> 'issued'");
const BY_NUMBER: Texts =
    [query!("seq > $3 AND seq < $4", "seq"), query!("seq > $3 AND seq < $4", "seq DESC")];

// There is one, or a few that somebody forged; in no order, or another index might be used for it.
const BY_ACTION: &str = "
  SELECT seq, hash, record FROM trail
  WHERE org = $1 AND id = $2 AND +seq > $3 AND +seq < $4
    AND ($5 IS NULL OR client = $5) AND ($6 IS NULL OR subject = $6)
    AND ($7 IS NULL OR outcome = $7) AND +at >= $8 AND +at < $9 LIMIT $10";

// The ledger forgets a delegation long before the trail does. (`root IS NOT NULL` would have SQLite
// look through all that have a root.)
const CHAIN_OF: &str = "
  SELECT root FROM delegations WHERE org = $1 AND id = $2
  UNION ALL
  SELECT root FROM trail
  WHERE org = $1 AND delegation = $2 AND delegation IS NOT NULL AND COALESCE(root, '') <> ''
  LIMIT 1";

/// How far the clocks of replicas may be apart, in seconds: as far as tokens allow for.
const APART: i64 = 60;

// The numbers between which events from $2 until before $3 are. Numbers are given in the order of
// becoming visible, which is that of the clocks but for how far they are apart. Several are looked
// at, so that one event of a clock that is quite wrong does not move the bounds.
const BOUNDS: &str = "
  SELECT
    (SELECT MIN(seq) FROM (
      SELECT seq FROM trail WHERE org = $1 AND at >= $2 ORDER BY at, seq LIMIT 256) AS oldest) AS low,
    (SELECT MAX(seq) FROM (
      SELECT seq FROM trail WHERE org = $1 AND at < $3 ORDER BY at DESC, seq DESC LIMIT 256) AS newest
    ) AS high";

pub(super) async fn run(place: &Place, query: &Query) -> Result<Page, Fault> {
    let Some((low, high)) = bounds(place, query).await? else { return Ok(Page::default()) };
    let most = query.most.clamp(1, LARGEST_PAGE);
    let (texts, what) = match query {
        Query { action: Some(id), .. } => ([BY_ACTION; 2], Some(id.to_string())),
        Query { chain: Some(id), .. } => (BY_CHAIN, Some(root(place, *id).await?)),
        Query { user: Some(user), .. } => (BY_USER, Some(user.clone())),
        Query { agent: Some(agent), .. } => (BY_AGENT, Some(agent.clone())),
        // Most events are of this outcome: there is nothing to look up.
        Query { outcome: None | Some(Outcome::Issued), .. } => (BY_NUMBER, None),
        Query { outcome: Some(outcome), .. } => (BY_OUTCOME, Some(outcome.code().to_owned())),
    };
    let [in_order, newest_first] = texts;
    let sql = if query.newest_first { newest_first } else { in_order };
    let values = [
        (&*place.org).into(),
        what.into(),
        low.into(),
        high.into(),
        query.agent.as_deref().into(),
        query.user.as_deref().into(),
        query.outcome.map(Outcome::code).into(),
        moment(query.since, i64::MIN),
        moment(query.until, i64::MAX),
        // One more says whether there is more.
        number(most.saturating_add(1)).into(),
    ];
    let rows = place.database.fetch_all(sql, &values).await?;
    let mut links = rows.iter().map(link).collect::<Result<Vec<_>, _>>()?;
    if query.action.is_some() {
        sort(&mut links, query.newest_first);
    }
    let more = most < links.len();
    links.truncate(most);
    let next = links.last().filter(|_| more).map(|link| link.seq);
    Ok(Page { links, next })
}

/// The numbers before the first and after the last that may be meant; none when nothing is.
async fn bounds(place: &Place, query: &Query) -> Result<Option<(i64, i64)>, Fault> {
    let (mut low, mut high) = (0, i64::MAX);
    if query.since.is_some() || query.until.is_some() {
        let since = query.since.map_or(i64::MIN, |at| at.0.saturating_sub(APART));
        let until = query.until.map_or(i64::MAX, |at| at.0.saturating_add(APART));
        let values = [(&*place.org).into(), since.into(), until.into()];
        let Some(row) = place.database.fetch_one(BOUNDS, &values).await? else { return Ok(None) };
        let (oldest, newest): (Option<i64>, Option<i64>) = (row.get("low")?, row.get("high")?);
        let Some((oldest, newest)) = oldest.zip(newest) else { return Ok(None) };
        if query.since.is_some() {
            low = oldest.saturating_sub(1);
        }
        if query.until.is_some() {
            high = newest.saturating_add(1);
        }
    }
    Ok(Some(match (query.after, query.newest_first) {
        (None, _) => (low, high),
        (Some(after), false) => (low.max(after), high),
        (Some(after), true) => (low, high.min(after)),
    }))
}

/// The first delegation of the chain that `delegation` is in; of one that nobody knows, itself: it
/// may have been the first.
async fn root(place: &Place, delegation: Uuid) -> Result<String, Fault> {
    let id = delegation.to_string();
    let row = place.database.fetch_one(CHAIN_OF, &[(&*place.org).into(), (&id).into()]).await?;
    row.map_or(Ok(id), |row| row.get("root"))
}

fn moment(at: Option<Timestamp>, otherwise: i64) -> Value<'static> {
    at.map_or(otherwise, |at| at.0).into()
}

fn sort(links: &mut [Link], newest_first: bool) {
    if newest_first {
        links.sort_by_key(|link| Reverse(link.seq));
    } else {
        links.sort_by_key(|link| link.seq);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{database::Database, migrate, sqlite};

    /// `PostgreSQL` plans by what it knows of the rows: `make bench-size` shows what it does.
    #[tokio::test]
    async fn each_query_uses_its_index_on_sqlite() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("actas.db");
        let database = sqlite::connect(path.to_str().unwrap(), 1).await.unwrap();
        migrate::run(&database).await.unwrap();
        let of_trail = |name: &str| format!("SEARCH trail USING INDEX {name} (org=?");
        let by = |column: &str| {
            let range = format!("({column},seq)>(?,?) AND ({column},seq)<(?,?)");
            format!("{} AND {range})", of_trail(&format!("trail_by_{column}")))
        };
        let by_number = format!("{} AND seq>? AND seq<?)", of_trail("sqlite_autoindex_trail_1"));
        let by_id = format!("{} AND id=?)", of_trail("trail_by_id"));
        for (texts, expected) in [
            (BY_CHAIN, by("root")),
            (BY_USER, by("subject")),
            (BY_AGENT, by("client")),
            (BY_OUTCOME, by("outcome")),
            (BY_NUMBER, by_number),
            ([BY_ACTION; 2], by_id),
        ] {
            for text in texts {
                // No line about sorting, either.
                assert_eq!(plan(&database, text).await, [expected.as_str()], "{text}");
            }
        }
        let chain = plan(&database, CHAIN_OF).await;
        assert!(chain.iter().any(|line| line.contains("trail_by_delegation")), "{chain:?}");
        let bounds = plan(&database, BOUNDS).await;
        let by_time = bounds.iter().filter(|line| line.contains("INDEX trail_by_time")).count();
        assert_eq!(by_time, 2, "{bounds:?}");
    }

    async fn plan(database: &Database, sql: &str) -> Vec<String> {
        let sql = Box::leak(format!("EXPLAIN QUERY PLAN {sql}").into_boxed_str());
        let nothing = vec![Value::Int(None); 10];
        let parameters = (1..=10).rev().find(|n| sql.contains(&format!("${n}"))).unwrap();
        let rows = database.fetch_all(sql, &nothing[..parameters]).await.unwrap();
        rows.iter().map(|row| row.get("detail").unwrap()).collect()
    }
}

//! Whether a trail is still what was written.
//!
//! Every link is computed again from the first that is kept to the newest, both of which we have
//! attested; what a link is found by is compared with what it says. Links may be added and old ones
//! forgotten meanwhile. An event that still waits for its place is not missed, and one that was taken
//! away before it got there shows nevertheless: what it told of has no event.

#[cfg(test)]
mod tests;

use policy::Timestamp;
use uuid::Uuid;

use super::{Ends, Hash, Head, Index, Link, Notary, Stored, Trail, UNREADABLE, link};
use crate::refusal::Fault;

/// How many links are read at once.
const PAGE: usize = 1000;

/// So much of what is wrong is told; the rest is more of it.
pub const MOST_TOLD: usize = 20;

/// Of a trail whose oldest links are forgotten, only what was issued so recently must have its
/// event: they are kept for a day at least. Seconds.
const SURELY_KEPT: i64 = 12 * 60 * 60;

/// A trail that is whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub struct Verified {
    /// How many links were looked at.
    pub links: u64,
    /// The number before the first of them: up to there the trail is forgotten.
    pub forgotten: i64,
    /// The newest.
    pub head: Head,
}

/// What is wrong with a trail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Broken {
    #[error(
        "link {0}: its record is not the one that was chained here: it was changed or put in, or \
         the one before it was"
    )]
    Changed(i64),
    #[error("link {0}: its record is none that actas writes: it was changed before it was chained")]
    Unreadable(i64),
    #[error(
        "link {0}: what it is found by is not what its record says: queries miss it, or find it \
         wrongly"
    )]
    Misfiled(i64),
    #[error("{}", missing(*.first, *.last))]
    Missing { first: i64, last: i64 },
    #[error(
        "link {0}: it comes after the newest one that actas has attested: it was put in, or the \
         trail was put back to an earlier copy"
    )]
    Unattested(i64),
    #[error(
        "link {0}: it is the newest, and not the one that actas has attested: links were cut off \
         or chained anew"
    )]
    Newest(i64),
    #[error(
        "link {0}: the trail begins after it, and actas has not attested that: older links were \
         taken away"
    )]
    Beginning(i64),
    #[error(
        "link {0}: it is not the one that was noted: the trail was chained anew, or put back to an \
         earlier copy, since then"
    )]
    NotAsNoted(i64),
    #[error(
        "link {0}: it was noted and is not there: the trail was cut off, or put back to an earlier \
         copy, since then"
    )]
    NotedGone(i64),
    #[error(
        "link {0}: it was noted and is forgotten by now, as old links are: note newer ones, or keep \
         links for longer (`audit_retention_days`)"
    )]
    NotedForgotten(i64),
    #[error("delegation {0}: it was issued, and no event tells of it: its event was taken away")]
    Untold(Uuid),
}

fn missing(first: i64, last: i64) -> String {
    if first == last {
        format!("link {first}: it is missing: it was taken away")
    } else {
        format!("links {first} to {last}: they are missing: they were taken away")
    }
}

/// What is asked of a trail besides.
#[derive(Clone, Copy, Debug)]
pub struct Question {
    /// A link that was noted earlier; it must still be there.
    pub noted: Option<Head>,
    pub now: Timestamp,
}

/// Walks the whole trail, and tells `progress` from time to time how far it has got, of how much.
///
/// The inner error says what is wrong: something, and the first [`MOST_TOLD`] at most.
///
/// # Errors
///
/// [`Fault`] when it cannot be read.
pub async fn verify(
    trail: &dyn Trail,
    notary: &Notary,
    question: Question,
    progress: &(dyn Fn(i64, i64) + Sync),
) -> Result<Result<Verified, Vec<Broken>>, Fault> {
    let mut ends = trail.ends().await?;
    let mut walk = Walk::from(&ends, notary, question.noted)?;
    loop {
        progress(walk.seq, ends.last.seq);
        let page = trail.walk(walk.seq, PAGE).await?;
        if page.first().is_none_or(|next| walk.seq + 1 < next.link.seq) {
            let now = trail.ends().await?;
            if walk.seq < now.first.seq {
                // Forgotten while we looked.
                walk.goes_on_after(&now, notary)?;
                ends = now;
                continue;
            }
            if page.is_empty() && walk.seq < ends.last.seq {
                walk.say(Broken::Missing { first: walk.seq + 1, last: ends.last.seq });
                break;
            }
            if page.is_empty() && walk.seq < now.last.seq {
                // Added while we looked.
                ends = now;
                continue;
            }
            if page.is_empty() {
                walk.ends_at(&now, notary)?;
                break;
            }
        }
        for stored in &page {
            walk.step(stored);
        }
    }
    let since = if walk.forgotten == 0 { 0 } else { question.now.0 - SURELY_KEPT };
    for delegation in trail.untold(Timestamp(since), MOST_TOLD).await? {
        walk.say(Broken::Untold(delegation));
    }
    Ok(walk.verdict())
}

/// How far we are, and what we have found.
struct Walk {
    seq: i64,
    /// None after a gap: nobody can tell what the next link was chained to.
    hash: Option<Hash>,
    links: u64,
    forgotten: i64,
    noted: Option<Head>,
    broken: Vec<Broken>,
}

impl Walk {
    fn from(ends: &Ends, notary: &Notary, noted: Option<Head>) -> Result<Self, Fault> {
        let mut walk =
            Self { seq: 0, hash: None, links: 0, forgotten: 0, noted, broken: Vec::new() };
        walk.goes_on_after(ends, notary)?;
        Ok(walk)
    }

    fn say(&mut self, broken: Broken) {
        if self.broken.len() < MOST_TOLD {
            self.broken.push(broken);
        }
    }

    fn goes_on_after(&mut self, ends: &Ends, notary: &Notary) -> Result<(), Fault> {
        let first = &ends.first;
        if !notary.attested(ends)?.first {
            self.say(Broken::Beginning(first.seq));
        }
        (self.seq, self.hash, self.forgotten) = (first.seq, Some(first.hash), first.seq);
        if self.noted.is_some_and(|noted| noted.seq < first.seq) {
            self.noted.take().into_iter().for_each(|it| self.say(Broken::NotedForgotten(it.seq)));
        }
        self.compare_with_noted(first.hash);
        Ok(())
    }

    fn step(&mut self, Stored { link: Link { seq, hash, record }, index }: &Stored) {
        if self.seq + 1 < *seq {
            self.say(Broken::Missing { first: self.seq + 1, last: seq - 1 });
            self.hash = None;
        }
        if self.hash.is_some_and(|before| link(&before, record) != *hash) {
            self.say(Broken::Changed(*seq));
        }
        let says = Index::of(&index.id, record);
        if says != *index {
            self.say(Broken::Misfiled(*seq));
        } else if says.outcome == UNREADABLE {
            self.say(Broken::Unreadable(*seq));
        }
        // What follows is judged by what is there: one changed link is told of once.
        (self.seq, self.hash) = (*seq, Some(*hash));
        self.links += 1;
        self.compare_with_noted(*hash);
    }

    fn compare_with_noted(&mut self, hash: Hash) {
        let Some(noted) = self.noted.filter(|noted| noted.seq == self.seq) else { return };
        self.noted = None;
        if noted.hash != hash {
            self.say(Broken::NotAsNoted(noted.seq));
        }
    }

    fn ends_at(&mut self, ends: &Ends, notary: &Notary) -> Result<(), Fault> {
        let last = &ends.last;
        if last.seq < self.seq {
            self.say(Broken::Unattested(last.seq + 1));
        } else if self.hash != Some(last.hash) || !notary.attested(ends)?.last {
            self.say(Broken::Newest(self.seq));
        }
        Ok(())
    }

    fn verdict(mut self) -> Result<Verified, Vec<Broken>> {
        // It is later than the newest.
        self.noted.take().into_iter().for_each(|noted| self.say(Broken::NotedGone(noted.seq)));
        match (self.broken.is_empty(), self.hash) {
            (true, Some(hash)) => {
                let head = Head { seq: self.seq, hash };
                Ok(Verified { links: self.links, forgotten: self.forgotten, head })
            }
            _ => Err(self.broken),
        }
    }
}

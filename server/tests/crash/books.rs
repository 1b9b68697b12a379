//! What clients were told, held against the ledger.

use std::{
    collections::BTreeSet,
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
};

use crate::{
    http::Request,
    ledger::Ledger,
    process::PATIENCE,
    scene::{Scene, exchange, told},
};

/// Written by all clients of a site, through all lives of its server.
#[derive(Default)]
pub struct Books {
    pages: Mutex<Pages>,
    written: Condvar,
}

#[derive(Default)]
pub struct Pages {
    /// How many answers came, and how many of them were 503.
    pub answers: usize,
    pub unavailable: usize,
    pub tokens: Vec<Token>,
    /// The ids of requests that were answered, and whose answer is in the trail.
    pub requests: Vec<String>,
    pub logouts: Vec<Logout>,
    pub revocations: Vec<Revocation>,
}

/// A token that a client has received.
#[derive(Clone)]
pub struct Token {
    pub jti: String,
    pub text: String,
    pub session: String,
    /// Whom it was issued to, and who may exchange it, if anybody may.
    pub of: &'static str,
    pub next: Option<&'static str>,
    /// In which life.
    pub life: usize,
}

/// A session that was ended, perhaps.
#[derive(Clone)]
pub struct Logout {
    pub jti: String,
    pub session: String,
    pub request: Request,
    pub acknowledged: bool,
    pub life: usize,
}

/// A token that its client has revoked, perhaps.
#[derive(Clone)]
pub struct Revocation {
    pub token: Token,
    pub acknowledged: bool,
}

/// How many of each are tried after a life.
const SAMPLE: usize = 3;

impl Books {
    pub fn open(&self) -> MutexGuard<'_, Pages> {
        // Whoever panicked meanwhile has said why.
        self.pages.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes something down.
    pub fn note(&self, write: impl FnOnce(&mut Pages)) {
        write(&mut self.open());
        self.written.notify_all();
    }

    /// Blocks until that is so.
    pub fn await_until(&self, what: &str, is_so: impl Fn(&Pages) -> bool) {
        let not_yet = |pages: &mut Pages| !is_so(pages);
        let (pages, waited) =
            self.written.wait_timeout_while(self.open(), PATIENCE, not_yet).unwrap();
        drop(pages);
        assert!(!waited.timed_out(), "waited in vain until {what}");
    }

    /// Every answer that was given is true.
    #[track_caller]
    pub fn agree_with(&self, ledger: &Ledger) {
        let pages = self.open();
        let issued: BTreeSet<_> = ledger.delegations_of("issued").into_iter().collect();
        for token in &pages.tokens {
            let known = ledger.delegations.contains_key(&token.jti) && issued.contains(&token.jti);
            assert!(known, "{} was issued, and is not known", token.jti);
        }
        let mut recorded = told(&ledger.events, &["request_id"]);
        recorded.sort();
        for request in &pages.requests {
            let from = recorded.partition_point(|it| it < request);
            let times = recorded[from..].iter().take_while(|it| *it == request).count();
            assert_eq!(times, 1, "{request} was answered, and is recorded so many times");
        }
        for logout in &pages.logouts {
            let taken = ledger.signals.contains_key(&logout.jti);
            assert!(taken || !logout.acknowledged, "{} was acknowledged, and lost", logout.jti);
            let of = |it: &&String| {
                ledger.delegations[*it].session.as_deref() == Some(logout.session.as_str())
            };
            for id in ledger.delegations.keys().filter(of) {
                let ended = ledger.delegations[id].ended;
                assert!(ended || !taken, "{id} stands, its session {} ended", logout.session);
            }
        }
        let revoked: BTreeSet<_> = ledger.delegations_of("revoked").into_iter().collect();
        for Revocation { token, acknowledged } in &pages.revocations {
            let ended = ledger.delegations[&token.jti].ended;
            assert!(ended || !acknowledged, "{} was revoked, and stands", token.jti);
            let recorded = revoked.contains(&token.jti);
            assert!(recorded || !acknowledged, "{} was revoked, and nobody knows", token.jti);
            assert!(ended || !recorded, "{} is said to be revoked, and stands", token.jti);
        }
    }

    /// The server that runs now says the same as those before it.
    #[track_caller]
    pub fn hold_at(&self, scene: &Scene, life: usize) {
        let (tokens, logouts, revocations) = {
            let pages = self.open();
            let tokens: Vec<_> =
                pages.tokens.iter().filter(|it| it.life == life).cloned().collect();
            let logouts = pages.logouts.iter().filter(|it| it.life == life).cloned();
            (tokens, logouts.collect::<Vec<_>>(), pages.revocations.clone())
        };
        // Again, whether it was acknowledged or not: it is taken once in all.
        for logout in &logouts {
            assert_eq!(scene.send(&logout.request).status, 200);
        }
        self.note(|pages| {
            for logout in pages.logouts.iter_mut().filter(|it| it.life == life) {
                logout.acknowledged = true;
            }
        });
        let over = |token: &Token| {
            let session = logouts.iter().any(|logout| logout.session == token.session);
            let itself = |it: &Revocation| it.acknowledged && it.token.jti == token.jti;
            session || revocations.iter().any(itself)
        };
        let doubtful =
            |token: &Token| revocations.iter().any(|it| it.token.session == token.session);
        let mut dead = tokens.iter().filter(|token| token.next.is_some() && over(token));
        for token in dead.by_ref().take(SAMPLE) {
            scene.send(&exchanged(scene, token)).refused(400, "invalid_request", "revoked");
        }
        let mut well = tokens
            .iter()
            .rev()
            .filter(|token| token.next.is_some() && !over(token) && !doubtful(token));
        for token in well.by_ref().take(SAMPLE) {
            scene.send(&exchanged(scene, token)).token();
        }
    }
}

/// The exchange of a token for one for the documents, by who may.
pub fn exchanged(scene: &Scene, token: &Token) -> Request {
    let client = token.next.unwrap();
    exchange(&token.text).basic(client, scene.secret(client))
}

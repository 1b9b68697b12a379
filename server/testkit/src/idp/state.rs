//! What the provider remembers.

use std::collections::{HashMap, VecDeque};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{User, mint::Minted};

/// A demo that mints more tokens than this in their lifetime has become a benchmark; the oldest
/// are forgotten, and then inactive.
const TOKENS: usize = 100_000;

/// Sign-ins that were begun and not finished.
const CODES: usize = 1_000;

#[derive(Debug)]
pub(super) struct State {
    users: HashMap<String, Account>,
    codes: HashMap<String, Code>,
    tokens: HashMap<TokenHash, TokenRecord>,
    /// INVARIANT: the keys of `tokens`, oldest first.
    minted: VecDeque<TokenHash>,
    pub(super) faults: Faults,
    pub(super) requests: Requests,
}

pub(super) type TokenHash = [u8; 32];

#[derive(Debug)]
struct Account {
    user: User,
    disabled: bool,
}

/// A user's consent to give the application tokens (RFC 6749 §4.1.2).
#[derive(Clone, Debug)]
pub(super) struct Code {
    pub(super) sub: String,
    pub(super) scope: Option<String>,
    pub(super) nonce: Option<String>,
    pub(super) challenge: String,
    pub(super) signed_in_at: i64,
    pub(super) expires_at: i64,
    pub(super) redeemed: Option<Vec<TokenHash>>,
}

#[derive(Debug)]
struct TokenRecord {
    sub: String,
    expires_at: i64,
    revoked: bool,
    /// What introspection says of it while it is active.
    description: Value,
}

/// How the provider misbehaves. What is left out of a change stays as it was.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(super) struct Faults {
    pub(super) introspection: IntrospectionFault,
    pub(super) jwks: JwksFault,
}

#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum IntrospectionFault {
    #[default]
    None,
    Down,
    Slow,
    Garbage,
    StringTrue,
    MissingActive,
    Empty,
    Redirect,
    Oversize,
    Error500,
    Throttled,
}

#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum JwksFault {
    #[default]
    None,
    Down,
    Empty,
}

/// How often each endpoint was asked.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(super) struct Requests {
    pub(super) introspection: u64,
    pub(super) jwks: u64,
    pub(super) discovery: u64,
}

/// Why a code yields nothing.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct NoSuchCode;

impl State {
    pub(super) fn new(users: &[User]) -> Self {
        let account =
            |user: &User| (user.sub.clone(), Account { user: user.clone(), disabled: false });
        Self {
            users: users.iter().map(account).collect(),
            codes: HashMap::new(),
            tokens: HashMap::new(),
            minted: VecDeque::new(),
            faults: Faults::default(),
            requests: Requests::default(),
        }
    }

    pub(super) fn disable(&mut self, sub: &str, disabled: bool) -> bool {
        let account = self.users.get_mut(sub);
        account.map(|account| account.disabled = disabled).is_some()
    }

    pub(super) fn is_enabled(&self, sub: &str) -> bool {
        self.users.get(sub).is_some_and(|account| !account.disabled)
    }

    pub(super) fn may_sign_in(&self, sub: &str, password: &str) -> bool {
        let known = self.users.get(sub).is_some_and(|account| account.user.password == password);
        known && self.is_enabled(sub)
    }

    pub(super) fn keep_code(&mut self, text: String, code: Code, now: i64) {
        self.codes.retain(|_, code| now < code.expires_at);
        if self.codes.len() < CODES {
            self.codes.insert(text, code);
        }
    }

    /// A code that was not used yet and whose user may still get tokens.
    ///
    /// One that is used again ends the tokens it gave (RFC 6749 §4.1.2: "SHOULD revoke").
    pub(super) fn code(&mut self, text: &str, now: i64) -> Result<Code, NoSuchCode> {
        let code = self.codes.get(text).cloned().ok_or(NoSuchCode)?;
        if let Some(tokens) = &code.redeemed {
            for token in tokens {
                self.revoke(token);
            }
            return Err(NoSuchCode);
        }
        if now < code.expires_at && self.is_enabled(&code.sub) { Ok(code) } else { Err(NoSuchCode) }
    }

    pub(super) fn redeem(&mut self, text: &str, tokens: Vec<TokenHash>) {
        if let Some(code) = self.codes.get_mut(text) {
            code.redeemed = Some(tokens);
        }
    }

    pub(super) fn remember(&mut self, minted: &Minted, now: i64) {
        while let Some(oldest) = self.minted.front() {
            let ended = self.tokens.get(oldest).is_none_or(|record| record.expires_at <= now);
            if !ended && self.minted.len() < TOKENS {
                break;
            }
            self.tokens.remove(oldest);
            self.minted.pop_front();
        }
        let record = TokenRecord {
            sub: minted.sub.clone(),
            expires_at: minted.expires_at,
            revoked: false,
            description: minted.description.clone(),
        };
        let hash = minted.hash();
        if self.tokens.insert(hash, record).is_none() {
            self.minted.push_back(hash);
        }
    }

    pub(super) fn revoke(&mut self, token: &TokenHash) {
        if let Some(record) = self.tokens.get_mut(token) {
            record.revoked = true;
        }
    }

    /// What is said of a token that is active: ours, neither revoked nor expired, and its user
    /// enabled. Whoever is no user is a client, and clients cannot be disabled here.
    pub(super) fn describe(&self, token: &TokenHash, now: i64) -> Option<&Value> {
        let record = self.tokens.get(token)?;
        let stands = self.users.get(&record.sub).is_none_or(|account| !account.disabled);
        let active = !record.revoked && now < record.expires_at && stands;
        active.then_some(&record.description)
    }
}

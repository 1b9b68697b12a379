//! What clients do while a server lives: they exchange, hand on, sign out and revoke.

use std::{
    io,
    net::{SocketAddr, TcpStream},
    thread,
};

use serde_json::json;
use server::clock;

use crate::{
    books::{Books, Logout, Revocation, Token},
    chance::Chance,
    http::{Reply, Request},
    process::PATIENCE,
    scene::{Scene, exchange},
};

const LOGOUT: &str = "/o/acme/signals/corp/logout";
const REVOKE: &str = "/o/acme/oauth/revoke";

/// So many at once.
const CLIENTS: usize = 4;

/// Everybody who talks to one server, in one of its lives.
pub struct Load<'a> {
    pub scene: &'a Scene,
    pub books: &'a Books,
    pub life: usize,
}

impl Load<'_> {
    /// Until nobody answers any more, or `is_over`.
    pub fn until(&self, is_over: impl Fn() -> bool + Sync) {
        thread::scope(|threads| {
            for _ in 0..CLIENTS {
                threads.spawn(|| {
                    let mut chance = Chance::new();
                    while !is_over() && self.chain(&mut chance).is_ok() {}
                });
            }
        });
    }

    /// A sign-in, three hops, and perhaps an end.
    pub fn chain(&self, chance: &mut Chance) -> io::Result<()> {
        let session = format!("s-{}", clock::id());
        let claims = json!({ "auth_time": clock::now().0 - 120, "sid": session });
        let mut token = self.scene.provider.access_token_with("alice", &claims);
        let hops = [
            ("orchestrator", Some("researcher")),
            ("researcher", Some("reader")),
            ("reader", None),
        ];
        for (client, next) in hops {
            let Some(received) = self.hop(&token, &session, client, next)? else { break };
            token = received.text;
        }
        if chance.once_in(3) {
            self.log_out(chance)?;
        }
        if chance.once_in(3) {
            self.revoke(chance)?;
        }
        Ok(())
    }

    /// Exchanges it for one that is handed to `next`, or for one for the documents.
    fn hop(
        &self,
        token: &str,
        session: &str,
        client: &'static str,
        next: Option<&'static str>,
    ) -> io::Result<Option<Token>> {
        let mut request = exchange(token).basic(client, self.scene.secret(client));
        if let Some(next) = next {
            request = request.with("audience", next).without("resource");
        }
        let reply = self.send(&request)?;
        if reply.status != 200 {
            return Ok(None);
        }
        let jti = reply.claims()["jti"].as_str().unwrap().to_owned();
        let session = session.to_owned();
        let token = Token { jti, text: reply.token(), session, of: client, next, life: self.life };
        self.books.note(|pages| pages.tokens.push(token.clone()));
        Ok(Some(token))
    }

    /// The provider says that a session is over: one of the last ones, whosever it is.
    fn log_out(&self, chance: &mut Chance) -> io::Result<()> {
        let Some(token) = self.recent(chance) else { return Ok(()) };
        let (jti, now) = (clock::id().to_string(), clock::now().0);
        let claims = json!({
            "jti": jti, "aud": "actas", "iat": now - 60, "exp": now + 120, "sid": token.session,
            "events": { "http://schemas.openid.net/event/backchannel-logout": {} },
            "auth_time": null, "acr": null, "amr": null, "client_id": null,
        });
        let logout_token =
            self.scene.provider.mint("alice", &claims, &json!({ "typ": "logout+jwt" }));
        let request = Request::post(LOGOUT, &[("logout_token", &logout_token)]);
        let (session, life) = (token.session, self.life);
        let logout = Logout {
            jti: jti.clone(),
            session,
            request: request.clone(),
            acknowledged: false,
            life,
        };
        self.books.note(|pages| pages.logouts.push(logout));
        let reply = self.send(&request)?;
        assert!([200, 503].contains(&reply.status), "{}", reply.text());
        self.books.note(|pages| {
            let logout = pages.logouts.iter_mut().find(|it| it.jti == jti).unwrap();
            logout.acknowledged = reply.status == 200;
        });
        Ok(())
    }

    /// A client is done with one of its tokens.
    fn revoke(&self, chance: &mut Chance) -> io::Result<()> {
        let Some(token) = self.recent(chance) else { return Ok(()) };
        let (jti, text, of) = (token.jti.clone(), token.text.clone(), token.of);
        let known = |it: &Revocation| it.token.jti == jti;
        if self.books.open().revocations.iter().any(known) {
            return Ok(());
        }
        self.books.note(|pages| pages.revocations.push(Revocation { token, acknowledged: false }));
        let request = Request::post(REVOKE, &[("token", &text)]).basic(of, self.scene.secret(of));
        let reply = self.send(&request)?;
        assert!([200, 503].contains(&reply.status), "{} {}", reply.status, reply.text());
        self.books.note(|pages| {
            let revocation = pages.revocations.iter_mut().find(|it| known(it)).unwrap();
            revocation.acknowledged = reply.status == 200;
        });
        Ok(())
    }

    fn recent(&self, chance: &mut Chance) -> Option<Token> {
        let pages = self.books.open();
        let back = 1 + chance.below(12);
        let token = pages.tokens.len().checked_sub(back).map(|at| pages.tokens[at].clone());
        token.filter(|token| token.life == self.life)
    }

    /// The answer, if there was one in full.
    pub fn send(&self, request: &Request) -> io::Result<Reply> {
        let id = clock::id().to_string();
        let reply = send(self.scene.server.address, &request.clone().header("x-request-id", &id))?;
        self.books.note(|pages| {
            pages.answers += 1;
            if reply.status == 503 {
                pages.unavailable += 1;
            } else if reply.header("x-request-id") == Some(&id) {
                pages.requests.push(id);
            }
        });
        Ok(reply)
    }
}

/// The answer of whoever listens there, if there was one in full.
pub fn send(to: SocketAddr, request: &Request) -> io::Result<Reply> {
    let stream = TcpStream::connect(to)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    request.send_over(stream)
}

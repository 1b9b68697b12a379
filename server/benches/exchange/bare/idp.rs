//! The question to the identity provider (RFC 7662), over connections that are kept alive.

use std::{cell::RefCell, net::SocketAddr};

use serde::Deserialize;

use super::exchange::Failure;
use crate::{
    Outcome,
    neighbours::INTROSPECT,
    wire::{Connection, post},
};

/// What one worker has to ask it with. HTTP is written by hand, as the load's is: any client costs more.
#[derive(Debug)]
pub(super) struct Idp {
    address: SocketAddr,
    /// Those that nobody is waiting at.
    idle: RefCell<Vec<Connection>>,
}

#[derive(Deserialize)]
struct Introspected {
    active: bool,
}

impl Idp {
    pub(super) fn new(address: SocketAddr) -> Self {
        Self { address, idle: RefCell::default() }
    }

    /// Whether the token still holds.
    pub(super) async fn recheck(&self, token: &str) -> Result<(), Failure> {
        match self.ask(token).await {
            Ok(Introspected { active: true }) => Ok(()),
            Ok(Introspected { active: false }) => Err(Failure::Refused("invalid_grant")),
            Err(error) => Err(Failure::Broken(error)),
        }
    }

    async fn ask(&self, token: &str) -> Outcome<Introspected> {
        // `actas:the-introspection-secret`, as actas itself says.
        let basic = "Basic YWN0YXM6dGhlLWludHJvc3BlY3Rpb24tc2VjcmV0".to_owned();
        let form = format!("token={token}&token_type_hint=access_token");
        let request = post(INTROSPECT, &[("authorization", basic)], &form);
        loop {
            let idle = self.idle.borrow_mut().pop();
            let (mut connection, is_new) = match idle {
                Some(connection) => (connection, false),
                None => (Connection::open(self.address).await?, true),
            };
            let said = connection.exchange(&request, "").await;
            let said = said.and_then(|said| Ok(serde_json::from_str(said)?));
            // It had been closed while it was idle.
            if said.is_err() && !is_new && connection.heard_nothing() {
                continue;
            }
            let said = said?;
            self.idle.borrow_mut().push(connection);
            return Ok(said);
        }
    }
}

//! The story, step by step: each shows its request as a `curl` to paste, and what came back.

mod bound;
mod request;
mod sign_in;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::Value;

use self::request::{Reply, Request};
use super::{
    Done, print,
    stage::{DOCUMENTS, Stage, USERS},
};
use crate::http::{INTROSPECT, REVOKE, TOKEN};

const EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";

/// A step that did not end as it should.
#[derive(Debug, thiserror::Error)]
#[error("step {step}: expected {expected}, got {got}")]
struct Unexpected {
    step: usize,
    expected: String,
    got: String,
}

/// Plays all steps.
///
/// # Errors
///
/// The first step that did not end as it should.
pub(super) async fn play(stage: &Stage) -> Done {
    let mut play = Play { stage, step: 0 };
    play.intro();
    let user_token = play.user_signs_in().await?;
    let first = play.orchestrator_exchanges(&user_token).await?;
    let second = play.researcher_exchanges(&first).await?;
    play.api_verifies(&second).await?;
    bound::play(&mut play, &first).await?;
    play.too_wide_is_refused(&first).await?;
    play.nothing_after_the_user_left(&first).await?;
    play.what_ended_stays_ended(&first).await?;
    let first = play.a_new_sign_in_begins_anew().await?;
    let second = play.the_api_asks_whether_it_stands(&first).await?;
    play.what_is_revoked_is_dead_at_once(&first, &second).await?;
    print("\nEverything went as it should.");
    Ok(())
}

struct Play<'a> {
    stage: &'a Stage,
    step: usize,
}

/// Who asks for what, with which token.
struct Ask<'a> {
    agent: &'a str,
    subject_token: &'a str,
    target: (&'a str, &'a str),
    scope: &'a str,
}

impl Play<'_> {
    fn intro(&self) {
        print(&format!(
            "actas demo\n\n  actas              {}\n  identity provider  {}\n  protected API      {}/documents\n\n\
             Alice has granted the agent `orchestrator` documents:read, documents:write and\n\
             calendar:read. It may hand over to the agent `researcher`. Follow her token. While\n\
             `actas demo --keep` runs, every request can be pasted into a shell.",
            self.stage.org.issuer, self.stage.idp, self.stage.api,
        ));
    }

    fn begin(&mut self, title: &str) {
        self.step += 1;
        print(&format!("\n── {}. {title}", self.step));
    }

    async fn send(&self, request: &Request<'_>) -> Result<Reply, Box<dyn std::error::Error>> {
        print(&format!("\n{}", request.curl()));
        let reply = request.send(&self.stage.visitor).await?;
        print(&format!("\n{}", reply.shown()));
        Ok(reply)
    }

    fn unexpected(&self, expected: &str, got: &impl ToString) -> Box<dyn std::error::Error> {
        Box::new(Unexpected {
            step: self.step,
            expected: expected.to_owned(),
            got: got.to_string(),
        })
    }

    async fn user_signs_in(&mut self) -> Result<String, Box<dyn std::error::Error>> {
        self.begin("Alice signs in at her identity provider; the app gets an access token of hers");
        let token = sign_in::sign_in(self).await?;
        print(&format!("\nAlice's token, decoded:\n{}", decoded(&token)));
        Ok(token)
    }

    async fn exchange(&self, ask: &Ask<'_>) -> Result<Reply, Box<dyn std::error::Error>> {
        let secret = self.stage.org.secret(ask.agent);
        let endpoint = self.stage.org.at(TOKEN);
        let request = Request::post(&endpoint).basic(ask.agent, secret).form(&[
            ("grant_type", EXCHANGE),
            ("subject_token", ask.subject_token),
            ("subject_token_type", ACCESS_TOKEN),
            ask.target,
            ("scope", ask.scope),
        ]);
        self.send(&request).await
    }

    /// An exchange that must succeed, with exactly these actors, current one first.
    async fn delegated(
        &self,
        ask: Ask<'_>,
        actors: &[&str],
    ) -> Result<String, Box<dyn std::error::Error>> {
        let reply = self.exchange(&ask).await?;
        let token =
            reply.text("access_token").ok_or_else(|| self.unexpected("a token", &reply.status))?;
        print(&format!("\nThe delegated token, decoded:\n{}", decoded(&token)));
        let claims = claims(&token);
        let (subject, act) = (claims.pointer("/sub"), names(claims.get("act")));
        let actors: Vec<_> = actors.iter().map(|agent| format!("agent:{agent}")).collect();
        if subject.and_then(Value::as_str) != Some("alice") || act != actors {
            return Err(self.unexpected(&format!("alice, with actors {actors:?}"), &claims));
        }
        Ok(token)
    }

    async fn orchestrator_exchanges(
        &mut self,
        user: &str,
    ) -> Result<String, Box<dyn std::error::Error>> {
        self.begin("The orchestrator exchanges it for a token that it can hand to the researcher");
        let ask = Ask {
            agent: "orchestrator",
            subject_token: user,
            target: ("audience", "researcher"),
            scope: "documents:read documents:write",
        };
        self.delegated(ask, &["orchestrator"]).await
    }

    async fn researcher_exchanges(
        &mut self,
        token: &str,
    ) -> Result<String, Box<dyn std::error::Error>> {
        self.begin(
            "The researcher exchanges that for a token at the API: less scope, one actor more",
        );
        self.delegated(Self::read_documents(token), &["researcher", "orchestrator"]).await
    }

    async fn api_verifies(&mut self, token: &str) -> Done {
        self.begin("The API verifies the token through the JWKS alone, and says who acts for whom");
        let documents = format!("{}/documents", self.stage.api);
        let reply = self.send(&Request::get(&documents).bearer(token)).await?;
        let expected = "agent:researcher, asked by agent:orchestrator, acts for alice";
        match reply.text("on_behalf_of") {
            Some(told) if told == expected => Ok(()),
            told => Err(self.unexpected(expected, &told.unwrap_or_default())),
        }
    }

    async fn refused(&self, ask: Ask<'_>, error: &str, reason: &str) -> Done {
        let reply = self.exchange(&ask).await?;
        let told = (reply.status, reply.text("error"), reply.text("reason"));
        if told == (400, Some(error.to_owned()), Some(reason.to_owned())) {
            return Ok(());
        }
        Err(self.unexpected(&format!("400 {error} ({reason})"), &format!("{told:?}")))
    }

    async fn too_wide_is_refused(&mut self, token: &str) -> Done {
        self.begin("The researcher asks for more than it was handed: refused");
        let ask = Ask {
            agent: "researcher",
            subject_token: token,
            target: ("resource", DOCUMENTS),
            scope: "documents:read calendar:read",
        };
        self.refused(ask, "invalid_scope", "scope").await
    }

    async fn nothing_after_the_user_left(&mut self, token: &str) -> Done {
        self.begin("Alice is disabled at the identity provider: the next exchange is refused");
        self.disable_alice("true").await?;
        self.refused(Self::read_documents(token), "invalid_request", "revoked").await
    }

    async fn what_ended_stays_ended(&mut self, token: &str) -> Done {
        self.begin("Alice is enabled again: what has ended stays ended");
        self.disable_alice("false").await?;
        self.refused(Self::read_documents(token), "invalid_request", "revoked").await
    }

    async fn a_new_sign_in_begins_anew(&mut self) -> Result<String, Box<dyn std::error::Error>> {
        self.begin("Alice signs in anew, and the orchestrator may act for her again");
        let user = sign_in::sign_in(self).await?;
        let ask = Ask {
            agent: "orchestrator",
            subject_token: &user,
            target: ("audience", "researcher"),
            scope: "documents:read",
        };
        self.delegated(ask, &["orchestrator"]).await
    }

    async fn the_api_asks_whether_it_stands(
        &mut self,
        token: &str,
    ) -> Result<String, Box<dyn std::error::Error>> {
        self.begin(
            "The researcher gets its token; an API that must be sure asks whether it stands",
        );
        let ask = Self::read_documents(token);
        let token = self.delegated(ask, &["researcher", "orchestrator"]).await?;
        self.introspected(&token, true).await?;
        Ok(token)
    }

    async fn what_is_revoked_is_dead_at_once(&mut self, first: &str, second: &str) -> Done {
        self.begin(
            "The orchestrator revokes what it handed over: what came from it is dead at once",
        );
        let endpoint = self.stage.org.at(REVOKE);
        let secret = self.stage.org.secret("orchestrator");
        let request =
            Request::post(&endpoint).basic("orchestrator", secret).form(&[("token", first)]);
        let reply = self.send(&request).await?;
        if reply.status != 200 {
            return Err(self.unexpected("200", &reply.status));
        }
        self.introspected(second, false).await?;
        self.refused(Self::read_documents(first), "invalid_request", "revoked").await
    }

    /// RFC 7662, as the API asks.
    async fn introspected(&self, token: &str, active: bool) -> Done {
        let endpoint = self.stage.org.at(INTROSPECT);
        let secret = self.stage.org.secret("documents-api");
        let request =
            Request::post(&endpoint).basic("documents-api", secret).form(&[("token", token)]);
        let reply = self.send(&request).await?;
        if reply.flag("active") == Some(active) {
            return Ok(());
        }
        Err(self.unexpected(&format!("active: {active}"), &reply.body))
    }

    async fn disable_alice(&self, disabled: &str) -> Done {
        let (user, _) = USERS[0];
        let control = format!("{}/control/users/{user}", self.stage.idp);
        let reply = self.send(&Request::post(&control).form(&[("disabled", disabled)])).await?;
        if reply.status == 200 { Ok(()) } else { Err(self.unexpected("200", &reply.status)) }
    }

    fn read_documents(token: &str) -> Ask<'_> {
        Ask {
            agent: "researcher",
            subject_token: token,
            target: ("resource", DOCUMENTS),
            scope: "documents:read",
        }
    }
}

/// The claims of a token, read without any check: only to be shown.
fn claims(token: &str) -> Value {
    part(token, 1)
}

fn part(token: &str, index: usize) -> Value {
    let part = token.split('.').nth(index).unwrap_or_default();
    let bytes = URL_SAFE_NO_PAD.decode(part).unwrap_or_default();
    serde_json::from_slice(&bytes).unwrap_or_default()
}

fn decoded(token: &str) -> String {
    format!("{}\n{:#}", part(token, 0), claims(token))
}

/// The actors, current one first.
fn names(act: Option<&Value>) -> Vec<String> {
    let name = |act: &Value| act.get("sub").and_then(Value::as_str).map(str::to_owned);
    std::iter::successors(act, |act| act.get("act")).filter_map(name).collect()
}

//! What an identity provider says on its own stops the next exchange, wherever in the chain.

mod admitted;
mod durable;
mod kinds;
mod logout;
mod races;
mod refused;
mod revocation;
mod scim;
mod streams;

use serde_json::{Value, json};
use server::clock;

use crate::{
    database::Kind,
    http::{Reply, Request},
    scene::{Scene, changed, connected, exchange},
    transmitter::Transmitter,
};

pub const PUSH: &str = "/o/acme/signals/corp/streams/ssf";
/// What our SETs are for.
const AUDIENCE: &str = "https://actas.example/ssf";
const AUTHORIZATION: &str = "the agreed header";
pub const RECONNECT: &str = "https://app.example/reconnect";

pub const SESSION_REVOKED: &str =
    "https://schemas.openid.net/secevent/caep/event-type/session-revoked";

/// The happy organization with a third agent, and a stream that is only pushed.
pub struct Listening {
    pub scene: Scene,
    pub transmitter: Transmitter,
}

impl Listening {
    pub fn on(kind: Kind) -> Self {
        Self::with(kind, "")
    }

    /// The same with more settings of the connection.
    pub fn with(kind: Kind, settings: &str) -> Self {
        let transmitter = Transmitter::start();
        let stream = format!(
            "reconnect_uri = \"{RECONNECT}\"\n{settings}\n\n[[connections.streams]]\nid = \"ssf\"\n\
             issuer = \"{}\"\naudience = [\"{AUDIENCE}\"]\n\
             authorization = {{ value = \"{AUTHORIZATION}\" }}\n",
            transmitter.issuer
        );
        let scene = Scene::declared(kind, |_, org| connected(&with_reader(&org), &stream));
        Self { scene, transmitter }
    }

    /// What a transmitter would be told to say: this happened to this user a minute ago.
    pub fn emission(&self, event: &str, members: &Value, sub: &str) -> Value {
        let mut members = members.clone();
        members["event_timestamp"] = json!(a_minute_ago());
        json!({
            "events": { event: members },
            "subject": { "format": "iss_sub", "iss": self.scene.provider.issuer, "sub": sub },
            "claims": { "aud": AUDIENCE },
        })
    }

    /// The push of such a SET, as it should be.
    pub fn push(&self, emission: &Value) -> Request {
        push(&self.transmitter.set(emission))
    }

    /// Pushes; it is taken.
    #[track_caller]
    pub fn signal(&self, event: &str, members: &Value, sub: &str) {
        self.taken(&self.emission(event, members, sub));
    }

    #[track_caller]
    pub fn taken(&self, emission: &Value) {
        let reply = self.scene.send(&self.push(emission));
        assert_eq!((reply.status, reply.text()), (202, ""));
    }

    /// On `PostgreSQL`: the stream was heard of so many seconds ago. Without, it never was, since it is
    /// only pushed.
    pub fn was_heard_of(&self, seconds_ago: u32) {
        let database = self.scene.site.postgres.as_ref().unwrap();
        database.ask(&format!(
            "INSERT INTO streams (org, connection, stream, heard_at) \
             VALUES ('acme', 'corp', 'ssf', extract(epoch FROM now())::bigint - {seconds_ago}) \
             ON CONFLICT (org, connection, stream) DO UPDATE SET heard_at = excluded.heard_at"
        ));
    }

    pub fn chain(&self) -> Chain {
        Chain::of(&self.scene)
    }
}

/// A second of which everything that happened in these tests is older, or younger, by a minute.
pub fn a_minute_ago() -> i64 {
    clock::now().0 - 60
}

pub fn push(set: &str) -> Request {
    let request = Request::of("POST", PUSH).body("application/secevent+jwt", set);
    request.header("authorization", AUTHORIZATION)
}

/// A third agent, so that there is a third hop.
pub fn with_reader(org: &str) -> String {
    let reader = "[[agents]]\nid = \"reader\"\nscope = \"documents:read\"\n\n[[resources]]";
    changed(
        &changed(org, "[[resources]]", reader),
        "\"researcher\", ",
        "\"researcher\", \"reader\", ",
    )
}

/// What hangs on one sign-in of alice's: the first hop of another chain, and the third of this one.
pub struct Chain {
    pub first: Request,
    pub third: Request,
}

impl Chain {
    /// She signed in two minutes ago.
    #[track_caller]
    pub fn of(scene: &Scene) -> Self {
        Self::from(scene, &scene.provider.signed_in("alice", -120))
    }

    #[track_caller]
    pub fn from(scene: &Scene, token: &str) -> Self {
        let first = scene.first_hop(token);
        let to = |request: &Request, agent: &str| {
            scene.send(&request.clone().with("audience", agent).without("resource")).token()
        };
        let handed = to(&scene.next_hop(&to(&first, "researcher")), "reader");
        let third = exchange(&handed).basic("reader", scene.secret("reader"));
        scene.send(&third).token();
        Self { first, third }
    }

    #[track_caller]
    pub fn goes_on(&self, scene: &Scene) {
        scene.send(&self.first).token();
        scene.send(&self.third).token();
    }

    /// The first hop is refused like this; the third, since the delegation has ended.
    #[track_caller]
    pub fn stops(&self, scene: &Scene, first: &Value) {
        assert_eq!(said(&scene.send(&self.first)), *first);
        self.has_ended(scene);
    }

    #[track_caller]
    pub fn has_ended(&self, scene: &Scene) {
        assert_eq!(said(&scene.send(&self.third)), ended());
    }
}

/// What an agent is told, but for the text for people.
#[track_caller]
pub fn said(reply: &Reply) -> Value {
    assert_eq!(reply.status, 400, "{}", reply.text());
    let mut body = reply.json();
    let text = body.as_object_mut().unwrap().remove("error_description");
    assert!(text.is_some_and(|text| text.is_string()), "{body}");
    body
}

/// Of a delegation that has ended.
pub fn ended() -> Value {
    json!({ "error": "invalid_request", "reason": "revoked", "reconnect_uri": RECONNECT })
}

/// Of a user who has to sign in again.
pub fn signed_out() -> Value {
    json!({
        "error": "insufficient_user_authentication", "reason": "revoked", "max_age": 0,
        "reconnect_uri": RECONNECT,
    })
}

pub fn suspended() -> Value {
    json!({ "error": "invalid_request", "reason": "suspended", "reconnect_uri": RECONNECT })
}

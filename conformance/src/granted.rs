//! What is true of every token, whatever was asked.

use serde_json::{Value, json};

use crate::{
    ACCESS_TOKEN, CLIENT_CREDENTIALS, Exchange, Granted, ID_JAG, JWT, Jwt, TOKEN_EXCHANGE,
    TXN_TOKEN,
    grant::is_service,
    now,
    reply::{agent, words},
};

/// A token of ours lives no longer than this.
const LONGEST_LIFETIME: i64 = 300;
/// How far two clocks read one after the other may differ.
const CLOCK_SLACK: i64 = 5;

/// What is issued, how its header says so, and how it is presented.
const KINDS: [(&str, &str, &str); 4] = [
    (ACCESS_TOKEN, "at+jwt", ""),
    (ID_JAG, "oauth-id-jag+jwt", "N_A"),
    (JWT, "JWT", "N_A"),
    (TXN_TOKEN, "txntoken+jwt", "N_A"),
];

impl Granted {
    /// What any 200 satisfies.
    pub(crate) fn answers(&self, request: &Exchange<'_>, targets: &[&str]) {
        let expires_in = self.body.get("expires_in").and_then(Value::as_i64);
        let expires_in = expires_in.expect("expires_in is an integer");
        let left = self.seconds("exp") - now();
        assert!((left - expires_in).abs() <= CLOCK_SLACK, "{expires_in} against {left} left");
        assert!(0 < expires_in && expires_in <= LONGEST_LIFETIME, "lives {expires_in} s");
        let asked: Vec<_> = targets.iter().copied().filter(|target| !target.is_empty()).collect();
        let grant = request.values("grant_type").concat();
        if grant == TOKEN_EXCHANGE || !asked.is_empty() {
            assert_eq!(asked, [self.claim("aud")], "the one target asked for");
        }
        self.is_of_the_kind_asked_for(request);
        if grant == CLIENT_CREDENTIALS {
            self.is_of_the_client_itself(request);
        } else {
            self.stays_within(request);
        }
        let says = self.token.claims.get("scope").and_then(Value::as_str);
        assert!(says.is_none_or(|says| self.scope() == words(says)), "two scopes: {self:?}");
    }

    /// RFC 8693 §2.2.1: `issued_token_type` and `token_type` tell what the token is; an access token
    /// is bound to whatever key was proved, and says so (RFC 9449 §5 and §6).
    fn is_of_the_kind_asked_for(&self, request: &Exchange<'_>) {
        let asked = request.values("requested_token_type").concat();
        let asked = if asked.is_empty() { ACCESS_TOKEN } else { asked.as_str() };
        let kind = KINDS.into_iter().find(|(kind, ..)| *kind == asked);
        let (kind, typ, token_type) = kind.unwrap_or_else(|| panic!("{asked} was issued"));
        let member = |name: &str| self.body.get(name).and_then(Value::as_str);
        assert_eq!(member("issued_token_type"), Some(kind));
        assert_eq!(self.token.header.get("typ"), Some(&json!(typ)));
        if kind != ACCESS_TOKEN {
            assert_eq!(member("token_type"), Some(token_type));
            return;
        }
        let cnf = self.token.claims.get("cnf");
        assert_eq!(cnf.is_some(), request.has_proof(), "a key for a key: {:?}", self.token.claims);
        let presented = if cnf.is_some() { "dpop" } else { "bearer" };
        let token_type = member("token_type").map(str::to_ascii_lowercase);
        assert_eq!(token_type.as_deref(), Some(presented), "RFC 9449 §5, token_type");
        if let Some(thumbprint) = request.proves() {
            assert_eq!(cnf, Some(&json!({ "jkt": thumbprint })), "the presenter's key, no other");
        }
        assert_eq!(Some(self.claim("client_id")), request.client_id());
    }

    /// A client of its own right: nobody acts for anybody.
    fn is_of_the_client_itself(&self, request: &Exchange<'_>) {
        let client = request.client_id().expect("an authenticated client");
        let kind = if is_service(client) { "service" } else { "agent" };
        assert_eq!(self.claim("sub"), format!("{kind}:{client}"));
        assert!(self.actors().is_empty(), "nobody acts: {:?}", self.token.claims);
    }

    fn stays_within(&self, request: &Exchange<'_>) {
        let is_access_token = self.token.header.get("typ") == Some(&json!("at+jwt"));
        if is_access_token {
            let actors = self.actors();
            let (_, current) = actors.first().expect("issued tokens always carry act");
            assert_eq!(Some(current.as_str()), request.client_id().map(agent).as_deref());
        }
        // On behalf of somebody in Microsoft's dialect, a scope has its target before it.
        let is_dialect = !request.values("requested_token_use").is_empty();
        let requested = if is_dialect { Vec::new() } else { request.values("scope") };
        self.is_within(&requested);
        let subject = [request.values("subject_token"), request.values("assertion")].concat();
        let subject = subject.first().expect("a subject token");
        // What is no JWT only its provider can read.
        if !subject.contains('.') {
            return;
        }
        let subject = Jwt::read(subject);
        let parent_expires = subject.claims.get("exp").and_then(Value::as_i64).expect("an exp");
        assert!(self.seconds("exp") <= parent_expires, "outlives its subject token");
        let was_bound = subject.claims.contains_key("cnf");
        let is_bound = self.token.claims.contains_key("cnf");
        assert!(is_bound || !was_bound || !is_access_token, "a bound token became a bearer token");
        // Another organization may say what the words of a provider mean there.
        if request.is_here() {
            let scope = subject.claims.get("scope").and_then(Value::as_str);
            self.is_within(&scope.into_iter().collect::<Vec<_>>());
        }
    }

    fn is_within(&self, limits: &[&str]) {
        for limit in limits {
            let limit = words(limit);
            // An empty parameter counts as none (RFC 6749 §3.2).
            let within = limit.is_empty() || self.scope().iter().all(|s| limit.contains(s));
            assert!(within, "{:?} is not within {limit:?}", self.scope());
        }
    }
}

//! The steps every connector goes through: what can happen to a user, and what can go wrong with a
//! provider. Whatever it is, afterwards there is no answer that lets the user's agents go on; and
//! before it there was one.
//!
//! A connector brings a [`Fake`] of its provider and calls [`steps!`](crate::steps::steps) with it.
//! What a connector cannot know is stated by its fake with [`Then::Unseen`], and held here, too.

use std::{sync::Arc, time::Duration};

use delegation::ports::{IdentityProvider, Question};
use policy::{Access, Account, Risk, Session, Standing};
use upstream::settings::CheckSettings;
use wiremock::{MockServer, ResponseTemplate};

use crate::fake::{LONG, SIGNED_IN_AT, break_down, connection, detail, requests};

/// What happens to the user of a [`Fake`], or to us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    DisableUser,
    RevokeSessions,
    ChangePassword,
    /// The device the user's token names is no longer compliant.
    BreakDevice,
    DeleteUser,
    /// Our own secret, key or token at the provider is no longer good.
    ExpireCredential,
}

/// What the connector then says.
#[derive(Debug)]
pub enum Then {
    /// Exactly this, which lets nobody go on.
    Says(Standing),
    /// No answer, for a reason that has this in it.
    Fault(&'static str),
    /// The same as before: the provider does not tell this connector, because of that.
    Unseen(&'static str),
}

/// A provider at which all is well with the user, until a step is taken.
pub trait Fake: Sized {
    async fn start() -> Self;
    fn server(&self) -> &MockServer;
    /// The connector, as declared.
    fn check(&self) -> CheckSettings;
    fn question(&self) -> Question;
    /// The path at which the connector asks about the user.
    fn asked(&self) -> String;
    /// What is said of the user while all is well.
    fn well(&self) -> Standing;
    async fn take(&self, step: Step) -> Then;
}

/// Makes a test of every step; brings [`Step`] with it.
macro_rules! steps {
    ($fake:ty) => {
        use $crate::steps::Step;

        #[tokio::test]
        async fn a_disabled_user_goes_no_further() {
            $crate::steps::happens::<$fake>(Step::DisableUser).await;
        }

        #[tokio::test]
        async fn nobody_goes_on_in_a_revoked_session() {
            $crate::steps::happens::<$fake>(Step::RevokeSessions).await;
        }

        #[tokio::test]
        async fn a_changed_password_asks_for_a_new_sign_in() {
            $crate::steps::happens::<$fake>(Step::ChangePassword).await;
        }

        #[tokio::test]
        async fn a_device_that_fell_from_grace_is_no_longer_trusted() {
            $crate::steps::happens::<$fake>(Step::BreakDevice).await;
        }

        #[tokio::test]
        async fn a_deleted_user_goes_no_further() {
            $crate::steps::happens::<$fake>(Step::DeleteUser).await;
        }

        #[tokio::test]
        async fn our_own_expired_credential_says_nothing_of_the_user() {
            $crate::steps::happens::<$fake>(Step::ExpireCredential).await;
        }

        #[tokio::test]
        async fn a_provider_that_says_wait_is_waited_for() {
            $crate::steps::throttles::<$fake>().await;
        }

        #[tokio::test]
        async fn a_provider_that_fails_says_nothing() {
            $crate::steps::fails::<$fake>().await;
        }

        #[tokio::test]
        async fn a_provider_that_hangs_says_nothing() {
            $crate::steps::hangs::<$fake>().await;
        }

        #[tokio::test]
        async fn what_is_not_the_documented_json_says_nothing() {
            $crate::steps::babbles::<$fake>().await;
        }

        #[tokio::test]
        async fn a_redirect_is_not_followed() {
            $crate::steps::redirects::<$fake>().await;
        }
    };
}
pub(crate) use steps;

/// A provider, and our connection to it.
struct Stage<F> {
    fake: F,
    connection: Arc<dyn IdentityProvider>,
}

impl<F: Fake> Stage<F> {
    /// The positive twin of every step: all is well, and the user stands.
    async fn well() -> Self {
        let stage = Self::new(LONG).await;
        let standing = stage.standing().await;
        assert_eq!(standing, stage.fake.well());
        assert!(goes_on(&standing), "{standing:?}");
        stage
    }

    async fn new(deadline: Duration) -> Self {
        let fake = F::start().await;
        let connection = connection(vec![fake.check()], &fake.server().uri(), deadline);
        Self { fake, connection }
    }

    async fn standing(&self) -> Standing {
        self.connection.standing(self.fake.question()).await.unwrap().standing
    }

    /// What went wrong, and how long to wait.
    async fn fault(&self) -> (String, Option<u64>) {
        let inconclusive = self.connection.standing(self.fake.question()).await.unwrap_err();
        assert_eq!(inconclusive.checks.len(), 1, "the attempt is not in the audit trail");
        (detail(&inconclusive.fault), inconclusive.fault.retry_after())
    }

    async fn serve(&self, response: ResponseTemplate) {
        break_down(self.fake.server(), &self.fake.asked(), response).await;
    }

    async fn requests(&self) -> usize {
        requests(self.fake.server(), &self.fake.asked()).await
    }
}

/// Whether agents of a user of such a standing, who signed in at [`SIGNED_IN_AT`], may go on: what
/// the invariants of `policy` leave.
pub fn goes_on(standing: &Standing) -> bool {
    let signed_out = standing.sessions_valid_from.is_some_and(|from| SIGNED_IN_AT < from.0);
    let wanted_more = standing.step_up_before.is_some_and(|before| SIGNED_IN_AT < before.0);
    standing.vouches()
        && standing.account != Account::Suspended
        && standing.session != Session::Ended
        && !signed_out
        && !wanted_more
        && matches!(standing.access, Access::Unknown | Access::Allowed)
        && standing.device.compliant != Some(false)
        && standing.risk != Some(Risk::High)
}

pub async fn happens<F: Fake>(step: Step) {
    let stage = Stage::<F>::well().await;
    match stage.fake.take(step).await {
        Then::Says(expected) => {
            assert!(!goes_on(&expected), "{step:?}: {expected:?} lets the user go on");
            assert_eq!(stage.standing().await, expected, "{step:?}");
        }
        Then::Fault(says) => {
            let (text, _) = stage.fault().await;
            assert!(text.contains(says), "{step:?}: {text}");
        }
        Then::Unseen(why) => {
            assert!(step != Step::ExpireCredential, "our own credential is always missed: {why}");
            assert_eq!(stage.standing().await, stage.fake.well(), "{step:?} is seen after all");
        }
    }
}

/// With `Retry-After`, and the way Okta says it.
pub async fn throttles<F: Fake>() {
    let slow_down = ResponseTemplate::new(429).set_body_json(serde_json::json!({}));
    let by_reset = slow_down
        .clone()
        .insert_header("date", "Sun, 22 Nov 2026 10:00:00 GMT")
        .insert_header("x-rate-limit-remaining", "0")
        .insert_header("x-rate-limit-reset", (SIGNED_IN_AT + 30).to_string().as_str());
    for response in [slow_down.insert_header("retry-after", "30"), by_reset] {
        let stage = Stage::<F>::well().await;
        stage.serve(response).await;
        let (text, retry_after) = stage.fault().await;
        assert!(text.contains("slow down"), "{text}");
        assert_eq!(retry_after, Some(30));
        // Nobody else goes there before.
        let asked = stage.requests().await;
        let (text, retry_after) = stage.fault().await;
        assert!(text.contains("used up"), "{text}");
        assert!(retry_after.is_some_and(|seconds| (1..=30).contains(&seconds)));
        assert_eq!(stage.requests().await, asked);
    }
}

pub async fn fails<F: Fake>() {
    for status in [500, 502, 503] {
        let stage = Stage::<F>::well().await;
        let asked = stage.requests().await;
        stage.serve(ResponseTemplate::new(status)).await;
        let (text, _) = stage.fault().await;
        assert!(text.contains(&format!("status {status}")), "{text}");
        assert_eq!(
            stage.requests().await,
            asked + 2,
            "a hiccup deserves a second try, and no third"
        );
    }
}

pub async fn hangs<F: Fake>() {
    let stage = Stage::<F>::new(Duration::from_millis(200)).await;
    stage.serve(ResponseTemplate::new(200).set_delay(LONG)).await;
    let (text, _) = stage.fault().await;
    assert!(text.contains("no complete answer within"), "{text}");
}

pub async fn babbles<F: Fake>() {
    let of_type = |body: &str, of: &str| ResponseTemplate::new(200).set_body_raw(body, of);
    let user = r#"{"id":"x","active":true,"enabled":true,"status":"ACTIVE"}"#;
    for response in [
        of_type("", "application/json"),
        of_type("{", "application/json"),
        of_type("null", "application/json"),
        of_type("[]", "application/json"),
        of_type("true", "application/json"),
        of_type("\"eyJhbGciOiJub25lIn0\"", "application/json"),
        of_type("{}", "application/json"),
        of_type(user, "text/html"),
        of_type("<html>sign in</html>", "text/html"),
    ] {
        let stage = Stage::<F>::well().await;
        stage.serve(response.clone()).await;
        // A fault, and one that quotes nothing.
        stage.fault().await;
    }
}

pub async fn redirects<F: Fake>() {
    for status in [301, 302, 307, 308] {
        let stage = Stage::<F>::well().await;
        let elsewhere = format!("{}/elsewhere", stage.fake.server().uri());
        let location = ResponseTemplate::new(status).insert_header("location", elsewhere.as_str());
        stage.serve(location).await;
        let (text, _) = stage.fault().await;
        assert!(text.contains("redirect"), "{text}");
        assert_eq!(requests(stage.fake.server(), "/elsewhere").await, 0);
    }
}

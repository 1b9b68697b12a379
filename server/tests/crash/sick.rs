//! The database falls ill, and gets well: 503 while it is, and afterwards all is as it was, without a
//! restart.

mod postgres;
mod sqlite;

use std::time::{Duration, Instant};

use crate::{process::eventually, round::Stage};

/// How soon all is well after the database is.
const WELL_WITHIN: Duration = Duration::from_secs(10);

impl Stage {
    /// Clients come all the time. First all is well, then the database is ill until nobody gets a
    /// token any more, then it is healed.
    #[track_caller]
    fn suffers(&mut self, sicken: impl FnOnce(&Self), heal: impl FnOnce(&Self)) {
        self.suffers_silently(
            |stage| {
                sicken(stage);
                let not_ready = || (stage.scene.server.get("/readyz").status == 503).then_some(());
                eventually("it says that it is not ready", not_ready);
                for _ in 0..2 {
                    assert_eq!(stage.scene.send(&stage.scene.happy()).status, 503);
                }
            },
            heal,
        );
    }

    /// The same where nobody can tell an illness from a lot of work.
    #[track_caller]
    fn suffers_silently(&mut self, sicken: impl FnOnce(&Self), heal: impl FnOnce(&Self)) {
        self.meanwhile(|stage| {
            stage.issues(3);
            sicken(stage);
            stage.is_ill();
            heal(stage);
            let healed = Instant::now();
            stage.is_well();
            let took = healed.elapsed();
            println!("well again after {took:?}");
            assert!(took < WELL_WITHIN, "well again after {took:?}");
            stage.issues(10);
        });
        self.lives_on();
    }

    /// Blocks until it says that it does not know, whatever it is asked, and says when to come back.
    #[track_caller]
    fn is_ill(&self) {
        let server = &self.scene.server;
        let happy = self.scene.happy();
        eventually("it says that it does not know", || {
            let reply = server.send(&happy);
            assert!([200, 503].contains(&reply.status), "{}", reply.text());
            (reply.status == 503).then(|| {
                reply.refused(503, "temporarily_unavailable", "unavailable");
                assert!(reply.header("retry-after").is_some());
            })
        });
        assert_eq!(server.get("/healthz").status, 200, "it lives");
        assert_eq!(server.get("/o/acme/oauth/jwks").status, 200, "tokens can be verified");
    }

    /// Blocks until it is ready and issues again.
    #[track_caller]
    fn is_well(&self) {
        let server = &self.scene.server;
        let happy = self.scene.happy();
        eventually("it issues again", || (server.send(&happy).status == 200).then_some(()));
        eventually("it is ready again", || (server.get("/readyz").status == 200).then_some(()));
    }
}

//! A decision on an old snapshot of an organization is made anew on the current one.

use std::{sync::Arc, time::Duration};

use delegation::{
    org::Org,
    refusal::{Failure, Fault, Refusal},
};

use crate::app::App;

/// How often a decision is made anew because the organization changed under it.
const TRIES: usize = 3;

/// Nobody waits any longer.
const SLOWEST_ANSWER: Duration = Duration::from_secs(10);

/// Decides, until the decision was not made on an old snapshot, or it is too late.
///
/// A client that is not known may have become so a moment ago; `is_suspect` says which other
/// answers a newer snapshot could change. Returns the snapshot the answer was made on.
pub(super) async fn decide<T>(
    app: &App,
    mut org: Arc<Org>,
    decide: impl AsyncFn(&Org) -> Result<T, Failure>,
    is_suspect: impl Fn(&T) -> bool,
) -> (Arc<Org>, Result<T, Failure>) {
    let until = tokio::time::Instant::now() + SLOWEST_ANSWER;
    for tries in 1.. {
        let decided = async {
            let result = decide(&org).await;
            let is_old = tries < TRIES
                && match &result {
                    Ok(answer) => is_suspect(answer) && app.is_stale(&org).await?,
                    Err(Failure::Refused(Refusal::Client(_))) => app.is_stale(&org).await?,
                    Err(Failure::Refused(_)) => false,
                    Err(Failure::Broken(fault)) => is_of_the_past(app, &org, fault).await?,
                };
            let current = if is_old { app.reload(&org.id, org.revision).await? } else { None };
            Ok((result, current))
        };
        match tokio::time::timeout_at(until, decided).await {
            Ok(Ok((result, None))) => return (org, result),
            Ok(Ok((_, Some(current)))) => org = current,
            Ok(Err(fault)) => return (org, Err(Failure::Broken(fault))),
            Err(_) => break,
        }
    }
    (org, Err(Fault::Late.into()))
}

/// Whether a fault came of an old snapshot: by now somebody else may be asked, or elsewhere.
///
/// # Errors
///
/// The revision cannot be read.
pub(super) async fn is_of_the_past(app: &App, org: &Org, fault: &Fault) -> Result<bool, Fault> {
    match fault {
        Fault::Changed => Ok(true),
        Fault::IdentityProvider { .. } | Fault::Trusted { .. } => app.is_stale(org).await,
        Fault::Store(_) | Fault::Keys(_) | Fault::Late | Fault::Signalled => Ok(false),
    }
}

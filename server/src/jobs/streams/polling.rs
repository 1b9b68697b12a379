//! Fetches events and says what became of them (RFC 8936).
//!
//! INVARIANT: an event is acknowledged only after it was taken: stored, and in effect. What was
//! taken and could not be acknowledged comes again, and is known by then.

use delegation::{refusal::Fault, signal::NotTaken};
use upstream::{
    fault::UpstreamFault,
    transmitter::{SetFault, Transmitter},
};

/// Events asked for at a time; each is a few KiB, and answers are bounded.
const MOST: usize = 20;
/// Requests of one turn. A transmitter that always has more gets its next turn like everybody.
const ROUNDS: usize = 10;

/// What the transmitter is still to be told, and how much it may send.
#[derive(Debug)]
pub(super) struct Pending {
    taken: Vec<String>,
    refused: Vec<SetFault>,
    most: usize,
}

impl Default for Pending {
    fn default() -> Self {
        Self { taken: Vec::new(), refused: Vec::new(), most: MOST }
    }
}

/// What went wrong, and the seconds before which there is no use in trying again.
#[derive(Debug)]
pub(super) struct Problem {
    pub(super) text: String,
    pub(super) retry_after: Option<u64>,
}

impl From<UpstreamFault> for Problem {
    fn from(fault: UpstreamFault) -> Self {
        let retry_after = fault.retry_after();
        // Whose limit it is, and for how long, would make every report another one.
        let fault = if fault.is_throttled() { UpstreamFault::Throttled(None) } else { fault };
        Self { text: fault.to_string(), retry_after }
    }
}

impl From<Fault> for Problem {
    fn from(fault: Fault) -> Self {
        Self { text: fault.to_string(), retry_after: fault.retry_after() }
    }
}

/// Polls until there is nothing more. Returns whether everything was fetched.
pub(super) async fn fetch(
    transmitter: &Transmitter,
    endpoint: &str,
    pending: &mut Pending,
    take: impl AsyncFn(String) -> Result<(), NotTaken>,
) -> Result<bool, Problem> {
    for _ in 0..ROUNDS {
        // When this fails it is not told again: a transmitter that stumbles over what it is told
        // would stumble for ever.
        let told = std::mem::take(pending);
        pending.most = told.most;
        let Pending { taken, refused, most } = told;
        let polled = match transmitter.poll(endpoint, &taken, &refused, most).await {
            Ok(polled) => polled,
            Err(fault) => {
                if matches!(fault, UpstreamFault::TooLarge(_)) {
                    // One at a time it goes on, unless that one is too large.
                    pending.most = 1;
                }
                return Err(fault.into());
            }
        };
        if polled.sets.is_empty() && !polled.more {
            pending.most = MOST;
            return Ok(true);
        }
        pending.take_all(polled.sets, &take).await?;
    }
    Ok(false)
}

impl Pending {
    /// One that cannot be taken now stays where it is, and does not keep the others from being
    /// taken; unless it is our own store that is ill.
    async fn take_all(
        &mut self,
        sets: Vec<(String, String)>,
        take: impl AsyncFn(String) -> Result<(), NotTaken>,
    ) -> Result<(), Problem> {
        let mut broken = None;
        for (jti, set) in sets {
            match take(set).await {
                Ok(()) => self.taken.push(jti),
                Err(NotTaken::Refused(refusal)) => {
                    let (err, description) = (refusal.err(), refusal.to_string());
                    self.refused.push(SetFault { jti, err, description });
                }
                Err(NotTaken::Broken(fault @ Fault::IdentityProvider { .. })) => {
                    broken = Some(fault.into());
                }
                Err(NotTaken::Broken(fault)) => return Err(fault.into()),
            }
        }
        broken.map_or(Ok(()), Err)
    }
}

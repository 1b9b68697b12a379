//! What we ask a transmitter to tell us, unless it was declared otherwise.

/// Every event we act upon. Not `session-established` and `session-presented`, which only take
/// stock, nor the opt-outs of RISC, which only announce silence.
pub const ACTED_UPON: [&str; 16] = [
    "https://schemas.openid.net/secevent/caep/event-type/session-revoked",
    "https://schemas.openid.net/secevent/caep/event-type/credential-change",
    "https://schemas.openid.net/secevent/caep/event-type/device-compliance-change",
    "https://schemas.openid.net/secevent/caep/event-type/assurance-level-change",
    "https://schemas.openid.net/secevent/caep/event-type/token-claims-change",
    "https://schemas.openid.net/secevent/caep/event-type/risk-level-change",
    "https://schemas.openid.net/secevent/risc/event-type/account-credential-change-required",
    "https://schemas.openid.net/secevent/risc/event-type/account-purged",
    "https://schemas.openid.net/secevent/risc/event-type/account-disabled",
    "https://schemas.openid.net/secevent/risc/event-type/account-enabled",
    "https://schemas.openid.net/secevent/risc/event-type/identifier-changed",
    "https://schemas.openid.net/secevent/risc/event-type/identifier-recycled",
    "https://schemas.openid.net/secevent/risc/event-type/credential-compromise",
    "https://schemas.openid.net/secevent/risc/event-type/recovery-activated",
    "https://schemas.openid.net/secevent/risc/event-type/recovery-information-changed",
    // Deprecated for CAEP's `session-revoked`; old transmitters know no other.
    "https://schemas.openid.net/secevent/risc/event-type/sessions-revoked",
];

#[cfg(test)]
mod tests {
    use delegation::signal::understood;

    use super::*;

    #[test]
    fn nothing_is_asked_for_that_is_not_understood() {
        for event in ACTED_UPON {
            assert!(understood().any(|known| known == event), "{event}");
        }
    }
}

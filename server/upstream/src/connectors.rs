//! The ways to ask identity providers, and decision points, about a user: one file each, each with
//! its own settings.

use std::{sync::Arc, time::Duration};

use policy::Timestamp;
use secrecy::SecretString;
use serde::{Deserialize, Deserializer};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};
use url::{Url, form_urlencoded};

use crate::{
    budget::Budget,
    check::Check,
    fault::UpstreamFault,
    fetched::Times,
    http::{Credentials, Outbound, OutboundSettings, Reach},
    provider::Provider,
    settings::CheckSettings,
};

pub mod auth0;
pub mod authzen;
pub mod entra;
pub mod entra_on_behalf_of;
pub mod google;
pub mod introspection;
pub mod keycloak;
pub mod okta;
pub mod opa;
pub mod scim;
pub mod userinfo;

/// What a connector is built with.
#[derive(Debug)]
pub(crate) struct Context {
    pub(crate) provider: Arc<Provider>,
    pub(crate) outbound: Outbound,
    /// How many processes share the provider's limits.
    pub(crate) replicas: u32,
}

impl Context {
    /// For a published limit per minute.
    pub(crate) fn budget(&self, per_minute: Option<u32>) -> Arc<Budget> {
        Arc::new(Budget::new(per_minute, self.replicas))
    }

    /// For checks that are built to see whether they can be, and never asked.
    fn nowhere() -> Result<Self, String> {
        let settings = OutboundSettings { reach: Reach::Anywhere, ..OutboundSettings::default() };
        let outbound = Outbound::new(settings).map_err(|error| error.to_string())?;
        let client_secret = SecretString::from(String::new());
        let credentials = Credentials { client_id: String::new(), client_secret };
        let (lifetime, never) = (Duration::MAX, Duration::MAX);
        let times = Times { lifetime, after_failure: never, after_seeking: never };
        let provider = Provider::new(String::new(), credentials, outbound.clone(), times);
        Ok(Self { provider, outbound, replicas: 1 })
    }
}

/// Builds a declared check.
///
/// # Errors
///
/// What is wrong with its settings.
pub(crate) fn build(settings: &CheckSettings, context: &Context) -> Result<Arc<dyn Check>, String> {
    match settings {
        CheckSettings::Introspection(settings) => {
            Ok(Arc::new(introspection::Introspection::new(settings, context)))
        }
        CheckSettings::Userinfo(settings) => {
            Ok(Arc::new(userinfo::Userinfo::new(settings, context)))
        }
        CheckSettings::Keycloak(settings) => {
            Ok(Arc::new(keycloak::Keycloak::new(settings, context)?))
        }
        CheckSettings::Okta(settings) => Ok(Arc::new(okta::Okta::new(settings, context)?)),
        CheckSettings::Entra(settings) => Ok(Arc::new(entra::Entra::new(settings, context)?)),
        CheckSettings::EntraOnBehalfOf(settings) => {
            Ok(Arc::new(entra_on_behalf_of::EntraOnBehalfOf::new(settings, context)?))
        }
        CheckSettings::Google(settings) => Ok(Arc::new(google::Google::new(settings, context)?)),
        CheckSettings::Auth0(settings) => Ok(Arc::new(auth0::Auth0::new(settings, context)?)),
        CheckSettings::Scim(settings) => Ok(Arc::new(scim::Scim::new(settings, context)?)),
        CheckSettings::Authzen(settings) => Ok(Arc::new(authzen::Authzen::new(settings, context)?)),
        CheckSettings::Opa(settings) => Ok(Arc::new(opa::Opa::new(settings, context)?)),
    }
}

/// Whether a check can say yes to a user. A decision point judges a use; it does not know the user.
#[must_use]
pub fn vouches(settings: &CheckSettings) -> bool {
    match settings {
        CheckSettings::Introspection(_)
        | CheckSettings::Userinfo(_)
        | CheckSettings::Keycloak(_)
        | CheckSettings::Okta(_)
        | CheckSettings::Entra(_)
        | CheckSettings::EntraOnBehalfOf(_)
        | CheckSettings::Google(_)
        | CheckSettings::Auth0(_)
        | CheckSettings::Scim(_) => true,
        CheckSettings::Authzen(_) | CheckSettings::Opa(_) => false,
    }
}

/// Whether a connection with these checks could ever say yes.
///
/// # Errors
///
/// What is wrong with one of them, or that none of them knows the user.
pub fn validate(settings: &[CheckSettings]) -> Result<(), String> {
    if !settings.iter().any(vouches) {
        return Err("none of them knows the user: a decision point does not".to_owned());
    }
    let context = Context::nowhere()?;
    for (number, settings) in settings.iter().enumerate() {
        build(settings, &context).map_err(|problem| format!("number {}: {problem}", number + 1))?;
    }
    Ok(())
}

/// The base of an API, as declared: a URL to which paths are appended.
///
/// # Errors
///
/// When what is appended would land in a query or a fragment, or it carries a password.
pub(crate) fn base(url: &str) -> Result<String, String> {
    let parsed = Url::parse(url).map_err(|_| "`url` is not a URL")?;
    let plain = parsed.has_host()
        && parsed.query().is_none()
        && parsed.fragment().is_none()
        && parsed.username().is_empty()
        && parsed.password().is_none();
    if !plain || !matches!(parsed.scheme(), "https" | "http") {
        return Err("`url` must be https, without query, fragment and user name".to_owned());
    }
    Ok(url.trim_end_matches('/').to_owned())
}

/// An id as one segment of a path: a user called `../clients` must not choose what is asked.
///
/// # Errors
///
/// Dots alone have a meaning in paths that no encoding takes from them.
pub(crate) fn segment(id: &str) -> Result<String, UpstreamFault> {
    if matches!(id, "" | "." | "..") {
        return Err(UpstreamFault::NoHint("an id that can be asked for"));
    }
    Ok(form_urlencoded::byte_serialize(id.as_bytes()).collect::<String>().replace('+', "%20"))
}

/// A moment as APIs write it (RFC 3339), to the second below: who signs in within the second of a
/// change is not signed out by it.
pub(crate) fn moment(text: &str) -> Result<Timestamp, UpstreamFault> {
    let moment = OffsetDateTime::parse(text, &Rfc3339);
    let moment = moment.map_err(|_| UpstreamFault::Answer("a date in it is none"))?;
    Ok(Timestamp(moment.unix_timestamp()))
}

/// For a member that may be missing, but is never null: `null` is neither a yes nor a no.
pub(crate) fn present<'de, D, T>(from: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    T::deserialize(from).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(text: &str) -> CheckSettings {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn a_decision_point_alone_is_not_enough() {
        let pdp = settings(r#"{"kind":"authzen","url":"https://pdp.example"}"#);
        let opa = settings(r#"{"kind":"opa","url":"https://opa.example","path":"actas/allow"}"#);
        let introspection = settings(r#"{"kind":"introspection"}"#);
        for alone in [vec![], vec![pdp.clone()], vec![pdp.clone(), opa.clone()]] {
            assert!(validate(&alone).unwrap_err().contains("none of them knows"), "{alone:?}");
        }
        assert_eq!(validate(&[pdp, introspection, opa]), Ok(()));
    }

    #[test]
    fn says_which_check_cannot_be_made() {
        let broken = settings(r#"{"kind":"scim","url":"https://scim.example"}"#);
        let problem = validate(&[settings(r#"{"kind":"userinfo"}"#), broken]).unwrap_err();
        assert!(problem.starts_with("number 2: ") && problem.contains("client_id"), "{problem}");
    }

    #[test]
    fn takes_no_url_to_which_nothing_can_be_appended() {
        for url in [
            "",
            "idp.example",
            "/path",
            "ftp://idp.example",
            "https://idp.example?x=",
            "https://idp.example/#x",
            "https://user:password@idp.example",
            "data:,x",
        ] {
            assert!(base(url).is_err(), "{url}");
        }
        assert_eq!(base("https://idp.example/a/"), Ok("https://idp.example/a".to_owned()));
    }

    #[test]
    fn an_id_stays_within_its_segment() {
        for (id, encoded) in [
            ("auth0|1", "auth0%7C1"),
            ("a b+c", "a%20b%2Bc"),
            ("../clients?x=#", "..%2Fclients%3Fx%3D%23"),
            ("%2e%2e", "%252e%252e"),
        ] {
            assert_eq!(segment(id).unwrap(), encoded);
        }
        for id in ["", ".", ".."] {
            assert!(segment(id).is_err(), "{id}");
        }
    }

    #[test]
    fn reads_moments_to_the_second_below() {
        assert_eq!(moment("2026-01-02T03:04:05.999Z"), Ok(Timestamp(1_767_323_045)));
        assert_eq!(moment("2026-01-02T04:04:05+01:00"), Ok(Timestamp(1_767_323_045)));
        assert!(moment("yesterday").is_err() && moment("1767323045").is_err());
    }
}

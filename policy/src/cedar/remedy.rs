//! What a `forbid` says the user could do about it: `@acr_values("…")` and `@max_age("…")`, with the
//! meaning of the parameters of RFC 9470 §3.

use std::collections::BTreeSet;

use cedar_policy::{Effect, Policy};

use crate::StepUp;

use super::{PolicyError, load::MAX_NAME_LENGTH, place::Place};

/// The most values of `@acr_values` in all policies together: a refusal may list them all.
const MAX_VALUES: usize = 20;

/// A year: whoever may have signed in longer ago than that, may have at any time.
const MAX_AGE: u64 = 365 * 24 * 60 * 60;

/// What helps against which policy, by its id, in the order of `policies`.
pub(super) fn step_ups(
    policies: &[(Place<'_>, Policy)],
    errors: &mut Vec<PolicyError>,
) -> Vec<(String, StepUp)> {
    let mut values: BTreeSet<&str> = BTreeSet::new();
    let mut step_ups = Vec::new();
    for (place, policy) in policies {
        let acr_values = read(*place, policy, "acr_values", acr_values, errors);
        let max_age = read(*place, policy, "max_age", max_age, errors);
        if let Some(these) = acr_values {
            let before = values.len();
            values.extend(these.split(' '));
            if before <= MAX_VALUES && MAX_VALUES < values.len() {
                let message = format!("`@acr_values` has more than {MAX_VALUES} values in all");
                errors.push(place.error(message));
            }
        }
        if acr_values.is_some() || max_age.is_some() {
            let acr_values = acr_values.map(str::to_owned);
            let step_up = StepUp { acr_values, max_age, ..StepUp::default() };
            step_ups.push((policy.id().to_string(), step_up));
        }
    }
    step_ups
}

/// The annotation `name` of `policy`, if it has that.
fn read<'a, T>(
    place: Place<'_>,
    policy: &'a Policy,
    name: &str,
    parse: fn(&'a str) -> Result<T, String>,
    errors: &mut Vec<PolicyError>,
) -> Option<T> {
    let text = policy.annotation(name)?;
    let value = match policy.effect() {
        Effect::Forbid => parse(text),
        Effect::Permit => Err("says what helps against a `forbid`; this is a `permit`".to_owned()),
    };
    value
        .map_err(|fault| errors.push(place.error(format!("the annotation `@{name}` {fault}"))))
        .ok()
}

fn acr_values(text: &str) -> Result<&str, String> {
    // What may stand in a quoted string of a header without being escaped.
    let is_legal = |b: u8| b.is_ascii_graphic() && b != b'"' && b != b'\\';
    let is_value =
        |value: &str| (1..=MAX_NAME_LENGTH).contains(&value.len()) && value.bytes().all(is_legal);
    if text.split(' ').all(is_value) {
        return Ok(text);
    }
    Err(format!(
        "must have values of 1 to {MAX_NAME_LENGTH} visible ASCII characters, none of them `\"` or \
         `\\`, with one space between two"
    ))
}

fn max_age(text: &str) -> Result<u64, String> {
    let is_number = text.bytes().all(|b| b.is_ascii_digit());
    let seconds = text.parse().ok().filter(|seconds| is_number && *seconds <= MAX_AGE);
    seconds.ok_or_else(|| format!("must be a number of seconds, 0 to {MAX_AGE}"))
}
